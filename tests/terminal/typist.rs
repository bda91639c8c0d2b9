//! Somebody at a terminal who types an answer when they are asked, and not before: what is typed ahead answers nothing.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// For how long nothing more is said by whoever waits for an answer.
const QUIET: Duration = Duration::from_millis(60);

/// Types lines one by one, each at a question; gives back what was shown. Whether the end of the input is typed, too, where there is
/// one question more.
pub fn answers(
    mut input: impl Write + Send + 'static,
    mut output: impl Read + Send + 'static,
    typed: &str,
    ends: bool,
) -> JoinHandle<Vec<u8>> {
    let shown = Arc::new(Mutex::new(Some(Vec::new())));
    let lines: Vec<Vec<u8>> = typed.split_inclusive('\n').map(|line| line.as_bytes().to_vec()).collect();
    let seen = shown.clone();
    let typist = spawn(move || {
        let (mut lines, mut answered) = (lines.into_iter(), 0);
        while let Some(length) = asked(&seen, answered) {
            answered = length;
            match lines.next() {
                Some(line) => drop(input.write_all(&line).and_then(|()| input.flush())),
                None if ends => return,
                None => {}
            }
        }
    });
    spawn(move || {
        let mut piece = [0; 4096];
        // A terminal ends with an error.
        while let Ok(length @ 1..) = output.read(&mut piece) {
            shown.lock().unwrap().as_mut().unwrap().extend_from_slice(&piece[..length]);
        }
        let text = shown.lock().unwrap().take().unwrap();
        typist.join().unwrap();
        text
    })
}

/// Waits for the next question; how much was shown by then. Nothing at the end.
fn asked(seen: &Mutex<Option<Vec<u8>>>, answered: usize) -> Option<usize> {
    let mut before = 0;
    loop {
        sleep(QUIET);
        let shown = seen.lock().unwrap();
        let text = shown.as_ref()?;
        if text.len() == before && before > answered && is_question(text) {
            return Some(before);
        }
        before = text.len();
    }
}

/// Whether a text ends where an answer is to be typed.
fn is_question(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let last = text.rsplit('\n').next().unwrap_or_default();
    // Colours are no part of it.
    let mut plain = String::new();
    let mut in_colour = false;
    for letter in last.chars() {
        match letter {
            '\u{1b}' => in_colour = true,
            'm' if in_colour => in_colour = false,
            _ if in_colour => {}
            _ => plain.push(letter),
        }
    }
    plain.ends_with(": ") || plain.ends_with("] ")
}
