//! The record of real runs: what is written before a change, after it, when wgops dies, and when somebody interrupts.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::wait_until;

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.exec(&host, "rm -rf /tmp/e2e-*");
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

/// A command that says that it began, and then waits to be let go.
///
/// The next one waits for its answer, so that the two do not travel together.
const SLOW: &str = "- shell: touch /tmp/e2e-began; while ! test -e /tmp/e2e-go; do sleep 0.1; done; touch /tmp/e2e-ended\n  register: slow\n\
                    - command: touch /tmp/e2e-next\n  when: slow.rc == 0\n";

/// The same, of two commands that may travel together.
const TOGETHER: &str = "- shell: touch /tmp/e2e-began; while ! test -e /tmp/e2e-go; do sleep 0.1; done; touch /tmp/e2e-ended\n\
                        - command: touch /tmp/e2e-next\n";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_intent_is_on_disk_before_the_change_and_outlives_wgops() {
    here(|lab, host, ops| {
        let file = ops.play("slow", "", SLOW);
        let run = ops.types("alice", &format!("run {file} -i ops --reason slowly")).starts();
        wait_until("the task has begun", 20, || lab.holds(host, "test -e /tmp/e2e-began"));
        assert_eq!(ops.entries(), 1, "the intent came first");
        run.signal("KILL");
        assert_eq!(run.says().code, None);
        let line = ops.newest();
        assert!(line.contains("open") && line.contains("slowly"), "{line}");
        ops.alice("ledger verify").expect(0, &["open"]);
        ops.newest_run().expect(0, &["open", host.name(), "slowly"]);
        lab.exec(host, "touch /tmp/e2e-go");
        assert!(!lab.holds(host, "test -e /tmp/e2e-next"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_hosts_own_log_has_the_run() {
    here(|lab, host, ops| {
        let file = ops.play("logged", "  become: true\n", "- command: touch /tmp/e2e-logged");
        ops.alice(&format!("run {file} -i ops")).expect(0, &["changed=1"]);
        let line = ops.newest();
        let run = line.split_whitespace().last().unwrap();
        let log = lab.exec(host, "journalctl -t wgops --no-pager");
        assert!(log.contains(run), "no {run} in {log}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_dry_run_leaves_nothing_in_the_hosts_log() {
    here(|lab, host, ops| {
        let file = ops.play("dry", "  become: true\n", "- command: touch /tmp/e2e-logged");
        let lines = || lab.exec(host, "journalctl -t wgops --no-pager | wc -l");
        let before = lines();
        ops.alice(&format!("run {file} -i ops --check")).expect(0, &["would run"]);
        assert_eq!(lines(), before);
        assert!(ops.newest().contains("--check"), "{}", ops.newest());
    });
}

/// Two hosts in the midst of a slow task, of a play of two.
fn midst(tasks: &str, test: impl FnOnce(&Lab, [&Host; 2], &Ops<'_>, crate::typed::Running)) {
    let lab = Lab::open();
    let (one, two) = lab.two_hosts();
    for host in [&one, &two] {
        lab.exec(host, "rm -rf /tmp/e2e-*");
    }
    let ops = Ops::of(&lab, &[&one, &two]);
    let file = ops.play("slow", "", tasks);
    let run = ops.types("alice", &format!("run {file} -i ops")).starts();
    for host in [&one, &two] {
        wait_until("both have begun", 20, || lab.holds(host, "test -e /tmp/e2e-began"));
    }
    test(&lab, [&one, &two], &ops, run);
    for host in [&one, &two] {
        lab.exec(host, "touch /tmp/e2e-go");
    }
}

/// One interrupt: what is under way ends, and nothing else begins.
fn interrupted_once(tasks: &str) {
    midst(tasks, |lab, hosts, ops, mut run| {
        run.signal("INT");
        for host in hosts {
            assert!(run.runs(), "it waits for what is under way");
            lab.exec(host, "touch /tmp/e2e-go");
        }
        let said = run.says();
        said.expect(130, &["interrupted"]);
        for host in hosts {
            assert!(lab.holds(host, "test -e /tmp/e2e-ended"), "what was under way ended\n{said}");
            assert!(!lab.holds(host, "test -e /tmp/e2e-next"), "no other was begun\n{said}");
        }
        said.expect(130, &["changed=1"]);
        assert!(ops.newest().contains("2 changed"), "{}", ops.newest());
        assert!(ops.newest().contains("interrupted"), "{}", ops.newest());
        ops.newest_run().expect(0, &["interrupted"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn one_interrupt_lets_the_change_end_and_begins_no_other() {
    interrupted_once(SLOW);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn one_interrupt_begins_no_other_change_of_the_same_exchange() {
    interrupted_once(TOGETHER);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn two_interrupts_end_it_at_once_and_what_was_under_way_is_unknown() {
    midst(SLOW, |lab, hosts, ops, run| {
        run.signal("INT");
        // The first has to be seen before the second counts as one.
        std::thread::sleep(std::time::Duration::from_millis(300));
        run.signal("INT");
        let said = run.says();
        said.expect(130, &["unknown"]);
        let line = ops.newest();
        assert!(line.contains("2 unknown"), "{line}");
        ops.newest_run().expect(0, &["unknown"]).without(&["changed=1"]);
        for host in hosts {
            assert!(!lab.holds(host, "test -e /tmp/e2e-next"));
        }
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_connection_that_is_cut_in_a_command_is_unknown_and_exit_three() {
    here(|lab, host, ops| {
        let file = ops.play("slow", "", SLOW);
        let run = ops.types("alice", &format!("run {file} -i ops")).starts();
        wait_until("the task has begun", 20, || lab.holds(host, "test -e /tmp/e2e-began"));
        lab.exec(host, "pkill -KILL -u ops sshd");
        let said = run.says();
        said.expect(3, &["unknown", "connection"]).without(&["changed=1", "nothing changed"]);
        let line = ops.newest();
        assert!(line.contains("1 unknown"), "{line}");
        lab.exec(host, "touch /tmp/e2e-go");
        assert!(!lab.holds(host, "test -e /tmp/e2e-next"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_forged_or_missing_entry_does_not_verify() {
    here(|_, _, ops| {
        let file = ops.play("good", "", "- command: 'true'");
        ops.alice(&format!("run {file} -i ops")).expect(0, &[]);
        ops.alice("ledger verify").expect(0, &[]);
        let find = |pattern: &str| {
            let ledger = ops.root().join("ledger").to_string_lossy().into_owned();
            let find = std::process::Command::new("find")
                .args([&ledger, "-name", pattern, "-not", "-name", "*.private.json"])
                .output()
                .unwrap();
            let mut files: Vec<String> =
                String::from_utf8_lossy(&find.stdout).lines().map(str::to_owned).collect();
            files.sort();
            files
        };
        let newest = find("*.json").pop().unwrap();
        let text = std::fs::read_to_string(&newest).unwrap();
        let name = newest.rsplit('/').next().unwrap();
        std::fs::write(&newest, text.replace("\"failed\":0", "\"failed\":7")).unwrap();
        ops.alice("ledger verify").expect(4, &[name, "signature"]);
        for file in [newest.clone(), format!("{newest}.sig"), newest.replace(".json", ".private.json")] {
            std::fs::remove_file(file).unwrap();
        }
        ops.alice("ledger verify").expect(4, &[]);
    });
}

/// A ledger that lies on a file system of its own, until the test ends.
struct Mounted(std::path::PathBuf);

impl Mounted {
    fn at(folder: std::path::PathBuf, options: &str) -> Self {
        std::fs::create_dir_all(&folder).unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&folder)
            .status();
        assert!(mount.unwrap().success());
        Self(folder)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _gone = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn where_the_ledger_is_full_or_read_only_nothing_is_changed_on_a_host() {
    here(|lab, host, ops| {
        let file = ops.play("touch", "", "- command: touch /tmp/e2e-changed\n");
        let run = format!("run {file} -i ops --allow-dirty");
        for (options, why) in [
            // Room for folders, and for none of the files in them.
            ("size=1M,nr_inodes=3", "No space left on device"),
            ("size=4k,nr_inodes=40", "No space left on device"),
            ("size=1M,ro", "Read-only file system"),
        ] {
            let _ledger = Mounted::at(ops.root().join("ledger"), options);
            let said = ops.alice(&run);
            assert!(said.code == Some(2) || said.code == Some(4), "{options}: {said}");
            said.expect(said.code.unwrap(), &[why, "ledger"]);
            assert!(!lab.holds(host, "test -e /tmp/e2e-changed"), "{options}: {said}");
            assert!(!lab.holds(host, "test -e /run/wgops/lock"), "{options}: {said}");
        }
        ops.alice(&run).expect(0, &["changed=1"]);
        assert!(ops.newest().contains("1 changed"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_disk_that_fills_after_the_intent_leaves_the_run_open_until_somebody_says_how_it_ended() {
    here(|lab, host, ops| {
        let file = ops.play("slow", "", SLOW);
        let _ledger = Mounted::at(ops.root().join("ledger"), "size=256k");
        let run = ops.types("alice", &format!("run {file} -i ops --allow-dirty --reason slowly")).starts();
        wait_until("the task has begun", 20, || lab.holds(host, "test -e /tmp/e2e-began"));
        // From here on nothing fits any more.
        let fill = ops.root().join("ledger/.fill");
        let dd = std::process::Command::new("dd")
            .args(["if=/dev/zero", "bs=1k", &format!("of={}", fill.display())])
            .output();
        assert!(!dd.unwrap().status.success());
        lab.exec(host, "touch /tmp/e2e-go");
        let said = run.says();
        let id = ops.alice("ledger log").out.split_whitespace().last().unwrap().to_owned();
        // What was done is told, and that the ledger does not have it, and how to go on.
        let resume = format!("wgops resume {id}");
        said.expect(2, &["changed=2", "No space left on device", "the ledger has no outcome of it", &resume]);
        assert!(lab.holds(host, "test -e /tmp/e2e-next && ! test -e /run/wgops/lock"), "{said}");
        ops.alice("ledger log").expect(0, &["open: nobody said how it ended", "slowly"]);
        ops.alice("ledger verify").expect(0, &["open:", &id, "every signature and chain holds"]);
        lab.exec(host, "rm -f /tmp/e2e-began");
        let again = ops.alice(&format!("run {file} -i ops --allow-dirty"));
        again.expect(2, &["No space left on device", "without an intent in the ledger nothing is changed"]);
        assert!(!lab.holds(host, "test -e /tmp/e2e-began"), "{again}");
        let resolve = format!("ledger resolve {id} --note looked");
        ops.alice(&resolve).expect(2, &["No space left on device"]);
        std::fs::remove_file(&fill).unwrap();
        ops.alice(&resolve).expect(0, &["is closed"]);
        ops.alice("ledger verify").expect(0, &["every signature and chain holds"]).without(&["open:"]);
    });
}
