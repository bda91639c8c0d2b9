//! Native types, laziness, undefined, omit, conditions, places of errors.

use super::*;

fn vars() -> Vars {
    Vars::written(json!({
        "port": 8080, "flag": "yes", "empty": "", "tags": ["a", "b"], "nothing": null,
        "a": "{{ b }}", "b": "{{ c + 1 }}", "c": 1,
        "loop1": "{{ loop2 }}", "loop2": "x{{ loop1 }}",
        "half": {"good": "{{ c }}", "bad": "{{ nope }}"},
        "halfway": "{{ half }}",
        "broken": "{{ nope }}",
        "deep": {"list": [1, {"x": "{{ b }}"}], "self": "{{ deep.list[0] }}"},
        "pkgs": [{"name": "nginx", "on": true}, {"name": "vim", "on": false}],
        "both": "{{ tags + more }}", "more": ["{{ b }}"],
    }))
    .data(json!({
        "evil": "{{ port }}", "evil_map": {"k": "{{ port }}{% raw %}"}, "evil_list": ["{{ c }}"],
        "result": {"rc": 0, "stdout": "a\nb"},
    }))
    .with("hostvars", Binding::Scope(hostvars()))
}

fn hostvars() -> Arc<dyn Scope> {
    let h1 = Vars::written(json!({"ip": "10.0.0.{{ last }}", "last": 7, "port": 1}));
    Vars::default().with("h1", Binding::Scope(h1.arc())).arc()
}

#[test]
fn one_whole_expression_keeps_its_type() {
    table(
        &vars(),
        &[
            ("{{ port }}", json!(8080)),
            ("{{ '[1,2]' }}", json!("[1,2]")),
            ("{{ 'yes' }}", json!("yes")),
            ("{{ none }}", json!(null)),
            ("{{ nothing }}", json!(null)),
            ("{{ 1.5 }}", json!(1.5)),
            ("{{ 3 / 2 }}", json!(1.5)),
            ("{{ true }}", json!(true)),
            ("{{ tags }}", json!(["a", "b"])),
            ("{{ (1, 2) }}", json!([1, 2])),
            ("{{ {'k': tags} }}", json!({"k": ["a", "b"]})),
            ("{{- port -}}", json!(8080)),
            ("{{ port }}\n", json!(8080)),
            ("{{ flag }}\n", json!("yes\n")),
            (" {{ port }}", json!(" 8080")),
            ("{{ port }}{{ port }}", json!("80808080")),
            ("plain { text }", json!("plain { text }")),
            ("{{ (1 + 2) * 3 }}", json!(9)),
            ("{{ (port) }}", json!(8080)),
            ("{{ 'a' if false else none }}", json!(null)),
        ],
    );
}

#[test]
fn text_is_written_as_python_would() {
    table(
        &vars(),
        &[
            ("x={{ true }}", json!("x=True")),
            ("x={{ none }}", json!("x=")),
            ("x={{ 'a' ~ none }}", json!("x=aNone")),
            ("x={{ tags }}", json!("x=['a', 'b']")),
            ("x={{ [1, 'a', true, none] }}", json!("x=[1, 'a', True, None]")),
            ("x={{ {'k': 'v', 'n': 1.0} }}", json!("x={'k': 'v', 'n': 1.0}")),
            ("x={{ result }}", json!("x={'rc': 0, 'stdout': 'a\\nb'}")),
            ("x={{ more }}", json!("x=[2]")),
            ("{% if port > 80 %}big{% endif %}\n", json!("big\n")),
            ("{% for t in tags %}\n{{ t }},\n{% endfor %}", json!("a,\nb,\n")),
        ],
    );
}

