//! XPath, as far as people write it to find something in a file of settings: steps along children, attributes, descendants,
//! parents and siblings, with conditions in brackets.
//!
//! # Source
//! XML Path Language (XPath) 1.0: location paths, and the functions that conditions need.

mod read;

use self::read::{Axis, Comparison, Expr, Test, Way, read};
use crate::questions::Stop;
use roxmltree::{Attribute, Document, Node};
use std::collections::BTreeMap;

/// Prefixes of namespaces that a path uses.
pub(super) type Namespaces = BTreeMap<String, String>;

/// What a path leads to.
#[derive(Clone, Copy)]
pub(super) enum Item<'a> {
    /// The document, an element, a text or a comment.
    Node(Node<'a, 'a>),
    /// An attribute of an element.
    Attribute(Node<'a, 'a>, Attribute<'a, 'a>),
}

impl<'a> Item<'a> {
    /// Its value as text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Attribute(_, attribute) => attribute.value().to_owned(),
            Self::Node(node) if node.is_text() || node.is_comment() => {
                node.text().unwrap_or_default().to_owned()
            }
            Self::Node(node) => {
                node.descendants().filter(Node::is_text).filter_map(|text| text.text()).collect::<String>()
            }
        }
    }

    fn node(&self) -> Option<Node<'a, 'a>> {
        match self {
            Self::Node(node) => Some(*node),
            Self::Attribute(..) => None,
        }
    }

    /// Where it stands in the document, to put items in order and find the same one twice.
    fn order(&self) -> (usize, usize) {
        match self {
            Self::Node(node) => (node.id().get_usize(), 0),
            Self::Attribute(node, attribute) => {
                let position = node.attributes().position(|other| other == *attribute).unwrap_or_default();
                (node.id().get_usize(), position + 1)
            }
        }
    }
}

enum Value<'a> {
    Items(Vec<Item<'a>>),
    Text(String),
    Number(f64),
    Truth(bool),
}

impl Value<'_> {
    fn truth(&self) -> bool {
        match self {
            Self::Items(items) => !items.is_empty(),
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Truth(truth) => *truth,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Items(items) => items.first().map(Item::text).unwrap_or_default(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Truth(truth) => f64::from(u8::from(*truth)),
            other => other.text().trim().parse().unwrap_or(f64::NAN),
        }
    }
}

/// A path, ready to be followed.
#[derive(Debug)]
pub(super) struct Path(Expr);

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// It is none, or uses what wgops lacks.
    pub(super) fn parse(text: &str, namespaces: &Namespaces) -> Result<Self, Stop> {
        let wrong = |why: String| Stop::refuse(format!("xpath '{text}': {why}"));
        read(text, namespaces).map(Self).map_err(wrong)
    }

    /// All that it leads to, in the document's order.
    ///
    /// # Errors
    /// It leads to no nodes, but to a text or a number.
    pub(super) fn items<'a>(&self, from: Node<'a, 'a>) -> Result<Vec<Item<'a>>, Stop> {
        let place = Place { item: Item::Node(from), position: 1, size: 1 };
        match evaluate(&self.0, &place).map_err(Stop::refuse)? {
            Value::Items(items) => Ok(in_order(items)),
            _ => Err(Stop::refuse("xpath: expected a path, and this comes to a value")),
        }
    }
}

fn in_order(mut items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    items.sort_by_key(Item::order);
    items.dedup_by_key(|item| item.order());
    items
}

/// Where a condition is judged.
struct Place<'a> {
    item: Item<'a>,
    position: usize,
    size: usize,
}

fn evaluate<'a>(expr: &Expr, place: &Place<'a>) -> Result<Value<'a>, String> {
    Ok(match expr {
        Expr::Text(text) => Value::Text(text.clone()),
        Expr::Number(number) => Value::Number(*number),
        Expr::Way(way) => Value::Items(follow(way, &place.item)?),
        Expr::Both(one, other) => {
            Value::Truth(evaluate(one, place)?.truth() && evaluate(other, place)?.truth())
        }
        Expr::Either(one, other) => {
            Value::Truth(evaluate(one, place)?.truth() || evaluate(other, place)?.truth())
        }
        Expr::Union(one, other) => match (evaluate(one, place)?, evaluate(other, place)?) {
            (Value::Items(one), Value::Items(other)) => Value::Items(one.into_iter().chain(other).collect()),
            _ => return Err("'|' stands between paths".into()),
        },
        Expr::Compare(kind, one, other) => {
            Value::Truth(compare(*kind, &evaluate(one, place)?, &evaluate(other, place)?))
        }
        Expr::Call(name, args) => call(name, args, place)?,
    })
}

