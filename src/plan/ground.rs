//! What one host knows during a play: its variables, and the answers of each effective user. It evaluates units; it
//! decides nothing about order.

use super::evaluate::{Evaluation, Items, Means, Rendering, Truth, Verdict, refusal, text_of};
use super::scope::{Layer, Pending, Variables};
use super::task::Task;
use super::unit::{Effective, Prepared, Running, Unit, UnitEnd, change_made};
use crate::event::Status;
use crate::model::{Advisories, Digest, Excerpt, Map, Subjects, Value};
use crate::modules::{Change, Outcome};
use crate::questions::{Answers, Asked, Key, Reading, Refusal};
use crate::template::{Binding, Rendered, Templates};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Who tasks run as where neither task nor variables say so.
#[derive(Clone, Default)]
pub struct DefaultPrivilege {
    /// `--become`.
    pub active: bool,
    /// `--become-user`.
    pub user: Option<String>,
}

/// What a real run may send to a host, where somebody approved it beforehand.
#[derive(Clone, Default)]
pub struct Approved {
    /// Identities of changes.
    pub changes: Arc<BTreeSet<Digest>>,
    /// Modules and scripts that are bound in another way, or follow from the others.
    pub exempt: Arc<[&'static str]>,
}

/// What one host knows during a play.
pub struct Ground {
    /// What it may be sent, if not everything.
    pub approved: Option<Approved>,
    /// The template environment.
    pub templates: Arc<Templates>,
    /// Where relative names of files begin.
    pub directory: PathBuf,
    /// The folder out of which no file is read.
    pub root: PathBuf,
    /// What installed packages are compared with.
    pub advisories: Option<Arc<Advisories>>,
    /// Whether the user wants contents compared.
    pub show_diff: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// What is sent, or would be, is said in events.
    pub explain: bool,
    /// Every change drops every answer.
    pub forgetful: bool,
    /// Who tasks run as unless they say.
    pub privilege: DefaultPrivilege,
    /// The host's variables.
    pub variables: Variables,
    /// Answers by effective user.
    pub stores: BTreeMap<Effective, Answers>,
    /// What a dry run would have touched, and by which task.
    pub unapplied: Vec<(Subjects, String)>,
}

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
    /// An unapplied change may alter this.
    Provisional(Option<Outcome>, Reading, String),
}

impl Approved {
    /// The first of a task's changes that nobody approved.
    pub fn lacks<'a>(&self, module: &str, prepared: &'a Prepared) -> Option<&'a str> {
        let is_exempt = |name: &str| self.exempt.contains(&name);
        let mut changes = prepared.outcome.changes.iter().filter(|change| !is_exempt(change.script.name));
        let lacks = |change: &&Change| {
            let made = change_made(change, &prepared.user);
            made.identity().is_none_or(|identity| !self.changes.contains(&identity))
        };
        changes.find(lacks).filter(|_| !is_exempt(module)).map(|change| change.summary.as_str())
    }
}

