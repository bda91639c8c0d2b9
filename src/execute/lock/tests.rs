//! The lock's scripts in every shell that is here, below a home directory instead of /run; and what people are told.

use super::{HELD, RELEASE, SPENT, TAKE, held, refusal};
use crate::model::{Argv, Script};
use crate::plan::Reply;
use crate::questions::Output;
use crate::questions::held::{Others, PEEK, Stage};
use crate::questions::workbench::Workbench;
use std::fs;
use std::path::PathBuf;

const OURS: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const THEIRS: &str = "01BX5ZZKBKACTAV9WEVGEMMVRZ";

/// A shell of a user who isn't root, so that locks lie in a home directory.
fn benches() -> Vec<Workbench> {
    let mut benches = Workbench::every_shell();
    benches.iter_mut().for_each(|bench| bench.program("id", "echo 1000"));
    benches
}

fn base(bench: &Workbench) -> PathBuf {
    bench.at("..").join(".wgops")
}

fn take(bench: &Workbench, run: &str, holder: &str, seconds: u64) -> Output {
    let args = [run, holder, &seconds.to_string(), "", "1"].map(str::to_owned).to_vec();
    bench.run(TAKE, &Argv(args), None)
}

fn give_back(bench: &Workbench) {
    bench.run(RELEASE, &[OURS.to_owned(), "1".to_owned()].into(), None);
}

fn lock(bench: &Workbench, run: &str) -> Option<String> {
    fs::read_to_string(base(bench).join("lock").join(format!("{run}.1"))).ok()
}

/// This test's own process, as the lines of a lock have it.
fn alive() -> String {
    alive_as(std::process::id())
}

