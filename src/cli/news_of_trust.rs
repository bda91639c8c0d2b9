//! What changed in whom servers and wgops believe: keys of hosts, and who may log in by `wgops.yml`. A count of lines says too
//! little of these: one line is enough to stand between an operator and a server.

use crate::load::{Access, Settings, TextFile};
use crate::people::{Key, PeopleError};
use crate::report::one_line;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Files that are told about line by line.
pub const FILES: [&str; 2] = ["inventory/known_hosts", "wgops.yml"];
/// Most lines that are told of one file.
const LINES_MAX: usize = 20;

/// What a change of a file means for people.
pub fn told(file: &str, before: &str, after: &str) -> Vec<String> {
    let mut lines = match file {
        "inventory/known_hosts" => host_keys(before, after),
        "wgops.yml" => access(before, after),
        _ => Vec::new(),
    };
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

/// The keys of each host by their kinds, and those that vouch for hosts' keys or are revoked.
type Known = BTreeMap<(String, String), BTreeSet<String>>;

fn known(text: &str) -> Known {
    let mut known = Known::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace().peekable();
        let marker = words.next_if(|word| word.starts_with('@')).unwrap_or_default();
        let (Some(names), Some(kind), Some(key)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        for name in names.split(',') {
            let place = (marker.to_owned(), name.to_owned());
            known.entry(place).or_default().insert(format!("{kind} {key}"));
        }
    }
    known
}

fn host_keys(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (known(before), known(after));
    let places: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let none = BTreeSet::new();
    let mut lines = Vec::new();
    for (marker, name) in places {
        let place = (marker.clone(), name.clone());
        let (was, is) = (before.get(&place).unwrap_or(&none), after.get(&place).unwrap_or(&none));
        if was == is {
            continue;
        }
        let name = if name.starts_with('|') { "a hashed name".into() } else { one_line(name) };
        let prints: Vec<String> = is.difference(was).map(|key| fingerprint(key)).collect();
        let prints = prints.join(", ");
        let replaced = was.difference(is).next().is_some();
        lines.push(match (marker.as_str(), prints.is_empty()) {
            ("@cert-authority", false) => format!("whoever has {prints} vouches for keys of {name}"),
            ("@cert-authority", true) => format!("keys of {name} are vouched for by one less"),
            ("@revoked", false) => format!("{prints} counts for {name} no more"),
            ("@revoked", true) => format!("a key of {name} is revoked no more"),
            (_, false) if replaced => format!("THE HOST KEY OF {name} CHANGED: {prints}"),
            (_, false) => format!("a host key of {name} came: {prints}"),
            (_, true) => format!("a host key of {name} went"),
        });
    }
    lines
}

fn fingerprint(key: &str) -> String {
    key.parse::<Key>().map_or_else(|_| "what is no key".to_owned(), |key| key.fingerprint())
}

/// What a setting says, in words.
type Say<'a> = &'a dyn Fn(&Access) -> String;

fn access(before: &str, after: &str) -> Vec<String> {
    let read = |text: &str| -> Option<Access> {
        let file = TextFile::from_bytes(Path::new("wgops.yml"), text.as_bytes().to_vec()).ok()?;
        Settings::parse(&file).ok()?.access
    };
    let (was, is) = (read(before), read(after));
    let of = |access: &Option<Access>, say: &dyn Fn(&Access) -> String| {
        access.as_ref().map_or_else(|| "nothing".to_owned(), say)
    };
    let ca =
        |access: &Access| match access.ca.as_ref().map(|line| line.parse::<Key>().map_err(PeopleError::from))
        {
            None => "nobody".to_owned(),
            Some(Ok(key)) => key.fingerprint(),
            Some(Err(_)) => "what is no key".to_owned(),
        };
    let fields: [(&str, Say<'_>); 6] = [
        ("account", &|access| access.account.clone()),
        ("shadow", &|access| access.shadow.clone()),
        ("hosts", &|access| {
            access.hosts.as_ref().map_or_else(|| "all".into(), |hosts| hosts.as_str().to_owned())
        }),
        ("other_keys", &|access| if access.keeps_other_keys { "keep".into() } else { "remove".into() }),
        ("sudo", &|access| access.sudo.to_string()),
        ("ca", &ca),
    ];
    let changed = fields.iter().filter_map(|(field, say)| {
        let (was, is) = (of(&was, say), of(&is, say));
        (was != is).then(|| format!("access: {field} was {}, and is {}", one_line(&was), one_line(&is)))
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::testing::key;

    fn line(names: &str, number: u8) -> String {
        format!("{names} {}\n", key(number).text())
    }

    #[test]
    fn a_host_s_key_that_changed_came_or_went_is_told_by_the_host_s_name() {
        let told = |before: &[String], after: &[String]| host_keys(&before.concat(), &after.concat());
        let (one, two) = (line("web1,10.0.0.1", 1), line("web2", 2));
        let none = [""; 0];
        assert_eq!(told(&[one.clone(), two.clone()], &[two.clone(), "# x\n".into(), one.clone()]), none);
        let print = |number| key(number).fingerprint();
        assert_eq!(
            told(&[one.clone(), two.clone()], &[line("web1", 3), line("10.0.0.1", 1), two.clone()]),
            [format!("THE HOST KEY OF web1 CHANGED: {}", print(3))]
        );
        assert_eq!(told(&[], std::slice::from_ref(&two)), [format!("a host key of web2 came: {}", print(2))]);
        assert_eq!(told(&[two], &[]), ["a host key of web2 went"]);
        let authority = line("@cert-authority *", 4);
        assert_eq!(told(&[], &[authority]), [format!("whoever has {} vouches for keys of *", print(4))]);
        let revoked = line("@revoked web1", 1);
        assert_eq!(told(&[revoked], &[]), ["a key of web1 is revoked no more"]);
        assert_eq!(told(&[], &["x\n".into(), line("|1|a|b", 1)]).len(), 1);
    }

    #[test]
    fn who_may_log_in_is_told_field_by_field() {
        let before = "access: {account: ops}";
        let ca = format!("access:\n  account: ops\n  shadow: www-data\n  ca: {} x\n", key(5).text());
        assert_eq!(
            access(before, &ca),
            [
                "access: shadow was wgops-shadow, and is www-data".to_owned(),
                format!("access: ca was nobody, and is {}", key(5).fingerprint())
            ]
        );
        assert_eq!(access(before, "access: {account: ops, other_keys: keep}").len(), 1);
        assert!(access(before, before).is_empty() && access("[", "]").is_empty());
        assert_eq!(access("timeout: 10", before).len(), 6);
    }
}
