//! Patterns that choose hosts: `web:db`, `web,&prod`, `all,!db1`, `*.example.com`, `~web[0-9]+`, `web[0]`, `web[1:3]`.
//!
//! Names and globs mean groups first; hosts as well where they are no group's name. Unions are taken first, then
//! intersections (`&`), then exclusions (`!`), whatever the order in which they are written.

use super::Inventory;
use super::draft::ALL;
use crate::load::problem::{Problem, Problems};
use crate::load::text::TextFile;
use crate::model::{HostName, Place};
use indexmap::IndexSet;
use regex::Regex;
use std::path::Path;

/// Names that mean this machine even where no inventory has them.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Whether a name means this machine where no inventory has it.
pub(super) fn is_local(name: &str) -> bool {
    LOCAL_NAMES.contains(&name)
}

/// A pattern that was understood.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    place: Option<Place>,
    terms: Vec<Term>,
}

/// The hosts that a pattern chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The hosts, in order.
    pub hosts: Vec<HostName>,
    /// Parts of the pattern that matched nothing although they may.
    pub warnings: Vec<Problem>,
}

#[derive(Clone, Debug)]
struct Term {
    /// As written, without operator and slice.
    text: String,
    operator: Operator,
    matcher: Matcher,
    slice: Option<Slice>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Operator {
    Union,
    Intersection,
    Exclusion,
}

#[derive(Clone, Debug)]
enum Matcher {
    All,
    Name,
    Glob(Regex),
    Regex(Regex),
}

/// Some of a term's hosts by number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Slice {
    /// One, from the end where negative.
    One(i64),
    /// From one to another, both included; to the end without the other.
    Span(usize, Option<usize>),
}

impl Pattern {
    /// Understands a pattern. The place is where it is written, for complaints.
    ///
    /// # Errors
    /// It is empty, or a part is no valid regular expression or slice.
    pub fn parse(text: &str, place: Option<&Place>) -> Result<Self, Problem> {
        let terms: Result<Vec<Term>, String> = split(text).into_iter().map(Term::parse).collect();
        let mut terms = terms.map_err(|message| problem(place, message))?;
        if terms.is_empty() {
            let problem = problem(place, "an empty pattern".into());
            return Err(problem.help("name a group, a host, or 'all'"));
        }
        terms.sort_by_key(|term| term.operator);
        Ok(Self { text: text.to_owned(), place: place.cloned(), terms })
    }

    /// Understands what `--limit` was given: a pattern, in which `@FILE` stands for the patterns in a file, one a line.
    ///
    /// # Errors
    /// As [`Pattern::parse`]; or the file can't be read.
    pub fn parse_limit(text: &str) -> Result<Self, Problem> {
        let mut parts = Vec::new();
        for part in split(text) {
            match part.strip_prefix('@') {
                Some(path) => {
                    let file = TextFile::read(Path::new(path))?;
                    let lines = file.text.lines().map(str::trim);
                    parts.extend(
                        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned),
                    );
                }
                None => parts.push(part.to_owned()),
            }
        }
        let pattern = Self::parse(&parts.join(","), None)?;
        Ok(Self { text: text.to_owned(), ..pattern })
    }

    /// The parts of a pattern that is not understood yet, because templates are in it.
    pub fn parts(text: &str) -> Vec<&str> {
        split(text)
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is wrong with the pattern, seen from several inventories: a name that none of them has is an error, and what
    /// matches no host of any of them a warning.
    pub fn unknown_to(&self, inventories: &[&Inventory]) -> Vec<Problem> {
        let wrong = |term: &Term| {
            let known: Vec<_> = inventories.iter().filter_map(|inventory| inventory.hosts_of(term)).collect();
            match known.iter().any(|hosts| !hosts.is_empty()) {
                true => None,
                false if known.is_empty() => Some(self.unknown(term, inventories)),
                false => Some(self.fruitless(term)),
            }
        };
        self.terms.iter().filter_map(wrong).collect()
    }

    fn unknown(&self, term: &Term, inventories: &[&Inventory]) -> Problem {
        let message = format!("no group or host is called '{}'", term.text);
        let problem = problem(self.place.as_ref(), message);
        let known = inventories.iter().flat_map(|inventory| {
            let groups = inventory.groups.keys().map(String::as_str);
            groups.chain(inventory.hosts.keys().map(HostName::as_str))
        });
        match crate::model::nearest(&term.text, known.clone()) {
            Some(_) => problem.nearest(&term.text, known),
            None => problem.help("'wgops inventory --graph' shows groups and hosts"),
        }
    }

    fn fruitless(&self, term: &Term) -> Problem {
        problem(self.place.as_ref(), format!("'{}' matches no host", term.text)).warning()
    }
}

