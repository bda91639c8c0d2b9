//! `inventory/suppressions.yml`: findings that are not to fail an audit, for a while, with a reason and somebody who
//! answers for it.
//!
//! ```yaml
//! version: 1
//! suppressions:
//!   - id: update/linux-image-*         # ids of findings; * stands for any text
//!     hosts: db                        # a pattern as in --limit
//!     reason: the new driver is not ready
//!     owner: alice                     # somebody in the roster, where there is one
//!     until: 2026-12-31                # the last day, in UTC; at most a year ahead
//! ```

use super::inventory::Pattern;
use super::problem::{Problem, Problems};
use super::text::TextFile;
use super::yaml::Node;
use crate::model::{FindingKind, Glob, Place, nearest};
use jiff::civil::Date;
use std::path::Path;

/// The one version of the format there is.
const VERSION: u64 = 1;
const FIELDS: [&str; 2] = ["version", "suppressions"];
const ENTRY_FIELDS: [&str; 5] = ["id", "hosts", "reason", "owner", "until"];
/// Most days that a suppression may be ahead of its last: a year.
const DAYS_MAX: i32 = 366;

/// One suppression as somebody wrote it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Ids of findings.
    pub id: Glob,
    /// Which hosts.
    pub hosts: Pattern,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where the owner stands.
    pub owner_place: Place,
    /// The last day on which it counts.
    pub until: Date,
    /// Where it begins.
    pub place: Place,
}

/// Reads the suppressions of a file; `today` is what their last days are held against.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(path: &Path, today: Date) -> Result<Vec<Written>, Problems> {
    parse(&TextFile::read(path)?, today)
}

/// Parses the text of a file of suppressions.
///
/// # Errors
/// As [`read`].
pub fn parse(file: &TextFile, today: Date) -> Result<Vec<Written>, Problems> {
    let top = Node::parse(file)?;
    let mut read = Read { today, problems: Vec::new() };
    let written = read.file(&top);
    read.problems.iter_mut().for_each(|problem| problem.quote(file));
    Problems::check(read.problems)?;
    Ok(written)
}

/// Reads field by field, and notes what is wrong.
struct Read {
    today: Date,
    problems: Vec<Problem>,
}

impl Read {
    fn file(&mut self, top: &Node) -> Vec<Written> {
        if top.is_null() {
            return Vec::new();
        }
        self.problems.extend(top.unknown_keys(&FIELDS));
        if top.map().is_err() {
            return Vec::new();
        }
        match top.get("version").map(Node::unsigned) {
            Some(Ok(VERSION)) => {}
            Some(Ok(other)) => self.problems.push(Problem::unknown_version(&top.place, other, VERSION)),
            Some(Err(problem)) => self.problems.push(problem),
            None => self.at(top, format!("expected 'version: {VERSION}'")),
        }
        let entries = top.get("suppressions").filter(|node| !node.is_null()).map(Node::list);
        match entries {
            None => Vec::new(),
            Some(Ok(entries)) => entries.iter().filter_map(|node| self.entry(node)).collect(),
            Some(Err(problem)) => {
                self.problems.push(problem);
                Vec::new()
            }
        }
    }

    fn entry(&mut self, node: &Node) -> Option<Written> {
        self.problems.extend(node.unknown_keys(&ENTRY_FIELDS));
        node.map().ok()?;
        let fields = ENTRY_FIELDS.map(|name| self.field(node, name));
        let [Some(id), Some(hosts), Some(reason), Some(owner), Some(until)] = fields else { return None };
        let id = self.noted(id_of(id));
        let hosts = self.noted(hosts.str().and_then(|text| Pattern::parse(text, Some(&hosts.place))));
        let reason = self.noted(sentence(reason));
        let owner_name = self.noted(sentence(owner));
        let until = self.noted(last_day(until, self.today));
        Some(Written {
            id: id?,
            hosts: hosts?,
            reason: reason?,
            owner: owner_name?,
            owner_place: owner.place.clone(),
            until: until?,
            place: node.place.clone(),
        })
    }

    fn field<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n Node> {
        let found = node.get(name).filter(|value| !value.is_null());
        if found.is_none() {
            self.at(node, format!("a suppression without '{name}'"));
        }
        found
    }

    fn at(&mut self, node: &Node, message: String) {
        self.problems.push(Problem::at(&node.place, message));
    }

