//! From files and options to an order: plays checked whole, hosts chosen, and how each of them is reached.

use super::chooser::{Choice, Chooser, adds_hosts};
use super::connection::HostAccess;
use super::order::Order;
use super::reach::{Asker, Reach, Side};
use crate::event::HeldOut;
use crate::load::inventory::{Beside, Inventory, Pattern};
use crate::load::{Level, Playbook, Problem, Problems, playbook};
use crate::model::{Advisories, HostName, Map, Secret};
use crate::plan::{
    Conduct, DefaultPrivilege, Given, Live, Play, Shared, Tags, compile, hosts_named, start_at, written,
};
use crate::template::Templates;
use indexmap::IndexSet;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What somebody wants run, and on what.
pub struct Wish<'a> {
    /// The hosts.
    pub inventory: Inventory,
    /// The playbooks, in order.
    pub playbooks: &'a [Playbook],
    /// `--limit`.
    pub limit: Option<Pattern>,
    /// These come first, in a wave of their own.
    pub canary: Option<Canary>,
    /// `--tags`, `--skip-tags` and `--start-at-task`.
    pub tags: Tags,
    /// `--force-handlers`: handlers that were notified run on hosts that failed, too.
    pub force_handlers: bool,
    /// Whether changes are applied.
    pub conduct: Conduct,
    /// `--diff`.
    pub show_diff: bool,
    /// `--explain`.
    pub explain: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// `--become` and `--become-user`.
    pub privilege: DefaultPrivilege,
    /// `--ask-become-pass`.
    pub become_password: Option<Secret>,
    /// `--extra-vars`.
    pub extra: Map,
    /// Which of them come out of files (`-e @FILE`), that others may have written.
    pub filed: BTreeSet<String>,
    /// `--user`: who logs in where the inventory doesn't say.
    pub user: Option<String>,
    /// `--private-key`: the key where the inventory doesn't say.
    pub private_key: Option<PathBuf>,
    /// `--connection`: the kind where nothing else says.
    pub connection: Option<String>,
    /// `--timeout`: longest wait for connection and login.
    pub connect_timeout: Option<std::time::Duration>,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// The template environment.
    pub templates: Arc<Templates>,
    /// What installed packages are compared with.
    pub advisories: Option<Arc<Advisories>>,
    /// Folders of roles that the operator named.
    pub roles_path: Arc<[PathBuf]>,
    /// Who may only ask, and where.
    pub asker: Option<Asker>,
    /// Whether this machine and others may be in one run.
    pub company: Company,
    /// The hosts that may be spoken to, if not all: those of a plan.
    pub only: Option<BTreeSet<HostName>>,
}

/// Whether this machine and others may be in one run, where what one says may go to the other, and whether questions may go out
/// to machines that a playbook names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Company {
    /// They may: whoever runs this said yes to it, and answers for the playbook.
    Mixed,
    /// They may not, for nobody said yes (yet): where there are others, this machine is left out.
    Apart,
}

/// Hosts that come first.
#[derive(Clone, Debug)]
pub struct Canary {
    /// Which.
    pub hosts: Pattern,
    /// Whether somebody asked for just these hosts (`--canary`): then one of them has to be there. What settings say is for
    /// many runs, also for those on other hosts.
    pub needed: bool,
}

/// An order, and how its hosts are reached.
pub struct Prepared {
    /// What is to be run.
    pub order: Order,
    /// How each host is reached.
    pub access: BTreeMap<HostName, HostAccess>,
    /// All hosts of all plays, in the inventory's order.
    pub hosts: Vec<HostName>,
    /// What is worth a look though nothing is wrong.
    pub warnings: Vec<Problem>,
    /// Hosts that are held out; in a dry run, or where that was overridden: that would be.
    pub held: Vec<HeldOut>,
}

impl Prepared {
    /// Leaves every host out that is not among these.
    pub fn keep_only(&mut self, hosts: &BTreeSet<HostName>) {
        self.hosts.retain(|host| hosts.contains(host));
        self.access.retain(|host, _| hosts.contains(host));
        self.order.plays.iter_mut().for_each(|(_, of_play)| of_play.retain(|host| hosts.contains(host)));
        if let Some(chooser) = &mut self.order.chooser {
            Arc::make_mut(chooser).only = Some(hosts.clone());
        }
    }

    /// Has all hosts of a play begin at once, and none stop for what another one does: for a look, which changes nothing.
    pub fn look_at_all(&mut self) {
        for (play, _) in &mut self.order.plays {
            let play = Arc::make_mut(play);
            play.serial.clear();
            play.max_fail_percentage = None;
            play.any_errors_fatal = false;
        }
    }
}

