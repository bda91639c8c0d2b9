//! The framing of a long-lived shell; this page is its specification.
//!
//! `sh` reads source text from its stdin. A *mark* is 128 random bits in hexadecimal, made anew for each shell. The
//! source that is sent first ends with
//!
//! ```text
//! echo "MARK 0 PID:b"; echo "MARK 0 ." >&2
//! ```
//!
//! (`b`: the shell's `printf` is a builtin; `x`: it is not) and the source of the n-th request, n from 1, with
//!
//! ```text
//! echo "MARK n STATUS"; echo "MARK n ." >&2
//! ```
//!
//! where STATUS is 0 to 255, or `-` for a request that was not run. `go` in its place, on stdout alone, ends nothing: it
//! says that the request is now reading raw content from the shell's own stdin (see `source.rs`). So each stream is cut where a mark begins; output
//! needs no length, no last line feed, and may hold any byte. What comes before mark 0 is noise (a login shell's
//! greetings): it is kept, up to [`NOISE_BYTES_MAX`], to explain a shell that never gets ready, and else dropped. A
//! mark is never in an argument list or an environment: `echo` is a builtin everywhere.

use super::ShellError;
use super::overrun::Told;
use memchr::memmem;
use std::collections::{BTreeMap, VecDeque};

/// Most bytes that are kept of what comes before a shell is ready.
pub(super) const NOISE_BYTES_MAX: usize = 4096;

/// Longest rest of a line behind a mark: blank, number, blank, status, line feed.
const TRAILER_BYTES_MAX: usize = 64;

/// What can't be guessed, and therefore can't be faked by output.
#[derive(Clone)]
pub(super) struct Mark(String);

impl Mark {
    /// Makes a new one from the operating system's randomness.
    pub fn random() -> Result<Self, ShellError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|e| ShellError::Disconnected {
            reason: format!("no randomness on this machine: {e}"),
        })?;
        Ok(Self(bytes.iter().map(|b| format!("{b:02x}")).collect()))
    }

    /// The 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One of a shell's two output streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stream {
    Out,
    Err,
}

/// What the parser found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    /// The shell is up.
    Ready { pid: u32, printf_is_builtin: bool },
    /// A request is over.
    Reply { number: u64, told: Told },
    /// A request waits for its content.
    Go { number: u64 },
    /// A request has written more than it may; sent once for each.
    TooMuch { number: u64 },
    /// The streams make no sense. Nothing that follows can be trusted.
    Garbled,
}

/// Cuts both streams of a shell into replies. Its memory is bounded by the requests' limits, whatever comes in.
pub(super) struct Frames {
    out: Lane,
    err: Lane,
    limits: BTreeMap<u64, usize>,
    garbled: bool,
}

/// What one stream had of one request.
struct Finished {
    trailer: String,
    output: Vec<u8>,
    over: bool,
}

struct Lane {
    finder: memmem::Finder<'static>,
    /// What can't be judged yet: it may be the beginning of a mark.
    pending: Vec<u8>,
    /// What belongs to the current request, up to its limit.
    kept: Vec<u8>,
    over: bool,
    number: u64,
    /// Trailer and output of what this stream is through with, while the other is not.
    finished: VecDeque<Finished>,
}

impl Frames {
    /// A parser for a new shell.
    pub fn new(mark: &Mark) -> Self {
        Self { out: Lane::new(mark), err: Lane::new(mark), limits: BTreeMap::new(), garbled: false }
    }

    /// Sets how much a request may write to each stream; before it is sent.
    pub fn expect(&mut self, number: u64, output_bytes_max: usize) {
        self.limits.insert(number, output_bytes_max);
    }

    /// Takes in what a stream brought.
    pub fn feed(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        if self.garbled {
            return events;
        }
        let lane = if stream == Stream::Out { &mut self.out } else { &mut self.err };
        if lane.feed(bytes, &self.limits, &mut events).is_none() {
            self.garbled = true;
            events.push(Event::Garbled);
        }
        while let Some(event) = self.pair() {
            events.push(event);
        }
        events
    }

    /// What the current request has written so far.
    pub fn partial(&self) -> (Vec<u8>, Vec<u8>) {
        (self.out.partial(&self.limits), self.err.partial(&self.limits))
    }

    fn pair(&mut self) -> Option<Event> {
        if self.out.finished.is_empty() || self.err.finished.is_empty() {
            return None;
        }
        let out = self.out.finished.pop_front()?;
        let err = self.err.finished.pop_front()?;
        let number = self.out.number - 1 - self.out.finished.len() as u64;
        self.limits.remove(&number);
        let event = match number {
            0 => ready(&out.trailer),
            _ => reply(number, out, err),
        };
        self.garbled |= event.is_none();
        Some(event.unwrap_or(Event::Garbled))
    }
}

