//! Changes in the text of an XML document: what is not meant stays as it was written, blanks and comments and all.

use super::xml_path::{Item, Namespaces, Path, document};
use crate::model::Value;
use crate::questions::Stop;
use roxmltree::{Attribute, Node};
use std::ops::Range;

/// How many elements are made on the way to one.
const MADE_MAX: usize = 40;

/// A part of the text, and what takes its place.
pub(super) struct Edit {
    range: Range<usize>,
    new: String,
}

/// The text with edits made; of two that overlap, the outer one counts.
pub(super) fn edited(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.range.start, std::cmp::Reverse(edit.range.end)));
    let (mut out, mut at) = (String::new(), 0);
    for edit in edits {
        if edit.range.start < at {
            continue;
        }
        out.push_str(text.get(at..edit.range.start).unwrap_or_default());
        out.push_str(&edit.new);
        at = edit.range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Where an element's start tag ends, behind its `>`, and whether the element ends there, too.
fn start_tag(text: &str, node: &Node<'_, '_>) -> (usize, bool) {
    let begin = node.range().start;
    let mut quote = None;
    for (at, c) in text.get(begin..).unwrap_or_default().char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => {
                let closes = text.get(begin..begin + at).is_some_and(|tag| tag.ends_with('/'));
                return (begin + at + 1, closes);
            }
            _ => {}
        }
    }
    (node.range().end, true)
}

/// The name of an element as it is written, with its prefix.
fn written_name<'t>(text: &'t str, node: &Node<'_, '_>) -> &'t str {
    let rest = text.get(node.range().start + 1..).unwrap_or_default();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// What stands between an element's tags.
fn inner(text: &str, node: &Node<'_, '_>) -> Option<Range<usize>> {
    let (begin, closes) = start_tag(text, node);
    let whole = text.get(..node.range().end).unwrap_or_default();
    (!closes).then(|| begin..whole.rfind("</").unwrap_or(begin).max(begin))
}

/// An element's text before anything else that is in it.
pub(super) fn own_text(node: &Node<'_, '_>) -> String {
    node.children().take_while(Node::is_text).filter_map(|text| text.text()).collect()
}

/// Gives an element another text; what else is in it stays.
pub(super) fn set_text(text: &str, node: &Node<'_, '_>, value: &str) -> Option<Edit> {
    if own_text(node) == value {
        return None;
    }
    let Some(inside) = inner(text, node) else {
        let (end, _) = start_tag(text, node);
        let name = written_name(text, node);
        let slash = text.get(..end)?.rfind('/')?;
        let tag = text.get(node.range().start..slash)?.trim_end();
        let new = format!("{tag}>{}</{name}>", escaped(value));
        return Some(Edit { range: node.range().start..end, new });
    };
    let other = node.children().find(|child| !child.is_text());
    let end = other.map_or(inside.end, |child| child.range().start);
    Some(Edit { range: inside.start..end, new: escaped(value) })
}

/// Gives an element an attribute of this name, as it is written, and namespace.
pub(super) fn set_attribute(
    text: &str,
    node: &Node<'_, '_>,
    name: &str,
    uri: Option<&str>,
    value: &str,
) -> Option<Edit> {
    let local = name.rsplit(':').next().unwrap_or(name);
    let found = node.attributes().find(|known| known.name() == local && known.namespace() == uri);
    if let Some(attribute) = found {
        return set_value(text, &attribute, value);
    }
    let at = node.range().start + 1 + written_name(text, node).len();
    let at = node.attributes().map(|known| known.range().end).max().unwrap_or(at).max(at);
    Some(Edit { range: at..at, new: format!(" {name}=\"{}\"", quoted(value)) })
}

/// Gives an attribute that is there another value.
pub(super) fn set_value(text: &str, attribute: &Attribute<'_, '_>, value: &str) -> Option<Edit> {
    if attribute.value() == value {
        return None;
    }
    let range = attribute.range();
    let name = text.get(range.clone())?.split('=').next()?.trim_end();
    Some(Edit { range, new: format!("{name}=\"{}\"", quoted(value)) })
}

