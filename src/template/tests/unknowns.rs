//! What depends on something not known yet is unknown; what was made with a secret is tainted.

use super::*;

fn vars() -> Vars {
    Vars::written(json!({
        "known": 1, "via": "{{ r.stdout }}", "maybe": "{{ 1 if known == 1 else r }}",
        "config": {"port": 80, "password": "{{ secret }}"}, "url": "https://{{ secret }}@h",
    }))
    .with("r", Binding::Unknown("result of task 'x'".into()))
    .with("secret", Binding::Secret(Box::new(Binding::Data(Arc::new(json!("s3cret {{ known }}"))))))
    .with("secret_template", Binding::Secret(Box::new(Binding::Written(Arc::new(json!("s{{ known }}"))))))
    .with("locked", Binding::Refused("no key opens it".into()))
    .with("hostvars", Binding::Scope(Vars::default().with("h", Binding::Unknown("facts of h".into())).arc()))
}

#[test]
fn nothing_swallows_an_unknown() {
    let unknown = json!("<unknown: result of task 'x'>");
    for source in [
        "{{ r }}",
        "{{ r.rc }}",
        "{{ r | default(1) }}",
        "{{ r.rc.x | default(1) }}",
        "{{ r is defined }}",
        "{{ r is undefined or true }}",
        "{{ known == 2 or r }}",
        "{{ via }}",
        "{{ via | default('x') }}",
        "{{ [known, via] }}",
        "a {{ known }} {{ r }}",
        "{% for x in r %}{% endfor %}",
        "{{ {'a': r}.b }}",
        "{{ r + nope }}",
        "{% macro m() %}{{ r }}{% endmacro %}{{ m() }}",
    ] {
        assert_eq!(outcome(&json!(source), &vars()), Ok(unknown.clone()), "{source}");
    }
    assert_eq!(outcome(&json!({"a": 1, "b": ["{{ via }}"]}), &vars()), Ok(unknown));
    assert_eq!(
        outcome(&json!("{{ hostvars['h'].x | default(0) }}"), &vars()),
        Ok(json!("<unknown: facts of h>"))
    );
}

#[test]
fn what_is_never_looked_up_does_not_matter() {
    table(
        &vars(),
        &[
            ("{{ known == 1 or r.rc == 0 }}", json!(true)),
            ("{{ known == 2 and r.rc == 0 }}", json!(false)),
            ("{{ maybe }}", json!(1)),
            ("{{ config.port }}", json!(80)),
            ("{% if known == 2 %}{{ r }}{% endif %}x", json!("x")),
        ],
    );
}

#[test]
fn a_list_of_conditions_is_false_as_soon_as_one_is_known_to_be() {
    let scope = vars().arc();
    let decide = |condition: Value| templates().condition(&condition, &scope).unwrap();
    assert_eq!(decide(json!(["r.rc == 0", "known == 2"])), Rendered::Known { value: false, tainted: false });
    assert_eq!(decide(json!(["r.rc == 0", "known == 1"])), Rendered::Unknown("result of task 'x'".into()));
    assert_eq!(
        decide(json!(["r is defined", "r.rc.x == nope"])),
        Rendered::Unknown("result of task 'x'".into())
    );
    assert_eq!(decide(json!(["r is defined", "nope == 1"])), Rendered::Unknown("result of task 'x'".into()));
    assert_eq!(decide(json!("secret == 'x'")), Rendered::Known { value: false, tainted: true });
}

#[test]
fn what_is_made_with_a_secret_is_tainted() {
    let scope = vars().arc();
    let tainted = |source: &str| templates().render(&json!(source), &scope).unwrap().is_tainted();
    for source in [
        "{{ secret }}",
        "x{{ secret }}",
        "{{ url }}",
        "{{ url | length }}",
        "{{ config }}",
        "{{ secret == 'a' }}",
    ] {
        assert!(tainted(source), "{source}");
    }
    for source in ["{{ known }}", "{{ config.port }}", "{{ known == 1 or secret }}", "plain"] {
        assert!(!tainted(source), "{source}");
    }
    table(
        &vars(),
        &[
            ("{{ secret }}", json!("s3cret {{ known }}")),
            ("{{ secret_template }}", json!("s1")),
            ("{{ url }}", json!("https://s3cret {{ known }}@h")),
        ],
    );
}

#[test]
fn an_error_does_not_give_a_secret_away() {
    for source in [
        "{{ secret / 2 }}",
        "{{ secret | human_to_bytes }}",
        "{{ '%d' | format(secret) }}",
        "{{ lookup('file', secret) }}",
    ] {
        let error = templates().render(&json!(source), &vars().arc()).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("s3cret"), "{source}: {error:?}");
    }
    for text in ["s3cret {{", "{{ s3cret }}", "{{ 's3cret' | nope }}", "{{ 's3cret' | int(base='x') }}"] {
        let secret = Binding::Secret(Box::new(Binding::Written(Arc::new(json!(text)))));
        let vars = Vars::default().with("p", secret);
        let error = templates().render(&json!("{{ p }}"), &vars.arc()).unwrap_err();
        let shown = format!("{error:?} {error}");
        assert!(text == "{{ s3cret }}" || !shown.contains("s3cret"), "{text}: {shown}");
        assert_eq!(error.line_text, "", "{text}");
    }
    let condition = templates().condition(&json!("secret"), &vars().arc()).unwrap_err();
    assert!(!format!("{condition:?}").contains("s3cret"), "{condition:?}");
}

#[test]
fn a_value_that_is_refused_says_why() {
    table(&vars(), &[("{{ locked | default(1) }}", json!("!'locked' can't be used: no key opens it"))]);
}
