//! How far a transaction is, read from what apt and dpkg printed so far.

/// A step that a transaction is at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What is being done, in apt's own words.
    pub doing: String,
    /// Which package of its phase this is, from 1; every package is fetched, unpacked and set up, one phase after the other.
    pub number: u64,
    /// How many packages there are, as apt said before it began.
    pub of: Option<u64>,
}

/// What begins the line of a package, phase by phase; removing has numbers of its own, which nobody announced.
const PHASES: [&str; 3] = ["Get:", "Unpacking ", "Setting up "];

/// The last step that is named; nothing before the first.
///
/// # Source
/// apt 2.6 and dpkg 1.21, language C, no terminal: `3 upgraded, 0 newly installed, 0 to remove and 4 not upgraded.`,
/// `Get:1 URL SUITE ARCH NAME ARCH VERSION [SIZE]`, `Unpacking NAME (VERSION) over (OLD) ...`, `Setting up NAME (VERSION) ...`.
pub fn step(so_far: &str) -> Option<Step> {
    let (mut counts, mut last, mut of) = ([0; PHASES.len()], None, None);
    for line in so_far.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        of = of.or_else(|| announced(line));
        let phase = PHASES.iter().position(|begin| line.starts_with(begin));
        if let Some((phase, count)) = phase.and_then(|at| Some((at, counts.get_mut(at)?))) {
            *count += 1;
            last = Some((phase, *count, line));
        }
    }
    let (phase, number, line) = last?;
    let doing = if phase == 0 { fetching(line)? } else { shortened(line).to_owned() };
    Some(Step { doing, number, of: of.map(|of| number.max(of)) })
}

/// How many packages apt is about to change.
fn announced(line: &str) -> Option<u64> {
    let (changes, _) = line.split_once(" to remove")?;
    let mut all = 0;
    for part in changes.rsplit_once(", ")?.0.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let known = ["upgraded", "newly installed", "reinstalled", "downgraded"].contains(&word);
        all += known.then(|| number.parse::<u64>().ok())??;
    }
    Some(all)
}

/// `Get:1 URL bookworm-updates/main amd64 bar all 1.1 [20.7 kB]`; lists have no version.
fn fetching(line: &str) -> Option<String> {
    let mut words = line.split(' ').skip(4);
    let (name, _, version) = (words.next()?, words.next()?, words.next()?);
    Some(format!("Fetching {name} ({version})"))
}

/// Without what was there before, and without dots.
fn shortened(line: &str) -> &str {
    let line = line.trim_end_matches('.').trim_end();
    line.split_once(") over (").map_or(line, |(new, _)| line.get(..=new.len()).unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN_12: &str = include_str!("captured_debian_12_transaction.txt");

    /// What is said at the end of the first line that holds this.
    fn at(mark: &str) -> Option<(String, u64, Option<u64>)> {
        let end = DEBIAN_12.find(mark).unwrap() + mark.len();
        step(DEBIAN_12.split_at(end).0).map(|step| (step.doing, step.number, step.of))
    }

    #[test]
    fn each_package_of_each_phase_is_counted_against_what_apt_announced() {
        let step = |doing: &str, number| Some((doing.to_owned(), number, Some(3)));
        assert_eq!(at("archives.\n"), None);
        assert_eq!(at("confpkg all 1.1 [20.7 kB]\n"), step("Fetching confpkg (1.1)", 2));
        assert_eq!(at("Unpacking bar (1.1) over (1.0) ...\n"), step("Unpacking bar (1.1)", 1));
        assert_eq!(at("Preparing to unpack .../confpkg_1.1_all.deb ...\n"), step("Unpacking bar (1.1)", 1));
        assert_eq!(at("Setting up confpkg (1.1) ...\n"), step("Setting up confpkg (1.1)", 3));
        assert_eq!(at("Setting up conf"), step("Setting up bar (1.1)", 2), "half a line says nothing yet");
    }

    #[test]
    fn what_apt_did_not_announce_is_counted_all_the_same() {
        let told = step("Setting up a (1) ...\nSetting up b:amd64 (2) ...\n");
        assert_eq!(told, Some(Step { doing: "Setting up b:amd64 (2)".into(), number: 2, of: None }));
        let more = "1 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.\n";
        let more = format!("{more}{}", "Setting up a (1) ...\n".repeat(3));
        assert_eq!(step(&more).and_then(|step| step.of), Some(3), "more than announced");
        assert_eq!(
            step("Removing a (1) ...\nx upgraded, 0 to remove and\nGet:1 http://m bookworm InRelease\n"),
            None
        );
    }
}
