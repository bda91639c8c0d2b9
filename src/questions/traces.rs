//! What a host's own logs say of who was here and what was installed: apt's and dnf's histories, dpkg's log, logins, sudo,
//! and the lines that wgops leaves there itself. Whether any of it is known is for others to say.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};
use serde_json::Value;
use std::collections::HashMap;
use std::time::Duration;

/// Most bytes of each log that are read.
const LOG_BYTES_MAX: u32 = 800_000;
/// A log is as long as was asked for, if no more than a line is missing to that.
const CUT_BYTES: usize = 4096;
/// The user whose word counts for any program.
const ROOT: &str = "0";
/// Lines of one transaction of rpm lie no further apart.
const BURST_SECONDS: i64 = 120;

/// Asks what the logs have since a moment, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Traces {
    /// The moment.
    pub since: i64,
}

/// What they have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// Everything, oldest first.
    pub traces: Vec<Trace>,
    /// How far back the log of logins goes, where that is known.
    pub oldest: Option<i64>,
    /// How far back the histories of packages go.
    pub packages_oldest: Option<i64>,
    /// How far the histories of packages go.
    pub packages_newest: Option<i64>,
    /// When packages changed last, by what dpkg or rpm itself keeps.
    pub packages_changed: Option<i64>,
    /// When the host was installed: since when its machine id is there.
    pub installed: Option<i64>,
    /// Logs that could not be read.
    pub blind: Vec<String>,
    /// Whether there is no journal: into files every local user can have lines written.
    pub from_files: bool,
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    /// When it began, in seconds since 1970.
    pub from: i64,
    /// When it ended.
    pub to: i64,
    /// What it was.
    pub what: What,
}

/// What happened on a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Packages changed.
    Packages {
        /// The command that was typed, where it is known.
        command: String,
        /// By whom, where it is known.
        by: String,
        /// What changed.
        packages: Vec<String>,
    },
    /// Somebody logged in.
    Login {
        /// As whom.
        user: String,
        /// From where.
        from: String,
        /// The key's fingerprint, where one was used.
        key: Option<String>,
    },
    /// Somebody became another user.
    Sudo {
        /// Who.
        user: String,
        /// The command.
        command: String,
    },
    /// wgops changed something.
    Run {
        /// The run's id.
        run: String,
        /// The whole line.
        line: String,
        /// Who wrote it, where the journal knows that it wasn't root.
        uid: Option<String>,
    },
    /// A line in the name of a program that somebody else wrote.
    Forged {
        /// Which user.
        uid: String,
        /// In the name of which program.
        program: String,
        /// What it says.
        text: String,
    },
}

impl Question for Traces {
    type Answer = Found;
    const SCRIPT: Script = Script { name: "traces", text: include_str!("traces/traces.sh") };

    fn args(&self) -> Argv {
        [self.since.to_string(), LOG_BYTES_MAX.to_string()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::Machine, Subject::Packages].into()
    }

    fn cost(&self) -> Cost {
        Cost::Costly { deadline: Duration::from_secs(120) }
    }

    fn parse(&self, output: &Output) -> Result<Found, ParseError> {
        let text = output.text();
        let mut lines = text.lines();
        let first = lines.next().and_then(|line| line.strip_prefix("zone "));
        let first = first.ok_or_else(|| ParseError::new("a line 'zone'", output))?;
        let mut reading = Reading { zone: zone(first), ..Reading::default() };
        lines.for_each(|line| reading.line(line));
        Ok(reading.found(self.since))
    }
}

/// `+0100 Europe/Berlin`.
fn zone(text: &str) -> Option<TimeZone> {
    let (offset, name) = text.split_once(' ').unwrap_or((text, ""));
    let named = Some(name.trim()).filter(|name| !name.is_empty()).and_then(|name| TimeZone::get(name).ok());
    named.or_else(|| {
        let sign = if offset.starts_with('-') { -1 } else { 1 };
        let (hours, minutes) =
            (offset.get(1..3)?.parse::<i32>().ok()?, offset.get(3..5)?.parse::<i32>().ok()?);
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().map(TimeZone::fixed)
    })
}

