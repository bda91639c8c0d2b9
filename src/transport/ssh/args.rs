//! SSH arguments as inventories hold them (`ansible_ssh_common_args` and its kin), read into options. Pure.
//!
//! What is not understood is refused by name, and so is what would run a program here: whoever writes an inventory may
//! say how hosts are reached, not what an operator's machine does.

use super::options::{BadOption, Layer, bad, keyword, words};
use std::path::PathBuf;

/// The words of `ansible_ssh_common_args` and the like, read.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Args {
    pub layer: Layer,
    /// `-F`.
    pub config: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
