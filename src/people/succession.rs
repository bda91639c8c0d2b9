//! Whether one version of the roster rightfully follows another: its number, its link to the version before, and the
//! leads who signed it. Pure: whose signatures hold is found out by whoever has the ledger.

use super::{Key, Person, Roster};
use crate::model::Role;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// A signature over a roster that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hand {
    /// The key that made it.
    pub key: Key,
    /// The day on which it was made, by its own word.
    pub day: Date,
}

/// Why a version of the roster does not count.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoSuccession {
    /// Its number is not the next one.
    #[error("version {found} does not follow version {before}: expected version {}", .before + 1)]
    Number {
        /// The version that it should follow.
        before: u64,
        /// Its own number.
        found: u64,
    },
    /// It names another file as the version before.
    #[error(
        "'previous' of version {found} names another file than version {before} that counts here, and so does 'settles'"
    )]
    Link {
        /// The version that it should follow.
        before: u64,
        /// Its own number.
        found: u64,
    },
    /// It takes up a chain that was sealed, or moves its seal.
    #[error("version {found} takes back the seal of {chain}: what was sealed stays sealed")]
    Unsealed {
        /// Its own number.
        found: u64,
        /// The chain.
        chain: String,
    },
    /// Too few of the leads before have signed it.
    #[error("version {found} is signed by {have} of the {needed} leads of version {before} that it takes")]
    Signatures {
        /// The version that it should follow.
        before: u64,
        /// Its own number.
        found: u64,
        /// Leads who signed.
        have: usize,
        /// Leads who must.
        needed: usize,
    },
    /// It changes leads or thresholds, and too few of its own leads have signed it.
    #[error(
        "version {found} changes who leads or how many must sign, and is signed by {have} of the {needed} leads that it then takes"
    )]
    OwnSignatures {
        /// Its own number.
        found: u64,
        /// Leads who signed.
        have: usize,
        /// Leads who must.
        needed: usize,
    },
}

impl Roster {
    /// Whether the version `after` counts once this one did; `hands` are the signatures over `after` that hold.
    ///
    /// # Errors
    /// It doesn't, for this reason.
    pub fn is_followed_by(&self, after: &Self, hands: &[Hand]) -> Result<(), NoSuccession> {
        self.is_followed_beside(after, &[], hands)
    }

    /// The same where `after` settles what was signed at the same time: `others` are those files.
    ///
    /// # Errors
    /// As [`Roster::is_followed_by`].
    pub fn is_followed_beside(
        &self,
        after: &Self,
        others: &[&Self],
        hands: &[Hand],
    ) -> Result<(), NoSuccession> {
        let (before, found) = (self.version, after.version);
        if found != before + 1 {
            return Err(NoSuccession::Number { before, found });
        }
        if after.previous != Some(self.digest) {
            return Err(NoSuccession::Link { before, found });
        }
        self.agrees(after, others, hands)
    }

    /// Whether the version `after` stands in the place of this one, which was signed at the same time as one that it follows: it says
    /// so, and as many leads of this version signed it as if it followed. `others` are the files in whose line it comes besides.
    ///
    /// # Errors
    /// It doesn't, for this reason.
    pub fn is_settled_by(&self, after: &Self, others: &[&Self], hands: &[Hand]) -> Result<(), NoSuccession> {
        let (before, found) = (self.version, after.version);
        if found <= before {
            return Err(NoSuccession::Number { before, found });
        }
        if !after.settles.contains(&self.digest) {
            return Err(NoSuccession::Link { before, found });
        }
        self.agrees(after, others, hands)
    }

    /// Whether nothing is unsealed, and enough leads signed. Where two sealed a chain at once, the earlier end of both is one.
    fn agrees(&self, after: &Self, others: &[&Self], hands: &[Hand]) -> Result<(), NoSuccession> {
        let (before, found) = (self.version, after.version);
        for (chain, seal) in &self.sealed {
            let end = after.sealed.get(chain);
            let earlier = |other: &&Self| {
                other.sealed.get(chain).is_some_and(|one| end == Some(one) && one.last < seal.last)
            };
            if end != Some(seal) && !others.iter().any(earlier) {
                return Err(NoSuccession::Unsealed { found, chain: chain.to_string() });
            }
        }
        let (have, needed) = (self.leads_among(hands), self.threshold.roster as usize);
        if have < needed {
            return Err(NoSuccession::Signatures { before, found, have, needed });
        }
        let (have, needed) = (after.leads_among(hands), after.threshold.roster as usize);
        if self.is_led_otherwise(after) && have < needed {
            return Err(NoSuccession::OwnSignatures { found, have, needed });
        }
        Ok(())
    }

    /// How many leads these signatures are of; a person counts once. A lead whose nda did not count on that day is none.
    fn leads_among(&self, hands: &[Hand]) -> usize {
        let lead = |hand: &Hand| self.owner(&hand.key).filter(|person| leads_on(person, hand.day));
        hands.iter().filter_map(lead).map(|person| &person.name).collect::<BTreeSet<_>>().len()
    }

