//! Which release of which distribution a host runs. How long that one is supported is for `crate::modules` to say.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks which release of which distribution the host runs.
pub struct WhichRelease;

/// A release, by its own word (`os-release(5)`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Release {
    /// The distribution: `debian`; empty where the host doesn't say.
    pub id: String,
    /// The release: `12`; empty where there are none, as in Debian's testing.
    pub version: String,
    /// Its code name, if it has one: `bookworm`.
    pub codename: String,
    /// Its name for people.
    pub name: String,
    /// The host's time, in seconds since 1970.
    pub now: i64,
    /// Whether a source of the distribution's extended support is configured.
    pub extended: bool,
}

impl Question for WhichRelease {
    type Answer = Release;
    const SCRIPT: Script = Script { name: "release", text: include_str!("release/release.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        let paths = ["/etc/os-release", "/usr/lib/os-release", "/etc/apt"].map(Subject::path);
        Subjects::These([&paths[..], &[Subject::Packages]].concat())
    }

    fn parse(&self, output: &Output) -> Result<Release, ParseError> {
        let text = output.text();
        let (mut release, mut extended) = (Release::default(), Vec::new());
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("os", assignment)) => release.take(assignment),
                Some(("now", seconds)) => release.now = seconds.parse().unwrap_or(0),
                Some(("extended", id)) => extended.push(id),
                _ => return Err(ParseError::new("lines 'os', 'now', 'extended'", output)),
            }
        }
        if release.now == 0 {
            return Err(ParseError::new("a line 'now SECONDS'", output));
        }
        release.extended = extended.contains(&release.id.as_str());
        Ok(release)
    }
}

impl Release {
    fn take(&mut self, assignment: &str) {
        let Some((key, value)) = assignment.split_once('=') else { return };
        let value = value.trim().trim_matches(['"', '\'']).to_owned();
        match key {
            "ID" => self.id = value,
            "VERSION_ID" => self.version = value,
            "VERSION_CODENAME" => self.codename = value,
            "PRETTY_NAME" => self.name = value,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn every_shell_tells_which_release_this_machine_runs() {
        for bench in Workbench::every_shell() {
            let output = bench.run(WhichRelease::SCRIPT, &WhichRelease.args(), None);
            let release = WhichRelease.parse(&output).unwrap();
            assert!(!release.id.is_empty() && release.now > 1_700_000_000, "{release:?}");
        }
    }

    #[test]
    fn extended_support_counts_for_its_own_distribution_alone() {
        let says = |lines: &str| WhichRelease.parse(&Output::ok(format!("now 5\n{lines}"))).unwrap();
        let ubuntu = "os ID=ubuntu\nos VERSION_ID=\"20.04\"\nos PRETTY_NAME=\"Ubuntu 20.04.6 LTS\"\n";
        assert!(says(&format!("{ubuntu}extended ubuntu\n")).extended);
        assert!(!says(&format!("{ubuntu}extended debian\n")).extended);
        assert_eq!(says(ubuntu).version, "20.04");
        assert_eq!(says("").id, "");
        assert!(WhichRelease.parse(&Output::ok("os ID=debian\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("os|os ID=|now|extended", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = WhichRelease.parse(&Output::ok(text));
        }
    }
}
