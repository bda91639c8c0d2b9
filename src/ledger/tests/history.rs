//! Who could sign what under which roster: rights that are taken away end what is written, and not what was written.

use super::rosters::{file, first, signing, text};
use super::*;

/// The next version after one, with a change to its people, signed by alice under the version before.
fn next(ops: &mut Ops, before: &RosterFile, change: impl Fn(&str) -> String) -> RosterFile {
    let roster = &before.roster;
    if !ops.record().has_roster(roster.digest) {
        ops.append("alice", 1, &signing(&before.text));
    }
    let text = change(&text(roster.version + 1, &roster.digest, ""));
    let after = file(&text);
    ops.append("alice", 1, &signing(&text));
    ops.roster = after.roster.clone();
    after
}

fn oscar_shadows(text: &str) -> String {
    text.replace("oscar: {role: operator", "oscar: {role: shadow")
}

#[test]
fn who_is_demoted_by_hand_without_a_seal_keeps_what_a_lead_had_seen() {
    let (mut ops, _) = Ops::filled();
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &outcome(1));
    let before = ops.roster.clone();
    let second = next(&mut ops, &first(), oscar_shadows);
    assert_eq!(ops.breaks(), [""; 0]);
    // A client that was changed goes on as if nothing had happened.
    ops.roster = before;
    ops.append("oscar", 2, &intent(2));
    ops.roster = second.roster;
    let broken = ops.breaks();
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].starts_with("oscar/00000006.json: is of the kind 'intent'"), "{broken:?}");
    assert!(broken[0].contains("since roster 18"), "{broken:?}");
}

#[test]
fn a_chain_that_turns_up_after_its_writer_lost_the_right_counts_for_nothing() {
    let mut ops = Ops::new();
    let before = ops.roster.clone();
    let second = next(&mut ops, &first(), oscar_shadows);
    ops.roster = before;
    ops.clock.set(NOON - 90_000);
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &note("this a shadow may say, too"));
    ops.roster = second.roster;
    let broken = ops.breaks();
    assert!(broken.len() == 1 && broken[0].contains("had not seen it"), "{broken:?}");
}

#[test]
fn who_rises_does_not_raise_what_they_signed_before() {
    let mut ops = Ops::new();
    let entry = ops.append("sam", 3, &Draft { run: Some(run(1)), ..draft(Kind::Shadow, Details::default()) });
    rewrite(&entry, 3, |text| text.replace("\"shadow\"", "\"intent\""));
    let raised = |text: &str| {
        text.replace("sam: {role: shadow, ", "sam: {role: operator, nda: {signed: 2026-01-01}, ")
    };
    next(&mut ops, &first(), raised);
    assert_eq!(
        ops.breaks(),
        ["sam/00000001.json: is of the kind 'intent', which the role shadow may not sign"]
    );
    ops.append("sam", 3, &intent(2));
    assert_eq!(ops.breaks().len(), 1);
}

#[test]
fn a_key_that_is_taken_away_leaves_what_it_signed_and_adds_nothing() {
    let (mut ops, _) = Ops::filled();
    let before = ops.roster.clone();
    let other_key = |text: &str| text.replace(key(2).text(), key(22).text());
    let second = next(&mut ops, &first(), other_key);
    assert_eq!(ops.breaks(), [""; 0]);
    ops.append("oscar", 22, &intent(3));
    ops.append("oscar", 22, &outcome(3));
    assert_eq!(ops.breaks(), [""; 0]);
    ops.roster = before;
    ops.append("oscar", 2, &note("with the stolen key"));
    ops.roster = second.roster;
    let broken = ops.breaks();
    assert!(
        broken.len() == 1 && broken[0].contains("which its writer may not sign since roster 18"),
        "{broken:?}"
    );
}

