//! What an earlier wgops had left on a host, and how it ended.

use super::super::line::{self, one_line, painted};
use crate::model::{HostName, printable};

/// Some lines: what it was, how it ended, and what it said last where it did not end well.
pub(super) fn text(host: &HostName, summary: &str, status: Option<u8>, tail: &str) -> String {
    let (words, style) = match status {
        Some(0) => ("went through".to_owned(), line::STRONG),
        Some(status) => (format!("failed with exit status {status}"), line::FAILED),
        None => ("was interrupted on the host, by a kill or a power loss".to_owned(), line::FAILED),
    };
    let label = painted(format!("collected: [{}]", one_line(host.as_str())), style);
    let mut out = format!("\n{label}: '{}', which was left going on there, {words}\n", one_line(summary));
    if status != Some(0) {
        tail.lines().for_each(|line| out.push_str(&format!("    {}\n", printable(line))));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::cases::plain;
    use super::*;

    #[test]
    fn how_it_ended_is_said_and_what_it_said_last_where_that_was_no_good_end() {
        let told = |status| {
            plain(text(&"web1".parse().unwrap(), "Upgrade a", status, "E: no\u{1b}[2J\n").as_bytes())
        };
        assert_eq!(
            told(Some(0)),
            "\ncollected: [web1]: 'Upgrade a', which was left going on there, went through\n"
        );
        assert!(
            told(Some(100)).contains("failed with exit status 100\n    E: no^[[2J\n"),
            "{}",
            told(Some(100))
        );
        assert!(told(None).contains("was interrupted on the host"));
    }
}