impl Ground {
    fn means(&self) -> Means<'_> {
        Means {
            templates: &self.templates,
            directory: &self.directory,
            root: &self.root,
            advisories: self.advisories.as_deref(),
            show_diff: self.show_diff,
            verbosity: self.verbosity,
        }
    }

    /// The means for one task, which may have its own mind about `diff`.
    fn means_of(&self, task: &Task) -> Means<'_> {
        Means { show_diff: task.diff.unwrap_or(self.show_diff), ..self.means() }
    }

    /// Makes a task's units where its loop is known.
    ///
    /// # Errors
    /// How the task ends because its loop can't be evaluated.
    pub fn unfold(&self, running: &mut Running, pending: Option<&Arc<Pending>>) -> Result<(), Box<UnitEnd>> {
        if running.units.is_some() {
            return Ok(());
        }
        let Some(each) = &running.task.each else {
            running.without_loop();
            return Ok(());
        };
        let empty = Arc::default();
        let view = self.variables.view(&running.layer, &empty, pending);
        match self.means().items(&running.task, each, &view) {
            Err(error) => Err(Box::new(failed(refusal(&format!("loop: {error}"), &error)))),
            Ok(Items::Unknown(cause)) => {
                let status = Status::KnownAfterApply { cause };
                Err(Box::new(UnitEnd::plain(status, Some("its items are known after apply".into()))))
            }
            Ok(Items::NoList(kind)) => {
                let message =
                    format!("loop: expected a list, got {kind}; write it in [ ] or as a block of '- ' lines");
                Err(Box::new(UnitEnd::failed(message, Map::new())))
            }
            Ok(Items::Known(items, tainted)) => {
                let units: Vec<Unit> = items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| self.unit(&running.task, &running.layer, index, item, tainted))
                    .collect();
                running.units = Some(units);
                Ok(())
            }
        }
    }

    fn unit(&self, task: &Task, layer: &Arc<Layer>, index: usize, item: Value, tainted: bool) -> Unit {
        let mut variables = Layer::new();
        let Some(each) = &task.each else { return Unit::new(Arc::default(), None, None) };
        let data = Binding::Data(Arc::new(item.clone()));
        let bound = if tainted { Binding::Secret(Box::new(data)) } else { data };
        variables.insert(each.variable.clone(), bound);
        if let Some(name) = &each.index_variable {
            variables.insert(name.clone(), Binding::Data(Arc::new(index.into())));
        }
        let variables = Arc::new(variables);
        let label = each.label.as_ref().and_then(|label| {
            let view = self.variables.view(layer, &variables, None);
            self.templates.render(label, &view).ok().and_then(|r| r.known().map(text_of))
        });
        let label = label.unwrap_or_else(|| text_of(&item));
        let label = Excerpt { lines_max: 1, columns_max: 100 }.of(&label);
        Unit::new(variables, Some(label), Some(item))
    }

    /// Evaluates a unit that is fresh.
    pub fn look(
        &mut self,
        task: &Task,
        layer: &Arc<Layer>,
        item: &Arc<Layer>,
        pending: Option<&Arc<Pending>>,
    ) -> Look {
        let view = self.variables.view(layer, item, pending);
        let means = self.means();
        match means.conditions(&task.when, &view) {
            Err(error) => return nothing_read(failed(refusal(&format!("when: {error}"), &error))),
            Ok(Truth::Unknown(cause)) => return Look::Unknown(cause),
            Ok(Truth::Fails(condition)) => {
                let why = format!("when: {condition}");
                return nothing_read(UnitEnd::plain(Status::Skipped, Some(why)));
            }
            Ok(Truth::Holds) => {}
        }
        let frozen = match means.render(task, &view) {
            Err(refusal) => return nothing_read(failed(refusal)),
            Ok(Rendering::Unknown(cause)) => return Look::Unknown(cause),
            Ok(Rendering::Done(frozen)) => frozen,
        };
        let user = match self.effective(task, layer) {
            Err(refusal) => return nothing_read(failed(refusal)),
            Ok(user) => user,
        };
        if !self.stores.contains_key(&user) {
            let mut answers = Answers::default();
            for (touched, cause) in &self.unapplied {
                answers.would_touch(touched.clone(), cause.clone());
            }
            self.stores.insert(user.clone(), answers);
        }
        let view = self.variables.view(layer, item, pending);
        let Some(answers) = self.stores.get(&user) else { return Look::Ask };
        let evaluation = self.means_of(task).ask(task.module, &frozen, answers, &view);
        sort_out(task, evaluation, user, frozen)
    }

    /// Asks the module again with the same arguments, after its changes ran.
    pub fn look_again(
        &self,
        task: &Task,
        layer: &Arc<Layer>,
        item: &Arc<Layer>,
        prepared: &Prepared,
    ) -> Evaluation {
        let view = self.variables.view(layer, item, None);
        let empty = Answers::default();
        let answers = self.stores.get(&prepared.user).unwrap_or(&empty);
        self.means_of(task).ask(task.module, &prepared.frozen, answers, &view)
    }

    /// The user a task runs as. Variables win over keywords, as Ansible has it; facts have no say.
    fn effective(&self, task: &Task, layer: &Arc<Layer>) -> Result<Effective, Refusal> {
        let active = self.setting("ansible_become", task.privilege.active.as_ref(), layer)?;
        let active = match active {
            Some(value) => truthy(&value).ok_or_else(|| Refusal {
                message: format!("become is {}: expected yes or no", text_of(&value)),
                ..Refusal::default()
            })?,
            None => self.privilege.active,
        };
        if !active {
            return Ok(None);
        }
        let user = self.setting("ansible_become_user", task.privilege.user.as_ref(), layer)?;
        let user = user.map(|v| text_of(&v)).or_else(|| self.privilege.user.clone());
        Ok(Some(user.unwrap_or_else(|| "root".into())))
    }

    fn setting(
        &self,
        name: &str,
        keyword: Option<&Value>,
        layer: &Arc<Layer>,
    ) -> Result<Option<Value>, Refusal> {
        let view = self.variables.settings(layer);
        let by_name = Value::String(format!("{{{{ {name} }}}}"));
        let source = if view.get(name).is_some() { Some(&by_name) } else { keyword };
        let Some(source) = source else { return Ok(None) };
        let rendered =
            self.templates.render(source, &view).map_err(|e| refusal(&format!("{name}: {e}"), &e))?;
        Ok(rendered.known().cloned())
    }

    /// Judges a result by `failed_when` or `changed_when`.
    ///
    /// # Errors
    /// The condition can't be evaluated.
    pub fn judge(
        &self,
        conditions: &[Value],
        running: &Running,
        item: &Arc<Layer>,
        result: Binding,
    ) -> Result<Truth, String> {
        let mut item = item.clone();
        if let Some(name) = &running.task.register {
            Arc::make_mut(&mut item).insert(name.clone(), result);
        }
        let view = self.variables.view(&running.layer, &item, None);
        self.means().conditions(conditions, &view).map_err(|e| refusal(&e.to_string(), &e).message)
    }

    /// A number that may be a template.
    ///
    /// # Errors
    /// It can't be rendered, or isn't a number.
    pub fn number(&self, value: &Value, running: &Running, item: &Arc<Layer>) -> Result<Option<f64>, String> {
        let view = self.variables.view(&running.layer, item, None);
        let rendered =
            self.templates.render(value, &view).map_err(|e| refusal(&e.to_string(), &e).message)?;
        let Some(value) = rendered.known() else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let finite = number.filter(|number| number.is_finite());
        finite.map(Some).ok_or_else(|| format!("expected a number, got '{}'", text_of(value)))
    }

    /// A task's name for people.
    pub fn name_of(&self, running: &Running) -> String {
        let empty = Arc::default();
        let view = self.variables.view(&running.layer, &empty, None);
        let name = Value::String(running.task.name.clone());
        match self.templates.render(&name, &view) {
            Ok(Rendered::Known { value, tainted: false }) => text_of(&value),
            _ => running.task.name.clone(),
        }
    }

    /// Drops answers that a change of these subjects may have made stale, whoever asked for them.
    pub fn forget(&mut self, touched: &Subjects) {
        let touched = if self.forgetful { &Subjects::Undeclared } else { touched };
        for answers in self.stores.values_mut() {
            answers.forget(touched);
        }
    }

    /// Drops every answer but these.
    pub fn forget_all_but(&mut self, kept: &[(Effective, Key)]) {
        for (user, answers) in &mut self.stores {
            answers.keep(|key| kept.iter().any(|(of, kept)| of == user && kept == key));
        }
    }

    /// Notes what a dry run would have touched.
    pub fn would_touch(&mut self, touched: &Subjects, task: &str) {
        for answers in self.stores.values_mut() {
            answers.would_touch(touched.clone(), task.to_owned());
        }
        self.unapplied.push((touched.clone(), task.to_owned()));
    }

    /// Takes what all stores want, by effective user.
    pub fn take_wanted(&self) -> Vec<(Effective, Asked)> {
        self.stores
            .iter()
            .flat_map(|(user, answers)| answers.take_wanted().into_iter().map(|asked| (user.clone(), asked)))
            .collect()
    }
}

