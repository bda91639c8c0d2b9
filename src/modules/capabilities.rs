//! `capabilities`: which of the superuser's powers a program has.
//!
//! # Source
//! cap_from_text(3) and getcap(8) of libcap 2.66: clauses apart by blanks, each names with commas between them, an operator and
//! flags.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::labels::Capabilities;
use std::collections::BTreeSet;

/// The module.
pub static MODULE: Module = Module {
    name: "capabilities",
    aliases: &[],
    summary: "Gives a program one of the superuser's powers, or takes it away",
    params: &[
        Param::required("path", Kind::Path, "the program").or(&["key"]),
        Param::required("capability", Kind::Text, "the power and how it has it, as cap_net_bind_service+ep")
            .or(&["cap"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to have it")
            .default("present"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: The shop may listen on port 80\n  capabilities: {path: /opt/shop/server, capability: cap_net_bind_service+ep}\n",
        returns: &[Returned { name: "state", help: "as it was given" }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Sets all capabilities of a file: its path, what it was seen to have, what it is to have.
const SET: Script = Script {
    name: "set_capabilities",
    text: r#"PATH=$PATH:/usr/sbin:/sbin
now=$(getcap "$1") || exit 1
now=${now#"$1"}
[ "${now# =}" = "$2" ] || exit 113
if [ -n "$3" ]; then setcap "$3" "$1" || exit 1; else setcap -r "$1" || exit 1; fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

/// A capability and the flags that it has.
type Power = (String, BTreeSet<char>);

/// Reads a clause's end: the operator and the flags. `+ep` and `=ep` come to the same where nothing was before.
fn flags(text: &str) -> BTreeSet<char> {
    text.chars().filter(|c| "eip".contains(*c)).collect()
}

fn read(said: &str) -> Vec<Power> {
    let clause = |clause: &str| -> Vec<Power> {
        let at = clause.find(['=', '+', '-']).unwrap_or(clause.len());
        let (names, rest) = clause.split_at(at);
        let flags = flags(rest);
        names
            .split(',')
            .filter(|name| !name.is_empty())
            .map(|name| (name.to_lowercase(), flags.clone()))
            .collect()
    };
    said.split_whitespace().flat_map(clause).collect()
}

fn written(powers: &[Power]) -> String {
    let one = |(name, flags): &Power| format!("{name}={}", flags.iter().collect::<String>());
    powers.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (path, state) = (args.needed("path")?, args.needed("state")?);
    let capability = args.needed("capability")?.trim().to_lowercase();
    let name = capability.split(['=', '+', '-']).next().unwrap_or_default().to_owned();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Stop::refuse(format!(
            "'capability' is '{capability}': expected a name, an operator and flags, as cap_net_raw+ep"
        )));
    }
    let wanted = flags(capability.get(name.len()..).unwrap_or_default());
    if state == "present"
        && (wanted.is_empty() || capability.get(name.len()..).is_some_and(|rest| rest.starts_with('-')))
    {
        return Err(Stop::refuse(format!(
            "Couldn't find operator (one of: =, +) and flags (of e, i, p) in '{capability}'"
        )));
    }
    let said = host.get(Capabilities(vec![path.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let said = said.trim_end_matches('\n');
    let now = read(said);
    let mut after: Vec<Power> = now.iter().filter(|(other, _)| *other != name).cloned().collect();
    let is_so = match state {
        "absent" => after.len() == now.len(),
        _ => now.iter().any(|(other, flags)| (other, flags) == (&name, &wanted)),
    };
    if state != "absent" {
        after.push((name.clone(), wanted));
    }
    let mut result = Map::new();
    result.insert("state".into(), state.into());
    if is_so {
        return Ok(Outcome::in_order(result));
    }
    result.insert("msg".into(), "capabilities changed".into());
    let summary = match state {
        "absent" => format!("take {name} from {path}"),
        _ => format!("give {path} {capability}"),
    };
    let argv = [path.to_owned(), said.to_owned(), written(&after)];
    Ok(Outcome::change(result, vec![Change::state(summary, SET, argv, [Subject::path(path)])]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: &Value, said: &str) -> Option<String> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(format!("{said}\n")))).unwrap();
        outcome.changes.first().map(|change| change.args.0[2].clone())
    }

    #[test]
    fn a_power_is_given_beside_others_and_taken_away() {
        let args = |cap: &str, state: &str| json!({"path": "/x", "capability": cap, "state": state});
        assert_eq!(run(&args("CAP_NET_RAW+ep", "present"), ""), Some("cap_net_raw=ep".into()));
        assert_eq!(run(&args("cap_net_raw+ep", "present"), " cap_net_raw=ep"), None);
        assert_eq!(run(&args("cap_net_raw+ep", "present"), " cap_net_raw+ep"), None);
        assert_eq!(
            run(&args("cap_net_raw+eip", "present"), " cap_net_admin,cap_net_raw=ep"),
            Some("cap_net_admin=ep cap_net_raw=eip".into())
        );
        assert_eq!(run(&args("cap_net_raw", "absent"), " cap_net_raw=ep"), Some(String::new()));
        assert_eq!(run(&args("cap_net_raw", "absent"), " cap_net_admin=ep"), None);
        let bad = args("cap_net_raw", "present");
        assert!(answer_with(&MODULE, &bad, &mut |_| Ok(Output::ok("\n"))).is_err());
    }
}