#[derive(Default)]
struct Reading {
    zone: Option<TimeZone>,
    /// The numbers of the host's users.
    uids: HashMap<String, String>,
    found: Found,
    apt: Option<Trace>,
    /// Bytes that came of the journal, and when the first of its lines was written.
    log_bytes: usize,
    log_begins: Option<i64>,
}

impl Reading {
    fn line(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "apt" => self.apt(rest),
            "dpkg" => self.dpkg(rest),
            "rpm" => self.rpm(rest),
            "journal" => self.found.oldest = seconds(rest),
            "installed" => self.found.installed = seconds(rest),
            "changed" => self.found.packages_changed = seconds(rest),
            // The first line of what was cut off may be half of one.
            "begin" if self.found.oldest.is_none() => {
                self.found.oldest = self.dated(rest).map(|(at, _)| at);
            }
            "log" => {
                self.log_bytes += rest.len() + 1;
                self.journal(rest);
            }
            "file" => self.file(rest),
            "files" => self.found.from_files = true,
            "user" => {
                let (name, uid) = rest.split_once(' ').unwrap_or_default();
                self.uids.insert(name.to_owned(), uid.to_owned());
            }
            "blind" => self.found.blind.push(rest.to_owned()),
            _ => {}
        }
    }

    /// `YYYY-MM-DD hh:mm:ss`, in the host's zone.
    fn local(&self, text: &str) -> Option<i64> {
        let words: Vec<&str> = text.split_whitespace().take(2).collect();
        let time: DateTime = words.join("T").parse().ok()?;
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        time.to_zoned(zone).ok().map(|zoned| zoned.timestamp().as_second())
    }

    fn apt(&mut self, line: &str) {
        let Some((name, value)) = line.split_once(':') else { return };
        let value = value.trim();
        if name == "Start-Date" {
            self.close_apt();
            self.apt = self.local(value).map(|from| Trace {
                from,
                to: from,
                what: What::Packages { command: String::new(), by: String::new(), packages: Vec::new() },
            });
            return;
        }
        let end = (name == "End-Date").then(|| self.local(value)).flatten();
        let Some(trace) = &mut self.apt else { return };
        trace.to = end.unwrap_or(trace.to);
        let What::Packages { command, by, packages } = &mut trace.what else { return };
        match name {
            "Commandline" => value.clone_into(command),
            "Requested-By" => value.split_whitespace().next().unwrap_or_default().clone_into(by),
            "End-Date" => {}
            _ => packages.extend(value.split("), ").map(|one| {
                let one =
                    if one.ends_with(')') || !one.contains('(') { one.to_owned() } else { format!("{one})") };
                format!("{} {one}", name.to_lowercase())
            })),
        }
    }

    fn close_apt(&mut self) {
        self.found.traces.extend(self.apt.take());
    }

    /// What dpkg did apart from apt: whatever lies in no transaction of apt's.
    fn dpkg(&mut self, line: &str) {
        self.close_apt();
        let Some(at) = self.local(line) else { return };
        let mut words = line.split_whitespace().skip(2);
        let (Some(action), Some(package)) = (words.next(), words.next()) else { return };
        let by_apt = |trace: &Trace| {
            matches!(&trace.what, What::Packages { command, .. } if command != "dpkg")
                && trace.from - 2 <= at
                && at <= trace.to + 2
        };
        if self.found.traces.iter().any(by_apt) {
            return;
        }
        self.burst(at, "dpkg", format!("{action} {package}"));
    }

    /// `2026-11-28T23:12:05+0000 SUBDEBUG Installed: bash-5.1-2.el9.x86_64`
    fn rpm(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let at = words.next().and_then(timestamp);
        let rest: Vec<&str> = words.skip(1).collect();
        if let (Some(at), [action, package, ..]) = (at, rest.as_slice()) {
            let action = action.trim_end_matches(':').to_lowercase();
            self.burst(at, "dnf", format!("{action} {package}"));
        }
    }

    /// Adds a package to the transaction that goes on, or begins one.
    fn burst(&mut self, at: i64, program: &str, change: String) {
        if let Some(last) = self.found.traces.last_mut()
            && let What::Packages { command, packages, .. } = &mut last.what
            && command == program
            && at - last.to <= BURST_SECONDS
        {
            last.to = at;
            packages.push(change);
            return;
        }
        let what = What::Packages { command: program.into(), by: String::new(), packages: vec![change] };
        self.found.traces.push(Trace { from: at, to: at, what });
    }

    /// An entry of the journal as JSON. Fields with a `_` in front are the journal's own word, which nobody who writes a line can
    /// choose; all else is.
    fn journal(&mut self, line: &str) {
        let Ok(Value::Object(entry)) = serde_json::from_str::<Value>(line) else { return };
        let field = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let micros: Option<i64> = field("__REALTIME_TIMESTAMP").parse().ok();
        let Some(at) = micros.map(|micros| micros / 1_000_000) else { return };
        self.log_begins = self.log_begins.or(Some(at));
        let (program, text, uid) = (field("SYSLOG_IDENTIFIER"), field("MESSAGE"), field("_UID"));
        let Some(what) = what(program, text) else { return };
        let is_root = uid == ROOT;
        let is_theirs = match &what {
            What::Run { .. } => true,
            // sudo is started by whom it names.
            What::Sudo { user, .. } => is_root || self.uids.get(user).is_some_and(|known| known == uid),
            _ => is_root,
        };
        let what = match what {
            What::Run { run, line, .. } if !is_root => What::Run { run, line, uid: Some(uid.to_owned()) },
            what if is_theirs => what,
            _ => What::Forged { uid: uid.to_owned(), program: program.to_owned(), text: text.to_owned() },
        };
        self.found.traces.push(Trace { from: at, to: at, what });
    }

    /// The same as a file has it: with a time of RFC 3339, or `Nov 29 01:59:32` and no year.
    fn file(&mut self, line: &str) {
        if let Some((at, message)) = self.dated(line) {
            self.said(at, &message);
        }
    }

    /// When a line of a file was written, and what it says behind the host's name.
    fn dated(&self, line: &str) -> Option<(i64, String)> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(at) = timestamp(first) {
            return Some((at, rest.split_once(' ').map_or("", |(_, message)| message).to_owned()));
        }
        let mut words = line.split_whitespace();
        let (month, day, time) = (words.next()?, words.next()?, words.next()?);
        let message = line.split_once(time).and_then(|(_, rest)| rest.trim_start().split_once(' '));
        let zone = self.zone.clone().unwrap_or(TimeZone::UTC);
        let now = Zoned::now().with_time_zone(zone.clone());
        let at = [now.year(), now.year() - 1].into_iter().find_map(|year| {
            let text = format!("{year} {month} {day} {time}");
            let civil = DateTime::strptime("%Y %b %d %H:%M:%S", &text).ok()?;
            let at = civil.to_zoned(zone.clone()).ok()?.timestamp();
            (at <= now.timestamp() + jiff::SignedDuration::from_hours(24)).then_some(at.as_second())
        });
        Some((at?, message?.1.to_owned()))
    }

    /// `sshd[37]: Accepted …`, whoever wrote it: what is no such line says nothing.
    fn said(&mut self, at: i64, message: &str) {
        let Some((tag, text)) = message.split_once(": ") else { return };
        let program = tag.split('[').next().unwrap_or(tag);
        self.found.traces.extend(what(program, text).map(|what| Trace { from: at, to: at, what }));
    }

    fn found(mut self, since: i64) -> Found {
        self.close_apt();
        let of_packages = self.found.traces.iter().filter(|one| matches!(one.what, What::Packages { .. }));
        let of_packages: Vec<&Trace> = of_packages.collect();
        self.found.packages_oldest = of_packages.iter().map(|trace| trace.from).min();
        self.found.packages_newest = of_packages.iter().map(|trace| trace.to).max();
        // What is cut off was not seen, however far back the journal goes.
        if self.log_bytes + CUT_BYTES >= LOG_BYTES_MAX as usize {
            self.found.oldest = self.found.oldest.max(self.log_begins);
        }
        self.found.traces.retain(|trace| trace.to >= since);
        self.found.traces.sort_by_key(|trace| trace.from);
        self.found
    }
}

