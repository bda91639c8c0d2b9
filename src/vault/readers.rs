//! For whom a file's values are sealed. The roster says it: the last rule that fits, the people whom it names, and of them
//! those who are cleared today.

use super::VaultError;
use crate::model::{Digest, Glob, OperatorName, Role};
use crate::people::{self, Person, Roster, Standing, VaultRule};
use jiff::civil::Date;

/// Who reads a file.
#[derive(Clone, Debug)]
pub struct Readers {
    /// Those for whom it is sealed.
    pub readers: Vec<Reader>,
    /// Those whom the rule names and who have no key that can open, and why.
    pub locked_out: Vec<(OperatorName, String)>,
}

/// Somebody for whom it is sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reader {
    /// Who.
    pub name: OperatorName,
    /// Recipients as age knows them: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`.
    pub recipients: Vec<String>,
}

impl Readers {
    /// Finds out who reads a file, which is named from the root of the repository.
    ///
    /// # Errors
    /// No rule fits it, or nobody whom the rule names can open anything.
    pub fn of(roster: &Roster, file: &str, today: Date) -> Result<Self, VaultError> {
        let named = named(roster, file)?;
        let (mut readers, mut locked_out) = (Vec::new(), Vec::new());
        for person in named {
            if !matches!(Standing::of(person, today), Standing::Lead | Standing::Operator) {
                continue;
            }
            match recipients(person) {
                Ok(recipients) => readers.push(Reader { name: person.name.clone(), recipients }),
                Err(why) => locked_out.push((person.name.clone(), why)),
            }
        }
        if readers.is_empty() {
            let why: Vec<String> = locked_out.iter().map(|(name, why)| format!("{name} ({why})")).collect();
            let why = if why.is_empty() { "nobody is cleared".into() } else { why.join(", ") };
            return Err(VaultError::Nobody { file: file.to_owned(), why });
        }
        Ok(Self { readers, locked_out })
    }

    /// Finds out who reads all of several files; of none: everybody who is cleared.
    ///
    /// # Errors
    /// As [`Readers::of`], or no file has a reader in common with the others.
    pub fn of_all(roster: &Roster, files: &[&str], today: Date) -> Result<Self, VaultError> {
        let (first, rest) = match files.split_first() {
            Some((first, rest)) => (Self::of(roster, first, today)?, rest),
            None => {
                let open = Roster { vaults: Vec::new(), ..roster.clone() };
                return Self::of(&open, "a change that is not shown", today);
            }
        };
        let mut all = first;
        for file in rest {
            let also = Self::of(roster, file, today)?;
            all.readers.retain(|reader| also.readers.contains(reader));
        }
        match all.readers.is_empty() {
            true => {
                Err(VaultError::Nobody { file: files.join(" and "), why: "no one reads them all".into() })
            }
            false => Ok(all),
        }
    }

    /// Digest of all their public keys.
    pub fn keys(&self) -> Digest {
        let keys = self.readers.iter().flat_map(|reader| reader.recipients.iter().map(String::as_str));
        let mut keys: Vec<&str> = keys.collect();
        keys.sort_unstable();
        Digest::of(keys.join("\n"))
    }

    /// Their names, in order.
    pub fn names(&self) -> Vec<OperatorName> {
        let mut names: Vec<OperatorName> = self.readers.iter().map(|reader| reader.name.clone()).collect();
        names.sort();
        names
    }
}

/// Why somebody does not read a file, where the roster's rule for it names others.
pub fn left_out(roster: &Roster, file: &str, name: &OperatorName, today: Date) -> Option<String> {
    let names = Readers::of(roster, file, today).ok()?.names();
    if names.contains(name) {
        return None;
    }
    let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Some(format!("by the roster's 'vaults' it is read by {names}"))
}

/// Whether somebody may seal values of a file anew: they are among those whom the file's rule names.
pub(super) fn may_seal(roster: &Roster, file: &str, name: &OperatorName) -> bool {
    named(roster, file).is_ok_and(|named| named.iter().any(|person| person.name == *name))
}

/// Everybody whom a file's rule names and who has a role in which one opens secrets.
fn named<'a>(roster: &'a Roster, file: &str) -> Result<Vec<&'a Person>, VaultError> {
    let rule = roster.vaults.iter().rev().find(|rule| rule_fits(rule, file));
    // A group that has not said anything of vaults trusts those whom it cleared.
    let everybody = [people::Reader::Role(Role::Lead), people::Reader::Role(Role::Operator)];
    let readers: &[people::Reader] = match rule {
        Some(rule) => &rule.readers,
        None if roster.vaults.is_empty() => &everybody,
        None => return Err(VaultError::NoRule { file: file.to_owned() }),
    };
    let is_named = |person: &&Person| {
        let by_word = readers.iter().any(|reader| match reader {
            people::Reader::Role(role) => *role == person.role,
            people::Reader::Person(name) => *name == person.name,
        });
        by_word && matches!(person.role, Role::Lead | Role::Operator)
    };
    Ok(roster.people.values().filter(is_named).collect())
}

/// Whether a rule is about a file: `*` stands for anything but `/`, `**` for any folders.
pub fn rule_fits(rule: &VaultRule, file: &str) -> bool {
    let pattern: Vec<&str> = rule.files.split('/').collect();
    let path: Vec<&str> = file.split('/').collect();
    fits(&pattern, &path)
}

fn fits(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| fits(rest, &path[skipped..])),
        (Some((first, rest)), Some((name, more))) => Glob::new(*first).fits(name) && fits(rest, more),
        _ => false,
    }
}

/// What somebody opens with: what the roster says under `age`, else the SSH keys that can.
pub(super) fn recipients(person: &Person) -> Result<Vec<String>, String> {
    if !person.age.is_empty() {
        return Ok(person.age.clone());
    }
    let able: Vec<String> =
        person.keys.iter().filter(|key| key.opens()).map(|key| key.text().to_owned()).collect();
    if able.is_empty() {
        let kind = person.keys.first().map_or("no SSH key", |key| match key.is_in_device() {
            true => "a security key, which can sign and not decrypt",
            false => "an ECDSA key, for which age has no recipient",
        });
        return Err(format!("has {kind}: give them an 'age:' recipient in the roster ('age-keygen')"));
    }
    Ok(able)
}
