//! A play and its tasks as the engine needs them: modules found, arguments' names checked, values still unrendered.

use super::around::{Exported, InRole};
use super::include::{Foundation, Include};
use super::scope::Frame;
use crate::load::Problem;
use crate::load::playbook::LoopKind;
use crate::model::{Map, Value};
use crate::modules::{Effect, Module};
use std::sync::Arc;

/// A play, checked whole before any host is touched.
#[derive(Clone)]
pub struct Play {
    /// Its name, or its host pattern where it has none.
    pub name: String,
    /// Its number in the playbook, from 0.
    pub number: usize,
    /// Which hosts it is for, as written.
    pub hosts: String,
    /// Sizes of the batches; empty: all hosts at once.
    pub serial: Vec<BatchSize>,
    /// The play stops when more than this share of a batch's hosts failed or can't be reached.
    pub max_fail_percentage: Option<f64>,
    /// The play stops for all when it fails on one.
    pub any_errors_fatal: bool,
    /// What is to be done, in order.
    pub steps: Vec<Step>,
    /// Handlers, in the order in which they run when notified.
    pub handlers: Vec<Arc<Task>>,
    /// Run notified handlers even on hosts that failed.
    pub force_handlers: bool,
    /// `vars` of the play.
    pub vars: Map,
    /// Variables from `vars_files`.
    pub file_vars: Map,
    /// `connection`, where the inventory says nothing.
    pub connection: Option<Value>,
    /// `port`, where the inventory says nothing.
    pub port: Option<Value>,
    /// `remote_user`, where the inventory says nothing.
    pub remote_user: Option<Value>,
    /// What its roles let all tasks see.
    pub exported: Exported,
    /// What is wrong with tasks that hosts may never come to.
    pub warnings: Vec<Problem>,
    /// What includes are opened on.
    pub foundation: Arc<Foundation>,
}

/// One step of a play.
#[derive(Clone)]
pub enum Step {
    /// A task.
    Task(Arc<Task>),
    /// Handlers that were notified run here.
    FlushHandlers,
    /// Hosts of a batch wait for each other here.
    Barrier,
    /// A role begins, unless the host went through the same already.
    RoleBegins(Arc<InRole>),
    /// It ends.
    RoleEnds(Arc<InRole>),
    /// Steps, and what is done where one of them fails.
    Block(Arc<BlockSteps>),
}

/// A block that has `rescue` or `always`; any other is opened when a play is compiled.
pub struct BlockSteps {
    /// `block`.
    pub main: Vec<Step>,
    /// `rescue`.
    pub rescue: Vec<Step>,
    /// `always`.
    pub always: Vec<Step>,
}

impl Step {
    /// The tasks in it, in order.
    pub fn tasks(&self) -> Vec<&Arc<Task>> {
        match self {
            Self::Task(task) => vec![task],
            Self::FlushHandlers | Self::Barrier | Self::RoleBegins(_) | Self::RoleEnds(_) => Vec::new(),
            Self::Block(block) => {
                let parts = [&block.main, &block.rescue, &block.always];
                parts.into_iter().flatten().flat_map(Self::tasks).collect()
            }
        }
    }
}

/// How many hosts a batch has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum BatchSize {
    /// So many.
    Hosts(usize),
    /// That share of the play's hosts, at least one.
    Percent(f64),
}

