//! An inventory shown: as a tree, and as JSON in the form of `ansible-inventory`.

use super::Inventory;
use super::draft::ALL;
use crate::model::{HostName, Value, printable};
use serde_json::json;

/// Most lines of a tree: groups with many parents are drawn under each of them.
const LINES_MAX: usize = 200_000;
/// Deepest level of a tree that is drawn.
const LEVELS_MAX: usize = 100;

impl Inventory {
    /// The groups and their hosts as a tree.
    pub fn graph(&self) -> String {
        let mut lines = Vec::new();
        self.draw(ALL, 0, &mut lines);
        lines.join("\n") + "\n"
    }

    fn draw(&self, name: &str, level: usize, lines: &mut Vec<String>) {
        let Some(group) = self.groups.get(name) else { return };
        lines.push(branch(level, &format!("@{}:", printable(name))));
        for child in &group.children {
            if lines.len() < LINES_MAX && level < LEVELS_MAX {
                self.draw(child, level + 1, lines);
            }
        }
        // Hosts that stand right under `all` are shown under `ungrouped`.
        let own = if name == ALL { None } else { Some(&group.hosts) };
        lines.extend(own.into_iter().flatten().map(|host| branch(level + 1, host.as_str())));
    }

    /// Groups, hosts and variables.
    pub fn list_json(&self) -> Value {
        let hosts: crate::model::Map =
            self.hosts().into_iter().map(|host| (host.to_string(), self.host_json(host))).collect();
        let mut out = crate::model::Map::from_iter([("_meta".to_owned(), json!({ "hostvars": hosts }))]);
        for (name, group) in &self.groups {
            let mut entry = crate::model::Map::new();
            if !group.children.is_empty() {
                entry.insert("children".to_owned(), json!(group.children));
            }
            if !group.hosts.is_empty() && name != ALL {
                entry.insert("hosts".to_owned(), group.hosts.iter().map(HostName::as_str).collect());
            }
            out.insert(name.clone(), Value::Object(entry));
        }
        Value::Object(out)
    }

    /// A host's variables, the winning one for each name.
    pub fn host_json(&self, host: &HostName) -> Value {
        Value::Object(self.values(host))
    }
}

fn branch(level: usize, text: &str) -> String {
    if level == 0 { text.to_owned() } else { format!("{}|--{text}", "  |".repeat(level - 1) + "  ") }
}

#[cfg(test)]
mod tests {
    use crate::load::inventory::tests::ini;

    #[test]
    fn the_tree_shows_groups_and_hosts() {
        let inventory = ini("lone\n[web]\nweb[1:2]\n[site:children]\nweb\n[site:vars]\na=1\n");
        insta::assert_snapshot!(inventory.graph(), @"
        @all:
          |--@ungrouped:
          |  |--lone
          |--@site:
          |  |--@web:
          |  |  |--web1
          |  |  |--web2
        ");
        insta::assert_snapshot!(serde_json::to_string(&inventory.list_json()).unwrap(), @r#"{"_meta":{"hostvars":{"lone":{},"web1":{"a":1},"web2":{"a":1}}},"all":{"children":["ungrouped","site"]},"ungrouped":{"hosts":["lone"]},"web":{"hosts":["web1","web2"]},"site":{"children":["web"]}}"#);
        assert_eq!(inventory.host_json(&"web1".parse().unwrap()), serde_json::json!({"a": 1}));
    }

    #[test]
    fn a_tree_of_many_parents_ends() {
        let mut text = String::new();
        for n in 0..60 {
            text.push_str(&format!("[a{n}:children]\na{0}\nb{0}\n[b{n}:children]\na{0}\nb{0}\n", n + 1));
        }
        text.push_str("[a60]\nx\n[b60]\nx\n");
        assert!(ini(&text).graph().lines().count() < 400_000);
    }
}
