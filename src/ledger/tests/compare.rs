//! Ledger and hosts held against each other.

use super::*;

fn finished(number: u64, outcome_of: HostOutcome) -> Draft {
    finished_by("apt", number, outcome_of)
}

/// A run in which a task of a module had a part.
fn finished_by(module: &str, number: u64, outcome_of: HostOutcome) -> Draft {
    let records = match outcome_of {
        HostOutcome::Ok => Vec::new(),
        _ => vec![json!({"event": "task_ends", "module": module})],
    };
    let result = HostResult { outcome: outcome_of, records, seconds: None };
    let details = Details { results: [("web1".parse().unwrap(), result)].into(), ..Details::default() };
    let counts = Counts::of(details.results.values());
    Draft { run: Some(run(number)), verb: Some(Verb::Patch), counts, ..draft(Kind::Outcome, details) }
}

fn transaction(at: i64, command: &str) -> Transaction {
    Transaction {
        from: at,
        to: at + 5,
        command: command.into(),
        by: String::new(),
        packages: vec!["install x".into()],
    }
}

fn line(run: RunId) -> RunLine {
    RunLine {
        at: NOON,
        run: run.to_string(),
        line: format!("run {run} (patch) by oscar (operator)"),
        uid: None,
    }
}

fn told(ops: &Ops, traces: &Traces) -> Vec<String> {
    let found =
        ops.record().compared((&ops.roster, &ops.report()), &"web1".parse().unwrap(), traces, NOON - 86_400);
    let short = |one: &Disagreement| match one {
        Disagreement::Packages(one) => format!("packages {}", one.command),
        Disagreement::Automatic(_) => "automatic".into(),
        Disagreement::Logins { user, whose, count, .. } => {
            format!("{count} logins as {user} by {whose:?}")
        }
        Disagreement::Sudo { last, count, .. } => format!("{count} sudo {}", last.command),
        Disagreement::NotInLedger(line) => format!("not in ledger {}", line.run),
        Disagreement::NoTrace { run, owner, .. } => format!("no trace {run} by {owner}"),
        Disagreement::Forged { uid, count, .. } => format!("{count} forged by {uid}"),
        Disagreement::Answered { by, note, .. } => format!("answered by {by}: {note}"),
        Disagreement::Before { count, .. } => format!("{count} before"),
        Disagreement::Unlogged(stretch) => {
            format!("unlogged {} {}", stretch.from - NOON, stretch.until - NOON)
        }
        Disagreement::Unseen(stretch) => format!("unseen {} {}", stretch.from - NOON, stretch.until - NOON),
    };
    found.iter().map(short).collect()
}

#[test]
fn what_a_run_did_is_explained_and_what_was_done_by_hand_is_not() {
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished(1, HostOutcome::Changed));
    let good = Traces {
        packages: vec![transaction(NOON + 1, "apt-get -y install x")],
        logins: vec![Login {
            at: NOON - 60,
            user: "ops".into(),
            from: "a".into(),
            key: Some(key(2).fingerprint()),
        }],
        sudo: vec![Sudo { at: NOON, user: "ops".into(), command: "/bin/sh".into() }],
        runs: vec![line(run(1))],
        ..Traces::default()
    };
    assert_eq!(told(&ops, &good), [""; 0]);
    let login = |at| Login { at, user: "ops".into(), from: "a".into(), key: Some(key(2).fingerprint()) };
    let by_hand = Traces {
        packages: vec![
            transaction(NOON + 9000, "apt-get install backdoor"),
            transaction(NOON + 9100, "/usr/bin/unattended-upgrade"),
        ],
        logins: vec![login(NOON + 8000), login(NOON + 9000)],
        sudo: vec![Sudo { at: NOON + 9000, user: "ops".into(), command: "/usr/bin/apt-get".into() }],
        ..good.clone()
    };
    assert_eq!(
        told(&ops, &by_hand),
        [
            "packages apt-get install backdoor",
            "automatic",
            "2 logins as ops by Person(OperatorName(\"oscar\"))",
            "1 sudo /usr/bin/apt-get"
        ]
    );
}

