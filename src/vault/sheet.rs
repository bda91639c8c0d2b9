//! A file of variables with sealed values in it: where each stands, and the same file with others in their place. Every
//! other byte stays as it is, which is checked by reading the new text again.

use super::VaultError;
use super::flow::{self, Flow};
use super::spot::{Spot, block, block_mark, holder, line_start, spot, spots};
use crate::load::{Key, Node, NodeValue, Problems, Tag, TextFile};
use crate::model::{Digest, Place, Value, nearest};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::Path;

/// What to do about a value that can't be replaced where it stands.
const APART: &str = "write it on a line of its own, as 'NAME: value'";

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
        let (mut tagged, mut met) = (Vec::new(), HashSet::new());
        walk(&node, "", None, &mut |name, _, node| {
            if let (Some(tag @ (Tag::Age | Tag::Vault)), NodeValue::Text(text)) = (node.tag, &node.value)
                // An alias stands for what its anchor has.
                && met.insert((node.place.line, node.place.column))
            {
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

    /// What is neither sealed nor a list or mapping, by name; of an anchor and its aliases, the anchor.
    pub fn plain(&self) -> BTreeMap<String, Value> {
        let (mut all, mut met) = (BTreeMap::new(), HashSet::new());
        walk(&self.node, "", None, &mut |name, _, node| {
            let mut is_new = |node: &Node| !has_text(node) || met.insert((node.place.line, node.place.column));
            if node.tag.is_none() && is_scalar(node) && is_new(node) {
                all.insert(name.to_owned(), node.to_value());
            }
        });
        all
    }

    /// The text with other sealed values under these names: what was there is replaced, and what was not is added at the
    /// end. What is written in braces or brackets gets lines of its own.
    ///
    /// # Errors
    /// A value can't be replaced without touching others; the one that is in the way is named.
    pub fn with(&self, sealed: &BTreeMap<String, String>) -> Result<String, VaultError> {
        let done = self.with_all(sealed);
        if done.is_err() && sealed.len() > 1 {
            for (name, armor) in sealed {
                self.with_all(&BTreeMap::from([(name.clone(), armor.clone())]))?;
            }
        }
        done
    }

    fn with_all(&self, sealed: &BTreeMap<String, String>) -> Result<String, VaultError> {
        let (mut pieces, mut flows) = (Vec::new(), BTreeMap::<String, BTreeMap<String, String>>::new());
        let mut added = String::new();
        for (name, armor) in sealed {
            if let Some(found) = self.found.iter().find(|found| found.name == *name) {
                let text = block("!age |", &found.behind, found.column, armor);
                pieces.push((found.range.clone(), text));
            } else if let Some(Member { trail, .. }) = self.member(name) {
                match trail.iter().find(|(_, node)| self.is_flow(node)) {
                    Some((holder, _)) if holder != name => {
                        flows.entry(holder.clone()).or_default().insert(name.clone(), armor.clone());
                    }
                    _ => pieces.push(self.replacement(name, armor)?),
                }
            } else if name.contains(['.', '[']) {
                return Err(self.entangled(name, "it is inside of another value, and not there yet: write 'NAME: x' where it belongs, then set it"));
            } else {
                added.push_str(&format!("{name}: {}", block("!age |", "", 0, armor)));
            }
        }
        for (holder, members) in &flows {
            pieces.push(self.unfolded(holder, members)?);
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

    /// A value by its name, with all that it is inside of, outermost first and itself last.
    fn member(&self, name: &str) -> Option<Member<'_>> {
        let (mut trail, mut key) = (Vec::new(), None);
        walk(&self.node, "", None, &mut |at, its_key, node| {
            let rest = name.strip_prefix(at);
            let leads = rest.is_some_and(|rest| at.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']));
            if leads {
                trail.push((at.to_owned(), node));
                key = its_key;
            }
        });
        trail.last().is_some_and(|(last, _)| last == name).then_some(Member { trail, key })
    }

    /// The piece of text that an untagged value is, and the sealed one in its place.
    fn replacement(&self, name: &str, armor: &str) -> Result<(Range<usize>, String), VaultError> {
        let none = || self.entangled(name, APART);
        let Member { trail, key } = self.member(name).ok_or_else(none)?;
        let (_, node) = trail.last().ok_or_else(none)?;
        if !is_scalar(node) {
            return Err(self.entangled(name, "it is a list or a mapping: seal what is inside of it"));
        }
        let (start, column) = self.begin(node, key).ok_or_else(none)?;
        let spot = spot(&self.file.text, start, start, column);
        let apart = if self.file.text.get(..start).is_some_and(|before| before.ends_with(':')) { " " } else { "" };
        Ok((spot.range, format!("{apart}{}", block("!age |", &spot.behind, column, armor))))
    }

    /// Where an untagged value begins, and the column of what holds it.
    fn begin(&self, node: &Node, key: Option<&Key>) -> Option<(usize, usize)> {
        if let Some(key) = key {
            let column = usize::try_from(key.place.column).ok()?.checked_sub(1)?;
            let after = self.after_key(key)?;
            let rest = self.file.text.get(after..)?.lines().next()?;
            let blank = rest.len() - rest.trim_start().len();
            let value = rest.trim_start();
            if value.starts_with('*') {
                return Some((after + blank, column));
            }
            if matches!(node.value, NodeValue::Null) && (value.is_empty() || value.starts_with('#')) {
                return Some((after, column));
            }
        }
        let start = self.offset(&node.place)?;
        let line_at = self.file.text.get(..start)?.rfind('\n').map_or(0, |end| end + 1);
        let line = self.file.text.get(line_at..)?.lines().next()?;
        // The place of a block of text is its first line; it begins at the mark at the end of the line above.
        let above = self.file.text.get(..line_at)?.trim_end();
        let above_at = above.rfind('\n').map_or(0, |end| end + 1);
        let above = above.get(above_at..)?;
        match block_mark(above) {
            Some(mark) if line.len() - line.trim_start().len() == start - line_at => {
                Some((above_at + mark, holder(above)))
            }
            _ => {
                let own = key.and_then(|key| usize::try_from(key.place.column).ok()?.checked_sub(1));
                Some((self.behind_anchor(start), own.unwrap_or_else(|| holder(line))))
            }
        }
    }

    /// Where the text behind a key and its colon begins.
    fn after_key(&self, key: &Key) -> Option<usize> {
        let start = self.offset(&key.place)?;
        let text = self.file.text.get(start..)?;
        let length = flow::key_length(text)?;
        text.get(length..)?.starts_with(':').then_some(start + length + 1)
    }

    fn offset(&self, place: &Place) -> Option<usize> {
        let line_at = line_start(&self.file.text, place.line)?;
        let line = self.file.text.get(line_at..)?.lines().next()?;
        let column = usize::try_from(place.column).ok()?.checked_sub(1)?;
        Some(line_at + line.chars().take(column).map(char::len_utf8).sum::<usize>())
    }

    /// An anchor stays in front of what it names.
    fn behind_anchor(&self, start: usize) -> usize {
        let rest = self.file.text.get(start..).unwrap_or_default();
        let Some(word) = rest.strip_prefix('&').and_then(|_| rest.split_whitespace().next()) else { return start };
        let behind = rest.get(word.len()..).unwrap_or_default();
        start + word.len() + (behind.len() - behind.trim_start_matches(' ').len())
    }

    /// Whether a list or mapping is written in brackets or braces.
    fn is_flow(&self, node: &Node) -> bool {
        let start = self.offset(&node.place).map(|start| self.behind_anchor(start));
        let begins = start.and_then(|start| self.file.text.get(start..));
        !is_scalar(node) && begins.is_some_and(|text| text.starts_with(['{', '[']))
    }

    /// A list or mapping in brackets or braces on lines of its own, with sealed values in it.
    fn unfolded(
        &self,
        name: &str,
        sealed: &BTreeMap<String, String>,
    ) -> Result<(Range<usize>, String), VaultError> {
        let first = sealed.keys().next().map_or(name, String::as_str);
        self.unfolds(name, sealed).ok_or_else(|| self.entangled(first, APART))
    }

    fn unfolds(&self, name: &str, sealed: &BTreeMap<String, String>) -> Option<(Range<usize>, String)> {
        let Member { trail, key } = self.member(name)?;
        let (_, node) = trail.last()?;
        let start = self.behind_anchor(self.offset(&node.place)?);
        let text = &self.file.text;
        let (flow, length) = Flow::read(text.get(start..)?)?;
        let tail = text.get(start + length..)?;
        let behind = tail.lines().next().unwrap_or_default();
        if !(behind.trim().is_empty() || behind.trim_start().starts_with('#')) {
            return None;
        }
        let end = (start + length + behind.len() + 1).min(text.len());
        let head = text.get(..start)?;
        let from = head.trim_end_matches(' ').len();
        let line = head.get(head.rfind('\n').map_or(0, |end| end + 1)..)?;
        // Behind a key it goes to the lines below; as an item, or as all of the file, it begins where it stood.
        if let Some(key) = key.filter(|_| !line.trim().is_empty()) {
            let column = usize::try_from(key.place.column).ok()? - 1 + super::spot::INDENT;
            let lines = flow.lines(name, column, sealed);
            return Some((from..end, format!("{}\n{lines}", behind.trim_end())));
        }
        let lines = flow.lines(name, line.chars().count(), sealed);
        Some((start..end, lines.trim_start().to_owned()))
    }

    /// Reads a new text again: these values are sealed now, and nothing else is another.
    fn check(&self, text: &str, sealed: &BTreeMap<String, String>) -> Result<(), VaultError> {
        let first = sealed.keys().next().cloned().unwrap_or_default();
        let file = TextFile { file: self.file.file.clone(), text: text.to_owned() };
        let again =
            Node::parse(&file).map_err(|_| self.entangled(&first, "the file would be no YAML then"))?;
        let (mut before, mut after) = (leaves(&self.node), leaves(&again));
        for name in self.aliases(sealed) {
            before.remove(&name);
            after.remove(&name);
        }
        for (name, armor) in sealed {
            before.remove(name);
            let now = after.remove(name);
            let fits = now.is_some_and(|(tag, value)| {
                tag == Some(Tag::Age) && value.as_str().is_some_and(|now| digest(now) == digest(armor))
            });
            if !fits {
                return Err(self.entangled(name, APART));
            }
        }
        match before == after {
            true => Ok(()),
            false => Err(self.entangled(&first, "another value would change with it")),
        }
    }

    /// What stands for one of these by an alias, and so changes with it.
    fn aliases(&self, sealed: &BTreeMap<String, String>) -> Vec<String> {
        let (mut owners, mut aliases) = (BTreeMap::new(), Vec::new());
        walk(&self.node, "", None, &mut |name, _, node| {
            if !has_text(node) {
                return;
            }
            let owner = owners.entry((node.place.line, node.place.column)).or_insert_with(|| name.to_owned());
            if owner != name && sealed.contains_key(owner) && !sealed.contains_key(name) {
                aliases.push(name.to_owned());
            }
        });
        aliases
    }

    fn entangled(&self, name: &str, reason: &str) -> VaultError {
        VaultError::Entangled {
            file: self.file.file.display().to_string(),
            name: name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// A value by its name.
struct Member<'a> {
    /// All that it is inside of, outermost first and itself last.
    trail: Vec<(String, &'a Node)>,
    /// Its key; none where it is an item of a list.
    key: Option<&'a Key>,
}

fn is_scalar(node: &Node) -> bool {
    !matches!(node.value, NodeValue::List(_) | NodeValue::Map(_))
}

fn has_text(node: &Node) -> bool {
    is_scalar(node) && !matches!(node.value, NodeValue::Null)
}

fn leaves(node: &Node) -> BTreeMap<String, (Option<Tag>, Value)> {
    let mut all = BTreeMap::new();
    walk(node, "", None, &mut |name, _, node| {
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

fn walk<'a>(
    node: &'a Node,
    name: &str,
    key: Option<&'a Key>,
    visit: &mut dyn FnMut(&str, Option<&'a Key>, &'a Node),
) {
    visit(name, key, node);
    match &node.value {
        NodeValue::List(list) => {
            list.iter()
                .enumerate()
                .for_each(|(at, item)| walk(item, &format!("{name}[{at}]"), None, visit));
        }
        NodeValue::Map(entries) => entries.iter().for_each(|(key, member)| {
            let name = if name.is_empty() { key.name.clone() } else { format!("{name}.{}", key.name) };
            walk(member, &name, Some(key), visit);
        }),
        _ => {}
    }
}