#[test]
fn a_lead_who_leaves_signs_that_themselves_after_the_end_of_their_chain() {
    let mut ops = Ops::new();
    let two = |text: &str| text.replace("oscar: {role: operator", "oscar: {role: lead") + "";
    let second = next(&mut ops, &first(), two);
    let own = ops
        .record()
        .chains
        .iter()
        .find(|(name, _)| name.operator().as_str() == "alice")
        .map(|(name, all)| (name.clone(), all.last().unwrap().head()));
    let (chain, head) = own.unwrap();
    let seal = format!("sealed: {{{chain}: {{last: {}, digest: {}}}}}\n", head.seq, head.digest);
    let leaves = |text: &str| {
        let line = |line: &str| match line.contains("alice:") {
            true => "  alice: {role: left, until: 2026-11-29}\n".to_owned(),
            false => format!("{line}\n"),
        };
        two(text).lines().map(line).collect::<String>() + &seal
    };
    let third = next(&mut ops, &second, leaves);
    assert_eq!(ops.breaks(), [""; 0]);
    ops.roster = second.roster;
    ops.append("alice", 1, &note("one more"));
    ops.roster = third.roster;
    let broken = ops.breaks();
    assert!(broken.iter().any(|line| line.contains("after the chain was sealed at 2")), "{broken:?}");
}

#[test]
fn what_the_public_sees_of_a_roster_is_what_its_file_says() {
    let mut ops = Ops::new();
    let text = text(18, &first().roster.digest, "");
    let entry = ops.append("alice", 1, &signing(&text));
    rewrite(&entry, 1, |text| text.replace("\"sam\":{\"role\":\"shadow\"", "\"sam\":{\"role\":\"lead\""));
    ops.roster = file(&text).roster;
    let broken = ops.breaks();
    assert!(broken.len() == 1 && broken[0].contains("says something else of roster 18"), "{broken:?}");
}

#[test]
fn the_public_view_is_judged_by_what_leads_signed_and_by_nothing_else() {
    let mut ops = Ops::new();
    ops.append("alice", 1, &signing(&first().text));
    ops.append("oscar", 2, &intent(1));
    ops.append("oscar", 2, &outcome(1));
    let second = next(&mut ops, &first(), oscar_shadows);
    for entry in ops.record().entries().map(|(_, entry)| ops.path().join(&entry.file)).collect::<Vec<_>>() {
        std::fs::remove_file(entry.with_extension("private.json")).unwrap();
    }
    let record = Record::read_public(ops.path()).unwrap();
    let pin = Anchor::of(&first().roster);
    let history = History::public(&record, Some(pin)).unwrap();
    assert_eq!(history.version(), 18);
    let report = record.verify_by(&history, &Heads::default());
    assert_eq!(lines(&report), [""; 0]);
    // The group's own client misses the private parts, and nothing else.
    assert!(ops.breaks().iter().all(|one| one.contains("its private part is gone")));
    let signers = history.allowed_signers();
    assert!(signers.contains(key(2).text()) && signers.contains("oscar namespaces=\"ledger@wgops\""));
    let other = Anchor { version: 17, digest: Digest::of("other") };
    assert!(History::public(&record, Some(other)).is_err());
    // Nobody who was no lead before moves it on.
    let third = text(19, &second.roster.digest, "")
        .replace("sam: {role: shadow, ", "sam: {role: lead, nda: {signed: 2026-01-01}, ");
    ops.roster = file(&third).roster;
    ops.append("sam", 3, &signing(&third));
    let history = History::public(&ops.record(), Some(pin)).unwrap();
    assert_eq!(history.version(), 18);
}

