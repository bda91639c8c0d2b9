//! Inventories: hosts, groups, and their variables in Ansible's order of precedence.
//!
//! Sources are read by `ini_format` and `yaml_format` into a `draft`, which checks groups as a whole (`hierarchy`).
//! `beside` reads `group_vars/` and `host_vars/`, `pattern` chooses hosts, `listing` shows them, `connection` says how a
//! host is reached. Nothing is rendered here: templates stay text. Inventory scripts and plugins are refused, never run.

mod added;
mod beside;
mod connection;
mod draft;
mod hierarchy;
mod ini_format;
mod listing;
mod literal;
mod pattern;
mod range;
mod source;
mod upwards;
mod yaml_format;

use super::problem::{Problem, Problems};
use super::yaml::{Node, Variable, Variables};
use crate::model::{HostName, Map, Place};
use draft::{ALL, Draft};
use indexmap::{IndexMap, IndexSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use connection::BecomeDefaults;
pub use pattern::{Pattern, Selection};
pub use source::Source;
use upwards::Upwards;

/// Hosts, groups and their variables.
#[derive(Clone, Debug)]
pub struct Inventory {
    groups: IndexMap<String, Group>,
    hosts: IndexMap<HostName, Host>,
    upwards: Upwards,
    layers: Vec<Layer>,
    /// What a run says of hosts.
    added: IndexMap<HostName, Map>,
    warnings: Vec<Problem>,
}

/// A group.
#[derive(Clone, Debug)]
struct Group {
    hosts: IndexSet<HostName>,
    children: Vec<String>,
    variables: Variables,
    priority: i64,
    depth: usize,
}

/// A host.
#[derive(Clone, Debug)]
struct Host {
    place: Place,
    variables: Variables,
}

/// What `group_vars/` and `host_vars/` beside an inventory or a playbook say.
#[derive(Clone, Debug, Default)]
struct Layer {
    beside: Beside,
    directories: Vec<PathBuf>,
    groups: IndexMap<String, Variables>,
    hosts: IndexMap<String, Variables>,
}

/// What a `group_vars/` directory stands beside.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Beside {
    /// The inventory.
    #[default]
    Inventory,
    /// The playbook, which wins.
    Playbook,
}

/// Where a variable comes from; a later rung wins over an earlier one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rung {
    /// What wgops knows of a host that no inventory names: `localhost` is local.
    BuiltIn,
    /// A group, in an inventory file.
    GroupInFile(String),
    /// A group, in `group_vars/`.
    GroupVars(Beside, String),
    /// The host, in an inventory file.
    HostInFile,
    /// The host, in `host_vars/`.
    HostVars(Beside),
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beside = |beside: &Beside| match beside {
            Beside::Inventory => "the inventory",
            Beside::Playbook => "the playbook",
        };
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::GroupInFile(group) => write!(f, "group {group} in the inventory"),
            Self::GroupVars(place, group) => write!(f, "group_vars/{group} beside {}", beside(place)),
            Self::HostInFile => f.write_str("the host in the inventory"),
            Self::HostVars(place) => write!(f, "host_vars beside {}", beside(place)),
        }
    }
}

