//! `wgops apply`: carries out a plan that somebody made, by finding out anew what there is to do, and doing only what is
//! equal. Nothing from the plan's file is carried out.

use super::approve::{in_full, stars};
use super::args::{Cause, Privilege, Reach, Shape, Targets};
use super::bound::{Bound, brings_nothing_else, differences, in_words};
use super::console::shown;
use super::engine::Engine;
use super::errand::Errand;
use super::four_eyes::{FourEyes, behind, enough};
use super::handoff::cleared;
use super::job::Job;
use super::news::tell_set_aside;
use super::plan_key;
use super::planning::{FOLLOW_UPS, LIFETIME_MAX, weigh};
use super::repository::Repository;
use super::resume::Again;
use super::runs::Known;
use super::show::Show;
use super::who::Who;
use super::{Console, Exit, Failure, ask};
use crate::event::{Event, Mode};
use crate::ledger::plan::{
    self, Gather, HostPlan, PLAN_BYTES_MAX, Plan, PlanError, PlannedChange, PlannedTask,
};
use crate::ledger::{Details, PlanRef};
use crate::model::{Digest, HostName, Map, Nonce, Value};
use crate::people::{Roster, Verb};
use crate::plan::{Approved, ApprovedStep, Follow};
use crate::report::{Subject, one_line};
use clap::Args;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much the clocks of who makes and who applies a plan may differ.
const CLOCKS_DIFFER: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Longest signature that is read.
const SIGNATURE_BYTES_MAX: u64 = 64 << 10;

/// Changes of a host's plan that are named where they were not made.
const LEFT_MAX: usize = 5;

const EXAMPLES: &str = "\
Examples:
  wgops patch -i prod --plan-out
  wgops apply plans/01JQ….plan.json --reason \"weekly\" --ticket INFRA-12";

/// Carry out a plan that somebody made with --plan-out
///
/// Checks who made it, finds out anew what there is to do on each host, and does only what is equal: a host where anything
/// differs is refused, and the difference shown. A plan can be applied once.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Apply {
    /// The plan; its signature lies beside it (.sig)
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// Change nothing anywhere where one host differs from the plan
    #[arg(long)]
    all_or_nothing: bool,
    /// Go on although playbook, inventory or commit are not those of the plan; the ledger says so
    #[arg(long)]
    allow_changed: bool,
    /// With --yes: remove the packages that the plan removes
    #[arg(long)]
    allow_removals: bool,
    /// Don't ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    privilege: Privilege,
    #[command(flatten)]
    cause: Cause,
    #[command(flatten)]
    shape: Shape,
}

