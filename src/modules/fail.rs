//! `fail`: ends the play for a host with a message.

use super::assert::spoken;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::questions::{Refusal, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "fail",
    aliases: &[],
    summary: "Fails with a message",
    params: &[Param::optional("msg", Kind::Any, "why").default("Failed as requested from task")],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Only Debian so far
  fail:
    msg: "{{ ansible_distribution }} is not supported"
  when: ansible_os_family != 'Debian'
"#,
        returns: &[Returned { name: "msg", help: "why" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let said = args.value("msg").cloned().unwrap_or_default();
    let lines = (!said.is_string()).then(|| ("msg".to_owned(), said.clone()));
    Err(Stop::Refuse(Refusal { message: spoken(&said), result: lines.into_iter().collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn it_fails_with_the_message_given() {
        assert_eq!(without_host(&MODULE, &json!({"msg": "no"})).err(), Some(Stop::refuse("no")));
        let plain = without_host(&MODULE, &json!({})).err();
        assert_eq!(plain, Some(Stop::refuse("Failed as requested from task")));
        let Some(Stop::Refuse(lines)) = without_host(&MODULE, &json!({"msg": ["a", 1]})).err() else {
            panic!()
        };
        assert_eq!((lines.message.as_str(), &lines.result["msg"]), ("a\n1", &json!(["a", 1])));
    }
}
