//! Changing packages: the scripts, their arguments, and what the transaction's output says about each package.

use super::package;
use super::sections::Sections;
use crate::model::{Argv, Script};
use crate::questions::Output;
use crate::questions::packages::{PackageState, Plan};
use std::time::Duration;

/// Installs, upgrades or removes exactly what a [`Plan`] says; see [`transaction_args`].
pub const TRANSACTION: Script = Script {
    name: "apt_transaction",
    text: concat!(
        include_str!("scratch.sh"),
        include_str!("locks.sh"),
        include_str!("wait.sh"),
        include_str!("tongue.sh"),
        include_str!("transaction.sh")
    ),
};

/// Refreshes the package lists. Its argument: for how many seconds to wait for locks.
pub const UPDATE_LISTS: Script = Script {
    name: "apt_update_lists",
    text: concat!(
        include_str!("scratch.sh"),
        include_str!("locks.sh"),
        include_str!("wait.sh"),
        include_str!("update_lists.sh")
    ),
};

/// What a refresh prints where nothing came of it.
pub const LISTS_AS_THEY_WERE: &str = "wgops: the lists are as they were";

/// Lets dpkg finish what was interrupted. Its arguments: seconds to wait for locks, and dpkg's options in one text.
pub const REPAIR: Script = Script {
    name: "dpkg_repair",
    text: concat!(
        include_str!("locks.sh"),
        include_str!("wait.sh"),
        include_str!("tongue.sh"),
        include_str!("repair.sh")
    ),
};

/// Throws downloaded packages away. Its arguments: `apt-get`'s word for which, and seconds to wait for locks.
pub const CLEAN: Script = Script {
    name: "apt_clean",
    text: concat!(include_str!("locks.sh"), include_str!("wait.sh"), include_str!("clean.sh")),
};

/// What a transaction's output says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransactionReport {
    /// Every planned package as it was afterwards.
    pub packages: Vec<PackageAfter>,
    /// Configuration files that were kept as they are although the package brought new ones.
    pub conffiles: Vec<Conffile>,
    /// Files that an interrupted change left beside configuration files.
    pub leftovers: Vec<String>,
    /// Scripts of packages that failed.
    pub failures: Vec<ScriptFailure>,
    /// The last lines that apt and dpkg printed.
    pub tail: Vec<String>,
}

/// A script of a package that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptFailure {
    /// The package.
    pub package: String,
    /// Which of its scripts, in dpkg's words, and how it ended.
    pub what: String,
    /// The last lines that it printed.
    pub said: Vec<String>,
}

/// A package after a transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PackageAfter {
    /// Its name without architecture.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its version; empty when it is not there.
    pub version: String,
    /// In which state it is.
    pub state: PackageState,
}

/// A configuration file that was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conffile {
    /// The file that was kept.
    pub kept: String,
    /// The package's own version, left beside it.
    pub beside: String,
}

/// The arguments of [`TRANSACTION`]: how long to wait for locks, what exactly has to come out of it, dpkg's options
/// (`force-confold`), and `apt-get`'s command line.
pub fn transaction_args(
    patience: Duration,
    plan: &Plan,
    dpkg_options: &str,
    command_line: &[String],
) -> Argv {
    let mut expected: Vec<String> =
        plan.installs.iter().map(|i| format!("Inst {} {}", i.name, i.to)).collect();
    expected.extend(plan.removes.iter().map(|name| format!("Remv {name}")));
    expected.sort();
    expected.dedup();
    let mut args = vec![patience.as_secs().to_string(), expected.join("\n"), dpkg_options.to_owned()];
    args.extend_from_slice(command_line);
    args.into()
}

impl TransactionReport {
    /// How many lines of what apt printed are kept.
    const TAIL_LINES: usize = 30;

    /// Reads the output of [`TRANSACTION`]; what is missing in it is empty here.
    pub fn parse(output: &Output) -> Self {
        let text = output.text();
        let cut = text.split_once("\n== left ").or_else(|| text.split_once("\n== after "));
        let (log, _) = cut.unwrap_or((&text, ""));
        let sections = Sections::parse(&text);
        let after = sections.lines("after").iter().filter_map(|line| package(line));
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut conffiles = conffiles(&lines);
        let (left, leftovers) = left_behind(sections.lines("left"));
        conffiles.extend(left.into_iter().filter(|left| !conffiles.contains(left)).collect::<Vec<_>>());
        Self {
            packages: after
                .map(|p| PackageAfter { name: p.name, arch: p.arch, version: p.version, state: p.state })
                .collect(),
            conffiles,
            leftovers,
            failures: failures(&lines),
            tail: lines.iter().rev().take(Self::TAIL_LINES).rev().map(|&line| line.to_owned()).collect(),
        }
    }

    /// How a package ended, by its name with or without architecture.
    pub fn find(&self, name: &str) -> Option<&PackageAfter> {
        let (name, arch) = name.split_once(':').unwrap_or((name, ""));
        self.packages.iter().find(|p| p.name == name && (arch.is_empty() || p.arch == arch))
    }
}

/// dpkg names the file, then says why it asks, then what it does.
///
/// # Source
/// dpkg 1.21: `Configuration file '/etc/x'`, ` ==> Using current old file as you requested.` or
/// ` ==> Keeping old config file as default.`
fn conffiles(lines: &[&str]) -> Vec<Conffile> {
    let mut named = None;
    let mut kept = Vec::new();
    for line in lines {
        if let Some(file) = line.strip_prefix("Configuration file '") {
            named = file.strip_suffix('\'');
        } else if (line.contains("==> Using current old file")
            || line.contains("==> Keeping old config file"))
            && let Some(file) = named.take()
        {
            kept.push(Conffile { kept: file.to_owned(), beside: format!("{file}.dpkg-dist") });
        }
    }
    kept
}

