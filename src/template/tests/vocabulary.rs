//! Filters, tests, functions, lookups and methods, each with what Ansible makes of it.

use super::*;

fn vars() -> Vars {
    Vars::written(json!({
        "x": 1, "tags": ["b", "a", "b"], "s": "web-01.example.com", "empty": "",
        "pkgs": [{"name": "nginx", "ver": "1.2", "on": true}, {"name": "vim", "ver": "9", "on": false}],
        "hosts": {"b": {"ip": "10.0.0.2"}, "a": {"ip": "10.0.0.1"}},
        "users": [{"name": "ann", "keys": ["k1", "k2"]}, {"name": "bob"}],
        "lazy": {"a": "{{ x }}", "b": ["{{ x + 1 }}"]},
    }))
    .data(json!({
        "ok": {"rc": 0, "failed": false, "changed": true, "stdout": "a\nb", "stdout_lines": ["a", "b"]},
        "bad": {"rc": 1, "failed": true, "changed": false}, "skipped": {"skipped": true, "changed": false},
        "looped": {"results": [{"changed": false}, {"changed": true}]},
        "facts": {"os_family": "Debian", "version": "12.5"},
    }))
}

#[test]
fn filters_about_values() {
    table(
        &vars(),
        &[
            ("{{ 'yes' | bool }}", json!(true)),
            ("{{ 'On' | bool }}", json!(true)),
            ("{{ 'y' | bool }}", json!(false)),
            ("{{ 0 | bool }}", json!(false)),
            ("{{ none | bool }}", json!(false)),
            ("{{ '5' | int + 1 }}", json!(6)),
            ("{{ ' 7 ' | int }}", json!(7)),
            ("{{ '12abc' | int }}", json!(0)),
            ("{{ 'x' | int(default=3) }}", json!(3)),
            ("{{ '3.9' | int }}", json!(3)),
            ("{{ 'ff' | int(0, 16) }}", json!(255)),
            ("{{ '0644' | int(base=8) }}", json!(420)),
            ("{{ 2.7 | int }}", json!(2)),
            ("{{ true | int }}", json!(1)),
            ("{{ '1.5' | float }}", json!(1.5)),
            ("{{ 'x' | float }}", json!(0.0)),
            ("{{ 1 | string }}", json!("1")),
            ("{{ none | string }}", json!("None")),
            ("{{ [1, 'a'] | string }}", json!("[1, 'a']")),
            ("{{ 'ab' | list }}", json!(["a", "b"])),
            ("{{ hosts | list }}", json!(["b", "a"])),
            ("{{ 'é' | length }}", json!(1)),
            ("{{ tags | count }}", json!(3)),
            ("{{ 3 | length }}", json!("!needs a list, not a number")),
            ("{{ true | ternary('a', 'b') }}", json!("a")),
            ("{{ empty | ternary('a', omit) }}", json!("<omitted>")),
            ("{{ none | ternary('a', 'b', 'c') }}", json!("c")),
            ("{{ nope | mandatory }}", json!("!'nope' is undefined")),
            ("{{ nope | mandatory('say x') }}", json!("!say x")),
            ("{{ x | type_debug }}", json!("int")),
            ("{{ hosts | type_debug }}", json!("dict")),
            ("{{ 'a' | default('b', boolean=true) }}", json!("a")),
            ("{{ x | ansible.builtin.default(2) }}", json!(1)),
            ("{{ x | default(2, tru=true) }}", json!("!'default' has no argument 'tru'")),
            ("{{ x | upper(1) }}", json!("!takes at most 0 arguments")),
        ],
    );
}

#[test]
fn what_is_undefined_is_handed_on_until_something_needs_it() {
    table(
        &vars(),
        &[
            ("{{ (nope is defined) | ternary(nope | join(', '), 'none') }}", json!("none")),
            ("{{ nope | map('upper') | list | default([]) }}", json!([])),
            ("{{ nope | selectattr('on') | map(attribute='name') | list | default('d') }}", json!("d")),
            ("{{ nope | split(',') | first | default('d') }}", json!("d")),
            ("{{ x.nope | dict2items | sort | default('d') }}", json!("d")),
            ("{{ nope | min | default('d') }}", json!("d")),
            ("{{ (nope | upper) is defined }}", json!(false)),
            ("{{ nope | upper }}", json!("!'nope' is undefined")),
            ("{{ nope | length > 0 }}", json!("!'nope' is undefined")),
            ("{{ not nope | bool }}", json!("!'nope' is undefined")),
            ("{{ 'a' in nope | list }}", json!("!'nope' is undefined")),
            ("{{ nope | dict2items | length == 0 }}", json!("!'nope' is undefined")),
            ("{{ nope | lower ~ 'a' }}", json!("!'nope' is undefined")),
            ("{% for one in nope | map('upper') %}{{ one }}{% endfor %}", json!("!'nope' is undefined")),
            ("{{ nope | selectattr('on') | list }}", json!("!'nope' is undefined")),
        ],
    );
}

