//! Variables that a template changes in place: `{% set _ = users.append(x) %}`. What changes is the template's own copy,
//! for as long as it runs; the variable stays as it is. Which variables that concerns is read from the source: those on
//! which a changing method is called, and those that such names were taken from by `set` and `for`.

use super::lazy::Names;
use super::own;
use minijinja::Value;
use minijinja::machinery::ast;
use minijinja::value::{Enumerator, Object};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Methods that change what they are called on.
pub(super) const METHODS: [&str; 10] =
    ["append", "extend", "update", "insert", "remove", "pop", "setdefault", "clear", "sort", "reverse"];

/// What a walk over a source finds out about changes.
#[derive(Default)]
pub(super) struct Changed {
    names: BTreeSet<String>,
    /// Names, and what they are taken from.
    taken: Vec<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Changed {
    /// Notes a call.
    pub fn call(&mut self, node: &ast::Call<'_>) {
        if let ast::Expr::GetAttr(callee) = &node.expr
            && METHODS.contains(&callee.name)
        {
            origins(&callee.expr, &mut self.names);
        }
    }

    /// Notes that a name is given to something, or to its members.
    pub fn taken(&mut self, target: &ast::Expr<'_>, from: &ast::Expr<'_>) {
        let (mut targets, mut sources) = (BTreeSet::new(), BTreeSet::new());
        origins(target, &mut targets);
        origins(from, &mut sources);
        self.taken.push((targets, sources));
    }

    /// The names of all that is changed.
    pub fn into_names(mut self) -> BTreeSet<String> {
        if self.names.is_empty() {
            return self.names;
        }
        for _ in 0..=self.taken.len() {
            let before = self.names.len();
            for (targets, sources) in &self.taken {
                if !targets.is_disjoint(&self.names) {
                    self.names.extend(sources.iter().cloned());
                }
            }
            if self.names.len() == before {
                break;
            }
        }
        self.names
    }
}

/// The names that an expression's value may be a part of.
fn origins(expr: &ast::Expr<'_>, names: &mut BTreeSet<String>) {
    match expr {
        ast::Expr::Var(var) => {
            names.insert(var.id.to_owned());
        }
        ast::Expr::GetAttr(node) => origins(&node.expr, names),
        ast::Expr::GetItem(node) => origins(&node.expr, names),
        ast::Expr::Filter(node) => node.expr.iter().for_each(|operand| origins(operand, names)),
        ast::Expr::Call(node) => {
            if let ast::Expr::GetAttr(callee) = &node.expr {
                origins(&callee.expr, names);
            }
        }
        ast::Expr::IfExpr(node) => {
            origins(&node.true_expr, names);
            node.false_expr.iter().for_each(|end| origins(end, names));
        }
        ast::Expr::List(node) => node.items.iter().for_each(|item| origins(item, names)),
        ast::Expr::Tuple(node) => node.items.iter().for_each(|item| origins(item, names)),
        _ => {}
    }
}

/// A namespace in which some lists and mappings are the template's own.
#[derive(Debug)]
pub(super) struct Owning {
    names: Arc<Names>,
    changed: BTreeSet<String>,
    held: Mutex<BTreeMap<String, Value>>,
}

impl Owning {
    /// What a template sees: the variables, those that it changes as its own.
    pub fn over(names: &Arc<Names>, changed: &BTreeSet<String>) -> Value {
        if changed.is_empty() {
            return Value::from_dyn_object(names.clone());
        }
        let (names, changed) = (names.clone(), changed.clone());
        Value::from_object(Self { names, changed, held: Mutex::default() })
    }
}

impl Object for Owning {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if !self.changed.contains(key) {
            return self.names.get_value_by_str(key);
        }
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = held().get(key) {
            return Some(value.clone());
        }
        let value = self.names.get_value_by_str(key)?;
        // What can't be copied stays what it was: whoever uses it is told.
        let value = own::own(&value).unwrap_or(value);
        held().insert(key.to_owned(), value.clone());
        Some(value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.names.enumerate()
    }
}
