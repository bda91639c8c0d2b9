use super::*;
use crate::model::{Map, Script, Subjects, Value};
use crate::modules::{self, Args, Controller, FreeForm, Host, Kept, Kind, Module, Param, TreeEntry};
use crate::questions::{Answers, Cost, Output, Stop, read_only_scripts};
use serde_json::json;

fn asked(words: &str) -> Asked {
    let mut words = words.split('|').map(str::to_owned);
    let name: &'static str = words.next().unwrap().leak();
    let args: Vec<String> = words.collect();
    Asked {
        script: Script { name, text: "" },
        args: args.into(),
        reads: Subjects::NONE,
        cost: Cost::Cheap,
        nearby: false,
    }
}

/// Every question with a rule, as it is usually asked, but for those that are always led.
const USUAL: &[&str] = &[
    "acl_state|/srv|-m|user:alice:r",
    "apache_module|ssl",
    "apt_cleanable|clean",
    "archive_differences|/tmp/a.tgz|/srv|-|-|-|no|1|--exclude=x|top/name",
    "ask_mysql|user=\"root\"\n|~/.my.cnf|SELECT 1",
    "ask_mysql_rows||/etc/mysql/debian.cnf|SELECT 1",
    "ask_postgresql|postgres||5432||prefer||postgres|SELECT 1",
    "capabilities|/usr/bin/ping",
    "deb_file|/tmp/a.deb",
    "debconf_value|tzdata|tzdata/Areas",
    "device_content|/dev/sdb",
    "dh_parameters|/etc/ssl/dh.pem",
    "dnf_plan|--enablerepo=epel|--best|install|nginx",
    "docker_inspect|image|nginx",
    "dpkg_diversion|/usr/bin/x|",
    "dpkg_selection|nginx",
    "environment|HOME",
    "extended_attributes|-h|/srv",
    "facts| hardware |/etc/ansible/facts.d",
    "fetch_url||GET|http://localhost/|30|yes|no|-|no|no||||/etc/ssl/ca.pem|Accept: a/b",
    "find_below|/srv|0|no|-|*.log",
    "firewalld_state|public|--query-service=https",
    "gem_list|||--local|^rake$",
    "getent|passwd||root",
    "git_setting||user.name|--global",
    "iptables_state|iptables|filter|rule|INPUT|-p|tcp|-s|10.0.0.0/8|-m|limit|-j|ACCEPT|--log-prefix|a/b",
    "list_crontab|root",
    "lvm_state|/dev/sdb",
    "moment",
    "mount_sizes",
    "npm_list||",
    "packed|/tmp/a.tgz|gz|no|0|0|1|/srv",
    "parted_state|/dev/sdb|MiB",
    "password_hash|-6||x",
    "password_of|root",
    "patch_state|/srv|/srv/x|1|--binary||/tmp/p",
    "pip_plan||||list",
    "postgresql_rows|postgres||5432||prefer||postgres|SELECT 1",
    "private_key|/etc/ssl/key.pem|",
    "rabbitmq_list|rabbit|list_permissions|-p|/shop",
    "rabbitmq_password||alice|x",
    "rabbitmq_plugins|",
    "random_bytes|8",
    "read_matching|/etc/apt/*.list",
    "rpm_installed|nginx|@group|/tmp/x.rpm",
    "rpm_keys",
    "selinux_boolean|httpd_can_network_connect",
    "selinux_state",
    "semanage_list|port",
    "server_certificate|localhost|443|localhost|10||",
    "snaps|lxd",
    "ssh_key_of|/root/.ssh/id_ed25519",
    "ssh_keypair|/root/.ssh/id_ed25519",
    "supervised|supervisorctl|-s|unix:///run/s.sock",
    "survey_tree|/srv",
    "traces|0|1",
    "ufw_state|allow|22/tcp",
    "unlike_trees|/a|/b|-|-|-|-|/a",
    "wait_until|path|started||0|/x",
    "wgops_collect|x",
    "what_lets_in|root",
];

