//! Text into shell source, so that no byte of it is ever taken as anything but itself.

/// Appends a word in single quotes: in them a POSIX shell takes every character literally but the quote itself.
pub(super) fn word(text: &str, source: &mut Vec<u8>) {
    source.push(b'\'');
    for (at, part) in text.split('\'').enumerate() {
        if at > 0 {
            source.extend_from_slice(b"'\\''");
        }
        source.extend_from_slice(part.as_bytes());
    }
    source.push(b'\'');
}

/// The line with which a script begins that is to have these arguments without being called with them: the words of a
/// process are there for everybody to list.
pub fn arguments(args: &[String]) -> Vec<u8> {
    let mut source = b"set --".to_vec();
    for arg in args {
        source.push(b' ');
        word(arg, &mut source);
    }
    source.push(b'\n');
    source
}

/// Appends bytes as they are written between single quotes as an argument of `printf '%b'`. Everything that a shell
/// or a locale could stumble over is an octal escape, `\0ooo`.
pub(super) fn percent_b(bytes: &[u8], source: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'\\' => source.extend_from_slice(b"\\\\"),
            b'\n' | b'\t' => source.push(byte),
            b' '..=b'~' if byte != b'\'' => source.push(byte),
            _ => source.extend_from_slice(&[
                b'\\',
                b'0',
                b'0' + (byte >> 6),
                b'0' + ((byte >> 3) & 7),
                b'0' + (byte & 7),
            ]),
        }
    }
}

/// The same where all of it has to stand on one line.
pub(super) fn line(bytes: &[u8], source: &mut Vec<u8>) {
    for part in bytes.split_inclusive(|byte| *byte == b'\n') {
        match part.split_last() {
            Some((b'\n', before)) => {
                percent_b(before, source);
                source.extend_from_slice(b"\\0012");
            }
            _ => percent_b(part, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// Every POSIX shell on this machine, as program and arguments; visibly says which are missing.
    fn shells() -> Vec<Vec<&'static str>> {
        let all = [
            vec!["sh"],
            vec!["dash"],
            vec!["bash", "--posix"],
            vec!["busybox", "ash"],
            vec!["mksh"],
            vec!["zsh", "--emulate", "sh"],
        ];
        all.into_iter()
            .filter(|shell| {
                let found = Command::new(shell[0]).arg("-c").arg(":").output().is_ok();
                if !found {
                    eprintln!("skipped: no {} here", shell[0]);
                }
                found
            })
            .collect()
    }

    fn run(shell: &[&str], source: &[u8]) -> Vec<u8> {
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(source).unwrap();
        child.wait_with_output().unwrap().stdout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_quoted_word_reaches_every_shell_unchanged(words in prop::collection::vec("[^\\x00]{0,40}|['\\\\\"$`!\n\r\t ]{0,12}", 1..6)) {
            let mut source = b"f() { for word; do printf '%s\\000' \"$word\"; done; }\nf".to_vec();
            for text in &words {
                source.push(b' ');
                word(text, &mut source);
            }
            source.push(b'\n');
            let expected: Vec<u8> = words.iter().flat_map(|w| [w.as_bytes(), b"\0"].concat()).collect();
            for shell in shells() {
                prop_assert_eq!(&run(&shell, &source), &expected, "{:?}", shell);
            }
        }

        #[test]
        fn content_reaches_every_shell_unchanged(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut source = b"printf '%b' '".to_vec();
            percent_b(&bytes, &mut source);
            source.extend_from_slice(b"' | cat\n");
            for shell in shells() {
                prop_assert_eq!(&run(&shell, &source), &bytes, "{:?}", shell);
            }
        }
    }

    #[test]
    fn every_byte_has_its_escape() {
        let mut source = Vec::new();
        percent_b(b"a\\'\0\x7f\xff\n%", &mut source);
        assert_eq!(source, b"a\\\\\\0047\\0000\\0177\\0377\n%");
    }
}