/// What a line in the name of a program says.
fn what(program: &str, text: &str) -> Option<What> {
    match program {
        "sshd" | "sshd-session" => login(text),
        "sudo" => sudo(text),
        "wgops" => run(text),
        _ => None,
    }
}

/// `Accepted publickey for ops from 10.0.0.1 port 5 ssh2: ED25519 SHA256:…`
fn login(text: &str) -> Option<What> {
    let rest = text.strip_prefix("Accepted ")?;
    let (_, rest) = rest.split_once(" for ")?;
    let (user, rest) = rest.split_once(" from ")?;
    let from = rest.split_whitespace().next()?;
    let key = rest.split_whitespace().find(|word| word.starts_with("SHA256:"));
    Some(What::Login { user: user.to_owned(), from: from.to_owned(), key: key.map(str::to_owned) })
}

/// `    ops : PWD=/home/ops ; USER=root ; COMMAND=/bin/sh`
fn sudo(text: &str) -> Option<What> {
    let (user, rest) = text.split_once(" : ")?;
    let (_, command) = rest.split_once("COMMAND=")?;
    Some(What::Sudo { user: user.trim().to_owned(), command: command.to_owned() })
}

/// `run 01J… (patch) by alice (operator)`
fn run(text: &str) -> Option<What> {
    let run = text.strip_prefix("run ")?.split_whitespace().next()?;
    Some(What::Run { run: run.to_owned(), line: text.to_owned(), uid: None })
}

