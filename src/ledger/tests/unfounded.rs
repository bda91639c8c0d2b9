//! What somebody without the key puts behind a chain that goes on, and what is made to look like it.

use super::*;

/// Whether anything can't be decided any more.
fn stops(report: &Report) -> bool {
    report.hidden().is_some() || report.missing().is_some() || report.gone().is_some()
}

/// The place of an entry behind oscar's last.
fn behind(entries: &[EntryRef], place: &str) -> EntryRef {
    let file = entries[2].file.parent().unwrap().with_file_name("").join(place);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    EntryRef { file, ..entries[2].clone() }
}

/// What somebody without oscar's key puts there: text that is no entry, an entry without a signature, with one of somebody else, a
/// copy, and what is too large.
fn put(entries: &[EntryRef], kind: usize, place: &str) -> EntryRef {
    let junk = behind(entries, place);
    let last = std::fs::read_to_string(&entries[2].file).unwrap();
    let text = match kind {
        0 => "what?".to_owned(),
        1 | 2 => last.replace("\"seq\":3", "\"seq\":4"),
        3 => last.clone(),
        _ => "x".repeat(2 << 20),
    };
    std::fs::write(&junk.file, &text).unwrap();
    let signature = match kind {
        2 => Some(signer(9).sign(LEDGER_NAMESPACE, text.as_bytes()).unwrap()),
        3 => Some(std::fs::read_to_string(signature_of(&entries[2])).unwrap()),
        _ => None,
    };
    signature.into_iter().for_each(|text| std::fs::write(signature_of(&junk), text).unwrap());
    junk
}

/// oscar's notes that count.
fn counted(ops: &Ops, report: &Report) -> usize {
    let (record, broken) = (ops.record(), report.broken());
    let notes = record.vouched(&ops.roster, Kind::Note);
    let counts = notes.iter().filter(|note| !broken.contains(note.entry.file.as_path()));
    counts.filter(|note| note.chain.operator().as_str() == "oscar").count()
}

#[test]
fn what_nobody_vouches_for_behind_a_chain_decides_nothing_and_stops_nobody() {
    for place in ["2026/00000004.json", "2026/00000009.json", "2031/00000001.json", "2025/00000004.json"] {
        for kind in 0..5 {
            let (ops, entries) = Ops::filled();
            put(&entries, kind, place);
            let report = ops.report();
            assert!(!report.breaks.is_empty() && !stops(&report), "{place} {kind}: {:?}", lines(&report));
            let aside = report.set_aside();
            assert_eq!(aside.len(), 1, "{place} {kind}: {aside:?}");
            assert_eq!(counted(&ops, &report), 3);
            // The end of the chain is remembered all the same: what is cut off later is missed.
            let mut heads = Heads::default();
            heads.remember(&report);
            assert_eq!(heads.of(&entries[2].chain), Some(entries[2].head), "{place} {kind}");
        }
    }
}

#[test]
fn what_was_signed_is_missed_whatever_is_made_of_it() {
    for (seen, remembered) in [(true, false), (false, true), (true, true)] {
        let (ops, entries) = Ops::filled();
        let mut heads = Heads::default();
        heads.remember(&ops.report());
        if !seen {
            remove(&entries[3]);
            heads.forget(&entries[3].chain);
        }
        let known = if remembered { heads } else { Heads::default() };
        let report = || ops.record().verify(&ops.roster, &known);
        assert!(!stops(&report()));
        for (at, entry) in entries[..3].iter().enumerate() {
            let (text, signature) =
                (std::fs::read(&entry.file).unwrap(), std::fs::read_to_string(signature_of(entry)).unwrap());
            let of_another = signer(9).sign(LEDGER_NAMESPACE, &text).unwrap();
            for forged in [None, Some("x".to_owned()), Some(of_another), Some("x".repeat(2 << 20))] {
                match forged {
                    None => std::fs::remove_file(signature_of(entry)).unwrap(),
                    Some(forged) => std::fs::write(signature_of(entry), forged).unwrap(),
                }
                let report = report();
                let what = (seen, remembered, at, lines(&report));
                assert!(
                    report.missing().or(report.hidden()).is_some() && report.gone().is_some(),
                    "{what:?}"
                );
            }
            std::fs::write(signature_of(entry), &signature).unwrap();
            for other in ["what?".to_owned(), "x".repeat(2 << 20)] {
                std::fs::write(&entry.file, other).unwrap();
                let report = report();
                let what = (seen, remembered, at, lines(&report));
                assert!(report.missing().is_some() && report.gone().is_some(), "{what:?}");
            }
            std::fs::write(&entry.file, &text).unwrap();
        }
    }
}

#[test]
fn who_has_no_say_vouches_for_nothing_that_lies_behind_another_s_chain() {
    let (ops, entries) = Ops::filled();
    let junk = put(&entries, 2, "2026/00000004.json");
    let digest = Digest::of(std::fs::read(&junk.file).unwrap());
    let shadows = ops.append("sam", 3, &note("x"));
    // sam says to have seen it, and that it comes before what sam writes.
    let last = entries[2].head.digest.to_string();
    rewrite(&shadows, 3, |text| {
        let seen = text.replace(
            &format!("\"seq\":3,\"digest\":\"{last}\""),
            &format!("\"seq\":4,\"digest\":\"{digest}\""),
        );
        seen.replace("\"seq\":1,", &format!("\"seq\":1,\"previous\":\"{digest}\","))
    });
    let report = ops.report();
    assert!(
        lines(&report).iter().any(|line| line.starts_with("oscar/00000004.json")),
        "{:?}",
        lines(&report)
    );
    assert!(!stops(&report), "{:?}", lines(&report));
    // An operator's word counts.
    let (ops, entries) = Ops::filled();
    put(&entries, 2, "2026/00000004.json");
    rewrite(&entries[3], 1, |text| {
        text.replace(
            &format!("\"seq\":3,\"digest\":\"{last}\""),
            &format!("\"seq\":4,\"digest\":\"{digest}\""),
        )
    });
    assert!(ops.report().gone().is_some(), "{:?}", ops.breaks());
}

#[test]
fn ones_own_chain_goes_on_before_what_nobody_signed_where_this_machine_knows_its_end() {
    for kind in 0..5 {
        let (ops, entries) = Ops::filled();
        let mut heads = Heads::default();
        heads.advance(&entries[2].chain, entries[2].head);
        let junk = put(&entries, kind, "2026/00000004.json");
        let append = |heads: &Heads| {
            let now = Timestamp::from_second(NOON + 60).unwrap();
            let nonce = Nonce::from_bytes([2; 32]);
            let stamp = Stamp { signer: &signer(2), now, nonce: &nonce, scrub: &|text| Cow::Borrowed(text) };
            ops.ledger_of("oscar", 2).unwrap().remembering(heads).append(&note("on"), &stamp)
        };
        let is_signed = signature_of(&junk).exists();
        let mut later = heads.clone();
        later.advance(&entries[2].chain, Head { seq: 4, digest: Digest::of("gone") });
        for unknown in [Heads::default(), later] {
            if is_signed {
                let refused = append(&unknown).unwrap_err();
                assert!(matches!(refused, LedgerError::Forged { .. }), "{kind}: {refused}");
            }
        }
        let next = append(&heads).unwrap();
        assert_eq!(next.head.seq, 4, "{kind}");
        assert_eq!(ops.breaks(), [""; 0], "{kind}");
        assert!(next.file.with_added_extension("torn").exists(), "it is not thrown away");
    }
}
