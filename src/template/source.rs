//! A template's source before it runs: parsed, its filters, tests and functions checked by name, and rewritten where
//! Ansible's Jinja is more forgiving than ours. Evaluating it is the business of `evaluate.rs`.
//!
//! Two things are rewritten. Under `default` and `is defined`, `a.b.c` becomes `a|__member('b')|__member('c')`, because
//! a missing `a` or `b` must not be an error there; everywhere else it must. And where a template calls a method that
//! changes something in place (`.append`), what it gives names to is wrapped in `__own(…)`, which makes it changeable.

use super::depth;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use crate::model::nearest;
use minijinja::machinery::{Span, ast, parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

/// The filter that reads a member and forgives a missing parent.
pub(super) const MEMBER: &str = "__member";
/// The variable that holds the value of a template which is one single expression.
pub(super) const RESULT: &str = "__result";

/// The function that makes a list or mapping changeable in place.
pub(super) const OWN: &str = "__own";

/// The names that templates may use.
pub(super) struct Names {
    pub filters: BTreeSet<String>,
    pub tests: BTreeSet<String>,
    pub functions: BTreeSet<String>,
}

/// A source that was found in order, ready to be compiled.
pub(super) struct Prepared {
    /// What is to be compiled.
    pub text: String,
    /// Whether the whole source is one expression, whose value is then found in [`RESULT`].
    pub single: bool,
    /// Line feeds after a single expression; they count only if its value is a string.
    pub line_feeds: usize,
    edits: Vec<Edit>,
}

struct Edit {
    range: Range<usize>,
    text: String,
}

impl Prepared {
    /// Where a byte of the compiled text was in the original source.
    pub fn original(&self, offset: usize) -> usize {
        let (mut old, mut new) = (0, 0);
        for edit in &self.edits {
            let kept = edit.range.start - old;
            if offset < new + kept {
                break;
            }
            new += kept;
            old = edit.range.start;
            if offset < new + edit.text.len() {
                return old;
            }
            new += edit.text.len();
            old = edit.range.end;
        }
        old + offset.saturating_sub(new)
    }
}

/// Prepares a bare expression (a condition).
pub(super) fn expression(source: &str, names: &Names) -> Result<Prepared, Vec<TemplateError>> {
    depth::check(source, true, &SyntaxConfig::default()).map_err(|error| vec![error])?;
    let tree = parse_expr(source).map_err(|error| vec![from_engine(&error, source, "expression")])?;
    let mut walk = Walk::new(source, "expression", names);
    walk.expr(&tree);
    let end = source.len();
    walk.edits.push(Edit { range: 0..0, text: format!("{{% set {RESULT} = ") });
    walk.edits.push(Edit { range: end..end, text: " %}".into() });
    walk.finish(true, 0)
}

/// Whether a text can be read as a bare expression.
pub(super) fn is_expression(source: &str) -> bool {
    depth::check(source, true, &SyntaxConfig::default()).is_ok() && parse_expr(source).is_ok()
}

/// Prepares a text with templates in it, which may be one single expression.
pub(super) fn text(
    name: &str,
    source: &str,
    syntax: &SyntaxConfig,
    names: &Names,
) -> Result<Prepared, Vec<TemplateError>> {
    let tree =
        parse(source, name, syntax.clone()).map_err(|error| vec![from_engine(&error, source, name)])?;
    let mut walk = Walk::new(source, name, names);
    walk.collect_assigned(&tree);
    walk.stmt(&tree);
    walk.finish(false, 0)
}

/// Prepares a value's string: like a text, but one that is a single expression keeps the expression's type.
pub(super) fn value(
    source: &str,
    syntax: &SyntaxConfig,
    names: &Names,
) -> Result<Prepared, Vec<TemplateError>> {
    let trimmed = source.trim_end_matches('\n');
    depth::check(source, false, syntax).map_err(|error| vec![error])?;
    let tree = parse(trimmed, "expression", syntax.clone())
        .map_err(|error| vec![from_engine(&error, source, "expression")])?;
    let Some(inner) = single_expression(&tree, trimmed) else {
        return text("expression", source, syntax, names);
    };
    let mut walk = Walk::new(source, "expression", names);
    walk.stmt(&tree);
    walk.edits.push(Edit { range: 0..inner.start, text: format!("{{% set {RESULT} = ") });
    walk.edits.push(Edit { range: inner.end..source.len(), text: " %}".into() });
    walk.finish(true, source.len() - trimmed.len())
}

/// The bytes between the braces of a source that is one `{{ expression }}` and nothing else.
fn single_expression(tree: &ast::Stmt<'_>, source: &str) -> Option<Range<usize>> {
    let ast::Stmt::Template(template) = tree else { return None };
    let [ast::Stmt::EmitExpr(_)] = template.children.as_slice() else { return None };
    let inner = source.strip_prefix("{{")?.strip_suffix("}}")?;
    let start = 2 + inner.len() - inner.trim_start_matches(['-', '+']).len();
    let end = source.len() - 2 - usize::from(inner.ends_with(['-', '+']));
    (start <= end).then_some(start..end)
}

/// The engine's complaint about a source, with its place.
pub(super) fn from_engine(error: &minijinja::Error, source: &str, name: &str) -> TemplateError {
    let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    TemplateError::new(Kind::Syntax, message).at(name, source, error.range())
}

/// Methods that change what they are called on.
const CHANGING: [&str; 10] = [
    ".append(",
    ".extend(",
    ".update(",
    ".insert(",
    ".remove(",
    ".pop(",
    ".setdefault(",
    ".clear(",
    ".sort(",
    ".reverse(",
];

struct Walk<'a> {
    changes: bool,
    source: &'a str,
    name: &'a str,
    names: &'a Names,
    assigned: HashSet<String>,
    edits: Vec<Edit>,
    errors: Vec<TemplateError>,
}

