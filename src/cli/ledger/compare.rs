//! `wgops ledger compare`: the ledger held against the servers' own logs, both ways.

use super::super::args::{Privilege, Reach, Shape, Targets};
use super::super::errand::{Choice, Errand};
use super::super::job::Job;
use super::super::record::{About, Record};
use super::super::repository::built_in_playbook;
use super::super::show::Show;
use super::super::{Console, Exit, Failure};
use super::{Verified, counted, verified};
use crate::event::{Event, Status};
use crate::ledger::{self, Details, Disagreement, Kind, Point, Stretch, Traces, Whose};
use crate::model::{HostName, Map};
use crate::people::{Standing, Verb};
use crate::report::{Format, Subject, json, one_line};
use clap::Args;
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const PLAYBOOK: &str = "\
- hosts: all
  gather_facts: false
  become: true
  tasks:
    - name: What the host's own logs say
      recent_activity: {since: '{{ wgops_since }}'}
";

/// Longest time that is looked back, in days.
const DAYS_MAX: i64 = 366;
/// By how much a log may begin later than asked for without that being told.
const BOOT_SECONDS: i64 = 60;
/// Most packages that a line names.
const NAMES_MAX: usize = 4;

const EXAMPLES: &str = "\
Examples:
  wgops ledger compare -i prod
  wgops ledger compare -i prod -l db --since 90d";

/// Hold the ledger against the servers' own logs: what no run explains, and runs that left no trace
///
/// Reads package histories, logins, sudo and the lines that wgops itself leaves on a host, as root. Ends with exit code 5 where
/// somebody has to answer for something. 'wgops ledger note' is where to.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// How far to look back: 12h, 30d, 8w
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = lookback)]
    since: SignedDuration,
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    privilege: Privilege,
    #[command(flatten)]
    shape: Shape,
}

fn lookback(text: &str) -> Result<SignedDuration, String> {
    let expected = || format!("expected a time such as 12h, 30d or 8w, at most {DAYS_MAX}d");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(expected)?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(expected()),
    };
    let hours = number.parse::<i64>().ok().and_then(|number| number.checked_mul(hours));
    let hours = hours.filter(|hours| (1..=DAYS_MAX * 24).contains(hours)).ok_or_else(expected)?;
    Ok(SignedDuration::from_hours(hours))
}

impl Compare {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let since = Timestamp::now().checked_sub(self.since).unwrap_or(Timestamp::UNIX_EPOCH).as_second();
        let begun = Timestamp::now().as_second();
        let errand = Errand {
            verb: Verb::Facts,
            targets: self.targets,
            reach: self.reach,
            playbooks: vec![built_in_playbook("compare.yml", PLAYBOOK)?],
            privilege: Some(self.privilege),
            cause: None,
            dry: Some("logs are only read"),
            choice: Choice {
                extra: Map::from_iter([("wgops_since".to_owned(), since.into())]),
                ..Choice::default()
            },
        };
        let job = Job::open(console, errand)?;
        if job.who().standing == Standing::Auditor {
            return Err(Failure::new(Exit::Refused, Standing::Auditor.to_string())
                .hint("an operator or a lead compares: a host's own logs are read as root"));
        }
        let root = job.repository().needed()?.to_owned();
        let Some(roster) = job.roster() else {
            return Err(Failure::usage("without a roster there is no ledger to compare with"));
        };
        let prepared = job.prepare(&Map::new())?;
        let mut engine = job.engine(&prepared)?;
        let mut looked = Looked { since, begun, ..Looked::default() };
        let show = Show::preview(console, Subject::Narration);
        let ended =
            job.carry_out_as(&mut engine, &prepared, show, Map::new(), &mut |event| looked.event(event));
        engine.close();
        let exit = ended?.exit;
        let Verified { record, report, .. } = verified(&root, roster, false)?;
        let mut all: IndexMap<HostName, Vec<Disagreement>> = IndexMap::new();
        let own = job.who().identity.proven().map(|me| me.key.clone());
        let own = own.as_ref();
        for (host, traces) in &looked.hosts {
            let mut traces = traces.clone();
            // What this very comparison did there, with the key of whoever types.
            let mine = |key: &str| own.is_some_and(|own| own.fingerprint() == key);
            traces.logins.retain(|login| login.at < begun - 1 || !login.key.as_deref().is_some_and(mine));
            traces.sudo.retain(|sudo| sudo.at < begun - 1 || !sudo.is_a_shell());
            all.insert(host.clone(), record.compared((roster, &report), host, &traces, since));
        }
        match self.shape.format {
            Format::Json => console.result(&machine(&all, &looked)?)?,
            _ => console.result(&human(&all, &looked))?,
        }
        let open = all.values().flatten().filter(|one| one.is_open()).count();
        let is_noted = note(console, &job, &root, (&looked, &all), open)?;
        if open > 0 && is_noted {
            console.tell(&format!(
                "Somebody else than whoever it is about answers with 'wgops ledger note {} TEXT --answers NAME', the word in brackets; \
                 commit the ledger first, so that they have this comparison.\n",
                job.run()
            ));
        }
        // A comparison that looked at nothing, or at a part, is no green light; a host that could not be reached has its own code.
        let is_whole = looked.silent.keys().all(|host| looked.lost.contains(host))
            && looked.hosts.values().all(|traces| traces.unread.is_empty());
        let exit = if is_whole { exit } else { exit.worst(Exit::Failed) };
        Ok(if open > 0 { exit.worst(Exit::Findings) } else { exit })
    }
}

