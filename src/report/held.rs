//! Hosts that are held out, and glass that was broken: words that every report for people shares.
//!
//! Hosts that are held out for one reason stand on one line, however many they are.

use super::line::{self, one_line, painted};
use crate::event::HeldOut;
use crate::model::HostName;

/// Hosts that are held out, in the order in which that was said.
#[derive(Default)]
pub(super) struct Held {
    all: Vec<HeldOut>,
    /// How many of them were told already.
    told: usize,
}

impl Held {
    pub fn add(&mut self, held: &HeldOut) {
        self.all.push(held.clone());
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// A line for each reason that was not told yet.
    pub fn news(&mut self, dry: bool) -> String {
        let text = lines(self.all.get(self.told..).unwrap_or_default(), label(dry));
        self.told = self.all.len();
        text
    }

    /// A line for each reason there is.
    pub fn text(&self, dry: bool) -> String {
        lines(&self.all, label(dry))
    }
}

fn label(dry: bool) -> &'static str {
    if dry { "would be held out" } else { "held out" }
}

fn lines(held: &[HeldOut], label: &str) -> String {
    let label = painted(label, line::WARNING);
    grouped(held).map(|(hosts, why)| format!("{label}: {hosts}: {why}\n")).collect()
}

/// What `--break-glass` overrode, and why, so that nobody reads past it.
pub(super) fn glass_broken(reason: &str, overridden: &[HeldOut]) -> String {
    let mut out = format!("{}: {}\n", painted("GLASS BROKEN", line::FAILED), one_line(reason));
    grouped(overridden).for_each(|(hosts, why)| out.push_str(&format!("  overridden for {hosts}: {why}\n")));
    out
}

/// Who is held out and why, a line for each reason, for an error.
pub fn held_out(held: &[HeldOut]) -> String {
    grouped(held).map(|(hosts, why)| format!("  {hosts}: {why}\n")).collect()
}

/// Hosts by reason, each reason where it came first.
fn grouped(held: &[HeldOut]) -> impl Iterator<Item = (String, String)> {
    let mut groups: Vec<(&str, Vec<&HostName>)> = Vec::new();
    for one in held {
        match groups.iter_mut().find(|(why, _)| *why == one.message) {
            Some((_, hosts)) => hosts.push(&one.host),
            None => groups.push((&one.message, vec![&one.host])),
        }
    }
    groups.into_iter().map(|(why, hosts)| {
        let names: Vec<_> = hosts.into_iter().map(|host| one_line(host.as_str()).into_owned()).collect();
        (names.join(", "), one_line(why).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::HoldCause;

    fn held(host: &str, message: &str) -> HeldOut {
        HeldOut {
            host: host.parse().unwrap(),
            cause: HoldCause::Freeze,
            message: message.into(),
            until: None,
        }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn hosts_with_one_reason_share_a_line_and_are_told_once() {
        let mut all = Held::default();
        [held("a", "frozen"), held("b", "claimed"), held("c", "frozen")].iter().for_each(|one| all.add(one));
        assert_eq!(plain(&all.news(false)), "held out: a, c: frozen\nheld out: b: claimed\n");
        assert_eq!(all.news(false), "");
        all.add(&held("d", "frozen"));
        assert_eq!(plain(&all.news(false)), "held out: d: frozen\n");
        assert_eq!(plain(&all.text(true)).lines().next(), Some("would be held out: a, c, d: frozen"));
    }

    #[test]
    fn what_was_overridden_says_so_on_lines_of_its_own() {
        let text = plain(&glass_broken("outage\u{1b}[2J", &[held("a", "frozen until\nPLAY RECAP")]));
        assert_eq!(text, "GLASS BROKEN: outage^[[2J\n  overridden for a: frozen until↵PLAY RECAP\n");
    }
}
