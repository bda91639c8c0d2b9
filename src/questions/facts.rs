//! Facts: what `ansible_facts` is made of, asked in one go and named as Ansible names it, without the prefix.
//!
//! One script prints lines `word rest`; the files beside this one make facts of them: `distribution`, `disks`, `hardware`,
//! `network` and `system`. What a fact is used for is none of their business.

mod disks;
mod distribution;
mod hardware;
mod network;
mod system;

use super::{Output, ParseError, Question};
use crate::model::{Argv, Map, Script, Subject, Subjects, Value};

/// Asks for facts about the host.
pub struct Facts {
    /// Which of the costlier parts are wanted.
    pub subsets: Vec<Subset>,
    /// Where the host keeps facts of its own.
    pub local_directory: String,
}

/// A part of the facts that costs something to gather.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subset {
    /// Processors, memory, mounts, the machine's maker.
    Hardware,
    /// Interfaces and addresses.
    Network,
    /// Whether the host is a guest.
    Virtual,
}

impl Subset {
    /// Every subset.
    pub const ALL: [Self; 3] = [Self::Hardware, Self::Network, Self::Virtual];

    /// Its name as in `gather_subset`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Network => "network",
            Self::Virtual => "virtual",
        }
    }
}

/// Facts by name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FactSheet {
    /// The facts.
    pub facts: Map,
    /// What could not be gathered, for people.
    pub warnings: Vec<String>,
}

impl Question for Facts {
    type Answer = FactSheet;
    const SCRIPT: Script = Script { name: "facts", text: include_str!("facts/facts.sh") };

    fn args(&self) -> Argv {
        let words: String = self.subsets.iter().map(|s| format!("{} ", s.as_str())).collect();
        [format!(" {words}"), self.local_directory.clone()].into()
    }

    fn reads(&self) -> Subjects {
        let mut reads = vec![Subject::Machine, Subject::Packages, Subject::Users, Subject::Mounts];
        let places = ["/etc", "/proc", "/sys", self.local_directory.as_str()];
        reads.extend(places.map(Subject::path));
        Subjects::These(reads)
    }

    fn parse(&self, output: &Output) -> Result<FactSheet, ParseError> {
        let text = output.text();
        let lines = Lines(text.lines().collect());
        if lines.0.last() != Some(&"end") {
            return Err(ParseError::new("facts that end with 'end'", output));
        }
        let mut sheet = FactSheet::default();
        let facts = &mut sheet.facts;
        distribution::gather(&lines, facts);
        system::gather(&lines, facts);
        let wants = |subset| self.subsets.contains(&subset);
        if wants(Subset::Hardware) {
            hardware::gather(&lines, facts);
        }
        if wants(Subset::Virtual) {
            system::gather_virtualization(&lines, facts);
        }
        if wants(Subset::Network) {
            network::gather(&lines, facts);
        }
        system::gather_local(&lines, facts);
        Ok(sheet)
    }
}

/// The script's lines, `word rest` each.
struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    /// What follows a word, in every line that begins with it.
    fn all(&self, word: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' '))
    }

    /// What follows a word, in the first line that begins with it.
    fn first(&self, word: &str) -> Option<&'a str> {
        self.all(word).next()
    }

    /// The value of a line `word KEY=VALUE`, without quotes.
    fn variable(&self, word: &str, key: &str) -> Option<&'a str> {
        let value = self.all(word).find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.trim().trim_matches(['"', '\'']))
    }
}

