//! The walk over a parsed source: every filter, test and function is looked up by name, and what must be rewritten is
//! noted for `rewrite.rs`.

use super::changing::Changed;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::rewrite::Edits;
use super::source::Names;
use crate::model::nearest;
use minijinja::machinery::{Span, ast};
use std::collections::{BTreeSet, HashSet};

/// A walk under way.
pub(super) struct Walk<'a> {
    source: &'a str,
    name: &'a str,
    names: &'a Names,
    assigned: HashSet<String>,
    /// Whether the template could nest values ever deeper: it assigns to a member of a namespace.
    pub deepens: bool,
    /// Whether the template brings in others.
    pub includes: bool,
    /// Whether functions may come from a template that brings this one in.
    pub trusts_calls: bool,
    /// What the template changes in place.
    pub changed: Changed,
    pub edits: Edits<'a>,
    pub errors: Vec<TemplateError>,
}

/// The filters whose operand may be missing.
const FORGIVING_FILTERS: [&str; 2] = ["default", "d"];
/// The tests whose operand may be missing.
const FORGIVING_TESTS: [&str; 2] = ["defined", "undefined"];

fn bare(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").unwrap_or(name)
}

fn is_named(expr: &ast::Expr<'_>, name: &str) -> bool {
    matches!(expr, ast::Expr::Var(var) if var.id == name)
}

impl<'a> Walk<'a> {
    pub fn new(source: &'a str, name: &'a str, names: &'a Names) -> Self {
        let (edits, errors) = (Edits::new(source), Vec::new());
        Self {
            source,
            name,
            names,
            assigned: HashSet::new(),
            deepens: false,
            includes: false,
            trusts_calls: false,
            changed: Changed::default(),
            edits,
            errors,
        }
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

    pub fn expr(&mut self, expr: &ast::Expr<'_>) {
        match expr {
            ast::Expr::Var(_) | ast::Expr::Const(_) => {}
            ast::Expr::Slice(node) => {
                self.expr(&node.expr);
                self.exprs([&node.start, &node.stop, &node.step].into_iter().flatten());
            }
            ast::Expr::UnaryOp(node) => self.expr(&node.expr),
            ast::Expr::BinOp(node) => {
                self.edits.operator(node);
                self.exprs([&node.left, &node.right]);
            }
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
                self.edits.forgive(operand);
                // It is handed on where it is missing, too.
                self.edits.forgive_args(&node.args);
            }
            self.expr(operand);
        }
        self.args(&node.args);
    }

    fn test(&mut self, node: &ast::Spanned<ast::Test<'_>>) {
        let names = self.names;
        self.known("test", node.name, &names.tests, node.span());
        if FORGIVING_TESTS.contains(&bare(node.name)) {
            self.edits.forgive(&node.expr);
        }
        self.expr(&node.expr);
        self.args(&node.args);
    }

    fn call(&mut self, node: &ast::Spanned<ast::Call<'_>>) {
        self.changed.call(node);
        match &node.expr {
            ast::Expr::Var(var) if !self.trusts_calls && !self.assigned.contains(var.id) => {
                let names = self.names;
                self.known("function", var.id, &names.functions, node.expr.span());
            }
            other => self.expr(other),
        }
        if is_named(&node.expr, "namespace") {
            self.edits.own_named(&node.args);
        }
        self.args(&node.args);
    }

    fn stmts(&mut self, stmts: &[ast::Stmt<'_>]) {
        stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    pub fn stmt(&mut self, stmt: &ast::Stmt<'_>) {
        use ast::Stmt;
        match stmt {
            Stmt::Template(node) => self.stmts(&node.children),
            Stmt::EmitExpr(node) => self.expr(&node.expr),
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(node) => {
                self.changed.taken(&node.target, &node.iter);
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
                node.assignments.iter().for_each(|(target, value)| self.changed.taken(target, value));
                self.exprs(node.assignments.iter().map(|(_, value)| value));
                self.stmts(&node.body);
            }
            Stmt::Set(node) => {
                self.deepens |= matches!(node.target, ast::Expr::GetAttr(_));
                let namespace =
                    matches!(&node.expr, ast::Expr::Call(call) if is_named(&call.expr, "namespace"));
                if !namespace {
                    self.edits.own_after(node.target.span().end_offset, "=", &node.expr);
                }
                self.changed.taken(&node.target, &node.expr);
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
            Stmt::Import(node) => self.brings_in(&node.expr),
            Stmt::FromImport(node) => self.brings_in(&node.expr),
            Stmt::Extends(node) => self.brings_in(&node.name),
            Stmt::Include(node) => self.brings_in(&node.name),
        }
    }

    fn brings_in(&mut self, name: &ast::Expr<'_>) {
        self.includes = true;
        self.expr(name);
    }

    fn macro_body(&mut self, node: &ast::Spanned<ast::Macro<'_>>) {
        self.exprs(&node.defaults);
        self.stmts(&node.body);
    }

    /// Names that the template itself gives to something, which may then be called. Scopes are not told apart: what
    /// slips through is found when the template runs.
    pub fn collect_assigned(&mut self, stmt: &ast::Stmt<'_>) {
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
            Stmt::Import(node) => {
                self.assign(&node.name);
                vec![]
            }
            Stmt::FromImport(node) => {
                node.names.iter().for_each(|(name, alias)| self.assign(alias.as_ref().unwrap_or(name)));
                vec![]
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