fn seconds(text: &str) -> Option<i64> {
    text.split('.').next()?.trim().parse().ok()
}

fn timestamp(text: &str) -> Option<i64> {
    let plain: Option<Timestamp> = text.parse().ok();
    // dnf writes its offset without a colon.
    let other = || jiff::fmt::strtime::parse("%Y-%m-%dT%H:%M:%S%z", text).ok()?.to_timestamp().ok();
    plain.or_else(other).map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Found {
        Traces { since: 0 }.parse(&Output::ok(text)).unwrap()
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_transaction_of_apt_has_its_command_its_time_and_what_changed() {
        let found = read(
            "zone +0100 Europe/Berlin\napt Start-Date: 2026-11-28  23:12:04\napt Commandline: apt-get -y install foo\n\
             apt Requested-By: ops (1000)\napt Install: foo:amd64 (1.0), bar:amd64 (2.0, automatic)\napt End-Date: 2026-11-28  23:12:05\n\
             dpkg 2026-11-28 23:12:05 install foo:amd64 <none> 1.0\n\
             dpkg 2026-11-29 08:00:00 install baz:amd64 <none> 3\ndpkg 2026-11-29 08:00:10 install qux:amd64 <none> 3\n",
        );
        let packages = |command: &str, by: &str, packages: &[&str]| What::Packages {
            command: command.into(),
            by: by.into(),
            packages: packages.iter().map(|one| (*one).to_owned()).collect(),
        };
        assert_eq!(found.traces.len(), 2, "{:?}", found.traces);
        let expected = ["install foo:amd64 (1.0)", "install bar:amd64 (2.0, automatic)"];
        assert_eq!(found.traces[0].what, packages("apt-get -y install foo", "ops", &expected));
        assert_eq!(found.traces[0].from, at("2026-11-28T22:12:04Z"));
        assert_eq!(found.traces[1].what, packages("dpkg", "", &["install baz:amd64", "install qux:amd64"]));
        assert_eq!(found.traces[1].to, at("2026-11-29T07:00:10Z"));
    }

    #[test]
    fn logins_sudo_and_runs_come_from_the_journal_or_from_files() {
        let login = "sshd[37]: Accepted publickey for ops from 10.0.0.1 port 5 ssh2: ED25519 SHA256:abc";
        let sudo = "sudo[9]:      ops : PWD=/home/ops ; USER=root ; COMMAND=/bin/sh -c x";
        let run = "wgops: run 01ARZ3NDEKTSV4RRFFQ69G5FAV (patch) by alice (lead)";
        let lies = "cron[1]: Accepted publickey for root from 6.6.6.6 port 5";
        let journal: String = [login, sudo, run, lies].iter().map(|line| entry(line, "0")).collect();
        let found = read(&format!("zone +0000 UTC\njournal 1764000000.1\n{journal}log {{\n"));
        assert_eq!((found.oldest, found.traces.len()), (Some(1_764_000_000), 3), "{:?}", found.traces);
        assert!(!found.from_files);
        let key = Some("SHA256:abc".to_owned());
        assert_eq!(found.traces[0].what, What::Login { user: "ops".into(), from: "10.0.0.1".into(), key });
        assert_eq!(found.traces[1].what, What::Sudo { user: "ops".into(), command: "/bin/sh -c x".into() });
        assert!(
            matches!(&found.traces[2].what, What::Run { run, .. } if run == "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        );
        let files = read(&format!(
            "zone +0000 UTC\nfiles\nfile 2025-11-29T00:00:00.5+00:00 h1 {login}\nfile Jan  5 01:02:03 h1 {sudo}\n"
        ));
        assert_eq!((files.traces.len(), files.from_files), (2, true), "{:?}", files.traces);
        assert!(files.traces.iter().any(|trace| trace.from == 1_764_374_400), "{:?}", files.traces);
    }

    /// An entry of the journal.
    fn entry(line: &str, uid: &str) -> String {
        let (tag, message) = line.split_once(": ").unwrap();
        let program = tag.split('[').next().unwrap();
        let entry = serde_json::json!({
            "__REALTIME_TIMESTAMP": "1764374400500000", "SYSLOG_IDENTIFIER": program, "MESSAGE": message, "_UID": uid,
        });
        format!("log {entry}\n")
    }

    #[test]
    fn a_line_that_a_user_wrote_in_the_name_of_a_program_says_nothing_but_who_wrote_it() {
        let login = "sshd[37]: Accepted publickey for ops from 10.0.0.1 port 5 ssh2: ED25519 SHA256:abc";
        let sudo = "sudo[9]:      ops : PWD=/home/ops ; USER=root ; COMMAND=/bin/sh -c x";
        let run = "wgops: run 01ARZ3NDEKTSV4RRFFQ69G5FAV (patch) by alice (lead)";
        let of = |line: &str, uid: &str| {
            let found = read(&format!("zone +0000 UTC\nuser ops 1000\nuser eve 1001\n{}", entry(line, uid)));
            found.traces.into_iter().next().unwrap().what
        };
        let forged = |what: &What| matches!(what, What::Forged { uid, .. } if uid == "1001");
        assert!(matches!(of(login, "0"), What::Login { .. }) && forged(&of(login, "1001")));
        for uid in ["0", "1000"] {
            assert!(matches!(of(sudo, uid), What::Sudo { .. }), "{uid}");
        }
        assert!(forged(&of(sudo, "1001")), "eve writes what ops did");
        assert!(matches!(of(run, "0"), What::Run { uid: None, .. }));
        assert!(matches!(of(run, "1001"), What::Run { uid: Some(uid), .. } if uid == "1001"));
    }

    #[test]
    fn dnf_and_what_nobody_may_read_are_told() {
        let found = read(
            "zone +0000 \nrpm 2026-11-28T23:12:05+0000 SUBDEBUG Installed: bash-5.1-2.el9.x86_64\n\
             rpm 2026-11-28T23:12:09+0000 SUBDEBUG Upgraded: zlib-1.2\nblind journal\nnonsense\n",
        );
        assert_eq!(found.traces.len(), 1, "{:?}", found.traces);
        assert_eq!(found.traces[0].to - found.traces[0].from, 4);
        assert_eq!(found.blind, ["journal"]);
        assert!(Traces { since: 0 }.parse(&Output::ok("")).is_err());
    }

    #[test]
    fn the_script_reads_this_very_machine_in_every_shell() {
        for bench in crate::questions::workbench::Workbench::every_shell() {
            let question = Traces { since: 0 };
            let output = bench.run(Traces::SCRIPT, &question.args(), None);
            assert!(question.parse(&output).is_ok(), "{}: {output:?}", bench.name());
        }
    }
}
