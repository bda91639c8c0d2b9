//! What `apt-cache policy` prints: the sources with their release fields, and which versions of a package come from
//! where. This is where it is decided which update is a security update.
//!
//! # Source
//! `apt-cache(8)`, `policy`, as apt 2.6 prints it. Debian's security archive is told by its label (`Debian-Security`) or
//! codename (`bookworm-security`), for its suite reads `oldstable-security` as the release ages; Ubuntu's pockets share
//! one label and codename, so there the suite decides, but only for Ubuntu's own origins.

use std::collections::HashMap;

/// One list of available packages, and what its Release file says of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Source {
    origin: String,
    label: String,
    suite: String,
    codename: String,
}

/// The sources by their descriptions (`http://mirror.example.org/debian bookworm/main amd64 Packages`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sources(HashMap<String, Source>);

/// The versions of one package, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct VersionTable {
    pub installed: Option<String>,
    pub candidate: Option<String>,
    versions: Vec<Available>,
}

/// A version and the descriptions of the sources that have it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Available {
    version: String,
    sources: Vec<String>,
    /// Its rollout goes on in phases: `1.1 500 (phased 40%)`.
    phased: bool,
}

impl Source {
    fn is_security(&self) -> bool {
        let says_so = |name: &str| name.to_lowercase().ends_with("-security");
        says_so(&self.label)
            || says_so(&self.codename)
            || (self.origin.starts_with("Ubuntu") && says_so(&self.suite))
    }
}

impl Sources {
    /// Reads what `apt-cache policy` prints without names.
    pub(super) fn parse(lines: &[&str]) -> Self {
        let mut sources = HashMap::new();
        let mut described = None;
        for line in lines {
            if let Some(release) = line.trim_start().strip_prefix("release ") {
                if let Some(description) = described.take() {
                    sources.insert(description, release_fields(release));
                }
            } else {
                described = line
                    .trim_start()
                    .split_once(' ')
                    .filter(|(priority, rest)| priority.parse::<i32>().is_ok() && rest.ends_with(" Packages"))
                    .map(|(_, rest)| rest.to_owned());
            }
        }
        Self(sources)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn has_security(&self) -> bool {
        self.0.values().any(Source::is_security)
    }

    fn is_security(&self, available: &Available) -> bool {
        available.sources.iter().filter_map(|s| self.0.get(s)).any(Source::is_security)
    }

    /// Origin and suite for people, the security source first where there are several.
    fn name(&self, available: &Available) -> String {
        let known = |s: &&String| self.0.contains_key(*s);
        let secure = |s: &&String| self.0.get(*s).is_some_and(Source::is_security);
        let all = || available.sources.iter();
        let Some(description) = all().find(secure).or_else(|| all().find(known)).or_else(|| all().next())
        else {
            return String::new();
        };
        let suite = description.split(' ').nth(1).and_then(|s| s.split('/').next()).unwrap_or_default();
        let origin = self.0.get(description).map(|s| s.origin.as_str()).filter(|o| !o.is_empty());
        let site = || description.split(' ').next().unwrap_or_default();
        format!("{} {suite}", origin.unwrap_or_else(site)).trim_end().to_owned()
    }
}

/// Reads `v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64`. A value may hold a
/// comma, so a field begins at a comma that a letter and `=` follow.
fn release_fields(release: &str) -> Source {
    let mut fields: Vec<(char, String)> = Vec::new();
    for part in release.split(',') {
        let mut chars = part.chars();
        match (chars.next(), chars.next()) {
            (Some(key), Some('=')) => fields.push((key, chars.as_str().to_owned())),
            _ => {
                if let Some((_, value)) = fields.last_mut() {
                    value.push(',');
                    value.push_str(part);
                }
            }
        }
    }
    let field = |key| fields.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone()).unwrap_or_default();
    Source { origin: field('o'), label: field('l'), suite: field('a'), codename: field('n') }
}

