//! What Jinja reads and our engine doesn't: a row of values without parentheses (`for x in "a", "b"`, `set x = 1, 2`), a plus
//! that is no sum (`+1`), a colon behind a statement (`if x:`), and a no-break space between braces. Each is replaced by what means the same and is as long, so
//! that an error is still shown at its place; only a parenthesis without a blank to stand on makes a source longer.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use std::ops::Range;

/// A source as the engine reads it; nothing where there is nothing to replace.
pub(super) fn adapted(source: &str, is_expression: bool, syntax: &SyntaxConfig) -> Option<String> {
    let spaced = with_plain_blanks(source, is_expression, syntax);
    let text = spaced.as_deref().unwrap_or(source);
    let edited = with_rows_and_signs(text, is_expression, syntax);
    edited.or(spaced)
}

/// No-break spaces and their kin between braces as blanks; those between quotes stay.
fn with_plain_blanks(source: &str, is_expression: bool, syntax: &SyntaxConfig) -> Option<String> {
    let is_blank = |c: char| !c.is_ascii() && c.is_whitespace();
    if !source.contains(is_blank) {
        return None;
    }
    let pairs = [syntax.variable_delimiters(), syntax.block_delimiters()];
    let mut made = String::with_capacity(source.len());
    let mut end = is_expression.then_some("\0");
    let mut quote = None;
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let used = c.len_utf8();
        let (head, tail) = rest.split_at(used);
        match (end, quote) {
            (None, _) => {
                let begun = pairs.into_iter().find(|(begin, _)| rest.starts_with(begin));
                if let Some((begin, closes)) = begun {
                    end = Some(closes);
                    made.push_str(begin);
                    rest = rest.get(begin.len()..).unwrap_or_default();
                    continue;
                }
                made.push_str(head);
            }
            (Some(_), Some(open)) => {
                made.push_str(head);
                if c == '\\'
                    && let Some(next) = tail.chars().next()
                {
                    made.push(next);
                    rest = tail.get(next.len_utf8()..).unwrap_or_default();
                    continue;
                }
                quote = (c != open).then_some(open);
            }
            (Some(closes), None) => {
                if rest.starts_with(closes) {
                    end = None;
                }
                quote = matches!(c, '"' | '\'').then_some(c);
                made.push_str(if is_blank(c) { "   ".get(..used).unwrap_or(" ") } else { head });
            }
        }
        rest = tail;
    }
    (made != source).then_some(made)
}

/// One replacement of bytes.
type Edit = (Range<usize>, &'static str);

/// Rows in parentheses, and without signs that do nothing.
fn with_rows_and_signs(source: &str, is_expression: bool, syntax: &SyntaxConfig) -> Option<String> {
    let tokens: Vec<(Token<'_>, Range<usize>)> = tokenize(source, is_expression, syntax.clone())
        .map(|token| token.map(|(token, span)| (token, span.start_offset as usize..span.end_offset as usize)))
        .collect::<Result<_, _>>()
        .ok()?;
    let mut edits: Vec<Edit> = Vec::new();
    for (at, (token, range)) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before)).map(|(token, _)| token);
        match token {
            Token::Plus if before.is_none_or(awaits_a_value) => edits.push((range.clone(), " ")),
            Token::Colon if matches!(tokens.get(at + 1), Some((Token::BlockEnd, _))) => {
                edits.push((range.clone(), " "));
            }
            Token::BlockStart => {
                edits.extend(row(source, tokens.get(at + 1..).unwrap_or_default()).into_iter().flatten())
            }
            _ => {}
        }
    }
    if edits.is_empty() {
        return None;
    }
    edits.sort_by_key(|(range, _)| range.start);
    let (mut made, mut at) = (String::with_capacity(source.len() + 2), 0);
    for (range, text) in edits {
        made.push_str(source.get(at..range.start).unwrap_or_default());
        made.push_str(text);
        at = range.end;
    }
    made.push_str(source.get(at..).unwrap_or_default());
    Some(made)
}

/// Whether a value comes behind it, so that a plus there is a sign.
fn awaits_a_value(token: &Token<'_>) -> bool {
    match token {
        Token::Ident(word) => matches!(*word, "in" | "not" | "and" | "or" | "if" | "elif" | "else"),
        Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) | Token::Float(_) => false,
        Token::ParenClose | Token::BracketClose | Token::BraceClose => false,
        Token::TemplateData(_) | Token::VariableEnd | Token::BlockEnd | Token::BlockStart => false,
        _ => true,
    }
}

