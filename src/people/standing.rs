//! What somebody may do today: FORMATS' table of roles, and nothing else decides it.

use super::Person;
use crate::model::Role;
use jiff::civil::Date;
use std::fmt;

/// How somebody stands towards the working group on a given day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// A lead with a valid nda.
    Lead,
    /// An operator with a valid nda.
    Operator,
    /// A lead or operator without one: acts as a shadow.
    Lapsed(Role, Lapse),
    /// A lead or operator of a roster that nobody on this machine compared.
    Unpinned(Role),
    /// A shadow.
    Shadow,
    /// A key for scheduled audits.
    Auditor,
    /// Somebody who was here once.
    Left,
    /// Somebody whose key is not in the roster.
    Stranger,
    /// Anybody, where there is no roster.
    NoRoster,
}

/// Why an nda does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lapse {
    /// The roster has none.
    Missing,
    /// It begins on a later day.
    NotYet(Date),
    /// It ended with this day.
    Ended(Date),
}

/// What somebody wants to do, as far as permission depends on it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// `wgops run`.
    Run,
    /// `wgops patch`.
    Patch,
    /// `wgops apply`.
    Apply,
    /// `wgops access`.
    Access,
    /// `wgops audit`.
    Audit,
    /// `wgops facts`.
    Facts,
    /// `wgops ping`.
    Ping,
    /// Reading or verifying the ledger.
    Ledger,
    /// Opening or sealing secrets.
    Vault,
    /// Signing a roster.
    Roster,
}

/// What the table says to a verb.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Permission {
    /// All that the verb does, changes included where it makes any.
    Change,
    /// The verb's dry run, whatever was typed.
    DryRun {
        /// Why, for the one who typed.
        why: String,
    },
    /// Nothing (exit code 4).
    Refuse {
        /// Why, for the one who typed.
        why: String,
    },
}

impl Verb {
    /// Every verb that permission depends on.
    pub const ALL: [Self; 10] = [
        Self::Run,
        Self::Patch,
        Self::Apply,
        Self::Access,
        Self::Audit,
        Self::Facts,
        Self::Ping,
        Self::Ledger,
        Self::Vault,
        Self::Roster,
    ];

    /// The word that is typed and recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Patch => "patch",
            Self::Apply => "apply",
            Self::Access => "access",
            Self::Audit => "audit",
            Self::Facts => "facts",
            Self::Ping => "ping",
            Self::Ledger => "ledger",
            Self::Vault => "vault",
            Self::Roster => "roster",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Standing {
    /// How a person stands on a day. An nda counts from the day it was signed to the day it ends, both included.
    pub fn of(person: &Person, today: Date) -> Self {
        match (person.role, lapse(person, today)) {
            (Role::Lead, None) => Self::Lead,
            (Role::Operator, None) => Self::Operator,
            (Role::Lead | Role::Operator, Some(lapse)) => Self::Lapsed(person.role, lapse),
            (Role::Shadow, _) => Self::Shadow,
            (Role::Auditor, _) => Self::Auditor,
            (Role::Left, _) => Self::Left,
        }
    }

    /// The same where the roster was pinned; who could do something by an unknown roster can't.
    #[must_use]
    pub fn pinned(self, pinned: bool) -> Self {
        match self {
            Self::Lead if !pinned => Self::Unpinned(Role::Lead),
            Self::Operator if !pinned => Self::Unpinned(Role::Operator),
            other => other,
        }
    }

    /// The role in the roster, if there is one; what it allows today is for [`Standing::may`] to say.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::Lead => Some(Role::Lead),
            Self::Operator => Some(Role::Operator),
            Self::Lapsed(role, _) | Self::Unpinned(role) => Some(role),
            Self::Shadow => Some(Role::Shadow),
            Self::Auditor => Some(Role::Auditor),
            Self::Left => Some(Role::Left),
            Self::Stranger | Self::NoRoster => None,
        }
    }

    /// What the table says to a verb.
    pub fn may(self, verb: Verb) -> Permission {
        match verb {
            Verb::Run | Verb::Patch | Verb::Apply | Verb::Access => self.may_change(),
            Verb::Audit | Verb::Facts | Verb::Ping | Verb::Ledger => self.allow_unless(self == Self::Left),
            Verb::Vault => self.allow_unless(!matches!(self, Self::Lead | Self::Operator)),
            Verb::Roster => self.allow_unless(self != Self::Lead),
        }
    }

    fn may_change(self) -> Permission {
        match self {
            Self::Lead | Self::Operator => Permission::Change,
            Self::Auditor | Self::Left | Self::Unpinned(_) => Permission::Refuse { why: self.to_string() },
            Self::Lapsed(..) | Self::Shadow | Self::Stranger | Self::NoRoster => {
                Permission::DryRun { why: self.to_string() }
            }
        }
    }

    fn allow_unless(self, refused: bool) -> Permission {
        if refused { Permission::Refuse { why: self.to_string() } } else { Permission::Change }
    }
}