/// Files that appeared in `/etc`: new versions beside what was kept, and what an interruption left.
fn left_behind(files: &[&str]) -> (Vec<Conffile>, Vec<String>) {
    let (mut kept, mut leftovers) = (Vec::new(), Vec::new());
    for file in files {
        match file.strip_suffix(".dpkg-dist").or_else(|| file.strip_suffix(".ucf-dist")) {
            Some(name) => kept.push(Conffile { kept: name.to_owned(), beside: (*file).to_owned() }),
            None => leftovers.push((*file).to_owned()),
        }
    }
    (kept, leftovers)
}

/// What dpkg prints when it turns to the next package or script: what is printed from there on is that one's.
const TURNS: [&str; 6] =
    ["Setting up ", "Unpacking ", "Preparing to unpack ", "Removing ", "Purging ", "Processing triggers "];

/// dpkg says which package failed at what; on the next line, indented, which script and how. Before that stands what the
/// script itself said.
///
/// # Source
/// dpkg 1.21: `dpkg: error processing package x (--configure):`, ` installed x package post-installation script subprocess
/// returned error exit status 1`.
fn failures(lines: &[&str]) -> Vec<ScriptFailure> {
    const SAID_MAX: usize = 3;
    let mut failures = Vec::new();
    let mut begun = 0;
    for (at, line) in lines.iter().enumerate() {
        if TURNS.iter().any(|turn| line.starts_with(turn)) {
            begun = at + 1;
        }
        let Some(rest) = line.strip_prefix("dpkg: error processing ") else { continue };
        let why = lines.get(at + 1).map(|next| next.trim()).unwrap_or_default();
        if let Some((what, status)) = why.split_once(" subprocess ")
            && let Some((_, script)) = what.split_once(" package ")
        {
            let package = rest.trim_start_matches("package ").trim_start_matches("archive ");
            let said = lines.get(begun..at).unwrap_or_default();
            failures.push(ScriptFailure {
                package: package.split(' ').next().unwrap_or(package).to_owned(),
                what: format!("{script} {status}"),
                said: said.iter().rev().take(SAID_MAX).rev().map(|line| line.trim().to_owned()).collect(),
            });
        }
        begun = at + 2;
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    /// apt 2.6.1 upgrades three packages: one has a changed configuration file, the postinst of another fails.
    const DEBIAN_12: &str = include_str!("captured_debian_12_transaction.txt");

    #[test]
    fn scripts_of_packages_run_in_english_and_utf8_whatever_the_host_speaks() {
        const ASK: Script = Script {
            name: "ask",
            text: concat!(
                include_str!("tongue.sh"),
                "export LANGUAGE=de\n",
                r#"(in_utf8 sh -c 'echo "$LC_ALL $LANG ${LANGUAGE-unset} $1"' sh "a b")"#
            ),
        };
        let there = ["C.utf8", "C.UTF-8"]
            .into_iter()
            .find(|name| std::path::Path::new("/usr/lib/locale").join(name).is_dir());
        for bench in Workbench::every_shell() {
            let said = bench.run(ASK, &Argv::default(), None);
            let expected = match there {
                Some(name) => format!("{name} {name} unset a b\n"),
                None => "C  de a b\n".into(),
            };
            assert_eq!(said.text(), expected, "{}", bench.name());
        }
    }

    #[test]
    fn packages_kept_files_and_the_end_of_the_log_are_read_from_what_apt_printed() {
        let report = TransactionReport::parse(&Output { status: 100, ..Output::ok(DEBIAN_12) });
        let state = |name: &str| report.find(name).map(|p| (p.version.as_str(), p.state)).unwrap();
        assert_eq!(state("bar"), ("1.1", PackageState::Installed));
        assert_eq!(state("failpost:all"), ("1.1", PackageState::Broken));
        let kept =
            Conffile { kept: "/etc/confpkg.conf".into(), beside: "/etc/confpkg.conf.dpkg-dist".into() };
        assert_eq!(report.conffiles, [kept]);
        let failed = ScriptFailure {
            package: "failpost".into(),
            what: "post-installation script returned error exit status 1".into(),
            said: vec!["failpost: cannot migrate the database".into()],
        };
        assert_eq!(report.failures, [failed]);
        assert_eq!(report.tail.last().unwrap(), "E: Sub-process /usr/bin/dpkg returned an error code (1)");
        assert!(report.tail.iter().any(|line| line == "failpost: cannot migrate the database"));
    }

    #[test]
    fn what_was_left_beside_configuration_files_is_told_apart() {
        let report = TransactionReport::parse(&Output::ok(
            "Setting up x (1) ...\n== left 0\n/etc/x.conf.ucf-dist\n/etc/y.conf.dpkg-new\n== end\n",
        ));
        assert_eq!(report.conffiles[0].kept, "/etc/x.conf");
        assert_eq!(report.leftovers, ["/etc/y.conf.dpkg-new"]);
    }

    #[test]
    fn output_that_was_cut_off_gives_what_is_there() {
        let report = TransactionReport::parse(&Output::ok("Unpacking bar (1.1) over (1.0) ...\n"));
        assert_eq!((report.packages.len(), report.tail.len()), (0, 1));
    }
}
