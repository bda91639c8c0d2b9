//! The machine on which wgops runs has no room for its record.

use super::{here, is_whole, packages};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of a few pages; gone with this.
struct Small(PathBuf);

impl Small {
    fn at(dir: &Path, kilobytes: u32) -> Self {
        std::fs::create_dir_all(dir).unwrap();
        let size = format!("size={kilobytes}k");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir).status();
        assert!(mount.unwrap().success());
        Self(dir.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_room_for_the_intent_nothing_is_changed() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        let small = Small::at(&ops.root().join("ledger"), 4);
        std::fs::write(small.0.join("filler"), [0; 4096]).unwrap();
        let said = ops.types("alice", "patch -i ops --yes --allow-dirty").says();
        said.expect(2, &["can't write", "No space left on device", "nothing is changed, and nothing was"]);
        assert_eq!(packages(lab, host), before);
        assert!(!lab.holds(host, "ls -A /run/wgops 2>/dev/null | grep ."));
        drop(small);
        assert_eq!(ops.entries(), 0);
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_room_for_the_outcome_that_is_said_and_the_run_is_resumed() {
    here(|lab, host, ops| {
        // Room for an intent, its signature and its private part; a page is all that is left then.
        let small = Small::at(&ops.root().join("ledger"), 16);
        let said = ops.types("alice", "patch -i ops --yes --allow-dirty").says();
        said.expect(2, &["libfoo", "patched", "can't write", "No space left on device", "wgops resume"]);
        let line = ops.newest();
        assert!(line.contains("open"), "{line}");
        let mount = Command::new("mount").args(["-o", "remount,size=1m"]).arg(&small.0).status();
        assert!(mount.unwrap().success());
        let run = line.split_whitespace().last().unwrap();
        ops.types("alice", &format!("resume {run} --yes --allow-dirty")).says().expect(0, &[host.name()]);
        assert!(!ops.newest().contains("open"), "{}", ops.newest());
        let whole = ops.types("alice", "patch -i ops --yes --allow-dirty").says();
        whole.expect(0, &["nothing changed"]);
        assert!(!lab.holds(host, "ls -A /run/wgops 2>/dev/null | grep ."));
    });
}
