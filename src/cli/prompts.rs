//! `vars_prompt`: variables of which somebody is asked before anything begins. `--extra-vars` answers beforehand; without a
//! terminal the default counts, and where there is none that is an error.

use super::{Console, Failure, ask};
use crate::load::playbook::Prompt;
use crate::load::{Node, Playbook, Tag, Variable};
use crate::model::Map;
use crate::people::random_bytes;
use crate::template::hash_of;

/// Whether anybody is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asking {
    /// Whoever is at the terminal.
    Somebody,
    /// Nobody: what is only looked at needs no answer.
    Nobody,
}

/// Gives plays the answers to what they ask.
///
/// # Errors
/// There is no terminal and no default, or two answers differ.
pub fn answer(
    console: &Console,
    playbooks: &mut [Playbook],
    extra: &Map,
    asking: Asking,
) -> Result<(), Failure> {
    for play in playbooks.iter_mut().flat_map(|playbook| &mut playbook.plays) {
        for prompt in &play.prompts {
            if extra.contains_key(&prompt.name) {
                continue;
            }
            let default = prompt.default.as_ref().and_then(|node| node.word().ok());
            let text = match asking {
                Asking::Nobody => default.unwrap_or_default(),
                Asking::Somebody => one(console, prompt, default)?,
            };
            let text = if text.is_empty() { text } else { hashed(prompt, text)? };
            // What was typed is data.
            let node = Node { tag: Some(Tag::Unsafe), ..Node::text(&prompt.place, text) };
            let variable = Variable { place: prompt.place.clone(), node };
            play.keywords.vars.insert(prompt.name.clone(), variable);
        }
    }
    Ok(())
}

/// What is kept of what was typed: a hash of it where the prompt says so.
fn hashed(prompt: &Prompt, text: String) -> Result<String, Failure> {
    let Some(kind) = &prompt.encrypt else { return Ok(text) };
    let salt = match &prompt.salt {
        Some(salt) => salt.clone(),
        None => salt_of(kind, prompt.salt_size.unwrap_or(16))?,
    };
    hash_of(kind, &salt, &text)
        .map_err(|why| Failure::usage(format!("'{}' can't be hashed: {why}", prompt.name)))
}

/// A salt of so many characters; those of bcrypt have 22, the last of them with two bits only.
fn salt_of(kind: &str, size: u64) -> Result<String, Failure> {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let bytes = random_bytes()?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 64)).copied().map(char::from);
    if matches!(kind, "bcrypt" | "blowfish") {
        return Ok(bytes.iter().take(21).filter_map(letter).chain(['.']).collect());
    }
    let size = usize::try_from(size.clamp(1, 16)).unwrap_or(16);
    Ok(bytes.iter().take(size).filter_map(letter).collect())
}

fn one(console: &Console, prompt: &Prompt, default: Option<String>) -> Result<String, Failure> {
    if let (false, Some(default)) = (console.is_interactive(), &default) {
        return Ok(default.clone());
    }
    let text = prompt.text.trim_end().trim_end_matches(':');
    let shown = default.as_ref().map(|text| format!(" [{text}]")).unwrap_or_default();
    let flag = format!("--extra-vars {}=…", prompt.name);
    let typed = || {
        let question = format!("{text}{shown}");
        match prompt.private {
            true => Ok(ask::secret(console, &question, &flag)?.expose().to_owned()),
            false => ask::visible(console, &question, &flag),
        }
    };
    let answer = typed()?;
    if prompt.confirm && typed()? != answer {
        return Err(Failure::usage(format!("the two answers to '{text}' differ")));
    }
    Ok(if answer.is_empty() { default.unwrap_or_default() } else { answer })
}