/// Logs without which there is nothing to compare logins and sudo with.
const NEEDED: [&str; 1] = ["log"];

/// What hosts told.
#[derive(Default)]
struct Looked {
    /// Since when.
    since: i64,
    /// When it was begun to look.
    begun: i64,
    hosts: IndexMap<HostName, Traces>,
    silent: IndexMap<HostName, String>,
    /// Hosts that could not be reached.
    lost: BTreeSet<HostName>,
}

impl Looked {
    /// What keeps a host's logs from telling all of it.
    fn limits(&self, traces: &Traces) -> Vec<(&'static str, String)> {
        let mut limits = Vec::new();
        if !traces.unread.is_empty() {
            limits.push(("unread:", format!("not all of {} could be read", traces.unread.join(", "))));
        }
        let begins = |oldest: Option<i64>, log: &str| {
            let later = oldest.filter(|oldest| *oldest > self.since + BOOT_SECONDS)?;
            Some(("since:", format!("its {log} begins {}", shown(later))))
        };
        limits.extend(begins(traces.oldest, "log of logins, sudo and runs"));
        limits.extend(begins(traces.packages_oldest, "history of packages"));
        if traces.oldest.is_none() {
            limits.push(("since:", "its log of logins does not say how far back it goes".to_owned()));
        }
        if traces.packages_oldest.is_none() {
            limits.push(("since:", "its history of packages has no line at all".to_owned()));
        }
        if traces.from_files {
            let why = "logins and sudo are read from files, into which every user of the host can have lines written (logger)";
            limits.push(("files:", why.to_owned()));
        }
        limits
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::TaskEnds(end) if end.module == "recent_activity" => {
                match serde_json::from_value(end.result.clone()) {
                    Ok(Traces { unread, .. }) if unread.iter().any(|log| NEEDED.contains(&log.as_str())) => {
                        let why = "it has no log that tells who logged in and used sudo (neither a journal nor auth.log, secure or messages)";
                        self.silent.insert(end.host.clone(), why.to_owned());
                    }
                    Ok(traces) if end.status == Status::Ok => {
                        drop(self.hosts.insert(end.host.clone(), traces))
                    }
                    _ => {
                        let why = match &end.status {
                            Status::Unseen { why } => {
                                format!("an operator or a lead reads a host's own logs: {why}")
                            }
                            _ => end.message.clone().unwrap_or_else(|| "it told nothing".into()),
                        };
                        self.silent.insert(end.host.clone(), why);
                    }
                }
            }
            Event::RunEnds { recap, .. } => {
                let lost = recap.iter().filter(|(_, counts)| counts.unreachable > 0);
                self.lost.extend(lost.map(|(host, _)| host.clone()));
            }
            Event::HostLeaves { host, reason: Some(reason) } => {
                self.silent.entry(host.clone()).or_insert_with(|| reason.clone());
            }
            _ => {}
        }
    }
}

