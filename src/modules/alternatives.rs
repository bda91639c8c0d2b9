//! `alternatives`: which of several programs goes by a common name.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::apt::Alternative;

/// The module.
pub static MODULE: Module = Module {
    name: "alternatives",
    aliases: &[],
    summary: "Selects which program goes by a common name",
    params: &[
        Param::required("name", Kind::Text, "the common name, as editor"),
        Param::optional("path", Kind::Path, "the program"),
        Param::optional(
            "link",
            Kind::Path,
            "the link that has the common name; needed where it isn't known yet",
        ),
        Param::optional(
            "priority",
            Kind::Int,
            "the priority of a program that isn't known yet; 50 by default",
        ),
        Param::optional(
            "state",
            Kind::Choice(&["present", "absent", "selected", "auto"]),
            "selected: used; present: known; auto: the host chooses",
        )
        .default("selected"),
        Param::optional("subcommands", Kind::Any, "links that follow: a list of {name, path, link}")
            .or(&["slaves"]),
        Param::not_yet("family"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Edit with vim\n  alternatives:\n    name: editor\n    path: /usr/bin/vim.basic\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Runs update-alternatives: what it is to be told.
const UPDATE: Script = Script {
    name: "update_alternatives",
    text: r#"tool=$(command -v update-alternatives || command -v alternatives) || exit 1
"$tool" "$@" >/dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[UPDATE];

/// A program, its priority, and its followers' paths by name.
type Program = (String, i64, Vec<(String, String)>);

/// What update-alternatives says.
#[derive(Default)]
struct Known {
    link: String,
    auto: bool,
    current: String,
    /// Programs, each with its priority and its followers' paths by name.
    programs: Vec<Program>,
}

impl Known {
    /// Reads `--query`: fields of the name itself, then a paragraph for each program.
    fn read(text: &str) -> Self {
        let mut known = Self::default();
        let mut followers = false;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix(' ').filter(|_| followers) {
                if let (Some(program), Some((name, path))) = (known.programs.last_mut(), rest.split_once(' '))
                {
                    program.2.push((name.to_owned(), path.to_owned()));
                }
                continue;
            }
            followers = false;
            match line.split_once(": ").unwrap_or((line.trim_end_matches(':'), "")) {
                ("Link", link) => known.link = link.to_owned(),
                ("Status", status) => known.auto = status == "auto",
                ("Value", value) => known.current = value.to_owned(),
                ("Alternative", path) => known.programs.push((path.to_owned(), 0, Vec::new())),
                ("Priority", number) => {
                    if let Some(program) = known.programs.last_mut() {
                        program.1 = number.parse().unwrap_or(0);
                    }
                }
                ("Slaves", _) => followers = !known.programs.is_empty(),
                _ => {}
            }
        }
        known
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if name.is_empty() || name.starts_with('-') || name.contains(['/', '\n']) {
        return Err(Stop::refuse(format!("'{name}' is no alternative's name")));
    }
    let state = args.needed("state")?;
    let path = match (args.text("path"), state) {
        (Some(path), _) => Some(path),
        (None, "auto") => None,
        (None, _) => return Err(Stop::refuse("the parameter 'path' is needed here")),
    };
    let followers = followers(args)?;
    let asked = vec![name.to_owned(), args.text("link").unwrap_or_default().to_owned()];
    let said = host.get(Alternative(asked))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let known = Known::read(&said);
    let mut argvs = Vec::new();
    let program = known.programs.iter().find(|(known, _, _)| Some(known.as_str()) == path);
    match (state, path) {
        ("absent", Some(path)) if program.is_some() => {
            argvs.push(vec!["--remove".to_owned(), name.to_owned(), path.to_owned()]);
        }
        ("absent", _) => {}
        (_, Some(path)) => {
            argvs.extend(install(args, name, path, &known, &followers)?);
            if state == "selected" && known.current != path {
                argvs.push(vec!["--set".to_owned(), name.to_owned(), path.to_owned()]);
            } else if state == "auto" && !known.auto {
                argvs.push(vec!["--auto".to_owned(), name.to_owned()]);
            }
        }
        (_, None) if known.programs.is_empty() => {
            return Err(Stop::refuse(format!("there is no alternative '{name}' on this host")));
        }
        (_, None) if !known.auto => argvs.push(vec!["--auto".to_owned(), name.to_owned()]),
        (_, None) => {}
    }
    let change = |argv: Vec<String>| {
        let link = args.text("link").unwrap_or(&known.link);
        let touches = [link, "/etc/alternatives", "/var/lib/dpkg/alternatives"].map(Subject::path);
        Change::state(format!("update-alternatives {}", argv.join(" ")), UPDATE, argv, touches)
    };
    Ok(Outcome::change(Map::new(), argvs.into_iter().map(change).collect()))
}

type Follower = (String, String, String);

fn followers(args: &Args) -> Result<Option<Vec<Follower>>, Stop> {
    let Some(value) = args.value("subcommands") else { return Ok(None) };
    let wrong = || Stop::refuse("'subcommands' is no list of {name, path, link}");
    let text = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let one = |item: &Value| {
        let (name, path) = (text(item, "name").ok_or_else(wrong)?, text(item, "path").ok_or_else(wrong)?);
        Ok((name, path, text(item, "link").unwrap_or_default()))
    };
    value.as_array().ok_or_else(wrong)?.iter().map(one).collect::<Result<_, _>>().map(Some)
}

/// What makes a program known; none where it is, as it is wanted.
fn install(
    args: &Args,
    name: &str,
    path: &str,
    known: &Known,
    followers: &Option<Vec<Follower>>,
) -> Result<Option<Vec<String>>, Stop> {
    let program = known.programs.iter().find(|(known, _, _)| known == path);
    let priority = args.int("priority");
    if let Some((_, there, follow)) = program {
        let same_priority = priority.is_none_or(|priority| priority == *there);
        let same_followers = followers.as_ref().is_none_or(|wanted| {
            wanted.iter().all(|(name, path, _)| follow.iter().any(|(n, p)| (n, p) == (name, path)))
        });
        if same_priority && same_followers {
            return Ok(None);
        }
    }
    let link = args.text("link").unwrap_or(&known.link);
    if link.is_empty() {
        return Err(Stop::refuse(
            "Needed to install the alternative, but unable to do so as we are missing the link",
        ));
    }
    let priority = priority.or(program.map(|(_, there, _)| *there)).unwrap_or(50);
    let mut argv =
        vec!["--install".to_owned(), link.to_owned(), name.to_owned(), path.to_owned(), priority.to_string()];
    for (name, path, link) in followers.iter().flatten() {
        argv.extend(["--slave".to_owned(), link.clone(), name.clone(), path.clone()]);
    }
    Ok(Some(argv))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    const EDITOR: &str = "Name: editor\nLink: /usr/bin/editor\nSlaves:\n editor.1.gz /usr/share/man/man1/editor.1.gz\n\
        Status: auto\nBest: /bin/nano\nValue: /bin/nano\n\nAlternative: /bin/ed\nPriority: -100\nSlaves:\n \
        editor.1.gz /usr/share/man/man1/ed.1.gz\n\nAlternative: /bin/nano\nPriority: 40\n";

    fn run(args: &Value, said: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said))).unwrap();
        outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect()
    }

    #[test]
    fn a_program_is_made_known_selected_left_to_the_host_and_forgotten() {
        let args = |path: &str, state: &str| json!({"name": "editor", "path": path, "state": state});
        assert_eq!(run(&args("/bin/ed", "selected"), EDITOR), ["--set editor /bin/ed"]);
        assert!(run(&args("/bin/nano", "selected"), EDITOR).is_empty());
        assert_eq!(
            run(&args("/bin/vi", "selected"), EDITOR),
            ["--install /usr/bin/editor editor /bin/vi 50", "--set editor /bin/vi"]
        );
        assert!(run(&args("/bin/ed", "present"), EDITOR).is_empty());
        assert!(run(&args("/bin/ed", "auto"), EDITOR).is_empty());
        assert_eq!(run(&args("/bin/ed", "auto"), &EDITOR.replace("auto", "manual")), ["--auto editor"]);
        assert_eq!(run(&args("/bin/ed", "absent"), EDITOR), ["--remove editor /bin/ed"]);
        assert!(run(&args("/bin/vi", "absent"), EDITOR).is_empty());
    }

    #[test]
    fn a_name_that_is_not_known_needs_its_link_and_followers_come_along() {
        let mut args = json!({"name": "x", "path": "/opt/x", "subcommands": [{"name": "x1", "path": "/opt/x1", "link": "/usr/bin/x1"}]});
        assert!(answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(""))).is_err());
        args["link"] = json!("/usr/bin/x");
        assert_eq!(run(&args, "")[0], "--install /usr/bin/x x /opt/x 50 --slave /usr/bin/x1 x1 /opt/x1");
        let follow = json!({"name": "editor", "path": "/bin/ed", "state": "present",
            "subcommands": [{"name": "editor.1.gz", "path": "/usr/share/man/man1/ed.1.gz", "link": "/usr/share/man/man1/editor.1.gz"}]});
        assert!(run(&follow, EDITOR).is_empty());
    }
}
