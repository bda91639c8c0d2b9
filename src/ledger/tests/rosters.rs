//! Versions of the roster in the ledger: which one counts, and what doesn't help those who would like another one to.

use super::*;

/// The roster of the tests with another head, perhaps with more below its people.
pub(super) fn text(version: u64, previous: &Digest, more: &str) -> String {
    roster_text(&format!("version: {version}\nprevious: {previous}\n")) + more
}

pub(super) fn file(text: &str) -> RosterFile {
    let file = RosterFile::parse(Path::new("operators.yml"), text.to_owned()).unwrap();
    RosterFile { roster: in_the_group(file.roster), ..file }
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
    Record::read(ops.path(), None).unwrap().succession(files, anchor).unwrap()
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
    let record = Record::read(ops.path(), None).unwrap();
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

/// What oscar, whom alice's version makes an operator, signs at the same time, when he still leads; and the version after that.
struct Fork {
    ops: Ops,
    first: RosterFile,
    alices: RosterFile,
    oscars: RosterFile,
}

impl Fork {
    fn new() -> Self {
        let leads = |text: String| text.replace("oscar: {role: operator", "oscar: {role: lead");
        let first = file(&leads(roster_text("version: 17\nprevious: sha256:{zeros}\n")));
        let mut ops = Ops::new();
        ops.roster = first.roster.clone();
        let alices = file(&text(18, &first.roster.digest, ""));
        let oscars = file(&leads(text(18, &first.roster.digest, &eve("lead"))));
        ops.append("alice", 1, &signing(&first.text));
        ops.append("alice", 1, &signing(&alices.text));
        ops.append("oscar", 2, &signing(&oscars.text));
        Self { ops, first, alices, oscars }
    }

    /// The version after one of both, which settles the other.
    fn settling(&self, after: &RosterFile, other: &RosterFile) -> RosterFile {
        let head =
            format!("version: 19\nprevious: {}\nsettles: [{}]", after.roster.digest, other.roster.digest);
        let old = format!("version: 18\nprevious: {}", self.first.roster.digest);
        assert!(after.text.contains(&old));
        file(&after.text.replace(&old, &head))
    }

    /// Where the ledger leads from a version.
    fn from(&self, anchor: &RosterFile) -> Result<u64, NoRosterInForce> {
        let known = [anchor.clone(), self.first.clone()];
        let found = self.ops.record().succession(&known, Anchor::of(&anchor.roster));
        found.map(|found| found.in_force.roster.version)
    }
}

#[test]
fn a_fork_is_settled_by_who_leads_in_both_and_everybody_comes_to_the_same() {
    let fork = Fork::new();
    assert!(matches!(fork.from(&fork.first), Err(NoRosterInForce::Fork { version: 18, .. })));
    assert_eq!((fork.from(&fork.alices).ok(), fork.from(&fork.oscars).ok()), (Some(18), Some(18)));
    let settled = fork.settling(&fork.alices, &fork.oscars);
    fork.ops.append("alice", 1, &signing(&settled.text));
    for from in [&fork.first, &fork.alices, &fork.oscars] {
        assert_eq!(fork.from(from).ok(), Some(19));
    }
    let known = [fork.first.clone()];
    let record = fork.ops.record();
    assert_eq!(
        record.settled(&known, &settled.roster),
        [Settled { file: Anchor::of(&fork.oscars.roster), by: 19 }]
    );
    assert!(record.rivals(&known, &settled.roster).is_empty());
    assert_eq!(lines(&record.verify(&settled.roster, &Heads::default())), [""; 0]);
    // A second one of the same moment, which turns up later, is settled by nobody.
    let late = file(&fork.oscars.text.replace("eve:", "eva:"));
    fork.ops.append("oscar", 2, &signing(&late.text));
    assert!(matches!(fork.from(&fork.first), Err(NoRosterInForce::Fork { .. })));
    assert_eq!(fork.from(&fork.alices).ok(), Some(19));
    let broken = lines(&fork.ops.record().verify(&settled.roster, &Heads::default()));
    assert!(
        broken.len() == 1 && broken[0].contains("which its writer may not sign since roster 18"),
        "{broken:?}"
    );
}

#[test]
fn who_leads_in_one_of_two_lines_alone_settles_nothing() {
    let fork = Fork::new();
    let settled = fork.settling(&fork.oscars, &fork.alices);
    fork.ops.append("oscar", 2, &signing(&settled.text));
    // Who knows alice's stays there, who knew neither is told of both, and none of it is named as settled.
    assert_eq!(fork.from(&fork.alices).ok(), Some(18));
    assert!(matches!(fork.from(&fork.first), Err(NoRosterInForce::Fork { version: 18, .. })));
    let known = [fork.first.clone(), fork.alices.clone()];
    assert_eq!(fork.ops.record().settled(&known, &settled.roster), []);
    let rivals = fork.ops.record().rivals(&known, &fork.alices.roster);
    assert_eq!(rivals.iter().map(|one| one.file.roster.digest).collect::<Vec<_>>(), [settled.roster.digest]);
}

#[test]
fn a_version_settles_nothing_from_a_line_that_nobody_signed() {
    let fork = Fork::new();
    // As if alice's had another one before it, which exists nowhere.
    let stray =
        file(&fork.alices.text.replace(&fork.first.roster.digest.to_string(), &Digest::of("x").to_string()));
    let old = format!("version: 18\nprevious: {}", Digest::of("x"));
    let head =
        format!("version: 19\nprevious: {}\nsettles: [{}]", stray.roster.digest, fork.oscars.roster.digest);
    let settled = file(&stray.text.replace(&old, &head));
    fork.ops.append("alice", 1, &signing(&stray.text));
    fork.ops.append("alice", 1, &signing(&settled.text));
    assert_eq!(fork.from(&fork.oscars).ok(), Some(18));
    assert!(fork.from(&fork.first).is_err());
}