/// A process, likewise.
fn alive_as(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start = stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().to_owned();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    format!("pid {pid}\nstart {start}\nboot {boot}")
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

/// A lock that another run has; what is replaced in it.
fn theirs(bench: &Workbench, from: &str, to: &str) {
    theirs_at(bench, now(), from, to);
}

/// The same as it would be at a time.
fn theirs_at(bench: &Workbench, now: u64, from: &str, to: &str) {
    fs::create_dir_all(base(bench).join("lock")).unwrap();
    let lines =
        format!("holder bob (operator)\nsince {}\nuntil {}\n{}state held\n", now - 240, now + 600, alive());
    assert!(lines.contains(from), "{from} is not in {lines}");
    fs::write(base(bench).join("lock").join(format!("{THEIRS}.1")), lines.replace(from, to)).unwrap();
}

/// What another run left, apart from any connection.
fn left(bench: &Workbench, number: u8, pid: &str, status: Option<u8>) {
    let directory = base(bench).join(format!("{THEIRS}-{number}"));
    fs::create_dir_all(&directory).unwrap();
    fs::write(
        directory.join("by"),
        format!("holder bob (operator)\nsince {}\nuntil {}\n", now(), now() + 60),
    )
    .unwrap();
    fs::write(directory.join("summary"), "Upgrade 3 packages: a, b, c\n").unwrap();
    fs::write(directory.join("pid"), pid).unwrap();
    if let Some(status) = status {
        fs::write(directory.join("status"), format!("{status}\n")).unwrap();
    }
}

#[test]
fn a_free_host_is_taken_renewed_and_given_back() {
    for bench in benches() {
        assert_eq!(take(&bench, OURS, "alice (lead)", 600), Output::default(), "{}", bench.name());
        let first = lock(&bench, OURS).unwrap();
        assert!(
            first.starts_with("holder alice (lead)\nsince ") && first.ends_with("\nstate held\n"),
            "{first}"
        );
        // Its shell is gone by now: the same run takes it over and is still there since then.
        let older = first.replace("since ", "since 1").replace("until ", "until 1");
        fs::write(base(&bench).join("lock").join(format!("{OURS}.1")), &older).unwrap();
        assert_eq!(take(&bench, OURS, "alice (lead)", 600).status, 0, "{}", bench.name());
        let since = |text: &str| text.lines().nth(1).unwrap().to_owned();
        assert_eq!(since(&lock(&bench, OURS).unwrap()), since(&older));
        give_back(&bench);
        assert!(!base(&bench).exists(), "{}", bench.name());
    }
}

#[test]
fn a_run_is_taken_over_from_a_dead_wgops_and_from_none_that_lives() {
    for bench in benches() {
        let resume = |process: &str| {
            let args = [THEIRS, "carol (lead)", "600", "", process].map(str::to_owned).to_vec();
            bench.run(TAKE, &Argv(args), None)
        };
        theirs(&bench, "", "");
        assert_eq!(resume("2").status, HELD, "{}", bench.name());
        theirs(&bench, "start ", "start 9");
        let since = lock(&bench, THEIRS).unwrap().lines().nth(1).unwrap().to_owned();
        assert_eq!(resume("2").status, 0, "{}", bench.name());
        assert_eq!(lock(&bench, THEIRS), None);
        let taken = fs::read_to_string(base(&bench).join("lock").join(format!("{THEIRS}.2"))).unwrap();
        assert!(taken.contains(&since), "{taken}");
    }
}

#[test]
fn a_resumed_run_ends_the_idle_shell_of_the_one_before_and_no_busy_one() {
    for bench in benches() {
        for (script, free) in [("exec sleep 10", true), ("sleep 10; :", false)] {
            let mut shell = std::process::Command::new("sh")
                .args(["-c", script])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let children = format!("/proc/{0}/task/{0}/children", shell.id());
            while !free && fs::read_to_string(&children).unwrap().is_empty() {}
            theirs(&bench, &alive(), &alive_as(shell.id()));
            let args = [THEIRS, "carol (lead)", "600", "", "2"].map(str::to_owned).to_vec();
            let output = bench.run(TAKE, &Argv(args), None);
            assert_eq!(output.status == 0, free, "{script} in {}: {}", bench.name(), output.text());
            assert_eq!(shell.try_wait().unwrap().is_some(), free, "{script} in {}", bench.name());
            let _ = shell.kill();
            shell.wait().unwrap();
            bench.run(RELEASE, &[THEIRS.to_owned(), "2".to_owned()].into(), None);
        }
    }
}

#[test]
fn what_somebody_else_changes_is_not_taken_and_they_are_named() {
    for bench in benches() {
        theirs(&bench, "", "");
        let output = take(&bench, OURS, "alice (lead)", 600);
        assert_eq!((output.status, lock(&bench, OURS)), (HELD, None), "{}", bench.name());
        let told = refusal(&Reply::Done(output));
        assert!(told.contains(&format!("changed by bob (operator) (run {THEIRS}) since ")), "{told}");
        assert!(told.contains(" UTC, 4 min ago, until ") && told.contains("nothing was sent"), "{told}");
        assert!(lock(&bench, THEIRS).is_some());
    }
}

#[test]
fn a_lock_whose_owner_is_dead_frees_itself() {
    let begun = now();
    let (until_now, until_then) = (format!("until {}", begun + 600), format!("until {}", begun - 60));
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let other_process = format!("pid {}", std::process::id());
    let cases = [
        ("its time is over", until_now.as_str(), until_then.as_str()),
        ("its process is gone", &other_process, "pid 4194304"),
        ("its process number is somebody else's now", "start ", "start 9"),
        ("the host was restarted", boot.trim(), "another boot"),
    ];
    for bench in benches() {
        for (case, from, to) in cases {
            theirs_at(&bench, begun, from, to);
            let output = take(&bench, OURS, "alice (lead)", 600);
            assert_eq!(output.status, 0, "{case}, in {}", bench.name());
            let others = Others::parse(&output.text());
            assert_eq!(others.dead.first().map(|dead| dead.run.as_str()), Some(THEIRS), "{case}");
            assert_eq!(lock(&bench, THEIRS), None, "{case}, in {}", bench.name());
            give_back(&bench);
        }
    }
}

#[test]
fn what_goes_on_apart_from_any_connection_keeps_the_host() {
    for bench in benches() {
        left(&bench, 1, &alive(), None);
        let output = take(&bench, OURS, "alice (lead)", 600);
        assert_eq!((output.status, lock(&bench, OURS)), (HELD, None), "{}", bench.name());
        let told = refusal(&Reply::Done(output));
        assert!(told.contains("'Upgrade 3 packages: a, b, c' by bob (operator)"), "{told}");
        assert!(told.contains(&format!("'wgops resume {THEIRS}'")), "{told}");
        let peeked = Others::parse(&bench.run(PEEK, &Argv::default(), None).text());
        assert!(peeked.who_now().unwrap().contains("still goes on there"));
    }
}

#[test]
fn what_ended_or_was_cut_is_told_and_in_nobodys_way() {
    for bench in benches() {
        left(&bench, 1, "pid 4194304\n", Some(0));
        left(&bench, 2, "pid 4194304\n", None);
        let output = take(&bench, OURS, "alice (lead)", 600);
        assert_eq!(output.status, 0, "{}", bench.name());
        let stages: Vec<_> = Others::parse(&output.text()).left.into_iter().map(|left| left.stage).collect();
        assert_eq!(stages, [Stage::Ended, Stage::Cut], "{}", bench.name());
    }
}

#[test]
fn who_only_looks_is_told_who_changes_it_and_holds_nobody_up() {
    for bench in benches() {
        let peeked = || Others::parse(&bench.run(PEEK, &Argv::default(), None).text()).who_now();
        assert_eq!(peeked(), None, "{}", bench.name());
        theirs(&bench, "", "");
        assert!(peeked().unwrap().starts_with("is being changed by bob (operator)"), "{}", bench.name());
        theirs(&bench, "start ", "start 9");
        assert_eq!(peeked(), None, "{}", bench.name());
    }
}

#[test]
fn of_many_at_once_no_two_get_it() {
    /// Takes it, and stays alive as a shell with a connection does.
    const CONTEND: Script = Script {
        name: "contend",
        text: concat!(
            "HOME=$6\n(\n",
            include_str!("../../questions/held/holders.sh"),
            include_str!("take.sh"),
            "\n) >/dev/null && echo got\nsleep 3"
        ),
    };
    for round in 0..2 {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let got = std::thread::scope(|scope| {
            let contend = |number: usize, bench: Workbench| {
                let run = format!("01ARZ3NDEKTSV4RRFFQ69G5FA{number}");
                let args = [run.as_str(), "somebody", "600", "", "1", home].map(str::to_owned).to_vec();
                bench.run(CONTEND, &Argv(args), None).text().contains("got")
            };
            let all = benches().into_iter().chain(benches()).enumerate();
            let threads: Vec<_> = all.map(|(n, bench)| scope.spawn(move || contend(n, bench))).collect();
            threads.into_iter().map(|t| t.join().unwrap()).filter(|got| *got).count()
        });
        assert!(got <= 1, "{got} had it at once, in round {round}");
    }
}

#[test]
fn a_user_without_a_home_goes_without_a_lock() {
    for mut bench in benches() {
        bench.program("mkdir", "exit 1");
        let output = take(&bench, OURS, "alice (lead)", 600);
        assert_eq!((output.status, output.text().as_ref()), (0, "none\n"), "{}", bench.name());
        bench.program("id", "echo 0");
    }
}

#[test]
fn a_host_that_prints_nonsense_is_nobody_s() {
    assert_eq!(Others::parse("held\nheld x y z\ndoing it\n\n\u{1b}[2J 1 2 3 4"), Others::default());
    assert!(held(&Others::default()).starts_with("somebody else is changing this host"));
}

#[test]
fn a_plan_is_carried_out_once_on_a_host_whatever_the_ledger_at_hand_has() {
    let mark = "plan sha256:00ff";
    for mut bench in benches() {
        let log =
            |run: &str, plan: &str| format!("echo 'run {run} (apply) by bob (lead), plan sha256:{plan}'");
        let apply = |bench: &Workbench| {
            let args = [OURS, "alice (lead)", "600", "run x", "1", mark].map(str::to_owned).to_vec();
            bench.run(TAKE, &Argv(args), None)
        };
        bench.program("logger", "exit 0");
        for (said, status) in [
            (String::new(), 0),
            (log(THEIRS, "11ff"), 0),
            // Whoever goes on with a run said so there before.
            (log(OURS, "00ff"), 0),
            (log(THEIRS, "00ff"), SPENT),
        ] {
            bench.program("journalctl", &said);
            let output = apply(&bench);
            assert_eq!(output.status, status, "{}: {said}", bench.name());
            assert_eq!(lock(&bench, OURS).is_some(), status == 0, "{}: {said}", bench.name());
            if status == SPENT {
                let why = refusal(&Reply::Done(output));
                assert!(why.contains("the plan is spent") && why.contains("by bob (lead)"), "{why}");
            }
            give_back(&bench);
            assert!(!base(&bench).exists(), "{}", bench.name());
        }
    }
}
