//! `cron`: jobs and variables in a user's crontab, or in a file below `/etc/cron.d`. What becomes of the lines is decided
//! by `cron_table`.

use super::attributes::{Wanted, touching};
use super::cron_table::{Place, Table};
use super::file::REMOVE;
use super::place::{BACKUP, New, Placement};
use super::{
    Args, Change, Diff, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Content, Digest, Map, Script};
use crate::questions::contents::{Content as Old, Read};
use crate::questions::cron::{Crontab, subjects};
use crate::questions::files::{Inspect, Inspected};
use crate::questions::{Output, Stop};

/// Largest crontab that is edited.
const BYTES_MAX: u64 = 1 << 20;

const TIMES: Kind = Kind::Choice(&["annually", "daily", "hourly", "monthly", "reboot", "weekly", "yearly"]);

/// The module.
pub static MODULE: Module = Module {
    name: "cron",
    aliases: &[],
    summary: "Puts a job or a variable in a crontab, or removes one",
    params: &[
        Param::required("name", Kind::Text, "the job's name in the comment above it, or the variable's name"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("job", Kind::Text, "the command, or the variable's value").or(&["value"]),
        Param::optional("user", Kind::Text, "whose crontab; with cron_file: who runs the job"),
        Param::optional("cron_file", Kind::Text, "a file below /etc/cron.d instead of a crontab"),
        Param::optional("minute", Kind::Text, "0-59, *, */2 …").default("*"),
        Param::optional("hour", Kind::Text, "0-23, *, */2 …").default("*"),
        Param::optional("day", Kind::Text, "1-31, *, */2 …").or(&["dom"]).default("*"),
        Param::optional("month", Kind::Text, "1-12, *, */2 …").default("*"),
        Param::optional("weekday", Kind::Text, "0-6, Sunday first, *, …").or(&["dow"]).default("*"),
        Param::optional("special_time", TIMES, "instead of minute to weekday"),
        Param::optional("disabled", Kind::Bool, "comment the job out").default("no"),
        Param::optional("env", Kind::Bool, "it is a variable, not a job").default("no"),
        Param::optional("insertafter", Kind::Text, "the variable behind which a new one goes"),
        Param::optional("insertbefore", Kind::Text, "the variable before which a new one goes"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Back the database up each night
  cron:
    name: nightly dump
    user: postgres
    minute: "15"
    hour: "3"
    job: /usr/local/bin/dump-all
- name: Mail the jobs' output to the group
  cron: {name: MAILTO, env: true, job: infra@example.org, user: postgres}
- name: No more of that old job
  cron: {name: old cleanup, state: absent}
"#,
        returns: &[
            Returned { name: "jobs", help: "the names of all jobs of the crontab" },
            Returned { name: "envs", help: "the names of its variables" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old one is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Replaces a crontab by what is on stdin, which is never in a file, an argument or an environment on the way.
const INSTALL: Script = Script {
    name: "install_crontab",
    text: r#"user=$1 before=$2 digest=$3 backup=$4
list() { if [ -n "$user" ]; then crontab -u "$user" -l; else crontab -l; fi; }
command -v crontab >/dev/null || { echo 'crontab is not installed on this host' >&2; exit 1; }
if [ "$before" = - ]; then
    [ -z "$(list 2>/dev/null)" ] || exit 113
else
    sum=$(list 2>/dev/null | sha256sum)
    [ "${sum%% *}" = "$before" ] || exit 113
fi
content=$(cat; printf x)
content=${content%x}
sum=$(printf '%s' "$content" | sha256sum) || exit 1
[ "${sum%% *}" = "$digest" ] || { echo 'the crontab did not arrive as it was sent' >&2; exit 1; }
umask 077
if [ "$backup" = yes ]; then
    saved=$(mktemp "${TMPDIR:-/tmp}/crontab.XXXXXXXXXX") || exit 1
    list >"$saved" 2>/dev/null
    printf '%s\n' "$saved"
fi
if [ -n "$user" ]; then
    printf '%s' "$content" | crontab -u "$user" - || exit 1
else
    printf '%s' "$content" | crontab - || exit 1
fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[INSTALL];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    check(args)?;
    Editing { args, edited, registered, summary, empty_file_goes: true }.outcome(host)
}

/// What a module makes of the crontab, or of the file, that its arguments name.
pub(super) struct Editing<'a> {
    /// They have `user`, `cron_file` and `backup`.
    pub args: &'a Args,
    /// The crontab as it should be.
    pub edited: fn(Table, &Args) -> Result<Table, Stop>,
    /// What `register` gets.
    pub registered: fn(&Table) -> Map,
    /// What the change is about, for people; the second argument is the place.
    pub summary: fn(&Args, &str) -> String,
    /// Whether a file goes when nothing is left in it.
    pub empty_file_goes: bool,
}

impl Editing<'_> {
    /// The changes that make it so.
    pub fn outcome(&self, host: &Host<'_>) -> Result<Outcome, Stop> {
        match self.args.text("cron_file") {
            Some(file) => in_file(&path_of(file), self, host),
            None => in_crontab(self, host),
        }
    }
}

/// Refuses parameters that don't go together.
fn check(args: &Args) -> Result<(), Stop> {
    let has = |name| args.text(name).is_some();
    let present = args.text("state") != Some("absent");
    let timed = ["minute", "hour", "day", "month", "weekday"].iter().any(|name| args.text(name) != Some("*"));
    let name = args.needed("name")?;
    let problem = match () {
        () if name.contains(['\n', '\r']) => "'name' holds a line feed",
        () if args.text("job").is_some_and(|job| job.trim_end_matches(['\r', '\n']).contains('\n')) => {
            "'job' holds a line feed: a crontab has one line for each job"
        }
        () if has("special_time") && timed => "You must specify time and date fields or special time.",
        () if has("cron_file") && !has("user") && present => {
            "To use cron_file=... parameter you must specify user=... as well"
        }
        () if !has("job") && present => "You must specify 'job' to install a new cron job or variable",
        () if (has("insertafter") || has("insertbefore")) && !args.flag("env") && present => {
            "Insertafter and insertbefore parameters are valid only with env=yes"
        }
        () if args.flag("env") && name.contains([' ', '=']) => "Invalid name for environment variable",
        () if args.text("cron_file").is_some_and(|file| path_of(file) == "/etc/crontab") => {
            "Will not manage /etc/crontab via cron_file, see documentation."
        }
        () => return Ok(()),
    };
    Err(Stop::refuse(problem))
}

fn path_of(file: &str) -> String {
    if file.starts_with('/') { file.to_owned() } else { format!("/etc/cron.d/{file}") }
}

/// The line of a job.
fn job_line(args: &Args) -> Result<String, Stop> {
    let job = args.needed("job")?.trim_matches(['\r', '\n']);
    let disabled = if args.flag("disabled") { "#" } else { "" };
    let times = match args.text("special_time") {
        Some(special) => format!("@{special}"),
        None => {
            let fields = ["minute", "hour", "day", "month", "weekday"];
            fields.map(|field| args.text(field).unwrap_or("*")).join(" ")
        }
    };
    Ok(match (args.text("cron_file"), args.text("user")) {
        (Some(_), Some(user)) => format!("{disabled}{times} {user} {job}"),
        _ => format!("{disabled}{times} {job}"),
    })
}

/// The crontab as it should be.
fn edited(mut table: Table, args: &Args) -> Result<Table, Stop> {
    let name = args.needed("name")?;
    let present = args.text("state") != Some("absent");
    match (args.flag("env"), present) {
        (true, true) => {
            let place = match (args.text("insertafter"), args.text("insertbefore")) {
                (Some(other), _) => Place::After(other),
                (None, Some(other)) => Place::Before(other),
                (None, None) => Place::Top,
            };
            table.put_variable(name, args.needed("job")?, place).ok_or_else(|| match place {
                Place::After(other) | Place::Before(other) => {
                    Stop::refuse(format!("Variable named '{other}' not found."))
                }
                Place::Top => Stop::refuse("the variable has no place"),
            })?;
        }
        (true, false) => table.remove_variable(name),
        (false, true) => table.put_job(name, &job_line(args)?),
        (false, false) => table.remove_job(name),
    }
    Ok(table)
}

fn registered(table: &Table) -> Map {
    let mut result = Map::new();
    result.insert("jobs".into(), table.job_names().into());
    result.insert("envs".into(), table.variable_names().into());
    result
}

fn text_of(bytes: &[u8], whose: &str) -> Result<String, Stop> {
    let text = std::str::from_utf8(bytes);
    text.map(str::to_owned).map_err(|_| Stop::refuse(format!("{whose} is no UTF-8 text, and is not edited")))
}

/// What the change is about, for people.
fn summary(args: &Args, place: &str) -> String {
    let what = if args.flag("env") { "variable" } else { "job" };
    let name = args.text("name").unwrap_or_default();
    match args.text("state") {
        Some("absent") => format!("remove the {what} '{name}' from {place}"),
        _ => format!("put the {what} '{name}' in {place}"),
    }
}

fn in_crontab(editing: &Editing<'_>, host: &Host<'_>) -> Result<Outcome, Stop> {
    let args = editing.args;
    let user = args.text("user").unwrap_or_default();
    let place = if user.is_empty() { "the crontab".to_owned() } else { format!("the crontab of {user}") };
    let old = host.get(Crontab { user: user.to_owned() })?;
    let before = text_of(old.as_deref().unwrap_or_default(), &place)?;
    let table = Table::read(&before);
    let new = (editing.edited)(table.clone(), args)?;
    let result = (editing.registered)(&new);
    if new == table {
        return Ok(Outcome::in_order(result));
    }
    let content = Content::new(new.text().into_bytes());
    let argv = [
        user.to_owned(),
        old.as_ref().as_ref().map_or("-".to_owned(), |old| Digest::of(old).hex()),
        content.digest().hex(),
        if args.flag("backup") { "yes" } else { "no" }.to_owned(),
    ];
    let diff = host.show_diff.then(|| Diff { header: place.clone(), before, after: new.text() });
    let change = Change::state((editing.summary)(args, &place), INSTALL, argv, subjects(user));
    Ok(Outcome::change(result, vec![change.with_content(content).with_diff(diff)]))
}

fn in_file(path: &str, editing: &Editing<'_>, host: &Host<'_>) -> Result<Outcome, Stop> {
    let args = editing.args;
    let read = Read { path: path.to_owned(), bytes_max: BYTES_MAX };
    let (seen, old) = host.get((Inspect::path(path), read))?;
    let old = match old.as_ref() {
        Old::Whole(bytes) => Some(bytes.as_slice()),
        Old::Absent => None,
        Old::NoFile => return Err(Stop::refuse(format!("{path} is no file"))),
        Old::TooLarge => return Err(Stop::refuse(format!("{path} is too large for a crontab"))),
    };
    let table = Table::read(&text_of(old.unwrap_or_default(), path)?);
    let new = (editing.edited)(table.clone(), args)?;
    let result = (editing.registered)(&new);
    if new == table {
        return Ok(Outcome::in_order(result));
    }
    if new.is_empty() && editing.empty_file_goes {
        let real = seen.followed_path();
        let touches = touching(path, &real);
        let change = Change::state(format!("remove {path}"), REMOVE, [real, "file".to_owned()], touches);
        return Ok(Outcome::change(result, vec![change]));
    }
    let seen = Inspected { digest: old.map(|old| Digest::of(old).hex()), ..(*seen).clone() };
    let placement = Placement {
        named: path,
        seen: &seen,
        follow: true,
        new: New::Content(Content::new(new.text().into_bytes())),
        wanted: &Wanted::default(),
        preserved: None,
        args,
        old,
    };
    let change =
        placement.change(host)?.map(|change| Change { summary: (editing.summary)(args, path), ..change });
    Ok(Outcome::change(result, change.into_iter().collect()))
}

/// As `plain_result`, and where a crontab was kept.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let last = outputs.last().filter(|output| output.status == 0).map(Output::text);
    if let Some(saved) = last.as_deref().and_then(|text| text.lines().find(|line| line.starts_with('/'))) {
        result.insert("backup_file".into(), saved.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::PRECONDITION_FAILED;
    use crate::modules::harness::{Bench, without_host};
    use serde_json::json;

    /// A `crontab` that keeps its tables in the bench's directory; as Debian's in what it prints.
    const FAKE: &str = r#"dir=$HOME/tables
mkdir -p "$dir"
user=me
if [ "$1" = -u ]; then user=$2; shift 2; fi
case $1 in
-l) [ -e "$dir/$user" ] || { echo "no crontab for $user" >&2; exit 1; }; cat "$dir/$user" ;;
-) cat >"$dir/$user" ;;
*) echo "usage error" >&2; exit 1 ;;
esac"#;

    fn benches() -> Vec<Bench> {
        let mut benches = Bench::every_shell();
        benches.iter_mut().for_each(|bench| bench.program("crontab", FAKE));
        benches
    }

    fn table(bench: &Bench, user: &str) -> String {
        std::fs::read_to_string(bench.at("../tables").join(user)).unwrap()
    }

    #[test]
    fn a_job_lives_in_a_users_crontab() {
        for bench in benches() {
            let mut args =
                json!({"name": "it's a job", "user": "alice", "minute": "*/5", "job": "echo \"%H\" '\\n'"});
            let settled = bench.settle(&MODULE, &args);
            assert_eq!((settled.rounds, &settled.result["jobs"]), (1, &json!(["it's a job"])));
            assert_eq!(table(&bench, "alice"), "#Ansible: it's a job\n*/5 * * * * echo \"%H\" '\\n'\n");
            bench.in_order(&MODULE, &args);
            args["disabled"] = json!(true);
            args["backup"] = json!(true);
            let result = bench.changes(&MODULE, &args);
            let saved = result["backup_file"].as_str().unwrap();
            assert!(std::fs::read_to_string(saved).unwrap().contains("\n*/5 "));
            std::fs::remove_file(saved).unwrap();
            assert!(table(&bench, "alice").contains("\n#*/5 "));
            bench.changes(&MODULE, &json!({"name": "PATH", "env": true, "job": "/bin", "user": "alice"}));
            assert!(table(&bench, "alice").starts_with("PATH=\"/bin\"\n#Ansible"));
            args["state"] = json!("absent");
            args["backup"] = json!(false);
            let result = bench.changes(&MODULE, &args);
            assert_eq!((&result["jobs"], &result["envs"]), (&json!([]), &json!(["PATH"])));
            assert_eq!(table(&bench, "alice"), "PATH=\"/bin\"\n");
            bench.changes(&MODULE, &json!({"name": "x", "special_time": "daily", "job": "true"}));
            assert_eq!(table(&bench, "me"), "#Ansible: x\n@daily true\n");
        }
    }

    #[test]
    fn a_job_lives_in_a_file_that_goes_with_its_last_job() {
        for bench in benches() {
            let path = bench.path("a file");
            let mut args = json!({"name": "x", "cron_file": path, "user": "root", "hour": 3, "job": "true", "weekday": "1-5"});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("a file"), "#Ansible: x\n* 3 * * 1-5 root true\n");
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert!(!bench.at("a file").exists());
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn an_edit_stops_where_the_crontab_is_another_by_then() {
        for bench in benches() {
            let change = |name: &str| {
                let args = json!({"name": name, "job": "true"});
                bench.diff(&MODULE, &args).unwrap().0.changes.remove(0)
            };
            let (first, second) = (change("a"), change("b"));
            assert_eq!(bench.apply(&first).status, 0);
            assert_eq!(bench.apply(&second).status, PRECONDITION_FAILED);
            assert_eq!(table(&bench, "me"), "#Ansible: a\n* * * * * true\n");
            let mut damaged = change("b");
            damaged.content = Some(Content::new(*b"cut"));
            assert_eq!(bench.apply(&damaged).status, 1);
            assert_eq!(table(&bench, "me"), "#Ansible: a\n* * * * * true\n");
        }
    }

    #[test]
    fn parameters_that_do_not_go_together_are_refused() {
        let cases = [
            (json!({"name": "x"}), "You must specify 'job'"),
            (json!({"name": "x", "job": "a\nb"}), "line feed"),
            (json!({"name": "x\ny", "job": "a"}), "line feed"),
            (json!({"name": "x", "job": "a", "special_time": "daily", "hour": "1"}), "special time"),
            (json!({"name": "x", "job": "a", "cron_file": "f"}), "you must specify user=..."),
            (json!({"name": "x", "job": "a", "insertafter": "A"}), "valid only with env=yes"),
            (json!({"name": "x y", "job": "a", "env": true}), "Invalid name"),
            (json!({"name": "x", "job": "a", "user": "root", "cron_file": "/etc/crontab"}), "/etc/crontab"),
        ];
        for (args, expected) in cases {
            let Err(Stop::Refuse(refusal)) = without_host(&MODULE, &args) else { panic!("{args}") };
            assert!(refusal.message.contains(expected), "{}", refusal.message);
        }
        let bench = &benches()[0];
        let lost = json!({"name": "A", "job": "1", "env": true, "insertafter": "B"});
        assert_eq!(bench.refusal(&MODULE, &lost), "Variable named 'B' not found.");
    }
}
