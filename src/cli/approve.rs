//! `wgops approve`: somebody cleared puts their name behind a plan that another person made. It carries nothing out.

use super::apply::{fresh, read};
use super::bound::{brings_nothing_else, differences, in_words};
use super::console::shown;
use super::handoff::cleared;
use super::news::{Close, News, tell_set_aside};
use super::record::{About, Record};
use super::repository::Repository;
use super::runs::Known;
use super::who::Who;
use super::{Console, Exit, Failure, ask, plan_key};
use crate::ledger::plan::{self, HostPlan, Plan};
use crate::ledger::{Details, Kind};
use crate::model::HostName;
use crate::report::one_line;
use clap::Args;
use owo_colors::OwoColorize;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  wgops approve plans/01JQ….plan.json
  wgops approve plans/01JQ….plan.json --note \"as we said on Tuesday\"";

/// Put your name behind a plan that somebody else made
///
/// Shows what the plan does on each host, and signs that into the ledger. Where the roster asks for more than one cleared
/// person (threshold.apply), 'wgops apply' goes on only with enough of them: who made it, who approved it, who applies it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Approve {
    /// The plan; its signature lies beside it (.sig)
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// What you looked at, or what else there is to say
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Don't ask for a confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Approve {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?.to_owned();
        let who = Who::find(console, &repository)?;
        let (me, roster) = cleared(&who, "approve a plan")?;
        let (mut plan, plan_ref) = read(&self.plan, roster)?;
        let known = fresh(&plan, &plan_ref, &root, roster)?;
        tell_set_aside(console, &known.report);
        if plan_ref.maker == me.operator {
            return Err(Failure::new(Exit::Refused, "you made this plan, and a person counts once")
                .hint("somebody else who is cleared approves it"));
        }
        if known.record.approvals(plan_ref.digest, roster, &known.report).contains(&me.operator) {
            console.tell("You approved this plan already.\n");
            return Ok(Exit::Well);
        }
        let then =
            Details { inventory: plan.inventory.clone(), commit: plan.commit.clone(), ..Details::default() };
        brings_nothing_else(&plan.typed, &plan.typed.variables)?;
        let in_the_open = told(&plan);
        // Nobody puts their name behind what they can't be shown; what is made of secrets goes to a terminal alone.
        let has_secrets = plan_key::open(console, &who, &mut plan)?.is_some();
        match has_secrets && console.is_interactive() {
            true => console.tell(&told(&plan)),
            false => console.result(&in_the_open)?,
        }
        if hosts(&plan).all(|(_, planned)| !planned.unknown.is_empty()) {
            return Err(Failure::new(
                Exit::Refused,
                "nothing of this plan can be applied, so there is nothing to approve",
            )
            .hint("have its maker see to what is not part of it, and make another plan"));
        }
        let differences = differences(&plan.typed, &then, &repository, &root);
        for difference in &differences {
            console
                .tell(&format!("Made from something else than what lies here: {}\n", one_line(difference)));
        }
        // What it says is what its maker wrote; 'wgops apply' goes on only where it finds the same, to the letter.
        tell_news(console, &root, &known, &who, &plan);
        if !self.confirmed(console, &plan)? {
            console.tell("Not approved.\n");
            return Ok(Exit::Well);
        }
        let hosts = hosts(&plan).map(|(host, _)| host.clone()).collect();
        let details = Details { hosts, plan: Some(plan_ref), note: self.note, ..Details::default() };
        let about = About { run: plan.id, verb: plan.verb, details };
        if let Some(record) = Record::open(console, Some(&root), &who, about)? {
            record.say(Kind::Approval)?;
        }
        let file = shown(&self.plan);
        console.tell(&match differences.is_empty() {
            true => format!("Approved. Commit and push the ledger; then 'wgops apply {file}' goes on with it.\n"),
            false => format!(
                "Approved. Commit and push the ledger. 'wgops apply {file}' refuses a plan that was made from something else, unless \
                 whoever types it adds --allow-changed: another plan is better.\n"
            ),
        });
        Ok(Exit::Well)
    }

    fn confirmed(&self, console: &Console, plan: &Plan) -> Result<bool, Failure> {
        if self.yes {
            return Ok(true);
        }
        ask::somebody_is_there_to_sign(console)?;
        let number = hosts(plan).count().to_string();
        Ok(ask::types(console, "\nType the number of hosts to approve, or nothing to stop: ")? == number)
    }
}

/// Hosts on which the plan does something.
fn hosts(plan: &Plan) -> impl Iterator<Item = (&HostName, &HostPlan)> {
    plan.hosts.iter().filter(|(_, planned)| !planned.is_empty())
}

/// All that a plan does and sends, once for hosts on which that is the same. Who is about to say yes reads it to its end, so
/// nothing in it is cut.
pub fn in_full<'a>(hosts: impl Iterator<Item = (&'a HostName, &'a HostPlan)>) -> String {
    let mut alike: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for (host, planned) in hosts {
        let lines = plan::in_full(planned);
        match alike.iter_mut().find(|(_, known)| *known == lines) {
            Some((names, _)) => names.push(host.as_str()),
            None => alike.push((vec![host.as_str()], lines)),
        }
    }
    let mut out = String::new();
    for (names, lines) in alike {
        out.push_str(&format!("\n{}\n", one_line(&names.join(", ")).bold()));
        lines.iter().for_each(|line| out.push_str(&format!("  {}\n", one_line(line))));
    }
    out
}

/// What is new since the last run of whoever approves.
fn tell_news(console: &Console, root: &Path, known: &Known, who: &Who, plan: &Plan) {
    let me = who.identity.proven().map(|proven| &proven.operator);
    let playbooks = plan.typed.playbooks.iter().map(|playbook| playbook.path.clone()).collect();
    let close = Close { playbooks, ..Close::default() };
    let news = News::gather(root, (&known.record, &known.report), me, &close);
    if !news.said.is_empty() {
        console.tell(&news.said);
    }
}

/// What stars are, where a plan has some: a program that is run may be sealed as a whole.
pub fn stars(plan: &Plan) -> &'static str {
    let is_used = plan.secrets.as_ref().is_some_and(|sealed| !sealed.values.is_empty());
    match is_used {
        true => {
            "Stars stand for sealed values, and what is run may be one: 'wgops vault get FILE NAME' shows it, 'wgops vault list' who sealed it\n"
        }
        false => "",
    }
}

/// What a plan does, host by host.
fn told(plan: &Plan) -> String {
    let mut out = String::new();
    if let Some(maker) = &plan.maker {
        out.push_str(&format!("Plan {} by {maker}, {}, until {}\n", plan.id, plan.created, plan.expires));
    }
    out.push_str(&format!("  {}\n", in_words(plan.verb, &plan.typed)));
    if let Some(commit) = &plan.commit {
        let id = one_line(&commit.id);
        out.push_str(&format!("  What its tasks write stands in the files of that commit: 'git show {id}:./FILE', 'git diff {id}'\n"));
    }
    for value in plan.secrets.iter().flat_map(|sealed| &sealed.values) {
        out.push_str(&format!("It uses a sealed value: {}\n", one_line(value)));
    }
    out.push_str(stars(plan));
    out.push_str(&in_full(hosts(plan)));
    let unknown = plan.hosts.iter().filter(|(_, planned)| !planned.unknown.is_empty());
    for (host, planned) in unknown {
        out.push_str(&format!("\n{host}: not part of the plan: {}\n", one_line(&planned.unknown.join("; "))));
    }
    out
}