impl VersionTable {
    /// Reads what `apt-cache policy NAME…` prints.
    pub(super) fn parse_all(lines: &[&str]) -> HashMap<String, Self> {
        let mut tables: HashMap<String, Self> = HashMap::new();
        let mut current = None;
        for line in lines {
            if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
                current = Some(tables.entry(name.to_owned()).or_default());
            } else if let Some(table) = &mut current {
                table.take(line);
            }
        }
        tables
    }

    fn take(&mut self, line: &str) {
        let known = |version: &str| (version != "(none)").then(|| version.to_owned());
        if let Some(version) = line.strip_prefix("  Installed: ") {
            self.installed = known(version);
        } else if let Some(version) = line.strip_prefix("  Candidate: ") {
            self.candidate = known(version);
        } else if let Some(source) = line.strip_prefix("       ") {
            // `PRIORITY DESCRIPTION`, the priority right-aligned in four columns
            if let (Some(last), Some((_, description))) =
                (self.versions.last_mut(), source.trim_start().split_once(' '))
            {
                last.sources.push(description.to_owned());
            }
        } else if let Some(version) = line.strip_prefix("     ").or_else(|| line.strip_prefix(" *** ")) {
            // `VERSION PRIORITY`, and `(phased N%)` where not every host gets it yet
            let phased = version.contains("(phased ");
            let version = version.split(' ').next().unwrap_or_default().to_owned();
            self.versions.push(Available { version, sources: Vec::new(), phased });
        }
    }

    /// The newest version of all, if it is newer than what is installed.
    pub(super) fn newest(&self) -> Option<&str> {
        let newest = self.versions.first().map(|a| a.version.as_str())?;
        (self.installed.as_deref() != Some(newest)).then_some(newest)
    }

    /// Whether a version is rolled out in phases, so that not every host gets it yet.
    pub(super) fn is_phased(&self, version: &str) -> bool {
        self.versions.iter().any(|available| available.version == version && available.phased)
    }

    /// Whether `to` is a security update to this host: it, or a version between it and the installed one, comes from a
    /// security source. A fix that a later release took over stays a fix.
    pub(super) fn is_security(&self, to: &str, sources: &Sources) -> bool {
        let newer = self
            .versions
            .iter()
            .skip_while(|a| a.version != to)
            .take_while(|a| Some(a.version.as_str()) != self.installed.as_deref());
        // Of a new package only the version itself counts.
        let count = if self.installed.is_some() { usize::MAX } else { 1 };
        newer.take(count).any(|available| sources.is_security(available))
    }

    /// Where a version comes from, for people.
    pub(super) fn origin(&self, version: &str, sources: &Sources) -> String {
        self.versions.iter().find(|a| a.version == version).map(|a| sources.name(a)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One source with these fields, and a package `security-tools` that has 1.0 installed and 1.1 from there.
    fn judged(release: &str) -> bool {
        let description = "http://example.org/x anything/main amd64 Packages";
        let policy =
            format!("Package files:\n 500 {description}\n     release {release}\n     origin example.org");
        let sources = Sources::parse(&policy.lines().collect::<Vec<_>>());
        let table = format!(
            "security-tools:\n  Installed: 1.0\n  Candidate: 1.1\n  Version table:\n     1.1 500\n        500 {description}\n *** 1.0 100\n        100 /var/lib/dpkg/status"
        );
        let tables = VersionTable::parse_all(&table.lines().collect::<Vec<_>>());
        tables["security-tools"].is_security("1.1", &sources)
    }

    #[test]
    fn security_is_told_by_label_or_codename_and_never_by_the_packages_name() {
        let cases = [
            ("v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64", true),
            ("v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64", false),
            ("v=12-updates,o=Debian,a=oldstable-updates,n=bookworm-updates,l=Debian,c=main,b=amd64", false),
            // A mirror that kept only one of the two fields.
            ("o=Mirror,n=bookworm-security,l=Mirror,c=main,b=amd64", true),
            ("o=Mirror,n=bookworm,l=Debian-Security,c=main,b=amd64", true),
            // The suite alone, from anybody but Ubuntu, says nothing.
            ("o=Somebody,a=stable-security,n=stable,l=Somebody,c=main,b=amd64", false),
            ("v=22.04,o=Ubuntu,a=jammy-security,n=jammy,l=Ubuntu,c=main,b=amd64", true),
            ("v=22.04,o=UbuntuESMApps,a=jammy-apps-security,n=jammy,l=UbuntuESMApps,c=main,b=amd64", true),
            ("v=22.04,o=Ubuntu,a=jammy-updates,n=jammy,l=Ubuntu,c=main,b=amd64", false),
            ("o=Security tools, Inc.,a=x,n=x,l=Security,c=main,b=amd64", false),
        ];
        for (release, expected) in cases {
            assert_eq!(judged(release), expected, "{release}");
        }
    }

    #[test]
    fn a_fix_that_a_later_release_took_over_stays_a_security_update() {
        let sources = Sources::parse(&[
            " 500 http://m/debian bookworm/main amd64 Packages",
            "     release o=Debian,n=bookworm,l=Debian",
            " 500 http://m/debian-security bookworm-security/main amd64 Packages",
            "     release o=Debian,n=bookworm-security,l=Debian-Security",
        ]);
        let tables = VersionTable::parse_all(&[
            "libx:",
            "  Installed: 1.0",
            "  Candidate: 1.2",
            "  Version table:",
            "     1.2 500",
            "        500 http://m/debian bookworm/main amd64 Packages",
            "     1.1 500",
            "        500 http://m/debian-security bookworm-security/main amd64 Packages",
            " *** 1.0 100",
            "        100 /var/lib/dpkg/status",
        ]);
        let table = &tables["libx"];
        assert!(table.is_security("1.2", &sources));
        assert_eq!(table.origin("1.2", &sources), "Debian bookworm");
        assert_eq!(table.newest(), Some("1.2"));
    }

    #[test]
    fn a_comma_in_a_release_field_does_not_end_it() {
        let fields = release_fields("o=Tools, Inc.,l=A,n=x");
        assert_eq!((fields.origin.as_str(), fields.label.as_str()), ("Tools, Inc.", "A"));
    }
}
