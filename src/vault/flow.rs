//! Lists and mappings in brackets and braces, and the same on lines of their own: a sealed value has many lines, and needs
//! that. Only as much of YAML is known here as tells where one member ends and the next begins; whoever uses what comes of
//! it reads it again, and compares.

use super::spot::{INDENT, block, quoted};
use std::collections::BTreeMap;

/// Deepest nesting that is looked into.
const DEPTH_MAX: usize = 64;

/// A list or mapping in brackets or braces.
pub(super) enum Flow<'a> {
    List(Vec<Member<'a>>),
    Map(Vec<(&'a str, Member<'a>)>),
}

/// Something in it.
pub(super) struct Member<'a> {
    text: &'a str,
    inner: Option<Flow<'a>>,
}

impl<'a> Flow<'a> {
    /// Reads one at the beginning of a text, and says how long it is. Nothing where it is written in a way that is not
    /// known here, or has comments, which would be lost.
    pub(super) fn read(text: &'a str) -> Option<(Self, usize)> {
        Self::nested(text, 0)
    }

    fn nested(text: &'a str, depth: usize) -> Option<(Self, usize)> {
        let is_map = text.starts_with('{');
        if depth > DEPTH_MAX || !(is_map || text.starts_with('[')) {
            return None;
        }
        let (mut list, mut map, mut at) = (Vec::new(), Vec::new(), 1);
        loop {
            let length = member_length(text.get(at..)?)?;
            let member = text.get(at..at + length)?.trim();
            let end = text.get(at + length..)?.chars().next()?;
            match (member.is_empty(), is_map) {
                (true, _) => {}
                (false, true) => {
                    let colon = key_length(member).unwrap_or(member.len());
                    let value = member.get(colon..)?.strip_prefix(':').unwrap_or_default().trim();
                    map.push((member.get(..colon)?.trim(), Member::read(value, depth)?));
                }
                (false, false) => list.push(Member::read(member, depth)?),
            }
            at += length + 1;
            match end {
                ',' => {}
                '}' if is_map => return Some((Self::Map(map), at)),
                ']' if !is_map => return Some((Self::List(list), at)),
                _ => return None,
            }
        }
    }

    /// The same on lines of its own from this column, with sealed values under their names; `name` is its own.
    pub(super) fn lines(&self, name: &str, column: usize, sealed: &BTreeMap<String, String>) -> String {
        let margin = " ".repeat(column);
        match self {
            Self::List(list) => {
                let item = |(at, member): (usize, &Member<'_>)| {
                    let name = format!("{name}[{at}]");
                    let text = member.lines(&name, column, sealed);
                    let inner = || Some(member.inner.as_ref()?.lines(&name, column + INDENT, sealed));
                    let text = text.or_else(inner).unwrap_or_default();
                    format!("{margin}- {}", text.trim_start())
                };
                list.iter().enumerate().map(item).collect()
            }
            Self::Map(map) => {
                let entry = |(key, member): &(&str, Member<'_>)| {
                    let bare = unquoted(key);
                    let name = if name.is_empty() { bare } else { format!("{name}.{bare}") };
                    let inner = || Some(member.inner.as_ref()?.lines(&name, column + INDENT, sealed));
                    match member.lines(&name, column, sealed) {
                        Some(text) if text.trim().is_empty() => format!("{margin}{key}:\n"),
                        Some(text) => format!("{margin}{key}: {text}"),
                        None => format!("{margin}{key}:\n{}", inner().unwrap_or_default()),
                    }
                };
                map.iter().map(entry).collect()
            }
        }
    }
}

impl<'a> Member<'a> {
    fn read(text: &'a str, depth: usize) -> Option<Self> {
        let inner = match text.starts_with(['{', '[']) {
            true => Some(Flow::nested(text, depth + 1).filter(|(_, length)| *length == text.len())?.0),
            false => None,
        };
        Some(Self { text, inner })
    }

    /// What stands behind its key or dash; nothing where something inside of it is sealed.
    fn lines(&self, name: &str, column: usize, sealed: &BTreeMap<String, String>) -> Option<String> {
        if let Some(armor) = sealed.get(name) {
            return Some(block("!age |", "", column, armor));
        }
        let inside = |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', '[']));
        if self.inner.is_some() && sealed.keys().any(|other| inside(other)) {
            return None;
        }
        // In one line it means the same: a line's end is a blank there.
        let text: Vec<&str> = self.text.lines().map(str::trim).collect();
        Some(format!("{}\n", text.join(" ")))
    }
}

/// How far it is to the comma or bracket that ends a member.
fn member_length(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    let mut begins = true;
    loop {
        let rest = text.get(at..)?;
        let letter = rest.chars().next()?;
        let length = match letter {
            ',' | '}' | ']' if depth == 0 => return Some(at),
            '}' | ']' => {
                depth -= 1;
                1
            }
            '{' | '[' => {
                depth += 1;
                1
            }
            // A quote within a word is a letter.
            '"' | '\'' if begins => quoted(rest, letter),
            '#' if begins => return None,
            _ => letter.len_utf8(),
        };
        begins = matches!(letter, ',' | '{' | '[' | ':') || letter.is_whitespace();
        at += length;
    }
}

/// How long the key is at the beginning of a text, up to its colon; nothing where there is none.
pub(super) fn key_length(text: &str) -> Option<usize> {
    if let Some(quote) = text.chars().next().filter(|letter| matches!(letter, '"' | '\'')) {
        let length = quoted(text, quote);
        let rest = text.get(length..)?;
        let blanks = rest.len() - rest.trim_start().len();
        return rest.get(blanks..)?.starts_with(':').then_some(length + blanks);
    }
    let colons = text.match_indices(':').map(|(at, _)| at);
    let mut ends = colons.filter(|at| {
        text.get(at + 1..).is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    });
    ends.next().filter(|at| text.get(..*at).is_some_and(|key| !key.contains('\n')))
}

/// A key as it is read.
fn unquoted(key: &str) -> String {
    match key.starts_with(['"', '\'']) {
        true => serde_saphyr::from_str(key).unwrap_or_else(|_| key.to_owned()),
        false => key.to_owned(),
    }
}
