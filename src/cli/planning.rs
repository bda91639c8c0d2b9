//! `--plan-out`: a dry run whose outcome is kept as a plan, signed by whoever makes it.

use super::bound;
use super::console::shown;
use super::engine::Engine;
use super::job::Job;
use super::output::OutputFile;
use super::plan_key::PlanKey;
use super::record::{About, Record};
use super::show::Show;
use super::{Console, Exit, Failure, commit};
use crate::execute::Prepared;
use crate::ledger::plan::{Gather, HostPlan, Plan, PlanError, Weight};
use crate::ledger::{Details, Kind, PlanRef};
use crate::model::{Digest, Map};
use crate::modules::{self, Effect};
use crate::people::{PLAN_NAMESPACE, Proven};
use crate::report::{Format, Subject};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};

/// Modules that act on what the changes before them came to: they are planned with these.
pub const FOLLOW_UPS: [&str; 2] = ["reboot", "restart_services"];

/// A dry run that is kept.
#[derive(Args, Clone)]
#[command(next_help_heading = "Plan")]
pub struct PlanOut {
    /// Dry run whose outcome is kept for 'wgops apply': in FILE, in a directory, on stdout (-), or below plans/
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "")]
    pub plan_out: Option<String>,
    /// How long the plan can be applied, in days (7d) or hours (12h)
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = lifetime)]
    pub expires: SignedDuration,
}

/// Longest time that a plan counts.
pub const LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);

fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let wrong = || "expected days or hours, such as 7d or 12h, at most 90d".to_owned();
    let (hours, digits) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(digits), _) => (24, digits),
        (_, Some(digits)) => (1, digits),
        _ => return Err(wrong()),
    };
    let count: u16 = digits.parse().map_err(|_| wrong())?;
    let hours = i64::from(count) * hours;
    if (1..=LIFETIME_MAX.as_hours()).contains(&hours) {
        Ok(SignedDuration::from_hours(hours))
    } else {
        Err(wrong())
    }
}

/// What it means for a plan that only the real run knows what a module does.
pub fn weigh(module: &str) -> Weight {
    match modules::find(module) {
        Some(found) if FOLLOW_UPS.contains(&found.name) => Weight::Follows,
        Some(found) if found.effect != Effect::OnHost => Weight::None,
        _ => Weight::Unknown,
    }
}

/// A plan in the making.
pub struct Planning<'a> {
    /// Where.
    pub console: &'a Console,
    /// The dry run.
    pub job: &'a Job<'a>,
    /// What is shown of it.
    pub subject: Subject,
    /// In which format that is written.
    pub format: Format,
    /// Where the plan goes.
    pub out: &'a PlanOut,
}