/// Takes an element or an attribute away, with the line that it has for itself.
pub(super) fn delete(text: &str, item: &Item<'_>) -> Edit {
    let range = match item {
        Item::Node(node) => node.range(),
        Item::Attribute(_, attribute) => {
            let range = attribute.range();
            let before = text.get(..range.start).unwrap_or_default().trim_end().len();
            return Edit { range: before..range.end, new: String::new() };
        }
    };
    let begin = match line_of(text, range.start) {
        Some(line) if text.get(range.end..).is_some_and(|rest| rest.starts_with(['\n', '\r'])) => line,
        _ => range.start,
    };
    Edit { range: begin..range.end, new: String::new() }
}

/// Where the line break stands before something that begins its line; nothing where it does not.
fn line_of(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let line = before.rfind('\n')?;
    before.get(line..)?.trim().is_empty().then_some(line)
}

/// The line break and the blanks before something that begins its line; nothing where it does not.
fn indent(text: &str, at: usize) -> &str {
    line_of(text, at).and_then(|line| text.get(line..at)).unwrap_or_default()
}

/// Puts elements behind what is in an element.
pub(super) fn append(text: &str, node: &Node<'_, '_>, children: &[String]) -> Edit {
    let own = indent(text, node.range().start);
    let last = node.children().rfind(Node::is_element);
    if let Some(last) = last {
        let first = node.children().find(Node::is_element).unwrap_or(last);
        let before = indent(text, first.range().start);
        let at = last.range().end;
        return Edit {
            range: at..at,
            new: children.iter().map(|child| format!("{before}{child}")).collect(),
        };
    }
    // The first children of an element that has a line for itself get lines, too.
    let is_root = node.parent_element().is_none();
    let lines = (!own.is_empty() || is_root).then_some(if is_root { "\n" } else { own });
    let is_bare = own_text(node).trim().is_empty() && node.children().all(|child| child.is_text());
    let lines = lines.filter(|_| is_bare);
    let new: String = children
        .iter()
        .map(|child| lines.map_or_else(|| child.clone(), |own| format!("{own}  {child}")))
        .chain([lines.unwrap_or_default().to_owned()])
        .collect();
    match inner(text, node) {
        Some(inside) if lines.is_some() => Edit { range: inside, new },
        Some(inside) => Edit { range: inside.end..inside.end, new },
        None => {
            let (end, _) = start_tag(text, node);
            let tag = text.get(node.range().start..end).unwrap_or_default();
            let tag = tag.trim_end_matches("/>").trim_end();
            let name = written_name(text, node);
            Edit { range: node.range().start..end, new: format!("{tag}>{new}</{name}>") }
        }
    }
}

/// Puts elements before or behind another one.
pub(super) fn insert(text: &str, node: &Node<'_, '_>, children: &[String], before: bool) -> Edit {
    let own = indent(text, node.range().start);
    match before {
        true => {
            let at = node.range().start;
            Edit { range: at..at, new: children.iter().map(|child| format!("{child}{own}")).collect() }
        }
        false => {
            let at = node.range().end;
            Edit { range: at..at, new: children.iter().map(|child| format!("{own}{child}")).collect() }
        }
    }
}

/// Gives an element these elements in place of those that it has.
///
/// # Errors
/// One of them is no XML.
pub(super) fn set_children(
    text: &str,
    node: &Node<'_, '_>,
    children: &[String],
) -> Result<Option<Edit>, Stop> {
    let now: Vec<String> = node.children().filter(Node::is_element).map(|child| plain(&child)).collect();
    let spaces = declared(node);
    let mut wanted = Vec::new();
    for child in children {
        let whole = format!("<wgops{spaces}>{child}</wgops>");
        let document = document(&whole)?;
        wanted.extend(document.root_element().children().filter(Node::is_element).map(|child| plain(&child)));
    }
    if now == wanted {
        return Ok(None);
    }
    let elements: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
    let (Some(first), Some(last)) = (elements.first(), elements.last()) else {
        return Ok(Some(append(text, node, children)));
    };
    let before = indent(text, first.range().start);
    let (begin, end) = (first.range().start - before.len(), last.range().end);
    let new: String = children.iter().map(|child| format!("{before}{child}")).collect();
    Ok(Some(Edit { range: begin..end, new }))
}

/// The namespaces that an element knows, as they are declared.
fn declared(node: &Node<'_, '_>) -> String {
    let one = |space: &roxmltree::Namespace<'_>| match space.name() {
        Some(prefix) if prefix != "xml" => format!(" xmlns:{prefix}=\"{}\"", quoted(space.uri())),
        Some(_) => String::new(),
        None => format!(" xmlns=\"{}\"", quoted(space.uri())),
    };
    node.namespaces().map(one).collect()
}

