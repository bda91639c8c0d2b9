//! What applies to one host, from layers of options: the inventory first, then words like `-o ProxyJump=x` from the
//! inventory, then SSH's configuration. Pure: files are read next door, in `config.rs`.
//!
//! In SSH's manner the first layer that says something wins, and key files add up.

use super::{JumpSpec, ParseJumpError};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// Options as keyword (lower case) and value, in order.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Layer(pub Vec<(String, String)>);

/// An option that can't be followed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadOption {
    pub reason: String,
    pub advice: String,
}

/// What decides about one host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Options {
    pub address: String,
    pub port: u16,
    pub user: String,
    /// Key files that somebody asked for by the inventory or its arguments: each must be usable.
    pub required_keys: Vec<PathBuf>,
    /// Key files that configuration names; missing ones are passed over.
    pub keys: Vec<PathBuf>,
    pub certificates: Vec<PathBuf>,
    pub identities_only: bool,
    pub agent: AgentChoice,
    pub jumps: Vec<JumpSpec>,
    pub proxy_command: Option<String>,
    pub user_known_hosts: Option<Vec<PathBuf>>,
    pub system_known_hosts: Option<Vec<PathBuf>>,
    pub alias: Option<String>,
    pub connect_timeout: Option<Duration>,
}

/// Which agent is asked for keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum AgentChoice {
    /// The one that the settings name.
    Default,
    /// None.
    Off,
    /// This one.
    Socket(PathBuf),
}

/// What `%` and `~` stand for in values.
pub(super) struct Tokens<'a> {
    pub home: &'a str,
    pub login: &'a str,
}

pub(super) fn bad(reason: impl Into<String>, advice: &str) -> BadOption {
    BadOption { reason: reason.into(), advice: advice.into() }
}

/// Splits `Key=value`, `Key value` and `Key = value`; the keyword in lower case.
pub(super) fn keyword(text: &str) -> (String, String) {
    let text = text.trim();
    let end = text.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let value = rest.trim_start().strip_prefix('=').unwrap_or(rest).trim();
    (key.to_lowercase(), value.to_owned())
}

