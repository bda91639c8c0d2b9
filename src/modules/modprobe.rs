//! `modprobe`: a module of the kernel, loaded or not, now and at boot.

use super::text_file::TextFile;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::files::Matching;
use crate::questions::system::kernel;

/// The module.
pub static MODULE: Module = Module {
    name: "modprobe",
    aliases: &[],
    summary: "Loads or unloads a module of the kernel, now and at boot",
    params: &[
        Param::required("name", Kind::Text, "the module"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is loaded")
            .default("present"),
        Param::optional("params", Kind::Text, "parameters that it is loaded with"),
        Param::optional(
            "persistent",
            Kind::Choice(&["disabled", "present", "absent"]),
            "whether it is loaded at boot; disabled: nothing is done about that",
        )
        .default("disabled"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Load the module for bridges, now and at boot\n  modprobe:\n    name: br_netfilter\n    state: present\n    persistent: present\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Loads or unloads: the verb, the module, its name in /proc/modules, then parameters.
const LOAD: Script = Script {
    name: "kernel_module_load",
    text: r#"verb=$1 name=$2 listed=$3
shift 3
loaded=no
if [ -r /proc/modules ]; then
    while read -r word rest; do
        if [ "$word" = "$listed" ]; then loaded=yes; fi
    done </proc/modules
fi
case $verb:$loaded in load:yes | unload:no) exit 113 ;; esac
command -v modprobe >/dev/null 2>&1 || { echo 'this host has no modprobe' >&2; exit 1; }
if [ "$verb" = load ]; then modprobe -- "$name" "$@" || exit 1; else modprobe -r -- "$name" || exit 1; fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[LOAD];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-.+".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(fits) {
        return Err(Stop::refuse(format!("'{name}' is no module's name")));
    }
    let listed = name.replace('-', "_");
    let parameters = args.text("params").unwrap_or_default().to_owned();
    let now = host.get(kernel::Module(vec![listed.clone()]));
    let files = persistence(args, host, name, &parameters);
    let now = now?.as_ref().clone().map_err(Stop::refuse)?.text;
    let verb = match (args.text("state"), now.trim()) {
        (Some("present"), "absent") => Some("load"),
        (Some("absent"), "loaded") => Some("unload"),
        _ => None,
    };
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("state".into(), args.needed("state")?.into());
    result.insert("params".into(), parameters.clone().into());
    let load = verb.map(|verb| {
        let mut argv = vec![verb.to_owned(), name.to_owned(), listed.clone()];
        argv.extend(parameters.split_whitespace().map(str::to_owned));
        let touches = [Subject::path("/proc/modules"), Subject::path("/sys/module")];
        Change::state(format!("{verb} the kernel's module {name}"), LOAD, argv, touches)
    });
    Ok(Outcome::change(result, load.into_iter().chain(files?).collect()))
}

/// What is to be done about the next boot.
fn persistence(args: &Args, host: &Host<'_>, name: &str, parameters: &str) -> Result<Vec<Change>, Stop> {
    let is_module = |line: &str| line.trim() == name;
    let is_options = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        matches!(words[..], ["options", module, ..] if module == name)
    };
    match args.text("persistent") {
        Some("present") => {
            let files = host
                .get(Matching(vec!["/etc/modules-load.d/*.conf".into(), "/etc/modprobe.d/*.conf".into()]))?;
            let mut changes = Vec::new();
            let any = |fits: &dyn Fn(&str) -> bool, below: &str| {
                files.iter().any(|(path, text)| {
                    path.starts_with(below) && String::from_utf8_lossy(text).lines().any(fits)
                })
            };
            if !any(&is_module, "/etc/modules-load.d/") {
                let file = TextFile::ask(host, &format!("/etc/modules-load.d/{name}.conf"))?;
                changes.extend(file.put(host, &Args::default(), format!("{name}\n"), 0o644)?);
            }
            let wanted = format!("options {name} {parameters}");
            if !parameters.is_empty() && !any(&|line: &str| line.trim() == wanted, "/etc/modprobe.d/") {
                let file = TextFile::ask(host, &format!("/etc/modprobe.d/{name}.conf"))?;
                changes.extend(file.put(host, &Args::default(), format!("{wanted}\n"), 0o644)?);
            }
            Ok(changes)
        }
        Some("absent") => {
            let patterns = ["/etc/modules", "/etc/modules-load.d/*.conf", "/etc/modprobe.d/*.conf"];
            let files = host.get(Matching(patterns.map(str::to_owned).to_vec()))?;
            let mut changes = Vec::new();
            for (path, text) in files.iter() {
                let text = String::from_utf8_lossy(text);
                let named = |line: &str| {
                    if path.starts_with("/etc/modprobe.d/") { is_options(line) } else { is_module(line) }
                };
                if !text.lines().any(named) {
                    continue;
                }
                let quiet = |line: &str| if named(line) { format!("#{line}\n") } else { format!("{line}\n") };
                let file = TextFile::ask(host, path)?;
                changes.extend(file.put(
                    host,
                    &Args::default(),
                    text.lines().map(quiet).collect::<String>(),
                    0o644,
                )?);
            }
            Ok(changes)
        }
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: &Value, now: &str, files: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |asked| {
            Ok(match asked.script.name {
                "kernel_module" => Output::ok(now),
                "read_matching" => Output::ok(files),
                "inspect" => Output::ok("/etc/x\0u\x000022\0-\0\0\0\0\0\0"),
                "read_file" => Output { status: 3, ..Output::default() },
                other => panic!("asked {other}"),
            })
        });
        outcome
            .unwrap()
            .changes
            .into_iter()
            .map(|c| format!("{}: {}", c.summary, c.args.0.join(" ")))
            .collect()
    }

    #[test]
    fn it_is_loaded_unless_it_is_there_or_part_of_the_kernel() {
        let args = json!({"name": "br-netfilter", "params": "a=1 b=2"});
        let load = "load the kernel's module br-netfilter: load br-netfilter br_netfilter a=1 b=2";
        assert_eq!(run(&args, "absent\n", ""), [load]);
        assert!(run(&args, "loaded\n", "").is_empty() && run(&args, "builtin\n", "").is_empty());
        let gone = json!({"name": "x", "state": "absent"});
        assert_eq!(run(&gone, "loaded\n", ""), ["unload the kernel's module x: unload x x"]);
        assert!(run(&gone, "absent\n", "").is_empty());
    }

    #[test]
    fn a_file_that_names_it_is_enough_for_the_next_boot() {
        let args = json!({"name": "x", "persistent": "present"});
        assert!(run(&args, "loaded", "4 /etc/modules-load.d/any.conf\n x\n\n").is_empty());
    }
}
