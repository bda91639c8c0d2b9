//! The ledger as a whole: what is appended verifies, and whatever is done to it afterwards shows.

use super::*;
use crate::model::{Digest, HostName, Map, Nonce, RunId, Signer};
use crate::people::testing::{key, parse, roster, roster_text, signer};
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
mod history;
mod many;
mod rosters;
mod runs;
mod times;

const NOON: i64 = 1_795_262_400;

/// An ops repository in which people append, from clones of their own.
struct Ops {
    root: tempfile::TempDir,
    clock: std::cell::Cell<i64>,
    roster: Roster,
}

impl Ops {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap(), clock: std::cell::Cell::new(NOON), roster: roster() }
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
        Ledger::open(self.path(), &self.roster, &who, &[0x7f; 32])
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
        Record::read(self.path()).unwrap()
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

#[test]
fn a_removed_entry_leaves_a_gap_and_is_missed_by_who_saw_it() {
    let (ops, entries) = Ops::filled();
    remove(&entries[1]);
    assert_eq!(
        ops.breaks(),
        ["oscar/00000003.json: follows 1, but 2 is missing: removed, or not yet pulled"]
    );
    let (ops, entries) = Ops::filled();
    remove(&entries[2]);
    let expected = format!(
        "alice/00000001.json: has seen {} 3, which is gone: removed, or not yet pulled",
        entries[2].chain
    );
    assert_eq!(ops.breaks(), [expected]);
}

#[test]
fn a_cut_chain_that_nobody_saw_shows_where_its_head_is_remembered() {
    let (ops, entries) = Ops::filled();
    let mut heads = Heads::default();
    heads.remember(&ops.report());
    remove(&entries[3]);
    assert_eq!(ops.breaks(), [""; 0]);
    let report = ops.record().verify(&ops.roster, &heads);
    assert_eq!(lines(&report), ["alice/00000001.json: was verified here before, and is gone"]);
    ops.clock.set(NOON + 100);
    ops.append("alice", 1, &note("another past"));
    let report = ops.record().verify(&ops.roster, &heads);
    assert_eq!(
        lines(&report),
        ["alice/00000001.json: is another than the one that was verified here before"]
    );
}

#[test]
fn remembered_heads_are_kept_on_disk_and_never_go_back() {
    let (ops, entries) = Ops::filled();
    let file = ops.path().join("state/wgops/heads.json");
    assert_eq!(Heads::load(&file).unwrap(), Heads::default());
    let mut heads = Heads::default();
    heads.remember(&ops.report());
    heads.advance(&entries[0].chain, entries[0].head);
    heads.save(&file).unwrap();
    let loaded = Heads::load(&file).unwrap();
    assert_eq!(loaded.iter().find(|(chain, _)| **chain == entries[0].chain).unwrap().1, &entries[2].head);
    std::fs::write(&file, "{}").unwrap();
    assert!(Heads::load(&file).unwrap_err().to_string().contains("heads.json"));
}

#[test]
fn heads_of_a_broken_ledger_are_not_remembered() {
    let (ops, entries) = Ops::filled();
    remove(&entries[0]);
    let mut heads = Heads::default();
    heads.remember(&ops.report());
    assert_eq!(heads, Heads::default());
}

#[test]
fn a_rewritten_entry_shows_even_when_its_owner_signs_it_anew() {
    let (ops, entries) = Ops::filled();
    let text = std::fs::read_to_string(&entries[1].file).unwrap();
    std::fs::write(&entries[1].file, text.replace("note", "claim")).unwrap();
    let broken = ops.breaks();
    assert!(broken[0].starts_with("oscar/00000002.json: the signature does not fit"), "{broken:?}");
    std::fs::write(&entries[1].file, text).unwrap();
    rewrite(&entries[1], 2, |text| text.replace("note", "claim"));
    let broken = ops.breaks();
    assert!(
        broken.len() == 1 && broken[0].starts_with("oscar/00000003.json: was written after another"),
        "{broken:?}"
    );
    let (ops, entries) = Ops::filled();
    rewrite(&entries[2], 2, |text| text.replace("note", "claim"));
    let broken = ops.breaks();
    assert!(broken.len() == 1 && broken[0].contains("has seen another"), "{broken:?}");
}

