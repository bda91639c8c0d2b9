//! Where apt gets packages from: the sources that are configured, and what is known of the lists that were fetched.
//!
//! # Source
//! `sources.list(5)` of apt 2.6, one-line style and deb822 style. Names of lists are made of addresses as apt makes them:
//! without scheme and user, `/` as `_`, and what would be ambiguous as `%xx`.

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};
use std::collections::HashMap;

/// Asks for the sources of packages. `None` where there is no apt.
pub struct Sources;

/// The sources of packages, as they are configured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Configured {
    /// Each address with each of its suites, in the order of files and lines; sources of source code are left out.
    pub sources: Vec<Source>,
    /// Files that this account may not read.
    pub unreadable: Vec<String>,
    /// Options of apt that have to do with trust, as `apt-config` prints them.
    pub options: Vec<(String, String)>,
    /// Whether any list was fetched at all.
    pub any_list: bool,
    /// The host's time, in seconds since 1970.
    pub now: i64,
}

/// One address and one suite.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Source {
    /// The file that names it.
    pub file: String,
    /// The line in it, from 1.
    pub line: usize,
    /// The address, without a password.
    pub uri: String,
    /// The suite, or a path that ends in `/`.
    pub suite: String,
    /// Options: `trusted`, `allow-insecure`, `check-valid-until`, `signed-by`, in lower case.
    pub options: HashMap<String, String>,
    /// What is known of its list.
    pub list: List,
}

/// What is known of a fetched list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum List {
    /// apt names lists from such an address otherwise; nothing is known.
    #[default]
    Unknown,
    /// None was fetched.
    Missing,
    /// One without a signature.
    Unsigned,
    /// A signed one, and until when it counts, in the repository's words.
    Signed(Option<String>),
}

impl Question for Sources {
    type Answer = Option<Configured>;
    const SCRIPT: Script = Script { name: "apt_sources", text: include_str!("sources.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages, Subject::path("/etc/apt"), Subject::path("/var/lib/apt")].into()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        let text = output.text();
        if text.trim() == "absent" {
            return Ok(None);
        }
        let mut configured = Configured::default();
        let mut files: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut lists: Vec<(&str, List)> = Vec::new();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match (word, files.last_mut(), lists.last_mut()) {
                ("now", ..) => configured.now = rest.parse().unwrap_or(0),
                ("file", ..) => files.push((rest, Vec::new())),
                ("line", Some((_, lines)), _) => lines.push(rest),
                ("unreadable", ..) => configured.unreadable.push(rest.to_owned()),
                ("list", ..) => lists.push((rest, new_list(rest))),
                ("signature", _, Some((_, list))) => *list = List::Signed(None),
                ("until", _, Some((_, List::Signed(until)))) => *until = Some(rest.to_owned()),
                ("until", ..) => {}
                ("option", ..) => configured.options.extend(option(rest)),
                _ => return Err(ParseError::new("lines 'file', 'line', 'list', 'option' …", output)),
            }
        }
        configured.any_list = !lists.is_empty();
        for (file, lines) in files {
            let found = if file.ends_with(".sources") { deb822(&lines) } else { one_line(&lines) };
            configured
                .sources
                .extend(found.into_iter().map(|source| Source { file: file.to_owned(), ..source }));
        }
        for source in &mut configured.sources {
            source.list = list_of(source, &lists);
        }
        Ok(Some(configured))
    }
}

fn new_list(name: &str) -> List {
    if name.ends_with("_InRelease") { List::Signed(None) } else { List::Unsigned }
}

/// Reads `Acquire::Check-Valid-Until "false";`.
fn option(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(' ')?;
    Some((name.to_owned(), value.trim_end_matches(';').trim_matches('"').to_owned()))
}

