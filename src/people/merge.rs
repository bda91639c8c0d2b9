//! What two versions come to together that were made at once: what either changed of people counts, and what either took from
//! somebody is given back by neither. Where that is more than a question of people, whoever signs has to write it.

use super::{Amendment, Nda, Person, Roster};
use crate::model::{OperatorName, Role};
use jiff::civil::Date;

/// Who may sign more stands higher.
pub fn rank(role: Role) -> u8 {
    match role {
        Role::Left => 0,
        Role::Auditor => 1,
        Role::Shadow => 2,
        Role::Operator => 3,
        Role::Lead => 4,
    }
}

impl Roster {
    /// What another version changed of people and seals against the one that leads to both. Who was changed in both is as the one
    /// says that gives them less; of two ends of a chain the earlier one counts.
    pub fn taking_up(&self, other: &Self, common: &Self) -> Amendment {
        let mut taken = Amendment::default();
        for theirs in other.people.values() {
            let (before, own) = (common.person(&theirs.name), self.person(&theirs.name));
            let is_changed = before != Some(theirs);
            let gives_less = own.is_none_or(|own| rank(theirs.role) < rank(own.role));
            if is_changed && own != Some(theirs) && (own == before || gives_less) {
                taken.people.push(theirs.clone());
            }
        }
        for (chain, seal) in &other.sealed {
            if self.sealed.get(chain).is_none_or(|own| seal.last < own.last) {
                taken.sealed.insert(chain.clone(), seal.clone());
            }
        }
        taken
    }

    /// What this version, which is to stand in the place of another one, gives back of what that one took; and what it leaves as it
    /// was before that one changed it.
    pub fn undoes(&self, other: &Self, common: &Self) -> Vec<String> {
        let mut all = Vec::new();
        for before in common.people.values() {
            all.extend(self.gives_back(&before.name, other, before));
        }
        let gone = |key: &&super::Key| !other.emergency_keys.contains(key);
        for key in common.emergency_keys.iter().filter(gone).filter(|key| self.emergency_keys.contains(key)) {
            all.push(format!("the emergency key {} is gone there", key.fingerprint()));
        }
        let (theirs, own) = (other.threshold.roster, self.threshold.roster);
        if theirs > common.threshold.roster && own < theirs {
            all.push(format!("the roster asks for {theirs} signatures there"));
        }
        let changed = self.parts_unlike(common);
        let left = other.parts_unlike(common).into_iter().filter(|part| !changed.contains(part));
        all.extend(left.map(|part| format!("'{part}' is another there")));
        all
    }

    /// The parts besides people in which it differs from another one.
    pub fn parts_unlike(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("threshold", self.threshold == other.threshold),
            ("vaults", self.vaults == other.vaults),
            ("emergency_keys", self.emergency_keys == other.emergency_keys),
        ];
        parts.into_iter().filter(|(_, is_alike)| !is_alike).map(|(part, _)| part).collect()
    }

    fn gives_back(&self, name: &OperatorName, other: &Self, before: &Person) -> Vec<String> {
        let mut all = Vec::new();
        let stands = |roster: &Self| roster.person(name).map_or(0, |person| rank(person.role));
        if stands(other) < rank(before.role) && stands(self) > stands(other) {
            let role = other.person(name).map_or("not in it".to_owned(), |person| person.role.to_string());
            all.push(format!("{name} is {role} there"));
        }
        for key in &before.keys {
            if other.owner(key).is_none() && self.owner(key).is_some() {
                all.push(format!("the key {} of {name} is gone there", key.fingerprint()));
            }
        }
        let has = |roster: &Self, recipient: &String| {
            roster.people.values().any(|person| person.age.contains(recipient))
        };
        for recipient in before.age.iter().filter(|one| !has(other, one) && has(self, one)) {
            all.push(format!("the age recipient {recipient} of {name} is gone there"));
        }
        let ends =
            |person: Option<&Person>| person.and_then(|person| person.nda.as_ref()).map_or(Date::MIN, end);
        let (theirs, own) = (ends(other.person(name)), ends(self.person(name)));
        if theirs < ends(Some(before)) && own > theirs {
            all.push(format!("the nda of {name} ends earlier there"));
        }
        all
    }
}

