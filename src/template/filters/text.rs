//! Filters on text.

use super::bounded::{check_growth, occurrences};
use crate::template::call::{Call, Word, text_of, wrong};
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "lower", params: &[], body: |_, call| on_text(call, |text| text.to_lowercase()) },
    Word { name: "upper", params: &[], body: |_, call| on_text(call, |text| text.to_uppercase()) },
    Word { name: "capitalize", params: &[], body: |_, call| on_text(call, capitalize) },
    Word { name: "title", params: &[], body: |_, call| on_text(call, title) },
    Word { name: "trim", params: &["chars"], body: trim },
    Word { name: "replace", params: &["old", "new", "count"], body: replace },
    Word { name: "split", params: &["sep", "maxsplit"], body: split },
    Word { name: "splitlines", params: &[], body: splitlines },
    Word { name: "indent", params: &["width", "first", "blank"], body: indent },
    Word { name: "wordwrap", params: &["width", "break_long_words", "wrapstring"], body: wordwrap },
    Word { name: "truncate", params: &["length", "killwords", "end", "leeway"], body: truncate },
    Word { name: "center", params: &["width"], body: center },
    Word { name: "quote", params: &[], body: quote },
    Word { name: "wordcount", params: &[], body: wordcount },
    Word { name: "striptags", params: &[], body: |_, call| on_text(call, striptags) },
    Word { name: "forceescape", params: &[], body: |_, call| on_text(call, |text| html(&text)) },
    Word { name: "xmlattr", params: &["autospace"], body: xmlattr },
    Word { name: "urldecode", params: &[], body: |_, call| on_text(call, urldecode) },
    Word { name: "comment", params: COMMENT, body: comment },
    Word { name: "startswith", params: &["prefix"], body: startswith },
];

const COMMENT: &[&str] = &[
    "style",
    "newline",
    "beginning",
    "prefix",
    "prefix_count",
    "decoration",
    "postfix",
    "postfix_count",
    "end",
];

fn on_text(call: &Call, work: impl FnOnce(String) -> String) -> Result<Value, Error> {
    Ok(Value::from(work(call.operand_text()?)))
}

fn capitalize(text: String) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()
    })
}

/// Jinja's title case: a word begins after a space, a hyphen or an opening bracket.
fn title(text: String) -> String {
    let mut begins = true;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if begins {
            out.extend(c.to_uppercase())
        } else {
            out.extend(c.to_lowercase())
        }
        begins = c.is_whitespace() || "-([{<".contains(c);
    }
    out
}

fn trim(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    Ok(Value::from(match call.text("chars")? {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim(),
    }))
}

fn replace(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (old, new) = (call.need_text("old")?, call.need_text("new")?);
    let text = call.operand_text()?;
    check_growth(occurrences(&text, &old), &new)?;
    Ok(Value::from(match call.integer("count")?.map(usize::try_from) {
        Some(Ok(count)) => text.replacen(&old, &new, count),
        _ => text.replace(&old, &new),
    }))
}

fn split(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let most = call.integer("maxsplit")?.and_then(|most| usize::try_from(most).ok());
    Ok(match (call.text("sep")?, most) {
        (Some(sep), _) if sep.is_empty() => return Err(call.wrong("the separator is empty")),
        (Some(sep), Some(most)) => text.splitn(most + 1, sep.as_str()).map(Value::from).collect(),
        (Some(sep), None) => text.split(sep.as_str()).map(Value::from).collect(),
        (None, Some(most)) => words(&text, most).into_iter().map(Value::from).collect(),
        (None, None) => text.split_whitespace().map(Value::from).collect(),
    })
}

/// At most so many words, and then what is left.
fn words(text: &str, most: usize) -> Vec<&str> {
    let (mut words, mut rest) = (Vec::new(), text.trim());
    while words.len() < most {
        let Some((word, after)) = rest.split_once(char::is_whitespace) else { break };
        words.push(word);
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        words.push(rest);
    }
    words
}

fn splitlines(_: &mut State, call: &Call) -> Result<Value, Error> {
    Ok(call.operand_text()?.lines().map(Value::from).collect())
}

