//! How a task ends on a host: judged by its own conditions, registered, reported, and handlers notified.

use super::control::{Common, Turn};
use super::evaluate::{NO_DETAILS, SEALED, Truth, text_of};
use super::host_run::{Conduct, HostRun, Queued};
use super::measured;
use super::pending::Pending;
use super::scope::Layer;
use super::task::Task;
use super::unit::{Running, Stage, Unit, UnitEnd};
use super::way::Way;
use super::whole::{Whole, unit_result};
use crate::event::{Event, Status};
use crate::model::{Finding, FindingKind, Map, Value};
use crate::modules::Effect;
use crate::template::{Binding, Cause, Rendered};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A value as templates see it.
pub(super) fn bound(value: Value, tainted: bool) -> Binding {
    let data = Binding::Data(Arc::new(value));
    if tainted { Binding::Secret(Box::new(data)) } else { data }
}

/// What a task's own conditions make of its end.
struct Judged {
    status: Status,
    message: Option<String>,
    /// What `changed_when` says.
    changed: Option<bool>,
    /// What `failed_when` says.
    failed: Option<bool>,
    /// The key of the condition that can't be judged, and why.
    wrong: Option<(&'static str, String)>,
}

impl Default for Judged {
    fn default() -> Self {
        Self { status: Status::Ok, message: None, changed: None, failed: None, wrong: None }
    }
}

impl Judged {
    /// A condition can't be judged.
    fn unclear(self, condition: &str, key: &'static str, error: String) -> Self {
        // What failed before says more than that nobody could judge it.
        let failed = self.message.clone().filter(|_| self.status == Status::Failed);
        let message = failed.or_else(|| Some(format!("{condition}: {error}")));
        let why = format!("Error while evaluating conditional: {error}");
        Self { status: Status::Failed, message, wrong: Some((key, why)), ..self }
    }
}

impl HostRun {
    /// Applies `failed_when` and `changed_when` to a unit that ended.
    pub(super) fn judge(&mut self, running: &mut Running, index: usize) {
        let Some(unit) = running.units.as_ref().and_then(|units| units.get(index)) else { return };
        let Stage::Ended(end) = &unit.stage else { return };
        let judged = match end.status {
            Status::Skipped
            | Status::KnownAfterApply { .. }
            | Status::Unseen { .. }
            | Status::Provisional { .. } => return,
            Status::WouldRun => self.judge_foreseen(running, &unit.layer),
            _ => self.judge_ended(running, unit, end),
        };
        let unit = running.units.as_mut().and_then(|units| units.get_mut(index));
        if let (Some(judged), Some(Stage::Ended(end))) = (judged, unit.map(|unit| &mut unit.stage)) {
            let was_failed = end.status == Status::Failed;
            end.status = judged.status;
            end.message = judged.message;
            if let Some(changed) = judged.changed {
                end.result.insert("changed".into(), changed.into());
            }
            if let Some(failed) = judged.failed {
                end.result.insert("failed_when_result".into(), failed.into());
                if was_failed && !failed {
                    let trace = end.result.shift_remove("exception");
                    let trace = trace.unwrap_or_else(|| "(traceback unavailable)".into());
                    end.result.insert("failed_when_suppressed_exception".into(), trace);
                }
            }
            if let Some((key, why)) = judged.wrong {
                end.result.insert(key.into(), why.into());
            }
        }
    }

    /// Judges what a dry run would run: only a `changed_when` that needs no result says something.
    fn judge_foreseen(&self, running: &Running, item: &Arc<Layer>) -> Option<Judged> {
        let conditions = running.task.changed_when.as_ref()?;
        let unknown = Binding::Unknown(Cause::from(format!("result of task '{}'", running.task.name)));
        match self.ground.judge(conditions, running, item, unknown) {
            Ok(Truth::Fails(_)) => Some(Judged {
                status: Status::Ok,
                message: Some("would run; changed_when says that it changes nothing".into()),
                ..Judged::default()
            }),
            Ok(_) => None,
            Err(error) => Some(Judged::default().unclear("changed_when", "changed_when_result", error)),
        }
    }

