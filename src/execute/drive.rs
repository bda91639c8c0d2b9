//! One host's way through a batch: asks its machine what to send, sends it, tells what came back.

use super::Interrupt;
use super::admission::Admission;
use super::away::{Away, Elsewhere, is_attached, place_of, sets_state};
use super::connection::HostConnection;
use super::gate::{Gate, Pass, Share};
use crate::event::{Counts, Event};
use crate::model::HostName;
use crate::modules::Prompt;
use crate::plan::{Ended, Exchange, HostRun, Item, Next, Patience, Way};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// What a driver needs besides its host.
#[derive(Clone)]
pub struct Road {
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// Where the batch's hosts wait for each other.
    pub gate: Arc<Gate>,
    /// Bounds the connections.
    pub forks: Arc<Semaphore>,
    /// Held while the host works, where the inventory has other names for the same real host.
    pub turn: Option<Arc<Mutex<()>>>,
    /// Whether the host comes back in a later play.
    pub stay: Stay,
    /// Connections are closed while a host waits, because there are more hosts than may be connected at once.
    pub crowded: bool,
    /// Whether somebody interrupted.
    pub interrupt: watch::Receiver<Interrupt>,
    /// When the run began.
    pub begun: Instant,
    /// Asked before the host is begun; nothing where it was begun already, or nothing can hold it out.
    pub admission: Option<Admission>,
    /// Whether this host is begun here.
    pub is_first: bool,
    /// What drivers do on each other's hosts.
    pub elsewhere: Arc<Elsewhere>,
    /// Asks whoever is at the terminal, if anybody is.
    pub asks: Option<Asks>,
}

/// Asks whoever is at the terminal; no answer where that can't be read.
pub type Asks = Arc<dyn Fn(&Prompt) -> Option<String> + Send + Sync>;

/// Whether a host that leaves a batch comes back in a later play of the same run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stay {
    /// It does, so its lock is kept.
    Comes,
    /// It doesn't.
    Goes,
}

/// How a host left a batch.
pub struct Left {
    /// Its connection, for the next play.
    pub connection: HostConnection,
    /// Its counts in this play.
    pub counts: Counts,
    /// It failed or was lost, so it takes part in nothing more.
    pub failed: bool,
    /// How the play ended before its steps did.
    pub ended: Ended,
    /// Nothing was begun on it, because it was held out.
    pub held_out: bool,
}

/// Takes a host through its play.
pub async fn drive(run: HostRun, connection: HostConnection, away: Away, road: Road) -> Left {
    let changes_known = road.elsewhere.changes_of(&connection);
    let mut driver = Driver {
        run,
        connection,
        away,
        changes_known,
        road,
        permit: None,
        throttled: None,
        turn: None,
        reason: None,
    };
    driver.connection.events = Some(driver.road.events.clone());
    driver.take_permit().await;
    if !driver.may_begin().await {
        return driver.stay_out();
    }
    loop {
        driver.hear_of_changes();
        let next = driver.run.next(driver.road.begun.elapsed());
        driver.tell().await;
        driver.say_where();
        match next {
            Next::Done => break,
            Next::Wait(barrier) => driver.wait(&barrier).await,
            Next::Once(way) => driver.once(&way).await,
            Next::Await(host, way) => driver.await_host(&host, &way).await,
            Next::Throttle(way, most) => driver.throttle(&way, most).await,
            Next::Reset => {
                driver.connection.close().await;
                driver.away.close().await;
            }
            Next::Connect(patience) => driver.connect(patience).await,
            Next::Pause(length) => driver.pause(length).await,
            Next::Prompt(prompt) => driver.prompt(prompt).await,
            Next::Exchange(exchange) => driver.exchange(&exchange).await,
        }
    }
    driver.leave().await
}

struct Driver {
    run: HostRun,
    connection: HostConnection,
    away: Away,
    /// How often others changed the host when it was last asked.
    changes_known: u64,
    road: Road,
    permit: Option<OwnedSemaphorePermit>,
    /// Held while the host is at a task that not many may be at.
    throttled: Option<(Way, OwnedSemaphorePermit)>,
    turn: Option<OwnedMutexGuard<()>>,
    reason: Option<String>,
}