/// Reads `deb [trusted=yes arch=amd64] http://host/debian stable main`.
fn one_line(lines: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let line = line.split('#').next().unwrap_or_default().trim();
        let Some(rest) = line.strip_prefix("deb").filter(|rest| rest.starts_with([' ', '\t', '['])) else {
            continue;
        };
        let rest = rest.trim_start();
        let (options, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((options, rest)) => (options, rest),
            None => ("", rest),
        };
        let options = options.split_whitespace().filter_map(|option| option.split_once('='));
        let options = options.map(|(key, value)| (key.to_lowercase(), value.to_owned())).collect();
        let mut words = rest.split_whitespace();
        if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
            let (uri, suite) = (uri.to_owned(), suite.to_owned());
            sources.push(Source { line: number, uri, suite, options, ..Source::default() });
        }
    }
    sources
}

/// Reads paragraphs of `Types:`, `URIs:`, `Suites:` …, whose values may go on in indented lines.
fn deb822(lines: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut fields: HashMap<String, String> = HashMap::new();
    let (mut begins, mut last) = (1, String::new());
    for (number, line) in (1..).zip(lines.iter().copied().chain([""])) {
        if line.trim().is_empty() {
            sources.extend(paragraph(&std::mem::take(&mut fields), begins));
            begins = number + 1;
        } else if line.starts_with('#') {
        } else if line.starts_with([' ', '\t']) {
            let value = fields.entry(last.clone()).or_default();
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((key, value)) = line.split_once(':') {
            last = key.to_lowercase();
            fields.insert(last.clone(), value.trim().to_owned());
        }
    }
    sources
}

fn paragraph(fields: &HashMap<String, String>, line: usize) -> Vec<Source> {
    let words = |key: &str| {
        fields.get(key).map(|value| value.split_whitespace().collect::<Vec<_>>()).unwrap_or_default()
    };
    let off = fields.get("enabled").is_some_and(|value| says_no(value));
    if off || !words("types").contains(&"deb") {
        return Vec::new();
    }
    let options: HashMap<String, String> = fields
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "types" | "uris" | "suites"))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    let source = |uri: &str, suite: &str| Source {
        line,
        uri: uri.to_owned(),
        suite: suite.to_owned(),
        options: options.clone(),
        ..Source::default()
    };
    words("uris")
        .iter()
        .flat_map(|uri| words("suites").into_iter().map(|suite| source(uri, suite)).collect::<Vec<_>>())
        .collect()
}

/// Whether a word means no, as apt reads it.
fn says_no(word: &str) -> bool {
    matches!(word.trim().to_lowercase().as_str(), "no" | "false" | "without" | "off" | "disable" | "0")
}

/// Whether a word means yes, as apt reads it.
pub fn says_yes(word: &str) -> bool {
    matches!(word.trim().to_lowercase().as_str(), "yes" | "true" | "with" | "on" | "enable" | "1" | "force")
}

impl Source {
    /// The source for people: its address without the scheme, and its suite.
    pub fn name(&self) -> String {
        let (_, place) = self.uri.split_once(':').unwrap_or(("", &self.uri));
        format!("{} {}", place.trim_matches('/'), self.suite)
    }

    /// An option's value.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }

    /// Whether an option is switched off.
    pub fn refuses(&self, name: &str) -> bool {
        self.option(name).is_some_and(says_no)
    }
}

fn list_of(source: &Source, lists: &[(&str, List)]) -> List {
    let scheme = source.uri.split(':').next().unwrap_or_default();
    if matches!(scheme, "cdrom") || scheme.starts_with("mirror") || source.suite.contains('$') {
        return List::Unknown;
    }
    let base = list_name(&source.uri, &source.suite);
    let named = |end: &str| {
        lists.iter().find(|(name, _)| *name == format!("{base}{end}")).map(|(_, list)| list.clone())
    };
    named("_InRelease").or_else(|| named("_Release")).unwrap_or(List::Missing)
}

