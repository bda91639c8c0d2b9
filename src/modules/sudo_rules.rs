//! `sudo_rules`: who may become whom by sudo, for checks: rules, defaults, and files that others may write to.

use super::gathered::Gathered;
use super::updates::some_of;
use super::{Args, Docs, Effect, FreeForm, Host, Module, Outcome, Returned, plain_result};
use crate::model::{Severity, Value};
use crate::questions::Stop;
use crate::questions::access::sudo::{SudoFile, SudoRules, SudoState};
use crate::questions::access::sudoers::Rule;
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "sudo_rules",
    aliases: &[],
    summary: "Says who may become whom by sudo",
    params: &[],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: See who may become root
  sudo_rules:
  become: true
  register: sudo
",
        returns: &[
            Returned { name: "assessed", help: "whether all of it could be read" },
            Returned { name: "installed", help: "whether there is a sudo" },
            Returned {
                name: "rules",
                help: "each rule: `who`, `members`, `hosts`, `runas`, `nopasswd`, `all`, `commands`, `file`, `line`",
            },
            Returned { name: "defaults", help: "sudo's settings" },
            Returned { name: "files", help: "the files: `path`, `mode`, `uid`, and whether they are `safe`" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(_: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let state = seen.known(("check/sudo", "sudo's rules"), host.get(SudoRules))?;
    let state = state.as_deref();
    let assessed = state.is_some_and(|state| is_assessed(state, &mut seen));
    let state = state.filter(|_| assessed);
    seen.set("assessed", assessed);
    seen.set("installed", state.is_some_and(|state| state.installed));
    seen.set(
        "rules",
        state.map(|s| s.rules.iter().map(|r| rule(r, s)).collect::<Vec<_>>()).unwrap_or_default(),
    );
    seen.set("defaults", state.map(|state| state.defaults.clone()).unwrap_or_default());
    seen.set("files", state.map(|s| s.files.iter().map(file).collect::<Vec<_>>()).unwrap_or_default());
    Ok(seen.outcome())
}

/// Whether all rules are known; tells what isn't.
fn is_assessed(state: &SudoState, seen: &mut Gathered) -> bool {
    if !state.others.is_empty() {
        let texts = ["not every rule was looked at", &some_of(&state.others), "look there by hand"];
        seen.not_assessed("check/sudo-elsewhere", Severity::Low, texts);
    }
    if state.unreadable.is_empty() {
        return true;
    }
    let evidence = format!("not readable: {}", some_of(&state.unreadable));
    seen.not_assessed(
        "check/sudo",
        Severity::Medium,
        ["who may use sudo is unknown", &evidence, "audit with --become"],
    );
    false
}

fn rule(rule: &Rule, state: &SudoState) -> Value {
    let members = rule.who.strip_prefix('%').and_then(|group| state.groups.get(group)).cloned();
    json!({
        "who": rule.who,
        "members": members.unwrap_or_default(),
        "hosts": rule.hosts,
        "runas": rule.runas,
        "nopasswd": rule.nopasswd,
        "all": rule.is_all(),
        "commands": rule.commands,
        "file": rule.file,
        "line": rule.line,
    })
}

fn file(file: &SudoFile) -> Value {
    json!({
        "path": file.path,
        "mode": format!("{:04o}", file.mode),
        "uid": file.uid,
        "safe": file.uid == 0 && file.mode & 0o022 == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn ask(text: &str) -> (Value, Vec<String>) {
        let outcome = answer_with(&MODULE, &json!({}), &mut |_| Ok(Output::ok(text))).unwrap();
        let ids = outcome.findings.iter().map(|f| f.id.clone()).collect();
        (outcome.result.into(), ids)
    }

    #[test]
    fn rules_name_members_and_files_say_whether_they_are_safe() {
        let (result, ids) =
            ask("program /usr/bin/sudo\nbegin 440 0 /etc/sudoers\nline %sudo ALL=(ALL) NOPASSWD: ALL\nend\n\
             directory 775 0 /etc/sudoers.d\ngroup sudo:x:27:alice\n");
        assert_eq!((ids, &result["assessed"]), (vec![], &json!(true)));
        let rule = &result["rules"][0];
        assert_eq!(
            (&rule["members"], &rule["nopasswd"], &rule["all"]),
            (&json!(["alice"]), &json!(true), &json!(true))
        );
        let safe: Vec<_> = result["files"].as_array().unwrap().iter().map(|f| &f["safe"]).collect();
        assert_eq!(safe, [&json!(true), &json!(false)]);
    }

    #[test]
    fn what_can_not_be_read_leaves_no_rules_and_other_places_are_told() {
        let (result, ids) = ask("program /usr/bin/sudo\nunreadable /etc/sudoers\nother /etc/doas.conf\n");
        assert_eq!((&result["assessed"], &result["rules"]), (&json!(false), &json!([])));
        assert_eq!(ids, ["not-assessed/check/sudo-elsewhere", "not-assessed/check/sudo"]);
        assert_eq!(ask("group root:x:0:\n").0["installed"], json!(false));
    }
}
