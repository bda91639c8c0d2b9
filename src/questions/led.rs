//! Questions whose words could say what runs on a host to find an answer: a program, its options, a folder that it goes into, a file
//! of settings, a place where somebody else listens. Who writes a playbook chooses such words, so before somebody said yes a question
//! is asked with harmless ones alone. What has no rule here counts as led, so that nobody has to think of a new question.

use super::{Asked, gate};

/// Questions whose words name nothing but what is looked at, each as one argument that is no option of any program.
const STILL: &[&str] = &[
    "acl_state",
    "apache_module",
    "apt_cleanable",
    "docker_inspect",
    "environment",
    "find_below",
    "git_setting",
    "list_crontab",
    "lvm_state",
    "moment",
    "mount_sizes",
    "packed",
    "password_hash",
    "password_of",
    "random_bytes",
    "read_matching",
    "rpm_keys",
    "see",
    "selinux_state",
    "semanage_list",
    "survey_tree",
    "traces",
    "unlike_trees",
    "wait_until",
    "wgops_collect",
    "what_lets_in",
];
/// Questions that have a program look at one file, which is named first.
const OF_A_FILE: &[&str] = &[
    "capabilities",
    "device_content",
    "dh_parameters",
    "dpkg_diversion",
    "parted_state",
    "private_key",
    "ssh_key_of",
    "ssh_keypair",
];
/// Questions of which every word is a name.
const OF_NAMES: &[&str] = &["dpkg_selection", "rpm_installed", "selinux_boolean", "snaps", "ufw_state"];
/// Questions that are nothing but a program at work in a folder, which says itself what else is run.
const AT_WORK: &[&str] = &["composer_plan", "git_clone", "git_remote", "make_question"];
/// Whose local facts count; see `gate`, where it is the same.
const OWN_FACTS: &str = "/etc/ansible/facts.d";
/// What `getent` may look things up by.
const OWN_SERVICES: [&str; 5] = ["", "files", "compat", "db", "systemd"];
/// Where the settings of MySQL's client are the account's own, or root's.
const OWN_LOGINS: [&str; 3] = ["", "~/.my.cnf", "/root/.my.cnf"];
/// What dnf may be told.
const OF_DNF: [&str; 14] = [
    "--refresh",
    "--security",
    "--bugfix",
    "--allowerasing",
    "--nobest",
    "--best",
    "--skip-broken",
    "--nogpgcheck",
    "--cacheonly",
    "--setopt=install_weak_deps=False",
    "--enablerepo=",
    "--disablerepo=",
    "--exclude=",
    "--disableexcludes=",
];

