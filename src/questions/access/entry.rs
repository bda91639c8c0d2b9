//! From where sshd takes what lets an account in, and which of its sessions are open.
//!
//! # Source
//! `sshd(8)`, `-T` and `-C`, and `sshd_config(5)` of OpenSSH 9.2, *AuthorizedKeysFile*: `%h`, `%u`, `%U` and `%%`, relative
//! to the home.

use crate::model::{Argv, Glob, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks from where sshd takes what lets an account in.
pub struct WhatLetsIn {
    /// The account.
    pub user: String,
}

/// From where sshd takes what lets an account in.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Entry {
    /// The account's number and home, if there is such an account.
    pub account: Option<(String, String)>,
    /// Whether sshd could be asked; only root is told.
    pub is_said: bool,
    /// What sshd has against its settings: with these it would not start again.
    pub mistakes: Vec<String>,
    /// Files of keys, as whole paths.
    pub key_files: Vec<String>,
    /// The program that names more keys.
    pub key_command: Option<String>,
    /// The file of keys that sign certificates.
    pub ca_file: Option<String>,
    /// What of sshd's settings keeps the account out, if something does.
    pub barred: Option<String>,
    /// Other sessions than the one that asks: process, and for how many seconds.
    pub sessions: Vec<(u32, u64)>,
}

impl Question for WhatLetsIn {
    type Answer = Entry;
    const SCRIPT: Script = Script { name: "what_lets_in", text: include_str!("entry.sh") };

    fn args(&self) -> Argv {
        vec![self.user.clone()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path("/etc/ssh"), Subject::Packages, Subject::Users].into()
    }

    fn parse(&self, output: &Output) -> Result<Entry, ParseError> {
        let text = output.text();
        let mut entry = Entry::default();
        let (mut files, mut bars, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "account" => {
                    entry.account = rest.split_once(' ').map(|(uid, home)| (uid.to_owned(), home.to_owned()));
                }
                "said" => entry.is_said = true,
                "bars" => bars
                    .extend(rest.split_once(' ').map(|(key, value)| (key.to_lowercase(), value.to_owned()))),
                "groups" => groups.extend(rest.split_whitespace().map(str::to_owned)),
                "mistake" => entry.mistakes.push(rest.trim().to_owned()),
                "session" => {
                    let numbers = rest.split_once(' ');
                    let session = numbers.and_then(|(pid, age)| Some((pid.parse().ok()?, age.parse().ok()?)));
                    entry.sessions.extend(session);
                }
                "set" => {
                    let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    let value = Some(value.trim().to_owned()).filter(|value| value != "none");
                    match key.to_lowercase().as_str() {
                        "authorizedkeysfile" => files.extend(value),
                        "authorizedkeyscommand" => entry.key_command = value,
                        _ => entry.ca_file = value,
                    }
                }
                _ => {
                    return Err(ParseError::new(
                        "lines 'account', 'said', 'set', 'bars', 'groups', 'mistake', 'session'",
                        output,
                    ));
                }
            }
        }
        entry.barred = barred(&self.user, &groups, &bars);
        let names = files.iter().flat_map(|list| list.split_whitespace());
        entry.key_files = names.map(|name| self.whole(name, entry.account.as_ref())).collect();
        Ok(entry)
    }
}

/// What keeps an account out that has the right key. What is said for some addresses alone keeps nobody out here: whoever asks
/// came in from somewhere.
fn barred(user: &str, groups: &[String], settings: &[(String, String)]) -> Option<String> {
    let names = |key: &str| -> Vec<&str> {
        let lists = settings.iter().filter(|(known, _)| known == key);
        lists.flat_map(|(_, list)| list.split_whitespace()).collect()
    };
    let fits = |pattern: &str, name: &str| {
        let pattern = pattern.split_once('@').map_or(pattern, |(name, _)| name);
        Glob::new(pattern).fits(name)
    };
    let is_user = |pattern: &&str| fits(pattern, user);
    let is_group = |pattern: &&str| groups.iter().any(|group| fits(pattern, group));
    let told = |word: &str, list: &[&str]| Some(format!("{word} {}", list.join(" ")));
    let [allowed, denied] = [names("allowusers"), names("denyusers")];
    let [allowed_groups, denied_groups] = [names("allowgroups"), names("denygroups")];
    let methods = names("authenticationmethods");
    let key_is_enough = |way: &&str| *way == "any" || way.split(',').all(|method| method == "publickey");
    if denied.iter().any(|pattern| is_user(pattern) && !pattern.contains('@')) {
        return told("DenyUsers", &denied);
    }
    if !allowed.is_empty() && !allowed.iter().any(is_user) {
        return told("AllowUsers", &allowed);
    }
    if denied_groups.iter().any(is_group) {
        return told("DenyGroups", &denied_groups);
    }
    if !allowed_groups.is_empty() && !allowed_groups.iter().any(is_group) {
        return told("AllowGroups", &allowed_groups);
    }
    if !methods.is_empty() && !methods.iter().any(key_is_enough) {
        return told("AuthenticationMethods", &methods);
    }
    if names("pubkeyauthentication").contains(&"no") {
        return Some("PubkeyAuthentication no".into());
    }
    (user == "root" && names("permitrootlogin").contains(&"no")).then(|| "PermitRootLogin no".into())
}