#[test]
fn exchanged_entries_or_signatures_show() {
    let (ops, entries) = Ops::filled();
    let swap = |a: &Path, b: &Path| {
        let (first, second) = (std::fs::read(a).unwrap(), std::fs::read(b).unwrap());
        std::fs::write(a, second).unwrap();
        std::fs::write(b, first).unwrap();
    };
    swap(&signature_of(&entries[0]), &signature_of(&entries[1]));
    assert_eq!(ops.breaks().iter().filter(|line| line.contains("does not fit")).count(), 2);
    swap(&entries[0].file, &entries[1].file);
    let broken = ops.breaks();
    assert_eq!(
        broken.iter().filter(|line| line.contains("does not lie where it belongs")).count(),
        2,
        "{broken:?}"
    );
}

#[test]
fn a_signature_for_another_purpose_or_by_another_key_does_not_count() {
    let (ops, entries) = Ops::filled();
    let bytes = std::fs::read(&entries[3].file).unwrap();
    std::fs::write(signature_of(&entries[3]), signer(1).sign("identity@wgops", &bytes).unwrap()).unwrap();
    assert_eq!(ops.breaks(), ["alice/00000001.json: the signature was made for 'identity@wgops'"]);
    std::fs::write(signature_of(&entries[3]), signer(2).sign(LEDGER_NAMESPACE, &bytes).unwrap()).unwrap();
    assert_eq!(ops.breaks(), ["alice/00000001.json: the signature was made with another key"]);
    std::fs::write(signature_of(&entries[3]), "none").unwrap();
    assert_eq!(ops.breaks(), ["alice/00000001.json: this is no SSH signature"]);
    std::fs::remove_file(signature_of(&entries[3])).unwrap();
    assert_eq!(ops.breaks(), ["alice/00000001.json: has no signature"]);
}

#[test]
fn a_private_part_that_is_edited_or_gone_shows_but_the_public_misses_none() {
    let (ops, entries) = Ops::filled();
    let text = std::fs::read_to_string(private_of(&entries[0])).unwrap();
    std::fs::write(private_of(&entries[0]), text.replace("remark 0", "remark 9")).unwrap();
    assert_eq!(ops.breaks(), ["oscar/00000001.json: its private part is not the one that was signed"]);
    for entry in &entries {
        std::fs::remove_file(private_of(entry)).unwrap();
    }
    let broken = ops.breaks();
    assert_eq!(broken.len(), 4);
    assert!(broken.iter().all(|one| one.ends_with("its private part is gone: removed, or not yet pulled")));
    let public = Record::read_public(ops.path()).unwrap();
    assert_eq!(lines(&public.verify(&ops.roster, &Heads::default())), [""; 0]);
}

#[test]
fn nobody_can_write_a_chain_in_the_name_of_another() {
    let (ops, entries) = Ops::filled();
    let forged = entries[0].chain.to_string().replace("oscar", "alice");
    let ledger = ops.path().join("ledger");
    std::fs::create_dir_all(ledger.join(&forged).join("2026")).unwrap();
    let fake = EntryRef { file: ledger.join(&forged).join("2026/00000001.json"), ..entries[0].clone() };
    let text = std::fs::read_to_string(&entries[0].file).unwrap().replace("oscar-", "alice-");
    std::fs::write(&fake.file, &text).unwrap();
    std::fs::write(signature_of(&fake), signer(2).sign(LEDGER_NAMESPACE, text.as_bytes()).unwrap()).unwrap();
    let broken = ops.breaks();
    // It is said of the entry itself: whoever asks whether that holds must hear of it.
    let unknown = "alice/00000001.json: the roster knows no such key of alice, and does not seal this chain";
    assert!(broken.contains(&unknown.to_owned()), "{broken:?}");

    let stolen = ledger.join(entries[3].chain.to_string()).join("2026/00000002.json");
    let next = EntryRef { file: stolen, ..entries[3].clone() };
    std::fs::copy(&entries[3].file, &next.file).unwrap();
    rewrite(&next, 2, |text| text.replace("\"seq\":1", "\"seq\":2"));
    assert!(
        ops.breaks().contains(&"alice/00000002.json: the signature was made with another key".to_owned())
    );
}

