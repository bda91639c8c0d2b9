//! Whatever somebody does to a ledger afterwards shows, to whom it can show, with a sentence that says what happened.

use crate::group::Group;
use std::fs;
use std::path::{Path, PathBuf};

/// alice leads, carol operates in a clone of her own, bob was an operator and left. Both clones are verified.
struct Scene {
    group: Group,
    hers: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let group = Group::new();
        let root = group.root();
        group.clears("carol");
        group.clears("bob");
        group.run("bob").expect(0, &["changed=1"]);
        group.run("alice").expect(0, &["changed=1"]);
        group.says("alice", "operators leave bob --yes").expect(0, &["sealed", "in force"]);
        group.git(&root, &["init", "-q"]);
        group.commits(&root, "all");
        let hers = group.folder.path().join("hers");
        group.git(group.folder.path(), &["clone", "-q", &root.to_string_lossy(), &hers.to_string_lossy()]);
        let pin = group.says("alice", "operators list").text;
        let pin = pin.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
        let run = format!("run playbooks/touch.yml -i local --roster-pin {pin}");
        group.says_in(&hers, "carol", &run).expect(0, &["changed=1"]);
        group.commits(&hers, "carol's run");
        // The newest entries are alice's, and nobody else has them.
        group.git(&root, &["pull", "-q", &hers.to_string_lossy(), "HEAD"]);
        group.run("alice").expect(0, &["changed=1"]);
        let scene = Self { group, hers };
        scene.verifies(0, &["every signature and chain holds"]);
        scene
    }

    fn root(&self) -> PathBuf {
        self.group.root()
    }

    fn verifies(&self, code: i32, words: &[&str]) {
        self.group.says("alice", "ledger verify").expect(code, words);
    }

    /// An entry of somebody's chain, counted from its beginning, or with a negative number from its end.
    fn entry(&self, who: &str, at: isize) -> PathBuf {
        let chain = self.group.chains(&self.root(), who).pop().unwrap();
        let entries = self.group.entries(&chain);
        let at = if at < 0 { entries.len() as isize + at } else { at };
        entries[at as usize].clone()
    }

    /// Does something to the ledger, sees what is said of it, and puts everything back.
    #[track_caller]
    fn shows(&self, words: &[&str], attack: impl FnOnce(&Self)) {
        let (ledger, kept) = (self.root().join("ledger"), self.group.folder.path().join("kept"));
        copy(&ledger, &kept);
        attack(self);
        self.verifies(4, words);
        fs::remove_dir_all(&ledger).unwrap();
        fs::rename(&kept, &ledger).unwrap();
        self.verifies(0, &["every signature and chain holds"]);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

fn parts(entry: &Path) -> [PathBuf; 3] {
    [entry.to_owned(), entry.with_added_extension("sig"), entry.with_extension("private.json")]
}

fn remove(entry: &Path) {
    parts(entry).into_iter().for_each(|file| fs::remove_file(file).unwrap());
}

fn change(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from} in {text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn what_is_edited_shows_whoever_signs_it_anew() {
    let scene = Scene::new();
    let last = scene.entry("alice", -1);
    scene.shows(&["does not fit the content"], |_| change(&last, "\"changed\":1", "\"changed\":0"));
    scene.shows(&["its private part is not the one that was signed"], |_| {
        change(&last.with_extension("private.json"), "touch.yml", "torch.yml");
    });
    scene.shows(&["has no signature"], |_| fs::remove_file(last.with_added_extension("sig")).unwrap());
    scene.shows(&["was made with another key"], |scene| {
        change(&last, "\"changed\":1", "\"changed\":0");
        scene.group.signs("carol", "ledger@wgops", &last);
    });
    // Its own writer, too, can't say something else than what was verified here.
    scene.shows(&["is another than the one that was verified here before"], |scene| {
        change(&last, "\"changed\":1", "\"changed\":0");
        scene.group.signs("alice", "ledger@wgops", &last);
    });
    let hers = scene.entry("carol", -1);
    scene.shows(&["has seen another carol-"], |scene| {
        change(&hers, "\"changed\":1", "\"changed\":0");
        scene.group.signs("carol", "ledger@wgops", &hers);
    });
}

#[test]
fn what_is_removed_put_elsewhere_or_copied_shows() {
    let scene = Scene::new();
    let (last, hers) = (scene.entry("alice", -1), scene.entry("carol", -1));
    scene.shows(&["was verified here before, and is gone"], |_| remove(&last));
    scene.shows(&["has seen carol-", "which is gone: removed, or not yet pulled"], |_| remove(&hers));
    let middle = scene.entry("alice", 2);
    scene.shows(&["but 3 is missing: removed, or not yet pulled"], |_| remove(&middle));
    scene.shows(&["has seen bob-"], |scene| {
        fs::remove_dir_all(&scene.group.chains(&scene.root(), "bob")[0]).unwrap();
    });
    let (one, other) = (scene.entry("alice", 3), scene.entry("alice", 4));
    scene.shows(&["does not lie where it belongs: it says"], |_| {
        for (one, other) in parts(&one).into_iter().zip(parts(&other)) {
            let (first, second) = (fs::read(&one).unwrap(), fs::read(&other).unwrap());
            fs::write(one, second).unwrap();
            fs::write(other, first).unwrap();
        }
    });
    let chain = scene.group.chains(&scene.root(), "carol")[0].clone();
    let elsewhere = format!("{}00", chain.display());
    scene.shows(&["does not lie where it belongs: it says"], |_| copy(&chain, Path::new(&elsewhere)));
    let in_bobs_name =
        chain.with_file_name(chain.file_name().unwrap().to_string_lossy().replace("carol", "bob"));
    scene.shows(&["the roster knows no such key of bob"], |_| copy(&chain, &in_bobs_name));
}

#[test]
fn nobody_writes_in_the_name_of_another_or_above_their_role() {
    let scene = Scene::new();
    let group = &scene.group;
    group.adds("sam");
    let last = scene.entry("alice", -1);
    let number: u64 = last.file_stem().unwrap().to_string_lossy().parse().unwrap();
    let next = last.with_file_name(format!("{:08}.json", number + 1));
    scene.shows(&["was made with another key"], |scene| {
        fs::copy(&last, &next).unwrap();
        change(&next, &format!("\"seq\":{number}"), &format!("\"seq\":{}", number + 1));
        scene.group.signs("sam", "ledger@wgops", &next);
    });
    group.pinned("sam", "run playbooks/touch.yml -i local").expect(0, &["would"]);
    scene.verifies(0, &[]);
    let dry = scene.entry("sam", -1);
    scene.shows(&["is of the kind 'intent', which the role shadow may not sign"], |scene| {
        change(&dry, "\"kind\":\"shadow\"", "\"kind\":\"intent\"");
        scene.group.signs("sam", "ledger@wgops", &dry);
    });
}

#[test]
fn who_left_adds_nothing_whatever_time_and_roster_they_write() {
    let scene = Scene::new();
    let chain = scene.group.chains(&scene.root(), "bob")[0].clone();
    let (intent, outcome) = (scene.entry("bob", 0), scene.entry("bob", 1));
    // In the chain that is sealed.
    scene.shows(&["was appended after the chain was sealed at 2"], |scene| {
        let next = outcome.with_file_name("00000003.json");
        fs::copy(&intent, &next).unwrap();
        change(&next, "\"seq\":1", "\"seq\":3");
        scene.group.signs("bob", "ledger@wgops", &next);
    });
    // In another one, as if it had been written long ago.
    let name = chain.file_name().unwrap().to_string_lossy().into_owned();
    let other = format!("{}{}", &name[..name.len() - 6], "0ff1ce");
    scene.shows(&["whoever signed that roster had not seen it"], |scene| {
        copy(&chain, &chain.with_file_name(&other));
        let year = intent.parent().unwrap().file_name().unwrap();
        let entry = chain.with_file_name(&other).join(year).join("00000001.json");
        remove(&entry.with_file_name("00000002.json"));
        change(&entry, &name, &other);
        scene.group.signs("bob", "ledger@wgops", &entry);
    });
}

#[test]
fn an_older_tree_that_was_pushed_by_force_shows_to_who_had_the_newer_one() {
    let scene = Scene::new();
    let (group, root) = (&scene.group, scene.root());
    group.commits(&root, "alice's run");
    group.git(&scene.hers, &["pull", "-q"]);
    group.says_in(&scene.hers, "carol", "ledger verify").expect(0, &["every signature and chain holds"]);
    group.git(&root, &["reset", "-q", "--hard", "HEAD~1"]);
    scene.verifies(4, &["was verified here before, and is gone"]);
    group.git(&scene.hers, &["fetch", "-q"]);
    group.git(&scene.hers, &["reset", "-q", "--hard", "origin/HEAD"]);
    group
        .says_in(&scene.hers, "carol", "ledger verify")
        .expect(4, &["was verified here before, and is gone"]);
}

#[test]
fn two_clones_that_went_on_alone_are_merged_by_git_without_a_conflict() {
    let scene = Scene::new();
    let (group, root) = (&scene.group, scene.root());
    group.commits(&root, "alice's run");
    group.says_in(&scene.hers, "carol", "run playbooks/touch.yml -i local").expect(0, &["changed=1"]);
    group.commits(&scene.hers, "carol's second run");
    group.git(&scene.hers, &["pull", "-q", "--no-rebase", "--no-edit"]);
    group.git(&root, &["pull", "-q", &scene.hers.to_string_lossy(), "HEAD"]);
    scene.verifies(0, &["every signature and chain holds"]);
    group.says_in(&scene.hers, "carol", "ledger verify").expect(0, &["every signature and chain holds"]);
}
