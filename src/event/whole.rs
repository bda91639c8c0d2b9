//! Everything that a change sends, in lines for whoever puts their name behind it. A summary says what a change is about; what
//! decides may stand in an argument, at the end of a long command, or in what a program reads.

use crate::model::{Content, Digest, printable};
use std::collections::BTreeMap;
use std::fmt;

/// The most bytes of a text that are shown line by line.
const SHOWN_BYTES_MAX: usize = 256 << 10;
/// So much is shown of what is not shown.
const BEGINNING_BYTES: usize = 64;
/// So many blanks side by side are counted, and not printed: they would push what follows out of sight.
const BLANKS_MAX: usize = 16;

/// What a change sends. Never written as it is: it is what digests stand for elsewhere.
#[derive(Clone, PartialEq, Default)]
pub struct Whole {
    /// Who it runs as; nothing: who logged in.
    pub user: Option<String>,
    /// Environment variables, with their values.
    pub environment: Vec<(String, String)>,
    /// Where, if that is not as usual on the task's own host.
    pub at: Option<String>,
    /// Arguments of the script.
    pub arguments: Vec<String>,
    /// What the script calls them, by position: the first is 1.
    pub names: BTreeMap<usize, &'static str>,
    /// What it reads.
    pub content: Option<Content>,
}

impl fmt::Debug for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Whole")
    }
}

impl Whole {
    /// All of it, in printable lines of which none is cut.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(at) = &self.at {
            lines.push(format!("on {}", printable(at)));
        }
        if let Some(user) = &self.user {
            lines.push(format!("as {}", word(user)));
        }
        for (name, value) in &self.environment {
            text(&format!("in the environment {}=", word(name)), value, &mut lines);
        }
        self.say_arguments(&mut lines);
        if let Some(content) = &self.content {
            sent(content, &mut lines);
        }
        lines
    }

    /// Arguments side by side as far as each is one line; under the names that the script has for them.
    fn say_arguments(&self, lines: &mut Vec<String>) {
        let named = |(at, argument)| (self.names.get(&(at + 1)).copied(), argument);
        let mut arguments = self.arguments.iter().enumerate().map(named).peekable();
        let mut short = Vec::new();
        while let Some((name, argument)) = arguments.next_if(|(_, argument)| !argument.contains('\n')) {
            short.push(match name {
                Some(name) => format!("{name}={}", word(argument)),
                // No word may pass for one of the script's own.
                None if !self.names.is_empty() && argument.contains('=') => quoted(argument),
                None => word(argument),
            });
        }
        if !short.is_empty() {
            lines.push(format!("with {}", short.join(" ")));
        }
        for (name, argument) in arguments {
            let name = name.map(|name| format!("{name}=")).unwrap_or_default();
            text(&format!("with {name}"), argument, lines);
        }
    }
}

impl Whole {
    /// The same with texts as `mask` leaves them. Bytes that are no text hold what they hold, and are not shown anyway.
    #[must_use]
    pub fn masked(&self, mask: &dyn Fn(&str) -> String) -> Self {
        let content = self.content.as_ref().map(|content| match std::str::from_utf8(content.bytes()) {
            Ok(text) => Content::new(mask(text).into_bytes()),
            Err(_) => content.clone(),
        });
        Self {
            user: self.user.clone(),
            at: self.at.clone(),
            environment: self.environment.iter().map(|(name, value)| (name.clone(), mask(value))).collect(),
            arguments: self.arguments.iter().map(|argument| mask(argument)).collect(),
            names: self.names.clone(),
            content,
        }
    }
}

/// What goes to a script's stdin.
fn sent(content: &Content, lines: &mut Vec<String>) {
    let bytes = content.bytes();
    let is_short = bytes.len() <= SHOWN_BYTES_MAX;
    match std::str::from_utf8(bytes) {
        Ok(shown) if is_short => text("sends ", shown, lines),
        // A byte of another encoding hides nothing of the rest.
        Err(_) if is_short && is_mostly_text(bytes) => text("sends ", &spelled(bytes), lines),
        _ => {
            let kind = if is_short { "no text" } else { "too many to be shown here" };
            let start = spelled(bytes.get(..BEGINNING_BYTES.min(bytes.len())).unwrap_or_default());
            lines.push(format!(
                "sends {} bytes that are NOT SHOWN, {kind}: {}; they begin with '{}'",
                bytes.len(),
                Digest::of(bytes),
                seen(&start)
            ));
        }
    }
}

