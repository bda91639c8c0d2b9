//! From text to nodes, by serde-saphyr, within budgets that a playbook of 20,000 tasks doesn't reach and a bomb does.
//!
//! serde-saphyr resolves plain scalars a little more freely than Ansible's YAML 1.1 does; [`as_written`] puts back as text
//! what was never meant as a number: `0o644`, a commit `1234e56`, a country code `no` it leaves (YAML 1.1 says false).

use super::explain::explained;
use super::{Key, Node, NodeValue, Tag, Variable, Variables};
use crate::load::problem::{Problem, Problems};
use crate::load::text::TextFile;
use crate::model::{Place, Value};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Error, Location, NonFiniteFloatPolicy, Spanned, Tagged};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;

/// Deepest nesting; more would also cost stack.
pub(super) const DEPTH_MAX: usize = 64;
/// Stack for parsing, which takes more than 32 KiB of it for a level in a build without optimisation: more than a test's
/// or a worker's thread has for [`DEPTH_MAX`] levels.
const STACK_BYTES: usize = 32 << 20;
/// Most nodes of a file, aliases counted as often as they are used.
const NODES_MAX: usize = 2_000_000;

/// How sealed files begin.
const SEALED: [(&str, &str); 2] =
    [("$ANSIBLE_VAULT;", "ansible-vault"), ("-----BEGIN AGE ENCRYPTED FILE-----", "age")];

impl Node {
    /// Reads a YAML file; an empty one is [`NodeValue::Null`].
    ///
    /// # Errors
    /// The file can't be read, or is no YAML.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::parse(&TextFile::read(path)?)
    }

    /// Parses the text of a YAML file.
    ///
    /// # Errors
    /// It is no YAML, holds a key twice, an unknown tag, or exceeds a budget.
    pub fn parse(file: &TextFile) -> Result<Self, Problems> {
        if let Some(sealer) =
            SEALED.iter().find(|(start, _)| file.text.starts_with(start)).map(|(_, sealer)| sealer)
        {
            let problem = Problem::at(&file.place(1, 1), format!("a file sealed by {sealer}, expected YAML"));
            return Err(problem
                .help("'wgops vault import FILE' seals its single values instead, so that changes show")
                .into());
        }
        let parsed = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            thread.spawn_scoped(scope, || parse(file)).map(|thread| thread.join())
        });
        match parsed {
            Ok(Ok(parsed)) => parsed.map_err(|problems| quoted(file, problems)),
            _ => Err(Problem::in_file(&**file.file, "can't be parsed: no thread for it").into()),
        }
    }
}

/// Reads a file of variables: a mapping, or nothing.
///
/// # Errors
/// The file can't be read, is no YAML, or holds something else.
pub fn load_vars(path: &Path) -> Result<Variables, Problems> {
    let file = TextFile::read(path)?;
    let node = Node::parse(&file)?;
    node.variables().map_err(|problem| quoted(&file, vec![problem]))
}

impl Node {
    /// The entries of a mapping as variables; nothing is an empty one.
    ///
    /// # Errors
    /// It is neither.
    pub fn variables(&self) -> Result<Variables, Problem> {
        let variable = |(key, node): &(Key, Self)| {
            (key.name.clone(), Variable { place: key.place.clone(), node: node.clone() })
        };
        Ok(self.entries()?.iter().map(variable).collect())
    }
}

/// Whether a template could use this name: letters, digits and `_`, no digit first.
pub fn is_variable_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn quoted(file: &TextFile, mut problems: Vec<Problem>) -> Problems {
    problems.iter_mut().for_each(|problem| problem.quote(file));
    Problems::new(problems)
}

fn parse(file: &TextFile) -> Result<Node, Vec<Problem>> {
    let (raw, mended) = match parse_raw(&file.text) {
        Ok(raw) => (raw, None),
        Err(error) => {
            let mended = super::mend::mended(&file.text);
            let again = mended.and_then(|text| Some((parse_raw(&text).ok()?, Some(text))));
            again.ok_or_else(|| vec![explained(file, error.without_snippet())])?
        }
    };
    let text = mended.as_deref().unwrap_or(&file.text);
    let mut problems = Vec::new();
    let node = Reading { file, text, problems: &mut problems }.node(raw, None);
    if problems.is_empty() { Ok(node) } else { Err(problems) }
}

