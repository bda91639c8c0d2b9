//! Entries that lie where they don't belong, or twice: they take nothing from the one that is in its place.

use super::*;

/// The files of an entry in another year's folder of its chain.
fn in_year(entry: &EntryRef, year: &str) -> Vec<(PathBuf, PathBuf)> {
    let folder = entry.file.parent().unwrap().with_file_name(year);
    std::fs::create_dir_all(&folder).unwrap();
    let files = [entry.file.clone(), signature_of(entry), private_of(entry)];
    files.map(|file| (file.clone(), folder.join(file.file_name().unwrap()))).into()
}

fn copies(entry: &EntryRef, year: &str) {
    for (from, to) in in_year(entry, year) {
        std::fs::copy(from, to).unwrap();
    }
}

/// Another entry with this one's number, in the folder of its own year; signed by its writer, or not.
fn doubles(entry: &EntryRef, year: &str, signed: bool) {
    copies(entry, year);
    let file = entry.file.parent().unwrap().with_file_name(year).join(entry.file.file_name().unwrap());
    let double = EntryRef { file, ..entry.clone() };
    let text = std::fs::read_to_string(&double.file)
        .unwrap()
        .replace("\"time\":\"2026", &format!("\"time\":\"{year}"));
    std::fs::write(&double.file, &text).unwrap();
    if signed {
        let signature = signer(2).sign(LEDGER_NAMESPACE, text.as_bytes()).unwrap();
        std::fs::write(signature_of(&double), signature).unwrap();
    }
}

/// The numbers of oscar's notes that count.
fn counted(ops: &Ops) -> Vec<u64> {
    let record = ops.record();
    let report = record.verify(&ops.roster, &Heads::default());
    let broken = report.broken();
    let notes = record.vouched(&ops.roster, Kind::Note);
    let counts = notes.iter().filter(|note| !broken.contains(note.entry.file.as_path()));
    counts.filter(|note| note.chain.operator().as_str() == "oscar").map(|note| note.public.seq).collect()
}

#[test]
fn a_copy_in_another_years_folder_takes_nothing_from_what_was_copied() {
    for year in ["2025", "2027"] {
        let (ops, entries) = Ops::filled();
        for entry in entries.get(..3).unwrap() {
            copies(entry, year);
        }
        let broken = ops.breaks();
        let misplaced = |line: &&String| line.contains("does not lie where it belongs");
        assert_eq!((broken.len(), broken.iter().filter(misplaced).count()), (3, 3), "{broken:?}");
        assert_eq!(counted(&ops), [1, 2, 3]);
        let report = ops.report();
        assert!(report.hidden().is_none() && report.missing().is_none() && report.gone().is_none());
        assert!(report.breaks.iter().all(|found| found.file.to_string_lossy().contains(year)));
    }
}

#[test]
fn what_nobody_signed_takes_no_place_whatever_year_it_names() {
    for year in ["2025", "2027"] {
        let (ops, entries) = Ops::filled();
        doubles(&entries[2], year, false);
        doubles(&entries[0], year, false);
        assert_eq!(counted(&ops), [1, 2, 3], "{year}");
        let report = ops.report();
        assert!(
            report.breaks.iter().all(|found| found.file.to_string_lossy().contains(year)),
            "{:?}",
            lines(&report)
        );
        assert_eq!(report.breaks.len(), 2);
    }
}

#[test]
fn an_entry_that_was_moved_is_gone_from_its_place() {
    for at in [1, 2] {
        let (ops, entries) = Ops::filled();
        in_year(&entries[at], "2025").iter().for_each(|(from, to)| std::fs::rename(from, to).unwrap());
        let report = ops.report();
        assert!(report.gone().is_some() && report.hidden().is_some(), "{:?}", lines(&report));
        assert!(lines(&report).iter().any(|line| line.contains("was taken from its place")));
    }
    // Also where nobody has seen it.
    let ops = Ops::new();
    let entry = ops.append("oscar", 2, &note("alone"));
    in_year(&entry, "2025").iter().for_each(|(from, to)| std::fs::rename(from, to).unwrap());
    assert!(ops.report().gone().is_some());
}

