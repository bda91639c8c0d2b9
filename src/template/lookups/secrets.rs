//! The lookup `password`: what a file keeps, or a new one that is kept there. It is a secret from here on.

use super::{lookup_error, names, option, options_in};
use crate::template::call::{Call, items_of, text_of};
use crate::template::chance::{self, Chance};
use crate::template::filters::{Hashing, hash_password, new_salt};
use crate::template::functions::terms;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use std::path::{Path, PathBuf};

pub(super) const PASSWORD: &[&str] = &["*terms", "length", "chars", "encrypt", "ident", "seed"];

/// The longest password.
const LENGTH_MAX: usize = 10_000;

/// What is asked for.
struct Wish {
    path: String,
    length: usize,
    chars: Vec<char>,
    encrypt: Option<String>,
    seed: Option<String>,
}

pub(super) fn password(state: &mut State, call: &Call) -> Result<Value, Error> {
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let wish = wish(call, &text_of(&term)?)?;
        found.push(Value::from(one(state, call, &wish)?));
    }
    Ok(Value::from(found))
}

fn wish(call: &Call, term: &str) -> Result<Wish, Error> {
    let (path, options) = options_in(term, &["length", "chars", "encrypt", "ident", "seed"]);
    let length = match option(call, &options, "length")? {
        None => 20,
        Some(text) => text
            .parse()
            .ok()
            .filter(|length| *length <= LENGTH_MAX)
            .ok_or_else(|| call.wrong(format!("length is from 0 to {LENGTH_MAX}, not '{text}'")))?,
    };
    let named: Vec<String> = match call.arg("chars").filter(|chars| !chars.is_none()) {
        Some(list) if list.kind() != ValueKind::String => {
            items_of(list, "chars")?.iter().map(text_of).collect::<Result<_, _>>()?
        }
        _ => option(call, &options, "chars")?.map_or_else(
            || ["ascii_letters", "digits", ".,:-_"].map(str::to_owned).to_vec(),
            |text| {
                text.replace(",,", "\0")
                    .split(',')
                    .filter(|part| !part.is_empty())
                    .map(|part| part.replace('\0', ","))
                    .collect()
            },
        ),
    };
    let chars: Vec<char> = named.iter().flat_map(|name| class(name)).collect();
    if chars.is_empty() {
        return Err(call.wrong("chars names no character"));
    }
    Ok(Wish {
        path,
        length,
        chars,
        encrypt: option(call, &options, "encrypt")?,
        seed: option(call, &options, "seed")?,
    })
}

/// The characters of a class that Python's `string` has, or those of the name itself.
fn class(name: &str) -> Vec<char> {
    let (lower, upper) = (('a'..='z').collect::<Vec<_>>(), ('A'..='Z').collect::<Vec<_>>());
    match name {
        "ascii_letters" => [lower, upper].concat(),
        "ascii_lowercase" => lower,
        "ascii_uppercase" => upper,
        "digits" => ('0'..='9').collect(),
        "hexdigits" => "0123456789abcdefABCDEF".chars().collect(),
        "octdigits" => ('0'..='7').collect(),
        "punctuation" => (0x21..0x7f_u8).map(char::from).filter(char::is_ascii_punctuation).collect(),
        other => other.chars().collect(),
    }
}

fn one(state: &State, call: &Call, wish: &Wish) -> Result<String, Error> {
    let names = names(state)?;
    names.session.taint();
    let controller = &names.session.cache.controller;
    let path = place(&names.scope.search_dirs(), &wish.path);
    let kept = match wish.path.as_str() {
        "/dev/null" => None,
        _ if controller.kind(&path).is_none() => None,
        _ => Some(
            controller
                .read(&path)
                .map_err(|error| lookup_error(format!("'{}' can't be read: {error}", path.display())))?,
        ),
    };
    if let Some(kept) = kept {
        let text =
            String::from_utf8(kept).map_err(|_| lookup_error(format!("'{}' is no text", path.display())))?;
        return finish(call, wish, text.trim_end_matches(['\n', '\r']));
    }
    if wish.seed.is_none() && !controller.acts() {
        return Err(names.session.unknown("a password that is yet to be made"));
    }
    let mut text = match &wish.seed {
        Some(seed) => {
            let mut chance = Chance::from_text(seed);
            pick(wish, |limit| chance.below(limit))
        }
        None => {
            let mut chance = chance::drawn(state, "password")?;
            pick(wish, |limit| chance.below(limit))
        }
    };
    if let Some(encrypt) = &wish.encrypt {
        text.push_str(&format!(" salt={}", new_salt(encrypt, &mut chance::drawn(state, "salt")?)));
    }
    if wish.path != "/dev/null" && controller.acts() {
        controller
            .keep(&path, &format!("{text}\n"))
            .map_err(|error| lookup_error(format!("'{}' can't be written: {error}", path.display())))?;
    }
    finish(call, wish, &text)
}

fn pick(wish: &Wish, mut below: impl FnMut(u64) -> u64) -> String {
    let choices = wish.chars.len() as u64;
    (0..wish.length)
        .filter_map(|_| wish.chars.get(usize::try_from(below(choices)).unwrap_or_default()))
        .collect()
}

/// A relative path is meant from the playbook's folder, which is searched last.
fn place(searched: &[PathBuf], path: &str) -> PathBuf {
    match searched.last().filter(|_| !path.starts_with('/')) {
        Some(folder) => folder.join(path),
        None => Path::new(path).to_owned(),
    }
}

/// What the lookup gives for what the file keeps: `password`, or `password salt=…` and then its hash.
fn finish(call: &Call, wish: &Wish, kept: &str) -> Result<String, Error> {
    let (password, salt) =
        kept.rsplit_once(" salt=").map_or((kept, None), |(password, salt)| (password, Some(salt)));
    let password = password.split(" ident=").next().unwrap_or(password);
    let Some(kind) = &wish.encrypt else { return Ok(password.to_owned()) };
    let salt = salt.and_then(|salt| salt.split(' ').next());
    let salt =
        salt.ok_or_else(|| call.wrong("the file keeps no salt for the hash; add ' salt=…' to its line"))?;
    hash_password(&Hashing { kind, salt, rounds: None }, password).map_err(|message| call.wrong(message))
}
