//! Advisories: which versions of which source packages are vulnerable, by release, as distributions publish it.
//!
//! Only nouns: `crate::load` reads the feeds, `crate::modules` compares versions.

use super::{Feed, Severity};
use std::collections::{BTreeSet, HashMap};

/// Every advisory that was read, by release and source package.
#[derive(Debug, Default)]
pub struct Advisories {
    releases: HashMap<String, HashMap<Box<str>, Vec<Advisory>>>,
    /// Where they come from.
    pub feeds: Vec<Feed>,
    /// How old the oldest feed is, in seconds, as of when it was read; what is from the future is not old.
    pub age_seconds: u64,
}

/// What an advisory says of one source package in one release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advisory {
    /// The vulnerabilities: CVE ids, or the advisory's own id where it names none.
    pub vulnerabilities: Vec<Box<str>>,
    /// The advisory's own id where that is none of these: `DSA-5532-1`.
    pub id: Option<Box<str>>,
    /// Which versions are vulnerable.
    pub spans: Vec<Span>,
    /// How bad it is, where somebody says so.
    pub severity: Option<Severity>,
    /// Where the fix comes from, if not with everybody's updates: `Ubuntu Pro`.
    pub only_with: Option<&'static str>,
}

/// Versions that are vulnerable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first one; none: all from the beginning.
    pub from: Option<Box<str>>,
    /// Where it ends.
    pub until: Until,
}

/// Where vulnerable versions end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Until {
    /// This one is fixed.
    Fixed(Box<str>),
    /// This one is the last that is vulnerable.
    Last(Box<str>),
    /// No version is fixed yet.
    Never,
}

/// A release as feeds name it: `debian` with `12` or `bookworm`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReleaseName<'a> {
    /// The distribution, as in os-release.
    pub distribution: &'a str,
    /// The release's number; may be empty.
    pub version: &'a str,
    /// The release's code name; may be empty.
    pub codename: &'a str,
}

impl ReleaseName<'_> {
    fn words(&self) -> impl Iterator<Item = String> {
        let distribution = self.distribution.to_owned();
        let words: BTreeSet<&str> =
            [self.version, self.codename].into_iter().filter(|w| !w.is_empty()).collect();
        words.into_iter().map(move |word| release_key(&distribution, word))
    }
}

/// A distribution and a release's number or code name as one word.
fn release_key(distribution: &str, release: &str) -> String {
    format!("{distribution} {release}")
}

impl Advisories {
    /// Notes that a feed covers a release, whatever it says of it.
    pub fn cover(&mut self, distribution: &str, release: &str) {
        self.releases.entry(release_key(distribution, release)).or_default();
    }

    /// Adds what is said of a source package in a release.
    pub fn add(&mut self, distribution: &str, release: &str, source: &str, advisory: Advisory) {
        let packages = self.releases.entry(release_key(distribution, release)).or_default();
        match packages.get_mut(source) {
            Some(known) => known.push(advisory),
            None => {
                packages.insert(source.into(), vec![advisory]);
            }
        }
    }

    /// Takes everything from others.
    pub fn merge(&mut self, other: Self) {
        for (release, packages) in other.releases {
            let known = self.releases.entry(release).or_default();
            for (source, advisories) in packages {
                known.entry(source).or_default().extend(advisories);
            }
        }
    }

    /// Whether anything was read about a release.
    pub fn covers(&self, release: ReleaseName<'_>) -> bool {
        release.words().any(|word| self.releases.contains_key(&word))
    }

    /// What is said of a source package in a release.
    pub fn of(&self, release: ReleaseName<'_>, source: &str) -> Vec<&Advisory> {
        let packages = release.words().filter_map(|word| self.releases.get(&word));
        packages.filter_map(|packages| packages.get(source)).flatten().collect()
    }

    /// The releases that feeds cover, for people.
    pub fn releases(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.releases.keys().map(String::as_str).collect();
        all.sort_unstable();
        all
    }

    /// How many there are, of all packages and releases.
    pub fn count(&self) -> usize {
        self.releases.values().flat_map(HashMap::values).map(Vec::len).sum()
    }
}
