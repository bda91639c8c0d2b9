//! An order made of what was typed, and the engine that will carry it out.

use super::Job;
use crate::cli::acquaintances::{About, Acquaintances};
use crate::cli::audit::Judge;
use crate::cli::bound;
use crate::cli::engine::Engine;
use crate::cli::roles_path::roles_path;
use crate::cli::who::home;
use crate::cli::{Failure, access, ask, holds};
use crate::event::Mode;
use crate::execute::{Asker, Banner, Company, Fleet, HostAccess, Prepared, Reach, Side, Wish, prepare};
use crate::load::Source;
use crate::model::{HostName, Map};
use crate::people::{Verb, random_bytes};
use crate::plan::Conduct;
use crate::transport::Settings;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Hosts that are connected at a time where nobody says otherwise.
const FORKS: usize = 20;

impl<'a> Job<'a> {
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
        let mut prepared = self.prepare_as(self.bound.approved.as_ref().unwrap_or(&none), Conduct::Dry)?;
        prepared.order.as_real = true;
        Ok(prepared)
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
        let company = self.company(conduct);
        let [after, before] = &self.templates;
        let mut extra = choice.extra;
        let of_files = choice.files.iter().flat_map(|(_, variables)| variables);
        let filed = of_files.filter(|(name, value)| extra.get(*name) == Some(value));
        let filed = filed.map(|(name, _)| name.clone()).collect();
        // A plan's run is bound by its changes, and to the playbook all its runs look alike.
        if self.bound.plan.is_none() {
            extra.extend(more.clone());
        }
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
            filed,
            user: reach.user.clone(),
            private_key: reach.private_key.clone(),
            connection: reach.connection.clone(),
            connect_timeout: reach.timeout.or(self.repository.settings().timeout),
            home: home(),
            templates: if company == Company::Mixed { after.clone() } else { before.clone() },
            advisories: self.judge.as_ref().and_then(Judge::advisories),
            roles_path: roles_path(home().as_deref()),
            asker: self.asker()?,
            company,
            only: self.bound.speaks_to.clone(),
        })?;
        if let Some(hosts) = &self.bound.hosts {
            prepared.keep_only(hosts);
        }
        if prepared.hosts.is_empty() {
            return Err(Failure::usage("no host is left to do this on")
                .hint("compare --limit and the playbook's hosts with 'wgops inventory'"));
        }
        self.hold_out(&mut prepared)?;
        self.foretell_what_is_new(&mut prepared)?;
        prepared.order.approved = self.bound.may_be_sent.clone();
        prepared.order.asks = ask::for_tasks(self.console);
        Ok(prepared)
    }

    /// Whether somebody said yes to all that playbooks name: whoever may change hosts typed a run, or was asked. A dry run, a
    /// preview, an audit and whatever carries a plan out have the word of nobody but their writers.
    fn company(&self, conduct: Conduct) -> Company {
        let carries_a_plan_out = self.errand.verb == Verb::Apply || self.bound.plan.is_some();
        match conduct {
            Conduct::Real if !carries_a_plan_out => Company::Mixed,
            _ => Company::Apart,
        }
    }

    /// The account in which whoever is typing asks, if they may change nothing.
    fn asker(&self) -> Result<Option<Asker>, Failure> {
        access::asker(self.repository.settings().access.as_ref(), &self.who, &self.inventory, self.console)
    }

    /// Starts the engine for the hosts of an order.
    ///
    /// # Errors
    /// The system gives no threads, or a file leads out of the repository.
    pub fn engine(&self, prepared: &Prepared) -> Result<Engine<'a>, Failure> {
        self.console.warn(&prepared.warnings);
        self.refuse_uncommitted()?;
        self.tell_news(prepared)?;
        let forks = self.errand.reach.forks.map(usize::from).or(self.repository.settings().forks);
        let fleet = Fleet::new(self.settings()?, forks.unwrap_or(FORKS), prepared.access.clone(), self.run);
        let fleet = if self.bound.resumes.is_some() { fleet.resuming() } else { fleet };
        let admission = self.keeper()?.map(|keeper| holds::admission(keeper, self.glass()));
        let known = self.compared(prepared)?;
        Engine::start(self.console, fleet.under(self.banner()?).admitting(admission), known)
    }

    /// The machines that whoever types knows, compared with those of an order: somebody is asked about those that are others now.
    fn compared(&self, prepared: &Prepared) -> Result<Option<Arc<Acquaintances>>, Failure> {
        let Some(root) = self.repository.root() else { return Ok(None) };
        let reach = &self.errand.reach;
        let sources = bound::inventory_source(&self.repository, &self.errand.targets)?;
        let about = About {
            inventory: sources.map(|source| source.path).unwrap_or_default(),
            typed_user: reach.user.clone(),
            given: reach.new_host_key.clone(),
            changes: self.is_about_to_change(),
            has_sealed: self.has_sealed.get(),
            typed_here: reach.connection.as_deref() == Some("local") || self.named_here()?,
        };
        let Some(known) = Acquaintances::of(root, &self.who, self.settings()?, about)? else {
            return Ok(None);
        };
        known.check_given(self.inventory.hosts().into_iter())?;
        let inner = &prepared.order.reach;
        // A play may say otherwise how its hosts are reached.
        let differing = prepared.order.plays.iter().filter(|(play, _)| Reach::differs(play));
        let of_plays: Vec<(HostName, HostAccess)> = differing
            .flat_map(|(play, hosts)| {
                let reached = move |host: &HostName| inner.host(host, Some(&**play)).ok();
                hosts.iter().filter_map(move |host| Some((host.clone(), reached(host)?)))
            })
            .collect();
        known.tell_new(self.console, prepared.access.iter());
        let all = prepared.access.iter().chain(of_plays.iter().map(|(host, access)| (host, access)));
        known.compare(self.console, all)?;
        let is_here = |host: &HostName| inner.host(host, None).is_ok_and(|way| Side::of(&way) == Side::Here);
        let ordered: BTreeSet<&HostName> = prepared.hosts.iter().collect();
        let listed = |host: &HostName| (is_here(host), ordered.contains(host));
        known.meet(self.inventory.hosts().into_iter().map(|host| (host, listed(host))));
        Ok(Some(Arc::new(known)))
    }

    /// Whether whoever types named this machine instead of an inventory. What `wgops.yml` names was typed by nobody.
    fn named_here(&self) -> Result<bool, Failure> {
        let targets = &self.errand.targets;
        let is_here = |source: &Source| match source {
            Source::Local => true,
            Source::List(names) => names.split(',').all(|name| ["", "localhost"].contains(&name.trim())),
            Source::Path(_) => false,
        };
        Ok(targets.inventory().is_some() && self.repository.sources(targets)?.iter().all(is_here))
    }

    pub(super) fn settings(&self) -> Result<Settings, Failure> {
        let login = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
        let home = home().unwrap_or_else(|| PathBuf::from("/nonexistent"));
        let mut settings = Settings::new(home, login.unwrap_or_else(|| "root".into()));
        let folder = self.errand.playbooks.first().and_then(|playbook| playbook.file.parent());
        settings.here =
            folder.and_then(|folder| std::path::absolute(folder).ok()).filter(|here| here.is_dir());
        settings.known_hosts.extend(self.repository.file("inventory/known_hosts")?);
        settings.agent_socket =
            std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from);
        self.console.ring.unlocks(&settings.keyring);
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
}
