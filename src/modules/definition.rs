//! What makes a module: its name, its parameters, what it can alter, and its two pure functions.

use super::args::{Args, FreeForm, Kind, Param};
use super::change::Outcome;
use super::controller::Controller;
use super::uri;
use crate::model::{Map, Value};
use crate::questions::{Answers, Ask, Output, Stop};

/// One module: its name, its parameters, and its two pure functions.
pub struct Module {
    /// The name that playbooks use, without a collection.
    pub name: &'static str,
    /// Other names for the same module.
    pub aliases: &'static [&'static str],
    /// One sentence for people.
    pub summary: &'static str,
    /// Every parameter it takes.
    pub params: &'static [Param],
    /// What a plain text after the module's name means.
    pub free_form: FreeForm,
    /// What people want to know before they use it.
    pub docs: Docs,
    /// What it can alter.
    pub effect: Effect,
    /// What is to be done: asks, refuses, or answers with the outcome.
    pub diff: fn(&Args, &Host<'_>) -> Result<Outcome, Stop>,
    /// What `register` gets once the changes ran; `outputs` has one entry per change that ran, in order.
    pub result: fn(&Outcome, &[Output]) -> Map,
}

/// What people want to know before they use a module, besides its summary and its parameters.
pub struct Docs {
    /// Tasks that show it at work, as YAML: a list, as below `tasks:`.
    pub examples: &'static str,
    /// What `register` gets besides what every task has (`changed`, `failed`, `msg`).
    pub returns: &'static [Returned],
}

/// A key of what `register` gets.
pub struct Returned {
    /// Its name; `a.b` is the key `b` of the mapping `a`.
    pub name: &'static str,
    /// One sentence for people; begins with when it is there, where that is not always.
    pub help: &'static str,
}

impl Module {
    /// Whether what it compared is registered as a list even where that is one text, as Ansible's modules for texts do.
    pub fn lists_its_diffs(&self) -> bool {
        ["copy", "template", "lineinfile", "blockinfile", "replace", "ini_file"].contains(&self.name)
    }

    /// Whether it can alter the host with these arguments, which need not be rendered yet.
    pub fn acts_on_host(&self, given: &Map) -> bool {
        match self.effect {
            Effect::OnHost => true,
            Effect::Sends => uri::sends(given),
            Effect::Nothing | Effect::Facts(_) | Effect::Variables | Effect::Written => false,
            Effect::Hosts | Effect::Groups | Effect::Course => false,
            Effect::Connection | Effect::Wait | Effect::Rest => false,
        }
    }

    /// Whether it belongs to a group of modules that `module_defaults` can name (`group/…`, given without that).
    pub fn is_in_group(&self, group: &str) -> bool {
        GROUPS.iter().any(|(prefix, names)| self.name.starts_with(prefix) && names.contains(&group))
    }

    /// Whether it adds hosts or groups.
    pub fn alters_inventory(&self) -> bool {
        matches!(self.effect, Effect::Hosts | Effect::Groups)
    }

    /// Whether it is nothing before its turn has come, whatever is known by then.
    pub fn waits_its_turn(&self) -> bool {
        self.alters_inventory() || matches!(self.effect, Effect::Course | Effect::Connection | Effect::Rest)
    }

    /// The folder of a role or playbook in which its files of the controller are.
    pub fn folder(&self) -> &'static str {
        match self.effect {
            Effect::Written => "vars",
            _ if self.params.iter().any(|param| param.kind == Kind::Template) => "templates",
            _ => "files",
        }
    }

    /// What is to be done, with paths as they are for the user on the host: asks, refuses, or answers with the outcome.
    ///
    /// # Errors
    /// As [`Module::diff`].
    pub fn evaluate(&self, args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
        let args = args.at_home(self.params, host)?;
        let mut outcome = (self.diff)(&args, host)?;
        let named = self.named_programs(&args);
        for change in &mut outcome.changes {
            let untold = named.iter().filter(|(_, text)| !change.summary.contains(text.as_str()));
            let told: Vec<String> = untold.map(|(name, text)| format!("{name}: {text}")).collect();
            if !told.is_empty() {
                change.summary.push_str(&format!(" ({})", told.join(", ")));
            }
        }
        Ok(outcome)
    }

    /// What a summary says besides of programs and their options that a task names in place of the usual ones: whoever approves a
    /// change has to see what it starts.
    fn named_programs(&self, args: &Args) -> Vec<(&'static str, String)> {
        let told = |param: &&Param| param.starts || PROGRAMS.contains(&param.name);
        let given = |param: &Param| {
            let text = match args.value(param.name)? {
                Value::String(text) => text.clone(),
                _ => args.list(param.name).join(" "),
            };
            let is_usual = text.is_empty() || param.default == text || USUAL_SHELLS.contains(&text.as_str());
            (!is_usual).then_some((param.name, text))
        };
        self.params.iter().filter(told).filter_map(given).collect()
    }
}

