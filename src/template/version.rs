//! Versions as the test `version` compares them. Versions of packages are compared by the host's package manager's own
//! rules elsewhere; these are Python's loose ones, and semantic versioning.

use std::cmp::Ordering;

/// Whether `left operator right` holds.
pub(super) fn compare(left: &str, operator: &str, right: &str, kind: Option<&str>) -> Result<bool, String> {
    if left.is_empty() || right.is_empty() {
        return Err("a version is empty".into());
    }
    let ordering = match kind {
        None | Some("loose" | "strict") => loose(left, right)?,
        Some("semver" | "semantic") => semantic(left)?.cmp(&semantic(right)?),
        Some(other) => {
            return Err(format!(
                "versions of type '{other}' are not supported yet, only loose, strict and semver"
            ));
        }
    };
    Ok(match operator {
        "==" | "=" | "eq" => ordering.is_eq(),
        "!=" | "<>" | "ne" => ordering.is_ne(),
        "<" | "lt" => ordering.is_lt(),
        "<=" | "le" => ordering.is_le(),
        ">" | "gt" => ordering.is_gt(),
        ">=" | "ge" => ordering.is_ge(),
        other => return Err(format!("there is no comparison '{other}', only ==, !=, <, <=, > and >=")),
    })
}

#[derive(PartialEq, Eq, Debug)]
enum Part {
    Number(u128),
    Word(String),
}

/// Numbers and words; dots only separate.
fn parts(version: &str) -> Vec<Part> {
    #[derive(PartialEq, Clone, Copy)]
    enum Kind {
        Digit,
        Letter,
        Dot,
        Other,
    }
    let kind = |c: char| match c {
        '0'..='9' => Kind::Digit,
        'a'..='z' => Kind::Letter,
        '.' => Kind::Dot,
        _ => Kind::Other,
    };
    let mut parts = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if kind(first) != Kind::Dot {
            parts.push(run.parse().map_or_else(|_| Part::Word(run.to_owned()), Part::Number));
        }
        rest = after;
    }
    parts
}

fn loose(left: &str, right: &str) -> Result<Ordering, String> {
    let (a, b) = (parts(left), parts(right));
    for pair in a.iter().zip(&b) {
        let ordering = match pair {
            (Part::Number(a), Part::Number(b)) => a.cmp(b),
            (Part::Word(a), Part::Word(b)) => a.cmp(b),
            _ => {
                return Err(format!(
                    "'{left}' and '{right}' can't be compared: one has a word where the other has a number"
                ));
            }
        };
        if ordering.is_ne() {
            return Ok(ordering);
        }
    }
    Ok(a.len().cmp(&b.len()))
}

/// A semantic version in the order of its precedence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Semantic {
    core: [u64; 3],
    /// A release comes after its pre-releases.
    released: bool,
    pre: Vec<Identifier>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

fn semantic(version: &str) -> Result<Semantic, String> {
    let wrong = || format!("'{version}' is no semantic version");
    let without_build = version.split('+').next().unwrap_or_default();
    let (core, pre) =
        without_build.split_once('-').map_or((without_build, None), |(core, pre)| (core, Some(pre)));
    let numbers: Vec<u64> = core.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let core = numbers.try_into().map_err(|_| wrong())?;
    let identifier =
        |text: &str| text.parse().map_or_else(|_| Identifier::Word(text.to_owned()), Identifier::Number);
    let released = pre.is_none();
    Ok(Semantic {
        core,
        released,
        pre: pre.into_iter().flat_map(|pre| pre.split('.')).map(identifier).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number_not_by_letter() {
        for (left, operator, right, kind, expected) in [
            ("12.5", ">=", "12.0", None, true),
            ("1.10", "gt", "1.9", None, true),
            ("1.0", "==", "1.0", None, true),
            ("1.0", "<", "1.0.1", None, true),
            ("2.9rc1", "<", "2.9rc2", None, true),
            ("7.4", "!=", "7.04", None, false),
            ("1.0.0-alpha.1", "<", "1.0.0", Some("semver"), true),
            ("1.0.0-alpha.9", "<", "1.0.0-alpha.10", Some("semver"), true),
            ("1.0.0+a", "==", "1.0.0+b", Some("semver"), true),
        ] {
            assert_eq!(compare(left, operator, right, kind), Ok(expected), "{left} {operator} {right}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        for (left, operator, right, kind) in [
            ("", "==", "1", None),
            ("1.a", "<", "1.1", None),
            ("1", "~", "1", None),
            ("1.0", "<", "1.0.0", Some("semver")),
        ] {
            assert!(compare(left, operator, right, kind).is_err(), "{left} {operator} {right}");
        }
    }
}
