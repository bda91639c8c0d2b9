//! `include_role`: opens a role when a host comes to it. Here is only which role; `plan` opens it.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "include_role",
    aliases: &[],
    summary: "Does the tasks of a role, when a host comes to them",
    params: &[
        Param::required("name", Kind::Text, "the role").or(&["role"]),
        Param::optional("tasks_from", Kind::Text, "the file of its 'tasks/' that is done").default("main"),
        Param::optional("vars_from", Kind::Text, "the file of its 'vars/' that counts").default("main"),
        Param::optional("defaults_from", Kind::Text, "the file of its 'defaults/' that counts")
            .default("main"),
        Param::optional("handlers_from", Kind::Text, "the file of its 'handlers/' that counts")
            .default("main"),
        Param::optional("apply", Kind::Map, "keywords that each of its tasks gets"),
        Param::optional("public", Kind::Bool, "whether later tasks see its defaults and variables")
            .default("no"),
        Param::optional("allow_duplicates", Kind::Bool, "whether it is done though it was done before")
            .default("yes"),
        Param::optional("rolespec_validate", Kind::Bool, "whether its arguments are checked").default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Make the backups of each database
  include_role:
    name: backup
    tasks_from: database
  vars:
    backup_name: '{{ item }}'
  loop: [shop, stock]
",
        returns: &[Returned { name: "include_args", help: "what it was given" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let mut given = args.all().clone();
    given.shift_remove("apply");
    let mut outcome = Outcome { message: Some(format!("included: {name}")), ..Outcome::default() };
    outcome.result.insert("include_args".into(), given.into());
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn it_says_which_role_and_which_of_its_files() {
        let outcome = without_host(&MODULE, &json!({"role": "web", "tasks_from": "vhost"})).unwrap();
        let given = &outcome.result["include_args"];
        assert_eq!((&given["name"], &given["tasks_from"]), (&json!("web"), &json!("vhost")));
        assert_eq!(given["public"], false);
    }
}
