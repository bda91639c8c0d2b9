//! Answers that nobody may see: while one is typed the terminal shows nothing, and whoever interrupts gets it back as it was. And
//! what was typed before anybody was asked.

use super::engine;
use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, Once, PoisonError};

/// The terminal as it was before the answer that is being typed.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
static WATCH: Once = Once::new();

/// Reads a line that is not shown.
///
/// # Errors
/// There is no terminal, or it can't be read.
pub fn line() -> io::Result<String> {
    WATCH.call_once(|| engine::on_interrupt(restore));
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = tcgetattr(io::stdin()).ok();
    let typed = rpassword::read_password();
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if typed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
        engine::interrupted();
    }
    typed
}

/// Forgets what was typed at the terminal and not read yet: lines of a paste, or what was meant for another question, agree to nothing.
pub fn forget_what_was_typed() {
    if io::stdin().is_terminal() {
        // A terminal that is gone asks nothing.
        let _ = tcflush(io::stdin(), QueueSelector::IFlush);
    }
}

/// Gives the terminal back where an answer is being typed.
fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}
