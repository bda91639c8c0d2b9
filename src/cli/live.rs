//! What is under way, redrawn at the foot of a terminal: a heading, and a line for each host that is at work.
//!
//! Whatever else is written to the terminal is written [`Live::apart`]: the lines go, the text stays, the lines come
//! back. So nothing of them is ever left behind among the results. In a log, on a dumb terminal and with `NO_COLOR` there
//! are none, and progress is told in plain lines; so it is where results go into a pipe.

use super::args::Color;
use super::screen::{self, Screen};
use crate::event::Event;
use crate::report::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most lines of hosts; they never take more than half of the terminal either.
const HOSTS_MAX: usize = 12;
/// Most characters of a host's name.
const NAME_CHARS_MAX: usize = 30;
/// How often seconds are counted on.
const TICK: Duration = Duration::from_millis(500);
/// Redraws in a second at most, for a terminal at the far end of a slow line.
const REDRAWS: u8 = 5;

/// Whether lines are redrawn, and those that are there now.
#[derive(Clone)]
pub struct Live {
    redraws: bool,
    lines: Arc<Mutex<Option<MultiProgress>>>,
}

/// The lines of one run.
pub struct Board {
    live: Live,
    drawn: Option<Drawn>,
    progress: Progress,
    hosts_max: usize,
}

/// Lines that are there.
struct Drawn {
    lines: MultiProgress,
    heading: ProgressBar,
    hosts: Vec<(String, ProgressBar)>,
}

impl Live {
    /// Looks whether stderr is a terminal on which lines can be redrawn.
    pub fn new(color: Color) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_none_or(|term| term == "dumb");
        let plain = color == Color::Never || set("NO_COLOR").is_some();
        // What goes into a pipe comes to the same terminal later, in the middle of lines that are there again by then.
        let piped = is_pipe(io::stdout());
        Self { redraws: io::stderr().is_terminal() && !dumb && !plain && !piped, lines: Arc::default() }
    }

    /// Whether lines are redrawn, so that progress needs no lines of its own.
    pub fn redraws(&self) -> bool {
        self.redraws
    }

    /// Writes something while the lines are out of the way.
    pub fn apart<T>(&self, write: impl FnOnce() -> T) -> T {
        match &*self.lines() {
            Some(lines) => lines.suspend(write),
            None => write(),
        }
    }

    /// Writes a text apart from the lines, if there is any.
    ///
    /// # Errors
    /// The stream can't be written to.
    pub fn written(&self, text: &[u8], stream: &mut impl Write) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.apart(|| stream.write_all(text).and_then(|()| stream.flush()))
    }

    /// The lines of a run that begins.
    pub fn board(&self) -> Option<Board> {
        let hosts_max = (usize::from(screen::size().1) / 2).clamp(1, HOSTS_MAX);
        let board = || Board { live: self.clone(), drawn: None, progress: Progress::default(), hosts_max };
        self.redraws.then(board)
    }

    fn lines(&self) -> MutexGuard<'_, Option<MultiProgress>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    /// Takes the next event, and draws what became of it.
    pub fn event(&mut self, event: &Event) {
        if !self.progress.event(event) {
            return;
        }
        let working = self.progress.at_work(self.hosts_max);
        if working.is_empty() {
            return self.clear();
        }
        let more = self.progress.hosts_at_work() - working.len();
        let more = if more > 0 { format!(", {more} more at work") } else { String::new() };
        let drawn = self.drawn.get_or_insert_with(|| Drawn::on(&self.live));
        drawn.heading.set_message(format!("{}{more}", self.progress.heading()));
        drawn.hosts.retain(|(host, line)| {
            let stays = working.iter().any(|(name, _)| name.as_str() == host);
            if !stays {
                line.finish_and_clear();
                drawn.lines.remove(line);
            }
            stays
        });
        working.into_iter().for_each(|(host, text)| drawn.host(host.as_str(), text));
    }

    /// Takes all lines away. The next ones begin where the cursor then is, whatever was asked and typed between.
    fn clear(&mut self) {
        let Some(drawn) = self.drawn.take() else { return };
        for (_, line) in &drawn.hosts {
            line.finish_and_clear();
        }
        drawn.heading.finish_and_clear();
        *self.live.lines() = None;
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Drawn {
    fn on(live: &Live) -> Self {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(
            Box::new(Screen::default()),
            REDRAWS,
        ));
        let heading = line(&lines, "{wide_msg} {elapsed:>5}");
        *live.lines() = Some(lines.clone());
        Self { lines, heading, hosts: Vec::new() }
    }

    fn host(&mut self, host: &str, text: &str) {
        let known = self.hosts.iter().find(|(name, _)| name == host).map(|(_, line)| line.clone());
        let line = known.unwrap_or_else(|| {
            let line = line(&self.lines, "  {prefix}: {wide_msg} {elapsed:>5}");
            line.set_prefix(short(&crate::report::one_line(host)));
            self.hosts.push((host.to_owned(), line.clone()));
            line
        });
        if line.message() != text {
            line.reset_elapsed();
            line.set_message(text.to_owned());
        }
    }
}

fn line(lines: &MultiProgress, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    let line = lines.add(ProgressBar::new_spinner().with_style(style));
    line.enable_steady_tick(TICK);
    line
}

/// Whether somebody else reads what is written there, and may write it anywhere.
fn is_pipe(stream: impl std::os::fd::AsFd) -> bool {
    let mode = rustix::fs::fstat(stream).map(|about| rustix::fs::FileType::from_raw_mode(about.st_mode));
    matches!(mode, Ok(rustix::fs::FileType::Fifo | rustix::fs::FileType::Socket))
}

/// A host's name that leaves room for what it does.
fn short(name: &str) -> String {
    match name.char_indices().nth(NAME_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_told_from_a_file() {
        let (reader, writer) = io::pipe().unwrap();
        assert!(is_pipe(&writer) && is_pipe(&reader));
        assert!(
            !is_pipe(tempfile::tempfile().unwrap()) && !is_pipe(std::fs::File::open("/dev/null").unwrap())
        );
    }
}
