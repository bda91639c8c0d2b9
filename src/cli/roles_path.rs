//! Folders of roles that the operator names: `ANSIBLE_ROLES_PATH`, those of collections below `ANSIBLE_COLLECTIONS_PATH`, or `roles_path` in the `ansible.cfg` of the current folder.
//!
//! The environment is the operator's own and may name any folder. A file in a folder that somebody else may have written
//! names only folders below itself.

use super::ansible_settings::{in_defaults, text};
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
    let named = in_defaults("roles_path", &text()).unwrap_or_default();
    folders(&named, &here, home).into_iter().filter(|folder| lies_beneath(&here, folder)).collect()
}

fn folders(named: &str, beside: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let one = |text: &str| match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => beside.join(text),
    };
    named.split(':').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_parted_by_colons_and_begin_where_they_are_named() {
        let found = folders("../a:~/b::/c", Path::new("/x"), Some(Path::new("/home/me")));
        assert_eq!(found, ["/x/../a", "/home/me/b", "/c"].map(PathBuf::from));
    }
}
