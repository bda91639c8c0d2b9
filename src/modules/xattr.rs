//! `xattr`: extended attributes of files.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::labels::ExtendedAttributes;
use base64::Engine as _;

/// The module.
pub static MODULE: Module = Module {
    name: "xattr",
    aliases: &[],
    summary: "Reads, sets or removes extended attributes of a file",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["name"]),
        Param::optional("namespace", Kind::Text, "what stands before the key").default("user"),
        Param::optional("key", Kind::Text, "the attribute, without its namespace"),
        Param::optional("value", Kind::Text, "its value"),
        Param::optional(
            "state",
            Kind::Choice(&["absent", "all", "keys", "present", "read"]),
            "present, absent: whether it is there; read, all, keys: look at one, at all, at all names",
        )
        .default("read"),
        Param::optional("follow", Kind::Bool, "whether it is about what a link leads to").default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Who the file is for\n  xattr: {path: /srv/report.pdf, key: audience, value: staff, state: present}\n",
        returns: &[Returned { name: "xattr", help: "attributes by their names, as they were" }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Sets or removes an attribute: `set` or `remove`, `-h` or nothing, the path, the name, the value.
const SET: Script = Script {
    name: "set_xattr",
    text: r#"[ -e "$3" ] || [ -L "$3" ] || exit 113
case $1 in
set) setfattr $2 -n "$4" -v "$5" -- "$3" || exit 1 ;;
*) setfattr $2 -x "$4" -- "$3" || exit 1 ;;
esac
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let state = args.needed("state")?;
    let link = if args.maybe_flag("follow") == Some(false) { "-h" } else { "" };
    let writes = state == "present" || args.has("value");
    let key = match (args.text("key"), args.text("namespace")) {
        (None, _) if writes || state == "absent" => {
            return Err(Stop::refuse(format!("{state} needs a key parameter")));
        }
        (None, _) => None,
        (Some(key), None | Some("")) => Some(key.to_owned()),
        (Some(key), Some("user")) if key.starts_with("user.") => Some(key.to_owned()),
        (Some(key), Some(space)) => Some(format!("{space}.{key}")),
    };
    let asked = ExtendedAttributes(vec![link.to_owned(), path.to_owned()]);
    let said = host.get(asked)?.as_ref().clone().map_err(Stop::refuse)?.text;
    let all: Vec<(String, String)> = said.lines().filter_map(attribute).collect();
    let there = key.as_ref().and_then(|key| all.iter().find(|(name, _)| name == key));
    let shown = key.clone().unwrap_or_default();
    let change = |verb: &str, value: &str, summary: String| {
        let argv = [verb, link, path, &shown, value].map(str::to_owned);
        Change::state(summary, SET, argv, [Subject::path(path)])
    };
    let one: Vec<&(String, String)> = there.into_iter().collect();
    let (message, told, changes) = match state {
        _ if writes => {
            let value = args.needed("value")?;
            let is_so = there.is_some_and(|(_, now)| now == value);
            let change = (!is_so).then(|| change("set", value, format!("set {shown} of {path}")));
            (format!("{shown} set to {value}"), one, change)
        }
        "absent" => {
            let change = there.map(|_| change("remove", "", format!("remove {shown} of {path}")));
            (format!("{shown} removed"), one, change)
        }
        "keys" => ("returning all keys".into(), all.iter().collect(), None),
        "all" => ("dumping all".into(), all.iter().collect(), None),
        _ => match &key {
            Some(key) => (format!("returning {key}"), one, None),
            None => ("returning None".into(), all.iter().collect(), None),
        },
    };
    let value = |text: &String| if state == "keys" { String::new() } else { text.clone() };
    let told: Map = told.into_iter().map(|(name, text)| (name.clone(), value(text).into())).collect();
    let mut result = Map::new();
    result.insert("msg".into(), message.into());
    result.insert("xattr".into(), told.into());
    Ok(Outcome::change(result, changes.into_iter().collect()))
}

/// `NAME=0sBASE64`, or a name without a value. Only the user's own are shown without being asked for by `getfattr`; here all are
/// known.
fn attribute(line: &str) -> Option<(String, String)> {
    if line.starts_with('#') || line.is_empty() {
        return None;
    }
    let Some((name, value)) = line.split_once('=') else { return Some((line.to_owned(), String::new())) };
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.trim_start_matches("0s")).ok()?;
    Some((name.to_owned(), String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: &Value) -> Outcome {
        let said = "# file: /x\nuser.a=0sYiBjPQ==\nuser.empty\n\n";
        answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said))).unwrap()
    }

    #[test]
    fn attributes_are_read_set_and_removed() {
        assert_eq!(run(&json!({"path": "/x", "key": "a"})).result["xattr"], json!({"user.a": "b c="}));
        let keys = run(&json!({"path": "/x", "state": "keys"}));
        assert_eq!(keys.result["xattr"], json!({"user.a": "", "user.empty": ""}));
        assert!(
            run(&json!({"path": "/x", "key": "user.a", "value": "b c=", "state": "present"}))
                .changes
                .is_empty()
        );
        let set =
            run(&json!({"path": "/x", "key": "b", "value": "-v", "namespace": "trusted", "follow": false}));
        assert_eq!(set.changes[0].args.0, ["set", "-h", "/x", "trusted.b", "-v"]);
        let gone = run(&json!({"path": "/x", "key": "a", "state": "absent"}));
        assert_eq!(gone.changes[0].args.0, ["remove", "", "/x", "user.a", ""]);
        assert!(run(&json!({"path": "/x", "key": "b", "state": "absent"})).changes.is_empty());
        let keyless = json!({"path": "/x", "state": "present", "value": "x"});
        assert!(answer_with(&MODULE, &keyless, &mut |_| Ok(Output::ok(""))).is_err());
    }
}