/// An element as it can be compared: without what is only blanks between its parts.
fn plain(node: &Node<'_, '_>) -> String {
    let mut attributes: Vec<String> = node
        .attributes()
        .map(|known| {
            format!("{{{}}}{}={:?}", known.namespace().unwrap_or_default(), known.name(), known.value())
        })
        .collect();
    attributes.sort();
    let inside: String = node
        .children()
        .map(|child| match child.is_element() {
            true => plain(&child),
            false => match child.text().filter(|text| child.is_text() && !text.trim().is_empty()) {
                Some(text) => format!("{text:?}"),
                None => String::new(),
            },
        })
        .collect();
    let tag = node.tag_name();
    let space = tag.namespace().unwrap_or_default();
    format!("({{{space}}}{} {} {inside})", tag.name(), attributes.join(" "))
}

/// A child as a task gives it, as XML: a name, `NAME: TEXT`, or `NAME:` with attributes, the text `+value` and children `_`.
///
/// # Errors
/// It is none of these.
pub(super) fn child(given: &Value) -> Result<String, Stop> {
    let wrong = || {
        Stop::refuse(
            "a child is a name, 'NAME: text', or 'NAME:' with attributes below it, '+value' for its text and '_' for its children",
        )
    };
    match given {
        Value::String(name) if is_name(name) => Ok(format!("<{name}/>")),
        Value::Object(map) if map.len() == 1 => {
            let (name, value) = map.iter().next().ok_or_else(wrong)?;
            if !is_name(name) {
                return Err(wrong());
            }
            let Value::Object(parts) = value else {
                let text = scalar(value).ok_or_else(wrong)?;
                return Ok(match text.is_empty() {
                    true => format!("<{name}/>"),
                    false => format!("<{name}>{}</{name}>", escaped(&text)),
                });
            };
            let (mut attributes, mut inside) = (String::new(), String::new());
            for (key, part) in parts {
                match (key.as_str(), part) {
                    ("+value", part) => inside.insert_str(0, &escaped(&scalar(part).ok_or_else(wrong)?)),
                    ("_", Value::Array(children)) => {
                        for one in children {
                            inside.push_str(&child(one)?);
                        }
                    }
                    (key, part) if is_name(key) => {
                        let value = scalar(part).ok_or_else(wrong)?;
                        attributes.push_str(&format!(" {key}=\"{}\"", quoted(&value)));
                    }
                    _ => return Err(wrong()),
                }
            }
            Ok(match inside.is_empty() {
                true => format!("<{name}{attributes}/>"),
                false => format!("<{name}{attributes}>{inside}</{name}>"),
            })
        }
        _ => Err(wrong()),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(is_part)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn quoted(text: &str) -> String {
    escaped(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// The text with what a path names made where it is not there, from the last part that is.
///
/// # Errors
/// The path doesn't say what is to be made.
pub(super) fn made(text: &str, path: &str, namespaces: &Namespaces) -> Result<String, Stop> {
    let mut text = text.to_owned();
    for _ in 0..MADE_MAX {
        // The longest part that there is, and the first step that there is not.
        let (mut there, mut missing) = (path.trim().to_owned(), None);
        while !leads(&text, &there, namespaces)? {
            let (parent, step) = last_step(&there).ok_or_else(|| cannot(path))?;
            (missing, there) = (Some(step), parent);
        }
        let Some(step) = missing else { return Ok(text) };
        let document = document(&text)?;
        let items = Path::parse(&there, namespaces)?.items(document.root())?;
        let mut edits = Vec::new();
        for item in &items {
            let Item::Node(node) = item else { continue };
            edits.extend(made_in(&text, node, &step, namespaces).ok_or_else(|| cannot(path))?);
        }
        if edits.is_empty() {
            return Err(cannot(path));
        }
        let next = edited(&text, edits);
        drop(document);
        text = next;
    }
    Err(cannot(path))
}

fn cannot(path: &str) -> Stop {
    Stop::refuse(format!("there is nothing at xpath '{path}', and the path does not say what is to be made"))
}

fn leads(text: &str, path: &str, namespaces: &Namespaces) -> Result<bool, Stop> {
    if path.is_empty() {
        return Ok(false);
    }
    let document = document(text)?;
    Ok(!Path::parse(path, namespaces)?.items(document.root())?.is_empty())
}

/// A path without its last step, and that.
fn last_step(path: &str) -> Option<(String, String)> {
    let (mut depth, mut quote, mut cut) = (0_usize, None, None);
    for (at, c) in path.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ']' | ')') => depth = depth.checked_sub(1)?,
            (None, '/') if depth == 0 => cut = Some(at),
            _ => {}
        }
    }
    let cut = cut?;
    let (parent, step) = (path.get(..cut)?, path.get(cut + 1..)?.trim());
    // What is anywhere could be made anywhere.
    (!parent.is_empty() && !parent.ends_with('/') && !step.is_empty())
        .then(|| (parent.to_owned(), step.to_owned()))
}

/// What makes a step below a node: an attribute, or an element with what its conditions want.
fn made_in(text: &str, node: &Node<'_, '_>, step: &str, namespaces: &Namespaces) -> Option<Option<Edit>> {
    let (step, value) = valued(step)?;
    if let Some(name) = step.strip_prefix('@') {
        let (name, uri) = in_scope(node, name.trim(), namespaces, true)?;
        return Some(set_attribute(text, node, &name, uri.as_deref(), &value.unwrap_or_default()));
    }
    let element = element(node, &step, value.as_deref(), namespaces)?;
    Some(Some(append(text, node, &[element])))
}

/// A step, and the value that stands behind it after `=`.
fn valued(step: &str) -> Option<(String, Option<String>)> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in step.char_indices() {
        match (quote, c) {
            (Some(open), _) if open == c => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.checked_sub(1)?,
            (None, '=') if depth == 0 => {
                let value = literal(step.get(at + 1..)?.trim())?;
                return Some((step.get(..at)?.trim().to_owned(), Some(value)));
            }
            _ => {}
        }
    }
    Some((step.trim().to_owned(), None))
}