impl Apply {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?.to_owned();
        let who = Who::find(console, &repository)?;
        let (me, roster) = cleared(&who, "apply a plan")?;
        let (mut plan, mut plan_ref) = read(&self.plan, roster)?;
        let known = fresh(&plan, &plan_ref, &root, roster)?;
        let inventory = repository.inventory_named(plan.typed.inventory.as_deref())?;
        let eyes = FourEyes::of(&repository, roster, &inventory)?;
        let people = behind(&known.record, &known.report, roster, &plan_ref, jiff::Zoned::now().date());
        plan_ref.approved_by =
            people.iter().filter(|name| **name != me.operator && **name != plan_ref.maker).cloned().collect();
        // Somebody's approval may be among what counts for nothing.
        enough(&eyes, &plan, people, &me.operator, &shown(&self.plan))
            .inspect_err(|_| tell_set_aside(console, &known.report))?;
        let then =
            Details { inventory: plan.inventory.clone(), commit: plan.commit.clone(), ..Details::default() };
        let mut differs = differences(&plan.typed, &then, &repository, &root);
        if plan.commit.as_ref().is_some_and(|commit| commit.dirty) {
            differs.push("the plan was made with changes that were not committed".into());
        }
        if !differs.is_empty() && !self.allow_changed {
            let message = format!("the plan was made from something else: {}", differs.join("; "));
            return Err(Failure::new(Exit::Refused, message)
                .hint("make a new plan, or go on with --allow-changed, which the ledger records"));
        }
        console.tell(&format!(
            "Plan {} by {}, {}, until {}\n  {}\n",
            plan.id,
            plan_ref.maker,
            plan.created,
            plan.expires,
            in_words(plan.verb, &plan.typed)
        ));
        let key = plan_key::open(console, &who, &mut plan)?;
        let (format, yes, all_or_nothing) = (self.shape.format, self.yes, self.all_or_nothing);
        let allow_removals = self.allow_removals;
        let errand = self.errand(console, &plan, &root)?;
        brings_nothing_else(&plan.typed, &errand.choice.extra)?;
        let speaks_to = Some(plan.hosts.keys().cloned().collect());
        let bound = Bound { differs, plan: Some(plan_ref), speaks_to, ..Bound::default() };
        let job = Job::open_for(console, errand, repository, who)?.bound_to(bound);
        if !yes {
            ask::somebody_is_there(console)?;
        }
        Applying { console, plan, key, all_or_nothing, allow_removals, yes, format }.go(job)
    }

    fn errand(self, console: &Console, plan: &Plan, root: &Path) -> Result<Errand, Failure> {
        let again = Again { typed: plan.typed.clone(), vars: Vec::new(), hint: "make a new plan" };
        let choice = again.choice(console, root)?;
        Ok(Errand {
            verb: Verb::Apply,
            targets: Targets { inventory: plan.typed.inventory.clone().into_iter().collect(), limit: None },
            reach: self.reach,
            playbooks: again.playbooks(root, &choice.extra)?,
            privilege: Some(self.privilege),
            cause: Some(self.cause),
            dry: None,
            choice,
        })
    }
}

/// Reads a plan, and proves who made it.
///
/// # Errors
/// It is no plan, or not by whom it says.
pub fn read(file: &Path, roster: &Roster) -> Result<(Plan, PlanRef), Failure> {
    let bytes = bounded(file, PLAN_BYTES_MAX)?;
    let plan = Plan::parse(&bytes).map_err(|error| {
        Failure::from(error).hint(format!("{} was read: name a file that --plan-out kept", shown(file)))
    })?;
    if !matches!(plan.verb, Verb::Patch | Verb::Run) {
        return Err(Failure::usage(format!("a plan of '{}' can't be applied", plan.verb)));
    }
    let beside = file.with_added_extension("sig");
    let signature = match beside.exists() {
        true => Some(String::from_utf8_lossy(&bounded(&beside, SIGNATURE_BYTES_MAX)?).into_owned()),
        false => None,
    };
    let maker = plan.proven_maker(&bytes, signature.as_deref(), roster)?;
    Ok((plan, PlanRef { digest: Digest::of(&bytes), maker, approved_by: Vec::new() }))
}

fn bounded(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let wrong = |why: String| Failure::usage(format!("can't read {}: {why}", shown(file)));
    let mut bytes = Vec::new();
    let open = std::fs::File::open(file).map_err(|error| {
        wrong(error.to_string())
            .hint("--plan-out of 'wgops patch' and 'wgops run' keeps plans in plans/, and says where")
    })?;
    open.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > bytes_max {
        return Err(wrong(format!("it is larger than {} MiB", (bytes_max >> 20).max(1))));
    }
    Ok(bytes)
}

/// Makes sure that a plan still counts.
///
/// # Errors
/// It has expired, or says that it counts for longer than any does.
pub fn is_in_time(plan: &Plan) -> Result<(), Failure> {
    let now = jiff::Timestamp::now();
    if now > plan.expires {
        return Err(PlanError::Expired(plan.expires).into());
    }
    let longest = plan.created.checked_add(LIFETIME_MAX).unwrap_or(plan.created);
    let ahead = now.checked_add(CLOCKS_DIFFER).unwrap_or(now);
    if plan.expires > longest || plan.created > ahead {
        let message = format!("no plan of {} counts until {}", plan.created, plan.expires);
        return Err(Failure::new(Exit::Refused, message).hint("make a new plan"));
    }
    Ok(())
}

