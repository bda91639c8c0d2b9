//! Commands: what a module would do better, what needs a shell and has none, and what has one and needs none.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::Task;
use crate::load::Node;
use crate::modules;

/// A program, words of which one must stand behind it (none: any), and the modules that do the same.
const BETTER: &[(&str, &[&str], &[&str])] = &[
    ("apt-get", &["install", "remove", "purge", "update", "upgrade", "dist-upgrade", "autoremove"], &["apt"]),
    ("apt", &["install", "remove", "purge", "update", "upgrade", "full-upgrade", "autoremove"], &["apt"]),
    ("aptitude", &["install", "remove", "purge", "update", "upgrade"], &["apt"]),
    ("dpkg", &["-i", "--install"], &["apt"]),
    ("yum", &["install", "remove", "update", "upgrade"], &["dnf", "package"]),
    ("dnf", &["install", "remove", "update", "upgrade"], &["dnf", "package"]),
    ("apt-key", &[], &["apt_key", "deb822_repository"]),
    ("add-apt-repository", &[], &["apt_repository", "deb822_repository"]),
    (
        "systemctl",
        &["start", "stop", "restart", "reload", "enable", "disable", "mask", "unmask", "daemon-reload"],
        &["systemd"],
    ),
    ("service", &["start", "stop", "restart", "reload"], &["service"]),
    ("update-rc.d", &[], &["service"]),
    ("curl", &[], &["get_url", "uri"]),
    ("wget", &[], &["get_url", "uri"]),
    ("mkdir", &[], &["file"]),
    ("rmdir", &[], &["file"]),
    ("chmod", &[], &["file"]),
    ("chown", &[], &["file"]),
    ("chgrp", &[], &["file"]),
    ("touch", &[], &["file"]),
    ("ln", &[], &["file"]),
    ("rm", &[], &["file"]),
    ("cp", &[], &["copy"]),
    ("sed", &["-i", "--in-place"], &["lineinfile", "replace"]),
    ("useradd", &[], &["user"]),
    ("adduser", &[], &["user"]),
    ("usermod", &[], &["user"]),
    ("userdel", &[], &["user"]),
    ("deluser", &[], &["user"]),
    ("chpasswd", &[], &["user"]),
    ("groupadd", &[], &["group"]),
    ("groupdel", &[], &["group"]),
    ("gpasswd", &["-a", "-d"], &["user"]),
    ("crontab", &[], &["cron"]),
    ("mount", &[], &["mount"]),
    ("umount", &[], &["mount"]),
    (
        "tar",
        &[
            "x", "-x", "xf", "-xf", "xzf", "-xzf", "xvf", "-xvf", "zxf", "-zxf", "xvzf", "-xvzf", "zxvf",
            "-zxvf",
        ],
        &["unarchive"],
    ),
    ("unzip", &[], &["unarchive"]),
    ("git", &["clone", "pull", "checkout"], &["git"]),
    ("pip", &["install", "uninstall"], &["pip"]),
    ("pip3", &["install", "uninstall"], &["pip"]),
    ("npm", &["install", "ci"], &["npm"]),
    ("sysctl", &["-w", "--write", "-p"], &["sysctl"]),
    ("modprobe", &[], &["modprobe"]),
    ("hostnamectl", &["set-hostname"], &["hostname"]),
    ("timedatectl", &["set-timezone"], &["timezone"]),
    ("locale-gen", &[], &["locale_gen"]),
    ("update-alternatives", &["--set", "--install"], &["alternatives"]),
    ("debconf-set-selections", &[], &["debconf"]),
    ("iptables", &["-A", "-I", "-D", "-P", "-F"], &["iptables"]),
    ("ufw", &["allow", "deny", "enable", "disable", "limit", "reject", "default"], &["ufw"]),
    ("setsebool", &[], &["seboolean"]),
    ("rsync", &[], &["synchronize"]),
    ("reboot", &[], &["reboot"]),
    ("shutdown", &["-r"], &["reboot"]),
];
/// What only a shell makes something of.
const SHELL_ONLY: &[char] =
    &['|', '&', ';', '<', '>', '$', '`', '*', '?', '[', '~', '\n', '(', ')', '{', '!', '#', '"', '\''];
