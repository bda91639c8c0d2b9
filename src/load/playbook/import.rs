//! `import_playbook`: the plays of another file, as if they stood here.

use super::keywords::{Scope, short_module_name};
use super::{Keywords, Play, Playbook, Reader};
use crate::load::problem::Problem;
use crate::load::text::TextFile;
use crate::load::yaml::{Key, Node, NodeValue};
use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

/// Deepest nesting of playbooks.
const DEPTH_MAX: usize = 20;
/// Most files that a playbook imports, counted with those that these import.
const IMPORTS_MAX: usize = 1000;

/// How many files one playbook has imported, all in all.
#[derive(Clone, Default)]
pub(super) struct Imports(Rc<Cell<usize>>);

impl Imports {
    /// Why no more is imported, said once.
    fn one_more(&self, depth: usize) -> Result<(), Option<String>> {
        let sofar = self.0.get();
        let why = match sofar {
            IMPORTS_MAX.. => return Err(None),
            _ if depth >= DEPTH_MAX => "playbooks import each other without end".to_owned(),
            _ if sofar + 1 == IMPORTS_MAX => format!("playbooks import others {IMPORTS_MAX} times and more"),
            _ => {
                self.0.set(sofar + 1);
                return Ok(());
            }
        };
        self.0.set(IMPORTS_MAX);
        Err(Some(why))
    }
}

impl Reader<'_> {
    /// The plays of an entry of a playbook: one, or those of the file that it imports.
    pub(super) fn plays(&mut self, node: &Node, depth: usize) -> Vec<Play> {
        let entries = node.map().unwrap_or_default();
        let import = entries.iter().find(|(key, _)| short_module_name(&key.name) == "import_playbook");
        match import {
            Some((key, value)) => self.import(entries, key, value, depth).unwrap_or_default(),
            None => self.play(node).into_iter().collect(),
        }
    }

    fn import(
        &mut self,
        entries: &[(Key, Node)],
        key: &Key,
        named: &Node,
        depth: usize,
    ) -> Option<Vec<Play>> {
        let mut keywords = Keywords::default();
        for (other, value) in entries.iter().filter(|(other, _)| other.name != key.name) {
            match other.name.as_str() {
                "name" | "when" | "tags" | "vars" => {
                    self.shared(&mut keywords, Scope::Block, other, value);
                }
                name => {
                    let problem = Problem::at(&other.place, format!("an import has no keyword '{name}'"));
                    self.problems.push(problem.nearest(name, ["name", "when", "tags", "vars"]));
                }
            }
        }
        let name = self.take(named.str().map_err(|_| named.expected("a file's name")))?.to_owned();
        let name = match self.names {
            _ if !named.is_template() => name,
            Some(names) => self.take(names(named, &keywords.vars))??,
            None => {
                let problem = Problem::at(&named.place, "a template can't name a playbook here");
                self.problems.push(problem.help("name the file, or run it by 'wgops run'"));
                return None;
            }
        };
        let path = self.file.file.parent().unwrap_or(Path::new("")).join(name.trim());
        let read = TextFile::read(&path).map_err(|problem| {
            let told = Problem::at(&named.place, format!("{}: {}", path.display(), problem.message));
            told.help("name a playbook, relative to this one")
        });
        let file = self.take(read)?;
        if let Err(why) = self.imports.one_more(depth) {
            self.problems.extend(why.map(|why| Problem::at(&named.place, why)));
            return None;
        }
        match Playbook::parse_within(&file, depth + 1, self.names, &self.imports) {
            Ok(playbook) => Some(playbook.plays.into_iter().map(|play| play.under(&keywords)).collect()),
            Err(problems) => {
                self.problems.extend(problems.0);
                None
            }
        }
    }

    /// Reads `vars_prompt`.
    pub(super) fn prompts(&mut self, node: &Node) -> Vec<super::Prompt> {
        let known =
            ["name", "prompt", "default", "private", "confirm", "unsafe", "encrypt", "salt", "salt_size"];
        let mut prompts = Vec::new();
        for item in node.items() {
            if !matches!(item.value, NodeValue::Map(_)) {
                self.problems.push(item.expected("a mapping with 'name'"));
                continue;
            }
            self.problems.extend(item.unknown_keys(&known));
            let Some(name) = item.get("name").and_then(|name| self.take(name.word())) else {
                self.problems.push(Problem::at(&item.place, "'vars_prompt' needs a 'name'"));
                continue;
            };
            let mut flag = |name: &str, unless: bool| {
                let node = item.get(name).and_then(|node| self.flag(node));
                node.and_then(|node| node.bool().ok()).unwrap_or(unless)
            };
            let (private, confirm) = (flag("private", true), flag("confirm", false));
            // What is typed is data either way.
            flag("unsafe", false);
            let word =
                |name: &str| item.get(name).filter(|node| !node.is_null()).and_then(|node| node.word().ok());
            let encrypt = word("encrypt").map(|kind| kind.trim_end_matches("_crypt").to_owned());
            if let (Some(kind), Some(node)) = (&encrypt, item.get("encrypt"))
                && !["sha512", "sha256", "bcrypt", "blowfish"].contains(&kind.as_str())
            {
                let problem = Problem::at(&node.place, format!("wgops makes no hash of the kind '{kind}'"));
                self.problems.push(problem.help("use sha512_crypt, sha256_crypt or bcrypt"));
            }
            prompts.push(super::Prompt {
                place: item.place.clone(),
                text: item.get("prompt").and_then(|node| node.word().ok()).unwrap_or_else(|| name.clone()),
                default: item.get("default").filter(|node| !node.is_null()).cloned(),
                name,
                private,
                confirm,
                encrypt,
                salt: word("salt"),
                salt_size: word("salt_size").and_then(|size| size.parse().ok()),
            });
        }
        prompts
    }
}