    /// How a task ends that a sealed value would judge where none may.
    fn sealed(&self, judged: Judged, keyword: &'static str) -> Judged {
        match self.conduct {
            Conduct::Real => Judged {
                status: Status::Failed,
                message: Some(format!("{keyword} depends on {SEALED}")),
                ..judged
            },
            // What was done was done, whatever it counts as.
            _ if judged.status == Status::Changed => judged,
            _ => Judged { status: Status::KnownAfterApply { cause: SEALED.into() }, message: None, ..judged },
        }
    }

    fn judge_ended(&self, running: &Running, unit: &Unit, end: &UnitEnd) -> Option<Judged> {
        let item = &unit.layer;
        let mut judged =
            Judged { status: end.status.clone(), message: end.message.clone(), ..Judged::default() };
        let mut result = unit_result(end);
        if running.task.retry.is_some() {
            result.insert("attempts".into(), (unit.attempts + 1).into());
        }
        if let Some(conditions) = &running.task.changed_when {
            let seen = bound(Value::Object(result.clone()), end.tainted);
            match self.ground.judge(conditions, running, item, seen) {
                Ok(Truth::Holds) => judged.changed = Some(true),
                Ok(Truth::Fails(_)) => judged.changed = Some(false),
                Ok(Truth::Unknown(cause)) if cause == SEALED => {
                    return Some(self.sealed(judged, "changed_when"));
                }
                Ok(Truth::Unknown(_)) => {}
                Err(error) => return Some(judged.unclear("changed_when", "changed_when_result", error)),
            }
            if let Some(changed) = judged.changed {
                result.insert("changed".into(), changed.into());
            }
        }
        if let Some(conditions) = &running.task.failed_when {
            let seen = bound(Value::Object(result), end.tainted);
            match self.ground.judge(conditions, running, item, seen) {
                Ok(Truth::Holds) => {
                    judged.failed = Some(true);
                    judged.status = Status::Failed;
                    judged.message.get_or_insert_with(|| "failed_when holds".into());
                }
                Ok(Truth::Unknown(cause)) if cause == SEALED => {
                    return Some(self.sealed(judged, "failed_when"));
                }
                Ok(truth) => {
                    judged.failed = matches!(truth, Truth::Fails(_)).then_some(false);
                    if judged.status == Status::Failed {
                        let is_same = end.result.get("changed") == Some(&Value::Bool(false));
                        let nothing = end.changes.is_empty() || is_same;
                        judged.status = if nothing { Status::Ok } else { Status::Changed };
                        judged.message = None;
                    }
                }
                Err(error) => return Some(judged.unclear("failed_when", "failed_when_result", error)),
            }
        }
        if judged.status != Status::Failed {
            match judged.changed {
                Some(true) if judged.status != Status::WouldChange => judged.status = Status::Changed,
                Some(false) => judged.status = Status::Ok,
                _ => {}
            }
        }
        Some(judged)
    }

    /// A task's end, put together for this host.
    pub(super) fn whole(&self, running: &Running) -> Whole {
        let hides = self.ground.hides(&running.task, &running.layer);
        running.whole(&self.host, self.ground.name_of(running), self.now, hides)
    }

