//! What an operator's own Ansible was told and wgops heeds as well: variables of the environment, or `[defaults]` in the
//! `ansible.cfg` of the current folder.

/// Whether the result of any condition counts by its truth, as before ansible-core 2.19.
pub fn takes_any_condition() -> bool {
    let told = match std::env::var("ANSIBLE_ALLOW_BROKEN_CONDITIONALS") {
        Ok(told) => Some(told),
        Err(_) => in_defaults("allow_broken_conditionals", &text()),
    };
    told.is_some_and(|told| is_yes(&told))
}

/// The text of `ansible.cfg`, if there is one.
pub fn text() -> String {
    let here = std::env::current_dir().map(|here| here.join("ansible.cfg"));
    here.and_then(std::fs::read_to_string).unwrap_or_default()
}

/// What a key of the section `[defaults]` says.
pub fn in_defaults(wanted: &str, text: &str) -> Option<String> {
    let mut section = "";
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or_default();
        if section == "defaults" && key.trim() == wanted {
            let value = value.split([';', '#']).next().unwrap_or_default();
            return Some(value.trim().to_owned());
        }
    }
    None
}

fn is_yes(told: &str) -> bool {
    matches!(told.trim().to_lowercase().as_str(), "1" | "yes" | "true" | "on" | "y" | "t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_in_its_section_alone() {
        let text = "[ssh]\nroles_path=/no\n[defaults]\n# roles_path=/no\nroles_path = ../a:~/b ; why\n";
        assert_eq!(in_defaults("roles_path", text).as_deref(), Some("../a:~/b"));
        assert_eq!(in_defaults("roles_path", "roles_path=/no\n"), None);
        assert_eq!(in_defaults("forks", text), None);
        assert!(is_yes("True") && is_yes(" 1 ") && !is_yes("False") && !is_yes(""));
    }
}