/// Splits a value into words; double quotes keep blanks.
pub(super) fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted, mut begun) = (String::new(), false, false);
    for c in value.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            c if c.is_whitespace() && !quoted => {
                if std::mem::take(&mut begun) {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

impl Layer {
    /// Adds an option.
    pub fn push(&mut self, key: &str, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    /// Reads what `ssh -G` prints: one option on a line.
    pub fn from_effective(text: &str) -> Self {
        Self(text.lines().map(keyword).collect())
    }
}

impl Options {
    /// Puts layers together for a host, the strongest first. Key files in the first `required` layers must exist.
    pub fn resolve(
        target: &str,
        layers: &[Layer],
        required: usize,
        tokens: &Tokens<'_>,
    ) -> Result<Self, BadOption> {
        let mut first: HashMap<&str, &str> = HashMap::new();
        for (key, value) in layers.iter().flat_map(|layer| &layer.0) {
            first.entry(key).or_insert(value);
        }
        let get = |key: &str| first.get(key).copied().filter(|v| !v.is_empty());
        let address = get("hostname").map_or_else(|| target.to_owned(), |name| name.replace("%h", target));
        let port = match get("port") {
            None => 22,
            Some(text) => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                bad(
                    format!("port '{}' is no number from 1 to 65535", crate::model::printable(text)),
                    "correct the port",
                )
            })?,
        };
        let user = get("user").unwrap_or(tokens.login).to_owned();
        for (what, text) in [("host name", target), ("host name", &address), ("user name", &user)] {
            plain(what, text)?;
        }
        let expand = |text: &str| expand(text, target, &address, port, &user, tokens);
        let files = |key: &str, layers: &[Layer]| -> Vec<PathBuf> {
            let values = layers.iter().flat_map(|layer| &layer.0).filter(|(k, v)| k == key && !is_none(v));
            values.flat_map(|(_, v)| words(v)).map(|v| expand(&v)).collect()
        };
        let list = |key: &str| {
            get(key).map(|v| words(v).iter().filter(|v| !is_none(v)).map(|v| expand(v)).collect::<Vec<_>>())
        };
        let (strong, weak) = layers.split_at(required.min(layers.len()));
        Ok(Self {
            required_keys: files("identityfile", strong),
            keys: files("identityfile", weak),
            certificates: files("certificatefile", layers),
            identities_only: get("identitiesonly") == Some("yes"),
            agent: match get("identityagent") {
                None | Some("SSH_AUTH_SOCK") => AgentChoice::Default,
                Some("none") => AgentChoice::Off,
                Some(path) => AgentChoice::Socket(expand(path.trim_matches('"'))),
            },
            jumps: jumps(get("proxyjump"))?,
            proxy_command: get("proxycommand")
                .filter(|v| !is_none(v))
                .map(|v| tokens_in(v, target, &address, port, &user, tokens)),
            user_known_hosts: list("userknownhostsfile"),
            system_known_hosts: list("globalknownhostsfile"),
            alias: get("hostkeyalias").map(str::to_owned),
            connect_timeout: get("connecttimeout")
                .and_then(|v| v.parse().ok())
                .filter(|s| *s > 0)
                .map(Duration::from_secs),
            address,
            port,
            user,
        })
    }
}

/// Names go into a `ProxyCommand`, which a shell reads, and inventories bring them: they hold nothing that means something there.
fn plain(what: &str, text: &str) -> Result<(), BadOption> {
    let is_plain = |c: char| c.is_alphanumeric() || ".-_:@%+\\".contains(c);
    if !text.is_empty() && !text.starts_with('-') && !text.ends_with('\\') && text.chars().all(is_plain) {
        return Ok(());
    }
    let shown = crate::model::printable(text);
    Err(bad(
        format!("'{shown}' is no {what}: expected letters, digits and . - _ : @ % +, and no - in front"),
        "correct ansible_host, ansible_user, or what ansible_ssh_common_args and ~/.ssh/config say of it",
    ))
}

fn is_none(value: &str) -> bool {
    value.eq_ignore_ascii_case("none")
}

fn jumps(value: Option<&str>) -> Result<Vec<JumpSpec>, BadOption> {
    let Some(value) = value.filter(|v| !is_none(v)) else { return Ok(Vec::new()) };
    value
        .split(',')
        .map(|text| {
            text.parse().map_err(|e: ParseJumpError| bad(e.to_string(), "correct the ProxyJump option"))
        })
        .collect()
}

fn expand(text: &str, target: &str, address: &str, port: u16, user: &str, tokens: &Tokens<'_>) -> PathBuf {
    let text = match text.strip_prefix("~/") {
        Some(rest) => format!("{}/{rest}", tokens.home),
        None => text.replace("${HOME}", tokens.home),
    };
    tokens_in(&text, target, address, port, user, tokens).into()
}

fn tokens_in(text: &str, target: &str, address: &str, port: u16, user: &str, tokens: &Tokens<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '%' { chars.next() } else { None }) {
            ('%', Some('h')) => out.push_str(address),
            ('%', Some('n')) => out.push_str(target),
            ('%', Some('p')) => out.push_str(&port.to_string()),
            ('%', Some('r')) => out.push_str(user),
            ('%', Some('u')) => out.push_str(tokens.login),
            ('%', Some('d')) => out.push_str(tokens.home),
            ('%', Some('%')) => out.push('%'),
            (c, other) => {
                out.push(c);
                out.extend(other);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: Tokens<'_> = Tokens { home: "/home/me", login: "me" };

    fn layer(options: &[(&str, &str)]) -> Layer {
        Layer(options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    #[test]
    fn the_first_layer_wins_and_key_files_add_up() {
        let inventory = layer(&[("port", "2222"), ("identityfile", "/k1")]);
        let config = layer(&[
            ("port", "22"),
            ("user", "ops"),
            ("hostname", "%h.example.com"),
            ("identityfile", "~/.ssh/%r"),
            ("identityfile", "none"),
            ("identitiesonly", "yes"),
            ("identityagent", "none"),
            ("connecttimeout", "7"),
            ("userknownhostsfile", "/a \"/b c\" ~/d"),
            ("proxyjump", "ops@jump:23,[::1]:24"),
        ]);
        let options = Options::resolve("web1", &[inventory, config], 1, &TOKENS).unwrap();
        assert_eq!(
            (options.address.as_str(), options.port, options.user.as_str()),
            ("web1.example.com", 2222, "ops")
        );
        assert_eq!(options.required_keys, [PathBuf::from("/k1")]);
        assert_eq!(options.keys, [PathBuf::from("/home/me/.ssh/ops")]);
        assert!(options.identities_only && options.agent == AgentChoice::Off);
        assert_eq!(options.user_known_hosts, Some(vec!["/a".into(), "/b c".into(), "/home/me/d".into()]));
        assert_eq!(options.connect_timeout, Some(Duration::from_secs(7)));
        assert_eq!(
            options.jumps.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["ops@jump:23", "[::1]:24"]
        );
    }

    #[test]
    fn no_name_says_anything_to_the_shell_of_a_proxy_command() {
        let proxy = layer(&[("proxycommand", "nc %h %p %r %n")]);
        let evil = [
            "$(id)",
            "`id`",
            "a;id",
            "a b",
            "a|b",
            "a>b",
            "'a",
            "\"a",
            "-oProxyCommand=id",
            "a\nb",
            "a&b",
            "a\\",
        ];
        for name in evil {
            for (target, key) in [("web1", "hostname"), ("web1", "user"), (name, "port")] {
                let value = if key == "port" { "22" } else { name };
                let layers = [layer(&[(key, value)]), proxy.clone()];
                let refused = Options::resolve(target, &layers, 1, &TOKENS).unwrap_err();
                assert!(refused.reason.contains("is no "), "{name}: {}", refused.reason);
            }
        }
        for name in
            ["web1.example.com", "2001:db8::1", "fe80::1%eth0", "WORK\\ann", "ann@example.org", "b_c-d"]
        {
            let layers = [layer(&[("hostname", name), ("user", name)]), proxy.clone()];
            let options = Options::resolve("web1", &layers, 1, &TOKENS).unwrap();
            assert_eq!(options.proxy_command.unwrap(), format!("nc {name} 22 {name} web1"));
        }
    }

    #[test]
    fn without_any_layer_the_protocol_s_defaults_hold() {
        let options = Options::resolve("web1", &[], 0, &TOKENS).unwrap();
        assert_eq!((options.address.as_str(), options.port, options.user.as_str()), ("web1", 22, "me"));
        assert!(options.jumps.is_empty() && options.user_known_hosts.is_none());
    }

    #[test]
    fn a_bad_port_is_refused() {
        for port in ["0", "65536", "ssh", "-1"] {
            assert!(Options::resolve("h", &[layer(&[("port", port)])], 0, &TOKENS).is_err(), "{port}");
        }
    }
}
