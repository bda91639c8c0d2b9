//! Renders what `compare` gives it, so that it can be held against what ansible-core makes of the same.
//!
//!     cargo run --example render -- DIRECTORY <ROWS
//!
//! The first row is a JSON mapping, the variables; each further row is a JSON text, the template. One that begins with
//! `file:` is a template file's text, any other a value's. DIRECTORY is where lookups look for files. Each row of the
//! output is `["ok", value]`, `["error", message]` or `["omit"]`.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use wgops::template::{Beneath, Binding, Rendered, Scope, Templates};

/// Variables that a person wrote.
struct Variables {
    map: serde_json::Map<String, serde_json::Value>,
    directory: PathBuf,
}

impl Scope for Variables {
    fn get(&self, name: &str) -> Option<Binding> {
        Some(Binding::Written(Arc::new(self.map.get(name)?.clone())))
    }

    fn names(&self) -> Vec<String> {
        self.map.keys().cloned().collect()
    }

    fn search_dirs(&self) -> Vec<PathBuf> {
        vec![self.directory.clone()]
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("expected a directory")?);
    let mut rows = std::io::stdin().lines();
    let map = serde_json::from_str(&rows.next().ok_or("expected the variables")??)?;
    let scope: Arc<dyn Scope> = Arc::new(Variables { map, directory });
    let templates = Templates::new(Arc::new(Beneath::new([PathBuf::from("/")]).acting(true)));
    let mut out = String::new();
    for row in rows {
        let source: String = serde_json::from_str(&row?)?;
        let rendered = match source.strip_prefix("file:") {
            Some(text) => templates.text("t.j2", text, &scope).map(|rendered| match rendered {
                Rendered::Known { value, tainted } => Rendered::Known { value: value.into(), tainted },
                Rendered::Omitted => Rendered::Omitted,
                Rendered::Unknown(cause) => Rendered::Unknown(cause),
            }),
            None => templates.render(&source.into(), &scope),
        };
        let told = match rendered {
            Ok(Rendered::Known { value, .. }) => serde_json::json!(["ok", wgops::model::plain(&value)]),
            Ok(Rendered::Omitted) => serde_json::json!(["omit"]),
            Ok(Rendered::Unknown(cause)) => serde_json::json!(["unknown", cause.to_string()]),
            Err(error) => serde_json::json!(["error", error.to_string()]),
        };
        out.push_str(&told.to_string());
        out.push('\n');
    }
    std::io::Write::write_all(&mut std::io::stdout(), out.as_bytes())?;
    Ok(())
}
