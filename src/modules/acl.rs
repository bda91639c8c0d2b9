//! `acl`: an entry of a path's access control list.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::acl::AclState;

/// The module.
pub static MODULE: Module = Module {
    name: "acl",
    aliases: &[],
    summary: "Sets or removes an entry of a path's access control list",
    params: &[
        Param::required("path", Kind::Path, "the path").or(&["name"]),
        Param::optional(
            "state",
            Kind::Choice(&["absent", "present", "query"]),
            "whether it is to be there; query only looks",
        )
        .default("query"),
        Param::optional("entry", Kind::Text, "the entry as setfacl takes it, such as user:alice:rw"),
        Param::optional("etype", Kind::Choice(&["group", "mask", "other", "user"]), "whom it is about"),
        Param::optional("entity", Kind::Text, "the user's or the group's name").default(""),
        Param::optional("permissions", Kind::Text, "letters of rwxX"),
        Param::optional("default", Kind::Bool, "it is what new files in the directory get").default("no"),
        Param::optional("recursive", Kind::Bool, "also of all below").or(&["recurse"]).default("no"),
        Param::optional("follow", Kind::Bool, "follow a link").default("yes"),
        Param::optional(
            "recalculate_mask",
            Kind::Choice(&["default", "mask", "no_mask"]),
            "what becomes of the mask",
        )
        .default("default"),
        Param::not_yet("use_nfsv4_acls"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: The monitoring may read the log
  acl: {path: /var/log/app.log, entity: monitor, etype: user, permissions: r, state: present}
"#,
        returns: &[
            Returned { name: "acl", help: "the entries of the list" },
            Returned { name: "msg", help: "what was set" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Sets or removes entries.
const SET: Script = Script {
    name: "set_acl",
    text: r#"path=$1
shift
[ -e "$path" ] || exit 113
setfacl "$@" -- "$path" || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let options = options(args)?;
    let acl = match host.get(AclState { path: path.to_owned(), options: options.clone() })?.as_ref() {
        Ok(acl) => acl.clone(),
        Err(why) => return Err(Stop::refuse(format!("{path}: {why}"))),
    };
    let entry =
        options.iter().position(|option| option == "-m" || option == "-x").and_then(|at| options.get(at + 1));
    let mut result = Map::new();
    result.insert("acl".into(), acl.entries.into());
    let message = entry.map_or("current acl".to_owned(), Clone::clone);
    result.insert("msg".into(), message.into());
    let change = acl.differs.then(|| {
        let verb = if options.iter().any(|option| option == "-x") { "remove" } else { "set" };
        let summary = format!("{verb} {} in the list of {path}", entry.map_or("", String::as_str));
        let mut words = vec![path.to_owned()];
        words.extend(options.iter().cloned());
        Change::state(summary, SET, words, [Subject::path(path)])
    });
    Ok(Outcome::change(result, change.into_iter().collect()))
}

/// What `setfacl` is told; nothing where nothing is to be set.
fn options(args: &Args) -> Result<Vec<String>, Stop> {
    let state = args.needed("state")?;
    if state == "query" {
        return Ok(Vec::new());
    }
    let entry = entry(args, state == "present")?;
    let mut options = Vec::new();
    if args.flag("recursive") {
        options.push("-R");
    }
    if !args.flag("follow") {
        options.push("-P");
    }
    match args.text("recalculate_mask") {
        Some("mask") => options.push("--mask"),
        Some("no_mask") => options.push("--no-mask"),
        _ => {}
    }
    if args.flag("default") {
        options.push("-d");
    }
    options.push(if state == "present" { "-m" } else { "-x" });
    Ok(options.into_iter().map(str::to_owned).chain([entry]).collect())
}

fn entry(args: &Args, is_present: bool) -> Result<String, Stop> {
    let has_parts = args.has("etype") || args.has("permissions");
    if let Some(entry) = args.text("entry") {
        if has_parts {
            return Err(Stop::refuse(
                "'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set",
            ));
        }
        let fields = entry.split(':').count();
        let expected = if is_present { 3..=4 } else { 2..=3 };
        if !expected.contains(&fields) || entry.chars().any(char::is_control) {
            return Err(Stop::refuse(format!(
                "'entry' is {entry}: expected etype:entity{}",
                if is_present { ":permissions" } else { "" }
            )));
        }
        return Ok(entry.to_owned());
    }
    let etype = args.needed("etype")?;
    let entity = args.text("entity").unwrap_or_default();
    Ok(match is_present {
        true => format!("{etype}:{entity}:{}", args.needed("permissions")?),
        false => format!("{etype}:{entity}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use serde_json::json;

    #[test]
    fn an_entry_is_set_where_setfacl_says_that_it_is_missing() {
        let mut bench = Bench::new();
        let path = bench.file("a b", "");
        bench.program("getfacl", "echo user::rw-");
        bench.program("setfacl", &format!(
            "case $1 in --test) if [ -e '{0}' ]; then echo \"$6: *,*\"; else echo \"$6: u::rw-,*\"; fi ;; *) echo \"$*\" >'{0}' ;; esac",
            bench.path("done")
        ));
        let args = json!({"path": path, "etype": "user", "entity": "alice", "permissions": "rw", "state": "present", "default": true});
        let result = bench.changes(&MODULE, &args);
        assert_eq!(result["acl"], json!(["user::rw-"]));
        assert_eq!(bench.read("done"), format!("-d -m user:alice:rw -- {path}\n"));
        bench.in_order(&MODULE, &args);
    }

    #[test]
    fn what_is_no_entry_is_refused() {
        for (args, words) in [
            (json!({"entry": "user:a:r", "etype": "user"}), "MUST NOT"),
            (json!({"entry": "rubbish"}), "expected etype:entity"),
            (json!({"permissions": "r"}), "'etype' is needed"),
        ] {
            let mut args = args;
            args["path"] = json!("/x");
            args["state"] = json!("present");
            let Err(Stop::Refuse(refusal)) = answer_with(&MODULE, &args, &mut |_| panic!("asked")) else {
                panic!("{args}")
            };
            assert!(refusal.message.contains(words), "{}", refusal.message);
        }
    }
}
