//! What somebody with push rights and no right key puts back, takes away or hides: an older roster, an older secret, the part
//! of an entry that says what was done.

use crate::group::{Group, said};
use std::fs;
use std::path::{Path, PathBuf};

/// alice leads; carol operates in a clone of her own, which knows the roster in which bob was still an operator; bob left.
struct Scene {
    group: Group,
    hers: PathBuf,
    older: String,
}

impl Scene {
    fn new() -> Self {
        let group = Group::new();
        let root = group.root();
        group.clears("carol");
        group.clears("bob");
        group.git(&root, &["init", "-q"]);
        group.commits(&root, "all");
        let hers = group.folder.path().join("hers");
        group.git(group.folder.path(), &["clone", "-q", &root.to_string_lossy(), &hers.to_string_lossy()]);
        let older = fs::read_to_string(group.roster()).unwrap();
        let known = group.says_in(&hers, "carol", &format!("operators list --roster-pin {}", group.pin()));
        known.expect(0, &["bob"]);
        group.says("alice", "operators leave bob --yes").expect(0, &["in force"]);
        group.commits(&root, "bob left");
        Self { group, hers, older }
    }

    /// bob pushes a commit, and carol pulls it.
    fn pushes(&self, attack: impl FnOnce(&Path)) {
        let root = self.group.root();
        fs::write(self.group.roster(), &self.older).unwrap();
        attack(&root);
        self.group.commits(&root, "nothing to see here");
        self.group.git(&self.hers, &["pull", "-q"]);
    }

    fn refused(&self, words: &[&str]) {
        for line in ["operators list", "run playbooks/touch.yml -i local", "ledger verify", "vault list"] {
            self.group.says_in(&self.hers, "carol", line).expect(4, words);
        }
        assert!(!self.group.made().exists());
    }

    /// The entry of alice's chain that signs the newest roster.
    fn newest_roster(&self) -> PathBuf {
        let chain = self.group.chains(&self.group.root(), "alice").pop().unwrap();
        let entries = self.group.entries(&chain);
        let signs = |file: &&PathBuf| fs::read_to_string(file).unwrap().contains("\"kind\":\"roster\"");
        entries.iter().rev().find(signs).unwrap().clone()
    }
}

#[test]
fn an_older_roster_is_refused_where_the_ledger_has_a_newer_one_though_this_client_never_met_it() {
    let scene = Scene::new();
    scene.pushes(|_| {});
    scene.refused(&["is older than version ", "which was signed and is in force"]);
    // Nor where nothing is remembered, and a job has the older pin.
    let mut job = scene.group.command("ci");
    let older = wgops::model::Digest::of(scene.older.as_bytes());
    let version = scene.older.lines().find_map(|line| line.strip_prefix("version: ")).unwrap();
    let pin = format!("{version}:{older}");
    job.current_dir(&scene.hers).env("WGOPS_IDENTITY", scene.group.key("alice"));
    said(job.args(["run", "playbooks/touch.yml", "-i", "local", "--roster-pin", &pin]))
        .expect(4, &["is older than version "]);
}

#[test]
fn an_older_roster_does_not_come_back_by_hiding_the_newer_ones_text_or_its_signature() {
    let scene = Scene::new();
    let entry = scene.newest_roster();
    scene.pushes(|_| fs::remove_file(entry.with_extension("private.json")).unwrap());
    scene.refused(&["signs version ", "its private part is gone"]);
}

#[test]
fn an_older_roster_does_not_come_back_without_the_entry_once_somebody_wrote_under_the_newer_one() {
    let scene = Scene::new();
    let entry = scene.newest_roster();
    scene.group.says("alice", "claim web1 -i web1, --until 1h --note x").expect(0, &["Claimed"]);
    scene.pushes(|_| {
        for file in [entry.clone(), entry.with_added_extension("sig"), entry.with_extension("private.json")] {
            fs::remove_file(file).unwrap();
        }
    });
    scene.refused(&["was written under version ", "which is not here"]);
}

