//! Old words and missing names.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::{Form, Task};
use crate::load::playbook::short_module_name;
use crate::load::yaml::is_variable_name;

/// What says enough by itself.
const NAMELESS: [&str; 8] = [
    "include_tasks",
    "import_tasks",
    "include_role",
    "import_role",
    "include",
    "meta",
    "include_vars",
    "import_playbook",
];

pub(super) fn document(desk: &mut Desk<'_>) {
    for play in desk.document.plays() {
        let imports = play.map().is_ok_and(|entries| {
            entries
                .iter()
                .any(|(key, _)| matches!(short_module_name(&key.name), "import_playbook" | "include"))
        });
        if play.get("name").is_none() && !imports {
            desk.say(&rules::NAME_MISSING, &play.place, "a play without a name", None);
        }
        let include =
            play.map().ok().and_then(|entries| entries.iter().find(|(key, _)| key.name == "include"));
        if let Some((key, _)) = include {
            let help = "use 'import_playbook'".to_owned();
            desk.say(&rules::DEPRECATED_INCLUDE, &key.place, "'include' of a playbook", Some(help));
        }
    }
}

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    let Some(call) = &task.call else { return };
    if task.own("name").is_none() && !NAMELESS.contains(&call.name.as_str()) {
        desk.say(
            &rules::NAME_MISSING,
            &task.node.place,
            format!("a task with {} has no name", call.name),
            None,
        );
    }
    if call.name == "include" {
        let templated = call.free_or(&["file"]).is_some_and(crate::load::Node::is_template);
        let now = if templated || task.each().is_some() { "include_tasks" } else { "import_tasks" };
        let help = format!("use '{now}', which is what it comes to here");
        desk.say(&rules::DEPRECATED_INCLUDE, &call.key.place, "'include' is an old word", Some(help));
    }
    if let Some((key, _)) = task.entries.iter().find(|(key, _)| key.name == "local_action") {
        let help = "call the module by its name, with 'delegate_to: localhost'".to_owned();
        desk.say(&rules::DEPRECATED_LOCAL_ACTION, &key.place, "'local_action' is an old word", Some(help));
    }
    let commands = matches!(call.name.as_str(), "command" | "shell" | "script" | "raw");
    if call.form == Form::Words && !commands {
        let help = "write 'name: value' lines below the module".to_owned();
        desk.say(&rules::NO_FREE_FORM, &call.key.place, "arguments as name=value words", Some(help));
    }
    each(desk, task);
}

fn each(desk: &mut Desk<'_>, task: &Task<'_>) {
    let Some((key, node)) = task.each().filter(|(key, _)| key.name != "loop") else { return };
    if matches!(key.name.as_str(), "with_items" | "with_list") {
        let help = "use 'loop:' (with '| flatten(1)' where a list holds lists)".to_owned();
        desk.say(&rules::LOOP_KEYWORD, &key.place, format!("'{}' is an older word", key.name), Some(help));
    }
    let looks_up = matches!(key.name.as_str(), "with_items" | "with_list" | "with_dict" | "with_subelements");
    for item in if looks_up { node.items() } else { &[] } {
        let Ok(text) = item.str() else { continue };
        // `with_items: users` is a loop over the one text 'users'; in a list, such a text is meant.
        if std::ptr::eq(item, node) && is_variable_name(text) {
            let message = format!("'{text}' is a text here, and no variable");
            desk.say(
                &rules::DEPRECATED_BARE_VARS,
                &item.place,
                message,
                Some(format!("write \"{{{{ {text} }}}}\"")),
            );
        }
    }
}
