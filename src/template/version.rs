//! Versions as the test `version` compares them. Versions of packages are compared by the host's package manager's own
//! rules elsewhere; these are Python's loose and strict ones and those of its packages, and semantic versioning.

use regex::Regex;
use std::cmp::Ordering;
use std::sync::LazyLock;

/// Whether `left operator right` holds.
pub(super) fn compare(left: &str, operator: &str, right: &str, kind: Option<&str>) -> Result<bool, String> {
    if left.is_empty() || right.is_empty() {
        return Err("a version is empty".into());
    }
    let ordering = match kind {
        None | Some("loose") => loose(left, right)?,
        Some("strict") => strict(left)?.cmp(&strict(right)?),
        Some("pep440") => pep440(left)?.cmp(&pep440(right)?),
        Some("semver" | "semantic") => semantic(left)?.cmp(&semantic(right)?),
        Some(other) => {
            return Err(format!(
                "there are no versions of type '{other}', only loose, strict, semver and pep440"
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

/// Two or three numbers, and perhaps a pre-release: `1.2`, `1.2.3a1`.
fn strict(version: &str) -> Result<([u64; 3], bool, char, u64), String> {
    let wrong = || format!("'{version}' is no strict version: two or three numbers, and perhaps a1 or b1");
    let (core, pre) = match version.find(['a', 'b']) {
        Some(at) => version.split_at(at),
        None => (version, ""),
    };
    let mut numbers =
        core.split('.').map(str::parse).collect::<Result<Vec<u64>, _>>().map_err(|_| wrong())?;
    if !(2..=3).contains(&numbers.len()) {
        return Err(wrong());
    }
    numbers.resize(3, 0);
    let core = numbers.try_into().map_err(|_| wrong())?;
    let mut chars = pre.chars();
    let kind = chars.next();
    let number = kind.map_or(Ok(0), |_| chars.as_str().parse()).map_err(|_| wrong())?;
    Ok((core, kind.is_none(), kind.unwrap_or_default(), number))
}

/// A Python package's version in the order of PEP 440: epoch, numbers, then whether it is a development release, a
/// pre-release, the release or one after it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Python {
    epoch: u64,
    release: Vec<u64>,
    /// Development releases come first, then alpha, beta, candidate, and the release.
    pre: (u8, u64),
    post: Option<u64>,
    /// A development release comes before what it develops.
    dev: (bool, u64),
    local: Vec<Identifier>,
}

fn pep440(version: &str) -> Result<Python, String> {
    static SHAPE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let pre = r"[-_.]?(?P<pre>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<pre_n>[0-9]*)";
        let post = r"-(?P<post_n>[0-9]+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_m>[0-9]*)";
        let dev = r"[-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>[0-9]*)";
        let local = r"\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*)";
        Regex::new(&format!(
            r"^v?(?:(?P<epoch>[0-9]+)!)?(?P<release>[0-9]+(?:\.[0-9]+)*)(?:{pre})?(?:{post})?(?:{dev})?(?:{local})?$"
        ))
        .ok()
    });
    let wrong = || format!("'{version}' is no version by PEP 440");
    let lower = version.trim().to_lowercase();
    let parts = SHAPE.as_ref().and_then(|shape| shape.captures(&lower)).ok_or_else(wrong)?;
    let number = |name: &str| -> Result<u64, String> {
        parts
            .name(name)
            .map(|n| n.as_str())
            .filter(|n| !n.is_empty())
            .map_or(Ok(0), str::parse)
            .map_err(|_| wrong())
    };
    let release = parts.name("release").map_or("", |release| release.as_str());
    let mut release =
        release.split('.').map(str::parse).collect::<Result<Vec<u64>, _>>().map_err(|_| wrong())?;
    while release.last() == Some(&0) {
        release.pop();
    }
    let has = |name: &str| parts.name(name).is_some();
    let is_post = has("post") || has("post_n");
    let pre = match parts.name("pre").map(|pre| pre.as_str()) {
        Some("a" | "alpha") => (1, number("pre_n")?),
        Some("b" | "beta") => (2, number("pre_n")?),
        Some(_) => (3, number("pre_n")?),
        None if has("dev") && !is_post => (0, 0),
        None => (4, 0),
    };
    let post = if is_post { Some(number("post_n")?.max(number("post_m")?)) } else { None };
    let local =
        parts.name("local").map(|local| local.as_str().split(['-', '_', '.']).map(identifier).collect());
    Ok(Python {
        epoch: number("epoch")?,
        release,
        pre,
        post,
        dev: (!has("dev"), number("dev_n")?),
        local: local.unwrap_or_default(),
    })
}

/// A semantic version in the order of its precedence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Semantic {
    core: [u64; 3],
    /// A release comes after its pre-releases.
    released: bool,
    pre: Vec<Identifier>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Identifier {
    Number(u64),
    Word(String),
}

fn identifier(text: &str) -> Identifier {
    text.parse().map_or_else(|_| Identifier::Word(text.to_owned()), Identifier::Number)
}

fn semantic(version: &str) -> Result<Semantic, String> {
    let wrong = || format!("'{version}' is no semantic version");
    let without_build = version.split('+').next().unwrap_or_default();
    let (core, pre) =
        without_build.split_once('-').map_or((without_build, None), |(core, pre)| (core, Some(pre)));
    let numbers: Vec<u64> = core.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let core = numbers.try_into().map_err(|_| wrong())?;
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
            ("1.0", "==", "1.0.0", Some("strict"), true),
            ("1.0a2", "<", "1.0b1", Some("strict"), true),
            ("1.0b1", "<", "1.0", Some("strict"), true),
            ("1.0", "==", "1.0.0", Some("pep440"), true),
            ("1.0.dev1", "<", "1.0a1", Some("pep440"), true),
            ("1.0a1.dev1", "<", "1.0a1", Some("pep440"), true),
            ("1.0rc1", "<", "1.0", Some("pep440"), true),
            ("1.0.post1", ">", "1.0", Some("pep440"), true),
            ("1.0.post1.dev1", ">", "1.0", Some("pep440"), true),
            ("1!1.0", ">", "2.0", Some("pep440"), true),
            ("1.0+local", ">", "1.0", Some("pep440"), true),
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
