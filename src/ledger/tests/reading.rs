//! What people and the public read of it.

use super::*;

#[test]
fn a_run_is_open_until_somebody_says_how_it_ended() {
    let ops = Ops::new();
    let begun = ops.append("oscar", 2, &intent(1));
    let report = ops.report();
    assert_eq!(report.breaks, []);
    assert_eq!(report.open_runs.iter().map(|open| open.run).collect::<Vec<_>>(), [run(1)]);
    assert!(begun.file.ends_with(&report.open_runs[0].file));
    assert_eq!(ops.record().log()[0].outcome, LogOutcome::Open);
    ops.append("alice", 1, &outcome(1));
    assert_eq!((ops.report().open_runs.len(), ops.breaks().len()), (0, 0));
    ops.append("oscar", 2, &outcome(2));
    ops.append("oscar", 2, &intent(1));
    let broken = ops.breaks();
    assert!(
        broken.iter().any(|line| line.contains("no intent"))
            && broken.iter().any(|line| line.contains("second intent"))
    );
}

#[test]
fn the_log_reads_like_one() {
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    ops.append("alice", 1, &note("watch db1"));
    ops.append("oscar", 2, &outcome(1));
    let log = ops.record().log();
    assert_eq!(log.len(), 2);
    let line = &log[0];
    assert_eq!(
        (line.operator.as_str(), line.role.unwrap().as_str(), line.verb),
        ("oscar", "operator", Some(Verb::Patch))
    );
    assert_eq!(line.hosts_in_short(2), "web1, web2 and 1 more");
    assert_eq!(
        (line.reason.as_deref(), line.ticket.as_deref()),
        (Some("kernel^[[2J update"), Some("INFRA-12"))
    );
    assert_eq!((line.outcome.to_string().as_str(), line.files.len()), ("1 changed, 1 unknown", 2));
    assert_eq!(log[1].remark.as_deref(), Some("watch db1"));
    let shown = ops.record().run(run(1)).unwrap();
    assert_eq!(shown.entries.len(), 2);
    let private = shown.entries[1].private.as_ref().unwrap();
    assert_eq!(private.details.results[0].records[0]["after"], "1.1");
    assert_eq!(
        shown.entries[0].private.as_ref().unwrap().details.reason.as_deref(),
        Some("kernel\u{1b}[2J\nupdate")
    );
    assert!(ops.record().run(run(9)).is_none());
}

#[test]
fn the_public_view_is_the_same_files_without_the_private_ones() {
    let ops = Ops::new();
    let entries = [ops.append("oscar", 2, &intent(1)), ops.append("oscar", 2, &outcome(1))];
    for entry in &entries {
        let public = std::fs::read_to_string(&entry.file).unwrap();
        for hidden in ["web1", "INFRA-12", "kernel", "apt"] {
            assert!(!public.contains(hidden), "{public}");
        }
        std::fs::remove_file(private_of(entry)).unwrap();
    }
    let public = Record::read_public(ops.path()).unwrap();
    assert_eq!(lines(&public.verify(&ops.roster, &Heads::default())), [""; 0]);
    let log = ops.record().log();
    assert_eq!(
        (log[0].hosts_in_short(3).as_str(), log[0].role, log[0].reason.as_deref()),
        ("3 hosts", None, None)
    );
    assert_eq!(log[0].outcome.to_string(), "1 changed, 1 unknown");
    assert_eq!(ops.record().run(run(1)).unwrap().entries[1].private, None);
}

#[test]
fn every_free_text_passes_the_scrubber_before_it_is_written() {
    let canary = "hunter2";
    let text = || Some(format!("before {canary} after"));
    let source = || Some(Source { path: format!("{canary}.yml"), digest: Digest::of("x") });
    let value = || json!({ "list": [canary], format!("key {canary}"): { "deep": canary } });
    let details = Details {
        reason: text(),
        ticket: text(),
        remark: text(),
        hosts: vec!["web1".parse().unwrap()],
        playbook: source(),
        inventory: source(),
        commit: Some(Commit { id: "0a1b".into(), dirty: true }),
        arguments: vec![format!("--extra={canary}")],
        results: [(
            "web1".parse().unwrap(),
            HostResult { outcome: HostOutcome::Ok, records: vec![value()], seconds: None },
        )]
        .into(),
        events: vec![value()],
        break_glass: text(),
        note: text(),
        typed: Some(Typed {
            inventory: text(),
            playbooks: source().into_iter().collect(),
            variables: Map::from_iter([("x".to_owned(), value())]),
            withheld: text().into_iter().collect(),
            canary: text(),
            ..Typed::default()
        }),
        approved: Some(Map::from_iter([("x".to_owned(), value())])),
        differs: text().into_iter().collect(),
        ..Details::default()
    };
    let ops = Ops::new();
    let nonce = Nonce::from_bytes([1; 32]);
    let scrub = |text: &str| -> String { text.replace(canary, "…") };
    let stamp = Stamp {
        signer: &signer(2),
        now: Timestamp::UNIX_EPOCH,
        nonce: &nonce,
        scrub: &|text| Cow::Owned(scrub(text)),
    };
    let entry = ops.ledger_of("oscar", 2).unwrap().append(&draft(Kind::Note, details), &stamp).unwrap();
    for file in [entry.file.clone(), private_of(&entry), signature_of(&entry)] {
        assert!(!std::fs::read_to_string(file).unwrap().contains(canary));
    }
    assert_eq!(ops.breaks(), [""; 0]);
}
