//! Entries of another group: whoever is in two groups with one key signs for one of them at a time.

use super::*;
use crate::people::testing::group;

/// An ops repository of another group with the same people and keys.
fn elsewhere() -> Ops {
    let mut ops = Ops { clone: 0x11, ..Ops::new() };
    ops.roster.origin = Some(Digest::of("another group"));
    ops
}

/// Copies the chains of one ledger into another.
fn copy(from: &Ops, to: &Ops) {
    let copied =
        Command::new("cp").arg("-a").arg(from.path().join("ledger/.")).arg(to.path().join("ledger")).status();
    assert!(copied.unwrap().success());
}

/// A draft of each kind, with all that decides something.
fn of_all_kinds(plan: Digest) -> Vec<Draft> {
    let host = || vec!["web1".parse::<HostName>().unwrap()];
    let value = SealedValue {
        file: "inventory/vault.yml".into(),
        name: Some("token".into()),
        digest: Digest::of("sealed"),
        generation: 9,
        ..sealed_value()
    };
    let details = |kind| match kind {
        Kind::Claim => Details {
            hosts: host(),
            until: Some(Timestamp::from_second(NOON + 86_400).unwrap()),
            ..Details::default()
        },
        Kind::Intent | Kind::Approval | Kind::Plan => Details {
            hosts: host(),
            plan: Some(PlanRef { digest: plan, maker: "sam".parse().unwrap(), approved_by: Vec::new() }),
            ..Details::default()
        },
        Kind::Vault => Details { sealed: vec![value.clone()], ..Details::default() },
        Kind::Handoff => Details { to: Some("oscar".parse().unwrap()), ..Details::default() },
        _ => Details { note: Some("x".into()), ..Details::default() },
    };
    let all = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Roster);
    all.map(|kind| Draft { run: Some(run(5)), ..draft(kind, details(kind)) }).collect()
}

/// A value whose fields the tests don't look at.
fn sealed_value() -> SealedValue {
    serde_json::from_value(json!({
        "file": "x", "name": "x", "digest": Digest::of("x"), "generation": 1, "act": "set",
        "readers": ["alice"], "keys": Digest::of("keys"),
    }))
    .unwrap()
}

/// The ledger as each command reads it that knows its group.
fn read(ops: &Ops) -> Record {
    Record::read_of(ops.path(), &[&ops.roster]).unwrap()
}

#[test]
fn what_was_signed_in_another_group_decides_nothing_and_is_told() {
    let (here, there) = (Ops::new(), elsewhere());
    here.append("oscar", 2, &note("here"));
    let plan = Digest::of("plan");
    let drafts = of_all_kinds(plan);
    drafts.iter().for_each(|draft| drop(there.append("alice", 1, draft)));
    // In its own group it decides.
    let record = read(&there);
    assert_eq!(lines(&record.verify(&there.roster, &Heads::default())), [""; 0]);
    assert_eq!(record.approvals(plan, &there.roster, &Report::default()).len(), 1);
    assert!(record.spent(plan, &Report::default()).is_some());

    copy(&there, &here);
    let record = read(&here);
    let now = Timestamp::from_second(NOON + 60).unwrap();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for kind in Kind::ALL {
        let vouched = record.vouched(&here.roster, kind);
        assert!(vouched.iter().all(|entry| entry.chain.operator().as_str() == "oscar"), "{kind}");
    }
    let report = record.verify(&here.roster, &Heads::default());
    assert!(record.claims(&here.roster, now, today).is_empty());
    assert!(record.approvals(plan, &here.roster, &Report::default()).is_empty());
    assert!(record.spent(plan, &Report::default()).is_none());
    assert!(record.runs(&here.roster, &Report::default()).is_empty());
    assert!(record.run(run(5)).is_none());
    assert!(record.longest(&here.roster, Verb::Patch, None).is_empty());
    assert_eq!(record.log().len(), 1);
    let since = Record::read_kinds_since(here.path(), &here.roster, (&[Kind::Claim], 0), None).unwrap();
    assert!(since.claims(&here.roster, now, today).is_empty());

    let said = there.roster.origin.unwrap();
    let told = format!("is of another group, {said}, and here it is {}", group());
    let broken = lines(&report);
    assert_eq!(broken.len(), drafts.len(), "{broken:?}");
    assert!(broken.iter().all(|line| line.starts_with("alice/") && line.contains(&told)), "{broken:?}");
    // Nobody is kept from anything by what anybody may copy here.
    assert!(report.hidden().is_none() && report.missing().is_none() && report.gone().is_none());
}