/// Checks everything that can be checked before a host is touched.
///
/// # Errors
/// Everything that is wrong with playbooks, inventory and options.
pub fn prepare(mut wish: Wish<'_>) -> Result<Prepared, Problems> {
    wish.inventory = beside(wish.inventory, wish.playbooks)?;
    let mut plays = compiled(&wish)?;
    alter(&wish, &mut plays)?;
    let mut warnings = wish.inventory.warnings().to_vec();
    warnings.extend(plays.iter().flat_map(|(play, _)| play.warnings.clone()));
    let (mut plays, mut hosts, chooser) = choose(&wish, plays, &mut warnings)?;
    let canaries = canaries(&wish, &hosts, &mut warnings)?;
    let inventory = Arc::new(wish.inventory);
    let chooser = chooser.map(|chooser| Arc::new(Chooser { limit: wish.limit, ..chooser }));
    let extra = Arc::new(written(&wish.extra));
    let shared =
        Arc::new(Shared { extra, filed: wish.filed, live: Live::of(inventory.clone()), ..Shared::default() });
    let mut reach = Reach {
        inventory,
        shared: shared.clone(),
        templates: wish.templates.clone(),
        extra: wish.extra,
        home: wish.home,
        user: wish.user,
        private_key: wish.private_key,
        connection: wish.connection,
        connect_timeout: wish.connect_timeout,
        become_password: wish.become_password,
        asker: wish.asker,
        side: None,
        only: None,
    };
    let mut access = access(&reach, &plays)?;
    if wish.company == Company::Apart {
        let out = keep_apart(&mut reach, &mut access, &mut plays);
        hosts.retain(|host| !out.contains(host));
        warnings.extend(out.iter().map(left_out));
    }
    reach.only = wish.only;
    let order = Order {
        plays,
        chooser,
        canaries,
        approved: None,
        conduct: wish.conduct,
        as_real: false,
        company: wish.company,
        show_diff: wish.show_diff,
        verbosity: wish.verbosity,
        explain: wish.explain,
        forgetful: false,
        privilege: wish.privilege,
        shared,
        reach: Arc::new(reach),
        templates: wish.templates,
        advisories: wish.advisories,
        asks: None,
    };
    Ok(Prepared { order, access, hosts: hosts.into_iter().collect(), warnings, held: Vec::new() })
}

/// The inventory with the variables that lie beside playbooks.
fn beside(mut inventory: Inventory, playbooks: &[Playbook]) -> Result<Inventory, Problems> {
    for playbook in playbooks {
        let imported = playbook.plays.iter().map(|play| &play.place.file);
        for file in std::iter::once(&playbook.file).chain(imported) {
            let directory = file.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if directory.is_dir() {
                inventory = inventory.with_variables_beside(Beside::Playbook, directory)?;
            }
        }
    }
    Ok(inventory)
}

/// The plays of all playbooks, each with its source.
fn compiled<'a>(wish: &Wish<'a>) -> Result<Vec<(Arc<Play>, &'a playbook::Play)>, Problems> {
    let mut plays = Vec::new();
    for playbook in wish.playbooks {
        let given = Given {
            tags: &wish.tags,
            templates: &wish.templates,
            extra: &wish.extra,
            roles_path: wish.roles_path.clone(),
        };
        plays.extend(compile(playbook, &given)?.into_iter().zip(&playbook.plays));
    }
    Ok(plays)
}

/// Puts all hosts on one side of the wire: elsewhere, if there are others than this machine. Those of the other side are left
/// out.
fn keep_apart(
    reach: &mut Reach,
    access: &mut BTreeMap<HostName, HostAccess>,
    plays: &mut Chosen,
) -> BTreeSet<HostName> {
    let others = access.values().any(|access| Side::of(access) == Side::Elsewhere);
    let side = if others { Side::Elsewhere } else { Side::Here };
    let is_out = |(_, access): &(&HostName, &HostAccess)| Side::of(access) != side;
    let out: BTreeSet<HostName> = access.iter().filter(is_out).map(|(host, _)| host.clone()).collect();
    access.retain(|host, _| !out.contains(host));
    plays.iter_mut().for_each(|(_, of_play)| of_play.retain(|host| !out.contains(host)));
    reach.side = Some(side);
    out
}

fn left_out(host: &HostName) -> Problem {
    let message = format!(
        "{host} is left out: it is this machine, and what it says goes to no other before somebody said yes"
    );
    Problem::bare(message).warning().help(format!("a real run has it; or give '--limit {host}'"))
}

/// Does with plays what the command line says of them as a whole.
fn alter(wish: &Wish<'_>, plays: &mut [(Arc<Play>, &playbook::Play)]) -> Result<(), Problems> {
    for (play, _) in plays.iter_mut().filter(|_| wish.force_handlers) {
        if let Some(play) = Arc::get_mut(play) {
            play.force_handlers = true;
        }
    }
    let Some(name) = &wish.tags.start_at else { return Ok(()) };
    let mut all: Vec<&mut Arc<Play>> = plays.iter_mut().map(|(play, _)| play).collect();
    if start_at(&mut all, name) {
        return Ok(());
    }
    let problem = Problem::bare(format!("no task is called '{name}', as far as can be known before a run"));
    Err(Problems(vec![problem.help("look at the names that --list-tasks shows")]))
}

