//! Questions that go out: a host asks another machine for the answer, and with the question goes whatever its words hold. Who
//! writes a playbook names the place, so none is asked before somebody said yes to it; a dry run lets no sealed value out by that
//! way, not even to a service of the host's own, and a plan's run asks nothing that the plan does not name.

use super::effective::Effective;
use super::ground::Ground;
use super::host_run::Conduct;
use super::scope::{Frame, Layer};
use super::task::Task;
use crate::event::AsksOut;
use crate::model::{Digest, Excerpt, Value};
use crate::questions::{Answers, Asked};
use crate::template::Binding;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// Questions by which a host speaks to others, or to programs that may.
const SPEAKS: [&str; 19] = [
    "ask_mysql",
    "ask_mysql_rows",
    "ask_postgresql",
    "composer_plan",
    "deb_file",
    "dnf_plan",
    "fetch_url",
    "gem_list",
    "git_clone",
    "git_remote",
    "iptables_state",
    "npm_list",
    "pip_plan",
    "postgresql_rows",
    "rabbitmq_list",
    "server_certificate",
    "snaps",
    "ssh_key_of",
    "wait_until",
];
/// What `getent` looks up without asking a name server.
const KEPT_HERE: [&str; 6] = ["passwd", "group", "shadow", "gshadow", "services", "protocols"];
/// Names of the host that asks.
const ITSELF: [&str; 4] = ["", "localhost", "127.0.0.1", "::1"];

/// How tasks end that would ask what goes out, where nobody said yes yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quiet {
    /// It is known in the real run.
    Later,
    /// There will be none: it was not looked at.
    Unseen,
}

/// Where a question's words go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Nowhere.
    Stays,
    /// To a service of the host's own, whoever that is.
    Loops,
    /// To another machine, or to where nobody can tell.
    GoesOut,
}

/// Questions besides those that speak of which the answer may be fetched, and then by a proxy where the environment names one.
const FETCHES: [&str; 2] = ["apt_plan", "apt_updates"];

/// Who gets to hear a question besides the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Hearers {
    /// A proxy that the environment names.
    proxy: bool,
    /// A service of the host's own, which gets none of this: a secret, or what was read on a host.
    service: bool,
}

/// Whether a question goes out, where these would hear it.
fn leads_out(asked: &Asked, hearers: Hearers) -> bool {
    match way(asked) {
        Way::Stays => hearers.proxy && fetches(asked),
        Way::Loops => hearers.proxy || !hearers.service,
        Way::GoesOut => true,
    }
}

/// The proxies that an environment names.
fn proxies(user: &Effective) -> impl Iterator<Item = (&str, &str)> {
    let is_proxy = |(name, value): &(&str, &str)| {
        let name = name.to_ascii_lowercase();
        name.contains("proxy") && name != "no_proxy" && !value.is_empty()
    };
    user.environment.iter().filter(is_proxy)
}

/// Whether the answer to a question may be fetched from another machine.
fn fetches(asked: &Asked) -> bool {
    match asked.script.name {
        // '-': lists are taken as they are.
        "apt_plan" | "apt_updates" => word(asked, 0) != "-",
        "pip_plan" => word(asked, 3) != "list",
        "getent" => false,
        name => SPEAKS.contains(&name) || FETCHES.contains(&name),
    }
}

impl Ground {
    /// Why a question is not asked that would carry to other machines what this one says, where they are kept apart.
    /// That is so for whoever may change nothing; of others, see [`Ground::before_yes`].
    pub(super) fn speaks_here(&self, user: &Effective, answers: &Answers, wanted: usize) -> Option<String> {
        let stands_apart = self.apart.is_some() && self.starts_nothing && self.approved.is_none();
        let here = stands_apart && (self.is_local || user.at.is_some());
        let by_proxy = proxies(user).next().is_some();
        let speaks = |asked: &Asked| speaks(asked) || by_proxy && fetches(asked);
        let script = here.then(|| answers.refuse_wanted(wanted, speaks)).flatten()?;
        Some(format!("'{script}' would speak to another machine from this one, which needs an operator"))
    }

