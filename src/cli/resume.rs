//! `wgops resume`: picks an interrupted run up exactly where the hosts are, under its own id, bound to what was confirmed
//! when it began.

use super::args::{Cause, ExtraVars, Privilege, Reach, Shape, Targets};
use super::bound::{BUILT_IN, Bound, differences, in_words, path_of};
use super::errand::{Choice, Errand};
use super::handoff::cleared;
use super::job::Job;
use super::patch::{self, Ask};
use super::repository::{Repository, project_playbook};
use super::resume_plan::PlanAgain;
use super::run::{from_files, load, merged};
use super::runs::Known;
use super::who::Who;
use super::{Console, Exit, Failure, ask};
use crate::execute::Canary;
use crate::ledger::{Held, RunState, Typed};
use crate::load::{Pattern, Playbook};
use crate::model::{BecomeMethod, Map, OperatorName};
use crate::people::Verb;
use crate::plan::{DefaultPrivilege, Tags};
use crate::report::{Subject, one_line};
use clap::Args;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  wgops runs
  wgops resume 01JQ
  wgops resume 01JQ --take-over --reason \"alice is ill\"";

/// Go on with a run that was interrupted
///
/// The same playbook on the same hosts with exactly what was confirmed, under the run's own id: what went on on the hosts
/// without wgops is collected, hosts that were done are found in order, and the others are brought to the end.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Resume {
    /// The run's id, or enough of its beginning
    run: String,
    /// Go on although playbook, inventory or commit are not what they were; the ledger says so
    #[arg(long)]
    allow_changed: bool,
    /// Go on with a run that is somebody else's and was not handed over to you; needs --reason
    #[arg(long, requires = "reason")]
    take_over: bool,
    /// Where the run's plan lies, if it carries one out and that is not below plans/
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Variables that the ledger does not keep because their names say that they are secret
    #[arg(short, long, value_name = "VARS")]
    extra_vars: Vec<ExtraVars>,
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

/// Refuses what is not picked up.
fn is_no_access(run: &RunState) -> Result<(), Failure> {
    if run.verb != Some(Verb::Access) {
        return Ok(());
    }
    Err(Failure::usage("what access comes to is made anew from the roster, so nothing is picked up")
        .hint("type 'wgops access sync' again; what is in order stays as it is"))
}

impl Resume {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?.to_owned();
        let who = Who::find(console, &repository)?;
        let (me, roster) = cleared(&who, "go on with a run")?;
        let known = Known::read(&root, roster)?;
        let run = known.run(&self.run)?.clone();
        known.sound(&run)?;
        self.is_mine(&run, &me.operator)?;
        if run.is_finished() {
            console.tell(&format!("Nothing is left of run {}: every host is done.\n", run.run));
            return Ok(Exit::Well);
        }
        drop(Held::take(&root, run.run)?);
        is_no_access(&run)?;
        let plan = match &run.details.plan {
            Some(plan) => Some(PlanAgain::find(self.plan.as_deref(), plan, &root, roster)?),
            None => None,
        };
        let (typed, differs, agreed) = match plan {
            Some(again) => {
                let differs = again.differences(&repository, &root);
                self.may_differ(&differs)?;
                let agreed = again.agreed(console, &who, &repository, &known, differs.is_empty())?;
                (agreed.typed(), differs, Some(agreed))
            }
            None => {
                let typed = run.details.typed.clone().ok_or_else(|| too_old(&run))?;
                let differs = differences(&typed, &run.details, &repository, &root);
                self.may_differ(&differs)?;
                (typed, differs, None)
            }
        };
        tell(console, &run);
        console.tell(&format!("  {}\n", in_words(run.verb.unwrap_or(Verb::Run), &typed)));
        let (format, yes) = (self.shape.format, self.yes);
        let errand = self.errand(console, &run, typed, &root)?;
        let subject = subject(&run);
        let mut bound = Bound {
            hosts: Some(run.hosts.keys().cloned().collect()),
            approved: run.details.approved.clone(),
            resumes: Some(run.intent),
            differs,
            ..Bound::default()
        };
        if let Some(agreed) = agreed {
            agreed.bind(&mut bound);
        }
        let job = Job::open_for(console, errand, repository, who)?.going_on_with(run.run).bound_to(bound);
        if !yes {
            ask::somebody_is_there(console)?;
        }
        let none = Map::new();
        let approved = job.bound().approved.as_ref().unwrap_or(&none);
        // Before somebody is asked, nothing is done for which they have to be.
        let first = if yes { job.prepare(approved)? } else { job.prepare_preview()? };
        let mut engine = job.engine(&first)?;
        let ask = Ask { console, job: &job, subject, format };
        let done =
            if yes { ask.carried_out(&mut engine, approved, None) } else { ask.confirmed(&mut engine) };
        engine.close();
        done
    }

    fn is_mine(&self, run: &RunState, me: &OperatorName) -> Result<(), Failure> {
        if run.holder == *me || self.take_over {
            return Ok(());
        }
        let message = format!("run {} is {}'s, and was not handed over to you", run.run, run.holder);
        let hint = format!(
            "have it handed over ('wgops handoff {} --to {me} --note …'), or go on with --take-over --reason TEXT",
            run.run
        );
        Err(Failure::new(Exit::Refused, message).hint(hint))
    }

    fn may_differ(&self, differs: &[String]) -> Result<(), Failure> {
        if differs.is_empty() || self.allow_changed {
            return Ok(());
        }
        let message = format!("the run was made from something else: {}", differs.join("; "));
        Err(Failure::new(Exit::Refused, message)
            .hint("check out what it was made from, or go on with --allow-changed, which the ledger records"))
    }

    fn errand(self, console: &Console, run: &RunState, typed: Typed, root: &Path) -> Result<Errand, Failure> {
        let again = Again { typed, vars: self.extra_vars, hint: "give them again with -e NAME=VALUE" };
        let cause = Cause {
            reason: self.cause.reason.or_else(|| run.details.reason.clone()),
            ticket: self.cause.ticket.or_else(|| run.details.ticket.clone()),
            ..self.cause
        };
        let choice = again.choice(console, root)?;
        Ok(Errand {
            verb: run.verb.unwrap_or(Verb::Run),
            targets: Targets { inventory: again.typed.inventory.clone().into_iter().collect(), limit: None },
            reach: self.reach,
            playbooks: again.playbooks(root, &choice.extra)?,
            privilege: Some(self.privilege),
            cause: Some(cause),
            dry: None,
            choice,
        })
    }
}

