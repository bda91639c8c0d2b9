//! What a private refresh leaves behind: nothing, whoever is gone meanwhile.

use crate::model::{Argv, Script};
use crate::questions::workbench::Workbench;
use std::time::{Duration, SystemTime};

/// A refresh by an account that has a folder for temporary files of its own; its reader takes a line, and is gone.
const LEFT: Script = Script {
    name: "left",
    text: concat!(
        "TMPDIR=$PWD/tmp\n",
        include_str!("lists.sh"),
        "(fresh_lists 0; echo '== end'; echo '== end') | { read -r _; }\n"
    ),
};
/// The same with somebody who reads all of it.
const READ: Script = Script {
    name: "read",
    text: concat!("TMPDIR=$PWD/tmp\n", include_str!("lists.sh"), "(fresh_lists 0)\n"),
};

fn benches() -> Vec<Workbench> {
    let mut benches = Workbench::every_shell();
    for bench in &mut benches {
        bench.program("apt-get", "sleep 0.2; : >ran");
        std::fs::create_dir(bench.at("tmp")).unwrap();
    }
    benches
}

fn left(bench: &Workbench) -> Vec<String> {
    let names = std::fs::read_dir(bench.at("tmp")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn nothing_is_left_where_whoever_asked_is_gone_before_the_answer() {
    for bench in benches() {
        bench.run(LEFT, &Argv::default(), None);
        assert!(bench.at("ran").exists(), "{}", bench.name());
        assert_eq!(left(&bench), [""; 0], "{}", bench.name());
    }
}

#[test]
fn what_was_left_long_ago_is_removed_and_what_is_younger_counts() {
    for bench in benches() {
        let make = |name: &str, age: u64| {
            let folder = bench.at("tmp").join(name);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("list"), "x").unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            std::fs::File::open(folder).unwrap().set_modified(time).unwrap();
        };
        make("wgops-lists.old", 7300);
        make("wgops-other", 7300);
        let said = bench.run(READ, &Argv::default(), None).text().into_owned();
        assert!(said.contains("== refresh private"), "{}: {said}", bench.name());
        assert_eq!(left(&bench), ["wgops-other"], "{}", bench.name());
        (0..7).for_each(|number| make(&format!("wgops-lists.{number}"), 60));
        let said = bench.run(READ, &Argv::default(), None).text().into_owned();
        assert!(
            said.contains("== refresh failed\nE: 7 refreshes of this account"),
            "{}: {said}",
            bench.name()
        );
        assert_eq!(left(&bench).len(), 8, "{}", bench.name());
    }
}