    /// Why a question is not asked that would go out, where nobody said yes yet. What a plan names was said yes to; whoever may
    /// change things and has a task run in a dry run all the same (`check_mode: false`) said it of that one. Of a proxy, whoever types
    /// it said it.
    pub(super) fn before_yes(
        &self,
        (task, layer, item): (&Task, &Arc<Frame>, &Arc<Layer>),
        user: &Effective,
        wanted: usize,
    ) -> Option<(String, Quiet)> {
        let quiet = self.quiet.filter(|_| self.approved.is_none())?;
        let forces = self.conduct == Conduct::DryButForced;
        if forces && self.flag(task.check_mode.as_ref(), layer) == Some(false) {
            return None;
        }
        let answers = self.stores.get(user)?;
        let proxy = proxies(user).any(|(_, value)| !self.was_typed(value));
        // What is not asked is not found out about either: rendering again takes its time.
        let loops = answers.wanted().iter().skip(wanted).any(|asked| way(asked) == Way::Loops);
        let service = loops && !self.looked_at_secret && self.is_plain(task, layer, item);
        let hearers = Hearers { proxy, service };
        let refused = answers.refuse_wanted(wanted, |asked| leads_out(asked, hearers));
        // A service of the host's own could send it on to anybody.
        answers.keep_nearby(wanted);
        let script = refused?;
        Some((
            format!("what '{script}' gets from another machine, which is not asked before the real run"),
            quiet,
        ))
    }

    /// Whether a value was given by whoever types, and not by a plan or a file.
    fn was_typed(&self, value: &str) -> bool {
        let extra = &self.variables.shared.extra;
        let is_typed = |name: &str| !self.variables.shared.filed.contains(name);
        let is_it = |bound: &Binding| bound.value().and_then(Value::as_str) == Some(value);
        !self.carries_plan && extra.iter().any(|(name, bound)| is_typed(name) && is_it(bound))
    }

    /// Why a question is not asked that goes to another machine, if it is not; what a plan would have to name is noted.
    pub(super) fn stays_in(&mut self, task: &Task, layer: &Arc<Frame>, user: &Effective) -> Option<String> {
        let answers = self.stores.get(user)?;
        let is_forced = || self.flag(task.check_mode.as_ref(), layer) == Some(false);
        let is_dry = match self.conduct {
            Conduct::Real => false,
            Conduct::DryButForced => !is_forced(),
            Conduct::Dry => true,
        };
        let leaves = |asked: &Asked| leaves(asked, user);
        if let Some(script) =
            (is_dry && self.looked_at_secret).then(|| answers.refuse_wanted(0, leaves)).flatten()
        {
            return Some(format!(
                "'{script}' would send a sealed value to another machine, and a dry run sends none"
            ));
        }
        if let Some(why) = self.unnamed(answers, user) {
            return Some(why);
        }
        if self.as_real {
            let hides = self.looked_at_secret || self.hides(task, layer);
            let asked = answers.wanted().into_iter().filter(leaves);
            let named = asked.map(|asked| (task.number, told(&asked, user, hides)));
            let named: Vec<_> = named.collect();
            self.goes.extend(named);
        }
        None
    }

    /// Why a question is not asked that a plan would have to name and does not, if there is one.
    pub(super) fn unnamed(&self, answers: &Answers, user: &Effective) -> Option<String> {
        let named = &self.approved.as_ref()?.questions;
        let is_named = |asked: &Asked| named.contains(&identity(asked, user));
        let script = answers.refuse_wanted(0, |asked| leaves(asked, user) && !is_named(asked))?;
        Some(format!("'{script}' would ask another machine, and the plan does not name that"))
    }

    /// What was noted of a task.
    pub(super) fn take_goes(&mut self, number: usize) -> Vec<AsksOut> {
        let (own, others) = std::mem::take(&mut self.goes).into_iter().partition(|(of, _)| *of == number);
        self.goes = others;
        let own: Vec<(usize, AsksOut)> = own;
        own.into_iter().map(|(_, asks)| asks).collect()
    }
}

/// Whether a question may carry its words to another machine, or to a program that may.
fn speaks(asked: &Asked) -> bool {
    match asked.script.name {
        "getent" => !KEPT_HERE.contains(&word(asked, 0)),
        name => SPEAKS.contains(&name),
    }
}