fn literal(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inside = text.get(1..)?.strip_suffix(quote)?;
    (!inside.contains(quote)).then(|| inside.to_owned())
}

/// The element that a step names: `NAME`, or `NAME[CONDITION and …]`.
fn element(node: &Node<'_, '_>, step: &str, value: Option<&str>, namespaces: &Namespaces) -> Option<String> {
    let (name, conditions) = match step.split_once('[') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(']')?.replace("][", " and ")),
        None => (step, String::new()),
    };
    let (name, uri) = in_scope(node, name, namespaces, false)?;
    let mut attributes = match (&uri, name.split_once(':')) {
        (Some(uri), Some((prefix, _))) if node.lookup_namespace_uri(Some(prefix)) != Some(uri.as_str()) => {
            format!(" xmlns:{prefix}=\"{}\"", quoted(uri))
        }
        _ => String::new(),
    };
    let mut inside = value.map(escaped).unwrap_or_default();
    for condition in conditions.split(" and ").map(str::trim).filter(|condition| !condition.is_empty()) {
        let (what, value) = valued(condition)?;
        if let Some(attribute) = what.strip_prefix('@').filter(|name| is_name(name)) {
            attributes.push_str(&format!(" {attribute}=\"{}\"", quoted(&value.unwrap_or_default())));
        } else if what == "text()" || what == "." {
            inside.insert_str(0, &escaped(&value?));
        } else if is_name(&what) {
            inside.push_str(&element(node, &what, value.as_deref(), namespaces)?);
        } else {
            return None;
        }
    }
    Some(match inside.is_empty() {
        true => format!("<{name}{attributes}/>"),
        false => format!("<{name}{attributes}>{inside}</{name}>"),
    })
}

/// A name as it is to be written below a node, and its namespace.
fn in_scope(
    node: &Node<'_, '_>,
    name: &str,
    namespaces: &Namespaces,
    is_attribute: bool,
) -> Option<(String, Option<String>)> {
    if !is_name(name) {
        return None;
    }
    let Some((prefix, local)) = name.split_once(':') else { return Some((name.to_owned(), None)) };
    let uri = namespaces.get(prefix)?;
    let written = match node.lookup_prefix(uri) {
        Some(known) if !known.is_empty() => format!("{known}:{local}"),
        _ if !is_attribute && node.default_namespace() == Some(uri.as_str()) => local.to_owned(),
        _ => name.to_owned(),
    };
    Some((written, Some(uri.clone())))
}