#[test]
fn every_question_is_known_to_be_harmless_in_its_usual_words_or_is_led_always() {
    for words in USUAL {
        assert_eq!(led(&asked(words)), None, "{words}");
    }
    let is_usual = |name: &str| USUAL.iter().any(|words| words.split('|').next() == Some(name));
    let is_known = |name: &str| gate::knows(name) || AT_WORK.contains(&name) || is_usual(name);
    let unknown: Vec<&str> =
        read_only_scripts().into_iter().map(|script| script.name).filter(|name| !is_known(name)).collect();
    assert_eq!(unknown, [""; 0], "each needs a rule, and a row of its usual words here");
    assert!(led(&asked("what_somebody_thought_of_today|x")).is_some());
}

#[test]
fn a_word_by_which_a_program_runs_something_else_leads() {
    for words in [
        "archive_differences|/tmp/a.tgz|/srv|-|-|-|no|0|--checkpoint-action=exec=id",
        "archive_differences|/tmp/a.tgz|/srv|-|-|-|no|1|-Iid",
        "ask_mysql||/tmp/evil.cnf|SELECT 1",
        "ask_mysql||/etc/mysql/../../tmp/evil.cnf|SELECT 1",
        "ask_mysql_rows||/home/bob/.my.cnf|SELECT 1",
        "composer_plan|composer||/srv|install",
        "debconf_value|-fX;system(1)|a/b",
        "debconf_value|tzdata|a/b\nSET a/b x",
        "dnf_plan|--config=/tmp/x|install|x",
        "dnf_plan|--setopt=pluginpath=/tmp|install|x",
        "dnf_plan|--installroot=/tmp|install|x",
        "dnf_plan|--enableplugin=x|install|x",
        "facts||/tmp/facts",
        "fetch_url||GET|http://localhost/\noutput = /etc/x|30|yes|no|-|no|no||||",
        "fetch_url||GET|http://localhost/|30|yes|no|-|no|no||pkcs11:x||",
        "firewalld_state|public|--system-config=/tmp",
        "gem_list||/tmp/g|--local|^x$",
        "gem_list|/tmp/gem||--local|^x$",
        "gem_list|||--config-file=/tmp/x|--local|^x$",
        "getent|passwd|/tmp/x|root",
        "git_clone|/srv/clone|||",
        "git_remote|https://example.org|main",
        "iptables_state|/tmp/x|filter|all|",
        "iptables_state|iptables|filter|rule|INPUT|--modprobe=/tmp/x",
        "iptables_state|iptables|filter|rule|INPUT|-m|../../tmp/x",
        "make_question|/srv|",
        "npm_list|/srv/app|",
        "npm_list||/tmp/npm",
        "parted_state|-h|MiB",
        "patch_state|/srv||1|--get=1||/tmp/p",
        "pip_plan||||hello",
        "pip_plan||||--no-index|--log|/tmp/x|hello",
        "pip_plan|||/tmp/x|list",
        "pip_plan|/tmp/venv|||list",
        "pip_plan||/tmp/pip||list",
        "rabbitmq_list|rabbit|list_permissions|-p|--node=x@evil.test",
        "rabbitmq_plugins|/tmp",
        "rpm_installed|--pipe=id",
        "snaps|--x",
        "supervised|/bin/bash",
        "supervised|supervisorctl|-c|/tmp/x",
        "ufw_state|--rootdir=/tmp|allow|22",
    ] {
        assert!(led(&asked(words)).is_some(), "{words}");
    }
}

/// A text that is a program, a folder or a file of settings, or a place elsewhere, as one likes. Options are tried above.
const EVIL: [&str; 2] = ["/wgops-evil/x", "wgops-evil.test"];

/// Questions of which words besides those with a rule are data: an option's argument, a password, a content, a path that is only
/// looked at.
const DATA: &[&str] = &[
    "ask_mysql",
    "ask_mysql_rows",
    "ask_postgresql",
    "dpkg_diversion",
    "extended_attributes",
    "fetch_url",
    "iptables_state",
    "parted_state",
    "patch_state",
    "postgresql_rows",
    "private_key",
    "rabbitmq_password",
    "server_certificate",
];

/// Whether a question that is not led has such a text for nothing but data. A file of settings is none.
fn is_data(asked: &Asked) -> bool {
    let (name, words) = (asked.script.name, &asked.args.0);
    let is_option = words.iter().any(|word| word.starts_with("--wgops-evil"));
    let is_setting =
        name.starts_with("ask_mysql") && words.get(1).is_some_and(|word| word.contains("wgops-evil"));
    !is_setting && (!is_option || gate::knows(name) || STILL.contains(&name) || DATA.contains(&name))
}

