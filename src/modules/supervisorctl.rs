//! `supervisorctl`: programs that supervisord looks after.
//!
//! # Source
//! supervisorctl(1) of supervisor 4.2: `status`, `reread`, `add`, `remove`, `start`, `stop`, `signal`, `update`.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subjects};
use crate::questions::Stop;
use crate::questions::system::tools::{Supervised, supervisor};

/// The module.
pub static MODULE: Module = Module {
    name: "supervisorctl",
    aliases: &[],
    summary: "Adds, removes, starts, stops and signals programs of supervisord",
    params: &[
        Param::required("name", Kind::Text, "the program; a group with ':' at its end; or all"),
        Param::required(
            "state",
            Kind::Choice(&["present", "started", "restarted", "stopped", "absent", "signalled"]),
            "what it is to be; restarted and signalled happen each time",
        ),
        Param::optional("signal", Kind::Text, "which signal it gets, as HUP"),
        Param::optional("stop_before_removing", Kind::Bool, "whether absent stops it first").default("no"),
        Param::optional("config", Kind::Path, "supervisorctl's file of settings").starts(),
        Param::optional("server_url", Kind::Text, "where supervisord listens"),
        Param::optional("supervisorctl_path", Kind::Path, "supervisorctl, where it is not in the PATH")
            .starts(),
        // They would stand in the words of a program: the file of settings has a place for them.
        Param::not_yet("password").or(&["username"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: The worker's program is known to supervisord
  supervisorctl: {name: worker, state: present}

- name: All workers of the group run
  supervisorctl: {name: 'workers:', state: started}
",
        returns: &[
            Returned { name: "name", help: "the program or group" },
            Returned { name: "state", help: "what was asked" },
            Returned { name: "affected", help: "when something was done: with which processes" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Tells supervisorctl something: itself, the verb, a process or group, the signal or nothing, then its options. It used to say
/// by words alone that something went wrong.
const RUN: Script = Script {
    name: "run_supervisorctl",
    text: r#"tool=$1 verb=$2 name=$3 signal=$4
shift 4
command -v "$tool" >/dev/null 2>&1 || { echo "this host has no $tool" >&2; exit 1; }
tell() { LC_ALL=C "$tool" "$@" </dev/null 2>&1; }
case $verb in
add) want='added process group' ;;
remove) want='removed process group' ;;
start | restart) want=started ;;
stop) want=stopped ;;
signal) want=signalled ;;
update) tell "$@" update && exit 0 || exit 1 ;;
esac
case $verb in
add | remove)
    tell "$@" reread || exit 1
    said=$(tell "$@" "$verb" "$name")
    ;;
signal) said=$(tell "$@" signal "$signal" "$name") ;;
*) said=$(tell "$@" "$verb" "$name") ;;
esac
printf '%s\n' "$said"
case $said in
*": $want"*) exit 0 ;;
*'ERROR (already started)'*) [ "$verb" = start ] && exit 0 ;;
*'ERROR (not running)'*) [ "$verb" = stop ] && exit 0 ;;
esac
printf '%s\n' "$said" >&2
exit 1"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// What is meant by a name.
#[derive(Clone, Copy)]
enum Meant<'a> {
    All,
    Group(&'a str),
    Process(&'a str),
    /// A group, or the process that is alone in it.
    Program(&'a str),
}

impl<'a> Meant<'a> {
    fn by(name: &'a str) -> Result<Self, Stop> {
        if name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace) {
            return Err(Stop::refuse(format!("'name' can't be '{name}'")));
        }
        Ok(match name.strip_suffix(':') {
            Some(group) => Self::Group(group),
            None if name == "all" => Self::All,
            None => Self::Process(name),
        })
    }

    fn covers(self, process: &str) -> bool {
        match self {
            Self::All => true,
            Self::Group(name) => process.split_once(':').is_some_and(|(group, _)| group == name),
            Self::Process(name) => process == name,
            Self::Program(name) => process == name || Self::Group(name).covers(process),
        }
    }
}

/// A process of supervisord, and how it is.
type Process<'a> = (&'a str, &'a str);

/// Reads the lines of `status`.
fn processes(said: &str) -> Result<Vec<Process<'_>>, Stop> {
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    let unable = |line: &str| Stop::refuse(format!("supervisord can't be asked: {}", line.trim()));
    lines.map(|line| process(line).ok_or_else(|| unable(line))).collect()
}

