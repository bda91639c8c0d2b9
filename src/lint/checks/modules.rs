//! Modules and their arguments, against the tables that the modules themselves are called with.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::{self, Call, Task};
use crate::load::Node;
use crate::model::{Map, nearest};
use crate::modules::{self, Args, FreeForm, Kind, Module};
use crate::template::Templates;

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    let Some(call) = &task.call else { return };
    match call.module() {
        Some(module) => arguments(desk, task, call, module),
        None if task::is_action(&call.name) => action(desk, call),
        None if call.key.name.contains("{{") => {}
        None => unknown(desk, call),
    }
}

fn unknown(desk: &mut Desk<'_>, call: &Call) {
    let names = modules::ALL.iter().flat_map(|m| std::iter::once(m.name).chain(m.aliases.iter().copied()));
    let short = call.name.rsplit('.').next().unwrap_or_default();
    let help = match nearest(&call.name, names) {
        Some(near) => Some(format!("did you mean '{near}'?")),
        None if call.name.contains('.') && modules::find(short).is_some() => {
            Some(format!("wgops has '{short}' under its name in ansible.builtin or community.general"))
        }
        None => Some("'wgops docs --list' names those that there are".into()),
    };
    desk.say(
        &rules::UNKNOWN_MODULE,
        &call.key.place,
        format!("there is no module '{}'", call.key.name),
        help,
    );
}

/// Includes and imports; once the engine calls them modules, their own tables count.
fn action(desk: &mut Desk<'_>, call: &Call) {
    let Some(known) = task::action_parameters(&call.name) else { return };
    for (key, _) in call.args.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
        let message = format!("{}: there is no parameter '{}'", call.name, key.name);
        let help = match nearest(&key.name, known.iter().copied()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("it takes {}", known.join(", ")),
        };
        desk.say(&rules::UNKNOWN_PARAMETER, &key.place, message, Some(help));
    }
}

fn arguments(desk: &mut Desk<'_>, task: &Task<'_>, call: &Call, module: &Module) {
    let mut args: Map = call.args.iter().map(|(key, node)| (key.name.clone(), node.to_value())).collect();
    if let Some(free) = &call.free {
        match module.free_form {
            FreeForm::Is(name) => {
                args.insert(name.to_owned(), free.to_value());
            }
            _ if call.open || task::is_action(module.name) => {}
            _ => {
                let message = format!("{} takes no text, only parameters", module.name);
                let help = "write 'name: value' lines below it, or name=value words".to_owned();
                desk.say(&rules::STRUCTURE, &free.place, message, Some(help));
            }
        }
    }
    let defaults = task.inherited("module_defaults").is_some();
    let plain = args.iter().filter(|(_, value)| !Templates::has_templates(value));
    let mut problems = Args::check_names(module.params, module.free_form, args.keys().map(String::as_str));
    problems.extend(Args::check_plain(module.params, plain.map(|(key, value)| (key.as_str(), value))));
    for problem in problems {
        let rule = match &problem.key {
            None if call.open || defaults => continue,
            None => &rules::MISSING_PARAMETER,
            Some(_) if problem.message.contains("not supported yet") => &rules::NOT_SUPPORTED_YET,
            Some(_) if problem.message.starts_with("there is no parameter") => &rules::UNKNOWN_PARAMETER,
            Some(_) => &rules::BAD_VALUE,
        };
        let key = problem.key.as_deref().and_then(|k| call.args.iter().find(|(key, _)| key.name == k));
        let place = key.map_or(&call.key.place, |(key, _)| &key.place);
        desk.say(rule, place, format!("{}: {}", module.name, problem.message), problem.help);
    }
    octal(desk, call);
    doubled(desk, call, module);
    // What is done here may well begin beside the playbook.
    if task.inherited("delegate_to").is_none() && task.inherited("connection").is_none() {
        slashes(desk, call, module);
    }
}

/// Folders below `/` with whose names no relative path begins on purpose.
const BELOW_ROOT: [&str; 9] = ["boot", "etc", "home", "mnt", "opt", "root", "srv", "usr", "var"];

/// `path: etc/hosts` is a file in the home of whoever logs in.
fn slashes(desk: &mut Desk<'_>, call: &Call, module: &Module) {
    for (key, node) in &call.args {
        let is_path = module.params.iter().any(|param| param.kind == Kind::Path && param.is(&key.name));
        let text = node.str().ok().filter(|_| is_path).unwrap_or_default();
        if text.split_once('/').is_some_and(|(first, _)| BELOW_ROOT.contains(&first)) {
            let message = format!("'{text}' begins in the login's home");
            desk.say(&rules::MISSING_SLASH, &node.place, message, Some(format!("write '/{text}'")));
        }
    }
}

/// Two names of one parameter, of which one has no effect.
fn doubled(desk: &mut Desk<'_>, call: &Call, module: &Module) {
    for param in module.params {
        let mut given = call.args.iter().filter(|(key, _)| param.is(&key.name));
        let (Some((first, _)), Some((second, value))) = (given.next(), given.next()) else { continue };
        if !value.is_template() {
            let message = format!("'{}' and '{}' are two names of one parameter", first.name, second.name);
            desk.say(&rules::DOUBLED_PARAMETER, &second.place, message, Some("give one of them".to_owned()));
        }
    }
}

/// `mode: 644` is the decimal number.
fn octal(desk: &mut Desk<'_>, call: &Call) {
    for (_, node) in
        call.args.iter().filter(|(key, _)| matches!(key.name.as_str(), "mode" | "directory_mode"))
    {
        let Some(number) = decimal(node) else { continue };
        let message = format!("the mode {number} is a decimal number, which is {number:o} in octal digits");
        desk.say(
            &rules::RISKY_OCTAL,
            &node.place,
            message,
            Some(format!("write \"0{number:o}\" for that, or \"0{number}\"")),
        );
    }
}

/// A number as YAML has it; one with a leading zero stays text here.
fn decimal(node: &Node) -> Option<u64> {
    node.unsigned().ok().filter(|number| *number > 7)
}
