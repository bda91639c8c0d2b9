//! `include_vars`: variables of files. They stay templates, as those that a play names do.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Pattern, PatternOptions, Value};
use crate::questions::Stop;

/// Endings of files that count where nothing is said.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];
/// Parameters that only a folder has.
const OF_FOLDERS: [&str; 5] =
    ["depth", "files_matching", "ignore_files", "extensions", "ignore_unknown_extensions"];

/// The module.
pub static MODULE: Module = Module {
    name: "include_vars",
    aliases: &[],
    summary: "Sets variables from files",
    params: &[
        Param::optional("file", Kind::Text, "the file, in 'vars/' or beside the one that names it"),
        Param::optional("dir", Kind::Text, "a folder, whose files are laid over each other by name"),
        Param::optional(
            "name",
            Kind::Text,
            "the variable that holds them all; unset: each stands for itself",
        ),
        Param::optional("depth", Kind::Int, "how many levels of folders are looked into; 0: all"),
        Param::optional("files_matching", Kind::Text, "a pattern that names of files must have"),
        Param::optional("ignore_files", Kind::List, "patterns of names' ends that are left out"),
        Param::optional("extensions", Kind::List, "the endings that files must have: yaml, yml, json"),
        Param::optional("ignore_unknown_extensions", Kind::Bool, "leaves out files with other endings")
            .default("no"),
        Param::optional(
            "hash_behaviour",
            Kind::Choice(&["replace", "merge"]),
            "merge: mappings are laid into those that are there",
        ),
    ],
    free_form: FreeForm::Is("file"),
    docs: Docs {
        examples: r#"
- name: Take what is special about this release
  include_vars: "{{ ansible_distribution_release }}.yml"

- name: Take all users
  include_vars: {dir: users, name: known_users, ignore_files: ['\.bak']}
"#,
        returns: &[
            Returned { name: "ansible_facts", help: "the variables" },
            Returned { name: "ansible_included_var_files", help: "the files" },
        ],
    },
    effect: Effect::Written,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (mut variables, mut files) = (Map::new(), Vec::new());
    let merges = args.text("hash_behaviour") == Some("merge");
    let mut take = |found: Map| match merges {
        true => lay_into(&mut variables, found),
        false => variables.extend(found),
    };
    match (args.text("file"), args.text("dir")) {
        (Some(file), None)
            if OF_FOLDERS.iter().all(|name| args.value(name).is_none() || !is_set(args, name)) =>
        {
            let (found, path) = host.controller.variables(file.trim_end())?;
            take(found);
            files.push(path);
        }
        (None, Some(folder)) => {
            let choice = Choice::of(args)?;
            for (name, path) in host.controller.files_of_variables(folder)? {
                if choice.takes(&name)? {
                    let (found, path) = host.controller.variables(&path)?;
                    take(found);
                    files.push(path);
                }
            }
        }
        (None, None) => return Err(Stop::refuse("'file' or 'dir' is needed")),
        _ => return Err(Stop::refuse("'file' and what belongs to 'dir' exclude each other")),
    }
    let mut written = match args.text("name") {
        Some(name) => Map::from_iter([(name.to_owned(), Value::Object(variables))]),
        None => variables,
    };
    if merges {
        for (name, value) in &mut written {
            if let (Value::Object(new), Some(Value::Object(mut all))) =
                (&value, host.controller.variable(name)?)
            {
                lay_into(&mut all, new.clone());
                *value = Value::Object(all);
            }
        }
    }
    let result = Map::from_iter([
        ("ansible_facts".to_owned(), Value::Object(written.clone())),
        ("ansible_included_var_files".to_owned(), files.into()),
    ]);
    Ok(Outcome { result, written, ..Outcome::default() })
}

/// Lays mappings into those of the same name; all else takes the place of what was there.
fn lay_into(all: &mut Map, new: Map) {
    for (name, value) in new {
        match (all.get_mut(&name), value) {
            (Some(Value::Object(old)), Value::Object(new)) => lay_into(old, new),
            (_, value) => {
                all.insert(name, value);
            }
        }
    }
}

fn is_set(args: &Args, name: &str) -> bool {
    args.maybe_flag(name).unwrap_or(true)
}

