//! Uses of emergency keys, and who may answer for them.

use super::*;

fn compared(number: u64, uses: &[&str]) -> Draft {
    let emergency = uses.iter().map(|&one| one.to_owned()).collect();
    let details = Details { note: Some("compared".into()), emergency, ..Details::default() };
    Draft { run: Some(run(number)), ..draft(Kind::Note, details) }
}

fn open(ops: &Ops) -> Vec<EmergencyUse> {
    let record = ops.record();
    let history = History::of(&record, &ops.roster);
    let report = record.verify_by(&history, &Heads::default());
    assert_eq!(lines(&report), [""; 0]);
    record.emergency_uses(&report, &history)
}

#[test]
fn an_emergency_key_that_was_used_is_told_until_an_operator_answers_for_it() {
    let ops = Ops::new();
    ops.append("oscar", 2, &compared(1, &["web1: 1 login"]));
    ops.append("oscar", 2, &compared(2, &["web1: 1 login"]));
    ops.append("oscar", 2, &compared(3, &[]));
    let found = open(&ops);
    assert_eq!((found.len(), found[0].run, found[0].what.as_str()), (1, Some(run(1)), "web1: 1 login"));
    ops.append("sam", 3, &Draft { run: Some(run(1)), ..note("nothing to see here") });
    assert_eq!(open(&ops).len(), 1, "a shadow answers for nobody");
    ops.append("alice", 1, &Draft { run: Some(run(2)), ..note("locked out, it was me") });
    assert_eq!(open(&ops), []);
    ops.append("oscar", 2, &compared(4, &["web1: 2 logins"]));
    assert_eq!(open(&ops).len(), 1, "another use is another question");
}

#[test]
fn an_entry_that_does_not_hold_answers_nothing() {
    let ops = Ops::new();
    ops.append("oscar", 2, &compared(1, &["web1: 1 login"]));
    let answer = ops.append("alice", 1, &Draft { run: Some(run(1)), ..note("it was me") });
    std::fs::remove_file(answer.file.with_added_extension("sig")).unwrap();
    let record = ops.record();
    let history = History::of(&record, &ops.roster);
    let report = record.verify_by(&history, &Heads::default());
    assert_eq!(record.emergency_uses(&report, &history).len(), 1);
}
