//! `read_csv`: a table of the host, row by row.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::contents::{Content, Read};

/// Largest table that is read.
const BYTES_MAX: u64 = 16 << 20;

/// The module.
pub static MODULE: Module = Module {
    name: "read_csv",
    aliases: &[],
    summary: "Reads a CSV file of the host",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["filename"]),
        Param::optional(
            "key",
            Kind::Text,
            "the column by which rows are found; without it they come as a list",
        ),
        Param::optional("fieldnames", Kind::List, "the columns' names; without them the first row has them"),
        Param::optional("delimiter", Kind::Text, "what stands between fields").default(","),
        Param::optional("skipinitialspace", Kind::Bool, "drop blanks behind a delimiter").default("no"),
        Param::optional("unique", Kind::Bool, "whether a key that comes twice is an error").default("yes"),
        Param::optional(
            "dialect",
            Kind::Choice(&["excel", "excel-tab", "unix"]),
            "excel-tab: tabs stand between fields",
        )
        .default("excel"),
        Param::optional("strict", Kind::Bool, "without meaning: what can't be read is an error")
            .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Read who has which desk
  read_csv: {path: /etc/app/desks.csv, key: name}
  register: desks
- debug: {msg: '{{ desks.dict.alice.desk }}'}
",
        returns: &[
            Returned { name: "list", help: "the rows, without `key`" },
            Returned { name: "dict", help: "with `key`: the rows by it" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let tab = args.text("dialect") == Some("excel-tab") && args.text("delimiter") == Some(",");
    let delimiter = if tab { "\t" } else { args.needed("delimiter")? };
    let mut characters = delimiter.chars();
    let (Some(delimiter), None) = (characters.next(), characters.next()) else {
        return Err(Stop::refuse(format!("'delimiter' is '{delimiter}': expected one character")));
    };
    let content = host.get(Read { path: path.to_owned(), bytes_max: BYTES_MAX })?;
    let Content::Whole(bytes) = content.as_ref() else {
        return Err(Stop::refuse(format!("Unable to open file: {path} is no file, or too large a one")));
    };
    let text = String::from_utf8_lossy(bytes);
    let table = Table { delimiter, skips_blanks: args.flag("skipinitialspace") };
    let mut rows = table.rows(text.trim_start_matches('\u{feff}')).into_iter();
    let given: Vec<String> = args.list("fieldnames").into_iter().map(str::to_owned).collect();
    let names = if given.is_empty() { rows.next().unwrap_or_default() } else { given };
    let rows: Vec<Map> = rows.map(|row| mapping(&names, row)).collect();
    let mut result = Map::new();
    let (mut list, mut dict) = (Value::Array(Vec::new()), Map::new());
    match args.text("key") {
        None => list = rows.into_iter().map(Value::Object).collect(),
        Some(key) if !names.iter().any(|name| name == key) => {
            return Err(Stop::refuse(format!(
                "Key '{key}' was not found in the CSV header fields: {}",
                names.join(", ")
            )));
        }
        Some(key) => {
            for row in rows {
                let found = row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                if dict.insert(found.clone(), Value::Object(row)).is_some() && args.flag("unique") {
                    return Err(Stop::refuse(format!("Multiple rows found with key '{found}'")));
                }
            }
        }
    }
    result.insert("dict".into(), Value::Object(dict));
    result.insert("list".into(), list);
    Ok(Outcome::in_order(result))
}

fn mapping(names: &[String], row: Vec<String>) -> Map {
    let mut fields = row.into_iter().map(Value::from);
    names.iter().map(|name| (name.clone(), fields.next().unwrap_or(Value::Null))).collect()
}

/// How a table is written.
struct Table {
    delimiter: char,
    skips_blanks: bool,
}

impl Table {
    /// The rows; empty lines are none. A field in quotes may hold anything, a quote doubled.
    fn rows(&self, text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
        let (mut quoted, mut begins) = (false, true);
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
                '"' if quoted => quoted = false,
                _ if quoted => field.push(c),
                '"' if begins => (quoted, begins) = (true, false),
                ' ' if begins && self.skips_blanks => {}
                '\r' if characters.peek() == Some(&'\n') => {}
                '\n' => {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                    begins = true;
                }
                c if c == self.delimiter => {
                    row.push(std::mem::take(&mut field));
                    begins = true;
                }
                c => {
                    field.push(c);
                    begins = false;
                }
            }
        }
        if !field.is_empty() || !row.is_empty() {
            row.push(field);
            rows.push(row);
        }
        rows.retain(|row| row.len() > 1 || row.first().is_some_and(|field| !field.is_empty()));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn rows_come_as_a_list_or_by_a_key() {
        let bench = Bench::new();
        let path = bench.file("t.csv", "name,desk\r\nalice,\"4, \"\"left\"\"\"\n\nbob,\"two\nlines\"\n");
        let list = bench.in_order(&MODULE, &json!({"path": path}))["list"].clone();
        assert_eq!(
            list,
            json!([{"name": "alice", "desk": "4, \"left\""}, {"name": "bob", "desk": "two\nlines"}])
        );
        let by_name = bench.in_order(&MODULE, &json!({"path": path, "key": "name"}))["dict"].clone();
        assert_eq!(by_name["alice"]["desk"], json!("4, \"left\""));
        let named = json!({"path": bench.file("u", "1; 2\n3;\n"), "fieldnames": "a,b", "delimiter": ";", "skipinitialspace": true});
        assert_eq!(
            bench.in_order(&MODULE, &named)["list"],
            json!([{"a": "1", "b": "2"}, {"a": "3", "b": ""}])
        );
    }

    #[test]
    fn keys_that_are_missing_or_come_twice_are_refused() {
        let bench = Bench::new();
        let path = bench.file("t", "a,b\n1,2\n1,3\n");
        assert!(bench.refusal(&MODULE, &json!({"path": path, "key": "c"})).contains("a, b"));
        assert_eq!(
            bench.refusal(&MODULE, &json!({"path": path, "key": "a"})),
            "Multiple rows found with key '1'"
        );
        bench.in_order(&MODULE, &json!({"path": path, "key": "a", "unique": false}));
        assert!(
            bench.refusal(&MODULE, &json!({"path": bench.path("none")})).starts_with("Unable to open file")
        );
    }
}