#[test]
fn of_two_that_their_writer_signed_the_one_counts_to_which_the_chain_leads() {
    for year in ["2025", "2027"] {
        let (ops, entries) = Ops::filled();
        doubles(&entries[1], year, true);
        assert_eq!(counted(&ops), [1, 2, 3]);
        let broken = ops.breaks();
        assert!(broken.len() == 1 && broken[0].contains("to which its chain leads"), "{broken:?}");
        assert!(ops.report().breaks[0].file.to_string_lossy().contains(year));
        // At the end of the chain nobody can tell, and nothing is decided by either.
        doubles(&entries[2], year, true);
        let report = ops.report();
        assert!(report.hidden().is_some());
        assert_eq!(counted(&ops), [1, 2]);
    }
    // Whoever left is sealed at one of them.
    let (mut ops, entries) = Ops::filled();
    doubles(&entries[2], "2025", true);
    let text = roster_text("version: 17\nprevious: sha256:{zeros}\n");
    let person = text.lines().find(|line| line.contains("oscar:")).unwrap().to_owned();
    ops.roster = parse(&text.replace(&person, "  oscar: {role: left, until: 2026-05-01}"));
    let seal = Seal { last: 3, digest: entries[2].head.digest };
    ops.roster.sealed.insert(entries[2].chain.clone(), seal);
    assert_eq!(counted(&ops), [1, 2, 3]);
    let record = ops.record();
    let vouched = record.vouched(&ops.roster, Kind::Note);
    let hers = vouched.iter().filter(|note| note.chain.operator().as_str() == "alice").count();
    assert_eq!(vouched.len() - hers, 3, "also for who asks nobody what is broken");
}

#[test]
fn what_nobody_vouches_for_in_a_sealed_chain_decides_nothing_and_stops_nobody() {
    let (mut ops, entries) = Ops::filled();
    let text = roster_text("version: 17\nprevious: sha256:{zeros}\n");
    let person = text.lines().find(|line| line.contains("oscar:")).unwrap().to_owned();
    let chain = entries[2].chain.clone();
    let folder = ops.path().join("ledger").join(chain.to_string()).join("2026");
    // What oscar writes after the end, and signs.
    let late: Vec<EntryRef> = (0..2).map(|n| ops.append("oscar", 2, &note(&format!("late {n}")))).collect();
    ops.roster = parse(&text.replace(&person, "  oscar: {role: left, until: 2026-05-01}"));
    ops.roster.sealed.insert(chain, Seal { last: 3, digest: entries[2].head.digest });
    std::fs::remove_file(&late[0].file).unwrap();
    let stops = |ops: &Ops| {
        let report = ops.report();
        report.hidden().is_some() || report.missing().is_some()
    };
    assert!(!ops.breaks().is_empty() && !stops(&ops), "{:?}", ops.breaks());
    // What anybody puts there without a key.
    std::fs::create_dir_all(folder.with_file_name("2031")).unwrap();
    for name in ["2026/00000009.json", "2031/00000001.json", "2031/00000002.json"] {
        std::fs::write(folder.with_file_name("").join(name), "what?").unwrap();
    }
    let entry = std::fs::read_to_string(&entries[0].file).unwrap();
    std::fs::write(folder.with_file_name("2031").join("00000003.json"), entry).unwrap();
    assert!(ops.breaks().len() > 3 && !stops(&ops), "{:?}", ops.breaks());
    // What the seal leads to is missed all the same, whatever is done to it.
    for entry in &entries[..3] {
        let (bytes, signature) =
            (std::fs::read(&entry.file).unwrap(), std::fs::read(signature_of(entry)).unwrap());
        std::fs::remove_file(signature_of(entry)).unwrap();
        assert!(stops(&ops), "the signature of {}: {:?}", entry.head.seq, ops.breaks());
        std::fs::write(signature_of(entry), &signature).unwrap();
        std::fs::write(&entry.file, "what?").unwrap();
        assert!(stops(&ops), "the text of {}: {:?}", entry.head.seq, ops.breaks());
        std::fs::remove_file(&entry.file).unwrap();
        assert!(stops(&ops), "{}: {:?}", entry.head.seq, ops.breaks());
        std::fs::write(&entry.file, &bytes).unwrap();
        assert!(!stops(&ops), "{:?}", ops.breaks());
    }
}
