//! A job: what verbs that reach hosts have in common. It finds out who is typing and what they may do, prepares the
//! order, and carries it out between the ledger's intent and outcome.

use super::args::Targets;
use super::audit::Judge;
use super::bound::{self, Bound};
use super::chronicle::Chronicle;
use super::engine::Engine;
use super::errand::Errand;
use super::forced::Forced;
use super::four_eyes::FourEyes;
use super::holds::{self, Glass, Keeper};
use super::machines::Machines;
use super::record::{About, Record};
use super::repository::Repository;
use super::roles_path::roles_path;
use super::show::Show;
use super::vault;
use super::who::{Who, home};
use super::withheld::{not_withheld, withheld};
use super::{Console, Exit, Failure, access, commit, news};
use crate::event::{Event, HeldOut, HoldCause, Mode, VERSION};
use crate::execute::{Asker, Banner, Fleet, Holds, Prepared, Wish, prepare};
use crate::ledger::{Commit, Details, Typed};
use crate::load::Inventory;
use crate::model::{HostName, Map, OperatorName, RunId, Secret, Value};
use crate::people::{Permission, Roster, Standing, Verb, random_bytes};
use crate::plan::{Conduct, root_of};
use crate::template::{Beneath, Templates, Withheld};
use crate::transport::Settings;
use crate::vault::{Subject, Vault};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Hosts that are connected at a time where nobody says otherwise.
const FORKS: usize = 20;

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
    templates: Arc<Templates>,
    vault: Arc<Vault>,
    holds: Arc<Holds>,
    run: RunId,
    judge: Option<Judge>,
    bound: Bound,
    commit: OnceCell<Option<Commit>>,
    keeper: OnceCell<Option<Arc<Keeper>>>,
    withheld: Withheld,
}

/// How a job ends: what happened, and the exit code as far as hosts decide it.
pub struct Ended {
    /// What happened.
    pub chronicle: Chronicle,
    /// The exit code.
    pub exit: Exit,
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
        let readable = Beneath::new(folders.map(root_of).chain(named.iter().cloned()))
            .without(withheld.clone())
            .acting(mode == Mode::Real)
            .opening(vault.clone());
        let templates = Arc::new(Templates::new(Arc::new(readable)));
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

    /// Checks playbooks, inventory and options, and makes an order of them; `more` variables win over all others.
    ///
    /// # Errors
    /// Everything that is wrong with them, or no host is left to do it on.
    pub fn prepare(&self, more: &Map) -> Result<Prepared, Failure> {
        self.prepare_as(more, self.conduct())
    }

    /// The same for a dry run, whoever is typing.
    ///
    /// # Errors
    /// As [`Job::prepare`].
    pub fn prepare_preview(&self) -> Result<Prepared, Failure> {
        let none = Map::new();
        self.prepare_as(self.bound.approved.as_ref().unwrap_or(&none), Conduct::Dry)
    }

    fn conduct(&self) -> Conduct {
        let changes_nothing_at_all = matches!(self.errand.verb, Verb::Audit | Verb::Facts | Verb::Ping);
        match self.mode {
            _ if changes_nothing_at_all || self.errand.choice.explain => Conduct::Dry,
            Mode::Real => Conduct::Real,
            Mode::Dry { .. } if self.is_cleared() => Conduct::DryButForced,
            Mode::Dry { .. } => Conduct::Dry,
        }
    }

    fn prepare_as(&self, more: &Map, conduct: Conduct) -> Result<Prepared, Failure> {
        let (choice, reach) = (self.errand.choice.clone(), &self.errand.reach);
        let mut extra = choice.extra;
        extra.extend(more.clone());
        let mut prepared = prepare(Wish {
            inventory: self.inventory.clone(),
            playbooks: &self.errand.playbooks,
            limit: self.errand.targets.pattern()?,
            canary: choice.canary,
            tags: choice.tags,
            force_handlers: choice.force_handlers,
            conduct,
            show_diff: choice.show_diff,
            explain: choice.explain,
            verbosity: self.console.view.verbosity,
            privilege: choice.privilege,
            become_password: self.password.clone(),
            extra,
            user: reach.user.clone(),
            private_key: reach.private_key.clone(),
            connection: reach.connection.clone(),
            connect_timeout: reach.timeout.or(self.repository.settings().timeout),
            home: home(),
            templates: self.templates.clone(),
            advisories: self.judge.as_ref().and_then(Judge::advisories),
            roles_path: roles_path(home().as_deref()),
            asker: self.asker()?,
        })?;
        if let Some(hosts) = &self.bound.hosts {
            prepared.keep_only(hosts);
        }
        if prepared.hosts.is_empty() {
            return Err(Failure::usage("no host is left to do this on")
                .hint("compare --limit and the playbook's hosts with 'wgops inventory'"));
        }
        self.hold_out(&mut prepared)?;
        prepared.order.approved = self.bound.may_be_sent.clone();
        prepared.order.asks = super::ask::for_tasks(self.console);
        Ok(prepared)
    }

