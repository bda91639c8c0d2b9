//! `pip`: Python's packages, for the whole host or in a virtual environment. pip itself is asked beforehand what it would do.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Subjects};
use crate::questions::system::tools::PipPlan;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "pip",
    aliases: &[],
    summary: "Installs and removes Python's packages",
    params: &[
        Param::optional(
            "name",
            Kind::List,
            "packages, as pip takes them: NAME, NAME==VERSION, a path or a URL",
        ),
        Param::optional("version", Kind::Text, "the version of the one package"),
        Param::optional("requirements", Kind::Text, "a file on the host that lists packages"),
        Param::optional(
            "state",
            Kind::Choice(&["present", "absent", "latest", "forcereinstall"]),
            "what they shall be",
        )
        .default("present"),
        Param::optional("virtualenv", Kind::Path, "the virtual environment; made where it isn't there")
            .starts(),
        Param::optional("virtualenv_command", Kind::Text, "what makes a virtual environment")
            .default("virtualenv"),
        Param::optional("virtualenv_python", Kind::Text, "the Python that a new virtual environment gets"),
        Param::optional("virtualenv_site_packages", Kind::Bool, "whether it sees the host's packages")
            .default("no"),
        Param::optional("executable", Kind::Text, "pip, if not the usual one").starts(),
        Param::optional("extra_args", Kind::Text, "further arguments of pip"),
        Param::optional("editable", Kind::Bool, "whether packages are used where their source lies")
            .default("no"),
        Param::optional("chdir", Kind::Path, "the directory that pip runs in"),
        Param::optional("umask", Kind::Text, "the mask for new files"),
        Param::optional(
            "break_system_packages",
            Kind::Bool,
            "whether pip may touch what belongs to the distribution",
        )
        .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A program with all it needs\n  pip:\n    requirements: /srv/app/requirements.txt\n    virtualenv: /srv/app/venv\n    virtualenv_command: python3 -m venv\n",
        returns: &[
            Returned { name: "name", help: "The packages." },
            Returned { name: "requirements", help: "The file that lists packages." },
            Returned { name: "virtualenv", help: "The virtual environment." },
            Returned { name: "stdout", help: "What pip said." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Makes a virtual environment: the place, then the command.
const MAKE: Script = Script {
    name: "make_virtualenv",
    text: r#"place=$1 mask=$2
shift 2
[ ! -e "$place/bin/python" ] || exit 113
if [ -n "$mask" ]; then umask "$mask" || exit 1; fi
command -v "$1" >/dev/null 2>&1 || { echo "this host has no $1 to make a virtual environment with" >&2; exit 1; }
"$@" "$place" >&2 </dev/null || exit 1
exit 0"#,
};

/// Runs pip: a virtual environment or nothing, the program or nothing, a directory or nothing, a mask or nothing, then what
/// pip is told.
const RUN: Script = Script {
    name: "run_pip",
    text: concat!(
        include_str!("../questions/system/pip_find.sh"),
        r#"
find_pip "$1" "$2"
[ -n "$pip" ] || exit 113
if [ -n "$3" ]; then cd -- "$3" || exit 1; fi
if [ -n "$4" ]; then umask "$4" || exit 1; fi
shift 4
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
$pip "$@" </dev/null || exit 1
exit 0"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE, RUN];

struct Task<'a> {
    args: &'a Args,
    packages: Vec<String>,
    extra: Vec<String>,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let task = Task::read(args)?;
    let state = args.needed("state")?;
    let mut outcome = Outcome { result: registered(args), ..Outcome::default() };
    if task.packages.is_empty() && args.text("requirements").is_none() {
        // A virtual environment alone.
        let plan =
            host.get(PipPlan(task.question(&["list".into()])))?.as_ref().clone().map_err(Stop::refuse)?.text;
        outcome.changes.extend(plan.starts_with("== absent").then(|| task.make()).transpose()?);
        return Ok(outcome);
    }
    if state == "present" && task.is_plain() {
        // What pip would do is asked only where something is missing: to say that, it may run what a package brings along.
        let said =
            host.get(PipPlan(task.question(&["list".into()])))?.as_ref().clone().map_err(Stop::refuse)?.text;
        if task.packages.iter().all(|package| is_listed(&said, package)) {
            return Ok(outcome);
        }
    }
    let words = match state {
        "absent" => vec!["list".to_owned()],
        _ => task.install_words(),
    };
    let said = host.get(PipPlan(task.question(&words)))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let absent = said.starts_with("== absent");
    if state == "absent" {
        let there = names(&said);
        let gone: Vec<String> =
            task.packages.iter().map(|p| normal(p)).filter(|name| there.contains(name)).collect();
        if !gone.is_empty() {
            let summary = format!("remove {} with pip", gone.join(", "));
            let words = [vec!["uninstall".to_owned(), "-y".to_owned()], task.system_words(), gone].concat();
            outcome.changes.push(task.run(summary, words, Nature::State));
        }
        return Ok(outcome);
    }
    if absent {
        outcome.changes.push(task.make()?);
    }
    let Some(verdict) = verdict(&said)? else {
        let (summary, words) = (task.summary(""), [vec!["install".to_owned()], words].concat());
        // What pip would do can't be known: it is told, and says itself whether anything was to be done.
        let nature = if absent && state != "forcereinstall" { Nature::State } else { Nature::Event };
        outcome.changes.push(task.run(summary, words, nature));
        return Ok(outcome);
    };
    if state == "forcereinstall" || !verdict.is_empty() {
        let nature = if state == "forcereinstall" { Nature::Event } else { Nature::State };
        let words = [vec!["install".to_owned()], words].concat();
        outcome.changes.push(task.run(task.summary(&verdict), words, nature));
    }
    Ok(outcome)
}

/// What pip would install, in its words; none where it can't say.
fn verdict(said: &str) -> Result<Option<String>, Stop> {
    let Some(at) = said.find("== planned ") else { return Ok(None) };
    let planned = said.get(at..).unwrap_or_default();
    let (head, text) = planned.split_once('\n').unwrap_or((planned, ""));
    if head != "== planned 0" {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        let error = lines.iter().find(|line| line.starts_with("ERROR") || line.starts_with("error"));
        let why = error.or(lines.last()).copied().unwrap_or("pip failed");
        return Err(Stop::refuse(format!("pip: {why}")));
    }
    let would = text.lines().find_map(|line| line.trim().strip_prefix("Would install "));
    Ok(Some(would.unwrap_or_default().to_owned()))
}

/// The packages of `pip list --format=freeze`.
fn names(said: &str) -> Vec<String> {
    said.lines()
        .filter_map(|line| line.split_once("==").filter(|(name, _)| !name.is_empty()))
        .map(|(name, _)| normal(name))
        .collect()
}

/// Whether `pip list --format=freeze` has a package that is asked for as NAME or NAME==VERSION.
fn is_listed(said: &str, package: &str) -> bool {
    let wanted = package.split_once("==").map(|(_, version)| version.trim());
    let mut lines = said.lines().filter_map(|line| line.split_once("=="));
    lines.any(|(name, version)| {
        normal(name) == normal(package) && wanted.is_none_or(|wanted| wanted == version)
    })
}

/// A package's name as pip compares it: without version, in small letters, with dashes.
fn normal(name: &str) -> String {
    let name = name.split(['=', '<', '>', '!', '~', '[', ';', ' ']).next().unwrap_or_default();
    name.to_lowercase().replace(['_', '.'], "-")
}

fn registered(args: &Args) -> Map {
    let mut result = Map::new();
    for key in ["name", "requirements", "state", "version", "virtualenv"] {
        result.insert(key.into(), args.value(key).cloned().unwrap_or_default());
    }
    result
}

impl<'a> Task<'a> {
    fn read(args: &'a Args) -> Result<Self, Stop> {
        let given = |name: &str| args.value(name).is_some();
        for (a, b) in [("name", "requirements"), ("executable", "virtualenv")] {
            if given(a) && given(b) {
                return Err(Stop::refuse(format!("parameters are mutually exclusive: {a}|{b}")));
            }
        }
        if !given("name") && !given("requirements") && !given("virtualenv") {
            return Err(Stop::refuse("one of the following is required: name, requirements, virtualenv"));
        }
        let mut packages: Vec<String> = args.list("name").into_iter().map(str::to_owned).collect();
        if let Some(version) = args.text("version") {
            match packages.as_mut_slice() {
                [one] if args.text("state") == Some("present") => {
                    let operator = if version.starts_with(['=', '<', '>', '!', '~']) { "" } else { "==" };
                    one.push_str(&format!("{operator}{version}"));
                }
                [_] => return Err(Stop::refuse("'version' goes with 'state: present' alone")),
                _ => {
                    return Err(Stop::refuse(
                        "'version' goes with one package; give each its own as NAME==VERSION",
                    ));
                }
            }
        }
        if let Some(wrong) = packages.iter().find(|name| name.starts_with('-') || name.is_empty()) {
            return Err(Stop::refuse(format!("'{wrong}' is no package")));
        }
        let extra = super::shell_words::split(args.text("extra_args").unwrap_or_default());
        let extra = extra.map_err(|why| Stop::refuse(format!("extra_args: {why}")))?;
        Ok(Self { args, packages, extra })
    }

    fn text(&self, name: &str) -> String {
        self.args.text(name).unwrap_or_default().to_owned()
    }

    fn question(&self, words: &[String]) -> Vec<String> {
        [&["virtualenv", "executable", "chdir"].map(|name| self.text(name))[..], words].concat()
    }

    /// Whether names, perhaps with a version, are all that is asked for.
    fn is_plain(&self) -> bool {
        let is_name = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        let is_plain = |package: &String| match package.split_once("==") {
            Some((name, version)) => is_name(name.trim()) && is_name(version.trim()),
            None => is_name(package),
        };
        self.extra.is_empty()
            && self.args.text("requirements").is_none()
            && !self.args.flag("editable")
            && self.packages.iter().all(is_plain)
    }

    fn system_words(&self) -> Vec<String> {
        let system = self.args.flag("break_system_packages").then(|| "--break-system-packages".to_owned());
        system.into_iter().collect()
    }

    /// What stands behind `pip install`.
    fn install_words(&self) -> Vec<String> {
        let mut words = self.system_words();
        match self.args.text("state") {
            Some("latest") => words.push("--upgrade".into()),
            Some("forcereinstall") => words.extend(["--upgrade".into(), "--force-reinstall".into()]),
            _ => {}
        }
        words.extend(self.extra.iter().cloned());
        if let Some(file) = self.args.text("requirements") {
            words.extend(["-r".to_owned(), file.to_owned()]);
        }
        for package in &self.packages {
            words.extend(self.args.flag("editable").then(|| "-e".to_owned()));
            words.push(package.clone());
        }
        words
    }

    fn summary(&self, would: &str) -> String {
        let what = match (would, self.args.text("requirements")) {
            ("", Some(file)) => format!("what {file} lists"),
            ("", None) => self.packages.join(", "),
            (would, _) => would.split(' ').collect::<Vec<_>>().join(", "),
        };
        let place = self.args.text("virtualenv").map(|place| format!(" in {place}")).unwrap_or_default();
        format!("install {what}{place} with pip")
    }

    fn touches(&self) -> Subjects {
        match self.args.text("virtualenv") {
            Some(place) => [Subject::path(place)].into(),
            None => ["/usr/local", "/usr/lib/python3", "/root"].map(Subject::path).into(),
        }
    }

    fn run(&self, summary: String, words: Vec<String>, nature: Nature) -> Change {
        let head = ["virtualenv", "executable", "chdir", "umask"].map(|name| self.text(name));
        Change { nature, ..Change::state(summary, RUN, [&head[..], &words].concat(), self.touches()) }
    }

    fn make(&self) -> Result<Change, Stop> {
        let place = self.args.needed("virtualenv")?;
        let command = super::shell_words::split(self.args.needed("virtualenv_command")?);
        let mut command = command.map_err(|why| Stop::refuse(format!("virtualenv_command: {why}")))?;
        let is_venv = command.iter().any(|word| word == "venv" || word.ends_with("pyvenv"));
        if self.args.flag("virtualenv_site_packages") {
            command.push("--system-site-packages".into());
        }
        match self.args.text("virtualenv_python") {
            Some(_) if is_venv => {
                return Err(Stop::refuse(
                    "virtualenv_python should not be used when using the venv module as virtualenv_command",
                ));
            }
            Some(python) => command.push(format!("-p{python}")),
            None => {}
        }
        let argv = [vec![place.to_owned(), self.text("umask")], command].concat();
        Ok(Change::state(format!("make the virtual environment {place}"), MAKE, argv, [Subject::path(place)]))
    }
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if let Some(output) = outputs.last() {
        result.insert("stdout".into(), output.text().trim_end().into());
        result.insert("stderr".into(), output.error_text().trim_end().into());
        let idle = outcome.changes.last().is_some_and(|change| change.nature == Nature::Event)
            && outputs.len() == 1
            && output.status == 0
            && !output.text().contains("Successfully installed");
        if idle {
            result.insert("changed".into(), false.into());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::{Value, json};

    fn run(args: &Value, said: &str) -> Result<(String, Vec<String>), Stop> {
        let mut asked = String::new();
        let outcome = answer_with(&MODULE, args, &mut |question| {
            asked = question.args.0.join(" ");
            Ok(Output::ok(said))
        })?;
        Ok((
            asked,
            outcome.changes.into_iter().map(|c| format!("{}: {}", c.summary, c.args.0.join(" "))).collect(),
        ))
    }

    #[test]
    fn pip_is_told_only_where_it_would_do_something() {
        let args = json!({"name": ["flask", "x==1"], "extra_args": "--no-cache-dir"});
        let done = "== pip pip3\n== planned 0\nRequirement already satisfied: flask\n";
        assert_eq!(run(&args, done), Ok(("   --no-cache-dir flask x==1".into(), vec![])));
        let (_, changes) = run(&args, "== pip pip3\n== planned 0\nWould install flask-3.0 x-1\n").unwrap();
        assert_eq!(changes, ["install flask-3.0, x-1 with pip:     install --no-cache-dir flask x==1"]);
        let failed = run(&args, "== pip pip3\n== planned 1\nerror: externally-managed-environment\n\nmore\n");
        assert!(matches!(failed, Err(Stop::Refuse(r)) if r.message.contains("externally-managed")));
    }

    #[test]
    fn what_is_listed_as_asked_for_needs_no_plan() {
        let listed = "== pip pip3\nMy-Package==1.0\nother==2\n";
        for (name, expected) in [
            ("my_package", "list"),
            ("other==2", "list"),
            ("other==3", "other==3"),
            ("other>=2", "other>=2"),
            ("third", "third"),
            ("./other", "./other"),
        ] {
            let (asked, _) = run(&json!({"name": name}), listed).unwrap();
            assert_eq!(asked.trim(), expected, "{name}");
        }
        let latest = run(&json!({"name": "other", "state": "latest"}), listed).unwrap().0;
        assert_eq!(latest.trim(), "--upgrade other");
    }

    #[test]
    fn a_virtual_environment_is_made_first() {
        let args =
            json!({"name": "x", "version": "2", "virtualenv": "/v", "virtualenv_command": "python3 -m venv"});
        let (_, changes) = run(&args, "== absent\n").unwrap();
        assert_eq!(
            changes[0],
            "make the virtual environment /v (virtualenv_command: python3 -m venv): /v  python3 -m venv"
        );
        assert_eq!(
            changes[1],
            "install x==2 in /v with pip (virtualenv_command: python3 -m venv): /v    install x==2"
        );
        assert_eq!(run(&json!({"virtualenv": "/v"}), "== pip x\na==1\n").unwrap().1.len(), 0);
    }

    #[test]
    fn what_is_not_there_is_not_removed() {
        let args = json!({"name": ["My_Package", "other"], "state": "absent"});
        let (asked, changes) = run(&args, "== pip pip3\nmy-package==1\nthird==2\n").unwrap();
        assert_eq!((asked.trim(), changes.len()), ("list", 1));
        assert!(changes[0].ends_with("uninstall -y my-package"));
        assert!(run(&json!({"name": "a,b", "version": "1"}), "").is_err());
    }
}