#[test]
fn a_role_signs_only_what_is_its_own() {
    let ops = Ops::new();
    assert!(matches!(ops.try_append("sam", 3, &intent(1)), Err(LedgerError::NotAllowed { .. })));
    assert!(!ops.path().join("ledger").exists());
    let entry = ops.append("sam", 3, &Draft { run: Some(run(1)), ..draft(Kind::Shadow, Details::default()) });
    assert_eq!(ops.breaks(), [""; 0]);
    rewrite(&entry, 3, |text| text.replace("\"shadow\"", "\"intent\""));
    assert_eq!(
        ops.breaks(),
        ["sam/00000001.json: is of the kind 'intent', which the role shadow may not sign"]
    );
}

#[test]
fn the_roster_never_falls_within_a_chain_nor_behind_it() {
    let (mut ops, entries) = Ops::filled();
    ops.roster = parse(&roster_text("version: 16\nprevious: sha256:{zeros}\n"));
    assert!(
        ops.breaks().iter().all(|line| line.contains("under roster 17, but the roster here has version 16"))
    );
    assert!(matches!(
        ops.try_append("oscar", 2, &note("x")),
        Err(LedgerError::OldRoster { have: 16, written: 17 })
    ));
    ops.roster = roster();
    rewrite(&entries[2], 2, |text| text.replace("\"roster\":17", "\"roster\":16"));
    assert!(ops.breaks().contains(
        &"oscar/00000003.json: was written under roster 16, after an entry under roster 17".into()
    ));
}

#[test]
fn a_sealed_chain_stays_valid_up_to_its_seal_and_grows_no_more() {
    let (mut ops, entries) = Ops::filled();
    let last = |entry: &EntryRef| Seal { last: entry.head.seq, digest: entry.head.digest };
    let without_oscar: String = roster_text("version: 17\nprevious: sha256:{zeros}\n")
        .lines()
        .filter(|line| !line.contains("oscar"))
        .map(|line| format!("{line}\n"))
        .collect();
    ops.roster = parse(&without_oscar);
    let broken = ops.breaks();
    assert_eq!(broken.len(), 3, "{broken:?}");
    assert!(broken.iter().all(|one| one.contains("knows no such key of oscar")), "{broken:?}");
    ops.roster.sealed.insert(entries[0].chain.clone(), last(&entries[2]));
    assert_eq!(ops.breaks(), [""; 0]);
    ops.roster.sealed.insert(entries[0].chain.clone(), last(&entries[1]));
    assert_eq!(ops.breaks(), ["oscar/00000003.json: was appended after the chain was sealed at 2"]);
    let wrong = Seal { last: 3, digest: Digest::of("other") };
    ops.roster.sealed.insert(entries[0].chain.clone(), wrong);
    assert_eq!(ops.breaks(), ["oscar/00000003.json: is not the entry at which the roster seals this chain"]);
    ops.roster = roster();
    ops.roster.sealed.insert(entries[0].chain.clone(), last(&entries[2]));
    assert!(matches!(ops.try_append("oscar", 2, &note("x")), Err(LedgerError::Sealed(_))));
}

#[test]
fn what_does_not_belong_into_a_ledger_is_named() {
    let (ops, entries) = Ops::filled();
    let ledger = ops.path().join("ledger");
    std::fs::write(ledger.join("README.md"), "").unwrap();
    std::fs::write(ledger.join(".gitattributes"), "").unwrap();
    assert_eq!(ops.breaks(), [""; 0]);
    std::fs::write(ledger.join("notes.txt"), "").unwrap();
    std::fs::create_dir(ledger.join("oscar")).unwrap();
    std::fs::write(entries[0].file.with_file_name("12.json"), "").unwrap();
    std::fs::write(entries[0].file.with_file_name("00000004.json"), "[]").unwrap();
    let broken = ops.breaks();
    for (name, fault) in [
        ("notes.txt", "not belong"),
        ("oscar", "not belong"),
        ("12.json", "not belong"),
        ("00000004.json", "no entry"),
    ] {
        assert!(broken.iter().any(|line| line.contains(name) && line.contains(fault)), "{name}: {broken:?}");
    }
}

