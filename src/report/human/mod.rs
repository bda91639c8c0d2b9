//! What happened, for people who know Ansible's `PLAY`, `TASK` and `PLAY RECAP`.
//!
//! A line for each thing that changed or failed; hosts that were as asked are counted on one line. `order` brings the
//! tasks of many hosts into order, `task` shows one of them, `recap` ends the run.

#[cfg(test)]
pub(in crate::report) mod cases;
mod collected;
pub(super) mod explain;
mod order;
mod recap;
mod task;

use super::held::{Held, glass_broken};
use super::line::{self, one_line, painted};
use super::{Reporter, View};
use crate::event::{Counts, Event, Mode, Status, TaskEnd};
use crate::model::HostName;
use order::{Group, Waiting};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// Widest heading; a line of stars across a wide screen helps nobody.
const HEADING_COLUMNS_MAX: usize = 100;

/// Shows a run to people.
pub(super) struct Human {
    view: View,
    waiting: Waiting,
    failed: BTreeSet<HostName>,
    /// Hosts of which nobody knows how a change ended.
    lost: BTreeSet<HostName>,
    /// Hosts on which a change failed.
    halfway: BTreeSet<HostName>,
    held: Held,
    explained: BTreeSet<String>,
    last: Shape,
    dry: bool,
    /// How many tasks were left out so far; nothing: all are shown.
    left_out: Option<usize>,
}

/// What the last task looked like, for the empty lines between.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    OneLine,
    Block,
}

impl Human {
    pub fn new(view: View) -> Self {
        Self {
            view,
            waiting: Waiting::default(),
            failed: BTreeSet::new(),
            lost: BTreeSet::new(),
            halfway: BTreeSet::new(),
            held: Held::default(),
            explained: BTreeSet::new(),
            last: Shape::Block,
            dry: false,
            left_out: None,
        }
    }

    /// The same without tasks that change nothing; with `-v` with them.
    pub fn brief(view: View) -> Self {
        Self { left_out: (view.verbosity == 0).then_some(0), ..Self::new(view) }
    }

    fn tasks(&mut self, groups: &[Group], out: &mut dyn Write) -> io::Result<()> {
        for group in groups {
            if let Some(left_out) = self.left_out.as_mut().filter(|_| !task::changes_any(group)) {
                *left_out += 1;
                continue;
            }
            let shape = task::shape(group, self.view);
            if shape == Shape::Block || self.last == Shape::Block {
                writeln!(out)?;
            }
            out.write_all(task::text(group, self.view).as_bytes())?;
            self.last = shape;
        }
        Ok(())
    }

    fn play(
        &mut self,
        play: &str,
        batch: (usize, usize),
        hosts: &[HostName],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        writeln!(out, "\n{}", heading("PLAY", play, self.view))?;
        if batch.1 > 1 {
            let (names, count) = (names(hosts), line::counted(hosts.len(), "host"));
            let text = format!("batch {} of {}: {count}: {names}", batch.0, batch.1);
            writeln!(out, "{}", line::fitted(&text, self.view.line_columns()))?;
        }
        self.last = Shape::Block;
        Ok(())
    }

    fn task_ends(&mut self, end: &TaskEnd, out: &mut dyn Write) -> io::Result<()> {
        if matches!(end.status, Status::Failed | Status::Unknown) && !end.ignored {
            self.failed.insert(end.host.clone());
        }
        if end.status == Status::Unknown {
            self.lost.insert(end.host.clone());
        }
        if end.status == Status::Failed && has_changes(end) {
            self.halfway.insert(end.host.clone());
        }
        let complete = self.waiting.ends(end);
        self.tasks(&complete, out)
    }

    /// A host that left because a task failed has said so already.
    fn leaves(&mut self, host: &HostName, reason: &str, out: &mut dyn Write) -> io::Result<()> {
        if self.failed.contains(host) {
            return Ok(());
        }
        let label = painted(format!("fatal: [{}]", one_line(host.as_str())), line::FAILED);
        let reason = task::message(reason, self.view);
        self.last = Shape::Block;
        writeln!(out, "\n{label}: {}", reason.trim_start())
    }

    /// What was left out, and how each host fared.
    fn ends(
        &self,
        recap: &BTreeMap<HostName, Counts>,
        interrupted: bool,
        seconds: f64,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if let Some(left_out @ 1..) = self.left_out {
            let tasks = line::counted(left_out, "task");
            let text = format!("{tasks} that change nothing or follow from these: -v shows them");
            writeln!(out, "\n{}", painted(text, line::FAINT))?;
        }
        let end = recap::End {
            recap,
            lost: self.lost.len(),
            halfway: self.halfway.len(),
            held: &self.held,
            interrupted,
            seconds,
            dry: self.dry,
        };
        out.write_all(recap::text(&end, self.view).as_bytes())
    }
}

fn has_changes(end: &TaskEnd) -> bool {
    !end.changes.is_empty() || end.items.iter().any(|item| !item.changes.is_empty())
}

