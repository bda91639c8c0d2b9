//! The lookup `inventory_hostnames`: which hosts a pattern means, by the variable `groups`.

use super::files::globs;
use crate::template::call::{Call, items_of, text_of, wrong};
use crate::template::convert::valid;
use crate::template::functions::terms;
use minijinja::{Error, State, Value};

/// Hosts by patterns: names and globs of hosts and groups, joined by `:` or `,`; `!` takes away, `&` keeps what both have.
pub(super) fn inventory_hostnames(state: &mut State, call: &Call) -> Result<Value, Error> {
    let groups = state.lookup("groups").map(valid).transpose()?;
    let groups =
        groups.filter(|groups| !groups.is_undefined()).ok_or_else(|| wrong("there is no inventory here"))?;
    let mut parts = Vec::new();
    for term in terms(call.rest.clone())? {
        parts.extend(text_of(&term)?.split([',', ':']).map(|part| part.trim().to_owned()));
    }
    parts.retain(|part| !part.is_empty());
    // Ansible takes what is added first, then what both must have, then what is taken away.
    parts.sort_by_key(|part| match part.as_bytes().first() {
        Some(b'&') => 1,
        Some(b'!') => 2,
        _ => 0,
    });
    let mut found: Vec<Value> = Vec::new();
    for part in &parts {
        let pattern = part.trim_start_matches(['&', '!']);
        let meant = hosts(&groups, pattern)?;
        match part.as_bytes().first() {
            Some(b'&') => found.retain(|host| meant.contains(host)),
            Some(b'!') => found.retain(|host| !meant.contains(host)),
            _ => meant.into_iter().for_each(|host| {
                if !found.contains(&host) {
                    found.push(host);
                }
            }),
        }
    }
    Ok(Value::from(found))
}

fn hosts(groups: &Value, pattern: &str) -> Result<Vec<Value>, Error> {
    let pattern = if pattern == "*" { "all" } else { pattern };
    let mut meant = Vec::new();
    for group in groups.try_iter()? {
        let members = items_of(&groups.get_item(&group)?, "groups")?;
        let whole = group.as_str().is_some_and(|name| globs(pattern, name));
        meant.extend(
            members
                .into_iter()
                .filter(|host| whole || host.as_str().is_some_and(|name| globs(pattern, name))),
        );
    }
    Ok(meant)
}
