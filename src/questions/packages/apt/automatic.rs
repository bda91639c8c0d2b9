//! How apt installs updates by itself (unattended-upgrades).

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks how updates are installed automatically. `None` where there is no apt.
pub struct Automatic;

/// How updates are installed automatically.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AutomaticState {
    /// Whether unattended-upgrades is installed.
    pub installed: bool,
    /// Whether apt is configured to start it.
    pub enabled: bool,
    /// The origins of which it takes updates.
    pub origins: Vec<String>,
    /// What should start it and doesn't: a timer's name and state.
    pub idle: Vec<String>,
    /// Whether something that could start it was seen at all.
    pub starter: bool,
    /// When it last ran through, in seconds since 1970; none where that isn't known.
    pub ran: Option<i64>,
    /// What its last run warned of; none where this account may not read that.
    pub said: Option<Vec<String>>,
    /// The host's time, in seconds since 1970.
    pub now: i64,
}

impl Question for Automatic {
    type Answer = Option<AutomaticState>;
    const SCRIPT: Script = Script { name: "apt_automatic", text: include_str!("automatic.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        let paths = ["/etc/apt", "/var/lib/apt", "/var/log/unattended-upgrades"].map(Subject::path);
        Subjects::These([&paths[..], &[Subject::Packages, Subject::Service("*".into())]].concat())
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        let text = output.text();
        if text.trim() == "absent" {
            return Ok(None);
        }
        let mut state = AutomaticState { said: Some(Vec::new()), ..AutomaticState::default() };
        let (mut master, mut start) = (true, false);
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "now" => state.now = rest.parse().unwrap_or(0),
                "package" => state.installed = rest.starts_with("ii") || rest.starts_with("hi"),
                "option" => match option(rest) {
                    Some(("APT::Periodic::Enable", value)) => master = value != "0",
                    Some(("APT::Periodic::Unattended-Upgrade", value)) => {
                        start = value != "0" && !value.is_empty()
                    }
                    Some((name, value)) if is_origin(name) => state.origins.push(value.to_owned()),
                    _ => {}
                },
                "stamp" => state.ran = ran(rest).or(state.ran),
                "timer" => {
                    state.starter = true;
                    state.idle.extend(idle(rest));
                }
                "cron" => state.starter = true,
                "log" if rest == "unreadable" => state.said = None,
                "log" => {}
                "said" => state.said.iter_mut().for_each(|said| said.push(rest.to_owned())),
                _ => return Err(ParseError::new("lines 'package', 'option', 'timer' …", output)),
            }
        }
        state.enabled = master && start;
        Ok(Some(state))
    }
}

/// Reads `APT::Periodic::Unattended-Upgrade "1";`.
fn option(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(' ')?;
    Some((name, value.trim_end_matches(';').trim_matches('"')))
}

fn is_origin(name: &str) -> bool {
    ["Unattended-Upgrade::Allowed-Origins::", "Unattended-Upgrade::Origins-Pattern::"].contains(&name)
}

fn ran(rest: &str) -> Option<i64> {
    rest.strip_prefix("unattended-upgrades-stamp ")?.parse().ok()
}

/// Reads `apt-daily.timer enabled active`.
fn idle(rest: &str) -> Option<String> {
    let mut words = rest.split_whitespace();
    let (name, enabled, active) = (words.next()?, words.next()?, words.next()?);
    (active != "active").then(|| format!("{name} is {enabled} and {active}"))
}

impl AutomaticState {
    /// Whether security updates are among what it takes.
    pub fn covers_security(&self) -> bool {
        self.origins
            .iter()
            .any(|origin| origin.to_lowercase().contains("security") || origin.contains("origin=*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_words_become_one_state() {
        let text = "now 100\npackage ii |2.9.1\noption APT::Periodic::Enable \"1\";\n\
            option APT::Periodic::Unattended-Upgrade \"1\";\n\
            option Unattended-Upgrade::Origins-Pattern:: \"origin=Debian,label=Debian-Security\";\n\
            stamp update-success-stamp 90\nstamp unattended-upgrades-stamp 80\n\
            timer apt-daily.timer enabled active\ntimer apt-daily-upgrade.timer masked inactive\nlog readable\n\
            said 2026 ERROR no\n";
        let state = Automatic.parse(&Output::ok(text)).unwrap().unwrap();
        assert!(state.installed && state.enabled && state.starter && state.covers_security());
        assert_eq!((state.ran, state.said), (Some(80), Some(vec!["2026 ERROR no".into()])));
        assert_eq!(state.idle, ["apt-daily-upgrade.timer is masked and inactive"]);
        let off = text.replace("Enable \"1\"", "Enable \"0\"");
        assert!(!Automatic.parse(&Output::ok(off)).unwrap().unwrap().enabled);
        let plain = Automatic.parse(&Output::ok("now 1\nlog unreadable\n")).unwrap().unwrap();
        assert!(!plain.installed && !plain.enabled && plain.said.is_none());
        assert_eq!(Automatic.parse(&Output::ok("absent\n")).unwrap(), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("now|package|option|stamp|timer|log|said", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = Automatic.parse(&Output::ok(text));
        }
    }
}