/// That somebody compared is in the ledger: it also explains the logins of the comparison.
fn note(
    console: &Console,
    job: &Job<'_>,
    root: &std::path::Path,
    (looked, all): (&Looked, &IndexMap<HostName, Vec<Disagreement>>),
    open: usize,
) -> Result<bool, Failure> {
    let may = job.who().identity.proven().is_some_and(|me| Kind::Note.may_be_signed_by(me.role));
    if !may || looked.hosts.is_empty() {
        return Ok(false);
    }
    let hosts = counted(looked.hosts.len(), "host", "hosts");
    let details = Details {
        hosts: looked.hosts.keys().cloned().collect(),
        note: Some(format!("compared with the logs of {hosts}: {open} open")),
        emergency: all.iter().flat_map(|(host, found)| emergency(host, found)).collect(),
        found: all.iter().flat_map(|(host, found)| points(host, found)).collect(),
        compared: looked.hosts.iter().filter_map(|(host, traces)| seen(host, traces, looked)).collect(),
        ..Details::default()
    };
    let about = About { run: job.run(), verb: Verb::Ledger, details };
    match Record::open(console, Some(root), job.who(), about)? {
        Some(record) => record.say(Kind::Note).map(|()| true),
        None => Ok(false),
    }
}

/// The time of which a host's log was seen, where all of it could be read.
fn seen(host: &HostName, traces: &Traces, looked: &Looked) -> Option<(HostName, Stretch)> {
    let oldest = traces.oldest.filter(|_| traces.unread.is_empty())?;
    Some((host.clone(), Stretch { from: oldest.max(looked.since), until: looked.begun }))
}

/// What is open on a host, so that somebody can answer for it.
fn points<'a>(host: &'a HostName, found: &'a [Disagreement]) -> impl Iterator<Item = Point> + 'a {
    found.iter().filter(|one| one.is_open()).map(|one| Point::of(host, one))
}

/// Uses of emergency keys, which 'wgops ledger verify' names until somebody has answered for them.
fn emergency(host: &HostName, found: &[Disagreement]) -> Vec<String> {
    let is_one = |one: &&Disagreement| matches!(one, Disagreement::Logins { whose: Whose::Emergency, .. });
    found
        .iter()
        .filter(is_one)
        .map(|one| one_line(&format!("{host}: {}", told(one).1)).into_owned())
        .collect()
}

fn shown(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|time| time.strftime("%Y-%m-%d %H:%MZ").to_string())
        .unwrap_or_else(|_| seconds.to_string())
}

fn human(all: &IndexMap<HostName, Vec<Disagreement>>, looked: &Looked) -> String {
    let mut out = String::new();
    for (host, found) in all {
        let limits = looked.hosts.get(host).map(|traces| looked.limits(traces)).unwrap_or_default();
        if found.is_empty() && limits.is_empty() {
            continue;
        }
        out.push_str(&format!("{}\n", one_line(host.as_str()).bold()));
        for (word, text) in limits {
            out.push_str(&format!("  {} {}\n", word.yellow(), one_line(&text)));
        }
        for one in found {
            let (word, text) = told(one);
            let (word, name) = match one.is_open() {
                true => (word.red().to_string(), format!(" [{}]", Point::of(host, one).name())),
                false => (word.dimmed().to_string(), String::new()),
            };
            out.push_str(&format!("  {word} {}{name}\n", one_line(&text)));
        }
    }
    for (host, why) in &looked.silent {
        out.push_str(&format!(
            "{}\n  {} {}\n",
            one_line(host.as_str()).bold(),
            "not compared:".red(),
            one_line(&why.replace('\n', "; "))
        ));
    }
    let open = all.values().flatten().filter(|one| one.is_open()).count();
    let hosts = counted(all.len(), "host", "hosts");
    let is_part = looked.hosts.values().any(|traces| !traces.unread.is_empty());
    out.push_str(&match open {
        0 if is_part && !all.is_empty() => {
            format!(
                "{}: {hosts}, and the ledger explains what could be read there\n",
                "compared in part".red()
            )
        }
        _ if all.is_empty() => format!("{}\n", "Nothing was compared.".red()),
        0 => format!("{}: {hosts}, and the ledger explains what was found there\n", "compared".green()),
        n => format!("{}: {hosts}, {n} to be answered for\n", "compared".red()),
    });
    out
}

