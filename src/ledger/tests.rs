//! The ledger as a whole: what is appended verifies, and whatever is done to it afterwards shows.

use super::*;
use crate::model::{Digest, HostName, Map, Nonce, RunId, Signer};
use crate::people::testing::{in_the_group, key, parse, roster, roster_text, signer};
use crate::people::{FileSigner, LEDGER_NAMESPACE, Proven, Roster, Seal, Verb};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;
use std::borrow::Cow;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

mod claims;
mod compare;
mod emergency;
mod groups;
mod history;
mod index;
mod late;
mod many;
mod openssh;
mod places;
mod reading;
mod rosters;
mod runs;
mod tampering;
mod times;
mod unfounded;
mod writing;

const NOON: i64 = 1_795_262_400;

/// An ops repository in which people append, from clones of their own.
struct Ops {
    root: tempfile::TempDir,
    clock: std::cell::Cell<i64>,
    roster: Roster,
    clone: u8,
}

impl Ops {
    fn new() -> Self {
        let (root, clock) = (tempfile::tempdir().unwrap(), std::cell::Cell::new(NOON));
        Self { root, clock, roster: roster(), clone: 0x7f }
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn ledger_of(&self, name: &str, number: u8) -> Result<Ledger, LedgerError> {
        let role = self.roster.person(&name.parse().unwrap()).unwrap().role;
        let who = Proven {
            operator: name.parse().unwrap(),
            role,
            key: key(number),
            signer: Box::new(signer(number)),
        };
        Ledger::open(self.path(), &self.roster, &who, &[self.clone; 32])
    }

    fn try_append(&self, name: &str, number: u8, draft: &Draft) -> Result<EntryRef, LedgerError> {
        self.clock.set(self.clock.get() + 1);
        let now = Timestamp::from_second(self.clock.get()).unwrap();
        let nonce = Nonce::from_bytes([number; 32]);
        let stamp = Stamp { signer: &signer(number), now, nonce: &nonce, scrub: &|text| Cow::Borrowed(text) };
        self.ledger_of(name, number)?.append(draft, &stamp)
    }

    fn append(&self, name: &str, number: u8, draft: &Draft) -> EntryRef {
        self.try_append(name, number, draft).unwrap()
    }

    /// Three entries by oscar, then one by alice who has seen them.
    fn filled() -> (Self, Vec<EntryRef>) {
        let ops = Self::new();
        let mut entries: Vec<EntryRef> =
            (0..3).map(|n| ops.append("oscar", 2, &note(&format!("remark {n}")))).collect();
        entries.push(ops.append("alice", 1, &note("seen")));
        (ops, entries)
    }

    fn record(&self) -> Record {
        Record::read(self.path(), None).unwrap()
    }

    fn report(&self) -> Report {
        self.record().verify(&self.roster, &Heads::default())
    }

    /// What is wrong, as lines without the directory of the chain.
    fn breaks(&self) -> Vec<String> {
        lines(&self.report())
    }
}

fn lines(report: &Report) -> Vec<String> {
    let short = |found: &Break| {
        let name = found.file.file_name().unwrap().to_string_lossy().into_owned();
        let operator =
            found.file.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let operator = operator.unwrap_or_default().split('-').next().unwrap_or_default().to_owned();
        format!("{operator}/{name}: {}", found.fault)
    };
    report.breaks.iter().map(short).collect()
}

fn draft(kind: Kind, details: Details) -> Draft {
    Draft { kind, run: None, verb: None, counts: Counts::default(), details }
}

fn note(text: &str) -> Draft {
    draft(Kind::Note, Details { remark: Some(text.into()), ..Details::default() })
}

fn run(number: u64) -> RunId {
    RunId::from_parts(number, 7)
}

fn intent(number: u64) -> Draft {
    let host = |name: &str| name.parse::<HostName>().unwrap();
    let details = Details {
        reason: Some("kernel\u{1b}[2J\nupdate".into()),
        ticket: Some("INFRA-12".into()),
        hosts: vec![host("web1"), host("web2"), host("db1")],
        ..Details::default()
    };
    let counts = Counts { hosts: Some(3), ..Counts::default() };
    Draft { run: Some(run(number)), verb: Some(Verb::Patch), counts, ..draft(Kind::Intent, details) }
}

fn outcome(number: u64) -> Draft {
    let result = |outcome, records| HostResult { outcome, records, seconds: None };
    let change = json!({"module": "apt", "before": "1.0", "after": "1.1"});
    let results = [
        ("web1", HostOutcome::Changed, vec![change]),
        ("web2", HostOutcome::Ok, vec![]),
        ("db1", HostOutcome::Unknown, vec![]),
    ];
    let results = results.map(|(host, outcome, records)| (host.parse().unwrap(), result(outcome, records)));
    let details = Details { results: results.into_iter().collect(), ..Details::default() };
    let counts = Counts::of(details.results.values());
    Draft { run: Some(run(number)), verb: Some(Verb::Patch), counts, ..draft(Kind::Outcome, details) }
}

fn signature_of(entry: &EntryRef) -> PathBuf {
    entry.file.with_added_extension("sig")
}

fn private_of(entry: &EntryRef) -> PathBuf {
    entry.file.with_extension("private.json")
}

fn remove(entry: &EntryRef) {
    for file in [entry.file.clone(), signature_of(entry), private_of(entry)] {
        std::fs::remove_file(file).unwrap();
    }
}

/// Writes an entry anew and signs it, as somebody with the key could.
fn rewrite(entry: &EntryRef, number: u8, change: impl Fn(&str) -> String) {
    let text = std::fs::read_to_string(&entry.file).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text);
    std::fs::write(&entry.file, &changed).unwrap();
    std::fs::write(signature_of(entry), signer(number).sign(LEDGER_NAMESPACE, changed.as_bytes()).unwrap())
        .unwrap();
}