#[test]
fn filters_on_text() {
    table(
        &vars(),
        &[
            ("{{ 'aBc' | lower ~ 'aBc' | upper }}", json!("abcABC")),
            ("{{ 'hELLO wOrld' | capitalize }}", json!("Hello world")),
            ("{{ 'hello wORLD-x' | title }}", json!("Hello World-X")),
            ("{{ '  a ' | trim }}", json!("a")),
            ("{{ 'xax' | trim('x') }}", json!("a")),
            ("{{ 'aaa' | replace('a', 'b', 2) }}", json!("bba")),
            ("{{ 5 | replace('5', 'x') }}", json!("x")),
            ("{{ 'a,b,c' | split(',') }}", json!(["a", "b", "c"])),
            ("{{ 'a,b,c' | split(',', 1) }}", json!(["a", "b,c"])),
            ("{{ ' a  b ' | split }}", json!(["a", "b"])),
            ("{{ 'a\nb' | splitlines }}", json!(["a", "b"])),
            ("{{ 'a\n\nb' | indent(2) }}", json!("a\n\n  b")),
            ("{{ 'a\nb' | indent(width=2, first=true) }}", json!("  a\n  b")),
            ("{{ 'aaa bbb ccc' | wordwrap(7) }}", json!("aaa bbb\nccc")),
            ("{{ 'hello big world here' | truncate(12) }}", json!("hello...")),
            ("{{ 'ab' | center(6) }}", json!("  ab  ")),
            ("{{ \"it's\" | quote }}", json!("'it'\"'\"'s'")),
            ("{{ 'plain-1' | quote }}", json!("plain-1")),
            ("{{ '' | quote }}", json!("''")),
            ("{{ '%s:%d' | format('a', 5) }}", json!("a:5")),
            ("{{ 'a\n\nb' | comment }}", json!("#\n# a\n#\n# b\n#")),
            ("{{ 'a' | comment('c') }}", json!("//\n// a\n//")),
            ("{{ 'a\nb' | comment('cblock') }}", json!("/*\n *\n * a\n * b\n *\n */")),
            ("{{ 'a' | comment('xml') }}", json!("<!--\n -\n - a\n -\n-->")),
            ("{{ 'a' | comment(decoration='; ', prefix='', postfix='') }}", json!("; a\n")),
            (
                "{{ 'a' | comment('plain', prefix='#######\n#', postfix='#\n#######') }}",
                json!("#######\n#\n# a\n#\n#######"),
            ),
            ("{{ 'a' | comment('basic') }}", json!("!no comment style 'basic'")),
            ("{{ s | regex_replace('^web-(\\d+).*$', 'n\\1') }}", json!("n01")),
            ("{{ s | regex_replace('(?P<n>\\d+)', '<\\g<n>>') }}", json!("web-<01>.example.com")),
            ("{{ 'aAa' | regex_replace('a', 'b', ignorecase=true) }}", json!("bbb")),
            ("{{ 'a.b' | regex_replace('\\.') }}", json!("ab")),
            ("{{ s | regex_search('\\d+') }}", json!("01")),
            ("{{ s | regex_search('zzz') }}", json!(null)),
            ("{{ s | regex_search('(\\w+)-(?P<n>\\d+)', '\\1', '\\g<n>') }}", json!(["web", "01"])),
            ("{{ 'a1b22' | regex_findall('\\d+') }}", json!(["1", "22"])),
            ("{{ 'a=1 b=2' | regex_findall('(\\w)=(\\d)') }}", json!([["a", "1"], ["b", "2"]])),
            ("{{ 'a.b*c' | regex_escape }}", json!("a\\.b\\*c")),
            ("{{ s | regex_search('(') }}", json!("!is no regular expression")),
            ("{{ ['a', 1] | map('regex_replace', 'a', 'b') | list }}", json!(["b", "1"])),
        ],
    );
}

#[test]
fn filters_on_lists() {
    table(
        &vars(),
        &[
            ("{{ tags | join(',') }}", json!("b,a,b")),
            ("{{ pkgs | join('-', attribute='name') }}", json!("nginx-vim")),
            ("{{ [1, none, true] | join(' ') }}", json!("1 None True")),
            ("{{ tags | first ~ tags | last }}", json!("bb")),
            ("{{ [] | first | default('none') }}", json!("none")),
            ("{{ 'abc' | first }}", json!("a")),
            ("{{ tags | unique }}", json!(["b", "a"])),
            ("{{ tags | sort }}", json!(["a", "b", "b"])),
            (
                "{{ pkgs | sort(attribute='name', reverse=true) | map(attribute='name') | list }}",
                json!(["vim", "nginx"]),
            ),
            ("{{ tags | union(['z', 'a']) }}", json!(["b", "a", "z"])),
            ("{{ tags | intersect(['b']) }}", json!(["b"])),
            ("{{ tags | difference(['b']) }}", json!(["a"])),
            ("{{ [1, 2] | symmetric_difference([2, 3]) }}", json!([1, 3])),
            ("{{ [1, [2, [3, none]]] | flatten }}", json!([1, 2, 3])),
            ("{{ [1, [2, [3]]] | flatten(levels=1) }}", json!([1, 2, [3]])),
            ("{{ tags | zip([1, 2]) | list }}", json!([["b", 1], ["a", 2]])),
            ("{{ [1] | zip_longest([2, 3], fillvalue=0) | list }}", json!([[1, 2], [0, 3]])),
            ("{{ [1, 2] | product(['a']) | list }}", json!([[1, "a"], [2, "a"]])),
            ("x{{ [1] | product(['a']) | list }}", json!("x[[1, 'a']]")),
            (
                "{{ users | subelements('keys', skip_missing=true) | map('last') | list }}",
                json!(["k1", "k2"]),
            ),
            ("{{ users | subelements('keys') }}", json!("!undefined")),
            ("{{ ['a', 'b'] | map('extract', hosts, 'ip') | list }}", json!(["10.0.0.1", "10.0.0.2"])),
            ("{{ 0 | extract(tags) }}", json!("b")),
            ("{{ pkgs | selectattr('on') | map(attribute='name') | list }}", json!(["nginx"])),
            ("{{ pkgs | rejectattr('on', 'equalto', true) | map(attribute='name') | list }}", json!(["vim"])),
            (
                "{{ pkgs | selectattr('ver', 'version', '2', '>=') | map(attribute='name') | list }}",
                json!(["vim"]),
            ),
            ("{{ users | selectattr('keys', 'defined') | map(attribute='name') | list }}", json!(["ann"])),
            ("{{ users | map(attribute='keys', default=[]) | list }}", json!([["k1", "k2"], []])),
            ("{{ [1, 2, 3] | select('gt', 1) | list }}", json!([2, 3])),
            ("{{ tags | select('match', 'a') | list }}", json!(["a"])),
            ("{{ tags | reject('in', ['a']) | list }}", json!(["b", "b"])),
            ("{{ pkgs | groupby('on') | map('first') | list }}", json!([false, true])),
            ("{{ [3, 1] | min + [3, 1] | max + [3, 1] | sum }}", json!(8)),
            ("{{ [{'n': 1}, {'n': 2}] | sum(attribute='n') }}", json!(3)),
            ("{{ [1, 2, 3] | reverse | list }}", json!([3, 2, 1])),
            ("{{ [1, 2, 3] | batch(2) | list }}", json!([[1, 2], [3]])),
            ("{{ tags[::-1] + ['c'] }}", json!(["b", "a", "b", "c"])),
            ("{{ tags[1:] }}", json!(["a", "b"])),
            ("{{ range(3) | list + range(1, 6, 2) | list }}", json!([0, 1, 2, 1, 3, 5])),
            ("{{ [1, 2] | random(seed='x') }}", json!(2)),
            ("{{ 60 | random(seed='web1.example.org') }}", json!(18)),
            ("{{ 60 | random }}", json!("<unknown: what 'random' draws by chance>")),
            ("{{ [1, 2, 3, 4] | shuffle(seed=42) }}", json!([3, 2, 4, 1])),
        ],
    );
}