/// A word for what it is, and the rest.
fn told(one: &Disagreement) -> (&'static str, String) {
    match one {
        Disagreement::Packages(one) | Disagreement::Automatic(one) => {
            (packages_word(one), told_packages(one))
        }
        Disagreement::Logins { user, whose, last, count, .. } => {
            let (word, whose) = owner(whose, last.key.as_deref().unwrap_or("no key"));
            let times = counted(*count, "login", "logins");
            (word, format!("{times} as {user} with {whose}, last {} from {}", shown(last.at), last.from))
        }
        Disagreement::Sudo { last, count, .. } => {
            let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
            (
                "no run explains:",
                format!(
                    "{} became another user {times}, last {}: {}",
                    last.user,
                    shown(last.at),
                    last.command
                ),
            )
        }
        Disagreement::NotInLedger(line) => {
            let uid = line.uid.as_ref();
            let by = uid.map(|uid| format!(" (written by uid {uid}, as anybody with that login can)"));
            let (when, by) = (shown(line.at), by.unwrap_or_default());
            (
                "not in the ledger:",
                format!("{when} '{}'{by}: never recorded, removed, or not pulled", line.line),
            )
        }
        Disagreement::Forged { uid, last, count, .. } => (
            "forged:",
            format!(
                "{} in the name of {}, written by uid {uid}, which it is not; last {}: {}",
                counted(*count, "line", "lines"),
                last.program,
                shown(last.at),
                last.text
            ),
        ),
        Disagreement::Before { .. } | Disagreement::Unseen(_) | Disagreement::Unlogged(_) => {
            told_of_time(one)
        }
        Disagreement::Answered { what, by, note } => {
            let (word, text) = told(what);
            ("answered:", format!("{word} {text} \u{2013} {by}: {note}"))
        }
        Disagreement::NoTrace { run, owner, begun } => (
            "left no trace:",
            format!(
                "run {run} of {owner}, {}, changed this host; its log has no line of it",
                begun.strftime("%Y-%m-%d %H:%MZ")
            ),
        ),
    }
}

/// What is about times in which nothing was held against the ledger.
fn told_of_time(one: &Disagreement) -> (&'static str, String) {
    match one {
        Disagreement::Before { count, last } => (
            "before:",
            format!(
                "{} of packages from before the ledger begins, the last {}",
                counted(*count, "transaction", "transactions"),
                shown(*last)
            ),
        ),
        Disagreement::Unseen(Stretch { from, until }) => (
            "not seen:",
            format!(
                "nobody compared its log of logins, sudo and runs from {} to {}, and it begins later: emptied, or kept too short",
                shown(*from),
                shown(*until)
            ),
        ),
        Disagreement::Unlogged(Stretch { from, until }) => (
            "not seen:",
            format!(
                "packages changed there between {} and {}, and its history of packages has nothing of that time: emptied, or kept too short",
                shown(*from),
                shown(*until)
            ),
        ),
        _ => ("?", String::new()),
    }
}