#[test]
fn a_private_part_that_is_gone_is_a_break_and_brings_no_older_secret_back() {
    let group = Group::new();
    let file = "inventory/group_vars/all/vault.yml";
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let seals = |secret: &str| {
        let mut command = group.command("alice");
        said(command.args(["vault", "set", file, "token"]).write_stdin(secret)).expect(0, &["Sealed"]);
    };
    seals("the old one, which bob knows");
    let old = fs::read_to_string(group.root().join(file)).unwrap();
    seals("the new one");
    fs::write(group.root().join(file), &old).unwrap();
    let older = group.says("alice", "vault list");
    older.expect(0, &["alice sealed generation 2 since"]);
    // Nor does it come back by being taken over as if it came from elsewhere, under its name or another.
    let import = format!("vault import {file}");
    group.says("alice", &import).expect(4, &["token is a copy of", "generation 1", "not taken over"]);
    fs::write(group.root().join(file), old.replace("token:", "copied:")).unwrap();
    group.says("alice", &import).expect(4, &["copied is a copy of", "vault.yml token, generation 1"]);
    fs::write(group.root().join(file), &old).unwrap();
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let newest = group.entries(&chain).pop().unwrap();
    let private = newest.with_extension("private.json");
    let kept = fs::read(&private).unwrap();
    let show =
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {dest: MADE, content: '{{ token }}'}\n";
    let play = show.replace("MADE", &group.made().to_string_lossy());
    fs::write(group.root().join("playbooks/touch.yml"), play).unwrap();
    let hides = |words: &[&str]| {
        group.says("alice", "ledger verify").expect(4, words);
        let list = group.says("alice", "vault list");
        assert!(list.code != Some(0), "{}", list.text);
        list.expect(list.code.unwrap(), words);
        let run = group.run("alice");
        assert!(run.code != Some(0) && !group.made().exists(), "{}", run.text);
    };
    fs::remove_file(&private).unwrap();
    hides(&["its private part is gone"]);
    fs::write(&private, "{}").unwrap();
    hides(&["its private part is not the one that was signed"]);
    fs::write(&private, &kept).unwrap();
    let signature = newest.with_added_extension("sig");
    let kept = fs::read(&signature).unwrap();
    fs::remove_file(&signature).unwrap();
    hides(&["has no signature"]);
    fs::write(&signature, &kept).unwrap();
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn a_clone_without_a_memory_opens_no_older_secret_where_somebody_has_seen_a_newer_one() {
    let group = Group::new();
    group.clears("carol");
    let file = "inventory/group_vars/all/vault.yml";
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let seals = |secret: &str| {
        let mut command = group.command("alice");
        said(command.args(["vault", "set", file, "token"]).write_stdin(secret)).expect(0, &["Sealed"]);
    };
    seals("old");
    let old = fs::read_to_string(group.root().join(file)).unwrap();
    seals("new");
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let newest = group.entries(&chain).pop().unwrap();
    group.run("carol").expect(0, &["changed=1"]);
    for part in [newest.clone(), newest.with_added_extension("sig"), newest.with_extension("private.json")] {
        fs::remove_file(part).unwrap();
    }
    fs::write(group.root().join(file), &old).unwrap();
    let mut fresh = group.command("nobody in particular");
    fresh.env("WGOPS_IDENTITY", group.key("carol")).args(["vault", "list", "--roster-pin", &group.pin()]);
    let list = said(&mut fresh);
    assert!(list.code != Some(0), "{}", list.text);
    list.expect(list.code.unwrap(), &["has seen alice-", "which is gone"]);
}

#[test]
fn who_pushes_a_chain_of_nobody_is_seen_by_nobody_and_spoils_nothing_once_it_is_gone() {
    let group = Group::new();
    group.run("alice").expect(0, &["changed=1"]);
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let name = chain.file_name().unwrap().to_string_lossy().into_owned();
    let stray = chain.with_file_name(format!("zed-0badc0de-{}", name.rsplit('-').next().unwrap()));
    let first = group.entries(&chain).remove(0);
    let place = stray.join(first.parent().unwrap().file_name().unwrap());
    fs::create_dir_all(&place).unwrap();
    let file = place.join("00000001.json");
    let text = fs::read_to_string(&first).unwrap();
    fs::write(&file, text.replace(&name, &stray.file_name().unwrap().to_string_lossy())).unwrap();
    group.signs("bob", "ledger@wgops", &file);
    group.says("alice", "ledger verify").expect(4, &["the roster knows no such key of zed"]);
    group.run("alice").expect(0, &["changed=1"]);
    fs::remove_dir_all(&stray).unwrap();
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn a_plan_is_not_applied_again_by_hiding_that_it_was() {
    let group = Group::new();
    group.has_hosts();
    fs::create_dir_all(group.root().join("plans")).unwrap();
    group.says("alice", "run playbooks/each.yml -i prod --plan-out plans/a.json").expect(0, &["Plan for 2"]);
    let apply = "apply plans/a.json --yes --allow-changed";
    group.says("alice", apply).expect(0, &["2 changed"]);
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    for entry in group.entries(&chain) {
        if fs::read_to_string(&entry).unwrap().contains("\"kind\":\"intent\"") {
            fs::remove_file(entry.with_extension("private.json")).unwrap();
        }
    }
    group.says("alice", apply).expect(4, &["whether the plan is spent can't be told", "is gone"]);
}

#[test]
fn a_lead_whose_agreement_has_ended_signs_no_roster_and_does_not_renew_their_own() {
    let group = Group::new();
    group.clears("carol");
    group.says("alice", "operators promote carol --yes").expect(0, &["in force"]);
    group
        .says("carol", "operators clear alice --nda 2026-01-01 --until 2026-02-01 --yes")
        .expect(0, &["in force"]);
    group.says("alice", "operators list").expect(0, &["acts as a shadow"]);
    let text = fs::read_to_string(group.roster()).unwrap();
    let renewed = text.replace("2026-02-01", "2999-02-01");
    assert_ne!(renewed, text);
    fs::write(group.roster(), &renewed).unwrap();
    group
        .says("alice", "operators sign --yes")
        .expect(4, &["only a lead signs the roster", "ended on 2026-02-01"]);
    fs::write(group.roster(), &text).unwrap();
    group.says("alice", "operators demote carol --yes").expect(4, &["only a lead changes the roster"]);
    // Another lead renews it.
    group.says("carol", "operators clear alice --nda 2026-01-01 --yes").expect(0, &["in force"]);
    group.run("alice").expect(0, &["changed=1"]);
}

#[test]
fn where_the_last_leads_agreement_has_ended_the_group_agrees_by_voice_on_a_renewed_one() {
    let group = Group::new();
    // Signed while it counted: nobody signs away the last lead.
    let then = jiff::civil::date(2026, 1, 20) - jiff::Zoned::now().date();
    let seconds = i64::from(then.get_days()) * 24 * 3600;
    let clear = "operators clear alice --nda 2026-01-01 --until 2026-02-01 --yes";
    crate::hurts::at_a_wrong_time(&group, "alice", seconds, clear).expect(0, &["in force"]);
    let text = fs::read_to_string(group.roster()).unwrap();
    fs::write(group.roster(), text.replace(", until: 2026-02-01", "").replace("    until: 2026-02-01\n", ""))
        .unwrap();
    let refused = group.says("alice", "operators sign --yes");
    refused.expect(4, &["only a lead signs", "no lead is left whose agreement counts", "--roster-pin "]);
    let pin = refused.text.split("--roster-pin ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    group.says("alice", &format!("operators list --roster-pin {pin}")).expect(0, &["alice"]);
    group.run("alice").expect(0, &["changed=1"]);
}

#[test]
fn what_somebody_without_the_key_puts_behind_a_chain_is_sealed_by_nobody_and_seen_by_nobody() {
    let group = Group::new();
    group.clears("bob");
    let file = "inventory/group_vars/all/vault.yml";
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let mut seals = group.command("bob");
    said(seals.args(["vault", "set", file, "token"]).write_stdin("known to bob")).expect(0, &["Sealed"]);
    let chain = group.chains(&group.root(), "bob").pop().unwrap();
    let last = group.entries(&chain).pop().unwrap();
    let stub = last.with_file_name("00000009.json");
    fs::write(&stub, fs::read_to_string(&last).unwrap().replace("\"seq\":1", "\"seq\":9")).unwrap();
    group.signs("sam", "ledger@wgops", &stub);
    // What alice writes meanwhile remembers nothing of it; that bob leaves waits until it is out of the way.
    group.run("alice").expect(0, &["changed=1"]);
    let leave = group.says("alice", "operators leave bob --yes");
    leave.expect(
        4,
        &["where bob-", "ends can't be told", "00000009.json", "git rm ledger/bob-", "00000009.*"],
    );
    group.says("alice", "operators list").expect(0, &["bob"]).without(&["left"]);
    for part in [stub.clone(), stub.with_added_extension("sig")] {
        fs::remove_file(part).unwrap();
    }
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    group.says("alice", "operators leave bob --yes").expect(0, &["sealed", "in force"]);
    group.says("alice", "vault exposed bob").expect(0, &["token", "to be set anew"]);
    // A seal that is not met says nothing of what is exposed.
    fs::remove_file(&last).unwrap();
    let exposed = group.says("alice", "vault exposed bob");
    exposed.expect(4, &["bob-"]).without(&["still the same"]);
}

#[test]
fn what_somebody_puts_at_the_end_of_ones_own_chain_is_built_on_by_nobody() {
    let group = Group::new();
    group.run("alice").expect(0, &["changed=1"]);
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let last = group.entries(&chain).pop().unwrap();
    let stub = last.with_file_name("00000099.json");
    fs::write(&stub, fs::read(&last).unwrap()).unwrap();
    fs::write(stub.with_added_extension("sig"), fs::read(last.with_added_extension("sig")).unwrap()).unwrap();
    fs::remove_file(group.made()).unwrap();
    // She goes on from her last entry, which this machine remembers.
    group.run("alice").expect(0, &["changed=1", "00000099.json counts for nothing"]);
    let new = group.entries(&chain);
    assert!(new.len() > 3 && !new.iter().any(|file| file.ends_with("00000100.json")), "{new:?}");
    fs::remove_file(&stub).unwrap();
    fs::remove_file(stub.with_added_extension("sig")).unwrap();
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn what_nobody_signed_behind_a_chain_that_goes_on_stops_nobody() {
    let group = Group::new();
    group.clears("carol");
    let file = "inventory/group_vars/all/vault.yml";
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let seals = |who: &str, name: &str| {
        let mut command = group.command(who);
        said(command.args(["vault", "set", file, name]).write_stdin("secret"))
    };
    seals("alice", "token").expect(0, &["Sealed"]);
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let last = group.entries(&chain).pop().unwrap();
    for (name, text) in
        [("00000088.json", "what?".to_owned()), ("00000089.json", fs::read_to_string(&last).unwrap())]
    {
        let junk = last.with_file_name(name);
        fs::write(&junk, text).unwrap();
        group.signs("sam", "ledger@wgops", &junk);
    }
    let told = ["00000088.json counts for nothing, and so does 1 more"];
    for who in ["carol", "alice"] {
        group.run(who).expect(0, &["changed=1"]).expect(0, &told);
        group.says(who, "vault list").expect(0, &["token  generation"]).expect(0, &told);
        seals(who, "other").expect(0, &["Sealed"]).expect(0, &told);
        fs::remove_file(group.made()).unwrap();
    }
    group.says("carol", "ledger verify").expect(4, &["00000088.json", "00000089.json", "4 do not hold"]);
    // An entry that carol has seen, and whose signature is another one's now, is none of that.
    group.signs("sam", "ledger@wgops", &last);
    for line in ["vault list", "run playbooks/touch.yml -i local"] {
        group.says("carol", line).expect(4, &[&*last.file_name().unwrap().to_string_lossy()]);
    }
    assert!(!group.made().exists());
}

#[test]
fn a_version_that_somebody_made_up_is_said_to_be_theirs_and_taken_out() {
    let group = Group::new();
    group.clears("bob");
    group.says("bob", "claim web1 -i web1, --until 1h --note x").expect(0, &["Claimed"]);
    let chain = fs::read_dir(group.root().join("ledger")).unwrap().flatten().map(|entry| entry.path());
    let chain = chain.into_iter().find(|path| path.to_string_lossy().contains("/bob-")).unwrap();
    let year = fs::read_dir(chain).unwrap().next().unwrap().unwrap().path();
    let entry = year.join("00000001.json");
    let text = fs::read_to_string(&entry).unwrap();
    let made_up = text.replace("\"roster\":3,", "\"roster\":99,");
    assert_ne!(text, made_up);
    fs::write(&entry, made_up).unwrap();
    group.signs("bob", "ledger@wgops", &entry);
    group
        .says("alice", "operators list")
        .expect(4, &["under version 99", "bob made it up", "00000001.*'", "demote bob"]);
    for line in ["ledger verify", "run playbooks/touch.yml -i local", "vault list"] {
        group.says("alice", line).expect(4, &["bob made it up", "operators leave bob"]);
    }
    // Nobody has to touch the ledger's files for it: a lead takes their say from whoever made it up.
    group.says("alice", "operators demote bob --yes").expect(0, &["in force"]);
    let roster = fs::read_to_string(group.roster()).unwrap();
    assert!(roster.contains("last: 0"), "the chain ends before what was made up:\n{roster}");
    group.run("alice").expect(0, &["changed=1"]);
    let verified = group.says("alice", "ledger verify");
    verified.expect(4, &["was appended after the chain was sealed at 0"]).without(&["gone"]);
    // What was made up is taken out, though others have seen it.
    for part in ["json", "json.sig", "private.json"] {
        fs::remove_file(year.join(format!("00000001.{part}"))).unwrap();
    }
    group.says("alice", "ledger verify").expect(0, &["verified"]);
}

#[test]
fn no_run_believes_that_a_host_is_free_where_an_entry_is_gone() {
    let group = Group::new();
    fs::write(group.root().join("inventory/near"), "near ansible_connection=local\n").unwrap();
    let run = "run playbooks/touch.yml -i near --allow-dirty";
    group.says("alice", "claim near -i near --until 1h --note x").expect(0, &["Claimed"]);
    group.says("alice", run).expect(0, &["changed=1"]);
    // Somebody takes the claim out of the record; its last entry alone would be missed by nobody, and nobody saw it.
    let chain = group.chains(&group.root(), "alice").remove(0);
    let entries = group.entries(&chain);
    let claim = entries.iter().find(|file| fs::read_to_string(file).unwrap().contains("\"claim\"")).unwrap();
    let claim = claim.with_extension("");
    for end in ["json", "json.sig", "private.json"] {
        fs::remove_file(claim.with_added_extension(end)).unwrap();
    }
    fs::remove_file(group.made()).unwrap();
    group.says("alice", run).expect(4, &["whether somebody claimed these hosts can't be told"]);
    assert!(!group.made().exists());
    group.says("alice", &format!("{run} --break-glass because")).expect(0, &["changed=1"]);
}

#[test]
fn no_run_believes_that_a_host_is_free_where_what_a_claim_says_was_taken_away_or_edited() {
    let group = Group::new();
    group.clears("bob");
    fs::write(group.root().join("inventory/near"), "near ansible_connection=local\n").unwrap();
    let run = "run playbooks/touch.yml -i near --allow-dirty";
    group.says("bob", "claim near -i near --until 1h --note mine").expect(0, &["Claimed"]);
    group.says("alice", run).expect(4, &["mine"]);
    let chain = group.chains(&group.root(), "bob").remove(0);
    let private = group.entries(&chain).last().unwrap().with_extension("private.json");
    let text = fs::read_to_string(&private).unwrap();
    for broken in [None, Some(text.replace("near", "else")), Some("{}".to_owned())] {
        match &broken {
            None => fs::remove_file(&private).unwrap(),
            Some(text) => fs::write(&private, text).unwrap(),
        }
        group
            .says("alice", run)
            .expect(4, &["whose hosts are claimed can't be told", "its private part", "git log"]);
        assert!(!group.made().exists());
    }
    group.says("alice", &format!("{run} --break-glass because")).expect(0, &["changed=1"]);
    fs::write(&private, text).unwrap();
    group.says("alice", run).expect(4, &["mine"]);
}

#[test]
fn a_version_that_was_signed_and_lost_before_its_commit_is_put_back_and_nothing_is_forgotten() {
    let group = Group::new();
    let root = group.root();
    group.clears("carol");
    group.git(&root, &["init", "-q"]);
    group.commits(&root, "all");
    group.adds("bob");
    // A slip takes the file back, and leaves the ledger.
    group.git(&root, &["checkout", "inventory/operators.yml"]);
    let older = ["is older than version", "'wgops operators sign' puts it back"];
    group.says("alice", "operators list").expect(4, &older);
    group.says("alice", "operators sign").expect(2, &["terminal"]);
    group.says("alice", "operators sign --yes").expect(0, &["+  bob:", "is back"]);
    group.says("alice", "operators list").expect(0, &["bob"]).without(&["older"]);
    group.commits(&root, "bob");
    // Another one takes both: then nobody but her machine has it.
    group.adds("sam");
    let pin = group.pin();
    group.git(&root, &["checkout", "."]);
    group.git(&root, &["clean", "-fdq"]);
    group.says("alice", "operators list").expect(4, &older);
    // Who never met it sees none of that, and puts nothing back.
    group.says("carol", "operators sign --yes").expect(4, &["only a lead"]).without(&["is back"]);
    let back = group.says("alice", "operators sign --yes");
    back.expect(0, &["+  sam:", "is back", "signs it once more", "in the ledger now"]);
    assert_eq!(group.pin(), pin);
    // What her machine misses besides, she gives up by name.
    let chain = group.chains(&root, "alice").pop().unwrap();
    let name = chain.file_name().unwrap().to_string_lossy().into_owned();
    let verified = group.says("alice", "ledger verify");
    if verified.code != Some(0) {
        verified.expect(4, &["was verified here before", &format!("--forget {name}")]);
        group.says("alice", &format!("ledger verify --forget {name}")).expect(0, &["every signature"]);
    }
    group.commits(&root, "sam");
    group.says("carol", "operators list").expect(0, &["sam"]);
    // A fresh clone in another folder, after the first one is gone, is told the same, and has it put back as well.
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
    let later = group.folder.path().join("later");
    group.git(group.folder.path(), &["clone", "-q", &root.to_string_lossy(), &later.to_string_lossy()]);
    fs::rename(&root, group.folder.path().join("gone")).unwrap();
    group.says_in(&later, "alice", "operators list").expect(4, &["older", "'wgops operators sign'"]);
    group.says_in(&later, "alice", "operators sign --yes").expect(0, &["carol", "is back"]);
    group.says_in(&later, "alice", "operators list").expect(0, &["carol"]);
}
