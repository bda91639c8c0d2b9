//! Every account on a host, and what its password is worth. No hash comes here.

use super::sudo::group;
use crate::model::{Argv, Script, Subjects};
use crate::questions::accounts::{self, User};
use crate::questions::{Output, ParseError, Question};
use std::collections::{BTreeMap, HashMap};

/// Asks for every account.
pub struct Accounts;

/// Every account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Everybody {
    /// The accounts, in the order of the database.
    pub accounts: Vec<Account>,
    /// Groups and the members that they name.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Whether what passwords are worth could be read.
    pub passwords_known: bool,
    /// The host's time, in seconds since 1970.
    pub now: i64,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Name, number, home, shell.
    pub user: User,
    /// What its password is worth, where that is known.
    pub password: Option<PasswordWorth>,
    /// The permission bits and the owner of its home, where there is one.
    pub home: Option<(u32, u32)>,
}

/// What a password is worth.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PasswordWorth {
    /// `set`, `locked`, or `empty`: anybody gets in.
    pub state: String,
    /// How it is hashed: `yescrypt`, `sha512`, `md5` …; empty where there is none.
    pub scheme: String,
    /// The day on which it was last changed, since 1970.
    pub changed: Option<i64>,
    /// After how many days it has to be changed.
    pub max: Option<i64>,
    /// The day on which the account ends, since 1970.
    pub expires: Option<i64>,
}

impl Account {
    /// Whether its shell lets somebody work.
    pub fn has_shell(&self) -> bool {
        let name = self.user.shell.rsplit('/').next().unwrap_or_default();
        !matches!(name, "nologin" | "false" | "true" | "sync" | "halt" | "shutdown")
    }
}

impl Question for Accounts {
    type Answer = Everybody;
    const SCRIPT: Script = Script { name: "every_account", text: include_str!("users.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        let mut reads = accounts::subjects();
        reads.extend(&Subjects::Undeclared);
        reads
    }

    fn parse(&self, output: &Output) -> Result<Everybody, ParseError> {
        let text = output.text();
        let mut everybody = Everybody::default();
        let mut homes: HashMap<&str, (u32, u32)> = HashMap::new();
        let mut passwords: HashMap<&str, PasswordWorth> = HashMap::new();
        let mut empty: Vec<&str> = Vec::new();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "now" => everybody.now = rest.parse().unwrap_or(0),
                "passwd" => {
                    // An entry without even a mark for the password asks for none.
                    empty.extend(
                        rest.split_once("::").map(|(name, _)| name).filter(|name| !name.contains(':')),
                    );
                    let user = User::read(rest).map(|user| Account { user, password: None, home: None });
                    everybody.accounts.extend(user);
                }
                "group" => everybody.groups.extend(group(rest)),
                "home" => homes.extend(home(rest)),
                "shadow" => everybody.passwords_known = true,
                "password" => passwords.extend(password(rest)),
                _ => return Err(ParseError::new("lines 'passwd', 'group', 'password' …", output)),
            }
        }
        if everybody.accounts.is_empty() {
            return Err(ParseError::new("lines of the user database", output));
        }
        for account in &mut everybody.accounts {
            let name = account.user.name.as_str();
            account.home = homes.get(name).copied();
            account.password = match empty.contains(&name) {
                true => Some(PasswordWorth { state: "empty".into(), ..PasswordWorth::default() }),
                false => passwords.get(name).cloned(),
            };
        }
        Ok(everybody)
    }
}

/// Reads `alice 755 1000`.
fn home(rest: &str) -> Option<(&str, (u32, u32))> {
    let mut words = rest.split(' ');
    let (name, mode, uid) = (words.next()?, words.next()?, words.next()?);
    Some((name, (u32::from_str_radix(mode, 8).ok()?, uid.parse().ok()?)))
}

/// Reads `alice set yescrypt 20000 99999 -`.
fn password(rest: &str) -> Option<(&str, PasswordWorth)> {
    let fields: Vec<&str> = rest.split(' ').collect();
    let [name, state, scheme, changed, max, expires] = fields[..] else { return None };
    let scheme = if scheme == "-" { "" } else { scheme };
    let worth = PasswordWorth {
        state: state.to_owned(),
        scheme: scheme.to_owned(),
        changed: changed.parse().ok(),
        max: max.parse().ok(),
        expires: expires.parse().ok(),
    };
    Some((name, worth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn every_shell_knows_everybody_here_and_no_hash_comes_along() {
        for bench in Workbench::every_shell() {
            let output = bench.run(Accounts::SCRIPT, &Accounts.args(), None);
            assert!(!output.text().contains('$'), "{}", bench.name());
            let everybody = Accounts.parse(&output).unwrap();
            assert!(everybody.accounts.iter().any(|account| account.user.uid == 0));
        }
    }

    #[test]
    fn passwords_homes_and_groups_are_put_together() {
        let text = "now 9\npasswd a:x:1000:1000::/home/a:/bin/bash\npasswd open::1001:1001::/:/usr/sbin/nologin\n\
                    group docker:x:9:a,b\nhome a 777 1000\nshadow yes\npassword a set md5 18000 99999 -\n";
        let everybody = Accounts.parse(&Output::ok(text)).unwrap();
        let [a, open] = &everybody.accounts[..] else { panic!("two") };
        assert_eq!((a.home, a.has_shell(), open.has_shell()), (Some((0o777, 1000)), true, false));
        let worth = a.password.as_ref().unwrap();
        assert_eq!((worth.state.as_str(), worth.scheme.as_str(), worth.changed), ("set", "md5", Some(18000)));
        assert_eq!(open.password.as_ref().unwrap().state, "empty");
        assert_eq!(everybody.groups["docker"], ["a", "b"]);
        assert!(everybody.passwords_known);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("passwd|passwd root:x:0:0:r:|group|home|password|now|shadow", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = Accounts.parse(&Output::ok(text));
        }
    }
}
