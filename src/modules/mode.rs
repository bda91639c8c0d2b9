//! File modes: what `0644`, `u=rw,go=r` or `a+X` come to, as chmod(1) would have it.

use crate::questions::Stop;

/// A mode as a playbook says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    /// These bits.
    Exact(u32),
    /// Changes to the bits that are there.
    Symbolic(Vec<Clause>),
    /// The bits that the source has (`copy`).
    Preserve,
}

/// One step of a symbolic mode, such as `go-w`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Clause {
    /// Bits of those meant; 0: nobody was named, so all are, under the umask.
    who: u32,
    operator: char,
    what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    /// Letters of `rwxXst`.
    Letters(String),
    /// The bits that another class has: `u`, `g` or `o`.
    Like(char),
}

/// What a mode is applied to.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    /// The bits that are there.
    pub mode: u32,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// The mask for steps that name nobody.
    pub umask: u32,
}

impl Mode {
    /// Reads a mode.
    ///
    /// # Errors
    /// Refuses what is neither octal nor symbolic.
    pub fn parse(text: &str) -> Result<Self, Stop> {
        if text == "preserve" {
            return Ok(Self::Preserve);
        }
        if !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
            return match u32::from_str_radix(text, 8) {
                Ok(bits) if bits <= 0o7777 => Ok(Self::Exact(bits)),
                _ => Err(wrong(text)),
            };
        }
        let mut clauses = Vec::new();
        for part in text.split(',') {
            clauses.extend(part_clauses(part).ok_or_else(|| wrong(text))?);
        }
        Ok(Self::Symbolic(clauses))
    }

    /// The bits that it comes to; `None` for *preserve*, which depends on the source.
    pub fn of(&self, bits: Bits) -> Option<u32> {
        match self {
            Self::Exact(exact) => Some(*exact),
            Self::Symbolic(clauses) => {
                Some(clauses.iter().fold(bits.mode, |mode, clause| clause.of(Bits { mode, ..bits })))
            }
            Self::Preserve => None,
        }
    }
}

fn wrong(text: &str) -> Stop {
    Stop::refuse(format!("'{text}' is no mode: expected octal digits such as \"0644\", or u=rw,go=r"))
}

/// The steps of `ug+r-w`: who, then operators with what follows each.
fn part_clauses(part: &str) -> Option<Vec<Clause>> {
    let start = part.find(['=', '+', '-'])?;
    let (whom, mut rest) = part.split_at(start);
    let mut who = 0;
    for letter in whom.chars() {
        who |= class(letter)?;
    }
    let mut clauses = Vec::new();
    while let Some(operator) = rest.chars().next() {
        let after = &rest[1..];
        let end = after.find(['=', '+', '-']).unwrap_or(after.len());
        let (letters, next) = after.split_at(end);
        let what = match letters {
            "u" | "g" | "o" => What::Like(letters.chars().next()?),
            _ if letters.chars().all(|c| "rwxXst".contains(c)) => What::Letters(letters.to_owned()),
            _ => return None,
        };
        clauses.push(Clause { who, operator, what });
        rest = next;
    }
    Some(clauses)
}

/// The bits of a class of users, with the set-id bit that belongs to it.
fn class(letter: char) -> Option<u32> {
    match letter {
        'u' => Some(0o4700),
        'g' => Some(0o2070),
        'o' => Some(0o1007),
        'a' => Some(0o7777),
        _ => None,
    }
}

impl Clause {
    fn of(&self, bits: Bits) -> u32 {
        let who = if self.who == 0 { 0o7777 } else { self.who };
        let mut value = self.what.bits(bits) & who;
        if self.who == 0 {
            value &= !bits.umask;
        }
        match self.operator {
            '+' => bits.mode | value,
            '-' => bits.mode & !value,
            _ => {
                // A directory keeps its set-id bits unless they are named.
                let kept = if bits.is_directory { 0o6000 } else { 0 };
                let cleared = who & !kept;
                (bits.mode & !cleared) | value
            }
        }
    }
}

impl What {
    fn bits(&self, bits: Bits) -> u32 {
        match self {
            Self::Like(class) => {
                let shift = match class {
                    'u' => 6,
                    'g' => 3,
                    _ => 0,
                };
                ((bits.mode >> shift) & 7) * 0o111
            }
            Self::Letters(letters) => letters.chars().fold(0, |sum, letter| {
                sum | match letter {
                    'r' => 0o444,
                    'w' => 0o222,
                    'x' => 0o111,
                    'X' if bits.is_directory || bits.mode & 0o111 != 0 => 0o111,
                    's' => 0o6000,
                    't' => 0o1000,
                    _ => 0,
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn of(text: &str, mode: u32) -> u32 {
        Mode::parse(text).unwrap().of(Bits { mode, is_directory: false, umask: 0o022 }).unwrap()
    }

    #[test]
    fn octal_and_symbolic_modes_come_to_the_bits_that_are_meant() {
        let cases = [
            ("0644", 0o777, 0o644),
            ("755", 0, 0o755),
            ("02750", 0, 0o2750),
            ("u=rw,go=r", 0o777, 0o644),
            ("u-x,go-rwx", 0o755, 0o600),
            ("a+X", 0o644, 0o644),
            ("a+X", 0o744, 0o755),
            ("+x", 0o644, 0o755),
            ("+w", 0o444, 0o644),
            ("g=u", 0o640, 0o660),
            ("u+s,+t", 0o755, 0o5755),
            ("g+r-w", 0o620, 0o640),
            ("go=", 0o755, 0o700),
        ];
        for (text, before, after) in cases {
            assert_eq!(of(text, before), after, "{text} on {before:o}");
        }
    }

    #[test]
    fn what_is_no_mode_is_refused() {
        for text in ["", "rw", "u~x", "u=rq", "89", "77777", "u=ug", "z+r", ",", "u+r,"] {
            assert!(Mode::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn symbolic_modes_come_to_what_chmod_makes_of_them(
            before in 0u32..0o1000,
            text in "([ugoa]{0,3}[=+-](r?w?x?X?|u|g|o)){1}(,[ugoa]{1,2}[=+-](r?w?x?X?s?t?|u|g|o)){0,3}",
            is_directory in any::<bool>(),
        ) {
            let home = tempfile::tempdir().unwrap();
            let path = home.path().join("x");
            if is_directory { std::fs::create_dir(&path).unwrap() } else { std::fs::write(&path, "").unwrap() }
            std::fs::set_permissions(&path, PermissionsExt::from_mode(before)).unwrap();
            let done = std::process::Command::new("sh")
                .args(["-c", "umask 022; chmod -- \"$1\" \"$2\" 2>/dev/null", "sh", &text])
                .arg(&path).status().unwrap();
            // GNU chmod also complains where the umask kept it from doing all of it, which is no failure here.
            let _ = done;
            let after = std::fs::metadata(&path).unwrap().mode() & 0o7777;
            let ours = Mode::parse(&text).unwrap().of(Bits { mode: before, is_directory, umask: 0o022 });
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
            prop_assert_eq!(ours, Some(after), "{} on {:o}: chmod made {:o}", text, before, after);
        }
    }
}
