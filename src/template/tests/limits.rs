//! Nothing that somebody wrote or a host said brings wgops down, hangs it or fills its memory.

use super::*;
use proptest::prelude::*;

/// What becomes of a value that is made of itself again and again.
fn again(start: &str, step: &str) -> String {
    format!(
        "{{% set ns = namespace(x={start}) %}}{{% for i in range(90) %}}{{% set ns.x = {step} %}}{{% endfor %}}"
    )
}

#[test]
fn a_template_that_never_ends_is_ended() {
    table(
        &Vars::default(),
        &[
            (
                "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
                json!("!runs too long"),
            ),
            ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", json!("!recursion limit exceeded")),
            ("{{ 'x' * 99999999 }}", json!("!larger than 16 MiB")),
            ("{% for i in range(100) %}{{ 'x' * 999999 }}{% endfor %}", json!("!larger than 16 MiB")),
            (
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
                json!("!larger than 16 MiB"),
            ),
            (
                "{% set ns = namespace(x='aaaaaaaaaa') %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
                json!("!larger than 16 MiB"),
            ),
            ("{% set a = 1 + 2 %}{{ (a + 3) ~ 'x' ~ ([a] + [4]) }}", json!("6x[3, 4]")),
            ("{{ range(99999999) | list }}", json!("!range")),
            ("{{ ('a' * 60 ~ 'bc') is search('(a|aa)+\\1c') }}", json!("!too many steps")),
            (
                "{{ ('a' * 100000) | regex_replace('', 'b' * 100000) }}",
                json!("!would grow by more than 64 MiB"),
            ),
            ("{{ ('a' * 100000) | replace('', 'b' * 100000) }}", json!("!larger than 16 MiB")),
            ("{{ ('a' * 100000).replace('', 'b' * 100000) }}", json!("!larger than 16 MiB")),
            ("{{ ('\n' * 100000) | indent('b' * 100000, blank=true) }}", json!("!larger than 16 MiB")),
            ("{{ ('\n' * 100000) | comment(decoration='b' * 100000) }}", json!("!larger than 16 MiB")),
            ("{{ ['x' * 1000000] * 100000 }}", json!("!larger than 256 MiB")),
            ("{{ ','.join(['x' * 1000000] * 100000) }}", json!("!larger than 16 MiB")),
            ("{{ ('{0}' * 100000).format('x' * 100000) }}", json!("!larger than 16 MiB")),
            ("{{ ('%s' * 1000) % (('x' * 100000,) * 1000) }}", json!("!larger than 16 MiB")),
            ("{{ (['x' * 1000000] * 100000) | join }}", json!("!larger than 16 MiB")),
            ("{{ (['x' * 1000000] * 100000) | to_json }}", json!("!larger than 256 MiB")),
            (
                "{{ (['x' * 1000000] * 1000) | map('upper') | list | length }}",
                json!("!more than 256 MiB of text"),
            ),
            ("{{ 'abc' | json_query('[*].x' * 100000) }}", json!("!longer than 16 KiB")),
            ("{{ 'abc' | json_query('[*].x' * 300) }}", json!("!more than 250 brackets")),
            ("{{ 'abc' | json_query('[' * 249 ~ '@' ~ ']' * 249) }}", json!("!lists more than 100 deep")),
            ("{{ 'abc' | json_query('[@,@]|' * 40 ~ '@') }}", json!("!finds more than 64 MiB")),
            ("{{ 'abc' | json_query('[?a == `\"[[[[(((\"`]' ~ '') }}", json!(null)),
            ("{{ ('a' * 100000) | regex_findall('(?=(a+))') }}", json!("!write it so that it matches less")),
            ("{{ ('a' * 2000) | regex_findall('(?=(a+))') | length }}", json!(2000)),
            ("{{ ('ab' * 3) | regex_replace('b', 'c', count=2) }}", json!("acacab")),
            ("{{ range(1000) | product(range(1000), range(1000)) }}", json!("!more than")),
        ],
    );
}

