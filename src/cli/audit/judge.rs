//! By what an audit is judged, put together from the command line and files: rules, a baseline, suppressions, ages.

use super::history::audit_name;
use super::history_file::HistoryFile;
use crate::cli::job::Job;
use crate::cli::{Console, Failure};
use crate::event::Event;
use crate::execute::Order;
use crate::load::{Inventory, Problem, Problems, advisories, baseline, suppressions};
use crate::model::{Advisories, Baseline, FailOn, Judging, OperatorName, Role, Suppression};
use crate::people::Roster;
use crate::plan::{Play, foresee};
use crate::report::Assessment;
use clap::Args;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SUPPRESSIONS: &str = "inventory/suppressions.yml";

/// By what findings are judged.
#[derive(Args)]
#[command(next_help_heading = "Judging")]
pub struct Standards {
    /// End with exit code 5 on these: security, any, none, a severity (or worse), a kind; separated by commas
    ///
    /// security means pending security updates, vulnerabilities that have a fix, and what could not be assessed and may
    /// hide one. 'security:7d,critical:24h,reboot-needed:30d' counts only what has been known here for so long.
    #[arg(long, value_name = "WHAT[:AGE],…", default_value_t)]
    pub fail_on: FailOn,
    /// Fail only on what is new since this audit, a report of --format json
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Where it is kept since when things have been known; .wgops/history.json unless said
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Compare installed packages with these advisories: the Debian security tracker's JSON, or OSV files and folders
    ///
    /// May be given several times. docs/advisories.md says where to get them.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub advisories: Vec<PathBuf>,
    /// Count what inventory/suppressions.yml suppresses
    #[arg(long)]
    pub no_suppressions: bool,
}

/// By what an audit is judged, and where ages are kept.
pub struct Judge {
    judging: Judging,
    audit: String,
    history: Option<HistoryFile>,
    advisories: Option<Arc<Advisories>>,
}

impl Judge {
    /// Reads what an audit is to be judged by.
    ///
    /// # Errors
    /// A file can't be read, or says what it may not say; or a rule asks for ages and nobody keeps them.
    pub fn new(console: &Console, job: &Job<'_>, standards: Standards) -> Result<Self, Failure> {
        let at = jiff::Timestamp::now();
        let playbooks = job.playbooks();
        let audit = audit_name(&playbooks);
        let history = HistoryFile::open(job.repository(), job.roster(), standards.history.as_deref())?;
        if history.is_none() && standards.fail_on.needs_ages() {
            return Err(Failure::usage(format!(
                "'{}' counts ages, and nobody keeps them here",
                standards.fail_on
            ))
            .hint("name a file for them with --history FILE, or go into an ops repository"));
        }
        let suppressions = match standards.no_suppressions {
            true => Vec::new(),
            false => suppressed(console, job, at)?,
        };
        let baseline =
            standards.baseline.as_deref().map(|file| compared(console, job, &playbooks, file)).transpose()?;
        let advisories = match standards.advisories.as_slice() {
            [] => None,
            sources => Some(Arc::new(advisories::read(sources, at)?)),
        };
        let judging = Judging {
            at,
            fail_on: standards.fail_on,
            playbooks,
            counted_since: history.as_ref().map(|file| file.history.counted_since(&audit, at)),
            baseline,
            suppressions,
            feeds: advisories.iter().flat_map(|all| all.feeds.clone()).collect(),
        };
        Ok(Self { judging, audit, history, advisories })
    }

    /// What installed packages are compared with.
    pub fn advisories(&self) -> Option<Arc<Advisories>> {
        self.advisories.clone()
    }

    /// Refuses advisories that no task would look at: an audit that found no vulnerability would seem clean.
    ///
    /// # Errors
    /// No task looks at them.
    pub fn check(&self, order: &Order) -> Result<(), Failure> {
        let looks = |(play, _): &(Arc<Play>, _)| {
            let (tasks, is_whole) = foresee(play, &order.templates);
            // What an include with a template for a name will open, nobody knows yet.
            !is_whole || tasks.iter().any(|seen| seen.task.module.name == "vulnerabilities")
        };
        if self.advisories.is_none() || order.plays.iter().any(looks) {
            return Ok(());
        }
        Err(Failure::usage("there are advisories, and no task of this audit looks at them")
            .hint("add the task '- vulnerabilities:' to the playbook, or leave --advisories out"))
    }

    /// The event that tells reports and the ledger.
    pub fn event(&self) -> Event {
        Event::Judging(Box::new(self.judging.clone()))
    }

