//! Which tasks a cleared operator's dry run carries out all the same, so that it can say so before it begins.

use crate::execute::Order;
use crate::model::Value;
use crate::plan::{Task, foresee};
use std::sync::Arc;

/// Most tasks that are named which a dry run carries out.
const FORCED_MAX: usize = 8;

/// The tasks that a dry run carries out, or may, because they say `check_mode: false`; of what an include with a template for a
/// name will open, nobody knows yet.
pub(super) struct Forced {
    tasks: Vec<String>,
    is_whole: bool,
}

impl Forced {
    /// Those of an order.
    pub(super) fn of(order: &Order) -> Self {
        let forced = |task: &Arc<Task>| {
            let keyword = task.check_mode.as_ref();
            keyword.is_some_and(|check| *check != Value::Bool(true))
        };
        let mut found = Self { tasks: Vec::new(), is_whole: true };
        for (play, _) in &order.plays {
            let (tasks, is_whole) = foresee(play, &order.templates);
            found.is_whole &= is_whole;
            let tasks = tasks.iter().filter(|seen| forced(&seen.task));
            found.tasks.extend(tasks.map(|seen| format!("{} ({})", seen.task.name, seen.task.place)));
        }
        found
    }

    /// Whether there is one, or may be.
    pub(super) fn any(&self) -> bool {
        !self.tasks.is_empty() || !self.is_whole
    }

    /// The tasks that are known.
    pub(super) fn named(&self) -> String {
        let more = self.tasks.len().saturating_sub(FORCED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named: Vec<&str> = self.tasks.iter().take(FORCED_MAX).map(String::as_str).collect();
        if named.is_empty() { String::new() } else { format!(": {}{more}", named.join(", ")) }
    }
}