fn problem(place: Option<&Place>, message: String) -> Problem {
    match place {
        Some(place) => Problem::at(place, message),
        None => Problem::bare(message),
    }
}

/// Splits at commas, and at colons unless the part is an IPv6 address, outside brackets and parentheses.
fn split(text: &str) -> Vec<&str> {
    let commas = split_at(text, ',');
    let parts = commas.into_iter().flat_map(|part| {
        let bare = part.trim().trim_start_matches(['&', '!']);
        if bare.parse::<std::net::Ipv6Addr>().is_ok() { vec![part] } else { split_at(part, ':') }
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn split_at(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 => {
                parts.push(text.get(start..at).unwrap_or_default());
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        let (operator, rest) = match (text.strip_prefix('&'), text.strip_prefix('!')) {
            (Some(rest), _) => (Operator::Intersection, rest),
            (_, Some(rest)) => (Operator::Exclusion, rest),
            _ => (Operator::Union, text),
        };
        let (name, slice) = take_slice(rest.trim())?;
        let matcher = match name.strip_prefix('~') {
            Some(expression) => Matcher::Regex(anchored(expression, name)?),
            None if name == ALL || name == "*" => Matcher::All,
            None if name.contains(['*', '?', '[']) => Matcher::Glob(glob(name)?),
            None if name.is_empty() => return Err(format!("'{text}' names nothing")),
            None => Matcher::Name,
        };
        Ok(Self { text: name.to_owned(), operator, matcher, slice })
    }
}

/// A regular expression that has to match from the beginning, as Python's `re.match`.
fn anchored(expression: &str, shown: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(&format!("^(?:{expression})")).size_limit(1 << 20).build();
    built.map_err(|_| format!("'{shown}' is no valid regular expression"))
}

fn glob(text: &str) -> Result<Regex, String> {
    let mut expression = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => {
                let rest = chars.as_str();
                let (inside, after) = rest.split_once(']').ok_or(format!("'{text}': expected ']'"))?;
                let (sign, inside) = inside.strip_prefix('!').map_or(("", inside), |inside| ("^", inside));
                let escaped = inside.replace(['\\', '[', '^', '&', '~'], "");
                expression.push_str(&format!("[{sign}{escaped}]"));
                chars = after.chars();
            }
            c => expression.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    let built = regex::RegexBuilder::new(&format!("^(?:{expression})$")).size_limit(1 << 20).build();
    built.map_err(|_| format!("'{text}' is no valid pattern"))
}

/// Takes `[0]`, `[-1]`, `[1:3]`, `[1-3]` or `[2:]` off the end; other brackets belong to a glob.
fn take_slice(text: &str) -> Result<(&str, Option<Slice>), String> {
    let none = Ok((text, None));
    let Some((name, inside)) = text.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) else {
        return none;
    };
    let numeric = !inside.is_empty() && inside.chars().all(|c| c.is_ascii_digit() || c == ':' || c == '-');
    if !numeric || name.is_empty() || text.starts_with('~') {
        return none;
    }
    let wrong = || format!("'[{inside}]' chooses no hosts: expected '[0]', '[-1]', '[0:2]' or '[2:]'");
    if let Ok(one) = inside.parse::<i64>() {
        return Ok((name, Some(Slice::One(one))));
    }
    let (first, last) = inside.split_once([':', '-']).ok_or_else(wrong)?;
    let first = first.parse().map_err(|_| wrong())?;
    let last = if last.is_empty() { None } else { Some(last.parse().map_err(|_| wrong())?) };
    Ok((name, Some(Slice::Span(first, last))))
}

impl Slice {
    fn of(self, hosts: Vec<&HostName>) -> Vec<&HostName> {
        match self {
            Self::One(at) => {
                let from_end = i64::try_from(hosts.len()).ok().and_then(|len| len.checked_add(at));
                let index = if at < 0 { from_end } else { Some(at) };
                index.and_then(|at| hosts.get(usize::try_from(at).ok()?).copied()).into_iter().collect()
            }
            Self::Span(first, last) => {
                let count = last.map_or(usize::MAX, |last| last.saturating_add(1).saturating_sub(first));
                hosts.into_iter().skip(first).take(count).collect()
            }
        }
    }
}

impl Inventory {
    /// Chooses hosts.
    ///
    /// # Errors
    /// Parts of the pattern name nothing that the inventory knows.
    pub fn select(&self, pattern: &Pattern) -> Result<Selection, Problems> {
        let (selection, problems) = self.choose(pattern);
        Problems::check(problems)?;
        Ok(selection)
    }

    /// The same where the pattern was written for every inventory of the group: what this one doesn't know matches no
    /// host. [`Pattern::unknown_to`] finds what none of them knows.
    pub fn select_known(&self, pattern: &Pattern) -> Vec<HostName> {
        self.choose(pattern).0.hosts
    }

    fn choose(&self, pattern: &Pattern) -> (Selection, Vec<Problem>) {
        let mut chosen: IndexSet<HostName> = IndexSet::new();
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        if pattern.terms.iter().all(|term| term.operator != Operator::Union) {
            chosen.extend(self.hosts().into_iter().cloned());
        }
        for term in &pattern.terms {
            let hosts = self.hosts_of(term).unwrap_or_else(|| {
                problems.push(pattern.unknown(term, &[self]));
                IndexSet::new()
            });
            if hosts.is_empty() {
                warnings.push(pattern.fruitless(term));
            }
            match term.operator {
                Operator::Union => chosen.extend(hosts),
                Operator::Intersection => chosen.retain(|host| hosts.contains(host)),
                Operator::Exclusion => chosen.retain(|host| !hosts.contains(host)),
            }
        }
        (Selection { hosts: chosen.into_iter().collect(), warnings }, problems)
    }

    /// The hosts of one term; `None` where it is a name that nothing has.
    fn hosts_of(&self, term: &Term) -> Option<IndexSet<HostName>> {
        let hosts = match &term.matcher {
            Matcher::All => self.hosts(),
            Matcher::Name => match (self.members(&term.text), self.host_named(&term.text)) {
                (Some(members), _) => members,
                (None, Some(host)) => vec![host],
                (None, None) => return implicit_local(&term.text),
            },
            Matcher::Glob(regex) | Matcher::Regex(regex) => {
                let groups = self.groups.keys().filter(|name| regex.is_match(name));
                let members = groups.flat_map(|name| self.members(name).unwrap_or_default());
                let hosts = self.hosts().into_iter().filter(|host| regex.is_match(host.as_str()));
                members.chain(hosts).collect::<IndexSet<_>>().into_iter().collect()
            }
        };
        let hosts = match term.slice {
            Some(slice) => slice.of(hosts),
            None => hosts,
        };
        Some(hosts.into_iter().cloned().collect())
    }

    fn host_named(&self, name: &str) -> Option<&HostName> {
        let name: HostName = name.parse().ok()?;
        self.hosts.get_key_value(&name).map(|(host, _)| host)
    }
}

fn implicit_local(name: &str) -> Option<IndexSet<HostName>> {
    let host = is_local(name).then(|| name.parse::<HostName>().ok())??;
    Some(IndexSet::from([host]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::inventory::tests::ini;

    const HOSTS: &str = "lone\n[web]\nweb[1:4]\n[db]\ndb1\ndb2\n[prod:children]\nweb\n[prod]\ndb1\n[empty]\n";

    fn select(text: &str) -> String {
        let pattern = Pattern::parse(text, None).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        let hosts = ini(HOSTS).select(&pattern).unwrap_or_else(|problems| panic!("{text}: {problems}")).hosts;
        hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(" ")
    }

    fn refused(text: &str) -> String {
        let pattern = match Pattern::parse(text, None) {
            Ok(pattern) => pattern,
            Err(problem) => return problem.to_string(),
        };
        ini(HOSTS).select(&pattern).unwrap_err().to_string()
    }

    #[test]
    fn patterns_choose_hosts() {
        for (pattern, hosts) in [
            ("all", "lone db1 db2 web1 web2 web3 web4"),
            ("*", "lone db1 db2 web1 web2 web3 web4"),
            ("web", "web1 web2 web3 web4"),
            ("web:db", "web1 web2 web3 web4 db1 db2"),
            ("db,web", "db1 db2 web1 web2 web3 web4"),
            ("db:&prod", "db1"),
            ("!web", "lone db1 db2"),
            ("!db1:web:db:&prod", "web1 web2 web3 web4"),
            ("web[0]", "web1"),
            ("web[-1]", "web4"),
            ("web[1:2]", "web2 web3"),
            ("web[2:]", "web3 web4"),
            ("web[0-1]", "web1 web2"),
            ("web[9]", ""),
            ("web[-9]", ""),
            ("web[9223372036854775807]", ""),
            ("*1", "db1 web1"),
            ("web[12]", ""),
            ("we[a-c]*", "web1 web2 web3 web4"),
            ("web?", "web1 web2 web3 web4"),
            ("~(web|db)[12]$", "db1 db2 web1 web2"),
            ("lone", "lone"),
            ("ungrouped", "lone"),
            ("localhost", "localhost"),
            ("::1", "::1"),
            ("empty", ""),
            ("nothing*", ""),
        ] {
            assert_eq!(select(pattern), hosts, "{pattern}");
        }
    }

    #[test]
    fn what_matches_nothing_is_a_warning_where_it_may_and_an_error_where_it_is_a_name() {
        let pattern = Pattern::parse("all:!empty:nothing*", None).unwrap();
        let warnings = ini(HOSTS).select(&pattern).unwrap().warnings;
        let messages: Vec<&str> = warnings.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["'nothing*' matches no host", "'empty' matches no host"]);
        insta::assert_snapshot!(refused("wbe:all:!kubernetes"), @"
        error: no group or host is called 'wbe'
        help: did you mean 'web'?

        error: no group or host is called 'kubernetes'
        help: 'wgops inventory --graph' shows groups and hosts
        ");
    }

    #[test]
    fn a_pattern_for_several_inventories_is_wrong_where_none_of_them_has_a_name() {
        let (prod, staging) = (ini(HOSTS), ini("[stage]\nstage1\n[idle]\n"));
        let told = |text: &str| {
            let problems = Pattern::parse(text, None).unwrap().unknown_to(&[&prod, &staging]);
            problems.iter().map(|p| p.to_string().replace('\n', " ")).collect::<Vec<_>>()
        };
        assert_eq!(told("web:stage:!stage1:localhost"), [""; 0]);
        assert_eq!(
            told("stgae1"),
            ["error: no group or host is called 'stgae1' help: did you mean 'stage1'?"]
        );
        assert_eq!(told("x*:idle"), ["warning: 'x*' matches no host", "warning: 'idle' matches no host"]);
        assert_eq!(prod.select_known(&Pattern::parse("stage,web1", None).unwrap()).len(), 1);
    }

    #[test]
    fn a_pattern_that_cannot_be_understood_is_refused() {
        for text in ["", " , :", "~web(", "web[1:x", "!", "web[0:1:2]", "web[--1]", "[z-a]*"] {
            assert!(refused(text).starts_with("error: "), "{text}");
        }
    }

    #[test]
    fn a_limit_may_come_from_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("retry");
        std::fs::write(&file, "# failed last time\nweb1\n\ndb\n").unwrap();
        let pattern = Pattern::parse_limit(&format!("@{},!db2", file.display())).unwrap();
        let hosts = ini(HOSTS).select(&pattern).unwrap().hosts;
        assert_eq!(hosts.iter().map(HostName::as_str).collect::<Vec<_>>(), ["web1", "db1"]);
        assert!(Pattern::parse_limit("@/nowhere").is_err());
        assert!(Pattern::parse("@x", None).is_ok_and(|pattern| ini(HOSTS).select(&pattern).is_err()));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z0-9~!&*?.:,\\[\\](){}\\^é -]{0,30}") {
            if let Ok(pattern) = Pattern::parse(&text, None) {
                let _ = ini(HOSTS).select(&pattern);
            }
        }
    }
}