    /// The account in which whoever is typing asks, if they may change nothing.
    fn asker(&self) -> Result<Option<Asker>, Failure> {
        access::asker(self.repository.settings().access.as_ref(), &self.who, &self.inventory, self.console)
    }

    /// Whether windows, freezes and claims are about it. Who may log in is not: somebody who leaves is gone today.
    fn minds_the_hour(&self) -> bool {
        matches!(self.errand.verb, Verb::Run | Verb::Patch | Verb::Apply)
    }

    /// Leaves out hosts that are held out, where this is about changing them and nobody broke the glass. More people than one
    /// are asked for behind the glass, too.
    fn hold_out(&self, prepared: &mut Prepared) -> Result<(), Failure> {
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
    fn is_about_to_change(&self) -> bool {
        let verb = matches!(self.errand.verb, Verb::Run | Verb::Patch | Verb::Apply | Verb::Access);
        self.mode == Mode::Real && !self.errand.choice.explain && verb
    }

    /// What is new in the ops repository, where somebody is about to change hosts by it; and a clock that is wrong.
    fn tell_news(&self) -> Result<(), Failure> {
        let changes = self.is_about_to_change();
        let Some(root) = self.repository.root().filter(|_| changes) else { return Ok(()) };
        let Some(roster) = &self.who.roster else { return Ok(()) };
        let verified = super::ledger::verified(root, roster, false)?;
        news::tell_clock(self.console, &verified.record);
        news::tell(self.console, root, &verified.record, &verified.report);
        Ok(())
    }

    /// What the record will refuse later is refused before anybody is asked anything.
    fn refuse_uncommitted(&self) -> Result<(), Failure> {
        let allowed = self.errand.cause.as_ref().is_some_and(|cause| cause.allow_dirty);
        if self.is_about_to_change() { self.commit(allowed).map(|_| ()) } else { Ok(()) }
    }

    /// The commit that the ops repository is at, as it was when first asked for: what is carried out was read by then.
    fn commit(&self, allow_dirty: bool) -> Result<Option<Commit>, Failure> {
        let fits = |known: &&Option<Commit>| allow_dirty || known.as_ref().is_none_or(|commit| !commit.dirty);
        if let Some(known) = self.commit.get().filter(fits) {
            return Ok(known.clone());
        }
        let found = match self.repository.root() {
            Some(root) => commit::of(root, allow_dirty)?,
            None => None,
        };
        Ok(self.commit.get_or_init(|| found).clone())
    }

    /// A commit, with whether something was read that is not in it though git sees no change.
    pub fn as_taken(&self, commit: Commit) -> Commit {
        Commit { dirty: commit.dirty || self.withheld.was_taken(), ..commit }
    }

    fn break_glass(&self) -> Option<&str> {
        self.errand.cause.as_ref().and_then(|cause| cause.break_glass.as_deref())
    }

    /// What is said as a run begins: claims, windows, and who is held out.
    pub fn opening(&self, prepared: &Prepared) -> Vec<Event> {
        holds::opening(&self.holds, prepared, self.break_glass())
    }

    /// Starts the engine for the hosts of an order.
    ///
    /// # Errors
    /// The system gives no threads, or a file leads out of the repository.
    pub fn engine(&self, prepared: &Prepared) -> Result<Engine<'a>, Failure> {
        self.console.warn(&prepared.warnings);
        self.refuse_uncommitted()?;
        self.tell_news()?;
        let forks = self.errand.reach.forks.map(usize::from).or(self.repository.settings().forks);
        let fleet = Fleet::new(self.settings()?, forks.unwrap_or(FORKS), prepared.access.clone(), self.run);
        let fleet = if self.bound.resumes.is_some() { fleet.resuming() } else { fleet };
        let admission = self.keeper()?.map(|keeper| holds::admission(keeper, self.glass()));
        Engine::start(self.console, fleet.under(self.banner()?).admitting(admission))
    }