#[test]
fn an_emergency_key_is_told_even_in_a_run_and_an_auditors_only_told() {
    let mut ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    ops.roster.emergency_keys.push(key(30));
    let login = |number, at| Login {
        at,
        user: "root".into(),
        from: "a".into(),
        key: Some(key(number).fingerprint()),
    };
    let traces = Traces { logins: vec![login(30, NOON + 1), login(4, NOON - 80_000)], ..Traces::default() };
    let mut found = told(&ops, &traces);
    found.sort();
    assert_eq!(found, ["1 logins as root by Auditor(OperatorName(\"ci\"))", "1 logins as root by Emergency"]);
    let open = |one: &Disagreement| one.is_open();
    let all = ops.record().compared((&ops.roster, &ops.report()), &"web1".parse().unwrap(), &traces, 0);
    assert_eq!(all.iter().filter(|one| open(one)).count(), 1);
}

#[test]
fn a_run_that_was_hidden_from_the_ledger_or_from_the_host_shows() {
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished(1, HostOutcome::Changed));
    assert_eq!(told(&ops, &Traces::default()), [format!("no trace {} by oscar", run(1))]);
    let cut = Traces { oldest: Some(NOON + 50), ..Traces::default() };
    assert_eq!(told(&ops, &cut), [""; 0], "a log that begins later says nothing");
    let other = Traces { runs: vec![line(run(1)), line(run(2)), line(run(2))], ..Traces::default() };
    assert_eq!(told(&ops, &other), [format!("not in ledger {}", run(2))]);
}

#[test]
fn a_dry_run_explains_a_login_and_no_package() {
    let ops = Ops::new();
    ops.clock.set(NOON - 1000);
    ops.append("alice", 1, &note("the group is older"));
    ops.clock.set(NOON);
    let details = Details { hosts: vec!["web1".parse().unwrap()], ..Details::default() };
    ops.append("sam", 3, &Draft { run: Some(run(4)), ..draft(Kind::Shadow, details) });
    let traces = Traces {
        packages: vec![transaction(NOON - 5, "apt-get install x")],
        logins: vec![Login {
            at: NOON - 5,
            user: "sam".into(),
            from: "a".into(),
            key: Some(key(3).fingerprint()),
        }],
        ..Traces::default()
    };
    assert_eq!(told(&ops, &traces), ["packages apt-get install x"]);
    // A run in which nothing was changed explains none either; one that is open does.
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished(1, HostOutcome::Ok));
    assert_eq!(told(&ops, &traces), ["packages apt-get install x"]);
    ops.append("oscar", 2, &intent(2));
    assert_eq!(told(&ops, &traces), [""; 0]);
}

#[test]
fn nobody_hides_behind_what_somebody_else_does_at_the_time_or_behind_what_does_not_hold() {
    let ops = Ops::new();
    let entry = ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished(1, HostOutcome::Changed));
    let login = |number| Login {
        at: NOON,
        user: "ops".into(),
        from: "a".into(),
        key: Some(key(number).fingerprint()),
    };
    let sudo = |command: &str| Sudo { at: NOON, user: "ops".into(), command: command.into() };
    let traces = Traces {
        logins: vec![login(1), login(2), login(77)],
        sudo: vec![sudo("/usr/bin/sh"), sudo("/bin/sh -c printf x; exec sh"), sudo("/usr/bin/touch /root/x")],
        runs: vec![line(run(1))],
        ..Traces::default()
    };
    let mut found = told(&ops, &traces);
    found.sort();
    let others = [
        "1 logins as ops by Nobody",
        "1 logins as ops by Person(OperatorName(\"alice\"))",
        "1 sudo /usr/bin/touch /root/x",
    ];
    assert_eq!(found, others);
    // An intent that somebody else signed explains nothing at all.
    let bytes = std::fs::read(&entry.file).unwrap();
    std::fs::write(signature_of(&entry), signer(9).sign(LEDGER_NAMESPACE, &bytes).unwrap()).unwrap();
    let found = told(&ops, &traces);
    assert!(
        found.iter().any(|one| one.contains("oscar")) && found.contains(&format!("not in ledger {}", run(1)))
    );
}

/// What somebody who compares writes down, and somebody answers.
fn answer(ops: &Ops, (name, number): (&str, u8), traces: &Traces, text: &str) {
    let host: HostName = "web1".parse().unwrap();
    let found = ops.record().compared((&ops.roster, &ops.report()), &host, traces, NOON - 86_400);
    let answers = found.iter().filter(|one| one.is_open()).map(|one| Point::of(&host, one)).collect();
    let details = Details { note: Some(text.into()), answers, ..Details::default() };
    ops.append(name, number, &draft(Kind::Note, details));
}

