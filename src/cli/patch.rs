//! `wgops patch`: installs pending updates. It runs `playbooks/patch.yml` of the ops repository, or the built-in copy.

use super::args::{Cause, Privilege, Reach, Shape, Targets};
use super::engine::Engine;
use super::errand::{Choice, Errand};
use super::job::Job;
use super::planning::{PlanOut, Planning};
use super::repository::Repository;
use super::repository::project_playbook;
use super::same_as;
use super::show::Show;
use super::waves::WaveOptions;
use super::{Console, Exit, Failure, ask};
use crate::event::{Event, Mode};
use crate::execute::Prepared;
use crate::load::Playbook;
use crate::model::{HostName, Map, Value};
use crate::people::Verb;
use crate::report::{Format, Subject};
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};

/// The playbook where the ops repository has none, and what `wgops init` writes.
pub const PLAYBOOK: &str = include_str!("../../playbooks/patch.yml");

const EXAMPLES: &str = "\
Examples:
  wgops patch -i prod --check
  wgops patch -i prod --security --reason \"weekly\" --ticket INFRA-12
  wgops patch -i prod -l web --exclude 'linux-*' --reboot if-needed --yes";

/// Install pending updates, asking first
///
/// Shows what is pending on each host, asks for the number of hosts, and goes batch by batch: one host, then a quarter,
/// then the rest, stopping after the first batch with a failure. It removes no package unasked, keeps changed
/// configuration files, and leaves held packages alone. Services that still run on replaced files are restarted, but for
/// those whose restart would hurt. A host with too little room is left as it is. A shadow gets the dry run, whatever they
/// type.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Patch {
    /// Only security updates, told by their origin
    #[arg(long)]
    pub security: bool,
    /// Leave packages alone whose name matches; may be given several times
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Let updates remove packages that are in their way; shown and confirmed apart
    ///
    /// What would be removed is shown, and the number of packages asked for besides the number of hosts. What is
    /// essential or protected, the running kernel and the way in are never removed.
    #[arg(long)]
    pub allow_removals: bool,
    /// Go on where a package source can't be refreshed; it is warned about
    #[arg(long)]
    pub allow_failed_sources: bool,
    /// Exactly the versions that another run installed, such as one on staging hosts; nothing else is updated
    #[arg(long, value_name = "RUN")]
    pub same_as: Option<String>,
    /// Whether to reboot hosts that need it after updates
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub reboot: Reboot,
    /// Longest wait for a host that was rebooted to be back, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = clap::value_parser!(u32).range(10..))]
    pub reboot_timeout: u32,
    /// Whether to restart services that still run on replaced files after updates
    #[arg(long, value_name = "WHEN", default_value = "if-needed")]
    pub restart_services: Restart,
    /// Dry run: say what would happen, change nothing
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Print every script and argument that would be sent, and send only questions
    #[arg(long)]
    pub explain: bool,
    /// Don't ask for a confirmation
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub plan: PlanOut,
    #[command(flatten)]
    pub waves: WaveOptions,
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub privilege: Privilege,
    #[command(flatten)]
    pub cause: Cause,
    #[command(flatten)]
    pub shape: Shape,
}

/// Whether hosts are rebooted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Reboot {
    /// Say which hosts need it, reboot none
    Never,
    /// Reboot hosts that need it, and prove that they did
    IfNeeded,
}

/// Whether services are restarted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Restart {
    /// Say which services need it, restart none
    Never,
    /// Restart services that need it, but for those that are better left alone, and see that they come back
    IfNeeded,
}

