//! The ops repository's settings, `wgops.yml`, every one of them optional:
//!
//! ```yaml
//! version: 1
//! group: Example infrastructure working group
//! ticket_pattern: INFRA-[0-9]+     # what a ticket looks like, all of it
//! defaults:
//!   inventory: prod                # where --inventory isn't given
//!   forks: 20                      # hosts side by side
//!   timeout: 10                    # seconds for connection and login
//! patch:                           # what 'wgops patch' does where its options don't say
//!   serial: [1, 25%, 100%]
//!   canary: web3
//!   pause: 300                     # seconds between waves
//!   max_fail: 0                    # percent of a wave
//! lint:                            # what 'wgops lint' leaves out, and fails on
//!   skip: [no-changed-when]
//!   exclude: [roles/vendored/*]
//!   fail_on: warning
//! ```
//!
//! `zone`, `windows` and `freezes` are [`Calendar`]'s, `access` is [`Access`]'s.

use super::access::Access;
use super::calendar::Calendar;
use super::inventory::Pattern;
use super::playbook::Batch;
use super::problem::{Problem, Problems};
use super::text::TextFile;
use super::yaml::{Key, Node};
use crate::model::{Glob, Place, Weight};
use regex::Regex;
use std::path::Path;
use std::time::Duration;

/// The one version of the format there is.
const VERSION: u64 = 1;
const FIELDS: [&str; 10] = [
    "version",
    "group",
    "ticket_pattern",
    "defaults",
    "patch",
    "zone",
    "windows",
    "freezes",
    "lint",
    "access",
];
/// Fields that the calendar reads.
const CALENDAR: [&str; 3] = ["zone", "windows", "freezes"];
const PATCH: [&str; 4] = ["serial", "canary", "pause", "max_fail"];
const LINT: [&str; 3] = ["skip", "exclude", "fail_on"];
const DEFAULTS: [&str; 3] = ["inventory", "forks", "timeout"];
/// Planned fields: to leave one unread would be worse than to refuse it.
const LATER: [&str; 1] = ["notifications"];
/// Most hosts side by side.
const FORKS_MAX: u64 = 10_000;
/// Longest wait for a connection, in seconds.
const TIMEOUT_SECONDS_MAX: u64 = 3600;
/// Longest pause between waves, in seconds: a day.
const PAUSE_SECONDS_MAX: u64 = 24 * 60 * 60;

/// What `wgops.yml` says; `None` where it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The working group's name.
    pub group: Option<String>,
    /// What a ticket looks like.
    pub ticket_pattern: Option<TicketPattern>,
    /// The inventory where none is named.
    pub inventory: Option<String>,
    /// Hosts side by side, from 1.
    pub forks: Option<usize>,
    /// Longest wait for connection and login together.
    pub timeout: Option<Duration>,
    /// What `wgops patch` does where its options don't say.
    pub patch: Waves,
    /// When hosts may be changed.
    pub calendar: Calendar,
    /// What `wgops lint` does where its options don't say.
    pub lint: Lint,
    /// Who may log in on the servers; nothing: that is not wgops' business.
    pub access: Option<Access>,
}

/// What `wgops lint` leaves out, and what makes it fail.
#[derive(Clone, Debug, Default)]
pub struct Lint {
    /// Names of rules, and where they stand.
    pub skip: Vec<(String, Place)>,
    /// Paths below the repository; `*` stands for any text.
    pub exclude: Vec<Glob>,
    /// The least weight that it fails on.
    pub fail_on: Option<Weight>,
}

/// In which waves hosts are patched; `None` where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waves {
    /// How many hosts at a time, each a number or a percentage.
    pub serial: Option<Vec<String>>,
    /// A pattern of hosts that come first.
    pub canary: Option<String>,
    /// Seconds between waves.
    pub pause_seconds: Option<u64>,
    /// Percent of a wave's hosts that may fail without stopping the others.
    pub max_fail: Option<u64>,
}

/// What a ticket looks like.
#[derive(Clone, Debug)]
pub struct TicketPattern(Regex);

impl TicketPattern {
    /// Whether a ticket looks like this, all of it.
    pub fn matches(&self, ticket: &str) -> bool {
        self.0.is_match(ticket)
    }
}