#[test]
fn no_parameter_of_any_module_reaches_a_question_as_a_file_of_settings_unseen() {
    let mut seen = std::collections::BTreeSet::new();
    for module in modules::ALL {
        for param in module.params.iter().filter(|param| param.supported) {
            for evil in EVIL {
                for given in variants(module, param, evil) {
                    for asked in asks(module, &given) {
                        if !asked.args.0.iter().any(|word| word.contains("wgops-evil")) {
                            continue;
                        }
                        seen.insert((module.name, param.name));
                        let is_fine = led(&asked).is_some() || is_data(&asked);
                        assert!(
                            is_fine,
                            "{} asks '{}' with {:?}: {} reaches it",
                            module.name, asked.script.name, asked.args.0, param.name
                        );
                    }
                }
            }
        }
    }
    // It does look at what was once forgotten.
    for known in
        [("supervisorctl", "config"), ("supervisorctl", "supervisorctl_path"), ("mysql_db", "config_file")]
    {
        assert!(seen.contains(&known), "{known:?} of {}", seen.len());
    }
}

/// Arguments in which one parameter has a value, the needed ones some, and others each of their words.
fn variants(module: &Module, param: &Param, evil: &str) -> Vec<Map> {
    let value = |param: &Param, text: &str| -> Value {
        match param.kind {
            Kind::Bool => true.into(),
            Kind::Int => 1.into(),
            Kind::Mode => "0644".into(),
            Kind::Choice(words) => words.first().copied().unwrap_or_default().into(),
            Kind::List | Kind::Paths => json!([text]),
            Kind::Map => json!({"a": text}),
            _ => text.into(),
        }
    };
    let names = ["name", "path", "dest", "src"];
    let is_usual = |other: &&Param| other.supported && (other.required || names.contains(&other.name));
    let usual = |other: &Param| {
        value(other, if matches!(other.kind, Kind::Path | Kind::Paths) { "/srv/x" } else { "x" })
    };
    let mut base: Map =
        module.params.iter().filter(|other| other.required).map(|p| (p.name.to_owned(), usual(p))).collect();
    base.insert(param.name.to_owned(), value(param, evil));
    let mut all = vec![base.clone()];
    for other in module.params.iter().filter(is_usual) {
        let mut more = base.clone();
        more.entry(other.name).or_insert_with(|| usual(other));
        all.push(more);
    }
    for other in module.params.iter().filter(|other| other.name != param.name) {
        let Kind::Choice(words) = other.kind else { continue };
        for given in all.clone().iter().take(3) {
            all.extend(words.iter().map(|word| {
                let mut more = given.clone();
                more.insert(other.name.to_owned(), (*word).into());
                more
            }));
        }
    }
    all
}

/// What a module asks, where each answer says nothing.
fn asks(module: &Module, given: &Map) -> Vec<Asked> {
    let Ok(args) = Args::parse(module.params, module.free_form, given) else { return Vec::new() };
    if module.free_form == FreeForm::AnyKeys {
        return Vec::new();
    }
    let (mut answers, mut all) = (Answers::default(), Vec::new());
    for _ in 0..4 {
        let host = Host { answers: &answers, controller: &Nothing, show_diff: false, verbosity: 0 };
        let end = module.evaluate(&args, &host);
        let wanted = answers.take_wanted();
        for asked in &wanted {
            answers.store(asked, Ok(Output::ok("")));
        }
        all.extend(wanted);
        if !matches!(end, Err(Stop::Ask)) {
            break;
        }
    }
    all
}

/// A controller without files.
struct Nothing;

impl Controller for Nothing {
    fn file(&self, source: &str) -> Result<crate::model::Content, Stop> {
        Err(Stop::refuse(source))
    }

    fn template(&self, source: &str) -> Result<crate::model::Content, Stop> {
        self.file(source)
    }

    fn host_name(&self) -> Result<String, Stop> {
        Ok("here".into())
    }

    fn kept(&self, dest: &str) -> Result<Kept, Stop> {
        Err(Stop::refuse(dest))
    }

    fn tree(&self, source: &str) -> Result<Option<Vec<TreeEntry>>, Stop> {
        Err(Stop::refuse(source))
    }
}