/// What was typed once, to be done again.
pub struct Again {
    /// It.
    pub typed: Typed,
    /// Variables that are given anew.
    pub vars: Vec<ExtraVars>,
    /// What to do where some are missing.
    pub hint: &'static str,
}

impl Again {
    /// The playbooks, read again.
    ///
    /// # Errors
    /// One can't be read, or is wrong.
    pub fn playbooks(&self, root: &Path, extra: &Map) -> Result<Vec<Playbook>, Failure> {
        let read = |source: &crate::ledger::Source| match source.path.starts_with(BUILT_IN) {
            true => Ok(vec![project_playbook("playbooks/patch.yml", patch::PLAYBOOK)?]),
            false => Ok(load(&[path_of(root, source)], extra)?),
        };
        let all: Result<Vec<_>, Failure> = self.typed.playbooks.iter().map(read).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// Tags and variables as they were, and what is given anew.
    ///
    /// # Errors
    /// A file can't be read, or a variable that was withheld is missing.
    pub fn choice(&self, console: &Console, root: &Path) -> Result<Choice, Failure> {
        let typed = &self.typed;
        let files: Vec<ExtraVars> =
            typed.variable_files.iter().map(|source| ExtraVars::File(path_of(root, source))).collect();
        let given = merged(console, &self.vars)?;
        let missing: Vec<&str> =
            typed.withheld.iter().filter(|name| !given.contains_key(*name)).map(String::as_str).collect();
        if !missing.is_empty() {
            let names = one_line(&missing.join(", ")).into_owned();
            return Err(Failure::usage(format!("the values of {names} are kept nowhere")).hint(self.hint));
        }
        if let Some(name) = given.keys().find(|name| !typed.withheld.contains(name)) {
            return Err(Failure::usage(format!(
                "the variable {} was not withheld: it stays as it was",
                one_line(name)
            )));
        }
        let mut extra = merged(console, &files)?;
        extra.extend(typed.variables.clone());
        extra.extend(given);
        Ok(Choice {
            canary: canary(typed.canary.as_deref())?,
            tags: Tags {
                only: typed.tags.clone(),
                skip: typed.skip_tags.clone(),
                start_at: typed.start_at.clone(),
            },
            force_handlers: typed.force_handlers,
            extra,
            files: from_files(&files)?,
            privilege: DefaultPrivilege {
                active: typed.r#become,
                user: typed.become_user.clone(),
                method: typed.become_method.as_deref().and_then(BecomeMethod::named),
            },
            ..Choice::default()
        })
    }
}

/// Hosts that come first, as they did: where they are through already, the others go on without them.
fn canary(pattern: Option<&str>) -> Result<Option<Canary>, Failure> {
    let hosts = pattern.map(Pattern::parse_limit).transpose()?;
    Ok(hosts.map(|hosts| Canary { hosts, needed: false }))
}

/// What is shown of a run: updates, or tasks.
fn subject(run: &RunState) -> Subject {
    match run.verb {
        Some(Verb::Patch) => Subject::Patch,
        Some(Verb::Apply) if run.details.approved.is_some() => Subject::Patch,
        Some(Verb::Access) => Subject::Access,
        _ => Subject::Run,
    }
}

fn too_old(run: &RunState) -> Failure {
    Failure::usage(format!("the ledger does not have what it takes to go on with run {}", run.run))
        .hint("its private part is not here, or an older wgops began it: type the command anew")
}

fn tell(console: &Console, run: &RunState) {
    let left: Vec<&str> = run.left().map(|(host, _)| host.as_str()).collect();
    let verb = run.verb.map(|verb| verb.to_string()).unwrap_or_default();
    let begun = run.begun.strftime("%Y-%m-%d %H:%MZ");
    console.tell(&format!(
        "Going on with run {} ({verb} by {}, {begun}): {} of {} hosts left: {}\n",
        run.run,
        run.owner,
        left.len(),
        run.hosts.len(),
        one_line(&left.join(", "))
    ));
}
