//! What one unit of a task comes to: its conditions, its arguments, whose hands it is put in, and what its module makes of
//! the answers that there are.

use super::effective::{At, Effective};
use super::evaluate::{Evaluation, Frozen, Rendering, SEALED, Truth, Verdict, refusal, text_of};
use super::exposure;
use super::ground::Ground;
use super::hands::Missing;
use super::host_run::Conduct;
use super::made::registered;
use super::measured;
use super::outward::Quiet;
use super::pending::Pending;
use super::scope::{Frame, Layer};
use super::task::Task;
use super::unit::{Prepared, UnitEnd};
use crate::event::Status;
use crate::load::Inventory;
use crate::model::{Map, Subjects, Value};
use crate::modules::{Effect, Outcome};
use crate::questions::{Answers, Reading, Refusal, led};
use crate::template::{Binding, Scope};
use std::sync::Arc;

/// What evaluating a unit comes to.
pub enum Look {
    /// Answers are wanted; the store has noted which.
    Ask,
    /// It ends without a change, having read this.
    End(UnitEnd, Subjects),
    /// It has changes.
    Changes(Prepared, Reading),
    /// A dry run can't know: it depends on this.
    Unknown(String),
    /// The account that asks is not shown what it depends on; what was read until then.
    Unseen(String, Subjects),
    /// An unapplied change may alter this.
    Provisional(Option<Outcome>, Reading, String),
}

impl Ground {
    /// Evaluates a unit that is fresh. A secret that had a part in it, as an item or an argument, hides all of it.
    pub fn look(
        &mut self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        pending: Option<&Arc<Pending>>,
    ) -> Look {
        self.looked_at_secret = holds_secret(item);
        self.looked_at = None;
        let mut looked = self.look_at(task, layer, item, pending);
        match &mut looked {
            Look::End(end, _) => end.tainted |= self.looked_at_secret,
            Look::Changes(prepared, _) => prepared.tainted |= self.looked_at_secret,
            Look::Ask | Look::Unknown(_) | Look::Provisional(..) | Look::Unseen(..) => {}
        }
        looked
    }

    /// The task's arguments, where its conditions hold and they may be known; or what there is to see of it without them.
    fn frozen(&self, task: &Task, view: &Arc<dyn Scope>) -> Result<Frozen, Box<Look>> {
        let means = self.means();
        let ended = |end: UnitEnd| Err(Box::new(nothing_read(end)));
        match means.conditions(&task.when, view) {
            Err(error) => return ended(failed(refusal(&format!("when: {error}"), &error))),
            Ok(Truth::Unknown(cause)) => return Err(Box::new(Look::Unknown(cause))),
            Ok(Truth::Fails(condition)) => return ended(skipped(condition)),
            Ok(Truth::Holds) => {}
        }
        let frozen = match means.render(task, view) {
            Err(refusal) => return ended(failed(refusal)),
            // It sets what it sets, whatever that is: how it ended would tell.
            Ok(Rendering::Unknown(cause)) if cause == SEALED && task.module.effect == Effect::Variables => {
                return ended(UnitEnd {
                    is_undecided: true,
                    tainted: true,
                    ..UnitEnd::plain(Status::Ok, None)
                });
            }
            Ok(Rendering::Unknown(cause)) => return Err(Box::new(Look::Unknown(cause))),
            Ok(Rendering::Done(frozen)) => frozen,
        };
        let is_refused = task.module.effect == Effect::Hosts && reached_by_a_secret(&frozen).is_some();
        let is_told = is_refused || may_be_seen(task);
        if means.is_blind && self.conduct != Conduct::Real && frozen.tainted && !is_told {
            return Err(Box::new(Look::Unknown(SEALED.to_owned())));
        }
        if frozen.tainted && task.module.effect == Effect::Groups {
            return ended(UnitEnd::failed(SEEN_GROUPS.to_owned(), Map::new()));
        }
        Ok(frozen)
    }

