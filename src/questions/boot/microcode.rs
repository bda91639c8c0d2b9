//! Microcode: what the processor runs, and whether a package brought another one since the boot.

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks which microcode the processor runs.
pub struct Microcode;

/// What is known of a processor's microcode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MicrocodeState {
    /// This is a virtual machine or a container: it is another machine's business.
    Guest,
    /// A machine of its own.
    Machine {
        /// The revision that runs, where the kernel tells: `0xf0`.
        running: Option<String>,
        /// Packages of microcode that were installed after the boot.
        newer: Vec<String>,
    },
}

impl Question for Microcode {
    type Answer = MicrocodeState;
    const SCRIPT: Script = Script { name: "microcode", text: include_str!("microcode.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Machine, Subject::Packages].into()
    }

    fn parse(&self, output: &Output) -> Result<MicrocodeState, ParseError> {
        let text = output.text();
        if text.trim() == "guest" {
            return Ok(MicrocodeState::Guest);
        }
        let (mut running, mut newer, mut told) = (None, Vec::new(), false);
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("running", revision)) => {
                    told = true;
                    running = Some(revision.to_owned()).filter(|revision| revision != "unknown");
                }
                Some(("newer", name)) => newer.push(name.to_owned()),
                Some(("older", _)) => {}
                _ => return Err(ParseError::new("lines 'running', 'newer', 'older', or 'guest'", output)),
            }
        }
        if !told {
            return Err(ParseError::new("a line 'running REVISION' or 'guest'", output));
        }
        Ok(MicrocodeState::Machine { running, newer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn a_package_newer_than_the_boot_is_told_and_a_guest_has_none() {
        let parse = |text: &str| Microcode.parse(&Output::ok(text)).unwrap();
        assert_eq!(parse("guest\n"), MicrocodeState::Guest);
        let machine = parse("running 0xf0\nnewer intel-microcode\nolder amd64-microcode\n");
        let expected =
            MicrocodeState::Machine { running: Some("0xf0".into()), newer: vec!["intel-microcode".into()] };
        assert_eq!(machine, expected);
        assert_eq!(parse("running unknown\n"), MicrocodeState::Machine { running: None, newer: Vec::new() });
        assert!(Microcode.parse(&Output::ok("")).is_err());
    }

    #[test]
    fn every_shell_tells_something_of_this_machine() {
        for bench in Workbench::every_shell() {
            let output = bench.run(Microcode::SCRIPT, &Microcode.args(), None);
            assert!(Microcode.parse(&output).is_ok(), "{}: {}", bench.name(), output.text());
        }
    }
}
