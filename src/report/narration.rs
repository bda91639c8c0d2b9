//! Warnings and progress, a line each: what people should know while a run goes on. Belongs on stderr.

use super::{Reporter, line};
use crate::event::Event;
use std::io::{self, Write};

pub(super) struct Narration;

impl Reporter for Narration {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Warning { host, message } => {
                let about = host.as_ref().map(|host| format!("[{}] ", line::one_line(host.as_str())));
                let label = line::painted("warning", line::WARNING);
                writeln!(out, "{label}: {}{}", about.unwrap_or_default(), line::one_line(message))
            }
            Event::Claimed { by, own, hosts, until, note } => {
                let whose = if *own { "you".to_owned() } else { line::one_line(by.as_str()).into_owned() };
                let hosts: Vec<_> = hosts.iter().map(|host| line::one_line(host.as_str())).collect();
                let (label, until) =
                    (line::painted("claimed", line::WARNING), until.strftime("%Y-%m-%d %H:%MZ"));
                writeln!(
                    out,
                    "{label}: {} by {whose} until {until}: {}",
                    hosts.join(", "),
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
            Event::Progress { host, message, .. } => {
                writeln!(out, "… {}: {}", line::one_line(host.as_str()), line::one_line(message))
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
        Narration.event(&event, &mut out).unwrap();
        let text = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(text, "warning: [web1] lists are↵PLAY RECAP^[[2J\n");
    }
}
