//! The engine, started and listened to: events arrive here, interrupts leave from here. The one file of this room that
//! is async.

use super::acquaintances::Acquaintances;
use super::{Console, Exit, Failure};
use crate::event::Event;
use crate::execute::{Acquaintance, Fleet, Interrupt, Order, Outcome};
use crate::ledger::plan::HostPlan;
use crate::model::HostName;
use indexmap::IndexMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// Most events that wait for a slow reader; then the engine waits too.
const EVENTS_MAX: usize = 1024;
/// Longest wait for connections to close.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// A fleet, and the runtime that it runs on.
pub struct Engine<'a> {
    console: &'a Console,
    runtime: Runtime,
    fleet: Fleet,
    known: Option<Arc<Acquaintances>>,
}

impl<'a> Engine<'a> {
    /// Starts; nothing is connected yet.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(
        console: &'a Console,
        fleet: Fleet,
        known: Option<Arc<Acquaintances>>,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(Exit::Usage, format!("can't start: {error}")))?;
        let fleet = fleet.knowing(known.clone().map(|known| known as Arc<dyn Acquaintance>));
        Ok(Self { console, runtime, fleet, known })
    }

    /// Runs an order and tells every event to `listen`. The first interrupt lets what is under way end, the second drops
    /// the connections.
    pub fn run(&mut self, order: &Order, listen: &mut dyn FnMut(&Event)) -> Outcome {
        let (console, fleet) = (self.console, &mut self.fleet);
        self.runtime.block_on(async {
            let (events, mut heard) = mpsc::channel(EVENTS_MAX);
            let (interrupt, interrupted) = watch::channel(Interrupt::None);
            let running = fleet.run(order, events, interrupted);
            let listening = async {
                while let Some(event) = heard.recv().await {
                    listen(&event);
                }
            };
            let all = async { tokio::join!(running, listening).0 };
            tokio::select! {
                outcome = all => outcome,
                never = watch_interrupts(console, interrupt) => match never {},
            }
        })
    }

    /// Notes of each host that something is planned for which host key it has: a plan is for a machine, not for a name. Who had to
    /// be asked nothing is reached for that; where that fails, it is unknown what the plan is for.
    pub fn note_keys(&mut self, hosts: &mut IndexMap<HostName, HostPlan>) -> Exit {
        let planned =
            hosts.iter().filter(|(_, plan)| !plan.is_empty()).map(|(host, _)| host.clone()).collect();
        let mut lost = self.runtime.block_on(self.fleet.meet(&planned));
        let exit = if lost.is_empty() { Exit::Well } else { Exit::Unreachable };
        let keys = self.fleet.host_keys();
        for (host, plan) in hosts {
            plan.key = keys.get(host).cloned();
            plan.unknown.extend(lost.remove(host).map(|why| format!("its host key: {why}")));
        }
        exit
    }

    /// Asks somebody, who may answer with an interrupt: then there is no answer.
    pub fn ask<T: Send + 'static>(&self, question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.runtime.block_on(async {
            let mut interrupts = Interrupts::listen();
            let answer = tokio::task::spawn_blocking(question);
            tokio::select! {
                answer = answer => answer.ok(),
                () = interrupts.next() => None,
            }
        })
    }

    /// Closes every connection.
    pub fn close(mut self) {
        if let Some(known) = &self.known {
            known.keep();
        }
        let closing = self.fleet.close();
        let closed = self.runtime.block_on(async { tokio::time::timeout(CLOSE_DEADLINE, closing).await });
        if closed.is_err() {
            tracing::debug!("connections did not close in time");
        }
        // A question that nobody answered may still hold a thread.
        self.runtime.shutdown_background();
    }
}

/// Has something done at each interrupt from now on.
///
/// Whoever listens for interrupts takes them from the system for good: where nobody else does, they end the program as before.
pub fn on_interrupt(does: impl Fn() + Send + 'static) {
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let mut interrupts = Interrupts::listen();
            // This one is about others.
            LISTENERS.fetch_sub(1, Ordering::SeqCst);
            loop {
                interrupts.next().await;
                does();
                interrupted();
            }
        });
    });
}

/// Ends the program where nobody listens for interrupts.
#[expect(clippy::exit, reason = "whoever could end it otherwise waits for an answer")]
pub fn interrupted() {
    if LISTENERS.load(Ordering::SeqCst) == 0 {
        std::process::exit(Exit::Interrupted.code().into());
    }
}

/// How many listen for interrupts now.
static LISTENERS: AtomicUsize = AtomicUsize::new(0);

/// Ctrl-C, and being asked to end.
struct Interrupts(Vec<Signal>);

impl Interrupts {
    fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        LISTENERS.fetch_add(1, Ordering::SeqCst);
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let came = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if came { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn watch_interrupts(console: &Console, level: watch::Sender<Interrupt>) -> std::convert::Infallible {
    let mut interrupts = Interrupts::listen();
    interrupts.next().await;
    console.tell("\nInterrupted: what is under way ends, nothing new begins. Again: drop the connections.\n");
    level.send_replace(Interrupt::Finish);
    loop {
        interrupts.next().await;
        console.tell("\nInterrupted again: connections are dropped; what was under way is unknown.\n");
        level.send_replace(Interrupt::Drop);
    }
}
