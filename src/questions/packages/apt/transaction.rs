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

/// Lets dpkg finish what was interrupted. Its arguments: seconds to wait for locks, and dpkg's options in one text.
pub const REPAIR: Script = Script {
    name: "dpkg_repair",
    text: concat!(include_str!("locks.sh"), include_str!("wait.sh"), include_str!("repair.sh")),
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
    /// The last lines that apt and dpkg printed.
    pub tail: Vec<String>,
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
        let (log, _) = text.split_once("\n== after ").unwrap_or((&text, ""));
        let sections = Sections::parse(&text);
        let after = sections.lines("after").iter().filter_map(|line| package(line));
        let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        Self {
            packages: after
                .map(|p| PackageAfter { name: p.name, arch: p.arch, version: p.version, state: p.state })
                .collect(),
            conffiles: conffiles(&lines),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// apt 2.6.1 upgrades three packages: one has a changed configuration file, the postinst of another fails.
    const DEBIAN_12: &str = include_str!("captured_debian_12_transaction.txt");

    #[test]
    fn packages_kept_files_and_the_end_of_the_log_are_read_from_what_apt_printed() {
        let report = TransactionReport::parse(&Output { status: 100, ..Output::ok(DEBIAN_12) });
        let state = |name: &str| report.find(name).map(|p| (p.version.as_str(), p.state)).unwrap();
        assert_eq!(state("bar"), ("1.1", PackageState::Installed));
        assert_eq!(state("failpost:all"), ("1.1", PackageState::Broken));
        let kept =
            Conffile { kept: "/etc/confpkg.conf".into(), beside: "/etc/confpkg.conf.dpkg-dist".into() };
        assert_eq!(report.conffiles, [kept]);
        assert_eq!(report.tail.last().unwrap(), "E: Sub-process /usr/bin/dpkg returned an error code (1)");
        assert!(report.tail.iter().any(|line| line == "failpost: cannot migrate the database"));
    }

    #[test]
    fn output_that_was_cut_off_gives_what_is_there() {
        let report = TransactionReport::parse(&Output::ok("Unpacking bar (1.1) over (1.0) ...\n"));
        assert_eq!((report.packages.len(), report.tail.len()), (0, 1));
    }
}