#[test]
fn nobody_sees_a_chain_of_another_group_and_nothing_goes_on_from_it() {
    let (here, there) = (Ops::new(), elsewhere());
    here.append("oscar", 2, &note("here"));
    (0..3).for_each(|_| drop(there.append("alice", 1, &note("there"))));
    copy(&there, &here);
    let own = here.append("sam", 3, &note("after it came"));
    let record = read(&here);
    let written = record.chains[&own.chain][0].public.as_ref().unwrap();
    assert_eq!(written.seen.keys().map(|chain| chain.operator().as_str()).collect::<Vec<_>>(), ["oscar"]);
    let report = record.verify(&here.roster, &Heads::default());
    let mut heads = Heads::default();
    heads.remember(&report);
    assert!(heads.iter().all(|(chain, _)| chain.operator().as_str() != "alice"));
    // The same name of a chain: what lies at its end was not written here.
    let same = Ops { clone: 0x11, ..Ops::new() };
    std::fs::create_dir_all(same.path().join("ledger")).unwrap();
    copy(&there, &same);
    let refused = same.try_append("alice", 1, &note("x")).unwrap_err();
    assert!(matches!(refused, LedgerError::Forged { .. }), "{refused}");
    // Nor does a seal make it an entry of this group.
    let mut here = here;
    let (chain, last) = report.heads.iter().find(|(chain, _)| chain.operator().as_str() == "alice").unwrap();
    here.roster.sealed.insert(chain.clone(), Seal { last: last.seq, digest: last.digest });
    assert!(read(&here).vouched(&here.roster, Kind::Note).iter().all(|entry| entry.chain != chain));
}

#[test]
fn a_roster_that_was_signed_elsewhere_holds_up_none_here() {
    let (here, there) = (Ops::new(), elsewhere());
    here.append("alice", 1, &rosters::signing(&rosters::first().text));
    let late = rosters::text(40, &Digest::of("39"), "# of another group\n");
    let entry = there.append("alice", 1, &rosters::signing(&late));
    let mut later = there;
    later.roster.version = 40;
    later.append("oscar", 2, &note("under a version that is not here"));
    std::fs::remove_file(private_of(&entry)).unwrap();
    copy(&later, &here);
    let first = rosters::first();
    let mut record = Record::read_rosters(here.path(), &[&first.roster], None).unwrap();
    let found = |record: &Record| {
        record
            .succession(std::slice::from_ref(&first), Anchor::of(&first.roster))
            .map(|found| found.in_force.roster.version)
    };
    assert!(found(&record).is_err(), "as long as nobody knows whose it is");
    record.keep_to(group());
    assert_eq!(found(&record).unwrap(), 17);
}

#[test]
fn the_public_view_knows_its_group_from_the_first_version() {
    let ops = Ops::new();
    let first = RosterFile::parse(Path::new("operators.yml"), roster_text("version: 1\n")).unwrap();
    let ops = Ops { roster: first.roster.clone(), ..ops };
    ops.append("alice", 1, &rosters::signing(&first.text));
    let there = elsewhere();
    there.append("oscar", 2, &note("elsewhere"));
    copy(&there, &ops);
    let mut record = Record::read_public(ops.path()).unwrap();
    for pin in [None, Some(Anchor::of(&first.roster))] {
        let history = History::public(&record, pin).unwrap();
        assert_eq!(history.group(), Some(first.roster.digest));
        record.keep_to(first.roster.digest);
        let broken = lines(&record.verify_by(&history, &Heads::default()));
        assert!(
            broken.len() == 1 && broken[0].starts_with("oscar/") && broken[0].contains("another group"),
            "{broken:?}"
        );
    }
}
