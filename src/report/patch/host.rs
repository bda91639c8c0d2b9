//! What is known of one host's updates, read leniently from the modules' results.

use super::super::line::{self, one_line, painted};
use super::after::After;
use super::table::Row;
use crate::event::{Counts, Status, TaskEnd};
use crate::model::{Excerpt, Value};
use serde::Deserialize;

const REASON: Excerpt = Excerpt { lines_max: 3, columns_max: 800 };

/// One host.
#[derive(Default)]
pub(super) struct Host {
    pending: Reading<Vec<Package>>,
    applied: Reading<Vec<Package>>,
    apply: Option<Status>,
    conffiles: Vec<String>,
    after: After,
    refused: bool,
    reboot: Reboot,
    trouble: Option<String>,
    unreachable: bool,
    failed: bool,
    left_out: bool,
    held_out: bool,
}

/// What a module reported.
#[derive(Default)]
enum Reading<T> {
    #[default]
    NotYet,
    Unreadable,
    Known(T),
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Reboot {
    #[default]
    Unknown,
    No,
    Needed,
    Would,
    May,
    Done,
}

/// One update, as `pending_updates` and `apply_updates` report it.
#[derive(Deserialize, Clone)]
pub(super) struct Package {
    name: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    security: bool,
    #[serde(default)]
    held: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    kind: Option<String>,
}

impl Package {
    /// It comes along with an update, and is none itself.
    fn is_new(&self) -> bool {
        self.kind.as_deref() == Some("new")
    }

    pub fn name_columns(&self) -> usize {
        line::width(&one_line(&self.name)).min(40)
    }

    /// `  openssl  3.0.11-1 → 3.0.14-1  security`
    pub fn line(&self, columns: usize) -> String {
        let name = one_line(&self.name);
        let pad = " ".repeat(columns.saturating_sub(line::width(&name)));
        let version = |v: &Option<String>, none| v.as_deref().map_or(none, |v| one_line(v).into_owned());
        let from = version(&self.from, "(new)".into());
        let to = version(&self.to, "?".into());
        let mut out = format!("  {name}{pad}  {from} → {to}");
        if self.security {
            out.push_str(&format!("  {}", painted("security", line::FAILED)));
        }
        if self.held {
            let why = self.reason.as_deref().map(|why| format!(": {}", one_line(why))).unwrap_or_default();
            out.push_str(&format!("  {}", painted(format!("held{why}"), line::WARNING)));
        }
        out + "\n"
    }
}

impl Host {
    pub fn task(&mut self, end: &TaskEnd) {
        let module = end.module.rsplit('.').next().unwrap_or_default();
        match module {
            "pending_updates" => self.pending(end),
            "apply_updates" => self.applied(end),
            "reboot" => self.rebooted(end),
            "restart_services" => self.after.restarts(end),
            "failed_units" => self.after.units(end),
            _ => {}
        }
        if matches!(end.status, Status::Failed | Status::Unknown) && !end.ignored {
            let message = end.message.as_deref().unwrap_or("the connection was lost");
            self.trouble.get_or_insert_with(|| REASON.of(message.trim()));
        }
    }

    fn pending(&mut self, end: &TaskEnd) {
        // A dry run can't look again after an update that it did not make.
        if end.status != Status::Ok {
            return;
        }
        self.pending = packages(&end.result, "updates");
        self.after.pending(&end.result);
        self.reboot_needed(&end.result);
    }

    fn applied(&mut self, end: &TaskEnd) {
        self.apply = Some(end.status.clone());
        self.refused = end.status == Status::Failed && end.changes.is_empty();
        self.after.applied(end);
        if !end.result["packages"].is_null() {
            self.applied = packages(&end.result, "packages");
        }
        let files = end.result["conffiles"].as_array().into_iter().flatten();
        self.conffiles.extend(files.map(conffile));
        self.reboot_needed(&end.result);
    }

    fn rebooted(&mut self, end: &TaskEnd) {
        self.reboot = match end.status {
            Status::Changed => Reboot::Done,
            Status::WouldChange | Status::WouldRun => Reboot::Would,
            Status::Provisional { .. } | Status::KnownAfterApply { .. } | Status::Unseen { .. } => {
                Reboot::May
            }
            _ => self.reboot,
        };
    }

    fn reboot_needed(&mut self, result: &Value) {
        match result["reboot_required"].as_bool() {
            Some(true) => self.reboot = Reboot::Needed,
            Some(false) => self.reboot = Reboot::No,
            None => {}
        }
    }

