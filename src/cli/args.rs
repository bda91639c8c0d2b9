//! Options that verbs share.

use super::acquaintances::NewKey;
use super::trust::Pin;
use crate::load::Node;
use crate::load::text::TextFile;
use crate::report::Format;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR or CLICOLOR=0 is set
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// Options of every verb.
#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every verb")]
pub struct Global {
    /// Show more: -v results and round trips, -vv what is going on, -vvv everything
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Prove who you are with this private key (or, by its .pub file, with the agent's)
    ///
    /// Without it, the keys of ssh-agent and of ~/.ssh that the roster knows are tried.
    #[arg(long, value_name = "FILE", global = true, env = "WGOPS_IDENTITY")]
    pub identity: Option<PathBuf>,
    /// Open sealed values with the age identities in this file, native ones or plugins'
    ///
    /// Without it, the ed25519 or RSA keys in files that the roster knows are used.
    #[arg(long, value_name = "FILE", global = true, env = "WGOPS_AGE_IDENTITY")]
    pub age_identity: Option<PathBuf>,
    /// The version of the roster to trust, as a lead tells it: VERSION:sha256:…
    ///
    /// Needed once where nothing is remembered and nobody is at a terminal, as in CI.
    #[arg(long, value_name = "PIN", global = true, env = "WGOPS_ROSTER_PIN")]
    pub roster_pin: Option<Pin>,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true, hide_possible_values = false)]
    pub color: Color,
}

/// Which hosts.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Hosts")]
pub struct Targets {
    /// Inventory: a name (prod is inventory/prod.yml, .ini or prod/), a path, a list 'host1,host2,', or local; several are put together
    #[arg(short, long, value_name = "INVENTORY", env = "WGOPS_INVENTORY", alias = "inventory-file")]
    pub inventory: Vec<String>,
    /// Only these of the inventory's hosts: a pattern such as 'web:&prod:!web3', or @FILE with a host on each line
    #[arg(short, long, value_name = "PATTERN")]
    pub limit: Option<String>,
}

/// How hosts are reached.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Connection")]
pub struct Reach {
    /// Most hosts that are connected at a time; 20 unless wgops.yml says otherwise
    #[arg(short, long, value_name = "HOSTS", value_parser = clap::value_parser!(u16).range(1..))]
    pub forks: Option<u16>,
    /// Log in as this user, unless the inventory says otherwise
    #[arg(short, long, value_name = "USER")]
    pub user: Option<String>,
    /// Log in with this private key
    #[arg(long, value_name = "FILE", alias = "key-file")]
    pub private_key: Option<PathBuf>,
    /// How hosts are reached where neither the inventory nor the play says: ssh, or local for this machine
    #[arg(short, long, value_name = "KIND", value_parser = ["ssh", "local"])]
    pub connection: Option<String>,
    /// Longest wait for a connection and login, in seconds; 10 unless the inventory or wgops.yml says otherwise
    #[arg(short = 'T', long, value_name = "SECONDS", value_parser = seconds)]
    pub timeout: Option<Duration>,
    /// That a host came to be another machine is right: its new host key, as whoever runs it says; may be given several times
    #[arg(long, value_name = "NAME=SHA256:…")]
    pub new_host_key: Vec<NewKey>,
}

/// How another user is become.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Privileges")]
pub struct Privilege {
    /// Ask for the sudo password, once for all hosts
    #[arg(short = 'K', long, conflicts_with = "become_password_file")]
    pub ask_become_pass: bool,
    /// Read the sudo password from the first line of this file, which only you may read
    #[arg(long, value_name = "FILE", alias = "become-pass-file")]
    pub become_password_file: Option<PathBuf>,
}

/// Why something is changed; it stands in the ledger.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Record")]
pub struct Cause {
    /// Why, in a few words, for the ledger
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The ticket that asks for it, for the ledger
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// Go on although the ops repository has changes that are not committed; the ledger says so
    #[arg(long)]
    pub allow_dirty: bool,
    /// Change hosts although a window, a freeze or somebody's claim holds them out; why stands in every report
    #[arg(long, value_name = "REASON")]
    pub break_glass: Option<String>,
}

