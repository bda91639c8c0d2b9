//! Questions that go out: a host asks another machine for the answer, and with the question goes whatever its words hold.
//! A dry run lets no sealed value out by that way, and a plan's run asks nothing that the plan does not name.

use super::effective::Effective;
use super::ground::Ground;
use super::host_run::Conduct;
use super::scope::Frame;
use super::task::Task;
use crate::event::AsksOut;
use crate::model::{Digest, Excerpt};
use crate::questions::{Answers, Asked};
use std::sync::Arc;

/// Questions by which a host speaks to others, or to programs that may.
const SPEAKS: [&str; 18] = [
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

impl Ground {
    /// Why a question is not asked that would carry to other machines what this one says, where they are kept apart.
    pub(super) fn goes_out(&self, user: &Effective, answers: &Answers) -> Option<String> {
        let here = self.apart.is_some() && (self.is_local || user.at.is_some());
        let script = here.then(|| answers.refuse_wanted(speaks)).flatten()?;
        Some(format!("'{script}' would speak to another machine from this one, which needs an operator"))
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
        if let Some(script) =
            (is_dry && self.looked_at_secret).then(|| answers.refuse_wanted(leaves)).flatten()
        {
            return Some(format!(
                "'{script}' would send a sealed value to another machine, and a dry run sends none"
            ));
        }
        if let Some(why) = self.unnamed(answers) {
            return Some(why);
        }
        if self.as_real {
            let hides = self.looked_at_secret || self.hides(task, layer);
            let asked = answers.wanted().into_iter().filter(leaves);
            let named = asked.map(|asked| (task.number, told(&asked, hides)));
            let named: Vec<_> = named.collect();
            self.goes.extend(named);
        }
        None
    }

    /// Why a question is not asked that a plan would have to name and does not, if there is one.
    pub(super) fn unnamed(&self, answers: &Answers) -> Option<String> {
        let named = &self.approved.as_ref()?.questions;
        let script = answers.refuse_wanted(|asked| leaves(asked) && !named.contains(&identity(asked)))?;
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

/// The same without what is asked of servers on the host itself.
fn leaves(asked: &Asked) -> bool {
    let is_own = match asked.script.name {
        "ask_mysql" | "ask_mysql_rows" => {
            let mut hosts = word(asked, 0).lines().filter_map(|line| line.strip_prefix("host="));
            hosts.all(|host| ITSELF.contains(&host.trim_matches('"')))
        }
        // The directory of a socket is no other machine.
        "ask_postgresql" => ITSELF.contains(&word(asked, 1)) || word(asked, 1).starts_with('/'),
        _ => false,
    };
    speaks(asked) && !is_own
}

fn word(asked: &Asked, number: usize) -> &str {
    asked.args.0.get(number).map(String::as_str).unwrap_or_default()
}

/// What makes it this question and no other. Words can't be shifted into each other: each is counted.
fn identity(asked: &Asked) -> Digest {
    let counted = asked.args.0.iter().map(|word| format!("{}:{word}", word.len()));
    Digest::of(format!("{}\n{}", asked.script.name, counted.collect::<String>()))
}

fn told(asked: &Asked, hides: bool) -> AsksOut {
    let words: Vec<&str> = asked.args.0.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    AsksOut {
        script: asked.script.name.to_owned(),
        words: if hides { String::new() } else { Excerpt::single(&words.join(" ")) },
        question: (!hides).then(|| identity(asked)),
    }
}