    pub fn leaves(&mut self, reason: &str) {
        self.trouble.get_or_insert_with(|| REASON.of(&reason.trim().replace('\n', "; ")));
    }

    /// The play stopped before anything was begun here.
    pub fn is_left_out(&mut self) {
        self.left_out = true;
    }

    /// Nothing may be begun here.
    pub fn is_held_out(&mut self, why: &str) {
        self.held_out = true;
        self.trouble.get_or_insert_with(|| why.to_owned());
    }

    pub fn ends(&mut self, counts: &Counts) {
        self.unreachable = counts.unreachable > 0;
        self.failed = counts.failed > 0;
    }

    /// What was done where something was, else what is pending.
    pub fn packages(&self) -> &[Package] {
        match (&self.applied, &self.pending) {
            (Reading::Known(applied), _) if !applied.is_empty() => applied,
            (_, Reading::Known(pending)) => pending,
            _ => &[],
        }
    }

    /// What an operator should know beside the packages.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let kept = self
            .conffiles
            .iter()
            .map(|file| format!("kept its changed configuration file {}", one_line(file)));
        let held = self.left_alone().map(|package| package.line(0).trim().to_owned());
        kept.chain(held)
            .chain(self.after.notes())
            .chain(self.trouble.iter().map(|text| one_line(text).into_owned()))
    }

    /// What is on hold, where what was done is listed rather than what is pending.
    fn left_alone(&self) -> impl Iterator<Item = &Package> {
        let pending = match (&self.applied, &self.pending) {
            (Reading::Known(applied), Reading::Known(pending)) if !applied.is_empty() => pending.as_slice(),
            _ => &[],
        };
        pending.iter().filter(|package| package.held && !self.is_applied(package))
    }

    fn is_applied(&self, package: &Package) -> bool {
        matches!(&self.applied, Reading::Known(applied) if applied.iter().any(|a| a.name == package.name))
    }

    pub fn row(&self, host: String, dry: bool) -> Row {
        let known = !matches!(self.pending, Reading::NotYet | Reading::Unreadable)
            || matches!(self.applied, Reading::Known(_));
        let number = |n: usize| if known { n.to_string() } else { "?".into() };
        let counts = |package: &&Package| !package.held && !package.is_new();
        let updates = || self.packages().iter().filter(counts);
        let held = match &self.pending {
            Reading::Known(all) => {
                number(all.iter().filter(|package| package.held && !self.is_applied(package)).count())
            }
            _ => "?".into(),
        };
        Row {
            host,
            updates: number(updates().count()),
            security: number(updates().filter(|package| package.security).count()),
            held,
            reboot: self.reboot.as_str(),
            outcome: self.outcome(dry),
        }
    }

    fn outcome(&self, dry: bool) -> &'static str {
        let waits = self.packages().iter().any(|package| !package.held);
        match (&self.apply, &self.pending) {
            _ if self.held_out && dry => "would be held out",
            _ if self.held_out => "held out",
            _ if self.left_out => "not begun",
            _ if self.unreachable => "unreachable",
            (Some(Status::Unknown), _) => "unknown",
            (Some(Status::Failed), _) if self.refused => "refused",
            (Some(Status::Failed), _) => "failed",
            _ if self.failed => "failed",
            (Some(Status::Changed), _) => "patched",
            (Some(Status::WouldChange | Status::WouldRun), _) => "would be patched",
            (_, Reading::NotYet | Reading::Unreadable) => "unknown",
            (_, Reading::Known(_)) if !waits => "up to date",
            (Some(Status::Ok), _) => "up to date",
            _ if dry => "would be patched",
            _ => "not patched",
        }
    }
}

impl Reboot {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "?",
            Self::No => "no",
            Self::Needed => "needed",
            Self::Would => "would",
            Self::May => "may",
            Self::Done => "done",
        }
    }
}

fn packages(result: &Value, key: &str) -> Reading<Vec<Package>> {
    Vec::<Package>::deserialize(&result[key]).map_or(Reading::Unreadable, Reading::Known)
}

/// A path, or an object that says which file was kept.
fn conffile(file: &Value) -> String {
    let named = |file: &Value| file["kept"].as_str().map(str::to_owned);
    file.as_str().map(str::to_owned).or_else(|| named(file)).unwrap_or_else(|| file.to_string())
}