    fn look_at(
        &mut self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        pending: Option<&Arc<Pending>>,
    ) -> Look {
        let view = self.variables.view(layer, item, pending);
        let frozen = match self.frozen(task, &view) {
            Ok(frozen) => frozen,
            Err(looked) => return *looked,
        };
        self.looked_at = self.keeps_little().then(|| measured::identity(&frozen.args));
        let frozen = match self.first_unapplied() {
            // What a dry run left undone would not come about however long it waited.
            Some(_) if task.module.effect == Effect::Wait => {
                Frozen { args: frozen.args.without_waiting(), ..frozen }
            }
            _ => frozen,
        };
        if let Err(why) = self.may_be_reached(task, layer, item, &frozen) {
            return nothing_read(UnitEnd::failed(why, Map::new()));
        }
        let (user, secret) = match self.effective(task, layer, &view) {
            Err(Missing::Refused(refusal)) => return nothing_read(failed(refusal)),
            Err(Missing::Unknown(cause)) => return Look::Unknown(cause),
            Ok(user) => user,
        };
        let frozen = Frozen { tainted: frozen.tainted || secret, ..frozen };
        self.looked_at_secret |= frozen.tainted;
        if let Some(refusal) = exposure::of_task(task, &frozen, &user, &self.templates) {
            return nothing_read(said_openly(refusal));
        }
        if let Some(looked) = self.starts(task, layer, &frozen, &user) {
            return looked;
        }
        self.open_store(&user);
        let view = self.variables.view(layer, item, pending);
        let Some(answers) = self.stores.get(&user) else { return Look::Ask };
        // What tasks before this one want is theirs.
        let wanted = answers.wanted_count();
        let evaluation = self.means_of(task, layer).ask(task, &frozen, answers, &view);
        self.looked_at_secret |= evaluation.tainted;
        if let Some(looked) = self.held_back((task, layer, item), &user, (wanted, &evaluation)) {
            return looked;
        }
        let Some(answers) = self.stores.get(&user) else { return Look::Ask };
        let exposes = || exposure::of_words(&frozen, evaluation.changes(), answers, &self.templates);
        if let Some(refusal) = self.looked_at_secret.then(exposes).flatten() {
            return nothing_read(said_openly(refusal));
        }
        let mut looked = sort_out(task, evaluation, user, frozen);
        if let Err(why) = self.apart(task, &view, &mut looked) {
            return nothing_read(UnitEnd::failed(why, Map::new()));
        }
        self.limit(task, &view, &mut looked);
        looked
    }

    /// How a task ends that would have something run which the play names, where it only looks. Whoever may change nothing has
    /// nothing run so, as a question or not; whoever may is not taken at that word before the real run.
    fn starts(&self, task: &Task, layer: &Arc<Frame>, frozen: &Frozen, user: &Effective) -> Option<Look> {
        let is_forced = || self.flag(task.check_mode.as_ref(), layer) == Some(false);
        let waits = self.conduct == Conduct::DryButForced && !is_forced();
        let why = (self.starts_nothing || waits).then(|| started(task, frozen, user)).flatten()?;
        Some(self.not_started(why))
    }

    fn not_started(&self, why: String) -> Look {
        match self.starts_nothing {
            true => Look::Unseen(why, Subjects::NONE),
            false => Look::Unknown(format!("what only the real run starts: {why}")),
        }
    }

    /// The same where it is the words of a question that say what runs.
    fn led(&self, task: &Task, layer: &Arc<Frame>, user: &Effective, wanted: usize) -> Option<Look> {
        let is_forced = || self.flag(task.check_mode.as_ref(), layer) == Some(false);
        let waits = self.conduct == Conduct::DryButForced && !is_forced();
        let answers = self.stores.get(user).filter(|_| self.starts_nothing || waits)?;
        let what = answers.wanted().iter().skip(wanted).find_map(led)?;
        let script = answers.refuse_wanted(wanted, |asked| led(asked).is_some())?;
        Some(self.not_started(format!("'{script}' would be told {what}, to find out")))
    }

    /// How a task ends of whose questions one is not asked, for it would go out.
    fn held_back(
        &mut self,
        (task, layer, item): (&Task, &Arc<Frame>, &Arc<Layer>),
        user: &Effective,
        (wanted, evaluation): (usize, &Evaluation),
    ) -> Option<Look> {
        let reads = || evaluation.reading.reads.clone();
        if let Some(looked) = self.led(task, layer, user, wanted) {
            return Some(looked);
        }
        if let Some(why) = self.stores.get(user).and_then(|answers| self.speaks_here(user, answers, wanted)) {
            return Some(Look::Unseen(why, reads()));
        }
        if let Some(why) = self.stays_in(task, layer, user) {
            return Some(Look::Unseen(why, Subjects::NONE));
        }
        let (why, quiet) = self.before_yes((task, layer, item), user, wanted)?;
        Some(match quiet {
            Quiet::Later => Look::Unknown(why),
            Quiet::Unseen => Look::Unseen(why, reads()),
        })
    }

