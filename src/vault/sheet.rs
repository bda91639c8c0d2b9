//! A file of variables with sealed values in it: where each stands, and the same file with others in their place. Every
//! other byte stays as it is, which is checked by reading the new text again.

use super::VaultError;
use crate::load::{Node, NodeValue, Problems, Tag, TextFile};
use crate::model::{Digest, Value, nearest};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

/// How far a value is indented below what holds it.
const INDENT: usize = 2;

/// A file of variables.
pub struct Sheet {
    /// The file's text.
    pub file: TextFile,
    node: Node,
    found: Vec<Found>,
}

/// A tagged value in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Its name: keys joined by dots, items in brackets.
    pub name: String,
    /// What tags it.
    pub tag: Tag,
    /// What it holds, as YAML reads it.
    pub text: String,
    /// Where it stands, from its tag to the end of its last line.
    range: Range<usize>,
    /// What stands behind it on its first line: spaces and a comment.
    behind: String,
    /// The column of what holds it.
    column: usize,
}

impl Found {
    pub(super) fn behind_of(&self) -> &str {
        &self.behind
    }

    pub(super) fn column_of(&self) -> usize {
        self.column
    }
}

/// The digest of a sealed text: however it is indented, and whatever ends its lines.
pub fn digest(sealed: &str) -> Digest {
    let lines: Vec<&str> = sealed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    Digest::of(lines.join("\n") + "\n")
}

