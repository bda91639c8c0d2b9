//! What binds a job to an earlier run or to a plan, and what a run records so that somebody can go on with it: what was
//! typed, which files it was made from, and whether these are still the same.

use super::errand::Errand;
use super::repository::Repository;
use super::{Exit, Failure, access, commit, patch};
use crate::ledger::{Details, PlanRef, Source, Typed};
use crate::load;
use crate::model::{Digest, HostName, Map};
use crate::people::Verb;
use crate::plan::Approved;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// How the path of a playbook begins that wgops brings along.
pub const BUILT_IN: &str = "(built in)";
/// Most files that a difference names.
const NAMES_MAX: usize = 5;
/// Words in names of variables whose values must not show in diagnostics or the ledger.
const SECRET_WORDS: [&str; 15] = [
    "pass",
    "secret",
    "token",
    "private_key",
    "apikey",
    "api_key",
    "pwd",
    "credential",
    "bearer",
    "access_key",
    "encryption_key",
    "signing_key",
    "master_key",
    "session_key",
    "webhook",
];
/// Words that say so only where they stand alone: `pin`, and not `spinner`.
const SECRET_WORDS_ALONE: [&str; 11] =
    ["pw", "pin", "psk", "otp", "jwt", "salt", "auth", "cookie", "dsn", "hmac", "seed"];
/// How values begin that are secrets whatever they are called: private keys, tokens of services, digests of passwords.
const SECRET_BEGINNINGS: [&str; 20] = [
    "-----BEGIN",
    "AGE-SECRET-KEY-",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "sk_live_",
    "sk-proj-",
    "hvs.",
    "eyJ",
    "$6$",
    "$5$",
    "$y$",
    "$2b$",
    "$2y$",
];
/// Fewest characters of a value that looks drawn at random.
const RANDOM_CHARS_MIN: usize = 20;

/// What binds a job to an earlier run or to a plan.
#[derive(Default)]
pub struct Bound {
    /// The only hosts that it may reach.
    pub hosts: Option<BTreeSet<HostName>>,
    /// What was shown and confirmed before, as variables.
    pub approved: Option<Map>,
    /// The intent that is picked up.
    pub resumes: Option<Digest>,
    /// What differs from then, and was allowed to.
    pub differs: Vec<String>,
    /// The plan that is carried out.
    pub plan: Option<PlanRef>,
    /// What may be sent to each host, where a plan's run is picked up.
    pub may_be_sent: Option<BTreeMap<HostName, Approved>>,
    /// The only hosts that are spoken to, whatever they are for: those of a plan.
    pub speaks_to: Option<BTreeSet<HostName>>,
}

/// Whether a variable's name says that its value is a secret.
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    let mut parts = name.split(|c: char| !c.is_alphanumeric());
    SECRET_WORDS.iter().any(|word| name.contains(word))
        || parts.any(|part| SECRET_WORDS_ALONE.contains(&part))
}

/// What of a variable must not show in diagnostics or the ledger: what stands under such a name at any depth, and what stands
/// before the `@` of an address.
pub fn secrets_in(name: &str, value: &crate::model::Value) -> Vec<String> {
    let mut found = Vec::new();
    gather(names_a_secret(name), value, &mut found);
    found
}

fn gather(is_secret: bool, value: &crate::model::Value, found: &mut Vec<String>) {
    use crate::model::Value;
    match value {
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| gather(is_secret || names_a_secret(name), member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(is_secret, item, found)),
        Value::String(text) if is_secret || looks_secret(text) => found.push(text.clone()),
        Value::String(text) => found.extend(in_an_address(text)),
        Value::Number(number) if is_secret => found.push(number.to_string()),
        Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

/// Whether a text is a secret by its looks: one that begins as those do, or letters of both cases and digits in a row that nobody
/// would type by heart. Names, versions, paths and digests in one case are none.
fn looks_secret(text: &str) -> bool {
    let is_random = |text: &str| {
        let has = |wanted: &dyn Fn(char) -> bool| text.chars().any(wanted);
        text.len() >= RANDOM_CHARS_MIN
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
            && text.matches('/').count() <= 2
            && has(&|c| c.is_ascii_uppercase())
            && has(&|c| c.is_ascii_lowercase())
            && has(&|c| c.is_ascii_digit())
    };
    SECRET_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning)) || is_random(text)
}

/// The password of `scheme://user:password@host`.
fn in_an_address(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("://")?;
    let (user, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.is_empty()).then(|| password.to_owned())
}

