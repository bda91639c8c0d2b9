//! For code scanning: SARIF 2.1.0, one run, a rule for each that there was a remark by. A fingerprint is made from rule,
//! file and message, so that a remark is the same one when lines above it come and go.
//!
//! # Source
//! OASIS SARIF 2.1.0 plus errata 01; of GitHub's subset `primaryLocationLineHash`.

use super::Sheet;
use crate::model::{Digest, Remark, Value, Weight, printable};
use crate::report::json::document;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

pub(super) fn text(sheet: &Sheet<'_>) -> io::Result<String> {
    let mut rules: BTreeMap<&str, &Remark> = BTreeMap::new();
    sheet.remarks.iter().for_each(|remark| {
        rules.entry(remark.rule).or_insert(remark);
    });
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, rule)| (*rule, at)).collect();
    let mut twins: BTreeMap<String, usize> = BTreeMap::new();
    let results: Vec<Value> = sheet
        .remarks
        .iter()
        .map(|remark| result(remark, index.get(remark.rule).copied(), &mut twins))
        .collect();
    let rules: Vec<Value> = rules.into_values().map(rule).collect();
    let run = json!({
        "tool": {"driver": {"name": "wgops", "semanticVersion": env!("CARGO_PKG_VERSION"), "rules": rules}},
        "results": results,
        "columnKind": "unicodeCodePoints",
    });
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    Ok(document(&json!({"$schema": schema, "version": "2.1.0", "runs": [run]}))? + "\n")
}

fn rule(remark: &Remark) -> Value {
    json!({
        "id": remark.rule,
        "shortDescription": {"text": literal(&format!("{}.", remark.about))},
        "defaultConfiguration": {"level": level(remark.weight)},
    })
}

fn result(remark: &Remark, rule_index: Option<usize>, twins: &mut BTreeMap<String, usize>) -> Value {
    let file = remark.place.file.as_path();
    let hash = Digest::of(format!("{}\0{}\0{}", remark.rule, file.display(), remark.message)).hex();
    let twin = twins.entry(hash.clone()).and_modify(|count| *count += 1).or_insert(1);
    let mut text = remark.message.clone();
    if let Some(help) = &remark.help {
        text = format!("{text}\n{help}");
    }
    json!({
        "ruleId": remark.rule,
        "ruleIndex": rule_index,
        "level": level(remark.weight),
        "message": {"text": literal(&printable(&text))},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(file)},
            "region": {"startLine": remark.place.line.max(1), "startColumn": remark.place.column.max(1)},
        }}],
        "partialFingerprints": {"wgopsRemark/v1": format!("{hash}:{twin}"), "primaryLocationLineHash": format!("{hash}:{twin}")},
    })
}

fn level(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Info => "note",
    }
}

/// Text that no viewer makes a link or a placeholder of (SARIF 2.1.0, 3.11.5 and 3.11.6).
fn literal(text: &str) -> String {
    let text = if text.contains("](") {
        text.replace('\\', r"\\").replace('[', r"\[").replace(']', r"\]")
    } else {
        text.to_owned()
    };
    text.replace('{', "{{").replace('}', "}}")
}

/// A path as a URI, seen from the current folder unless it begins at the root.
fn uri(path: &Path) -> String {
    let segment = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    let text: String = path.to_string_lossy().bytes().map(segment).collect();
    if text.starts_with('/') { format!("file://{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::cases::remarks;
    use super::*;

    #[test]
    fn each_result_has_its_rule_its_place_and_a_fingerprint_of_its_own() {
        let mut all = remarks();
        all.push(all[0].clone());
        let text = text(&Sheet { remarks: &all, files: 2, shown: Weight::Info }).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        let log: Value = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        let results = run["results"].as_array().unwrap();
        for result in results {
            let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
        }
        assert_ne!(results[0]["partialFingerprints"], results[2]["partialFingerprints"]);
        let place = &results[1]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], json!("site%20%1B%5B2J.yml"));
        assert_eq!(results[1]["level"], json!("note"));
        assert!(results[1]["message"]["text"].as_str().unwrap().contains(r"{{0}} without \[a\](name)"));
        assert_eq!(uri(Path::new("/srv/a b.yml")), "file:///srv/a%20b.yml");
    }
}
