//! What each kind of finding says, for formats that describe their rules.

use crate::model::{FindingKind, Severity};

/// One sentence on what a finding of the kind says.
pub(super) fn says(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::SecurityUpdate => "A security update waits to be installed.",
        FindingKind::Vulnerability => "An installed package has a vulnerability that advisories know of.",
        FindingKind::NotAssessed => "Something could not be looked at, so nothing is known of it.",
        FindingKind::EndOfLife => "The release gets no security updates any more, or soon will not.",
        FindingKind::Repository => "A package source is not signed, or can't be read.",
        FindingKind::RebootNeeded => "The host runs what was replaced on disk until it is rebooted.",
        FindingKind::ServiceRestart => "A service still runs on files that were replaced.",
        FindingKind::Update => "An update waits that is not for security.",
        FindingKind::HeldBack => "A package is kept back from its update.",
        FindingKind::StaleLists => "The host's package lists are old, so newer updates may be missing.",
        FindingKind::BrokenPackages => "A package operation was interrupted or left half done.",
        FindingKind::AutomaticUpdates => "The host does not update itself as it should.",
        FindingKind::ForeignPackage => "A package comes from no source that the host has.",
        FindingKind::FailedUnit => "A unit of systemd has failed.",
        FindingKind::LowDisk => "A file system is nearly full.",
        FindingKind::Suppression => "A suppression has expired or suppresses nothing.",
        FindingKind::Check => "A check of the group's own playbooks did not hold.",
    }
}

/// What to do about a finding of the kind, where the finding itself does not say.
pub(super) fn help(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::SecurityUpdate => "Install it with `wgops patch --security`.",
        FindingKind::Vulnerability => {
            "Install the fixed version, or follow the advisory where there is none yet."
        }
        FindingKind::NotAssessed => "Put right what stands in the way, and audit the host again.",
        FindingKind::EndOfLife => "Plan the upgrade to a release that is looked after.",
        FindingKind::Repository => "Repair the source, or take it out.",
        FindingKind::RebootNeeded => "Reboot the host, or patch it with `wgops patch --reboot if-needed`.",
        FindingKind::ServiceRestart => "Restart the service.",
        FindingKind::Update => "Install it with `wgops patch`.",
        FindingKind::HeldBack => "See why it is kept back, and decide.",
        FindingKind::StaleLists => "Let the host refresh its lists daily.",
        FindingKind::BrokenPackages => "Let dpkg finish: `dpkg --configure -a`.",
        FindingKind::AutomaticUpdates => "Set automatic updates up as the group wants them.",
        FindingKind::ForeignPackage => "Find out where it came from, and whether anybody looks after it.",
        FindingKind::FailedUnit => "See why it failed: `systemctl status UNIT`.",
        FindingKind::LowDisk => "Free space before the next update needs it.",
        FindingKind::Suppression => "Renew it with a reason, or take it out of inventory/suppressions.yml.",
        FindingKind::Check => "See what the check says.",
    }
}

/// A severity on the scale from 0 to 10 that code scanning sorts by.
pub(super) fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.0",
    }
}

/// A kind in PascalCase, as rules are named: `SecurityUpdate`.
pub(super) fn name(kind: FindingKind) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
    };
    kind.to_string().split('-').map(capital).collect()
}