fn ready(trailer: &str) -> Option<Event> {
    let (pid, printf) = trailer.split_once(':')?;
    Some(Event::Ready { pid: pid.parse().ok()?, printf_is_builtin: printf == "b" })
}

fn reply(number: u64, out: Finished, err: Finished) -> Option<Event> {
    let status = if out.trailer == "-" { None } else { Some(out.trailer.parse().ok()?) };
    let over = out.over || err.over;
    Some(Event::Reply { number, told: Told { status, stdout: out.output, stderr: err.output, over } })
}

impl Lane {
    fn new(mark: &Mark) -> Self {
        Self {
            finder: memmem::Finder::new(mark.as_str()).into_owned(),
            pending: Vec::new(),
            kept: Vec::new(),
            over: false,
            number: 0,
            finished: VecDeque::new(),
        }
    }

    /// `None`: what stands behind a mark is not what we had the shell write there.
    fn feed(&mut self, bytes: &[u8], limits: &BTreeMap<u64, usize>, events: &mut Vec<Event>) -> Option<()> {
        let mut data = std::mem::take(&mut self.pending);
        data.extend_from_slice(bytes);
        let mut rest = data.as_slice();
        while let Some(at) = self.finder.find(rest) {
            let (output, tail) = rest.split_at(at);
            self.keep(output, limits, events);
            let line = tail.get(self.finder.needle().len()..)?;
            let Some(end) = memchr::memchr(b'\n', line) else {
                self.pending = tail.to_vec();
                return (line.len() <= TRAILER_BYTES_MAX).then_some(());
            };
            self.finish(line.get(..end)?, events)?;
            rest = line.get(end + 1..)?;
        }
        let held_back = rest.len().min(self.finder.needle().len() - 1);
        let (output, tail) = rest.split_at(rest.len() - held_back);
        self.keep(output, limits, events);
        self.pending = tail.to_vec();
        Some(())
    }

    fn keep(&mut self, output: &[u8], limits: &BTreeMap<u64, usize>, events: &mut Vec<Event>) {
        let room = self.limit(limits).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(output.get(..room).unwrap_or(output));
        if output.len() > room && !self.over {
            self.over = true;
            if self.number > 0 {
                events.push(Event::TooMuch { number: self.number });
            }
        }
    }

    fn finish(&mut self, trailer: &[u8], events: &mut Vec<Event>) -> Option<()> {
        let text = std::str::from_utf8(trailer).ok()?.strip_prefix(' ')?;
        let (number, status) = text.split_once(' ')?;
        if number.parse() != Ok(self.number) {
            return None;
        }
        if status == "go" {
            events.push(Event::Go { number: self.number });
            return Some(());
        }
        let (output, over) = (std::mem::take(&mut self.kept), std::mem::take(&mut self.over));
        self.finished.push_back(Finished { trailer: status.to_owned(), output, over });
        self.number += 1;
        Some(())
    }

    fn limit(&self, limits: &BTreeMap<u64, usize>) -> usize {
        limits.get(&self.number).copied().unwrap_or(NOISE_BYTES_MAX)
    }

