//! Installed packages whose version is in none of apt's sources.

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::packages::debian_order;
use crate::questions::{Output, ParseError, Question};

/// Asks for installed packages whose version is in none of the sources. `None` where there is no apt.
pub struct Unlisted;

/// What is in no source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Strays {
    /// No list of packages was fetched: nothing can be said.
    NoLists,
    /// These packages.
    These(Vec<Stray>),
}

/// An installed package whose version is in no source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stray {
    /// Its name, with the architecture where it is a foreign one.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The newest version that the sources have, if they have the package at all.
    pub offered: Option<String>,
}

impl Stray {
    /// Whether a source has a newer version, so that an update brings it back to what is listed.
    pub fn is_behind(&self) -> bool {
        self.offered.as_ref().is_some_and(|offered| debian_order(offered, &self.version).is_gt())
    }
}

impl Question for Unlisted {
    type Answer = Option<Strays>;
    const SCRIPT: Script = Script { name: "apt_unlisted", text: include_str!("foreign.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages, Subject::path("/etc/apt"), Subject::path("/var/lib/apt")].into()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        let text = output.text();
        let mut lines = text.lines();
        match lines.next() {
            Some("absent") => Ok(None),
            Some("nolists") => Ok(Some(Strays::NoLists)),
            Some("lists") => {
                let strays: Option<Vec<Stray>> = lines.map(stray).collect();
                let strays =
                    strays.ok_or_else(|| ParseError::new("lines 'package NAME VERSION …'", output))?;
                Ok(Some(Strays::These(strays)))
            }
            _ => Err(ParseError::new("'lists', 'nolists' or 'absent'", output)),
        }
    }
}

fn stray(line: &str) -> Option<Stray> {
    let mut words = line.strip_prefix("package ")?.split_whitespace().map(str::to_owned);
    let (name, version) = (words.next()?, words.next()?);
    let offered = words.max_by(|a, b| debian_order(a, b));
    Some(Stray { name, version, offered })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_come_with_the_newest_version_that_sources_have() {
        let text = "lists\npackage gone 1.0\npackage old 1.0 1.2 1.10\npackage new 2.0 1.9\n";
        let Some(Strays::These(strays)) = Unlisted.parse(&Output::ok(text)).unwrap() else { panic!("none") };
        let seen: Vec<_> =
            strays.iter().map(|s| (s.name.as_str(), s.offered.as_deref(), s.is_behind())).collect();
        assert_eq!(seen, [("gone", None, false), ("old", Some("1.10"), true), ("new", Some("1.9"), false)]);
        assert_eq!(Unlisted.parse(&Output::ok("nolists\n")).unwrap(), Some(Strays::NoLists));
        assert_eq!(Unlisted.parse(&Output::ok("absent\n")).unwrap(), None);
        assert!(Unlisted.parse(&Output::ok("")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("lists|package", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = Unlisted.parse(&Output::ok(text));
        }
    }
}