impl Module {
    /// The first given parameter that says what runs on the host even where the module only looks.
    pub fn would_start(&self, args: &Args) -> Option<&'static str> {
        let given = |param: &&Param| args.value(param.name).is_some_and(|value| *value != param.default);
        self.params.iter().filter(|param| param.starts).find(given).map(|param| param.name)
    }
}

/// Parameters that name a program which is started where something is changed; others [start](Param::starts) one to look.
const PROGRAMS: [&str; 3] = ["validate", "executable", "virtualenv_command"];
/// Shells that a task may name without that being worth a word.
const USUAL_SHELLS: [&str; 6] =
    ["/bin/sh", "/bin/bash", "/usr/bin/sh", "/usr/bin/bash", "/bin/dash", "/usr/bin/dash"];

/// Groups of modules, by how the names of those begin that are in them.
const GROUPS: [(&str, &[&str]); 4] = [
    ("docker_", &["community.docker.docker"]),
    ("mysql_", &["community.mysql.all", "ansible.mysql.all"]),
    ("postgresql_", &["community.postgresql.all"]),
    ("rabbitmq_", &["community.rabbitmq.rabbitmq"]),
];

impl Docs {
    /// Nothing is said yet.
    pub const NONE: Self = Self { examples: "", returns: &[] };
}

/// What a module can alter, whatever its arguments; and what else it does that the engine itself has to see to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The host.
    OnHost,
    /// The host or somebody else, where the arguments say that something is sent or kept.
    Sends,
    /// Nothing: it looks, or says something.
    Nothing,
    /// Nothing but the host's facts.
    Facts(Facts),
    /// Nothing but variables, under the names of its arguments.
    Variables,
    /// Nothing but variables, under names that files have.
    Written,
    /// Nothing but the inventory: a host that is new, or in more groups. That is done once, whichever host comes to it.
    Hosts,
    /// Nothing but the inventory: groups of the host that comes to it. Behind it, every host sees who is in which.
    Groups,
    /// Nothing but the way of the run: handlers, the end of a play, a connection.
    Course,
    /// Nothing: it waits until the host can be reached.
    Connection,
    /// Nothing: it waits until the host is as it should be.
    Wait,
    /// Nothing: it waits for a while, or for somebody's answer.
    Rest,
}

/// Which facts a module finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facts {
    /// Those that every host has: what is gathered at the beginning of a play.
    Gathered,
    /// Those of these names, which playbooks know without a prefix.
    Named(&'static [&'static str]),
    /// One for each thing that is looked up: this prefix, and what the parameter says.
    Each {
        /// What the fact's name begins with.
        prefix: &'static str,
        /// The parameter.
        param: &'static str,
    },
}

/// What a module may look at: answers from the host, and files of the controller.
pub struct Host<'a> {
    /// The answers known so far.
    pub answers: &'a Answers,
    /// Files beside the playbook.
    pub controller: &'a dyn Controller,
    /// Whether the user wants to see file contents compared (`--diff`).
    pub show_diff: bool,
    /// How many `-v` the user gave: what `debug` compares its `verbosity` with.
    pub verbosity: u8,
}

impl Host<'_> {
    /// Answers one question, or several at once; see [`Answers::get`].
    ///
    /// # Errors
    /// As [`Answers::get`].
    pub fn get<A: Ask>(&self, ask: A) -> Result<A::Answers, Stop> {
        self.answers.get(ask)
    }
}

/// What `register` gets when a module has nothing to add: the outcome's own keys, and of the last change that failed its
/// exit status and error text.
pub fn plain_result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = outcome.result.clone();
    if let Some(failed) = outputs.iter().find(|o| o.status != 0) {
        let stderr = failed.error_text();
        let said = if stderr.trim().is_empty() { failed.text() } else { stderr };
        let message = match said.trim() {
            "" => format!("the change ended with exit status {}", failed.status),
            text => text.to_owned(),
        };
        result.insert("failed".into(), true.into());
        result.insert("msg".into(), message.into());
        result.insert("rc".into(), failed.status.into());
    }
    result
}
