//! Filters between values and their written forms: JSON, YAML, base64, digests.

use crate::load::{Marked, Node, Problem, TextFile};
use crate::model;
use crate::template::call::{Call, Word, items_of, text_of, wrong};
use crate::template::convert::{to_engine, to_model_whole};
use crate::template::python::{JsonStyle, json};
use crate::template::yaml::{Flow, YamlStyle, yaml};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use sha1::Sha1;
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use std::path::Path;

const JSON: &[&str] =
    &["indent", "sort_keys", "ensure_ascii", "separators", "vault_to_text", "preprocess_unsafe"];
const YAML: &[&str] = &[
    "indent",
    "width",
    "sort_keys",
    "default_flow_style",
    "allow_unicode",
    "explicit_start",
    "explicit_end",
    "vault_behavior",
];

pub(super) const FILTERS: &[Word] = &[
    Word { name: "to_json", params: JSON, body: |_, call| to_json(call, None, false) },
    Word { name: "to_nice_json", params: JSON, body: |_, call| to_json(call, Some(4), true) },
    Word { name: "tojson", params: &["indent"], body: tojson },
    Word { name: "from_json", params: &[], body: from_json },
    Word { name: "to_yaml", params: YAML, body: |_, call| to_yaml(call, 2, Flow::Leaves) },
    Word { name: "to_nice_yaml", params: YAML, body: |_, call| to_yaml(call, 4, Flow::Never) },
    Word { name: "from_yaml", params: &[], body: from_yaml },
    Word { name: "from_yaml_all", params: &[], body: from_yaml_all },
    Word { name: "b64encode", params: &["encoding"], body: b64encode },
    Word { name: "b64decode", params: &["encoding"], body: b64decode },
    Word { name: "hash", params: &["hashtype"], body: hash },
    Word { name: "checksum", params: &[], body: |_, call| digest(call, "sha1") },
    Word { name: "sha1", params: &[], body: |_, call| digest(call, "sha1") },
    Word { name: "md5", params: &[], body: |_, call| digest(call, "md5") },
    Word { name: "to_uuid", params: &["namespace"], body: to_uuid },
];

fn to_json(call: &Call, indent: Option<usize>, sort_keys: bool) -> Result<Value, Error> {
    let style = JsonStyle {
        indent: spaces(call)?.or(indent),
        sort_keys: call.arg("sort_keys").map_or(sort_keys, Value::is_true),
        ensure_ascii: call.arg("ensure_ascii").is_none_or(Value::is_true),
        separators: separators(call)?,
    };
    Ok(Value::from(json(&to_model_whole(defined(call)?)?, &style)))
}

/// Jinja's own: keys in order, and nothing in it that HTML would take for a tag.
fn tojson(_: &mut State, call: &Call) -> Result<Value, Error> {
    let style = JsonStyle { indent: spaces(call)?, sort_keys: true, ensure_ascii: true, separators: None };
    let text = json(&to_model_whole(defined(call)?)?, &style);
    let safe =
        text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027");
    Ok(Value::from(safe))
}

/// What stands between items, and between a key and its value, where that is not the usual.
fn separators(call: &Call) -> Result<Option<[String; 2]>, Error> {
    let Some(given) = call.arg("separators").filter(|given| !given.is_none()) else { return Ok(None) };
    match items_of(given, "separators")?.as_slice() {
        [item, key] => Ok(Some([text_of(item)?, text_of(key)?])),
        _ => Err(call.wrong("separators are two texts")),
    }
}

fn defined(call: &Call) -> Result<&Value, Error> {
    crate::template::call::defined(&call.operand)
}

fn spaces(call: &Call) -> Result<Option<usize>, Error> {
    let given = call.integer("indent")?.map(usize::try_from).transpose();
    given
        .ok()
        .filter(|indent| indent.is_none_or(|indent| indent <= 64))
        .ok_or_else(|| call.wrong("indent is from 0 to 64"))
}

fn from_json(_: &mut State, call: &Call) -> Result<Value, Error> {
    let value: model::Value = serde_json::from_str(&call.operand_text()?)
        .map_err(|error| call.wrong(format!("this is no JSON: {error}")))?;
    Ok(to_engine(&value))
}

fn to_yaml(call: &Call, indent: usize, flow: Flow) -> Result<Value, Error> {
    let width = call.arg("width").map(|width| u32::try_from(width.clone()).unwrap_or(u32::MAX) as usize);
    let indent = spaces(call)?.filter(|indent| (2..10).contains(indent)).unwrap_or(indent);
    let style = YamlStyle {
        indent,
        width: width.filter(|width| *width > indent * 2).unwrap_or(80),
        sort_keys: call.arg("sort_keys").is_none_or(Value::is_true),
        flow: match call.arg("default_flow_style").filter(|flow| !flow.is_none()) {
            None => flow,
            Some(given) if given.is_true() => Flow::Always,
            Some(_) => Flow::Never,
        },
    };
    let mut text = yaml(&to_model_whole(defined(call)?)?, &style);
    if call.is_set("explicit_start") {
        text.insert_str(0, "---\n");
    }
    if call.is_set("explicit_end") {
        text.push_str("...\n");
    }
    Ok(Value::from(text))
}

fn from_yaml(_: &mut State, call: &Call) -> Result<Value, Error> {
    if call.operand.kind() != ValueKind::String {
        return Ok(defined(call)?.clone());
    }
    document(call, call.operand_text()?)
}