fn process(line: &str) -> Option<Process<'_>> {
    let mut words = line.split_whitespace();
    let (name, state) = (words.next()?, words.next()?);
    let known = ["STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"];
    known.contains(&state).then_some((name, state))
}

fn is_active((_, state): &Process<'_>) -> bool {
    matches!(*state, "STARTING" | "RUNNING")
}

/// How supervisorctl is called, and which signal it is told.
struct Tool<'a> {
    words: Vec<String>,
    signal: &'a str,
}

impl<'a> Tool<'a> {
    fn of(args: &Args, signal: &'a str) -> Self {
        let mut words = vec![args.text("supervisorctl_path").unwrap_or("supervisorctl").to_owned()];
        for (option, param) in [("-c", "config"), ("-s", "server_url")] {
            words.extend(args.text(param).into_iter().flat_map(|text| [option.to_owned(), text.to_owned()]));
        }
        Self { words, signal }
    }

    fn tell(&self, verb: &str, target: &str) -> Change {
        let mut words = self.words.clone();
        let told = [verb, target, self.signal].map(str::to_owned);
        words.splice(1..1, told);
        let summary = match verb {
            "update" => "let supervisord read its settings again".to_owned(),
            "signal" => format!("send {} to {target}", self.signal),
            _ => format!("{verb} {target}"),
        };
        Change::state(summary, RUN, words, Subjects::These(supervisor()))
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let state = args.needed("state")?;
    let meant = match Meant::by(name)? {
        // What is added and removed is a group, whether or not its name is written as one's.
        Meant::Process(name) if matches!(state, "present" | "absent") => Meant::Program(name),
        other => other,
    };
    let signal = args.text("signal").unwrap_or_default();
    let is_word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
    if state == "signalled" && !is_word(signal) {
        return Err(Stop::refuse("state is signalled but all of the following are missing: signal"));
    }
    let tool = Tool::of(args, signal);
    let said = host.get(Supervised(tool.words.clone()))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let there: Vec<Process<'_>> =
        processes(&said)?.into_iter().filter(|(process, _)| meant.covers(process)).collect();
    let once = |change: Change| Change::event(change.summary, change.script, change.args, change.touches);
    let each = |verb: &'static str, which: &[&str]| -> Vec<Change> {
        which.iter().map(|process| tool.tell(verb, process)).collect()
    };
    let of = |is_meant: &dyn Fn(&Process<'_>) -> bool| -> Vec<&str> {
        there.iter().filter(|process| is_meant(process)).map(|(process, _)| *process).collect()
    };
    let is_known = !there.is_empty() || matches!(meant, Meant::All);
    let group = name.trim_end_matches(':');
    let (changes, affected) = match state {
        "present" if there.is_empty() => (vec![tool.tell("add", group)], Vec::new()),
        "absent" if !there.is_empty() => {
            let running = if args.flag("stop_before_removing") { of(&is_active) } else { Vec::new() };
            // What is stopped only to be removed is not there to be looked at again.
            let stops = each("stop", &running).into_iter().map(once);
            (stops.chain([tool.tell("remove", group)]).collect(), Vec::new())
        }
        "present" | "absent" => (Vec::new(), Vec::new()),
        "restarted" => {
            // What is not known yet may be once the settings are read.
            let which = if there.is_empty() { vec![name] } else { of(&|_| true) };
            let changes = [vec![tool.tell("update", "all")], each("restart", &which)].concat();
            (changes.into_iter().map(once).collect(), which)
        }
        _ if !is_known => return Err(Stop::refuse("ERROR (no such process)")),
        "started" => {
            let which = of(&|process| !is_active(process));
            (each("start", &which), which)
        }
        "stopped" => {
            let which = of(&is_active);
            (each("stop", &which), which)
        }
        _ => {
            let which = of(&|(_, state)| *state == "RUNNING");
            (each("signal", &which).into_iter().map(once).collect(), which)
        }
    };
    let mut result = Map::new();
    result.insert("name".into(), group.into());
    result.insert("state".into(), state.into());
    if !affected.is_empty() {
        result.insert("affected".into(), affected.into());
    }
    Ok(Outcome::change(result, changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::Nature;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use crate::questions::workbench::Workbench;
    use serde_json::{Value, json};

    const STATUS: &str = "lonely                           RUNNING   pid 7680, uptime 13:22:18\n\
        work:a                           RUNNING   pid 7681, uptime 13:22:18\n\
        work:b                           FATAL     Exited too quickly (process log may have details)\n\
        old                              EXITED    Nov 28 10:00 AM\n";

    fn run(args: &Value) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(STATUS)))?;
        let shown = |change: Change| {
            let once = if change.nature == Nature::Event { "!" } else { "" };
            format!("{once}{}", change.args.0[1..].join(" ").trim())
        };
        Ok(outcome.changes.into_iter().map(shown).collect())
    }

    #[test]
    fn what_is_as_asked_is_left_alone() {
        for args in [
            json!({"name": "lonely", "state": "started"}),
            json!({"name": "lonely", "state": "present"}),
            json!({"name": "work", "state": "present"}),
            json!({"name": "old", "state": "stopped"}),
            json!({"name": "new", "state": "absent"}),
            json!({"name": "old", "state": "signalled", "signal": "HUP"}),
        ] {
            assert_eq!(run(&args).unwrap(), Vec::<String>::new(), "{args}");
        }
    }

    #[test]
    fn processes_groups_and_all_are_told() {
        let told = |name: &str, state: &str| {
            run(&json!({"name": name, "state": state, "signal": "USR1", "config": "/c"})).unwrap()
        };
        assert_eq!(told("work:", "started"), ["start work:b USR1 -c /c"]);
        assert_eq!(told("all", "stopped"), ["stop lonely USR1 -c /c", "stop work:a USR1 -c /c"]);
        assert_eq!(told("lonely", "restarted"), ["!update all USR1 -c /c", "!restart lonely USR1 -c /c"]);
        assert_eq!(told("lonely", "signalled"), ["!signal lonely USR1 -c /c"]);
        assert_eq!(told("new", "present"), ["add new USR1 -c /c"]);
        let removed = run(&json!({"name": "work:", "state": "absent", "stop_before_removing": true}));
        assert_eq!(removed.unwrap(), ["!stop work:a", "remove work"]);
    }

    #[test]
    fn what_is_not_there_and_what_makes_no_sense_is_refused() {
        for args in [
            json!({"name": "new", "state": "started"}),
            json!({"name": "lonely", "state": "signalled"}),
            json!({"name": "-x", "state": "started"}),
        ] {
            assert!(run(&args).is_err(), "{args}");
        }
        let dead = "unix:///var/run/supervisor.sock no such file\n";
        let asked =
            answer_with(&MODULE, &json!({"name": "x", "state": "started"}), &mut |_| Ok(Output::ok(dead)));
        assert!(matches!(asked, Err(Stop::Refuse(why)) if why.message.contains("no such file")));
    }

    #[test]
    fn the_words_of_supervisorctl_are_believed() {
        let tool = "for last; do :; done\ncase $last in\n\
            good) echo 'good: started' ;;\n there) echo 'there: ERROR (already started)' ;;\n\
            reread) echo 'new: available' ;;\n new) echo 'new: added process group' ;;\n\
            *) echo \"$last: ERROR (spawn error)\" ;;\nesac\n";
        for mut bench in Workbench::every_shell() {
            bench.program("ctl", tool);
            let tell = |verb: &str, name: &str| {
                let words = ["ctl", verb, name, "", "-c", "x"].map(str::to_owned).to_vec();
                bench.run(RUN, &words.into(), None).status
            };
            assert_eq!([tell("start", "good"), tell("start", "there"), tell("add", "new")], [0, 0, 0]);
            assert_eq!([tell("start", "bad"), tell("stop", "there")], [1, 1]);
        }
    }
}
