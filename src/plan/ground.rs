//! What one host knows during a play: its variables, and the answers of each effective user. `look` evaluates units on it;
//! it decides nothing about order.

use super::approved::Approved;
use super::effective::{At, Effective};
use super::evaluate::{Means, NO_DETAILS, Rendering, Truth, refusal, text_of};
use super::hands::DefaultPrivilege;
use super::host_run::Conduct;
use super::library::Library;
use super::outward::Quiet;
use super::scope::{Frame, Layer, Variables};
use super::task::Task;
use super::unit::Running;
use crate::event::AsksOut;
use crate::model::{Advisories, Digest, Subjects, Value};
use crate::modules::Args;
use crate::questions::{Answers, Asked, Key};
use crate::template::{Binding, Rendered, Scope, Templates};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Says why a task is not carried out at a place, if it is not.
pub type Apart = Arc<dyn Fn(&At) -> Option<String> + Send + Sync>;

/// What one host knows during a play.
pub struct Ground {
    /// What it may be sent, if not everything.
    pub approved: Option<Approved>,
    /// The template environment.
    pub templates: Arc<Templates>,
    /// Where files are, and which of them may be read.
    pub library: Arc<Library>,
    /// What installed packages are compared with.
    pub advisories: Option<Arc<Advisories>>,
    /// Whether the user wants contents compared.
    pub show_diff: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// What is sent, or would be, is said in events.
    pub explain: bool,
    /// Whether nothing is run that a play names, not even to look: whoever asks may change nothing.
    pub starts_nothing: bool,
    /// Every change drops every answer.
    pub forgetful: bool,
    /// Who tasks run as unless they say.
    pub privilege: DefaultPrivilege,
    /// The host's variables.
    pub variables: Variables,
    /// Answers by effective user.
    pub stores: BTreeMap<Effective, Answers>,
    /// What a dry run would have touched, and by which task.
    pub unapplied: Vec<(Option<At>, Subjects, String)>,
    /// Whether its host is this machine.
    pub is_local: bool,
    /// Why a task is not carried out at another place, where this machine and others are kept apart.
    pub apart: Option<Apart>,
    /// Whether the run applies changes.
    pub conduct: Conduct,
    /// Whether a dry run tells what a real one would do, as people agree to it.
    pub as_real: bool,
    /// Questions that go out, each with the number of its task: a plan names them.
    pub goes: Vec<(usize, AsksOut)>,
    /// How tasks end that would ask what goes out, where nobody said yes to what is done yet.
    pub quiet: Option<Quiet>,
    /// Whether a plan is carried out, whose variables nobody typed here.
    pub carries_plan: bool,
    /// Whether a secret had a part in what was looked at last, however that came out.
    pub looked_at_secret: bool,
    /// What the arguments of that came to, where it decides what is written down.
    pub looked_at: Option<Digest>,
}

impl Ground {
    pub(super) fn means(&self) -> Means<'_> {
        Means {
            templates: &self.templates,
            library: &self.library,
            advisories: self.advisories.as_deref(),
            show_diff: self.show_diff,
            verbosity: self.verbosity,
            jobs: self.variables.jobs(),
            is_blind: self.quiet.is_some(),
        }
    }

    /// The means for one task, which may have its own mind about `diff`.
    pub(super) fn means_of(&self, task: &Task, layer: &Arc<Frame>) -> Means<'_> {
        let wants = self.flag(task.diff.as_ref(), layer);
        Means { show_diff: wants.unwrap_or(self.show_diff), ..self.means() }
    }

    /// A task's arguments, where they are known.
    pub(super) fn rendered(&self, task: &Task, view: &Arc<dyn Scope>) -> Option<Args> {
        match self.means().render(task, view) {
            Ok(Rendering::Done(frozen)) => Some(frozen.args),
            _ => None,
        }
    }

    /// What a keyword that is yes, no or a template comes to; nothing where it is not said, or can't be known.
    pub fn flag(&self, keyword: Option<&Value>, layer: &Arc<Frame>) -> Option<bool> {
        match keyword? {
            Value::Bool(flag) => Some(*flag),
            template => {
                let view = self.variables.view(layer, &Arc::default(), None);
                let rendered = self.templates.render(template, &view).ok()?;
                let is_told = !(self.quiet.is_some() && rendered.is_tainted());
                rendered.known().filter(|_| is_told).and_then(truthy)
            }
        }
    }

    /// Whether nothing of a task may be shown; where that can't be told, nothing is.
    pub fn hides(&self, task: &Task, layer: &Arc<Frame>) -> bool {
        task.no_log.is_some() && self.flag(task.no_log.as_ref(), layer).unwrap_or(true)
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
        // What is done all the same, or carries a plan out, has somebody's word: there it is about what the condition itself names.
        let forces = || self.flag(running.task.check_mode.as_ref(), &running.layer) == Some(false);
        let is_done = match self.conduct {
            Conduct::Real => true,
            Conduct::DryButForced => forces(),
            Conduct::Dry => false,
        };
        let result = match result {
            Binding::Secret(inner) if self.quiet.is_some() && is_done => *inner,
            other => other,
        };
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
        let tainted = rendered.is_tainted();
        let Some(value) = rendered.known().filter(|_| !(tainted && self.quiet.is_some())) else {
            return Ok(None);
        };
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let finite = number.filter(|number| number.is_finite());
        finite.map(Some).ok_or_else(|| match tainted {
            true => format!("expected a number {NO_DETAILS}"),
            false => format!("expected a number, got '{}'", text_of(value)),
        })
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
    pub fn would_touch(&mut self, at: Option<&At>, touched: &Subjects, task: &str) {
        let is_there = |user: &Effective| At::whose(user.at.as_ref()) == At::whose(at);
        for (_, answers) in self.stores.iter_mut().filter(|(user, _)| is_there(user)) {
            answers.would_touch(touched.clone(), task.to_owned());
        }
        self.unapplied.push((at.cloned(), touched.clone(), task.to_owned()));
    }

    /// The first task of a dry run that would have touched something.
    pub fn first_unapplied(&self) -> Option<String> {
        self.unapplied.first().map(|(_, _, task)| task.clone())
    }

    /// Drops what is known of other hosts than its own: nobody tells when it gets old.
    pub fn forget_elsewhere(&mut self) {
        self.stores.retain(|user, _| user.at.is_none());
    }

    /// Takes what all stores want, by effective user.
    pub fn take_wanted(&self) -> Vec<(Effective, Asked)> {
        self.stores
            .iter()
            .flat_map(|(user, answers)| answers.take_wanted().into_iter().map(|asked| (user.clone(), asked)))
            .collect()
    }
}

/// What yes and no are, also as words.
pub(super) fn truthy(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        other => match text_of(other).to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "y" => Some(true),
            "false" | "no" | "off" | "0" | "n" | "" => Some(false),
            _ => None,
        },
    }
}