/// Words that `command` passes on and a shell would act on.
const OPERATORS: [&str; 10] = ["|", "||", "&&", ";", ">", ">>", "<", "2>&1", "2>", "&"];

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    let Some(call) = task.call.as_ref().filter(|call| matches!(call.name.as_str(), "command" | "shell"))
    else {
        return;
    };
    let Some(node) = call.free_or(&["cmd", "_raw_params"]) else { return };
    let Ok(text) = node.word() else { return };
    let text = text.trim();
    if call.name == "command" {
        better(desk, call.name.as_str(), node, text);
        without_shell(desk, node, text);
    } else {
        if !text.contains(['|', ';', '\n']) && !text.contains("&&") {
            better(desk, call.name.as_str(), node, text);
        }
        with_shell(desk, node, text, call.arg(&["executable"]).is_some());
    }
    let tells = ["changed_when", "failed_when"].iter().any(|word| task.own(word).is_some());
    let guarded = call.arg(&["creates", "removes"]).is_some();
    if !tells && !guarded && !task.is_handler && task.own("check_mode").is_none() {
        let help = "say 'changed_when: false' where it only looks, or 'creates:' what it makes".to_owned();
        desk.say(&rules::NO_CHANGED_WHEN, &call.key.place, "counts as a change each time", Some(help));
    }
}

fn better(desk: &mut Desk<'_>, called: &str, node: &Node, text: &str) {
    let mut words = text.split_whitespace();
    let program = words.next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let Some((_, needed, does)) = BETTER.iter().find(|(name, _, _)| *name == program) else { return };
    // What asks rather than changes, and what belongs to a user's own systemd, has no module.
    let own = program == "systemctl" && rest.contains(&"--user");
    if own || !(needed.is_empty() || rest.iter().any(|word| needed.contains(word))) {
        return;
    }
    let there: Vec<&str> = does.iter().copied().filter(|name| modules::find(name).is_some()).collect();
    if there.is_empty() {
        return;
    }
    let message = format!("{called} runs '{program}'");
    let help = format!("the module {} looks first, and changes only what has to be", there.join(" or "));
    desk.say(&rules::COMMAND_INSTEAD_OF_MODULE, &node.place, message, Some(help));
}

fn without_shell(desk: &mut Desk<'_>, node: &Node, text: &str) {
    let outside = without_templates(text);
    let words: Vec<&str> = outside.split_whitespace().collect();
    if words.first().is_some_and(|first| is_assignment(first)) {
        let help = "use 'environment:' of the task".to_owned();
        desk.say(
            &rules::INLINE_ENV_VAR,
            &node.place,
            "NAME=value in front is taken for a program",
            Some(help),
        );
    }
    // Inside quotes an operator may well be meant as a word.
    if outside.contains(['"', '\'']) {
        return;
    }
    let found = words.iter().find(|word| OPERATORS.contains(word)).copied();
    if let Some(operator) = found {
        let message = format!("'{operator}' is passed on as a word: command runs no shell");
        desk.say(&rules::SHELL_SYNTAX_IN_COMMAND, &node.place, message, Some("use 'shell'".into()));
    }
}

fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn with_shell(desk: &mut Desk<'_>, node: &Node, text: &str, other: bool) {
    let outside = without_templates(text);
    if !outside.contains(SHELL_ONLY) && !is_built_in(&outside) && !is_assignment(&outside) && !other {
        desk.say(
            &rules::SHELL_NOT_NEEDED,
            &node.place,
            "nothing in it needs a shell",
            Some("use 'command'".into()),
        );
    }
    let pipes = outside.replace("||", "").contains('|');
    if pipes && !text.contains("pipefail") {
        let help = "begin with 'set -o pipefail' and name a shell that has it in 'executable:'".to_owned();
        desk.say(&rules::RISKY_SHELL_PIPE, &node.place, "only the last program's failure counts", Some(help));
    }
}

/// Words that are no programs, or do in a shell alone what they are there for.
fn is_built_in(text: &str) -> bool {
    let built_in =
        ["command", "type", "ulimit", "umask", "export", ".", "source", "cd", "set", "exit", "eval", "exec"];
    text.split_whitespace().next().is_some_and(|word| built_in.contains(&word))
}

/// The text with a letter for each template.
fn without_templates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let next = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min();
        let Some(at) = next else { break };
        let close = match rest.get(at..at + 2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            _ => "#}",
        };
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push('x');
        let after = rest.get(at..).and_then(|inner| inner.find(close).map(|end| at + end + 2));
        rest = after.and_then(|after| rest.get(after..)).unwrap_or_default();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_no_shell_syntax() {
        assert_eq!(without_templates("a {{ b | c }} d {% if x %}e{% endif %}"), "a x d xex");
        assert_eq!(without_templates("a {{ open"), "a x");
        assert_eq!(without_templates("é"), "é");
    }
}
