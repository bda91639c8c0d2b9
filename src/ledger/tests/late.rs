//! A version that is signed by somebody whose agreement has ended, with a clock that is set back and as if nothing had been seen.

use super::rosters::{file, signing};
use super::*;

/// The 13th of September 2020, noon.
const SEPTEMBER: i64 = 1_600_000_000;
const DAY: i64 = 86_400;

/// alice and oscar lead, oscar until the 1st of October; eve operates.
fn people(head: &str, more: &str) -> String {
    let eve = format!("  eve: {{role: operator, nda: {{signed: 2020-01-01}}, keys: [{}]}}\n", key(9).text());
    let text = roster_text(head).replace("2026-01-01", "2020-01-01") + &eve + more;
    text.replace(
        "oscar: {role: operator, nda: {signed: 2020-01-01",
        "oscar: {role: lead, nda: {signed: 2020-01-01, until: 2020-10-01",
    )
}

struct Two {
    first: RosterFile,
    oscars: RosterFile,
    /// What everybody has.
    here: Ops,
    /// What oscar signs, who has seen nothing of it.
    his: Ops,
}

impl Two {
    fn new() -> Self {
        let first = file(&people("version: 17\nprevious: sha256:{zeros}\n", ""));
        let head = format!("version: 18\nprevious: {}\n", first.roster.digest);
        let oscars = file(&people(&head, "").replace("alice: {role: lead", "alice: {role: operator"));
        let ops = || {
            let mut ops = Ops::new();
            ops.roster = first.roster.clone();
            ops
        };
        let (here, his) = (ops(), ops());
        his.clock.set(SEPTEMBER);
        his.append("oscar", 2, &signing(&oscars.text));
        Self { first, oscars, here, his }
    }

    /// What is in force for who knows the first version, once oscar's chains are pulled.
    fn in_force(&self) -> u64 {
        let from = self.his.path().join("ledger");
        let to = self.here.path().join("ledger");
        let mut copy = Command::new("cp");
        assert!(copy.arg("-r").arg(from.join(".")).arg(&to).status().unwrap().success());
        let known = [self.oscars.clone(), self.first.clone()];
        let anchor = Anchor::of(&self.first.roster);
        for record in [
            Record::read(self.here.path(), None),
            Record::read_rosters(self.here.path(), &[&self.first.roster], None),
        ] {
            let found = record.unwrap().succession(&known, anchor).unwrap();
            let number = found.in_force.roster.version;
            assert_eq!(number == 18, found.file == Successor::InForce);
        }
        let found = self.here.record().succession(&known, anchor).unwrap();
        found.in_force.roster.version
    }
}

#[test]
fn a_lead_whose_agreement_has_ended_signs_none_by_leaving_out_what_others_did_since() {
    let two = Two::new();
    two.here.clock.set(SEPTEMBER + 30 * DAY);
    two.here.append("alice", 1, &note("under version 17, in the middle of October"));
    assert_eq!(two.in_force(), 17);
    // Whatever is put behind it by who has no key hides it from nobody.
    let chain = std::fs::read_dir(two.here.path().join("ledger")).unwrap().map(|one| one.unwrap().path());
    let chain = chain.into_iter().find(|path| path.to_string_lossy().contains("alice-")).unwrap();
    std::fs::create_dir(chain.join("2021")).unwrap();
    for stub in [chain.join("2020/00000002.json"), chain.join("2021/00000001.json")] {
        std::fs::write(&stub, "{}\n").unwrap();
        std::fs::write(stub.with_added_extension("sig"), "x").unwrap();
    }
    assert_eq!(two.in_force(), 17);
}

#[test]
fn a_version_that_was_signed_in_time_counts_whoever_was_behind() {
    // Nobody wrote anything since.
    let two = Two::new();
    two.here.clock.set(SEPTEMBER + 10 * DAY);
    two.here.append("alice", 1, &note("in September"));
    assert_eq!(two.in_force(), 18);
    // alice did, in a clone that had not pulled it; eve had it in time.
    let two = Two::new();
    two.here.clock.set(SEPTEMBER + 30 * DAY);
    two.here.append("alice", 1, &note("in October"));
    two.his.clock.set(SEPTEMBER + 5 * DAY);
    two.his.append("eve", 9, &note("in September"));
    assert_eq!(two.in_force(), 18);
}

