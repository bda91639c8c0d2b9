//! The language of sudoers, as far as it says who may do what: aliases, `Defaults`, and user specifications.
//!
//! # Source
//! `sudoers(5)` of sudo 1.9.13. Negations (`!cmd`) are kept as written; options such as `CWD=` are left out.

use std::collections::HashMap;

/// Tags that a command may have.
const TAGS: [&str; 16] = [
    "EXEC",
    "NOEXEC",
    "FOLLOW",
    "NOFOLLOW",
    "INTERCEPT",
    "NOINTERCEPT",
    "LOG_INPUT",
    "NOLOG_INPUT",
    "LOG_OUTPUT",
    "NOLOG_OUTPUT",
    "MAIL",
    "NOMAIL",
    "NOPASSWD",
    "PASSWD",
    "SETENV",
    "NOSETENV",
];
/// How deep aliases may stand for aliases.
const DEPTH_MAX: usize = 6;

/// What one line allows one user or group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rule {
    /// A user, a group (`%sudo`), a number (`#1000`), `ALL`.
    pub who: String,
    /// On which hosts.
    pub hosts: String,
    /// As whom; root where it isn't said.
    pub runas: String,
    /// Whether no password is asked for, of at least one command.
    pub nopasswd: bool,
    /// The commands.
    pub commands: Vec<String>,
    /// The file.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
}

impl Rule {
    /// Whether it allows any command.
    pub fn is_all(&self) -> bool {
        self.commands.iter().any(|command| command == "ALL")
    }
}

/// What was read so far.
#[derive(Default)]
pub(super) struct Sudoers {
    rules: Vec<Rule>,
    defaults: Vec<String>,
    users: HashMap<String, Vec<String>>,
    commands: HashMap<String, Vec<String>>,
    /// A line that goes on in the next one, and its number.
    begun: Option<(usize, String)>,
}

impl Sudoers {
    /// Takes a line of a file.
    pub(super) fn line(&mut self, file: &str, number: usize, text: &str) {
        let (first, mut whole) = self.begun.take().unwrap_or((number, String::new()));
        if let Some(part) = text.strip_suffix('\\') {
            whole.push_str(part);
            self.begun = Some((first, whole));
            return;
        }
        whole.push_str(text);
        self.statement(file, first, without_comment(&whole).trim());
    }

    /// What a file left unfinished does not go on in another one.
    pub(super) fn file_ends(&mut self) {
        self.begun = None;
    }

    fn statement(&mut self, file: &str, line: usize, text: &str) {
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        match word {
            "" | "@include" | "@includedir" | "#include" | "#includedir" | "Host_Alias" | "Runas_Alias" => {}
            "User_Alias" => self.users.extend(aliases(rest)),
            "Cmnd_Alias" | "Cmd_Alias" => self.commands.extend(aliases(rest)),
            _ if word.starts_with("Defaults") => {
                let scope = word.strip_prefix("Defaults").unwrap_or_default();
                let text = if scope.is_empty() {
                    rest.trim().to_owned()
                } else {
                    format!("{scope} {}", rest.trim())
                };
                self.defaults.push(text);
            }
            _ => self.rules.extend(specification(text).into_iter().map(|rule| Rule {
                file: file.to_owned(),
                line,
                ..rule
            })),
        }
    }

    /// The rules, aliases replaced, and the defaults.
    pub(super) fn finish(self) -> (Vec<Rule>, Vec<String>) {
        let mut rules = Vec::new();
        for rule in self.rules {
            let commands = rule
                .commands
                .iter()
                .flat_map(|command| resolved(command, &self.commands, 0))
                .collect::<Vec<_>>();
            for who in resolved(&rule.who, &self.users, 0) {
                rules.push(Rule { who, commands: commands.clone(), ..rule.clone() });
            }
        }
        (rules, self.defaults)
    }
}

/// A comment begins at a `#` that is neither escaped nor the beginning of a number or an include.
fn without_comment(text: &str) -> &str {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let rest = text.get(at + 1..).unwrap_or_default();
        let is_number = rest.starts_with(|c: char| c.is_ascii_digit())
            && matches!(before, ' ' | '\t' | ',' | '(' | '%' | '!');
        let is_include = at == 0 && rest.starts_with("include");
        if c == '#' && before != '\\' && !is_number && !is_include {
            return text.get(..at).unwrap_or_default();
        }
        before = c;
    }
    text
}