fn end(nda: &Nda) -> Date {
    nda.until.unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{key, parse};
    use super::*;

    /// A roster of these people, each `name: role until`, and with more below.
    fn roster(version: u64, people: &[(&str, &str, u8)], more: &str) -> Roster {
        let head = match version {
            1 => String::new(),
            _ => format!("previous: sha256:{}\n", "0".repeat(64)),
        };
        let person = |(name, role, number): &(&str, &str, u8)| match *number {
            0 => format!("  {name}: {{role: {role}}}\n"),
            number => {
                format!(
                    "  {name}: {{role: {role}, nda: {{signed: 2026-01-01}}, keys: [{}]}}\n",
                    key(number).text()
                )
            }
        };
        let people: String = people.iter().map(person).collect();
        parse(&format!("version: {version}\n{head}group: G\noperators:\n{people}{more}"))
    }

    const ALICE: (&str, &str, u8) = ("alice", "lead", 1);
    const BOB: (&str, &str, u8) = ("bob", "operator", 2);

    fn taken(own: &Roster, other: &Roster, common: &Roster) -> Vec<String> {
        let taken = own.taking_up(other, common);
        taken.people.iter().map(|person| format!("{} {}", person.name, person.role)).collect()
    }

    #[test]
    fn what_either_changed_counts_and_of_two_the_one_that_gives_less() {
        let common = roster(1, &[ALICE, BOB], "");
        let adds = roster(2, &[ALICE, BOB, ("sam", "shadow", 3)], "");
        let leaves = roster(2, &[ALICE, ("bob", "left", 0)], "");
        let raises = roster(2, &[ALICE, ("bob", "lead", 2)], "");
        assert_eq!(taken(&adds, &leaves, &common), ["bob left"]);
        assert_eq!(taken(&leaves, &adds, &common), ["sam shadow"]);
        assert_eq!(taken(&raises, &leaves, &common), ["bob left"]);
        assert_eq!(taken(&leaves, &raises, &common), [""; 0]);
        assert_eq!(taken(&leaves, &leaves, &common), [""; 0]);
    }

    #[test]
    fn of_two_ends_of_a_chain_the_earlier_one_is_taken() {
        let seal = |last: u64| {
            format!(
                "sealed: {{bob-00000000-7f: {{last: {last}, digest: sha256:{}}}}}\n",
                last.to_string().repeat(64)
            )
        };
        let with = |more: &str| roster(2, &[ALICE], more);
        let taken = |own: &Roster, other: &Roster| {
            own.taking_up(other, &roster(1, &[ALICE], ""))
                .sealed
                .values()
                .map(|seal| seal.last)
                .collect::<Vec<_>>()
        };
        assert_eq!(taken(&with(&seal(5)), &with(&seal(6))), [0; 0]);
        assert_eq!(taken(&with(&seal(6)), &with(&seal(5))), [5]);
        assert_eq!(taken(&with(""), &with(&seal(5))), [5]);
    }

    #[test]
    fn what_one_of_two_took_is_not_given_back_unnamed() {
        let common = roster(1, &[ALICE, BOB, ("carol", "lead", 4)], "");
        let undone = |own: &Roster, other: &Roster| own.undoes(other, &common).join("; ");
        let same = roster(2, &[ALICE, BOB, ("carol", "lead", 4)], "");
        assert_eq!(undone(&same, &same), "");
        let left = roster(2, &[ALICE, ("bob", "left", 0), ("carol", "lead", 4)], "");
        let said = undone(&same, &left);
        assert!(said.contains("bob is left there") && said.contains("of bob is gone there"), "{said}");
        let gone = roster(2, &[ALICE, ("carol", "lead", 4)], "");
        assert!(undone(&same, &gone).contains("bob is not in it there"));
        let another_key = roster(2, &[ALICE, ("bob", "operator", 5), ("carol", "lead", 4)], "");
        let said = undone(&same, &another_key);
        assert!(said.contains("of bob is gone there") && !said.contains("operator"), "{said}");
        let two = roster(2, &[ALICE, BOB, ("carol", "lead", 4)], "threshold: {roster: 2}\n");
        assert!(undone(&same, &two).contains("asks for 2 signatures"));
        assert_eq!(undone(&two, &same), "", "more may be asked for");
        let vaults =
            roster(2, &[ALICE, BOB, ("carol", "lead", 4)], "vaults: [{files: x, readers: [lead]}]\n");
        assert_eq!(undone(&same, &vaults), "'vaults' is another there");
        let others = roster(2, &[ALICE, BOB, ("carol", "lead", 4)], "vaults: [{files: x, readers: [bob]}]\n");
        assert_eq!(undone(&others, &vaults), "", "whoever signs has decided");
        assert_eq!(others.parts_unlike(&vaults), ["vaults"]);
    }
}
