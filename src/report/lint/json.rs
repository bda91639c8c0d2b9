//! For programs: one document, as `docs/schemas/lint.schema.json` describes it.

use super::Sheet;
use crate::model::{Remark, Value, Weight};
use crate::report::json::document;
use serde_json::json;
use std::io;

pub(super) fn text(sheet: &Sheet<'_>) -> io::Result<String> {
    let count = |weight| sheet.count(weight);
    let all = json!({
        "version": 1,
        "kind": "wgops-lint",
        "files": sheet.files,
        "counts": {"error": count(Weight::Error), "warning": count(Weight::Warning), "info": count(Weight::Info)},
        "remarks": sheet.remarks.iter().map(one).collect::<Vec<_>>(),
    });
    Ok(document(&all)? + "\n")
}

fn one(remark: &Remark) -> Value {
    let mut one = json!({
        "rule": remark.rule,
        "weight": remark.weight.as_str(),
        "file": remark.place.file.to_string_lossy(),
        "line": remark.place.line,
        "column": remark.place.column,
        "message": remark.message,
    });
    if let Some(help) = &remark.help {
        one["help"] = json!(help);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::super::cases::remarks;
    use super::*;

    #[test]
    fn the_document_reads_back_and_fits_its_schema() {
        let text = text(&Sheet { remarks: &remarks(), files: 2, shown: Weight::Error }).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{202e}']));
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["counts"], json!({"error": 1, "warning": 0, "info": 1}));
        let schema = include_str!("../../../docs/schemas/lint.schema.json");
        let schema: Value = serde_json::from_str(schema).unwrap();
        let fits = |object: &Value, schema: &Value| {
            let properties = schema["properties"].as_object().unwrap();
            let required = schema["required"].as_array().unwrap();
            assert!(object.as_object().unwrap().keys().all(|key| properties.contains_key(key)), "{object}");
            assert!(required.iter().all(|key| object.get(key.as_str().unwrap()).is_some()), "{object}");
        };
        fits(&read, &schema);
        let item = &schema["properties"]["remarks"]["items"];
        read["remarks"].as_array().unwrap().iter().for_each(|remark| fits(remark, item));
    }
}
