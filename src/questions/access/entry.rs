//! From where sshd takes what lets an account in, and which of its sessions are open.
//!
//! # Source
//! `sshd(8)`, `-T` and `-C`, and `sshd_config(5)` of OpenSSH 9.2, *AuthorizedKeysFile*: `%h`, `%u`, `%U` and `%%`, relative
//! to the home.

use crate::model::{Argv, Glob, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};
use std::net::IpAddr;

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
    /// The program that sshd starts instead of what was asked for, whatever a key says.
    pub forced: Option<String>,
    /// The same for whoever comes from where the asking one does, where that is another.
    pub forced_here: Option<String>,
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
        let (mut files, mut groups) = (Vec::new(), Vec::new());
        let (mut bars, mut bars_here, mut from) = (Vec::new(), Vec::new(), None);
        for line in text.lines() {
            let (is_here, line) = line.strip_prefix("here ").map_or((false, line), |line| (true, line));
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "from" => from = Arrival::parse(rest),
                "account" => {
                    entry.account = rest.split_once(' ').map(|(uid, home)| (uid.to_owned(), home.to_owned()));
                }
                "said" => entry.is_said = true,
                "bars" => {
                    let bars = if is_here { &mut bars_here } else { &mut bars };
                    bars.extend(
                        rest.split_once(' ').map(|(key, value)| (key.to_lowercase(), value.to_owned())),
                    );
                }
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
                        "forcecommand" if is_here => entry.forced_here = value,
                        "forcecommand" => entry.forced = value,
                        "authorizedkeysfile" => files.extend(value.filter(|value| !files.contains(value))),
                        "authorizedkeyscommand" => entry.key_command = value.or(entry.key_command),
                        _ => entry.ca_file = value.or(entry.ca_file),
                    }
                }
                _ => {
                    return Err(ParseError::new(
                        "lines 'account', 'said', 'from', 'set', 'bars', 'groups', 'mistake', 'session'",
                        output,
                    ));
                }
            }
        }
        let barred = |bars: &[_], from: Option<&Arrival>| barred(&self.user, &groups, bars, from);
        entry.barred = barred(&bars, None).or_else(|| {
            let from = from.as_ref()?;
            Some(format!(
                "{} (for who comes from {}, as you do)",
                barred(&bars_here, Some(from))?,
                from.address
            ))
        });
        let names = files.iter().flat_map(|list| list.split_whitespace());
        entry.key_files = names.map(|name| self.whole(name, entry.account.as_ref())).collect();
        Ok(entry)
    }
}

/// From where somebody came in, and where.
struct Arrival {
    address: IpAddr,
    at: IpAddr,
    port: u16,
}

impl Arrival {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ').map(|word| word.split('%').next().unwrap_or(word));
        let (address, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { address, at, port: words.next()?.parse().ok()? })
    }

    /// Whether a pattern of addresses means this one; nothing where only names would tell.
    fn fits(&self, pattern: &str) -> Option<bool> {
        if let Some((net, bits)) = pattern.split_once('/') {
            return Some(is_within(self.address, net.parse().ok()?, bits.parse().ok()?));
        }
        let is_name = pattern.chars().any(|c| c.is_alphabetic()) && !pattern.contains(':');
        (!is_name).then(|| Glob::new(pattern).fits(&self.address.to_string()))
    }

    /// Whether sshd would listen where this one came in.
    fn reaches(&self, listens: &str) -> bool {
        let Some((host, port)) = listens.trim().rsplit_once(':') else { return true };
        let host = host.trim_matches(['[', ']']).parse::<IpAddr>();
        port.parse() == Ok(self.port) && host.is_ok_and(|host| host.is_unspecified() || host == self.at)
    }
}

/// Whether an address lies in a net of so many bits.
fn is_within(address: IpAddr, net: IpAddr, bits: u32) -> bool {
    let (address, net, width) = match (address, net) {
        (IpAddr::V4(address), IpAddr::V4(net)) => (u32::from(address).into(), u32::from(net).into(), 32),
        (IpAddr::V6(address), IpAddr::V6(net)) => (u128::from(address), u128::from(net), 128),
        _ => return false,
    };
    let cut = |number: u128| number.checked_shr(width.max(bits) - bits).unwrap_or(0);
    cut(address) == cut(net)
}

