//! Which hosts answered: a line for each.

use super::line::{self, one_line, painted};
use super::{Reporter, View};
use crate::event::{Event, TaskEnd};
use crate::model::{Excerpt, HostName};
use std::collections::BTreeMap;
use std::io::{self, Write};

const REASON: Excerpt = Excerpt { lines_max: 5, columns_max: 1000 };

/// Shows a line for each host when all have answered or failed to.
pub(super) struct Ping {
    view: View,
    answered: BTreeMap<HostName, f64>,
    reasons: BTreeMap<HostName, String>,
}

impl Ping {
    pub fn new(view: View) -> Self {
        Self { view, answered: BTreeMap::new(), reasons: BTreeMap::new() }
    }

    fn task(&mut self, end: &TaskEnd) {
        match &end.message {
            Some(message) => drop(self.reasons.insert(end.host.clone(), message.clone())),
            None => drop(self.answered.insert(end.host.clone(), end.seconds)),
        }
    }

    fn line(&self, host: &HostName, reached: bool, columns: usize) -> String {
        let name = one_line(host.as_str());
        let pad = " ".repeat(columns.saturating_sub(line::width(&name)));
        if reached {
            let time = self.answered.get(host).filter(|_| self.view.verbosity > 0);
            let time = time.map(|seconds| format!("  {:.0} ms", seconds * 1000.0)).unwrap_or_default();
            return format!("{name}{pad}  {}{time}\n", painted("ok", line::OK));
        }
        let reason = self.reasons.get(host).map(|reason| REASON.of(reason.trim())).unwrap_or_default();
        let reason = line::indented(&reason, "    ");
        format!("{name}{pad}  {}: {}\n", painted("unreachable", line::FAILED), reason.trim())
    }
}

impl Reporter for Ping {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::TaskEnds(end) => self.task(end),
            Event::HostLeaves { host, reason: Some(reason) } => {
                self.reasons.entry(host.clone()).or_insert_with(|| reason.clone());
            }
            Event::RunEnds { recap, .. } => {
                let columns = recap.keys().map(|host| line::width(host.as_str())).max().unwrap_or(0);
                for (host, counts) in recap {
                    let reached = counts.unreachable + counts.failed == 0;
                    out.write_all(self.line(host, reached, columns).as_bytes())?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::human::cases::{end, plain};
    use super::*;
    use crate::event::Counts;

    #[test]
    fn every_host_has_a_line_that_says_why_it_did_not_answer() {
        let lost = Counts { unreachable: 1, ..Counts::default() };
        let recap = [("web10", Counts::default()), ("db", lost)].map(|(h, c)| (h.parse().unwrap(), c)).into();
        let (mut ping, mut out) = (Ping::new(View::default()), Vec::new());
        let reason = Some("connection refused\nweb10  ok\u{1b}".to_owned());
        for event in [
            Event::TaskEnds(Box::new(end("web10", 0))),
            Event::HostLeaves { host: "db".parse().unwrap(), reason },
            Event::RunEnds { recap, interrupted: false, seconds: 1.0 },
        ] {
            ping.event(&event, &mut out).unwrap();
        }
        assert_eq!(plain(&out), "db     unreachable: connection refused\n    web10  ok^[\nweb10  ok\n");
    }
}