/// A task, unrendered.
pub struct Task {
    /// Number within its play; handlers follow the tasks.
    pub number: usize,
    /// Its name, which may be a template; the module's name where it has none.
    pub name: String,
    /// The same without its role: what `notify` calls it.
    pub title: String,
    /// Its own variables, and what stands around it.
    pub frame: Arc<Frame>,
    /// What it opens, where it is an include.
    pub include: Option<Include>,
    /// File, line and column.
    pub place: String,
    /// Its module.
    pub module: &'static Module,
    /// The module's arguments.
    pub args: Map,
    /// More arguments, each a mapping or a template of one, the later ones winning; those above win over all.
    pub more_args: Vec<Value>,
    /// Whether it is a handler.
    pub handler: bool,
    /// Conditions that must all hold.
    pub when: Vec<Value>,
    /// What it is repeated over.
    pub each: Option<Loop>,
    /// The variable that gets its result.
    pub register: Option<String>,
    /// Who it runs as.
    pub privilege: Privilege,
    /// When it counts as changed, whatever the module says.
    pub changed_when: Option<Vec<Value>>,
    /// When it counts as failed, whatever the module says.
    pub failed_when: Option<Vec<Value>>,
    /// `until`: it is done again until its result is as wished.
    pub retry: Option<Retry>,
    /// A condition under which its failure lets the host go on.
    pub ignore_errors: Option<Value>,
    /// Handlers it notifies when it changed something.
    pub notify: Vec<String>,
    /// Topics a handler listens to.
    pub listen: Vec<String>,
    /// `check_mode: false`: it runs in a dry run too; `true`: it never changes anything.
    pub check_mode: Option<Value>,
    /// `diff`: whether contents are compared, whatever the user asked for.
    pub diff: Option<Value>,
    /// Whether nothing of it may be shown.
    pub no_log: Option<Value>,
    /// `environment`: mappings or templates of such; the later ones win.
    pub environment: Vec<Value>,
    /// The host that it is done on in place of its own.
    pub delegate_to: Option<Value>,
    /// Whether facts that it finds are that host's.
    pub delegate_facts: Option<Value>,
    /// `connection`.
    pub connection: Option<Value>,
    /// `remote_user` of the task or what is around it in the play, where no variable says who logs in.
    pub remote_user: Option<Value>,
    /// `port`, likewise.
    pub port: Option<Value>,
    /// `run_once`: it is done on one host, for all of the batch.
    pub run_once: Option<Value>,
    /// Whether its failure stops the play for all hosts.
    pub any_errors_fatal: Option<Value>,
    /// Whether an unreachable host goes on behind it.
    pub ignore_unreachable: Option<Value>,
    /// How many hosts may be at it at once.
    pub throttle: Option<Value>,
    /// Seconds after which it has failed.
    pub timeout: Option<Value>,
    /// `async`: it goes on apart from the connection, for so many seconds at the most.
    pub patience: Option<Value>,
    /// `poll`: 0 where its end is not waited for.
    pub poll: Option<Value>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// `loop` and its settings.
pub struct Loop {
    /// The list, or an expression that gives one.
    pub items: Value,
    /// How they are taken.
    pub kind: LoopKind,
    /// The variable that holds the item.
    pub variable: String,
    /// The variable that counts the items from 0.
    pub index_variable: Option<String>,
    /// What is shown of an item.
    pub label: Option<Value>,
    /// Seconds between items.
    pub pause: Option<Value>,
    /// Whether tasks see `ansible_loop`.
    pub extended: Option<Value>,
    /// Whether all items are in it; they are unless this says no.
    pub all_items: Option<Value>,
    /// No item comes after one for which all of this holds.
    pub break_when: Option<Vec<Value>>,
}

impl Loop {
    /// Whether an item is only known to come once the one before it ended, or not before some time.
    pub fn is_stepwise(&self) -> bool {
        self.pause.is_some() || self.break_when.is_some()
    }
}

/// `until`, `retries` and `delay`.
pub struct Retry {
    /// Conditions that must all hold; nothing: it must not fail.
    pub until: Option<Vec<Value>>,
    /// How often it is done again at the most.
    pub retries: Option<Value>,
    /// Seconds between attempts.
    pub delay: Option<Value>,
}

/// `become` as it applies to a task; unset parts come from the play, the inventory and the command line.
#[derive(Clone, Default)]
pub struct Privilege {
    /// `become`.
    pub active: Option<Value>,
    /// `become_user`.
    pub user: Option<Value>,
    /// `become_method`.
    pub method: Option<Value>,
}

/// Variables that say who logs in and at which port, each with its old name.
pub(super) const LOGIN_VARIABLES: [[&str; 2]; 2] =
    [["ansible_user", "ansible_ssh_user"], ["ansible_port", "ansible_ssh_port"]];

impl Task {
    /// Whether it may be done somewhere else than on its host: then nothing of it is looked at ahead.
    pub fn may_be_elsewhere(&self) -> bool {
        self.delegate_to.is_some() || self.connection.is_some() || self.logs_in_otherwise()
    }