/// What keeps an account out that has the right key. Where nobody is said to come from somewhere, what is said for some
/// addresses alone keeps nobody out: whoever asks came in from somewhere.
fn barred(
    user: &str,
    groups: &[String],
    settings: &[(String, String)],
    from: Option<&Arrival>,
) -> Option<String> {
    let names = |key: &str| -> Vec<&str> {
        let lists = settings.iter().filter(|(known, _)| known == key);
        lists.flat_map(|(_, list)| list.split_whitespace()).collect()
    };
    let parts = |pattern: &'_ str| -> (String, Option<bool>) {
        match pattern.split_once('@') {
            Some((name, place)) => (name.to_owned(), from.and_then(|from| from.fits(place))),
            None => (pattern.to_owned(), Some(true)),
        }
    };
    let is_user = |pattern: &str| Glob::new(pattern).fits(user);
    let is_group = |pattern: &&str| groups.iter().any(|group| Glob::new(*pattern).fits(group));
    let told = |word: &str, list: &[&str]| Some(format!("{word} {}", list.join(" ")));
    let [allowed, denied] = [names("allowusers"), names("denyusers")];
    let [allowed_groups, denied_groups] = [names("allowgroups"), names("denygroups")];
    let (methods, listens) = (names("authenticationmethods"), names("listenaddress"));
    let key_is_enough = |way: &&str| *way == "any" || way.split(',').all(|method| method == "publickey");
    let means = |pattern: &str, unsure: bool| {
        let (name, there) = parts(pattern);
        is_user(&name) && there.unwrap_or(unsure)
    };
    if denied.iter().any(|pattern| means(pattern, false)) {
        return told("DenyUsers", &denied);
    }
    if !allowed.is_empty() && !allowed.iter().any(|pattern| means(pattern, true)) {
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
    if from.is_some_and(|from| !listens.is_empty() && !listens.iter().any(|at| from.reaches(at))) {
        return told("ListenAddress", &listens);
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
    fn what_is_said_for_where_one_comes_from_is_named_too() {
        let barred = |from: &str, settings: &str| {
            let lines: String = settings.lines().map(|line| format!("here bars {line}\n")).collect();
            ops().parse(&Output::ok(format!("said\ngroups ops\nfrom {from}\n{lines}"))).unwrap().barred
        };
        let four = "10.213.3.1 10.213.3.11 22";
        for (settings, says) in [
            ("denyusers ops@10.0.0.0/8", true),
            ("denyusers ops@10.213.3.*", true),
            ("denyusers ops@192.168.0.0/16 other", false),
            ("denyusers ops@*.example.org", false),
            ("allowusers ops@192.168.0.0/16", true),
            ("allowusers ops@192.168.0.0/16 o*@10.213.0.0/16", false),
            ("allowusers ops@bastion.example.org", false),
            ("allowusers ops@0.0.0.0/0", false),
            ("denyusers ops", true),
            ("authenticationmethods publickey,password", true),
            ("listenaddress 0.0.0.0:2222\nlistenaddress [::]:2222", true),
            ("listenaddress 127.0.0.1:22", true),
            ("listenaddress 0.0.0.0:2222\nlistenaddress 10.213.3.11:22", false),
            ("listenaddress [::]:22", false),
        ] {
            let said = barred(four, settings);
            assert_eq!(said.is_some(), says, "{settings}: {said:?}");
            assert!(said.is_none_or(|said| said.ends_with("(for who comes from 10.213.3.1, as you do)")));
        }
        let six = "fe80::1%eth0 fe80::2%eth0 22";
        assert!(barred(six, "denyusers ops@fe80::/10").is_some());
        assert!(barred(six, "denyusers ops@fd00::/8\nlistenaddress [::]:22").is_none());
        let entry = ops().parse(&Output::ok(
            "said\nset forcecommand none\nset authorizedkeysfile a\nset trustedusercakeys /ca\nfrom 10.0.0.1 10.0.0.2 22\n\
             here set forcecommand /bin/x y\nhere set authorizedkeysfile b\nhere set trustedusercakeys none\n",
        ));
        let entry = entry.unwrap();
        assert_eq!((entry.forced, entry.forced_here), (None, Some("/bin/x y".into())));
        assert_eq!((entry.key_files.len(), entry.ca_file.as_deref()), (2, Some("/ca")));
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
