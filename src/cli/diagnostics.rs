//! What `-v` and `WGOPS_LOG` show on stderr, by `tracing`: never results, and scrubbed on its way.

use super::Console;
use super::live::Live;
use crate::model::{Secret, printable};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Shorter secrets are not masked: their letters stand everywhere.
pub const MASKED_BYTES_MIN: usize = 4;
/// Fewer digits of Base64 may be anything.
const BASE64_DIGITS_MIN: usize = 6;

/// Shorter lines of a longer secret are not masked: a sealed file has lines that stand everywhere.
const LINE_BYTES_MIN: usize = 16;

/// Secrets that must not appear in diagnostics, in any usual spelling. The second net: the first is that secrets can't
/// be printed at all.
#[derive(Clone, Default)]
pub struct Masks(Arc<RwLock<Vec<Secret>>>);

impl Masks {
    /// Masks a secret from now on.
    pub fn add(&self, secret: &Secret) {
        let text = secret.expose();
        if text.len() < MASKED_BYTES_MIN {
            return;
        }
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.extend(spellings(text).map(Secret::new));
    }

    /// Masks a secret of several lines: the whole, and each of its longer lines, as `grep` and editors show them.
    pub fn add_with_lines(&self, secret: &Secret) {
        let text = secret.expose().trim_end_matches(['\r', '\n']);
        self.add(&Secret::new(text.to_owned()));
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= LINE_BYTES_MIN && *line != text);
        lines.for_each(|line| self.add(&Secret::new(line.to_owned())));
    }

    /// The text without the secrets.
    pub fn masked<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mask = |text: Cow<'a, str>, secret: &Secret| match text.contains(secret.expose()) {
            true => Cow::Owned(text.replace(secret.expose(), "********")),
            false => text,
        };
        all.iter().fold(Cow::Borrowed(text), mask)
    }

    fn scrub(&self, text: &str) -> String {
        printable(&self.masked(text)).into_owned()
    }
}

/// A text in the middle of something else in Base64, behind so many bytes more than a multiple of three: those digits that
/// hold nothing of its neighbours.
fn within_base64(text: &str, before: usize) -> [String; 2] {
    let padded = [&[0; 2][..before], text.as_bytes()].concat();
    let (from, to) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    let core = |coded: String| coded.get(from..to).unwrap_or_default().to_owned();
    [core(BASE64_STANDARD.encode(&padded)), core(BASE64_URL_SAFE.encode(&padded))]
}

fn spellings(text: &str) -> impl Iterator<Item = String> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = text
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    let escaped = text.escape_debug().to_string();
    let base64 = [BASE64_STANDARD.encode(text), BASE64_URL_SAFE.encode(text)];
    let unpadded = base64.clone().map(|text| text.trim_end_matches('=').to_owned());
    let within = (0..3).flat_map(|before| within_base64(text, before));
    let within: Vec<String> = within.filter(|core| core.len() >= BASE64_DIGITS_MIN).collect();
    [text.to_owned(), escaped, hex, percent].into_iter().chain(base64).chain(unpadded).chain(within)
}

struct Scrubbed(Masks, Live);

impl<'a> MakeWriter<'a> for Scrubbed {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line { masks: self.0.clone(), live: self.1.clone(), bytes: Vec::new() }
    }
}

/// One event's text, written as a whole.
struct Line {
    masks: Masks,
    live: Live,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = self.masks.scrub(&String::from_utf8_lossy(&self.bytes));
        let _nobody_listens = self.live.apart(|| io::stderr().write_all(text.as_bytes()));
    }
}

/// Begins to show diagnostics: what `WGOPS_LOG` asks for, else as `-v` says.
pub fn begin(console: &Console) {
    let default = match console.view.verbosity {
        0 | 1 => "warn",
        2 => "warn,wgops=debug",
        _ => "debug,wgops=trace",
    };
    let (filter, wrong) = match std::env::var("WGOPS_LOG").ok().filter(|text| !text.is_empty()) {
        Some(text) => match EnvFilter::try_new(&text) {
            Ok(filter) => (filter, None),
            Err(error) => (EnvFilter::new(default), Some(error.to_string())),
        },
        None => (EnvFilter::new(default), None),
    };
    let _set_already = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_timer(tracing_subscriber::fmt::time::uptime())
        .with_writer(Scrubbed(console.masks.clone(), console.live.clone()))
        .try_init();
    if let Some(error) = wrong {
        tracing::warn!("WGOPS_LOG is no filter ({error}): expected for example 'wgops=debug'");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::BASE64_STANDARD_NO_PAD;

    #[test]
    fn secrets_are_masked_in_every_usual_spelling() {
        let masks = Masks::default();
        let secret = "hunter2\"§/+?";
        masks.add(&Secret::new(secret.into()));
        for spelling in spellings(secret) {
            let scrubbed = masks.scrub(&format!("before {spelling} after"));
            assert!(!scrubbed.contains(&spelling), "{spelling}");
            assert!(scrubbed.starts_with("before ****"), "{scrubbed}");
        }
    }

    #[test]
    fn a_secret_in_the_middle_of_something_in_base64_is_masked_wherever_it_begins() {
        let masks = Masks::default();
        masks.add(&Secret::new("Kanarienvogel".into()));
        masks.add(&Secret::new("abcd".into()));
        for before in ["", "a", "a=", "a= ", "pass"] {
            for after in ["", "\n", "\nxy", "; more\n"] {
                let coded = BASE64_STANDARD.encode(format!("{before}Kanarienvogel{after}"));
                let shown = masks.scrub(&coded);
                // Not a single piece of its middle is left.
                let left = (0..shown.len())
                    .filter_map(|at| BASE64_STANDARD_NO_PAD.decode(shown.get(at..at + 8)?).ok());
                assert!(shown.contains("********"), "{shown}");
                for bytes in left {
                    assert!(!String::from_utf8_lossy(&bytes).contains("arien"), "{shown}");
                }
            }
        }
        assert_eq!(masks.scrub("nothing of it: YWJj"), "nothing of it: YWJj");
    }

    #[test]
    fn control_characters_are_only_shown_and_short_secrets_mask_nothing() {
        let masks = Masks::default();
        masks.add(&Secret::new("a".into()));
        assert_eq!(masks.scrub("banana \u{1b}[2J"), "banana ^[[2J");
    }
}
