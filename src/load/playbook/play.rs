//! Reading a play.

use super::keywords::{Scope, later, short_module_name};
use super::{Batch, Keywords, Order, Play, Reader, TaskItem};
use crate::load::problem::Problem;
use crate::load::yaml::{Key, Node, NodeValue};

impl Reader<'_> {
    /// Reads a play; `None` where it is so wrong that it has no hosts.
    pub(super) fn play(&mut self, node: &Node) -> Option<Play> {
        let entries = self.take(node.map().map_err(|_| node.expected("a play (a mapping with 'hosts')")))?;
        let mut play = Play::without_hosts(node);
        for (key, value) in entries {
            if self.shared(&mut play.keywords, Scope::Play, key, value).is_none() {
                self.play_keyword(&mut play, key, value);
            }
        }
        if node.get("hosts").is_some() {
            return Some(play);
        }
        let misspelt = entries.iter().any(|(key, _)| crate::model::nearest(&key.name, ["hosts"]).is_some());
        if !misspelt {
            let problem = Problem::at(&node.place, "a play needs 'hosts'");
            self.problems.push(problem.help("tasks belong under 'tasks:' of a play"));
        }
        None
    }

    fn play_keyword(&mut self, play: &mut Play, key: &Key, node: &Node) {
        match key.name.as_str() {
            "hosts" => self.hosts(play, node),
            "gather_facts" => play.gather_facts = self.flag(node),
            "gather_subset" | "gather_timeout" | "fact_path" => {
                play.gathering.push((key.name.clone(), node.clone()));
            }
            "vars_files" => play.vars_files = self.vars_files(node),
            "serial" => play.serial = self.serial(node),
            "max_fail_percentage" => play.max_fail_percentage = self.number(node),
            "order" => play.order = self.order(node),
            "force_handlers" => play.force_handlers = self.flag(node),
            "user" => play.keywords.remote_user = self.text(node),
            "strategy" => play.strategy = self.strategy(node),
            "vars_prompt" => play.prompts = self.prompts(node),
            "roles" => play.roles = self.roles(node),
            "pre_tasks" => play.pre_tasks = self.tasks(node, Scope::Task),
            "tasks" => play.tasks = self.tasks(node, Scope::Task),
            "post_tasks" => play.post_tasks = self.tasks(node, Scope::Task),
            "handlers" => play.handlers = self.tasks(node, Scope::Handler),
            name if Scope::Play.is_later(name) => self.problems.push(later(key)),
            name => {
                let problem = Problem::at(&key.place, format!("a play has no keyword '{name}'"));
                let known = Scope::Play.known();
                self.problems.push(match crate::model::nearest(name, known.iter().copied()) {
                    None => problem.help("modules belong into a task under 'tasks:'"),
                    Some(_) => problem.nearest(name, known),
                });
            }
        }
    }

    fn hosts(&mut self, play: &mut Play, node: &Node) {
        play.hosts_place = node.place.clone();
        let patterns = self.take(node.words()).unwrap_or_default();
        if patterns.iter().all(|pattern| pattern.trim().is_empty()) {
            let problem = Problem::at(&node.place, "'hosts' is empty");
            self.problems.push(problem.help("name a group, a host, or 'all'"));
        }
        play.hosts = patterns.join(",");
    }

    fn vars_files(&mut self, node: &Node) -> Vec<Node> {
        let mut files = Vec::new();
        for item in node.items() {
            let texts = item.items().iter().all(|text| text.str().is_ok());
            if texts { files.push(item.clone()) } else { self.problems.push(item.expected("a file's name")) }
        }
        files
    }

    fn serial(&mut self, node: &Node) -> Vec<Node> {
        let mut batches = Vec::new();
        for item in node.items() {
            if item.is_template() || Batch::of(&item.to_value()).is_some() {
                batches.push(item.clone());
            } else {
                let problem = Problem::at(&item.place, "expected a number of hosts or a percentage");
                self.problems.push(problem.help("for example 'serial: 2' or 'serial: [1, \"25%\"]'"));
            }
        }
        batches
    }

    /// The strategies that there are; hosts wait for each other only where a play says so, whichever it is.
    fn strategy(&mut self, node: &Node) -> Option<Node> {
        let name = self.take(node.str())?;
        let known = ["linear", "free", "host_pinned"];
        if known.contains(&short_module_name(name)) || node.is_template() {
            return Some(node.clone());
        }
        let problem = Problem::at(&node.place, format!("wgops has no strategy '{name}'"));
        self.problems.push(problem.nearest(name, known));
        None
    }

    fn order(&mut self, node: &Node) -> Order {
        let known = ["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"];
        match self.take(node.str()) {
            Some("reverse_inventory") => Order::ReverseInventory,
            Some("sorted") => Order::Sorted,
            Some("reverse_sorted") => Order::ReverseSorted,
            Some("shuffle") => Order::Shuffle,
            Some("inventory") | None => Order::Inventory,
            Some(other) => {
                let problem = Problem::at(&node.place, format!("no order is called '{other}'"));
                self.problems.push(problem.nearest(other, known));
                Order::Inventory
            }
        }
    }

    /// Reads a list of tasks.
    pub(super) fn tasks(&mut self, node: &Node, scope: Scope) -> Vec<TaskItem> {
        match &node.value {
            NodeValue::Null => Vec::new(),
            NodeValue::List(items) => items.iter().filter_map(|item| self.item(item, scope)).collect(),
            _ => {
                self.problems.push(node.expected("a list of tasks").help("begin each task with '- '"));
                Vec::new()
            }
        }
    }
}

impl Play {
    fn without_hosts(node: &Node) -> Self {
        Self {
            place: node.place.clone(),
            hosts: String::new(),
            hosts_place: node.place.clone(),
            keywords: Keywords::default(),
            gather_facts: None,
            gathering: Vec::new(),
            vars_files: Vec::new(),
            serial: Vec::new(),
            max_fail_percentage: None,
            order: Order::default(),
            force_handlers: None,
            strategy: None,
            prompts: Vec::new(),
            roles: Vec::new(),
            pre_tasks: Vec::new(),
            tasks: Vec::new(),
            post_tasks: Vec::new(),
            handlers: Vec::new(),
        }
    }
}