#[test]
fn links_lead_nowhere() {
    let outside = tempfile::tempdir().unwrap();
    let ops = Ops::new();
    symlink(outside.path(), ops.path().join("ledger")).unwrap();
    assert!(matches!(ops.try_append("oscar", 2, &note("x")), Err(LedgerError::Link { .. })));
    assert!(matches!(Record::read(ops.path()), Err(LedgerError::Link { .. })));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);

    let (ops, entries) = Ops::filled();
    let chain = ops.path().join("ledger").join(entries[0].chain.to_string());
    std::fs::rename(chain.join("2026"), outside.path().join("2026")).unwrap();
    symlink(outside.path().join("2026"), chain.join("2026")).unwrap();
    assert!(ops.breaks().iter().any(|line| line.contains("is a link")));
    assert!(matches!(ops.try_append("oscar", 2, &note("x")), Err(LedgerError::Link { .. })));

    let (ops, entries) = Ops::filled();
    std::fs::rename(&entries[2].file, outside.path().join("entry")).unwrap();
    symlink(outside.path().join("entry"), &entries[2].file).unwrap();
    assert!(ops.breaks().iter().any(|line| line.starts_with("oscar/00000003.json: is a link")));
    assert!(matches!(ops.try_append("oscar", 2, &note("x")), Err(LedgerError::Link { .. })));
}

#[test]
fn what_an_interrupted_write_left_is_noted_and_cleared_by_the_next_append() {
    let (ops, entries) = Ops::filled();
    let beside = |name: &str| entries[2].file.with_file_name(name);
    std::fs::write(beside("00000004.private.json"), "{}").unwrap();
    std::fs::write(beside("00000004.json.sig"), "half").unwrap();
    std::fs::write(beside(".tmpAbC"), "half").unwrap();
    assert_eq!((ops.breaks().len(), ops.report().rests.len()), (0, 2));
    ops.append("oscar", 2, &note("after"));
    assert_eq!((ops.breaks().len(), ops.report().entries), (0, 5));

    std::fs::write(beside("00000005.json"), "{}").unwrap();
    assert_eq!(ops.breaks().iter().filter(|line| line.contains("has no signature")).count(), 1);
    ops.append("oscar", 2, &note("after"));
    assert_eq!(ops.breaks(), [""; 0]);
    assert!(beside("00000005.json.torn").exists());
}

#[test]
fn an_unreadable_head_stops_its_owner_with_what_to_do() {
    let (ops, entries) = Ops::filled();
    std::fs::write(&entries[2].file, "{").unwrap();
    let error = ops.try_append("oscar", 2, &note("x")).unwrap_err().to_string();
    assert!(error.contains("git checkout") && error.contains("00000003.json"), "{error}");
}

#[test]
fn a_key_that_signs_wrongly_leaves_no_entry() {
    struct Other(FileSigner);
    impl Signer for Other {
        fn public_key(&self) -> &str {
            self.0.public_key()
        }
        fn sign(&self, namespace: &str, _: &[u8]) -> Result<String, crate::model::SignError> {
            self.0.sign(namespace, b"something else")
        }
    }
    let ops = Ops::new();
    let ledger = ops.ledger_of("oscar", 2).unwrap();
    let nonce = Nonce::from_bytes([1; 32]);
    let stamp = Stamp {
        signer: &Other(signer(2)),
        now: Timestamp::UNIX_EPOCH,
        nonce: &nonce,
        scrub: &|text| text.into(),
    };
    assert!(matches!(ledger.append(&note("x"), &stamp), Err(LedgerError::BadSignature(_))));
    assert_eq!(ops.report().entries, 0);
}

#[test]
fn two_at_once_write_one_chain_without_a_gap() {
    let ops = Ops::new();
    let ledger = ops.ledger_of("oscar", 2).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for second in 0..5 {
                    let nonce = Nonce::from_bytes([1; 32]);
                    let now = Timestamp::from_second(NOON + second).unwrap();
                    let stamp = Stamp { signer: &signer(2), now, nonce: &nonce, scrub: &|text| text.into() };
                    ledger.append(&note("x"), &stamp).unwrap();
                }
            });
        }
    });
    assert_eq!((ops.breaks(), ops.report().entries), (Vec::new(), 20));
}

