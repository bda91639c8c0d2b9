//! What goes on apart from tasks (`async`): a task's changes become a job, and what it comes to is kept until somebody asks
//! (`async_status`).

use super::evaluate::text_of;
use super::ground::Ground;
use super::look::Look;
use super::scope::{Frame, Layer};
use super::task::Task;
use super::unit::{Prepared, UnitEnd};
use super::whole::unit_result;
use crate::model::{Map, Value};
use crate::modules::{Change, Delivery, Module, Outcome};
use crate::questions::Output;
use crate::template::Scope;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often Ansible looks whether a job takes too long: none is ended between.
const STEP_SECONDS: u64 = 5;

/// Longest that a job may go on: four weeks.
const SECONDS_MAX: f64 = 28.0 * 86_400.0;

/// The jobs of a run.
#[derive(Default)]
pub struct Jobs(Mutex<Known>);

#[derive(Default)]
struct Known {
    numbers: u64,
    jobs: BTreeMap<String, Arc<Job>>,
}

/// What is known of a job.
struct Job {
    /// Its task's module, and what that wanted done.
    wanted: Option<(&'static Module, Outcome)>,
    /// What it came to, where there was nothing to do.
    result: Map,
    tainted: bool,
}

impl Jobs {
    /// Notes a job that goes on.
    pub fn goes_on(&self, name: String, module: &'static Module, prepared: &Prepared) {
        let wanted = Some((module, prepared.outcome.clone()));
        self.insert(name, Job { wanted, result: Map::new(), tainted: prepared.tainted });
    }

    /// Notes one for which there was nothing to do; what its task's `register` gets.
    pub fn over(&self, end: &UnitEnd) -> Map {
        let number = {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.numbers += 1;
            known.numbers
        };
        let name = format!("j{number}.0");
        let result = handle(&name);
        self.insert(name, Job { wanted: None, result: unit_result(end), tainted: end.tainted });
        result
    }

    /// What a job came to whose steps printed this, and whether a secret is in it.
    pub fn result(&self, name: &str, steps: &[Output]) -> Option<(Map, bool)> {
        let job = self.0.lock().unwrap_or_else(PoisonError::into_inner).jobs.get(name).cloned()?;
        let result = match &job.wanted {
            None => job.result.clone(),
            Some(_) if steps.is_empty() => return None,
            Some((module, outcome)) => (module.result)(outcome, steps),
        };
        Some((result, job.tainted))
    }

    fn insert(&self, name: String, job: Job) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).jobs.insert(name, Arc::new(job));
    }
}

/// Whether a change goes on while its task is over.
pub(super) fn is_unwaited(change: &Change) -> bool {
    matches!(change.delivery, Delivery::Job { waits: false, .. })
}

/// The name of the job that a task began, where it began one.
pub(super) fn begun<'a>(prepared: &Prepared, outputs: &'a [Output]) -> Option<&'a str> {
    let first = outputs.first().filter(|output| output.status == 0)?;
    prepared.outcome.changes.first().filter(|change| is_unwaited(change))?;
    std::str::from_utf8(&first.stdout).ok()
}

/// What `register` gets of a task that is over while its job goes on.
pub(super) fn handle(name: &str) -> Map {
    Map::from_iter([
        ("ansible_job_id".to_owned(), name.into()),
        ("results_file".to_owned(), format!("/run/wgops/{name}").into()),
        ("started".to_owned(), true.into()),
        ("finished".to_owned(), false.into()),
    ])
}

impl Ground {
    /// Makes a job of a task's changes, where it has `async`.
    pub(super) fn apart(&self, task: &Task, view: &Arc<dyn Scope>, looked: &mut Look) -> Result<(), String> {
        let Look::Changes(prepared, _) = looked else { return Ok(()) };
        let Some(seconds) = self.seconds(task.patience.as_ref(), "async", view)?.filter(|s| *s > 0.0) else {
            return Ok(());
        };
        let waits = self.seconds(task.poll.as_ref(), "poll", view)? != Some(0.0);
        let steps = (seconds.min(SECONDS_MAX).ceil() as u64).div_ceil(STEP_SECONDS);
        let limit = Duration::from_secs(steps * STEP_SECONDS);
        let can = |change: &Change| matches!(change.delivery, Delivery::Attached | Delivery::Detached);
        if prepared.outcome.changes.iter().all(can) {
            for change in &mut prepared.outcome.changes {
                change.delivery = Delivery::Job { limit, waits, secret: prepared.tainted };
                change.deadline = limit;
            }
        }
        Ok(())
    }

    /// Whether nobody waits for a task's end.
    pub(super) fn is_unwaited(&self, task: &Task, layer: &Arc<Frame>, item: &Arc<Layer>) -> bool {
        let (Some(patience), Some(poll)) = (&task.patience, &task.poll) else { return false };
        let view = self.variables.view(layer, item, None);
        let number = |value| self.seconds(Some(value), "", &view).ok().flatten();
        task.include.is_none() && number(poll) == Some(0.0) && number(patience).is_some_and(|s| s > 0.0)
    }

    fn seconds(
        &self,
        value: Option<&Value>,
        name: &str,
        view: &Arc<dyn Scope>,
    ) -> Result<Option<f64>, String> {
        let Some(value) = value else { return Ok(None) };
        let rendered = self.templates.render(value, view).map_err(|error| format!("{name}: {error}"))?;
        let Some(value) = rendered.known() else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
        number
            .map(Some)
            .ok_or_else(|| format!("{name}: expected a number of seconds, got '{}'", text_of(value)))
    }
}
