//! `include_tasks`: opens a file of tasks when a host comes to it. Here is only which file; `plan` opens it.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "include_tasks",
    aliases: &[],
    summary: "Does the tasks of a file, when a host comes to them",
    params: &[
        Param::required("file", Kind::Text, "the file, beside the one that names it or beside the playbook"),
        Param::optional("apply", Kind::Map, "keywords that each of its tasks gets"),
    ],
    free_form: FreeForm::Is("file"),
    docs: Docs {
        examples: r#"
- name: Do what this distribution needs
  include_tasks: "{{ ansible_os_family | lower }}.yml"

- name: Do it as root, under a tag
  include_tasks:
    file: hardening.yml
    apply: {become: true, tags: [hardening]}
  tags: [hardening]
"#,
        returns: &[Returned { name: "include", help: "the file" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let file = args.needed("file")?;
    let result = Map::from_iter([("include".to_owned(), file.into())]);
    Ok(Outcome { result, message: Some(format!("included: {file}")), ..Outcome::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn it_says_which_file() {
        let outcome = without_host(&MODULE, &json!({"file": "a.yml", "apply": {"tags": "x"}})).unwrap();
        assert_eq!(outcome.result["include"], "a.yml");
        assert!(outcome.changes.is_empty());
    }
}