#[test]
fn what_was_appended_verifies_and_names_what_its_writer_had_seen() {
    let (ops, entries) = Ops::filled();
    assert_eq!(ops.breaks(), [""; 0]);
    let report = ops.report();
    assert_eq!((report.entries, report.heads.len(), report.rests.len()), (4, 2, 0));
    assert_eq!(report.heads[&entries[2].chain], entries[2].head);
    let record = ops.record();
    let alice = record.chains[&entries[3].chain][0].public.as_ref().unwrap();
    assert_eq!(alice.seen[&entries[2].chain], entries[2].head);
    assert_eq!((alice.roster, alice.seq, alice.previous), (17, 1, None));
    assert!(entries[0].file.ends_with(format!("ledger/{}/2026/00000001.json", entries[0].chain)));
}

#[test]
fn a_year_ends_and_a_clock_goes_back_without_breaking_the_chain() {
    let ops = Ops::new();
    for second in [NOON, NOON + 366 * 86_400, NOON + 5, NOON + 6] {
        ops.clock.set(second);
        ops.append("oscar", 2, &note("x"));
    }
    assert_eq!(ops.breaks(), [""; 0]);
    assert_eq!(ops.report().entries, 4);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_reads_back_what_was_appended(
        remarks in proptest::collection::vec(("\\PC*|[\\x00-\\x1f]*", 0..Kind::ALL.len(), any::<Option<u32>>()), 1..6)
    ) {
        let ops = Ops::new();
        let drafts: Vec<Draft> = remarks
            .into_iter()
            .enumerate()
            .filter(|(_, (_, kind, _))| Kind::ALL[*kind] != Kind::Outcome)
            .map(|(at, (text, kind, changed))| Draft {
                run: Some(run(at as u64)),
                counts: Counts { changed: changed.map(u64::from), ..Counts::default() },
                ..draft(Kind::ALL[kind], Details { reason: Some(text.clone()), arguments: vec![text], ..Details::default() })
            })
            .collect();
        for draft in &drafts {
            ops.append("alice", 1, draft);
        }
        prop_assert_eq!(ops.breaks(), Vec::<String>::new());
        let record = ops.record();
        prop_assert_eq!(record.entries().count(), drafts.len());
        for ((_, entry), draft) in record.entries().zip(&drafts) {
            let public = entry.public.as_ref().unwrap();
            prop_assert_eq!((public.kind, public.run, public.changed), (draft.kind, draft.run, draft.counts.changed));
            prop_assert_eq!(&entry.private.content().unwrap().details, &draft.details);
        }
    }

    #[test]
    fn no_bytes_in_an_entry_make_reading_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), part in 0..3usize) {
        let (ops, entries) = Ops::filled();
        let files = [entries[1].file.clone(), signature_of(&entries[1]), private_of(&entries[1])];
        std::fs::write(&files[part], &bytes).unwrap();
        prop_assert!(!ops.breaks().is_empty());
        ops.record().log();
    }
}