impl WhatLetsIn {
    /// A file of keys as a whole path.
    fn whole(&self, name: &str, account: Option<&(String, String)>) -> String {
        let (uid, home) = account.map_or(("", "/"), |(uid, home)| (uid.as_str(), home.as_str()));
        let home = home.trim_end_matches('/');
        let mut path = String::new();
        let mut signs = name.chars();
        while let Some(sign) = signs.next() {
            match sign {
                '%' => match signs.next() {
                    Some('h') => path.push_str(home),
                    Some('u') => path.push_str(&self.user),
                    Some('U') => path.push_str(uid),
                    other => path.extend(other),
                },
                sign => path.push(sign),
            }
        }
        if path.starts_with('/') { path } else { format!("{home}/{path}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    fn ops() -> WhatLetsIn {
        WhatLetsIn { user: "ops".into() }
    }

    #[test]
    fn files_are_whole_paths_and_none_is_none() {
        let text = "account 1000 /home/ops\nsaid\nset authorizedkeysfile .ssh/authorized_keys %h/k /etc/keys/%u.%U%%\n\
                    set authorizedkeyscommand none\nset trustedusercakeys /etc/ssh/ca.pub\nsession 71 3600\n";
        let entry = ops().parse(&Output::ok(text)).unwrap();
        assert_eq!(entry.key_files, ["/home/ops/.ssh/authorized_keys", "/home/ops/k", "/etc/keys/ops.1000%"]);
        assert_eq!((entry.key_command, entry.ca_file), (None, Some("/etc/ssh/ca.pub".into())));
        assert_eq!((entry.is_said, entry.sessions), (true, vec![(71, 3600)]));
        let none = ops().parse(&Output::ok("said\nset authorizedkeysfile none\n")).unwrap();
        assert!(none.key_files.is_empty() && none.account.is_none());
        assert!(ops().parse(&Output::ok("x\n")).is_err());
        let wrong =
            ops().parse(&Output::ok("mistake a.conf line 1: Bad option: b\nmistake terminating\n")).unwrap();
        assert_eq!(
            (wrong.is_said, wrong.mistakes.join("; ").as_str()),
            (false, "a.conf line 1: Bad option: b; terminating")
        );
    }

    #[test]
    fn what_keeps_an_account_out_is_named() {
        let barred = |settings: &str| {
            let lines: String = settings.lines().map(|line| format!("bars {line}\n")).collect();
            ops().parse(&Output::ok(format!("said\n{lines}groups ops adm\n"))).unwrap().barred
        };
        for (settings, says) in [
            ("allowusers root", Some("AllowUsers root")),
            ("allowusers root\nallowusers ops", None),
            ("allowusers o*@10.0.0.0/8", None),
            ("denyusers ops", Some("DenyUsers ops")),
            ("denyusers ops@10.0.0.0/8", None),
            ("allowgroups wheel", Some("AllowGroups wheel")),
            ("allowgroups wheel adm", None),
            ("denygroups adm", Some("DenyGroups adm")),
            ("authenticationmethods publickey,password", Some("AuthenticationMethods publickey,password")),
            ("authenticationmethods any", None),
            ("authenticationmethods publickey,keyboard-interactive publickey", None),
            ("pubkeyauthentication no", Some("PubkeyAuthentication no")),
            ("pubkeyauthentication yes\npermitrootlogin no", None),
        ] {
            assert_eq!(barred(settings).as_deref(), says, "{settings}");
        }
    }

    #[test]
    fn every_shell_tells_the_account_and_ends() {
        for bench in Workbench::every_shell() {
            let question = WhatLetsIn { user: "root".into() };
            let output = bench.run(WhatLetsIn::SCRIPT, &question.args(), None);
            let entry = question.parse(&output).unwrap();
            assert_eq!(entry.account, Some(("0".into(), "/root".into())), "{} {output:?}", bench.name());
            assert!(output.stderr.is_empty(), "{} {output:?}", bench.name());
        }
    }

    #[test]
    fn a_session_that_goes_on_is_told_and_a_login_that_is_tried_is_not() {
        // A process may call itself and its program whatever it likes; nobody else has an account of this name.
        let pretends = r"$| = 1; $0 = shift; open(my $name, '>', '/proc/self/comm'); print $name 'sshd'; close $name;
                         print qq(ready\n); <STDIN>";
        let question = WhatLetsIn { user: "benched".into() };
        for bench in Workbench::every_shell() {
            let mut children = Vec::new();
            for title in ["sshd: benched@notty", "sshd: benched [priv]", "sshd: benchedy@pts/0"] {
                let child = Command::new("perl")
                    .args(["-e", pretends, title])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn();
                let Ok(mut child) = child else { return println!("skipped: no perl") };
                child.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
                children.push(child);
            }
            let output = bench.run(WhatLetsIn::SCRIPT, &question.args(), None);
            let sessions = question.parse(&output).unwrap().sessions;
            let expected = children[0].id();
            for child in &mut children {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            let pids: Vec<u32> = sessions.iter().map(|(pid, _)| *pid).collect();
            assert_eq!(pids, [expected], "{} {output:?}", bench.name());
            assert!(sessions[0].1 < 600, "{sessions:?}");
        }
    }
}