#[test]
fn filters_on_mappings() {
    table(
        &vars(),
        &[
            ("{{ {'a': 1} | combine({'b': 2}, {'a': 3}) }}", json!({"a": 3, "b": 2})),
            (
                "{{ {'a': {'x': 1}} | combine({'a': {'y': 2}}, recursive=true) }}",
                json!({"a": {"x": 1, "y": 2}}),
            ),
            ("{{ {'a': {'x': 1}} | combine({'a': {'y': 2}}) }}", json!({"a": {"y": 2}})),
            ("{{ {'a': [1]} | combine({'a': [2]}, list_merge='append') }}", json!({"a": [1, 2]})),
            ("{{ {'a': [1, 2]} | combine({'a': [2]}, list_merge='append_rp') }}", json!({"a": [1, 2]})),
            ("{{ [{'a': 1}, {'b': 2}] | combine }}", json!({"a": 1, "b": 2})),
            ("{{ lazy | combine({'c': 3}) }}", json!({"a": 1, "b": [2], "c": 3})),
            ("{{ hosts | dict2items | first }}", json!({"key": "b", "value": {"ip": "10.0.0.2"}})),
            ("{{ {'a': 1} | dict2items(key_name='k', value_name='v') }}", json!([{"k": "a", "v": 1}])),
            ("{{ [{'key': 'a', 'value': 1}] | items2dict }}", json!({"a": 1})),
            (
                "{{ pkgs | items2dict(key_name='name', value_name='ver') }}",
                json!({"nginx": "1.2", "vim": "9"}),
            ),
            ("{{ pkgs | items2dict }}", json!("!every item needs 'key' and 'value'")),
            ("{{ hosts | dictsort | map('first') | list }}", json!(["a", "b"])),
            ("{{ dict(tags | zip([1, 2, 3])) }}", json!({"b": 3, "a": 2})),
            (
                "{{ ['a=1', 'b=2'] | map('split', '=') | community.general.dict }}",
                json!({"a": "1", "b": "2"}),
            ),
            ("{{ dict(a=1) }}", json!({"a": 1})),
            ("{{ dict([['a', 1]], b=2) }}", json!({"a": 1, "b": 2})),
            ("{{ dict(3) }}", json!("!'dict' needs")),
            ("{{ [{'a': 1}, {'a': 2, 'b': [3]}] | json_query('[?a > `1`].b[0] | [0]') }}", json!(3)),
            ("{{ {} | json_query('a') }}", json!(null)),
            ("{{ {'a': 1, 'b': 'x y'} | urlencode }} {{ 'x y' | urlencode }}", json!("a=1&b=x+y x%20y")),
            ("{{ {} | json_query('[?') }}", json!("!is no JMESPath")),
        ],
    );
}

#[test]
fn filters_between_values_and_text() {
    table(
        &vars(),
        &[
            ("{{ {'b': [1, none], 'a': 'é'} | to_json }}", json!("{\"b\": [1, null], \"a\": \"\\u00e9\"}")),
            ("{{ {'a': 'é'} | to_json(ensure_ascii=false) }}", json!("{\"a\": \"é\"}")),
            ("{{ lazy | to_json }}", json!("{\"a\": 1, \"b\": [2]}")),
            ("{{ {'b': 1, 'a': []} | to_nice_json }}", json!("{\n    \"a\": [],\n    \"b\": 1\n}")),
            ("{{ '{\"a\": [1]}' | from_json }}", json!({"a": [1]})),
            ("{{ ('{\"a\": [1]}' | from_json).a[0] }}", json!(1)),
            ("{{ 'x' | from_json }}", json!("!this is no JSON")),
            ("{{ {'b': [1], 'a': 'yes'} | to_yaml }}", json!("a: 'yes'\nb: [1]\n")),
            ("{{ {'b': [1], 'a': 'yes'} | to_nice_yaml }}", json!("a: 'yes'\nb:\n- 1\n")),
            ("{{ {'b': {'c': 1}} | to_nice_yaml(indent=2, sort_keys=false) }}", json!("b:\n  c: 1\n")),
            ("{{ 'a: [1, x]' | from_yaml }}", json!({"a": [1, "x"]})),
            ("{{ 'a: yes\nm: 0644' | from_yaml }}", json!({"a": true, "m": "0644"})),
            ("{{ 'a: [' | from_yaml }}", json!("!this is no YAML")),
            ("{{ 'a: !vault x' | from_yaml }}", json!("!sealed")),
            ("{{ 'é' | b64encode }}", json!("w6k=")),
            ("{{ 'w6k' | b64decode }}", json!("é")),
            ("{{ '!' | b64decode }}", json!("!this is no base64")),
            ("{{ 'a' | hash('md5') }}", json!("0cc175b9c0f1b6a831c399e269772661")),
            ("{{ 'a' | checksum }}", json!("86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")),
            ("{{ 'a' | hash('sha256') | truncate(8, true, '', 0) }}", json!("ca978112")),
            ("{{ 'a' | hash('sha3') }}", json!("!there is no hash 'sha3'")),
            ("{{ 'example.com' | to_uuid }}", json!("ae780c3a-a3ab-53c2-bfb4-098da300b3fe")),
            ("{{ 'x' | password_hash('sha512') }}", json!("<unknown: what 'salt' draws by chance>")),
            ("{{ 'x' | password_hash('sha512', 'saltsalt', rounds=1000) | length }}", json!(110)),
            ("{{ 'x' | password_hash('md5', 'saltsalt') }}", json!("!no safe way")),
            ("{{ '---\na: 1\n--- 2\n' | from_yaml_all | list }}", json!([{"a": 1}, 2])),
            ("{{ {'a': 1} | to_nice_yaml(explicit_start=true) }}", json!("---\na: 1\n")),
            ("{{ [1, {'a': '<'}] | to_json(separators=(',', ':')) }}", json!("[1,{\"a\":\"<\"}]")),
            ("{{ {'b': '<', 'a': 1} | tojson }}", json!("{\"a\": 1, \"b\": \"\\u003c\"}")),
            ("{{ 'a' | b64encode(encoding='utf-16-le') }}", json!("!'utf-16-le' is not supported yet")),
        ],
    );
}

