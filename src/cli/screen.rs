//! The foot of a terminal on stderr, as far as redrawing lines there needs one.
//!
//! It claims to be a little narrower than it is: indicatif leaves the cursor at the end of its last line, where the
//! terminal shows `^C` when somebody types that. In the last column it would begin a new line with it, and what is
//! redrawn next would leave a line of the old behind. For the same reason lines are ended here: indicatif fills them up
//! and leaves it to the terminal's edge.

use indicatif::TermLike;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use unicode_width::UnicodeWidthStr;

/// Columns that stay empty at the end of a line.
const SPARE_COLUMNS: u16 = 4;

/// Gathers what is drawn, and sends it in one piece.
#[derive(Debug, Default)]
pub struct Screen(Mutex<Frame>);

/// What is drawn at once.
#[derive(Debug, Default)]
struct Frame {
    text: String,
    /// Columns of the last line so far.
    columns: usize,
}

impl Frame {
    /// Adds a part of a line, behind a line that is full on a line of its own.
    fn add(&mut self, part: &str, width: usize) {
        if self.columns >= width && !part.is_empty() {
            self.text.push_str("\r\n");
            self.columns = 0;
        }
        self.text.push_str(part);
        self.columns += part.width();
    }
}

/// Columns and rows of the terminal.
pub fn size() -> (u16, u16) {
    terminal_size::terminal_size_of(io::stderr()).map_or((80, 24), |(columns, rows)| (columns.0, rows.0))
}

impl Screen {
    fn frame(&self) -> MutexGuard<'_, Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moved(&self, by: usize, direction: char) -> io::Result<()> {
        // Zero would be taken for one.
        if by > 0 {
            self.frame().text.push_str(&format!("\u{1b}[{by}{direction}"));
        }
        Ok(())
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        size().0.saturating_sub(SPARE_COLUMNS).max(10)
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.frame().text.push_str(&format!("{text}\r\n"));
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.frame().add(text, self.width().into());
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.frame().text.push_str("\r\u{1b}[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let drawn = std::mem::take(&mut *self.frame());
        let mut err = io::stderr().lock();
        err.write_all(drawn.text.as_bytes())?;
        err.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_ends_before_the_next_begins() {
        let mut frame = Frame::default();
        for part in ["ab日", "      ", "cd        ", "", "ef", "        "] {
            frame.add(part, 10);
        }
        assert_eq!(frame.text, "ab日      \r\ncd        \r\nef        ");
    }
}
