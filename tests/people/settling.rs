//! Two leads who change the roster at once: one of them settles it, everybody else goes on without a word by voice, and nobody who
//! lost the right to it gets it back that way.

use crate::group::{Group, Said};
use std::path::{Path, PathBuf};

/// alice and carol lead, bob operates; carol has a clone of her own, and everybody knows the roster up to there.
struct Leads {
    group: Group,
    hers: PathBuf,
    /// The pin of the last version that all have in common.
    common: String,
}

impl Leads {
    fn new() -> Self {
        let group = Group::new();
        group.clears("carol");
        group.clears("bob");
        group.says("alice", "operators promote carol --yes").expect(0, &["in force"]);
        let root = group.root();
        group.git(&root, &["init", "-q"]);
        group.commits(&root, "all");
        let hers = group.folder.path().join("hers");
        group.git(group.folder.path(), &["clone", "-q", &root.to_string_lossy(), &hers.to_string_lossy()]);
        let common = group.pin();
        let all = Self { group, hers, common };
        for who in ["carol", "bob"] {
            all.in_hers(who, &format!("operators list --roster-pin {}", all.common)).expect(0, &[]);
        }
        all
    }

    fn in_hers(&self, who: &str, line: &str) -> Said {
        self.group.says_in(&self.hers, who, line)
    }

    fn adds_sam(&self) -> String {
        format!("operators add sam --key {} --yes", self.group.public("sam"))
    }

    /// Both change the roster, and carol pulls. One of both is kept whole, whether git put them together or could not.
    fn both(&self, alice: &str, carol: &str, kept: &str) {
        let root = self.group.root();
        self.group.says("alice", alice).expect(0, &["in force"]);
        self.group.commits(&root, "alice's");
        self.in_hers("carol", carol).expect(0, &["in force"]);
        self.group.commits(&self.hers, "carol's");
        if pulls(&self.hers, &root) {
            self.in_hers("carol", "operators list").expect(0, &["nobody signed that"]);
        } else {
            let met = self.in_hers("carol", "operators list");
            met.expect(2, &["two versions of the roster met", "operators sign"]);
        }
        self.keeps(kept);
    }

    /// carol takes one of the two files whole.
    fn keeps(&self, kept: &str) {
        let version = if kept == "--ours" { "carol's" } else { "alice's" };
        let commit = self.group.git(&self.hers, &["log", "--all", "--format=%H", "-n1", "--grep", version]);
        let commit = match commit.trim() {
            "" => "FETCH_HEAD",
            commit => commit,
        };
        self.group.git(&self.hers, &["checkout", "-q", commit, "--", "inventory/operators.yml"]);
        self.group.git(&self.hers, &["add", "-A"]);
    }

    fn commits_hers(&self) {
        self.group.commits(&self.hers, "settled");
        assert!(pulls(&self.group.root(), &self.hers));
    }
}

fn pulls(folder: &Path, from: &Path) -> bool {
    let mut git = std::process::Command::new("git");
    git.args(["-c", "user.name=s", "-c", "user.email=s@example.org", "-C"]).arg(folder);
    git.args(["pull", "-q", "--no-rebase", "--no-edit"]).arg(from).arg("HEAD");
    git.output().unwrap().status.success()
}

#[test]
fn one_of_two_leads_settles_what_both_changed_and_everybody_goes_on_without_a_pin() {
    for kept in ["--ours", "--theirs"] {
        let leads = Leads::new();
        let group = &leads.group;
        leads.both("operators leave bob --yes", &leads.adds_sam(), kept);
        // Whoever knew neither can't tell yet, and hears who ends that.
        let pin = format!("operators list --roster-pin {}", leads.common);
        leads.in_hers("ci", &pin).expect(4, &["two files are signed as version", "operators sign"]);
        let signed = leads.in_hers("carol", "operators sign --yes");
        signed.expect(0, &["changed in two places at once", "takes up what version", "is in force"]);
        leads.in_hers("carol", "operators list").expect(0, &["sam", "left"]).without(&["nothing to do"]);
        leads.in_hers("carol", "ledger verify").expect(0, &["every signature and chain holds"]);
        leads.commits_hers();
        // alice knew her own version, and ci the one before; both go on, and are told once.
        let list = group.says("alice", "operators list");
        list.expect(
            0,
            &["Two leads had changed the roster at once", "settles that", "nothing to do", "sam", "left"],
        );
        group.says("alice", "operators list").expect(0, &["sam"]).without(&["nothing to do"]);
        group.says("ci", &pin).expect(0, &["sam", "left"]);
        group.says("newcomer", "operators list").expect(0, &["sam", "left"]);
        group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
        // Who left by one of the two has left, and the next version is one like any other.
        let run = group.says(
            "bob",
            &format!("run playbooks/touch.yml -i local --allow-dirty --roster-pin {}", leads.common),
        );
        run.expect(4, &["left"]);
        group.says("alice", "operators demote carol --yes").expect(0, &["in force"]).without(&["two places"]);
        group.says("ci", &pin).expect(0, &["sam"]);
        let public = group.folder.path().join("public");
        group.says("alice", &format!("ledger export --public {}", public.display())).expect(0, &[]);
        group.says("ci", &format!("ledger verify --public {}", public.display())).expect(0, &["holds"]);
    }
}