impl Driver {
    /// What was known of the host before somebody else changed it is old.
    fn hear_of_changes(&mut self) {
        let changes = self.road.elsewhere.changes_of(&self.connection);
        if std::mem::replace(&mut self.changes_known, changes) != changes {
            self.run.forget_all();
        }
    }

    /// Waits until it may work: for its turn first, so that nobody waits for a turn with a permit in hand.
    async fn take_permit(&mut self) {
        if let (None, Some(turn)) = (&self.turn, &self.road.turn) {
            self.turn = Some(turn.clone().lock_owned().await);
            // Whoever had the turn may have changed the host.
            self.run.forget_all();
        }
        if self.permit.is_none() {
            // The semaphore is never closed, so this can't fail.
            self.permit = self.road.forks.clone().acquire_owned().await.ok();
        }
    }

    /// Whether it may be begun now that its turn has come; says so either way.
    async fn may_begin(&mut self) -> bool {
        let connection = &self.connection.access.connection;
        let held =
            self.road.admission.as_ref().and_then(|admission| admission(&self.run.host, connection, None));
        let begins = held.is_none();
        let event = match held {
            Some(held) => Event::HeldOut(held),
            None => Event::HostBegins { host: self.run.host.clone() },
        };
        if self.road.is_first || !begins {
            let _ = self.road.events.send(event).await;
        }
        begins
    }

    /// Leaves the batch without anything having been begun.
    fn stay_out(mut self) -> Left {
        self.connection.events = None;
        self.road.gate.leave(&self.run.host, false);
        self.run.note_progress(None);
        let ended = Ended::default();
        Left { connection: self.connection, counts: Counts::default(), failed: false, ended, held_out: true }
    }

    /// Passes on what happened. Where nobody listens any more, the run goes on to a safe end all the same.
    async fn tell(&mut self) {
        for event in self.run.take_events() {
            let _ = self.road.events.send(event).await;
        }
    }

    /// Tells the others how far the host is, and what it found out for them.
    fn say_where(&mut self) {
        if let Some((way, common)) = self.run.take_common() {
            self.road.gate.tell(&self.run.host, way, common);
        }
        if self.run.take_fatal() {
            self.road.gate.fail_all(&self.run.host);
        }
        if self.throttled.as_ref().is_some_and(|(at, _)| self.run.way() != Some(at)) {
            self.throttled = None;
        }
        if let Some(way) = self.run.way().cloned() {
            self.run.note_progress(Some(&way));
            self.road.gate.advance(&self.run.host, &way);
        }
    }

    /// Lets others work as long as it waits for them.
    async fn step_back(&mut self) {
        if self.road.crowded {
            self.connection.release().await;
            self.connection.close().await;
            self.permit = None;
        }
        self.turn = None;
    }

    async fn wait(&mut self, barrier: &Way) {
        self.step_back().await;
        self.run.note_progress(Some(barrier));
        if self.road.gate.arrive(&self.run.host, barrier).await == Pass::Stop {
            self.run.stop();
        }
        self.take_permit().await;
    }

    async fn once(&mut self, way: &Way) {
        self.step_back().await;
        self.run.note_progress(Some(way));
        let share = self.road.gate.once(&self.run.host, way).await;
        self.take_permit().await;
        match share {
            Share::Lead => self.run.lead(),
            Share::Follow(common) => self.run.follow(&common),
            Share::Stop => self.run.stop(),
        }
    }

    async fn await_host(&mut self, host: &HostName, way: &Way) {
        self.step_back().await;
        if self.road.gate.until(host, way).await == Pass::Stop {
            self.run.stop();
        }
        self.take_permit().await;
    }

    async fn throttle(&mut self, way: &Way, most: usize) {
        self.step_back().await;
        // The semaphore is never closed, so this can't fail.
        let permit = self.road.gate.throttle(way, most).acquire_owned().await.ok();
        self.throttled = permit.map(|permit| (way.clone(), permit));
        self.take_permit().await;
        self.run.admit();
    }

    /// Tries to reach the host until that succeeds, or patience ends.
    async fn connect(&mut self, patience: Patience) {
        self.connection.close().await;
        let begun = Instant::now();
        self.pause(patience.delay).await;
        while self.run.way().is_some() {
            match self.connection.open().await {
                Ok(_) => return self.run.admit(),
                Err(error) if begun.elapsed() >= patience.timeout => {
                    let waited = patience.timeout.as_secs();
                    return self.run.not_connected(&format!("can't be reached after {waited} s: {error}"));
                }
                Err(_) => self.pause(patience.sleep).await,
            }
        }
    }

