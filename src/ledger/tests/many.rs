//! A ledger of a hundred thousand entries, which a group has after many years.

use super::*;
use std::io::Write as _;
use std::time::Instant;

const ENTRIES: u64 = 100_000;
const CHAINS: u64 = 10;

/// Writes chains without syncing each entry: this is about reading.
pub(super) fn written(root: &Path, chains: u64, entries: u64) {
    for clone in 0..chains {
        let chain: crate::people::ChainName =
            format!("oscar-{}-{clone:02x}", key(2).digest8()).parse().unwrap();
        let directory = root.join("ledger").join(chain.to_string()).join("2026");
        std::fs::create_dir_all(&directory).unwrap();
        let (signer, mut previous) = (signer(2), None);
        for seq in 1..=entries / chains {
            let nonce = Nonce::from_bytes([1; 32]);
            let details = intent(seq).details;
            let private =
                Private::new(&nonce, "oscar".parse().unwrap(), crate::model::Role::Operator, details);
            let private = serde_json::to_vec(&private).unwrap();
            let public = Public {
                version: VERSION,
                group: crate::people::testing::group(),
                chain: chain.clone(),
                seq,
                previous,
                seen: std::collections::BTreeMap::new(),
                roster: 17,
                time: Timestamp::from_second(NOON + seq as i64).unwrap(),
                kind: Kind::Note,
                run: None,
                verb: None,
                hosts: None,
                changed: None,
                failed: None,
                unreachable: None,
                unknown: None,
                signs: None,
                private: Some(Digest::of(&private)),
            };
            let bytes = serde_json::to_vec(&public).unwrap();
            let file = directory.join(format!("{seq:08}.json"));
            std::fs::write(&file, &bytes).unwrap();
            std::fs::write(file.with_extension("private.json"), &private).unwrap();
            let signature = signer.sign(LEDGER_NAMESPACE, &bytes).unwrap();
            std::fs::write(file.with_added_extension("sig"), signature).unwrap();
            previous = Some(Digest::of(&bytes));
        }
    }
}

#[test]
#[ignore = "writes 300,000 files: run by hand, with --run-ignored only and --no-capture for the figures"]
fn a_hundred_thousand_entries_verify_in_seconds() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), CHAINS, ENTRIES);
    let measured = |heads: &Heads| {
        let begun = Instant::now();
        let record = Record::read(folder.path(), None).unwrap();
        let read = begun.elapsed();
        let report = record.verify(&roster(), heads);
        assert_eq!((report.entries as u64, report.breaks.len()), (ENTRIES, 0));
        (read, begun.elapsed(), report)
    };
    let (_, first, report) = measured(&Heads::default());
    let mut heads = Heads::default();
    heads.remember(&report);
    let (read, again, _) = measured(&heads);
    let index = folder.path().join("index");
    let mut record = Record::read_of(folder.path(), &[&roster()]).unwrap();
    record.settle(&roster(), &report, &index);
    let begun = Instant::now();
    let new =
        Record::read_new(folder.path(), &roster(), &[(Kind::Roster, usize::MAX)], &index).unwrap().unwrap();
    assert_eq!((new.entries().count() as u64, new.verify(&roster(), &heads).breaks), (CHAINS, Vec::new()));
    let settled = begun.elapsed();
    let figures = format!(
        "the first time {first:.1?}; then {again:.1?}, of which reading {read:.1?}; and {settled:.1?} for what is new"
    );
    writeln!(std::io::stderr(), "{figures}").unwrap();
    assert!(first.as_secs() < 120 && again.as_secs() < 60, "{figures}");
}
