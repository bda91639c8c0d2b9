//! Plans and the people behind them: who may apply one, how many it takes, and what is refused.

use crate::group::Group;
use std::fs;

/// alice leads, carol operates, sam shadows; on the group db it takes two.
fn four_eyes() -> Group {
    let group = Group::new();
    group.has_hosts();
    group.clears("carol");
    group.adds("sam");
    group.changes_roster(|text| text + "threshold: {apply: {default: 1, groups: {db: 2}}}\n");
    fs::create_dir_all(group.root().join("plans")).unwrap();
    for name in ["carol", "sam"] {
        group.pinned(name, "operators list").expect(0, &[]);
    }
    group
}

#[test]
fn whoever_signs_that_more_have_to_agree_than_there_are_is_told() {
    let group = four_eyes();
    let asks_for = |number: &str| {
        let text = fs::read_to_string(group.roster()).unwrap();
        let (before, after) = text.split_once("{db: ").unwrap();
        fs::write(group.roster(), format!("{before}{{db: {number}{}", &after[1..])).unwrap();
        group.says("alice", "operators sign --yes")
    };
    asks_for("3").expect(0, &["in force", "'threshold.apply' asks for 3 cleared people, and there are 2"]);
    asks_for("2").expect(0, &["in force"]).without(&["threshold.apply' asks"]);
}

/// Where db1 is, and nobody listens: so web1 alone is this machine.
const ELSEWHERE: &str = "ansible_host: 127.0.0.9";

fn plans(group: &Group, who: &str, file: &str) {
    let line = format!("run playbooks/each.yml -i prod --plan-out plans/{file}");
    group.says(who, &line).expect(0, &["Plan for 2 hosts"]);
}