#[test]
fn an_answer_is_somebody_elses_word_and_about_what_was_found_alone() {
    let ops = Ops::new();
    let login = |at| Login { at, user: "ops".into(), from: "a".into(), key: Some(key(2).fingerprint()) };
    let sudo = |at| Sudo { at, user: "ops".into(), command: "/usr/bin/vi".into() };
    let oscars = "1 logins as ops by Person(OperatorName(\"oscar\"))";
    let traces =
        Traces { logins: vec![login(NOON - 8000)], sudo: vec![sudo(NOON - 8000)], ..Traces::default() };
    assert_eq!(told(&ops, &traces), [oscars, "1 sudo /usr/bin/vi"]);
    // A shadow answers for nothing, and nobody for their own login.
    answer(&ops, ("sam", 3), &traces, "trust me");
    assert_eq!(told(&ops, &traces), [oscars, "1 sudo /usr/bin/vi"]);
    answer(&ops, ("oscar", 2), &traces, "a disk");
    assert_eq!(told(&ops, &traces), [oscars, "answered by oscar: a disk"]);
    answer(&ops, ("alice", 1), &traces, "I was there");
    assert_eq!(told(&ops, &traces), ["answered by alice: I was there", "answered by oscar: a disk"]);
    // What comes later is another matter, and so is the same on another host.
    let later = Traces { logins: vec![login(NOON - 8000), login(NOON - 10)], ..traces.clone() };
    assert_eq!(told(&ops, &later), ["answered by alice: I was there", oscars, "answered by oscar: a disk"]);
    let other: HostName = "db1".parse().unwrap();
    let there = ops.record().compared((&ops.roster, &ops.report()), &other, &traces, NOON - 86_400);
    assert!(there.iter().all(Disagreement::is_open), "{there:?}");
    // What does not hold answers nothing.
    let entry = ops.append("alice", 1, &note("more"));
    std::fs::write(signature_of(&entry), "x").unwrap();
    let first = entry.file.with_file_name("00000001.json.sig");
    std::fs::write(first, "x").unwrap();
    assert_eq!(told(&ops, &traces), [oscars, "answered by oscar: a disk"]);
}

#[test]
fn who_looked_and_stopped_at_the_question_is_not_accused() {
    let ops = Ops::new();
    let login =
        Login { at: NOON - 3000, user: "ops".into(), from: "a".into(), key: Some(key(2).fingerprint()) };
    let traces = Traces { logins: vec![login], ..Traces::default() };
    assert_eq!(told(&ops, &traces).len(), 1);
    let hosts = vec!["web1".parse().unwrap()];
    ops.append("oscar", 2, &draft(Kind::Note, Details { hosts, ..Details::default() }));
    assert_eq!(told(&ops, &traces), [""; 0]);
}

#[test]
fn forged_lines_are_told_by_who_wrote_them() {
    let ops = Ops::new();
    let forged = |uid: &str, at| Forged { at, uid: uid.into(), program: "sudo".into(), text: "x".into() };
    let traces = Traces { forged: vec![forged("1001", NOON), forged("1001", NOON + 1)], ..Traces::default() };
    assert_eq!(told(&ops, &traces), ["2 forged by 1001"]);
}

#[test]
fn a_run_that_installs_nothing_explains_no_package() {
    for (module, explains) in
        [("copy", false), ("authorized_key", false), ("apply_updates", true), ("shell", true)]
    {
        let ops = Ops::new();
        ops.append("oscar", 2, &intent(1));
        ops.append("oscar", 2, &finished_by(module, 1, HostOutcome::Changed));
        let packages = vec![transaction(NOON + 1, "apt-get install x")];
        let packages_oldest = Some(NOON + 1);
        let runs = vec![line(run(1))];
        let found = told(&ops, &Traces { packages, packages_oldest, runs, ..Traces::default() });
        assert_eq!(found.is_empty(), explains, "{module}: {found:?}");
    }
}