fn parse_raw(text: &str) -> Result<Raw, Error> {
    if text.lines().all(|line| matches!(line.trim_start().chars().next(), None | Some('#'))) {
        return Ok(Raw { at: Location::UNKNOWN, tag: None, value: RawValue::Null });
    }
    let budget = serde_saphyr::budget! {
        max_depth: DEPTH_MAX,
        max_nodes: NODES_MAX,
        max_events: 2 * NODES_MAX,
        alias_anchor_ratio_multiplier: 1000,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        leading_zero_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        emit_comments: false,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// What serde-saphyr sees.
struct Raw {
    at: Location,
    tag: Option<String>,
    value: RawValue,
}

enum RawValue {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Tagged<RawValue>>::deserialize(d)?;
        let Tagged(value, tag) = spanned.value;
        Ok(Self { at: spanned.defined, tag: tag.map(|tag| tag.to_string()), value })
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<RawValue, E> {
        Ok(RawValue::Bool(flag))
    }
    fn visit_i64<E>(self, number: i64) -> Result<RawValue, E> {
        Ok(RawValue::Number(number.into()))
    }
    fn visit_u64<E>(self, number: u64) -> Result<RawValue, E> {
        Ok(RawValue::Number(number.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<RawValue, E> {
        let number = serde_json::Number::from_f64(number).ok_or_else(|| E::custom("no finite number"))?;
        Ok(RawValue::Number(number))
    }
    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawValue::Map(map))
    }
}

/// Turns raw values into nodes and collects what is wrong with them.
struct Reading<'a> {
    file: &'a TextFile,
    /// What was parsed: the file's text, or the same with lines moved.
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn node(&mut self, raw: Raw, inherited: Option<Tag>) -> Node {
        let place = self.place(raw.at);
        let tag = self.tag(&place, raw.tag.as_deref()).or(inherited);
        let value = match raw.value {
            RawValue::Null => NodeValue::Null,
            RawValue::Text(text) => NodeValue::Text(text),
            RawValue::Bool(flag) => self.as_written(raw.at).unwrap_or(NodeValue::Bool(flag)),
            RawValue::Number(number) => self.as_written(raw.at).unwrap_or(NodeValue::Number(number)),
            RawValue::List(list) => {
                NodeValue::List(list.into_iter().map(|item| self.node(item, tag)).collect())
            }
            RawValue::Map(entries) => NodeValue::Map(self.entries(entries, tag)),
        };
        let is_text = matches!(value, NodeValue::Text(_));
        if matches!(tag, Some(Tag::Age | Tag::Vault)) && !is_text {
            self.problems.push(
                Problem::at(&place, "a sealed value must be text")
                    .help("write '!age |' and the armored text below"),
            );
        }
        Node { place, tag: tag.filter(|_| is_text), value }
    }

    fn entries(&mut self, entries: Vec<(Spanned<String>, Raw)>, tag: Option<Tag>) -> Vec<(Key, Node)> {
        let mut lines: HashMap<String, u32> = HashMap::with_capacity(entries.len());
        let mut out = Vec::with_capacity(entries.len());
        for (key, raw) in entries {
            let typed = self.typed_key(key.defined, &key.value);
            let key = Key { place: self.place(key.defined), name: key.value, typed };
            match lines.insert(key.name.clone(), key.place.line) {
                Some(line) => self.problems.push(
                    Problem::at(&key.place, format!("duplicate key '{}'", key.name))
                        .help(format!("it is already set in line {line}: remove one of them")),
                ),
                None => out.push((key, self.node(raw, tag))),
            }
        }
        out
    }

    fn tag(&mut self, place: &Place, tag: Option<&str>) -> Option<Tag> {
        let tag =
            tag.filter(|tag| *tag != "!" && !tag.starts_with("!!") && !tag.contains("tag:yaml.org,2002:"))?;
        let known = Tag::parse(tag);
        if known.is_none() {
            let problem = Problem::at(place, format!("unknown tag '{tag}'"));
            self.problems.push(problem.nearest(tag, ["!unsafe", "!age", "!vault"]));
        }
        known
    }

    fn place(&self, at: Location) -> Place {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).max(1);
        self.file.place(number(at.line()), number(at.column()))
    }

    /// What a key is, where it is no text: it is not in quotes, and looks like something else.
    fn typed_key(&self, at: Location, name: &str) -> Option<Value> {
        let typed = typed_key(name)?;
        self.text.get(start_of(at)?..)?.starts_with(name).then_some(typed)
    }

    fn as_written(&self, at: Location) -> Option<NodeValue> {
        as_written(self.text.get(start_of(at)?..)?).map(|text| NodeValue::Text(text.to_owned()))
    }
}

fn start_of(at: Location) -> Option<usize> {
    usize::try_from(at.span().byte_offset()?).ok()
}

/// What a key without quotes is, where that is no text: as YAML 1.1 has it, but for what keeps its letters in values, too.
fn typed_key(name: &str) -> Option<Value> {
    match name {
        "~" | "null" | "Null" | "NULL" => return Some(Value::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Some(true.into()),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Some(false.into());
        }
        _ => {}
    }
    let digits = name.trim_start_matches(['+', '-']);
    let has_leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit()) && name.len() - digits.len() <= 1;
    if !is_number || has_leading_zero {
        return None;
    }
    let plain: String = name.trim_start_matches('+').chars().filter(|c| *c != '_').collect();
    if plain.contains('.') {
        let is_float = plain.bytes().all(|b| b.is_ascii_digit() || b"-+.eE".contains(&b));
        return is_float.then(|| plain.parse::<f64>().ok()).flatten().map(Value::from);
    }
    let signed = plain.parse::<i64>().ok().map(Value::from);
    signed.or_else(|| plain.parse::<u64>().ok().map(Value::from))
}