    fn is_led_otherwise(&self, after: &Self) -> bool {
        let names = |roster: &Self| -> BTreeSet<String> {
            roster.people.values().filter(|p| leads(p)).map(|p| p.name.to_string()).collect()
        };
        names(self) != names(after) || self.threshold != after.threshold
    }
}

fn leads(person: &Person) -> bool {
    person.role == Role::Lead && person.nda.is_some()
}

/// Whether somebody led on a day; days begin at different times around the world.
fn leads_on(person: &Person, day: Date) -> bool {
    let days = [Some(day), day.yesterday().ok(), day.tomorrow().ok()];
    person.role == Role::Lead && days.into_iter().flatten().any(|day| person.is_agreed(day))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{key, parse};
    use super::*;
    use jiff::civil::date;

    fn hands(keys: &[Key]) -> Vec<Hand> {
        keys.iter().map(|key| Hand { key: key.clone(), day: date(2026, 6, 1) }).collect()
    }

    /// alice (1, 7) and carol (2) lead, oscar (3) operates.
    fn first(threshold: u32) -> Roster {
        parse(&text("version: 1\n", threshold, "lead"))
    }

    fn text(head: &str, threshold: u32, carol: &str) -> String {
        let nda = "nda: {signed: 2026-01-01}";
        format!(
            "{head}group: Example\nthreshold: {{roster: {threshold}}}\noperators:\n\
             \x20 alice: {{role: lead, {nda}, keys: [{}, {}]}}\n\
             \x20 carol: {{role: {carol}, {nda}, keys: [{}]}}\n\
             \x20 oscar: {{role: operator, {nda}, keys: [{}]}}\n",
            key(1).text(),
            key(7).text(),
            key(2).text(),
            key(3).text()
        )
    }

    fn second(before: &Roster, threshold: u32, carol: &str) -> Roster {
        parse(&text(&format!("version: 2\nprevious: {}\n", before.digest), threshold, carol))
    }

    #[test]
    fn one_lead_is_enough_where_one_is_asked_for_and_nobody_else_is() {
        let before = first(1);
        let after = second(&before, 1, "lead");
        assert_eq!(before.is_followed_by(&after, &hands(&[key(1)])), Ok(()));
        let nobody = NoSuccession::Signatures { before: 1, found: 2, have: 0, needed: 1 };
        for keys in [vec![], vec![key(3)], vec![key(9)]] {
            assert_eq!(before.is_followed_by(&after, &hands(&keys)), Err(nobody.clone()));
        }
    }

    #[test]
    fn a_lead_counts_once_however_many_keys() {
        let before = first(2);
        let after = second(&before, 2, "lead");
        assert!(before.is_followed_by(&after, &hands(&[key(1), key(7)])).is_err());
        assert_eq!(before.is_followed_by(&after, &hands(&[key(1), key(2)])), Ok(()));
    }

    #[test]
    fn a_threshold_can_not_be_lowered_by_fewer_than_it_asks_for() {
        let before = first(2);
        let after = second(&before, 1, "lead");
        assert!(before.is_followed_by(&after, &hands(&[key(1)])).is_err());
        let higher = second(&first(1), 2, "lead");
        let missing = NoSuccession::OwnSignatures { found: 2, have: 1, needed: 2 };
        assert_eq!(first(1).is_followed_by(&higher, &hands(&[key(1)])), Err(missing));
    }

    #[test]
    fn who_leads_from_now_on_agrees_where_so_many_must() {
        let before = parse(&text("version: 1\n", 1, "operator"));
        let raised = parse(&text(&format!("version: 2\nprevious: {}\n", before.digest), 2, "lead"));
        assert!(before.is_followed_by(&raised, &hands(&[key(1)])).is_err());
        assert_eq!(before.is_followed_by(&raised, &hands(&[key(1), key(2)])), Ok(()));
        assert!(before.is_followed_by(&raised, &hands(&[key(2)])).is_err(), "nobody raises oneself");
    }

    #[test]
    fn a_lead_whose_agreement_has_ended_signs_nothing_that_counts_not_even_its_renewal() {
        let until = |text: String, until: &str| text.replace("signed: 2026-01-01}, keys", until);
        let before = parse(&until(
            text("version: 1\n", 1, "operator"),
            "signed: 2026-01-01, until: 2026-05-01}, keys",
        ));
        let head = format!("version: 2\nprevious: {}\n", before.digest);
        let after = parse(&until(text(&head, 1, "operator"), "signed: 2026-01-01, until: 2027-05-01}, keys"));
        let on = |day| before.is_followed_by(&after, &[Hand { key: key(1), day }]);
        assert_eq!(on(date(2026, 5, 1)), Ok(()));
        let none = NoSuccession::Signatures { before: 1, found: 2, have: 0, needed: 1 };
        assert_eq!(on(date(2026, 5, 3)), Err(none.clone()));
        assert_eq!(on(date(2025, 12, 1)), Err(none));
    }

    /// Two versions 2 of which neither knew the other, and a version 3 that follows the first.
    fn forked(carol: [&str; 2], more: [&str; 3], threshold: u32) -> [Roster; 4] {
        let before = first(threshold);
        let next = |carol: &str, more: &str| {
            let head = format!("version: 2\nprevious: {}\n{more}", before.digest);
            parse(&text(&head, threshold, carol))
        };
        let (one, other) = (next(carol[0], more[0]), next(carol[1], more[1]));
        let head = format!("version: 3\nprevious: {}\nsettles: [{}]\n{}", one.digest, other.digest, more[2]);
        let settled = parse(&text(&head, threshold, "lead"));
        [before, one, other, settled]
    }

    #[test]
    fn what_two_signed_at_once_is_settled_by_leads_of_either_and_by_nobody_else() {
        let [_, one, other, settled] = forked(["lead", "operator"], ["", "", ""], 1);
        for roster in [&one, &other] {
            assert_ne!(roster.digest, settled.digest);
        }
        assert_eq!(one.is_followed_by(&settled, &hands(&[key(1)])), Ok(()));
        assert_eq!(other.is_settled_by(&settled, &[&one], &hands(&[key(1), key(2)])), Ok(()));
        // carol leads in the first alone: what was signed without her being a lead, she can't take out of the way.
        assert_eq!(one.is_followed_by(&settled, &hands(&[key(2)])), Ok(()));
        assert!(other.is_settled_by(&settled, &[&one], &hands(&[key(2)])).is_err());
        assert!(other.is_settled_by(&settled, &[&one], &hands(&[key(3)])).is_err());
        // Nothing is settled that is not named, and nothing by an older one.
        let next = parse(&text(&format!("version: 3\nprevious: {}\n", one.digest), 1, "lead"));
        assert!(matches!(
            other.is_settled_by(&next, &[&one], &hands(&[key(1)])),
            Err(NoSuccession::Link { .. })
        ));
        assert!(matches!(
            settled.is_settled_by(&other, &[], &hands(&[key(1)])),
            Err(NoSuccession::Number { .. })
        ));
    }

    #[test]
    fn where_two_are_asked_for_one_alone_settles_nothing() {
        let [_, one, other, settled] = forked(["lead", "lead"], ["# one\n", "# other\n", ""], 2);
        let alone = hands(&[key(1), key(7)]);
        assert!(one.is_followed_by(&settled, &alone).is_err());
        assert!(other.is_settled_by(&settled, &[&one], &alone).is_err());
        let both = hands(&[key(1), key(2)]);
        assert_eq!(one.is_followed_by(&settled, &both), Ok(()));
        assert_eq!(other.is_settled_by(&settled, &[&one], &both), Ok(()));
    }

    #[test]
    fn settling_takes_no_seal_back_and_moves_none_further() {
        let seal = |last: u64, of: &str| {
            format!(
                "sealed: {{bob-00000000-7f: {{last: {last}, digest: {}}}}}\n",
                crate::model::Digest::of(of)
            )
        };
        let (five, six, seven) = (seal(5, "five"), seal(6, "six"), seal(7, "seven"));
        let settle = |ends: [&str; 3]| {
            let [_, one, other, settled] = forked(["lead", "lead"], ends, 1);
            let signed = hands(&[key(1)]);
            let first = one.is_followed_beside(&settled, &[&other], &signed);
            first.and(other.is_settled_by(&settled, &[&one], &signed)).is_ok()
        };
        for (ends, is_right) in [
            ([five.as_str(), "# b\n", five.as_str()], true),
            (["", five.as_str(), five.as_str()], true),
            (["", five.as_str(), ""], false),
            (["", five.as_str(), six.as_str()], false),
            ([five.as_str(), six.as_str(), five.as_str()], true),
            ([six.as_str(), five.as_str(), five.as_str()], true),
            ([five.as_str(), six.as_str(), six.as_str()], false),
            ([six.as_str(), five.as_str(), six.as_str()], false),
            ([six.as_str(), seven.as_str(), five.as_str()], false),
        ] {
            assert_eq!(settle(ends), is_right, "{ends:?}");
        }
    }

    #[test]
    fn numbers_links_and_seals_hold() {
        let before = first(1);
        let other = first(2);
        assert!(matches!(
            before.is_followed_by(&second(&other, 1, "lead"), &hands(&[key(1)])),
            Err(NoSuccession::Link { .. })
        ));
        assert!(matches!(
            before.is_followed_by(&first(1), &hands(&[key(1)])),
            Err(NoSuccession::Number { .. })
        ));
        let seal = format!("sealed: {{bob-00000000-7f: {{last: 3, digest: {}}}}}\n", before.digest);
        let sealed = parse(&text(&format!("version: 1\n{seal}"), 1, "lead"));
        let unsealed = second(&sealed, 1, "lead");
        assert!(matches!(
            sealed.is_followed_by(&unsealed, &hands(&[key(1)])),
            Err(NoSuccession::Unsealed { .. })
        ));
    }
}