    /// Whether a host may be added that is reached so, where the task adds one.
    fn may_be_reached(
        &self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        frozen: &Frozen,
    ) -> Result<(), String> {
        if task.module.effect != Effect::Hosts {
            return Ok(());
        }
        match reached_by_a_secret(frozen) {
            Some(why) => Err(why),
            None => self.may_add(task, layer, item, &frozen.args),
        }
    }

    /// Sees to it that there is a place for the answers to whoever a task becomes.
    fn open_store(&mut self, user: &Effective) {
        if self.stores.contains_key(user) {
            return;
        }
        let mut answers = Answers::default();
        for (at, touched, cause) in &self.unapplied {
            if At::whose(at.as_ref()) == At::whose(user.at.as_ref()) {
                answers.would_touch(touched.clone(), cause.clone());
            }
        }
        self.stores.insert(user.clone(), answers);
    }

    /// Gives changes no more time than the task's `timeout`.
    fn limit(&self, task: &Task, view: &Arc<dyn Scope>, looked: &mut Look) {
        let (Look::Changes(..), Some(timeout)) = (&*looked, &task.timeout) else { return };
        let seconds = self.templates.render(timeout, view).ok().filter(|rendered| !rendered.is_tainted());
        let seconds = seconds.and_then(|rendered| rendered.known()?.as_f64());
        let Some(most) = seconds.filter(|most| *most != 0.0) else { return };
        if !(0.0..=TIMEOUT_MAX).contains(&most) {
            let why =
                format!("Timeout {most} is invalid: it lies between 0, for none, and {TIMEOUT_MAX} seconds");
            *looked = nothing_read(UnitEnd::failed(why, Map::new()));
            return;
        }
        let most = std::time::Duration::from_secs_f64(most);
        let Look::Changes(prepared, _) = looked else { return };
        for change in &mut prepared.outcome.changes {
            change.deadline = change.deadline.min(most);
        }
    }

    /// Asks the module again with the same arguments, after its changes ran.
    pub fn look_again(
        &self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        prepared: &Prepared,
    ) -> Evaluation {
        let view = self.variables.view(layer, item, None);
        let empty = Answers::default();
        let answers = self.stores.get(&prepared.user).unwrap_or(&empty);
        let evaluation = self.means_of(task, layer).ask(task, &prepared.frozen, answers, &view);
        match self.unnamed(answers, &prepared.user) {
            Some(why) => Evaluation { verdict: Verdict::Unseen(why), ..evaluation },
            None => evaluation,
        }
    }
}

/// What a task names that would be run where it only looks, if it names something.
fn started(task: &Task, frozen: &Frozen, user: &Effective) -> Option<String> {
    let harmless = |name: &str, value: &str| match name {
        "PATH" => value.split(':').all(|directory| SYSTEM.contains(&directory)),
        _ => name.starts_with("LC_") || HARMLESS.contains(&name.to_ascii_uppercase().as_str()),
    };
    let variable = user.environment.iter().find(|(name, value)| !harmless(name, value));
    if let Some((name, _)) = variable {
        return Some(format!("'{name}' in its environment may say what programs run"));
    }
    let name = task.module.would_start(&frozen.args)?;
    Some(format!("'{name}' says what {} runs to find out", task.module.name))
}

/// Variables by which no program comes to run another one.
const HARMLESS: [&str; 7] =
    ["LANG", "LANGUAGE", "TZ", "DEBIAN_FRONTEND", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/// Where only root installs programs.
const SYSTEM: [&str; 8] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/snap/bin",
    "/usr/games",
];

/// Whether a task in which a secret has a part says how it ended before somebody said yes: where it comes to a change that is
/// announced, or always ends the same. What others come to would tell of the value.
fn may_be_seen(task: &Task) -> bool {
    matches!(task.module.effect, Effect::OnHost | Effect::Sends | Effect::Variables)
}

/// Why no group is named by a secret.
const SEEN_GROUPS: &str = "a group would be named by a sealed value, and which hosts are in which group is seen by everybody: write it as it is";

/// Whether an item of a loop is a secret.
fn holds_secret(item: &Layer) -> bool {
    item.values().any(|bound| matches!(bound, Binding::Secret(_)))
}

