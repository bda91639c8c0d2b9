//! XPath, as far as people write it to find something in a file of settings: steps along children, attributes, descendants,
//! parents and siblings, with conditions in brackets.
//!
//! # Source
//! XML Path Language (XPath) 1.0: location paths, and the functions that conditions need.

use crate::questions::Stop;
use roxmltree::{Attribute, Document, Node};
use std::collections::BTreeMap;

/// Deepest nesting of an expression.
const DEPTH_MAX: usize = 40;

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

/// One step.
#[derive(Clone, Debug)]
struct Step {
    axis: Axis,
    test: Test,
    conditions: Vec<Expr>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Axis {
    Child,
    Attribute,
    Itself,
    Parent,
    Ancestor,
    AncestorOrSelf,
    Descendant,
    DescendantOrSelf,
    Following,
    Preceding,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Test {
    /// A name with its namespace, if it has one; `*` is any.
    Name(Option<String>, String),
    Text,
    Comment,
    Any,
}

/// A location path.
#[derive(Clone, Debug)]
struct Way {
    /// It begins at the document.
    absolute: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Expr {
    Way(Way),
    Text(String),
    Number(f64),
    Call(String, Vec<Expr>),
    Both(Box<Expr>, Box<Expr>),
    Either(Box<Expr>, Box<Expr>),
    Union(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Comparison {
    Same,
    Other,
    Less,
    More,
    AtMost,
    AtLeast,
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
        let tokens = tokens(text).map_err(wrong)?;
        let mut reader = Reader { tokens: &tokens, at: 0, depth: 0, namespaces };
        let expr = reader.expr().map_err(wrong)?;
        match reader.peek() {
            None => Ok(Self(expr)),
            Some(token) => Err(wrong(format!("'{}' was not expected", token.shown()))),
        }
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

#[derive(Clone, PartialEq, Debug)]
enum Token {
    /// A name, perhaps with a prefix.
    Name(String),
    Text(String),
    Number(f64),
    /// Anything else: `/`, `//`, `@`, `[`, `::` …
    Mark(&'static str),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Text(text) => format!("'{text}'"),
            Self::Number(number) => number.to_string(),
            Self::Mark(mark) => (*mark).to_owned(),
        }
    }
}

/// Marks, the longer ones first.
const MARKS: [&str; 20] = [
    "//", "::", "..", "!=", "<=", ">=", "/", "@", "[", "]", "(", ")", ".", "*", "=", "<", ">", "|", ",", "-",
];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first == '\'' || first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            let end = inner.find(first).ok_or("a quote is not closed")?;
            all.push(Token::Text(inner.get(..end).unwrap_or_default().to_owned()));
            end + 2
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = rest.get(..end).and_then(|digits| digits.parse().ok());
            all.push(Token::Number(number.ok_or("a number is wrong")?));
            end
        } else if first.is_alphabetic() || first == '_' {
            let end = name_end(rest);
            all.push(Token::Name(rest.get(..end).unwrap_or_default().to_owned()));
            end
        } else {
            let mark = MARKS.iter().find(|mark| rest.starts_with(**mark));
            let mark = mark.ok_or_else(|| format!("'{first}' was not expected"))?;
            all.push(Token::Mark(mark));
            mark.len()
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    if all.is_empty() { Err("is empty".into()) } else { Ok(all) }
}

/// Where a name ends: at the first colon that is not one of a prefix, too.
fn name_end(text: &str) -> usize {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    let after = text.get(end..).unwrap_or_default();
    let Some(local) = after.strip_prefix(':').filter(|local| !local.starts_with(':')) else { return end };
    if local.starts_with('*') {
        return end + 2;
    }
    end + 1 + local.find(|c: char| !is_part(c)).unwrap_or(local.len())
}

struct Reader<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    namespaces: &'t Namespaces,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, mark: &str) -> bool {
        matches!(self.peek(), Some(Token::Mark(found)) if *found == mark)
    }

    fn takes(&mut self, mark: &str) -> bool {
        let is = self.is(mark);
        self.at += usize::from(is);
        is
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Name(name)) if name == word);
        self.at += usize::from(is);
        is
    }

    fn needs(&mut self, mark: &str) -> Result<(), String> {
        if self.takes(mark) { Ok(()) } else { Err(format!("a '{mark}' is missing")) }
    }