#[test]
fn what_was_verified_here_is_not_verified_again_unless_anything_of_it_changed() {
    let (ops, entries) = Ops::filled();
    let mut heads = Heads::default();
    heads.remember(&ops.report());
    let verify = |heads: &Heads| lines(&ops.record().verify(&ops.roster, heads));
    assert_eq!(verify(&heads), [""; 0]);
    let good = std::fs::read(signature_of(&entries[0])).unwrap();
    std::fs::copy(signature_of(&entries[1]), signature_of(&entries[0])).unwrap();
    let gone = "oscar/00000001.json: was signed: what comes behind it or was verified here before names it, and its signature is gone or another";
    assert_eq!(verify(&heads), ["oscar/00000001.json: the signature does not fit the content", gone]);
    std::fs::remove_file(signature_of(&entries[0])).unwrap();
    assert_eq!(verify(&heads), ["oscar/00000001.json: has no signature", gone]);
    std::fs::write(signature_of(&entries[0]), good).unwrap();
    let text = std::fs::read_to_string(&entries[0].file).unwrap();
    std::fs::write(&entries[0].file, text.replace("note", "claim")).unwrap();
    assert!(verify(&heads).contains(&"oscar/00000001.json: the signature does not fit the content".into()));
    std::fs::write(&entries[0].file, text).unwrap();
    ops.append("oscar", 2, &note("more"));
    assert_eq!(verify(&heads), [""; 0]);
    assert_eq!(verify(&heads.clone().anew()), [""; 0]);
}

#[test]
fn a_key_that_counts_no_more_is_still_known_by_whose_it_was() {
    let mut ops = Ops::new();
    let other_key = |text: &str| text.replace(key(2).text(), key(22).text());
    next(&mut ops, &first(), other_key);
    let login = |number| Login {
        at: NOON + 9000,
        user: "root".into(),
        from: "a".into(),
        key: Some(key(number).fingerprint()),
    };
    let traces = Traces { logins: vec![login(2), login(22), login(77)], ..Traces::default() };
    let found = ops.record().compared((&ops.roster, &ops.report()), &"web1".parse().unwrap(), &traces, 0);
    let mut whose: Vec<String> = found
        .iter()
        .map(|one| match one {
            Disagreement::Logins { whose, .. } if one.is_open() => format!("{whose:?}"),
            other => panic!("{other:?}"),
        })
        .collect();
    whose.sort();
    let oscar = "(OperatorName(\"oscar\"))";
    assert_eq!(whose, [format!("Former{oscar}"), "Nobody".into(), format!("Person{oscar}")]);
}

#[test]
fn nobody_says_for_a_group_who_is_in_the_version_that_is_pinned() {
    let ops = Ops::new();
    ops.append("alice", 1, &signing(&first().text));
    let pin = Some(Anchor::of(&first().roster));
    // eve writes an entry of her own that names the same file, and herself as its lead.
    let mut there = Ops::new();
    there.clone = 0x11;
    let hers = text(
        17,
        &Digest::of("x"),
        &format!("  eve: {{role: lead, nda: {{signed: 2026-01-01}}, keys: [{}]}}\n", key(9).text()),
    );
    there.roster = file(&hers).roster;
    let entry = there.append("eve", 9, &signing(&hers));
    let (said, right) = (Digest::of(&hers).to_string(), first().roster.digest.to_string());
    rewrite(&entry, 9, |text| text.replace(&said, &right));
    let chain = ops.path().join("ledger").join(entry.chain.to_string());
    let copied = Command::new("cp")
        .arg("-r")
        .arg(there.path().join("ledger").join(entry.chain.to_string()))
        .arg(&chain)
        .status();
    assert!(copied.unwrap().success());
    let refused = History::public(&Record::read_public(ops.path()).unwrap(), pin).err().unwrap();
    assert!(matches!(refused, NoRosterInForce::Disputed { version: 17, .. }), "{refused}");
    // Who is no lead by their own word says nothing at all.
    let shadow = "\"eve\":{\"role\":\"lead\"";
    let file = chain
        .join(entry.file.strip_prefix(there.path().join("ledger").join(entry.chain.to_string())).unwrap());
    let copy = EntryRef { file, ..entry };
    rewrite(&copy, 9, |text| text.replace(shadow, "\"eve\":{\"role\":\"shadow\""));
    assert!(History::public(&Record::read_public(ops.path()).unwrap(), pin).is_ok());
}
