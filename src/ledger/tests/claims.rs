//! Whose claims stand, until when, and who ends them.

use super::*;
use jiff::tz::TimeZone;

fn hosts(names: &str) -> Vec<HostName> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

fn claim(names: &str, hours: i64) -> Draft {
    let until = Some(Timestamp::from_second(NOON + hours * 3600).unwrap());
    draft(
        Kind::Claim,
        Details { hosts: hosts(names), until, note: Some("raid".into()), ..Details::default() },
    )
}

fn release(names: &str) -> Draft {
    draft(Kind::Claim, Details { released: hosts(names), ..Details::default() })
}

/// `oscar: web1 web2` for each claim that stands so many hours after noon.
fn standing(ops: &Ops, roster: &Roster, hours: i64) -> Vec<String> {
    let now = Timestamp::from_second(NOON + 60 + hours * 3600).unwrap();
    let claims = ops.record().claims(roster, now, now.to_zoned(TimeZone::UTC).date());
    let names = |claim: &Claim| claim.hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(" ");
    claims.iter().map(|claim| format!("{}: {}", claim.by, names(claim))).collect()
}

#[test]
fn a_claim_stands_until_its_time_is_over_and_thirty_days_at_most() {
    let ops = Ops::new();
    ops.append("oscar", 2, &claim("web1 web2", 8));
    assert_eq!(standing(&ops, &ops.roster, 7), ["oscar: web1 web2"]);
    assert_eq!(standing(&ops, &ops.roster, 8), [""; 0]);
    ops.append("oscar", 2, &claim("db1", 10_000));
    assert_eq!(standing(&ops, &ops.roster, 30 * 24 - 1), ["oscar: db1"]);
    assert_eq!(standing(&ops, &ops.roster, 30 * 24 + 1), [""; 0]);
    assert_eq!(ops.breaks(), [""; 0]);
}

#[test]
fn its_writer_ends_it_host_by_host_or_says_it_anew() {
    let ops = Ops::new();
    ops.append("oscar", 2, &claim("web1 web2", 8));
    ops.append("oscar", 2, &release("web1"));
    assert_eq!(standing(&ops, &ops.roster, 0), ["oscar: web2"]);
    ops.append("oscar", 2, &claim("web2", 1));
    assert_eq!(standing(&ops, &ops.roster, 0), ["oscar: web2"]);
    assert_eq!(standing(&ops, &ops.roster, 2), [""; 0], "the later claim is shorter");
    ops.append("oscar", 2, &claim("web1", 8));
    assert_eq!(
        standing(&ops, &ops.roster, 0),
        ["oscar: web2", "oscar: web1"],
        "a release ends what was before it"
    );
}

#[test]
fn a_lead_releases_what_they_have_seen_and_an_operator_only_their_own() {
    let ops = Ops::new();
    ops.append("alice", 1, &claim("web1", 8));
    ops.append("oscar", 2, &release("web1"));
    assert_eq!(standing(&ops, &ops.roster, 0), ["alice: web1"]);
    ops.append("oscar", 2, &claim("db1", 8));
    ops.append("alice", 1, &release("db1"));
    assert_eq!(standing(&ops, &ops.roster, 0), ["alice: web1"]);
    ops.append("oscar", 2, &claim("db1", 8));
    assert_eq!(standing(&ops, &ops.roster, 0), ["alice: web1", "oscar: db1"], "nobody has seen this one");
}

#[test]
fn a_claim_of_somebody_who_is_not_cleared_any_more_is_none() {
    let ops = Ops::new();
    ops.append("oscar", 2, &claim("web1", 8));
    let text = roster_text("version: 17\nprevious: sha256:{zeros}\n");
    let left = parse(&text.replace("oscar: {role: operator", "oscar: {role: shadow"));
    assert_eq!(standing(&ops, &left, 0), [""; 0]);
    let other_key = parse(&text.replace(key(2).text(), key(9).text()));
    assert_eq!(standing(&ops, &other_key, 0), [""; 0]);
    let lapsed = parse(&text.replace("2026-01-01", "2026-01-01, until: 2026-02-01"));
    assert_eq!(standing(&ops, &lapsed, 0), [""; 0]);
    assert!(ops.try_append("sam", 3, &claim("web1", 8)).is_err(), "a shadow signs none");
}

#[test]
fn a_claim_that_was_tampered_with_is_none() {
    let ops = Ops::new();
    let entry = ops.append("oscar", 2, &claim("web1", 8));
    let private = private_of(&entry);
    let text = std::fs::read_to_string(&private).unwrap();
    std::fs::write(&private, text.replace("web1", "web2")).unwrap();
    assert_eq!(standing(&ops, &ops.roster, 0), [""; 0]);
    std::fs::write(&private, text).unwrap();
    assert_eq!(standing(&ops, &ops.roster, 0), ["oscar: web1"]);
    std::fs::remove_file(signature_of(&entry)).unwrap();
    assert_eq!(standing(&ops, &ops.roster, 0), [""; 0]);
}

#[test]
fn how_long_a_host_takes_is_the_longest_of_its_last_five_good_runs() {
    let ops = Ops::new();
    let taken = |outcome, seconds| {
        let result = HostResult { outcome, records: vec![], seconds: Some(seconds) };
        Details { results: [("web1".parse().unwrap(), result)].into(), ..Details::default() }
    };
    let ran = |number: u64, outcome, seconds| {
        ops.append("oscar", 2, &intent(number));
        let draft = Draft { run: Some(run(number)), ..draft(Kind::Outcome, taken(outcome, seconds)) };
        ops.append("oscar", 2, &Draft { verb: Some(Verb::Patch), ..draft });
    };
    for (number, seconds) in (1..).zip([900.0, 10.0, 60.0, 20.0, 30.0, 40.0]) {
        ran(number, HostOutcome::Changed, seconds);
    }
    ran(7, HostOutcome::Failed, 5000.0);
    let longest = |verb| ops.record().longest(&ops.roster, verb, None).into_values().collect::<Vec<_>>();
    assert_eq!(longest(Verb::Patch), [Duration::from_secs(60)]);
    assert_eq!(longest(Verb::Run), []);
    assert!(ops.record().longest(&ops.roster, Verb::Patch, Some("playbooks/patch.yml")).is_empty());
}
