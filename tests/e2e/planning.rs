//! Plans: made by somebody who may only look, applied by somebody who may change, exactly and once.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::{Said, wait_until};
use std::path::PathBuf;

/// A lab, a host with a fresh disk, and an ops repository.
fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

fn version(lab: &Lab, host: &Host, package: &str) -> String {
    lab.exec(host, &format!("dpkg-query -W -f '${{Version}} ${{db:Status-Abbrev}}' {package} || true"))
}

fn planned(ops: &Ops<'_>, who: &str, options: &str) -> Said {
    let said = ops.types(who, &format!("patch -i ops {options} --plan-out plans/weekly.json")).says();
    said.expect(0, &["Plan for", "plans/weekly.json"]);
    said
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_a_shadow_plans_an_operator_applies_exactly_and_once() {
    here(|lab, host, ops| {
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        ops.types("sam", "patch -i ops").says().expect(0, &["--plan-out"]);
        let before = lab.exec(host, "dpkg -l | sha256sum");
        planned(ops, "sam", "--exclude bar");
        assert_eq!(lab.exec(host, "dpkg -l | sha256sum"), before, "a plan changes nothing");
        assert!(ops.newest().contains("plan of patch"), "{}", ops.newest());
        ops.types("sam", "apply plans/weekly.json").says().expect(4, &["shadow"]);
        let said = ops.types("alice", "apply plans/weekly.json").at_a_terminal("1\n").within(90).says();
        said.expect(0, &["by sam", "libfoo"]);
        for package in ["libfoo", "svcd", "confpkg"] {
            assert_eq!(version(lab, host, package), "1.1 ii", "{package}: {said}");
        }
        assert_eq!(version(lab, host, "bar"), "1.0 ii", "{said}");
        ops.newest_run().expect(0, &["apply", "by sam", "1 changed"]);
        ops.alice("apply plans/weekly.json --yes").expect(4, &["spent", "alice"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_is_not_as_planned_is_refused_line_by_line() {
    here(|lab, host, ops| {
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        planned(ops, "sam", "");
        lab.exec(host, "apt-get install -y svcd=1.1 slowpost=1.0 >/dev/null 2>&1");
        let before = lab.exec(host, "dpkg -l | sha256sum");
        let said = ops.alice("apply plans/weekly.json --yes");
        said.expect(4, &["refused", "- svcd 1.0 → 1.1", "+ slowpost 1.0 → 1.1", "Nothing was changed"]);
        assert_eq!(lab.exec(host, "dpkg -l | sha256sum"), before, "{said}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_that_was_doctored_or_that_nobody_signed_is_refused() {
    here(|lab, host, ops| {
        let before = lab.exec(host, "dpkg -l | sha256sum");
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        planned(ops, "sam", "--security");
        let file = ops.root().join("plans/weekly.json");
        let text = std::fs::read_to_string(&file).unwrap();
        for (from, to, code, why) in [
            ("\"libfoo\"", "\"bar\"", 4, "does not fit"),
            ("\"maker\": \"sam\"", "\"maker\": \"alice\"", 4, "sam signed it"),
            ("\"version\": 1", "\"version\": 7", 2, "version 7"),
            ("Install updates", "\\u001b[2JInstall", 2, "control characters"),
        ] {
            assert!(text.contains(from), "{from} in {text}");
            std::fs::write(&file, text.replacen(from, to, 1)).unwrap();
            ops.alice("apply plans/weekly.json --yes").expect(code, &[why]).without(&["\u{1b}[2J"]);
        }
        std::fs::write(&file, &text).unwrap();
        ops.types("mallory", "patch -i ops --plan-out plans/mallory.json").says().expect(0, &["not signed"]);
        ops.alice("apply plans/mallory.json --yes").expect(4, &["not signed"]);
        ops.keep("playbooks/more.yml", "- hosts: all\n");
        ops.alice("apply plans/weekly.json --yes").expect(4, &["playbooks/more.yml", "--allow-changed"]);
        assert_eq!(lab.exec(host, "dpkg -l | sha256sum"), before);
        assert!(!ops.alice("ledger log").out.contains("apply"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_applied_patch_looks_to_its_playbook_as_its_preview_did() {
    here(|lab, host, ops| {
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        lab.exec(host, "rm -f /root/evil");
        let own = std::fs::read_to_string(ops.root().join("playbooks/patch.yml")).unwrap();
        let evil = "        dpkg_options: \"{{ ['force-confold'] + (['pre-invoke=touch${IFS}/root/evil'] if patch_only is defined else []) }}\"\n";
        let mark = "      apply_updates:\n";
        let more = "    - name: Install more\n      apply_updates: {only: ['svcd=1.1']}\n      when: patch_only is defined\n";
        let after = "    # BETWEEN";
        assert!(own.contains(mark) && own.contains(after), "{own}");
        let text =
            own.replacen(mark, &format!("{mark}{evil}"), 1).replacen(after, &format!("{more}{after}"), 1);
        ops.keep("playbooks/patch.yml", text);
        planned(ops, "sam", "--security");
        let said = ops.alice("apply plans/weekly.json --yes");
        said.expect(0, &["libfoo"]);
        assert!(!lab.holds(host, "test -e /root/evil"), "{said}");
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii", "{said}");
        assert_eq!(version(lab, host, "svcd"), "1.0 ii", "{said}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_patch_s_plan_binds_every_word_that_is_sent_with_its_packages() {
    here(|lab, host, ops| {
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        lab.exec(host, "rm -f /root/evil");
        let own = std::fs::read_to_string(ops.root().join("playbooks/patch.yml")).unwrap();
        // A dry run waits for nothing, and that can be told.
        let evil = "        dpkg_options: \"{{ ['force-confold'] + (['pre-invoke=touch${IFS}/root/evil'] if late else []) }}\"\n";
        let mark = "      apply_updates:\n";
        let waits = "    - set_fact: {begun: \"{{ now().timestamp() }}\"}\n    - pause: {seconds: 4}\n    \
                     - set_fact: {late: \"{{ now().timestamp() - begun | float > 3 }}\"}\n    - name: Look for updates\n";
        let text = own.replacen(mark, &format!("{mark}{evil}"), 1).replacen(
            "    - name: Look for updates\n",
            waits,
            1,
        );
        ops.keep("playbooks/patch.yml", text);
        planned(ops, "sam", "--security");
        let said = ops.alice("apply plans/weekly.json --yes");
        said.expect(1, &["not what was planned"]);
        assert!(!lab.holds(host, "test -e /root/evil"), "{said}");
        assert_eq!(version(lab, host, "libfoo"), "1.0 ii", "{said}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_of_a_playbook_sends_what_was_planned_and_nothing_else() {
    let lab = Lab::open();
    let (one, two) = lab.two_hosts();
    for host in [&one, &two] {
        lab.exec(host, "rm -rf /tmp/e2e-*");
    }
    let ops = Ops::of(&lab, &[&one, &two]);
    let file =
        ops.play("site", "", "- copy: {dest: /tmp/e2e-a, content: one}\n- command: touch /tmp/e2e-b\n");
    ops.types("sam", &format!("run {file} -i ops --plan-out")).says().expect(0, &["Plan for 2 hosts"]);
    let plans: Vec<_> =
        std::fs::read_dir(ops.root().join("plans")).unwrap().map(|e| e.unwrap().path()).collect();
    let plan = plans.iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    lab.exec(&two, "echo other >/tmp/e2e-a");
    let apply = format!("apply {} --yes", plan.display());
    ops.alice(&format!("{apply} --all-or-nothing")).expect(4, &["Nothing was changed", two.name()]);
    assert!(!lab.holds(&one, "test -e /tmp/e2e-a"));
    let said = ops.alice(&apply);
    said.expect(4, &["is refused", "1 changed"]);
    assert!(lab.holds(&one, "test -e /tmp/e2e-a && test -e /tmp/e2e-b"), "{said}");
    assert!(!lab.holds(&two, "test -e /tmp/e2e-b"), "{said}");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_one_host_got_another_gets_and_nothing_else() {
    let lab = Lab::open();
    let (staging, prod) = lab.two_hosts();
    for host in [&staging, &prod] {
        lab.reset(host);
    }
    let ops = Ops::of(&lab, &[&staging, &prod]);
    ops.alice(&format!("patch -i ops -l {} --exclude bar,confpkg --yes", staging.name()))
        .expect(0, &["libfoo"]);
    let run = ops.newest().split_whitespace().last().unwrap().to_owned();
    let typed = format!("patch -i ops -l {} --same-as {run}", prod.name());
    let check = ops.alice(&format!("{typed} --check"));
    check.expect(0, &["libfoo", "left alone", "bar 1.1"]);
    assert_eq!(version(&lab, &prod, "libfoo"), "1.0 ii");
    let said = ops.types("alice", &typed).at_a_terminal("1\n").within(90).says();
    said.expect(0, &["libfoo"]);
    for (package, wanted) in
        [("libfoo", "1.1 ii"), ("svcd", "1.1 ii"), ("bar", "1.0 ii"), ("confpkg", "1.0 ii")]
    {
        assert_eq!(version(&lab, &prod, package), wanted, "{package}: {said}");
    }
    ops.alice("patch -i ops --same-as 7ZZZ --check").expect(2, &["no run '7ZZZ'"]);
    let playbook = std::fs::read_to_string(ops.root().join("playbooks/patch.yml")).unwrap();
    ops.keep("playbooks/patch.yml", playbook.replace("patch_same_as", "patch_other"));
    ops.alice(&format!("{typed} --yes")).expect(2, &["does not read patch_same_as"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_is_spent_on_its_host_for_a_clone_that_has_not_pulled() {
    here(|lab, host, ops| {
        lab.exec(host, "rm -f /tmp/e2e-twice");
        let file = ops.play(
            "twice",
            "  become: true\n",
            "- shell: echo once >>/tmp/e2e-twice\n- command: 'true'\n  changed_when: false",
        );
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        ops.types("sam", &format!("run {file} -i ops --plan-out plans/twice.json"))
            .says()
            .expect(0, &["Plan for 1 host"]);
        // What somebody else has who has not pulled: the ledger as it is before.
        let (ledger, before) = (ops.root().join("ledger"), ops.elsewhere().join("before"));
        let copy = |from: &std::path::Path, to: &std::path::Path| {
            let cp = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
            assert!(cp.success());
        };
        copy(&ledger, &before);
        ops.alice("apply plans/twice.json --yes").expect(0, &["changed=1"]);
        ops.alice("apply plans/twice.json --yes").expect(4, &["spent"]);
        std::fs::remove_dir_all(&ledger).unwrap();
        copy(&before, &ledger);
        // On a machine of somebody else's that has not pulled; on one's own, what was seen would be missed.
        ops.alice("apply plans/twice.json --yes").expect(4, &["was verified here before, and is gone"]);
        let home = ops.elsewhere().join("another_home");
        let apply = ops.types("alice", "apply plans/twice.json --yes");
        let said = apply.env("HOME", &home.to_string_lossy()).says();
        said.expect(1, &["the plan is spent: this host's log has 'run ", "alice (lead)", "Pull"]);
        assert_eq!(lab.exec(host, "cat /tmp/e2e-twice"), "once", "{said}");
        assert!(!lab.holds(host, "test -e /run/wgops/lock"));
    });
}

/// Gives a host its keys back.
const OLD_KEYS: &str = "rm /etc/ssh/ssh_host_* && mv /root/old/* /etc/ssh";

/// Keeps host keys out of the ops repository: no commit says that they changed.
fn keeps_host_keys_to_oneself(lab: &Lab, host: &Host, ops: &Ops<'_>) {
    ops.keep("inventory/known_hosts", "");
    std::fs::write(ops.elsewhere().join("home/.ssh/known_hosts"), lab.known_hosts(host)).unwrap();
}

/// Gives a host another key, as if it were installed anew; the home of somebody who has never met it, and knows that key.
fn installed_anew(lab: &Lab, host: &Host, ops: &Ops<'_>) -> PathBuf {
    let keys = "cd /etc/ssh && mkdir -p /root/old && mv ssh_host_* /root/old";
    lab.exec(host, &format!("{keys} && ssh-keygen -q -t ed25519 -N '' -f ssh_host_ed25519_key"));
    let key = lab.exec(host, "cat /etc/ssh/ssh_host_ed25519_key.pub");
    let home = ops.elsewhere().join("another_home");
    std::fs::create_dir_all(home.join(".ssh")).unwrap();
    std::fs::write(home.join(".ssh/known_hosts"), format!("{} {key}\n", lab.address(host))).unwrap();
    home
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_is_for_a_machine_even_where_it_had_to_be_asked_nothing() {
    here(|lab, host, ops| {
        let file = ops.play("blind", "", "- command: touch /tmp/e2e-blind");
        keeps_host_keys_to_oneself(lab, host, ops);
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        let plan = format!("run {file} -i ops --plan-out plans/blind.json");
        ops.types("sam", &plan).says().expect(0, &["Plan for 1 host"]);
        let text = std::fs::read_to_string(ops.root().join("plans/blind.json")).unwrap();
        assert!(text.contains("\"key\": \"SHA256:") || text.contains("\"key\":\"SHA256:"), "{text}");
        let home = installed_anew(lab, host, ops);
        let apply = || {
            let apply = ops.types("alice", "apply plans/blind.json --yes");
            apply.env("HOME", &home.to_string_lossy()).says()
        };
        let said = apply();
        said.expect(4, &["- host key SHA256:", "+ host key SHA256:", "Nothing was changed"]);
        assert!(!lab.holds(host, "test -e /tmp/e2e-blind"), "{said}");
        // A host that can't be met has nothing that could be applied.
        lab.exec(host, OLD_KEYS);
        let blind = ops.types("sam", &plan.replace("blind.json", "unmet.json"));
        let said = blind.env("HOME", &home.to_string_lossy()).says();
        said.expect(3, &["Not applicable on", "its host key: ", "HOST KEY CHANGED"]);
        ops.alice("apply plans/blind.json --yes").expect(0, &["changed=1"]);
        lab.exec(host, "rm /tmp/e2e-blind");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_whose_run_broke_off_is_resumed_on_no_other_machine() {
    here(|lab, host, ops| {
        let file = ops.play("parts", "", "- command: sleep 5\n- command: touch /tmp/e2e-parts");
        keeps_host_keys_to_oneself(lab, host, ops);
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        let plan = format!("run {file} -i ops --plan-out plans/parts.json");
        ops.types("sam", &plan).says().expect(0, &["Plan for 1 host"]);
        let run = ops.types("alice", "apply plans/parts.json --yes").within(60).starts();
        wait_until("it has begun", 30, || lab.holds(host, "pgrep -x sleep -u ops"));
        run.kill();
        let runs = ops.alice("runs");
        runs.expect(0, &["open", host.name()]);
        let run = runs.out.lines().next().unwrap().trim_start_matches(['→', ' ']);
        let run = run.split_whitespace().next().unwrap().to_owned();
        let home = installed_anew(lab, host, ops);
        let resume = ops.types("alice", &format!("resume {run} --yes")).within(60);
        let said = resume.env("HOME", &home.to_string_lossy()).says();
        said.expect(1, &["the plan is for another machine", "nothing was sent"]);
        assert!(!lab.holds(host, "test -e /tmp/e2e-parts"), "{said}");
        lab.exec(host, OLD_KEYS);
    });
}