#[test]
fn a_text_that_writes_one_value_only_keeps_its_type() {
    table(
        &vars(),
        &[
            ("{% if port > 80 %}{{ tags }}{% endif %}", json!(["a", "b"])),
            ("{% if port > 80 %}{{ port }}{% endif %}\n", json!(8080)),
            (
                "{% set x = [] %}{% for t in tags %}{% set _ = x.append(t) %}{% endfor %}{{ x }}",
                json!(["a", "b"]),
            ),
            ("{% if port > 80 %}{{ none }}{% endif %}", json!(null)),
            ("{% if port < 80 %}x{% endif %}", json!(null)),
            ("{% if port > 80 %}5{% endif %}", json!("5")),
            ("{{ port }}{{ '' }}", json!("8080")),
            ("{% if true %} {{ port }}{% endif %}", json!(" 8080")),
            ("{{ port }}\n\n", json!("8080\n\n")),
            ("{{ 'a\n' }}\n", json!("a\n")),
            ("x={{ (1, 2) }}", json!("x=[1, 2]")),
            ("x={{ [1e20, 1e-7] }}", json!("x=[1e+20, 1e-07]")),
            ("{% set x = {} %}{% set _ = x.setdefault('a', []).append(1) %}{{ x }}", json!({"a": [1]})),
        ],
    );
}

#[test]
fn in_a_value_a_backslash_between_quotes_stands_for_itself() {
    table(
        &vars(),
        &[
            (r"{{ 'a\nb' }}", json!(r"a\nb")),
            (r"{{ 'C:\dir' ~ '\t' }}", json!(r"C:\dir\t")),
            (r"{{ 'a1' | regex_replace('(\d)', '<\1>') }}", json!("a<1>")),
            (r"{% set x = 'a\tb' %}{{ x }}", json!("a\tb")),
            (r"{{ {'a\b': [1]}['a\b'][0] }}", json!(1)),
        ],
    );
    let scope = vars().arc();
    let newline = templates().condition(&json!(r"result.stdout == 'a\nb'"), &scope);
    assert_eq!(newline, Ok(Rendered::Known { value: true, tainted: false }));
}

#[test]
fn a_condition_may_begin_with_what_is_divided() {
    let scope = vars().arc();
    for (condition, value) in
        [("4 % 2 == 0", true), ("('xy' | length) % 2 == 1", false), ("'%s' % 1 == '1'", true)]
    {
        let known = Ok(Rendered::Known { value, tainted: false });
        assert_eq!(templates().condition(&json!(condition), &scope), known, "{condition}");
        assert_eq!(templates().check_condition(&json!(condition)), Vec::new(), "{condition}");
    }
}

#[test]
fn percent_fills_in_a_text_and_moments_can_be_taken_from_each_other() {
    table(
        &vars(),
        &[
            ("{{ 'h%02d' % 3 }}{{ '%s:%s' % (port, flag) }}{{ '%(a)s' % {'a': 1} }}", json!("h038080:yes1")),
            ("{{ port % 3 }}{{ (port + 1) % 3 }}{{ -7 % 3 }}{{ port % 7 % 2 }}", json!("1220")),
            ("{{ '%s' % port | string }}", json!("8080")),
            ("{{ port % 0 }}", json!("!division by zero")),
            ("{{ '%d' % nope }}", json!("!'nope' is undefined")),
            ("{{ now(true).year }}{{ now(true).strftime('%m') }}", json!("202611")),
            ("{{ (now(true) - now(true)).days }}", json!(0)),
            ("{{ now(true) }}", json!("2026-11-21 22:05:09")),
        ],
    );
}

#[test]
fn what_a_person_wrote_is_rendered_where_it_is_used() {
    table(
        &vars(),
        &[
            ("{{ a }}", json!(2)),
            ("{{ both }}", json!(["a", "b", 2])),
            ("{{ deep }}", json!({"list": [1, {"x": 2}], "self": 1})),
            ("{{ deep.list[1].x + 1 }}", json!(3)),
            ("{{ deep.list | map(attribute='x') | select('defined') | list }}", json!([2])),
            ("{{ deep.list[-1].x }}", json!(2)),
            ("{{ 2 in more }}", json!(true)),
            ("{{ more == [2] }}", json!(true)),
            ("{{ deep.keys() | list }}", json!(["list", "self"])),
            ("{% for k, v in half.items() if k == 'good' %}{{ k }}{% endfor %}", json!("good")),
            ("{{ hostvars.h1.ip }}", json!("10.0.0.7")),
            ("{{ hostvars['h1'].port }}", json!(1)),
            ("{{ hostvars | list }}", json!(["h1"])),
            ("{{ 'h1' in hostvars and 'h2' not in hostvars }}", json!(true)),
            ("{{ hostvars.h2.ip | default('none') }}", json!("none")),
        ],
    );
}