fn call<'a>(name: &str, args: &[Expr], place: &Place<'a>) -> Result<Value<'a>, String> {
    let arg = |number: usize| match args.get(number) {
        Some(expr) => evaluate(expr, place),
        None if number == 0 => Ok(Value::Items(vec![place.item])),
        None => Err(format!("{name}() needs more arguments")),
    };
    let named = |value: Value<'_>| match value {
        Value::Items(items) => match items.first() {
            Some(Item::Node(node)) => node.tag_name().name().to_owned(),
            Some(Item::Attribute(_, attribute)) => attribute.name().to_owned(),
            None => String::new(),
        },
        _ => String::new(),
    };
    Ok(match name {
        "last" => Value::Number(place.size as f64),
        "position" => Value::Number(place.position as f64),
        "count" => match arg(0)? {
            Value::Items(items) => Value::Number(in_order(items).len() as f64),
            _ => return Err("count() counts what a path leads to".into()),
        },
        "not" => Value::Truth(!arg(0)?.truth()),
        "contains" => Value::Truth(arg(0)?.text().contains(&arg(1)?.text())),
        "starts-with" => Value::Truth(arg(0)?.text().starts_with(&arg(1)?.text())),
        "normalize-space" => Value::Text(arg(0)?.text().split_whitespace().collect::<Vec<_>>().join(" ")),
        "string-length" => Value::Number(arg(0)?.text().chars().count() as f64),
        "name" | "local-name" => Value::Text(named(arg(0)?)),
        _ => Value::Text(arg(0)?.text()),
    })
}

fn compare(kind: Comparison, one: &Value<'_>, other: &Value<'_>) -> bool {
    let numbers = |one: f64, other: f64| match kind {
        Comparison::Same => one == other,
        Comparison::Other => one != other,
        Comparison::Less => one < other,
        Comparison::More => one > other,
        Comparison::AtMost => one <= other,
        Comparison::AtLeast => one >= other,
    };
    let ordered = !matches!(kind, Comparison::Same | Comparison::Other);
    let texts = |one: &str, other: &str| match ordered {
        true => {
            let number = |text: &str| text.trim().parse().unwrap_or(f64::NAN);
            numbers(number(one), number(other))
        }
        false => (one == other) == (kind == Comparison::Same),
    };
    match (one, other) {
        (Value::Truth(_), _) | (_, Value::Truth(_)) => {
            numbers(f64::from(u8::from(one.truth())), f64::from(u8::from(other.truth())))
        }
        (Value::Items(all), Value::Items(others)) => {
            all.iter().any(|item| others.iter().any(|other| texts(&item.text(), &other.text())))
        }
        (Value::Items(all), Value::Number(_)) => {
            all.iter().any(|item| numbers(Value::Text(item.text()).number(), other.number()))
        }
        (Value::Number(_), Value::Items(all)) => {
            all.iter().any(|item| numbers(one.number(), Value::Text(item.text()).number()))
        }
        (Value::Items(all), _) => all.iter().any(|item| texts(&item.text(), &other.text())),
        (_, Value::Items(all)) => all.iter().any(|item| texts(&one.text(), &item.text())),
        (Value::Number(_), _) | (_, Value::Number(_)) => numbers(one.number(), other.number()),
        (Value::Text(_), Value::Text(_)) => texts(&one.text(), &other.text()),
    }
}

fn follow<'a>(way: &Way, from: &Item<'a>) -> Result<Vec<Item<'a>>, String> {
    let mut now = match (way.absolute, from) {
        (false, item) => vec![*item],
        (true, Item::Node(node) | Item::Attribute(node, _)) => {
            vec![Item::Node(node.ancestors().last().unwrap_or(*node))]
        }
    };
    for step in &way.steps {
        let mut next = Vec::new();
        for item in &now {
            let mut found: Vec<Item<'a>> = along(step.axis, item)
                .into_iter()
                .filter(|found| fits(&step.test, step.axis, found))
                .collect();
            for condition in &step.conditions {
                let size = found.len();
                let mut kept = Vec::new();
                for (index, item) in found.into_iter().enumerate() {
                    let place = Place { item, position: index + 1, size };
                    let holds = match evaluate(condition, &place)? {
                        Value::Number(number) => number == place.position as f64,
                        other => other.truth(),
                    };
                    if holds {
                        kept.push(item);
                    }
                }
                found = kept;
            }
            next.extend(found);
        }
        now = in_order(next);
    }
    Ok(now)
}

