//! Filters with regular expressions, in Python's syntax.

use crate::model::{Found, Pattern, PatternOptions};
use crate::template::call::{Call, Word, text_of, tuple, wrong};
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word {
        name: "regex_replace",
        params: &["pattern", "replacement", "ignorecase", "multiline", "count", "mandatory_count"],
        body: regex_replace,
    },
    Word {
        name: "regex_search",
        params: &["regex", "*groups", "ignorecase", "multiline"],
        body: regex_search,
    },
    Word { name: "regex_findall", params: &["regex", "multiline", "ignorecase"], body: regex_findall },
    Word { name: "regex_escape", params: &["re_type"], body: regex_escape },
];

/// The pattern that an argument holds.
pub(in crate::template) fn pattern(call: &Call, param: &str) -> Result<Pattern, Error> {
    let options =
        PatternOptions { ignore_case: call.is_set("ignorecase"), multi_line: call.is_set("multiline") };
    Pattern::new(&call.need_text(param)?, options).map_err(|error| wrong(error.to_string()))
}

fn regex_replace(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, pattern) = (call.operand_text()?, pattern(call, "pattern")?);
    let replacement = call.text("replacement")?.unwrap_or_default();
    let count =
        call.integer("count")?.map_or(Ok(0), usize::try_from).map_err(|_| call.wrong("count is negative"))?;
    if let Some(wanted) = call.integer("mandatory_count")?.filter(|wanted| *wanted > 0) {
        let found = pattern.all(&text).map_err(|error| wrong(error.to_string()))?.len();
        if usize::try_from(wanted) != Ok(found) {
            return Err(call.wrong(format!("the pattern matches {found} times, not {wanted}")));
        }
    }
    pattern.replace(&text, &replacement, count).map(Value::from).map_err(|error| wrong(error.to_string()))
}

/// The match, or the groups that were asked for; None where there is no match.
fn regex_search(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, pattern) = (call.operand_text()?, pattern(call, "regex")?);
    let Some(found) = pattern.search_from(&text, 0).map_err(|error| wrong(error.to_string()))? else {
        return Ok(Value::from(()));
    };
    if call.rest.is_empty() {
        return Ok(group(&found, 0));
    }
    let mut groups = Vec::new();
    for wanted in &call.rest {
        let wanted = text_of(wanted)?;
        let name = wanted.strip_prefix('\\').unwrap_or(&wanted);
        let name = name.strip_prefix("g<").and_then(|name| name.strip_suffix('>')).unwrap_or(name);
        let number =
            name.parse().ok().or_else(|| pattern.group(name)).filter(|number| *number <= pattern.groups());
        groups.push(group(
            &found,
            number.ok_or_else(|| call.wrong(format!("the pattern has no group '{wanted}'")))?,
        ));
    }
    Ok(Value::from(groups))
}

fn group(found: &Found<'_>, number: usize) -> Value {
    found.groups.get(number).copied().flatten().map_or(Value::from(()), Value::from)
}

fn regex_findall(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, pattern) = (call.operand_text()?, pattern(call, "regex")?);
    let all = pattern.all(&text).map_err(|error| wrong(error.to_string()))?;
    let or_empty = |found: &Found<'_>, at: usize| {
        Value::from(found.groups.get(at).copied().flatten().unwrap_or_default())
    };
    Ok(all
        .iter()
        .map(|found| match pattern.groups() {
            0 => or_empty(found, 0),
            1 => or_empty(found, 1),
            many => tuple((1..=many).map(|at| or_empty(found, at))),
        })
        .collect())
}

fn regex_escape(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    match call.text("re_type")?.as_deref() {
        None | Some("python") => Ok(Value::from(Pattern::escape(&text))),
        Some("posix_basic") => {
            let escaped = text.chars().fold(String::new(), |mut out, c| {
                if r"]['.$^\*".contains(c) && c != '\'' {
                    out.push('\\');
                }
                out.push(c);
                out
            });
            Ok(Value::from(escaped))
        }
        Some(other) => Err(call.wrong(format!("re_type is python or posix_basic, not '{other}'"))),
    }
}