    /// Asks whoever is at the terminal, unless they interrupt.
    async fn prompt(&mut self, prompt: Prompt) {
        let Some(asks) = self.road.asks.clone() else { return self.run.answer(None) };
        self.tell().await;
        let mut interrupt = self.road.interrupt.clone();
        tokio::select! {
            answer = tokio::task::spawn_blocking(move || asks(&prompt)) => self.run.answer(answer.ok().flatten()),
            () = reached(&mut interrupt, Interrupt::Finish) => {
                self.run.abandon();
                self.reason = Some("interrupted instead of an answer".into());
            }
        }
    }

    /// Lets time pass, unless somebody interrupts.
    async fn pause(&mut self, length: Duration) {
        let mut interrupt = self.road.interrupt.clone();
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            () = reached(&mut interrupt, Interrupt::Finish) => {
                self.run.abandon();
                self.reason = Some("interrupted while it waited".into());
            }
        }
    }

    async fn exchange(&mut self, exchange: &Exchange) {
        if *self.road.interrupt.borrow() != Interrupt::None {
            self.run.abandon();
            self.reason = Some("interrupted before its next step".into());
            return;
        }
        tracing::debug!(host = %self.run.host, shells = exchange.shells.len(), "exchange");
        let items = || exchange.shells.iter().flat_map(|shell| &shell.items);
        let changes = items().filter(|item| matches!(item, Item::Apply(_))).count();
        let works =
            Event::Works { host: self.run.host.clone(), questions: items().count() - changes, changes };
        let _ = self.road.events.send(works).await;
        let halting = self.connection.halting();
        let halts = is_attached(exchange);
        let mut first = self.road.interrupt.clone();
        let halted = async {
            reached(&mut first, Interrupt::Finish).await;
            if halts {
                halting.await;
            }
            std::future::pending::<()>().await;
        };
        let mut second = self.road.interrupt.clone();
        let at = place_of(exchange).cloned();
        let carried = async {
            match &at {
                Some(at) => self.away.exchange(at, exchange).await,
                None => {
                    let turn = sets_state(exchange).then(|| self.road.elsewhere.turn(&self.connection));
                    let _held = match &turn {
                        Some(turn) => Some(turn.lock().await),
                        None => None,
                    };
                    self.connection.exchange(exchange).await
                }
            }
        };
        tokio::select! {
            result = carried => match result {
                Ok(replies) => self.run.take(replies),
                Err(broken) => {
                    self.run.lose(&broken.reason, broken.replies, broken.nothing_sent);
                    self.reason = Some(broken.reason);
                }
            },
            () = halted => {}
            () = reached(&mut second, Interrupt::Drop) => {
                self.run.lose("interrupted twice", Vec::new(), false);
                self.reason = Some("interrupted twice: the connection was dropped".into());
            }
        }
    }

    async fn leave(mut self) -> Left {
        self.connection.events = None;
        if self.road.stay == Stay::Goes || self.run.has_failed() {
            self.connection.forget_jobs().await;
        }
        self.away.forget_jobs().await;
        self.away.close().await;
        self.tell().await;
        if self.road.crowded || self.road.stay == Stay::Goes || self.run.has_failed() {
            self.connection.release().await;
        }
        if self.road.crowded {
            self.connection.close().await;
        }
        self.run.publish();
        self.say_where();
        self.run.note_progress(None);
        let failed = self.run.has_failed();
        let stopped = || self.run.was_cut().then(|| "stopped before its end".to_owned());
        let reason =
            self.reason.clone().or_else(|| failed.then(|| "a task failed".to_owned())).or_else(stopped);
        let _ = self.road.events.send(Event::HostLeaves { host: self.run.host.clone(), reason }).await;
        self.road.gate.leave(&self.run.host, failed);
        let ended = self.run.ended();
        Left { connection: self.connection, counts: self.run.counts(), failed, ended, held_out: false }
    }
}

/// Waits until an interrupt has gone so far; for ever, once whoever could interrupt is gone.
async fn reached(interrupt: &mut watch::Receiver<Interrupt>, level: Interrupt) {
    if interrupt.wait_for(|now| *now >= level).await.is_err() {
        std::future::pending::<()>().await;
    }
}