    /// Registers, notifies and reports the first task, which is over.
    pub(super) fn finish_front(&mut self) {
        let Some(Queued::Task(mut running)) = self.queue.pop_front() else { return };
        let inside = self.open_include(&mut running);
        self.add_to_inventory(&running);
        let mut whole = self.whole(&running);
        whole.event.asks_out = self.ground.take_goes(running.task.number);
        let kept =
            self.ground.is_kept(&running, &whole).then(|| self.ground.kept(&running, &whole.event.task));
        let is_measured = kept.as_ref().is_none_or(|kept| kept.whole);
        let mut common = self.take_over(&mut running, &whole, is_measured);
        self.ground.trust(&running, &common, is_measured);
        whole.event.kept = kept.map(Box::new);
        self.ground.variables.publish();
        let failed = whole.event.status == Status::Failed;
        if let (Some(role), false) = (&running.task.frame.around.role, whole.event.status == Status::Skipped)
        {
            self.roles.tried.insert(role.instance);
        }
        let missing = self.notify(&running, &whole.event.status);
        if let (Some(message), false) = (missing, failed) {
            whole.event.status = Status::Failed;
            whole.event.message = Some(message);
        }
        let failed = whole.event.status == Status::Failed;
        if failed && (running.is_unreachable || self.is_ignored(&running)) {
            whole.event.ignored = true;
        }
        let action =
            super::control::action_of(&whole.result).filter(|_| running.task.module.effect == Effect::Course);
        let action = action.filter(|_| whole.event.status == Status::Ok).map(str::to_owned);
        if running.turn == Turn::Leads {
            common.failed = failed && !whole.event.ignored;
            common.meta = action.clone();
            self.common = Some((running.way.clone(), common));
        }
        if running.task.module.effect == Effect::Course && !failed {
            return action.into_iter().for_each(|action| self.meta(&action, &running.way));
        }
        let fatal = failed && !whole.event.ignored;
        if fatal && self.is_rescuing() {
            whole.event.rescued = true;
            self.note_failure(&running, &whole.event.task, &whole.result, whole.hidden);
        }
        let rescued = whole.event.rescued;
        self.counts.add(&whole.event);
        self.events.push(Event::TaskEnds(Box::new(whole.event)));
        for queued in inside.into_iter().rev().filter(|_| !fatal) {
            self.queue.push_front(queued);
        }
        if running.task.may_be_elsewhere() {
            self.ground.forget_elsewhere();
        }
        if fatal {
            let keyword = running.task.any_errors_fatal.as_ref();
            let stops_all = self.ground.flag(keyword, &running.layer) == Some(true);
            self.fail_over();
            self.fatal |= stops_all && !rescued;
        }
    }

    fn is_ignored(&self, running: &Running) -> bool {
        let Some(condition) = &running.task.ignore_errors else { return false };
        let empty = Arc::default();
        let nothing = Binding::Data(Arc::new(Value::Null));
        let conditions = std::slice::from_ref(condition);
        matches!(self.ground.judge(conditions, running, &empty, nothing), Ok(Truth::Holds))
    }

    /// Takes over what a task sets: registered result, variables, facts; and passes on its warnings and findings.
    /// Findings that are not measured are marked.
    fn take_over(&mut self, running: &mut Running, whole: &Whole, is_measured: bool) -> Common {
        let mut common = Common::default();
        let delegates_facts =
            self.ground.flag(running.task.delegate_facts.as_ref(), &running.layer) == Some(true);
        for unit in running.units.iter_mut().flatten() {
            let Stage::Ended(end) = &mut unit.stage else { continue };
            for message in std::mem::take(&mut end.warnings) {
                self.events.push(Event::Warning { host: Some(self.host.clone()), message });
            }
            let secret = whole.hidden;
            for finding in std::mem::take(&mut end.findings) {
                let finding = if secret { hidden(&running.task.name, &finding) } else { finding };
                let finding = Finding { is_read: !is_measured, ..finding };
                self.events.push(Event::Found { host: self.host.clone(), finding });
            }
            let tainted = end.tainted;
            self.ground.variables.include(&std::mem::take(&mut end.written), tainted);
            if end.is_undecided {
                for name in running.task.sets().variables.into_iter().flat_map(Map::keys) {
                    let unknown = Binding::Unknown(Cause::from(SEALED));
                    common.variables.push((name.clone(), unknown.clone()));
                    self.ground.variables.set(name.clone(), unknown);
                }
            }
            if delegates_facts
                && let Some(host) = self.ground.delegate_of(&running.task, &running.layer, &unit.layer)
            {
                let (facts, variables) = (std::mem::take(&mut end.facts), std::mem::take(&mut end.variables));
                self.ground.variables.publish_facts_of(&host, facts, variables, tainted);
                continue;
            }
            for (name, value) in std::mem::take(&mut end.variables) {
                let data = Binding::Data(Arc::new(value));
                let bound = if tainted { Binding::Secret(Box::new(data)) } else { data };
                common.variables.push((name.clone(), bound.clone()));
                self.ground.variables.set(name, bound);
            }
            let facts = std::mem::take(&mut end.facts);
            if !facts.is_empty() {
                common.facts.extend(facts.clone());
                self.ground.variables.add_facts(facts);
                if tainted {
                    self.ground.variables.keep_facts_secret();
                }
            }
        }
        self.read_vars_files();
        self.take_over_whole(running, whole, &mut common);
        common
    }