/// Each document of a text that holds several.
fn from_yaml_all(_: &mut State, call: &Call) -> Result<Value, Error> {
    if call.operand.kind() != ValueKind::String {
        return Ok(defined(call)?.clone());
    }
    let text = call.operand_text()?;
    let mut documents: Vec<String> = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begins = line.trim_end() == "---" || line.starts_with("--- ");
        if line.trim_end() == "..." {
            continue;
        }
        if begins && (number > 0 || documents.is_empty()) {
            documents.push(line.get(3..).unwrap_or_default().trim_start_matches(' ').to_owned());
        } else if let Some(document) = documents.last_mut() {
            document.push_str(line);
        } else {
            documents.push(line.to_owned());
        }
    }
    documents.into_iter().map(|text| document(call, text)).collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn document(call: &Call, text: String) -> Result<Value, Error> {
    if text.trim().is_empty() {
        return Ok(Value::from(()));
    }
    let no_yaml = |problem: &Problem| call.wrong(format!("this is no YAML: {}", problem.message));
    let file =
        TextFile::from_bytes(Path::new("<text>"), text.into_bytes()).map_err(|problem| no_yaml(&problem))?;
    let node = Node::parse(&file)
        .map_err(|problems| problems.0.first().map_or_else(|| call.wrong("no YAML"), no_yaml))?;
    let value = unmarked(node.to_value()).ok_or_else(|| call.wrong("a sealed value can't be opened here"))?;
    Ok(to_engine(&value))
}

/// A value without its tags (nothing made by a filter is ever rendered), or nothing where something in it is sealed.
fn unmarked(value: model::Value) -> Option<model::Value> {
    match Marked::of(&value) {
        Some(Marked::Unsafe(text)) => return Some(model::Value::from(text)),
        Some(Marked::Age { .. } | Marked::Vault(_)) => return None,
        None => {}
    }
    Some(match value {
        model::Value::Array(items) => items.into_iter().map(unmarked).collect::<Option<Vec<_>>>()?.into(),
        model::Value::Object(map) => {
            let members = map.into_iter().map(|(key, member)| Some((key, unmarked(member)?)));
            model::Value::Object(members.collect::<Option<_>>()?)
        }
        scalar => scalar,
    })
}

/// Python's decoder does without nothing but wrong padding; line breaks are no part of the data.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Texts are UTF-8 here.
fn utf8(call: &Call) -> Result<(), Error> {
    match call.text("encoding")?.map(|name| name.to_lowercase()).as_deref() {
        None | Some("utf-8" | "utf8" | "ascii" | "us-ascii") => Ok(()),
        Some(other) => Err(call.wrong(format!("the encoding '{other}' is not supported yet, only utf-8"))),
    }
}

fn b64encode(_: &mut State, call: &Call) -> Result<Value, Error> {
    utf8(call)?;
    Ok(Value::from(LENIENT.encode(call.operand_text()?)))
}

fn b64decode(_: &mut State, call: &Call) -> Result<Value, Error> {
    utf8(call)?;
    let text: String = call.operand_text()?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = LENIENT.decode(text).map_err(|error| call.wrong(format!("this is no base64: {error}")))?;
    String::from_utf8(bytes).map(Value::from).map_err(|_| call.wrong("the decoded bytes are no text"))
}

fn hash(_: &mut State, call: &Call) -> Result<Value, Error> {
    digest(call, &call.text("hashtype")?.unwrap_or_else(|| "sha1".into()))
}

fn digest(call: &Call, kind: &str) -> Result<Value, Error> {
    let text = text_of(&call.operand)?;
    Ok(Value::from(match kind {
        "md5" => format!("{:x}", md5::compute(text)),
        "sha1" => hex(&Sha1::digest(text)),
        "sha224" => hex(&Sha224::digest(text)),
        "sha256" => hex(&Sha256::digest(text)),
        "sha384" => hex(&Sha384::digest(text)),
        "sha512" => hex(&Sha512::digest(text)),
        other => {
            return Err(wrong(format!(
                "there is no hash '{other}', only md5, sha1, sha224, sha256, sha384 and sha512"
            )));
        }
    }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The namespace in which Ansible makes identifiers from names.
const ANSIBLE_NAMESPACE: &str = "361e6d51-faec-444a-9079-341386da8e2e";

fn to_uuid(_: &mut State, call: &Call) -> Result<Value, Error> {
    let namespace = call.text("namespace")?.unwrap_or_else(|| ANSIBLE_NAMESPACE.into());
    let digits: String = namespace.chars().filter(char::is_ascii_hexdigit).collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32);
    let number = number.ok_or_else(|| call.wrong("the namespace is a UUID"))?;
    let mut hasher = Sha1::new();
    hasher.update(number.to_be_bytes());
    hasher.update(call.operand_text()?);
    let mut text = hex(hasher.finalize().get(..16).unwrap_or_default());
    text.replace_range(12..13, "5");
    let variant = text.get(16..17).and_then(|digit| u8::from_str_radix(digit, 16).ok()).unwrap_or_default();
    text.replace_range(16..17, &format!("{:x}", variant & 3 | 8));
    for at in [20, 16, 12, 8] {
        text.insert(at, '-');
    }
    Ok(Value::from(text))
}
