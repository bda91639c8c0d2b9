//! The summary of a patch by host: a table that fits a terminal, and below it each host's packages.
//!
//! It reads the results of `pending_updates`, `apply_updates`, `reboot`, `restart_services` and `failed_units`, and shows
//! the same for a dry run. A result that can't be read is shown as unknown, never as nothing to do.

mod after;
mod host;
mod table;

use super::held::glass_broken;
use super::line::{self, one_line, painted};
use super::{Reporter, View};
use crate::event::{Event, Mode};
use crate::model::HostName;
use host::{Host, Package};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Most packages of a host that are listed without `-v`.
const PACKAGES_MAX: usize = 40;

/// Collects what happens to packages, and shows it when the run ends.
pub(super) struct Summary {
    view: View,
    hosts: BTreeMap<HostName, Host>,
    dry: bool,
    /// What `--break-glass` overrode, put into words.
    glass: String,
}

impl Summary {
    pub fn new(view: View) -> Self {
        Self { view, hosts: BTreeMap::new(), dry: false, glass: String::new() }
    }

    fn host(&mut self, name: &HostName) -> &mut Host {
        self.hosts.entry(name.clone()).or_default()
    }

    fn text(&self) -> String {
        let rows =
            self.hosts.iter().map(|(name, host)| host.row(one_line(name.as_str()).into_owned(), self.dry));
        let gap = if self.glass.is_empty() { "" } else { "\n" };
        let mut out = format!("{gap}{}\n{}", self.glass, table::text(rows.collect(), self.view));
        for (name, host) in &self.hosts {
            out.push_str(&self.details(name, host));
        }
        out
    }

    fn details(&self, name: &HostName, host: &Host) -> String {
        let packages = host.packages();
        let notes: Vec<String> = host.notes().collect();
        if packages.is_empty() && notes.is_empty() {
            return String::new();
        }
        let mut out = format!("\n{}\n", painted(one_line(name.as_str()), line::STRONG));
        let shown = if self.view.verbosity > 0 { packages.len() } else { PACKAGES_MAX };
        let columns = packages.iter().take(shown).map(Package::name_columns).max().unwrap_or(0);
        packages.iter().take(shown).for_each(|package| out.push_str(&package.line(columns)));
        if packages.len() > shown {
            out.push_str(&format!("  … and {} more (-v shows all)\n", packages.len() - shown));
        }
        for note in &notes {
            for (number, text) in line::folded(note, self.view.drawn_columns().max(40) - 4).iter().enumerate()
            {
                let indent = if number == 0 { "  " } else { "    " };
                out.push_str(&format!("{indent}{}\n", painted(text, line::WARNING)));
            }
        }
        out
    }
}