impl Inventory {
    /// Reads sources, one after the other, and the `group_vars/` and `host_vars/` beside them.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(sources: &[Source]) -> Result<Self, Problems> {
        let mut draft = Draft::new();
        for source in sources {
            source.read(&mut draft);
        }
        let mut inventory = draft.finish()?;
        let directories: IndexSet<&Path> = sources.iter().filter_map(Source::directory).collect();
        for directory in directories {
            inventory = inventory.with_variables_beside(Beside::Inventory, directory)?;
        }
        inventory.warnings.extend(connection::misspelt(&inventory));
        Ok(inventory)
    }

    fn new(groups: IndexMap<String, Group>, hosts: IndexMap<HostName, Host>, warnings: Vec<Problem>) -> Self {
        let upwards = Upwards::of(&groups);
        Self { groups, hosts, upwards, layers: Vec::new(), added: IndexMap::new(), warnings }
    }

    /// Adds the `group_vars/` and `host_vars/` of a directory: the playbook's, say. A directory that was read before
    /// isn't read again.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn with_variables_beside(mut self, beside: Beside, directory: &Path) -> Result<Self, Problems> {
        let known = self.layers.iter().any(|layer| layer.directories.iter().any(|known| known == directory));
        if !known {
            let (layer, warnings) = self.read_beside(beside, directory)?;
            self.warnings.extend(warnings);
            self.layers.push(layer);
            self.layers.sort_by_key(|layer| layer.beside);
        }
        Ok(self)
    }

    /// What is worth a look though nothing is wrong.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// All hosts, in the order of their groups.
    pub fn hosts(&self) -> Vec<&HostName> {
        self.members(ALL).unwrap_or_default()
    }

    /// Whether the inventory names this host.
    pub fn contains(&self, host: &HostName) -> bool {
        self.hosts.contains_key(host)
    }

    /// Where the inventory names a host first.
    pub fn place_of(&self, host: &HostName) -> Option<&Place> {
        self.hosts.get(host).map(|host| &host.place)
    }

    /// All groups by name, `all` and `ungrouped` among them, each with its hosts and its descendants' hosts in order.
    pub fn groups(&self) -> IndexMap<&str, Vec<&HostName>> {
        let below: Vec<Vec<usize>> = self
            .groups
            .values()
            .map(|group| group.children.iter().filter_map(|child| self.groups.get_index_of(child)).collect())
            .collect();
        // By which group each was met last.
        let mut met: Vec<Option<usize>> = vec![None; below.len()];
        let mut all = IndexMap::new();
        for (start, name) in self.groups.keys().enumerate() {
            let (mut order, mut at) = (vec![start], 0);
            while let Some(group) = order.get(at).copied() {
                at += 1;
                for child in below.get(group).into_iter().flatten() {
                    if let Some(by) = met.get_mut(*child).filter(|by| **by != Some(start)) {
                        *by = Some(start);
                        order.push(*child);
                    }
                }
            }
            let groups = order.iter().filter_map(|group| self.groups.get_index(*group));
            let hosts: IndexSet<&HostName> = groups.flat_map(|(_, group)| &group.hosts).collect();
            all.insert(name.as_str(), hosts.into_iter().collect());
        }
        all
    }

    /// The names of a group's children; `None` where there is no such group.
    pub fn children(&self, group: &str) -> Option<&[String]> {
        self.groups.get(group).map(|group| group.children.as_slice())
    }

    /// The hosts of a group and its descendants; `None` where there is no such group. A group's own hosts come first,
    /// then its children's, then theirs.
    pub fn members(&self, group: &str) -> Option<Vec<&HostName>> {
        self.groups.get(group)?;
        let mut hosts: IndexSet<&HostName> = IndexSet::new();
        for name in self.descendants(group) {
            hosts.extend(self.groups.get(name).into_iter().flat_map(|group| &group.hosts));
        }
        Some(hosts.into_iter().collect())
    }

    /// A group and its descendants, level by level.
    fn descendants<'a>(&'a self, group: &'a str) -> IndexSet<&'a str> {
        let mut names: IndexSet<&str> = IndexSet::from([group]);
        let mut at = 0;
        while let Some(name) = names.get_index(at).copied() {
            names.extend(self.children(name).into_iter().flatten().map(String::as_str));
            at += 1;
        }
        names
    }

    /// The groups a host is in, directly or not, sorted by name, without `all`.
    pub fn groups_of(&self, host: &HostName) -> Vec<&str> {
        let mut names: Vec<&str> = self.ladder(host).into_iter().filter(|name| *name != ALL).collect();
        names.sort_unstable();
        names
    }

    /// The groups a host is in, in the order in which their variables are laid over each other: `all` first, parents
    /// before children, then by `ansible_group_priority`, then by name.
    fn ladder(&self, host: &HostName) -> Vec<&str> {
        let mut names = self.upwards.from(host);
        names.insert(ALL);
        let rank = |name: &str| self.groups.get(name).map(|group| (group.depth, group.priority));
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_by_cached_key(|name| (rank(name), *name));
        names
    }

    /// A host's variables by where they come from; a later rung wins over an earlier one, name by name.
    pub fn variables(&self, host: &HostName) -> Vec<(Rung, &Variables)> {
        let ladder = self.ladder(host);
        let (top, groups): (Vec<&str>, Vec<&str>) = ladder.iter().partition(|name| **name == ALL);
        let mut rungs: Vec<(Rung, &Variables)> = Vec::new();
        if !self.contains(host) && pattern::is_local(host.as_str()) {
            rungs.push((Rung::BuiltIn, local_variables()));
        }
        for name in &ladder {
            let group = self.groups.get(*name).map(|group| &group.variables);
            rungs.extend(group.map(|variables| (Rung::GroupInFile((*name).to_owned()), variables)));
        }
        for names in [top, groups] {
            // Beside the playbook, a parent wins over a child beside the inventory: so it is in Ansible.
            for layer in &self.layers {
                for name in &names {
                    let variables = layer.groups.get(*name);
                    rungs.extend(variables.map(|v| (Rung::GroupVars(layer.beside, (*name).to_owned()), v)));
                }
            }
        }
        rungs.extend(self.hosts.get(host).map(|host| (Rung::HostInFile, &host.variables)));
        for layer in &self.layers {
            rungs.extend(layer.hosts.get(host.as_str()).map(|v| (Rung::HostVars(layer.beside), v)));
        }
        rungs.retain(|(_, variables)| !variables.is_empty());
        rungs
    }

    /// A host's variables, the winning one for each name.
    pub fn merged(&self, host: &HostName) -> Variables {
        let mut merged = Variables::new();
        for (_, variables) in self.variables(host) {
            merged.extend(variables.iter().map(|(name, variable)| (name.clone(), variable.clone())));
        }
        merged
    }

    /// A host's variables as plain values, the winning one for each name; templates are text still.
    pub fn values(&self, host: &HostName) -> Map {
        let mut values = super::yaml::values(&self.merged(host));
        values.extend(self.added_values(host));
        values
    }
}

