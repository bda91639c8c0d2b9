//! Template files: their header, white space, and what they may not do.

use super::*;

fn render(source: &str) -> Result<String, String> {
    let vars = Vars::written(json!({"x": 1, "l": ["a", "b"], "evil": "{{ x }}"})).arc();
    match templates().text("t.j2", source, &vars) {
        Ok(rendered) => Ok(rendered.known().unwrap().clone()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn blocks_leave_no_line_behind_and_the_last_line_feed_stays() {
    for (source, expected) in [
        ("{% for i in l %}\n{{ i }}\n{% endfor %}\nend\n", "a\nb\nend\n"),
        ("  {% if x %}\ny\n  {% endif %}\n", "  y\n  \n"),
        ("#jinja2: lstrip_blocks: True\n  {% if x %}\ny\n  {% endif %}\n", "y\n"),
        ("#jinja2: lstrip_blocks: True, trim_blocks: False\n{% if x %}\ny{% endif %}\n", "\ny\n"),
        (
            "#jinja2: trim_blocks: \"true\", lstrip_blocks: 'true'\n  {% if x %}\ny\n  {% endif %}\nz\n",
            "y\nz\n",
        ),
        ("#jinja2:variable_start_string:'[%', variable_end_string:'%]'\n[% x %] {{ x }}\n", "1 {{ x }}\n"),
        ("{# note #}\n{{ x }}", "1"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ x }}", "1"),
        ("a\r\n{{ x }}\r\n", "a\n1\n"),
        ("{% macro m(a, b=2) %}{{ a }}-{{ b }}{% endmacro %}\n{{ m(1) }} {{ m(3, b=4) }}\n", "1-2 3-4\n"),
        ("{% set a, b = l %}{{ b }}{{ loop is defined }}", "bFalse"),
        ("{% for i in l if i != 'a' %}{{ loop.index }}{{ i }}{{ ',' if not loop.last }}{% endfor %}", "1b"),
        ("{% filter upper %}a{{ x }}{% endfilter %}", "A1"),
        ("{% for i in [] %}{% else %}none{% endfor %}", "none"),
        ("{{ evil }}", "1"),
        ("{%- if x -%}  y  {%- endif -%}\n", "y\n"),
        ("{{ 'a\\n' }}\n", "a\n"),
        ("{% raw %}\n{{ x }}\n{% endraw %}\nend\n", "\n{{ x }}\nend\n"),
        ("{{ l }}\n", "['a', 'b']"),
        ("{{ x }}\n", "1"),
        ("{{ none }}\n", ""),
        (r"{{ 'a\tb' }}|a\tb", "a\tb|a\\tb"),
        ("{% include 'part.j2' %}\nend\n", "part 1end\n"),
        ("{% for x in l %}{% include 'part.j2' %},{% endfor %}\n", "part a,part b,\n"),
        ("{% include 'nope.j2' ignore missing %}end", "end"),
        ("{% include ['nope.j2', 'part.j2'] %}", "part 1"),
        ("{% import 'macros.j2' as m %}\n{{ m.hi('ann') }}{{ m.level }}\n", "hi ann!\n3\n"),
        (
            "{% from 'macros.j2' import hi, level as lv with context %}{{ hi('bob', end='?') }}{{ lv }}",
            "hi bob?\n3",
        ),
        ("{% extends 'base.j2' %}\n{% block body %}own {{ super() }}{% endblock %}\n", "top\nown base\n"),
        ("{% block a %}in{% endblock %} {{ self.a() }}", "in in"),
        ("{% for i in l %}{% if loop.first %}{% continue %}{% endif %}{{ i }}{% endfor %}", "b"),
        ("plain é", "plain é"),
        ("", ""),
    ] {
        assert_eq!(render(source).as_deref(), Ok(expected), "{source:?}");
    }
}

#[test]
fn what_a_template_cannot_do_is_said() {
    for (source, expected) in [
        ("#jinja2: trim_block: True\nx", "there is no #jinja2 option 'trim_block'"),
        ("#jinja2: trim_blocks: maybe\nx", "is True or False, not 'maybe'"),
        ("{% include 'x.j2' %}", "non-existing template 'x.j2'"),
        ("{% include '../../etc/part.j2' %}", "non-existing template"),
        ("{% extends 'x.j2' %}", "template \"x.j2\" does not exist"),
        ("{% import 'wrong.j2' as x %}", "there is no filter 'nosuch'"),
        ("{% include 'missing.j2' %}", "'missing' is undefined"),
        ("{{ nope }}", "'nope' is undefined"),
        ("{% frob %}", "unknown statement frob"),
    ] {
        let error = render(source).unwrap_err();
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[test]
fn a_place_counts_from_the_beginning_of_the_file_with_its_header() {
    let error =
        templates().text("t.j2", "#jinja2: lstrip_blocks: True\nx\n {{ nope }}\n", &Vars::default().arc());
    let error = error.unwrap_err();
    assert_eq!((error.line, error.column), (3, 5));
}

#[test]
fn a_tree_of_files_is_listed_with_what_is_known_of_each() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("one/etc/sub")).unwrap();
    std::fs::create_dir_all(at("two/etc")).unwrap();
    for name in ["one/etc/a.conf", "one/etc/sub/b", "one/skip.bak", "two/etc/a.conf", "two/z"] {
        std::fs::write(at(name), name).unwrap();
        std::fs::set_permissions(at(name), PermissionsExt::from_mode(0o640)).unwrap();
    }
    symlink("etc/a.conf", at("one/link")).unwrap();
    let templates = Templates::new(Arc::new(ThisMachine));
    let [one, two] = ["one", "two"].map(|name| at(name).to_string_lossy().into_owned());
    let source =
        format!("{{{{ query('community.general.filetree', '{one}', '{two}', exclude='\\.bak$') }}}}");
    let rendered = templates.render(&json!(source), &Vars::default().arc()).unwrap();
    let all = rendered.known().unwrap().as_array().unwrap().clone();
    let said: Vec<String> = all
        .iter()
        .map(|item| format!("{} {}", item["state"].as_str().unwrap(), item["path"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        ["directory etc", "link link", "directory etc/sub", "file etc/a.conf", "file etc/sub/b", "file z"]
    );
    assert_eq!((&all[1]["src"], &all[3]["src"]), (&json!("etc/a.conf"), &json!(format!("{one}/etc/a.conf"))));
    assert_eq!(
        (&all[3]["mode"], &all[3]["size"], &all[5]["root"]),
        (&json!("0640"), &json!(14), &json!(two))
    );
}
