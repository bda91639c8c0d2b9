//! Templates within a condition's quotes (`item in '{{ list }}'`): Ansible puts in what they come to, so they are made a
//! part of the expression. Only what a person wrote between quotes is read so, never a value.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use std::borrow::Cow;

/// The condition without templates between quotes.
pub(super) fn without_embedded(condition: &str) -> Cow<'_, str> {
    if !condition.contains("{{") {
        return Cow::Borrowed(condition);
    }
    let (mut text, mut at) = (String::new(), 0);
    for token in tokenize(condition, true, SyntaxConfig::default()) {
        let Ok((token, span)) = token else { return Cow::Borrowed(condition) };
        let (start, end) = (span.start_offset as usize, span.end_offset as usize);
        let literal = matches!(token, Token::Str(_) | Token::String(_)).then(|| condition.get(start..end));
        if let Some(part) = literal.flatten().and_then(expression) {
            text.push_str(condition.get(at..start).unwrap_or_default());
            text.push_str(&part);
            at = end;
        }
    }
    text.push_str(condition.get(at..).unwrap_or_default());
    Cow::Owned(text)
}

/// What a text in quotes is as an expression; nothing where no template is in it, or none that can be told apart.
fn expression(literal: &str) -> Option<String> {
    let quote = literal.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let inner = literal.strip_prefix(quote)?.strip_suffix(quote)?;
    if !inner.contains("{{") || inner.contains('\\') {
        return None;
    }
    let (mut parts, mut rest) = (Vec::new(), inner);
    while let Some((before, behind)) = rest.split_once("{{") {
        let (template, after) = behind.split_once("}}")?;
        parts.extend((!before.is_empty()).then(|| format!("{quote}{before}{quote}")));
        parts.push(format!("({})", template.trim_matches('-').trim()));
        rest = after;
    }
    parts.extend((!rest.is_empty()).then(|| format!("{quote}{rest}{quote}")));
    match parts.as_slice() {
        [one] => Some(one.clone()),
        several => Some(format!("({})", several.join(" ~ "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_quotes_is_put_in() {
        let cases = [
            ("'{{ x }}' == 'bar'", "(x) == 'bar'"),
            (r#"a == "{{ x | int }}""#, "a == (x | int)"),
            ("msg is search('not {{ x }} now')", "msg is search(('not ' ~ (x) ~ ' now'))"),
            ("'{{ x }}-{{ y }}' in z", "((x) ~ '-' ~ (y)) in z"),
            ("a == 'b'", "a == 'b'"),
            ("a == '{{ b'", "a == '{{ b'"),
            ("a == {{ b }}", "a == {{ b }}"),
        ];
        for (condition, expected) in cases {
            assert_eq!(without_embedded(condition), expected, "{condition}");
        }
    }
}
