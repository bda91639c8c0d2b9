//! `yum_repository`: a source of packages for dnf and yum, in a file below `/etc/yum.repos.d`.

use super::attributes::{GROUP, MODE, OWNER};
use super::text_file::{self, TextFile};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "yum_repository",
    aliases: &[],
    summary: "Puts a source of packages for dnf in its file, or removes it",
    params: &[
        Param::required("name", Kind::Text, "the source's id"),
        Param::optional(
            "description",
            Kind::Text,
            "its name for people; needed for a source that is to be there",
        ),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("file", Kind::Text, "the file's name without .repo; by default the id"),
        Param::optional("reposdir", Kind::Path, "the directory of such files").default("/etc/yum.repos.d"),
        Param::optional("baseurl", Kind::List, "where packages come from"),
        Param::optional("mirrorlist", Kind::Text, "where a list of mirrors is"),
        Param::optional("metalink", Kind::Text, "where a metalink is"),
        Param::optional("gpgkey", Kind::List, "where keys are"),
        Param::optional("gpgcheck", Kind::Bool, "whether packages have to be signed"),
        Param::optional("repo_gpgcheck", Kind::Bool, "whether the source's own data has to be signed"),
        Param::optional("enabled", Kind::Bool, "whether it is used"),
        Param::optional("exclude", Kind::List, "packages that are never taken from here")
            .or(&["excludepkgs"]),
        Param::optional("includepkgs", Kind::List, "the only packages that are taken from here"),
        Param::optional("priority", Kind::Text, "lower goes first"),
        Param::optional("cost", Kind::Text, "lower goes first"),
        Param::optional("sslverify", Kind::Bool, "whether certificates are verified").or(&["validate_certs"]),
        Param::optional("sslcacert", Kind::Text, "authorities").or(&["ca_cert"]),
        Param::optional("sslclientcert", Kind::Text, "the certificate shown").or(&["client_cert"]),
        Param::optional("sslclientkey", Kind::Text, "its key").or(&["client_key"]),
        Param::optional("proxy", Kind::Text, "a proxy"),
        Param::optional("proxy_username", Kind::Text, "its user"),
        Param::optional("proxy_password", Kind::Text, "its password"),
        Param::optional("username", Kind::Text, "a user"),
        Param::optional("password", Kind::Text, "a password"),
        Param::optional("module_hotfixes", Kind::Bool, "whether modules don't hide its packages"),
        Param::optional("skip_if_unavailable", Kind::Bool, "whether its absence is no error"),
        Param::optional("metadata_expire", Kind::Text, "how long its data is good"),
        Param::optional("enablegroups", Kind::Bool, "whether its groups count"),
        Param::optional("failovermethod", Kind::Text, "in which order its URLs are tried"),
        Param::optional("ip_resolve", Kind::Text, "which protocol is used"),
        Param::optional("keepalive", Kind::Bool, "whether connections are kept"),
        Param::optional("protect", Kind::Bool, "whether its packages are protected"),
        Param::optional("bandwidth", Kind::Text, "bytes a second"),
        Param::optional("throttle", Kind::Text, "the part of that which is used"),
        Param::optional("retries", Kind::Text, "how often it is tried"),
        Param::optional("timeout", Kind::Text, "seconds"),
        Param::optional("countme", Kind::Bool, "whether the host lets itself be counted"),
        OWNER,
        GROUP,
        MODE,
        Param::not_yet("attributes").or(&["attr", "seuser", "serole", "setype", "selevel", "unsafe_writes"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Packages of our own\n  yum_repository:\n    name: example\n    description: Example\n    baseurl: https://packages.example.com/el$releasever/$basearch\n    gpgkey: https://packages.example.com/key.asc\n    gpgcheck: true\n",
        returns: &[
            Returned { name: "repo", help: "The source's id." },
            Returned { name: "state", help: "Whether it is to be there." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: text_file::result,
};

/// Parameters that are no settings of a source.
const OURS: &[&str] = &["name", "description", "state", "file", "reposdir", "owner", "group", "mode"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if name.contains(['/', '\n', ']', '[']) || name.is_empty() {
        return Err(Stop::refuse(format!("'{name}' is no source's id")));
    }
    let present = args.text("state") != Some("absent");
    if present {
        if args.text("description").is_none() {
            return Err(Stop::refuse("Parameter 'description' is required."));
        }
        if !["baseurl", "mirrorlist", "metalink"].into_iter().any(|param| args.value(param).is_some()) {
            return Err(Stop::refuse("Parameter 'baseurl', 'metalink' or 'mirrorlist' is required."));
        }
    }
    let file = args.text("file").unwrap_or(name).trim_end_matches(".repo");
    let file = TextFile::ask(host, &format!("{}/{file}.repo", args.needed("reposdir")?))?;
    let sections = sections(file.text());
    let mut new: Vec<(String, Vec<(String, String)>)> =
        sections.iter().filter(|(id, _)| id != name).cloned().collect();
    if present {
        new.push((name.to_owned(), settings(args)));
    }
    new.sort();
    let mut old = sections.clone();
    old.sort();
    old.iter_mut().for_each(|(_, settings)| settings.sort());
    let mut result = Map::new();
    result.insert("repo".into(), name.into());
    result.insert("state".into(), args.needed("state")?.into());
    let changes = match (old == new, new.is_empty()) {
        // Only owner and mode may differ.
        (true, false) if file.old.is_some() => file.put(host, args, file.text(), 0o644)?,
        (true, _) => Vec::new(),
        (false, true) => file.remove().into_iter().collect(),
        (false, false) => file.put(host, args, written(&new), 0o644)?,
    };
    Ok(Outcome::change(result, changes))
}

fn settings(args: &Args) -> Vec<(String, String)> {
    let mut settings: Vec<(String, String)> = args
        .all()
        .iter()
        .filter(|(key, value)| !OURS.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| {
            let separator = if matches!(key.as_str(), "exclude" | "includepkgs") { " " } else { "\n" };
            let text = match value {
                Value::Bool(yes) => if *yes { "1" } else { "0" }.to_owned(),
                Value::Array(_) => args.list(key).join(separator),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            (key.clone(), text)
        })
        .collect();
    settings.push(("name".into(), args.text("description").unwrap_or_default().to_owned()));
    settings.sort();
    settings
}

/// The sections of a file, each with its settings; a line that begins with a space goes on with the value before it.
fn sections(text: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for line in text.lines() {
        let plain = line.trim();
        if plain.is_empty() || plain.starts_with(['#', ';']) {
            continue;
        }
        if let Some(id) = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((id.to_owned(), Vec::new()));
            continue;
        }
        let Some((_, settings)) = sections.last_mut() else { continue };
        match (line.starts_with(char::is_whitespace), settings.last_mut(), plain.split_once('=')) {
            (true, Some((_, value)), _) => value.push_str(&format!("\n{plain}")),
            (_, _, Some((key, value))) => settings.push((key.trim().to_owned(), value.trim().to_owned())),
            _ => {}
        }
    }
    sections
}

fn written(sections: &[(String, Vec<(String, String)>)]) -> String {
    let setting = |(key, value): &(String, String)| format!("{key} = {}\n", value.replace('\n', "\n\t"));
    let section = |(id, settings): &(String, Vec<(String, String)>)| {
        format!("[{id}]\n{}\n", settings.iter().map(setting).collect::<String>())
    };
    sections.iter().map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_source_stands_in_its_file_and_goes_with_it() {
        for bench in Bench::every_shell() {
            let mut args = json!({"name": "epel", "description": "EPEL", "baseurl": ["https://a/x", "https://b/y"], "gpgcheck": true,
                "enabled": false, "exclude": ["a*", "b"], "reposdir": bench.path("")});
            bench.changes(&MODULE, &args);
            assert_eq!(
                bench.read("epel.repo"),
                "[epel]\nbaseurl = https://a/x\n\thttps://b/y\nenabled = 0\nexclude = a* b\ngpgcheck = 1\nname = EPEL\n\n"
            );
            bench.in_order(&MODULE, &args);
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert!(!bench.at("epel.repo").exists());
            assert!(bench.refusal(&MODULE, &json!({"name": "x", "description": "X"})).contains("'baseurl'"));
        }
    }
}
