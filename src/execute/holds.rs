//! What holds hosts out of a run: freezes, other people's claims, maintenance windows and the time that is left of them.
//! Pure: whose run it is, what stands in calendar and ledger, and the moment go in; a reason comes out.

use crate::event::{HeldOut, HoldCause};
use crate::ledger::Claim;
use crate::load::calendar::{Calendar, Freeze, Window};
use crate::load::{Inventory, Pattern};
use crate::model::{HostName, OperatorName};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a host is thought to take of which no earlier run is known.
pub const ESTIMATE_DEFAULT: Duration = Duration::from_secs(10 * 60);

/// Everything that may hold hosts out of one person's run.
pub struct Holds {
    calendar: Calendar,
    /// The hosts of each of the calendar's windows.
    windows: Vec<BTreeSet<HostName>>,
    /// The hosts of each of its freezes; nothing: all.
    freezes: Vec<Option<BTreeSet<HostName>>>,
    claims: Vec<Claim>,
    who: Option<OperatorName>,
    estimates: BTreeMap<HostName, Duration>,
}

/// The maintenance windows that are open for hosts of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenWindow {
    /// When the first of them closes.
    pub until: Timestamp,
    /// The same for people.
    pub shown: String,
    /// The hosts.
    pub hosts: Vec<HostName>,
    /// How long the slowest of them is thought to take.
    pub estimate: Duration,
    /// Whether that was learned from earlier runs.
    pub learned: bool,
}

impl Holds {
    /// What may hold hosts out of somebody's run, as any of these inventories names them; `estimates` are how long hosts took
    /// before.
    pub fn new(
        inventories: &[&Inventory],
        calendar: Calendar,
        claims: Vec<Claim>,
        who: Option<OperatorName>,
        estimates: BTreeMap<HostName, Duration>,
    ) -> Self {
        let hosts = |pattern: &Pattern| {
            inventories.iter().flat_map(|one| one.select_known(pattern)).collect::<BTreeSet<_>>()
        };
        let windows = calendar.windows.iter().map(|window| hosts(&window.hosts)).collect();
        let freezes = calendar.freezes.iter().map(|freeze| freeze.hosts.as_ref().map(hosts)).collect();
        Self { calendar, windows, freezes, claims, who, estimates }
    }