    fn expr(&mut self) -> Result<Expr, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("is nested too deep".into());
        }
        let mut all = self.all()?;
        while self.takes_word("or") {
            all = Expr::Either(Box::new(all), Box::new(self.all()?));
        }
        self.depth -= 1;
        Ok(all)
    }

    fn all(&mut self) -> Result<Expr, String> {
        let mut all = self.comparison()?;
        while self.takes_word("and") {
            all = Expr::Both(Box::new(all), Box::new(self.comparison()?));
        }
        Ok(all)
    }

    fn comparison(&mut self) -> Result<Expr, String> {
        let left = self.union()?;
        let kinds = [
            ("=", Comparison::Same),
            ("!=", Comparison::Other),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        match kinds.into_iter().find(|(mark, _)| self.is(mark)) {
            Some((_, kind)) => {
                self.at += 1;
                Ok(Expr::Compare(kind, Box::new(left), Box::new(self.union()?)))
            }
            None => Ok(left),
        }
    }

    fn union(&mut self) -> Result<Expr, String> {
        let mut all = self.primary()?;
        while self.takes("|") {
            all = Expr::Union(Box::new(all), Box::new(self.primary()?));
        }
        Ok(all)
    }

    fn primary(&mut self) -> Result<Expr, String> {
        match self.peek().cloned() {
            Some(Token::Text(text)) => {
                self.at += 1;
                Ok(Expr::Text(text))
            }
            Some(Token::Number(number)) => {
                self.at += 1;
                Ok(Expr::Number(number))
            }
            Some(Token::Mark("(")) => {
                self.at += 1;
                let inner = self.expr()?;
                self.needs(")")?;
                Ok(inner)
            }
            Some(Token::Name(name))
                if self.tokens.get(self.at + 1) == Some(&Token::Mark("("))
                    && !["text", "node", "comment"].contains(&name.as_str()) =>
            {
                self.at += 2;
                self.call(name)
            }
            Some(_) => self.way().map(Expr::Way),
            None => Err("something is missing at its end".into()),
        }
    }

    fn call(&mut self, name: String) -> Result<Expr, String> {
        if !FUNCTIONS.contains(&name.as_str()) {
            return Err(format!("wgops has no function '{name}', but {}", FUNCTIONS.join(", ")));
        }
        let mut args = Vec::new();
        while !self.takes(")") {
            if !args.is_empty() {
                self.needs(",")?;
            }
            args.push(self.expr()?);
        }
        Ok(Expr::Call(name, args))
    }

    fn way(&mut self) -> Result<Way, String> {
        let mut steps = Vec::new();
        let anywhere = || Step { axis: Axis::DescendantOrSelf, test: Test::Any, conditions: Vec::new() };
        let absolute = self.is("/") || self.is("//");
        if self.takes("//") {
            steps.push(anywhere());
        } else if self.takes("/") && !self.begins_step() {
            return Ok(Way { absolute, steps });
        }
        loop {
            steps.push(self.step()?);
            if self.takes("//") {
                steps.push(anywhere());
            } else if !self.takes("/") {
                return Ok(Way { absolute, steps });
            }
        }
    }

    fn begins_step(&self) -> bool {
        matches!(self.peek(), Some(Token::Name(_) | Token::Mark("*" | "." | ".." | "@")))
    }

    fn step(&mut self) -> Result<Step, String> {
        let plain = |axis| Step { axis, test: Test::Any, conditions: Vec::new() };
        if self.takes("..") {
            return Ok(plain(Axis::Parent));
        }
        let (axis, test) = if self.takes(".") {
            (Axis::Itself, Test::Any)
        } else {
            let axis = self.axis()?;
            (axis, self.test()?)
        };
        let mut conditions = Vec::new();
        while self.takes("[") {
            conditions.push(self.expr()?);
            self.needs("]")?;
        }
        Ok(Step { axis, test, conditions })
    }

    fn axis(&mut self) -> Result<Axis, String> {
        if self.takes("@") {
            return Ok(Axis::Attribute);
        }
        let named = self.tokens.get(self.at + 1) == Some(&Token::Mark("::"));
        let Some(Token::Name(name)) = self.peek().cloned().filter(|_| named) else { return Ok(Axis::Child) };
        self.at += 2;
        Ok(match name.as_str() {
            "child" => Axis::Child,
            "attribute" => Axis::Attribute,
            "self" => Axis::Itself,
            "parent" => Axis::Parent,
            "ancestor" => Axis::Ancestor,
            "ancestor-or-self" => Axis::AncestorOrSelf,
            "descendant" => Axis::Descendant,
            "descendant-or-self" => Axis::DescendantOrSelf,
            "following-sibling" => Axis::Following,
            "preceding-sibling" => Axis::Preceding,
            other => return Err(format!("wgops has no axis '{other}'")),
        })
    }

    fn test(&mut self) -> Result<Test, String> {
        if self.takes("*") {
            return Ok(Test::Name(None, "*".into()));
        }
        let Some(Token::Name(name)) = self.peek().cloned() else { return Err("a name is missing".into()) };
        self.at += 1;
        if self.is("(") {
            self.at += 1;
            self.needs(")")?;
            return Ok(match name.as_str() {
                "text" => Test::Text,
                "comment" => Test::Comment,
                _ => Test::Any,
            });
        }
        match name.split_once(':') {
            None => Ok(Test::Name(None, name)),
            Some((prefix, local)) => match self.namespaces.get(prefix) {
                Some(uri) => Ok(Test::Name(Some(uri.clone()), local.to_owned())),
                None => Err(format!("'namespaces' says nothing of '{prefix}'")),
            },
        }
    }
}

const FUNCTIONS: [&str; 11] = [
    "last",
    "position",
    "count",
    "not",
    "contains",
    "starts-with",
    "normalize-space",
    "string",
    "string-length",
    "name",
    "local-name",
];

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
