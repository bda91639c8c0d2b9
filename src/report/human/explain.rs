//! `--explain`: what would be sent to a host, exactly. A script's text is shown the first time it is sent anywhere.

use super::line::{self, one_line};
use crate::event::Event;
use crate::model::printable;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Writes one question or change; `known` has the scripts whose text was shown.
pub(in crate::report) fn sends(
    event: &Event,
    known: &mut BTreeSet<String>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Event::Sends { host, user, changes, script, text, args, content_bytes } = event else {
        return Ok(());
    };
    let kind = if *changes { "would change" } else { "asks" };
    let user = user.as_ref().map(|user| format!(" as {}", one_line(user))).unwrap_or_default();
    let args: Vec<String> = args.iter().map(|arg| quoted(arg)).collect();
    let content = content_bytes.map(|bytes| format!(" < {bytes} bytes")).unwrap_or_default();
    let call = format!("{script} {}", args.join(" "));
    writeln!(out, "[{}]{user} {kind}: {}{content}", one_line(host.as_str()), call.trim_end())?;
    if known.insert(script.clone()) {
        for text_line in text.lines() {
            writeln!(out, "{}", line::painted(format!("    {}", printable(text_line)), line::FAINT))?;
        }
    }
    Ok(())
}

/// An argument as a shell would take it, on one line.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+,-".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        return arg.to_owned();
    }
    one_line(&format!("'{}'", arg.replace('\'', r"'\''"))).into_owned()
}