impl Settings {
    /// Reads the settings of a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::parse(&TextFile::read(path)?)
    }

    /// Parses the text of a file of settings.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &TextFile) -> Result<Self, Problems> {
        let node = Node::parse(file)?;
        let mut settings = Self::default();
        let mut problems: Vec<Problem> = match node.entries() {
            Ok(entries) => entries.iter().filter_map(|(key, node)| settings.field(key, node).err()).collect(),
            Err(problem) => vec![problem],
        };
        if let Some(defaults) = node.get("defaults").filter(|defaults| defaults.map().is_ok()) {
            problems.extend(defaults.unknown_keys(&DEFAULTS));
        }
        if let Some(patch) = node.get("patch").filter(|patch| patch.map().is_ok()) {
            problems.extend(patch.unknown_keys(&PATCH));
        }
        if let Some(lint) = node.get("lint").filter(|lint| lint.map().is_ok()) {
            problems.extend(lint.unknown_keys(&LINT));
        }
        let (calendar, wrong) = Calendar::read(&node);
        settings.calendar = calendar;
        problems.extend(wrong);
        problems.iter_mut().for_each(|problem| problem.quote(file));
        Problems::check(problems)?;
        Ok(settings)
    }

    fn field(&mut self, key: &Key, node: &Node) -> Result<(), Problem> {
        match key.name.as_str() {
            "version" => match node.unsigned()? {
                VERSION => {}
                other => return Err(Problem::unknown_version(&node.place, other, VERSION)),
            },
            "group" => self.group = Some(node.word()?),
            "ticket_pattern" => self.ticket_pattern = Some(ticket_pattern(node)?),
            "defaults" => {
                for (key, node) in node.entries()? {
                    self.default_value(key, node)?;
                }
            }
            "patch" => {
                for (key, node) in node.entries()? {
                    self.patch.field(key, node)?;
                }
            }
            "lint" => {
                for (key, node) in node.entries()? {
                    self.lint.field(key, node)?;
                }
            }
            "access" => self.access = Some(Access::read(node)?),
            name if CALENDAR.contains(&name) => {}
            name if LATER.contains(&name) => {
                return Err(Problem::at(&key.place, format!("'{name}' is not supported yet")));
            }
            name => {
                return Err(Problem::at(&key.place, format!("unknown key '{name}'")).nearest(name, FIELDS));
            }
        }
        Ok(())
    }

    fn default_value(&mut self, key: &Key, node: &Node) -> Result<(), Problem> {
        match key.name.as_str() {
            "inventory" => self.inventory = Some(node.word()?),
            "forks" => self.forks = usize::try_from(within(node, FORKS_MAX)?).ok(),
            "timeout" => self.timeout = Some(Duration::from_secs(within(node, TIMEOUT_SECONDS_MAX)?)),
            _ => {}
        }
        Ok(())
    }
}

impl Lint {
    fn field(&mut self, key: &Key, node: &Node) -> Result<(), Problem> {
        match key.name.as_str() {
            "skip" => {
                let named = |item: &Node| Ok((item.word()?, item.place.clone()));
                self.skip = node.items().iter().map(named).collect::<Result<_, Problem>>()?;
            }
            "exclude" => self.exclude = node.words()?.into_iter().map(Glob::new).collect(),
            "fail_on" => {
                let parsed = node.word()?.parse::<Weight>();
                self.fail_on = Some(parsed.map_err(|expected| Problem::at(&node.place, expected))?);
            }
            _ => {}
        }
        Ok(())
    }
}

impl Waves {
    fn field(&mut self, key: &Key, node: &Node) -> Result<(), Problem> {
        match key.name.as_str() {
            "serial" => self.serial = Some(node.items().iter().map(batch).collect::<Result<_, _>>()?),
            "canary" => {
                let pattern = node.word()?;
                Pattern::parse(&pattern, Some(&node.place))?;
                self.canary = Some(pattern);
            }
            "pause" => self.pause_seconds = Some(within(node, PAUSE_SECONDS_MAX)?),
            "max_fail" => {
                let share = node.unsigned().ok().filter(|share| *share <= 100);
                let wrong = || Problem::at(&node.place, "expected a percentage from 0 to 100");
                self.max_fail = Some(share.ok_or_else(wrong)?);
            }
            _ => {}
        }
        Ok(())
    }
}

