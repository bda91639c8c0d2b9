//! Arguments written as one text: `name=nginx state=present`, or a command with a few such words among its own.
//!
//! Words are split at white space outside quotes and templates, as Ansible does; a quote or a template that isn't closed
//! is an error, because then nobody can say where a word ends.

use std::ops::Range;

/// Arguments with names, and the text that has none.
pub type Split = (Vec<(String, String)>, String);

/// A quote or a template isn't closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unbalanced;

/// Which words of a command are arguments of the module that runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CommandWords(&'static [&'static str]);

impl CommandWords {
    /// For modules that take a command.
    pub(super) fn of(module: &str) -> Option<Self> {
        match module {
            "command" | "shell" => Some(Self(&[
                "creates",
                "removes",
                "chdir",
                "executable",
                "stdin",
                "stdin_add_newline",
                "strip_empty_ends",
                "expand_argument_vars",
                "warn",
            ])),
            "script" => Some(Self(&["creates", "removes", "chdir", "executable"])),
            "raw" => Some(Self(&["executable"])),
            _ => None,
        }
    }
}

/// Splits `key=value` words; what has no key is the rest, joined by spaces.
pub(super) fn split_arguments(text: &str) -> Result<Split, Unbalanced> {
    let mut pairs = Vec::new();
    let mut rest = Vec::new();
    for word in words(text)? {
        let word = text.get(word).unwrap_or_default();
        match pair(word).or_else(|| templated_pair(word)) {
            Some((name, value)) => pairs.push((name.to_owned(), unescaped(unquoted(value)))),
            // A line that goes on, in a text that YAML has folded.
            None if word == "\\" => {}
            None => rest.push(word),
        }
    }
    Ok((pairs, rest.join(" ")))
}

/// The `name=value` words of a text, and what has no name.
///
/// # Errors
/// A quote or a template isn't closed.
pub fn pairs_of(text: &str) -> Result<Split, String> {
    split_arguments(text).map_err(|Unbalanced| "a quote or a template is not closed".to_owned())
}

/// The first word of a text, and what stands behind it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let mut scan = Scan { text, at: 0 };
    match scan.skip_word() {
        Ok(()) => text.split_at_checked(scan.at).unwrap_or((text, "")),
        Err(Unbalanced) => text.split_once(char::is_whitespace).unwrap_or((text, "")),
    }
}

/// Takes the words that are the module's own out of a command, and leaves the rest exactly as it is.
pub(super) fn split_command(text: &str, taken: CommandWords) -> Result<Split, Unbalanced> {
    let mut pairs = Vec::new();
    let mut rest = String::with_capacity(text.len());
    let mut from = 0;
    for range in words(text)? {
        let word = text.get(range.clone()).unwrap_or_default();
        let Some((name, value)) = pair(word).filter(|(name, _)| taken.0.contains(name)) else { continue };
        pairs.push((name.to_owned(), unescaped(unquoted(value))));
        rest.push_str(text.get(from..range.start).unwrap_or_default().trim_end_matches([' ', '\t']));
        from = range.end;
    }
    rest.push_str(text.get(from..).unwrap_or_default());
    Ok((pairs, rest.trim().to_owned()))
}

fn pair(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let named = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    named.then_some((name, value))
}

/// A word whose name is made by a template: `set_fact: "{{ item }}=1"`.
fn templated_pair(word: &str) -> Option<(&str, &str)> {
    let mut scan = Scan { text: word, at: 0 };
    let mut has_template = false;
    loop {
        if scan.skip_template().ok()? {
            has_template = true;
            continue;
        }
        let at = scan.at;
        match scan.step()? {
            '=' => return word.get(..at).zip(word.get(at + 1..)).filter(|_| has_template),
            c if c.is_alphanumeric() || "_-".contains(c) => {}
            _ => return None,
        }
    }
}

fn unquoted(value: &str) -> &str {
    let inner =
        |quote: char| value.strip_prefix(quote)?.strip_suffix(quote).filter(|text| !text.ends_with('\\'));
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

/// Resolves the escapes that Ansible resolves in `key=value` words.
fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(next) = chars.peek().copied().filter(|_| c == '\\') else {
            out.push(c);
            continue;
        };
        let plain = match next {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' => next,
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push(plain);
        chars.next();
    }
    out
}

/// The places of the words of a text.
fn words(text: &str) -> Result<Vec<Range<usize>>, Unbalanced> {
    let mut scan = Scan { text, at: 0 };
    let mut words = Vec::new();
    while let Some(start) = scan.next_word() {
        scan.skip_word()?;
        words.push(start..scan.at);
    }
    Ok(words)
}

