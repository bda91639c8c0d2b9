//! How full a host's file systems are.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};
use std::collections::HashMap;

/// Asks how full file systems are.
pub struct Space;

/// The host's file systems.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileSystems {
    /// Those that hold something of their own, each once, by the shortest place that it is mounted on.
    pub here: Vec<FileSystem>,
    /// Places of other machines' file systems, which were not looked at.
    pub remote: Vec<String>,
    /// Places for which nothing was told.
    pub untold: Vec<String>,
}

/// How full one file system is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FileSystem {
    /// Where it is mounted.
    pub place: String,
    /// Size in KiB, without what is kept back for root.
    pub size_kib: u64,
    /// What may still be written, in KiB.
    pub free_kib: u64,
    /// Inodes and free inodes; none where the file system makes them as it needs them.
    pub inodes: Option<(u64, u64)>,
}

impl Question for Space {
    type Answer = FileSystems;
    const SCRIPT: Script = Script { name: "space", text: include_str!("space/space.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        // Whatever is done anywhere takes space.
        Subjects::Undeclared
    }

    fn parse(&self, output: &Output) -> Result<FileSystems, ParseError> {
        let text = output.text();
        let mut mounts: Vec<(&str, &str)> = Vec::new();
        let (mut space, mut inodes) = (HashMap::new(), HashMap::new());
        let mut systems = FileSystems::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("mount", rest)) => mounts.extend(rest.split_once(' ')),
                Some(("remote", place)) => systems.remote.push(place.to_owned()),
                Some(("space", row)) => space.extend(numbers(row)),
                Some(("inodes", row)) => inodes.extend(numbers(row)),
                _ => return Err(ParseError::new("lines 'mount', 'space', 'inodes', 'remote'", output)),
            }
        }
        // The same device at several places is one file system; the last mount on a place is the one that is seen.
        mounts.sort_by_key(|(_, place)| place.len());
        let mut known: Vec<&str> = Vec::new();
        for (device, place) in mounts {
            let same = device.starts_with('/') && known.contains(&device);
            if same || systems.here.iter().any(|system| system.place == place) {
                continue;
            }
            known.push(device);
            match space.get(place) {
                Some(&(size_kib, free_kib)) => {
                    let inodes = inodes.get(place).copied().filter(|(all, _)| *all > 0);
                    systems.here.push(FileSystem { place: place.to_owned(), size_kib, free_kib, inodes });
                }
                None => systems.untold.push(place.to_owned()),
            }
        }
        Ok(systems)
    }
}

/// Reads `/dev/sda1 264212084 35104776 60181112 37% /var`: the place, what is used and free together, what is free.
/// A file system that counts nothing writes dashes.
fn numbers(row: &str) -> Option<(&str, (u64, u64))> {
    let at = row.find("% /").map(|at| at + 2).or_else(|| row.find(" - /").map(|at| at + 3))?;
    let (head, place) = (row.get(..at)?, row.get(at..)?);
    let mut fields = head.split_whitespace().rev().skip(1);
    let mut number = || fields.next().map(|text| text.parse::<u64>().unwrap_or(0));
    let (free, used) = (number()?, number()?);
    Some((place, (used.saturating_add(free), free)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn every_shell_knows_this_machines_root() {
        for bench in Workbench::every_shell() {
            let output = bench.run(Space::SCRIPT, &Space.args(), None);
            let systems = Space.parse(&output).unwrap();
            let root = systems.here.iter().find(|system| system.place == "/");
            let root = root.unwrap_or_else(|| panic!("{}: {systems:?}", bench.name()));
            assert!(root.size_kib > 1000 && root.free_kib <= root.size_kib, "{root:?}");
            assert!(!systems.here.iter().any(|system| system.place.starts_with("/proc")));
        }
    }

    #[test]
    fn a_device_counts_once_and_dashes_are_no_numbers() {
        let text = "mount /dev/vda /srv/repo\nmount /dev/vda /\nmount pool/x /data\nremote /mnt/nfs\nmount /dev/vdb /gone\n\
            space Filesystem     1024-blocks     Used Available Capacity Mounted on\n\
            space /dev/vda 264212084 35104776 60181112      37% /\n\
            space /dev/vda 264212084 35104776 60181112      37% /srv/repo\n\
            space pool/x 100 40 60 40% /data\n\
            inodes Filesystem Inodes IUsed IFree IUse% Mounted on\ninodes /dev/vda 1000 10 990 1% /\n\
            inodes pool/x - - - - /data\n";
        let systems = Space.parse(&Output::ok(text)).unwrap();
        let places: Vec<&str> = systems.here.iter().map(|system| system.place.as_str()).collect();
        assert_eq!(places, ["/", "/data"]);
        assert_eq!(systems.here[0].inodes, Some((1000, 990)));
        assert_eq!((systems.here[1].size_kib, systems.here[1].inodes), (100, None));
        assert_eq!((systems.untold, systems.remote), (vec!["/gone".to_owned()], vec!["/mnt/nfs".to_owned()]));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("mount|space|inodes|remote", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = Space.parse(&Output::ok(text));
        }
    }
}