/// Which files of a folder count.
struct Choice {
    depth: usize,
    matching: Option<Pattern>,
    ignored: Vec<Pattern>,
    extensions: Vec<String>,
    skips_others: bool,
}

impl Choice {
    fn of(args: &Args) -> Result<Self, Stop> {
        let pattern = |text: &str| {
            let wrong = |error| Stop::refuse(format!("the pattern '{text}' is wrong: {error}"));
            Pattern::new(text, PatternOptions::default()).map_err(wrong)
        };
        let given = args.list("extensions");
        let extensions = if given.is_empty() { EXTENSIONS.to_vec() } else { given };
        Ok(Self {
            depth: args.int("depth").and_then(|depth| usize::try_from(depth).ok()).unwrap_or(0),
            matching: args.text("files_matching").map(pattern).transpose()?,
            ignored: args
                .list("ignore_files")
                .iter()
                .map(|ignored| pattern(&format!("(?:{ignored})$")))
                .collect::<Result<_, _>>()?,
            extensions: extensions.iter().map(|text| text.trim_start_matches('.').to_owned()).collect(),
            skips_others: args.flag("ignore_unknown_extensions"),
        })
    }

    /// Whether a file counts; its name begins at the folder.
    fn takes(&self, path: &str) -> Result<bool, Stop> {
        let name = path.rsplit('/').next().unwrap_or_default();
        if self.depth > 0 && path.matches('/').count() >= self.depth {
            return Ok(false);
        }
        let found = |pattern: &Pattern| {
            pattern.is_found(name).map_err(|error| Stop::refuse(format!("{name}: {error}")))
        };
        if let Some(matching) = &self.matching
            && !found(matching)?
        {
            return Ok(false);
        }
        for ignored in &self.ignored {
            if found(ignored)? {
                return Ok(false);
            }
        }
        let known =
            name.rsplit_once('.').is_some_and(|(_, ending)| self.extensions.iter().any(|e| e == ending));
        if !known && !self.skips_others {
            let known = self.extensions.join(", ");
            return Err(Stop::refuse(format!("'{path}' has none of the endings {known}")));
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn files_of_a_folder_count_by_name_ending_and_depth() {
        let choose = |args: Value, names: &[&str]| -> Result<Vec<bool>, String> {
            let args = Args::parse(MODULE.params, MODULE.free_form, args.as_object().unwrap()).unwrap();
            let said = |stop| match stop {
                Stop::Refuse(refusal) => refusal.message,
                other => format!("{other:?}"),
            };
            let choice = Choice::of(&args).map_err(said)?;
            names.iter().map(|name| choice.takes(name).map_err(said)).collect()
        };
        let names = ["a.yml", "b.yaml", "sub/c.json", "sub/deep/d.yml"];
        assert_eq!(choose(json!({"dir": "x"}), &names), Ok(vec![true; 4]));
        assert_eq!(choose(json!({"dir": "x", "depth": 2}), &names), Ok(vec![true, true, true, false]));
        let matching = json!({"dir": "x", "files_matching": "^[ac]", "ignore_files": ["c\\.json"]});
        assert_eq!(choose(matching, &names), Ok(vec![true, false, false, false]));
        let other = choose(json!({"dir": "x"}), &["a.txt"]).unwrap_err();
        assert_eq!(other, "'a.txt' has none of the endings yaml, yml, json");
        let skipped = json!({"dir": "x", "ignore_unknown_extensions": true, "extensions": ["txt"]});
        assert_eq!(choose(skipped, &["a.txt", "b.yml"]), Ok(vec![true, false]));
    }

    #[test]
    fn a_file_and_a_folder_exclude_each_other() {
        let refused = |args: Value| match without_host(&MODULE, &args) {
            Err(Stop::Refuse(refusal)) => refusal.message,
            _ => String::new(),
        };
        assert!(refused(json!({})).contains("is needed"));
        assert!(refused(json!({"file": "a", "dir": "b"})).contains("exclude each other"));
        assert!(refused(json!({"file": "a", "depth": 1})).contains("exclude each other"));
        assert!(refused(json!({"file": "a"})).contains("no file of variables 'a'"));
    }
}
