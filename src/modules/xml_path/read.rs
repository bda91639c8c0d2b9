//! What an XPath says: its words, and the expression that they make.

use super::Namespaces;

/// Deepest nesting of an expression.
const DEPTH_MAX: usize = 40;

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) axis: Axis,
    pub(super) test: Test,
    pub(super) conditions: Vec<Expr>,
}

/// Where a step leads along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Axis {
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

/// What it has to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Test {
    /// A name with its namespace, if it has one; `*` is any.
    Name(Option<String>, String),
    Text,
    Comment,
    Any,
}

/// A location path.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// It begins at the document.
    pub(super) absolute: bool,
    pub(super) steps: Vec<Step>,
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Way(Way),
    Text(String),
    Number(f64),
    Call(String, Vec<Expr>),
    Both(Box<Expr>, Box<Expr>),
    Either(Box<Expr>, Box<Expr>),
    Union(Box<Expr>, Box<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
}

/// How two values are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Same,
    Other,
    Less,
    More,
    AtMost,
    AtLeast,
}

/// Reads an expression.
///
/// # Errors
/// It is none, or uses what wgops lacks.
pub(super) fn read(text: &str, namespaces: &Namespaces) -> Result<Expr, String> {
    let tokens = tokens(text)?;
    let mut reader = Reader { tokens: &tokens, at: 0, depth: 0, namespaces };
    let expr = reader.expr()?;
    match reader.peek() {
        None => Ok(expr),
        Some(token) => Err(format!("'{}' was not expected", token.shown())),
    }
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