    /// Whether it may say of its own how its host is entered.
    pub fn logs_in_otherwise(&self) -> bool {
        let by_variable = LOGIN_VARIABLES.into_iter().flatten().any(|name| self.frame.own.contains_key(name));
        by_variable || self.remote_user.is_some() || self.port.is_some()
    }

    /// Whether it is begun only when its turn has come, whatever is known before.
    pub fn waits_before(&self) -> bool {
        let rests = self.each.as_ref().is_some_and(Loop::is_stepwise);
        let elsewhere = self.may_be_elsewhere();
        let ordered = self.run_once.is_some() || self.throttle.is_some();
        self.module.waits_its_turn() || rests || elsewhere || ordered
    }

    /// Whether it can alter the host.
    pub fn acts_on_host(&self) -> bool {
        self.module.acts_on_host(&self.args) || self.include.is_some()
    }

    /// The file that it stands in.
    pub fn file(&self) -> &str {
        self.place.rsplitn(3, ':').nth(2).unwrap_or(&self.place)
    }

    /// Whether a handler listens to a topic, which may be named with the handler's role before it.
    pub fn listens_to(&self, topic: &str) -> bool {
        let role = self.name.strip_suffix(&self.title).filter(|role| !role.is_empty());
        // A role of a collection goes by its short name, too.
        let short = role.and_then(|role| role.rsplit_once('.')).map(|(_, short)| short);
        let bare = [role, short].into_iter().flatten().find_map(|role| topic.strip_prefix(role));
        self.listen.iter().any(|known| known == topic || Some(known.as_str()) == bare)
    }

    /// Whether an exchange must end with this task, because what follows depends on how its end is judged.
    pub fn is_judged(&self) -> bool {
        self.failed_when.is_some()
            || self.changed_when.is_some()
            || self.ignore_errors.is_some()
            || self.ignore_unreachable.is_some()
            || self.retry.is_some()
    }

    /// Whether nobody knows which variables there are where a dry run can't know what it does.
    pub fn leaves_undecided(&self) -> bool {
        let named_later = || self.args.keys().any(|name| name.contains("{{"));
        self.include.is_some()
            || self.module.effect == Effect::Written
            || self.module.alters_inventory()
            || (self.module.effect == Effect::Variables && named_later())
    }

    /// Variables that this task sets when it ends, as far as they can be known before it runs.
    pub fn sets(&self) -> Sets<'_> {
        Sets {
            register: self.register.as_deref(),
            variables: (self.module.effect == Effect::Variables).then_some(&self.args),
            facts: matches!(self.module.effect, Effect::Facts(_)),
        }
    }
}

/// What a task sets.
pub struct Sets<'a> {
    /// The registered variable.
    pub register: Option<&'a str>,
    /// Variables by name.
    pub variables: Option<&'a Map>,
    /// Facts: any name beginning with `ansible_`.
    pub facts: bool,
}

impl BatchSize {
    /// The number of hosts of a batch in a play of `total` hosts.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Hosts(n) => n.max(1),
            // Ansible rounds down and takes one host at least.
            Self::Percent(share) => ((total as f64 * share / 100.0) as usize).max(1),
        }
    }
}

impl Play {
    /// All tasks but handlers, in order.
    pub fn tasks(&self) -> impl Iterator<Item = &Arc<Task>> {
        self.steps.iter().flat_map(Step::tasks)
    }

    /// Splits hosts into batches: sizes in order, the last one repeated.
    pub fn batches<T: Clone>(&self, hosts: &[T]) -> Vec<Vec<T>> {
        let mut batches = Vec::new();
        let mut rest = hosts;
        let mut sizes = self.serial.iter().map(|s| s.of(hosts.len()));
        let mut size = hosts.len();
        while !rest.is_empty() {
            size = sizes.next().unwrap_or(size).max(1);
            let (batch, later) = rest.split_at(size.min(rest.len()));
            batches.push(batch.to_vec());
            rest = later;
        }
        batches
    }
}