impl Reporter for Summary {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::RunBegins { mode, hosts, .. } => {
                self.dry = matches!(mode, Mode::Dry { .. });
                hosts.iter().for_each(|host| {
                    self.host(host);
                });
            }
            Event::TaskEnds(end) => self.host(&end.host).task(end),
            Event::HostLeaves { host, reason: Some(reason) } => self.host(host).leaves(reason),
            Event::PlayStops { not_begun, .. } => {
                not_begun.iter().for_each(|host| self.host(host).is_left_out());
            }
            Event::HeldOut(held) => self.host(&held.host).is_held_out(&held.message),
            Event::GlassBroken { reason, overridden } => self.glass = glass_broken(reason, overridden),
            Event::RunEnds { recap, .. } => {
                recap.iter().for_each(|(host, counts)| self.host(host).ends(counts));
                out.write_all(self.text().as_bytes())?;
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::human::cases::{end, hosts, plain};
    use super::*;
    use crate::event::{Counts, Status, TaskEnd};
    use crate::model::{RunId, Value};
    use serde_json::json;

    fn told(dry: bool, tasks: Vec<TaskEnd>, recap: &[(&str, Counts)]) -> String {
        let mode = if dry { Mode::Dry { why: "--check".into() } } else { Mode::Real };
        let names = recap.iter().map(|(host, _)| *host).collect::<Vec<_>>().join(" ");
        let run = RunId::from_parts(0, 7);
        let begins = Event::RunBegins { version: 1, run, verb: "patch".into(), mode, hosts: hosts(&names) };
        let recap = recap.iter().map(|(host, counts)| (host.parse().unwrap(), *counts)).collect();
        let ends = Event::RunEnds { recap, interrupted: false, seconds: 1.0 };
        let tasks = tasks.into_iter().map(|end| Event::TaskEnds(Box::new(end)));
        let (mut summary, mut out) = (Summary::new(View::default()), Vec::new());
        for event in [begins].into_iter().chain(tasks).chain([ends]) {
            summary.event(&event, &mut out).unwrap();
        }
        plain(&out)
    }

    fn task(host: &str, module: &str, status: Status, result: Value) -> TaskEnd {
        TaskEnd { module: module.into(), status, result, ..end(host, 0) }
    }

    fn pending() -> Value {
        json!({"updates": [
            {"name": "openssl", "arch": "amd64", "from": "3.0.11-1", "to": "3.0.14-1", "security": true},
            {"name": "htop", "arch": "amd64", "from": "3.2.2-1", "to": "3.2.2-2", "security": false},
            {"name": "nginx", "from": "1.22.1-9", "to": "1.22.1-10", "held": true, "reason": "on hold"},
        ], "reboot_required": true})
    }

    fn applied() -> Value {
        json!({"packages": [
            {"name": "openssl", "from": "3.0.11-1", "to": "3.0.14-1", "security": true},
            {"name": "libfoo\u{1b}[2J", "from": null, "to": "1\nx", "kind": "new"},
        ], "conffiles": [{"kept": "/etc/ssl/openssl.cnf", "new": "/etc/ssl/openssl.cnf.dpkg-dist"}], "reboot_required": true})
    }

    const FINE: Counts = Counts {
        ok: 3,
        changed: 1,
        unreachable: 0,
        failed: 0,
        skipped: 0,
        rescued: 0,
        ignored: 0,
        unknown: 0,
        exchanges: 3,
    };

    #[test]
    fn what_is_pending_is_shown_before_anything_is_changed() {
        let nothing = json!({"updates": [], "reboot_required": false});
        let tasks = vec![
            task("web1", "pending_updates", Status::Ok, pending()),
            task("web1", "apply_updates", Status::WouldChange, Value::Null),
            task("web2", "pending_updates", Status::Ok, nothing),
        ];
        let gone = Counts { unreachable: 1, ..Counts::default() };
        insta::assert_snapshot!(told(true, tasks, &[("db1", gone), ("web1", FINE), ("web2", FINE)]), @r"
        HOST  UPDATES  SECURITY  HELD  REBOOT  OUTCOME
        db1         ?         ?     ?  ?       unreachable
        web1        2         1     1  needed  would be patched
        web2        0         0     0  no      up to date

        web1
          openssl  3.0.11-1 → 3.0.14-1  security
          htop     3.2.2-1 → 3.2.2-2
          nginx    1.22.1-9 → 1.22.1-10  held: on hold
        ");
    }

    #[test]
    fn what_was_patched_is_shown_afterwards() {
        let tasks = vec![
            task("web1", "pending_updates", Status::Ok, pending()),
            task("web1", "apply_updates", Status::Changed, applied()),
            task("web1", "reboot", Status::Changed, Value::Null),
            task("web2", "pending_updates", Status::Ok, pending()),
            TaskEnd {
                message: Some("dpkg is locked by unattended-upgr (pid 812)".into()),
                ..task("web2", "apply_updates", Status::Failed, Value::Null)
            },
        ];
        let failed = Counts { failed: 1, ..FINE };
        insta::assert_snapshot!(told(false, tasks, &[("web1", FINE), ("web2", failed)]), @r"
        HOST  UPDATES  SECURITY  HELD  REBOOT  OUTCOME
        web1        1         1     1  done    patched
        web2        2         1     1  needed  refused

        web1
          openssl      3.0.11-1 → 3.0.14-1  security
          libfoo^[[2J  (new) → 1↵x
          kept its changed configuration file /etc/ssl/openssl.cnf
          nginx  1.22.1-9 → 1.22.1-10  held: on hold

        web2
          openssl  3.0.11-1 → 3.0.14-1  security
          htop     3.2.2-1 → 3.2.2-2
          nginx    1.22.1-9 → 1.22.1-10  held: on hold
          dpkg is locked by unattended-upgr (pid 812)
        ");
    }

    #[test]
    fn services_units_and_removals_are_told_and_what_could_not_be_seen() {
        let applied = json!({"packages": [], "removed": [{"name": "inway", "version": "1.0"}]});
        let restarts = json!({
            "services": ["svcd"], "restarted": ["svcd"], "failures": [{"name": "web", "said": "no port"}],
            "left": [{"name": "dbus", "reason": "everything that speaks over the bus would lose it", "remedy": "reboot"}],
            "sees_all": true,
        });
        let units = json!({"assessed": true, "names": ["a.service"], "new": ["a.service"]});
        let tasks = vec![
            task("web1", "failed_units", Status::Ok, json!({"assessed": false, "names": []})),
            task("web1", "apply_updates", Status::Changed, applied),
            task("web1", "restart_services", Status::Failed, restarts),
            task("web1", "failed_units", Status::Failed, units),
        ];
        let failed = Counts { failed: 1, ..FINE };
        let text = told(false, tasks, &[("web1", failed)]);
        let notes: String = text.lines().skip(4).map(|line| format!("{line}\n")).collect();
        insta::assert_snapshot!(notes, @r"
        web1
          removed: inway 1.0
          restarted: svcd
          did not come back: web
          still on replaced files: dbus: everything that speaks over the bus would
            lose it; reboot
          failed since this began: a.service
          had failed before: a.service
          not all services could be looked at: whether they are well is unknown
          the connection was lost
        ");
    }

    #[test]
    fn a_result_that_can_not_be_read_never_passes_for_up_to_date() {
        let tasks = vec![task("web1", "pending_updates", Status::Ok, json!({"updates": "many"}))];
        let text = told(true, tasks, &[("web1", FINE)]);
        assert!(text.contains("unknown"), "{text}");
        assert!(!text.contains("up to date"), "{text}");
    }

    #[test]
    fn the_table_fits_eighty_columns_whatever_names_are_like() {
        let long = "a-very-long-host-name.in.a.very.long.domain.example.org";
        let tasks = vec![task(long, "pending_updates", Status::Ok, pending())];
        let text = told(true, tasks, &[(long, FINE)]);
        let table: Vec<_> = text.lines().take_while(|line| !line.starts_with(long)).collect();
        assert!(table.iter().all(|row| line::width(row) <= 80), "{text}");
    }
}
