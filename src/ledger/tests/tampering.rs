//! Whatever is done to entries afterwards shows.

use super::*;

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
fn of_a_broken_ledger_the_chains_that_hold_are_remembered_and_no_others() {
    let (ops, entries) = Ops::filled();
    remove(&entries[0]);
    let mut heads = Heads::default();
    heads.remember(&ops.report());
    let of: Vec<&str> = heads.iter().map(|(chain, _)| chain.operator().as_str()).collect();
    assert_eq!(of, ["alice"]);
    // What was cut from it later shows, though something else is broken.
    remove(&entries[3]);
    let report = ops.record().verify(&ops.roster, &heads);
    assert!(lines(&report).contains(&"alice/00000001.json: was verified here before, and is gone".into()));
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
    assert!(matches!(Record::read(ops.path(), None), Err(LedgerError::Link { .. })));
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
fn an_entry_whose_signature_alone_is_taken_away_is_gone() {
    let (ops, entries) = Ops::filled();
    let mut heads = Heads::default();
    heads.remember(&ops.report());
    // The next entry names the first; the last of its chain is remembered.
    for (at, knows) in [(0, true), (0, false), (3, true), (3, false)] {
        let signature = std::fs::read(signature_of(&entries[at])).unwrap();
        std::fs::remove_file(signature_of(&entries[at])).unwrap();
        let none = Heads::default();
        let report = ops.record().verify(&ops.roster, if knows { &heads } else { &none });
        assert_eq!(report.gone().is_some(), knows || at == 0, "{at} {knows}: {:?}", lines(&report));
        std::fs::write(signature_of(&entries[at]), signature).unwrap();
    }
}
