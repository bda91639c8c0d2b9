//! `wgops man`: the manual, one page for all verbs or one page for one of them.

use super::{Console, Exit, Failure, command};
use crate::model::nearest;
use clap::Args;

const EXAMPLES: &str = "\
Read it with: wgops man | man -l -";

/// Print the manual page
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// The verb; without it the page of wgops itself
    verb: Option<String>,
}

impl Man {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let mut whole = command();
        whole.build();
        let page = match &self.verb {
            None => whole,
            Some(name) => verb(&whole, name)?,
        };
        let mut text = Vec::new();
        clap_mangen::Man::new(page).render(&mut text).map_err(|error| Failure::usage(error.to_string()))?;
        console.result(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Well)
    }
}

fn verb(whole: &clap::Command, name: &str) -> Result<clap::Command, Failure> {
    let known: Vec<&str> = whole.get_subcommands().map(clap::Command::get_name).collect();
    match whole.find_subcommand(name) {
        Some(found) => Ok(found.clone()),
        None => {
            let failure = Failure::usage(format!("'{name}' is no verb of wgops"));
            Err(match nearest(name, known.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure.hint(format!("the verbs are {}", known.join(", "))),
            })
        }
    }
}
