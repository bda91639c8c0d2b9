//! Whether the host answers at all.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};

/// Asks for a sign of life: that a shell runs what it is sent.
pub struct Alive;

impl Question for Alive {
    type Answer = ();
    const SCRIPT: Script = Script { name: "alive", text: "echo alive" };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        Subjects::NONE
    }

    fn parse(&self, output: &Output) -> Result<(), ParseError> {
        match output.text().trim() {
            "alive" => Ok(()),
            _ => Err(ParseError::new("'alive'", output)),
        }
    }
}