/// Whether bytes are a text but for some of them: in another encoding, as programs and settings are.
fn is_mostly_text(bytes: &[u8]) -> bool {
    let odd = bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum::<usize>();
    !bytes.contains(&0) && odd <= bytes.len() / 4
}

/// A text with the bytes that are none written out.
fn spelled(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}

/// A text of one line behind a word, one of several lines below it.
fn text(before: &str, text: &str, lines: &mut Vec<String>) {
    match text.strip_suffix('\n').unwrap_or(text) {
        one if !one.contains('\n') => lines.push(format!("{before}{}", word(one))),
        several => {
            lines.push(format!("{before}a text of {} lines:", several.split('\n').count()));
            lines.extend(several.split('\n').map(|line| format!("| {}", seen(line))));
        }
    }
}

/// A word as a shell would want it written.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "@%_+=:,./-".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => printable(text).into_owned(),
        false => quoted(text),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", seen(text))
}

/// A line in which nothing hides: what doesn't print is written out, and many blanks are counted.
fn seen(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if blanks > BLANKS_MAX {
            out.push_str(&format!("␣×{blanks} "));
        } else {
            out.push_str(&rest.get(..blanks).unwrap_or_default().replace('\t', "    "));
        }
        rest = rest.get(blanks..).unwrap_or_default();
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        out.push_str(&printable(rest.get(..end).unwrap_or_default()));
        rest = rest.get(end..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_what_is_sent_is_left_out() {
        let long = format!("echo harmless{}; echo EVIL > /root/x", " ".repeat(5000));
        let whole = Whole {
            user: Some("root".into()),
            at: Some("web2".into()),
            environment: vec![("PATH".into(), "/tmp/evil:/bin".into())],
            arguments: vec![
                "".into(),
                "/bin/sh".into(),
                "last=mine".into(),
                long,
                "a\nb\u{1b}[2J".into(),
                "z".into(),
            ],
            names: BTreeMap::from([(1, "stamp"), (6, "last")]),
            content: Some(Content::new(*b"one\ntwo\n")),
        };
        assert_eq!(
            whole.lines(),
            [
                "on web2",
                "as root",
                "in the environment PATH=/tmp/evil:/bin",
                "with stamp='' /bin/sh 'last=mine' 'echo harmless␣×5000 ; echo EVIL > /root/x'",
                "with a text of 2 lines:",
                "| a",
                "| b^[[2J",
                "with last=z",
                "sends a text of 2 lines:",
                "| one",
                "| two",
            ]
        );
        let lines = Whole { content: Some(Content::new(vec![b'x'; 300_000])), ..Whole::default() }.lines();
        let said = "sends 300000 bytes that are NOT SHOWN, too many to be shown here: sha256:";
        assert!(lines[0].starts_with(said) && lines[0].ends_with("xxx'"), "{lines:?}");
        let lines = Whole { content: Some(Content::new(*b"\xff\xfe")), ..Whole::default() }.lines();
        assert!(lines[0].starts_with("sends 2 bytes that are NOT SHOWN, no text: sha256:"), "{lines:?}");
        assert!(lines[0].ends_with(r"they begin with '\xff\xfe'"), "{lines:?}");
        // One letter of another encoding hides no program.
        let latin = *b"#!/bin/sh\n# caf\xe9\ntouch /root/EVIL\n";
        let lines = Whole { content: Some(Content::new(latin)), ..Whole::default() }.lines();
        assert_eq!(lines[1..], ["| #!/bin/sh", r"| # caf\xe9", "| touch /root/EVIL"], "{lines:?}");
    }

    #[test]
    fn three_hundred_lines_are_three_hundred_lines() {
        let command = format!("{}echo EVIL\n", "echo harmless\n".repeat(300));
        let lines = Whole { arguments: vec![command], ..Whole::default() }.lines();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (302, Some("| echo EVIL")));
    }
}