/// The parentheses that a row of values in a `for` or a `set` lacks.
fn row(source: &str, tokens: &[(Token<'_>, Range<usize>)]) -> Option<[Edit; 2]> {
    let Some((Token::Ident(word @ ("for" | "set")), _)) = tokens.first() else { return None };
    let mut depth = 0_i32;
    let mut begin: Option<usize> = None;
    let (mut end, mut commas) = (0, 0);
    for (token, range) in tokens.iter().skip(1) {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => depth -= 1,
            Token::BlockEnd => break,
            Token::Colon if depth == 0 => break,
            Token::Ident("if" | "recursive") if depth == 0 && *word == "for" && begin.is_some() => break,
            Token::Ident("in") if depth == 0 && *word == "for" && begin.is_none() => {
                begin = Some(range.end);
                continue;
            }
            Token::Assign if depth == 0 && *word == "set" && begin.is_none() => {
                begin = Some(range.end);
                continue;
            }
            Token::Comma if depth == 0 && begin.is_some() => commas += 1,
            _ => {}
        }
        end = range.end;
    }
    let begin = begin.filter(|begin| commas > 0 && *begin < end)?;
    let blank = |at: usize| source.get(at..).is_some_and(|rest| rest.starts_with([' ', '\n', '\t']));
    let span = |at: usize| if blank(at) { at..at + 1 } else { at..at };
    Some([(span(begin), "("), (span(end), ")")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Option<String> {
        adapted(source, false, &SyntaxConfig::default())
    }

    #[test]
    fn rows_get_parentheses_in_the_place_of_blanks() {
        assert_eq!(
            text(r#"{% for x in "a", "b" %}{{ x }}{% endfor %}"#).unwrap(),
            r#"{% for x in("a", "b")%}{{ x }}{% endfor %}"#
        );
        assert_eq!(text("{% for x in 1, f(2, 3) if x %}").unwrap(), "{% for x in(1, f(2, 3))if x %}");
        assert_eq!(text("{% set x=1,2%}").unwrap(), "{% set x=(1,2)%}");
        for source in [
            "{% for a, b in c %}",
            "{% for x in (1, 2) %}",
            "{% set a, b = c %}",
            "{{ f(1, 2) }} a, b",
            "{% set x = f(1, 2) %}",
        ] {
            assert_eq!(text(source), None, "{source}");
        }
    }

    #[test]
    fn a_plus_before_a_value_is_left_out_and_sums_stay() {
        assert_eq!(text("{{ [+1, a + +b] }}").unwrap(), "{{ [ 1, a +  b] }}");
        assert_eq!(text("{{ a + 1 }} +1 {% if a == +1 %}").unwrap(), "{{ a + 1 }} +1 {% if a ==  1 %}");
        assert_eq!(adapted("+1 == x", true, &SyntaxConfig::default()).unwrap(), " 1 == x");
        assert_eq!(text("{{ a + 1 }}{{ 'x' + y }}{{ f(x) + 1 }}"), None);
    }

    #[test]
    fn a_colon_behind_a_statement_is_left_out() {
        assert_eq!(
            text("{% if a: %}:{% else:-%}{{ {'a': 1} }}{% endif %}").unwrap(),
            "{% if a  %}:{% else -%}{{ {'a': 1} }}{% endif %}"
        );
        assert_eq!(text("{% for x in 1, 2: %}").unwrap(), "{% for x in(1, 2)  %}");
        assert_eq!(text("{% set x = {'a': y[1:]} %}"), None);
    }

    #[test]
    fn no_break_spaces_are_blanks_between_braces_alone() {
        assert_eq!(
            text("a\u{a0}{{\u{a0}x | d('\u{a0}\\'\u{a0}')\u{a0}}}\u{a0}").unwrap(),
            "a\u{a0}{{  x | d('\u{a0}\\'\u{a0}')  }}\u{a0}"
        );
        assert_eq!(adapted("x\u{a0}== 1", true, &SyntaxConfig::default()).unwrap(), "x  == 1");
        assert_eq!(text("\u{a0}{{ x }}"), None);
    }
}