/// How results are written.
#[derive(Args, Debug, Clone, Copy)]
#[command(next_help_heading = "Output")]
pub struct Shape {
    /// Output format: human, or json (one event on each line)
    #[arg(long, visible_alias = "output", value_name = "FORMAT", default_value = "human", value_parser = Format::of_runs)]
    pub format: Format,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(0) | Err(_) => Err("expected a whole number of seconds, at least 1".into()),
        Ok(number) => Ok(Duration::from_secs(number.into())),
    }
}

/// One `-e`: variables that win over all others.
#[derive(Clone, PartialEq, Debug)]
pub enum ExtraVars {
    /// `name=value`, several with spaces between and quotes around; the values are texts.
    Pairs(Vec<(String, String)>),
    /// A JSON object.
    Json(crate::model::Map),
    /// `@FILE`, in YAML or JSON.
    File(PathBuf),
}

impl std::str::FromStr for ExtraVars {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Some(file) = text.strip_prefix('@') {
            return if file.is_empty() {
                Err("expected a file name behind '@'".into())
            } else {
                Ok(Self::File(file.into()))
            };
        }
        if text.starts_with('{') {
            return mapping(text).map(Self::Json);
        }
        let (pairs, rest) = crate::load::playbook::pairs_of(text)?;
        if pairs.is_empty() && rest.is_empty() {
            return Err("expected name=value, a JSON object or @FILE".into());
        }
        if let Some(word) = rest.split_whitespace().next() {
            pair(word)?;
        }
        pairs.iter().try_for_each(|(name, _)| named(name))?;
        Ok(Self::Pairs(pairs))
    }
}

/// Says what is wrong with a word that is no pair.
fn pair(word: &str) -> Result<(), String> {
    let (name, _) = word
        .split_once('=')
        .ok_or_else(|| format!("expected name=value, a JSON object or @FILE, not '{word}'"))?;
    named(name)
}

fn named(name: &str) -> Result<(), String> {
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    match begins && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
        true => Ok(()),
        false => Err(format!("'{name}' is no variable name: expected letters, digits and '_'")),
    }
}

/// A mapping in JSON, or as YAML has one on a line.
fn mapping(text: &str) -> Result<crate::model::Map, String> {
    let error = match serde_json::from_str(text) {
        Ok(map) => return Ok(map),
        Err(error) => error,
    };
    let file = TextFile::from_bytes(Path::new("--extra-vars"), text.as_bytes().to_vec());
    let read = file.ok().and_then(|file| Node::parse(&file).ok());
    match read.map(|node| node.to_value()) {
        Some(crate::model::Value::Object(map)) => Ok(map),
        _ => Err(format!("is no JSON object: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ExtraVars, String> {
        text.parse()
    }

    fn pairs(list: &[(&str, &str)]) -> ExtraVars {
        ExtraVars::Pairs(list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn extra_variables_come_as_pairs_json_or_files() {
        assert_eq!(parsed("a=1").unwrap(), pairs(&[("a", "1")]));
        assert_eq!(
            parsed("a=1 b='x y' c=p=q d=").unwrap(),
            pairs(&[("a", "1"), ("b", "x y"), ("c", "p=q"), ("d", "")])
        );
        assert_eq!(parsed("@vars.yml").unwrap(), ExtraVars::File("vars.yml".into()));
        assert!(matches!(parsed(r#"{"a": [1]}"#).unwrap(), ExtraVars::Json(map) if map["a"][0] == 1));
        assert!(matches!(parsed("{a: 1, b: [x]}").unwrap(), ExtraVars::Json(map) if map["b"][0] == "x"));
        let inside = parsed(r#"a={"k":1} l=["x","y"] b="q\"q""#).unwrap();
        assert_eq!(inside, pairs(&[("a", r#"{"k":1}"#), ("l", r#"["x","y"]"#), ("b", "q\"q")]));
    }

    #[test]
    fn what_is_neither_is_refused_with_a_reason() {
        for (text, why) in [
            ("", "expected name=value"),
            ("novalue", "expected name=value"),
            ("1a=2", "no variable name"),
            ("a='x", "not closed"),
            ("{\"a\":", "no JSON"),
            ("@", "file name"),
        ] {
            assert!(parsed(text).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn seconds_are_whole_and_positive() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert!(seconds("0").is_err());
        assert!(seconds("-1").is_err());
        assert!(seconds("5s").is_err());
    }
}
