//! Versions of the roster in the ledger: which one counts, and what doesn't help those who would like another one to.

use super::*;

/// The roster of the tests with another head, perhaps with more below its people.
pub(super) fn text(version: u64, previous: &Digest, more: &str) -> String {
    roster_text(&format!("version: {version}\nprevious: {previous}\n")) + more
}

pub(super) fn file(text: &str) -> RosterFile {
    RosterFile::parse(Path::new("operators.yml"), text.to_owned()).unwrap()
}

pub(super) fn first() -> RosterFile {
    file(&roster_text("version: 17\nprevious: sha256:{zeros}\n"))
}

fn eve(role: &str) -> String {
    format!("  eve: {{role: {role}, nda: {{signed: 2026-01-01}}, keys: [{}]}}\n", key(9).text())
}

pub(super) fn signing(text: &str) -> Draft {
    let details = Details { roster_file: Some(text.to_owned()), ..Details::default() };
    Draft { kind: Kind::Roster, run: None, verb: None, counts: Counts::default(), details }
}

fn found(ops: &Ops, files: &[RosterFile]) -> Succession {
    let anchor = Anchor::of(&first().roster);
    Record::read(ops.path()).unwrap().succession(files, anchor).unwrap()
}

#[test]
fn a_version_counts_once_a_lead_signed_it_and_the_next_from_there() {
    let ops = Ops::new();
    let second = text(18, &first().roster.digest, &eve("shadow"));
    let before = found(&ops, &[file(&second), first()]);
    assert_eq!(before.in_force.roster.version, 17);
    assert!(matches!(before.file, Successor::Waits(_)));
    let entry = ops.append("alice", 1, &signing(&second));
    let after = found(&ops, &[file(&second), first()]);
    assert_eq!((after.in_force.text.as_str(), after.file), (second.as_str(), Successor::InForce));
    let public = std::fs::read_to_string(&entry.file).unwrap();
    assert!(public.contains("\"eve\":{\"role\":\"shadow\"") && !public.contains("laptop"), "{public}");
    let third = text(19, &Digest::of(&second), &eve("operator"));
    ops.append("alice", 1, &signing(&third));
    // Somebody who has nothing but the first version and the ledger comes to the same.
    let caught_up = found(&ops, &[first()]);
    assert_eq!((caught_up.in_force.roster.version, caught_up.file), (19, Successor::Older));
    assert_eq!(ops.breaks(), [""; 0]);
}

#[test]
fn nobody_but_a_lead_signs_a_roster_whatever_they_write() {
    let ops = Ops::new();
    let mine = text(18, &first().roster.digest, &eve("lead"));
    for (name, number) in [("oscar", 2), ("sam", 3)] {
        let refused = ops.try_append(name, number, &signing(&mine));
        assert!(matches!(refused, Err(LedgerError::NotAllowed { .. })));
    }
    // A client that was changed so that it signs all the same.
    let mut forged = Ops::new();
    forged.roster =
        parse(&mine.replace("sam: {role: shadow, ", "sam: {role: lead, nda: {signed: 2026-01-01}, "));
    forged.append("sam", 3, &signing(&mine));
    let found = found(&forged, &[file(&mine), first()]);
    assert_eq!(found.in_force.roster.version, 17);
    assert!(matches!(found.file, Successor::Waits(_)), "{:?}", found.file);
}

#[test]
fn two_signed_files_of_one_version_are_a_fork_that_nobody_decides_alone() {
    let ops = Ops::new();
    let one = text(18, &first().roster.digest, &eve("shadow"));
    let other = text(18, &first().roster.digest, &eve("operator"));
    ops.append("alice", 1, &signing(&one));
    ops.append("alice", 1, &signing(&other));
    let record = Record::read(ops.path()).unwrap();
    let fork = record.succession(&[file(&one)], Anchor::of(&first().roster));
    assert!(matches!(fork, Err(NoRosterInForce::NoAnchor { version: 17, .. })));
    let fork = record.succession(&[file(&one), first()], Anchor::of(&first().roster)).unwrap_err();
    assert!(matches!(fork, NoRosterInForce::Fork { version: 18, .. }), "{fork}");
    let pinned = record.succession(&[file(&one)], Anchor::of(&file(&one).roster)).unwrap();
    assert_eq!(pinned.file, Successor::InForce);
}

#[test]
fn what_is_not_the_file_that_was_signed_is_not_taken_for_it() {
    let ops = Ops::new();
    let second = text(18, &first().roster.digest, &eve("shadow"));
    let entry = ops.append("alice", 1, &signing(&second));
    let private = entry.file.with_file_name("00000001.private.json");
    let changed =
        std::fs::read_to_string(&private).unwrap().replace("eve: {role: shadow", "eve: {role: lead");
    std::fs::write(&private, changed).unwrap();
    // That a lead signed a later one is known all the same, so nobody goes on by this one.
    let hidden = ops.record().succession(&[first()], Anchor::of(&first().roster)).map(drop);
    assert!(matches!(hidden, Err(NoRosterInForce::Hidden { version: 18, .. })), "{hidden:?}");
    std::fs::remove_file(&private).unwrap();
    assert!(ops.record().succession(&[first()], Anchor::of(&first().roster)).is_err());
    // Whoever has the file itself needs no private part.
    assert_eq!(found(&ops, &[file(&second), first()]).in_force.roster.version, 18);
}

#[test]
fn who_is_still_here_goes_on_in_another_chain_when_one_is_sealed() {
    let (mut ops, entries) = Ops::filled();
    let seal = Seal { last: entries[2].head.seq, digest: entries[2].head.digest };
    ops.roster.sealed.insert(entries[0].chain.clone(), seal);
    let who = Proven {
        operator: "oscar".parse().unwrap(),
        role: crate::model::Role::Operator,
        key: key(2),
        signer: Box::new(signer(2)),
    };
    let random: [u8; 32] = std::array::from_fn(|at| at as u8);
    let ledger = Ledger::open(ops.path(), &ops.roster, &who, &random).unwrap();
    assert_ne!(*ledger.chain(), entries[0].chain);
    assert_eq!(ledger.chain().operator().as_str(), "oscar");
}