impl Sheet {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, or is no YAML.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        Self::parse(TextFile::read(path).map_err(Problems::from)?)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`Sheet::read`], or a sealed value stands there in a way that can't be replaced.
    pub fn parse(file: TextFile) -> Result<Self, VaultError> {
        let node = Node::parse(&file)?;
        let mut tagged = Vec::new();
        walk(&node, "", &mut |name, node| {
            if let (Some(tag @ (Tag::Age | Tag::Vault)), NodeValue::Text(text)) = (node.tag, &node.value) {
                tagged.push((name.to_owned(), tag, text.clone()));
            }
        });
        let (mut found, mut from) = (Vec::new(), 0);
        for (name, tag, text) in tagged {
            let words: &[&str] = if tag == Tag::Age { &["!age"] } else { &["!vault-encrypted", "!vault"] };
            let spot = spots(&file.text, words, from).find(|spot| spot.holds(&file.text, &text));
            let spot = spot.ok_or_else(|| VaultError::Entangled {
                file: file.file.display().to_string(),
                name: name.clone(),
                reason: "write its name, '!age |', and what is sealed on the lines below".into(),
            })?;
            from = spot.range.end;
            let Spot { range, behind, column, .. } = spot;
            found.push(Found { name, tag, text, range, behind, column });
        }
        Ok(Self { file, node, found })
    }

    /// The values sealed by age, in the order of the file.
    pub fn sealed(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.tag == Tag::Age)
    }

    /// The values sealed by ansible-vault.
    pub fn of_ansible(&self) -> impl Iterator<Item = &Found> {
        self.found.iter().filter(|found| found.tag == Tag::Vault)
    }

    /// A sealed value by its name.
    ///
    /// # Errors
    /// There is none.
    pub fn named(&self, name: &str) -> Result<&Found, VaultError> {
        self.sealed().find(|found| found.name == name).ok_or_else(|| {
            let near = nearest(name, self.sealed().map(|found| found.name.as_str()));
            VaultError::NoValue {
                file: self.file.file.display().to_string(),
                name: name.to_owned(),
                hint: near.map(|near| format!(": did you mean '{near}'?")).unwrap_or_default(),
            }
        })
    }

    /// The texts that are neither sealed nor templates, by name.
    pub fn plain(&self) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        walk(&self.node, "", &mut |name, node| {
            if node.tag.is_none() && !matches!(node.value, NodeValue::List(_) | NodeValue::Map(_)) {
                all.insert(name.to_owned(), node.to_value());
            }
        });
        all
    }

    /// The text with other sealed values under these names: what was there is replaced, and what was not is added at the
    /// end.
    ///
    /// # Errors
    /// A value can't be replaced without touching other lines.
    pub fn with(&self, sealed: &BTreeMap<String, String>) -> Result<String, VaultError> {
        let mut pieces: Vec<(Range<usize>, String)> = Vec::new();
        let mut added = String::new();
        for (name, armor) in sealed {
            if let Some(found) = self.found.iter().find(|found| found.name == *name) {
                let text = block("!age |", &found.behind, found.column, armor);
                pieces.push((found.range.clone(), text));
                continue;
            }
            match self.place_of(name) {
                Some((start, column)) => {
                    let spot = spot(&self.file.text, start, start, column);
                    let text = block("!age |", &spot.behind, column, armor);
                    pieces.push((spot.range, text));
                }
                None if name.contains(['.', '[']) => {
                    return Err(self.entangled(name, "it is inside of another value, and not there yet: write 'NAME: x' where it belongs, then set it"));
                }
                None => added.push_str(&format!("{name}: {}", block("!age |", "", 0, armor))),
            }
        }
        let text = self.replaced(pieces, &added);
        self.check(&text, sealed)?;
        Ok(text)
    }

    /// The text with each tagged value as `shown` gives it; nothing where it stays.
    pub(super) fn shown(&self, shown: impl Fn(&Found) -> Option<String>) -> String {
        let pieces = self.found.iter().filter_map(|found| Some((found.range.clone(), shown(found)?)));
        self.replaced(pieces.collect(), "")
    }

    fn replaced(&self, mut pieces: Vec<(Range<usize>, String)>, added: &str) -> String {
        pieces.sort_by_key(|(range, _)| range.start);
        let (mut text, mut at) = (String::new(), 0);
        for (range, piece) in pieces {
            text.push_str(self.file.text.get(at..range.start).unwrap_or_default());
            text.push_str(&piece);
            at = range.end;
        }
        text.push_str(self.file.text.get(at..).unwrap_or_default());
        if !added.is_empty() && !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text + added
    }

    /// Where an untagged value begins, and the column of what holds it.
    fn place_of(&self, name: &str) -> Option<(usize, usize)> {
        let mut place = None;
        walk(&self.node, "", &mut |found, node| {
            if found == name && node.tag.is_none() {
                place = Some(node.place.clone());
            }
        });
        let place = place?;
        let line_at = line_start(&self.file.text, place.line)?;
        let line = self.file.text.get(line_at..)?.lines().next()?;
        let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
        let within: usize = line.chars().take(column).map(char::len_utf8).sum();
        // The place of a block of text is its first line; it begins at the mark at the end of the line above.
        let above = self.file.text.get(..line_at)?.trim_end();
        let above_at = above.rfind('\n').map_or(0, |end| end + 1);
        let above = above.get(above_at..)?;
        match block_mark(above) {
            Some(mark) if line.len() - line.trim_start().len() == within => {
                Some((above_at + mark, holder(above)))
            }
            _ => Some((line_at + within, holder(line))),
        }
    }

    /// Reads a new text again: these values are sealed now, and nothing else is another.
    fn check(&self, text: &str, sealed: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let first = sealed.keys().next().cloned().unwrap_or_default();
        let file = TextFile { file: self.file.file.clone(), text: text.to_owned() };
        let again =
            Node::parse(&file).map_err(|_| self.entangled(&first, "the file would be no YAML then"))?;
        let (mut before, mut after) = (leaves(&self.node), leaves(&again));
        for (name, armor) in sealed {
            before.remove(name);
            let now = after.remove(name);
            let fits = now.is_some_and(|(tag, value)| {
                tag == Some(Tag::Age) && value.as_str().is_some_and(|now| digest(now) == digest(armor))
            });
            if !fits {
                return Err(self.entangled(name, "write it on a line of its own, as 'NAME: value'"));
            }
        }
        match before == after {
            true => Ok(()),
            false => Err(self.entangled(&first, "another value would change with it")),
        }
    }

    fn entangled(&self, name: &str, reason: &str) -> VaultError {
        VaultError::Entangled {
            file: self.file.file.display().to_string(),
            name: name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// A tagged value as text: its first line, and the others below it.
pub(super) fn block(head: &str, behind: &str, column: usize, content: &str) -> String {
    let margin = " ".repeat(column + INDENT);
    let lines = content.lines().map(|line| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("{margin}{line}\n"),
    });
    format!("{head}{behind}\n{}", lines.collect::<String>())
}

fn leaves(node: &Node) -> BTreeMap<String, (Option<Tag>, Value)> {
    let mut all = BTreeMap::new();
    walk(node, "", &mut |name, node| {
        let inner = match &node.value {
            NodeValue::List(list) => !list.is_empty(),
            NodeValue::Map(map) => !map.is_empty(),
            _ => false,
        };
        let value = match &node.value {
            NodeValue::Text(text) => Value::String(text.clone()),
            _ if inner => Value::Null,
            _ => node.to_value(),
        };
        all.insert(name.to_owned(), (node.tag, value));
    });
    all
}

fn walk(node: &Node, name: &str, visit: &mut dyn FnMut(&str, &Node)) {
    visit(name, node);
    match &node.value {
        NodeValue::List(list) => {
            list.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{name}[{at}]"), visit));
        }
        NodeValue::Map(entries) => entries.iter().for_each(|(key, member)| {
            let name = if name.is_empty() { key.name.clone() } else { format!("{name}.{}", key.name) };
            walk(member, &name, visit);
        }),
        _ => {}
    }
}

/// A place in the text where a tagged value may stand.
struct Spot {
    range: Range<usize>,
    content: Range<usize>,
    is_block: bool,
    behind: String,
    column: usize,
}

impl Spot {
    /// Whether what stands there is read as this text.
    fn holds(&self, text: &str, value: &str) -> bool {
        let content = text.get(self.content.clone()).unwrap_or_default();
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.is_block {
            return squeezed(content) == squeezed(value);
        }
        let plain = content.trim();
        let read: Result<String, _> = serde_saphyr::from_str(plain);
        plain == value || read.is_ok_and(|read| read == value)
    }
}

/// Where one of these words stands as a tag.
fn spots<'a>(text: &'a str, words: &'a [&str], from: usize) -> impl Iterator<Item = Spot> + 'a {
    let starts = text.get(from..).unwrap_or_default().match_indices('!').map(move |(at, _)| at + from);
    starts.filter_map(move |at| {
        let rest = text.get(at..)?;
        let word = words.iter().find(|word| rest.starts_with(**word))?;
        let after = rest.get(word.len()..)?.chars().next();
        let before = text.get(..at)?.chars().next_back();
        let apart = before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace);
        if !apart {
            return None;
        }
        let line_at = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let ahead = text.get(line_at..at)?;
        if ahead.trim_start().starts_with('#') || ahead.contains(" #") {
            return None;
        }
        Some(spot(text, at, at + word.len(), holder(text.get(line_at..)?.lines().next()?)))
    })
}