/// The filters whose operand may be missing.
const FORGIVING_FILTERS: [&str; 2] = ["default", "d"];
/// The tests whose operand may be missing.
const FORGIVING_TESTS: [&str; 2] = ["defined", "undefined"];

fn bare(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").unwrap_or(name)
}

impl<'a> Walk<'a> {
    fn new(source: &'a str, name: &'a str, names: &'a Names) -> Self {
        let changes = CHANGING.iter().any(|method| source.contains(method));
        Self { changes, source, name, names, assigned: HashSet::new(), edits: Vec::new(), errors: Vec::new() }
    }

    fn finish(mut self, single: bool, line_feeds: usize) -> Result<Prepared, Vec<TemplateError>> {
        if !self.errors.is_empty() {
            return Err(self.errors);
        }
        self.edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        self.edits.dedup_by(|a, b| a.range == b.range && a.text == b.text);
        let mut text = String::with_capacity(self.source.len() + 32);
        let mut at = 0;
        for edit in &self.edits {
            text.push_str(self.source.get(at..edit.range.start).unwrap_or_default());
            text.push_str(&edit.text);
            at = edit.range.end;
        }
        text.push_str(self.source.get(at..).unwrap_or_default());
        Ok(Prepared { text, single, line_feeds, edits: self.edits })
    }

    fn complain(&mut self, error: TemplateError, span: Span) {
        let range = span.start_offset as usize..span.end_offset as usize;
        self.errors.push(error.at(self.name, self.source, Some(range)));
    }

    fn known(&mut self, what: &str, name: &str, known: &BTreeSet<String>, span: Span) {
        let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
        if known.contains(&name) {
            return;
        }
        let near = nearest(bare(&name), known.iter().map(String::as_str).filter(|k| !k.starts_with("__")));
        let error = TemplateError::new(Kind::UnknownName, format!("there is no {what} '{name}'"))
            .hint(near.map(|near| format!("did you mean '{near}'?")));
        self.complain(error, span);
    }

    fn unsupported(&mut self, what: &str, span: Span) {
        self.complain(TemplateError::new(Kind::Unsupported, format!("{what} is not supported yet")), span);
    }

    /// Lets a chain of members start from something that doesn't exist.
    fn forgive(&mut self, expr: &ast::Expr<'_>) {
        let (inner, edits) = match expr {
            ast::Expr::GetAttr(node) => (&node.expr, self.attribute_edit(node)),
            ast::Expr::GetItem(node) => (&node.expr, self.item_edits(node)),
            _ => return,
        };
        if let Some(edits) = edits {
            self.edits.extend(edits);
            self.forgive(inner);
        }
    }

    /// `.name` at the end of the node becomes `|__member('name')`.
    fn attribute_edit(&self, node: &ast::Spanned<ast::GetAttr<'_>>) -> Option<Vec<Edit>> {
        let end = node.span().end_offset as usize;
        let head = self.source.get(..end)?.strip_suffix(node.name)?.trim_end();
        let dot = head.strip_suffix('.')?.len();
        Some(vec![Edit { range: dot..end, text: format!("|{MEMBER}('{}')", node.name) }])
    }

