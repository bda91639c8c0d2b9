//! One host's way through a batch: asks its machine what to send, sends it, tells what came back.

use super::Interrupt;
use super::connection::HostConnection;
use super::gate::{Gate, Pass};
use crate::event::{Counts, Event};
use crate::plan::{HostRun, Item, Next};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, mpsc, watch};

/// What a driver needs besides its host.
#[derive(Clone)]
pub struct Road {
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// Where the batch's hosts wait for each other.
    pub gate: Arc<Gate>,
    /// Bounds the connections.
    pub forks: Arc<Semaphore>,
    /// Connections are closed while a host waits, because there are more hosts than may be connected at once.
    pub crowded: bool,
    /// Whether somebody interrupted.
    pub interrupt: watch::Receiver<Interrupt>,
    /// When the run began.
    pub begun: Instant,
}

/// How a host left a batch.
pub struct Left {
    /// Its connection, for the next play.
    pub connection: HostConnection,
    /// Its counts in this play.
    pub counts: Counts,
    /// It failed or was lost, so it takes part in nothing more.
    pub failed: bool,
}

/// Takes a host through its play.
pub async fn drive(mut run: HostRun, mut connection: HostConnection, mut road: Road) -> Left {
    let mut permit = road.forks.clone().acquire_owned().await.ok();
    let mut reason = None;
    loop {
        let next = run.next(road.begun.elapsed());
        for event in run.take_events() {
            // Nobody listens any more: the run goes on to a safe end all the same.
            let _ = road.events.send(event).await;
        }
        match next {
            Next::Done => break,
            Next::Wait(barrier) => {
                if road.crowded {
                    connection.close().await;
                    permit = None;
                }
                if road.gate.arrive(barrier).await == Pass::Stop {
                    run.abandon();
                }
                if permit.is_none() {
                    permit = road.forks.clone().acquire_owned().await.ok();
                }
            }
            Next::Exchange(exchange) => {
                if *road.interrupt.borrow() != Interrupt::None {
                    run.abandon();
                    reason = Some("interrupted before its next step".to_owned());
                    continue;
                }
                let changes =
                    exchange.shells.iter().flat_map(|s| &s.items).any(|i| matches!(i, Item::Apply(_)));
                tracing::debug!(host = %run.host, changes, "exchange");
                let dropped = async {
                    // An error means that the sender is gone, and with it whoever could interrupt.
                    if road.interrupt.wait_for(|level| *level == Interrupt::Drop).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    result = connection.exchange(&exchange) => match result {
                        Ok(replies) => run.take(replies),
                        Err(broken) => {
                            run.lose(&broken.reason, broken.replies, broken.nothing_sent);
                            reason = Some(broken.reason);
                        }
                    },
                    () = dropped => {
                        run.lose("interrupted twice", Vec::new(), false);
                        reason = Some("interrupted twice: the connection was dropped".to_owned());
                    }
                }
            }
        }
    }
    if road.crowded {
        connection.close().await;
    }
    run.publish();
    drop(permit);
    let failed = run.has_failed();
    if failed && reason.is_none() {
        reason = Some("a task failed".to_owned());
    }
    let _ = road.events.send(Event::HostLeaves { host: run.host.clone(), reason }).await;
    road.gate.leave(failed);
    Left { connection, counts: run.counts(), failed }
}