impl Planning<'_> {
    /// Makes the dry run, shows it, and writes the plan.
    ///
    /// # Errors
    /// The plan would hold secrets, or it can't be written, signed or recorded.
    pub fn make(&self, engine: &mut Engine<'_>, prepared: &Prepared) -> Result<Exit, Failure> {
        let typed = self.job.typed();
        bound::brings_nothing_else(&typed, self.job.extra())?;
        if !typed.withheld.is_empty() {
            let names = typed.withheld.join(", ");
            return Err(Failure::usage(format!("a plan holds no secrets, and {names} looks like one"))
                .hint("keep it in a sealed variables file instead of -e"));
        }
        let to_stdout = self.out.plan_out.as_deref() == Some("-");
        let target = if to_stdout { None } else { Some(self.target()?) };
        let file = target.as_deref().map(OutputFile::create).transpose()?;
        let key = PlanKey::draw()?;
        let mask = |text: &str| self.console.masks.masked(text).into_owned();
        let mut gather = Gather::new(&weigh, Some(key.nonce()), &mask);
        let show = match to_stdout {
            true => Show::preview(self.console, self.subject),
            false => Show::new(self.console, self.subject, self.format),
        };
        let ended =
            self.job.carry_out_as(engine, prepared, show, Map::new(), &mut |event| gather.event(event))?;
        let mut plan = self.plan(typed)?;
        plan.hosts = gather.hosts;
        let met = engine.note_keys(&mut plan.hosts);
        if plan.holds_secrets() {
            let words = plan.sealed_words();
            match key.sealed(self.console, self.job.roster(), &self.job.opened(), &words) {
                Ok(sealed) => plan.secrets = Some(sealed),
                Err(why) => plan.without_secrets(&why),
            }
        }
        let is_idle = |host: &HostPlan| host.is_empty() && host.unknown.is_empty() && host.after.is_empty();
        if target.is_some() && plan.hosts.values().all(is_idle) {
            self.console.tell("\nThere is nothing to do, so no plan is kept.\n");
            return Ok(ended.exit);
        }
        let bytes = plan.bytes()?;
        match (file, target) {
            (Some(file), Some(target)) => self.keep(&plan, &bytes, file, &target)?,
            _ => {
                self.console.result(&String::from_utf8_lossy(&bytes))?;
                self.console.tell("A plan on stdout is not signed, and can't be applied: name a file.\n");
            }
        }
        Ok(ended.exit.worst(met))
    }

    fn plan(&self, typed: crate::ledger::Typed) -> Result<Plan, Failure> {
        let (job, now) = (self.job, Timestamp::now());
        let expires = now.checked_add(self.out.expires).unwrap_or(now);
        let maker = job.who().identity.proven().map(|proven| proven.operator.clone());
        let mut plan = Plan::new(job.run(), maker, job.verb(), typed, [now, expires]);
        plan.group = job.who().roster.as_ref().and_then(|roster| roster.origin);
        plan.inventory = bound::inventory_source(job.repository(), job.targets())?;
        plan.commit = match job.repository().root() {
            Some(root) if commit::is_in_git(root) => Some(job.as_taken(commit::of(root, true)?)),
            _ => None,
        };
        Ok(plan)
    }

    /// Where the plan goes.
    fn target(&self) -> Result<PathBuf, Failure> {
        let named = PathBuf::from(self.out.plan_out.clone().unwrap_or_default());
        let name = format!("{}.plan.json", self.job.run());
        if named.as_os_str().is_empty() {
            return Ok(self.plans()?.join(name));
        }
        let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
        let plans = self.job.repository().root().map(|root| root.join("plans"));
        if let (Some(folder), Some(plans)) = (folder, plans)
            && std::path::absolute(folder).is_ok_and(|folder| folder == plans)
        {
            self.plans()?;
        }
        Ok(if named.is_dir() { named.join(name) } else { named })
    }

    /// The folder of saved plans, made where it is missing.
    fn plans(&self) -> Result<PathBuf, Failure> {
        let plans = self.job.repository().needed()?.join("plans");
        if plans.is_symlink() {
            return Err(Failure::usage(format!(
                "{} is a link, and could lead out of the ops repository",
                shown(&plans)
            ))
            .hint("make it a folder, or name a file with --plan-out FILE"));
        }
        std::fs::create_dir_all(&plans)
            .map_err(|error| Failure::usage(format!("can't make {}: {error}", shown(&plans))))?;
        Ok(plans)
    }

    /// Signs the plan, writes both files, and records it.
    fn keep(&self, plan: &Plan, bytes: &[u8], file: OutputFile, target: &Path) -> Result<(), Failure> {
        let proven = self.job.who().identity.proven();
        write(file, bytes)?;
        if let Some(proven) = proven {
            let signature = sign(proven, bytes)?;
            write(OutputFile::create(&target.with_added_extension("sig"))?, signature.as_bytes())?;
            self.record(plan, bytes, proven)?;
        }
        let (applicable, unknown): (Vec<_>, Vec<_>) = plan
            .hosts
            .iter()
            .filter(|(_, host)| !host.is_empty() || !host.unknown.is_empty())
            .partition(|(_, host)| host.unknown.is_empty());
        let mut said = format!(
            "\nPlan for {} in {}, until {}.\n",
            match applicable.len() {
                1 => "1 host".to_owned(),
                many => format!("{many} hosts"),
            },
            shown(target),
            plan.expires
        );
        for (host, planned) in unknown {
            said.push_str(&format!("Not applicable on {host}: {}\n", planned.unknown.join("; ")));
        }
        said.push_str(&match proven {
            Some(_) if applicable.is_empty() => "Nothing in it can be applied.\n".to_owned(),
            Some(_) => {
                let named = self.job.repository().named(target);
                format!(
                    "Whoever may change servers applies it with 'wgops apply {}', once it and the ledger are committed and pushed.\n",
                    crate::report::one_line(&named)
                )
            }
            None => {
                "It is not signed, because no key of yours is in the roster: nobody can apply it.\n".into()
            }
        });
        self.console.tell(&said);
        Ok(())
    }

    fn record(&self, plan: &Plan, bytes: &[u8], proven: &Proven) -> Result<(), Failure> {
        let plan_ref =
            PlanRef { digest: Digest::of(bytes), maker: proven.operator.clone(), approved_by: Vec::new() };
        let hosts = plan.hosts.iter().filter(|(_, host)| !host.is_empty()).map(|(name, _)| name.clone());
        let details = Details {
            hosts: hosts.collect(),
            commit: plan.commit.clone(),
            inventory: plan.inventory.clone(),
            plan: Some(plan_ref),
            ..Details::default()
        };
        let about = About { run: plan.id, verb: plan.verb, details };
        let root = self.job.repository().root();
        match Record::open(self.console, root, self.job.who(), about)? {
            Some(record) => record.say(Kind::Plan),
            None => Ok(()),
        }
    }
}

