//! What a host is given at the beginning of a play: its ground, and the variables that the engine makes.

use super::super::prepare::Company;
use super::Order;
use crate::model::{HostName, Value};
use crate::plan::{Approved, Conduct, Ground, Layer, Play, Quiet, SEALED, Variables, whole};
use crate::template::Binding;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a host knows at the beginning of a play: its variables, and no answer.
pub(super) fn ground(order: &Order, play: &Play, host: &HostName, variables: Variables) -> Ground {
    let is_quiet = order.company == Company::Apart;
    let of_host = |all: &BTreeMap<HostName, Approved>| all.get(host).cloned().unwrap_or_default();
    Ground {
        approved: order.approved.as_ref().map(of_host),
        templates: match is_quiet {
            true => Arc::new(order.templates.hiding_failures(SEALED)),
            false => order.templates.clone(),
        },
        library: play.foundation.library.clone(),
        advisories: order.advisories.clone(),
        show_diff: order.show_diff,
        verbosity: order.verbosity,
        forgetful: order.forgetful,
        explain: order.explain,
        starts_nothing: false,
        privilege: order.privilege.clone(),
        variables,
        stores: BTreeMap::new(),
        unapplied: Vec::new(),
        is_local: false,
        apart: None,
        conduct: order.conduct,
        as_real: order.as_real,
        goes: Vec::new(),
        quiet: is_quiet.then(|| quiet(order)),
        looked_at_secret: false,
        looked_at: None,
        carries_plan: order.reach.only.is_some(),
    }
}

/// How tasks end that would ask what goes out: a dry run that tells of a real one leaves it to that.
fn quiet(order: &Order) -> Quiet {
    let comes_to_more = order.as_real || order.conduct != Conduct::Dry;
    if comes_to_more { Quiet::Later } else { Quiet::Unseen }
}

/// The version of the language, which playbooks ask for.
fn language() -> Value {
    serde_json::json!({"full": "2.19.0", "string": "2.19.0", "major": 2, "minor": 19, "revision": 0})
}

/// Variables that the engine gives to every task of a play, in one of its waves.
pub(super) fn play_variables(
    play: &Play,
    hosts: &[HostName],
    (wave, waves): (usize, &[Vec<HostName>]),
    out: &BTreeSet<HostName>,
    order: &Order,
) -> Layer {
    let names = |hosts: &mut dyn Iterator<Item = &HostName>| -> Value { hosts.map(|h| h.as_str()).collect() };
    let batch = wave.checked_sub(1).and_then(|at| waves.get(at)).map_or(&[][..], Vec::as_slice);
    let directory = whole(&play.foundation.library.directory);
    let inventory = play.foundation.library.root.join("inventory");
    let inventory = std::path::absolute(&inventory).unwrap_or(inventory);
    let [run_tags, skip_tags] = play.foundation.tags();
    let exported = &play.exported;
    let roles: Vec<String> = exported.dependent.iter().chain(&exported.names).cloned().collect();
    let entries = [
        ("ansible_run_tags", run_tags.into()),
        ("ansible_skip_tags", skip_tags.into()),
        ("ansible_play_role_names", exported.names.clone().into()),
        ("ansible_dependent_role_names", exported.dependent.clone().into()),
        ("ansible_role_names", roles.into()),
        ("role_names", exported.names.clone().into()),
        ("ansible_version", language()),
        ("ansible_check_mode", Value::Bool(order.conduct != Conduct::Real && !order.as_real)),
        ("ansible_diff_mode", Value::Bool(order.show_diff)),
        ("ansible_play_name", Value::String(play.name.clone())),
        ("ansible_play_hosts", names(&mut hosts.iter().filter(|host| !out.contains(*host)))),
        ("ansible_play_hosts_all", names(&mut hosts.iter())),
        ("ansible_play_batch", names(&mut batch.iter())),
        ("play_hosts", names(&mut batch.iter())),
        ("ansible_verbosity", order.verbosity.into()),
        ("wgops_wave", wave.into()),
        ("wgops_waves", waves.len().into()),
        ("ansible_managed", "Ansible managed".into()),
        ("inventory_dir", Value::String(inventory.to_string_lossy().into_owned())),
        ("ansible_config_file", Value::Null),
        ("playbook_dir", Value::String(directory.to_string_lossy().into_owned())),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), Binding::Data(Arc::new(value)))).collect()
}
