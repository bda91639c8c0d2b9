//! What a playbook is made of, as it was written: nothing is rendered, and nothing is known of modules.

use super::RoleEntry;
use crate::load::yaml::{Key, Node, Variables};
use crate::model::Place;
use std::sync::Arc;

/// A playbook.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// The file, as the user named it.
    pub file: Arc<std::path::PathBuf>,
    /// Its plays; at least one.
    pub plays: Vec<Play>,
}

/// Tasks for hosts.
#[derive(Clone, Debug)]
pub struct Play {
    /// Where it begins.
    pub place: Place,
    /// The pattern of its hosts, a list of patterns joined by commas; may be a template.
    pub hosts: String,
    /// Where the pattern stands.
    pub hosts_place: Place,
    /// The keywords that tasks inherit (`when`, `notify`, `delegate_to` are never set here).
    pub keywords: Keywords,
    /// `gather_facts`: true, false or a template.
    pub gather_facts: Option<Node>,
    /// `gather_subset`, `gather_timeout` and `fact_path`: what `setup` is given then.
    pub gathering: Vec<(String, Node)>,
    /// `vars_files`: texts, each perhaps a template, or lists of texts of which the first that exists counts.
    pub vars_files: Vec<Node>,
    /// `serial`: the batches, in order; each holds for [`super::Batch::of`], or is a template. Empty: all hosts at once.
    pub serial: Vec<Node>,
    /// `max_fail_percentage`: a number or a template.
    pub max_fail_percentage: Option<Node>,
    /// `order`.
    pub order: Order,
    /// `force_handlers`: true, false or a template.
    pub force_handlers: Option<Node>,
    /// `strategy`.
    pub strategy: Option<Node>,
    /// `vars_prompt`.
    pub prompts: Vec<Prompt>,
    /// `roles`.
    pub roles: Vec<RoleEntry>,
    /// `pre_tasks`.
    pub pre_tasks: Vec<TaskItem>,
    /// `tasks`.
    pub tasks: Vec<TaskItem>,
    /// `post_tasks`.
    pub post_tasks: Vec<TaskItem>,
    /// `handlers`, in the order in which they run.
    pub handlers: Vec<TaskItem>,
}

/// A variable of which somebody is asked.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Where it stands.
    pub place: Place,
    /// The variable.
    pub name: String,
    /// What is asked.
    pub text: String,
    /// What an empty answer means.
    pub default: Option<Node>,
    /// Whether nothing that is typed is shown.
    pub private: bool,
    /// Whether it has to be typed twice.
    pub confirm: bool,
    /// `encrypt`: the kind of hash that is kept in its place.
    pub encrypt: Option<String>,
    /// `salt`.
    pub salt: Option<String>,
    /// `salt_size`.
    pub salt_size: Option<u64>,
}

/// The order in which a play takes its hosts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// As the inventory has them.
    #[default]
    Inventory,
    /// From the inventory's end.
    ReverseInventory,
    /// By name.
    Sorted,
    /// By name, from the end.
    ReverseSorted,
    /// At random.
    Shuffle,
}

/// Keywords that plays, blocks and tasks share and that tasks inherit. Each node may be a template; what isn't has been
/// checked for its type.
#[derive(Clone, Debug, Default)]
pub struct Keywords {
    /// `name`; may be a template.
    pub name: Option<String>,
    /// `when`: booleans and expressions, all of which must hold.
    pub when: Vec<Node>,
    /// `tags`.
    pub tags: Vec<String>,
    /// `vars`.
    pub vars: Variables,
    /// `environment`: mappings or templates, the later ones winning.
    pub environment: Vec<Node>,
    /// `become`.
    pub r#become: Option<Node>,
    /// `become_user`.
    pub become_user: Option<Node>,
    /// `become_method`.
    pub become_method: Option<Node>,
    /// `ignore_errors`.
    pub ignore_errors: Option<Node>,
    /// `any_errors_fatal`.
    pub any_errors_fatal: Option<Node>,
    /// `no_log`.
    pub no_log: Option<Node>,
    /// `check_mode`.
    pub check_mode: Option<Node>,
    /// `diff`.
    pub diff: Option<Node>,
    /// `run_once`.
    pub run_once: Option<Node>,
    /// `delegate_to`.
    pub delegate_to: Option<Node>,
    /// `notify`: handlers' names or topics.
    pub notify: Vec<Node>,
    /// `delegate_facts`.
    pub delegate_facts: Option<Node>,
    /// `connection`.
    pub connection: Option<Node>,
    /// `remote_user`.
    pub remote_user: Option<Node>,
    /// `port`: a number or a template.
    pub port: Option<Node>,
    /// `ignore_unreachable`.
    pub ignore_unreachable: Option<Node>,
    /// `throttle`: a number or a template.
    pub throttle: Option<Node>,
    /// `timeout`: seconds or a template.
    pub timeout: Option<Node>,
    /// `module_defaults`: mappings or templates by module or `group/…`; of several for the same, the last counts.
    pub module_defaults: Vec<(Key, Node)>,
}