#[test]
fn what_one_of_two_took_and_the_other_left_to_somebody_is_taken() {
    let leads = Leads::new();
    let group = &leads.group;
    // Both change bob; alice's version is the shorter one of the two lines.
    group.says("alice", "operators demote bob --yes").expect(0, &["in force"]);
    group.commits(&group.root(), "alice's");
    leads.in_hers("carol", "operators clear bob --nda 2026-02-02 --yes").expect(0, &["in force"]);
    leads.in_hers("carol", &leads.adds_sam()).expect(0, &["in force"]);
    group.commits(&leads.hers, "carol's");
    assert!(!pulls(&leads.hers, &group.root()));
    group.git(&leads.hers, &["checkout", "-q", "--theirs", "inventory/operators.yml"]);
    group.commits(&leads.hers, "both");
    assert!(pulls(&group.root(), &leads.hers));
    // alice settles it: the longer line goes on, and bob is what alice made of bob.
    group.says("alice", "operators sign --yes").expect(0, &["changed in two places at once", "is in force"]);
    let list = group.says("alice", "operators list");
    list.expect(0, &["sam"]);
    let bob = list.text.lines().find(|line| line.contains("bob")).unwrap();
    assert!(bob.contains("shadow"), "{bob}");
    group.commits(&group.root(), "settled");
    assert!(pulls(&leads.hers, &group.root()));
    leads.in_hers("carol", "operators list").expect(0, &["nothing to do", "sam"]);
    leads.in_hers("bob", "operators list").expect(0, &["nothing to do", "sam"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn a_lead_who_was_demoted_undoes_nothing_by_a_version_made_at_once() {
    let leads = Leads::new();
    let group = &leads.group;
    leads.both("operators demote carol --yes", &leads.adds_sam(), "--ours");
    // By alice's version carol leads no more: carol settles nothing, whichever file lies there.
    let signed = leads.in_hers("carol", "operators sign --yes");
    signed.expect(0, &["by that one you don't lead", "by voice", "nothing to sign"]);
    leads.keeps("--theirs");
    let signed = leads.in_hers("carol", "operators sign --yes");
    signed.without(&["is in force."]).expect(4, &["by that one you don't lead"]);
    leads.commits_hers();
    group.says("alice", "operators list").expect(0, &["carol"]).without(&["sam"]);
    let pin = format!("operators list --roster-pin {}", leads.common);
    group.says("ci", &pin).expect(4, &["two files are signed as version"]);
    // Until somebody settles it, a pin decides that the leads agreed on.
    group.pinned("newcomer", "operators list").expect(0, &["carol"]).without(&["sam"]);
    // alice leads by both: what carol did in that moment is out of everybody's way, and taken up by nobody.
    let signed = group.says("alice", "operators sign --yes");
    signed.expect(0, &["nothing is taken up", "not everybody who signed it leads today", "is in force"]);
    for who in ["alice", "ci"] {
        let list = group.says(who, &pin);
        list.expect(0, &["carol"]).without(&["sam"]);
        let carol = list.text.lines().find(|line| line.contains("carol")).unwrap();
        assert!(carol.contains("operator"), "{carol}");
    }
    group.commits(&group.root(), "settled");
    assert!(pulls(&leads.hers, &group.root()));
    leads.in_hers("carol", "operators promote carol --yes").expect(4, &["only a lead"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn what_git_puts_together_by_itself_is_signed_by_nobody_until_a_lead_does() {
    let leads = Leads::new();
    let group = &leads.group;
    let file = leads.hers.join("inventory/operators.yml");
    let text = std::fs::read_to_string(&file).unwrap();
    let rules = "vaults:\n  - {files: \"inventory/**\", readers: [lead]}\n";
    std::fs::write(&file, format!("{text}{rules}")).unwrap();
    leads.in_hers("carol", "operators sign --yes").expect(0, &["in force"]);
    group.commits(&leads.hers, "carol's");
    group.says("alice", "operators demote bob --yes").expect(0, &["in force"]);
    group.commits(&group.root(), "alice's");
    // The heads are alike in both, to git: it takes both for one change.
    assert!(pulls(&leads.hers, &group.root()));
    leads.in_hers("carol", "operators list").expect(0, &["nobody signed that", "operators sign"]);
    // What only one of them says of more than people is written by whoever signs.
    let merged = std::fs::read_to_string(&file).unwrap();
    group.git(&leads.hers, &["checkout", "-q", "HEAD^2", "--", "inventory/operators.yml"]);
    let signed = leads.in_hers("carol", "operators sign --yes");
    signed.expect(4, &["'vaults' is another there", "write into inventory/operators.yml"]);
    std::fs::write(&file, merged).unwrap();
    leads.in_hers("carol", "operators sign --yes").expect(0, &["two places at once", "is in force"]);
    leads.commits_hers();
    group.says("alice", "operators list").expect(0, &["nothing to do", "shadow"]);
    let merged = std::fs::read_to_string(group.roster()).unwrap();
    assert!(merged.contains("readers: [lead]") && merged.contains("settles: [sha256:"), "{merged}");
}