impl Play {
    /// The same with what its import says.
    fn under(mut self, keywords: &Keywords) -> Self {
        let own = std::mem::take(&mut self.keywords.when);
        self.keywords.when = keywords.when.iter().cloned().chain(own).collect();
        self.keywords.tags.extend(keywords.tags.clone());
        self.keywords.vars.extend(keywords.vars.clone());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::Playbook;
    use std::fs;

    #[test]
    fn an_imported_playbook_has_its_plays_conditions_tags_and_variables_here() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(dir.path().join("sub")).unwrap();
            fs::write(dir.path().join(name), text).unwrap();
        };
        let site = "- import_playbook: sub/web.yml\n  when: x\n  tags: t\n  vars: {a: 1}\n- hosts: last\n";
        write("site.yml", site);
        write(
            "sub/web.yml",
            "- hosts: web\n  vars: {a: 0, b: 2}\n- ansible.builtin.import_playbook: db.yml\n",
        );
        write("sub/db.yml", "- hosts: db\n");
        let plays = Playbook::load(&dir.path().join("site.yml")).unwrap().plays;
        assert_eq!(plays.iter().map(|play| play.hosts.as_str()).collect::<Vec<_>>(), ["web", "db", "last"]);
        let web = &plays[0].keywords;
        assert_eq!((web.when.len(), web.tags.as_slice()), (1, &["t".to_owned()][..]));
        assert_eq!(web.vars["a"].node.to_value(), serde_json::json!(1));
        assert_eq!(plays[1].keywords.when.len(), 1);
        assert!(plays[2].keywords.when.is_empty());
        write("site.yml", "- import_playbook: site.yml\n- import_playbook: nosuch.yml\n");
        let refused = Playbook::load(&dir.path().join("site.yml")).unwrap_err().to_string();
        assert!(refused.contains("without end") && refused.contains("no such file"), "{refused}");
        // Each twice: that would be a million.
        write("site.yml", &"- import_playbook: site.yml\n".repeat(2));
        let refused = Playbook::load(&dir.path().join("site.yml")).unwrap_err().to_string();
        assert_eq!(refused.matches("without end").count(), 1, "{refused}");
        for level in 0..19 {
            write(&format!("{level}.yml"), &format!("- import_playbook: {}.yml\n", level + 1).repeat(2));
        }
        write("19.yml", "- hosts: all\n");
        let refused = Playbook::load(&dir.path().join("0.yml")).unwrap_err().to_string();
        assert!(refused.contains("1000 times and more") && refused.contains(".yml:"), "{refused}");
    }

    #[test]
    fn prompts_are_read_and_what_is_not_supported_is_refused() {
        let read = |text: &str| {
            let file = crate::load::TextFile::from_bytes(std::path::Path::new("p.yml"), text.into()).unwrap();
            Playbook::parse(&file)
        };
        let play = read("- hosts: all\n  vars_prompt:\n    - name: user\n      prompt: who\n      private: no\n      default: me\n    - {name: pass, confirm: yes}\n").unwrap().plays.remove(0);
        let asked: Vec<_> = play.prompts.iter().map(|p| (p.text.as_str(), p.private, p.confirm)).collect();
        assert_eq!(asked, [("who", false, false), ("pass", true, true)]);
        let hashed =
            read("- hosts: all\n  vars_prompt: [{name: x, encrypt: sha512_crypt, salt_size: 7}]\n").unwrap();
        let prompt = &hashed.plays[0].prompts[0];
        assert_eq!((prompt.encrypt.as_deref(), prompt.salt_size), (Some("sha512"), Some(7)));
        let refused = read("- hosts: all\n  vars_prompt: [{name: x, encrypt: des_crypt}]\n").unwrap_err();
        assert!(refused.to_string().contains("no hash of the kind 'des'"));
    }
}