/// A task, or several in a block.
#[derive(Clone, Debug)]
pub enum TaskItem {
    /// One task.
    Task(Box<Task>),
    /// A block.
    Block(Box<Block>),
}

/// Tasks that share keywords, and what is done if one fails.
#[derive(Clone, Debug)]
pub struct Block {
    /// Where it begins.
    pub place: Place,
    /// What its tasks inherit.
    pub keywords: Keywords,
    /// `block`.
    pub tasks: Vec<TaskItem>,
    /// `rescue`.
    pub rescue: Vec<TaskItem>,
    /// `always`.
    pub always: Vec<TaskItem>,
}

/// One call of a module.
#[derive(Clone, Debug)]
pub struct Task {
    /// Where it begins.
    pub place: Place,
    /// What it shares with plays and blocks.
    pub keywords: Keywords,
    /// The module's name without a collection that wgops knows: `apt` for `ansible.builtin.apt`.
    pub module: String,
    /// The module's name as written, and where.
    pub module_key: Key,
    /// What the module is given.
    pub args: Args,
    /// `apply` of an include: what each of its tasks gets.
    pub apply: Option<Box<Keywords>>,
    /// `loop` or `with_…`.
    pub r#loop: Option<Loop>,
    /// `loop_control`.
    pub loop_control: LoopControl,
    /// `register`.
    pub register: Option<String>,
    /// `changed_when`: all must hold.
    pub changed_when: Vec<Node>,
    /// `failed_when`: all must hold.
    pub failed_when: Vec<Node>,
    /// `until`: all must hold.
    pub until: Vec<Node>,
    /// `retries`: a number or a template.
    pub retries: Option<Node>,
    /// `delay`: a number of seconds or a template.
    pub delay: Option<Node>,
    /// `async`: seconds or a template.
    pub r#async: Option<Node>,
    /// `poll`: seconds or a template.
    pub poll: Option<Node>,
    /// `listen`, of a handler: topics.
    pub listen: Vec<String>,
}

/// A module's arguments, unrendered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Args {
    /// Named ones, from a mapping, from `key=value` words, and from `args:`.
    pub params: Vec<(Key, Node)>,
    /// Text that has no name: the command of `command`, the file of `include_tasks`, the action of `meta`.
    pub free: Option<Node>,
    /// `args: '{{ … }}'`: more arguments, which give way to those with names.
    pub template: Option<Node>,
}

/// What a task repeats over.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// How the items are taken.
    pub kind: LoopKind,
    /// A list or a template.
    pub items: Node,
}

/// How a loop takes its items.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LoopKind {
    /// `loop`, `with_list`: one after the other.
    List,
    /// `with_items`: lists among the items are flattened by one level.
    Items,
    /// `with_NAME`: what the lookup of this name finds.
    Lookup(String),
}

/// `loop_control`.
#[derive(Clone, Debug, PartialEq)]
pub struct LoopControl {
    /// Name of the variable that holds the item: `item` unless said.
    pub loop_var: String,
    /// Name of the variable that counts from 0.
    pub index_var: Option<String>,
    /// What stands for the item in output: a template or text.
    pub label: Option<Node>,
    /// Seconds between items: a number or a template.
    pub pause: Option<Node>,
    /// `extended`: tasks see `ansible_loop`; true, false or a template.
    pub extended: Option<Node>,
    /// `extended_allitems`: all items are in it.
    pub all_items: Option<Node>,
    /// `break_when`: no item comes after one for which all of this holds.
    pub break_when: Vec<Node>,
}

impl Default for LoopControl {
    fn default() -> Self {
        Self {
            loop_var: "item".into(),
            index_var: None,
            label: None,
            pause: None,
            extended: None,
            all_items: None,
            break_when: Vec::new(),
        }
    }
}

impl Args {
    /// The value of a named argument.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.params.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }
}

impl TaskItem {
    /// Where it begins.
    pub fn place(&self) -> &Place {
        match self {
            Self::Task(task) => &task.place,
            Self::Block(block) => &block.place,
        }
    }

    /// Its tasks in order, blocks opened.
    pub fn tasks(&self) -> Vec<&Task> {
        match self {
            Self::Task(task) => vec![task],
            Self::Block(block) => {
                let parts = [&block.tasks, &block.rescue, &block.always];
                parts.into_iter().flatten().flat_map(Self::tasks).collect()
            }
        }
    }
}

/// Where a list of tasks stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Section {
    /// Among tasks.
    Tasks,
    /// Among handlers.
    Handlers,
}
