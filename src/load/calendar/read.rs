//! Reading windows and freezes, with the place of everything that is wrong.

use super::window::LENGTH_MAX;
use super::{Calendar, Freeze, Window, begins, ends};
use crate::load::inventory::Pattern;
use crate::load::problem::Problem;
use crate::load::yaml::Node;
use crate::model::Period;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use std::time::Duration;

const WINDOW: [&str; 5] = ["hosts", "days", "from", "for", "zone"];
const FREEZE: [&str; 5] = ["hosts", "from", "until", "reason", "zone"];
const WEEK: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Calendar {
    /// Reads what the settings say of time: `zone`, `windows` and `freezes`.
    pub(in crate::load) fn read(settings: &Node) -> (Self, Vec<Problem>) {
        let (mut calendar, mut problems) = (Self::default(), Vec::new());
        match settings.get("zone").map(zone) {
            Some(Ok(zone)) => calendar.zone = zone,
            Some(Err(problem)) => problems.push(problem),
            None => {}
        }
        let default = calendar.zone.clone();
        let mut list = |name: &str, read: &mut dyn FnMut(&Node) -> Result<(), Problem>, known: &[&str]| {
            let Some(node) = settings.get(name).filter(|node| !node.is_null()) else { return };
            let Ok(items) = node.list() else { return problems.push(node.expected("a list")) };
            for item in items {
                let unknown = item.unknown_keys(known);
                let read = if unknown.is_empty() { read(item).err() } else { None };
                problems.extend(unknown.into_iter().chain(read));
            }
        };
        let windows = &mut calendar.windows;
        list("windows", &mut |item| window(item, &default).map(|window| windows.push(window)), &WINDOW);
        let freezes = &mut calendar.freezes;
        list("freezes", &mut |item| freeze(item, &default).map(|freeze| freezes.push(freeze)), &FREEZE);
        (calendar, problems)
    }
}

fn window(node: &Node, zone_default: &TimeZone) -> Result<Window, Problem> {
    let days = match node.get("days") {
        None => WEEK.map(|(_, day)| day).to_vec(),
        Some(days) => days.items().iter().map(weekday).collect::<Result<Vec<_>, _>>()?,
    };
    if days.is_empty() {
        return Err(Problem::at(&node.place, "a window without days never opens")
            .help("leave 'days' out for every day"));
    }
    Ok(Window {
        hosts: pattern(needed(node, "hosts")?)?,
        days,
        from: time(needed(node, "from")?)?,
        length: length(needed(node, "for")?)?,
        zone: own_zone(node, zone_default)?,
    })
}

fn freeze(node: &Node, zone_default: &TimeZone) -> Result<Freeze, Problem> {
    let zone = own_zone(node, zone_default)?;
    let moment = |name: &str, read: fn(&str, &TimeZone) -> Option<jiff::Timestamp>| {
        let node = needed(node, name)?;
        let wrong = || {
            Problem::at(&node.place, "expected a day or a time")
                .help("write 2026-12-20 or \"2026-12-20 18:00\"")
        };
        read(&node.word().map_err(|_| wrong())?, &zone).ok_or_else(wrong)
    };
    let (from, until) = (moment("from", begins)?, moment("until", ends)?);
    if until <= from {
        return Err(Problem::at(&needed(node, "until")?.place, "the freeze ends before it begins"));
    }
    let reason = needed(node, "reason")?.word()?;
    let hosts = node.get("hosts").map(pattern).transpose()?;
    Ok(Freeze { hosts, from, until, reason, zone })
}

fn needed<'a>(node: &'a Node, name: &str) -> Result<&'a Node, Problem> {
    node.get(name).ok_or_else(|| Problem::at(&node.place, format!("'{name}' is missing here")))
}

fn pattern(node: &Node) -> Result<Pattern, Problem> {
    Pattern::parse(&node.words()?.join(","), Some(&node.place))
}

fn weekday(node: &Node) -> Result<Weekday, Problem> {
    let name = node.word()?.to_lowercase();
    let known = |(short, _): &&(&str, Weekday)| name == *short;
    let day = WEEK.iter().find(known).map(|(_, day)| *day);
    day.ok_or_else(|| {
        let problem = Problem::at(&node.place, format!("no day is called '{name}'"));
        problem.help("there are mon, tue, wed, thu, fri, sat and sun")
    })
}

