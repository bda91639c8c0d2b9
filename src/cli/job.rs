//! A job: what verbs that reach hosts have in common. It finds out who is typing and what they may do, prepares the
//! order, and carries it out between the ledger's intent and outcome.

mod carry_out;
mod fresh;
mod guards;
mod prepare;

use super::ansible_settings::takes_any_condition;
use super::args::Targets;
use super::audit::Judge;
use super::bound::Bound;
use super::errand::Errand;
use super::holds::{self, Keeper};
use super::repository::Repository;
use super::roles_path::roles_path;
use super::vault;
use super::who::{Who, home};
use super::withheld::{guarded, not_withheld, withheld};
use super::{Console, Exit, Failure};
use crate::event::Mode;
use crate::execute::Holds;
use crate::ledger::Commit;
use crate::load::Inventory;
use crate::model::{HostName, Map, RunId, Secret};
use crate::people::{Permission, Roster, Verb, random_bytes};
use crate::plan::root_of;
use crate::template::{Beneath, Templates, Withheld};
use crate::vault::Vault;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// A job that may begin.
pub struct Job<'a> {
    console: &'a Console,
    errand: Errand,
    repository: Repository,
    inventory: Inventory,
    who: Who,
    /// Whether anything may be changed, and if not, why not.
    pub mode: Mode,
    password: Option<Secret>,
    /// What templates may learn once somebody said yes, and before.
    templates: [Arc<Templates>; 2],
    vault: Arc<Vault>,
    holds: Arc<Holds>,
    run: RunId,
    judge: Option<Judge>,
    bound: Bound,
    commit: OnceCell<Option<Commit>>,
    keeper: OnceCell<Option<Arc<Keeper>>>,
    withheld: Withheld,
    /// Whether the group has sealed values, once that was looked for.
    has_sealed: Cell<bool>,
    /// Why a dry run foretells what it would otherwise carry out.
    held_back: OnceCell<String>,
}

impl<'a> Job<'a> {
    /// Reads the inventory and finds out who is typing and what they may do.
    ///
    /// # Errors
    /// Something can't be read, or they may not do this.
    pub fn open(console: &'a Console, errand: Errand) -> Result<Self, Failure> {
        let repository = Repository::here()?;
        let who = Who::find(console, &repository)?;
        Self::open_for(console, errand, repository, who)
    }

    /// The same for somebody who has proven already who they are.
    ///
    /// # Errors
    /// As [`Job::open`].
    pub fn open_for(
        console: &'a Console,
        errand: Errand,
        repository: Repository,
        who: Who,
    ) -> Result<Self, Failure> {
        let inventory = repository.inventory(&errand.targets)?;
        if let Some(cause) = &errand.cause {
            cause.check(&repository)?;
        }
        let mode = match (who.standing.may(errand.verb), errand.dry) {
            (Permission::Refuse { why }, _) => return Err(Failure::new(Exit::Refused, why)),
            (Permission::DryRun { why }, _) => Mode::Dry { why },
            (Permission::Change, Some(why)) => Mode::Dry { why: why.into() },
            (Permission::Change, None) => Mode::Real,
        };
        let password = match &errand.privilege {
            Some(privilege) => privilege.password(console)?,
            None => None,
        };
        if matches!(errand.verb, Verb::Run | Verb::Patch | Verb::Apply) {
            holds::check_names(console, &repository, &inventory)?;
        }
        let playbook = errand.playbooks.first().map(|playbook| repository.named(&playbook.file));
        let holds = holds::gather(&repository, &who, &inventory, (errand.verb, playbook.as_deref()))?;
        let folders = errand.playbooks.iter().filter_map(|playbook| playbook.file.parent());
        let named = roles_path(home().as_deref());
        let vault = Arc::new(vault::opener(console, repository.root(), &who, mode != Mode::Real));
        let allow_dirty = errand.cause.as_ref().is_some_and(|cause| cause.allow_dirty);
        let changes =
            mode == Mode::Real && matches!(errand.verb, Verb::Run | Verb::Patch | Verb::Apply | Verb::Access);
        let withheld = match who.standing.may(errand.verb) {
            Permission::Change if changes && !allow_dirty => withheld(&repository),
            Permission::Change => withheld(&repository).noting(),
            _ => Withheld::default(),
        };
        not_withheld(&withheld, &repository, &errand)?;
        let readable: Vec<PathBuf> = folders.map(root_of).chain(named.iter().cloned()).collect();
        let beneath = || Beneath::new(readable.clone()).without(withheld.clone()).opening(vault.clone());
        let before = beneath().without(guarded(&withheld, &repository, allow_dirty)).keeping_environment();
        let templates = |controller: Beneath| {
            Arc::new(Templates::new(Arc::new(controller)).taking_any_condition(takes_any_condition()))
        };
        // What a lookup runs here stands in no plan, and in no preview.
        let acts = mode == Mode::Real && !matches!(errand.verb, Verb::Apply | Verb::Access);
        let templates = [templates(beneath().acting(acts)), templates(before)];
        Ok(Self {
            console,
            errand,
            repository,
            inventory,
            who,
            mode,
            password,
            templates,
            vault,
            holds: Arc::new(holds),
            run: run_id()?,
            judge: None,
            bound: Bound::default(),
            commit: OnceCell::new(),
            keeper: OnceCell::new(),
            withheld,
            has_sealed: Cell::new(false),
            held_back: OnceCell::new(),
        })
    }

    /// The same, with its findings judged.
    #[must_use]
    pub fn judged_by(self, judge: Judge) -> Self {
        Self { judge: Some(judge), ..self }
    }

    /// The same bound to what a plan or an earlier run says.
    #[must_use]
    pub fn bound_to(self, bound: Bound) -> Self {
        Self { bound, ..self }
    }

    /// The same under the id of an earlier run, which it goes on with.
    #[must_use]
    pub fn going_on_with(self, run: RunId) -> Self {
        Self { run, ..self }
    }

    /// The same on these hosts alone.
    #[must_use]
    pub fn only_on(mut self, hosts: BTreeSet<HostName>) -> Self {
        self.bound.hosts = Some(hosts);
        self
    }

    /// Its run's id.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What was typed.
    pub fn verb(&self) -> Verb {
        self.errand.verb
    }

    /// The variables that were given.
    pub fn extra(&self) -> &Map {
        &self.errand.choice.extra
    }

    /// Which hosts were named.
    pub fn targets(&self) -> &Targets {
        &self.errand.targets
    }

    /// Who is typing.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// The ops repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// What binds it.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Whether this is a dry run by somebody who might have changed things.
    fn is_cleared(&self) -> bool {
        self.who.standing.may(self.errand.verb) == Permission::Change
    }

    /// By what findings are judged.
    pub fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// The inventory.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The playbooks, as the ledger names them; a built-in one as if it lay in the repository.
    pub fn playbooks(&self) -> Vec<String> {
        let name = |playbook: &crate::load::Playbook| {
            let name = self.repository.named(&playbook.file);
            name.strip_prefix("(built in)/").map(str::to_owned).unwrap_or(name)
        };
        self.errand.playbooks.iter().map(name).collect()
    }

    /// The roster, if there is one.
    pub fn roster(&self) -> Option<&Roster> {
        self.who.roster.as_ref()
    }
}

fn run_id() -> Result<RunId, Failure> {
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = random_bytes()?;
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
    Ok(RunId::from_parts(now, u128::from_le_bytes(bytes)))
}
