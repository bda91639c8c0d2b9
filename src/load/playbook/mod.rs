//! Playbooks: plays, blocks and tasks with every keyword in its place and nothing rendered.
//!
//! This room knows the keywords and not the modules: a task's module is its one key that is no keyword. A keyword that
//! Ansible has and wgops has not yet is an error that says so; nothing is skipped silently. `keywords` is the list,
//! `play` and `task` read the two levels, `words` splits `key=value` strings.

mod batch;
pub mod glance;
mod import;
mod keywords;
mod play;
mod role_entry;
mod task;
mod words;

use super::problem::{Problem, Problems};
use super::text::TextFile;
use super::yaml::{Key, Node, NodeValue, Variables};
use crate::model::Place;
use std::path::Path;
use std::sync::Arc;

pub use batch::Batch;
pub use keywords::{MODULE_PREFIXES, short_module_name};
pub use role_entry::RoleEntry;

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
    /// `serial`: the batches, in order; each holds for [`Batch::of`], or is a template. Empty: all hosts at once.
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
    /// `ignore_unreachable`.
    pub ignore_unreachable: Option<Node>,
    /// `throttle`: a number or a template.
    pub throttle: Option<Node>,
    /// `timeout`: seconds or a template.
    pub timeout: Option<Node>,
    /// `module_defaults`: mappings or templates by module, the later ones winning.
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

impl Playbook {
    /// Reads a playbook.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as can be told without modules, variables and hosts.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::parse(&TextFile::read(path)?)
    }

    /// Parses the text of a playbook.
    ///
    /// # Errors
    /// As [`Playbook::load`].
    pub fn parse(file: &TextFile) -> Result<Self, Problems> {
        Self::parse_within(file, 0)
    }

    fn parse_within(file: &TextFile, depth: usize) -> Result<Self, Problems> {
        let node = Node::parse(file)?;
        let mut reader = Reader { file, problems: Vec::new() };
        let plays = match &node.value {
            NodeValue::List(plays) if !plays.is_empty() => {
                plays.iter().flat_map(|play| reader.plays(play, depth)).collect()
            }
            NodeValue::List(_) | NodeValue::Null => {
                reader.problems.push(Problem::in_file(&**file.file, "holds no play"));
                Vec::new()
            }
            _ => {
                reader
                    .problems
                    .push(node.expected("a list of plays").help("begin each play with '- hosts:'"));
                Vec::new()
            }
        };
        reader.problems.iter_mut().for_each(|problem| problem.quote(file));
        Problems::check(reader.problems)?;
        Ok(Self { file: Arc::clone(&file.file), plays })
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

/// Reads a file of tasks; an empty one has none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_tasks(path: &Path, section: Section) -> Result<Vec<TaskItem>, Problems> {
    let file = TextFile::read(path)?;
    let node = Node::parse(&file)?;
    let scope = match section {
        Section::Tasks => keywords::Scope::Task,
        Section::Handlers => keywords::Scope::Handler,
    };
    finished(&file, |reader| reader.tasks(&node, scope))
}

/// Reads what a role's `meta/main.yml` says that it depends on.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_dependencies(file: &TextFile, node: Option<&Node>) -> Result<Vec<RoleEntry>, Problems> {
    finished(file, |reader| node.map(|node| reader.dependencies(node)).unwrap_or_default())
}

