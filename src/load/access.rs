//! Who may log in on the servers, as far as `wgops.yml` says it; the roster says the rest:
//!
//! ```yaml
//! access:
//!   account: ops                   # cleared operators and leads log in here; it needs sudo for sh
//!   shadow: wgops-shadow           # shadows and auditors: an account that may ask, and change nothing
//!   hosts: all:!lab                # on which hosts; everybody reaches the others as the inventory says
//!   other_keys: remove             # keys that are nobody's in the roster: remove, or keep
//!   sudo: false                    # whether the account gets sudo without a password by wgops
//!   ca: ssh-ed25519 AAAA… ca       # signs short-lived certificates ('wgops access issue'), for groups that run a CA
//! ```

use super::inventory::Pattern;
use super::problem::Problem;
use super::yaml::{Key, Node};
use crate::model::Digest;

const FIELDS: [&str; 6] = ["account", "shadow", "hosts", "other_keys", "sudo", "ca"];
/// The account of shadows where nothing is said.
const SHADOW: &str = "wgops-shadow";

/// What `wgops.yml` says under `access`.
#[derive(Clone, Debug)]
pub struct Access {
    /// The account of cleared operators.
    pub account: String,
    /// The account of shadows and auditors.
    pub shadow: String,
    /// On which hosts; all where nothing is said.
    pub hosts: Option<Pattern>,
    /// Whether keys that are nobody's stay where they are.
    pub keeps_other_keys: bool,
    /// Whether the operating account gets sudo without a password.
    pub sudo: bool,
    /// The public key that signs certificates, as the line of a `.pub` file.
    pub ca: Option<String>,
}

impl Access {
    /// Reads what stands under `access`.
    ///
    /// # Errors
    /// It says something else than these fields, or none of the account.
    pub(super) fn read(node: &Node) -> Result<Self, Problem> {
        let (mut account, mut access) = (None, Self::empty());
        for (key, node) in node.entries()? {
            match key.name.as_str() {
                "account" => account = Some(name(node)?),
                other => access.field(other, key, node)?,
            }
        }
        access.account = account.ok_or_else(|| {
            Problem::at(&node.place, "'account' is missing: the account that operators log in to")
        })?;
        if access.account == access.shadow {
            return Err(Problem::at(&node.place, "operators and shadows need two accounts"));
        }
        Ok(access)
    }

    /// What all of it says, by which the roster signs it.
    pub fn digest(&self) -> Digest {
        let hosts = self.hosts.as_ref().map(Pattern::as_str);
        let all = (&self.account, &self.shadow, hosts, self.keeps_other_keys, self.sudo, &self.ca);
        // Of texts and flags JSON is always made.
        Digest::of(serde_json::to_vec(&all).unwrap_or_default())
    }

    /// The same for people.
    pub fn in_words(&self) -> String {
        let mut words = vec![format!("account {}", self.account), format!("shadow account {}", self.shadow)];
        words.extend(self.hosts.as_ref().map(|hosts| format!("hosts {}", hosts.as_str())));
        words.push(format!("other keys {}", if self.keeps_other_keys { "stay" } else { "are removed" }));
        words.extend(self.sudo.then(|| "sudo without a password".to_owned()));
        words.extend(self.ca.as_ref().map(|ca| format!("CA {ca}")));
        words.join(", ")
    }

    fn empty() -> Self {
        let (account, shadow) = (String::new(), SHADOW.to_owned());
        Self { account, shadow, hosts: None, keeps_other_keys: false, sudo: false, ca: None }
    }

    fn field(&mut self, field: &str, key: &Key, node: &Node) -> Result<(), Problem> {
        match field {
            "shadow" => {
                self.shadow = name(node)?;
                if self.shadow == "root" {
                    return Err(Problem::at(&node.place, "root can change everything, so it is no shadow"));
                }
            }
            "hosts" => self.hosts = Some(Pattern::parse(&node.word()?, Some(&node.place))?),
            "other_keys" => {
                self.keeps_other_keys = match node.word()?.as_str() {
                    "keep" => true,
                    "remove" => false,
                    _ => return Err(Problem::at(&node.place, "expected keep or remove")),
                }
            }
            "sudo" => self.sudo = node.bool()?,
            "ca" => self.ca = Some(node.word()?),
            name => {
                return Err(Problem::at(&key.place, format!("unknown key '{name}'")).nearest(name, FIELDS));
            }
        }
        Ok(())
    }
}

/// The name of an account, of the kind that every system takes and no shell misreads.
fn name(node: &Node) -> Result<String, Problem> {
    let name = node.word()?;
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let all = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    if begins && all && name.len() <= 32 {
        return Ok(name);
    }
    Err(Problem::at(&node.place, "expected the name of an account: lower case letters, digits, '_' and '-'"))
}

#[cfg(test)]
mod tests {
    use crate::load::{Settings, TextFile};
    use std::path::Path;

    fn parse(text: &str) -> Result<Settings, String> {
        let file = TextFile::from_bytes(Path::new("wgops.yml"), text.as_bytes().to_vec()).unwrap();
        Settings::parse(&file).map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_example_is_understood_and_little_has_to_be_said() {
        let lines = include_str!("access.rs").lines().skip_while(|line| !line.ends_with("```yaml")).skip(1);
        let example: Vec<&str> = lines
            .take_while(|line| !line.ends_with("```"))
            .map(|line| line.get(4..).unwrap_or_default())
            .collect();
        let access = parse(&example.join("\n")).unwrap().access.unwrap();
        assert_eq!((access.account.as_str(), access.shadow.as_str()), ("ops", "wgops-shadow"));
        assert!(access.hosts.is_some() && !access.keeps_other_keys && !access.sudo && access.ca.is_some());
        let short = parse("access: {account: root}").unwrap().access.unwrap();
        assert_eq!((short.shadow.as_str(), short.hosts.is_none()), ("wgops-shadow", true));
        assert!(parse("").unwrap().access.is_none());
    }

    #[test]
    fn whatever_it_says_is_in_its_digest() {
        let digest = |text: &str| parse(text).unwrap().access.unwrap().digest();
        let all = [
            "access: {account: ops}",
            "access: {account: adm}",
            "access: {account: ops, shadow: s}",
            "access: {account: ops, hosts: web}",
            "access: {account: ops, other_keys: keep}",
            "access: {account: ops, sudo: true}",
            "access: {account: ops, ca: ssh-ed25519 AAAA}",
        ];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| digest(other) == digest(one)), Some(at));
        }
        assert_eq!(digest("access: {account: ops, shadow: wgops-shadow, sudo: false}"), digest(all[0]));
    }

    #[test]
    fn what_would_open_a_server_by_mistake_is_refused() {
        for (text, words) in [
            ("access: {}", "'account' is missing"),
            ("access: {account: ops, shadow: ops}", "two accounts"),
            ("access: {account: ops, shadow: root}", "root can change everything"),
            ("access: {account: 'ops; id'}", "the name of an account"),
            ("access: {account: ops, other_keys: mix}", "expected keep or remove"),
            ("access: {account: ops, shadwo: x}", "did you mean 'shadow'?"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}
