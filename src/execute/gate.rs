//! Where hosts of a batch wait for each other, and where a stop rule is applied.
//!
//! Each host says how far it is. A barrier opens when no host of the batch is before it: a host that went another way
//! (into a rescue, around an include) passes it without ever having stood there.

use crate::model::HostName;
use crate::plan::{Common, Way};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore};

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
    /// The batch's hosts, in order.
    order: Vec<HostName>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// How far each host is that is still in the batch.
    present: BTreeMap<HostName, Way>,
    failed: usize,
    stopped: Option<String>,
    /// A task failed whose failure stops all, on this host.
    fatal: Option<HostName>,
    /// What one host does for all: which one, and what it found out.
    once: BTreeMap<Way, Once>,
    /// How many may be at a task, and who is.
    throttled: BTreeMap<Way, Arc<Semaphore>>,
}

struct Once {
    leader: HostName,
    common: Option<Arc<Common>>,
}

/// What a host is told where one does something for all.
pub enum Share {
    /// It is this one.
    Lead,
    /// It was another one, which found this out.
    Follow(Arc<Common>),
    /// The play was stopped.
    Stop,
}

impl Gate {
    /// A gate for these hosts, all of them at the beginning.
    pub fn new(hosts: &[HostName], rule: StopRule) -> Self {
        let present = hosts.iter().map(|host| (host.clone(), Way::default())).collect();
        let (once, throttled) = (BTreeMap::new(), BTreeMap::new());
        let state = State { present, failed: 0, stopped: None, fatal: None, once, throttled };
        Self {
            rule,
            total: hosts.len(),
            order: hosts.to_vec(),
            state: Mutex::new(state),
            changed: Notify::new(),
        }
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
                    let fatal = state
                        .fatal
                        .as_ref()
                        .map(|host| format!("{host} failed, and any_errors_fatal is set"));
                    state.stopped = fatal.or_else(|| self.rule.stops(state.failed, self.total));
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

    /// Waits until another host is so far, or has left.
    pub async fn until(&self, host: &HostName, way: &Way) -> Pass {
        loop {
            let woken = self.changed.notified();
            {
                let state = self.lock();
                if state.stopped.is_some() {
                    return Pass::Stop;
                }
                if state.present.get(host).is_none_or(|at| at >= way) {
                    return Pass::Go;
                }
            }
            woken.await;
        }
    }

    /// Waits until no host is before what one host does for all, and says which one that is; where it is another one,
    /// until that one has done it. One that leaves before is followed by the next.
    pub async fn once(&self, host: &HostName, way: &Way) -> Share {
        if self.arrive(host, way).await == Pass::Stop {
            return Share::Stop;
        }
        loop {
            let woken = self.changed.notified();
            {
                let mut state = self.lock();
                if let Some(common) = state.once.get(way).and_then(|once| once.common.clone()) {
                    return Share::Follow(common);
                }
                if state.stopped.is_some() {
                    return Share::Stop;
                }
                let leads = state.once.get(way).map(|once| once.leader.clone());
                let leads = leads.filter(|leader| state.present.contains_key(leader)).or_else(|| {
                    self.order.iter().find(|other| state.present.get(*other) == Some(way)).cloned()
                });
                if leads.as_ref() == Some(host) {
                    let leader = host.clone();
                    state.once.insert(way.clone(), Once { leader, common: None });
                    return Share::Lead;
                }
            }
            woken.await;
        }
    }

    /// Tells all what one host found out for them.
    pub fn tell(&self, host: &HostName, way: Way, common: Common) {
        let mut state = self.lock();
        let leader = host.clone();
        state.once.insert(way, Once { leader, common: Some(Arc::new(common)) });
        self.changed.notify_waiters();
    }

    /// What lets so many hosts be at a task at once.
    pub fn throttle(&self, way: &Way, most: usize) -> Arc<Semaphore> {
        self.lock().throttled.entry(way.clone()).or_insert_with(|| Arc::new(Semaphore::new(most))).clone()
    }

    /// A task failed on a host that says that this stops all.
    pub fn fail_all(&self, host: &HostName) {
        self.lock().fatal.get_or_insert_with(|| host.clone());
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
        let fatal = state.fatal.as_ref().map(|host| format!("{host} failed, and any_errors_fatal is set"));
        state.stopped.clone().or(fatal).or_else(|| self.rule.stops(state.failed, self.total))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