/// What a reader made of a file, if nothing was wrong.
fn finished<T>(file: &TextFile, read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, Problems> {
    let mut reader = Reader { file, problems: Vec::new() };
    let done = read(&mut reader);
    reader.problems.iter_mut().for_each(|problem| problem.quote(file));
    Problems::check(reader.problems)?;
    Ok(done)
}

/// Reads plays and tasks of one file and collects what is wrong with them.
struct Reader<'a> {
    file: &'a TextFile,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The value, or a place in the list of problems.
    fn take<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn load(text: &str) -> Result<Playbook, Problems> {
        Playbook::parse(&TextFile::from_bytes(Path::new("p.yml"), text.as_bytes().to_vec()).unwrap())
    }

    fn play(text: &str) -> Play {
        load(text).unwrap_or_else(|problems| panic!("{problems}")).plays.remove(0)
    }

    fn task(text: &str) -> Task {
        let indented = text.replace('\n', "\n      ");
        let play = play(&format!("- hosts: all\n  tasks:\n    - {indented}\n"));
        play.tasks[0].tasks()[0].clone()
    }

    fn refused(text: &str) -> String {
        load(text).unwrap_err().to_string()
    }

    fn refused_task(text: &str) -> String {
        let indented = text.replace('\n', "\n      ");
        refused(&format!("- hosts: all\n  tasks:\n    - {indented}\n"))
    }

    #[test]
    fn a_play_has_its_keywords_and_its_tasks_in_order() {
        let play = play(
            "- name: web\n  hosts: [web, '!db']\n  become: yes\n  gather_facts: 'no'\n  serial: [1, '25%', '{{ n }}']\n\
             \x20 max_fail_percentage: 30\n  vars: {a: 1}\n  vars_files: [x.yml, [y.yml, z.yml]]\n  tags: a, b\n\
             \x20 environment: {K: v}\n  order: sorted\n  connection: local\n  user: bob\n\
             \x20 pre_tasks: [{ping: }]\n  tasks: [{name: one, ping: }, {name: two, ping: }]\n\
             \x20 post_tasks:\n  handlers: [{name: h, ping: , listen: topic}]\n",
        );
        assert_eq!((play.hosts.as_str(), play.hosts_place.line), ("web,!db", 2));
        assert_eq!(play.keywords.r#become.unwrap().to_value(), json!(true));
        assert_eq!(play.gather_facts.unwrap().to_value(), json!(false));
        assert_eq!(play.keywords.tags, ["a", "b"]);
        assert_eq!((play.serial.len(), play.vars_files.len(), play.order), (3, 2, Order::Sorted));
        assert_eq!(play.keywords.remote_user.unwrap().to_value(), json!("bob"));
        let names: Vec<_> =
            play.tasks.iter().flat_map(TaskItem::tasks).map(|t| t.keywords.name.clone()).collect();
        assert_eq!(names, [Some("one".into()), Some("two".into())]);
        assert_eq!(play.handlers[0].tasks()[0].listen, ["topic"]);
        assert!(play.post_tasks.is_empty());
    }

    #[test]
    fn a_module_is_named_with_or_without_a_collection() {
        for (written, short) in [
            ("ansible.builtin.apt", "apt"),
            ("apt", "apt"),
            ("community.general.ini_file", "ini_file"),
            ("wgops.updates", "updates"),
            ("containers.podman.x", "containers.podman.x"),
        ] {
            let task = task(&format!("{written}: {{name: x}}"));
            assert_eq!((task.module.as_str(), task.module_key.name.as_str()), (short, written));
        }
    }

    #[test]
    fn arguments_come_in_every_form() {
        let value = |task: &Task, name: &str| task.args.get(name).map(Node::to_value);
        let free = |task: &Task| task.args.free.as_ref().map(Node::to_value);
        let mapping = task("file:\n  path: /x\n  mode: 0644");
        assert_eq!((value(&mapping, "mode"), free(&mapping)), (Some(json!("0644")), None));
        let words = task("file: path=/x mode=0644");
        assert_eq!(value(&words, "mode"), Some(json!("0644")));
        let command = task("command: make creates=/x\nargs:\n  chdir: /srv");
        assert_eq!(free(&command), Some(json!("make")));
        assert_eq!(
            (value(&command, "creates"), value(&command, "chdir")),
            (Some(json!("/x")), Some(json!("/srv")))
        );
        assert_eq!(free(&task("command: true")), Some(json!("true")));
        assert_eq!(free(&task("command: yes # for ever")), Some(json!("yes")));
        assert_eq!(free(&task("meta: flush_handlers")), Some(json!("flush_handlers")));
        assert_eq!(task("ping:").args, Args::default());
        let unsafe_text = task("command: !unsafe 'echo {{ x }} creates=/x'");
        assert_eq!(unsafe_text.args.free.unwrap().tag, Some(crate::load::Tag::Unsafe));
    }

    #[test]
    fn a_task_has_its_keywords() {
        let task = task(
            "apt: {name: '{{ it }}'}\nloop: [a, b]\nloop_control: {loop_var: it, label: x, pause: 2}\nregister: r\n\
             when: [a is defined, true]\nchanged_when: false\nfailed_when: r.rc > 1\nuntil: r is success\nretries: '3'\n\
             delay: '{{ d }}'\nnotify: [one, 'two {{ x }}']\nbecome_user: bob\nno_log: '{{ quiet }}'\ntags: [t, 'u,v']\n\
             vars: {x: 1}\nenvironment: '{{ proxy }}'\ndelegate_to: localhost\nrun_once: true\nignore_errors: yes",
        );
        assert_eq!(task.r#loop.unwrap().kind, LoopKind::List);
        assert_eq!(task.loop_control.loop_var, "it");
        assert_eq!(task.keywords.when.len(), 2);
        assert_eq!(task.retries.unwrap().to_value(), json!(3));
        assert_eq!(task.keywords.notify.len(), 2);
        assert_eq!(task.keywords.tags, ["t", "u", "v"]);
        assert_eq!(task.changed_when[0].to_value(), json!(false));
        assert!(task.keywords.no_log.unwrap().is_template());
    }

    #[test]
    fn blocks_nest() {
        let play = play(
            "- hosts: all\n  tasks:\n    - when: x\n      block:\n        - ping:\n        - block: [{ping: }]\n\
             \x20     rescue: [{ping: }]\n      always: [{ping: }]\n",
        );
        let TaskItem::Block(block) = &play.tasks[0] else { panic!("no block") };
        assert_eq!((block.tasks.len(), block.rescue.len(), block.always.len()), (2, 1, 1));
        assert_eq!(play.tasks[0].tasks().len(), 4);
    }

    #[test]
    fn everything_that_is_wrong_with_plays_is_shown_at_once() {
        let text = "- hosts: all\n  gather_fact: no\n  serial: many\n  roles: [x]\n  become: maybe\n\
                    - hsots: web\n- import_playbook: x.yml\n";
        insta::assert_snapshot!(refused(text), @r#"
        error: a play has no keyword 'gather_fact'
         --> p.yml:2:3
          |
        2 |   gather_fact: no
          |   ^
        help: did you mean 'gather_facts'?

        error: expected a number of hosts or a percentage
         --> p.yml:3:11
          |
        3 |   serial: many
          |           ^
        help: for example 'serial: 2' or 'serial: [1, "25%"]'

        error: expected true, false or a template in '{{ }}', found text
         --> p.yml:5:11
          |
        5 |   become: maybe
          |           ^

        error: a play has no keyword 'hsots'
         --> p.yml:6:3
          |
        6 | - hsots: web
          |   ^
        help: did you mean 'hosts'?

        error: x.yml: can't be read: no such file
         --> p.yml:7:20
          |
        7 | - import_playbook: x.yml
          |                    ^
        help: name a playbook, relative to this one
        "#);
    }

    #[test]
    fn everything_that_is_wrong_with_tasks_is_shown_at_once() {
        let text = "- hosts: all\n  tasks:\n    - name: a\n      atp: {name: x}\n      whne: y\n\
                    \x20     register: my-result\n    - name: b\n      port: 10\n      ping:\n    - just text\n";
        insta::assert_snapshot!(refused(text), @"
        error: a task has no keyword 'whne'
         --> p.yml:5:7
          |
        5 |       whne: y
          |       ^
        help: did you mean 'when'?

        error: 'my-result' is no variable name
         --> p.yml:6:17
          |
        6 |       register: my-result
          |                 ^
        help: a name has letters, digits and '_', and begins with no digit

        error: 'port' is not supported yet
         --> p.yml:8:7
          |
        8 |       port: 10
          |       ^

        error: expected a task (a mapping with one module), found text
         --> p.yml:10:7
           |
        10 |     - just text
           |       ^
        ");
    }

    #[test]
    fn a_task_that_is_no_task_says_why() {
        let first = |text: &str| {
            let all = refused_task(text);
            let help = all.lines().find_map(|line| line.strip_prefix("help: ")).unwrap_or_default();
            format!("{} ({help})", all.lines().next().unwrap_or_default())
        };
        let all = [
            first("name: nothing"),
            first("apt: {name: x}\ncopy: {dest: y}"),
            first("ping:\nwith_dict: {a: 1}\nloop: [1]"),
            first("ping:\nlocal_action: ping"),
            first("ping:\nlisten: x"),
            first("ping:\nrescue: []"),
            first("ping:\nloop: 5"),
            first("ping:\nloop: [1]\nwith_items: [2]"),
            first("ping:\nloop_control: {loopvar: x}"),
            first("shell: echo it's"),
            first("file: [a]"),
            first("file: {path: a}\nargs: {path: b}"),
            first("file: {path: a}\nargs: x"),
            first("ping:\nvars: {a-b: 1}"),
            first("ping:\nretries: often"),
            first("ping:\nwhen: {a: b}"),
            first("ping:\nwhen:"),
            first("block: []\nloop: [1]"),
            first("block: {ping: }"),
            first("ping:\nenvironment: x"),
        ];
        insta::assert_snapshot!(all.join("\n"), @"
        error: a task without a module (add a module, for example 'apt: {name: curl}')
        error: a task has one module, this one has 'apt' and 'copy' (give each module a task of its own; or is it a misspelt keyword?)
        error: a task has one loop ()
        error: a task has one module, this one has 'ping' and 'local_action' (give each module a task of its own; or is it a misspelt keyword?)
        error: only a handler can listen (move the task under 'handlers:')
        error: 'rescue' without 'block' (put the tasks that may fail under 'block:')
        error: expected a list, or a template in '{{ }}', found a number ()
        error: a task has one loop ()
        error: unknown key 'loopvar' (did you mean 'loop_var'?)
        error: a quote or '{{' is not closed (write the arguments as a mapping; for a command: 'cmd: |' and the text below)
        error: expected arguments: a mapping or text, found a list ()
        error: argument 'path' is given twice ()
        error: expected a mapping of arguments, or a template in '{{ }}', found text ()
        error: 'a-b' is no variable name (a name has letters, digits and '_', and begins with no digit)
        error: expected a number or a template in '{{ }}', found text ()
        error: expected a condition, found a mapping ()
        error: expected a condition, found nothing ()
        error: a block has no keyword 'loop' (known: name, tags, vars, environment, become, become_user, become_method, ignore_errors, any_errors_fatal, no_log, check_mode, diff, and 19 more)
        error: expected a list of tasks, found a mapping (begin each task with '- ')
        error: expected a mapping of environment variables, or a template in '{{ }}', found text ()
        ");
    }

    #[test]
    fn a_file_without_plays_is_refused() {
        assert!(refused("").contains("holds no play"));
        assert!(refused("[]").contains("holds no play"));
        assert!(refused("hosts: all").contains("expected a list of plays"));
        assert!(refused("- hosts:\n  tasks: []").contains("'hosts' is empty"));
        assert!(refused("- ping:\n").contains("a play needs 'hosts'"));
    }

    proptest::proptest! {
        #[test]
        fn no_mapping_of_keywords_makes_it_panic(
            entries in proptest::collection::vec(("(hosts|tasks|when|vars|loop|block|serial|name|apt|tags)", "[a-z{}'\\[\\]:, 1%]{0,12}"), 0..8)
        ) {
            let lines: String = entries.iter().map(|(key, value)| format!("  {key}: {value}\n")).collect();
            let _ = load(&format!("-{}", lines.get(1..).unwrap_or_default()));
        }
    }
}