#[test]
fn a_run_is_open_until_somebody_says_how_it_ended() {
    let ops = Ops::new();
    let begun = ops.append("oscar", 2, &intent(1));
    let report = ops.report();
    assert_eq!(report.breaks, []);
    assert_eq!(report.open_runs.iter().map(|open| open.run).collect::<Vec<_>>(), [run(1)]);
    assert!(begun.file.ends_with(&report.open_runs[0].file));
    assert_eq!(ops.record().log()[0].outcome, LogOutcome::Open);
    ops.append("alice", 1, &outcome(1));
    assert_eq!((ops.report().open_runs.len(), ops.breaks().len()), (0, 0));
    ops.append("oscar", 2, &outcome(2));
    ops.append("oscar", 2, &intent(1));
    let broken = ops.breaks();
    assert!(
        broken.iter().any(|line| line.contains("no intent"))
            && broken.iter().any(|line| line.contains("second intent"))
    );
}

#[test]
fn the_log_reads_like_one() {
    let ops = Ops::new();
    ops.append("oscar", 2, &intent(1));
    ops.append("alice", 1, &note("watch db1"));
    ops.append("oscar", 2, &outcome(1));
    let log = ops.record().log();
    assert_eq!(log.len(), 2);
    let line = &log[0];
    assert_eq!(
        (line.operator.as_str(), line.role.unwrap().as_str(), line.verb),
        ("oscar", "operator", Some(Verb::Patch))
    );
    assert_eq!(line.hosts_in_short(2), "web1, web2 and 1 more");
    assert_eq!(
        (line.reason.as_deref(), line.ticket.as_deref()),
        (Some("kernel^[[2J update"), Some("INFRA-12"))
    );
    assert_eq!((line.outcome.to_string().as_str(), line.files.len()), ("1 changed, 1 unknown", 2));
    assert_eq!(log[1].remark.as_deref(), Some("watch db1"));
    let shown = ops.record().run(run(1)).unwrap();
    assert_eq!(shown.entries.len(), 2);
    let private = shown.entries[1].private.as_ref().unwrap();
    assert_eq!(private.details.results[0].records[0]["after"], "1.1");
    assert_eq!(
        shown.entries[0].private.as_ref().unwrap().details.reason.as_deref(),
        Some("kernel\u{1b}[2J\nupdate")
    );
    assert!(ops.record().run(run(9)).is_none());
}

#[test]
fn the_public_view_is_the_same_files_without_the_private_ones() {
    let ops = Ops::new();
    let entries = [ops.append("oscar", 2, &intent(1)), ops.append("oscar", 2, &outcome(1))];
    for entry in &entries {
        let public = std::fs::read_to_string(&entry.file).unwrap();
        for hidden in ["web1", "INFRA-12", "kernel", "apt"] {
            assert!(!public.contains(hidden), "{public}");
        }
        std::fs::remove_file(private_of(entry)).unwrap();
    }
    let public = Record::read_public(ops.path()).unwrap();
    assert_eq!(lines(&public.verify(&ops.roster, &Heads::default())), [""; 0]);
    let log = ops.record().log();
    assert_eq!(
        (log[0].hosts_in_short(3).as_str(), log[0].role, log[0].reason.as_deref()),
        ("3 hosts", None, None)
    );
    assert_eq!(log[0].outcome.to_string(), "1 changed, 1 unknown");
    assert_eq!(ops.record().run(run(1)).unwrap().entries[1].private, None);
}

