//! Times that can't be right.

use super::*;

#[test]
fn a_time_that_has_not_come_and_one_behind_its_chain_are_told_and_bother_nobody_once_the_clock_is_set() {
    let ops = Ops::new();
    let now = Timestamp::from_second(NOON + 60).unwrap();
    ops.append("oscar", 2, &note("right"));
    assert_eq!(ops.record().odd_times(now), []);
    ops.clock.set(NOON - 86_400);
    ops.append("oscar", 2, &note("a day behind"));
    let odd = ops.record().odd_times(now);
    assert_eq!((odd.len(), odd[0].after.map(Timestamp::as_second)), (1, Some(NOON + 1)));
    assert_eq!(ops.record().ahead_of(now), None);
    ops.clock.set(NOON + 365 * 86_400);
    ops.append("alice", 1, &note("a year ahead"));
    let ahead = ops.record().ahead_of(now).unwrap();
    assert_eq!((ahead.chain.operator().as_str(), ahead.after), ("alice", None));
    ops.clock.set(NOON + 30);
    ops.append("alice", 1, &note("set right"));
    assert_eq!(ops.record().ahead_of(now), None);
    let odd = ops.record().odd_times(now);
    let of_alice = odd.iter().find(|odd| odd.chain.operator().as_str() == "alice").unwrap();
    assert_eq!(of_alice.says, ahead.says);
}