#[test]
fn a_log_that_begins_later_than_what_was_done_there_leaves_a_time_of_which_nobody_knows() {
    let ops = Ops::new();
    let began = |oldest| Traces { oldest: Some(oldest), ..Traces::default() };
    assert_eq!(told(&ops, &began(NOON + 5000)), [""; 0], "nobody did anything there");
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished(1, HostOutcome::Ok));
    assert_eq!(told(&ops, &began(NOON + 60)), [""; 0], "it goes back to the first run");
    let emptied = began(NOON + 5000);
    assert_eq!(told(&ops, &emptied), ["unseen 1 5000"]);
    let anew = Traces { installed: Some(NOON + 4950), ..emptied.clone() };
    assert_eq!(told(&ops, &anew), [""; 0], "it was installed anew");
    // What an earlier comparison saw was seen; a shadow's counts for nothing.
    let compared = |from: i64, until: i64| {
        let host: HostName = "web1".parse().unwrap();
        let compared = [(host, Stretch { from: NOON + from, until: NOON + until })].into_iter().collect();
        draft(Kind::Note, Details { compared, ..Details::default() })
    };
    ops.clock.set(NOON + 5000);
    ops.append("sam", 3, &compared(0, 4950));
    assert_eq!(told(&ops, &emptied), ["unseen 1 5000"]);
    ops.append("alice", 1, &compared(0, 3000));
    assert_eq!(told(&ops, &emptied), ["unseen 3000 5000"]);
    assert_eq!(told(&ops, &began(NOON + 2900)), [""; 0], "what it lost was compared");
    ops.append("alice", 1, &compared(3500, 4950));
    assert_eq!(told(&ops, &emptied), ["unseen 3000 3500"], "two that leave a time between them");
    // Somebody answers for it, and not for what is emptied later.
    answer(&ops, ("alice", 1), &emptied, "the disk was full");
    assert_eq!(told(&ops, &emptied), ["answered by alice: the disk was full"]);
    let again = told(&ops, &began(NOON + 9000));
    assert_eq!(again, ["answered by alice: the disk was full", "unseen 4950 9000"]);
}

#[test]
fn an_emptied_history_of_packages_is_no_green_light() {
    let ops = Ops::new();
    let changed = |at: i64, history: Option<(i64, i64)>| Traces {
        packages_changed: Some(NOON + at),
        packages_oldest: history.map(|(from, _)| NOON + from),
        packages_newest: history.map(|(_, to)| NOON + to),
        runs: vec![line(run(1))],
        ..Traces::default()
    };
    assert_eq!(
        told(&ops, &Traces { runs: vec![], ..changed(5000, None) }),
        [""; 0],
        "the ledger has nothing of it"
    );
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished_by("copy", 1, HostOutcome::Changed));
    assert_eq!(told(&ops, &changed(5000, Some((-9000, 4950)))), [""; 0], "the last change is in its history");
    assert_eq!(told(&ops, &changed(-5000, None)), [""; 0], "nothing changed since the ledger begins");
    assert_eq!(told(&ops, &changed(5000, None)), ["unlogged 1 5000"]);
    assert_eq!(told(&ops, &changed(5000, Some((-9000, 3000)))), ["unlogged 3000 5000"]);
    let anew = Traces { installed: Some(NOON + 4950), ..changed(5000, None) };
    assert_eq!(told(&ops, &anew), [""; 0], "it was installed anew");
    answer(&ops, ("alice", 1), &changed(5000, None), "the disk was full");
    assert_eq!(told(&ops, &changed(5000, None)), ["answered by alice: the disk was full"]);
    // What an update did is missed also where more was installed since.
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &finished_by("apply_updates", 1, HostOutcome::Changed));
    assert_eq!(told(&ops, &changed(2, Some((0, 3)))), [""; 0]);
    let later = told(&ops, &changed(9000, Some((8000, 9000))));
    assert!(
        later.len() == 1 && later[0].starts_with("unlogged ") && later[0].ends_with(" 8000"),
        "{later:?}"
    );
}

#[test]
fn a_host_s_own_installation_is_counted_and_nobody_s_to_answer_for() {
    let mut ops = Ops::new();
    let traces = Traces {
        packages: vec![
            transaction(NOON - 900, "a"),
            transaction(NOON - 800, "b"),
            transaction(NOON + 900, "c"),
        ],
        ..Traces::default()
    };
    assert_eq!(told(&ops, &traces), ["packages a", "packages b", "packages c"]);
    let first = roster_text("version: 1\n");
    ops.roster = parse(&first);
    ops.append("alice", 1, &rosters::signing(&first));
    assert_eq!(told(&ops, &traces), ["2 before", "packages c"]);
}
