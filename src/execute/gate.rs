//! Where hosts of a batch wait for each other, and where a stop rule is applied.

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
    present: usize,
    failed: usize,
    released: usize,
    arrived: BTreeMap<usize, usize>,
    stopped: Option<String>,
}

impl Gate {
    /// A gate for so many hosts.
    pub fn new(total: usize, rule: StopRule) -> Self {
        let state = State { present: total, failed: 0, released: 0, arrived: BTreeMap::new(), stopped: None };
        Self { rule, total, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Waits until every host that is still in the batch has arrived. Each host passes barriers 1, 2, 3 … in order.
    pub async fn arrive(&self, barrier: usize) -> Pass {
        {
            let mut state = self.lock();
            *state.arrived.entry(barrier).or_default() += 1;
            self.review(&mut state);
        }
        loop {
            // Subscribed before looking, so that no wake-up is missed.
            let woken = self.changed.notified();
            {
                let state = self.lock();
                if state.stopped.is_some() {
                    return Pass::Stop;
                }
                if state.released >= barrier {
                    return Pass::Go;
                }
            }
            woken.await;
        }
    }

    /// A host leaves the batch: through, failed, or lost.
    pub fn leave(&self, failed: bool) {
        let mut state = self.lock();
        state.present = state.present.saturating_sub(1);
        state.failed += usize::from(failed);
        self.review(&mut state);
    }

    /// Why the batch was stopped, if it was.
    pub fn stopped(&self) -> Option<String> {
        let state = self.lock();
        state.stopped.clone().or_else(|| self.rule.stops(state.failed, self.total))
    }

    fn review(&self, state: &mut State) {
        let next = state.released + 1;
        if state.present > 0 && state.arrived.get(&next).copied().unwrap_or(0) >= state.present {
            state.released = next;
            state.stopped = state.stopped.take().or_else(|| self.rule.stops(state.failed, self.total));
        }
        self.changed.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const ANY: StopRule = StopRule { max_fail_percentage: None, any_errors_fatal: true };

    #[tokio::test]
    async fn hosts_wait_for_each_other_and_a_host_that_leaves_holds_nobody_up() {
        let gate =
            Arc::new(Gate::new(3, StopRule { max_fail_percentage: Some(50.0), any_errors_fatal: false }));
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                tokio::spawn({
                    let gate = gate.clone();
                    async move { gate.arrive(1).await }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(waiting.iter().all(|w| !w.is_finished()));
        gate.leave(true);
        for one in waiting {
            assert_eq!(one.await.unwrap(), Pass::Go);
        }
        assert_eq!(gate.stopped(), None);
    }

    #[tokio::test]
    async fn a_failure_stops_everybody_at_the_next_barrier() {
        let gate = Gate::new(2, ANY);
        gate.leave(true);
        assert_eq!(gate.arrive(1).await, Pass::Stop);
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