/// Plays, each with its hosts.
type Chosen = Vec<(Arc<Play>, Vec<HostName>)>;

/// Chooses each play's hosts; and all hosts there are to reach.
fn choose(
    wish: &Wish<'_>,
    plays: Vec<(Arc<Play>, &playbook::Play)>,
    warnings: &mut Vec<Problem>,
) -> Result<(Chosen, IndexSet<HostName>, Option<Chooser>), Problems> {
    let limit = match &wish.limit {
        Some(pattern) => {
            let selection = wish.inventory.select(pattern)?;
            warnings.extend(selection.warnings);
            Some(selection.hosts)
        }
        None => None,
    };
    let mut chosen = Vec::new();
    let mut all = IndexSet::new();
    let mut unknown = Vec::new();
    let (mut chooser, mut adds) = (Chooser::default(), false);
    for (mut play, source) in plays {
        name_hosts(wish, &mut play, source).map_err(|problem| Problems(vec![problem]))?;
        let pattern =
            Pattern::parse(&play.hosts, Some(&source.hosts_place)).map_err(|p| Problems(vec![p]))?;
        let mut hosts = wish.inventory.select_known(&pattern);
        // What nobody knows yet may be added before.
        if !adds {
            unknown.extend(pattern.unknown_to(&[&wish.inventory]));
        }
        adds |= adds_hosts(&play, &wish.templates);
        let known = hosts.iter().cloned().collect();
        chooser.plays.push(Choice { pattern, order: source.order, known });
        put_in_order(&mut hosts, source.order);
        hosts.retain(|host| limit.as_ref().is_none_or(|limit| limit.contains(host)));
        all.extend(hosts.iter().cloned());
        chosen.push((play, hosts));
    }
    // A playbook for many sites names groups that one of them hasn't. Where nobody is left, a name is mistyped.
    if chooser.plays.iter().all(|choice| choice.known.is_empty()) {
        Problems::check(unknown.iter().filter(|problem| problem.level == Level::Error).cloned().collect())?;
    }
    warnings.extend(unknown.into_iter().map(Problem::warning));
    Ok((chosen, all, adds.then_some(chooser)))
}

/// Puts names in the place of templates in a play's `hosts`, and in its own name where it is called by them.
fn name_hosts(wish: &Wish<'_>, play: &mut Arc<Play>, source: &playbook::Play) -> Result<(), Problem> {
    if !play.hosts.contains("{{") && !play.hosts.contains("{%") {
        return Ok(());
    }
    let hosts = hosts_named(&wish.templates, &wish.extra, play, &wish.inventory, &source.hosts_place)?;
    if let Some(play) = Arc::get_mut(play) {
        if play.name == play.hosts {
            play.name.clone_from(&hosts);
        }
        play.hosts = hosts;
    }
    Ok(())
}

/// The hosts that come first, of those that the run is about.
fn canaries(
    wish: &Wish<'_>,
    hosts: &IndexSet<HostName>,
    warnings: &mut Vec<Problem>,
) -> Result<Vec<HostName>, Problems> {
    let Some(Canary { hosts: pattern, needed }) = &wish.canary else { return Ok(Vec::new()) };
    let mut canaries = match needed {
        true => wish.inventory.select(pattern)?.hosts,
        false => wish.inventory.select_known(pattern),
    };
    canaries.retain(|host| hosts.contains(host));
    if canaries.is_empty() && !hosts.is_empty() {
        let problem = Problem::bare(format!("no host of this run is a canary: '{}'", pattern.as_str()));
        match needed {
            true => {
                return Err(Problems(vec![
                    problem.help("compare --canary, --limit and the playbook's hosts"),
                ]));
            }
            false => warnings.push(problem.warning()),
        }
    }
    Ok(canaries)
}

/// Puts hosts, which come as the inventory has them, in the order that a play wants.
pub(super) fn put_in_order(hosts: &mut [HostName], order: playbook::Order) {
    match order {
        playbook::Order::Inventory => {}
        playbook::Order::ReverseInventory => hosts.reverse(),
        playbook::Order::Sorted => hosts.sort(),
        playbook::Order::ReverseSorted => hosts.sort_by(|a, b| b.cmp(a)),
        playbook::Order::Shuffle => {
            let chance = std::collections::hash_map::RandomState::new();
            hosts.sort_by_cached_key(|host| std::hash::BuildHasher::hash_one(&chance, host));
        }
    }
}

/// How every host is reached. A host's first play says it; a later one may say it differently.
fn access(reach: &Reach, plays: &Chosen) -> Result<BTreeMap<HostName, HostAccess>, Problems> {
    let mut problems = Vec::new();
    let mut access = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (play, hosts) in plays {
        for host in hosts {
            if !seen.insert(host) {
                continue;
            }
            match reach.host(host, Some(play)) {
                Ok(found) => {
                    access.insert(host.clone(), found);
                }
                Err(problem) => problems.push(problem),
            }
        }
    }
    Problems::check(problems)?;
    Ok(access)
}