/// A refusal that names no secret, though one had a part in it.
fn said_openly(refusal: Refusal) -> UnitEnd {
    let in_open = Some(refusal.message.clone());
    UnitEnd { in_open, ..failed(refusal) }
}

/// The end of a unit that is refused.
pub(super) fn failed(refusal: Refusal) -> UnitEnd {
    UnitEnd::failed(refusal.message, refusal.result)
}

/// The longest `timeout` that a task may have, in seconds.
const TIMEOUT_MAX: f64 = 100_000_000.0;

/// The end of a unit whose condition does not hold.
fn skipped(condition: Value) -> UnitEnd {
    let why = format!("when: {}", text_of(&condition));
    let mut end = UnitEnd::plain(Status::Skipped, Some(why));
    end.result.insert("skip_reason".into(), "Conditional result was False".into());
    end.result.insert("false_condition".into(), condition);
    end
}

/// An end that no answer had a part in.
fn nothing_read(end: UnitEnd) -> Look {
    Look::End(end, Subjects::NONE)
}

fn sort_out(task: &Task, evaluation: Evaluation, user: Effective, frozen: Frozen) -> Look {
    let Evaluation { verdict, reading, tainted } = evaluation;
    if let Some(cause) = reading.provisional.clone() {
        return match verdict {
            Verdict::Ask => Look::Ask,
            Verdict::Unknown(cause) => Look::Unknown(cause),
            Verdict::Unseen(why) => Look::Unseen(why, reading.reads),
            Verdict::Refuse(_) => Look::Provisional(None, reading, cause),
            Verdict::Ready(outcome) => Look::Provisional(Some(*outcome), reading, cause),
        };
    }
    match verdict {
        Verdict::Ask => Look::Ask,
        Verdict::Unknown(cause) => Look::Unknown(cause),
        Verdict::Unseen(why) => Look::Unseen(why, reading.reads),
        Verdict::Refuse(refusal) => Look::End(UnitEnd { tainted, ..failed(refusal) }, reading.reads),
        Verdict::Ready(outcome) if outcome.changes.is_empty() => {
            Look::End(settled(task, *outcome, tainted), reading.reads)
        }
        Verdict::Ready(outcome) => {
            Look::Changes(Prepared { outcome: *outcome, frozen, user, tainted }, reading)
        }
    }
}

/// Why a host can't be added whose name, or the way to it, is made of a secret.
fn reached_by_a_secret(frozen: &Frozen) -> Option<String> {
    frozen.secret.iter().find(|name| reaches(name)).map(|name| reached(name))
}

/// Whether an argument of `add_host` says what everybody sees of a host.
pub(super) fn reaches(name: &str) -> bool {
    ["name", "groups"].contains(&name) || Inventory::is_seen_by_others(name)
}

/// Why no secret is that.
pub(super) fn reached(name: &str) -> String {
    format!(
        "{name} would be made of a sealed value, and how a host is reached is seen in the network and in logs: write it as it is"
    )
}

/// The end of a unit that has nothing to change.
fn settled(task: &Task, outcome: Outcome, tainted: bool) -> UnitEnd {
    let mut result = registered(task, &outcome, &[]);
    // A job that nobody waited for changed something, as is found out now.
    let has_changed = result.get("changed") == Some(&Value::Bool(true));
    let status = match (&outcome.skipped, has_changed) {
        (Some(_), _) => Status::Skipped,
        (None, true) => Status::Changed,
        (None, false) => Status::Ok,
    };
    // Ansible registers what a task sets under this name; facts in their long form.
    let long =
        |name: &String| if name.starts_with("ansible_") { name.clone() } else { format!("ansible_{name}") };
    let mut sets: Map = outcome.facts.iter().map(|(name, value)| (long(name), value.clone())).collect();
    sets.extend(outcome.variables.clone());
    if !sets.is_empty() {
        result.entry("ansible_facts").or_insert(Value::Object(sets));
    }
    UnitEnd {
        status,
        message: outcome.skipped.or(outcome.message),
        changes: Vec::new(),
        result,
        tainted,
        gave_up: false,
        variables: outcome.variables,
        written: outcome.written,
        facts: outcome.facts,
        warnings: outcome.warnings,
        findings: outcome.findings,
        unforeseeable: false,
        pause: outcome.pause,
        in_open: None,
        is_undecided: false,
        prompt: outcome.prompt,
    }
}
