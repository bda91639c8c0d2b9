//! One recipient of sealed values, one person: under two names it opens what is sealed for one of them to both, and goes on doing so
//! when one has left.

use super::super::{Console, Exit, Failure};
use super::desk::Desk;
use crate::model::OperatorName;
use crate::people::{Person, Roster};
use crate::report::one_line;

/// A recipient of somebody in the next version that is, or was, somebody else's, too.
#[derive(PartialEq, Eq, Debug)]
struct Shared<'a> {
    recipient: &'a str,
    of: &'a OperatorName,
    other: &'a OperatorName,
    /// The version in which it is the other's.
    version: u64,
}

impl Desk {
    /// Makes sure that nobody gets a recipient that is or was another's. Where the version in force has it already, that is told:
    /// whoever is to leave leaves all the same.
    ///
    /// # Errors
    /// Somebody would.
    pub fn is_nobody_elses(&self, console: &Console, next: &Roster) -> Result<(), Failure> {
        let versions = self.record.versions(&self.roster);
        for one in shared(&versions, next) {
            let Shared { of, other, version, .. } = one;
            let recipient = one_line(one.recipient);
            let message = format!(
                "the age recipient {recipient} of {of} is {other}'s in version {version}: it would open what is sealed for {of} to {other}, \
                 whoever of them leaves"
            );
            let hint =
                format!("{of} makes one of their own with 'age-keygen', and gives you its public part");
            match is_known(&self.roster, next, &one) {
                true => console.tell(&format!("Attention: {message}. {hint}.\n")),
                false => return Err(Failure::new(Exit::Refused, message).hint(hint)),
            }
        }
        console.tell(&keys_of_others(&versions, &self.roster, next));
        Ok(())
    }
}

fn has(person: Option<&Person>, recipient: &str) -> bool {
    person.is_some_and(|person| person.age.iter().any(|own| own == recipient))
}

fn is_known(in_force: &Roster, next: &Roster, one: &Shared<'_>) -> bool {
    let others = one.version < next.version || has(in_force.person(one.other), one.recipient);
    others && has(in_force.person(one.of), one.recipient)
}

/// Recipients of the next version that are somebody else's in it or in one of those before, newest first.
fn shared<'a>(versions: &'a [Roster], next: &'a Roster) -> Vec<Shared<'a>> {
    let mut found: Vec<Shared<'_>> = Vec::new();
    for person in next.people.values() {
        for recipient in &person.age {
            let all = std::iter::once(next).chain(versions.iter().rev());
            let elsewhere = all.filter_map(|roster| {
                let other = roster
                    .people
                    .values()
                    .find(|one| one.name != person.name && has(Some(one), recipient))?;
                Some(Shared { recipient, of: &person.name, other: &other.name, version: roster.version })
            });
            let is_told = |one: &Shared<'_>| {
                found
                    .iter()
                    .any(|said| (said.of, said.other, said.recipient) == (one.other, one.of, recipient))
            };
            let first = elsewhere.into_iter().next().filter(|one| !is_told(one));
            found.extend(first);
        }
    }
    found
}

/// What is said of keys that were somebody else's: who comes back has another name, and perhaps the same key.
fn keys_of_others(versions: &[Roster], in_force: &Roster, next: &Roster) -> String {
    let mut text = String::new();
    for person in next.people.values() {
        let known = in_force.person(&person.name).map(|known| known.keys.as_slice()).unwrap_or_default();
        for key in person.keys.iter().filter(|key| !known.contains(key)) {
            let before = versions.iter().rev().find_map(|version| Some((version, version.owner(key)?)));
            if let Some((version, other)) = before.filter(|(_, other)| other.name != person.name) {
                text.push_str(&format!(
                    "Attention: the key {} of {} was {}'s in version {}: make sure that it is the same person.\n",
                    key.fingerprint(),
                    person.name,
                    other.name,
                    version.version
                ));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn roster(version: u64, people: &str) -> Roster {
        let previous = format!("sha256:{}", "0".repeat(64));
        let previous = if version == 1 { String::new() } else { format!("previous: {previous}\n") };
        let text = format!(
            "version: {version}\n{previous}group: G\noperators:\n  alice: {{role: lead, nda: {{signed: 2026-01-01}}}}\n{people}"
        );
        Roster::parse(Path::new("operators.yml"), text).unwrap()
    }

    fn of(name: &str, age: &str) -> String {
        format!("  {name}: {{role: shadow, age: [{age}]}}\n")
    }

    fn said(versions: &[Roster], next: &Roster) -> Vec<(String, String, u64)> {
        let found = shared(versions, next);
        found.iter().map(|one| (one.of.to_string(), one.other.to_string(), one.version)).collect()
    }

    #[test]
    fn a_recipient_is_one_persons_today_and_in_every_version_before() {
        let one = roster(1, &(of("bob", "age1b") + &of("eve", "age1e")));
        let both = roster(2, &(of("bob", "age1e") + &of("eve", "age1e")));
        assert_eq!(said(std::slice::from_ref(&one), &one), []);
        assert_eq!(said(std::slice::from_ref(&one), &both), [("bob".into(), "eve".into(), 2)]);
        assert!(shared(std::slice::from_ref(&one), &both).iter().all(|found| !is_known(&one, &both, found)));
        // eve has left, and bob has what was hers.
        let left = roster(2, &of("bob", "age1e"));
        assert_eq!(said(std::slice::from_ref(&one), &left), [("bob".into(), "eve".into(), 1)]);
        assert!(shared(std::slice::from_ref(&one), &left).iter().all(|found| !is_known(&one, &left, found)));
        // It was so before anybody looked: eve can leave all the same, and it is told.
        let versions = [one, both.clone()];
        let left = roster(3, &of("bob", "age1e"));
        let found = shared(&versions, &left);
        assert_eq!(found.len(), 1);
        assert!(found.iter().all(|found| is_known(&both, &left, found)));
        // One's own from before is one's own.
        assert_eq!(said(&[roster(1, &of("bob", "age1b"))], &roster(2, &of("bob", "age1b, age1n"))), []);
    }
}
