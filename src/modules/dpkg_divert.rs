//! `dpkg_divert`: keeps a package's file out of the way of one's own.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::apt::Diversion;

/// The module.
pub static MODULE: Module = Module {
    name: "dpkg_divert",
    aliases: &[],
    summary: "Lets dpkg put a file in another place than its package says",
    params: &[
        Param::required("path", Kind::Path, "the file as its package has it").or(&["name"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is diverted")
            .default("present"),
        Param::optional("divert", Kind::Path, "the place that it gets; by default the path with .distrib"),
        Param::optional("holder", Kind::Text, "a package whose own file stays where it is").default("LOCAL"),
        Param::optional("rename", Kind::Bool, "whether a file that is there is moved along").default("yes"),
        Param::optional("force", Kind::Bool, "whether what is in the way of that is overwritten")
            .default("no"),
        Param::optional("delete", Kind::Bool, "with absent: whether what is at the path goes first")
            .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Our own file in the place of the package's\n  dpkg_divert:\n    path: /etc/screenrc\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Diverts a path or ends that: verb, path, place, holder, whether files are moved, whether what is in the way goes.
const DIVERT: Script = Script {
    name: "divert",
    text: r#"verb=$1 path=$2 place=$3 holder=$4 rename=$5 clear=$6
now=$(dpkg-divert --listpackage "$path") || exit 1
case $verb:$now in add: | remove:?*) ;; *) exit 113 ;; esac
if [ "$holder" = LOCAL ]; then set -- --local; else set -- --package "$holder"; fi
if [ "$rename" = yes ]; then set -- "$@" --rename; else set -- "$@" --no-rename; fi
if [ "$verb" = add ]; then
    if [ "$clear" = yes ] && [ -e "$path" ]; then rm -f -- "$place" || exit 1; fi
    dpkg-divert "$@" --divert "$place" --quiet --add "$path" || exit 1
else
    if [ "$clear" = yes ]; then rm -f -- "$path" || exit 1; fi
    dpkg-divert "$@" --divert "$place" --quiet --remove "$path" || exit 1
fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[DIVERT];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let holder = args.needed("holder")?;
    let yes = |name| if args.flag(name) { "yes" } else { "no" };
    let place = args.text("divert").map_or_else(|| format!("{path}.distrib"), str::to_owned);
    let said = host.get(Diversion(vec![path.to_owned(), place.clone()]))?;
    let said = said.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    let is = |word: &str| said.lines().any(|line| line == word);
    let current = of("holder ").zip(of("place "));
    let change = |verb: &str, to: &str, holder: &str, clear: &str| {
        let summary = match verb {
            "add" => format!("divert {path} to {to}"),
            _ => format!("end the diversion of {path} to {to}"),
        };
        let touches = [path, to, "/var/lib/dpkg/diversions"].map(Subject::path);
        Change::state(summary, DIVERT, [verb, path, to, holder, yes("rename"), clear], touches)
    };
    let mut changes = Vec::new();
    match (args.text("state"), current) {
        (Some("absent"), None) => {}
        (Some("absent"), Some((held, to))) => {
            let clear = if args.flag("delete") || args.flag("force") { "yes" } else { "no" };
            changes.push(change("remove", to, held_by(held), clear));
        }
        (_, Some((held, to))) if to == place && held_by(held) == holder => {}
        (_, current) => {
            if args.flag("rename") && is("path") && is("target") && !args.flag("force") {
                return Err(Stop::refuse(format!(
                    "{place} is in the way of {path}: 'force' would overwrite it"
                )));
            }
            changes.extend(current.map(|(held, to)| change("remove", to, held_by(held), "no")));
            changes.push(change("add", &place, holder, yes("force")));
        }
    }
    let mut result = Map::new();
    result.insert("path".into(), path.into());
    Ok(Outcome::change(result, changes))
}

/// dpkg-divert says `LOCAL` of diversions that belong to nobody.
fn held_by(holder: &str) -> &str {
    if holder.is_empty() { "LOCAL" } else { holder }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: &Value, said: &str) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())
    }

    #[test]
    fn a_diversion_is_made_once_moved_and_ended() {
        let args = json!({"path": "/etc/x"});
        assert_eq!(run(&args, "path\n").unwrap(), ["add /etc/x /etc/x.distrib LOCAL yes no"]);
        assert!(run(&args, "holder LOCAL\nplace /etc/x.distrib\npath\ntarget\n").unwrap().is_empty());
        let moved = json!({"path": "/etc/x", "divert": "/etc/y"});
        assert_eq!(run(&moved, "holder LOCAL\nplace /etc/x.distrib\n").unwrap().len(), 2);
        let gone = json!({"path": "/etc/x", "state": "absent", "delete": true});
        assert_eq!(
            run(&gone, "holder LOCAL\nplace /etc/x.distrib\npath\n").unwrap(),
            ["remove /etc/x /etc/x.distrib LOCAL yes yes"]
        );
        assert!(run(&gone, "path\n").unwrap().is_empty());
        assert!(run(&args, "path\ntarget\n").is_err());
    }
}