fn batch(node: &Node) -> Result<String, Problem> {
    let size = Batch::of(&node.to_value()).and_then(|_| node.word().ok());
    size.ok_or_else(|| Problem::at(&node.place, "expected a number of hosts or a percentage"))
}

fn within(node: &Node, max: u64) -> Result<u64, Problem> {
    let number = node.unsigned().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| Problem::at(&node.place, format!("expected a number from 1 to {max}")))
}

fn ticket_pattern(node: &Node) -> Result<TicketPattern, Problem> {
    let expression = node.str()?;
    let built = regex::RegexBuilder::new(&format!("^(?:{expression})$")).size_limit(1 << 20).build();
    built.map(TicketPattern).map_err(|_| Problem::at(&node.place, "no valid regular expression"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, Problems> {
        Settings::parse(&TextFile::from_bytes(Path::new("wgops.yml"), text.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn the_example_of_the_documentation_is_understood() {
        let documentation =
            include_str!("settings.rs").lines().skip_while(|line| !line.ends_with("```yaml")).skip(1);
        let example: Vec<&str> = documentation
            .take_while(|line| !line.ends_with("```"))
            .map(|line| line.get(4..).unwrap_or_default())
            .collect();
        let settings = parse(&example.join("\n")).unwrap();
        assert_eq!(settings.group.as_deref(), Some("Example infrastructure working group"));
        assert_eq!((settings.inventory.as_deref(), settings.forks), (Some("prod"), Some(20)));
        assert_eq!(settings.timeout, Some(Duration::from_secs(10)));
        let serial = Some(["1", "25%", "100%"].map(str::to_owned).to_vec());
        let (canary, pause_seconds, max_fail) = (Some("web3".to_owned()), Some(300), Some(0));
        assert_eq!(settings.patch, Waves { serial, canary, pause_seconds, max_fail });
        let tickets = settings.ticket_pattern.unwrap();
        assert!(
            tickets.matches("INFRA-12") && !tickets.matches("see INFRA-12") && !tickets.matches("INFRA-")
        );
    }

    #[test]
    fn what_lint_leaves_out_is_read_and_a_weight_that_is_none_is_refused() {
        let settings = parse("lint: {skip: [no-handler], exclude: [roles/x/*], fail_on: error}").unwrap();
        assert_eq!(settings.lint.skip[0].0, "no-handler");
        assert!(settings.lint.exclude[0].fits("roles/x/tasks/main.yml"));
        assert_eq!(settings.lint.fail_on, Some(Weight::Error));
        let said = parse("lint: {fail_on: errors, skp: []}").unwrap_err().to_string();
        assert!(
            said.contains("expected error, warning or info") && said.contains("did you mean 'skip'?"),
            "{said}"
        );
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert!(parse("").unwrap().group.is_none());
    }

    #[test]
    fn everything_that_is_wrong_is_shown() {
        let text = "version: 2\ngruop: x\nticket_pattern: '('\nnotifications: []\ndefaults:\n  forks: 0\n  fork: 1\n";
        insta::assert_snapshot!(parse(text).unwrap_err(), @"
        error: version 2 is unknown, expected 1
         --> wgops.yml:1:10
          |
        1 | version: 2
          |          ^
        help: a newer wgops wrote it: update this one

        error: unknown key 'gruop'
         --> wgops.yml:2:1
          |
        2 | gruop: x
          | ^
        help: did you mean 'group'?

        error: no valid regular expression
         --> wgops.yml:3:17
          |
        3 | ticket_pattern: '('
          |                 ^

        error: 'notifications' is not supported yet
         --> wgops.yml:4:1
          |
        4 | notifications: []
          | ^

        error: expected a number from 1 to 10000
         --> wgops.yml:6:10
          |
        6 |   forks: 0
          |          ^

        error: unknown key 'fork'
         --> wgops.yml:7:3
          |
        7 |   fork: 1
          |   ^
        help: did you mean 'forks'?
        ");
    }
}
