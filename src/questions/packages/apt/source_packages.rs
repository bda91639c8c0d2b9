//! The source packages behind what is installed: advisories are about those.

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks which source package, in which version, each installed package was built from. `None` where there is no dpkg.
pub struct SourcePackages;

/// An installed package and its source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SourcePackage {
    /// The installed package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The source package.
    pub source: String,
    /// The source package's version.
    pub source_version: String,
}

impl Question for SourcePackages {
    type Answer = Option<Vec<SourcePackage>>;
    const SCRIPT: Script = Script { name: "source_packages", text: include_str!("source_packages.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages].into()
    }

    fn parse(&self, output: &Output) -> Result<Option<Vec<SourcePackage>>, ParseError> {
        let text = output.text();
        if text.trim() == "absent" {
            return Ok(None);
        }
        let lines: Option<Vec<Option<SourcePackage>>> = text.lines().map(line).collect();
        let expected = "STATUS|NAME|VERSION|SOURCE|VERSION lines";
        let packages: Vec<SourcePackage> =
            lines.ok_or_else(|| ParseError::new(expected, output))?.into_iter().flatten().collect();
        // A dpkg that knows of nothing at all has a database that can't be read.
        if output.status != 0 || packages.is_empty() {
            return Err(ParseError::new(expected, output));
        }
        Ok(Some(packages))
    }
}

/// Reads `ii |libssl3|3.0.11-1|openssl|3.0.11-1`; `Some(None)` for what is not unpacked on the host.
fn line(line: &str) -> Option<Option<SourcePackage>> {
    let fields: Vec<&str> = line.split('|').collect();
    let [status, package, version, source, source_version] = fields.as_slice() else { return None };
    let unpacked = !matches!(status.chars().nth(1)?, 'n' | 'c' | 'H');
    let known = [*package, *version, *source, *source_version].map(str::to_owned);
    let [package, version, source, source_version] = known;
    Some(unpacked.then_some(SourcePackage { package, version, source, source_version }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    fn parsed(text: &str) -> Result<Option<Vec<SourcePackage>>, ParseError> {
        SourcePackages.parse(&Output::ok(text))
    }

    #[test]
    fn what_is_unpacked_has_a_source_and_what_was_removed_has_none() {
        let text = "ii |libssl3|3.0.11-1+b1|openssl|3.0.11-1\nrc |old|1|old|1\niU |half|2|half|2\n";
        let all = parsed(text).unwrap().unwrap();
        let names: Vec<&str> = all.iter().map(|one| one.package.as_str()).collect();
        assert_eq!(names, ["libssl3", "half"]);
        assert_eq!((all[0].source.as_str(), all[0].source_version.as_str()), ("openssl", "3.0.11-1"));
    }

    #[test]
    fn no_dpkg_is_told_apart_from_one_that_says_nothing() {
        assert_eq!(parsed("absent\n").unwrap(), None);
        assert!(parsed("").is_err() && parsed("ii |x|1\n").is_err() && parsed("|||||\n").is_err());
    }

    #[test]
    fn every_shell_asks_this_machines_dpkg() {
        for bench in Workbench::every_shell() {
            let output = bench.run(SourcePackages::SCRIPT, &SourcePackages.args(), None);
            let Some(all) = SourcePackages.parse(&output).unwrap() else { continue };
            assert!(all.iter().any(|one| one.source == "dpkg"), "{}", bench.name());
        }
    }
}
