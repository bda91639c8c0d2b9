//! What a job minds before hosts are changed: hosts that are held out, news in the ops repository, and what is not committed.

use super::Job;
use crate::cli::bound::BUILT_IN;
use crate::cli::console::shown;
use crate::cli::four_eyes::FourEyes;
use crate::cli::holds::{self, Glass, Keeper};
use crate::cli::machines::Machines;
use crate::cli::{Exit, Failure, commit};
use crate::event::{Event, HeldOut, HoldCause, Mode};
use crate::execute::Prepared;
use crate::ledger::Commit;
use crate::model::{HostName, OperatorName};
use crate::people::{Standing, Verb};
use crate::plan::Conduct;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

impl Job<'_> {
    /// Whether windows, freezes and claims are about it. Who may log in is not: somebody who leaves is gone today.
    pub(super) fn minds_the_hour(&self) -> bool {
        matches!(self.errand.verb, Verb::Run | Verb::Patch | Verb::Apply)
    }

    /// Leaves out hosts that are held out, where this is about changing them and nobody broke the glass. More people than one
    /// are asked for behind the glass, too.
    pub(super) fn hold_out(&self, prepared: &mut Prepared) -> Result<(), Failure> {
        let Some(keeper) = self.keeper()? else { return Ok(()) };
        let held = |host: &HostName| keeper.of(host, &prepared.access.get(host)?.connection, Glass::Whole);
        let held = prepared.hosts.iter().filter_map(held);
        let (mut alone, others): (Vec<HeldOut>, Vec<HeldOut>) =
            held.partition(|held| held.cause == HoldCause::FourEyes);
        match (self.mode == Mode::Real, self.break_glass()) {
            (true, None) => {
                alone.extend(others);
                holds::hold_out(prepared, alone)?;
            }
            (true, Some(_)) => {
                holds::hold_out(prepared, alone)?;
                prepared.held.extend(others);
                return Ok(());
            }
            (false, _) => {
                alone.extend(others);
                // Where a host is held out, tasks with 'check_mode: false' are foretold like all others.
                if !alone.is_empty() && matches!(prepared.order.conduct, Conduct::DryButForced) {
                    prepared.order.conduct = Conduct::Dry;
                }
                prepared.held = alone;
                return Ok(());
            }
        }
        // Who goes on with a run may have its canaries behind them.
        if self.bound.resumes.is_some() { Ok(()) } else { holds::keeps_a_canary(prepared) }
    }

    /// Whether hosts are about to be changed, by a run or in who may log in.
    pub(super) fn is_about_to_change(&self) -> bool {
        let verb = matches!(self.errand.verb, Verb::Run | Verb::Patch | Verb::Apply | Verb::Access);
        self.mode == Mode::Real && !self.errand.choice.explain && verb
    }

    /// What the record will refuse later is refused before anybody is asked anything.
    pub(super) fn refuse_uncommitted(&self) -> Result<(), Failure> {
        if self.is_about_to_change() { self.commit(self.allows_dirty()).map(|_| ()) } else { Ok(()) }
    }

    /// The commit that the ops repository is at, as it was when first asked for: what is carried out was read by then.
    pub(super) fn commit(&self, allow_dirty: bool) -> Result<Option<Commit>, Failure> {
        let fits = |known: &&Option<Commit>| allow_dirty || known.as_ref().is_none_or(|commit| !commit.dirty);
        if let Some(known) = self.commit.get().filter(fits) {
            return Ok(known.clone());
        }
        let mut found = match self.repository.root() {
            Some(root) => Some(commit::of(root, allow_dirty)?),
            None => None,
        };
        if let (Some(found), Some(begun)) = (&mut found, self.withheld.commit())
            && found.id != begun
        {
            if !allow_dirty {
                return Err(Failure::new(
                    Exit::Refused,
                    "another commit was checked out in the ops repository since this began",
                )
                .hint("type it again: what it does is then read from one commit"));
            }
            found.dirty = true;
        }
        if let (Some(found), Some(outside)) = (&mut found, self.outside()) {
            if !allow_dirty {
                let message =
                    format!("{} is outside of the ops repository, and in no commit of it", shown(&outside));
                return Err(Failure::new(Exit::Refused, message)
                    .hint("commit it there, or go on with --allow-dirty, which the ledger records"));
            }
            found.dirty = true;
        }
        Ok(self.commit.get_or_init(|| found).clone())
    }

    /// A playbook or an inventory that lies outside of the ops repository.
    fn outside(&self) -> Option<PathBuf> {
        let root = self.repository.root()?.canonicalize().ok()?;
        let playbooks = self.errand.playbooks.iter().map(|playbook| playbook.file.as_path().to_owned());
        let inventories = self.errand.targets.inventory.iter().map(PathBuf::from);
        // A bare name is looked for in the ops repository.
        let inventories = inventories.filter(|path| path.components().count() > 1);
        let lies_outside = |path: &PathBuf| path.canonicalize().is_ok_and(|path| !path.starts_with(&root));
        playbooks.filter(|path| !path.starts_with(BUILT_IN)).chain(inventories).find(lies_outside)
    }

    /// A commit, with whether something was read that is not in it though git sees no change.
    pub fn as_taken(&self, commit: Commit) -> Commit {
        Commit { dirty: commit.dirty || self.withheld.was_taken(), ..commit }
    }

    pub(super) fn break_glass(&self) -> Option<&str> {
        self.errand.cause.as_ref().and_then(|cause| cause.break_glass.as_deref())
    }

    /// What is said as a run begins: claims, windows, and who is held out.
    pub fn opening(&self, prepared: &Prepared) -> Vec<Event> {
        holds::opening(&self.holds, prepared, self.break_glass())
    }

    /// What keeps hosts from being changed; none where nothing could.
    pub(super) fn keeper(&self) -> Result<Option<Arc<Keeper>>, Failure> {
        if let Some(known) = self.keeper.get() {
            return Ok(known.clone());
        }
        let found = if self.minds_the_hour() { self.new_keeper()? } else { None };
        Ok(self.keeper.get_or_init(|| found.map(Arc::new)).clone())
    }

    fn new_keeper(&self) -> Result<Option<Keeper>, Failure> {
        let people = self.people();
        let eyes = match &self.who.roster {
            Some(roster) => Some(FourEyes::of(&self.repository, roster, &self.inventory)?),
            None => None,
        };
        let eyes = eyes.filter(|eyes| eyes.asks_for_more_than(people));
        let holds = Some(self.holds.clone()).filter(|holds| !holds.is_empty());
        if eyes.is_none() && holds.is_none() {
            return Ok(None);
        }
        let machines = Machines::of(&self.repository, &self.inventory, self.settings()?);
        Ok(Some(Keeper { holds, eyes, people, machines }))
    }

    pub(super) fn glass(&self) -> Glass {
        if self.break_glass().is_some() { Glass::Broken } else { Glass::Whole }
    }

    /// How many cleared people stand behind what is done: whoever types, and those behind the plan.
    fn people(&self) -> u32 {
        let (Some(roster), Some(plan)) = (&self.who.roster, &self.bound.plan) else { return 1 };
        let today = jiff::Zoned::now().date();
        let cleared = |name: &&OperatorName| {
            matches!(roster.standing(name, today), Standing::Lead | Standing::Operator)
        };
        let me = self.who.identity.proven().map(|proven| &proven.operator);
        let all = plan.approved_by.iter().chain([&plan.maker]).chain(me);
        let people: BTreeSet<&OperatorName> = all.filter(cleared).collect();
        u32::try_from(people.len()).unwrap_or(u32::MAX)
    }
}