/// A transaction of packages: when, by what, by whom, and what it changed.
fn told_packages(one: &ledger::Transaction) -> String {
    let word = if one.command.is_empty() { "?" } else { one.command.as_str() };
    let by = if one.by.is_empty() { String::new() } else { format!(" by {}", one.by) };
    let more = one.packages.len().saturating_sub(NAMES_MAX);
    let names = one.packages.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{} '{word}'{by}: {names}{more}", shown(one.from))
}

/// A word for whose key it was, and whose.
fn owner(whose: &Whose, key: &str) -> (&'static str, String) {
    match whose {
        Whose::Person(name) => ("no run explains:", format!("{name}'s key")),
        Whose::Auditor(name) => ("scheduled:", format!("{name}'s key")),
        Whose::Former(name) => {
            ("no run explains:", format!("a key that was {name}'s and counts no more ({key})"))
        }
        Whose::Emergency => ("emergency key:", key.to_owned()),
        Whose::Nobody => ("no run explains:", format!("{key}, which the roster does not know")),
    }
}

fn packages_word(one: &ledger::Transaction) -> &'static str {
    let program = one.command.split_whitespace().next().unwrap_or_default();
    if program.ends_with("/unattended-upgrade") || program.ends_with("/dnf-automatic") {
        "by itself:"
    } else {
        "no run explains:"
    }
}

fn machine(all: &IndexMap<HostName, Vec<Disagreement>>, looked: &Looked) -> Result<String, Failure> {
    let one = |host: &HostName, one: &Disagreement| {
        let kind = match one {
            Disagreement::Forged { .. } => "forged",
            Disagreement::Answered { .. } => "answered",
            Disagreement::Packages(_) => "packages",
            Disagreement::Automatic(_) => "automatic",
            Disagreement::Logins { .. } => "logins",
            Disagreement::Sudo { .. } => "sudo",
            Disagreement::NotInLedger(_) => "not-in-ledger",
            Disagreement::NoTrace { .. } => "no-trace",
            Disagreement::Before { .. } => "before",
            Disagreement::Unseen(_) => "unseen",
            Disagreement::Unlogged(_) => "unlogged",
        };
        let name = one.is_open().then(|| Point::of(host, one).name());
        json!({"kind": kind, "open": one.is_open(), "message": told(one).1, "name": name})
    };
    let hosts = all.iter().map(|(host, found)| {
        let traces = looked.hosts.get(host);
        let unread = traces.map(|traces| traces.unread.clone()).unwrap_or_default();
        let found: Vec<Value> = found.iter().map(|found| one(host, found)).collect();
        let oldest = traces.and_then(|traces| traces.oldest);
        let from_files = traces.is_some_and(|traces| traces.from_files);
        let packages_oldest = traces.and_then(|traces| traces.packages_oldest);
        json!({
            "host": host, "found": found, "unread": unread, "oldest": oldest, "packages_oldest": packages_oldest,
            "from_files": from_files,
        })
    });
    let silent = looked.silent.iter().map(|(host, why)| json!({"host": host, "why": why}));
    let document = json!({
        "version": 1, "kind": "wgops-compare", "hosts": hosts.collect::<Vec<_>>(),
        "not_compared": silent.collect::<Vec<_>>(),
    });
    let text = json::document(&document).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_look_back_is_hours_days_or_weeks() {
        assert_eq!(lookback("12h"), Ok(SignedDuration::from_hours(12)));
        assert_eq!(lookback("30d"), Ok(SignedDuration::from_hours(720)));
        for wrong in ["", "d", "0d", "-1d", "367d", "7", "1y", "99999999999999999999d", "ä"] {
            assert!(lookback(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_hosts_said_reaches_the_terminal_on_one_line_and_printable() {
        let transaction = ledger::Transaction {
            from: 0,
            to: 0,
            command: "apt\u{1b}[2J\nx".into(),
            by: String::new(),
            packages: vec!["a".into(); 9],
        };
        let all = IndexMap::from_iter([("web1".parse().unwrap(), vec![Disagreement::Packages(transaction)])]);
        let text = human(&all, &Looked::default());
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        assert!(text.contains("and 5 more") && text.contains("1 to be answered for"), "{text}");
    }
}