/// What is known of `localhost` where no inventory names it.
fn local_variables() -> &'static Variables {
    static LOCAL: std::sync::OnceLock<Variables> = std::sync::OnceLock::new();
    LOCAL.get_or_init(|| {
        let place = Place { file: Arc::new("built in".into()), line: 0, column: 0 };
        let variable = Variable { node: Node::text(&place, "local"), place };
        Variables::from_iter([("ansible_connection".to_owned(), variable)])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::TextFile;
    use crate::model::Value;
    use serde_json::json;
    use std::fs;

    fn from(name: &str, text: &str) -> Result<Inventory, Problems> {
        let file = TextFile::from_bytes(Path::new(name), text.as_bytes().to_vec()).unwrap();
        let mut draft = Draft::new();
        if name.ends_with(".yml") {
            yaml_format::read(&file, &mut draft);
        } else {
            ini_format::read(&file, &mut draft);
        }
        draft.problems.iter_mut().for_each(|problem| problem.quote(&file));
        let mut inventory = draft.finish().map_err(|mut problems| {
            problems.0.iter_mut().for_each(|problem| problem.quote(&file));
            problems
        })?;
        inventory.warnings.extend(connection::misspelt(&inventory));
        Ok(inventory)
    }

    pub(super) fn ini(text: &str) -> Inventory {
        from("hosts", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn yaml(text: &str) -> Inventory {
        from("hosts.yml", text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn refused(name: &str, text: &str) -> String {
        from(name, text).unwrap_err().to_string()
    }

    fn host(name: &str) -> HostName {
        name.parse().unwrap()
    }

    fn names(hosts: Vec<&HostName>) -> String {
        hosts.into_iter().map(HostName::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_ini_inventory_is_understood() {
        let inventory = ini(
            "; comment\nlone ansible_port=22 # here\n\n[web]\nweb[01:02]:2222 a=1 b='x y' c=[1,2] d=True\n\
             [site:children]\nweb\n[site:vars]\nmotd = hello # all\nlist = ['p', 'q']\n[web:vars]\ne=0644\n",
        );
        assert_eq!(names(inventory.hosts()), "lone web01 web02");
        assert_eq!(names(inventory.members("site").unwrap()), "web01 web02");
        assert_eq!(inventory.groups_of(&host("web01")), ["site", "web"]);
        assert_eq!(inventory.groups_of(&host("lone")), ["ungrouped"]);
        assert_eq!(
            Value::Object(inventory.values(&host("web02"))),
            json!({"motd": "hello # all", "list": ["p", "q"], "e": "0644", "ansible_port": 2222, "a": 1, "b": "x y",
                "c": [1, 2], "d": true})
        );
    }

    #[test]
    fn a_yaml_inventory_is_understood() {
        let inventory = yaml(
            "all:\n  hosts:\n    lone: {x: 1}\n  vars: {y: 0}\n  children:\n    web:\n      hosts:\n\
             \x20       web[1:2]:\n          x: 2\n      vars: {y: 3}\n    site: {children: {web: }}\n    none: {}\n",
        );
        assert_eq!(names(inventory.hosts()), "lone web1 web2");
        assert_eq!(inventory.groups_of(&host("web1")), ["site", "web"]);
        assert_eq!(Value::Object(inventory.values(&host("web2"))), json!({"y": 3, "x": 2}));
        let place = &inventory.merged(&host("web1"))["x"].place;
        assert_eq!((place.line, place.column), (9, 11));
        assert_eq!(inventory.groups()["none"].len(), 0);
    }

    #[test]
    fn the_same_in_ini_and_yaml_is_the_same() {
        let ini = ini("a\n[g]\nb x=1\n[p:children]\ng\n[p:vars]\nv=2\n");
        let yaml =
            yaml("ungrouped: {hosts: {a: }}\ng: {hosts: {b: {x: 1}}}\np: {children: {g: }, vars: {v: 2}}\n");
        assert_eq!(ini.list_json(), yaml.list_json());
    }

    #[test]
    fn thousands_of_groups_below_each_other_take_no_longer_than_they_are_many() {
        const GROUPS: usize = 4_000;
        let mut text = format!("[g0]\nlow x=1\n[g{}:vars]\nv=top\n", GROUPS - 1);
        (1..GROUPS).for_each(|n| text.push_str(&format!("[g{n}:children]\ng{}\n", n - 1)));
        let inventory = ini(&text);
        let low = host("low");
        // Each time all of them are asked: searching for the parents of each would take minutes.
        for _ in 0..25 {
            assert_eq!(inventory.groups_of(&low).len(), GROUPS);
        }
        let groups = inventory.groups();
        assert!(groups.iter().all(|(name, hosts)| hosts.len() == usize::from(*name != "ungrouped")));
        assert_eq!(Value::Object(inventory.values(&low)), json!({"v": "top", "x": 1}));
    }

    #[test]
    fn children_win_over_parents_then_priority_then_the_name() {
        let inventory = ini(
            "[b]\nh\n[a]\nh\n[z]\nh\n[top:children]\na\n[all:vars]\nv=all\nw=all\nx=all\n[top:vars]\nv=top\n\
             [a:vars]\nv=a\nw=a\nx=a\n[b:vars]\nw=b\nx=b\n[z:vars]\nx=z\nansible_group_priority=-1\n",
        );
        let values = inventory.values(&host("h"));
        assert_eq!((&values["v"], &values["w"], &values["x"]), (&json!("a"), &json!("a"), &json!("a")));
        let ladder: Vec<String> =
            inventory.variables(&host("h")).iter().map(|(rung, _)| rung.to_string()).collect();
        let group = |name: &str| format!("group {name} in the inventory");
        assert_eq!(ladder, ["all", "z", "b", "top", "a"].map(group));
    }

    #[test]
    fn everything_that_is_wrong_with_the_hosts_of_an_ini_inventory_is_shown() {
        let text = "[web]\nweb[3:1]\nweb1 a=1 a=2\nweb2 b='open\nweb3 web4\n[open\n";
        insta::assert_snapshot!(refused("hosts", text), @"
        error: '[3:1]' is no range: its first must come before its last
         --> hosts:2:1
          |
        2 | web[3:1]
          | ^

        error: duplicate key 'a'
         --> hosts:3:10
          |
        3 | web1 a=1 a=2
          |          ^
        help: it is already set in line 3: remove one of them

        error: this quote is not closed
         --> hosts:4:8
          |
        4 | web2 b='open
          |        ^

        error: expected 'name=value', found 'web4'
         --> hosts:5:6
          |
        5 | web3 web4
          |      ^
        help: each host needs a line of its own; a value with spaces needs quotes

        error: this is no section
         --> hosts:6:1
          |
        6 | [open
          | ^
        help: expected '[group]', '[group:vars]' or '[group:children]'
        ");
    }

    #[test]
    fn everything_that_is_wrong_with_the_groups_of_an_ini_inventory_is_shown() {
        let text = "[web]\n[site:childern]\nx\n[site:children]\nwbe\n[db:vars]\nport 3\nx=1\nx=2\n";
        insta::assert_snapshot!(refused("hosts", text), @"
        error: no section is called 'childern'
         --> hosts:2:7
          |
        2 | [site:childern]
          |       ^
        help: did you mean 'children'?

        error: no group is called 'wbe'
         --> hosts:5:1
          |
        5 | wbe
          | ^
        help: did you mean 'web'?

        error: no group is called 'db'
         --> hosts:6:2
          |
        6 | [db:vars]
          |  ^
        help: define it: '[db]' in INI, 'db: {}' in YAML

        error: expected 'name = value'
         --> hosts:7:1
          |
        7 | port 3
          | ^

        error: duplicate key 'x'
         --> hosts:9:1
          |
        9 | x=2
          | ^
        help: it is already set in line 8: remove one of them
        ");
    }

    #[test]
    fn everything_that_is_wrong_with_a_yaml_inventory_is_shown() {
        insta::assert_snapshot!(refused(
            "hosts.yml",
            "all:\n  hosts: [a, b]\n  children:\n    web:\n      host: {x: }\n      vars: text\n      hosts: {'a b': }\n\
             \x20   site: {children: {wbe: }}\n  web5: {}\n"
        ), @"
        error: expected a mapping, found a list
         --> hosts.yml:2:10
          |
        2 |   hosts: [a, b]
          |          ^
        help: write 'name:' instead of '- name'

        error: a group has no 'host'
         --> hosts.yml:5:7
          |
        5 |       host: {x: }
          |       ^
        help: did you mean 'hosts'?

        error: expected a mapping, found text
         --> hosts.yml:6:13
          |
        6 |       vars: text
          |             ^

        error: 'a b' is no host name: expected letters, digits and . _ - : @ without white space
         --> hosts.yml:7:15
          |
        7 |       hosts: {'a b': }
          |               ^

        error: no group is called 'wbe'
         --> hosts.yml:8:23
          |
        8 |     site: {children: {wbe: }}
          |                       ^
        help: did you mean 'web'?

        error: a group has no 'web5'
         --> hosts.yml:9:3
          |
        9 |   web5: {}
          |   ^
        help: a group has 'hosts', 'vars' and 'children'; put it under one of them
        ");
        assert!(refused("hosts.yml", "plugin: aws_ec2\n").contains("inventory plugins are not supported"));
        assert!(refused("hosts.yml", "[a]\n").contains("expected groups"));
        assert!(refused("hosts.yml", "all: {hosts: {a: 5}}\n").contains("expected the host's variables"));
    }

    #[test]
    fn groups_in_a_loop_are_refused_with_the_way() {
        insta::assert_snapshot!(refused("hosts", "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n"), @"
        error: groups in a loop: a > b > c > a
         --> hosts:6:1
          |
        6 | a
          | ^
        help: a group can't be its own descendant: take one of the children out
        ");
        assert!(refused("hosts.yml", "x: {children: {all: }}\n").contains("all > x > all"));
    }

    #[test]
    fn a_group_and_a_host_of_one_name_are_a_warning() {
        let inventory = ini("[web]\nweb\n");
        assert!(inventory.warnings()[0].message.contains("the name of a group and of a host"));
        assert!(ini("").warnings()[0].message.contains("no hosts"));
    }

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    #[test]
    fn variables_beside_inventory_and_playbook_are_laid_over_each_other_as_ansible_does() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("inv/hosts", "[web]\nh v=6 w=6\n[all:vars]\nv=0\n[web:vars]\nv=1\n"),
                ("inv/group_vars/all.yml", "v: 2\na: inv\nb: inv\n"),
                ("inv/group_vars/web/10-a.yml", "v: 4\nb: web\nc: first\n"),
                ("inv/group_vars/web/20-b.yml", "c: second\n"),
                ("inv/group_vars/web/README.md", "not: read\n"),
                ("inv/host_vars/h", "v: 7\nw: 7\n"),
                ("play/group_vars/all", "v: 3\na: play\nb: play\n"),
                ("play/host_vars/h.yaml", "v: 8\n"),
                ("inv/operators.yml", "- no inventory\n"),
                ("inv/notes.md", "no inventory\n"),
                ("inv/prod.example", "no inventory\n"),
                ("inv/.hidden", "[\n"),
            ],
        );
        let inventory = Inventory::load(&[Source::Path(root.path().join("inv"))]).unwrap();
        let inventory = inventory.with_variables_beside(Beside::Playbook, &root.path().join("play")).unwrap();
        let values = inventory.values(&host("h"));
        assert_eq!(Value::Object(values), json!({"v": 8, "a": "play", "b": "web", "c": "second", "w": 7}));
        let again =
            inventory.clone().with_variables_beside(Beside::Playbook, &root.path().join("inv")).unwrap();
        assert_eq!(again.variables(&host("h")).len(), inventory.variables(&host("h")).len());
        assert_eq!(names(inventory.hosts()), "h");
    }

    #[test]
    fn variables_in_two_files_for_one_name_are_refused_and_a_misspelt_name_is_a_warning() {
        let root = tempfile::tempdir().unwrap();
        let file = |name: &str| root.path().join(name).display().to_string();
        write(root.path(), &[("hosts", "[web]\nh\n"), ("group_vars/wbe.yml", "a: 1\n")]);
        let source = [Source::Path(root.path().join("hosts"))];
        let inventory = Inventory::load(&source).unwrap();
        assert!(inventory.warnings()[0].to_string().contains("did you mean 'web'?"));
        write(root.path(), &[("group_vars/web.yml", "a: 1\n"), ("group_vars/web/x.yml", "b: 1\nb: 2\n")]);
        let problems = Inventory::load(&source).unwrap_err().to_string();
        assert!(
            problems.contains(&format!("'web' has variables in '{}' as well", file("group_vars/web"))),
            "{problems}"
        );
    }

    #[test]
    fn several_sources_are_one_inventory() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[("a.ini", "[web]\nh v=1\n"), ("b.yml", "web: {hosts: {i: }}\nx: {children: {web: }}\n")],
        );
        let sources = ["a.ini", "b.yml"].map(|name| Source::Path(root.path().join(name)));
        let mut sources = sources.to_vec();
        sources.push(Source::List("j[1:2],k:2200,".into()));
        sources.push(Source::Local);
        let inventory = Inventory::load(&sources).unwrap();
        assert_eq!(names(inventory.hosts()), "j1 j2 k localhost h i");
        assert_eq!(names(inventory.members("x").unwrap()), "h i");
        assert_eq!(inventory.values(&host("k"))["ansible_port"], json!(2200));
        assert_eq!(inventory.values(&host("localhost"))["ansible_connection"], json!("local"));
    }

    #[test]
    fn localhost_is_local_even_where_no_inventory_names_it() {
        let inventory = ini("[web]\nh\n[all:vars]\nv=1\n");
        assert_eq!(
            Value::Object(inventory.values(&host("localhost"))),
            json!({"ansible_connection": "local", "v": 1})
        );
        assert_eq!(names(inventory.hosts()), "h");
    }

    #[test]
    fn samples_scripts_and_missing_files_are_refused() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[("prod.yml.example", "all: {}\n"), ("dynamic", "#!/bin/sh\ntouch ran\n")]);
        let load =
            |name: &str| Inventory::load(&[Source::Path(root.path().join(name))]).unwrap_err().to_string();
        assert!(load("prod.yml.example").contains("a sample inventory"));
        assert!(load("dynamic").contains("an inventory script, which wgops never runs"));
        assert!(load("missing").contains("no such file"));
        assert!(!root.path().join("ran").exists());
    }

    proptest::proptest! {
        #[test]
        fn no_ini_text_makes_it_panic(text in "[a-c0-9=:,\\[\\]{}'\"#;\\\\ \né.\t-]{0,80}") {
            let _ = from("hosts", &text).map_err(|problems| problems.to_string());
        }

        #[test]
        fn no_yaml_text_makes_it_panic(text in "(all|web|hosts|vars|children|[a-c\\[\\]:{}, \n-]){0,30}") {
            let _ = from("hosts.yml", &text).map_err(|problems| problems.to_string());
        }
    }
}