fn write(mut file: OutputFile, bytes: &[u8]) -> Result<(), Failure> {
    if let Err(error) = std::io::Write::write_all(file.writer(), bytes) {
        return Err(file.failed(&error));
    }
    file.finish()
}

fn sign(proven: &Proven, bytes: &[u8]) -> Result<String, Failure> {
    let failed = |why: String| Failure::new(Exit::Refused, format!("the plan can't be signed: {why}"));
    let signature = proven.signer.sign(PLAN_NAMESPACE, bytes).map_err(|error| failed(error.to_string()))?;
    proven.key.verify(PLAN_NAMESPACE, bytes, &signature).map_err(|error| failed(error.to_string()))?;
    Ok(signature)
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match &error {
            PlanError::NoPlan(_) | PlanError::Version(_) | PlanError::ControlCharacters(_) => {
                Self::of(Exit::Usage, &error)
            }
            PlanError::Expired(_) | PlanError::Spent { .. } => {
                Self::of(Exit::Refused, &error).hint("make a new one with --plan-out")
            }
            PlanError::Unsigned => Self::of(Exit::Refused, &error).hint(
                "its signature lies beside it, with .sig behind its name: pull, or have whoever made it commit both; \
                 whoever is not in the roster makes none that counts",
            ),
            PlanError::Signature { .. } => Self::of(Exit::Refused, &error).hint(
                "nothing of it is done: 'git log -p -- PLAN' says who changed it; whoever made it makes a new one with --plan-out",
            ),
            PlanError::OtherGroup => Self::of(Exit::Refused, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_lives_for_hours_or_days_and_not_for_ever() {
        assert_eq!(lifetime("7d"), Ok(SignedDuration::from_hours(168)));
        assert_eq!(lifetime("12h"), Ok(SignedDuration::from_hours(12)));
        for wrong in ["", "d", "0d", "-1d", "91d", "7", "1w", "1.5d", "99999999999d"] {
            assert!(lifetime(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_only_the_real_run_knows_weighs_as_the_module_does() {
        assert_eq!(weigh("reboot"), Weight::Follows);
        assert_eq!(weigh("debug"), Weight::None);
        assert_eq!(weigh("copy"), Weight::Unknown);
        assert_eq!(weigh("no_such_module"), Weight::Unknown);
    }
}