#[test]
fn a_list_that_is_joined_to_itself_again_and_again_is_refused() {
    table(
        &Vars::default(),
        &[
            (&again("[1, 2]", "ns.x + ns.x"), json!("!a list of more than 1000000 items")),
            (&again("[1, 2]", "ns.x + ns.x | select"), json!("!a list of more than 1000000 items")),
            (&again("range(2)", "ns.x + ns.x"), json!("!a list of more than 1000000 items")),
            (&again("[1]", "ns.x | zip(ns.x) | flatten"), json!("!a list of more than 1000000 items")),
            (
                &again("{'a': [1]}", "ns.x | combine(ns.x, list_merge='append')"),
                json!("!a list of more than 1000000"),
            ),
            (&again("'aaaaaaaaaa'", "ns.x | b64encode"), json!("!filters made more than 256 MiB")),
            (
                &format!("{{% set x = [1] %}}{}", "{% set x = x + x %}".repeat(60)),
                json!("!a list of more than"),
            ),
            (
                &format!(
                    "{{% with x = [1] %}}{}{}",
                    "{% with x = x + x %}".repeat(30),
                    "{% endwith %}".repeat(31)
                ),
                json!("!a list of more than"),
            ),
            (
                "{% macro m(x, n) %}{% if n %}{{ m(x + x, n - 1) }}{% endif %}{% endmacro %}{{ m([1], 60) }}",
                json!("!a list of more than"),
            ),
            (
                "{% set l = [1] %}{% for i in range(60) %}{% set _ = l.extend(l) %}{% endfor %}",
                json!("!a list of more than"),
            ),
            (
                "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{% set l = [] %}{% set _ = l.append(ns.x) %}",
                json!("!a list of more than"),
            ),
            (
                "{% set ns = namespace(x=[]) %}{% for i in range(3) %}{% set ns.x = ns.x + [i] %}{% endfor %}{{ ns.x }}",
                json!([0, 1, 2]),
            ),
        ],
    );
}

#[test]
fn values_that_nest_ever_deeper_are_forgotten_safely() {
    let deep = |start: &str, step: &str, end: &str| {
        format!(
            "{{% set ns = namespace(x={start}) %}}{{% for i in range(99999) %}}{{% set ns.x = {step} %}}{{% endfor %}}{end}"
        )
    };
    let deeper = "nested more than 100 deep";
    table(
        &Vars::default(),
        &[
            (&deep("[]", "[ns.x]", "done"), json!("done")),
            (&deep("{}", "{'a': ns.x}", "{{ nope }}"), json!("!'nope' is undefined")),
            (&deep("[]", "[ns.x]", "{{ ns.x }}"), json!(format!("!{deeper}"))),
        ],
    );
}

#[test]
fn deep_nesting_is_refused_and_does_not_overflow() {
    for source in [
        format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000)),
        format!("{{{{ 1{} }}}}", " + 1".repeat(50_000)),
        format!("{{{{ x{} }}}}", ".a".repeat(50_000)),
        format!("{{{{ x{} }}}}", "|default".repeat(50_000)),
        format!("{{{{ {}1 }}}}", "not ".repeat(50_000)),
        format!("{{{{ {}1 }}}}", "-".repeat(50_000)),
        "{% if x %}".repeat(5000),
        "{% if a %}{% elif b %}".to_owned() + &"{% elif x %}".repeat(50_000) + "{% endif %}",
    ] {
        let _ = templates().render(&json!(source), &Vars::default().arc());
    }
}

#[test]
fn what_ends_a_line_elsewhere_comes_through_yaml() {
    for text in ["\u{2028}", "a\u{2029}b", "\u{85}", "\u{feff}"] {
        let vars = Vars::default().data(json!({"list": [text]}));
        let source = json!("{{ list | to_nice_yaml | from_yaml | first }}");
        assert_eq!(outcome(&source, &vars), Ok(json!(text)), "{text:?}");
    }
}

proptest! {
    #[test]
    fn no_text_is_so_odd_that_it_panics(text in any::<String>(), expression in "[a-z0-9 .|()\\[\\]{}%'\"+~=<>!-]{0,40}") {
        let vars = Vars::written(json!({"a": 1, "b": ["x"], "c": {"d": "{{ a }}"}})).arc();
        let templates = templates();
        let _ = templates.render(&json!(text), &vars);
        let _ = templates.render(&json!(format!("{{{{ {expression} }}}}")), &vars);
        let _ = templates.condition(&json!(expression), &vars);
        let _ = templates.text("t", &text, &vars);
        let _ = templates.check(&json!([text, expression]));
    }

    #[test]
    fn data_comes_through_to_the_letter(text in "(\\PC|[{}%#\\n]){0,30}") {
        let vars = Vars::default().data(json!({"data": text, "list": [text]})).with(
            "written", Binding::Written(Arc::new(json!({"v": "{{ data }}"}))));
        for (source, expected) in [
            ("{{ data }}", json!(text)),
            ("{{ written.v }}", json!(text)),
            ("<{{ data }}>", json!(format!("<{text}>"))),
            ("{{ data ~ '' }}", json!(text)),
            ("{{ list | map('string') | list }}", json!([text])),
            ("{% for x in list %}{{ x }}{% endfor %}", json!(text)),
            ("{{ list | to_json | from_json | first }}", json!(text)),
            ("{{ list | to_nice_yaml | from_yaml | first }}", json!(text)),
            ("{{ data | b64encode | b64decode }}", json!(text)),
        ] {
            prop_assert_eq!(outcome(&json!(source), &vars), Ok(expected), "{}", source);
        }
    }
}
