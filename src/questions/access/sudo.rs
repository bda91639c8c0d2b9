//! Who may become whom by sudo: its files, line by line. What a line means is read in `sudoers.rs`.

use super::sudoers::{Rule, Sudoers};
use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::accounts;
use crate::questions::{Output, ParseError, Question};
use std::collections::BTreeMap;

/// Asks for sudo's rules. Only root may read them.
pub struct SudoRules;

/// Sudo's rules.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SudoState {
    /// Whether there is a sudo.
    pub installed: bool,
    /// The rules, in the order of files and lines; aliases of users and commands replaced by what they stand for.
    pub rules: Vec<Rule>,
    /// `Defaults` lines.
    pub defaults: Vec<String>,
    /// The files and directories, with their modes.
    pub files: Vec<SudoFile>,
    /// The members that groups name.
    pub groups: BTreeMap<String, Vec<String>>,
    /// Files that this account may not read.
    pub unreadable: Vec<String>,
    /// Other places in which rules are kept: `/etc/doas.conf`, a directory server.
    pub others: Vec<String>,
}

/// A file or directory of rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SudoFile {
    /// Where it is.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// The number of its owner.
    pub uid: u32,
}

impl Question for SudoRules {
    type Answer = SudoState;
    const SCRIPT: Script = Script { name: "sudo_rules", text: include_str!("sudo.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        let paths =
            ["/etc/sudoers", "/etc/sudoers.d", "/etc/doas.conf", "/etc/nsswitch.conf"].map(Subject::path);
        let mut reads = accounts::subjects();
        reads.extend(&Subjects::These([&paths[..], &[Subject::Packages]].concat()));
        reads
    }

    fn parse(&self, output: &Output) -> Result<SudoState, ParseError> {
        let text = output.text();
        let mut state = SudoState::default();
        let mut sudoers = Sudoers::default();
        let mut open: Vec<(String, usize)> = Vec::new();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "program" => state.installed = true,
                "other" => state.others.push(rest.to_owned()),
                "unreadable" => state.unreadable.push(rest.to_owned()),
                "begin" | "directory" => {
                    let file = file(rest).ok_or_else(|| ParseError::new("'begin MODE UID PATH'", output))?;
                    if word == "begin" {
                        open.push((file.path.clone(), 0));
                    }
                    state.files.push(file);
                }
                "end" => {
                    open.pop();
                    sudoers.file_ends();
                }
                "line" => {
                    let (file, number) =
                        open.last_mut().ok_or_else(|| ParseError::new("'begin' before 'line'", output))?;
                    *number += 1;
                    sudoers.line(file, *number, rest);
                }
                "group" => state.groups.extend(group(rest)),
                _ => return Err(ParseError::new("lines 'begin', 'line', 'end', 'group' …", output)),
            }
        }
        (state.rules, state.defaults) = sudoers.finish();
        Ok(state)
    }
}

/// Reads `440 0 /etc/sudoers`.
fn file(rest: &str) -> Option<SudoFile> {
    let (mode, rest) = rest.split_once(' ')?;
    let (uid, path) = rest.split_once(' ')?;
    Some(SudoFile { path: path.to_owned(), mode: u32::from_str_radix(mode, 8).ok()?, uid: uid.parse().ok()? })
}

/// Reads `sudo:x:27:alice,bob`.
pub(super) fn group(line: &str) -> Option<(String, Vec<String>)> {
    let mut fields = line.split(':');
    let (name, members) = (fields.next()?, fields.nth(2)?);
    Some((name.to_owned(), members.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_with_their_places_and_files_with_their_modes() {
        let text = "program /usr/bin/sudo\nbegin 440 0 /etc/sudoers\nline Defaults env_reset\nline root ALL=(ALL:ALL) ALL\n\
                    line @includedir /etc/sudoers.d\ndirectory 755 0 /etc/sudoers.d\nbegin 644 1000 /etc/sudoers.d/bob\n\
                    line # x\nline bob ALL=(ALL) NOPASSWD: ALL\nend\nline %sudo ALL=(ALL:ALL) ALL\nend\n\
                    group sudo:x:27:alice,bob\ngroup adm:x:4:\n";
        let state = SudoRules.parse(&Output::ok(text)).unwrap();
        let rules: Vec<_> = state.rules.iter().map(|r| format!("{}:{} {}", r.file, r.line, r.who)).collect();
        assert_eq!(rules, ["/etc/sudoers:2 root", "/etc/sudoers.d/bob:2 bob", "/etc/sudoers:4 %sudo"]);
        assert_eq!(state.defaults, ["env_reset"]);
        assert_eq!(state.files[2], SudoFile { path: "/etc/sudoers.d/bob".into(), mode: 0o644, uid: 1000 });
        assert_eq!(state.groups["sudo"], ["alice", "bob"]);
        let blind = SudoRules.parse(&Output::ok("program /usr/bin/sudo\nunreadable /etc/sudoers\n")).unwrap();
        assert_eq!(blind.unreadable, ["/etc/sudoers"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("begin 440 0|line|line|end|directory 755 0|group|other", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = SudoRules.parse(&Output::ok(text));
        }
    }
}