    /// The same for what the task as a whole sets, and for what nobody knows before it ran.
    fn take_over_whole(&mut self, running: &Running, whole: &Whole, common: &mut Common) {
        let unsure = whole.unknown.is_some();
        if unsure && running.task.leaves_undecided() {
            self.ground.variables.leave_undecided(&format!("task '{}'", whole.event.task));
        }
        if let (true, Some(names)) = (unsure, running.task.sets().variables) {
            for name in names.keys() {
                let cause = Cause::from(format!("task '{}'", whole.event.task));
                let unknown = Binding::Unknown(cause);
                common.variables.push((name.clone(), unknown.clone()));
                self.ground.variables.set(name.clone(), unknown);
            }
        }
        if unsure && running.task.sets().facts {
            self.ground.variables.doubt_facts(&running.task, &format!("task '{}'", whole.event.task));
        }
        if let Some(name) = &running.task.register {
            let bound = if unsure {
                Binding::Unknown(Cause::from(format!("result of task '{}'", whole.event.task)))
            } else {
                let data = Binding::Data(Arc::new(Value::Object(whole.result.clone())));
                if whole.tainted { Binding::Secret(Box::new(data)) } else { data }
            };
            common.variables.push((name.clone(), bound.clone()));
            self.ground.variables.set(name.clone(), bound);
        }
    }

    /// Notes which handlers a task notifies; what is wrong with that, if something is.
    pub(super) fn notify(&mut self, running: &Running, status: &Status) -> Option<String> {
        let uncertain = match status {
            Status::Changed | Status::WouldChange | Status::WouldRun => None,
            Status::Provisional { cause } | Status::KnownAfterApply { cause } => Some(cause.clone()),
            Status::Unseen { .. } => Some(running.task.name.clone()),
            _ => return None,
        };
        let was_read = self.depends_on_what_was_read(running);
        let mut missing = None;
        for (name, tainted) in self.notified_names(running) {
            // Which handlers run would tell.
            if tainted && self.ground.quiet.is_some() {
                continue;
            }
            let found = self.handlers_called(&name);
            if found.is_empty() {
                missing.get_or_insert_with(|| match tainted {
                    true => format!("no handler is called so {NO_DETAILS}"),
                    false => format!("no handler is called '{name}' or listens to it"),
                });
            }
            for index in found {
                if was_read && let Some(handler) = self.handlers.get(index) {
                    measured::mark_as_read(self.given_to_handlers.entry(handler.number).or_default());
                }
                match self.notified.iter_mut().find(|(known, _)| *known == index) {
                    Some((_, was)) if uncertain.is_none() => *was = None,
                    Some(_) => {}
                    None => self.notified.push((index, uncertain.clone())),
                }
            }
        }
        missing
    }

    /// Whether what was read decides how a task ended, where that counts.
    fn depends_on_what_was_read(&self, running: &Running) -> bool {
        let units = running.units.as_deref().unwrap_or_default();
        let counts = self.ground.keeps_little() && !running.task.notify.is_empty();
        counts && !self.ground.are_measured(running, units).iter().all(|is| *is)
    }

    /// The names that a task notifies: a template may give another one for each item, of which one that is changed counts for all
    /// that were done.
    fn notified_names(&self, running: &Running) -> Vec<(String, bool)> {
        let mut names: Vec<(String, bool)> = Vec::new();
        for notified in &running.task.notify {
            if !notified.contains("{{") {
                names.push((notified.clone(), false));
                continue;
            }
            for unit in running.units.iter().flatten() {
                let Stage::Ended(end) = &unit.stage else { continue };
                if end.status == Status::Skipped {
                    continue;
                }
                let view = self.ground.variables.view(&running.layer, &unit.layer, None);
                match self.ground.templates.render(&Value::String(notified.clone()), &view) {
                    Ok(Rendered::Known { value: Value::Array(list), tainted }) => {
                        names.extend(list.iter().map(|name| (text_of(name), tainted)))
                    }
                    Ok(Rendered::Known { value, tainted }) => names.push((text_of(&value), tainted)),
                    Ok(_) => {}
                    Err(_) => names.push((notified.clone(), false)),
                }
            }
        }
        names.retain(|(name, _)| !name.is_empty());
        names
    }

