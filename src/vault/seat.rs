//! Where a value stands in a file of variables that is not sealed yet, and the piece of text that takes its place.

use super::VaultError;
use super::flow::{self, Flow};
use super::sheet::{APART, Sheet, is_scalar, walk};
use super::spot::{INDENT, block, block_mark, holder, line_start, spot};
use crate::load::{Key, Node, NodeValue};
use crate::model::Place;
use std::collections::BTreeMap;
use std::ops::Range;

/// A value by its name.
pub(super) struct Member<'a> {
    /// All that it is inside of, outermost first and itself last.
    pub(super) trail: Vec<(String, &'a Node)>,
    /// Its key; none where it is an item of a list.
    key: Option<&'a Key>,
}

impl Sheet {
    /// A value by its name, with all that it is inside of, outermost first and itself last.
    pub(super) fn member(&self, name: &str) -> Option<Member<'_>> {
        let (mut trail, mut key) = (Vec::new(), None);
        walk(&self.node, "", None, &mut |at, its_key, node| {
            let rest = name.strip_prefix(at);
            let leads =
                rest.is_some_and(|rest| at.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']));
            if leads {
                trail.push((at.to_owned(), node));
                key = its_key;
            }
        });
        trail.last().is_some_and(|(last, _)| last == name).then_some(Member { trail, key })
    }

    /// The piece of text that an untagged value is, and the sealed one in its place.
    pub(super) fn replacement(&self, name: &str, armor: &str) -> Result<(Range<usize>, String), VaultError> {
        let none = || self.entangled(name, APART);
        let Member { trail, key } = self.member(name).ok_or_else(none)?;
        let (_, node) = trail.last().ok_or_else(none)?;
        if !is_scalar(node) {
            return Err(self.entangled(name, "it is a list or a mapping: seal what is inside of it"));
        }
        let (start, column) = self.begin(node, key).ok_or_else(none)?;
        let spot = spot(&self.file.text, start, start, column);
        let apart =
            if self.file.text.get(..start).is_some_and(|before| before.ends_with(':')) { " " } else { "" };
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
                let ahead = line.get(..start - line_at)?.trim_end();
                let dash = ahead.ends_with('-').then(|| ahead.len() - 1);
                Some((self.behind_anchor(start), own.or(dash).unwrap_or_else(|| holder(line))))
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
        let Some(word) = rest.strip_prefix('&').and_then(|_| rest.split_whitespace().next()) else {
            return start;
        };
        let behind = rest.get(word.len()..).unwrap_or_default();
        start + word.len() + (behind.len() - behind.trim_start_matches(' ').len())
    }

    /// Whether a list or mapping is written in brackets or braces.
    pub(super) fn is_flow(&self, node: &Node) -> bool {
        let start = self.offset(&node.place).map(|start| self.behind_anchor(start));
        let begins = start.and_then(|start| self.file.text.get(start..));
        !is_scalar(node) && begins.is_some_and(|text| text.starts_with(['{', '[']))
    }

    /// A list or mapping in brackets or braces on lines of its own, with sealed values in it.
    pub(super) fn unfolded(
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
            let column = usize::try_from(key.place.column).ok()? - 1 + INDENT;
            let lines = flow.lines(name, column, sealed);
            return Some((from..end, format!("{}\n{lines}", behind.trim_end())));
        }
        let lines = flow.lines(name, line.chars().count(), sealed);
        Some((start..end, lines.trim_start().to_owned()))
    }
}