    /// Whether there is nothing that could hold any host out.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.freezes.is_empty() && self.claims.is_empty()
    }

    /// Why a host may not be begun at a moment, if it may not.
    pub fn of(&self, host: &HostName, now: Timestamp) -> Option<HeldOut> {
        let held = |cause, message, until| HeldOut { host: host.clone(), cause, message, until };
        if let Some(freeze) = self.freezes_of(host).find(|freeze| freeze.holds(now)) {
            let message = format!("frozen until {}: {}", freeze.shown(freeze.until), freeze.reason);
            return Some(held(HoldCause::Freeze, message, Some(freeze.until)));
        }
        if let Some(claim) =
            self.claims_on(host).find(|claim| Some(&claim.by) != self.who.as_ref() && now < claim.until)
        {
            let until = self.calendar.shown(claim.until);
            let message = format!("claimed by {} until {until}: {}", claim.by, claim.note);
            return Some(held(HoldCause::Claim, message, Some(claim.until)));
        }
        let windows: Vec<&Window> = self.windows_of(host).collect();
        let opens = || Window::opens(&windows, now);
        let closes = match windows.first() {
            None => None,
            Some(first) => match Window::closes(&windows, now) {
                Some(closes) => Some((closes, format!("its window closes {}", first.shown(closes)))),
                None => {
                    let next = opens().map(|next| format!("; the next opens {}", first.shown(next)));
                    let message = format!("outside of its maintenance windows{}", next.unwrap_or_default());
                    return Some(held(HoldCause::Window, message, opens()));
                }
            },
        };
        let (end, what) =
            self.next_freeze(host, now).into_iter().chain(closes).min_by_key(|(end, _)| *end)?;
        let (estimate, learned) = self.estimate(host);
        let fits = now.checked_add(estimate).is_ok_and(|done| done <= end);
        let message = || format!("it takes up to {} ({}), and {what}", minutes(estimate), origin(learned));
        (!fits).then(|| held(HoldCause::Budget, message(), opens()))
    }

    /// The end of the windows that are open for some hosts; nothing where none of them has any.
    pub fn window(&self, hosts: &[HostName], now: Timestamp) -> Option<OpenWindow> {
        let open = |host: &HostName| {
            let windows: Vec<&Window> = self.windows_of(host).collect();
            let closes = Window::closes(&windows, now)?;
            Some((closes, windows.first()?.shown(closes), host.clone()))
        };
        let open: Vec<_> = hosts.iter().filter_map(open).collect();
        let (until, shown, _) = open.iter().min_by_key(|(closes, ..)| *closes)?.clone();
        let hosts: Vec<HostName> = open.into_iter().map(|(_, _, host)| host).collect();
        let (estimate, learned) = hosts.iter().map(|host| self.estimate(host)).max()?;
        Some(OpenWindow { until, shown, hosts, estimate, learned })
    }

    /// The claims on some hosts, each with those of them that it is about.
    pub fn claims<'a>(&'a self, hosts: &'a [HostName]) -> impl Iterator<Item = (&'a Claim, Vec<HostName>)> {
        self.claims.iter().filter_map(move |claim| {
            let about: Vec<HostName> =
                hosts.iter().filter(|host| claim.hosts.contains(host)).cloned().collect();
            (!about.is_empty()).then_some((claim, about))
        })
    }

    /// A moment as the settings' time zone has it.
    pub fn shown(&self, moment: Timestamp) -> String {
        self.calendar.shown(moment)
    }

    /// Whose run it is.
    pub fn who(&self) -> Option<&OperatorName> {
        self.who.as_ref()
    }

    fn estimate(&self, host: &HostName) -> (Duration, bool) {
        self.estimates.get(host).map_or((ESTIMATE_DEFAULT, false), |learned| (*learned, true))
    }

    fn claims_on(&self, host: &HostName) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| claim.hosts.contains(host))
    }

    fn windows_of(&self, host: &HostName) -> impl Iterator<Item = &Window> {
        let all = self.calendar.windows.iter().zip(&self.windows);
        all.filter(|(_, hosts)| hosts.contains(host)).map(|(window, _)| window)
    }

    fn freezes_of(&self, host: &HostName) -> impl Iterator<Item = &Freeze> {
        let all = self.calendar.freezes.iter().zip(&self.freezes);
        all.filter(|(_, hosts)| hosts.as_ref().is_none_or(|hosts| hosts.contains(host)))
            .map(|(freeze, _)| freeze)
    }

    fn next_freeze(&self, host: &HostName, now: Timestamp) -> Option<(Timestamp, String)> {
        let next =
            self.freezes_of(host).filter(|freeze| now < freeze.from).min_by_key(|freeze| freeze.from)?;
        Some((next.from, format!("a freeze begins {} ({})", next.shown(next.from), next.reason)))
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    format!("{} min", seconds.div_ceil(60).max(1))
}

