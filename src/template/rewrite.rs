//! The edits by which a source is made to mean to our engine what it means to Ansible, and the way back from a place in
//! the edited text to the same place in what was written. These things are rewritten:
//!
//! Under and in `default`, and under `is defined`, `a.b.c` becomes `a|__member('b')|__member('c')`, because a missing `a` or `b` must
//! not be an error there; everywhere else it must. And where a template calls a method that changes something in place
//! (`.append`), what it gives names to is wrapped in `__own(…)`, which makes it changeable. `text % value` becomes
//! `__percent(text, value)`, and a difference of moments `__minus(a, b)`: the engine's operators know numbers only. Where a template
//! gives names to values, `a ~ b` and `a + b` become `__within(a ~ b)`, which bounds what they grow to. In a
//! value's `{{ … }}` a backslash between quotes stands for itself, so it is doubled; and the line feed after
//! `{% raw %}`, which the engine would drop, is kept.

use minijinja::machinery::{Token, ast, tokenize};
use minijinja::syntax::SyntaxConfig;
use std::ops::Range;

/// The filter that reads a member and forgives a missing parent.
pub(super) const MEMBER: &str = "__member";
/// The function that makes a list or mapping changeable in place.
pub(super) const OWN: &str = "__own";
/// The function that is `%`.
pub(super) const PERCENT: &str = "__percent";
/// The function that is `-` where moments are at hand.
pub(super) const MINUS: &str = "__minus";

/// The function that refuses a text or a list that grew too large.
pub(super) const WITHIN: &str = "__within";

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

/// One change of a source.
pub(super) struct Edit {
    range: Range<usize>,
    text: String,
    /// Whether the same edit at the same place is meant again.
    nests: bool,
}

/// The changes of a source.
pub(super) struct Edits<'s> {
    source: &'s str,
    /// Whether the source changes something in place.
    changes: bool,
    edits: Vec<Edit>,
}

impl<'s> Edits<'s> {
    pub fn new(source: &'s str) -> Self {
        Self { source, changes: CHANGING.iter().any(|method| source.contains(method)), edits: Vec::new() }
    }

