//! `debconf`: answers to the questions of Debian's packages, given before they are asked.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Content, Digest, Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::apt::DebconfValue;

const TYPES: Kind = Kind::Choice(&[
    "boolean",
    "error",
    "multiselect",
    "note",
    "password",
    "seen",
    "select",
    "string",
    "text",
    "title",
]);

/// The module.
pub static MODULE: Module = Module {
    name: "debconf",
    aliases: &[],
    summary: "Answers a question of a Debian package",
    params: &[
        Param::required("name", Kind::Text, "the package").or(&["pkg"]),
        Param::optional("question", Kind::Text, "the question").or(&["selection", "setting"]),
        Param::optional("vtype", TYPES, "the question's type"),
        Param::optional("value", Kind::Any, "the answer").or(&["answer"]),
        Param::optional("unseen", Kind::Bool, "whether it may still be asked").default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A mail server that only sends\n  debconf:\n    name: postfix\n    question: postfix/main_mailer_type\n    vtype: select\n    value: Satellite system\n",
        returns: &[
            Returned { name: "current", help: "The answer by question, as it is now." },
            Returned { name: "previous", help: "The answer by question, as it was." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Takes a line of debconf-set-selections on stdin: package, question, `-u` or nothing, the old answer's digest.
const SET: Script = Script {
    name: "set_debconf_value",
    text: r#"export DEBIAN_FRONTEND=noninteractive
now=$(printf 'GET %s\n' "$2" | debconf-communicate "$1" 2>/dev/null | head -n 1)
case $now in
0*)
    now=${now#0}
    sum=$(printf '%s' "${now# }" | sha256sum)
    [ "${sum%% *}" = "$4" ] || exit 113
    ;;
*) [ "$4" = - ] || exit 113 ;;
esac
debconf-set-selections $3 || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let Some(question) = args.text("question") else {
        return Err(Stop::refuse(
            "'question' is needed: to list all answers of a package is not supported yet",
        ));
    };
    if [name, question].iter().any(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        return Err(Stop::refuse("'name' and 'question' are single words"));
    }
    let secret = args.text("vtype") == Some("password");
    let mut asked = vec![name.to_owned(), question.to_owned()];
    asked.extend(secret.then(|| "digest".to_owned()));
    let said = host.get(DebconfValue(asked))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    let previous = of("value ").map(str::to_owned);
    let old = of("digest ");
    let mut result = Map::new();
    let shown = |value: Option<String>| {
        let value = value.map_or(Value::Null, Value::from);
        Value::Object(Map::from_iter([(question.to_owned(), value)]))
    };
    let (Some(vtype), Some(value)) = (args.text("vtype"), args.value("value")) else {
        result.insert("current".into(), shown(previous));
        return Ok(Outcome::in_order(result));
    };
    let value = answer(vtype, value)?;
    if value.contains('\n') {
        return Err(Stop::refuse("'value' has more than one line"));
    }
    let digest = Digest::of(if vtype == "seen" { String::new() } else { value.clone() }).hex();
    let in_order = match vtype {
        "seen" => of("seen ") == Some(value.as_str()),
        _ => old == Some(digest.as_str()),
    };
    result.insert("previous".into(), shown(previous.clone()));
    result.insert("current".into(), shown((!secret).then(|| value.clone())));
    if in_order {
        return Ok(Outcome::in_order(result));
    }
    let unseen = if args.flag("unseen") { "-u" } else { "" };
    let argv = [name, question, unseen, old.unwrap_or("-")];
    let summary = format!(
        "answer {question} of {name}{}",
        if secret { String::new() } else { format!(" with '{value}'") }
    );
    let touches = [Subject::path("/var/cache/debconf")];
    let content = Content::new(format!("{name} {question} {vtype} {value}\n").into_bytes());
    let change = Change::state(summary, SET, argv, touches).with_content(content);
    Ok(Outcome::change(result, vec![change]))
}

/// The answer as debconf keeps it.
fn answer(vtype: &str, value: &Value) -> Result<String, Stop> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Stop::refuse("'value' is no text")),
    };
    Ok(match vtype {
        "boolean" | "seen" => text.to_lowercase(),
        _ => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    fn run(args: &Value, said: &str) -> (Outcome, Vec<String>) {
        let mut asked = Vec::new();
        let outcome = answer_with(&MODULE, args, &mut |question| {
            asked.push(question.args.0.join(" "));
            Ok(Output::ok(said))
        });
        (outcome.unwrap(), asked)
    }

    #[test]
    fn an_answer_is_given_once() {
        let args =
            json!({"name": "tzdata", "question": "tzdata/Areas", "vtype": "select", "value": "Europe"});
        let digest = Digest::of("Etc").hex();
        let (outcome, _) = run(&args, &format!("digest {digest}\nvalue Etc\nseen true\n"));
        let change = &outcome.changes[0];
        assert_eq!(change.content.as_ref().unwrap().bytes(), b"tzdata tzdata/Areas select Europe\n");
        assert_eq!(change.args.0.last().unwrap(), &digest);
        assert_eq!(outcome.result["previous"], json!({"tzdata/Areas": "Etc"}));
        let (outcome, _) =
            run(&args, &format!("digest {}\nvalue Europe\nseen true\n", Digest::of("Europe").hex()));
        assert!(outcome.changes.is_empty());
        assert_eq!(run(&args, "unknown\n").0.changes.len(), 1);
    }

    #[test]
    fn a_password_stays_on_its_way_and_out_of_the_result() {
        let args = json!({"name": "x", "question": "x/pw", "vtype": "password", "value": "hunter2"});
        let (outcome, asked) = run(&args, "digest 0\nseen true\n");
        assert_eq!(asked, ["x x/pw digest"]);
        let change = &outcome.changes[0];
        assert!(!format!("{:?}{}{}", change.args, change.summary, json!(outcome.result)).contains("hunter2"));
    }

    #[test]
    fn a_truth_is_written_small() {
        assert_eq!(answer("boolean", &json!(true)), Ok("true".into()));
        assert_eq!(answer("string", &json!("True")), Ok("True".into()));
        assert!(answer("string", &json!(["x"])).is_err());
    }
}