#[test]
fn filters_on_paths_addresses_sizes_and_times() {
    table(
        &vars(),
        &[
            ("{{ '/etc/a.conf' | basename }}", json!("a.conf")),
            ("{{ '/etc/a.conf' | dirname }}", json!("/etc")),
            ("{{ '/etc/' | dirname ~ '|' ~ '/x' | dirname ~ '|' ~ 'x' | dirname }}", json!("/etc|/|")),
            ("{{ '/a.b/c.tar.gz' | splitext }}", json!(["/a.b/c.tar", ".gz"])),
            ("{{ '.bashrc' | splitext }}", json!([".bashrc", ""])),
            ("{{ ['/a', 'b', '/c', 'd'] | path_join }}", json!("/c/d")),
            ("{{ '/a/./b/../c' | normpath }}", json!("/a/c")),
            ("{{ '/a/b/c' | relpath('/a/d') }}", json!("../b/c")),
            ("{{ '/nosuch/./a/../b' | realpath }}", json!("/nosuch/b")),
            (
                "{{ '~/x' | expanduser }}{{ '$HOME/${HOME}$NOPE' | expandvars }}",
                json!("/home/op/x/home/op//home/op$NOPE"),
            ),
            ("{{ ['/a/b/c', '/a/b/d'] | commonpath }}", json!("/a/b")),
            ("{{ 'C:\\a\\b.txt' | win_basename }}", json!("b.txt")),
            ("{{ [1, 2, 3] | combinations(2) | list }}", json!([[1, 2], [1, 3], [2, 3]])),
            ("{{ [1, 2] | permutations | list }}", json!([[1, 2], [2, 1]])),
            ("{{ [{'n': 'a', 'v': 1}] | rekey_on_member('n') }}", json!({"a": {"n": "a", "v": 1}})),
            ("{{ ['x'] | map('extract', {'x': {'k': 1}}, morekeys='k') }}", json!([1])),
            ("{{ [3, 1] | sort(true) }}", json!([3, 1])),
            ("{{ [1, 'a'] | sort }}", json!("!can't be compared")),
            ("{{ none | quote }}{{ 'a%20b+c' | urldecode }}", json!("''a b c")),
            ("{{ '<b>x</b>  y' | striptags }}{{ 'a b-c' | wordcount }}", json!("x y3")),
            (
                "{{ ('2020-01-03' | to_datetime('%Y-%m-%d') - ('2020-01-01 12:00:00' | to_datetime)).days }}",
                json!(1),
            ),
            ("{{ '2020-01-02 03:04:05' | to_datetime }}", json!("2020-01-02 03:04:05")),
            ("{{ 'x' | to_datetime }}", json!("!is no time in the format")),
            ("{{ '10Mb' | human_to_bytes }}", json!("!there is no unit")),
            ("{{ '10.1.2.3/24' | ipaddr('network') }}", json!("10.1.2.0")),
            ("{{ '10.1.2.3/255.255.255.0' | ipaddr('netmask') }}", json!("255.255.255.0")),
            ("{{ '10.1.2.3/24' | ipaddr('subnet') }}", json!("10.1.2.0/24")),
            ("{{ '10.1.2.3/24' | ipaddr('address') }}", json!("10.1.2.3")),
            ("{{ '10.1.2.0/24' | ipaddr('1') }}", json!("10.1.2.1/24")),
            ("{{ '10.1.2.0/24' | ipaddr(-1) }}", json!("10.1.2.255/24")),
            ("{{ 'x' | ipaddr }}", json!(false)),
            ("{{ '10.1.2.3' | ansible.utils.ipaddr('revdns') }}", json!("3.2.1.10.in-addr.arpa.")),
            ("{{ '10.0.0.0/8' | ansible.netcommon.ipaddr('net') }}", json!("10.0.0.0/8")),
            ("{{ ['fe80::1', '::2'] | ansible.utils.ipv6('link-local') }}", json!(["fe80::1"])),
            ("{{ ['::1', '10.0.0.1', 'x'] | ipv6 }}", json!(["::1"])),
            ("{{ '::1' | ipwrap }}", json!("[::1]")),
            ("{{ '1.2.3.4' | ipaddr('bogus') }}", json!("!address query 'bogus'")),
            ("{{ 'https://u:p@h.org:8443/a?b=c#d' | urlsplit('hostname') }}", json!("h.org")),
            ("{{ ('https://u:p@h.org:8443/a?b=c#d' | urlsplit).port }}", json!(8443)),
            ("{{ 'https://[::1]/a' | urlsplit('hostname') }}", json!("::1")),
            ("{{ 1048576 | human_readable }}", json!("1.00 MB")),
            ("{{ '2 GB' | human_to_bytes }}", json!(2_147_483_648_u64)),
            ("{{ 1500 | filesizeformat }}", json!("1.5 kB")),
            ("{{ 8 | log(2) }}", json!(3.0)),
            ("{{ 2.567 | round(1) }}", json!(2.6)),
            ("{{ -3 | abs }}", json!(3)),
            ("{{ '%Y-%m-%d' | strftime(0, utc=true) }}", json!("1970-01-01")),
            ("{{ '%H:%M' | strftime }}", json!("22:05")),
            ("{{ now(fmt='%Y%m%d') }}", json!("20261121")),
        ],
    );
}