#[test]
fn a_mapping_with_one_undefined_member_serves_the_others() {
    table(
        &vars(),
        &[
            ("{{ half.good }}", json!(1)),
            ("{{ halfway.good }}", json!(1)),
            ("{{ half.bad | default('d') }}", json!("d")),
            ("{{ half.bad is defined }}", json!(false)),
            ("{{ half }}", json!("!'nope' is undefined (needed by half.bad)")),
            ("x {{ half }}", json!("!'nope' is undefined (needed by half.bad)")),
            ("{{ half.bad }}", json!("!'nope' is undefined (needed by half.bad)")),
            ("{{ broken }}", json!("!'nope' is undefined (needed by broken)")),
            ("{{ broken | default(3) }}", json!(3)),
            ("{{ halfway | length }}", json!(2)),
        ],
    );
}

#[test]
fn undefined_is_an_error_everywhere_but_under_default_and_defined() {
    table(
        &vars(),
        &[
            ("{{ nope }}", json!("!'nope' is undefined")),
            ("x {{ nope }}", json!("!'nope' is undefined")),
            ("{{ prt }}", json!("!did you mean 'port'?")),
            ("{{ nope.x.y }}", json!("!'nope")),
            ("{{ pkgs[0].nme }}", json!("!'pkgs[0].nme' is undefined")),
            ("{{ result.stdot }}", json!("!did you mean 'result.stdout'?")),
            ("{{ nope ~ 'x' }}", json!("!'nope' is undefined")),
            ("{{ nope + 1 }}", json!("!'nope' is undefined")),
            ("{{ nope == 1 }}", json!("!'nope' is undefined")),
            ("{{ nope or 1 }}", json!("!'nope' is undefined")),
            ("{{ not nope }}", json!("!'nope' is undefined")),
            ("{{ 1 in nope }}", json!("!'nope' is undefined")),
            ("{{ nope in [1] }}", json!("!'nope' is undefined")),
            ("{{ [nope] }}", json!("!undefined")),
            ("{{ 'x' if nope }}", json!("!'nope' is undefined")),
            ("{{ 'x' if false }}", json!("!undefined")),
            ("a {{ 'x' if false }}", json!("a ")),
            ("{% if nope %}{% endif %}", json!("!'nope' is undefined")),
            ("{% for x in nope %}{% endfor %}", json!("!'nope' is undefined")),
            ("{{ nope | length }}", json!("!'nope' is undefined")),
            ("{{ nope | map('upper') | list }}", json!("!'nope' is undefined")),
            ("{{ nope | default(1) }}", json!(1)),
            ("{{ nope.x.y | default(1) }}", json!(1)),
            ("{{ nope['x'][0].y | d('v') }}", json!("v")),
            ("{{ (nope.x).y | default(1) }}", json!(1)),
            ("{{ result.x.y.z | default(1) }}", json!(1)),
            ("{{ nope.x is defined }}", json!(false)),
            ("{{ nope.x.y is not defined }}", json!(true)),
            ("{{ result.rc.x is undefined }}", json!(true)),
            ("{{ nope is undefined }}", json!(true)),
            ("{{ nope is defined and nope.x }}", json!(false)),
            ("{{ nope | default(nada.x | default(2)) }}", json!(2)),
            ("{{ nope | default(nada) }}", json!("!'nada' is undefined")),
            ("{{ nope[port].x | default(nope[port]['y']) | default(3) }}", json!(3)),
            ("{{ (nope.x.y if port else nope.z.y) | default(4) }}", json!(4)),
            ("{{ nope.x.y | map('upper') | list | default([5]) }}", json!([5])),
            ("{{ empty | default('x', true) }}", json!("x")),
            ("{{ empty | default('x') }}", json!("")),
            ("{{ nope[port].x | default(1) }}", json!(1)),
            ("{{ pkgs.0.name | default(1) }}", json!("nginx")),
            ("{{ pkgs.7.name | default(1) }}", json!(1)),
        ],
    );
}

