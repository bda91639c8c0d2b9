//! What works today and harms some other day: failures that nobody sees, files that anybody reads, upgrades unasked.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::{Call, Task, is_yes};
use crate::load::playbook::short_module_name;

/// Modules that create what `dest` or `path` names; whether only with `create: true`.
const CREATE: &[(&str, bool)] = &[
    ("copy", false),
    ("template", false),
    ("get_url", false),
    ("assemble", false),
    ("blockinfile", true),
    ("lineinfile", true),
];
/// Modules that install packages.
const PACKAGES: [&str; 12] =
    ["apt", "package", "dnf", "yum", "dnf5", "pip", "npm", "gem", "snap", "pacman", "apk", "zypper"];
/// What Ansible sets itself, and what Python and Jinja have words for.
const RESERVED: &[&str] = &[
    "ansible_facts",
    "group_names",
    "groups",
    "hostvars",
    "inventory_hostname",
    "inventory_hostname_short",
    "inventory_dir",
    "inventory_file",
    "omit",
    "play_hosts",
    "playbook_dir",
    "role_name",
    "role_path",
    "environment",
    "vars",
    "item",
    "true",
    "false",
    "none",
    "and",
    "or",
    "not",
    "if",
    "else",
    "for",
    "in",
    "is",
    "lambda",
    "class",
    "def",
    "return",
    "import",
    "from",
    "while",
    "with",
    "yield",
    "lookup",
    "query",
    "register",
    "become",
    "tags",
    "hosts",
];

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    if let Some(node) =
        task.own("ignore_errors").filter(|node| is_yes(node) && task.own("register").is_none())
    {
        let help =
            "say which failure is none by 'failed_when', or register the result and look at it".to_owned();
        desk.say(&rules::IGNORE_ERRORS, &node.place, "every failure is ignored", Some(help));
    }
    if let Some(node) = task.own("register") {
        reserved(desk, node.word().unwrap_or_default().as_str(), &node.place);
    }
    become_user(desk, task);
    let Some(call) = &task.call else { return };
    permissions(desk, task, call);
    latest(desk, call);
    if call.name == "set_fact" {
        call.args.iter().for_each(|(key, _)| reserved(desk, &key.name, &key.place));
    }
}

fn reserved(desk: &mut Desk<'_>, name: &str, place: &crate::model::Place) {
    if RESERVED.contains(&name) {
        let message = format!("'{name}' means something else already");
        desk.say(&rules::VARIABLE_NAME, place, message, Some("take another name".into()));
    }
}

fn permissions(desk: &mut Desk<'_>, task: &Task<'_>, call: &Call) {
    let creates = CREATE.iter().find(|(name, _)| *name == call.name);
    let made = match (creates, call.name.as_str()) {
        (Some((_, only_if_told)), _) => !only_if_told || call.arg(&["create"]).is_some_and(is_yes),
        (None, "file") => matches!(call.word(&["state"]).as_deref(), Some("directory" | "touch")),
        _ => false,
    };
    let recursive = call.arg(&["recurse"]).is_some_and(is_yes);
    if !made || call.open || recursive || call.arg(&["mode"]).is_some() || has_default_mode(task, call) {
        return;
    }
    let help = "say who may read it, for example 'mode: \"0644\"'".to_owned();
    desk.say(
        &rules::RISKY_FILE_PERMISSIONS,
        &call.key.place,
        format!("{} without mode", call.name),
        Some(help),
    );
}

/// Whether `module_defaults` around a task may give a mode to its module.
fn has_default_mode(task: &Task<'_>, call: &Call) -> bool {
    let Some(defaults) = task.inherited("module_defaults") else { return false };
    let Ok(all) = defaults.entries() else { return true };
    let of_module = |key: &str| key.starts_with("group/") || short_module_name(key) == call.name;
    all.iter().any(|(key, args)| of_module(&key.name) && (args.is_template() || args.get("mode").is_some()))
}

fn latest(desk: &mut Desk<'_>, call: &Call) {
    if PACKAGES.contains(&call.name.as_str()) && call.word(&["state"]).as_deref() == Some("latest") {
        let help = "use 'state: present', and let 'wgops patch' upgrade".to_owned();
        desk.say(&rules::PACKAGE_LATEST, &call.key.place, "upgrades whenever it runs", Some(help));
    }
}

/// In a role's tasks, `become` may well come from the play.
fn become_user(desk: &mut Desk<'_>, task: &Task<'_>) {
    let known = task.around.first().is_some_and(|around| around.get("hosts").is_some());
    if let Some(node) = task.own("become_user").filter(|_| known && task.inherited("become").is_none()) {
        let help = "add 'become: true'".to_owned();
        desk.say(&rules::PARTIAL_BECOME, &node.place, "has no effect without become", Some(help));
    }
}