/// The same without what is asked of servers on the host itself, and with what a proxy is asked for.
fn leaves(asked: &Asked, user: &Effective) -> bool {
    if proxies(user).next().is_some() && fetches(asked) {
        return true;
    }
    let is_own = match asked.script.name {
        "ask_mysql" => lines(asked, "host=").all(|host| ITSELF.contains(&host)),
        // The directory of a socket is no other machine.
        "ask_postgresql" => {
            let host = word(asked, 1);
            (ITSELF.contains(&host) || is_socket(host)) && !names_a_server(word(asked, 6))
        }
        _ => false,
    };
    speaks(asked) && !is_own
}

fn word(asked: &Asked, number: usize) -> &str {
    asked.args.0.get(number).map(String::as_str).unwrap_or_default()
}

/// What makes it this question and no other, proxies and all. Words can't be shifted into each other: each is counted.
fn identity(asked: &Asked, user: &Effective) -> Digest {
    let counted = asked.args.0.iter().map(|word| format!("{}:{word}", word.len()));
    let proxies = proxies(user).map(|(name, value)| format!("\n{name}={}:{value}", value.len()));
    let all: String = counted.chain(proxies).collect();
    Digest::of(format!("{}\n{all}", asked.script.name))
}

fn told(asked: &Asked, user: &Effective, hides: bool) -> AsksOut {
    let proxies: Vec<String> = proxies(user).map(|(name, value)| format!("{name}={value}")).collect();
    let words = proxies.iter().chain(&asked.args.0).map(String::as_str);
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    AsksOut {
        script: asked.script.name.to_owned(),
        words: if hides { String::new() } else { Excerpt::single(&words.join(" ")) },
        question: (!hides).then(|| identity(asked, user)),
    }
}

fn way(asked: &Asked) -> Way {
    let words = &asked.args.0;
    let word = |number: usize| word(asked, number);
    let rest = |number: usize| words.get(number..).unwrap_or_default();
    let names_a_place = |words: &[String]| words.iter().any(|word| word.contains("://"));
    let out = |goes: bool| if goes { Way::GoesOut } else { Way::Stays };
    match asked.script.name {
        "getent" => out(!KEPT_HERE.contains(&word(0))),
        "fetch_url" => url(word(2)),
        "wait_until" if word(0) == "port" => host(word(2)),
        "server_certificate" => host(word(0)),
        // What a playbook wrote in SQL does what its functions do: files are read and written, other servers asked.
        "ask_mysql_rows" | "postgresql_rows" => Way::GoesOut,
        // An option file: `host="…"`. By a socket it doesn't leave the host, and what is local is a server of databases.
        "ask_mysql" if lines(asked, "host=").any(|name| host(name) == Way::GoesOut) => Way::GoesOut,
        "ask_mysql" => socket(lines(asked, "socket=").next().unwrap_or_default()),
        "ask_postgresql" if names_a_server(word(6)) => Way::GoesOut,
        "ask_postgresql" if is_socket(word(1)) => socket(word(1)),
        "ask_postgresql" => out(host(word(1)) == Way::GoesOut),
        // It is fetched wherever the place leads.
        "deb_file" => out(!word(0).starts_with('/')),
        "git_remote" => out(!word(0).starts_with('/') && !word(0).starts_with("file:///")),
        "pip_plan" if word(3) == "list" => Way::Stays,
        "pip_plan" if rest(3).iter().any(|word| word == "--no-index") => out(names_a_place(words)),
        "pip_plan" => out(rest(3).iter().any(|word| !is_requirement(word))),
        "gem_list" => out(rest(2).iter().any(|word| word == "--remote" || word.starts_with("--source"))),
        "dnf_plan" | "composer_plan" => {
            let chooses = |word: &String| word.starts_with("--repo") || word.starts_with("--setopt");
            out(names_a_place(words) || words.iter().any(chooses))
        }
        "supervised" if names_a_place(words) => {
            let mut places = words.iter().filter(|word| word.contains("://") && !word.starts_with("unix://"));
            if places.all(|word| url(word) == Way::Loops) { Way::Loops } else { Way::GoesOut }
        }
        // iptables looks names of hosts up.
        "iptables_state" => {
            let ends = ["-s", "-d", "--source", "--destination", "--src", "--dst"];
            let named =
                words.windows(2).filter(|pair| pair.first().is_some_and(|w| ends.contains(&w.as_str())));
            let is_plain = |word: &String| word.chars().all(|c| c.is_ascii_hexdigit() || "./:,".contains(c));
            let joined = |word: &String| ends.iter().any(|end| word.starts_with(&format!("{end}=")));
            out(!named.filter_map(|pair| pair.last()).all(is_plain) || words.iter().any(joined))
        }
        // A node is `NAME@HOST`.
        "rabbitmq_list" | "rabbitmq_password" | "rabbitmq_plugins" => {
            out(word(0).split_once('@').is_some_and(|(_, name)| host(name) == Way::GoesOut))
        }
        _ => Way::Stays,
    }
}