#[test]
fn one_person_alone_changes_nothing_where_the_roster_asks_for_two() {
    let group = four_eyes();
    group.has_db1(ELSEWHERE);
    let run = "run playbooks/each.yml -i prod --allow-dirty";
    group
        .says("alice", &format!("{run} -l db"))
        .expect(4, &["db1", "takes 2 cleared people", "threshold.apply"]);
    group.says("alice", &format!("{run} -l db --break-glass now")).expect(4, &["takes 2 cleared people"]);
    let said = group.says("alice", run);
    assert!(said.text.contains("takes 2 cleared people"), "{}", said.text);
    assert!(group.made_on("web1") && !group.made_on("db1"), "{}", said.text);
    // Under another inventory it is the same host.
    let said = group.says("alice", "run playbooks/each.yml -i db1, --allow-dirty");
    said.expect(4, &["takes 2 cleared people"]);
    group.has_db1("ansible_connection: local");
    group.says("carol", &format!("{run} -l db --check")).expect(0, &["takes 2 cleared people", "would run"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn a_plan_is_applied_once_two_cleared_people_stand_behind_it_and_once_only() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    let apply = "apply plans/a.json --yes --allow-changed";
    group.says("alice", apply).expect(4, &["not approved", "db1 asks for 2", "wgops approve plans/a.json"]);
    group.says("sam", "approve plans/a.json --yes").expect(4, &["shadow"]);
    group.says("alice", "approve plans/a.json").expect(2, &["--yes"]);
    group.says("alice", "approve plans/a.json --yes").expect(0, &["db1", "touch", "Approved"]);
    group.says("alice", "approve plans/a.json --yes").expect(0, &["already"]);
    // Whoever approves and applies is one person.
    group.says("alice", apply).expect(4, &["behind it stands alice"]);
    assert!(!group.made_on("db1") && !group.made_on("web1"));
    group.says("carol", "approve plans/a.json --yes").expect(0, &["Approved"]);
    group.says("alice", apply).expect(0, &["2 changed"]);
    assert!(group.made_on("db1") && group.made_on("web1"));
    group
        .says("alice", &format!("ledger show {}", group.newest_run()))
        .expect(0, &["by sam", "approved by", "carol"]);
    group.says("carol", apply).expect(4, &["spent", "alice"]);
    group.says("carol", "approve plans/a.json --yes").expect(4, &["spent"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn maker_and_applier_are_two_people_if_both_are_cleared_today() {
    let group = four_eyes();
    plans(&group, "carol", "a.json");
    group.says("carol", "approve plans/a.json --yes").expect(4, &["a person counts once"]);
    group.says("carol", "apply plans/a.json --yes --allow-changed").expect(4, &["behind it stands carol"]);
    group.says("alice", "apply plans/a.json --yes --allow-changed").expect(0, &["2 changed"]);
    for host in ["web1", "db1"] {
        fs::remove_file(group.folder.path().join(format!("made-{host}"))).unwrap();
    }
    // Who was cleared as the plan was made, and is not any more, does not count.
    plans(&group, "carol", "b.json");
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
    group.says("alice", "apply plans/b.json --yes --allow-changed").expect(4, &["behind it stands alice"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn an_approval_that_somebody_else_wrote_in_ones_name_counts_for_nothing() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    group.says("carol", "approve plans/a.json --yes").expect(0, &["Approved"]);
    let chain = group.chains(&group.root(), "carol").pop().unwrap();
    let entry = group.entries(&chain).pop().unwrap();
    group.signs("sam", "ledger@wgops", &entry);
    let apply = group.says("alice", "apply plans/a.json --yes --allow-changed");
    let file = entry.file_name().unwrap().to_string_lossy();
    let words = [&*file, "counts for nothing: nobody in the roster signed it", "2 cleared people"];
    apply.expect(4, &words).expect(4, &["behind it stands alice"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn an_expired_or_a_foreign_plan_is_refused_however_well_it_is_signed() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    let file = group.root().join("plans/a.json");
    let text = fs::read_to_string(&file).unwrap();
    let expires = text.lines().find(|line| line.contains("\"expires\"")).unwrap();
    fs::write(&file, text.replace(expires, "  \"expires\": \"2026-01-01T00:00:00Z\",")).unwrap();
    group.signs("sam", "plan@wgops", &file);
    for line in ["apply plans/a.json --yes", "approve plans/a.json --yes"] {
        group.says("alice", line).expect(4, &["expired at 2026-01-01"]);
    }
    fs::write(&file, &text).unwrap();
    for (who, namespace, why) in [
        ("bob", "plan@wgops", "not in the roster"),
        ("alice", "plan@wgops", "alice signed it"),
        ("sam", "ledger@wgops", "was made for 'ledger@wgops'"),
    ] {
        group.signs(who, namespace, &file);
        group.says("alice", "apply plans/a.json --yes").expect(4, &[why]);
    }
    fs::remove_file(file.with_added_extension("sig")).unwrap();
    group.says("alice", "approve plans/a.json --yes").expect(4, &["not signed"]);
    group.says("alice", "approve plans/b.json --yes").expect(2, &["plans/b.json"]);
    assert!(!group.made_on("web1"));
}

#[test]
fn a_threshold_for_a_group_that_no_inventory_has_asks_for_somebody_who_mends_it() {
    let group = four_eyes();
    group.changes_roster(|text| text.replace("{db: 2}", "{bd: 2}"));
    let run = "run playbooks/each.yml -i prod --allow-dirty";
    group.says("alice", run).expect(2, &["'bd', which no inventory has", "operators sign"]);
    assert!(!group.made_on("web1"));
}

#[test]
fn an_operator_is_shown_what_changed_since_the_last_run() {
    let group = Group::new();
    group.has_hosts();
    group.clears("carol");
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    group.commits(&root, "begin");
    let run = "run playbooks/each.yml -i prod";
    let first = group.says("alice", run);
    first.expect(0, &["changed=1"]);
    assert!(!first.text.contains("Since "), "{}", first.text);
    let play = root.join("playbooks/each.yml");
    fs::write(&play, fs::read_to_string(&play).unwrap() + "    - command: /bin/true\n").unwrap();
    group.commits(&root, "more");
    // What somebody else ran meanwhile alice has not seen.
    group.says("carol", run).expect(0, &["Since the last run (alice", "playbooks/each.yml  +1 -0"]);
    group.says("alice", run).expect(
        0,
        &["Since your last run (alice", "1 file has changed", "playbooks/each.yml  +1 -0", "by somebody"],
    );
    group.commits(&root, "ledger");
    let again = group.says("alice", run);
    assert!(!again.text.contains("Since "), "{}", again.text);
    fs::write(root.join("inventory/more.yml"), "all: {}\n").unwrap();
    group.says("alice", run).expect(4, &["inventory/more.yml", "--allow-dirty"]);
    group.says("alice", &format!("{run} --allow-dirty")).expect(0, &["Not committed: inventory/more.yml"]);
}

#[test]
fn an_approval_that_is_signed_with_a_key_of_nobody_counts_for_nothing() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    group.says("carol", "approve plans/a.json --yes").expect(0, &["Approved"]);
    // bob, whom no roster knows, makes a chain of carol's name with it.
    let chain = group.chains(&group.root(), "carol").pop().unwrap();
    let entry = group.entries(&chain).pop().unwrap();
    let name = chain.file_name().unwrap().to_string_lossy().into_owned();
    let forged = format!("carol-0badc0de-{}", name.rsplit('-').next().unwrap());
    let number: u64 = entry.file_stem().unwrap().to_string_lossy().parse().unwrap();
    let mut text = fs::read_to_string(&entry).unwrap().replace(&name, &forged);
    text = text.replace(&format!("\"seq\":{number},"), "\"seq\":1,");
    if let Some(at) = text.find("\"previous\"") {
        let end = at + text[at..].find(',').unwrap() + 1;
        text.replace_range(at..end, "");
    }
    let place = chain.with_file_name(&forged).join(entry.parent().unwrap().file_name().unwrap());
    fs::create_dir_all(&place).unwrap();
    let file = place.join("00000001.json");
    fs::write(&file, text).unwrap();
    fs::copy(entry.with_extension("private.json"), file.with_extension("private.json")).unwrap();
    for part in [entry.clone(), entry.with_added_extension("sig"), entry.with_extension("private.json")] {
        fs::remove_file(part).unwrap();
    }
    for signs in [true, false] {
        match signs {
            true => group.signs("bob", "ledger@wgops", &file),
            false => fs::remove_file(file.with_added_extension("sig")).unwrap(),
        }
        group.says("alice", "apply plans/a.json --yes --allow-changed").expect(4, &["not approved"]);
        group.says("alice", "ledger verify").expect(4, &["the roster knows no such key of carol"]);
        group.says("alice", "ledger log").expect(0, &["does not hold", "carol", "approval"]);
    }
    assert!(!group.made_on("db1"));
}

#[test]
fn where_it_takes_two_no_detour_leads_there_either() {
    let group = four_eyes();
    let made = group.made();
    let touch = format!("command: touch {}-db1", made.display());
    let detours = [
        format!("- hosts: web\n  gather_facts: false\n  tasks:\n    - {touch}\n      delegate_to: db1\n"),
        format!(
            "- hosts: web\n  gather_facts: false\n  tasks:\n    - add_host: {{name: db1, groups: zzz}}\n\
             - hosts: zzz\n  gather_facts: false\n  tasks:\n    - {touch}\n"
        ),
    ];
    for (at, play) in detours.iter().enumerate() {
        fs::write(group.root().join(format!("playbooks/detour{at}.yml")), play).unwrap();
        let run = format!("run playbooks/detour{at}.yml -i prod --allow-dirty");
        for line in [run.clone(), format!("{run} --break-glass now")] {
            let said = group.says("alice", &line);
            assert!(
                said.code != Some(0) && said.text.contains("takes 2 cleared people"),
                "{line}: {}",
                said.text
            );
            assert!(!group.made_on("db1"), "{}", said.text);
        }
    }
    // A dry run does nothing there either, whatever its tasks say.
    let forced =
        format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - {touch}\n      check_mode: false\n");
    fs::write(group.root().join("playbooks/forced.yml"), forced).unwrap();
    let dry = group.says("alice", "run playbooks/forced.yml -i prod --check --allow-dirty");
    dry.expect(0, &["takes 2 cleared people", "would run"]);
    assert!(!group.made_on("db1"), "{}", dry.text);
    // With two behind it, the first of them goes no further: a plan of web1 speaks to no db1.
    group
        .says("carol", "run playbooks/detour0.yml -i prod -l web --plan-out plans/d.json")
        .expect(0, &["Plan for"]);
    let applied = group.says("alice", "apply plans/d.json --yes --allow-changed");
    applied.expect(4, &["db1 is not in the plan", "Nothing was changed"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn a_plan_says_what_was_typed_and_brings_no_word_of_how_hosts_are_reached() {
    let group = four_eyes();
    let plan = "run playbooks/each.yml -i prod --plan-out plans/a.json";
    for more in ["-e ansible_host=192.0.2.7", "-e {\"ansible_connection\":\"local\"}"] {
        group
            .says("sam", &format!("{plan} {more}"))
            .expect(4, &["does not say how hosts are reached", "sets ansible_"]);
    }
    group.says("sam", &format!("{plan} -e colour=red --tags all")).expect(0, &["Plan for 2 hosts"]);
    let words = ["run playbooks/each.yml; inventory prod", "colour=\"red\""];
    group.says("carol", "approve plans/a.json --yes").expect(0, &words);
    let file = group.root().join("plans/a.json");
    let text = fs::read_to_string(&file).unwrap();
    // What a client that was changed signs all the same.
    let outside = group.folder.path().join("x.yml");
    fs::write(&outside, "[]").unwrap();
    for (from, to, why) in [
        ("\"colour\"", "\"ansible_host\"".to_owned(), "sets ansible_host"),
        ("\"playbooks/each.yml\"", format!("\"{}\"", outside.display()), "files of the ops repository"),
        ("\"playbooks/each.yml\"", "\"../x.yml\"".to_owned(), "files of the ops repository"),
    ] {
        assert!(text.contains(from), "{from} in {text}");
        fs::write(&file, text.replace(from, &to)).unwrap();
        group.signs("sam", "plan@wgops", &file);
        let approve = group.says("carol", "approve plans/a.json --yes");
        assert!(approve.code == Some(4) && approve.text.contains(why), "{}", approve.text);
        let apply = group.says("alice", "apply plans/a.json --yes --allow-changed");
        assert!(apply.code != Some(0) && !apply.text.contains("changed="), "{}", apply.text);
    }
    let expires = text.lines().find(|line| line.contains("\"expires\"")).unwrap();
    fs::write(&file, text.replace(expires, "  \"expires\": \"2999-01-01T00:00:00Z\",")).unwrap();
    group.signs("sam", "plan@wgops", &file);
    group.says("alice", "apply plans/a.json --yes").expect(4, &["counts until 2999-01-01"]);
    assert!(!group.made_on("web1"));
}

#[test]
fn what_lies_beside_ledger_and_plans_is_reviewed_like_everything_else_or_not_run() {
    let group = Group::new();
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    group.commits(&root, "begin");
    fs::create_dir_all(root.join("plans")).unwrap();
    let play = fs::read_to_string(root.join("playbooks/touch.yml")).unwrap();
    fs::write(root.join("plans/z.yml"), &play).unwrap();
    group.says("alice", "run plans/z.yml -i local").expect(4, &["plans/z.yml", "--allow-dirty"]);
    fs::remove_file(root.join("plans/z.yml")).unwrap();
    fs::write(root.join("plans/z.json"), &play).unwrap();
    group.says("alice", "run plans/z.json -i local").expect(2, &["plans/z.json", "not taken for tasks"]);
    let include = "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: ../plans/z.json\n";
    fs::write(root.join("playbooks/i.yml"), include).unwrap();
    group.commits(&root, "include");
    let said = group.says("alice", "run playbooks/i.yml -i local");
    assert!(said.code != Some(0) && said.text.contains("not taken for tasks"), "{}", said.text);
    assert!(!group.made().exists());
}

#[test]
fn what_an_approver_reads_is_what_is_done_or_nothing_is() {
    let group = four_eyes();
    group.git(&group.root(), &["init", "-q"]);
    group.has_db1(ELSEWHERE);
    group.commits(&group.root(), "all");
    group.says("carol", "run playbooks/each.yml -i prod -l web").expect(0, &["changed=1"]);
    group.has_db1("ansible_connection: local");
    group.commits(&group.root(), "a run");
    let play = group.root().join("playbooks/each.yml");
    let text = fs::read_to_string(&play).unwrap().replace("touch ", "touch -c ");
    fs::write(&play, text).unwrap();
    group.commits(&group.root(), "nothing to see here");
    plans(&group, "carol", "a.json");
    // carol writes into her plan what alice would like to read, and signs that.
    let file = group.root().join("plans/a.json");
    let mut plan: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    plan["hosts"]["db1"]["changes"][0]["summary"] = "write /etc/motd: 1 line changed".into();
    fs::write(&file, plan.to_string()).unwrap();
    group.signs("carol", "plan@wgops", &file);
    let approved = group.says("alice", "approve plans/a.json --yes");
    approved.expect(0, &["write /etc/motd", "Since the last run (carol", "playbooks/each.yml"]);
    let applied = group.says("carol", "apply plans/a.json --yes --allow-changed");
    applied.expect(4, &["db1 is refused", "write /etc/motd", "touch -c"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn all_that_is_sent_is_shown_to_whoever_says_yes() {
    let group = four_eyes();
    let play = group.root().join("playbooks/each.yml");
    let tasks = fs::read_to_string(&play).unwrap();
    let harmless = " ".repeat(5000);
    let more = format!(
        "    - name: Tidy\n      shell: \"echo harmless{harmless}; echo EVIL1\"\n\
         {0}    - name: Tidy again\n      command: {{argv: [sh, -s], stdin: echo EVIL2}}\n\
         {0}    - name: Tidy more\n      shell: |\n{1}        echo EVIL3\n",
        "",
        "        echo harmless\n".repeat(300)
    );
    fs::write(&play, tasks.clone() + &more).unwrap();
    plans(&group, "sam", "a.json");
    let approved = group.says("alice", "approve plans/a.json --yes");
    approved.expect(0, &["EVIL1", "␣×5000", "EVIL2", "EVIL3", "db1"]);
    // What nobody may be shown is in no plan.
    fs::write(&play, tasks + "    - name: Tidy\n      shell: echo EVIL\n      no_log: true\n").unwrap();
    let line = "run playbooks/each.yml -i prod --plan-out plans/b.json";
    group.says("sam", line).expect(0, &["Not applicable on db1", "no_log", "without a plan"]);
}

#[test]
fn a_plan_stays_spent_though_somebody_puts_another_beginning_before_the_run() {
    let group = Group::new();
    group.has_hosts();
    fs::create_dir_all(group.root().join("plans")).unwrap();
    plans(&group, "alice", "a.json");
    let apply = "apply plans/a.json --yes --allow-changed";
    group.says("alice", apply).expect(0, &["2 changed"]);
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let is_intent =
        |entry: &&std::path::PathBuf| fs::read_to_string(entry).unwrap().contains("\"kind\":\"intent\"");
    let entries = group.entries(&chain);
    let text = fs::read_to_string(entries.iter().find(is_intent).unwrap()).unwrap();
    let (name, stranger) =
        (chain.file_name().unwrap().to_string_lossy().into_owned(), "zed-0badc0de-aa".to_owned());
    let forged = text.replace(&name, &stranger).replace("\"time\":\"20", "\"time\":\"19");
    let place = chain.with_file_name(&stranger).join("1926");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("00000001.json"), forged).unwrap();
    let said = group.says("alice", apply);
    said.expect(4, &["spent"]);
    // The run is still whose it was.
    group.says("alice", "runs --all").expect(0, &["by alice"]).without(&["by zed"]);
}

#[test]
fn what_keeps_out_of_dry_runs_is_planned_and_shown_like_all_else() {
    let group = four_eyes();
    let play = group.root().join("playbooks/each.yml");
    let text = fs::read_to_string(&play).unwrap() + "      when: not ansible_check_mode\n";
    fs::write(&play, text).unwrap();
    group.says("sam", "run playbooks/each.yml -i prod --check").expect(0, &["skipped=1"]);
    plans(&group, "sam", "a.json");
    group.says("carol", "approve plans/a.json --yes").expect(0, &["db1", "touch", "Approved"]);
    let applied = group.says("alice", "apply plans/a.json --yes --allow-changed");
    applied.expect(0, &["would run", "2 changed"]);
    assert!(group.made_on("db1") && group.made_on("web1"));
}

#[test]
fn an_apply_runs_no_program_here_that_a_lookup_names() {
    let group = four_eyes();
    group.has_db1(ELSEWHERE);
    let (told, made) = (group.folder.path().join("told"), group.folder.path().join("wrote"));
    let hidden = "when: not ansible_check_mode";
    let tasks = format!(
        "    - copy: {{dest: '{wrote}', content: x, mode: '0600'}}\n\
         \x20   - debug: {{msg: \"{{{{ lookup('pipe', 'touch {told}') }}}}\"}}\n      {hidden}\n\
         \x20   - debug: {{msg: \"{{{{ lookup('lines', 'touch {told}') }}}}\"}}\n",
        wrote = made.display(),
        told = told.display()
    );
    let play = format!("- hosts: web\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(group.root().join("playbooks/each.yml"), play).unwrap();
    group.says("sam", "run playbooks/each.yml -i prod --plan-out plans/a.json").expect(0, &["Plan for"]);
    group.says("alice", "apply plans/a.json --yes --allow-changed").expect(0, &["1 changed"]);
    assert!(made.exists() && !told.exists());
    // Whoever runs the playbook themselves answers for it.
    group.says("alice", "run playbooks/each.yml -i prod -l web --allow-dirty").expect(0, &[]);
    assert!(told.exists());
}

#[test]
fn an_apply_does_what_was_planned_in_its_order_and_no_more_often() {
    let group = four_eyes();
    group.has_db1(ELSEWHERE);
    let (log, flag) = (group.folder.path().join("log"), group.root().join("flag"));
    let (log, there) = (log.display().to_string(), r#"lookup("fileglob", "../flag") | length > 0"#);
    // The first change is what the others tell the real run by.
    let begins = format!("    - command: touch {}\n", flag.display());
    let says = |word: &str, name: &str| format!("    - name: {name}\n      shell: echo {word} >> {log}\n");
    let copies = |name: &str| format!("    - copy: {{dest: '{log}-{name}', content: x, mode: '0600'}}\n");
    let cases = [
        // Planned once, and five times in the real run.
        (says("a", "A") + &format!("      loop: '{{{{ range(5 if {there} else 1) | list }}}}'\n"), "a\n"),
        // Planned before the other one, and behind it in the real run.
        (
            says("a", "A")
                + &format!("      when: not {there}\n")
                + &says("b", "B")
                + &says("a", "A")
                + &format!("      when: {there}\n"),
            "b\n",
        ),
        // Tried twice at most in the plan, and ten times in the real run, as is known once the first attempt is over.
        (
            says("a", "A")
                + &format!(
                    "      until: false\n      delay: 0\n      retries: '{{{{ 9 if {there} else 1 }}}}'\n"
                ),
            "a\n",
        ),
        // Behind a change with which it could travel.
        (copies("one") + &copies("two") + &format!("      when: {there}\n"), ""),
    ];
    for (number, (tasks, made)) in cases.into_iter().enumerate() {
        let begins = match number {
            3 => format!("    - copy: {{dest: '{}', content: x, mode: '0600'}}\n", flag.display()),
            _ => begins.clone(),
        };
        let play = format!("- hosts: web\n  gather_facts: false\n  tasks:\n{begins}{tasks}");
        fs::write(group.root().join("playbooks/each.yml"), play).unwrap();
        let file = format!("plans/{number}.json");
        let plan = format!("run playbooks/each.yml -i prod --plan-out {file}");
        group.says("sam", &plan).expect(0, &["Plan for"]);
        let said = group.says("alice", &format!("apply {file} --yes --allow-changed"));
        said.expect(1, &["not what was planned", "1 failed"]);
        assert_eq!(fs::read_to_string(&log).unwrap_or_default(), made, "{number}: {}", said.text);
        assert!(!std::path::Path::new(&format!("{log}-two")).exists(), "{}", said.text);
        assert_eq!(std::path::Path::new(&format!("{log}-one")).exists(), number == 3, "{}", said.text);
        drop((fs::remove_file(&flag), fs::remove_file(&log)));
    }
}

#[test]
fn a_command_that_counts_as_no_change_and_is_in_no_plan_keeps_an_apply_from_beginning() {
    let group = four_eyes();
    group.has_db1(ELSEWHERE);
    let (flag, made) = (group.root().join("flag"), group.made().display().to_string());
    for how in [
        "changed_when: false",
        "check_mode: false\n      changed_when: false",
        "changed_when: false\n      no_log: true",
    ] {
        let play = format!(
            "- hosts: web\n  gather_facts: false\n  tasks:\n    - command: touch {made}\n    - name: More\n      command: touch {made}-more\n      \
             {how}\n      when: lookup('fileglob', '../flag') | length > 0\n"
        );
        fs::write(group.root().join("playbooks/each.yml"), play).unwrap();
        let file = format!("plans/{}.json", how.len());
        group
            .says("sam", &format!("run playbooks/each.yml -i prod --plan-out {file}"))
            .expect(0, &["Plan for"]);
        // Here it is done, and where the plan was made it was not.
        fs::write(&flag, "").unwrap();
        let said = group.says("alice", &format!("apply {file} --yes --allow-changed"));
        said.expect(4, &["More", "web1 is refused: it is not as planned"]);
        assert!(!group.made().exists(), "{how}: {}", said.text);
        fs::remove_file(&flag).unwrap();
    }
}

#[test]
fn an_apply_goes_all_the_way_through_what_was_planned_and_names_what_was_not_done() {
    let group = four_eyes();
    group.has_db1(ELSEWHERE);
    let log = group.folder.path().join("log");
    let flag = group.root().join("flag");
    let (flag, log_file) = (flag.display(), log.display());
    let tasks = [
        format!("    - command: touch {flag}\n      changed_when: false\n"),
        format!(
            "    - shell: echo {{{{ item }}}} >> {log_file}\n      loop: [a, b, a]\n      notify: Say so\n"
        ),
        format!("    - shell: 'echo t >> {log_file}; test $(grep -c t {log_file}) = 3'\n"),
        "      retries: 4\n      delay: 0\n      until: tried is succeeded\n      register: tried\n".into(),
        format!("    - shell: echo never >> {log_file}\n"),
        "      when: not lookup('fileglob', '../flag') | length > 0\n".into(),
        format!("  handlers:\n    - name: Say so\n      shell: echo {{{{ 'so' }}}} >> {log_file}\n"),
    ]
    .concat();
    let play = format!("- hosts: web\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(group.root().join("playbooks/each.yml"), play).unwrap();
    group.says("sam", "run playbooks/each.yml -i prod --plan-out plans/a.json").expect(0, &["Plan for"]);
    group.says("alice", "approve plans/a.json --yes").expect(0, &["5 times at most"]);
    let said = group.says("alice", "apply plans/a.json --yes --allow-changed");
    said.expect(0, &["planned, and not done", "never"]);
    assert_eq!(fs::read_to_string(&log).unwrap(), "a\nb\na\nt\nt\nt\nso\n");
}