#[test]
fn every_free_text_passes_the_scrubber_before_it_is_written() {
    let canary = "hunter2";
    let text = || Some(format!("before {canary} after"));
    let source = || Some(Source { path: format!("{canary}.yml"), digest: Digest::of("x") });
    let value = || json!({ "list": [canary], format!("key {canary}"): { "deep": canary } });
    let details = Details {
        reason: text(),
        ticket: text(),
        remark: text(),
        hosts: vec!["web1".parse().unwrap()],
        playbook: source(),
        inventory: source(),
        commit: Some(Commit { id: "0a1b".into(), dirty: true }),
        arguments: vec![format!("--extra={canary}")],
        results: [(
            "web1".parse().unwrap(),
            HostResult { outcome: HostOutcome::Ok, records: vec![value()], seconds: None },
        )]
        .into(),
        events: vec![value()],
        break_glass: text(),
        note: text(),
        typed: Some(Typed {
            inventory: text(),
            playbooks: source().into_iter().collect(),
            variables: Map::from_iter([("x".to_owned(), value())]),
            withheld: text().into_iter().collect(),
            canary: text(),
            ..Typed::default()
        }),
        approved: Some(Map::from_iter([("x".to_owned(), value())])),
        differs: text().into_iter().collect(),
        ..Details::default()
    };
    let ops = Ops::new();
    let nonce = Nonce::from_bytes([1; 32]);
    let scrub = |text: &str| -> String { text.replace(canary, "…") };
    let stamp = Stamp {
        signer: &signer(2),
        now: Timestamp::UNIX_EPOCH,
        nonce: &nonce,
        scrub: &|text| Cow::Owned(scrub(text)),
    };
    let entry = ops.ledger_of("oscar", 2).unwrap().append(&draft(Kind::Note, details), &stamp).unwrap();
    for file in [entry.file.clone(), private_of(&entry), signature_of(&entry)] {
        assert!(!std::fs::read_to_string(file).unwrap().contains(canary));
    }
    assert_eq!(ops.breaks(), [""; 0]);
}

fn keygen(arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn keygen_verifies(allowed: &Path, name: &str, signature: &Path, message: &Path) -> bool {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-Y", "verify", "-I", name, "-n", LEDGER_NAMESPACE, "-f"])
        .arg(allowed)
        .arg("-s")
        .arg(signature);
    command.stdin(std::fs::File::open(message).unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
fn openssh_verifies_what_we_sign_and_we_what_openssh_signs() {
    let kinds: [&[&str]; 5] = [
        &["ed25519"],
        &["rsa", "-b", "2048"],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
        &["ecdsa", "-b", "521"],
    ];
    for kind in kinds {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        let mut arguments = vec!["-q", "-N", "", "-f", path.to_str().unwrap(), "-t"];
        arguments.extend(kind);
        keygen(&arguments);
        let signer = FileSigner::open(&path, None).unwrap();
        let people = format!(
            "operators:\n  anna-lena: {{role: lead, nda: {{signed: 2026-01-01}}, keys: [{}]}}\n",
            signer.key().text()
        );
        let roster = parse(&format!("version: 1\ngroup: x\n{people}"));
        let name = "anna-lena";
        let who = Proven {
            operator: name.parse().unwrap(),
            role: crate::model::Role::Lead,
            key: signer.key().clone(),
            signer: Box::new(FileSigner::open(&path, None).unwrap()),
        };
        let ledger = Ledger::open(home.path(), &roster, &who, &[1; 32]).unwrap();
        let nonce = Nonce::from_bytes([1; 32]);
        let stamp =
            Stamp { signer: &signer, now: Timestamp::UNIX_EPOCH, nonce: &nonce, scrub: &|text| text.into() };
        let entry = ledger.append(&intent(1), &stamp).unwrap();
        let allowed = home.path().join("allowed_signers");
        std::fs::write(&allowed, roster.allowed_signers()).unwrap();
        assert!(keygen_verifies(&allowed, name, &signature_of(&entry), &entry.file), "{kind:?}");
        assert!(!keygen_verifies(&allowed, name, &signature_of(&entry), &private_of(&entry)), "{kind:?}");
        assert!(!keygen_verifies(&allowed, "alice", &signature_of(&entry), &entry.file), "{kind:?}");

        std::fs::remove_file(signature_of(&entry)).unwrap();
        keygen(&[
            "-q",
            "-Y",
            "sign",
            "-f",
            path.to_str().unwrap(),
            "-n",
            LEDGER_NAMESPACE,
            entry.file.to_str().unwrap(),
        ]);
        let report = Record::read(home.path()).unwrap().verify(&roster, &Heads::default());
        assert_eq!((report.breaks, report.entries), (Vec::new(), 1), "{kind:?}");
    }
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