impl Reporter for Human {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunBegins { run, verb, mode, hosts, .. } => {
                self.dry = matches!(mode, Mode::Dry { .. });
                let text = format!("{} on {}, run {run}", one_line(verb), line::counted(hosts.len(), "host"));
                writeln!(out, "{}", painted(text, line::FAINT))?;
                dry_run(mode, out)
            }
            Event::BatchBegins { play, batch, batches, hosts, .. } => {
                let rest = self.waiting.begin(hosts);
                self.tasks(&rest, out)?;
                self.failed.clear();
                out.write_all(self.held.news(self.dry).as_bytes())?;
                self.play(play, (*batch, *batches), hosts, out)
            }
            Event::TaskEnds(end) => self.task_ends(end, out),
            Event::HostLeaves { host, reason } => {
                let complete = self.waiting.leaves(host);
                self.tasks(&complete, out)?;
                reason.as_ref().map_or(Ok(()), |reason| self.leaves(host, reason, out))
            }
            Event::PlayStops { reason, not_begun } => {
                let rest = self.waiting.rest();
                self.tasks(&rest, out)?;
                stopped(reason, not_begun, out)
            }
            Event::HeldOut(held) => {
                self.held.add(held);
                Ok(())
            }
            Event::GlassBroken { reason, overridden } => {
                out.write_all(glass_broken(reason, overridden).as_bytes())
            }
            Event::RunEnds { recap, interrupted, seconds } => {
                let rest = self.waiting.rest();
                self.tasks(&rest, out)?;
                self.ends(recap, *interrupted, *seconds, out)
            }
            Event::Sends { .. } => explain::sends(event, &mut self.explained, out),
            Event::Collected { host, summary, status, tail } => {
                self.last = Shape::Block;
                out.write_all(collected::text(host, summary, *status, tail).as_bytes())
            }
            Event::Judging(_)
            | Event::Found { .. }
            | Event::Warning { .. }
            | Event::Progress { .. }
            | Event::Works { .. }
            | Event::Claimed { .. }
            | Event::WindowEnds { .. }
            | Event::HostBegins { .. } => Ok(()),
        }
    }
}

fn dry_run(mode: &Mode, out: &mut dyn Write) -> io::Result<()> {
    let Mode::Dry { why } = mode else { return Ok(()) };
    writeln!(out, "{} ({})", painted("DRY RUN: nothing is changed", line::STRONG), one_line(why))
}

fn stopped(reason: &str, not_begun: &[HostName], out: &mut dyn Write) -> io::Result<()> {
    let label = painted("PLAY STOPPED", line::FAILED);
    writeln!(out, "\n{label}: {}", one_line(reason))?;
    if not_begun.is_empty() {
        return Ok(());
    }
    writeln!(out, "  not begun: {}", names(not_begun))
}

fn names(hosts: &[HostName]) -> String {
    hosts.iter().map(|host| one_line(host.as_str())).collect::<Vec<_>>().join(", ")
}

/// `TASK [name] ****`, as wide as the terminal.
fn heading(word: &str, name: &str, view: View) -> String {
    let columns = view.drawn_columns().min(HEADING_COLUMNS_MAX);
    let name = one_line(name);
    let bare = if name.is_empty() { word.to_owned() } else { format!("{word} [{name}]") };
    let bare = line::fitted(&bare, columns);
    let stars = columns.saturating_sub(line::width(&bare) + 1);
    let bare = painted(&bare, line::STRONG);
    if stars == 0 { bare } else { format!("{bare} {}", painted("*".repeat(stars), line::FAINT)) }
}

#[cfg(test)]
mod tests {
    use super::cases::{change, end, hosts, plain};
    use super::*;
    use crate::event::{Counts, TaskEnd};
    use std::collections::BTreeMap;

    fn told(events: &[Event], view: View) -> String {
        let (mut human, mut out) = (Human::new(view), Vec::new());
        events.iter().for_each(|event| human.event(event, &mut out).unwrap());
        plain(&out)
    }

    fn batch(names: &str) -> Event {
        let play = "Web servers".to_owned();
        Event::BatchBegins { play, number: 0, batch: 1, batches: 1, hosts: hosts(names), tasks: 0 }
    }

    fn ends(end: TaskEnd) -> Event {
        Event::TaskEnds(Box::new(end))
    }

    fn run_ends(list: &[(&str, Counts)]) -> Event {
        let recap: BTreeMap<_, _> = list.iter().map(|(host, c)| (host.parse().unwrap(), *c)).collect();
        Event::RunEnds { recap, interrupted: false, seconds: 3.42 }
    }