    /// Replaces some bytes.
    pub fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push(Edit { range, text: text.into(), nests: false });
    }

    fn nest(&mut self, at: usize, text: impl Into<String>) {
        self.edits.push(Edit { range: at..at, text: text.into(), nests: true });
    }

    /// Whether what a source joins can be given a name, and be joined once more.
    fn names_values(&self) -> bool {
        ["set", "macro", "with", "recursive", "call"].iter().any(|word| self.source.contains(word))
    }

    /// Makes an operator a call of a function, or has what it comes to looked at.
    pub fn operator(&mut self, node: &ast::Spanned<ast::BinOp<'_>>) {
        let moments = || ["to_datetime", "now("].iter().any(|word| self.source.contains(word));
        let (sign, function) = match node.op {
            ast::BinOpKind::Rem if !matches!(&node.left, ast::Expr::Const(left) if left.value.is_number()) => {
                ('%', PERCENT)
            }
            ast::BinOpKind::Sub if moments() => ('-', MINUS),
            // What is given a name can be joined to itself again and again.
            ast::BinOpKind::Concat | ast::BinOpKind::Add if self.names_values() => {
                self.nest(node.span().start_offset as usize, format!("{WITHIN}("));
                return self.nest(node.span().end_offset as usize, ")");
            }
            _ => return,
        };
        let gap = node.left.span().end_offset as usize..node.right.span().start_offset as usize;
        let between = self.source.get(gap.clone()).unwrap_or_default();
        let Some(at) = between.find(sign).map(|at| gap.start + at) else { return };
        let (start, end) = (node.span().start_offset as usize, node.span().end_offset as usize);
        if start <= at && at < end {
            self.nest(start, format!("{function}("));
            self.replace(at..at + 1, ",");
            self.nest(end, ")");
        }
    }

    /// Doubles the backslashes between quotes within `{{ … }}`.
    pub fn keep_backslashes(&mut self, syntax: &SyntaxConfig) {
        if !self.source.contains('\\') {
            return;
        }
        let mut inside = false;
        for token in tokenize(self.source, false, syntax.clone()) {
            let Ok((token, span)) = token else { return };
            match token {
                Token::VariableStart => inside = true,
                Token::VariableEnd => inside = false,
                Token::Str(_) | Token::String(_) if inside => {
                    let range = span.start_offset as usize..span.end_offset as usize;
                    let written = self.source.get(range.clone()).unwrap_or_default();
                    if written.contains('\\') {
                        self.replace(range, doubled(written));
                    }
                }
                _ => {}
            }
        }
    }

    /// Keeps the line feed after `{% raw %}`.
    pub fn keep_line_after_raw(&mut self, syntax: &SyntaxConfig) {
        let (open, close) = syntax.block_delimiters();
        let mut at = 0;
        while let Some(start) = self.source.get(at..).and_then(|rest| rest.find(open)).map(|found| at + found)
        {
            at = start + open.len();
            let Some(end) = self.source.get(at..).and_then(|rest| rest.find(close)).map(|found| at + found)
            else {
                return;
            };
            let word = self.source.get(at..end).unwrap_or_default();
            if word.trim_start_matches(['-', '+']).trim() == "raw" {
                at = end + close.len();
                if self.source.get(at..).is_some_and(|rest| rest.starts_with('\n')) {
                    self.replace(at..at, "\n");
                }
            }
        }
    }

    /// The edited text, and the edits in their order.
    pub fn apply(mut self) -> (String, Vec<Edit>) {
        self.edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
        self.edits.dedup_by(|a, b| !a.nests && a.range == b.range && a.text == b.text);
        let mut text = String::with_capacity(self.source.len() + 32);
        let mut at = 0;
        for edit in &self.edits {
            text.push_str(self.source.get(at..edit.range.start).unwrap_or_default());
            text.push_str(&edit.text);
            at = edit.range.end;
        }
        text.push_str(self.source.get(at..).unwrap_or_default());
        (text, self.edits)
    }

    /// Lets a chain of members start from something that doesn't exist, also behind filters, which hand it on.
    pub fn forgive(&mut self, expr: &ast::Expr<'_>) {
        let (inner, edits) = match expr {
            ast::Expr::GetAttr(node) => (&node.expr, self.attribute_edit(node)),
            ast::Expr::GetItem(node) => (&node.expr, self.item_edits(node)),
            ast::Expr::Filter(node) => return node.expr.iter().for_each(|operand| self.forgive(operand)),
            ast::Expr::IfExpr(node) => {
                let ends = [Some(&node.true_expr), node.false_expr.as_ref()];
                return ends.into_iter().flatten().for_each(|end| self.forgive(end));
            }
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
        Some(vec![Edit { range: dot..end, text: format!("|{MEMBER}('{}')", node.name), nests: false }])
    }

    /// `[key]` at the end of the node becomes `|__member(key)`; so does `.0`.
    fn item_edits(&self, node: &ast::Spanned<ast::GetItem<'_>>) -> Option<Vec<Edit>> {
        let end = node.span().end_offset as usize;
        let key = node.subscript_expr.span();
        let before = self.source.get(..key.start_offset as usize)?.trim_end_matches([' ', '\t', '\n', '(']);
        if let Some(head) = before.strip_suffix('[') {
            let open = Edit { range: head.len()..before.len(), text: format!("|{MEMBER}("), nests: false };
            self.source.get(..end)?.strip_suffix(']')?;
            return Some(vec![open, Edit { range: end - 1..end, text: ")".into(), nests: false }]);
        }
        let dot = before.strip_suffix('.')?.len();
        let index = self.source.get(key.start_offset as usize..end)?.trim();
        Some(vec![Edit { range: dot..end, text: format!("|{MEMBER}({index})"), nests: false }])
    }

    /// Makes what a name is given to changeable: what stands between the sign after an offset and the expression's end.
    pub fn own_after(&mut self, offset: u32, sign: &str, expr: &ast::Expr<'_>) {
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
            self.replace(start..start, format!("{OWN}("));
            self.replace(end..end, ")");
        }
    }

    /// Forgives arguments.
    pub fn forgive_args(&mut self, args: &[ast::CallArg<'_>]) {
        for arg in args {
            if let ast::CallArg::Pos(value) | ast::CallArg::Kwarg(_, value) = arg {
                self.forgive(value);
            }
        }
    }

    /// Makes the values of `name=value` arguments changeable.
    pub fn own_named(&mut self, args: &[ast::CallArg<'_>]) {
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
}

/// A string between its quotes with every backslash doubled. The quote itself is found between them behind a backslash
/// only, and stays so.
fn doubled(written: &str) -> String {
    let (Some(quote), Some(end)) = (written.chars().next(), written.len().checked_sub(1)) else {
        return written.to_owned();
    };
    let inner = written.get(1..end).unwrap_or_default();
    let inner = inner.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"));
    format!("{quote}{inner}{quote}")
}

/// Where a byte of an edited text was in the source.
pub(super) fn original(edits: &[Edit], offset: usize) -> usize {
    let (mut old, mut new) = (0, 0);
    for edit in edits {
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
