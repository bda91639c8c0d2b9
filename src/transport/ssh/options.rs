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

/// The words of `ansible_ssh_common_args` and the like, read.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Args {
    pub layer: Layer,
    /// `-F`.
    pub config: Option<PathBuf>,
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

/// Options that change nothing that wgops does, or that it does in its own way.
const HARMLESS: &[&str] = &[
    "addkeystoagent",
    "batchmode",
    "checkhostip",
    "compression",
    "connectionattempts",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "exitonforwardfailure",
    "gssapiauthentication",
    "gssapidelegatecredentials",
    "hashknownhosts",
    "hostbasedauthentication",
    "ipqos",
    "kbdinteractiveauthentication",
    "challengeresponseauthentication",
    "loglevel",
    "numberofpasswordprompts",
    "passwordauthentication",
    "permitlocalcommand",
    "preferredauthentications",
    "pubkeyauthentication",
    "rekeylimit",
    "requesttty",
    "sendenv",
    "serveralivecountmax",
    "serveraliveinterval",
    "setenv",
    "tcpkeepalive",
    "updatehostkeys",
    "verifyhostkeydns",
    "visualhostkey",
];

/// Options that decide something.
const FOLLOWED: &[&str] = &[
    "hostname",
    "port",
    "user",
    "identityfile",
    "certificatefile",
    "identitiesonly",
    "identityagent",
    "proxyjump",
    "userknownhostsfile",
    "globalknownhostsfile",
    "hostkeyalias",
    "connecttimeout",
];

impl Args {
    /// Reads the words.
    pub fn parse(words: &[String]) -> Result<Self, BadOption> {
        let mut args = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let bad = |reason: &str| {
                bad(format!("SSH argument '{word}' {reason}"), "remove it from the inventory's ssh arguments")
            };
            let Some(flag) = word.strip_prefix('-').and_then(|w| w.chars().next()) else {
                return Err(bad("is not an option"));
            };
            if "qvCTaxk46n".contains(flag) {
                continue;
            }
            if !"opliJF".contains(flag) {
                return Err(bad("is not supported"));
            }
            let value = match word.get(2..) {
                Some(joined) if !joined.is_empty() => joined.to_owned(),
                _ => words.next().ok_or_else(|| bad("needs a value"))?.clone(),
            };
            match flag {
                'o' => args.option(&value)?,
                'p' => args.layer.push("port", value),
                'l' => args.layer.push("user", value),
                'i' => args.layer.push("identityfile", value),
                'J' => args.layer.push("proxyjump", value),
                _ => args.config = Some(value.into()),
            }
        }
        Ok(args)
    }

    fn option(&mut self, text: &str) -> Result<(), BadOption> {
        let (key, value) = keyword(text);
        let says = |words: &[&str]| words.contains(&value.to_lowercase().as_str());
        match key.as_str() {
            key if FOLLOWED.contains(&key) => self.layer.push(key, value),
            key if HARMLESS.contains(&key) => {}
            "stricthostkeychecking" => {
                if !says(&["yes", "ask", "true"]) {
                    tracing::warn!(
                        "StrictHostKeyChecking={value} is not followed: wgops always checks host keys"
                    );
                }
            }
            "forwardagent" | "forwardx11" if says(&["no", "false"]) => {}
            "addressfamily" if says(&["any"]) => {}
            "forwardagent" => {
                return Err(bad(
                    "ForwardAgent: wgops never forwards the agent",
                    "remove the option; jump hosts work without it",
                ));
            }
            "proxycommand" => {
                let jump = jump_of_command(&value).ok_or_else(|| bad(PROXY_COMMAND, PROXY_COMMAND_ADVICE))?;
                self.layer.push("proxyjump", jump);
            }
            _ => {
                return Err(bad(
                    format!("SSH option '{}' is not supported", crate::model::printable(text)),
                    "remove it from the inventory's ssh arguments, or set it in ~/.ssh/config",
                ));
            }
        }
        Ok(())
    }
}

const PROXY_COMMAND: &str = "ProxyCommand from the inventory is not followed: it would run a program here";
const PROXY_COMMAND_ADVICE: &str = "use -o ProxyJump=HOST, or set ProxyCommand in ~/.ssh/config";