    /// `[key]` at the end of the node becomes `|__member(key)`; so does `.0`.
    fn item_edits(&self, node: &ast::Spanned<ast::GetItem<'_>>) -> Option<Vec<Edit>> {
        let end = node.span().end_offset as usize;
        let key = node.subscript_expr.span();
        let before = self.source.get(..key.start_offset as usize)?.trim_end_matches([' ', '\t', '\n', '(']);
        if let Some(head) = before.strip_suffix('[') {
            let open = Edit { range: head.len()..before.len(), text: format!("|{MEMBER}(") };
            self.source.get(..end)?.strip_suffix(']')?;
            return Some(vec![open, Edit { range: end - 1..end, text: ")".into() }]);
        }
        let dot = before.strip_suffix('.')?.len();
        let index = self.source.get(key.start_offset as usize..end)?.trim();
        Some(vec![Edit { range: dot..end, text: format!("|{MEMBER}({index})") }])
    }

    /// Makes what a name is given to changeable: what stands between the sign after an offset and the expression's end.
    fn own_after(&mut self, offset: u32, sign: &str, expr: &ast::Expr<'_>) {
        if !self.changes {
            return;
        }
        let rest = self.source.get(offset as usize..).unwrap_or_default();
        let Some(at) = rest.find(sign).filter(|at| rest.get(..*at).is_some_and(|gap| gap.trim().is_empty()))
        else {
            return;
        };
        let (start, end) = (offset as usize + at + sign.len(), expr.span().end_offset as usize);
        if start < end {
            self.edits.push(Edit { range: start..start, text: format!("{OWN}(") });
            self.edits.push(Edit { range: end..end, text: ")".into() });
        }
    }

