//! Questions to whoever sits at the terminal. Each names the flag that answers it, and without a terminal it is that
//! flag that is asked for, with exit code 2: nothing ever waits for somebody who is not there. What was typed before a question was
//! shown answers none.

use super::console::shown;
use super::engine::Engine;
use super::{Console, Exit, Failure, hidden};
use crate::execute::Asks;
use crate::model::{Secret, printable};
use crate::modules::Prompt;
use std::io::{self, BufRead, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most attempts at typing the number of hosts.
const ATTEMPTS_MAX: usize = 3;
/// What Linux says of `/dev/tty` in a session without a terminal (ENXIO).
const NO_DEVICE: i32 = 6;
/// Longest secret in a file.
const SECRET_BYTES_MAX: u64 = 4096;

/// Makes sure, before any work, that there will be somebody to confirm it.
///
/// # Errors
/// There is no terminal.
pub fn somebody_is_there(console: &Console) -> Result<(), Failure> {
    match console.is_interactive() {
        true => Ok(()),
        false => {
            Err(no_terminal("this needs a confirmation", "--yes; --check shows first what would happen"))
        }
    }
}

/// Asks for the number of hosts, which nobody types by habit.
///
/// # Errors
/// Somebody interrupted instead of answering.
pub fn number_of_hosts(console: &Console, engine: &Engine<'_>, hosts: usize) -> Result<bool, Failure> {
    number(console, engine, "the number of hosts", hosts)
}

/// Asks for the number of packages that would be removed, apart from that of hosts.
///
/// # Errors
/// As [`number_of_hosts`].
pub fn number_of_removals(console: &Console, engine: &Engine<'_>, packages: usize) -> Result<bool, Failure> {
    number(console, engine, "the number of packages that would be REMOVED", packages)
}

fn number(console: &Console, engine: &Engine<'_>, what: &str, expected: usize) -> Result<bool, Failure> {
    for _ in 0..ATTEMPTS_MAX {
        hidden::forget_what_was_typed();
        console.tell(&format!("\nType {what} to go on, or nothing to stop: "));
        let Some(line) = engine.ask(line) else {
            return Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed"));
        };
        match line?.trim() {
            "" => return Ok(false),
            typed if typed == expected.to_string() => return Ok(true),
            _ => console.tell(&format!("That is not {what}.\n")),
        }
    }
    Ok(false)
}

/// Makes sure that there is somebody to confirm a signature.
///
/// # Errors
/// There is no terminal.
pub fn somebody_is_there_to_sign(console: &Console) -> Result<(), Failure> {
    match console.is_interactive() {
        true => Ok(()),
        false => Err(no_terminal("a signature needs a confirmation", "--yes")),
    }
}

/// Asks what tasks want to know, where somebody is at the terminal.
pub fn for_tasks(console: &Console) -> Option<Asks> {
    if !console.is_interactive() {
        return None;
    }
    let live = console.live.clone();
    Some(Arc::new(move |prompt: &Prompt| {
        live.apart(|| {
            hidden::forget_what_was_typed();
            let mut err = io::stderr();
            let text = printable(prompt.text.trim_end());
            let asked = write!(err, "\n{text}: ").and_then(|()| err.flush());
            let typed = match prompt.echo {
                true => asked.and_then(|()| {
                    let mut line = String::new();
                    io::stdin().read_line(&mut line).map(|_| line)
                }),
                false => asked.and_then(|()| hidden::line()),
            };
            typed.ok().map(|line| line.trim_end_matches(['\r', '\n']).to_owned())
        })
    }))
}

/// Asks for a line.
///
/// # Errors
/// The terminal can't be read.
pub fn types(console: &Console, prompt: &str) -> Result<String, Failure> {
    hidden::forget_what_was_typed();
    console.tell(prompt);
    line().map(|line| line.trim().to_owned())
}

fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(|error| unreadable(&error))?;
    Ok(line)
}

/// Asks for a text that may be seen.
///
/// # Errors
/// There is no terminal, and `flag` would have made the question unnecessary.
pub fn visible(console: &Console, prompt: &str, flag: &str) -> Result<String, Failure> {
    if !console.is_interactive() {
        return Err(no_terminal(&format!("{prompt} is needed"), flag));
    }
    hidden::forget_what_was_typed();
    console.tell(&format!("{prompt}: "));
    Ok(line()?.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks for a secret without showing what is typed.
///
/// # Errors
/// There is no terminal, and `flag` would have made the question unnecessary.
pub fn secret(console: &Console, prompt: &str, flag: &str) -> Result<Secret, Failure> {
    if !console.is_interactive() {
        return Err(no_terminal(&format!("{prompt} is needed"), flag));
    }
    hidden::forget_what_was_typed();
    let mut err = console.err();
    let _nobody_listens = write!(err, "{prompt}: ").and_then(|()| err.flush());
    let text = hidden::line().map_err(|error| match error.raw_os_error() {
        // The streams are a terminal, but not this session's (setsid, some containers): nothing can be hidden there.
        Some(NO_DEVICE) => no_terminal(&format!("{prompt} is needed"), flag),
        _ => unreadable(&error),
    })?;
    let secret = Secret::new(text);
    console.masks.add(&secret);
    Ok(secret)
}

/// Reads a secret from the first line of a file, which nobody else may be able to read.
///
/// # Errors
/// The file can't be read, others may read it, or it is empty.
pub fn secret_file(console: &Console, file: &Path) -> Result<Secret, Failure> {
    let name = shown(file);
    let metadata = std::fs::metadata(file).map_err(|error| unreadable_file(file, &error))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(
            Failure::usage(format!("others may read or write {name}")).hint(format!("chmod 600 {name}"))
        );
    }
    let mut line = Zeroizing::new(String::new());
    let opened = std::fs::File::open(file).map_err(|error| unreadable_file(file, &error))?;
    let mut reader = io::BufReader::new(opened.take(SECRET_BYTES_MAX));
    reader.read_line(&mut line).map_err(|error| unreadable_file(file, &error))?;
    let text = line.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Failure::usage(format!("{name} is empty: expected the secret in its first line")));
    }
    let secret = Secret::new(text.to_owned());
    console.masks.add(&secret);
    Ok(secret)
}

fn unreadable_file(file: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("can't read {}: {error}", shown(file)))
}

/// Asks for the passphrase of a key; nobody's answer is none.
pub fn passphrase(console: &Console, key: &Path) -> Option<Secret> {
    let prompt = format!("Passphrase of {}", shown(key));
    let secret = secret(console, &prompt, "an ssh-agent that holds the key")
        .ok()
        .filter(|secret| !secret.expose().is_empty())?;
    // The same key may be needed again, to open what is sealed.
    console.ring.remember(key, &secret);
    Some(secret)
}

fn no_terminal(what: &str, flag: &str) -> Failure {
    Failure::usage(format!("{what}, and there is no terminal to ask at")).hint(format!("use {flag}"))
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::usage(format!("can't read the answer: {error}"))
}
