//! A Python pattern as POSIX's extended regular expression, for programs on hosts that know no other kind.

/// The same pattern as `grep -E` reads it.
///
/// # Errors
/// Names what no such expression can say.
pub fn extended(pattern: &str) -> Result<String, String> {
    let mut chars = pattern.chars().peekable();
    let mut said = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => said.push_str(&escaped(chars.next())?),
            '[' => said.push_str(&class(&mut chars)?),
            '(' if chars.next_if_eq(&'?').is_some() => {
                said.push('(');
                group(&mut chars)?;
            }
            // Greedy or not makes no difference to whether something is found.
            '*' | '+' | '?' | '}' => {
                said.push(c);
                chars.next_if_eq(&'?');
            }
            c => said.push(c),
        }
    }
    Ok(said)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// What follows `(?`, of which nothing is needed but that it is a group.
fn group(chars: &mut Chars<'_>) -> Result<(), String> {
    let named = |chars: &mut Chars<'_>| chars.by_ref().any(|c| c == '>');
    match (chars.next(), chars.peek().copied()) {
        (Some(':'), _) => Ok(()),
        (Some('P'), Some('<')) if named(chars) => Ok(()),
        (Some('='), _) => Err("a look-ahead, (?=…)".into()),
        (Some('!'), _) => Err("a look-ahead, (?!…)".into()),
        (Some('<'), _) => Err("a look-behind, (?<…)".into()),
        (next, _) => Err(format!("(?{}…)", next.unwrap_or_default())),
    }
}

/// A character behind a backslash, outside of brackets.
fn escaped(c: Option<char>) -> Result<String, String> {
    Ok(match c {
        Some(c @ ('d' | 'w' | 's')) => format!("[{}]", members(c).unwrap_or_default()),
        Some(c @ ('D' | 'W' | 'S')) => format!("[^{}]", members(c.to_ascii_lowercase()).unwrap_or_default()),
        Some('A') => "^".into(),
        Some('Z') => "$".into(),
        Some('t') => "\t".into(),
        Some(c @ ('n' | 'r')) => return Err(format!("\\{c}, since lines are looked at one by one")),
        Some(c) if c.is_alphanumeric() && c != 'b' && c != 'B' => return Err(format!("\\{c}")),
        Some(c) => format!("\\{c}"),
        None => return Err("a backslash at the end".into()),
    })
}

/// What a class such as `\d` holds, as it is written within brackets.
fn members(c: char) -> Option<&'static str> {
    match c {
        'd' => Some("0-9"),
        'w' => Some("[:alnum:]_"),
        's' => Some("[:space:]"),
        _ => None,
    }
}

/// A bracket expression. POSIX's has no backslash: where a character stands says whether it is meant as itself.
fn class(chars: &mut Chars<'_>) -> Result<String, String> {
    let negates = chars.next_if_eq(&'^').is_some();
    let (mut rest, mut closes, mut hyphen, mut caret) = (String::new(), false, false, false);
    let mut first = true;
    loop {
        match chars.next().ok_or("a '[' without its ']'")? {
            ']' if !first => break,
            ']' => closes = true,
            '\\' => match chars.next() {
                Some(']') => closes = true,
                Some('-') => hyphen = true,
                Some('^') => caret = true,
                Some('t') => rest.push('\t'),
                Some(c) if members(c).is_some() => rest.push_str(members(c).unwrap_or_default()),
                Some(c) if c.is_alphanumeric() => return Err(format!("\\{c} within brackets")),
                Some(c) => rest.push(c),
                None => return Err("a '[' without its ']'".into()),
            },
            '-' if first || chars.peek() == Some(&']') => hyphen = true,
            '^' => caret = true,
            c => rest.push(c),
        }
        first = false;
    }
    let not = if negates { "^" } else { "" };
    if caret && !closes && !hyphen && rest.is_empty() && !negates {
        return Ok(r"\^".into());
    }
    let (closes, hyphen, caret) =
        (if closes { "]" } else { "" }, if hyphen { "-" } else { "" }, if caret { "^" } else { "" });
    // A caret that came first would negate.
    match closes.is_empty() && rest.is_empty() && not.is_empty() {
        true => Ok(format!("[{hyphen}{caret}]")),
        false => Ok(format!("[{not}{closes}{rest}{caret}{hyphen}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_writes_shorter_is_written_out() {
        for (python, posix) in [
            ("started in \\d+ms", "started in [0-9]+ms"),
            ("(?P<name>\\w+) ([0-9]+)", "([[:alnum:]_]+) ([0-9]+)"),
            ("(?:a|b)+?c*?", "(a|b)+c*"),
            ("a\\.b\\[c\\]", "a\\.b\\[c\\]"),
            ("[\\w.-]+\\S", "[[:alnum:]_.-]+[^[:space:]]"),
            ("[\\]x]", "[]x]"),
            ("[^\\]-]", "[^]-]"),
            ("[]a]", "[]a]"),
            ("[\\^]", "\\^"),
            ("[\\^-]", "[-^]"),
            ("[a\\-z^]", "[az^-]"),
            ("\\Ax\\Z", "^x$"),
            ("x{2,3}?", "x{2,3}"),
        ] {
            assert_eq!(extended(python).as_deref(), Ok(posix), "{python}");
        }
    }

    #[test]
    fn what_posix_cannot_say_is_named() {
        for (python, says) in [
            ("(?=a)", "look-ahead"),
            ("(?<!a)", "look-behind"),
            ("(?i)a", "(?i"),
            ("a\\nb", "lines"),
            ("[a", "']'"),
        ] {
            assert!(extended(python).unwrap_err().contains(says), "{python}");
        }
    }
}