/// Reads `A = x, y : B = z`.
fn aliases(text: &str) -> Vec<(String, Vec<String>)> {
    let one = |part: &str| part.split_once('=').map(|(name, list)| (name.trim().to_owned(), listed(list)));
    split_outside(text, ':').iter().filter_map(|part| one(part)).collect()
}

/// Reads `alice, %admin web1 = (root) NOPASSWD: /bin/a, /bin/b`.
fn specification(text: &str) -> Vec<Rule> {
    let Some((left, right)) = text.split_once('=') else { return Vec::new() };
    let left = left.trim();
    // The hosts are the last list; the users are everything before it.
    let tight = left.replace(", ", ",").replace(" ,", ",");
    let Some((users, hosts)) = tight.rsplit_once(char::is_whitespace) else { return Vec::new() };
    let allowed = commands(right);
    let rule = |who: String| Rule { who, hosts: hosts.to_owned(), ..allowed.clone() };
    listed(users).into_iter().map(rule).collect()
}

/// Reads `(root) NOPASSWD: /bin/a, /bin/b`. What one command says of runas and tags holds for those behind it.
fn commands(text: &str) -> Rule {
    let mut rule = Rule { runas: "root".into(), ..Rule::default() };
    for part in split_outside(text, ',') {
        let mut rest = part.trim();
        if let Some((runas, behind)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            rule.runas = runas.trim().to_owned();
            rest = behind.trim();
        }
        while let Some((tag, behind)) = rest.split_once(':').filter(|(tag, _)| TAGS.contains(&tag.trim())) {
            rule.nopasswd |= tag.trim() == "NOPASSWD";
            rest = behind.trim();
        }
        if !rest.is_empty() {
            rule.commands.push(rest.to_owned());
        }
    }
    rule
}

fn listed(text: &str) -> Vec<String> {
    split_outside(text, ',')
        .iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// Splits where a sign stands outside parentheses and quotes and is not escaped.
fn split_outside(text: &str, sign: char) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {}
            '"' => quoted = !quoted,
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if c == sign && depth == 0 && !quoted => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        part.push(c);
    }
    parts.push(part);
    parts
}

fn resolved(name: &str, aliases: &HashMap<String, Vec<String>>, depth: usize) -> Vec<String> {
    match aliases.get(name).filter(|_| depth < DEPTH_MAX) {
        Some(list) => list.iter().flat_map(|inner| resolved(inner, aliases, depth + 1)).collect(),
        None => vec![name.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let mut sudoers = Sudoers::default();
        for (number, line) in (1..).zip(text.lines()) {
            sudoers.line("f", number, line);
        }
        let shown = |r: &Rule| {
            let free = if r.nopasswd { " free" } else { "" };
            format!("{}: {} as {} on {}: {}{free}", r.line, r.who, r.runas, r.hosts, r.commands.join("+"))
        };
        sudoers.finish().0.iter().map(shown).collect()
    }

    #[test]
    fn lines_become_rules() {
        for (text, expected) in [
            ("root ALL=(ALL:ALL) ALL", "1: root as ALL:ALL on ALL: ALL"),
            ("%sudo\tALL=(ALL:ALL) ALL # all", "1: %sudo as ALL:ALL on ALL: ALL"),
            ("bob ALL=(ALL) NOPASSWD: ALL", "1: bob as ALL on ALL: ALL free"),
            (
                "bob ALL = NOPASSWD:SETENV: /bin/a, /bin/b x\\,y",
                "1: bob as root on ALL: /bin/a+/bin/b x\\,y free",
            ),
            ("#1000 web1,web2 = /bin/a", "1: #1000 as root on web1,web2: /bin/a"),
            ("bob ALL=(ALL) \\\n  NOPASSWD: \\\n /bin/a", "1: bob as ALL on ALL: /bin/a free"),
            ("User_Alias ADM = a\nADM ALL = ALL", "2: a as root on ALL: ALL"),
            ("Cmnd_Alias S = /bin/s : T = S, ALL\nx ALL = T", "2: x as root on ALL: /bin/s+ALL"),
            ("Cmnd_Alias S = T : T = S\nx ALL = S", "2: x as root on ALL: S"),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
        assert_eq!(read("alice, %adm ALL=(www-data) /bin/a").len(), 2);
        for nothing in
            ["", "# bob ALL=ALL", "Defaults !requiretty", "Host_Alias H = a", "@include /x", "nonsense"]
        {
            assert_eq!(read(nothing), [""; 0], "{nothing}");
        }
    }
}
