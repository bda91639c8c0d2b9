//! Runs that are picked up and handed over: whose they are, what is left of them, and what does not hold.

use super::*;

fn resumed(number: u64, of: &EntryRef) -> Draft {
    let mut draft = intent(number);
    draft.details.resumes = Some(of.head.digest);
    draft
}

fn handoff(number: u64, to: &str, note: &str) -> Draft {
    let details = Details { to: Some(to.parse().unwrap()), note: Some(note.into()), ..Details::default() };
    Draft { run: Some(run(number)), ..draft(Kind::Handoff, details) }
}

fn finished(number: u64) -> Draft {
    let mut draft = outcome(number);
    draft.details.results.values_mut().for_each(|result| result.outcome = HostOutcome::Ok);
    draft.counts = Counts::of(draft.details.results.values());
    draft
}

fn states(ops: &Ops) -> Vec<RunState> {
    ops.record().runs(&ops.roster, &ops.report())
}

fn left(state: &RunState) -> Vec<&str> {
    state.left().map(|(host, _)| host.as_str()).collect()
}

#[test]
fn a_run_that_was_picked_up_is_no_break_and_one_line() {
    let ops = Ops::new();
    let begun = ops.append("oscar", 2, &intent(1));
    ops.append("alice", 1, &resumed(1, &begun));
    assert_eq!((ops.breaks().len(), ops.report().open_runs.len()), (0, 1));
    ops.append("alice", 1, &finished(1));
    assert_eq!((ops.breaks().len(), ops.report().open_runs.len()), (0, 0));
    let log = ops.record().log();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].operator.as_str(), log[0].resumed_by[0].as_str()), ("oscar", "alice"));
    assert_eq!((log[0].outcome.to_string().as_str(), log[0].files.len()), ("nothing changed", 3));
    assert!(states(&ops)[0].is_finished());
}

#[test]
fn an_outcome_from_before_a_run_was_picked_up_does_not_end_it() {
    let ops = Ops::new();
    let begun = ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &outcome(1));
    // Her clock is behind: what she had seen decides.
    ops.clock.set(NOON - 86_400);
    ops.append("alice", 1, &resumed(1, &begun));
    assert_eq!(ops.record().log()[0].outcome, LogOutcome::Open);
    let state = &states(&ops)[0];
    assert_eq!((state.open, state.holder.as_str(), left(state).len()), (true, "alice", 3));
    ops.append("alice", 1, &finished(1));
    assert_eq!((ops.breaks(), ops.report().open_runs.len()), (Vec::new(), 0));
}

#[test]
fn an_intent_that_picks_up_nothing_that_is_there_does_not_hold() {
    let ops = Ops::new();
    let begun = ops.append("oscar", 2, &intent(1));
    ops.append("alice", 1, &resumed(2, &begun));
    ops.append("alice", 1, &intent(1));
    let breaks = ops.breaks().join("\n");
    assert!(breaks.contains("picks up run") && breaks.contains("second intent"), "{breaks}");
}

#[test]
fn what_is_left_are_hosts_that_nobody_said_are_well() {
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    assert_eq!(left(&states(&ops)[0]), ["web1", "web2", "db1"]);
    ops.append("oscar", 2, &outcome(1));
    let state = &states(&ops)[0];
    assert_eq!((left(state), state.open, state.is_finished()), (vec!["db1"], false, false));
}

#[test]
fn a_run_belongs_to_whom_it_was_handed_by_who_had_it_or_leads() {
    let ops = Ops::new();
    let begun = ops.append("oscar", 2, &intent(1));
    ops.append("olga", 5, &handoff(1, "olga", "mine"));
    assert_eq!(states(&ops)[0].holder.as_str(), "oscar", "nobody takes what nobody gave");
    ops.append("oscar", 2, &handoff(1, "olga", "db1 hangs\u{1b}"));
    let state = &states(&ops)[0];
    let handed = state.handed.clone().unwrap();
    assert_eq!((state.holder.as_str(), handed.from.as_str()), ("olga", "oscar"));
    assert_eq!(handed.note.as_deref(), Some("db1 hangs\u{1b}"));
    ops.append("alice", 1, &handoff(1, "alice", "I do it"));
    assert_eq!(states(&ops)[0].holder.as_str(), "alice");
    ops.append("alice", 1, &resumed(1, &begun));
    let state = &states(&ops)[0];
    assert_eq!((state.holder.as_str(), &state.handed), ("alice", &None));
    let log = ops.record().log();
    assert_eq!(log[2].remark.as_deref(), Some("to olga: db1 hangs^["));
    assert_eq!(ops.breaks(), Vec::<String>::new());
}

#[test]
fn a_forged_handover_gives_nobody_a_run() {
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    let entry = ops.append("oscar", 2, &handoff(1, "alice", "yours"));
    let private = private_of(&entry);
    let text = std::fs::read_to_string(&private).unwrap();
    std::fs::write(&private, text.replace("\"to\":\"alice\"", "\"to\":\"olga\"")).unwrap();
    assert_eq!(states(&ops)[0].holder.as_str(), "oscar");
}