/// What apt calls the list of a suite at an address.
fn list_name(uri: &str, suite: &str) -> String {
    let (_, place) = uri.split_once(':').unwrap_or(("", uri));
    let place = match place.strip_prefix("//") {
        // `file:///srv` has no host; its path begins with the slash that is left.
        Some(place) => place.rsplit_once('@').map_or(place, |(_, host)| host),
        None => place,
    };
    let place = place.trim_end_matches('/');
    let whole = match suite.strip_suffix('/') {
        Some(path) => format!("{place}/{path}"),
        None => format!("{place}/dists/{suite}"),
    };
    let mut name = String::new();
    for c in whole.trim_end_matches('/').chars() {
        match c {
            '/' => name.push('_'),
            '\\' | '|' | '{' | '}' | '[' | ']' | '<' | '>' | '"' | '^' | '~' | '_' | '=' | '!' | '@'
            | '#' | '$' | '%' | '&' | '*' => name.push_str(&format!("%{:02x}", u32::from(c))),
            c => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Configured {
        Sources.parse(&Output::ok(text)).unwrap().unwrap()
    }

    #[test]
    fn both_styles_are_read_with_their_places() {
        let configured = read(
            "now 9\nfile /etc/apt/sources.list\nline # deb http://no/ no no\n\
             line deb [ arch=amd64 trusted=yes ] http://m.example/debian bookworm main # x\n\
             line deb-src http://m.example/debian bookworm main\nline deb file:///srv/repo ./\n\
             file /etc/apt/sources.list.d/x.sources\nline Types: deb deb-src\nline URIs: http://a/ http://b/\n\
             line Suites: s s-security\nline # comment\nline Signed-By:\nline  -----BEGIN\nline  .\nline \n\
             line Enabled: no\nline Types: deb\nline URIs: http://off/\nline Suites: s\nunreadable /etc/apt/z.list\n\
             option Acquire::Check-Valid-Until \"false\";\n",
        );
        let all: Vec<String> = configured
            .sources
            .iter()
            .map(|s| format!("{}:{} {}", s.file.rsplit('/').next().unwrap(), s.line, s.name()))
            .collect();
        assert_eq!(
            all,
            [
                "sources.list:2 m.example/debian bookworm",
                "sources.list:4 srv/repo ./",
                "x.sources:1 a s",
                "x.sources:1 a s-security",
                "x.sources:1 b s",
                "x.sources:1 b s-security",
            ]
        );
        assert_eq!(configured.sources[0].option("trusted"), Some("yes"));
        assert_eq!(configured.sources[2].option("signed-by"), Some(" -----BEGIN ."));
        assert_eq!(configured.unreadable, ["/etc/apt/z.list"]);
        assert_eq!(configured.options, [("Acquire::Check-Valid-Until".into(), "false".into())]);
    }

    #[test]
    fn lists_are_found_under_the_names_that_apt_gives_them() {
        for (uri, suite, name) in [
            ("http://mirror.example.org/debian", "bookworm", "mirror.example.org_debian_dists_bookworm"),
            ("https://u:p@h.example:8080/a_b/", "x/y", "h.example:8080_a%5fb_dists_x_y"),
            ("file:///srv/repo", "bookworm-security", "_srv_repo_dists_bookworm-security"),
            ("file:/srv/repo", "s", "_srv_repo_dists_s"),
            ("http://h/flat", "./", "h_flat_."),
            ("http://h/flat", "sub/", "h_flat_sub"),
        ] {
            assert_eq!(list_name(uri, suite), name, "{uri} {suite}");
        }
        let list = |lists: &str| {
            read(&format!("now 1\nfile a.list\nline deb http://h/d s main\n{lists}")).sources.remove(0).list
        };
        assert_eq!(list("list h_d_dists_s_InRelease\nuntil then\n"), List::Signed(Some("then".into())));
        assert_eq!(list("list h_d_dists_s_Release\nsignature\n"), List::Signed(None));
        assert_eq!(list("list h_d_dists_s_Release\n"), List::Unsigned);
        assert_eq!(list("list h_d_dists_other_InRelease\n"), List::Missing);
        assert_eq!(Sources.parse(&Output::ok("absent\n")).unwrap(), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("file a.list|file b.sources|line|line deb|line URIs:|line Types: deb|list|until|option|now", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = Sources.parse(&Output::ok(text));
        }
    }
}