/// What was typed, as far as it decides what happens on hosts; values that `masked` would hide are withheld.
pub fn typed(errand: &Errand, repository: &Repository, masked: &dyn Fn(&str) -> bool) -> Typed {
    let choice = &errand.choice;
    let mut from_files = Map::new();
    choice.files.iter().for_each(|(_, values)| from_files.extend(values.clone()));
    // What is made from the roster is made anew, and is far too long to be kept.
    let of_roster = |name: &str| errand.verb == Verb::Access && name.starts_with("access_");
    let given = choice
        .extra
        .iter()
        .filter(|(name, _)| !of_roster(name))
        .filter(|(name, value)| from_files.get(*name) != Some(value));
    let is_secret = |name: &str, value: &crate::model::Value| {
        names_a_secret(name) || !secrets_in(name, value).is_empty() || masked(&value.to_string())
    };
    let (withheld, variables): (Vec<_>, Vec<_>) = given.partition(|(name, value)| is_secret(name, value));
    let named = |(name, value): (&String, &crate::model::Value)| (name.clone(), value.clone());
    Typed {
        inventory: errand.targets.inventory().or_else(|| repository.settings().inventory),
        playbooks: errand
            .playbooks
            .iter()
            .filter_map(|playbook| source(repository, &playbook.file))
            .collect(),
        tags: choice.tags.only.clone(),
        skip_tags: choice.tags.skip.clone(),
        start_at: choice.tags.start_at.clone(),
        force_handlers: choice.force_handlers,
        canary: choice.canary.as_ref().map(|canary| canary.hosts.as_str().to_owned()),
        variables: variables.into_iter().map(named).collect(),
        variable_files: choice.files.iter().filter_map(|(file, _)| source(repository, file)).collect(),
        withheld: withheld.into_iter().map(|(name, _)| name.clone()).collect(),
        r#become: choice.privilege.active,
        become_user: choice.privilege.user.clone(),
        become_method: choice.privilege.method.map(|method| method.name().to_owned()),
    }
}

/// A file as the ledger knows it; none where it can't be read.
pub fn source(repository: &Repository, file: &Path) -> Option<Source> {
    if let Ok(name) = file.strip_prefix(BUILT_IN) {
        return Some(Source { path: file.display().to_string(), digest: Digest::of(built_in(name)?) });
    }
    Some(Source { path: repository.named(file), digest: Digest::of(content(file).ok()?) })
}

/// The text of a playbook that wgops brings along, of those that change something.
fn built_in(name: &Path) -> Option<&'static str> {
    match name.to_str() {
        Some("playbooks/patch.yml") => Some(patch::PLAYBOOK),
        Some("playbooks/access.yml") => Some(access::PLAYBOOK),
        _ => None,
    }
}

/// The inventory that was named, as the ledger knows it; a list and `local` have no file.
///
/// # Errors
/// It isn't there.
pub fn inventory_source(
    repository: &Repository,
    targets: &super::args::Targets,
) -> Result<Option<Source>, Failure> {
    let sources = repository.sources(targets)?;
    let mut files = sources.iter().filter_map(|one| match one {
        load::Source::Path(path) => Some(path.as_path()),
        load::Source::List(_) | load::Source::Local => None,
    });
    let (Some(first), more) = (files.next(), files.collect::<Vec<_>>()) else { return Ok(None) };
    if more.is_empty() {
        return Ok(source(repository, first));
    }
    let all = || std::iter::once(first).chain(more.iter().copied());
    let path = all().map(|file| repository.named(file)).collect::<Vec<_>>().join(", ");
    let contents: Vec<_> = all().filter_map(|file| content(file).ok()).collect();
    Ok(Some(Source { path, digest: Digest::of(contents.concat()) }))
}

/// What was typed, as a person reads it before they put their name to it.
pub fn in_words(verb: Verb, typed: &Typed) -> String {
    let mut said = vec![format!(
        "{verb} {}",
        typed.playbooks.iter().map(|source| source.path.as_str()).collect::<Vec<_>>().join(" ")
    )];
    let inventories = typed.inventory.iter().flat_map(|names| names.lines());
    said.extend(inventories.map(|name| format!("inventory {name}")));
    let list = |word: &str, all: &[String]| (!all.is_empty()).then(|| format!("{word} {}", all.join(",")));
    said.extend(list("tags", &typed.tags));
    said.extend(list("skipped tags", &typed.skip_tags));
    said.extend(typed.start_at.as_ref().map(|task| format!("starting at '{task}'")));
    if typed.r#become || typed.become_user.is_some() {
        said.push(format!("as {}", typed.become_user.as_deref().unwrap_or("root")));
    }
    let files = typed.variable_files.iter().map(|source| format!("variables of {}", source.path));
    said.extend(files);
    said.extend(typed.variables.iter().map(|(name, value)| format!("{name}={value}")));
    crate::report::one_line(&said.join("; ")).into_owned()
}

