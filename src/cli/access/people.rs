//! Whose keys let in where, by the roster: FORMATS' last column, in one place.

use super::super::exit::Exit;
use super::super::who::Who;
use super::super::{Console, Failure};
use crate::execute::Asker;
use crate::ledger::History;
use crate::load::{self, Inventory};
use crate::model::{HostName, OperatorName, Role};
use crate::people::{Key, Person, Roster, Standing};
use crate::questions::gate::GATE;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// What stands in front of a shadow's key: no terminal, no forwarding, no file of commands of its own, and one program.
fn options() -> String {
    format!("restrict,command=\"{GATE}\"")
}

/// What a person gets on the servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    /// The operating account.
    Operating,
    /// The one that may only ask.
    Shadow,
    /// None.
    None,
}

impl Account {
    /// What somebody gets on a day.
    pub fn of(person: &Person, today: Date) -> Self {
        match Standing::of(person, today) {
            Standing::Lead | Standing::Operator => Self::Operating,
            Standing::Auditor => Self::Shadow,
            Standing::Shadow if person.is_agreed(today) => Self::Shadow,
            _ => Self::None,
        }
    }
}

/// The lines of authorized keys for the operating account: everybody who is cleared, and keys for a lock-out.
pub fn operating_keys(roster: &Roster, today: Date) -> String {
    let lines = keys_of(roster, today, Account::Operating);
    let lines = lines.map(|(person, key)| format!("{} {} ({})\n", key.text(), person.name, person.role));
    let emergency = roster.emergency_keys.iter().map(|key| format!("{} emergency\n", key.text()));
    lines.chain(emergency).collect()
}

/// Keys of people in the roster to whom the operating account is not open.
pub fn gone_keys(roster: &Roster, today: Date) -> String {
    let others = [Account::Shadow, Account::None].into_iter();
    let keys = others.flat_map(|account| keys_of(roster, today, account));
    keys.map(|(person, key)| format!("{} {} ({})\n", key.text(), person.name, person.role)).collect()
}

/// The lines of authorized keys for the account of shadows and auditors.
pub fn shadow_keys(roster: &Roster, today: Date) -> String {
    let lines = keys_of(roster, today, Account::Shadow);
    let head = "# Written by 'wgops access sync' from the roster.\n".to_owned();
    let lines = lines
        .map(|(person, key)| format!("{} {} {} ({})\n", options(), key.text(), person.name, person.role));
    std::iter::once(head).chain(lines).collect()
}

/// Keys whose certificates count no more for an account: all that a version of the roster had, but for those to which it is
/// open today.
pub fn revoked_keys(roster: &Roster, history: &History, today: Date, account: Account) -> String {
    let emergency = roster.emergency_keys.iter().filter(|_| account == Account::Operating);
    let open = keys_of(roster, today, account).map(|(_, key)| key).chain(emergency);
    let open: BTreeSet<&str> = open.map(Key::text).collect();
    let now = roster.people.values().flat_map(|one| one.keys.iter().map(move |key| (&one.name, key)));
    let all: BTreeMap<&str, &OperatorName> =
        history.keys().chain(now).map(|(name, key)| (key.text(), name)).collect();
    let gone = all.into_iter().filter(|(key, _)| !open.contains(key));
    let head =
        "# Written by 'wgops access sync': keys of whoever has no such account by the roster.\n".to_owned();
    std::iter::once(head).chain(gone.map(|(key, name)| format!("{key} {name}\n"))).collect()
}

fn keys_of(roster: &Roster, today: Date, account: Account) -> impl Iterator<Item = (&Person, &Key)> {
    let people = roster.people.values().filter(move |person| Account::of(person, today) == account);
    people.flat_map(|person| person.keys.iter().map(move |key| (person, key)))
}

/// The hosts that `wgops.yml` gives to wgops.
pub fn hosts(access: &load::Access, inventory: &Inventory) -> BTreeSet<HostName> {
    match &access.hosts {
        Some(pattern) => inventory.select_known(pattern).into_iter().collect(),
        None => inventory.hosts().into_iter().cloned().collect(),
    }
}

/// The account in which somebody asks who may change nothing; none for everybody else.
///
/// # Errors
/// The roster has no signed agreement of theirs: no server lets them in.
pub fn asker(
    access: Option<&load::Access>,
    who: &Who,
    inventory: &Inventory,
    console: &Console,
) -> Result<Option<Asker>, Failure> {
    let today = jiff::Zoned::now().date();
    let (Some(access), Some(proven), Some(roster)) = (access, who.identity.proven(), &who.roster) else {
        return Ok(None);
    };
    let Some(person) = roster.person(&proven.operator) else { return Ok(None) };
    let hosts = hosts(access, inventory);
    match (Account::of(person, today), person.role) {
        (Account::Operating, _) | (_, Role::Left) => Ok(None),
        (Account::Shadow, _) => {
            // The key that proved who it is lets in, unless an agent holds it.
            let key = console.identity.clone().filter(|file| file.extension().is_none_or(|end| end != "pub"));
            Ok(Some(Asker { account: access.shadow.clone(), hosts, key }))
        }
        (Account::None, _) if hosts.is_empty() => Ok(None),
        (Account::None, _) => Err(Failure::new(
            Exit::Refused,
            format!(
                "the roster has no agreement of {} that counts today{}, so no server of the group lets them in",
                person.name,
                ended(person, today).map(|until| format!(" (it ended on {until})")).unwrap_or_default()
            ),
        )
        .hint("until then there is the lab; a lead notes a signed agreement ('wgops operators clear', or under 'nda' in the roster and 'wgops operators sign')")),
    }
}

