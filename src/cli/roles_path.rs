//! Folders of roles that the operator names: `ANSIBLE_ROLES_PATH`, those of collections below `ANSIBLE_COLLECTIONS_PATH`, or `roles_path` in the `ansible.cfg` of the current folder.
//!
//! The environment is the operator's own and may name any folder. A file in a folder that somebody else may have written
//! names only folders below itself.

use crate::load::text::lies_beneath;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folders, in the order in which they are looked through.
pub fn roles_path(home: Option<&Path>) -> Arc<[PathBuf]> {
    let of_collections = std::env::var_os("ANSIBLE_COLLECTIONS_PATH").map(|named| {
        let folders = folders(&named.to_string_lossy(), Path::new(""), home);
        folders.into_iter().map(|folder| folder.join("ansible_collections")).collect::<Vec<_>>()
    });
    roles(home).into_iter().chain(of_collections.unwrap_or_default()).collect()
}

fn roles(home: Option<&Path>) -> Vec<PathBuf> {
    if let Some(named) = std::env::var_os("ANSIBLE_ROLES_PATH") {
        return folders(&named.to_string_lossy(), Path::new(""), home);
    }
    let Ok(here) = std::env::current_dir() else { return Vec::new() };
    let text = std::fs::read_to_string(here.join("ansible.cfg")).unwrap_or_default();
    let named = of_settings(&text).unwrap_or_default();
    folders(&named, &here, home).into_iter().filter(|folder| lies_beneath(&here, folder)).collect()
}

fn folders(named: &str, beside: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let one = |text: &str| match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => beside.join(text),
    };
    named.split(':').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

/// `roles_path` in the section `[defaults]`.
fn of_settings(text: &str) -> Option<String> {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_default();
        if section == "defaults" && key.trim() == "roles_path" {
            let value = value.split([';', '#']).next().unwrap_or_default();
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_is_found_in_its_section_alone() {
        let text = "[ssh]\nroles_path=/no\n[defaults]\n# roles_path=/no\nroles_path = ../a:~/b ; why\n";
        assert_eq!(of_settings(text).as_deref(), Some("../a:~/b"));
        assert_eq!(of_settings("roles_path=/no\n"), None);
        let found = folders("../a:~/b::/c", Path::new("/x"), Some(Path::new("/home/me")));
        assert_eq!(found, ["/x/../a", "/home/me/b", "/c"].map(PathBuf::from));
    }
}