/// `ssh -W %h:%p [-q] [-p PORT] [-l USER] HOST` is a jump host in other words, the usual ones in Ansible inventories.
fn jump_of_command(command: &str) -> Option<String> {
    let all = words(&command.replace('\'', "\""));
    let mut all = all.iter().map(String::as_str);
    all.next().filter(|program| *program == "ssh" || *program == "/usr/bin/ssh")?;
    let (mut host, mut port, mut user, mut forwards) = (None, None, None, false);
    while let Some(word) = all.next() {
        match word {
            "-q" | "-x" | "-T" => {}
            "-W" => forwards = matches!(all.next()?, "%h:%p" | "[%h]:%p"),
            "-p" => port = Some(all.next()?),
            "-l" => user = Some(all.next()?),
            "-o" => {
                let (key, _) = keyword(all.next()?);
                (HARMLESS.contains(&key.as_str()) || key == "stricthostkeychecking").then_some(())?;
            }
            word if word.starts_with('-') || host.is_some() => return None,
            word => host = Some(word),
        }
    }
    let host = host.filter(|_| forwards)?;
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{user}{host}{port}"))
}

/// Refuses what would run a program here, in a file that the inventory names.
pub(super) fn without_programs(layer: &Layer) -> Result<(), BadOption> {
    for (key, _) in &layer.0 {
        match key.as_str() {
            "proxycommand" => return Err(bad(PROXY_COMMAND, PROXY_COMMAND_ADVICE)),
            "match" => {
                return Err(bad(
                    "Match in an SSH configuration that the inventory names by -F is not followed: it could run a program here",
                    "use Host there, or give the file with wgops -F",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn bad(reason: impl Into<String>, advice: &str) -> BadOption {
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

    fn args(text: &str) -> Result<Args, BadOption> {
        Args::parse(&words(text))
    }

    fn layer(options: &[(&str, &str)]) -> Layer {
        Layer(options.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    #[test]
    fn arguments_are_read_in_all_their_spellings() {
        let read = args(r#"-o UserKnownHostsFile=/a -oProxyJump=j -p 22 -p2222 -l root -i ~/k -J x,y -o "Port 7" -o Port=8 -F /f"#).unwrap();
        let expected = layer(&[
            ("userknownhostsfile", "/a"),
            ("proxyjump", "j"),
            ("port", "22"),
            ("port", "2222"),
            ("user", "root"),
            ("identityfile", "~/k"),
            ("proxyjump", "x,y"),
            ("port", "7"),
            ("port", "8"),
        ]);
        assert_eq!(read, Args { layer: expected, config: Some("/f".into()) });
    }

    #[test]
    fn harmless_arguments_are_passed_over() {
        let read = args(
            "-q -C -o ControlMaster=auto -o ControlPersist=60s -oServerAliveInterval=5 -o StrictHostKeyChecking=no -o ForwardAgent=no",
        );
        assert_eq!(read, Ok(Args::default()));
    }

    #[test]
    fn the_usual_proxy_command_is_a_jump_host() {
        for (command, jump) in [
            ("ssh -W %h:%p -q ops@jump", "ops@jump"),
            ("ssh -o StrictHostKeyChecking=no -p 2222 -l ops -W [%h]:%p jump", "ops@jump:2222"),
        ] {
            assert_eq!(
                args(&format!("-o \"ProxyCommand={command}\"")).unwrap().layer,
                layer(&[("proxyjump", jump)])
            );
        }
    }

    #[test]
    fn what_can_not_be_followed_is_an_error_that_names_it() {
        for (text, needle) in [
            ("-o ProxyCommand=nc", "ProxyCommand"),
            ("-o \"ProxyCommand ssh -W %h:%p -i key jump\"", "ProxyCommand"),
            ("-o \"ProxyCommand ssh -W %h:%p\"", "ProxyCommand"),
            ("-o \"ProxyCommand ssh jump nc %h %p\"", "ProxyCommand"),
            ("-o \"ProxyCommand ssh -W %h:%p jump; id\"", "ProxyCommand"),
            ("-o ForwardAgent=yes", "ForwardAgent"),
            ("-A", "'-A' is not supported"),
            ("-o PKCS11Provider=/x", "PKCS11Provider"),
            ("-p", "needs a value"),
            ("web1", "'web1' is not an option"),
            ("-", "'-' is not an option"),
        ] {
            let error = args(text).unwrap_err();
            assert!(error.reason.contains(needle) && !error.advice.is_empty(), "{text}: {}", error.reason);
        }
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