#[test]
fn tests() {
    table(
        &vars(),
        &[
            ("{{ 'a' is string and 1 is not string }}", json!(true)),
            ("{{ hosts is mapping and lazy is mapping and tags is not mapping }}", json!(true)),
            ("{{ 'a' is sequence and tags is sequence and 1 is not sequence }}", json!(true)),
            ("{{ 'a' is iterable and hosts is iterable and none is not iterable }}", json!(true)),
            ("{{ 1 is number and 1.5 is number and '1' is not number }}", json!(true)),
            ("{{ 1 is integer and 1.5 is float and true is boolean }}", json!(true)),
            ("{{ none is none and empty is not none }}", json!(true)),
            ("{{ true is true and 'yes' is not true and false is false }}", json!(true)),
            ("{{ 'x' is truthy and '' is falsy }}", json!(true)),
            ("{{ 4 is even and 3 is odd and 9 is divisibleby(3) }}", json!(true)),
            ("{{ 'a' is in ['a'] and 'b' in 'abc' and 'z' not in tags }}", json!(true)),
            ("{{ tags is contains('a') }}", json!(true)),
            ("{{ ['a'] is subset(tags) and tags is superset(['a']) }}", json!(true)),
            ("{{ [1, 1] is all and [0, 1] is any and [0] is not any }}", json!(true)),
            ("{{ 'abc' is match('b') }}", json!(false)),
            (
                "{{ 'abc' is match('ab') and 'abc' is search('c$') and 'ABC' is regex('b', ignorecase=true) }}",
                json!(true),
            ),
            (
                "{{ facts.version is version('12.0', '>=') and facts.version is version('13', '<') }}",
                json!(true),
            ),
            ("{{ facts.version is version('12.0', '=>') }}", json!("!no comparison '=>'")),
            ("{{ ok is succeeded and ok is success and ok is not failed and ok is changed }}", json!(true)),
            (
                "{{ bad is failed and bad is not changed and skipped is skipped and looped is changed }}",
                json!(true),
            ),
            ("{{ ok is not unreachable and skipped is succeeded }}", json!(true)),
            ("{{ x is failed }}", json!("!asked of a registered result")),
            ("{{ nope is string }}", json!("!'nope' is undefined")),
            ("{{ 'a' is eq('a') and 1 is lt(2) and 2 is ge 2 and 1 is ne 2 }}", json!(true)),
            ("{{ true is sameas true and 1 is not sameas true }}", json!(true)),
            ("{{ '/x' is file }}{{ 'a' is filter }}{{ 'map' is filter }}", json!("FalseFalseTrue")),
            ("{{ 'a' is lower and '10.0.0.1' is ipv4_address }}", json!(true)),
        ],
    );
}

#[test]
fn functions_and_lookups() {
    let mut vars = vars();
    vars.0.insert("dyn".into(), Binding::Written(Arc::new(json!("{{ lookup('vars', 'x') + 1 }}"))));
    table(
        &vars,
        &[
            ("{{ lookup('env', 'HOME') }}", json!("/home/op")),
            ("{{ lookup('env', 'NOPE') }}", json!("")),
            ("{{ lookup('env', 'NOPE', default='d') }}", json!("d")),
            ("{{ lookup('vars', 'x') }}", json!(1)),
            ("{{ dyn }}", json!(2)),
            ("{{ lookup('vars', 'nope', default=3) }}", json!(3)),
            ("{{ lookup('vars', 'hots') }}", json!("!did you mean 'hosts'?")),
            ("{{ query('vars', 'x', 's') }}", json!([1, "web-01.example.com"])),
            ("{{ q('varnames', '^ho', '^tag') }}", json!(["hosts", "tags"])),
            ("{{ query('items', [1, [2]], 3) }}", json!([1, [2], 3])),
            ("{{ lookup('dict', {'a': 1}, wantlist=true) }}", json!([{"key": "a", "value": 1}])),
            ("{{ query('nested', [1, 2], ['a']) }}", json!([[1, "a"], [2, "a"]])),
            ("{{ query('together', [1, 2], ['a']) }}", json!([[1, "a"], [2, null]])),
            ("{{ query('flattened', [1, [2, [3]]]) }}", json!([1, 2, 3])),
            ("{{ query('indexed_items', ['a']) }}", json!([[0, "a"]])),
            ("{{ query('sequence', 'start=1 end=3 format=web%02d') }}", json!(["web01", "web02", "web03"])),
            ("{{ query('sequence', count=2) }}", json!(["1", "2"])),
            ("{{ query('sequence', '2-6/2:h%02d') }}", json!(["h02", "h04", "h06"])),
            (
                "{{ query('subelements', [{'n': 1, 'l': [2]}, {'n': 3}], 'l', {'skip_missing': true}) }}",
                json!([[{"n": 1}, 2]]),
            ),
            ("{{ lookup('pipe', 'id') }}", json!("<unknown: what 'id' prints here>")),
            ("{{ lookup('password', 'nosuch') }}", json!("<unknown: a password that is yet to be made>")),
            (
                "{{ lookup('password', '/dev/null', seed='abc', length=12, chars=['ascii_letters', 'digits']) }}",
                json!("XJDT6w90X6w8"),
            ),
            ("{{ lookup('file', 'nope', errors='ignore') }}", json!(null)),
            ("{{ query('file', 'nope', errors='ignore') }}", json!([])),
            ("{{ lookup('template', 't.j2', template_vars={'x': 7}) }}", json!("x=7\n")),
            ("{{ lookup('dig', 'x') }}", json!("!the lookup 'dig' is not supported yet")),
            ("{{ lookup('filee', 'id') }}", json!("!did you mean 'file'?")),
            ("{{ lookup('file', 'motdd') }}", json!("!there is no file 'motdd'")),
            ("{{ undef(hint='x') | default(1) }}", json!(1)),
            (
                "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
                json!(3),
            ),
            ("{{ lookups('x') }}", json!("!there is no function 'lookups'")),
            ("{{ debug() }}", json!("!there is no function 'debug'")),
        ],
    );
}

