//! A pipe to a running shell, over SSH or to a child process: what both have in common. Whoever holds a [`Pipe`] may
//! leave it unread: a task of its own drains what comes in, so that one shell can never block its connection.

use super::frame::{Event, Frames, Mark, Stream};
use super::sudo::{Gate, GateEvent};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// The near end of a shell's three streams.
pub(super) struct Pipe {
    /// Source text goes in here; room for one piece, so that what was taken is nearly what was sent.
    pub input: mpsc::Sender<Zeroizing<Vec<u8>>>,
    /// What came back. As many events as requests were sent, and a few: its memory is bounded by the requests.
    pub events: mpsc::UnboundedReceiver<Incoming>,
    /// The parser that fills `events`.
    pub inbox: Inbox,
    /// The shell's mark.
    pub mark: Mark,
    /// Dropped with the pipe, which makes the writer close the channel even while it waits for room.
    _gone: oneshot::Sender<()>,
}

/// What a pipe brings.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Something about the sudo that starts the shell.
    Gate(GateEvent),
    /// Something in the framed streams.
    Frame(Event),
    /// The far end is closed.
    Ended(Ending),
}

/// How the far end closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ending {
    /// The shell exited, with its status if that is known.
    Exited(Option<u32>),
    /// The connection is gone.
    Disconnected,
}

/// What the other side of a pipe needs to work.
pub(super) struct FarEnd {
    pub input: mpsc::Receiver<Zeroizing<Vec<u8>>>,
    pub gone: oneshot::Receiver<()>,
    pub inbox: Inbox,
}

/// Where readers put what they read; sorts it at once.
#[derive(Clone)]
pub(super) struct Inbox {
    state: Arc<Mutex<State>>,
    events: mpsc::UnboundedSender<Incoming>,
}

struct State {
    gate: Option<Gate>,
    frames: Frames,
}

impl Pipe {
    /// A pipe for a shell with this mark, behind a gate where sudo may ask for a password.
    pub fn new(mark: Mark, gate: Option<Gate>) -> (Self, FarEnd) {
        let (input, input_far) = mpsc::channel(1);
        let (events_far, events) = mpsc::unbounded_channel();
        let (gone, gone_far) = oneshot::channel();
        let state = State { gate, frames: Frames::new(&mark) };
        let inbox = Inbox { state: Arc::new(Mutex::new(state)), events: events_far };
        let far = FarEnd { input: input_far, gone: gone_far, inbox: inbox.clone() };
        (Self { input, events, inbox, mark, _gone: gone }, far)
    }
}

impl Inbox {
    /// Takes in what a stream brought.
    pub fn feed(&self, stream: Stream, bytes: &[u8]) {
        let mut state = self.lock();
        if let Some(gate) = &mut state.gate {
            let events = gate.feed(stream, bytes);
            if events.contains(&GateEvent::Open) {
                state.gate = None;
            }
            events.into_iter().for_each(|event| self.tell(Incoming::Gate(event)));
            return;
        }
        let events = state.frames.feed(stream, bytes);
        events.into_iter().for_each(|event| self.tell(Incoming::Frame(event)));
    }

    /// Says that nothing more will come.
    pub fn ended(&self, ending: Ending) {
        self.tell(Incoming::Ended(ending));
    }

    /// Sets how much a request may write.
    pub fn expect(&self, number: u64, output_bytes_max: usize) {
        self.lock().frames.expect(number, output_bytes_max);
    }

    /// What came in of the current request so far, or before the shell was ready: stdout and stderr.
    pub fn partial(&self) -> (Vec<u8>, Vec<u8>) {
        let state = self.lock();
        state.gate.as_ref().map_or_else(|| state.frames.partial(), Gate::noise)
    }

    /// Nobody may be listening any more; that is no error.
    fn tell(&self, incoming: Incoming) {
        let _ = self.events.send(incoming);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tasks that serve one session's pipes. They end by themselves once their pipe is dropped, and at the latest
/// with the session.
#[derive(Clone, Default)]
pub(super) struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl Tasks {
    /// Starts one.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        set.spawn(task);
    }

    /// Takes them all, to wait for their end.
    pub fn take(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