/// When an agreement ended, if there was one.
fn ended(person: &Person, today: Date) -> Option<Date> {
    person.nda.as_ref().and_then(|nda| nda.until).filter(|until| *until < today)
}

/// Whose a key is, for people; of one that is not in the roster any more, whose it was.
pub fn owner((roster, today): (&Roster, Date), history: &History, blob: &str) -> String {
    let is_it = |key: &Key| key.text().split_whitespace().nth(1) == Some(blob);
    let known = roster.people.values().find(|person| person.keys.iter().any(is_it));
    match (known, history.owner(is_it)) {
        (Some(person), _) => {
            let over = ended(person, today).map(|until| format!(", whose agreement ended on {until}"));
            format!("{} ({}){}", person.name, person.role, over.unwrap_or_default())
        }
        _ if roster.emergency_keys.iter().any(is_it) => "an emergency key".into(),
        (None, Some(name)) => match roster.person(name).map(|person| person.role) {
            Some(Role::Left) => format!("{name}, who left"),
            _ => format!("an earlier key of {name}"),
        },
        (None, None) => "nobody in the roster".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Record;
    use crate::people::testing::{key, parse};
    use jiff::civil::date;

    fn roster() -> Roster {
        let people = [
            ("alice", "lead", "nda: {signed: 2025-03-01}, ", 1),
            ("oscar", "operator", "nda: {signed: 2025-03-01, until: 2026-06-01}, ", 2),
            ("sam", "shadow", "nda: {signed: 2025-03-01}, ", 3),
            ("nora", "shadow", "", 4),
            ("ci", "auditor", "", 5),
        ];
        let lines = people.map(|(name, role, nda, number)| {
            format!("  {name}: {{role: {role}, {nda}keys: [{}]}}\n", key(number).text())
        });
        let head = "version: 1\ngroup: x\noperators:\n";
        let tail = format!("  bob: {{role: left}}\nemergency_keys: [{}]\n", key(9).text());
        parse(&format!("{head}{}{tail}", lines.concat()))
    }

    #[test]
    fn each_role_gets_what_the_formats_say() {
        let roster = roster();
        let operating = operating_keys(&roster, date(2026, 1, 1));
        let names: Vec<_> = operating.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
        assert_eq!(names, ["alice (lead)", "oscar (operator)", "emergency"]);
        let shadows = shadow_keys(&roster, date(2026, 1, 1));
        let lines: Vec<_> = shadows.lines().skip(1).collect();
        assert_eq!(lines.len(), 2, "{shadows}");
        let expected = "restrict,command=\"/usr/local/lib/wgops/ask\" ssh-ed25519 ";
        assert!(lines.iter().all(|line| line.starts_with(expected)), "{shadows}");
        assert!(lines[0].ends_with(" sam (shadow)") && lines[1].ends_with(" ci (auditor)"));
    }

    #[test]
    fn whose_agreement_has_ended_gets_nothing_at_all() {
        let roster = roster();
        let later = date(2026, 6, 2);
        assert!(!operating_keys(&roster, later).contains("oscar"));
        assert!(!shadow_keys(&roster, later).contains("oscar"));
        let gone = gone_keys(&roster, later);
        let names: Vec<_> = gone.lines().map(|line| line.splitn(3, ' ').nth(2).unwrap()).collect();
        assert_eq!(names, ["sam (shadow)", "ci (auditor)", "oscar (operator)", "nora (shadow)"]);
    }

    #[test]
    fn certificates_count_for_keys_alone_to_which_an_account_is_open() {
        let roster = roster();
        let none = tempfile::tempdir().unwrap();
        let history = History::of(&Record::read(none.path(), None).unwrap(), &roster);
        let names = |day, account| -> Vec<String> {
            let text = revoked_keys(&roster, &history, day, account);
            let mut names: Vec<_> =
                text.lines().skip(1).map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        assert_eq!(names(date(2026, 1, 1), Account::Operating), ["ci", "nora", "sam"]);
        assert_eq!(names(date(2026, 6, 2), Account::Operating), ["ci", "nora", "oscar", "sam"]);
        assert_eq!(names(date(2026, 1, 1), Account::Shadow), ["alice", "nora", "oscar"]);
    }

    #[test]
    fn a_key_is_told_by_whose_it_is() {
        let roster = roster();
        let blob = |number| key(number).text().split(' ').nth(1).unwrap().to_owned();
        let none = tempfile::tempdir().unwrap();
        let history = History::of(&Record::read(none.path(), None).unwrap(), &roster);
        let owner = |day, blob: &str| owner((&roster, day), &history, blob);
        let (before, later) = (date(2026, 6, 1), date(2026, 6, 2));
        assert_eq!(owner(later, &blob(3)), "sam (shadow)");
        assert_eq!(owner(later, &blob(9)), "an emergency key");
        assert_eq!(owner(later, "AAAA"), "nobody in the roster");
        // Who loses theirs because of a day is told so.
        assert_eq!(owner(before, &blob(2)), "oscar (operator)");
        assert_eq!(owner(later, &blob(2)), "oscar (operator), whose agreement ended on 2026-06-01");
    }
}