/// A scope of a role with folders.
struct InRole(Vars);

impl Scope for InRole {
    fn get(&self, name: &str) -> Option<Binding> {
        self.0.get(name)
    }
    fn names(&self) -> Vec<String> {
        self.0.names()
    }
    fn search_dirs(&self) -> Vec<std::path::PathBuf> {
        vec!["/role".into()]
    }
}

#[test]
fn files_are_looked_for_in_the_scopes_folders_and_stay_data() {
    let scope: Arc<dyn Scope> = Arc::new(InRole(vars()));
    let render = |source: &str| templates().render(&json!(source), &scope).unwrap().known().cloned();
    assert_eq!(render("{{ lookup('file', 'motd') }}"), Some(json!("welcome {{ x }}")));
    assert_eq!(render("{{ lookup('template', 't.j2') }}"), Some(json!("x=1\n")));
    assert_eq!(render("{{ lookup('first_found', ['nope', 'motd']) }}"), Some(json!("/role/files/motd")));
    assert_eq!(render("{{ query('first_found', {'files': ['nope'], 'skip': true}) }}"), Some(json!([])));
}

#[test]
fn pythons_methods() {
    table(
        &vars(),
        &[
            ("{{ s.split('.')[0] }}", json!("web-01")),
            ("{{ s.startswith('web') and s.endswith('com') }}", json!(true)),
            ("{{ s.replace('web', 'db').upper() }}", json!("DB-01.EXAMPLE.COM")),
            ("{{ 'a b'.split() }}", json!(["a", "b"])),
            ("{{ 'a\nb'.splitlines() }}", json!(["a", "b"])),
            ("{{ 'a\tbc\n\td'.expandtabs(4) }}", json!("a   bc\n    d")),
            ("{{ '\ta'.expandtabs(0) }}", json!("a")),
            ("{{ '{}-{x}'.format(1, x=2) }}", json!("1-2")),
            ("{{ ' x '.strip() ~ 'xx'.lstrip('x') ~ 'yx'.rstrip('x') }}", json!("xy")),
            ("{{ s.find('e') ~ s.count('e') }}", json!("13")),
            ("{{ 'a-b-c'.rsplit('-', 1) }}", json!(["a-b", "c"])),
            ("{{ 'a-b-c'.partition('-') }}", json!(["a", "-", "b-c"])),
            ("{{ 'ab'.ljust(4, '.') ~ 'ab'.rjust(4) ~ '7'.zfill(3) }}", json!("ab..  ab007")),
            ("{{ 'xay'.removeprefix('x').removesuffix('y') }}", json!("a")),
            ("{{ hosts.keys() | list }}", json!(["b", "a"])),
            ("{{ hosts.values() | map(attribute='ip') | list }}", json!(["10.0.0.2", "10.0.0.1"])),
            ("{{ hosts.items() | list | length }}", json!(2)),
            ("{{ hosts.get('z', 'd') ~ hosts.get('z') }}", json!("dNone")),
            ("{{ lazy.get('a') }}", json!(1)),
            ("{{ tags.index('a') ~ tags.count('b') }}", json!("12")),
            ("{{ ','.join(tags) }}", json!("b,a,b")),
            ("{{ lazy.copy() }}", json!({"a": 1, "b": [2]})),
            ("{{ s.frobnicate() }}", json!("!no method named frobnicate")),
        ],
    );
}

#[test]
fn lists_and_mappings_made_in_a_template_can_be_changed_in_place() {
    table(
        &vars(),
        &[
            (
                "{% set l = [] %}{% for t in tags %}{% set _ = l.append(t) %}{% endfor %}{{ l }}",
                json!(["b", "a", "b"]),
            ),
            ("{% set l = ['x'] %}{% do l.extend(tags) %}{{ l | join(' ') }}", json!("x b a b")),
            (
                "{% set d = {} %}{% set _ = d.update({'a': 1}) %}{% set _ = d.update(b=2) %}{{ d | to_json }}",
                json!("{\"a\": 1, \"b\": 2}"),
            ),
            ("{% set d = {'l': []} %}{% set _ = d.l.append(1) %}{{ d.l | length }}", json!(1)),
            (
                "{% set l = [1, 2, 3] %}{% set _ = l.pop() %}{% set _ = l.insert(0, 9) %}{% set _ = l.remove(1) %}{{ l }}",
                json!([9, 2]),
            ),
            (
                "{% set d = {'a': 1} %}{{ d.pop('a') }}{{ d.pop('z', 5) }}{{ d.setdefault('n', 7) }}{{ d }}",
                json!("157{'n': 7}"),
            ),
            ("{% set a = [] %}{% set b = a %}{% set _ = b.append(1) %}{{ a }}", json!([1])),
            ("{% set a = tags %}{% set _ = a.append('z') %}{{ a | length }}{{ tags | length }}", json!("44")),
            (
                "{% set ns = namespace(l=[]) %}{% for i in range(2) %}{% set _ = ns.l.append(i) %}{% endfor %}{{ ns.l }}",
                json!([0, 1]),
            ),
            (
                "{% set ns = namespace(l=[], n=0) %}{% for i in range(2) %}{% set ns.n = ns.n + i %}{% set _ = ns.l.append(i) %}{% endfor %}{{ ns.l }}{{ ns.n }}",
                json!("[0, 1]1"),
            ),
            ("{% set l = [] %}{% set _ = l.append(l) %}{{ l }}", json!("!can't hold itself")),
            ("{{ tags.append('z') }}{{ tags | length }}", json!("4")),
            (
                "{% for h in [hosts] %}{% set _ = h.update({'c': 1}) %}{% endfor %}{{ hosts | length }}",
                json!(3),
            ),
            ("{{ hosts.pop('nope', 'none') }} {{ hosts | length }}", json!("none 2")),
            ("{% set _ = (tags + []).append('z') %}", json!("!can't be changed in place")),
            ("{% set d = (hosts) %}{% set _ = d.update({'c': 1}) %}{{ d | length }}", json!(3)),
        ],
    );
}

