//! Until when releases are supported: `dates.txt`, read and checked, and what a day means for one of them.

use crate::questions::release::Release;
use jiff::civil::Date;

const TABLE: &str = include_str!("dates.txt");

/// What people are told about where the dates are from.
pub(super) const AS_OF: &str = "dates as of 2026-11-25";

/// Distributions that have no releases that could end.
const ROLLING: [&str; 5] = ["arch", "archarm", "manjaro", "opensuse-tumbleweed", "gentoo"];

/// How long one release is supported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lifetime<'a> {
    /// Last day of the distribution's own support.
    pub regular: Date,
    /// Last day of support from the usual sources, where that is a later one.
    pub long: Option<Date>,
    /// Last day of support that needs a contract or another source, and what it is called.
    pub extended: Option<(Date, &'a str)>,
}

/// What is known of a release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Known<'a> {
    /// Its dates.
    Dates(Lifetime<'a>),
    /// It has no end.
    Rolling,
    /// Nothing.
    Nothing,
}

/// What is known of the release that a host runs.
pub(super) fn of(release: &Release) -> Known<'static> {
    if ROLLING.contains(&release.id.as_str()) {
        return Known::Rolling;
    }
    match rows().find(|row| row.id == release.id && row.is(&release.version)) {
        Some(row) => Known::Dates(row.lifetime),
        None => Known::Nothing,
    }
}

struct Row<'a> {
    id: &'a str,
    version: &'a str,
    lifetime: Lifetime<'a>,
}

impl Row<'_> {
    /// `9` is `9.4`, and `3.20` is `3.20.1`, but `3.2` is not `3.20`.
    fn is(&self, version: &str) -> bool {
        let rest = version.strip_prefix(self.version);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

fn rows() -> impl Iterator<Item = Row<'static>> {
    TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).filter_map(row)
}

fn row(line: &str) -> Option<Row<'_>> {
    let mut fields = line.splitn(6, ' ');
    let (id, version) = (fields.next()?, fields.next()?);
    let regular = fields.next()?.parse().ok()?;
    let mut date = || fields.next().map(|text| text.parse::<Date>().ok());
    let (long, extended) = (date()?, date()?);
    let name = fields.next().unwrap_or_default();
    Some(Row { id, version, lifetime: Lifetime { regular, long, extended: extended.map(|end| (end, name)) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_and_its_dates_follow_each_other() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        assert_eq!(rows().count(), lines.count());
        for Row { id, version, lifetime } in rows() {
            let Lifetime { regular, long, extended } = lifetime;
            assert!(long.is_none_or(|long| long > regular), "{id} {version}");
            assert!(
                extended.is_none_or(|(end, name)| end > long.unwrap_or(regular) && !name.is_empty()),
                "{id}"
            );
        }
    }

    #[test]
    fn releases_are_found_by_their_whole_name_or_its_first_part() {
        let end = |id: &str, version: &str| {
            let release = Release { id: id.into(), version: version.into(), ..Release::default() };
            match of(&release) {
                Known::Dates(lifetime) => lifetime.regular.to_string(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(end("debian", "12"), "2026-07-11");
        assert_eq!(end("rocky", "9.4"), "2032-05-31");
        assert_eq!(end("alpine", "3.20.1"), "2026-04-01");
        assert_eq!(end("alpine", "3.2"), "Nothing");
        assert_eq!(end("debian", ""), "Nothing");
        assert_eq!(end("arch", ""), "Rolling");
    }
}