/// Makes sure that it can still be applied; what comes back is the ledger.
///
/// # Errors
/// It has expired, or was applied.
pub fn fresh(plan: &Plan, plan_ref: &PlanRef, root: &Path, roster: &Roster) -> Result<Known, Failure> {
    is_in_time(plan)?;
    let known = Known::read(root, roster)?;
    if let Some(found) = known.report.hidden() {
        return Err(Failure::new(Exit::Refused, format!("whether the plan is spent can't be told: {found}"))
            .hint(found.way_out()));
    }
    if let Some((by, run)) = known.record.spent(plan_ref.digest, &known.report) {
        return Err(PlanError::Spent { by, run }.into());
    }
    Ok(known)
}

/// The planned versions by host, for the record of a patch. The playbook is not given them: what tells it a preview from the
/// real run would let it do something else in that.
pub fn versions<'a>(plan: &Plan, hosts: impl Iterator<Item = &'a HostName>) -> Map {
    if plan.verb != Verb::Patch {
        return Map::new();
    }
    let exact = |package: &plan::PlannedPackage| match &package.to {
        Some(to) => format!("{}={to}", package.name),
        None => format!("{}-", package.name),
    };
    let of = |host: &HostName| {
        let packages = plan.hosts.get(host).into_iter().flat_map(|plan| &plan.packages);
        (host.to_string(), Value::from(packages.map(exact).collect::<Vec<_>>()))
    };
    Map::from_iter([("patch_only".to_owned(), Value::Object(hosts.map(of).collect()))])
}

/// What may be sent to each host. What follows from the changes is free where the plan says so of the host, and brings no
/// command of its own that nobody was shown.
pub fn may_be_sent(plan: &Plan, key: Option<&Nonce>) -> BTreeMap<HostName, Approved> {
    let of = |host: &HostPlan| {
        let follows = host
            .after
            .iter()
            .filter(|task| task.module.rsplit('.').next().is_some_and(|module| FOLLOW_UPS.contains(&module)));
        Approved {
            steps: host.changes.iter().map(step).collect(),
            follows: follows.map(follow).collect(),
            questions: Arc::new(host.asks.iter().map(|asks| asks.question).collect()),
            exempt: plan::BOOKKEEPING.into(),
            key: key.cloned(),
            machine: host.key.clone(),
            ..Approved::default()
        }
    };
    plan.hosts.iter().map(|(host, plan)| (host.clone(), of(plan))).collect()
}

/// What of a host's plan was not done: it was so already, or the playbook came out otherwise.
fn left(host: &HostName, steps: &[&ApprovedStep]) -> String {
    let mut said = String::new();
    for step in steps.iter().take(LEFT_MAX) {
        let line = format!("{}: {}", step.task, step.summary);
        said.push_str(&format!("{host}: planned, and not done: {}\n", one_line(&line)));
    }
    if let Some(more) = steps.len().checked_sub(LEFT_MAX).filter(|more| *more > 0) {
        said.push_str(&format!("{host}: planned, and not done: {more} more\n"));
    }
    said
}

fn step(change: &PlannedChange) -> ApprovedStep {
    ApprovedStep {
        task: change.task.clone(),
        module: change.module.clone(),
        summary: change.summary.clone(),
        change: change.identity(),
        keyed: change.keyed,
        attempts: change.attempts,
    }
}

fn follow(task: &PlannedTask) -> Follow {
    Follow { task: task.task.clone(), module: task.module.clone(), behind: task.behind }
}

/// A plan that is about to be applied.
struct Applying<'a> {
    console: &'a Console,
    plan: Plan,
    /// What its changes that hold secrets are compared under.
    key: Option<Nonce>,
    all_or_nothing: bool,
    allow_removals: bool,
    yes: bool,
    format: crate::report::Format,
}