#[test]
fn data_is_never_rendered() {
    table(
        &vars(),
        &[
            ("{{ evil }}", json!("{{ port }}")),
            ("x{{ evil }}", json!("x{{ port }}")),
            ("{{ evil_map }}", json!({"k": "{{ port }}{% raw %}"})),
            ("{{ evil_list[0] }}", json!("{{ c }}")),
            ("{{ evil_list | map('default', '') | list }}", json!(["{{ c }}"])),
            ("{% for x in evil_list %}{{ x }}{% endfor %}", json!("{{ c }}")),
            ("{{ '{{ ' ~ 'port }}' }}", json!("{{ port }}")),
            ("{{ [evil] }}", json!(["{{ port }}"])),
        ],
    );
    let through = vars().with("w", Binding::Written(Arc::new(json!(["{{ evil }}", "<{{ evil }}>"]))));
    assert_eq!(outcome(&json!("{{ w }}"), &through), Ok(json!(["{{ port }}", "<{{ port }}>"])));
}

#[test]
fn text_tagged_unsafe_is_never_rendered_and_sealed_text_is_refused() {
    let vars = Vars::written(json!({
        "raw": {"__ansible_unsafe": "{{ nope }}"}, "map": {"k": {"__ansible_unsafe": "{% x"}}, "via": "<{{ raw }}>",
        "sealed": {"__wgops_age": "AAA"}, "old": [{"__ansible_vault": "x"}],
    }));
    table(
        &vars,
        &[
            ("{{ raw }}", json!("{{ nope }}")),
            ("{{ map }}", json!({"k": "{% x"})),
            ("{{ via }}", json!("<{{ nope }}>")),
            ("{{ sealed | default(1) }}", json!("!sealed values are not opened here")),
            ("{{ old }}", json!("!a value sealed by ansible-vault")),
        ],
    );
    let written = json!({"a": {"__ansible_unsafe": "{{ nope }}"}});
    assert_eq!(outcome(&written, &vars), Ok(json!({"a": "{{ nope }}"})));
}

#[test]
fn omit_takes_away_what_it_stands_for() {
    let vars = vars();
    let value = json!({"mode": "{{ mode | default(omit) }}", "list": [1, "{{ omit }}", 2], "in": {"x": "{{ omit if true else 1 }}"}});
    assert_eq!(outcome(&value, &vars), Ok(json!({"list": [1, 2], "in": {}})));
    table(
        &vars,
        &[
            ("{{ empty | default(omit, true) }}", json!("<omitted>")),
            ("{{ [1, omit, 2] }}", json!([1, 2])),
            ("{{ {'a': omit, 'b': 1} }}", json!({"b": 1})),
            ("x{{ omit }}", json!("!omit can only stand for a whole value")),
        ],
    );
}

#[test]
fn a_variable_that_needs_itself_is_named_with_the_circle() {
    table(&vars(), &[("{{ loop1 }}", json!("!in a circle: loop1 → loop2 → loop1"))]);
    let mut chain = Vars::default();
    for n in 0..100 {
        chain =
            chain.with(&format!("v{n}"), Binding::Written(Arc::new(json!(format!("{{{{ v{} }}}}", n + 1)))));
    }
    table(&chain, &[("{{ v0 }}", json!("!more than 40 variables"))]);
}