fn indent(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let by = match call.arg("width").and_then(Value::as_str) {
        Some(by) => by.to_owned(),
        None => " ".repeat(width(call, "width", 4)?),
    };
    check_growth(occurrences(&text, "\n"), &by)?;
    let mut out = String::with_capacity(text.len() + 64);
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let indented = match number {
            0 => call.is_set("first"),
            _ => !line.is_empty() || call.is_set("blank"),
        };
        if indented {
            out.push_str(&by);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}

/// A width that is no longer than a sensible line.
fn width(call: &Call, param: &str, usual: usize) -> Result<usize, Error> {
    let given = call.integer(param)?.map_or(Ok(usual), usize::try_from);
    given
        .ok()
        .filter(|width| *width <= 10_000)
        .ok_or_else(|| call.wrong(format!("{param} is from 0 to 10000")))
}

fn wordwrap(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, limit) = (call.operand_text()?, width(call, "width", 79)?.max(1));
    let joiner = call.text("wrapstring")?.unwrap_or_else(|| "\n".into());
    let breaks_words = call.arg("break_long_words").is_none_or(Value::is_true);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word;
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > limit {
                lines.push(std::mem::take(&mut line));
            }
            while breaks_words && line.is_empty() && word.chars().count() > limit {
                let cut = word.char_indices().nth(limit).map_or(word.len(), |(at, _)| at);
                let (head, tail) = word.split_at(cut);
                lines.push(head.to_owned());
                word = tail;
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    check_growth(lines.len(), &joiner)?;
    Ok(Value::from(lines.join(&joiner)))
}

fn truncate(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, limit, leeway) =
        (call.operand_text()?, width(call, "length", 255)?, width(call, "leeway", 5)?);
    let end = call.text("end")?.unwrap_or_else(|| "...".into());
    if text.chars().count() <= limit + leeway {
        return Ok(Value::from(text));
    }
    let mut head: String = text.chars().take(limit.saturating_sub(end.chars().count())).collect();
    if !call.is_set("killwords") {
        head = head.rsplit_once(' ').map_or(head.clone(), |(kept, _)| kept.to_owned());
    }
    Ok(Value::from(head + &end))
}

fn center(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, wide) = (call.operand_text()?, width(call, "width", 80)?);
    let free = wide.saturating_sub(text.chars().count());
    let left = free / 2 + (free & wide & 1);
    Ok(Value::from(format!("{}{text}{}", " ".repeat(left), " ".repeat(free - left))))
}

fn startswith(_: &mut State, call: &Call) -> Result<Value, Error> {
    Ok(Value::from(call.operand_text()?.starts_with(&call.need_text("prefix")?)))
}

/// None is an empty word.
fn quote(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = if call.operand.is_none() { String::new() } else { call.operand_text()? };
    Ok(Value::from(shell_quote(&text)))
}

fn wordcount(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    Ok(Value::from(
        text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).count(),
    ))
}

/// The text without what stands between angle brackets, and with single spaces.
fn striptags(text: String) -> String {
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        let end = if after.starts_with("!--") { "-->" } else { ">" };
        rest = after.split_once(end).map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn html(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
        out
    })
}

fn xmlattr(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut attributes = Vec::new();
    for (name, value) in call.pairs()? {
        if !value.is_none() && !value.is_undefined() {
            attributes.push(format!("{}=\"{}\"", html(&text_of(&name)?), html(&text_of(&value)?)));
        }
    }
    let space =
        if call.arg("autospace").is_none_or(Value::is_true) && !attributes.is_empty() { " " } else { "" };
    Ok(Value::from(format!("{space}{}", attributes.join(" "))))
}

/// `%20` and `+` are read; what is no such code stays.
fn urldecode(text: String) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (byte, code) {
            (b'%', Some(code)) => {
                out.push(code);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(*byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The text as one word of a POSIX shell.
pub(super) fn shell_quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\"'\"'"))
}

/// What opens a comment, what begins each of its lines, and what closes it.
fn comment_style(style: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match style {
        "plain" => ("", "# ", ""),
        "erlang" => ("", "% ", ""),
        "c" => ("", "// ", ""),
        "cblock" => ("/*", " * ", " */"),
        "xml" => ("<!--", " - ", "-->"),
        _ => return None,
    })
}

/// Makes a comment of the text, to the byte as Ansible does.
fn comment(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let style = call.text("style")?.unwrap_or_else(|| "plain".into());
    let styles = "plain, erlang, c, cblock and xml";
    let (opens, begins, closes) = comment_style(&style)
        .ok_or_else(|| wrong(format!("there is no comment style '{style}', only {styles}")))?;
    let given =
        |param: &str, usual: &str| Ok::<_, Error>(call.text(param)?.unwrap_or_else(|| usual.to_owned()));
    let newline = given("newline", "\n")?;
    let decoration = given("decoration", begins)?;
    let prefix = given("prefix", decoration.trim_end())?;
    let postfix = given("postfix", decoration.trim_end())?;
    let (opens, closes) = (given("beginning", opens)?, given("end", closes)?);

    let mut out = String::new();
    if !opens.is_empty() {
        out.push_str(&format!("{opens}{newline}"));
    }
    if !prefix.is_empty() {
        let line = if prefix == newline { newline.clone() } else { format!("{prefix}{newline}") };
        out.push_str(&line.repeat(width(call, "prefix_count", 1)?));
    }
    check_growth(occurrences(&text, &newline) + 2, &format!("{newline}{decoration}"))?;
    for (param, text) in [("prefix_count", &prefix), ("postfix_count", &postfix)] {
        check_growth(width(call, param, 1)?, &format!("{newline}{text}"))?;
    }
    let body = format!("{decoration}{}", text.replace(&newline, &format!("{newline}{decoration}")));
    out.push_str(
        &body.replace(&format!("{decoration}{newline}"), &format!("{}{newline}", decoration.trim_end())),
    );
    out.push_str(&format!("{newline}{postfix}").repeat(width(call, "postfix_count", 1)?));
    if !closes.is_empty() {
        out.push_str(&format!("{newline}{closes}"));
    }
    Ok(Value::from(out))
}
