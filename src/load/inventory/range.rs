//! Many hosts in one name: `web[01:20].example.com`, `db[a:f]`, `n[0:100:10]`; and the port behind a name.

use crate::model::HostName;

/// Most hosts that one name may stand for.
const HOSTS_MAX: usize = 100_000;

/// Hosts that one text names, and the port they share.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) hosts: Vec<HostName>,
    pub(super) port: Option<u16>,
}

/// Expands the ranges of a host's name and takes the port off: `web[1:3]:2222`, `[2001:db8::1]:22`.
///
/// # Errors
/// Says what is wrong with the range, the name or the port.
pub(super) fn expand(text: &str) -> Result<Expanded, String> {
    let (name, port) = split_port(text)?;
    let mut names = vec![String::new()];
    for part in parts(name)? {
        match part {
            Part::Text(text) => names.iter_mut().for_each(|name| name.push_str(text)),
            Part::Range(values) => {
                if names.len().saturating_mul(values.len()) > HOSTS_MAX {
                    return Err(format!("a range of more than {HOSTS_MAX} hosts"));
                }
                names = names
                    .iter()
                    .flat_map(|name| values.iter().map(move |value| format!("{name}{value}")))
                    .collect();
            }
        }
    }
    let hosts = names.iter().map(|name| name.parse::<HostName>().map_err(|error| error.to_string()));
    Ok(Expanded { hosts: hosts.collect::<Result<_, _>>()?, port })
}

enum Part<'a> {
    Text(&'a str),
    Range(Vec<String>),
}

fn parts(mut text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    while let Some((before, rest)) = text.split_once('[') {
        let (inside, after) = rest.split_once(']').ok_or("a range is not closed: expected ']'")?;
        parts.push(Part::Text(before));
        parts.push(Part::Range(range(inside)?));
        text = after;
    }
    parts.push(Part::Text(text));
    Ok(parts)
}

fn range(text: &str) -> Result<Vec<String>, String> {
    let mut bounds = text.split(':');
    let (first, last) = (bounds.next().unwrap_or_default(), bounds.next().unwrap_or_default());
    let step = bounds.next().map_or(Ok(1), str::parse::<usize>).ok().filter(|step| *step > 0);
    let (Some(step), None, false) = (step, bounds.next(), last.is_empty()) else {
        return Err(no_range(text, "expected '[first:last]' or '[first:last:step]'"));
    };
    match (letter(first), letter(last)) {
        (Some(first), Some(last)) if first <= last => {
            Ok((first..=last).step_by(step).map(|byte| char::from(byte).to_string()).collect())
        }
        (None, None) => {
            numbers(if first.is_empty() { "0" } else { first }, last, step).map_err(|why| no_range(text, why))
        }
        _ => Err(no_range(text, BACKWARDS)),
    }
}

const BACKWARDS: &str = "its first must come before its last";

fn no_range(text: &str, why: &str) -> String {
    format!("'[{text}]' is no range: {why}")
}

fn numbers(first: &str, last: &str, step: usize) -> Result<Vec<String>, &'static str> {
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (Some(from), Some(to)) = (number(first), number(last)) else {
        return Err("expected numbers or single letters");
    };
    let padded = first.len() > 1 && first.starts_with('0');
    if padded && first.len() != last.len() {
        return Err("with leading zeros both ends need the same length");
    }
    if from > to {
        return Err(BACKWARDS);
    }
    if usize::try_from(to - from).map_or(true, |span| span / step >= HOSTS_MAX) {
        return Err("it stands for more than 100000 hosts");
    }
    let width = if padded { first.len() } else { 0 };
    Ok((from..=to).step_by(step).map(|number| format!("{number:0width$}")).collect())
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [byte] if byte.is_ascii_alphabetic() => Some(*byte),
        _ => None,
    }
}

/// Takes a port off: behind a name without other colons outside brackets, or behind an IPv6 address in brackets.
fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let parse = |port: &str| {
        port.parse()
            .ok()
            .filter(|port| *port > 0)
            .map(Some)
            .ok_or(format!("'{port}' is no port: expected 1 to 65535"))
    };
    if let Some((address, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && address.parse::<std::net::Ipv6Addr>().is_ok()
    {
        return match rest.strip_prefix(':') {
            Some(port) => Ok((address, parse(port)?)),
            None if rest.is_empty() => Ok((address, None)),
            None => Err(format!("'{rest}' behind an address: expected ':' and a port")),
        };
    }
    let outside = text.rfind(']').map_or(0, |at| at + 1);
    if text.rfind('[').is_some_and(|at| at >= outside) {
        return Ok((text, None));
    }
    let tail = text.get(outside..).unwrap_or_default();
    match tail.split_once(':') {
        Some((_, port)) if !port.contains(':') => {
            let name = text.len() - port.len() - 1;
            Ok((text.get(..name).unwrap_or_default(), parse(port)?))
        }
        _ => Ok((text, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        expand(text).unwrap_or_else(|e| panic!("{text}: {e}")).hosts.into_iter().map(String::from).collect()
    }

    #[test]
    fn ranges_stand_for_hosts() {
        assert_eq!(
            names("web[08:10].example.com"),
            ["web08.example.com", "web09.example.com", "web10.example.com"]
        );
        assert_eq!(names("n[8:10]"), ["n8", "n9", "n10"]);
        assert_eq!(names("n[0:10:5]"), ["n0", "n5", "n10"]);
        assert_eq!(names("n[:2]"), ["n0", "n1", "n2"]);
        assert_eq!(names("db-[a:c]"), ["db-a", "db-b", "db-c"]);
        assert_eq!(names("[a:b][1:2]"), ["a1", "a2", "b1", "b2"]);
        assert_eq!(names("2001:db8::1"), ["2001:db8::1"]);
    }

    #[test]
    fn a_port_is_taken_off() {
        let port = |text: &str| expand(text).map(|expanded| (expanded.hosts[0].to_string(), expanded.port));
        assert_eq!(port("web:2222"), Ok(("web".into(), Some(2222))));
        assert_eq!(port("web[1:2]:22"), Ok(("web1".into(), Some(22))));
        assert_eq!(port("[2001:db8::1]:22"), Ok(("2001:db8::1".into(), Some(22))));
        assert_eq!(port("[::1]"), Ok(("::1".into(), None)));
        assert_eq!(port("web:0"), Err("'0' is no port: expected 1 to 65535".into()));
        assert_eq!(port("web:"), Err("'' is no port: expected 1 to 65535".into()));
    }

    #[test]
    fn what_is_no_range_says_why() {
        for (text, part) in [
            ("n[1:", "not closed"),
            ("n[]", "expected '[first:last]'"),
            ("n[5]", "expected '[first:last]'"),
            ("n[1:2:0]", "expected '[first:last]'"),
            ("n[1:2:3:4]", "expected '[first:last]'"),
            ("n[9:1]", "'[9:1]' is no range: its first"),
            ("n[z:a]", "'[z:a]' is no range: its first"),
            ("n[01:100]", "'[01:100]' is no range: with leading zeros"),
            ("n[a:5]", "no range"),
            ("n[é:z]", "no range"),
            ("n[0:99999999999999999999]", "no range"),
            ("n[1:1000000]", "more than 100000 hosts"),
            ("n[1:1000][1:1000]", "more than 100000 hosts"),
            ("a b", "no host name"),
            ("", "no host name"),
        ] {
            assert!(expand(text).is_err_and(|error| error.contains(part)), "{text}: {:?}", expand(text));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-c0-9\\[\\]:.é \\-]{0,24}") {
            let _ = expand(&text);
        }
    }
}
