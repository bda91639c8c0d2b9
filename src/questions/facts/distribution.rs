//! Which distribution this is, in Ansible's words.
//!
//! # Source
//! os-release(5); the names and families are those that ansible-core 2.19 documents for `ansible_distribution` and
//! `ansible_os_family`.

use super::{Lines, set};
use crate::model::Map;
use serde_json::json;

/// os-release's ID, Ansible's name, Ansible's family.
const KNOWN: &[(&str, &str, &str)] = &[
    ("debian", "Debian", "Debian"),
    ("ubuntu", "Ubuntu", "Debian"),
    ("raspbian", "Raspbian", "Debian"),
    ("devuan", "Devuan", "Debian"),
    ("kali", "Kali", "Debian"),
    ("linuxmint", "Linux Mint", "Debian"),
    ("pop", "Pop!_OS", "Debian"),
    ("rhel", "RedHat", "RedHat"),
    ("centos", "CentOS", "RedHat"),
    ("rocky", "Rocky", "RedHat"),
    ("almalinux", "AlmaLinux", "RedHat"),
    ("fedora", "Fedora", "RedHat"),
    ("ol", "OracleLinux", "RedHat"),
    ("amzn", "Amazon", "RedHat"),
    ("opensuse-leap", "openSUSE Leap", "Suse"),
    ("opensuse-tumbleweed", "openSUSE Tumbleweed", "Suse"),
    ("sles", "SLES", "Suse"),
    ("alpine", "Alpine", "Alpine"),
    ("arch", "Archlinux", "Archlinux"),
    ("manjaro", "Manjaro", "Archlinux"),
    ("gentoo", "Gentoo", "Gentoo"),
    ("void", "Void", "Void"),
];

pub(super) fn gather(lines: &Lines<'_>, facts: &mut Map) {
    let id = lines.variable("os", "ID").unwrap_or("linux");
    let known = |id: &str| KNOWN.iter().find(|(known, _, _)| *known == id).copied();
    let like = || lines.variable("os", "ID_LIKE").unwrap_or_default().split(' ').find_map(known);
    let name = known(id).map(|k| k.1.to_owned()).unwrap_or_else(|| capitalised(id));
    let family = known(id).or_else(like).map_or(name.clone(), |k| k.2.to_owned());
    let version_id = lines.variable("os", "VERSION_ID").unwrap_or_default();
    // Debian keeps its point release elsewhere; a release in the making has a name there instead.
    let point =
        lines.first("debian").filter(|v| id == "debian" && v.starts_with(|c: char| c.is_ascii_digit()));
    let version = match (point.unwrap_or(version_id), id) {
        ("", "arch" | "manjaro" | "gentoo") => "rolling",
        ("", _) => "NA",
        (version, _) => version,
    };
    let major = version.split('.').next().unwrap_or(version);
    let release = lines.variable("os", "VERSION_CODENAME").unwrap_or("NA");
    set(facts, "distribution", name.as_str());
    set(facts, "distribution_version", version);
    set(facts, "distribution_major_version", major);
    if let Some((_, minor)) = version.split_once('.') {
        set(facts, "distribution_minor_version", minor);
    }
    set(facts, "distribution_release", release);
    set(facts, "distribution_file_variety", family.as_str());
    set(facts, "os_family", family);
    let description = lines.variable("os", "PRETTY_NAME").unwrap_or_default();
    let lsb = json!({"id": name, "description": description, "release": version_id, "major_release": major, "codename": release});
    set(facts, "lsb", lsb);
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(text: &str) -> serde_json::Value {
        let mut facts = Map::new();
        gather(&Lines(text.lines().collect()), &mut facts);
        facts.into()
    }

    #[test]
    fn distributions_have_ansibles_names_versions_and_families() {
        let cases = [
            (
                "os ID=ubuntu\nos VERSION_ID=\"22.04\"\nos VERSION_CODENAME=jammy\ndebian bookworm/sid",
                ["Ubuntu", "22.04", "22", "jammy", "Debian"],
            ),
            (
                "os ID=\"rocky\"\nos VERSION_ID=\"9.4\"\nos ID_LIKE=\"rhel centos fedora\"",
                ["Rocky", "9.4", "9", "NA", "RedHat"],
            ),
            (
                "os ID=debian\nos VERSION_CODENAME=trixie\ndebian trixie/sid",
                ["Debian", "NA", "NA", "trixie", "Debian"],
            ),
            ("os ID=arch\nos BUILD_ID=rolling", ["Archlinux", "rolling", "rolling", "NA", "Archlinux"]),
            (
                "os ID=neon\nos ID_LIKE=\"ubuntu debian\"\nos VERSION_ID=24.04",
                ["Neon", "24.04", "24", "NA", "Debian"],
            ),
            ("", ["Linux", "NA", "NA", "NA", "Linux"]),
        ];
        for (text, expected) in cases {
            let facts = facts(text);
            let names = [
                "distribution",
                "distribution_version",
                "distribution_major_version",
                "distribution_release",
                "os_family",
            ];
            assert_eq!(names.map(|name| facts[name].as_str().unwrap()), expected, "{text}");
        }
    }
}