    fn exprs<'e, 's: 'e>(&mut self, exprs: impl IntoIterator<Item = &'e ast::Expr<'s>>) {
        exprs.into_iter().for_each(|expr| self.expr(expr));
    }

    fn args(&mut self, args: &[ast::CallArg<'_>]) {
        for arg in args {
            let (ast::CallArg::Pos(expr)
            | ast::CallArg::Kwarg(_, expr)
            | ast::CallArg::PosSplat(expr)
            | ast::CallArg::KwargSplat(expr)) = arg;
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &ast::Expr<'_>) {
        match expr {
            ast::Expr::Var(_) | ast::Expr::Const(_) => {}
            ast::Expr::Slice(node) => {
                self.expr(&node.expr);
                self.exprs([&node.start, &node.stop, &node.step].into_iter().flatten());
            }
            ast::Expr::UnaryOp(node) => self.expr(&node.expr),
            ast::Expr::BinOp(node) => self.exprs([&node.left, &node.right]),
            ast::Expr::Compare(node) => {
                self.expr(&node.expr);
                self.exprs(node.ops.iter().map(|op| &op.expr));
            }
            ast::Expr::IfExpr(node) => {
                self.exprs([&node.test_expr, &node.true_expr]);
                self.exprs(&node.false_expr);
            }
            ast::Expr::Filter(node) => self.filter(node),
            ast::Expr::Test(node) => self.test(node),
            ast::Expr::GetAttr(node) => self.expr(&node.expr),
            ast::Expr::GetItem(node) => self.exprs([&node.expr, &node.subscript_expr]),
            ast::Expr::Call(node) => self.call(node),
            ast::Expr::List(node) => self.exprs(&node.items),
            ast::Expr::Tuple(node) => self.exprs(&node.items),
            ast::Expr::Map(node) => {
                self.exprs(&node.keys);
                self.exprs(&node.values);
            }
        }
    }

    fn filter(&mut self, node: &ast::Spanned<ast::Filter<'_>>) {
        let names = self.names;
        self.known("filter", node.name, &names.filters, node.span());
        let literal = |at: usize| match node.args.get(at) {
            Some(ast::CallArg::Pos(ast::Expr::Const(c))) => {
                c.value.as_str().map(|name| (name.to_owned(), c.span()))
            }
            _ => None,
        };
        match bare(node.name) {
            "map" => {
                literal(0).into_iter().for_each(|(n, span)| self.known("filter", &n, &names.filters, span))
            }
            "select" | "reject" => {
                literal(0).into_iter().for_each(|(n, s)| self.known("test", &n, &names.tests, s))
            }
            "selectattr" | "rejectattr" => {
                literal(1).into_iter().for_each(|(n, span)| self.known("test", &n, &names.tests, span));
            }
            _ => {}
        }
        if let Some(operand) = &node.expr {
            if FORGIVING_FILTERS.contains(&bare(node.name)) {
                self.forgive(operand);
            }
            self.expr(operand);
        }
        self.args(&node.args);
    }

    fn test(&mut self, node: &ast::Spanned<ast::Test<'_>>) {
        let names = self.names;
        self.known("test", node.name, &names.tests, node.span());
        if FORGIVING_TESTS.contains(&bare(node.name)) {
            self.forgive(&node.expr);
        }
        self.expr(&node.expr);
        self.args(&node.args);
    }

    fn call(&mut self, node: &ast::Spanned<ast::Call<'_>>) {
        match &node.expr {
            ast::Expr::Var(var) if !self.assigned.contains(var.id) => {
                let names = self.names;
                self.known("function", var.id, &names.functions, node.expr.span());
            }
            other => self.expr(other),
        }
        if matches!(&node.expr, ast::Expr::Var(var) if var.id == "namespace") {
            self.own_named(&node.args);
        }
        self.args(&node.args);
    }

    /// Makes the values of `name=value` arguments changeable.
    fn own_named(&mut self, args: &[ast::CallArg<'_>]) {
        for arg in args {
            if let ast::CallArg::Kwarg(_, value) = arg {
                let start = value.span().start_offset;
                let before = self.source.get(..start as usize).unwrap_or_default();
                if let Some(sign) = before.rfind('=') {
                    self.own_after(u32::try_from(sign).unwrap_or(start), "=", value);
                }
            }
        }
    }

    fn stmts(&mut self, stmts: &[ast::Stmt<'_>]) {
        stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &ast::Stmt<'_>) {
        use ast::Stmt;
        match stmt {
            Stmt::Template(node) => self.stmts(&node.children),
            Stmt::EmitExpr(node) => self.expr(&node.expr),
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(node) => {
                self.expr(&node.iter);
                self.exprs(&node.filter_expr);
                self.stmts(&node.body);
                self.stmts(&node.else_body);
            }
            Stmt::IfCond(node) => {
                self.expr(&node.expr);
                self.stmts(&node.true_body);
                self.stmts(&node.false_body);
            }
            Stmt::WithBlock(node) => {
                self.exprs(node.assignments.iter().map(|(_, value)| value));
                self.stmts(&node.body);
            }
            Stmt::Set(node) => {
                self.own_after(node.target.span().end_offset, "=", &node.expr);
                self.expr(&node.expr);
            }
            Stmt::SetBlock(node) => {
                self.exprs(&node.filter);
                self.stmts(&node.body);
            }
            Stmt::AutoEscape(node) => self.stmts(&node.body),
            Stmt::FilterBlock(node) => {
                self.expr(&node.filter);
                self.stmts(&node.body);
            }
            Stmt::Block(node) => self.stmts(&node.body),
            Stmt::Macro(node) => self.macro_body(node),
            Stmt::CallBlock(node) => {
                self.call(&node.call);
                self.macro_body(&node.macro_decl);
            }
            Stmt::Do(node) => self.call(&node.call),
            Stmt::Import(node) => self.unsupported("{% import %}", node.span()),
            Stmt::FromImport(node) => self.unsupported("{% from … import %}", node.span()),
            Stmt::Extends(node) => self.unsupported("{% extends %}", node.span()),
            Stmt::Include(node) => self.unsupported("{% include %}", node.span()),
        }
    }

    fn macro_body(&mut self, node: &ast::Spanned<ast::Macro<'_>>) {
        self.exprs(&node.defaults);
        self.stmts(&node.body);
    }

    /// Names that the template itself gives to something, which may then be called. Scopes are not told apart: what
    /// slips through is found when the template runs.
    fn collect_assigned(&mut self, stmt: &ast::Stmt<'_>) {
        use ast::Stmt;
        let bodies: Vec<&[ast::Stmt<'_>]> = match stmt {
            Stmt::Template(node) => vec![&node.children],
            Stmt::ForLoop(node) => {
                self.assign(&node.target);
                vec![&node.body, &node.else_body]
            }
            Stmt::IfCond(node) => vec![&node.true_body, &node.false_body],
            Stmt::WithBlock(node) => {
                node.assignments.iter().for_each(|(target, _)| self.assign(target));
                vec![&node.body]
            }
            Stmt::Set(node) => {
                self.assign(&node.target);
                vec![]
            }
            Stmt::SetBlock(node) => vec![&node.body],
            Stmt::AutoEscape(node) => vec![&node.body],
            Stmt::FilterBlock(node) => vec![&node.body],
            Stmt::Block(node) => vec![&node.body],
            Stmt::CallBlock(node) => vec![&node.macro_decl.body],
            Stmt::Macro(node) => {
                self.assigned.insert(node.name.to_owned());
                node.args.iter().for_each(|arg| self.assign(arg));
                vec![&node.body]
            }
            _ => vec![],
        };
        bodies.into_iter().flatten().for_each(|inner| self.collect_assigned(inner));
    }

    fn assign(&mut self, target: &ast::Expr<'_>) {
        match target {
            ast::Expr::Var(var) => {
                self.assigned.insert(var.id.to_owned());
            }
            ast::Expr::List(list) => list.items.iter().for_each(|item| self.assign(item)),
            ast::Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.assign(item)),
            _ => {}
        }
    }
}