    #[test]
    fn a_run_reads_like_one_of_ansible() {
        let changed = |host| TaskEnd {
            status: Status::Changed,
            changes: vec![change("write /etc/motd, 12 lines")],
            ..end(host, 1)
        };
        let failed = TaskEnd {
            status: Status::Failed,
            message: Some("exit status 1\nE: no such package".into()),
            ..end("db1", 1)
        };
        let counts = Counts { ok: 2, changed: 1, ..Counts::default() };
        let lost = Counts { ok: 1, failed: 1, ..Counts::default() };
        let text = told(
            &[
                batch("db1 web1 web2"),
                ends(end("web2", 0)),
                ends(changed("web2")),
                ends(end("web1", 0)),
                ends(end("db1", 0)),
                ends(failed),
                Event::HostLeaves { host: "db1".parse().unwrap(), reason: Some("a task failed".into()) },
                ends(end("web1", 1)),
                run_ends(&[("db1", lost), ("web1", counts), ("web2", counts)]),
            ],
            View { columns: Some(60), verbosity: 0 },
        );
        insta::assert_snapshot!(text, @r"
        PLAY [Web servers] *****************************************

        TASK [Task 0] ********************************** ok: 3 hosts

        TASK [Task 1] **********************************************
        task path: site.yml:3:7
        failed: [db1] => exit status 1
            E: no such package
        changed: [web2] => write /etc/motd, 12 lines
        ok: [web1]

        PLAY RECAP *************************************************
        db1  : ok=1 changed=0 unreachable=0 failed=1 skipped=0
               rescued=0 ignored=0
        web1 : ok=2 changed=1 unreachable=0 failed=0 skipped=0
               rescued=0 ignored=0
        web2 : ok=2 changed=1 unreachable=0 failed=0 skipped=0
               rescued=0 ignored=0

        3 hosts, 2 changed, 1 failed in 3.4 s
        ");
    }

    #[test]
    fn a_dry_run_says_why_nothing_is_changed() {
        let mode = Mode::Dry { why: "sam is a shadow\u{1b}[2J".into() };
        let run = crate::model::RunId::from_parts(0, 7);
        let begins = Event::RunBegins { version: 1, run, verb: "patch".into(), mode, hosts: hosts("a b") };
        let once = Counts { ok: 1, changed: 1, unknown: 2, ..Counts::default() };
        insta::assert_snapshot!(told(&[begins, run_ends(&[("a", once)])], View::default()), @r"
        patch on 2 hosts, run 00000000000000000000000007
        DRY RUN: nothing is changed (sam is a shadow^[[2J)

        PLAY RECAP *********************************************************************
        a : ok=1 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0 unknown=2

        1 host, 1 would change in 3.4 s
        ");
    }

    #[test]
    fn a_host_that_can_not_be_reached_says_why_and_a_stopped_play_whom_it_left_out() {
        let events = [
            batch("web1 web2"),
            Event::HostLeaves {
                host: "web1".parse().unwrap(),
                reason: Some("connection refused\n\u{7}".into()),
            },
            Event::PlayStops { reason: "too many hosts failed".into(), not_begun: hosts("web3 web4") },
        ];
        insta::assert_snapshot!(told(&events, View::default()), @r"
        PLAY [Web servers] *************************************************************

        fatal: [web1]: connection refused
            ^G

        PLAY STOPPED: too many hosts failed
          not begun: web3, web4
        ");
    }

    #[test]
    fn what_only_looks_or_follows_is_left_out_of_a_brief_one_and_counted() {
        let of = |task, status, changes: &[&str]| {
            let changes = changes.iter().copied().map(change).collect();
            ends(TaskEnd { status, changes, ..end("web1", task) })
        };
        let after = || "Task 1".to_owned();
        let events = [
            batch("web1"),
            of(0, Status::Ok, &[]),
            of(1, Status::WouldChange, &["make the directory /srv/x"]),
            of(2, Status::Skipped, &[]),
            of(3, Status::KnownAfterApply { cause: after() }, &[]),
            of(4, Status::Provisional { cause: after() }, &[]),
            of(5, Status::Provisional { cause: after() }, &["create /srv/x/y"]),
            ends(TaskEnd { message: Some("no".into()), status: Status::Failed, ..end("web1", 6) }),
            run_ends(&[("web1", Counts { ok: 7, ..Counts::default() })]),
        ];
        let of_view = |verbosity| {
            let (mut human, mut out) = (Human::brief(View { verbosity, ..View::default() }), Vec::new());
            events.iter().for_each(|event| human.event(event, &mut out).unwrap());
            plain(&out)
        };
        let brief = of_view(0);
        let tasks: Vec<_> =
            brief.lines().filter_map(|line| line.strip_prefix("TASK [Task ")?.chars().next()).collect();
        assert_eq!(tasks, ['1', '5', '6'], "{brief}");
        assert!(brief.contains("4 tasks that change nothing or follow from these: -v shows them"), "{brief}");
        assert_eq!(of_view(1).matches("TASK [").count(), 7);
    }

    #[test]
    fn batches_are_counted_and_long_names_fit_the_terminal() {
        let play = "A play with a name that is longer than any terminal".to_owned();
        let event = Event::BatchBegins {
            play,
            number: 0,
            batch: 2,
            batches: 3,
            hosts: hosts("web1 web2 web3 web4"),
            tasks: 0,
        };
        let text = told(&[event], View { columns: Some(30), verbosity: 0 });
        assert!(text.lines().all(|line| line::width(line) <= 30), "{text}");
        assert!(text.contains("batch 2 of 3: 4 hosts"), "{text}");
    }
}