#[test]
fn a_condition_is_true_or_false_and_nothing_else() {
    let also = Binding::Written(Arc::new(json!("port == 8080 and tags is defined")));
    let said = Binding::Data(Arc::new(json!("port == 8080")));
    let scope = vars().with("also", also).with("said", said).arc();
    let decide = |condition: Value| match templates().condition(&condition, &scope) {
        Ok(Rendered::Known { value, .. }) => value.to_string(),
        Ok(other) => format!("{other:?}"),
        Err(error) => format!("{error}; {}", error.hint.clone().unwrap_or_default()),
    };
    for (condition, expected) in [
        (json!("port == 8080"), "true"),
        (json!("not (port == 8080)"), "false"),
        (json!(true), "true"),
        (json!("{{ port > 1 }}"), "true"),
        (json!(["port > 1", "false"]), "false"),
        (json!(["nope is defined", "nope.x == 1"]), "false"),
        (json!([]), "true"),
        (json!("a is defined\n"), "true"),
        (json!("'{{' in 'x{{'"), "true"),
        (json!("'{{ port }}' == port"), "true"),
        (json!("'p-{{ port }}' == 'p-8080'"), "true"),
        (json!("{{ 'true' }}"), "true"),
        (json!("{{ also }}"), "true"),
        (json!("tags is defined and tags"), "true"),
        (json!("nothing or result"), "true"),
        (json!("nothing and tags"), "false"),
        (json!("port and ''"), "false"),
    ] {
        assert_eq!(decide(condition.clone()), expected, "{condition}");
    }
    for (condition, expected) in [
        (json!("flag"), "neither true nor false but a string; write flag | bool"),
        (json!("{{ flag }}"), "'yes' is undefined"),
        (json!("{{ said }}"), "neither true nor false but a string"),
        (json!("tags"), "but a list; write tags | length > 0"),
        (json!("port"), "but a number; write port != 0"),
        (json!("nothing"), "but nothing"),
        (json!("port and 'no'"), "but a string"),
        (json!("port if (port and tags) else 1"), "but a number"),
        (json!("result"), "but a mapping"),
        (json!(""), "the condition is empty"),
        (json!(1), "but a number"),
        (json!("port == {{ port }}"), "holds no templates; write the variable's name without"),
        (json!("nope"), "'nope' is undefined"),
        (json!(["true", "nope"]), "'nope' is undefined"),
        (json!("a +"), "unexpected end"),
    ] {
        let got = decide(condition.clone());
        assert!(got.contains(expected), "{condition}: {got}");
    }
}

#[test]
fn where_any_condition_is_taken_a_result_counts_by_its_truth() {
    let scope = vars().arc();
    let templates = templates().taking_any_condition(true);
    for (condition, expected) in [
        (json!("flag"), true),
        (json!("tags"), true),
        (json!("port"), true),
        (json!("port - port"), false),
        (json!("nothing"), false),
        (json!("{{ tags }}"), true),
        (json!(" "), true),
        (json!(0), false),
        (json!(["tags", "nothing"]), false),
    ] {
        let decided = templates.condition(&condition, &scope).unwrap();
        assert_eq!(decided, Rendered::Known { value: expected, tainted: false }, "{condition}");
    }
    assert!(templates.condition(&json!("nope"), &scope).is_err());
}

#[test]
fn an_error_has_its_place_in_the_source() {
    let error = templates().text(
        "motd.j2",
        "line1\n  {{ x.y.z | default(1) }} {{ result.nme | upper }}\n",
        &vars().arc(),
    );
    let error = error.unwrap_err();
    assert_eq!((error.name.as_str(), error.line, error.column), ("motd.j2", 2, 31));
    assert_eq!(error.to_string(), "'result.nme' is undefined");
    assert_eq!(error.line_text, "  {{ x.y.z | default(1) }} {{ result.nme | upper }}");
    let error = templates().render(&json!("a {{ port | uper }}"), &vars().arc()).unwrap_err();
    assert_eq!(error.to_string(), "there is no filter 'uper'");
    assert_eq!(error.hint.as_deref(), Some("did you mean 'upper'?"));
    assert_eq!(error.range, Some(12..16));
}
