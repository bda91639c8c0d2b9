//! `pamd`: rules of a service in `/etc/pam.d`. What they come to is computed from the file's lines by `pam_rules`; the file
//! is then put in place as a whole.

use super::attributes::{self, Wanted};
use super::pam_rules::{Edit, Rule, Rules, TYPES};
use super::place::{BACKUP, New, Placement};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Content, Digest, Map};
use crate::questions::clock::Now;
use crate::questions::contents::{Content as Old, Read};
use crate::questions::files::{Inspect, Inspected};
use crate::questions::{Output, Stop};

/// Largest file that is edited.
const BYTES_MAX: u64 = 1 << 20;
/// What precedes the time of the last edit.
const MARK: &str = "# Updated by Ansible";

/// The module.
pub static MODULE: Module = Module {
    name: "pamd",
    aliases: &[],
    summary: "Changes, adds and removes rules of a service in /etc/pam.d",
    params: &[
        Param::required("name", Kind::Text, "the service: a file's name"),
        Param::required("type", Kind::Choice(TYPES), "the rule's type"),
        Param::required("control", Kind::Text, "the rule's control: required, [success=1 default=ignore] …"),
        Param::required("module_path", Kind::Text, "the rule's module, as it is written there"),
        Param::optional(
            "state",
            Kind::Choice(&["updated", "absent", "before", "after", "args_present", "args_absent"]),
            "what is to become of the rules that fit: changed, removed, one more before or behind each, or only \
             arguments that are there or not",
        )
        .default("updated"),
        Param::optional("new_type", Kind::Choice(TYPES), "the type that it gets"),
        Param::optional("new_control", Kind::Text, "the control that it gets"),
        Param::optional("new_module_path", Kind::Text, "the module that it gets"),
        Param::optional("module_arguments", Kind::List, "arguments of the module; an empty text: none"),
        Param::optional("path", Kind::Path, "the directory of services").default("/etc/pam.d"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: No message of the day
  pamd:
    name: sshd
    type: session
    control: optional
    module_path: pam_motd.so
    state: absent
- name: Passwords are remembered
  pamd:
    name: common-password
    type: password
    control: '[success=1 default=ignore]'
    module_path: pam_unix.so
    module_arguments: [remember=5]
    state: args_present
",
        returns: &[
            Returned { name: "change_count", help: "how many rules changed" },
            Returned { name: "backupdest", help: "with `backup`: where the old file is" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let edit = edit(args)?;
    let path = format!("{}/{}", args.needed("path")?.trim_end_matches('/'), args.needed("name")?);
    let (seen, old) = host.get((Inspect::path(&path), Read { path: path.clone(), bytes_max: BYTES_MAX }))?;
    let Old::Whole(old) = old.as_ref() else {
        return Err(Stop::refuse(format!("{path} is no file that could be read as a service of PAM")));
    };
    let text = std::str::from_utf8(old).map_err(|_| Stop::refuse(format!("{path} is not UTF-8")))?;
    let mut rules = Rules::read(text);
    let fits = Rule::new(args.needed("type")?, args.needed("control")?, args.needed("module_path")?, &[]);
    let count = rules.apply(&fits, &edit);
    rules.check().map_err(Stop::refuse)?;
    let mut result = Map::new();
    result.insert("change_count".into(), count.into());
    result.insert("backupdest".into(), "".into());
    if count == 0 {
        return Ok(Outcome::in_order(result));
    }
    let now = host.get(Now)?;
    let new = rules.text(MARK, &format!("{MARK} - {now}"));
    let seen = Inspected { digest: Some(Digest::of(old).hex()), ..seen.as_ref().clone() };
    let placement = Placement {
        named: &path,
        seen: &seen,
        follow: true,
        new: New::Content(Content::new(new.into_bytes())),
        wanted: &Wanted::default(),
        preserved: None,
        args,
        old: Some(old),
    };
    let change = placement.change(host)?;
    Ok(Outcome::change(result, change.into_iter().collect()))
}

/// What is to be done with each rule that fits.
fn edit(args: &Args) -> Result<Edit, Stop> {
    let given = |name: &str| args.text(name).map(str::to_owned);
    let arguments = args.value("module_arguments").map(|_| Rule::arguments(&args.list("module_arguments")));
    let (kind, control, module) = (given("new_type"), given("new_control"), given("new_module_path"));
    let state = args.needed("state")?;
    Ok(match state {
        "absent" => Edit::Remove,
        "before" | "after" => {
            let (Some(kind), Some(control), Some(module)) = (&kind, &control, &module) else {
                return Err(Stop::refuse(format!(
                    "'state: {state}' needs new_type, new_control and new_module_path"
                )));
            };
            let rule = Rule::new(kind, control, module, &arguments.unwrap_or_default());
            if state == "before" { Edit::Before(rule) } else { Edit::After(rule) }
        }
        "args_present" | "args_absent" => {
            let Some(arguments) = arguments else {
                return Err(Stop::refuse(format!("'state: {state}' needs module_arguments")));
            };
            if state == "args_absent" {
                Edit::Without(arguments)
            } else if arguments.iter().any(|argument| argument.starts_with('[')) {
                return Err(Stop::refuse(
                    "arguments in brackets can't be added one by one: use 'state: updated'",
                ));
            } else {
                Edit::With(arguments)
            }
        }
        _ => Edit::Update { kind, control, module, arguments },
    })
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = attributes::result(outcome, outputs);
    if let Some(backup) = result.shift_remove("backup_file") {
        result.insert("backupdest".into(), backup);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::{Value, json};

    const SSHD: &str = "# PAM of sshd\n@include common-auth\nsession    optional     pam_motd.so  motd=/run/motd.dynamic\n\
                        session    optional     pam_motd.so noupdate\n\
                        session [success=ok ignore=ignore default=bad] pam_selinux.so close\n";

    fn args(bench: &Bench, more: &Value) -> Value {
        let mut args = json!({"name": "sshd", "path": bench.path("."), "type": "session", "control": "optional",
            "module_path": "pam_motd.so"});
        for (key, value) in more.as_object().unwrap() {
            args[key] = value.clone();
        }
        args
    }

    /// What the file is then, without the mark, which holds the time.
    fn after(bench: &Bench, more: &Value) -> (i64, Vec<String>) {
        bench.file("sshd", SSHD);
        let args = args(bench, more);
        let result = bench.changes(&MODULE, &args);
        assert_eq!(bench.in_order(&MODULE, &args)["change_count"], json!(0));
        let text = bench.read("sshd");
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert!(lines[1].starts_with("# Updated by Ansible - 20"), "{text}");
        (result["change_count"].as_i64().unwrap(), [&lines[..1], &lines[2..]].concat())
    }

    #[test]
    fn rules_are_removed_changed_and_added() {
        for bench in Bench::every_shell() {
            let (count, lines) = after(&bench, &json!({"state": "absent"}));
            assert_eq!(count, 2);
            let selinux = "session    [success=ok ignore=ignore default=bad] pam_selinux.so close";
            assert_eq!(lines, ["# PAM of sshd", "@include common-auth", selinux]);

            let (count, lines) =
                after(&bench, &json!({"new_control": "required", "module_arguments": ["noupdate"]}));
            assert_eq!(count, 2);
            assert_eq!(lines[2..4], ["session    required pam_motd.so noupdate"; 2]);

            let (count, lines) = after(
                &bench,
                &json!({"control": "[success=ok ignore=ignore default=bad]", "module_path": "pam_selinux.so",
                    "state": "before", "new_type": "session", "new_control": "required",
                    "new_module_path": "pam_loginuid.so"}),
            );
            assert_eq!((count, lines[4].as_str()), (1, "session    required pam_loginuid.so"));
            assert_eq!(lines[5], selinux);
        }
    }

    #[test]
    fn arguments_are_added_changed_and_removed() {
        let bench = Bench::new();
        let (count, lines) =
            after(&bench, &json!({"state": "args_present", "module_arguments": ["motd=/x", "noupdate"]}));
        assert_eq!(count, 2);
        assert_eq!(lines[2], "session    optional pam_motd.so motd=/x noupdate");
        assert_eq!(lines[3], "session    optional pam_motd.so noupdate motd=/x");
        let (count, lines) =
            after(&bench, &json!({"state": "args_absent", "module_arguments": ["noupdate"]}));
        assert_eq!((count, lines[3].as_str()), (1, "session    optional pam_motd.so"));
    }

    #[test]
    fn what_pam_would_not_understand_is_refused() {
        let bench = Bench::new();
        bench.file("sshd", SSHD);
        let refusal = |more: &Value| bench.refusal(&MODULE, &args(&bench, more));
        assert!(refusal(&json!({"new_control": "perhaps"})).contains("'perhaps'"));
        assert!(refusal(&json!({"state": "before"})).contains("needs new_type"));
        assert!(refusal(&json!({"state": "args_present"})).contains("needs module_arguments"));
        assert!(refusal(&json!({"name": "none"})).contains("is no file"));
    }
}