impl Person {
    /// Whether an agreement that they signed counts on a day, whatever their role.
    pub fn is_agreed(&self, today: Date) -> bool {
        lapse(self, today).is_none()
    }
}

fn lapse(person: &Person, today: Date) -> Option<Lapse> {
    let Some(nda) = &person.nda else { return Some(Lapse::Missing) };
    if nda.signed > today {
        return Some(Lapse::NotYet(nda.signed));
    }
    nda.until.filter(|until| *until < today).map(Lapse::Ended)
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lead => f.write_str("a lead may do this"),
            Self::Operator => {
                f.write_str("an operator opens secrets and changes servers, and signs no roster")
            }
            Self::Lapsed(role, lapse) => {
                write!(f, "the role is {role}, but {lapse}: until a lead renews it, this is a shadow")
            }
            Self::Unpinned(_) => f.write_str(
                "nobody compared the roster on this machine: give --roster-pin, or type it once at a terminal",
            ),
            Self::Shadow => f.write_str("a shadow sees what would happen and changes nothing"),
            Self::Auditor => f.write_str("an auditor's key audits and does nothing else"),
            Self::Left => f.write_str("the roster says that you left the group"),
            Self::Stranger => f.write_str("none of your keys is in the roster: a lead can add one (the .pub of what 'ssh-keygen -t ed25519' makes)"),
            Self::NoRoster => f.write_str("there is no roster: 'wgops init' begins an ops repository with one"),
        }
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the roster has no nda"),
            Self::NotYet(day) => write!(f, "the nda begins on {day}"),
            Self::Ended(day) => write!(f, "the nda ended on {day}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Nda;
    use super::*;
    use jiff::civil::date;

    fn person(role: Role, nda: Option<(Date, Option<Date>)>) -> Person {
        let nda = nda.map(|(signed, until)| Nda { signed, until, reference: None });
        Person { name: "x".parse().unwrap(), role, nda, keys: Vec::new(), age: Vec::new(), until: None }
    }

    /// `c` all of it, `d` its dry run, `-` refused; in the order of [`Verb::ALL`].
    fn row(standing: Standing) -> String {
        let letter = |verb: Verb| match standing.may(verb) {
            Permission::Change => 'c',
            Permission::DryRun { .. } => 'd',
            Permission::Refuse { .. } => '-',
        };
        Verb::ALL.into_iter().map(letter).collect()
    }

    #[test]
    fn the_table_of_roles_and_verbs_is_the_one_in_the_formats() {
        //                 run, patch, apply, access · audit, facts, ping, ledger · vault · roster
        let table = [
            (Standing::Lead, "cccccccccc"),
            (Standing::Operator, "ccccccccc-"),
            (Standing::Lapsed(Role::Lead, Lapse::Missing), "ddddcccc--"),
            (Standing::Lapsed(Role::Operator, Lapse::Missing), "ddddcccc--"),
            (Standing::Unpinned(Role::Lead), "----cccc--"),
            (Standing::Shadow, "ddddcccc--"),
            (Standing::Auditor, "----cccc--"),
            (Standing::Left, "----------"),
            (Standing::Stranger, "ddddcccc--"),
            (Standing::NoRoster, "ddddcccc--"),
        ];
        for (standing, expected) in table {
            assert_eq!(row(standing), expected, "{standing:?}");
        }
    }

    #[test]
    fn an_nda_counts_from_its_first_day_to_its_last_and_on_no_other() {
        let (first, last) = (date(2026, 1, 1), date(2026, 12, 31));
        let on = |day| Standing::of(&person(Role::Operator, Some((first, Some(last)))), day);
        assert_eq!(on(date(2025, 12, 31)), Standing::Lapsed(Role::Operator, Lapse::NotYet(first)));
        assert_eq!(on(first), Standing::Operator);
        assert_eq!(on(last), Standing::Operator);
        assert_eq!(on(date(2027, 1, 1)), Standing::Lapsed(Role::Operator, Lapse::Ended(last)));
        let endless = person(Role::Lead, Some((first, None)));
        assert_eq!(Standing::of(&endless, date(2099, 1, 1)), Standing::Lead);
        assert_eq!(
            Standing::of(&person(Role::Lead, None), first),
            Standing::Lapsed(Role::Lead, Lapse::Missing)
        );
    }

    #[test]
    fn an_nda_lifts_nobody_above_their_role() {
        let nda = Some((date(2026, 1, 1), None));
        let standing = |role| Standing::of(&person(role, nda), date(2026, 6, 1));
        assert_eq!(standing(Role::Shadow), Standing::Shadow);
        assert_eq!(standing(Role::Auditor), Standing::Auditor);
        assert_eq!(standing(Role::Left), Standing::Left);
    }

    #[test]
    fn a_dry_run_says_why_it_is_one() {
        let lapsed = Standing::Lapsed(Role::Operator, Lapse::Ended(date(2026, 10, 31)));
        let Permission::DryRun { why } = lapsed.may(Verb::Patch) else { panic!("expected a dry run") };
        assert!(why.contains("operator") && why.contains("2026-10-31"), "{why}");
    }
}
