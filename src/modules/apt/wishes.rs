//! What a task asks of apt, in checked form.

use crate::modules::Args;
use crate::modules::updates::fits;
use crate::questions::Stop;
use crate::questions::packages::apt::InstalledPackages;

/// All of it.
pub(super) struct Wishes {
    pub packages: Vec<Wish>,
    pub state: State,
    pub upgrade: Option<Upgrade>,
}

/// A package as the task names it.
pub(super) struct Wish {
    /// The name, with `:ARCH` where given.
    pub name: String,
    version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Present,
    Latest,
    Absent,
    /// What building these packages takes.
    BuildDep,
    /// Broken dependencies are mended.
    Fixed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// Nothing is removed for it.
    Safe,
    /// What a new release of the distribution wants; removals are refused.
    Full,
}

impl Wishes {
    pub(super) fn of(args: &Args) -> Result<Self, Stop> {
        let state = match args.text("state") {
            Some("absent" | "removed") => State::Absent,
            Some("latest") => State::Latest,
            Some("build-dep") => State::BuildDep,
            Some("fixed") => State::Fixed,
            _ => State::Present,
        };
        let upgrade = match args.text("upgrade") {
            Some("full" | "dist") => Some(Upgrade::Full),
            Some("yes" | "safe" | "True") => Some(Upgrade::Safe),
            _ => None,
        };
        let packages = args.list("name").into_iter().map(Wish::parse).collect::<Result<Vec<_>, _>>()?;
        if upgrade.is_some() && !packages.is_empty() {
            return Err(Stop::refuse("'upgrade' takes everything: it can't stand beside 'name'"));
        }
        // Nothing is no release's name, and means none: roles hand it down so.
        if args.text("default_release").is_some_and(|release| !release.is_empty() && !is_word(release)) {
            return Err(Stop::refuse("'default_release' is no release's name"));
        }
        Ok(Self { packages, state, upgrade })
    }
}

/// A text that apt-get takes for nothing but a name.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:~_*".contains(c))
}

impl Wish {
    fn parse(text: &str) -> Result<Self, Stop> {
        let wrong = |why: &str| Err(Stop::refuse(format!("'{text}' is no package: {why}")));
        if text.contains(['?', '[']) {
            return wrong("of patterns only * is supported");
        }
        if text.contains('/') || text.ends_with(".deb") {
            return wrong("a file is given with 'deb'");
        }
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name.trim_end(), Some(version.trim_start_matches('=').trim())),
            None => (text, None),
        };
        if name.ends_with(['<', '>']) {
            return wrong("a version is given as NAME=VERSION");
        }
        if !is_word(name) || !version.is_none_or(is_word) {
            return wrong("expected NAME or NAME=VERSION");
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }

    pub(super) fn argument(&self) -> String {
        match &self.version {
            Some(version) => format!("{}={version}", self.name),
            None => self.name.clone(),
        }
    }

    pub(super) fn is_met(&self, installed: &InstalledPackages) -> bool {
        // What a pattern stands for, apt knows.
        let version = installed.version(&self.name).filter(|_| !self.is_pattern());
        version.is_some_and(|there| self.version.as_deref().is_none_or(|wanted| fits(wanted, there)))
    }

    fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// What it stands for among the packages that dpkg knows.
    pub(super) fn installed(&self, installed: &InstalledPackages) -> Vec<Self> {
        if !self.is_pattern() {
            return vec![Self { name: self.name.clone(), version: self.version.clone() }];
        }
        let named = installed.packages.iter().filter(|package| fits(&self.name, &package.name));
        named.map(|package| Self { name: package.name.clone(), version: None }).collect()
    }
}