#[test]
fn what_a_template_changes_stays_as_it_is_for_the_next_one() {
    let (templates, scope) = (templates(), vars().arc());
    for _ in 0..2 {
        let rendered = templates.render(&json!("{% set _ = tags.append('z') %}{{ tags | length }}"), &scope);
        assert_eq!(rendered.unwrap().known(), Some(&json!(4)));
    }
}

#[test]
fn keys_that_are_no_texts_stay_what_they_are() {
    let text = "ports: {80: http, 443: https, 9: d}\nd: {3: three, yes: 2, '4': q, 7.5: f, 0644: m}\n";
    let file = crate::load::TextFile::from_bytes("v.yml".as_ref(), text.into()).unwrap();
    let vars = Vars::written(crate::load::Node::parse(&file).unwrap().to_value());
    table(
        &vars,
        &[
            (
                "{{ d.keys() | list }} {{ d }}",
                json!("[3, True, '4', 7.5, '0644'] {3: 'three', True: 2, '4': 'q', 7.5: 'f', '0644': 'm'}"),
            ),
            (
                "{{ d[3] }}{{ d['3'] | default('-') }}{{ d['4'] }}{{ d[4] | default('-') }}{{ d[true] }}",
                json!("three-q-2"),
            ),
            ("{{ [3 in d, '3' in d, 3 in ports] }}", json!([true, false, false])),
            ("{% for k, v in ports.items() %}{{ k + 1 }}{{ v }} {% endfor %}", json!("81http 444https 10d ")),
            (
                "{{ d | to_json }}",
                json!("{\"3\": \"three\", \"true\": 2, \"4\": \"q\", \"7.5\": \"f\", \"0644\": \"m\"}"),
            ),
            (
                "{{ ports | to_json(sort_keys=true) }}",
                json!("{\"443\": \"https\", \"80\": \"http\", \"9\": \"d\"}"),
            ),
            ("{{ ports | to_yaml }}", json!("{9: d, 80: http, 443: https}\n")),
            ("{{ ports | to_nice_yaml }}", json!("9: d\n80: http\n443: https\n")),
            ("{{ ports | combine({443: 'x', '80': 'y'}) | length }}", json!(4)),
            ("{{ ports | dict2items | map(attribute='key') | sort }}", json!([9, 80, 443])),
            ("{{ '{3: x, no: y}' | from_yaml }} ", json!("{3: 'x', False: 'y'} ")),
        ],
    );
    let made = outcome(&json!("{{ {8080: 'alt'} | combine(ports) }}"), &vars).unwrap();
    let again = Vars::default().data(json!({"made": made}));
    table(&again, &[("{{ made.keys() | list }} {{ made[8080] }}", json!("[8080, 80, 443, 9] alt"))]);
}

#[test]
fn every_name_is_checked_before_anything_runs() {
    let value = json!({
        "a": "{{ x | defalt(1) }}", "b": ["{{ x is deffined }}", "{{ lokup('env', 'x') }}", "{{ x"],
        "c": "{{ tags | map('uper') | select('mtach', 'x') }}", "d": "{% if x %}", "fine": "{{ nope | default(1) }}",
        "e": "{% include 'x' %}", "f": "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
    });
    let mut errors: Vec<String> = templates().check(&value).iter().map(ToString::to_string).collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            "there is no filter 'defalt'",
            "there is no filter 'uper'",
            "there is no function 'lokup'",
            "there is no test 'deffined'",
            "there is no test 'mtach'",
            "unexpected end of input, expected end of block",
            "unexpected end of input, expected end of variable block",
        ]
        .map(str::to_owned)
        .to_vec()
    );
    assert_eq!(templates().check_condition(&json!(["x is defined", "x | nope", "x =="])).len(), 2);
    assert_eq!(templates().check_text("t", "{{ x | nope }} {% for %}").len(), 1);
}

