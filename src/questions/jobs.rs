//! Scripts that go on apart from any connection: how far one is, and what it printed. What starts and collects them is in
//! `crate::execute`; here is what can be asked, and how the answer is read.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};
use std::time::Duration;

/// Waits for a detached script's end, or for news. `$1`: its directory. `$2`: bytes to print of each stream. `$3`: seconds
/// to wait. `$4`: bytes that are known already.
pub const COLLECT: Script = Script {
    name: "wgops_collect",
    text: concat!(include_str!("held/holders.sh"), include_str!("held/collect.sh")),
};

/// Bytes of its output that are kept.
pub const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Exit status of a job that took longer than it may.
pub const TOO_LONG: u8 = 124;

/// What stands before the statuses of a job's steps, on the last line of what it printed.
const TRAILER: &[u8] = b"\nwgops-steps";

/// How far a detached script was when it was looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Look {
    /// It goes on; so many bytes it has printed, and these are news.
    Going(u64, String),
    /// It ended so.
    Ended(Output),
    /// It neither goes on nor ended; what it printed.
    Cut(Output),
    /// There is nothing by its name.
    Nothing,
}

impl Look {
    /// Reads what the script printed; nothing where that makes no sense.
    pub fn parse(output: Output) -> Option<Self> {
        let cut = output.stdout.iter().position(|byte| *byte == b'\n')?;
        let head = String::from_utf8_lossy(output.stdout.get(..cut)?).into_owned();
        let rest = output.stdout.get(cut + 1..)?.to_vec();
        let (word, number) = head.split_once(' ').unwrap_or((&head, ""));
        match word {
            "ended" => Some(Self::Ended(Output { status: number.parse().ok()?, stdout: rest, ..output })),
            "going" => Some(Self::Going(number.parse().ok()?, String::from_utf8_lossy(&rest).into_owned())),
            "cut" => Some(Self::Cut(Output { stdout: rest, ..output })),
            "none" => Some(Self::Nothing),
            _ => None,
        }
    }
}

/// Asks how far a job is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobState {
    /// Its directory's name.
    pub name: String,
}

impl JobState {
    /// Whether a text can be the name of a job's directory: nothing that leads anywhere else.
    pub fn is_name(text: &str) -> bool {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        !text.is_empty() && !text.starts_with('.') && text.len() < 200 && text.chars().all(fits)
    }
}

impl Question for JobState {
    type Answer = Look;
    const SCRIPT: Script = COLLECT;

    fn args(&self) -> Argv {
        Argv(vec![self.name.clone(), OUTPUT_BYTES_MAX.to_string(), "0".into(), "0".into()])
    }

    fn reads(&self) -> Subjects {
        Subjects::NONE
    }

    fn parse(&self, output: &Output) -> Result<Look, ParseError> {
        Look::parse(output.clone()).ok_or_else(|| ParseError::new("how far a job is", output))
    }

    fn cost(&self) -> Cost {
        // What it has changed meanwhile is old behind this.
        Cost::Costly { deadline: Cost::CHEAP_DEADLINE + Duration::from_secs(30) }
    }
}

/// What each step of a job printed, and how it ended; nothing where the job was ended before it could say that.
pub fn steps(output: &Output) -> Option<Vec<Output>> {
    let at = memchr::memmem::rfind(&output.stdout, TRAILER)?;
    let trailer = std::str::from_utf8(output.stdout.get(at + TRAILER.len()..)?).ok()?;
    let (mut out, mut err) = (output.stdout.get(..at)?, output.stderr.as_slice());
    let mut steps = Vec::new();
    for step in trailer.split_whitespace() {
        let mut numbers = step.split(':');
        let status = numbers.next()?.parse().ok()?;
        let mut part = |from: &mut &[u8]| {
            let length = numbers.next()?.parse().ok()?;
            // The beginning of much output is lost; what is left is the last step's.
            let (part, rest) = from.split_at(from.len().min(length));
            *from = rest;
            Some(part.to_vec())
        };
        let (stdout, stderr) = (part(&mut out)?, part(&mut err)?);
        steps.push(Output { status, stdout, stderr });
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_parted_and_a_job_that_was_ended_has_none() {
        let output = Output {
            status: 1,
            stdout: b"a\nwgops-steps 0:1:1\nbc\nwgops-steps 0:18:0 3:4:2\n".to_vec(),
            stderr: b"xyz".to_vec(),
        };
        let parts = steps(&output).unwrap();
        assert_eq!(parts.iter().map(|part| part.status).collect::<Vec<_>>(), [0, 3]);
        assert_eq!((parts[1].text().as_ref(), parts[1].error_text().as_ref()), ("1\nbc", "xy"));
        assert_eq!(steps(&Output { status: TOO_LONG, stdout: b"half".to_vec(), ..Output::default() }), None);
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for (name, fits) in [("01J-3", true), ("", false), ("..", false), ("a/b", false), ("a b", false)] {
            assert_eq!(JobState::is_name(name), fits, "{name}");
        }
    }
}
