//! A template's source before it runs: parsed, its filters, tests and functions checked by name (`walk.rs`), and
//! rewritten where Ansible's Jinja is more forgiving than ours (`rewrite.rs`). Evaluating it is the business of
//! `evaluate.rs`.

use super::depth;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::foreign;
use super::rewrite::{self, Edit};
use super::walk::Walk;
use minijinja::machinery::{ast, parse, parse_expr};
use minijinja::syntax::SyntaxConfig;
use std::collections::BTreeSet;
use std::ops::Range;

/// The variable that holds the value of a template which is one single expression.
pub(super) const RESULT: &str = "__result";

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
    /// Whether it could nest values ever deeper.
    pub deepens: bool,
    /// Whether it brings in other templates.
    pub includes: bool,
    /// The variables that it changes in place, for itself.
    pub changed: BTreeSet<String>,
    edits: Vec<Edit>,
}

impl Prepared {
    /// Where a byte of the compiled text was in the original source.
    pub fn original(&self, offset: usize) -> usize {
        rewrite::original(&self.edits, offset)
    }
}

/// Prepares what the engine reads, or else what it reads once it is adapted.
fn either(
    source: &str,
    is_expression: bool,
    syntax: &SyntaxConfig,
    prepare: impl Fn(&str) -> Result<Prepared, Vec<TemplateError>>,
) -> Result<Prepared, Vec<TemplateError>> {
    prepare(source).or_else(|errors| match foreign::adapted(source, is_expression, syntax) {
        Some(adapted) => prepare(&adapted),
        None => Err(errors),
    })
}

/// Prepares a bare expression (a condition).
pub(super) fn expression(source: &str, names: &Names) -> Result<Prepared, Vec<TemplateError>> {
    either(source, true, &SyntaxConfig::default(), |source| expression_as_it_is(source, names))
}

fn expression_as_it_is(source: &str, names: &Names) -> Result<Prepared, Vec<TemplateError>> {
    depth::check(source, true, &SyntaxConfig::default()).map_err(|error| vec![error])?;
    let tree = parse_expr(source).map_err(|error| vec![from_engine(&error, source, "expression")])?;
    let mut walk = Walk::new(source, "expression", names);
    // Before what the walk may put at the very beginning.
    walk.edits.replace(0..0, format!("{{% set {RESULT} = "));
    walk.expr(&tree);
    let end = source.len();
    walk.edits.replace(end..end, " %}");
    finish(walk, true)
}

/// Whether a text can be read as a bare expression.
pub(super) fn is_expression(source: &str) -> bool {
    depth::check(source, true, &SyntaxConfig::default()).is_ok() && parse_expr(source).is_ok()
}

/// Whether a bare expression is two joined by `and` or `or`: then its value is that of one of them, whatever that is.
pub(super) fn is_junction(source: &str) -> bool {
    let joins = |kind| matches!(kind, ast::BinOpKind::ScAnd | ast::BinOpKind::ScOr);
    matches!(parse_expr(source), Ok(ast::Expr::BinOp(joined)) if joins(joined.op))
}

/// Where a text with templates comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A template file.
    File,
    /// A template file that another one brings in: it may call what that one defines.
    Included,
    /// A value's string, in which a backslash between quotes stands for itself.
    Value,
}

/// Prepares a text with templates in it, which may be one single expression.
pub(super) fn text(
    name: &str,
    source: &str,
    origin: Origin,
    syntax: &SyntaxConfig,
    names: &Names,
) -> Result<Prepared, Vec<TemplateError>> {
    either(source, false, syntax, |source| text_as_it_is(name, source, origin, syntax, names))
}

fn text_as_it_is(
    name: &str,
    source: &str,
    origin: Origin,
    syntax: &SyntaxConfig,
    names: &Names,
) -> Result<Prepared, Vec<TemplateError>> {
    let tree =
        parse(source, name, syntax.clone()).map_err(|error| vec![from_engine(&error, source, name)])?;
    let mut walk = Walk::new(source, name, names);
    walk.trusts_calls = origin == Origin::Included;
    walk.collect_assigned(&tree);
    walk.stmt(&tree);
    if origin == Origin::Value {
        walk.edits.keep_backslashes(syntax);
    }
    walk.edits.keep_line_after_raw(syntax);
    finish(walk, false)
}

/// Prepares a value's string: like a text, but one that is a single expression keeps the expression's type.
pub(super) fn value(
    source: &str,
    syntax: &SyntaxConfig,
    names: &Names,
) -> Result<Prepared, Vec<TemplateError>> {
    either(source, false, syntax, |source| value_as_it_is(source, syntax, names))
}

fn value_as_it_is(
    source: &str,
    syntax: &SyntaxConfig,
    names: &Names,
) -> Result<Prepared, Vec<TemplateError>> {
    let trimmed = source.strip_suffix('\n').unwrap_or(source);
    depth::check(source, false, syntax).map_err(|error| vec![error])?;
    let tree = parse(trimmed, "expression", syntax.clone())
        .map_err(|error| vec![from_engine(&error, source, "expression")])?;
    let Some(inner) = single_expression(&tree, trimmed) else {
        return text_as_it_is("expression", source, Origin::Value, syntax, names);
    };
    let mut walk = Walk::new(source, "expression", names);
    walk.stmt(&tree);
    walk.edits.keep_backslashes(syntax);
    walk.edits.replace(0..inner.start, format!("{{% set {RESULT} = "));
    walk.edits.replace(inner.end..source.len(), " %}");
    finish(walk, true)
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

fn finish(walk: Walk<'_>, single: bool) -> Result<Prepared, Vec<TemplateError>> {
    if !walk.errors.is_empty() {
        return Err(walk.errors);
    }
    let (deepens, includes, changed) = (walk.deepens, walk.includes, walk.changed.into_names());
    let (text, edits) = walk.edits.apply();
    Ok(Prepared { text, single, deepens, includes, changed, edits })
}