/// The value that begins at `start`, and whose content follows at `after`.
fn spot(text: &str, start: usize, after: usize, column: usize) -> Spot {
    let rest = text.get(after..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let blank = line.len() - line.trim_start().len();
    let trimmed = line.trim();
    let line_end = after + line.len();
    let next = (line_end + rest.get(line.len()..).map_or(0, newline)).min(text.len());
    if trimmed.starts_with(['|', '>']) {
        let mark = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
        let behind = trimmed.get(mark..).unwrap_or_default().to_owned();
        let (mut end, mut at) = (next, next);
        for line in text.get(next..).unwrap_or_default().split_inclusive('\n') {
            at += line.len();
            let depth = line.len() - line.trim_start_matches(' ').len();
            if line.trim().is_empty() {
                continue;
            }
            if depth <= column {
                break;
            }
            end = at;
        }
        return Spot { range: start..end, content: next..end, is_block: true, behind, column };
    }
    let value_at = after + blank;
    let value = text.get(value_at..).unwrap_or_default();
    let length = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(value, quote),
        // Blanks before a comment belong to the comment.
        _ => line.get(blank..).and_then(|value| value.split(" #").next()).map_or(0, |v| v.trim_end().len()),
    };
    let value_end = value_at + length;
    let tail = text.get(value_end..).unwrap_or_default();
    let behind = tail.lines().next().unwrap_or_default();
    let end =
        (value_end + behind.len() + newline(tail.get(behind.len()..).unwrap_or_default())).min(text.len());
    Spot {
        range: start..end,
        content: value_at..value_end,
        is_block: false,
        behind: behind.trim_end().to_owned(),
        column,
    }
}

fn newline(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { usize::from(text.starts_with('\n')) }
}

/// How long a quoted text is.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The column of what holds a value on this line: its key, or the dash of its item.
fn holder(line: &str) -> usize {
    let mut column = line.len() - line.trim_start_matches(' ').len();
    loop {
        let rest = line.get(column..).unwrap_or_default();
        let Some(inner) = rest.strip_prefix("- ") else { return column };
        let inner_at = column + 2 + (inner.len() - inner.trim_start_matches(' ').len());
        if line.get(inner_at..).is_none_or(|value| value.starts_with('!')) {
            return column;
        }
        column = inner_at;
    }
}

/// Where a line has the mark behind which a block of text begins.
fn block_mark(line: &str) -> Option<usize> {
    line.match_indices(['|', '>']).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).is_some_and(|text| text.ends_with([' ', '\t']));
        let behind = line.get(at + 1..).unwrap_or_default().trim_start_matches(['+', '-']);
        let behind =
            behind.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches(['+', '-']);
        before
            && (behind.trim().is_empty()
                || behind.trim_start() != behind && behind.trim_start().starts_with('#'))
    })
}

fn line_start(text: &str, number: u32) -> Option<usize> {
    let number = usize::try_from(number).ok()?;
    if number <= 1 {
        return Some(0);
    }
    text.match_indices('\n').nth(number - 2).map(|(at, _)| at + 1)
}
