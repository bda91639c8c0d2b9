//! How sshd is set.
//!
//! # Source
//! `sshd_config(5)` of OpenSSH 9.2: the first value counts, `Match` holds to the next `Match` or the end of the file that
//! it stands in, `Include` is relative to `/etc/ssh`.

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks how sshd is set.
pub struct SshdSettings;

/// How sshd is set, in the order of what was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SshdState {
    /// Whether there is an sshd, or its configuration.
    pub installed: bool,
    /// What sshd itself makes of its files, keys in lower case; only root is told.
    pub effective: Option<Vec<(String, String)>>,
    /// What its files say to everybody, keys in lower case, the first value first.
    pub global: Vec<(String, String)>,
    /// What they say to some: the criteria, and the settings.
    pub matches: Vec<Match>,
    /// Files that this account may not read.
    pub unreadable: Vec<String>,
}

/// A `Match` block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Match {
    /// To whom it applies: `Group sftp`.
    pub criteria: String,
    /// Its settings, keys in lower case.
    pub settings: Vec<(String, String)>,
}

impl Question for SshdSettings {
    type Answer = SshdState;
    const SCRIPT: Script = Script { name: "sshd_settings", text: include_str!("sshd.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::path("/etc/ssh"), Subject::Packages].into()
    }

    fn parse(&self, output: &Output) -> Result<SshdState, ParseError> {
        let text = output.text();
        let mut state = SshdState::default();
        // For each file that is open, which block the lines belong to.
        let mut open: Vec<Option<usize>> = Vec::new();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "program" => state.installed = true,
                "begin" => {
                    state.installed = true;
                    open.push(open.last().copied().flatten());
                }
                "end" => {
                    open.pop();
                }
                "unreadable" => state.unreadable.push(rest.to_owned()),
                "set" => state.effective.get_or_insert_default().extend(setting(rest)),
                "line" => {
                    let Some((key, value)) = setting(rest) else { continue };
                    let block =
                        open.last_mut().ok_or_else(|| ParseError::new("'begin' before 'line'", output))?;
                    state.take(block, key, value);
                }
                _ => return Err(ParseError::new("lines 'begin', 'line', 'end', 'set' …", output)),
            }
        }
        Ok(state)
    }
}

impl SshdState {
    fn take(&mut self, block: &mut Option<usize>, key: String, value: String) {
        match key.as_str() {
            "include" => {}
            "match" if value.eq_ignore_ascii_case("all") => *block = None,
            "match" => {
                *block = Some(self.matches.len());
                self.matches.push(Match { criteria: value, settings: Vec::new() });
            }
            _ => match block.and_then(|at| self.matches.get_mut(at)) {
                Some(found) => found.settings.push((key, value)),
                None => self.global.push((key, value)),
            },
        }
    }
}

/// Reads `Key value`, `Key=value`, `Key "value"`; nothing of a comment.
fn setting(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    let end = line.find([' ', '\t', '=']).unwrap_or(line.len());
    let (key, value) = line.split_at_checked(end)?;
    if key.is_empty() || key.starts_with('#') {
        return None;
    }
    let value = value.trim_start_matches([' ', '\t', '=']).trim();
    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches('"');
    Some((key.to_lowercase(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_and_matches_end_where_sshd_ends_them() {
        let text = "program /usr/sbin/sshd\nbegin /etc/ssh/sshd_config\nline Include a.conf\nbegin /etc/ssh/a.conf\n\
                    line X11Forwarding no\nline Match Group x\nline  X11Forwarding yes\nend\nline # PermitRootLogin yes\n\
                    line   permitrootlogin=no # ours\nline PermitRootLogin yes\nline Match User bob Address 10.0.0.0/8\n\
                    line PasswordAuthentication yes\nline Match all\nline MaxAuthTries \"3\"\nend\n";
        let state = SshdSettings.parse(&Output::ok(text)).unwrap();
        let pairs = |list: &[(String, String)]| {
            list.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            pairs(&state.global),
            "x11forwarding=no permitrootlogin=no permitrootlogin=yes maxauthtries=3"
        );
        let matches: Vec<_> =
            state.matches.iter().map(|m| format!("{}: {}", m.criteria, pairs(&m.settings))).collect();
        assert_eq!(
            matches,
            ["Group x: x11forwarding=yes", "User bob Address 10.0.0.0/8: passwordauthentication=yes"]
        );
        assert_eq!((state.installed, state.effective), (true, None));
    }

    #[test]
    fn what_sshd_says_and_what_may_not_be_read_is_kept_apart() {
        let state =
            SshdSettings.parse(&Output::ok("unreadable /etc/ssh/sshd_config\nset port 22\n")).unwrap();
        assert_eq!(state.effective, Some(vec![("port".into(), "22".into())]));
        assert_eq!(state.unreadable, ["/etc/ssh/sshd_config"]);
        assert_eq!(SshdSettings.parse(&Output::ok("")).unwrap(), SshdState::default());
        assert!(SshdSettings.parse(&Output::ok("line x y\n")).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("begin|line|line|end|set|unreadable|program", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = SshdSettings.parse(&Output::ok(text));
        }
    }
}