    /// An event as it is told: findings with since when they have been known.
    pub fn look<'a>(&self, event: &'a Event) -> Cow<'a, Event> {
        match (event, &self.history) {
            (Event::Found { host, finding }, Some(file)) => {
                let mut finding = finding.clone();
                finding.since = Some(file.history.since(&self.audit, host, &finding, self.judging.at));
                Cow::Owned(Event::Found { host: host.clone(), finding })
            }
            _ => Cow::Borrowed(event),
        }
    }

    /// Keeps for later audits what this one found; an audit that can't is one all the same.
    pub fn remember(&self, console: &Console, assessment: &Assessment) {
        let Some(file) = &self.history else { return };
        if let Err(failure) = file.remember(&self.audit, assessment) {
            console
                .tell(&format!("What was found is not kept for later audits, because:\n{}", failure.text()));
        }
    }
}

/// The suppressions of the ops repository, with the hosts they mean.
fn suppressed(console: &Console, job: &Job<'_>, at: jiff::Timestamp) -> Result<Vec<Suppression>, Failure> {
    let Some(file) = job.repository().file(SUPPRESSIONS)? else { return Ok(Vec::new()) };
    let today = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let written = suppressions::read(&file, today)?;
    let complaints: Vec<Problem> = written.iter().flat_map(|written| owner(written, job.roster())).collect();
    let (problems, warnings): (Vec<_>, Vec<_>) =
        complaints.into_iter().partition(|problem| problem.level == crate::load::Level::Error);
    Problems::check(problems)?;
    if !warnings.is_empty() {
        console.warn(&Problems::new(warnings).0);
    }
    Ok(written.into_iter().map(|written| resolved(written, job.inventory(), &file)).collect())
}

/// What is wrong with an owner: somebody in the roster answers for a suppression.
fn owner(written: &suppressions::Written, roster: Option<&Roster>) -> Option<Problem> {
    let roster = roster?;
    let person = written.owner.parse::<OperatorName>().ok().and_then(|name| roster.person(&name).cloned());
    match person {
        Some(person) if person.role == Role::Left => {
            let problem =
                Problem::at(&written.owner_place, format!("'{}' has left the group", written.owner));
            Some(problem.help("let somebody else answer for it").warning())
        }
        Some(_) => None,
        None => {
            let known = roster.people.keys().map(|name| name.as_str());
            let problem =
                Problem::at(&written.owner_place, format!("nobody in the roster is '{}'", written.owner));
            Some(problem.nearest(&written.owner, known))
        }
    }
}

/// A pattern that names what this inventory does not have means no host of it: another inventory has them.
fn resolved(written: suppressions::Written, inventory: &Inventory, file: &Path) -> Suppression {
    let hosts =
        inventory.select(&written.hosts).map(|selection| selection.hosts).unwrap_or_else(|problems| {
            tracing::debug!("{}: {problems}", file.display());
            Vec::new()
        });
    Suppression {
        id: written.id,
        pattern: written.hosts.as_str().to_owned(),
        hosts,
        reason: written.reason,
        owner: written.owner,
        until: written.until,
        place: format!("{SUPPRESSIONS}:{}", written.place.line),
    }
}

/// An earlier audit, and warnings where it looked elsewhere than this one.
fn compared(
    console: &Console,
    job: &Job<'_>,
    playbooks: &[String],
    file: &Path,
) -> Result<Baseline, Failure> {
    let earlier = baseline::read(file)?;
    let mut warnings = Vec::new();
    let mut warn = |message: String| warnings.push(Problem::in_file(file, message).warning());
    if audit_name(&earlier.playbooks) != audit_name(playbooks) {
        warn(format!("it looked at other things ({})", audit_name(&earlier.playbooks)));
    }
    let here = job.inventory().hosts();
    let unknown = here.iter().filter(|host| !earlier.baseline.hosts.contains_key(**host)).count();
    if unknown == here.len() {
        return Err(Problem::in_file(file, "it looked at none of these hosts")
            .help("name an audit of the same inventory")
            .into());
    }
    if unknown > 0 {
        warn(format!("it did not look at {unknown} of these hosts: all that is found there is new"));
    }
    let blind = earlier.not_assessed.iter().filter(|host| here.contains(host)).count();
    if blind > 0 {
        warn(format!("it could not look at {blind} of these hosts: what it did not see there is new"));
    }
    console.warn(&warnings);
    Ok(earlier.baseline)
}