fn failed(refusal: Refusal) -> UnitEnd {
    UnitEnd::failed(refusal.message, refusal.result)
}

fn truthy(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        other => match text_of(other).to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "y" => Some(true),
            "false" | "no" | "off" | "0" | "n" | "" => Some(false),
            _ => None,
        },
    }
}

/// An end that no answer had a part in.
fn nothing_read(end: UnitEnd) -> Look {
    Look::End(end, Subjects::NONE)
}

fn sort_out(task: &Task, evaluation: Evaluation, user: Effective, frozen: super::evaluate::Frozen) -> Look {
    let Evaluation { verdict, reading, tainted } = evaluation;
    if let Some(cause) = reading.provisional.clone() {
        return match verdict {
            Verdict::Ask => Look::Ask,
            Verdict::Unknown(cause) => Look::Unknown(cause),
            Verdict::Refuse(_) => Look::Provisional(None, reading, cause),
            Verdict::Ready(outcome) => Look::Provisional(Some(*outcome), reading, cause),
        };
    }
    match verdict {
        Verdict::Ask => Look::Ask,
        Verdict::Unknown(cause) => Look::Unknown(cause),
        Verdict::Refuse(refusal) => Look::End(UnitEnd { tainted, ..failed(refusal) }, reading.reads),
        Verdict::Ready(outcome) if outcome.changes.is_empty() => {
            Look::End(settled(task, *outcome, tainted), reading.reads)
        }
        Verdict::Ready(outcome) => {
            Look::Changes(Prepared { outcome: *outcome, frozen, user, tainted }, reading)
        }
    }
}

/// The end of a unit that has nothing to change.
fn settled(task: &Task, outcome: Outcome, tainted: bool) -> UnitEnd {
    let status = if outcome.skipped.is_some() { Status::Skipped } else { Status::Ok };
    let mut result = (task.module.result)(&outcome, &[]);
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
        variables: outcome.variables,
        facts: outcome.facts,
        warnings: outcome.warnings,
        findings: outcome.findings,
        unforeseeable: false,
        pause: outcome.pause,
    }
}