/// What in a question's words may say what runs on the host to find an answer; nothing where all of them are harmless.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn led(asked: &Asked) -> Option<&'static str> {
    let words = &asked.args.0;
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let rest = |from: usize| words.get(from..).unwrap_or_default();
    let unless = |is_fine: bool, what: &'static str| (!is_fine).then_some(what);
    match asked.script.name {
        "facts" => unless(["", OWN_FACTS].contains(&word(1)), "a folder of programs"),
        "getent" => unless(OWN_SERVICES.contains(&word(1)), "a library by which names are looked up"),
        name if gate::knows(name) || STILL.contains(&name) => None,
        name if OF_A_FILE.contains(&name) => unless(word(0).starts_with('/'), OPTION),
        name if OF_NAMES.contains(&name) => unless(rest(0).iter().all(|word| is_name(word)), OPTION),
        name if AT_WORK.contains(&name) => Some("a folder or an address whose settings say what runs"),
        "ask_mysql" | "ask_mysql_rows" => unless(is_own_login(word(1)), SETTINGS),
        "ask_postgresql" | "postgresql_rows" => {
            let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == ',');
            unless(is_number(word(2)), OPTION)
        }
        // Of an archive that a program unpacks, names and options stand in one row.
        "archive_differences" => {
            let is_fine = |word: &String| is_name(word) || word.starts_with("--exclude=");
            unless(word(0).starts_with('/') && rest(7).iter().all(is_fine), OPTION)
        }
        "deb_file" => unless(is_name(word(0)), OPTION),
        "debconf_value" => {
            let is_fine = |text: &str| is_name(text) && !text.contains(|c: char| c.is_control());
            unless(is_fine(word(0)) && is_fine(word(1)), OPTION)
        }
        "dnf_plan" => {
            let is_known = |word: &str| {
                OF_DNF.iter().any(|known| match known.ends_with('=') {
                    true => word.starts_with(known),
                    false => word == *known,
                })
            };
            unless(rest(0).iter().all(|word| is_name(word) || is_known(word)), OPTION)
        }
        "extended_attributes" => unless(["", "-h"].contains(&word(0)), OPTION),
        // curl is told these as lines of settings.
        "fetch_url" => {
            let is_line = |word: &String| !word.contains(|c: char| c.is_control());
            let files = [10, 11, 12].map(word);
            let are_files = files.iter().all(|file| file.is_empty() || file.starts_with('/'));
            unless(is_name(word(2)) && are_files && rest(1).iter().all(is_line), SETTINGS)
        }
        "firewalld_state" => {
            unless(is_name(word(0)) && rest(1).iter().all(|word| word.starts_with("--query-")), OPTION)
        }
        "gem_list" => {
            let known = ["--norc", "--local", "--remote", "--prerelease"];
            let is_fine = |word: &String| is_name(word) || known.contains(&word.as_str());
            match ["", "gem"].contains(&word(0)) {
                false => Some(PROGRAM),
                true => unless(word(1).is_empty(), FOLDER).or_else(|| {
                    unless(rest(2).iter().all(|word| is_fine(word) || word.starts_with("--source=")), OPTION)
                }),
            }
        }
        // `--modprobe`, and modules that are libraries.
        "iptables_state" => {
            let is_fine = |word: &String| !word.starts_with("-M") && !word.starts_with("--mod");
            let loads = ["-m", "-j", "-g", "-p"];
            let mut loaded =
                words.windows(2).filter(|pair| matches!(pair, [flag, _] if loads.contains(&flag.as_str())));
            let is_plain = |pair: &[String]| pair.last().is_some_and(|name| !name.contains('/'));
            let is_program = ["iptables", "ip6tables"].contains(&word(0));
            unless(is_program, PROGRAM)
                .or_else(|| unless(rest(1).iter().all(is_fine) && loaded.all(is_plain), OPTION))
        }
        "npm_list" => {
            unless(["", "npm"].contains(&word(1)), PROGRAM).or_else(|| unless(word(0).is_empty(), FOLDER))
        }
        "patch_state" => unless(rest(3).first().is_none_or(|options| is_of_patch(options)), OPTION),
        // To find out what it would install, pip may run what a package brings along.
        "pip_plan" => {
            let is_usual = word(0).is_empty() && ["", "pip", "pip3"].contains(&word(1));
            unless(is_usual, PROGRAM)
                .or_else(|| unless(word(2).is_empty(), FOLDER))
                .or_else(|| unless(rest(3) == ["list"], "packages, which may bring programs along"))
        }
        "rabbitmq_list" => {
            unless(is_name(word(0)) && rest(1).iter().all(|word| is_name(word) || word == "-p"), OPTION)
        }
        "rabbitmq_password" => unless(is_name(word(0)) && is_name(word(1)), OPTION),
        "rabbitmq_plugins" => unless(word(0).is_empty(), PROGRAM),
        "server_certificate" => unless(is_name(word(0)) && is_name(word(1)), OPTION),
        "supervised" => {
            let mut told = rest(1).chunks(2);
            let is_fine = |pair: &[String]| matches!(pair, [flag, place] if flag == "-s" && is_name(place));
            unless(word(0) == "supervisorctl", PROGRAM).or_else(|| unless(told.all(is_fine), SETTINGS))
        }
        _ => Some("words that may say what it runs"),
    }
}

const PROGRAM: &str = "a program that is not the usual one";
const OPTION: &str = "a word that its program may take for an option";
const SETTINGS: &str = "settings of the task's own";
const FOLDER: &str = "a folder whose settings and programs count";

/// Whether no program takes a word for an option.
fn is_name(word: &str) -> bool {
    !word.starts_with('-')
}

fn is_of_patch(options: &str) -> bool {
    options.split_whitespace().all(|option| ["--binary", "--ignore-whitespace"].contains(&option))
}

/// Whether a file of settings is the account's own, or the host's.
fn is_own_login(file: &str) -> bool {
    let is_hosts = ["/etc/mysql/", "/etc/my.cnf"].iter().any(|place| file.starts_with(place));
    OWN_LOGINS.contains(&file) || is_hosts && !file.contains("..")
}

#[cfg(test)]
mod tests;
