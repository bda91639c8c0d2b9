//! The playbooks of an audit: the ones that wgops brings along, the ones that a group wrote, and the variables that they
//! get.

use super::Failure;
use super::repository::{Repository, built_in_playbook};
use crate::load::{Playbook, Problems};
use crate::model::{Map, Value, nearest};
use crate::people::Roster;
use std::path::{Path, PathBuf};

/// The audits that wgops brings along: names as they are typed, files in the ops repository, texts.
pub const SHIPPED: [(&str, &str, &str); 3] = [
    ("audit", "playbooks/audit.yml", include_str!("../../playbooks/audit.yml")),
    ("audit-access", "playbooks/audit-access.yml", include_str!("../../playbooks/audit-access.yml")),
    ("audit-users", "playbooks/audit-users.yml", include_str!("../../playbooks/audit-users.yml")),
];

/// Reads the playbooks that were named: a file, or a name in `playbooks/`. What the ops repository has counts before what
/// wgops brings along; nothing named is `audit`.
///
/// # Errors
/// One isn't there, or something is wrong with one; all that is wrong is said at once.
pub fn chosen(named: &[String]) -> Result<Vec<Playbook>, Failure> {
    let repository = Repository::here()?;
    let default = ["audit".to_owned()];
    let named = if named.is_empty() { &default } else { named };
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for name in named {
        match find(&repository, name)? {
            Found::File(file) => match Playbook::load(&file) {
                Ok(playbook) => good.push(playbook),
                Err(problems) => bad.extend(problems.0),
            },
            Found::Shipped(path, text) => good.push(built_in_playbook(path, text)?),
        }
    }
    Problems::check(bad)?;
    Ok(good)
}

enum Found {
    File(PathBuf),
    Shipped(&'static str, &'static str),
}

fn find(repository: &Repository, name: &str) -> Result<Found, Failure> {
    let is_file =
        Path::new(name).components().count() > 1 || name.ends_with(".yml") || name.ends_with(".yaml");
    if is_file && Path::new(name).exists() {
        return Ok(Found::File(name.into()));
    }
    if !is_file && let Some(file) = repository.file(&format!("playbooks/{name}.yml"))? {
        return Ok(Found::File(file));
    }
    if let Some((_, path, text)) =
        SHIPPED.into_iter().find(|(short, path, _)| name == *short || name == *path)
    {
        return Ok(Found::Shipped(path, text));
    }
    let names = || SHIPPED.into_iter().map(|(name, _, _)| name);
    let failure = Failure::usage(format!("there is no audit '{name}'"));
    Err(match nearest(name, names()) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None => {
            let known = names().collect::<Vec<_>>().join(", ");
            failure.hint(format!("name a playbook's file, one of playbooks/ without .yml, or one of {known}"))
        }
    })
}

/// What every audit gets: `roster_keys`, the roster's keys as lines with their owners' names, where there is a roster.
pub fn variables(roster: Option<&Roster>) -> Map {
    let mut variables = Map::new();
    if let Some(roster) = roster {
        let of_people = roster.people.values().flat_map(|person| {
            person.keys.iter().map(move |key| Value::from(format!("{} {}", key.text(), person.name)))
        });
        let spare =
            roster.emergency_keys.iter().map(|key| Value::from(format!("{} emergency key", key.text())));
        variables.insert("roster_keys".into(), of_people.chain(spare).collect());
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Given, Tags, compile};
    use crate::template::{Templates, ThisMachine};
    use std::sync::Arc;

    #[test]
    fn every_shipped_audit_compiles_and_changes_nothing() {
        for (name, path, text) in SHIPPED {
            let playbook = built_in_playbook(path, text).unwrap_or_else(|_| panic!("{name} is no playbook"));
            let (tags, templates, extra) =
                (Tags::default(), Templates::new(Arc::new(ThisMachine)), Map::new());
            let given =
                Given { tags: &tags, templates: &templates, extra: &extra, roles_path: Arc::from([]) };
            let plays = compile(&playbook, &given).unwrap();
            let tasks = plays.iter().flat_map(|play| play.tasks());
            for task in tasks {
                let effect = task.module.effect;
                let harmless = effect != crate::modules::Effect::OnHost;
                assert!(harmless, "{name}: {} may change a host", task.module.name);
            }
        }
    }
}