/// What an option file of MySQL's says for an option, each time.
fn lines<'a>(asked: &'a Asked, option: &'static str) -> impl Iterator<Item = &'a str> {
    let all = word(asked, 0).lines().filter_map(move |line| line.trim().strip_prefix(option));
    all.map(|value| value.trim_matches('"'))
}

/// Whether libpq takes a host for one directory of a socket. It takes several hosts, with commas between them.
fn is_socket(host: &str) -> bool {
    host.starts_with('/') && !host.contains(',')
}

/// Whether libpq takes a database's name for a whole address.
fn names_a_server(database: &str) -> bool {
    database.contains('=') || database.contains("://")
}

/// Where a socket leads: where services keep theirs, it is a server's; elsewhere it may be anybody's.
fn socket(path: &str) -> Way {
    let is_server_s = ["/run/", "/var/run/", "/var/lib/"].iter().any(|place| path.starts_with(place));
    if path.is_empty() || is_server_s && !path.contains("..") { Way::Stays } else { Way::Loops }
}

/// Whether a word for pip names a package in its usual index and nothing else.
fn is_requirement(word: &str) -> bool {
    let options = ["--upgrade", "--force-reinstall", "--user", "--break-system-packages", "--no-deps"];
    let is_name = word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-[]<>=!~,* ;'\"()".contains(c));
    options.contains(&word) || is_name
}

/// Where a URL leads.
fn url(text: &str) -> Way {
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    let Some(place) = rest.and_then(|rest| rest.split(['/', '?', '#']).next()) else { return Way::GoesOut };
    let (name, port) = match place.strip_prefix("[::1]") {
        Some(port) => ("::1", port),
        None => place.split_at_checked(place.find(':').unwrap_or(place.len())).unwrap_or((place, "")),
    };
    let is_port = |text: &str| text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit());
    let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    if name.is_empty() || !has_port { Way::GoesOut } else { host(name) }
}

