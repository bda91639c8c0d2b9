//! Inventories as INI:
//!
//! ```text
//! bastion.example.com ansible_user=ops
//! [web]
//! web[01:03].example.com http_port=8080
//! [site:children]
//! web
//! [site:vars]
//! ntp = ntp.example.com
//! ```

use super::draft::{ALL, Draft, UNGROUPED};
use super::{literal, range};
use crate::load::problem::Problem;
use crate::load::shell_words::{self, Word};
use crate::load::text::TextFile;
use crate::load::yaml::{Key, Node};
use crate::model::{HostName, Place};
use std::collections::HashMap;

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hosts,
    Children,
    Vars,
}

/// Reads an INI inventory.
pub(super) fn read(file: &TextFile, draft: &mut Draft) {
    let place = file.place(1, 1);
    let ungrouped = Key::new(&place, UNGROUPED);
    let mut ini = Ini { file, draft, section: (ungrouped, Kind::Hosts), set: HashMap::new(), line: 0 };
    for (at, line) in file.text.lines().enumerate() {
        ini.line = at + 1;
        if let Err(problem) = ini.read_line(line) {
            ini.draft.problems.push(problem);
        }
    }
}

struct Ini<'a> {
    file: &'a TextFile,
    draft: &'a mut Draft,
    section: (Key, Kind),
    /// In which line a variable of a host or a section was set.
    set: HashMap<(String, String), usize>,
    line: usize,
}

impl Ini<'_> {
    fn read_line(&mut self, line: &str) -> Result<(), Problem> {
        let text = line.trim();
        let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        if text.starts_with('[') && (self.section.1 != Kind::Hosts || is_header(text)) {
            return self.header(text, column);
        }
        match self.section.1 {
            Kind::Hosts => self.host_line(line),
            Kind::Children => self.child_line(text, column),
            Kind::Vars => self.variable_line(line, column),
        }
    }

    fn place(&self, column: usize) -> Place {
        self.file.place(self.line, column)
    }

    fn key(&self, column: usize, name: &str) -> Key {
        Key::new(&self.place(column), name)
    }

    fn header(&mut self, text: &str, column: usize) -> Result<(), Problem> {
        let wrong = || {
            let problem = Problem::at(&self.place(column), "this is no section");
            problem.help("expected '[group]', '[group:vars]' or '[group:children]'")
        };
        let inside = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (name, after) = inside.ok_or_else(wrong)?;
        if !after.trim().is_empty() && !after.trim_start().starts_with(['#', ';']) {
            return Err(wrong());
        }
        let (group, kind) = match name.split_once(':') {
            None => (name, Kind::Hosts),
            Some((group, "vars")) => (group, Kind::Vars),
            Some((group, "children")) => (group, Kind::Children),
            Some((group, "hosts")) => (group, Kind::Hosts),
            Some((group, other)) => {
                let at = self.place(column + 2 + group.chars().count());
                return Err(Problem::at(&at, format!("no section is called '{other}'"))
                    .nearest(other, ["vars", "children", "hosts"]));
            }
        };
        let key = self.key(column + 1, group);
        if kind != Kind::Vars {
            self.draft.define(&key);
        }
        self.section = (key, kind);
        Ok(())
    }

    fn child_line(&mut self, text: &str, column: usize) -> Result<(), Problem> {
        let name = text.split('#').next().unwrap_or_default().trim_end();
        if name.contains(char::is_whitespace) || name.contains('=') {
            let problem = Problem::at(&self.place(column), "expected the name of a group");
            return Err(problem.help("variables of the children belong in a ':vars' section"));
        }
        let child = self.key(column, name);
        self.draft.child(&self.section.0, &child);
        Ok(())
    }

    fn variable_line(&mut self, line: &str, column: usize) -> Result<(), Problem> {
        let Some((name, value)) = line.split_once('=') else {
            return Err(Problem::at(&self.place(column), "expected 'name = value'"));
        };
        let blank = value.chars().take_while(|c| c.is_whitespace()).count();
        let value_column = name.chars().count() + 2 + blank;
        let key = self.key(column, name.trim());
        self.set_once(&format!("[{}]", self.section.0.name), &key)?;
        let node = Node::from_value(&self.place(value_column), &literal::value(value.trim()));
        self.draft.group_variable(&self.section.0, &key, node);
        Ok(())
    }

    fn host_line(&mut self, line: &str) -> Result<(), Problem> {
        let split = shell_words::split(line);
        let words =
            split.map_err(|open| Problem::at(&self.place(open.column), "this quote is not closed"))?;
        let Some((name, variables)) = words.split_first() else { return Ok(()) };
        let place = self.place(name.column);
        let expanded = range::expand(&name.text).map_err(|message| Problem::at(&place, message))?;
        for host in &expanded.hosts {
            self.draft.host(&self.section.0, host, &place);
            if let Some(port) = expanded.port {
                let key = self.key(name.column, "ansible_port");
                self.draft.host_variable(host, &key, Node::from_value(&place, &port.into()));
            }
        }
        variables.iter().try_for_each(|word| self.host_variable(&name.text, &expanded.hosts, word))
    }

    fn host_variable(&mut self, line: &str, hosts: &[HostName], word: &Word) -> Result<(), Problem> {
        let Some((name, value)) = word.text.split_once('=') else {
            let problem = Problem::at(
                &self.place(word.column),
                format!("expected 'name=value', found '{}'", word.text),
            );
            return Err(problem.help("each host needs a line of its own; a value with spaces needs quotes"));
        };
        let key = self.key(word.column, name);
        self.set_once(&format!("{line} of line {}", self.line), &key)?;
        let value_at = self.place(word.column + name.chars().count() + 1);
        let node = Node::from_value(&value_at, &literal::value(value));
        for host in hosts {
            self.draft.host_variable(host, &key, node.clone());
        }
        Ok(())
    }

    fn set_once(&mut self, owner: &str, key: &Key) -> Result<(), Problem> {
        if key.name.is_empty() || key.name.contains(char::is_whitespace) {
            return Err(Problem::at(&key.place, "expected a variable's name before '='"));
        }
        match self.set.insert((owner.to_owned(), key.name.clone()), self.line) {
            None => Ok(()),
            Some(line) => Err(Problem::at(&key.place, format!("duplicate key '{}'", key.name))
                .help(format!("it is already set in line {line}: remove one of them"))),
        }
    }
}

/// Whether a line that begins with '[' among hosts is a section, and not a host such as `[a:c].example.com`.
fn is_header(text: &str) -> bool {
    let Some((inside, after)) = text.trim_start_matches('[').split_once(']') else { return true };
    let after = after.trim_start();
    let ends = after.is_empty() || after.starts_with(['#', ';']);
    ends && inside.parse::<std::net::Ipv6Addr>().is_err()
}

/// Whether a text looks like YAML although its name doesn't say so.
pub(super) fn looks_like_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| line == "---" || line.strip_suffix(':') == Some(ALL))
}