impl Applying<'_> {
    fn go(self, job: Job<'_>) -> Result<Exit, Failure> {
        let subject = if self.plan.verb == Verb::Patch { Subject::Patch } else { Subject::Run };
        let (hosts, mut refused) = self.applicable();
        if hosts.is_empty() {
            self.tell(&refused);
            self.console.tell("Nothing of the plan can be applied.\n");
            return Ok(if refused.is_empty() { Exit::Well } else { Exit::Refused });
        }
        let job = job.only_on(hosts);
        let mut prepared = job.prepare_preview()?;
        // Finding out what there is to do asks nobody elsewhere but as the plan says.
        prepared.order.approved = Some(may_be_sent(&self.plan, self.key.as_ref()));
        self.all_are_there(job.bound().hosts.as_ref(), &prepared.hosts)?;
        let mut engine = job.engine(&prepared)?;
        let found = self.look(&job, &mut engine, &prepared, subject)?;
        let Some(found) = found else {
            engine.close();
            job.looked_only(&prepared.hosts);
            return Ok(Exit::Interrupted);
        };
        let goes = |host: &HostName| prepared.order.plays.iter().any(|(_, hosts)| hosts.contains(host));
        let mut accepted = BTreeSet::new();
        let mut left_out = BTreeSet::new();
        for host in job.bound().hosts.iter().flatten() {
            let (planned, now) = (self.plan.hosts.get(host), found.get(host));
            match (planned, now) {
                // What holds it out was told at the beginning.
                _ if !goes(host) => drop(left_out.insert(host.clone())),
                (Some(planned), Some(now)) => match plan::differences(planned, now) {
                    lines if lines.is_empty() => drop(accepted.insert(host.clone())),
                    lines => drop(refused.insert(host.clone(), lines)),
                },
                _ => drop(refused.insert(host.clone(), vec!["? it was not looked at".into()])),
            }
        }
        self.tell(&refused);
        let all = refused.is_empty() && left_out.is_empty();
        let exit = if all { Exit::Well } else { Exit::Refused };
        if accepted.is_empty() || (self.all_or_nothing && !all) {
            self.console.tell("Nothing was changed.\n");
            engine.close();
            job.looked_only(&prepared.hosts);
            return Ok(exit);
        }
        let done = self.apply(job, &mut engine, (accepted, left_out), subject);
        engine.close();
        Ok(done?.worst(exit))
    }

    /// Hosts on which there is something to do, and those of which not all is known.
    fn applicable(&self) -> (BTreeSet<HostName>, BTreeMap<HostName, Vec<String>>) {
        let (mut hosts, mut refused) = (BTreeSet::new(), BTreeMap::new());
        for (host, planned) in &self.plan.hosts {
            if !planned.unknown.is_empty() {
                let lines = planned.unknown.iter().map(|why| format!("? not in the plan: {why}"));
                refused.insert(host.clone(), lines.collect());
            } else if !planned.is_empty() {
                hosts.insert(host.clone());
            }
        }
        (hosts, refused)
    }

    fn all_are_there(&self, wanted: Option<&BTreeSet<HostName>>, there: &[HostName]) -> Result<(), Failure> {
        let missing: Vec<&str> =
            wanted.into_iter().flatten().filter(|host| !there.contains(host)).map(HostName::as_str).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the plan is about hosts that its playbook does not have: {}",
            one_line(&missing.join(", "))
        );
        Err(Failure::new(Exit::Refused, message))
    }

    /// What there is to do now, as this wgops finds it; nothing where somebody interrupted.
    fn look(
        &self,
        job: &Job<'_>,
        engine: &mut Engine<'_>,
        prepared: &crate::execute::Prepared,
        subject: Subject,
    ) -> Result<Option<IndexMap<HostName, HostPlan>>, Failure> {
        let mut show = Show::preview(self.console, subject);
        let mask = |text: &str| self.console.masks.masked(text).into_owned();
        let mut gather = Gather::new(&weigh, self.key.clone(), &mask);
        let mut listen = |event: &Event| {
            gather.event(event);
            show.event(event);
        };
        listen(&job.begins(&Mode::Dry { why: "this is what there is to do".into() }, &prepared.hosts));
        job.opening(prepared).iter().for_each(&mut listen);
        engine.run(&prepared.order, &mut listen);
        if show.finish()? == Exit::Interrupted {
            return Ok(None);
        }
        let mut hosts = gather.hosts;
        // Where that fails, the host differs from the plan.
        let _ = engine.note_keys(&mut hosts);
        Ok(Some(hosts))
    }

    fn tell(&self, refused: &BTreeMap<HostName, Vec<String>>) {
        for (host, lines) in refused {
            let lines: String = lines.iter().map(|line| format!("  {}\n", one_line(line))).collect();
            self.console.tell(&format!("\n{host} is refused: it is not as planned\n{lines}"));
        }
    }

    fn apply(
        &self,
        job: Job<'_>,
        engine: &mut Engine<'_>,
        (accepted, left_out): (BTreeSet<HostName>, BTreeSet<HostName>),
        subject: Subject,
    ) -> Result<Exit, Failure> {
        let console = self.console;
        let agreed = self.agreed(engine, &accepted);
        if !matches!(agreed, Ok(true)) {
            job.looked_only(&accepted.iter().cloned().collect::<Vec<_>>());
        }
        if !agreed? {
            console.tell("Stopped; nothing was changed.\n");
            return Ok(Exit::Well);
        }
        let approved = versions(&self.plan, accepted.iter());
        let sent = may_be_sent(&self.plan, self.key.as_ref());
        let wanted: Vec<_> = sent.iter().filter(|(host, _)| accepted.contains(*host)).collect();
        // Those that are held out have their place in report and record, too.
        let job = job.only_on(accepted.into_iter().chain(left_out).collect());
        let mut prepared = job.prepare(&Map::new())?;
        prepared.order.approved = Some(sent.clone());
        let show = Show::new(console, subject, self.format);
        let exit = job.carry_out_as(engine, &prepared, show, approved, &mut |_| {})?.exit;
        wanted.iter().for_each(|(host, sent)| console.tell(&left(host, &sent.left())));
        Ok(exit)
    }

    /// Asks for the number of hosts, and apart from that for the number of packages that the plan removes.
    fn agreed(&self, engine: &Engine<'_>, accepted: &BTreeSet<HostName>) -> Result<bool, Failure> {
        let planned = || accepted.iter().filter_map(|host| self.plan.hosts.get_key_value(host));
        if !self.yes {
            let stars = stars(&self.plan);
            self.console.tell(&format!("\nAll that is done and sent:\n{stars}{}", in_full(planned())));
        }
        let packages = planned().flat_map(|(_, plan)| &plan.packages);
        match (packages.filter(|package| package.to.is_none()).count(), self.yes) {
            (0, true) => Ok(true),
            (_, true) if self.allow_removals => Ok(true),
            (removals, true) => {
                let packages = if removals == 1 { "package" } else { "packages" };
                let message = format!("the plan removes {removals} {packages}, and --yes alone does not");
                let hint = "add --allow-removals, or go without --yes";
                Err(Failure::new(Exit::Refused, message).hint(hint))
            }
            (removals, false) => Ok(ask::number_of_hosts(self.console, engine, accepted.len())?
                && (removals == 0 || ask::number_of_removals(self.console, engine, removals)?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(after: &str) -> Plan {
        let text = format!(
            r#"{{"version":1,"kind":"wgops-plan","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","maker":"sam",
             "created":"2026-11-25T10:00:00Z","expires":"2026-12-02T10:00:00Z","verb":"run","typed":{{}},
             "hosts":{{"web1":{{"after":[{after}]}}}}}}"#
        );
        Plan::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_follows_is_free_where_the_plan_says_that_it_does() {
        let free = |after: &str| {
            let sent = may_be_sent(&plan(after), None);
            let web1 = sent.values().next().unwrap().clone();
            web1.follows.iter().map(|follow| (follow.task.clone(), follow.behind)).collect::<Vec<_>>()
        };
        assert_eq!(FOLLOW_UPS, ["reboot", "restart_services"]);
        assert_eq!(free(""), []);
        assert_eq!(free(r#"{"task":"Boot it","module":"reboot"}"#), [("Boot it".into(), 0)]);
        let named = r#"{"task":"Boot it","module":"ansible.builtin.reboot","behind":2}"#;
        assert_eq!(free(named), [("Boot it".into(), 2)]);
        assert_eq!(free(r#"{"task":"x","module":"copy"}"#), []);
    }
}
