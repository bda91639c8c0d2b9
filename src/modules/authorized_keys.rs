//! The lines of an `authorized_keys` file: options, kind, key and comment. Pure text in, text out; what is no key stays.

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A key.
    Key(Key),
    /// A comment, an empty line, or what nobody can read.
    Other(String),
}

/// A key with what stands around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Options as they are written.
    pub options: String,
    /// `ssh-ed25519` and so on.
    pub kind: String,
    /// The key itself, in base64.
    pub blob: String,
    /// What stands behind it.
    pub comment: String,
}

/// Kinds of keys that sshd knows.
const KINDS: [&str; 23] = [
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "sk-ssh-ed25519@openssh.com",
    "sk-ssh-ed25519-cert-v01@openssh.com",
    "ssh-ed25519",
    "ssh-ed25519-cert-v01@openssh.com",
    "ssh-dss",
    "ssh-rsa",
    "ssh-rsa-cert-v01@openssh.com",
    "ssh-xmss@openssh.com",
    "ssh-xmss-cert-v01@openssh.com",
    "ssh-dss-cert-v01@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "rsa-sha2-256-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
];

impl Key {
    /// Reads a line.
    pub fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (first, rest) = word(line);
        if KINDS.contains(&first) {
            return Self::behind("", first, rest);
        }
        let (options, rest) = options(line);
        let (kind, rest) = word(rest.trim_start());
        KINDS.contains(&kind).then(|| Self::behind(options, kind, rest)).flatten()
    }

    fn behind(options: &str, kind: &str, rest: &str) -> Option<Self> {
        let (blob, comment) = word(rest.trim_start());
        (!blob.is_empty()).then(|| Self {
            options: options.to_owned(),
            kind: kind.to_owned(),
            blob: blob.to_owned(),
            comment: comment.split_whitespace().collect::<Vec<_>>().join(" "),
        })
    }

    /// Whether options, kind and comment are the same, too.
    fn equals(&self, other: &Self) -> bool {
        let set = |text: &str| {
            let mut all = split_options(text);
            all.sort();
            all
        };
        self.kind == other.kind && self.comment == other.comment && set(&self.options) == set(&other.options)
    }

    fn line(&self) -> String {
        let options = if self.options.is_empty() { String::new() } else { format!("{} ", self.options) };
        // A key without a comment has the space in front of it, byte for byte as under Ansible.
        format!("{options}{} {} {}", self.kind, self.blob, self.comment)
    }
}

fn word(text: &str) -> (&str, &str) {
    text.split_once([' ', '\t']).unwrap_or((text, ""))
}

/// Options reach up to the first blank outside of quotes.
fn options(line: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ' ' | '\t' if !quoted => return line.split_at(at),
            _ => {}
        }
    }
    (line, "")
}

fn split_options(text: &str) -> Vec<String> {
    let (mut quoted, mut escaped) = (false, false);
    let mut all = vec![String::new()];
    for c in text.chars() {
        match c {
            ',' if !quoted => all.push(String::new()),
            _ => {
                if c == '"' && !escaped {
                    quoted = !quoted;
                }
                if let Some(last) = all.last_mut() {
                    last.push(c);
                }
            }
        }
        escaped = c == '\\' && !escaped;
    }
    all.retain(|option| !option.trim().is_empty());
    all
}

/// Reads a file.
pub(super) fn read(text: &str) -> Vec<Line> {
    text.lines().map(|line| Key::read(line).map_or_else(|| Line::Other(line.to_owned()), Line::Key)).collect()
}

/// The file's text.
pub(super) fn text(lines: &[Line]) -> String {
    let one = |line: &Line| match line {
        Line::Key(key) => format!("{}\n", key.line()),
        Line::Other(line) => format!("{line}\n"),
    };
    lines.iter().map(one).collect()
}

/// Puts keys there, or takes them away; says whether anything was done. A key that is there with other options goes to
/// the end, and comments go with the other keys, as under Ansible.
pub(super) fn change(lines: &mut Vec<Line>, keys: &[Key], is_present: bool, is_exclusive: bool) -> bool {
    let mut changed = false;
    let holds = |line: &Line, key: &Key| matches!(line, Line::Key(known) if known.blob == key.blob);
    for key in keys {
        let there = lines.iter().rev().find_map(|line| match line {
            Line::Key(known) if known.blob == key.blob => Some(known.clone()),
            _ => None,
        });
        match (there, is_present) {
            (Some(known), true) if known.equals(key) => {}
            (_, true) => {
                lines.retain(|line| !holds(line, key));
                lines.push(Line::Key(key.clone()));
                changed = true;
            }
            (Some(_), false) => {
                lines.retain(|line| !holds(line, key));
                changed = true;
            }
            (None, false) => {}
        }
    }
    if is_present && is_exclusive {
        let before = lines.len();
        lines.retain(|line| match line {
            Line::Key(_) => keys.iter().any(|key| holds(line, key)),
            Line::Other(_) => false,
        });
        changed |= lines.len() != before;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3a a@x";
    const B: &str = "from=\"10.0.0.1\",command=\"echo \\\"a b\\\"\" ssh-rsa AAAAB3b b y";

    fn keys(lines: &[&str]) -> Vec<Key> {
        lines.iter().map(|line| Key::read(line).unwrap()).collect()
    }

    fn after(text_before: &str, lines: &[&str], is_present: bool, is_exclusive: bool) -> (String, bool) {
        let mut all = read(text_before);
        let changed = change(&mut all, &keys(lines), is_present, is_exclusive);
        (text(&all), changed)
    }

    #[test]
    fn lines_are_read_with_options_and_comments() {
        let key = Key::read(B).unwrap();
        assert_eq!(
            (key.kind.as_str(), key.blob.as_str(), key.comment.as_str()),
            ("ssh-rsa", "AAAAB3b", "b y")
        );
        assert_eq!(split_options(&key.options), ["from=\"10.0.0.1\"", "command=\"echo \\\"a b\\\"\""]);
        assert_eq!(key.line(), B);
        assert_eq!(Key::read("ssh-rsa  AAAAB3b\ta  b ").unwrap().line(), "ssh-rsa AAAAB3b a b");
        assert_eq!(Key::read("ssh-rsa AAAAB3b").unwrap().line(), "ssh-rsa AAAAB3b ");
        for none in ["", "# x", "rubbish", "no-pty ssh-rsa", "ssh-nothing AAAA"] {
            assert_eq!(Key::read(none), None, "{none}");
        }
    }

    #[test]
    fn keys_are_added_once_and_removed_and_what_is_none_stays() {
        let there = format!("# ours\n{A}\n\nrubbish\n");
        assert_eq!(after(&there, &[A], true, false), (there.clone(), false));
        assert_eq!(after(&there, &[B], true, false), (format!("{there}{B}\n"), true));
        assert_eq!(after(&there, &[B], false, false), (there.clone(), false));
        assert_eq!(
            after(&there, &["ssh-ed25519 AAAAC3a"], false, false),
            ("# ours\n\nrubbish\n".into(), true)
        );
        assert_eq!(after(&there, &[B], true, true), (format!("{B}\n"), true));
        let other = "no-pty ssh-ed25519 AAAAC3a a@x";
        assert_eq!(after(&format!("{A}\n{B}\n"), &[other], true, false), (format!("{B}\n{other}\n"), true));
        // The order of options is none.
        let turned = "command=\"echo \\\"a b\\\"\",from=\"10.0.0.1\" ssh-rsa AAAAB3b b y";
        assert_eq!(after(&format!("{B}\n"), &[turned], true, false), (format!("{B}\n"), false));
    }
}