#[test]
fn lookups_on_this_machine_read_tables_and_keep_what_they_make() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("files/users.csv", "a,b,c\nann,1001,x\nbob,1002,\"y,\"\"z\"\n");
    write("files/conf.ini", "[main]\nUser=ann\nport = 80\n# no\n[other]\nuser: bob\n");
    write("files/more.properties", "user=zed\n");
    write("files/.hidden", "");
    let vars = Vars::written(json!({"groups": {"all": ["w1", "w2", "db1"], "web": ["w1", "w2"]}}));
    let scope: Arc<dyn Scope> = Arc::new(Folder(vars, folder.path().to_owned()));
    let templates = Templates::new(Arc::new(Beneath::new([folder.path().to_owned()]).acting(true)));
    let outside = templates.render(&json!("{{ lookup('file', '/etc/passwd') }}"), &scope);
    assert!(outside.unwrap_err().to_string().contains("'/etc/passwd' lies outside the ops repository"));
    let render = |source: &str| match templates.render(&json!(source), &scope) {
        Ok(Rendered::Known { value, tainted }) => (value, tainted),
        other => panic!("{source}: {other:?}"),
    };
    for (source, expected) in [
        ("{{ lookup('csvfile', 'ann', file='users.csv', delimiter=',') }}", json!("1001")),
        ("{{ lookup('csvfile', 'bob file=users.csv delimiter=, col=2') }}", json!("y,\"z")),
        ("{{ lookup('csvfile', 'zed', file='users.csv', delimiter=',', default='d') }}", json!("d")),
        ("{{ lookup('ini', 'user', section='main', file='conf.ini') }}", json!("ann")),
        ("{{ lookup('ini', 'nope section=main file=conf.ini default=d') }}", json!("d")),
        ("{{ query('ini', '.*', section='main', file='conf.ini', re=true) }}", json!(["ann", "80"])),
        ("{{ lookup('ini', 'user', type='properties', file='more.properties') }}", json!("zed")),
        ("{{ query('fileglob', '*.[ci]*') | map('basename') }}", json!(["conf.ini", "users.csv"])),
        ("{{ query('fileglob', '*') | length }}{{ query('fileglob', 'no*') }}", json!("3[]")),
        ("{{ query('inventory_hostnames', 'all:!web') }}", json!(["db1"])),
        ("{{ query('inventory_hostnames', 'w*,db1:&web') }}", json!(["w1", "w2"])),
        ("{{ lookup('pipe', 'pwd; date +%N') == lookup('pipe', 'pwd; date +%N') }}", json!(true)),
        ("{{ query('lines', 'echo a; echo b') }}", json!(["a", "b"])),
        ("{{ query('random_choice', 'a', 'a') }}", json!(["a"])),
        ("{{ 5 | random < 5 }}{{ [1] | random }}", json!("True1")),
        (
            "{{ 'files/conf.ini' is exists }}{{ '/etc' is directory }}{{ '/etc' is file }}",
            json!("FalseTrueFalse"),
        ),
    ] {
        assert_eq!(render(source).0, expected, "{source}");
    }
    let (made, tainted) = render("{{ lookup('password', 'secrets/a length=15 chars=digits') }}");
    let made = made.as_str().unwrap().to_owned();
    assert!(made.len() == 15 && made.chars().all(|c| c.is_ascii_digit()) && tainted, "{made}");
    assert_eq!(std::fs::read_to_string(folder.path().join("secrets/a")).unwrap(), format!("{made}\n"));
    assert_eq!(render("{{ lookup('password', 'secrets/a') }}").0, json!(made));
    let hash = render("{{ lookup('password', 'secrets/b encrypt=sha512_crypt') }}").0;
    assert_eq!(render("{{ lookup('password', 'secrets/b encrypt=sha512_crypt') }}").0, hash);
    assert!(templates.render(&json!("{{ lookup('password', '../out') }}"), &scope).is_err());
    assert!(templates.render(&json!("{{ lookup('pipe', 'exit 3') }}"), &scope).is_err());

    let found =
        |lookup: &str, terms: Value| templates.look_up(lookup, &terms, &scope).unwrap().known().cloned();
    assert_eq!(found("items", json!([1, [2, [3]]])), Some(json!([1, 2, [3]])));
    assert_eq!(found("dict", json!({"a": "{{ 1 + 1 }}"})), Some(json!([{"key": "a", "value": 2}])));
    assert_eq!(found("nested", json!([["a"], "{{ groups.web }}"])), Some(json!([["a", "w1"], ["a", "w2"]])));
    assert_eq!(found("sequence", json!("count=2")), Some(json!(["1", "2"])));
}

/// A scope with a folder of its own.
struct Folder(Vars, std::path::PathBuf);

impl Scope for Folder {
    fn get(&self, name: &str) -> Option<Binding> {
        self.0.get(name)
    }
    fn names(&self) -> Vec<String> {
        self.0.names()
    }
    fn search_dirs(&self) -> Vec<std::path::PathBuf> {
        vec![self.1.clone()]
    }
}

/// Has opened this.
struct Knows(&'static str);

impl crate::model::Opener for Knows {
    fn value(&self, _: &str, _: &str) -> crate::model::Opened<crate::model::Secret> {
        crate::model::Opened::Refused("none here".into())
    }
    fn file(&self, _: &Path, _: &[u8]) -> crate::model::Opened<zeroize::Zeroizing<Vec<u8>>> {
        crate::model::Opened::Refused("none here".into())
    }
    fn reveals(&self, text: &str) -> bool {
        text.contains(self.0)
    }
}

#[test]
fn what_is_sealed_stands_in_no_word_of_a_program_here_and_in_no_url() {
    let folder = tempfile::tempdir().unwrap();
    let token = Binding::Secret(Box::new(Binding::Data(Arc::new(json!("canary")))));
    let scope: Arc<dyn Scope> =
        Arc::new(Folder(Vars::default().with("token", token), folder.path().to_owned()));
    let templates = |acts| {
        let beneath = Beneath::new([folder.path().to_owned()]).acting(acts);
        Templates::new(Arc::new(beneath.opening(Arc::new(Knows("canary")))))
    };
    for acts in [true, false] {
        for (source, place) in [
            ("{{ lookup('pipe', 'echo ' ~ token) }}", "the words of a program here"),
            ("{{ query('lines', 'touch ' ~ token) }}", "the words of a program here"),
            ("{{ lookup('url', 'http://127.0.0.1:9/' ~ token) }}", "in a URL"),
        ] {
            let error = templates(acts).render(&json!(source), &scope).unwrap_err().to_string();
            assert!(error.contains("a sealed value") && error.contains(place), "{source}: {error}");
            assert!(!error.contains("canary"), "{source}: {error}");
        }
    }
    // What was made of it is told in no dry run either.
    let turned = json!("{{ lookup('pipe', 'echo ' ~ token | reverse) }}");
    let Ok(Rendered::Unknown(cause)) = templates(false).render(&turned, &scope) else { panic!() };
    assert!(!cause.to_string().contains("yranac"), "{cause}");
    let beside = json!("{{ token }}{{ lookup('pipe', 'echo .') }}");
    assert_eq!(templates(true).render(&beside, &scope).unwrap().known(), Some(&json!("canary.")));
}
