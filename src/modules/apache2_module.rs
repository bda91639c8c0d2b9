//! `apache2_module`: a module of the web server apache2, on or off (Debian's `a2enmod`).

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::tools::ApacheModule;

/// The module.
pub static MODULE: Module = Module {
    name: "apache2_module",
    aliases: &[],
    summary: "Switches a module of apache2 on or off",
    params: &[
        Param::required("name", Kind::Text, "the module, as rewrite"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is on").default("present"),
        Param::optional("force", Kind::Bool, "whether modules that apache2 needs may go").default("no"),
        Param::optional("identifier", Kind::Text, "taken and not needed: Debian's own links count"),
        Param::optional("ignore_configcheck", Kind::Bool, "taken and not needed: apache2 isn't asked")
            .default("no"),
        Param::optional("warn_mpm_absent", Kind::Bool, "taken and not needed").default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: URLs that read well\n  apache2_module:\n    name: rewrite\n    state: present\n",
        returns: &[Returned { name: "result", help: "Whether it is on or off." }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Switches a module: `a2enmod` or `a2dismod`, the module, an option or nothing.
const SWITCH: Script = Script {
    name: "switch_apache_module",
    text: r#"if [ -e "/etc/apache2/mods-enabled/$2.load" ]; then now=a2enmod; else now=a2dismod; fi
[ "$now" != "$1" ] || exit 113
"$1" -q $3 -- "$2" </dev/null || "$1" -q $3 "$2" </dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SWITCH];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if name.is_empty()
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        || name.starts_with('-')
    {
        return Err(Stop::refuse(format!("'{name}' is no module's name")));
    }
    let said = host.get(ApacheModule(vec![name.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let is = |word: &str| said.lines().any(|line| line == word);
    let present = args.text("state") != Some("absent");
    if present && !is("available") && !is("enabled") {
        return Err(Stop::refuse(format!(
            "Failed to set module {name} to enabled: apache2 has no such module"
        )));
    }
    let word = if present { "enabled" } else { "disabled" };
    let mut result = Map::new();
    result.insert("result".into(), format!("Module {name} {word}").into());
    let tool = if present { "a2enmod" } else { "a2dismod" };
    let force = if args.flag("force") && !present { "-f" } else { "" };
    let touches = [Subject::path("/etc/apache2"), Subject::Service("apache2".into())];
    let change = (is("enabled") != present)
        .then(|| Change::state(format!("{tool} {name}"), SWITCH, [tool, name, force], touches));
    Ok(Outcome::change(result, change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn a_module_is_switched_where_it_is_not_as_asked() {
        let run = |state: &str, said: &'static str| {
            let args = json!({"name": "rewrite", "state": state});
            answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(said)))
                .map(|o| o.changes.into_iter().map(|c| c.args.0.join(" ")).collect::<Vec<_>>())
        };
        assert_eq!(run("present", "available\n"), Ok(vec!["a2enmod rewrite ".into()]));
        assert_eq!(run("present", "available\nenabled\n"), Ok(vec![]));
        assert_eq!(run("absent", "available\nenabled\n"), Ok(vec!["a2dismod rewrite ".into()]));
        assert_eq!(run("absent", "\n"), Ok(vec![]));
        assert!(run("present", "\n").is_err());
    }
}
