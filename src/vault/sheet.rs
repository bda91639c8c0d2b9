//! A file of variables with sealed values in it: where each stands, and the same file with others in their place. Every
//! other byte stays as it is, which is checked by reading the new text again.

use super::VaultError;
use super::seat::Member;
use super::spot::{Spot, block, spots};
use crate::load::{Key, Node, NodeValue, Problems, Tag, TextFile};
use crate::model::{Digest, Value, nearest};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::Path;

/// What to do about a value that can't be replaced where it stands.
pub(super) const APART: &str = "write it on a line of its own, as 'NAME: value'";

/// A file of variables.
pub struct Sheet {
    /// The file's text.
    pub file: TextFile,
    pub(super) node: Node,
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
            let mut is_new =
                |node: &Node| !has_text(node) || met.insert((node.place.line, node.place.column));
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

    pub(super) fn entangled(&self, name: &str, reason: &str) -> VaultError {
        VaultError::Entangled {
            file: self.file.file.display().to_string(),
            name: name.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

pub(super) fn is_scalar(node: &Node) -> bool {
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

pub(super) fn walk<'a>(
    node: &'a Node,
    name: &str,
    key: Option<&'a Key>,
    visit: &mut dyn FnMut(&str, Option<&'a Key>, &'a Node),
) {
    visit(name, key, node);
    match &node.value {
        NodeValue::List(list) => {
            list.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{name}[{at}]"), None, visit));
        }
        NodeValue::Map(entries) => entries.iter().for_each(|(key, member)| {
            let name = if name.is_empty() { key.name.clone() } else { format!("{name}.{}", key.name) };
            walk(member, &name, Some(key), visit);
        }),
        _ => {}
    }
}