fn time(node: &Node) -> Result<Time, Problem> {
    let plain = |c: char| c.is_ascii_digit() || c == ':';
    let text = node.str().unwrap_or_default();
    let time = text.parse::<Time>().ok().filter(|_| text.len() >= 5 && text.chars().all(plain));
    time.ok_or_else(|| {
        Problem::at(&node.place, "expected a time of day").help("write it in quotes: \"22:00\"")
    })
}

fn length(node: &Node) -> Result<Duration, Problem> {
    let period: Period = node.word()?.parse().map_err(|error| Problem::at(&node.place, error))?;
    match period.duration() {
        length if length <= LENGTH_MAX => Ok(length),
        _ => Err(Problem::at(&node.place, "a window is open for seven days at most")),
    }
}

fn own_zone(node: &Node, default: &TimeZone) -> Result<TimeZone, Problem> {
    node.get("zone").map_or_else(|| Ok(default.clone()), zone)
}

fn zone(node: &Node) -> Result<TimeZone, Problem> {
    let name = node.word()?;
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(&name).map_err(|_| {
        let problem = Problem::at(&node.place, format!("no time zone is called '{name}'"));
        let known: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
        match crate::model::nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => problem.help(format!("did you mean '{near}'?")),
            None => problem.help("write one such as Europe/Berlin or UTC"),
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::load::{Problems, Settings, TextFile};
    use std::path::Path;

    fn parse(text: &str) -> Result<Settings, Problems> {
        Settings::parse(&TextFile::from_bytes(Path::new("wgops.yml"), text.as_bytes().to_vec()).unwrap())
    }

    #[test]
    fn the_example_of_the_documentation_is_understood() {
        let lines = include_str!("mod.rs").lines().skip_while(|line| !line.ends_with("```yaml")).skip(1);
        let example: Vec<&str> = lines
            .take_while(|line| !line.ends_with("```"))
            .map(|line| line.get(4..).unwrap_or_default())
            .collect();
        let calendar = parse(&example.join("\n")).unwrap().calendar;
        assert_eq!((calendar.windows.len(), calendar.freezes.len()), (1, 2));
        let holidays = &calendar.freezes[0];
        assert_eq!(holidays.from.to_string(), "2026-12-19T23:00:00Z");
        assert_eq!(holidays.until.to_string(), "2027-01-03T23:00:00Z", "the last day belongs to it");
        assert_eq!(calendar.freezes[1].from.to_string(), "2026-11-27T23:00:00Z");
        assert_eq!(holidays.shown(holidays.until), "Mon 2027-01-04 00:00 Europe/Berlin");
    }

    #[test]
    fn everything_that_is_wrong_is_shown_with_its_place() {
        let text = "\
zone: Europe/Belrin
windows:
  - {hosts: web, from: 22:00:99, for: 4h}
  - {hosts: web, days: [someday], from: '22:00', for: 4h}
  - {hosts: web, from: '22:00', for: 4 hours}
  - {from: '22:00', for: 4h}
  - {hosts: web, form: '22:00', for: 4h}
freezes:
  - {from: 2027-01-03, until: 2026-12-20, reason: x}
  - {from: yesterday, until: 2026-12-20, reason: x}
  - {from: 2026-12-20, until: 2027-01-03}
";
        let told = parse(text).unwrap_err().to_string();
        for part in [
            "no time zone is called 'Europe/Belrin'",
            "did you mean 'Europe/Berlin'?",
            "expected a time of day\n --> wgops.yml:3:24",
            "no day is called 'someday'\n --> wgops.yml:4:25",
            "'4 hours' is no length of time",
            "wgops.yml:5:38",
            "'hosts' is missing here\n --> wgops.yml:6:5",
            "did you mean 'from'?",
            "the freeze ends before it begins\n --> wgops.yml:9:31",
            "expected a day or a time\n --> wgops.yml:10:12",
            "'reason' is missing here\n --> wgops.yml:11:5",
        ] {
            assert!(told.contains(part), "{part}\n{told}");
        }
    }
}
