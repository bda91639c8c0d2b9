//! The plan of a run that somebody picks up: it is read again, those behind it are counted again, and nothing is sent that is
//! not in it. An intent alone says who began a run, and not what others agreed to.

use super::apply::{is_in_time, may_be_sent, read, versions};
use super::bound::{Bound, brings_nothing_else, differences};
use super::console::shown;
use super::four_eyes::{FourEyes, behind, enough};
use super::repository::Repository;
use super::runs::Known;
use super::who::Who;
use super::{Console, Exit, Failure, plan_key};
use crate::ledger::plan::{PLAN_BYTES_MAX, Plan};
use crate::ledger::{Details, PlanRef, Typed};
use crate::model::{Digest, HostName};
use crate::people::Roster;
use crate::plan::Approved;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A plan whose run is picked up.
pub struct PlanAgain {
    plan: Plan,
    plan_ref: PlanRef,
    file: PathBuf,
}

/// A plan behind which enough people still stand.
pub struct Agreed {
    plan: Plan,
    plan_ref: PlanRef,
    may_be_sent: BTreeMap<HostName, Approved>,
}

impl Agreed {
    /// What was typed as it was made.
    pub fn typed(&self) -> Typed {
        self.plan.typed.clone()
    }

    /// Binds whoever picks its run up to it.
    pub fn bind(self, bound: &mut Bound) {
        let hosts = bound.hosts.iter().flatten().filter(|host| self.plan.hosts.contains_key(*host));
        bound.approved = Some(versions(&self.plan, hosts)).filter(|approved| !approved.is_empty());
        bound.speaks_to = Some(self.plan.hosts.keys().cloned().collect());
        bound.plan = Some(self.plan_ref);
        bound.may_be_sent = Some(self.may_be_sent);
    }
}

impl PlanAgain {
    /// Finds a run's plan: in the file that was named, else below plans/.
    ///
    /// # Errors
    /// It isn't there, is another one, not by whom it says, or too old.
    pub fn find(
        named: Option<&Path>,
        wanted: &PlanRef,
        root: &Path,
        roster: &Roster,
    ) -> Result<Self, Failure> {
        let file = match named {
            Some(file) => file.to_owned(),
            None => below(&root.join("plans"), wanted.digest).ok_or_else(|| {
                let message =
                    format!("the run carries out a plan of {}, which is not below plans/", wanted.maker);
                Failure::new(Exit::Refused, message).hint("say where it lies with --plan FILE")
            })?,
        };
        let (plan, plan_ref) = read(&file, roster)?;
        if plan_ref.digest != wanted.digest {
            let message = format!("{} is not the plan that the run carries out", shown(&file));
            return Err(Failure::new(Exit::Refused, message));
        }
        is_in_time(&plan)?;
        Ok(Self { plan, plan_ref, file })
    }

    /// What is no longer as it was when the plan was made.
    pub fn differences(&self, repository: &Repository, root: &Path) -> Vec<String> {
        let (inventory, commit) = (self.plan.inventory.clone(), self.plan.commit.clone());
        let then = Details { inventory, commit, ..Details::default() };
        let mut found = differences(&self.plan.typed, &then, repository, root);
        if self.plan.commit.as_ref().is_some_and(|commit| commit.dirty) {
            found.push("the plan was made with changes that were not committed".into());
        }
        found
    }

    /// Counts those behind it, whoever picks it up among them; and what may be sent.
    ///
    /// # Errors
    /// They are too few, or more than one is asked for and the plan was made from something else.
    pub fn agreed(
        mut self,
        console: &Console,
        who: &Who,
        repository: &Repository,
        known: &Known,
        is_as_made: bool,
    ) -> Result<Agreed, Failure> {
        let (Some(me), Some(roster)) = (who.identity.proven(), &who.roster) else {
            return Err(Failure::new(Exit::Refused, "nobody knows who you are"));
        };
        let inventory = repository.inventory_named(self.plan.typed.inventory.as_deref())?;
        let eyes = FourEyes::of(repository, roster, &inventory)?;
        let people = behind(&known.record, &known.report, roster, &self.plan_ref, jiff::Zoned::now().date());
        let others = people.iter().filter(|name| **name != me.operator && **name != self.plan_ref.maker);
        self.plan_ref.approved_by = others.cloned().collect();
        enough(&eyes, &self.plan, people, &me.operator, &shown(&self.file))?;
        let held = self.plan.hosts.keys().find(|host| eyes.needed(host) > 1);
        if let (false, Some(host)) = (is_as_made, held) {
            let message = format!(
                "the plan was made from something else, and on {host} nothing is done to which one person alone agreed"
            );
            return Err(Failure::new(Exit::Refused, message)
                .hint("check out what it was made from, or make a new plan and have it approved"));
        }
        brings_nothing_else(&self.plan.typed, &self.plan.typed.variables)?;
        let key = plan_key::open(console, who, &mut self.plan)?;
        let may_be_sent = may_be_sent(&self.plan, key.as_ref());
        Ok(Agreed { plan: self.plan, plan_ref: self.plan_ref, may_be_sent })
    }
}

/// The file of this digest in a folder.
fn below(folder: &Path, digest: Digest) -> Option<PathBuf> {
    let files = std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files = files.filter(|file| file.extension().is_some_and(|end| end == "json"));
    files.find(|file| {
        let is_small = file.metadata().is_ok_and(|about| about.is_file() && about.len() <= PLAN_BYTES_MAX);
        is_small && std::fs::read(file).is_ok_and(|bytes| Digest::of(&bytes) == digest)
    })
}