    fn noted<T>(&mut self, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.problems.push(problem)).ok()
    }
}

fn sentence(node: &Node) -> Result<String, Problem> {
    let text = node.word()?.trim().to_owned();
    if text.is_empty() { Err(node.expected("some words")) } else { Ok(text) }
}

/// Ids begin with a kind of finding; one that means everything would hide what nobody has thought of.
fn id_of(node: &Node) -> Result<Glob, Problem> {
    let text = node.str()?;
    if text.chars().all(|c| matches!(c, '*' | '/')) {
        let problem = Problem::at(&node.place, "an id that means every finding");
        return Err(problem.help("name a kind at least: 'update/*'"));
    }
    let kind = text.split('/').next().unwrap_or_default();
    if kind.contains('*') || kind.parse::<FindingKind>().is_ok() {
        return Ok(Glob::new(text));
    }
    let known = FindingKind::ALL.map(FindingKind::as_str);
    let problem = Problem::at(&node.place, format!("no finding has an id like '{text}'"));
    Err(match nearest(kind, known) {
        Some(near) => problem.help(format!("ids begin with a kind; did you mean '{near}'?")),
        None => problem.help(format!("ids begin with a kind: {}", known.join(", "))),
    })
}

fn last_day(node: &Node, today: Date) -> Result<Date, Problem> {
    let text = node.word()?;
    let date: Date = text.parse().map_err(|_| node.expected("a date such as 2026-12-31"))?;
    let days = date.since(today).map(|span| span.get_days()).unwrap_or(i32::MAX);
    if days > DAYS_MAX {
        let problem = Problem::at(&node.place, "more than a year ahead");
        return Err(problem.help("look at it again within a year: give an earlier date"));
    }
    Ok(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Written>, Problems> {
        let file = TextFile::from_bytes(Path::new("suppressions.yml"), text.as_bytes().to_vec()).unwrap();
        parse(&file, "2026-11-25".parse().unwrap())
    }

    #[test]
    fn the_example_of_the_documentation_is_understood() {
        let documentation =
            include_str!("suppressions.rs").lines().skip_while(|line| !line.ends_with("```yaml")).skip(1);
        let example: Vec<&str> = documentation
            .take_while(|line| !line.ends_with("```"))
            .map(|line| line.get(4..).unwrap_or_default())
            .collect();
        let all = parsed(&example.join("\n")).unwrap();
        assert_eq!(all.len(), 1);
        let one = &all[0];
        assert_eq!(
            (one.id.as_str(), one.hosts.as_str(), one.owner.as_str()),
            ("update/linux-image-*", "db", "alice")
        );
        assert_eq!((one.until.to_string().as_str(), one.place.line), ("2026-12-31", 3));
    }

    #[test]
    fn an_empty_file_suppresses_nothing() {
        assert!(parsed("").unwrap().is_empty());
        assert!(parsed("version: 1\n").unwrap().is_empty());
    }

    #[test]
    fn everything_that_is_wrong_is_shown_with_its_place() {
        let text = "version: 2\nsupressions: []\nsuppressions:\n  - id: '*'\n    hosts: all\n    reason: x\n    \
                    owner: alice\n    until: 2026-12-31\n  - id: securty-update/x\n    host: all\n    hosts: all\n    \
                    reason: ''\n    owner: alice\n    until: soon\n  - id: update/x\n    hosts: all\n    reason: x\n    \
                    owner: alice\n    until: 2028-01-01\n  - id: update/x\n";
        let problems = parsed(text).unwrap_err().to_string();
        for (place, message) in [
            ("1:1", "version 2 is unknown, expected 1"),
            ("2:1", "unknown key 'supressions'"),
            ("4:9", "an id that means every finding"),
            ("9:9", "no finding has an id like 'securty-update/x'"),
            ("10:5", "unknown key 'host'"),
            ("12:13", "expected some words"),
            ("14:12", "expected a date such as 2026-12-31"),
            ("19:12", "more than a year ahead"),
            ("20:5", "a suppression without 'hosts'"),
        ] {
            assert!(problems.contains(message), "{message} in\n{problems}");
            assert!(problems.contains(&format!("suppressions.yml:{place}")), "{place} in\n{problems}");
        }
        assert!(problems.contains("did you mean 'security-update'?"), "{problems}");
    }
}
