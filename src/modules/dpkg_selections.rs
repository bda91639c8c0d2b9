//! `dpkg_selections`: what dpkg shall do with a package, as putting it on hold.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Content, Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::apt::Selection;

/// The module.
pub static MODULE: Module = Module {
    name: "dpkg_selections",
    aliases: &[],
    summary: "Puts a package on hold, or says what else dpkg shall do with it",
    params: &[
        Param::required("name", Kind::Text, "the package"),
        Param::required(
            "selection",
            Kind::Choice(&["install", "hold", "deinstall", "purge"]),
            "what dpkg shall do with it",
        ),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Leave the kernel as it is\n  dpkg_selections:\n    name: linux-image-amd64\n    selection: hold\n",
        returns: &[
            Returned { name: "before", help: "The selection as it was." },
            Returned { name: "after", help: "The selection as it is now." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Takes a line of dpkg's selections on stdin: package, selection as it was seen.
const SET: Script = Script {
    name: "set_dpkg_selection",
    text: r#"dpkg --get-selections -- "$1" 2>/dev/null | { read -r _ word || word=; [ "$word" = "$2" ]; } || exit 113
dpkg --set-selections || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (name, wanted) = (args.needed("name")?, args.needed("selection")?);
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-.:".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(fits) {
        return Err(Stop::refuse(format!("'{name}' is no package's name")));
    }
    let said = host.get(Selection(vec![name.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let before = said.trim();
    if before.is_empty() {
        return Err(Stop::refuse(format!(
            "Failed to find package '{name}' to perform selection '{wanted}'."
        )));
    }
    let mut result = Map::new();
    result.insert("before".into(), before.into());
    result.insert("after".into(), wanted.into());
    let change = (before != wanted).then(|| {
        let summary = format!("set the selection of {name} to {wanted} (was {before})");
        let content = Content::new(format!("{name} {wanted}\n").into_bytes());
        Change::state(summary, SET, [name, before], [Subject::Packages]).with_content(content)
    });
    Ok(Outcome::change(result, change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn a_selection_is_set_for_a_package_that_dpkg_knows() {
        let run = |said: &'static str| {
            let args = json!({"name": "bar", "selection": "hold"});
            answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(said))).map(|outcome| outcome.changes.len())
        };
        assert_eq!((run("install\n"), run("hold\n")), (Ok(1), Ok(0)));
        assert!(matches!(run("\n"), Err(Stop::Refuse(refusal)) if refusal.message.contains("'bar'")));
    }
}