/// What stands along an axis, in the axis' order.
fn along<'a>(axis: Axis, item: &Item<'a>) -> Vec<Item<'a>> {
    let Some(node) = item.node() else {
        let Item::Attribute(node, _) = item else { return Vec::new() };
        return match axis {
            Axis::Itself | Axis::DescendantOrSelf => vec![*item],
            Axis::Parent => vec![Item::Node(*node)],
            Axis::Ancestor | Axis::AncestorOrSelf => node.ancestors().map(Item::Node).collect(),
            _ => Vec::new(),
        };
    };
    match axis {
        Axis::Child => node.children().map(Item::Node).collect(),
        Axis::Attribute => node.attributes().map(|attribute| Item::Attribute(node, attribute)).collect(),
        Axis::Itself => vec![Item::Node(node)],
        Axis::Parent => node.parent().map(Item::Node).into_iter().collect(),
        Axis::Ancestor => node.ancestors().skip(1).map(Item::Node).collect(),
        Axis::AncestorOrSelf => node.ancestors().map(Item::Node).collect(),
        Axis::Descendant => node.descendants().skip(1).map(Item::Node).collect(),
        Axis::DescendantOrSelf => node.descendants().map(Item::Node).collect(),
        Axis::Following => node.next_siblings().skip(1).map(Item::Node).collect(),
        Axis::Preceding => node.prev_siblings().skip(1).map(Item::Node).collect(),
    }
}

fn fits(test: &Test, axis: Axis, item: &Item<'_>) -> bool {
    let named = |uri: Option<&str>, name: &str, found_uri: Option<&str>, found: &str| {
        (name == "*" && uri.is_none()) || (uri == found_uri && (name == "*" || name == found))
    };
    match (test, item) {
        (Test::Any, _) => true,
        (Test::Text, Item::Node(node)) => node.is_text(),
        (Test::Comment, Item::Node(node)) => node.is_comment(),
        (Test::Name(uri, name), Item::Node(node)) => {
            let tag = node.tag_name();
            node.is_element()
                && axis != Axis::Attribute
                && named(uri.as_deref(), name, tag.namespace(), tag.name())
        }
        (Test::Name(uri, name), Item::Attribute(_, found)) => {
            named(uri.as_deref(), name, found.namespace(), found.name())
        }
        (Test::Text | Test::Comment, Item::Attribute(..)) => false,
    }
}

/// The document of a text.
///
/// # Errors
/// It is no XML.
pub(super) fn document(text: &str) -> Result<Document<'_>, Stop> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    Document::parse_with_options(text, options)
        .map_err(|error| Stop::refuse(format!("it can't be read as XML: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: &str = r#"<shop xmlns:x="urn:x"><beers><beer>A</beer><beer strong="yes" x:k="v">B</beer></beers>
<rating subjective="true">10</rating><x:tax>7</x:tax><!-- note --><address><web>http://a</web></address></shop>"#;

    fn found(path: &str) -> Vec<String> {
        let names = Namespaces::from([("t".to_owned(), "urn:x".to_owned())]);
        let document = document(SHOP).ok().unwrap();
        let items = Path::parse(path, &names).ok().unwrap().items(document.root()).ok().unwrap();
        items.iter().map(Item::text).collect()
    }

    #[test]
    fn paths_lead_to_elements_attributes_and_texts() {
        for (path, expected) in [
            ("/shop/beers/beer", &["A", "B"][..]),
            ("//beer", &["A", "B"]),
            ("//beer[1]", &["A"]),
            ("//beer[last()]", &["B"]),
            ("//beer[position() > 1]", &["B"]),
            ("//beer[@strong]", &["B"]),
            ("//beer[@strong='yes']/@strong", &["yes"]),
            ("//beer[text()='A']", &["A"]),
            ("//beer[.=\"B\"]", &["B"]),
            ("//beer[not(@strong)]", &["A"]),
            ("//beer[contains(., 'B') or @nosuch]", &["B"]),
            ("/shop/*[@subjective='true' and .=10]", &["10"]),
            ("/shop/rating | //web", &["10", "http://a"]),
            ("//t:tax", &["7"]),
            ("//@t:k", &["v"]),
            ("//tax", &[]),
            ("/shop[rating='10']/address/web/text()", &["http://a"]),
            ("//web/../../rating", &["10"]),
            ("//rating/following-sibling::address/web", &["http://a"]),
            ("//beer[count(../beer)=2][2]", &["B"]),
            ("//*[local-name()='tax']", &["7"]),
            ("/shop/comment()", &[" note "]),
            ("/shop/rating/@subjective", &["true"]),
        ] {
            assert_eq!(found(path), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_a_reason() {
        let refused = |path: &str| match Path::parse(path, &Namespaces::new()) {
            Err(Stop::Refuse(why)) => why.message,
            _ => String::new(),
        };
        for (path, why) in [
            ("", "is empty"),
            ("//beer[", "missing"),
            ("//beer[@a='x]", "not closed"),
            ("//u:beer", "says nothing of 'u'"),
            ("//beer[sum(.)]", "no function 'sum'"),
            ("//beer]", "was not expected"),
            ("//following::a", "no axis"),
        ] {
            assert!(refused(path).contains(why), "{path}: {}", refused(path));
        }
        assert!(refused(&"(".repeat(5000)).contains("too deep"));
    }
}