    fn partial(&self, limits: &BTreeMap<u64, usize>) -> Vec<u8> {
        let mut partial =
            self.finished.front().map_or_else(|| self.kept.clone(), |first| first.output.clone());
        if self.finished.is_empty() {
            partial.extend_from_slice(&self.pending);
            partial.truncate(self.limit(limits));
        }
        partial
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mark() -> Mark {
        Mark("00112233445566778899aabbccddeeff".into())
    }

    fn frames(limits: &[usize]) -> Frames {
        let mut frames = Frames::new(&mark());
        for (number, limit) in (1..).zip(limits) {
            frames.expect(number, *limit);
        }
        frames
    }

    /// A whole stream: noise, mark 0, and each output with its mark.
    fn stream(noise: &[u8], zero: &str, outputs: &[(Vec<u8>, &str)]) -> Vec<u8> {
        let m = mark();
        let mut all = noise.to_vec();
        all.extend(format!("{} 0 {zero}\n", m.as_str()).bytes());
        for (number, (output, status)) in (1..).zip(outputs) {
            all.extend_from_slice(output);
            all.extend(format!("{} {number} {status}\n", m.as_str()).bytes());
        }
        all
    }

    proptest! {
        #[test]
        fn however_the_streams_are_split_the_replies_are_the_same(
            outputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..5),
            errors in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 5),
            noise in prop::collection::vec(any::<u8>(), 0..80),
            cuts in prop::collection::vec((any::<bool>(), 1usize..40), 1..60),
        ) {
            let out = stream(&noise, "42:b", &outputs.iter().map(|o| (o.clone(), "7")).collect::<Vec<_>>());
            let err = stream(b"", ".", &errors.iter().take(outputs.len()).map(|o| (o.clone(), ".")).collect::<Vec<_>>());
            let mut frames = frames(&vec![1000; outputs.len()]);
            let (mut out, mut err) = (out.as_slice(), err.as_slice());
            let mut events = Vec::new();
            for (first, size) in cuts.iter().cycle() {
                let (stream, rest) = if *first { (Stream::Out, &mut out) } else { (Stream::Err, &mut err) };
                let (now, later) = rest.split_at((*size).min(rest.len()));
                *rest = later;
                events.extend(frames.feed(stream, now));
                if out.is_empty() && err.is_empty() { break }
                if cuts.iter().all(|c| c.0 == *first) {
                    // Only one stream would ever be fed: give the other all at once.
                    let (other, rest) = if *first { (Stream::Err, &mut err) } else { (Stream::Out, &mut out) };
                    events.extend(frames.feed(other, std::mem::take(rest)));
                }
            }
            let mut expected = vec![Event::Ready { pid: 42, printf_is_builtin: true }];
            for (number, (stdout, stderr)) in (1..).zip(outputs.into_iter().zip(errors)) {
                expected.push(Event::Reply { number, told: Told { status: Some(7), stdout, stderr, over: false } });
            }
            prop_assert_eq!(events, expected);
        }

        #[test]
        fn no_bytes_make_it_panic_or_grow(chunks in prop::collection::vec((any::<bool>(), "([0-9a-f]{32} [0-9] .{0,5}\n|\\PC{0,40}|00112233445566778899aabbccddeeff[^\n]{0,80}){0,4}"), 0..12)) {
            let mut frames = frames(&[10, 10]);
            for (out, text) in chunks {
                frames.feed(if out { Stream::Out } else { Stream::Err }, text.as_bytes());
                prop_assert!(frames.out.kept.len() + frames.err.kept.len() <= 2 * NOISE_BYTES_MAX);
            }
        }
    }

    #[test]
    fn output_beyond_the_limit_is_dropped_and_said_once() {
        let mut frames = frames(&[5, 100]);
        let out = stream(b"", "1:b", &[(b"abcdefghij".repeat(20), "0"), (b"second".to_vec(), "1")]);
        let err = stream(b"", ".", &[(Vec::new(), "."), (Vec::new(), ".")]);
        let mut events = frames.feed(Stream::Out, &out);
        events.extend(frames.feed(Stream::Err, &err));
        let reply = |number, status, stdout: &[u8]| Event::Reply {
            number,
            told: Told {
                status: Some(status),
                stdout: stdout.to_vec(),
                stderr: Vec::new(),
                over: number == 1,
            },
        };
        assert_eq!(
            events,
            [
                Event::TooMuch { number: 1 },
                Event::Ready { pid: 1, printf_is_builtin: true },
                reply(1, 0, b"abcde"),
                reply(2, 1, b"second"),
            ]
        );
    }

    #[test]
    fn what_was_written_so_far_can_be_seen() {
        let mut frames = frames(&[12]);
        frames.feed(Stream::Out, &stream(b"hello\n", "1:x", &[]));
        frames.feed(Stream::Err, &stream(b"", ".", &[]));
        frames.feed(Stream::Out, b"half a line 0011");
        assert_eq!(frames.partial(), (b"half a line ".to_vec(), Vec::new()));
    }

    #[test]
    fn a_mark_out_of_order_is_garbled_and_ends_everything() {
        let mut frames = frames(&[5]);
        let wrong = format!("{} 3 0\n", mark().as_str());
        assert_eq!(frames.feed(Stream::Out, wrong.as_bytes()), [Event::Garbled]);
        assert_eq!(frames.feed(Stream::Out, &stream(b"", "1:b", &[])), []);
    }

    #[test]
    fn a_request_that_was_not_run_has_no_status() {
        let mut frames = frames(&[5]);
        frames.feed(Stream::Err, &stream(b"", ".", &[(Vec::new(), ".")]));
        let events = frames.feed(Stream::Out, &stream(b"", "1:b", &[(Vec::new(), "-")]));
        assert_eq!(
            events.last(),
            Some(&Event::Reply {
                number: 1,
                told: Told { status: None, stdout: Vec::new(), stderr: Vec::new(), over: false }
            })
        );
    }
}