    /// The handlers of this name, of which the last counts, or of several in one file the first; and those that listen to
    /// it.
    fn handlers_called(&self, name: &str) -> Vec<usize> {
        let named = |handler: &Task, name: &str| handler.name == name || handler.title == name;
        let handlers = || self.handlers.iter().enumerate().rev();
        let last = handlers().find(|(_, handler)| named(handler, name));
        let plain = last.and_then(|(_, last)| {
            let mut all = self.handlers.iter().enumerate();
            all.find(|(_, handler)| named(handler, name) && handler.file() == last.file())
        });
        let by_name = plain.or_else(|| {
            let templated = |handler: &Task| handler.title.contains("{{");
            handlers().filter(|(_, handler)| templated(handler)).find(|(_, handler)| {
                let shown = self.ground.name_of(&Running::new((*handler).clone(), None));
                shown == name || shown.rsplit_once(" : ").is_some_and(|(_, title)| title == name)
            })
        });
        let mut seen = BTreeSet::new();
        let listening = handlers().filter(|(_, handler)| {
            let is_nameless = handler.title == handler.module.name;
            handler.listens_to(name) && (seen.insert(handler.title.clone()) || is_nameless)
        });
        let mut found: Vec<usize> = by_name.into_iter().chain(listening).map(|(index, _)| index).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Of handlers that have one name (a role that is there twice), the last one runs, whichever was notified.
    fn last_of_its_name(&self, index: usize) -> usize {
        let Some(handler) = self.handlers.get(index) else { return index };
        let is_named = handler.title != handler.module.name;
        let same = |other: &Arc<Task>| is_named && other.name == handler.name && other.place == handler.place;
        self.handlers.iter().rposition(same).unwrap_or(index)
    }

    /// Puts notified handlers to the front, in the order of their definition; more may be notified by them.
    pub(super) fn flush(&mut self, way: &Way, round: usize) {
        // What is notified again by a handler behind it waits for the next flush: two could go on for ever.
        let ran = std::mem::take(&mut self.flushed);
        let (later, mut now): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.notified).into_iter().partition(|(index, _)| ran.contains(index));
        self.notified = later;
        self.flushed = ran;
        if now.is_empty() {
            return;
        }
        for (index, _) in &mut now {
            *index = self.last_of_its_name(*index);
        }
        now.sort_by_key(|(index, uncertain)| (*index, uncertain.is_some()));
        now.dedup_by_key(|(index, _)| *index);
        self.flushed.extend(now.iter().map(|(index, _)| *index));
        self.queue.push_front(Queued::FlushMore(way.clone(), round + 1));
        for (index, uncertain) in now.into_iter().rev() {
            let Some(handler) = self.handlers.get(index) else { continue };
            let given = self.given_to_handlers.get(&handler.number).cloned().unwrap_or_default();
            let at = way.child(round).child(index);
            let running = Running::new(handler.clone(), uncertain).at(at).given(&given);
            self.queue.push_front(Queued::Task(Box::new(running)));
        }
    }

    pub(super) fn all_handlers(&self, pending: &mut Arc<Pending>) {
        for handler in &self.handlers {
            Arc::make_mut(pending).add(&handler.sets());
        }
    }
}

/// A finding in which a secret may be: that there is one is told, and by which task.
fn hidden(task: &str, finding: &Finding) -> Finding {
    let about = match finding.kind {
        FindingKind::NotAssessed => format!("check/hidden/{task}"),
        _ => format!("hidden/{task}"),
    };
    let title = format!("{task}: not shown, for a secret may be in it");
    let told = Finding::new(finding.kind, &about, finding.severity, title);
    told.remedied_by("leave secrets out of what the task says")
}