/// Where a host's name or address leads; none: to the host itself.
fn host(name: &str) -> Way {
    let is_own = matches!(name, "" | "localhost" | "::1")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    if is_own { Way::Loops } else { Way::GoesOut }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Environment, Script, Subjects};
    use crate::questions::Cost;
    use std::collections::BTreeMap;

    fn asked(words: &str) -> Asked {
        let mut words = words.split('|').map(str::to_owned);
        let name: &'static str = words.next().unwrap().leak();
        let args: Vec<String> = words.collect();
        let script = Script { name, text: "" };
        Asked { script, args: args.into(), reads: Subjects::NONE, cost: Cost::Cheap, nearby: false }
    }

    #[test]
    fn a_question_goes_out_where_its_words_name_another_machine() {
        for (words, expected) in [
            ("fetch_url||GET|http://10.0.0.9:9977/x", Way::GoesOut),
            ("fetch_url||GET|https://localhost:8443/health?x", Way::Loops),
            ("fetch_url||GET|http://[::1]/", Way::Loops),
            ("fetch_url||GET|http://127.0.0.1@evil.test/", Way::GoesOut),
            ("fetch_url||GET|http://127.0.0.1\\@evil.test/", Way::GoesOut),
            ("fetch_url||GET|http://127.0.0.1.evil.test/", Way::GoesOut),
            ("fetch_url||GET|http://localhost:80@evil.test/", Way::GoesOut),
            ("fetch_url||GET|ftp://localhost/", Way::GoesOut),
            ("fetch_url||GET|http:///x", Way::GoesOut),
            ("wait_until|port|started|127.0.0.1|22", Way::Loops),
            ("wait_until|port|started|evil.test|22", Way::GoesOut),
            ("wait_until|path|started||0|/x", Way::Stays),
            ("getent|passwd||root", Way::Stays),
            ("getent|hosts||a.evil.test", Way::GoesOut),
            ("getent|ahosts||localhost", Way::GoesOut),
            ("server_certificate|evil.test|443", Way::GoesOut),
            ("ask_mysql|user=\"x\"\nhost=\"evil.test\"\n|~/.my.cnf|SELECT 1", Way::GoesOut),
            ("ask_mysql|host=\"localhost\"\n|~/.my.cnf|SELECT 'host=x'", Way::Stays),
            ("ask_postgresql|postgres||5432|||||SELECT 1", Way::Stays),
            ("postgresql_rows|postgres||5432|||||SELECT lo_export(1, '/x')", Way::GoesOut),
            ("ask_mysql_rows|host=\"localhost\"\n|~/.my.cnf||SELECT sys_exec('id')", Way::GoesOut),
            ("ask_mysql|socket=\"/run/mysqld/mysqld.sock\"\n|~/.my.cnf|SELECT 1", Way::Stays),
            ("ask_mysql|socket=\"/tmp/x.sock\"\n|~/.my.cnf|SELECT 1", Way::Loops),
            ("ask_postgresql|postgres|/run/x|5432||||app|SELECT 1", Way::Stays),
            ("ask_postgresql|postgres|/tmp|5432||||app|SELECT 1", Way::Loops),
            ("ask_postgresql|postgres|/nowhere,evil.test|5432||||app|SELECT 1", Way::GoesOut),
            ("ask_postgresql|postgres|localhost,evil.test|5432||||app|SELECT 1", Way::GoesOut),
            ("ask_postgresql|postgres|evil.test|5432||||app|SELECT 1", Way::GoesOut),
            ("ask_postgresql|postgres||5432||||host=evil.test|SELECT 1", Way::GoesOut),
            ("ask_postgresql|postgres||5432||||postgres://evil.test/|SELECT 1", Way::GoesOut),
            ("deb_file|http://evil.test/a.deb", Way::GoesOut),
            ("deb_file|http://127.0.0.1/a.deb", Way::GoesOut),
            ("deb_file|/tmp/a.deb", Way::Stays),
            ("git_remote|https://evil.test/x|main", Way::GoesOut),
            ("git_remote|ext::sh -c x|main", Way::GoesOut),
            ("git_remote|/srv/x.git|main", Way::Stays),
            ("pip_plan||||list", Way::Stays),
            ("pip_plan||||--upgrade|requests[socks]>=2", Way::Stays),
            ("pip_plan||||requests|--index-url=http://evil.test", Way::GoesOut),
            ("pip_plan||||git+https://evil.test/x", Way::GoesOut),
            ("pip_plan||||-r|/srv/requirements.txt", Way::GoesOut),
            ("pip_plan||||--no-index|--find-links|/srv/wheels|hello", Way::Stays),
            ("pip_plan||||--no-index|--find-links|http://evil.test/|hello", Way::GoesOut),
            ("dnf_plan|install|nginx", Way::Stays),
            ("dnf_plan|install|http://evil.test/x.rpm", Way::GoesOut),
            ("dnf_plan|--repofrompath=a,/x|install|x", Way::GoesOut),
            ("gem_list|||--local|^x$", Way::Stays),
            ("gem_list|||--remote|^x$", Way::GoesOut),
            ("supervised|supervisorctl|-s|http://evil.test", Way::GoesOut),
            ("supervised|supervisorctl|-s|unix:///run/s.sock", Way::Loops),
            ("iptables_state|iptables|filter|rule|INPUT|-s|10.0.0.0/8|-j|DROP", Way::Stays),
            ("iptables_state|iptables|filter|rule|INPUT|-s|a.evil.test|-j|DROP", Way::GoesOut),
            ("rabbitmq_list||list_users", Way::Stays),
            ("rabbitmq_list|rabbit@evil.test|list_users", Way::GoesOut),
            ("inspect|/etc/passwd", Way::Stays),
        ] {
            assert_eq!(way(&asked(words)), expected, "{words}");
        }
    }

    #[test]
    fn a_plan_names_each_database_that_may_be_elsewhere() {
        let user = Effective::default();
        for (words, expected) in [
            ("ask_postgresql|postgres||5432||||app|SELECT 1", false),
            ("ask_postgresql|postgres|/run/postgresql|5432||||app|SELECT 1", false),
            ("ask_postgresql|postgres|/run/postgresql,evil.test|5432||||app|SELECT 1", true),
            ("ask_postgresql|postgres||5432||||host=evil.test|SELECT 1", true),
            ("ask_mysql|host=\"localhost\"\n|~/.my.cnf|SELECT 1", false),
            ("ask_mysql|host=\"evil.test\"\n|~/.my.cnf|SELECT 1", true),
        ] {
            assert_eq!(leaves(&asked(words), &user), expected, "{words}");
        }
    }

    #[test]
    fn a_service_of_the_host_s_own_gets_no_secret_and_is_asked_by_no_proxy() {
        let health = asked("fetch_url||GET|http://127.0.0.1/health");
        let plain = Hearers { proxy: false, service: true };
        assert!(!leads_out(&health, plain));
        assert!(leads_out(&health, Hearers { service: false, ..plain }));
        assert!(leads_out(&health, Hearers { proxy: true, ..plain }));
    }

    #[test]
    fn a_proxy_is_another_machine_to_what_may_be_fetched_and_part_of_a_question_s_identity() {
        let by = |name: &str, value: &str| {
            let environment =
                Environment::new(BTreeMap::from([(name.to_owned(), value.to_owned())])).unwrap();
            Effective { environment, ..Effective::default() }
        };
        let proxied = Hearers { proxy: true, service: true };
        for (words, expected) in [
            ("apt_updates|0", true),
            ("apt_updates|-", false),
            ("apt_plan|3600|install|x", true),
            ("pip_plan||||requests", true),
            ("pip_plan||||list", false),
            ("dnf_plan|install|nginx", true),
            ("gem_list|||--local|^x$", true),
            ("inspect|/etc/passwd", false),
            ("getent|passwd||root", false),
        ] {
            let asked = asked(words);
            assert_eq!(leads_out(&asked, proxied), expected, "{words}");
            let names = leaves(&asked, &by("https_proxy", "http://evil.test"));
            assert_eq!(names, expected || SPEAKS.contains(&asked.script.name), "{words}");
        }
        let (one, other) = (by("http_proxy", "http://a.test"), by("http_proxy", "http://b.test"));
        let lists = asked("apt_updates|0");
        assert_ne!(identity(&lists, &one), identity(&lists, &other));
        assert!(told(&lists, &one, false).words.starts_with("http_proxy=http://a.test 0"));
        for user in [by("no_proxy", "localhost"), by("http_proxy", ""), by("LANG", "C")] {
            assert!(proxies(&user).next().is_none() && !leaves(&lists, &user));
        }
    }

    #[test]
    fn every_script_that_fetches_is_known_to() {
        let programs =
            ["fresh_lists", "curl", "wget", "dnf", "yum", "pip", "gem", "npm", "snap", "composer", "docker"];
        // These name such programs, and ask them for nothing that lies elsewhere.
        let still =
            ["apt_list_times", "docker_inspect", "facts", "package_manager", "rpm_installed", "traces"];
        let names_one = |script: &Script| {
            let code: String =
                script.text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
            let mut words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.any(|word| programs.contains(&word))
        };
        let is_known = |name: &str| [&SPEAKS[..], &FETCHES, &still].concat().contains(&name);
        let all =
            crate::questions::read_only_scripts().into_iter().filter(names_one).map(|script| script.name);
        let unknown: Vec<&str> = all.filter(|name| !is_known(name)).collect();
        assert_eq!(unknown, [""; 0]);
    }
}