fn origin(learned: bool) -> &'static str {
    if learned { "as in its last runs" } else { "assumed, as no earlier run is known" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Settings, Source, TextFile};
    use std::path::Path;

    const SETTINGS: &str = "\
zone: Europe/Berlin
windows:
  - {hosts: \"web:!web2\", days: [sat, sun], from: '22:00', for: 4h}
freezes:
  - {from: 2026-12-20, until: 2027-01-03, reason: holiday season}
  - {hosts: db1, from: 2026-11-29 00:00, until: 2026-11-29 02:00, reason: backup}
";

    fn holds(settings: &str, claims: &[(&str, &str)], estimates: &[(&str, u64)]) -> Holds {
        let file = TextFile::from_bytes(Path::new("wgops.yml"), settings.as_bytes().to_vec()).unwrap();
        let calendar = Settings::parse(&file).unwrap().calendar;
        let folder = tempfile::tempdir().unwrap();
        let inventory = folder.path().join("prod.ini");
        std::fs::write(&inventory, "[web]\nweb1\nweb2\n[db]\ndb1\n").unwrap();
        let inventory = Inventory::load(&[Source::Path(inventory)]).unwrap();
        let claim = |(by, host): &(&str, &str)| Claim {
            by: by.parse().unwrap(),
            hosts: vec![host.parse().unwrap()],
            until: "2026-11-30T17:00:00Z".parse().unwrap(),
            note: "new disks".into(),
        };
        let estimates =
            estimates.iter().map(|(host, m)| (host.parse().unwrap(), Duration::from_secs(m * 60)));
        let claims = claims.iter().map(claim).collect();
        Holds::new(&[&inventory], calendar, claims, Some("alice".parse().unwrap()), estimates.collect())
    }

    fn told(holds: &Holds, host: &str, now: &str) -> String {
        holds.of(&host.parse().unwrap(), now.parse().unwrap()).map_or("in".into(), |held| held.message)
    }

    #[test]
    fn a_host_is_begun_inside_of_its_window_and_one_without_any_at_all_times() {
        let holds = holds(SETTINGS, &[], &[]);
        assert_eq!(told(&holds, "web1", "2026-11-28T21:00:00Z"), "in");
        assert_eq!(
            told(&holds, "web1", "2026-11-25T12:00:00Z"),
            "outside of its maintenance windows; the next opens Sat 2026-11-28 22:00 Europe/Berlin"
        );
        assert_eq!(told(&holds, "web2", "2026-11-25T12:00:00Z"), "in");
    }

    #[test]
    fn a_host_that_would_not_be_through_in_time_is_not_begun() {
        let learned = holds(SETTINGS, &[], &[("web1", 45)]);
        assert_eq!(told(&learned, "web1", "2026-11-29T00:15:00Z"), "in");
        assert_eq!(
            told(&learned, "web1", "2026-11-29T00:16:00Z"),
            "it takes up to 45 min (as in its last runs), and its window closes Sun 2026-11-29 02:00 Europe/Berlin"
        );
        let assumed = holds(SETTINGS, &[], &[]);
        let why = told(&assumed, "db1", "2026-11-28T22:55:00Z");
        assert_eq!(
            why,
            "it takes up to 10 min (assumed, as no earlier run is known), and a freeze begins Sun 2026-11-29 00:00 Europe/Berlin (backup)"
        );
        assert_eq!(told(&assumed, "db1", "2026-11-28T22:50:00Z"), "in");
        let held = learned.of(&"web1".parse().unwrap(), "2026-11-29T00:16:00Z".parse().unwrap()).unwrap();
        assert_eq!(held.cause, HoldCause::Budget);
        assert_eq!(held.until.unwrap().to_string(), "2026-11-29T21:00:00Z");
    }

    #[test]
    fn a_freeze_holds_all_hosts_or_some_whatever_windows_say() {
        let holds = holds(SETTINGS, &[], &[]);
        let all = "frozen until Mon 2027-01-04 00:00 Europe/Berlin: holiday season";
        for host in ["web1", "web2", "db1"] {
            assert_eq!(told(&holds, host, "2026-12-26T21:30:00Z"), all);
        }
        assert!(told(&holds, "db1", "2026-11-29T00:30:00Z").starts_with("frozen until Sun 2026-11-29 02:00"));
        assert_eq!(told(&holds, "web2", "2026-11-29T00:30:00Z"), "in");
    }

    #[test]
    fn only_other_peoples_claims_hold_and_both_are_told() {
        let holds = holds("", &[("bob", "web1"), ("alice", "db1")], &[]);
        assert_eq!(
            told(&holds, "web1", "2026-11-28T21:00:00Z"),
            "claimed by bob until Mon 2026-11-30 17:00 UTC: new disks"
        );
        assert_eq!(told(&holds, "db1", "2026-11-28T21:00:00Z"), "in");
        assert_eq!(told(&holds, "web1", "2026-11-30T17:00:00Z"), "in");
        let hosts: Vec<HostName> = ["web1", "web2", "db1"].map(|host| host.parse().unwrap()).to_vec();
        assert_eq!(holds.claims(&hosts).count(), 2);
    }

    #[test]
    fn the_first_window_to_close_is_told_with_the_slowest_host() {
        let holds = holds(SETTINGS, &[], &[("web1", 12)]);
        let hosts: Vec<HostName> = ["web1", "web2"].map(|host| host.parse().unwrap()).to_vec();
        let open = holds.window(&hosts, "2026-11-28T21:30:00Z".parse().unwrap()).unwrap();
        assert_eq!((open.hosts.len(), open.learned, open.estimate), (1, true, Duration::from_secs(720)));
        assert_eq!(open.shown, "Sun 2026-11-29 02:00 Europe/Berlin");
        assert_eq!(holds.window(&hosts, "2026-11-25T12:00:00Z".parse().unwrap()), None);
    }
}