/// The plain scalar at the beginning of a text, where YAML 1.1 as Ansible reads it takes it for text and not for a
/// number or a boolean: `y`, `n`, `0o17`, a number with an exponent but no point.
fn as_written(rest: &str) -> Option<&str> {
    let end = rest.find(|c: char| c.is_whitespace() || ",]}:#".contains(c)).unwrap_or(rest.len());
    let word = rest.get(..end)?;
    let digits = word.trim_start_matches(['+', '-']);
    let exponent = digits.contains(['e', 'E']) && !digits.contains('.') && !digits.starts_with("0x");
    let is_text = matches!(word, "y" | "Y" | "n" | "N") || digits.starts_with("0o");
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit());
    (is_text || (numeric && exponent)).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::yaml::Marked;
    use serde_json::json;

    fn file(text: &str) -> TextFile {
        TextFile::from_bytes(Path::new("f.yml"), text.as_bytes().to_vec()).unwrap()
    }

    fn parse(text: &str) -> Node {
        Node::parse(&file(text)).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn refused(text: &str) -> String {
        Node::parse(&file(text)).unwrap_err().to_string()
    }

    fn at(node: &Node) -> (u32, u32) {
        (node.place.line, node.place.column)
    }

    #[test]
    fn scalars_mean_what_they_mean_to_ansible() {
        let cases = [
            ("0644", json!("0644")),
            ("'0644'", json!("0644")),
            ("644", json!(644)),
            ("0o644", json!("0o644")),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!("y")),
            ("N", json!("N")),
            ("'no'", json!("no")),
            ("1.10", json!(1.1)),
            ("1234e56", json!("1234e56")),
            ("12:30", json!("12:30")),
            ("2026-11-21", json!("2026-11-21")),
            ("-5", json!(-5)),
            ("1_000", json!(1000)),
            ("0x1f", json!(31)),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            (".inf", json!(".inf")),
            ("~", json!(null)),
            ("", json!(null)),
            ("!!str 5", json!("5")),
        ];
        for (text, meant) in cases {
            assert_eq!(parse(&format!("a: {text}\nb: 1")).to_value()["a"], meant, "{text}");
        }
        assert_eq!(parse("[y, 0o17, 1e3]").to_value(), json!(["y", "0o17", "1e3"]));
    }

    #[test]
    fn keys_and_values_know_their_line_and_column() {
        let node = parse("---\n# c\na:\n  - b: x\n    'é': [1, {k: v}]\n");
        let item = &node.get("a").unwrap().list().unwrap()[0];
        assert_eq!(at(item.get("b").unwrap()), (4, 8));
        let (key, value) = &item.map().unwrap()[1];
        assert_eq!((key.place.line, key.place.column), (5, 5));
        let inner = value.list().unwrap()[1].get("k").unwrap();
        assert_eq!(at(inner), (5, 18));
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_do_no_harm() {
        let node = parse("\u{feff}a: 1\r\nb:\r\n  - x\r\n");
        assert_eq!(node.to_value(), json!({"a": 1, "b": ["x"]}));
        assert_eq!(at(node.get("b").unwrap().items().first().unwrap()), (3, 5));
    }

    #[test]
    fn an_empty_file_is_nothing() {
        for text in ["", "\n\n", "# only a comment\n", "---\n"] {
            assert!(parse(text).is_null(), "{text:?}");
        }
    }

    #[test]
    fn merges_and_aliases_are_resolved_and_point_at_what_they_stand_for() {
        let node = parse("d: &d {x: 1, y: 2}\nt:\n  <<: *d\n  y: 3\nr: *d\n");
        assert_eq!(node.get("t").unwrap().to_value(), json!({"x": 1, "y": 3}));
        assert_eq!(at(node.get("r").unwrap().get("y").unwrap()), (1, 17));
    }

    #[test]
    fn tagged_text_is_marked_and_stays_marked_in_lists() {
        let value =
            parse("a: !unsafe '{{ x }}'\nl: !unsafe [p, 1]\ns: !age |\n  AAA\nv: !vault x\n").to_value();
        assert_eq!(Marked::of(&value["a"]), Some(Marked::Unsafe("{{ x }}")));
        assert_eq!(Marked::of(&value["l"][0]), Some(Marked::Unsafe("p")));
        assert_eq!(value["l"][1], json!(1));
        assert_eq!(Marked::of(&value["s"]), Some(Marked::Age { file: "f.yml", text: "AAA\n" }));
        assert_eq!(Marked::of(&value["v"]), Some(Marked::Vault("x")));
        assert!(!parse("!unsafe '{{ x }}'").is_template());
        assert!(refused("a: !age {b: c}").contains("a sealed value must be text"));
    }

    #[test]
    fn every_duplicate_key_and_unknown_tag_is_shown_at_once() {
        insta::assert_snapshot!(refused("a: 1\nb:\n  c: 1\n  c: !unsaf 2\na: !reset x\nd: !unsaf 2\n"), @"
        error: duplicate key 'c'
         --> f.yml:4:3
          |
        4 |   c: !unsaf 2
          |   ^
        help: it is already set in line 3: remove one of them

        error: duplicate key 'a'
         --> f.yml:5:1
          |
        5 | a: !reset x
          | ^
        help: it is already set in line 1: remove one of them

        error: unknown tag '!unsaf'
         --> f.yml:6:11
          |
        6 | d: !unsaf 2
          |           ^
        help: did you mean '!unsafe'?
        ");
    }

    #[test]
    fn sealed_files_are_refused_by_name() {
        assert!(refused("$ANSIBLE_VAULT;1.1;AES256\n6162\n").contains("a file sealed by ansible-vault"));
        assert!(refused("-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n").contains("a file sealed by age"));
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for n in 1..12 {
            let items = vec![format!("*a{}", n - 1); 9].join(",");
            laughs.push_str(&format!("a{n}: &a{n} [{items}]\n"));
        }
        assert!(refused(&laughs).contains("too many"), "{}", refused(&laughs));
        for deep in ["[", "{a: ", "- "] {
            assert!(refused(&deep.repeat(100_000)).starts_with("error: "));
        }
        let stairs: String = (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
        assert!(refused(&stairs).contains("nested deeper"), "{}", refused(&stairs));
    }

    #[test]
    fn a_playbook_of_twenty_thousand_tasks_is_read() {
        let tasks: String = (0..20_000)
            .map(|n| format!("- name: t{n}\n  apt: {{name: p{n}, state: latest}}\n  when: x is defined\n"))
            .collect();
        assert_eq!(parse(&tasks).items().len(), 20_000);
    }

    #[test]
    fn quoted_text_may_go_on_at_the_left_margin_and_behind_tabs() {
        let node = parse("a: \"{{\n  b\n}}\"\nc: '{{ (d)\n\t+ e }}'\nf: {g: \"h\ni\", j: 1e3}\nk: 1\n");
        let meant = json!({"a": "{{ b }}", "c": "{{ (d) + e }}", "f": {"g": "h i", "j": "1e3"}, "k": 1});
        assert_eq!(node.to_value(), meant);
        assert_eq!(at(node.get("k").unwrap()), (8, 4));
        assert!(refused("a: \"{{\n  b\n}}\nc: 1\n").contains("error: "));
    }

    proptest::proptest! {
        #[test]
        fn what_json_says_is_what_is_read(
            texts in proptest::collection::vec("(\\PC|[\\n\\t'\"\\\\#:{}-]){0,12}", 0..4),
            number in proptest::num::i64::ANY,
            flag in proptest::bool::ANY,
        ) {
            let value = json!({"texts": texts, "number": number, "flag": flag, "none": null});
            proptest::prop_assert_eq!(parse(&serde_json::to_string_pretty(&value).unwrap()).to_value(), value);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            if let Ok(file) = TextFile::from_bytes(Path::new("f"), bytes) {
                let _ = Node::parse(&file).map_err(|problems| problems.to_string());
            }
        }

        #[test]
        fn no_text_like_yaml_makes_it_panic(text in "[-a:{}\\[\\], \n'\"|>&*!#%@`é0-9.<\t]{0,60}") {
            if let Err(problems) = Node::parse(&file(&text)) {
                proptest::prop_assert!(problems.to_string().starts_with("error: "));
            }
        }
    }
}