/// Makes sure that what a plan brings along is nothing but what is seen in it: files of the ops repository, and no word of how hosts
/// are reached, which is the inventory's to say.
///
/// # Errors
/// It brings more.
pub fn brings_nothing_else(typed: &Typed, variables: &Map) -> Result<(), Failure> {
    if let Some(name) = variables.keys().find(|name| name.starts_with("ansible_")) {
        let name = crate::report::one_line(name);
        let message = format!("a plan does not say how hosts are reached, and this one sets {name}");
        return Err(Failure::new(Exit::Refused, message).hint("set it in the inventory, and make a new plan"));
    }
    let inside = |source: &&Source| {
        let path = Path::new(&source.path);
        source.path.starts_with(BUILT_IN)
            || path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    match typed.playbooks.iter().chain(&typed.variable_files).find(|source| !inside(source)) {
        None => Ok(()),
        Some(source) => {
            let path = crate::report::one_line(&source.path);
            let message = format!("a plan is made of files of the ops repository, and {path} is none");
            Err(Failure::new(Exit::Refused, message).hint("keep it there, and make a new plan"))
        }
    }
}

/// The file that an entry or a plan names.
pub fn path_of(root: &Path, source: &Source) -> PathBuf {
    root.join(&source.path)
}

/// What is no longer as an entry or a plan has it, in words; `then` holds its inventory and commit.
pub fn differences(typed: &Typed, then: &Details, repository: &Repository, root: &Path) -> Vec<String> {
    let files = typed.playbooks.iter().chain(&typed.variable_files).chain(&then.inventory);
    let mut found: Vec<String> = files.filter_map(|known| differs(known, repository, root)).collect();
    let Some(commit) = then.commit.as_ref().filter(|commit| !commit.dirty) else { return found };
    match commit::changed_since(root, &commit.id) {
        Some(files) if files.is_empty() => {}
        Some(files) => {
            let more = files.len().saturating_sub(NAMES_MAX);
            let named = files.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            found.push(format!("since commit {} there are changes to {named}{more}", short(&commit.id)));
        }
        None => found.push(format!("the commit {} is not here: pull it", short(&commit.id))),
    }
    found
}

fn short(commit: &str) -> Cow<'_, str> {
    commit.get(..12).map_or_else(|| crate::report::one_line(commit), crate::report::one_line)
}

fn differs(known: &Source, repository: &Repository, root: &Path) -> Option<String> {
    let path = path_of(root, known);
    let file = if known.path.starts_with(BUILT_IN) { Path::new(&known.path) } else { &path };
    let name = crate::report::one_line(&known.path).into_owned();
    match source(repository, file) {
        Some(now) if now.digest == known.digest => None,
        Some(_) => Some(format!("{name} is not what it was")),
        None => Some(format!("{name} can't be read")),
    }
}

/// What a file holds, or what the files of an inventory's directory hold, one after the other by name.
fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    if !path.is_dir() {
        return std::fs::read(path);
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(std::fs::read(file)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_known_by_its_name_at_every_depth_and_in_an_address() {
        for name in
            ["db_password", "PGPASSWORD", "apikey", "api_key", "pw", "sim_pin", "bearer", "aws_credentials"]
        {
            assert!(names_a_secret(name), "{name}");
        }
        for name in ["spinner", "user", "host", "pinned", "spwan"] {
            assert!(!names_a_secret(name), "{name}");
        }
        let given = json!({"password": "one", "db": {"token": ["two", {"x": 3}]}, "url": "https://u:four@h/p", "port": 5});
        assert_eq!(secrets_in("a", &given), ["one", "two", "3", "four"]);
        assert_eq!(secrets_in("url", &json!("https://h/p@q:r")), Vec::<String>::new());
        for secret in [
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "q8Zc1kP0vXW3rT9uYb2L",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nx",
        ] {
            assert_eq!(secrets_in("x", &json!({"y": [secret]})), [secret]);
        }
        for plain in [
            "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
            "Release-2026-11-29-Stable",
            "/srv/Www2/Application12345",
            "web1.Example.org:8080/Path",
            "the quick brown Fox 12345",
            "linux-image-6.1.0-13-Amd64",
        ] {
            assert_eq!(secrets_in("x", &json!(plain)), Vec::<String>::new(), "{plain}");
        }
    }
}