fn set(facts: &mut Map, name: &str, value: impl Into<Value>) {
    facts.insert(name.to_owned(), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use serde_json::json;

    /// A lab host with Debian 12, as an account without rights sees it.
    const DEBIAN_12: &str = include_str!("facts/captured_debian_12.txt");

    fn parse(text: &str) -> FactSheet {
        let question =
            Facts { subsets: Subset::ALL.to_vec(), local_directory: "/etc/ansible/facts.d".into() };
        question.parse(&Output::ok(text)).unwrap()
    }

    #[test]
    fn a_debian_host_has_the_facts_that_playbooks_ask_for() {
        let facts = Value::Object(parse(DEBIAN_12).facts);
        for (name, expected) in [
            ("distribution", json!("Debian")),
            ("distribution_version", json!("12.15")),
            ("distribution_major_version", json!("12")),
            ("distribution_release", json!("bookworm")),
            ("os_family", json!("Debian")),
            ("architecture", json!("x86_64")),
            ("system", json!("Linux")),
            ("hostname", json!("h1")),
            ("nodename", json!("h1")),
            ("fqdn", json!("h1.example.org")),
            ("domain", json!("example.org")),
            ("service_mgr", json!("systemd")),
            ("pkg_mgr", json!("apt")),
            ("processor_vcpus", json!(2)),
            ("processor_count", json!(1)),
            ("processor_cores", json!(2)),
            ("processor_threads_per_core", json!(1)),
            ("virtualization_type", json!("systemd-nspawn")),
            ("virtualization_role", json!("guest")),
            ("user_id", json!("audit")),
            ("user_uid", json!(1003)),
            ("user_dir", json!("/home/audit")),
            ("all_ipv4_addresses", json!(["10.213.2.11"])),
            ("interfaces", json!(["lo", "host0"])),
            ("selinux", json!({"status": "disabled"})),
        ] {
            assert_eq!(facts[name], expected, "{name}");
        }
        assert_eq!(facts["default_ipv4"]["address"], "10.213.2.11");
        assert_eq!(facts["default_ipv4"]["interface"], "host0");
        assert_eq!(facts["default_ipv4"]["gateway"], "10.213.2.1");
        assert_eq!(facts["default_ipv4"]["netmask"], "255.255.255.0");
        assert_eq!(facts["default_ipv4"]["network"], "10.213.2.0");
        // Only what the host itself says: this one has none.
        assert_eq!(facts["host0"]["ipv4"]["broadcast"], "");
        assert_eq!(facts["date_time"]["iso8601"], "2026-11-22T01:10:29Z");
        assert_eq!(facts["env"]["HOME"], "/home/audit");
        assert_eq!(facts["lsb"]["codename"], "bookworm");
        assert!(facts["memtotal_mb"].as_u64().unwrap() > 1000);
        assert_eq!(facts["mounts"][0]["mount"], "/srv/repo");
        // It has none; this is the one that it would get.
        assert_eq!(facts["python"]["version"]["minor"], 11);
        assert_eq!(facts["local"], json!({"web": {"general": {"port": "8080"}}, "plain": {"a": [1]}}));
    }

    #[test]
    fn a_network_with_a_broadcast_address_a_container_and_programs_tell_of_themselves() {
        let more = "addr 2: host0    inet 10.213.2.11/24 brd 10.213.2.254 scope global host0\ncontained yes\n\
            systemctl systemd 252 (252.38-1~deb12u1)\nsystemctl +PAM -GNUTLS\n\
            capsh Current: =ep cap_sys_time,cap_bpf-ep\nfips 1\nend";
        let text = DEBIAN_12
            .replace("addr 2: host0    inet 10.213.2.11/24 scope global", "addr 9: none inet 192.0.2.1/24");
        let facts = Value::Object(parse(&text.replace("\nend", &format!("\n{more}"))).facts);
        for (name, expected) in [
            ("virtualization_type", json!("container")),
            ("virtualization_tech_guest", json!(["container", "systemd-nspawn"])),
            ("systemd", json!({"version": 252, "features": "+PAM -GNUTLS"})),
            ("system_capabilities_enforced", json!("True")),
            ("system_capabilities", json!(["ep cap_sys_time", "cap_bpf-ep"])),
            ("fips", json!(true)),
        ] {
            assert_eq!(facts[name], expected, "{name}");
        }
        assert_eq!(facts["host0"]["ipv4"]["broadcast"], "10.213.2.254");
    }

    #[test]
    fn disks_have_partitions_holders_and_other_names() {
        let more = "flags fpu vme\ndisk sda\t0\t512\t1\t4194304\t4096\tnone [mq-deadline]\t\t\t\tATA     \tST1000 X\n\
            part sda\tsda1\t2048\t2097152\nholder sda1\tdm-0\tvg-root\n\
            disk dm-0\t0\t0\t1\t2048\t512\tnone\tvg-root\t\t\t\t\n\
            link_to /dev/disk/by-id:\nlink_to lrwxrwxrwx 1 root root 9 Nov 28 22:49 ata-ST1000 -> ../../sda\n\
            link_to /dev/disk/by-uuid:\nlink_to lrwxrwxrwx 1 root root 10 Nov 28 22:49 1b2c -> ../../dm-0\n\
            mount /dev/mapper/vg-root / ext4 rw 0 1\nspace 4096 4096 1000 400 500 450 /\nend";
        let facts = Value::Object(parse(&DEBIAN_12.replace("\nend", &format!("\n{more}"))).facts);
        let disk = &facts["devices"]["sda"];
        for (name, expected) in [
            ("size", json!("2.00 GB")),
            ("sectorsize", json!("4096")),
            ("scheduler_mode", json!("mq-deadline")),
            ("vendor", json!("ATA")),
            ("model", json!("ST1000 X")),
            ("sas_address", json!(null)),
        ] {
            assert_eq!(disk[name], expected, "{name}");
        }
        assert_eq!(disk["links"]["ids"], json!(["ata-ST1000"]));
        assert_eq!(disk["partitions"]["sda1"]["holders"], json!(["vg-root"]));
        assert_eq!(disk["partitions"]["sda1"]["links"]["masters"], json!(["dm-0"]));
        assert_eq!(disk["partitions"]["sda1"]["start"], "2048");
        assert_eq!(facts["device_links"]["uuids"], json!({"dm-0": ["1b2c"]}));
        assert_eq!(facts["flags"], json!(["fpu", "vme"]));
        let mount = facts["mounts"].as_array().unwrap().iter().find(|m| m["mount"] == "/").unwrap();
        for (name, expected) in [
            ("uuid", json!("1b2c")),
            ("passno", json!(1)),
            ("size_total", json!(4_096_000)),
            ("block_used", json!(600)),
            ("inode_used", json!(50)),
        ] {
            assert_eq!(mount[name], expected, "{name}");
        }
    }

    #[test]
    fn every_shell_here_gives_facts_of_this_machine() {
        for bench in Workbench::every_shell() {
            let question = Facts { subsets: Subset::ALL.to_vec(), local_directory: bench.path("none") };
            let output = bench.run(Facts::SCRIPT, &question.args(), None);
            let sheet = question.parse(&output).unwrap_or_else(|e| panic!("{}: {e}", bench.name()));
            for name in
                ["kernel", "nodename", "memtotal_mb", "processor_vcpus", "date_time", "user_id", "devices"]
            {
                assert!(sheet.facts.contains_key(name), "{name} in {}", bench.name());
            }
        }
    }

    #[test]
    fn a_program_for_facts_that_fails_says_so_in_place_of_its_fact() {
        use std::os::unix::fs::PermissionsExt as _;
        for bench in Workbench::every_shell() {
            let folder = bench.path("facts.d");
            std::fs::create_dir(&folder).unwrap();
            for (name, text) in [
                ("bad", "#!/bin/sh\necho '{}'\necho oops >&2\nexit 3\n"),
                ("good", "#!/bin/sh\necho noise >&2\nprintf '[a]\\nb=1\\n'\n"),
            ] {
                let file = format!("{folder}/{name}.fact");
                std::fs::write(&file, text).unwrap();
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
            let question = Facts { subsets: Vec::new(), local_directory: folder.clone() };
            let sheet = question.parse(&bench.run(Facts::SCRIPT, &question.args(), None)).unwrap();
            let why = format!("Failure executing fact script ({folder}/bad.fact), rc: 3, err: oops\n");
            let local = json!({"bad": why, "good": {"a": {"b": "1"}}});
            assert_eq!(sheet.facts["local"], local, "{}", bench.name());
        }
    }

    #[test]
    fn output_whose_end_is_missing_is_refused() {
        let question = Facts { subsets: Vec::new(), local_directory: "/x".into() };
        assert!(question.parse(&Output::ok("os ID=debian\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(word in "os|cpu|link|disk|part|holder|link_to|space|flags|addr|route4|df|mount|date|id|passwd|env|mem|hostkey", rest in "[ -~]{0,60}") {
            parse(&format!("{word} {rest}\nend\n"));
        }
    }
}