    /// What keeps hosts from being changed; none where nothing could.
    fn keeper(&self) -> Result<Option<Arc<Keeper>>, Failure> {
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

    fn glass(&self) -> Glass {
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

    fn settings(&self) -> Result<Settings, Failure> {
        let login = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let home = home().unwrap_or_else(|| PathBuf::from("/nonexistent"));
        let mut settings = Settings::new(home, login.unwrap_or_else(|| "root".into()));
        let folder = self.errand.playbooks.first().and_then(|playbook| playbook.file.parent());
        settings.here =
            folder.and_then(|folder| std::path::absolute(folder).ok()).filter(|here| here.is_dir());
        settings.known_hosts.extend(self.repository.file("inventory/known_hosts")?);
        settings.agent_socket =
            std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
        Ok(settings)
    }

    /// What hosts are told of who changes them.
    fn banner(&self) -> Result<Banner, Failure> {
        let holder = match self.who.identity.proven() {
            Some(proven) => format!("{} ({})", proven.operator, proven.role),
            None => "somebody without a key in the roster".into(),
        };
        let spends = self.bound.plan.as_ref().map(|plan| format!("plan {}", plan.digest));
        let of_plan = spends.as_ref().map(|plan| format!(", {plan}")).unwrap_or_default();
        let announcement = format!("run {} ({}) by {holder}{of_plan}", self.run, self.errand.verb);
        let process = random_bytes()?.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Banner { holder, announcement, spends, process })
    }

    /// The event with which a run begins.
    pub fn begins(&self, mode: &Mode, hosts: &[HostName]) -> Event {
        Event::RunBegins {
            version: VERSION,
            run: self.run,
            verb: self.errand.verb.to_string(),
            mode: mode.clone(),
            hosts: hosts.to_vec(),
        }
    }

    /// Carries out an order: intent, run, outcome.
    ///
    /// # Errors
    /// The intent can't be recorded, so nothing was begun; or the outcome or the report can't be written.
    pub fn carry_out(
        &self,
        engine: &mut Engine<'_>,
        prepared: &Prepared,
        show: Show,
    ) -> Result<Ended, Failure> {
        self.carry_out_as(engine, prepared, show, Map::new(), &mut |_| {})
    }

    /// The same bound to what was `approved`, which is recorded; `also` hears every event.
    ///
    /// # Errors
    /// As [`Job::carry_out`].
    pub fn carry_out_as(
        &self,
        engine: &mut Engine<'_>,
        prepared: &Prepared,
        mut show: Show,
        approved: Map,
        also: &mut dyn FnMut(&Event),
    ) -> Result<Ended, Failure> {
        let forced = (prepared.order.conduct == Conduct::DryButForced).then(|| Forced::of(&prepared.order));
        let forced = forced.filter(Forced::any);
        let changes = prepared.order.conduct == Conduct::Real || forced.is_some();
        let record = self.record(prepared, changes, approved)?;
        let _held = match record.as_ref().filter(|_| changes) {
            Some(record) => Some(record.intent()?),
            None => None,
        };
        let mut chronicle = Chronicle::of(self.repository.root());
        let mut listen = |event: &Event| {
            let event = self.judge.as_ref().map_or(Cow::Borrowed(event), |judge| judge.look(event));
            let event = self.without_secrets(event);
            chronicle.event(&event);
            show.event(&event);
            also(&event);
        };
        listen(&self.begins(&self.mode_with(forced.as_ref()), &prepared.hosts));
        self.opening(prepared).iter().for_each(&mut listen);
        self.judge.iter().for_each(|judge| listen(&judge.event()));
        engine.run(&prepared.order, &mut listen);
        let record = record.map(|record| record.having_taken(self.withheld.was_taken()));
        let recorded = match &record {
            Some(record) if changes => record.outcome(&chronicle),
            Some(record) => self.record_dry(record, &chronicle),
            None => Ok(()),
        };
        // Behind how it ended: a run's first entry is what its line in the log is made of.
        let read = record.as_ref().map_or(Ok(()), |record| self.record_opened(record));
        let exit = show.finish()?;
        recorded.and(read).map(|()| Ended { chronicle, exit })
    }

    /// Sealed values that were opened so far.
    pub fn opened(&self) -> Vec<Subject> {
        self.vault.used()
    }

    /// Which sealed values were opened stands in the ledger, too.
    fn record_opened(&self, record: &Record<'_>) -> Result<(), Failure> {
        let names: Vec<String> = self.vault.used().iter().map(ToString::to_string).collect();
        if names.is_empty() { Ok(()) } else { record.opened(names) }
    }

    /// The second net under secrets, which never enter an event: what was opened is masked in whatever it is spelt.
    fn without_secrets<'e>(&self, event: Cow<'e, Event>) -> Cow<'e, Event> {
        if self.vault.used().is_empty() {
            return event;
        }
        let Ok(value) = serde_json::to_value(&*event) else { return event };
        let masked = masked(&value, &|text| self.console.masks.masked(text).into_owned());
        if masked == value {
            return event;
        }
        tracing::warn!("a secret was masked in what is told of a task");
        let host = value.get("host").and_then(|host| host.as_str()?.parse().ok());
        let hidden = || Event::Warning { host, message: "something is not shown: a secret is in it".into() };
        Cow::Owned(serde_json::from_value(masked).unwrap_or_else(|_| hidden()))
    }

    /// The mode as people should see it: a dry run that runs some tasks all the same says so.
    fn mode_with(&self, forced: Option<&Forced>) -> Mode {
        match (&self.mode, forced) {
            (Mode::Dry { why }, Some(forced)) => {
                let named = forced.named();
                Mode::Dry { why: format!("{why}; but for tasks with 'check_mode: false', which run{named}") }
            }
            (mode, _) => mode.clone(),
        }
    }

    /// A dry run or an audit that can't be recorded is one all the same.
    fn record_dry(&self, record: &Record<'_>, chronicle: &Chronicle) -> Result<(), Failure> {
        let done = match self.errand.verb {
            Verb::Audit => record.audit(chronicle),
            Verb::Run | Verb::Patch => record.dry_run(chronicle),
            _ => Ok(()),
        };
        if let Err(failure) = done {
            self.console.tell(&format!("This is not in the ledger, because:\n{}", failure.text()));
        }
        Ok(())
    }

    fn record(
        &self,
        prepared: &Prepared,
        changes: bool,
        approved: Map,
    ) -> Result<Option<Record<'_>>, Failure> {
        let mut details = self.details(prepared, changes)?;
        details.approved = Some(approved).filter(|approved| !approved.is_empty()).or(details.approved);
        let about = About { run: self.run, verb: self.errand.verb, details };
        Record::open(self.console, self.repository.root(), &self.who, about)
    }

    /// What was typed, for whoever goes on with it.
    pub fn typed(&self) -> Typed {
        let masks = &self.console.masks;
        bound::typed(&self.errand, &self.repository, &|text| masks.masked(text) != text)
    }

    fn details(&self, prepared: &Prepared, changes: bool) -> Result<Details, Failure> {
        let cause = self.errand.cause.as_ref();
        let allow_dirty = !changes || cause.is_some_and(|cause| cause.allow_dirty);
        let commit = self.commit(allow_dirty)?.map(|commit| self.as_taken(commit));
        Ok(Details {
            reason: cause.and_then(|cause| cause.reason.clone()),
            ticket: cause.and_then(|cause| cause.ticket.clone()),
            break_glass: self.break_glass().map(str::to_owned),
            note: access::ca_of(&self.errand.choice.extra).map(|ca| access::noted(&ca)),
            remark: match &self.mode {
                Mode::Dry { why } => Some(why.clone()),
                Mode::Real => None,
            },
            hosts: prepared.hosts.clone(),
            playbook: self
                .errand
                .playbooks
                .first()
                .and_then(|playbook| bound::source(&self.repository, &playbook.file)),
            inventory: bound::inventory_source(&self.repository, &self.errand.targets)?,
            commit,
            arguments: std::env::args().skip(1).collect(),
            typed: changes.then(|| self.typed()),
            approved: self.bound.approved.clone(),
            resumes: self.bound.resumes,
            differs: self.bound.differs.clone(),
            plan: self.bound.plan.clone(),
            ..Details::default()
        })
    }
}

fn masked(value: &Value, mask: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(mask(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| masked(item, mask)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, member)| (mask(key), masked(member, mask))).collect())
        }
        other => other.clone(),
    }
}

fn run_id() -> Result<RunId, Failure> {
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = random_bytes()?;
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default();
    Ok(RunId::from_parts(now, u128::from_le_bytes(bytes)))
}