impl Patch {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let playbook = project_playbook("playbooks/patch.yml", PLAYBOOK)?;
        let (format, yes, out) = (self.shape.format, self.yes, self.plan.clone());
        let asks_for_dry = self.check;
        let same_as = self.same_as.as_deref().map(|run| same_as::versions(run, &playbook)).transpose()?;
        let mut errand = self.errand(playbook)?;
        errand.choice.extra.extend(same_as.map(|versions| ("patch_same_as".to_owned(), versions)));
        let job = Job::open(console, errand)?;
        let asks = job.mode == Mode::Real && !yes;
        // Before somebody is asked, nothing is done for which they have to be.
        let mut prepared = if asks { job.prepare_preview()? } else { job.prepare(&Map::new())? };
        // What was mistyped is told first: nobody has to answer anything for that.
        if asks {
            ask::somebody_is_there(console)?;
        }
        prepared.order.as_real = asks || out.plan_out.is_some();
        let mut engine = job.engine(&prepared)?;
        if out.plan_out.is_some() {
            let planning = Planning { console, job: &job, subject: Subject::Patch, format, out: &out };
            let done = planning.make(&mut engine, &prepared);
            engine.close();
            return done;
        }
        let signs = job.who().identity.proven().is_some();
        if signs && !asks_for_dry && job.mode != Mode::Real {
            console.tell("(--plan-out keeps what is shown as a plan, which somebody else can apply)\n");
        }
        let ask = Ask { console, job: &job, subject: Subject::Patch, format };
        let done = match asks {
            true => ask.confirmed(&mut engine),
            false => ask.carried_out(&mut engine, &Map::new(), None),
        };
        engine.close();
        done
    }

    fn errand(self, playbook: Playbook) -> Result<Errand, Failure> {
        let settings = Repository::here()?.settings().patch;
        let canary = self.waves.canary(&settings)?;
        let waves = self.waves.or(settings);
        waves.check(&playbook)?;
        let reboot = match self.reboot {
            Reboot::Never => "never",
            Reboot::IfNeeded => "if-needed",
        };
        let restart = match self.restart_services {
            Restart::Never => "never",
            Restart::IfNeeded => "if-needed",
        };
        let extra = [
            ("patch_security", self.security.into()),
            ("patch_exclude", self.exclude.into()),
            ("patch_allow_removals", self.allow_removals.into()),
            ("patch_allow_failed_sources", self.allow_failed_sources.into()),
            ("patch_reboot", reboot.into()),
            ("patch_reboot_timeout", self.reboot_timeout.into()),
            ("patch_restart", restart.into()),
        ];
        let extra = extra.into_iter().chain(waves.variables());
        let extra = extra.map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect();
        Ok(Errand {
            verb: Verb::Patch,
            targets: self.targets,
            reach: self.reach,
            playbooks: vec![playbook],
            privilege: Some(self.privilege),
            cause: Some(self.cause),
            dry: [
                (self.plan.plan_out.is_some(), "--plan-out"),
                (self.check, "--check"),
                (self.explain, "--explain"),
            ]
            .into_iter()
            .find_map(|(given, option)| given.then_some(option)),
            choice: Choice { extra, explain: self.explain, canary, ..Choice::default() },
        })
    }
}

/// Somebody who is to be shown what would happen, and asked.
pub struct Ask<'a> {
    /// Where.
    pub console: &'a Console,
    /// What about.
    pub job: &'a Job<'a>,
    /// What is shown of it.
    pub subject: Subject,
    /// In which format its results are written.
    pub format: Format,
}

