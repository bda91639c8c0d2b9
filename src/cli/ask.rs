//! Questions to whoever sits at the terminal. Each names the flag that answers it, and without a terminal it is that
//! flag that is asked for, with exit code 2: nothing ever waits for somebody who is not there.

use super::{Console, Failure};
use crate::model::Secret;
use std::io::{self, Write};
use std::path::Path;

/// Most attempts at typing the number of hosts.
const ATTEMPTS_MAX: usize = 3;

/// Asks for the number of hosts, which nobody types by habit.
///
/// # Errors
/// There is no terminal.
pub fn number_of_hosts(console: &Console, hosts: usize, what: &str) -> Result<bool, Failure> {
    if !console.is_interactive() {
        return Err(no_terminal("this needs a confirmation", "--yes (after looking at it with --check)"));
    }
    for _ in 0..ATTEMPTS_MAX {
        console.tell(&format!("{what}\nType the number of hosts to go on, or nothing to stop: "));
        let mut line = String::new();
        let read = io::stdin().read_line(&mut line).map_err(|error| unreadable(&error))?;
        match line.trim() {
            "" => return Ok(false),
            _ if read == 0 => return Ok(false),
            typed if typed == hosts.to_string() => return Ok(true),
            _ => console.tell("That is not the number of hosts.\n"),
        }
    }
    Ok(false)
}

/// Asks for a secret without showing what is typed.
///
/// # Errors
/// There is no terminal, and `flag` would have made the question unnecessary.
pub fn secret(console: &Console, prompt: &str, flag: &str) -> Result<Secret, Failure> {
    if !console.is_interactive() {
        return Err(no_terminal(&format!("{prompt} is needed"), flag));
    }
    let mut err = console.err();
    let _nobody_listens = write!(err, "{prompt}: ").and_then(|()| err.flush());
    let text = rpassword::read_password().map_err(|error| unreadable(&error))?;
    let secret = Secret::new(text);
    console.masks.add(&secret);
    Ok(secret)
}

/// Asks for the passphrase of a key; nobody's answer is none.
pub fn passphrase(console: &Console, key: &Path) -> Option<Secret> {
    let prompt = format!("Passphrase of {}", super::console::shown(key));
    secret(console, &prompt, "an ssh-agent that holds the key")
        .ok()
        .filter(|secret| !secret.expose().is_empty())
}

fn no_terminal(what: &str, flag: &str) -> Failure {
    Failure::usage(format!("{what}, and there is no terminal to ask at")).hint(format!("use {flag}"))
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::usage(format!("can't read the answer: {error}"))
}
