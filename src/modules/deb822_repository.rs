//! `deb822_repository`: a file of package sources in the newer form (`/etc/apt/sources.list.d/NAME.sources`).

use super::apt_keyring;
use super::text_file::TextFile;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "deb822_repository",
    aliases: &[],
    summary: "Puts sources of packages for apt in a file of their own, or removes it",
    params: &[
        Param::required("name", Kind::Text, "a name for people, of which the file's is made"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("types", Kind::List, "deb, deb-src").default("deb"),
        Param::optional("uris", Kind::List, "where packages come from"),
        Param::optional("suites", Kind::List, "the suites, as bookworm"),
        Param::optional("components", Kind::List, "the components, as main"),
        Param::optional("architectures", Kind::List, "for which architectures"),
        Param::optional("languages", Kind::List, "translations that are fetched"),
        Param::optional("targets", Kind::List, "what is fetched"),
        Param::optional(
            "signed_by",
            Kind::Text,
            "the key: a path on the host, a URL, or the armored key itself",
        ),
        Param::optional("enabled", Kind::Bool, "whether it is used"),
        Param::optional("trusted", Kind::Bool, "whether it counts as signed whatever its signature"),
        Param::optional("allow_insecure", Kind::Bool, "Allow-Insecure"),
        Param::optional("allow_weak", Kind::Bool, "Allow-Weak"),
        Param::optional("allow_downgrade_to_insecure", Kind::Bool, "Allow-Downgrade-To-Insecure"),
        Param::optional("by_hash", Kind::Bool, "By-Hash"),
        Param::optional("check_date", Kind::Bool, "Check-Date"),
        Param::optional("check_valid_until", Kind::Bool, "Check-Valid-Until"),
        Param::optional("date_max_future", Kind::Int, "Date-Max-Future, in seconds"),
        Param::optional("inrelease_path", Kind::Text, "InRelease-Path"),
        Param::optional("pdiffs", Kind::Bool, "PDiffs"),
        Param::optional("exclude", Kind::List, "packages that are never taken from here"),
        Param::optional("include", Kind::List, "the only packages that are taken from here"),
        Param::optional("mode", Kind::Mode, "the file's permissions").default("0644"),
        Param::optional("install_python_debian", Kind::Bool, "taken and not needed: no Python is used"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Packages of our own\n  deb822_repository:\n    name: example\n    uris: https://packages.example.com/debian\n    suites: bookworm\n    components: main\n    signed_by: /etc/apt/keyrings/example.asc\n",
        returns: &[
            Returned { name: "dest", help: "The file." },
            Returned { name: "repo", help: "What stands in it; nothing once it is removed." },
            Returned { name: "key_filename", help: "The file of the key, where there is one." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// What makes fields, in the order of their parameters' names.
const FIELDS: &[&str] = &[
    "allow_downgrade_to_insecure",
    "allow_insecure",
    "allow_weak",
    "architectures",
    "by_hash",
    "check_date",
    "check_valid_until",
    "components",
    "date_max_future",
    "enabled",
    "exclude",
    "include",
    "inrelease_path",
    "languages",
    "name",
    "pdiffs",
    "signed_by",
    "suites",
    "targets",
    "trusted",
    "types",
    "uris",
];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let slug = slug(args.needed("name")?);
    if slug.is_empty() {
        return Err(Stop::refuse("'name' has no letter and no digit of which a file's name could be made"));
    }
    let path = format!("/etc/apt/sources.list.d/{slug}.sources");
    let keys = ["asc", "gpg"].map(|ending| format!("/etc/apt/keyrings/{slug}.{ending}"));
    let mut result = Map::new();
    result.insert("dest".into(), path.as_str().into());
    if args.text("state") == Some("absent") {
        let mut changes: Vec<Change> = Vec::new();
        let mut asked = Ok(());
        for path in std::iter::once(&path).chain(&keys) {
            match apt_keyring::removal(host, path) {
                Ok(change) => changes.extend(change),
                Err(stop) => asked = Err(stop),
            }
        }
        asked?;
        result.insert("repo".into(), Value::Null);
        result.insert("key_filename".into(), keys[1].as_str().into());
        return Ok(Outcome::change(result, changes));
    }
    let file = TextFile::ask(host, &path);
    let mut changes = Vec::new();
    let signed_by = match args.text("signed_by") {
        Some(url) if url.contains("://") && !url.contains('\n') => {
            let key = apt_keyring::fetched(host, url)?;
            let path = &keys[usize::from(!apt_keyring::is_armored(&key))];
            changes.extend(apt_keyring::put(host, path, key)?);
            result.insert("key_filename".into(), path.as_str().into());
            Some(path.clone())
        }
        Some(path) => {
            let key = if path.starts_with('/') { path.into() } else { Value::Null };
            result.insert("key_filename".into(), key);
            Some(path.to_owned())
        }
        None => None,
    };
    let text = text(args, signed_by.as_deref());
    changes.extend(file?.put(host, args, text.clone(), 0o644)?);
    result.insert("repo".into(), text.into());
    Ok(Outcome::change(result, changes))
}

/// The name as a file's: small letters, digits and dashes.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.to_lowercase().chars() {
        match c {
            c if (c.is_whitespace() || c == '_') && !slug.ends_with('\n') => slug.push('\n'),
            c if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' => slug.push(c),
            _ => {}
        }
    }
    slug.replace('\n', "-")
}

fn text(args: &Args, signed_by: Option<&str>) -> String {
    let mut text = String::new();
    for field in FIELDS {
        let value = match (args.value(field), *field) {
            (None | Some(Value::Null), _) => continue,
            (_, "signed_by") => signed_by.unwrap_or_default().to_owned(),
            (Some(Value::Bool(yes)), _) => if *yes { "yes" } else { "no" }.to_owned(),
            (Some(Value::Array(_)), field) => args.list(field).join(" "),
            (Some(Value::String(text)), _) => text.clone(),
            (Some(other), _) => other.to_string(),
        };
        let value = if value.contains('\n') { lines(&value) } else { format!(" {value}") };
        // A field without a value has nothing behind its colon.
        text.push_str(&format!("{}:{}\n", title(field), if value == " " { "" } else { &value }));
    }
    text
}

/// Several lines as a field's value: indented, and none of them empty.
fn lines(value: &str) -> String {
    let line = |line: &str| match line.trim() {
        "" => "\n    .".to_owned(),
        line => format!("\n    {line}"),
    };
    value.trim().lines().map(line).collect()
}

/// `by_hash` as `By-Hash`.
fn title(field: &str) -> String {
    match field {
        "name" => "X-Repolib-Name".to_owned(),
        "uris" => "URIs".to_owned(),
        other => {
            let word = |word: &str| {
                let mut chars = word.chars();
                chars
                    .next()
                    .map(|first| first.to_uppercase().chain(chars).collect::<String>())
                    .unwrap_or_default()
            };
            other.split('_').map(word).collect::<Vec<_>>().join("-")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_stand_in_order_with_their_proper_names() {
        let given = json!({"name": "My Repo", "uris": "https://x/y", "suites": ["a", "b"], "components": "main", "enabled": true,
                           "by_hash": false, "signed_by": "-----BEGIN\n\nabc\n-----END"});
        let args = Args::parse(MODULE.params, MODULE.free_form, given.as_object().unwrap()).unwrap();
        assert_eq!(
            text(&args, args.text("signed_by")),
            "By-Hash: no\nComponents: main\nEnabled: yes\nX-Repolib-Name: My Repo\nSigned-By:\n    -----BEGIN\n    .\n    abc\n    \
             -----END\nSuites: a b\nTypes: deb\nURIs: https://x/y\n"
        );
    }

    #[test]
    fn a_files_name_is_made_of_small_letters_digits_and_dashes() {
        assert_eq!(slug("My Repo"), "my-repo");
        assert_eq!(slug("a __ b.c/D"), "a-bcd");
    }
}