impl Ask<'_> {
    /// Carries it out, bound to what was approved, on hosts that were shown.
    pub fn carried_out(
        &self,
        engine: &mut Engine<'_>,
        approved: &Map,
        shown: Option<&Prepared>,
    ) -> Result<Exit, Failure> {
        let mut prepared = self.job.prepare(approved)?;
        if let Some(shown) = shown {
            prepared.keep_only(&shown.hosts.iter().cloned().collect());
        }
        let show = Show::new(self.console, self.subject, self.format);
        Ok(self.job.carry_out_as(engine, &prepared, show, approved.clone(), &mut |_| {})?.exit)
    }

    /// Shows what would happen, asks for the number of hosts, and does exactly what was shown.
    pub fn confirmed(&self, engine: &mut Engine<'_>) -> Result<Exit, Failure> {
        let (console, job) = (self.console, self.job);
        let prepared = job.prepare_preview()?;
        // What is asked about is for people; the results of the run itself keep their format and stdout.
        let mut show = Show::preview(console, self.subject);
        let mut preview = Preview::default();
        let mut listen = |event: &Event| {
            preview.event(event);
            show.event(event);
        };
        listen(&job.begins(&Mode::Dry { why: "this is what would happen".into() }, &prepared.hosts));
        let opening = job.opening(&prepared);
        opening.iter().for_each(&mut listen);
        engine.run(&prepared.order, &mut listen);
        let exit = show.finish()?;
        let hosts = preview.hosts();
        if exit == Exit::Interrupted {
            job.looked_only(&prepared.hosts);
            return Ok(exit);
        }
        let held = opening.iter().any(|event| matches!(event, Event::HeldOut(_)));
        let exit = exit.worst(if held { Exit::Refused } else { Exit::Well });
        // A run that somebody goes on with comes to its end in the ledger even where nothing is left to do.
        let ends_a_run = job.bound().resumes.is_some();
        if hosts == 0 {
            console.tell("\nNothing to do.\n");
            if !ends_a_run {
                job.looked_only(&prepared.hosts);
                return Ok(exit);
            }
        } else {
            let agreed = self.agreed(engine, &preview);
            if !matches!(agreed, Ok(true)) {
                job.looked_only(&prepared.hosts);
            }
            if !agreed? {
                console.tell("Stopped; nothing was changed.\n");
                return Ok(exit);
            }
        }
        match (&job.bound().approved, self.subject) {
            (Some(approved), _) => self.carried_out(engine, approved, Some(&prepared)),
            (None, Subject::Patch) => self.carried_out(engine, &preview.approved(), Some(&prepared)),
            (None, _) => self.carried_out(engine, &Map::new(), Some(&prepared)),
        }
    }

    /// Asks for the number of hosts, and apart from that for the number of packages that would be removed.
    fn agreed(&self, engine: &Engine<'_>, preview: &Preview) -> Result<bool, Failure> {
        Ok(ask::number_of_hosts(self.console, engine, preview.hosts())?
            && match preview.removals() {
                0 => true,
                removals => ask::number_of_removals(self.console, engine, removals)?,
            })
    }
}

/// What was shown, so that exactly that is done.
#[derive(Default)]
struct Preview {
    packages: BTreeMap<HostName, Vec<String>>,
    changing: BTreeSet<HostName>,
    removed: usize,
}

impl Preview {
    fn event(&mut self, event: &Event) {
        match event {
            Event::TaskEnds(end) if end.module == "apply_updates" => {
                let packages = end.result["packages"].as_array().into_iter().flatten();
                let exact = |package: &Value| {
                    Some(format!("{}={}", package["name"].as_str()?, package["to"].as_str()?))
                };
                let removed = end.result["removed"].as_array().into_iter().flatten();
                let removed: Vec<String> =
                    removed.filter_map(|package| Some(format!("{}-", package["name"].as_str()?))).collect();
                self.removed += removed.len();
                let approved = self.packages.entry(end.host.clone()).or_default();
                approved.extend(packages.filter_map(exact).chain(removed));
            }
            Event::RunEnds { recap, .. } => {
                let changing = recap.iter().filter(|(_, counts)| counts.changed > 0);
                self.changing.extend(changing.map(|(host, _)| host.clone()));
            }
            _ => {}
        }
    }

    /// How many hosts would be changed.
    fn hosts(&self) -> usize {
        self.changing.len()
    }

    /// How many packages would be removed, on all hosts.
    fn removals(&self) -> usize {
        self.removed
    }

    /// The variable that binds each host to what was shown of it; a host that was not shown gets nothing.
    fn approved(&self) -> Map {
        let only = self.packages.iter().map(|(host, list)| (host.to_string(), Value::from(list.clone())));
        Map::from_iter([("patch_only".to_owned(), Value::Object(only.collect()))])
    }
}
