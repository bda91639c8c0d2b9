//! Inventories as YAML:
//!
//! ```yaml
//! all:
//!   hosts:
//!     bastion.example.com: {ansible_user: ops}
//!   children:
//!     web:
//!       hosts:
//!         web[01:03].example.com: {http_port: 8080}
//!       vars: {ntp: ntp.example.com}
//! ```

use super::draft::Draft;
use super::range;
use crate::load::problem::{Problem, Problems};
use crate::load::text::TextFile;
use crate::load::yaml::{Key, Node, NodeValue};

const PARTS: [&str; 3] = ["hosts", "vars", "children"];

/// Reads a YAML inventory.
pub(super) fn read(file: &TextFile, draft: &mut Draft) {
    let node = match Node::parse(file) {
        Ok(node) => node,
        Err(Problems(problems)) => return draft.problems.extend(problems),
    };
    match node.entries() {
        Ok(groups) if node.get("plugin").is_none() => {
            groups.iter().for_each(|(key, group)| read_group(key, group, draft));
        }
        Ok(_) => {
            let problem = Problem::at(&node.place, "inventory plugins are not supported");
            draft
                .problems
                .push(problem.help("write the hosts down, or let 'ansible-inventory --list --yaml' do it"));
        }
        Err(_) => {
            let problem = node.expected("groups (a mapping)");
            draft.problems.push(problem.help("begin with 'all:' and 'hosts:' below it"));
        }
    }
}

fn read_group(key: &Key, group: &Node, draft: &mut Draft) {
    draft.define(key);
    let entries = match group.entries() {
        Ok(entries) => entries,
        Err(_) => {
            return draft
                .problems
                .push(group.expected("a group: a mapping with 'hosts', 'vars' or 'children'"));
        }
    };
    for (part, node) in entries {
        let read = match part.name.as_str() {
            "hosts" => read_hosts(key, node, draft),
            "vars" => read_vars(key, node, draft),
            "children" => read_children(key, node, draft),
            name => Err(unknown_part(part, name)),
        };
        draft.problems.extend(read.err());
    }
}

fn unknown_part(part: &Key, name: &str) -> Problem {
    let problem = Problem::at(&part.place, format!("a group has no '{name}'"));
    match crate::model::nearest(name, PARTS) {
        Some(_) => problem.nearest(name, PARTS),
        None => problem.help("a group has 'hosts', 'vars' and 'children'; put it under one of them"),
    }
}

fn read_vars(group: &Key, node: &Node, draft: &mut Draft) -> Result<(), Problem> {
    for (key, value) in node.entries()? {
        draft.group_variable(group, key, value.clone());
    }
    Ok(())
}

fn read_children(group: &Key, node: &Node, draft: &mut Draft) -> Result<(), Problem> {
    for (key, child) in named(node)? {
        draft.child(group, &key);
        if !child.is_null() {
            read_group(&key, &child, draft);
        }
    }
    Ok(())
}

fn read_hosts(group: &Key, node: &Node, draft: &mut Draft) -> Result<(), Problem> {
    for (key, variables) in named(node)? {
        let expanded = match range::expand(&key.name) {
            Ok(expanded) => expanded,
            Err(message) => {
                draft.problems.push(Problem::at(&key.place, message));
                continue;
            }
        };
        let entries = match variables.entries() {
            Ok(entries) => entries,
            Err(_) => {
                draft.problems.push(variables.expected("the host's variables (a mapping), or nothing"));
                &[]
            }
        };
        for host in &expanded.hosts {
            draft.host(group, host, &key.place);
            if let Some(port) = expanded.port {
                let name = Key::new(&key.place, "ansible_port");
                draft.host_variable(host, &name, Node::from_value(&key.place, &port.into()));
            }
            for (key, value) in entries {
                draft.host_variable(host, key, value.clone());
            }
        }
    }
    Ok(())
}

/// The entries of a mapping; one text stands for an entry without value.
fn named(node: &Node) -> Result<Vec<(Key, Node)>, Problem> {
    match &node.value {
        NodeValue::Text(name) => {
            let key = Key::new(&node.place, name);
            Ok(vec![(key, Node { value: NodeValue::Null, ..node.clone() })])
        }
        NodeValue::List(_) => Err(node.expected("a mapping").help("write 'name:' instead of '- name'")),
        _ => node.entries().map(<[_]>::to_vec),
    }
}