#[test]
fn who_is_no_member_or_lapsed_as_well_vouches_for_nothing() {
    // sam, who shadows, was never asked.
    let two = Two::new();
    two.here.clock.set(SEPTEMBER + 30 * DAY);
    two.here.append("alice", 1, &note("in October"));
    two.his.clock.set(SEPTEMBER + 5 * DAY);
    two.his.append("sam", 3, &note("in September"));
    two.his.append("oscar", 2, &note("in September"));
    assert_eq!(two.in_force(), 17);
}

#[test]
fn who_is_removed_undoes_that_by_nothing_once_the_agreements_of_those_days_are_over() {
    // alice, whom the version takes the lead, goes on as if she had not seen it; eve had it in time, and her agreement ended since.
    let two = Two::new();
    let lapsed = |file: &RosterFile| {
        let eve = "eve: {role: operator, nda: {signed: 2020-01-01";
        super::rosters::file(&file.text.replace(eve, &format!("{eve}, until: 2020-10-01")))
    };
    let first = lapsed(&two.first);
    let head =
        |text: &str| text.replace(&two.first.roster.digest.to_string(), &first.roster.digest.to_string());
    let oscars = super::rosters::file(&head(&lapsed(&two.oscars).text));
    let ops = || Ops { roster: first.roster.clone(), ..Ops::new() };
    let (here, his) = (ops(), ops());
    his.clock.set(SEPTEMBER);
    his.append("oscar", 2, &signing(&oscars.text));
    let two = Two { first, oscars, here, his };
    two.here.clock.set(SEPTEMBER + 30 * DAY);
    two.here.append("alice", 1, &note("in October, in a clone that did not pull"));
    assert_eq!(two.in_force(), 17, "nobody had it in time");
    // Both may have made it up since: neither the version nor what was before is taken silently, and a pin says which.
    two.his.clock.set(SEPTEMBER + 5 * DAY);
    two.his.append("eve", 9, &note("in September"));
    let found = |two: &Two, from: &RosterFile| {
        let known = [two.oscars.clone(), two.first.clone()];
        two.here.record().succession(&known, Anchor::of(&from.roster))
    };
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(two.his.path().join("ledger/.")).arg(two.here.path().join("ledger"));
    assert!(copy.status().unwrap().success());
    let contested = found(&two, &two.first).unwrap_err();
    assert!(matches!(contested, NoRosterInForce::Contested { version: 18, .. }), "{contested}");
    assert_eq!(found(&two, &two.oscars).unwrap().in_force.roster.version, 18, "whoever knows it goes on");
}

#[test]
fn a_lead_who_goes_on_without_the_version_that_removes_them_undoes_nothing_that_others_had_in_time() {
    let two = Two::new();
    two.here.clock.set(SEPTEMBER + 30 * DAY);
    two.here.append("alice", 1, &note("in October, in a clone that did not pull"));
    two.his.clock.set(SEPTEMBER + 5 * DAY);
    two.his.append("eve", 9, &note("in September, and her agreement has no end"));
    assert_eq!(two.in_force(), 18);
}

#[test]
fn who_is_removed_by_a_version_takes_its_place_with_none_of_their_own() {
    // oscar takes alice the lead in September; eve, who had not pulled, goes on in October, and so does alice, by a version of her own.
    let mut two = Two::new();
    let head = format!("version: 18\nprevious: {}\n", two.first.roster.digest);
    let hers = file(&people(&head, "").replace("oscar: {role: lead", "oscar: {role: operator"));
    two.here.clock.set(SEPTEMBER + 30 * DAY);
    two.here.append("eve", 9, &note("in October, in a clone that did not pull"));
    two.here.append("alice", 1, &signing(&hers.text));
    let found = |two: &Two| {
        let from = two.his.path().join("ledger").join(".");
        let copied = Command::new("cp").arg("-r").arg(from).arg(two.here.path().join("ledger")).status();
        assert!(copied.unwrap().success());
        let known = [hers.clone(), two.oscars.clone(), two.first.clone()];
        two.here.record().succession(&known, Anchor::of(&two.first.roster))
    };
    // What oscar may have made up alone, with a clock that is set back, stops nobody.
    assert_eq!(found(&two).unwrap().in_force.roster.digest, hers.roster.digest);
    two.his.roster = two.oscars.roster.clone();
    two.his.append("oscar", 2, &note("under it, alone"));
    assert_eq!(found(&two).unwrap().in_force.roster.digest, hers.roster.digest);
    // But where others went on under it, nobody can tell which of the two was there: neither counts without a pin.
    two.his.append("olga", 5, &note("under it, as well"));
    let fork = found(&two).unwrap_err();
    assert!(matches!(fork, NoRosterInForce::Fork { version: 18, .. }), "{fork}");
}
