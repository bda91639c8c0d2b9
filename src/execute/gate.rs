//! Where hosts of a batch wait for each other, and where a stop rule is applied.
//!
//! Each host says how far it is. A barrier opens when no host of the batch is before it: a host that went another way
//! (into a rescue, around an include) passes it without ever having stood there.

use crate::model::HostName;
use crate::plan::Way;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// When a batch stops because hosts failed; a host that can't be reached counts as failed.
#[derive(Clone, Copy, Debug)]
pub struct StopRule {
    /// More failed hosts than this share of the batch, in percent, stop it.
    pub max_fail_percentage: Option<f64>,
    /// One failed host stops it.
    pub any_errors_fatal: bool,
}

impl StopRule {
    /// Why so many failed hosts of so many stop the play, if they do.
    pub fn stops(&self, failed: usize, total: usize) -> Option<String> {
        if failed == 0 {
            return None;
        }
        if self.any_errors_fatal {
            return Some(format!("{failed} of {total} hosts failed, and any_errors_fatal is set"));
        }
        let share = failed as f64 * 100.0 / total.max(1) as f64;
        match self.max_fail_percentage {
            Some(most) if share > most => {
                Some(format!("{failed} of {total} hosts failed: more than max_fail_percentage {most}"))
            }
            _ if failed == total => Some("no host is left".to_owned()),
            _ => None,
        }
    }
}

/// What a host is told at a barrier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pass {
    /// Go on.
    Go,
    /// The play was stopped.
    Stop,
}

/// The barriers of one batch.
pub struct Gate {
    rule: StopRule,
    total: usize,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// How far each host is that is still in the batch.
    present: BTreeMap<HostName, Way>,
    failed: usize,
    stopped: Option<String>,
}

impl Gate {
    /// A gate for these hosts, all of them at the beginning.
    pub fn new(hosts: &[HostName], rule: StopRule) -> Self {
        let present = hosts.iter().map(|host| (host.clone(), Way::default())).collect();
        let state = State { present, failed: 0, stopped: None };
        Self { rule, total: hosts.len(), state: Mutex::new(state), changed: Notify::new() }
    }

    /// A host is this far now.
    pub fn advance(&self, host: &HostName, way: &Way) {
        let mut state = self.lock();
        if let Some(at) = state.present.get_mut(host).filter(|at| **at < *way) {
            *at = way.clone();
            self.changed.notify_waiters();
        }
    }

    /// Waits at a barrier until no host that is still in the batch is before it.
    pub async fn arrive(&self, host: &HostName, barrier: &Way) -> Pass {
        self.advance(host, barrier);
        loop {
            // Subscribed before looking, so that no wake-up is missed.
            let woken = self.changed.notified();
            {
                let mut state = self.lock();
                if state.stopped.is_some() {
                    return Pass::Stop;
                }
                if state.present.values().all(|at| at >= barrier) {
                    state.stopped = self.rule.stops(state.failed, self.total);
                    match state.stopped {
                        Some(_) => self.changed.notify_waiters(),
                        None => return Pass::Go,
                    }
                    return Pass::Stop;
                }
            }
            woken.await;
        }
    }

    /// A host leaves the batch: through, failed, or lost.
    pub fn leave(&self, host: &HostName, failed: bool) {
        let mut state = self.lock();
        if state.present.remove(host).is_some() {
            state.failed += usize::from(failed);
        }
        self.changed.notify_waiters();
    }

    /// Why the batch was stopped, if it was.
    pub fn stopped(&self) -> Option<String> {
        let state = self.lock();
        state.stopped.clone().or_else(|| self.rule.stops(state.failed, self.total))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn hosts(names: &[&str]) -> Vec<HostName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    const ANY: StopRule = StopRule { max_fail_percentage: None, any_errors_fatal: true };

    #[tokio::test]
    async fn hosts_wait_for_each_other_and_a_host_that_leaves_holds_nobody_up() {
        let gate = Arc::new(Gate::new(
            &hosts(&["a", "b", "c", "d"]),
            StopRule { max_fail_percentage: Some(50.0), any_errors_fatal: false },
        ));
        let barrier = Way::default().child(1);
        let waiting: Vec<_> = hosts(&["a", "b"])
            .into_iter()
            .map(|host| {
                tokio::spawn({
                    let (gate, barrier) = (gate.clone(), barrier.clone());
                    async move { gate.arrive(&host, &barrier).await }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|w| !w.is_finished()));
        gate.leave(&hosts(&["c"])[0], true);
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|w| !w.is_finished()));
        // Passes it on another way.
        gate.advance(&hosts(&["d"])[0], &barrier.child(3));
        for one in waiting {
            assert_eq!(one.await.unwrap(), Pass::Go);
        }
        assert_eq!(gate.stopped(), None);
    }

    #[tokio::test]
    async fn a_failure_stops_everybody_at_the_next_barrier() {
        let both = hosts(&["a", "b"]);
        let gate = Gate::new(&both, ANY);
        gate.leave(&both[0], true);
        assert_eq!(gate.arrive(&both[1], &Way::default().child(1)).await, Pass::Stop);
    }

    #[test]
    fn shares_are_compared_as_ansible_does() {
        let rule = |most| StopRule { max_fail_percentage: Some(most), any_errors_fatal: false };
        assert!(rule(0.0).stops(1, 10).is_some());
        assert!(rule(10.0).stops(1, 10).is_none());
        assert!(rule(100.0).stops(2, 2).is_some());
        assert!(rule(0.0).stops(0, 10).is_none());
    }
}
