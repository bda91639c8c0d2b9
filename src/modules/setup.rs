//! `setup`: facts about the host, below `ansible_facts` and, with the prefix `ansible_`, at the top. One question.

use super::updates::fits;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, nearest};
use crate::questions::Stop;
use crate::questions::facts::{Facts, Subset};

/// The module.
pub static MODULE: Module = Module {
    name: "setup",
    aliases: &["gather_facts"],
    summary: "Gathers facts about the host",
    params: &[
        Param::optional(
            "gather_subset",
            Kind::List,
            "which facts: all, min, hardware, network, virtual; ! leaves out",
        )
        .default("all"),
        Param::optional("filter", Kind::List, "only facts whose name fits; * stands for any text"),
        Param::optional("fact_path", Kind::Path, "where the host keeps facts of its own")
            .starts()
            .default("/etc/ansible/facts.d"),
        Param::optional("gather_timeout", Kind::Int, "taken and not needed: nothing here waits"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Gather facts about the network alone
  setup:
    gather_subset: ["!all", network]
- name: Gather facts by their name
  setup: {filter: "ansible_distribution*"}
"#,
        returns: &[Returned { name: "ansible_facts", help: "the facts" }],
    },
    effect: Effect::Facts(super::Facts::Gathered),
    diff,
    result: plain_result,
};

/// Parts that cost nothing and are always gathered, and programs that nothing is asked of; Ansible has names for each, and
/// takes some facts' names for that of their part.
const ALWAYS: &[&str] = &[
    "min",
    "apparmor",
    "architecture",
    "caps",
    "chroot",
    "cmdline",
    "date_time",
    "distribution",
    "distribution_major_version",
    "distribution_release",
    "distribution_version",
    "dns",
    "effective_group_ids",
    "effective_user_id",
    "env",
    "facter",
    "fibre_channel_wwn",
    "fips",
    "is_chroot",
    "iscsi",
    "kernel",
    "kernel_version",
    "local",
    "lsb",
    "loadavg",
    "machine",
    "machine_id",
    "nvme",
    "ohai",
    "os_family",
    "pkg_mgr",
    "platform",
    "python",
    "python_version",
    "real_user_id",
    "selinux",
    "service_mgr",
    "ssh_host_key_dsa_public",
    "ssh_host_key_ecdsa_public",
    "ssh_host_key_ed25519_public",
    "ssh_host_key_rsa_public",
    "ssh_host_pub_keys",
    "ssh_pub_keys",
    "system",
    "system_capabilities",
    "system_capabilities_enforced",
    "systemd",
    "user",
    "user_dir",
    "user_gecos",
    "user_gid",
    "user_id",
    "user_shell",
    "user_uid",
];

/// Ansible's finer names, and the subset that holds them.
const WITHIN: &[(&str, Subset)] = &[
    ("devices", Subset::Hardware),
    ("mounts", Subset::Hardware),
    ("dmi", Subset::Hardware),
    ("processor", Subset::Hardware),
    ("processor_cores", Subset::Hardware),
    ("processor_count", Subset::Hardware),
    ("memory", Subset::Hardware),
    ("interfaces", Subset::Network),
    ("default_ipv4", Subset::Network),
    ("default_ipv6", Subset::Network),
    ("all_ipv4_addresses", Subset::Network),
    ("all_ipv6_addresses", Subset::Network),
    ("virtualization_type", Subset::Virtual),
    ("virtualization_role", Subset::Virtual),
    ("virtualization_tech_guest", Subset::Virtual),
    ("virtualization_tech_host", Subset::Virtual),
];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let subsets = subsets(&args.list("gather_subset"))?;
    let local_directory = args.needed("fact_path")?.to_owned();
    let sheet = host.get(Facts { subsets, local_directory })?;
    let filter = args.list("filter");
    let wanted = |name: &str| {
        let prefixed = format!("ansible_{name}");
        filter.is_empty() || filter.iter().any(|pattern| fits(pattern, &prefixed) || fits(pattern, name))
    };
    let facts: Map =
        sheet.facts.iter().filter(|(name, _)| wanted(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
    Ok(Outcome { facts, warnings: sheet.warnings.clone(), ..Outcome::default() })
}

/// Which costly parts a list of words asks for: `!network` leaves one out, `!all` all of them.
fn subsets(words: &[&str]) -> Result<Vec<Subset>, Stop> {
    let named: Vec<&&str> = words.iter().filter(|w| !w.starts_with('!')).collect();
    let mut wanted = if named.is_empty() || named.iter().any(|w| **w == "all") {
        Subset::ALL.to_vec()
    } else {
        Vec::new()
    };
    for word in words {
        let name = word.strip_prefix('!').unwrap_or(word);
        let meant = meant_by(name)?;
        if word.starts_with('!') {
            wanted.retain(|subset| !meant.contains(subset));
        }
    }
    // What is asked for by its own name comes even beside `!all`.
    for name in named.iter().filter(|w| ***w != "all") {
        wanted.extend(
            meant_by(name)?.into_iter().filter(|s| !words.contains(&format!("!{}", s.as_str()).as_str())),
        );
    }
    Ok(Subset::ALL.into_iter().filter(|subset| wanted.contains(subset)).collect())
}

fn meant_by(name: &str) -> Result<Vec<Subset>, Stop> {
    let known = || Subset::ALL.into_iter().map(|s| (s.as_str(), s)).chain(WITHIN.iter().copied());
    if name == "all" {
        return Ok(Subset::ALL.to_vec());
    }
    if ALWAYS.contains(&name) {
        return Ok(Vec::new());
    }
    match known().find(|(known, _)| *known == name) {
        Some((_, subset)) => Ok(vec![subset]),
        None => {
            let near = nearest(name, known().map(|(n, _)| n).chain(ALWAYS.iter().copied()).chain(["all"]));
            let hint = near.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
            Err(Stop::refuse(format!("there is no subset of facts called '{name}'{hint}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn subsets_are_chosen_as_playbooks_write_them() {
        let chosen =
            |words: &[&str]| subsets(words).unwrap().into_iter().map(Subset::as_str).collect::<Vec<_>>();
        assert_eq!(chosen(&["all"]), ["hardware", "network", "virtual"]);
        assert_eq!(chosen(&[]), ["hardware", "network", "virtual"]);
        assert_eq!(chosen(&["min"]), [""; 0]);
        assert_eq!(chosen(&["!all"]), [""; 0]);
        assert_eq!(chosen(&["!all", "!min", "network"]), ["network"]);
        assert_eq!(chosen(&["!hardware"]), ["network", "virtual"]);
        assert_eq!(chosen(&["distribution", "default_ipv4"]), ["network"]);
        assert_eq!(chosen(&["!all", "!min", "os_family", "distribution_version", "machine_id"]), [""; 0]);
        assert_eq!(chosen(&["!facter", "!ohai"]), ["hardware", "network", "virtual"]);
        assert!(
            matches!(subsets(&["hardwear"]), Err(Stop::Refuse(r)) if r.message.contains("did you mean 'hardware'?"))
        );
    }

    #[test]
    fn facts_of_this_machine_take_one_exchange_and_a_filter_thins_them() {
        let bench = Bench::new();
        let (outcome, rounds) = bench.diff(&MODULE, &json!({})).unwrap();
        assert_eq!((rounds, outcome.changes.len()), (1, 0));
        assert!(outcome.facts.contains_key("os_family") && outcome.facts.contains_key("memtotal_mb"));
        let (outcome, _) = bench.diff(&MODULE, &json!({"filter": "ansible_distribution*"})).unwrap();
        assert!(
            outcome.facts.keys().all(|name| name.starts_with("distribution")) && !outcome.facts.is_empty()
        );
        let (outcome, _) = bench.diff(&MODULE, &json!({"gather_subset": "!hardware"})).unwrap();
        assert!(!outcome.facts.contains_key("memtotal_mb"));
    }
}
