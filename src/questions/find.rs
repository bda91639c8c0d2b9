//! What lies below directories, entry by entry: what `find` chooses from.

use super::files::NodeKind;
use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use std::time::Duration;

/// Asks for everything below a directory that could be meant.
#[derive(Clone, Debug)]
pub struct Below {
    /// The directory.
    pub path: String,
    /// How many levels down at most; 0: all.
    pub depth: u32,
    /// Whether links to directories are gone through.
    pub follow: bool,
    /// Shell patterns for the name; none: any.
    pub names: Vec<String>,
    /// Letter of the kind as find(1) has it; `-`: any.
    pub kind: &'static str,
}

/// What is below a directory.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// Whether there is such a directory; else why not.
    pub missing: Option<String>,
    /// The host's time in seconds since 1970.
    pub now: i64,
    /// How many entries were looked at.
    pub examined: u64,
    /// Those that could be meant.
    pub entries: Vec<Entry>,
    /// What could not be looked at.
    pub complaint: String,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its path.
    pub path: String,
    /// Its kind.
    pub kind: NodeKind,
    /// Permission bits.
    pub mode: u32,
    /// Owner and group, by number.
    pub owner: (u32, u32),
    /// Owner and group, by name.
    pub names: (String, String),
    /// Size in bytes.
    pub size: u64,
    /// Times of change, access and change of anything, in seconds since 1970.
    pub times: [i64; 3],
    /// Inode, device, number of names.
    pub identity: (u64, u64, u64),
}

impl Question for Below {
    type Answer = Found;
    const SCRIPT: Script = Script {
        name: "find_below",
        text: r#"root=$1 depth=$2 follow=$3 kind=$4
shift 4
date +%s
if [ ! -d "$root" ]; then
    if [ -e "$root" ]; then echo 'is not a directory'; else echo 'does not exist'; fi
    exit 0
fi
echo here
case $root in */) ;; *) root=$root/ ;; esac
names=$#
for name; do
    shift
    set -- "$@" -o -name "$name"
done
if [ "$names" -gt 0 ]; then
    shift
    set -- '(' "$@" ')'
fi
if [ "$kind" != - ]; then set -- -type "$kind" "$@"; fi
if [ "$depth" != 0 ]; then limit="-maxdepth $depth"; else limit=; fi
if [ "$follow" = yes ]; then link=-L; else link=; fi
# The options are ours, and have no blanks.
find $link "$root" -mindepth 1 $limit 2>/dev/null | wc -l
mark=$(printf '\001')
find $link "$root" -mindepth 1 $limit "$@" -exec stat -c "%f %u %g %s %Y %X %Z %i %d %h %U %G %n$mark" -- {} +
exit 0"#,
    };

    fn args(&self) -> Argv {
        let follow = if self.follow { "yes" } else { "no" }.to_owned();
        let mut args = vec![self.path.clone(), self.depth.to_string(), follow, self.kind.to_owned()];
        args.extend(self.names.iter().cloned());
        args.into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.path)].into()
    }

    fn parse(&self, output: &Output) -> Result<Found, ParseError> {
        read(output).ok_or_else(|| ParseError::new("what lies below a directory", output))
    }

    fn cost(&self) -> Cost {
        Cost::Costly { deadline: Duration::from_secs(900) }
    }
}

fn read(output: &Output) -> Option<Found> {
    let text = output.text();
    let (now, rest) = text.split_once('\n')?;
    let (state, rest) = rest.split_once('\n')?;
    let mut found = Found { now: now.trim().parse().ok()?, ..Found::default() };
    if state != "here" {
        found.missing = Some(state.to_owned());
        return Some(found);
    }
    let (count, rest) = rest.split_once('\n')?;
    found.examined = count.trim().parse().ok()?;
    for record in rest.split_terminator("\u{1}\n") {
        found.entries.push(entry(record)?);
    }
    found.entries.sort_by(|a, b| a.path.cmp(&b.path));
    found.complaint = output.error_text().trim().to_owned();
    Some(found)
}

fn entry(record: &str) -> Option<Entry> {
    let mut words = record.splitn(13, ' ');
    let raw = u32::from_str_radix(words.next()?, 16).ok()?;
    let mut number = || words.next()?.parse::<i64>().ok();
    let (uid, gid, size) = (number()?, number()?, number()?);
    let times = [number()?, number()?, number()?];
    let (inode, device, links) = (number()?, number()?, number()?);
    let names = (words.next()?.to_owned(), words.next()?.to_owned());
    Some(Entry {
        path: words.next()?.to_owned(),
        kind: NodeKind::of_raw_mode(raw)?,
        mode: raw & 0o7777,
        owner: (u32::try_from(uid).ok()?, u32::try_from(gid).ok()?),
        names,
        size: u64::try_from(size).ok()?,
        times,
        identity: (u64::try_from(inode).ok()?, u64::try_from(device).ok()?, u64::try_from(links).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn everything_is_found_whatever_it_is_called() {
        for bench in Workbench::every_shell() {
            std::fs::create_dir_all(bench.at("d/a b/c")).unwrap();
            for name in ["d/-n", "d/two\nlines", "d/a b/*", "d/a b/c/.deep"] {
                bench.file(name, "12");
            }
            let ask = |depth, names: &[&str], kind| {
                let names = names.iter().map(|name| (*name).to_owned()).collect();
                let question = Below { path: bench.path("d"), depth, follow: false, names, kind };
                question.parse(&bench.run(Below::SCRIPT, &question.args(), None)).unwrap()
            };
            let names = |found: Found| {
                let prefix = format!("{}/", bench.path("d"));
                found
                    .entries
                    .iter()
                    .map(|e| e.path.strip_prefix(&prefix).unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            let all = ask(0, &[], "-");
            assert_eq!(all.entries[0].size, 2);
            assert!(all.now > 1_600_000_000 && all.complaint.is_empty(), "{all:?}");
            assert_eq!(names(all), ["-n", "a b", "a b/*", "a b/c", "a b/c/.deep", "two\nlines"]);
            assert_eq!(names(ask(1, &[], "-")), ["-n", "a b", "two\nlines"]);
            assert_eq!(names(ask(0, &["-*", ".d*"], "-")), ["-n", "a b/c/.deep"]);
            assert_eq!(names(ask(0, &[], "d")), ["a b", "a b/c"]);
            let none =
                Below { path: bench.path("none"), depth: 0, follow: false, names: Vec::new(), kind: "-" };
            let none = none.parse(&bench.run(Below::SCRIPT, &none.args(), None)).unwrap();
            assert_eq!(none.missing.as_deref(), Some("does not exist"));
        }
    }
}
