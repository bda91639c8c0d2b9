//! Warnings and progress, a line each: what people should know while a run goes on. Belongs on stderr.

use super::{Reporter, line};
use crate::event::Event;
use crate::model::HostName;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Most lines that a log gets of each phase of a long step, whose parts are counted.
const MILESTONES: u64 = 10;

#[derive(Default)]
pub(super) struct Narration {
    /// Where each host was when it was told last: which part of how many.
    told: BTreeMap<HostName, (u64, u64)>,
}

impl Narration {
    /// Whether a part is worth a line: another tenth of the whole, the first, the last, or a phase that begins.
    fn is_milestone(&mut self, host: &HostName, done: u64, of: u64) -> bool {
        let tenth = |done: u64| done.saturating_mul(MILESTONES).checked_div(of).unwrap_or_default();
        let news = match self.told.get(host) {
            Some(&(before, among)) => among != of || done < before || tenth(done) > tenth(before),
            None => true,
        };
        if news {
            self.told.insert(host.clone(), (done, of));
        }
        news
    }
}

impl Reporter for Narration {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Warning { host, message } => {
                let about = host.as_ref().map(|host| format!("[{}] ", line::one_line(host.as_str())));
                let label = line::painted("warning", line::WARNING);
                writeln!(out, "{label}: {}{}", about.unwrap_or_default(), line::one_line(message))
            }
            Event::Claimed { by, own, hosts, shown, note, .. } => {
                let whose = if *own { "you".to_owned() } else { line::one_line(by.as_str()).into_owned() };
                let hosts: Vec<_> = hosts.iter().map(|host| line::one_line(host.as_str())).collect();
                let label = line::painted("claimed", line::WARNING);
                writeln!(
                    out,
                    "{label}: {} by {whose} until {}: {}",
                    hosts.join(", "),
                    line::one_line(shown),
                    line::one_line(note)
                )
            }
            Event::WindowEnds { shown, hosts, estimate_seconds, learned, .. } => {
                let label = line::painted("window", line::WARNING);
                let hosts = line::counted(hosts.len(), "host");
                let from =
                    if *learned { "as earlier runs took" } else { "assumed, as no earlier run is known" };
                let minutes = estimate_seconds.div_ceil(60);
                writeln!(out, "{label}: ends {shown} for {hosts}, a host takes up to {minutes} min ({from})")
            }
            Event::Progress { host, message, done, of } => {
                let count = match (done, of) {
                    (Some(done), Some(of)) if self.is_milestone(host, *done, *of) => {
                        format!("{done} of {of}: ")
                    }
                    (Some(_), Some(_)) => return Ok(()),
                    (Some(done), None) => format!("{done}: "),
                    _ => String::new(),
                };
                writeln!(out, "… {}: {count}{}", line::one_line(host.as_str()), line::one_line(message))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_one_line_whatever_the_host_put_into_it() {
        let mut out = Vec::new();
        let message = "lists are\nPLAY RECAP\u{1b}[2J".to_owned();
        let event = Event::Warning { host: Some("web1".parse().unwrap()), message };
        Narration::default().event(&event, &mut out).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(text, "warning: [web1] lists are↵PLAY RECAP^[[2J\n");
    }

    #[test]
    fn a_log_gets_a_line_for_each_tenth_of_a_long_step_and_for_each_phase() {
        let (mut narration, mut out) = (Narration::default(), Vec::new());
        for message in ["Unpacking", "Setting up"] {
            for done in 1..=500 {
                let host = "web1".parse().unwrap();
                let event =
                    Event::Progress { host, message: message.into(), done: Some(done), of: Some(500) };
                narration.event(&event, &mut out).unwrap();
            }
        }
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0]), (22, "… web1: 1 of 500: Unpacking"));
        assert_eq!(lines[21], "… web1: 500 of 500: Setting up");
    }
}