/// A position in a text that moves on by whole characters.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn next_word(&mut self) -> Option<usize> {
        let blank = self.rest().find(|c: char| !c.is_whitespace())?;
        self.at += blank;
        Some(self.at)
    }

    /// Moves to the end of the word that begins here.
    fn skip_word(&mut self) -> Result<(), Unbalanced> {
        while !self.rest().starts_with(char::is_whitespace) {
            if self.skip_template()? {
                continue;
            }
            match self.step() {
                // White space ends a word even behind a backslash.
                Some('\\') if !self.rest().starts_with(char::is_whitespace) => {
                    self.step();
                }
                Some(quote @ ('"' | '\'')) => self.skip_quoted(quote)?,
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn skip_quoted(&mut self, quote: char) -> Result<(), Unbalanced> {
        loop {
            if self.skip_template()? {
                continue;
            }
            match self.step() {
                Some('\\') => {
                    self.step();
                }
                Some(c) if c == quote => return Ok(()),
                Some(_) => {}
                None => return Err(Unbalanced),
            }
        }
    }

    /// Moves past a template that begins here; says whether one did.
    fn skip_template(&mut self) -> Result<bool, Unbalanced> {
        let pairs = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
        let Some((open, close)) = pairs.into_iter().find(|(open, _)| self.rest().starts_with(open)) else {
            return Ok(false);
        };
        self.at += open.len();
        while !self.rest().starts_with(close) {
            match self.step() {
                Some(quote @ ('"' | '\'')) if open != "{#" => self.skip_literal(quote)?,
                Some(_) => {}
                None => return Err(Unbalanced),
            }
        }
        self.at += close.len();
        Ok(true)
    }

    fn skip_literal(&mut self, quote: char) -> Result<(), Unbalanced> {
        loop {
            match self.step() {
                Some('\\') => {
                    self.step();
                }
                Some(c) if c == quote => return Ok(()),
                Some(_) => {}
                None => return Err(Unbalanced),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(text: &str) -> (Vec<(String, String)>, String) {
        split_arguments(text).unwrap()
    }

    fn command(text: &str) -> (Vec<(String, String)>, String) {
        split_command(text, CommandWords::of("shell").unwrap()).unwrap()
    }

    /// A text, its named arguments, and what is left of it.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn words_with_keys_are_arguments_and_the_others_are_left() {
        let cases: [Case; 14] = [
            (r#"dest=/x \ line="a b""#, &[("dest", "/x"), ("line", "a b")], ""),
            ("dest=/x\\ line=a", &[("dest", "/x\\"), ("line", "a")], ""),
            (r"regexp='\bx' replace=\\b", &[("regexp", "\u{8}x"), ("replace", r"\b")], ""),
            ("{{ item }}_set='a b' x=1", &[("{{ item }}_set", "a b"), ("x", "1")], ""),
            ("{{ {'a': 1} }} b", &[], "{{ {'a': 1} }} b"),
            ("name=nginx state=present", &[("name", "nginx"), ("state", "present")], ""),
            ("msg='hello world'", &[("msg", "hello world")], ""),
            (r#"line="a \"b\" c""#, &[("line", r#"a "b" c"#)], ""),
            ("msg={{ a | default('x y') }} b=1", &[("msg", "{{ a | default('x y') }}"), ("b", "1")], ""),
            (r#"line="{{ foo["a b"] }} c""#, &[("line", r#"{{ foo["a b"] }} c"#)], ""),
            ("tasks.yml tags=x", &[("tags", "x")], "tasks.yml"),
            ("{{ a == b }}", &[], "{{ a == b }}"),
            (r"line='a\tb\n' regexp=^\d", &[("line", "a\tb\n"), ("regexp", r"^\d")], ""),
            ("a=b=c\n  d=", &[("a", "b=c"), ("d", "")], ""),
        ];
        for (text, named, rest) in cases {
            assert_eq!(arguments(text), (pairs(named), rest.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_command_keeps_its_text_but_for_the_words_that_are_its_modules_own() {
        let cases: [Case; 7] = [
            ("make install creates=/usr/bin/x", &[("creates", "/usr/bin/x")], "make install"),
            ("chdir=/srv  ls   -l", &[("chdir", "/srv")], "ls   -l"),
            ("a creates='/x y' b", &[("creates", "/x y")], "a b"),
            ("dd if=/dev/zero of=x bs=1", &[], "dd if=/dev/zero of=x bs=1"),
            ("echo 'creates=x  y'", &[], "echo 'creates=x  y'"),
            ("a |\n  b\nc", &[], "a |\n  b\nc"),
            ("echo {{ x }} | grep -v '^#'", &[], "echo {{ x }} | grep -v '^#'"),
        ];
        for (text, named, rest) in cases {
            assert_eq!(command(text), (pairs(named), rest.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for text in ["echo it's", "msg=\"a", "{{ a", "x={% if", "${#list[@]}", "{{ 'a }}"] {
            assert_eq!(split_arguments(text), Err(Unbalanced), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_quoted_comes_back(values in proptest::collection::vec("[a-z =#,;|/é-]{0,12}", 0..5)) {
            let words: Vec<String> = values.iter().map(|value| format!("name='{value}'")).collect();
            let (pairs, rest) = split_arguments(&words.join(" ")).unwrap();
            let back: Vec<String> = pairs.into_iter().map(|(_, value)| value).collect();
            proptest::prop_assert_eq!(back, values);
            proptest::prop_assert_eq!(rest, "");
        }

        #[test]
        fn no_text_makes_it_panic_and_commands_lose_nothing_else(text in "[a-c='\"{}%# \\\\\né]{0,40}") {
            let _ = split_arguments(&text);
            if let Ok((pairs, rest)) = split_command(&text, CommandWords::of("raw").unwrap()) {
                proptest::prop_assert!(pairs.is_empty());
                proptest::prop_assert_eq!(rest, text.trim());
            }
        }
    }
}
