//! What people type and what they read: transcripts of the command line that need no host.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use assert_cmd::Command;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// What a command printed, and how it ended.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Types a command in a folder, with an empty home and no terminal.
fn typed(folder: &Path, args: &[&str]) -> Said {
    let mut command = Command::cargo_bin("wgops").unwrap();
    let command = command.args(args).current_dir(folder).env_clear().env("HOME", folder.join("home"));
    let output = command.env("PATH", std::env::var("PATH").unwrap_or_default()).output().unwrap();
    let text = |bytes: Vec<u8>| {
        let text = String::from_utf8(bytes).unwrap();
        text.replace(&*folder.to_string_lossy(), "FOLDER")
    };
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYvL0cWZhjv5B7tA7bKmGmQJZKQ0M7FHgWVTTFPgWDn alice@laptop\n";

#[test]
fn help_names_every_verb_and_exit_code() {
    let here = folder();
    let said = typed(here.path(), &["--help"]);
    assert_eq!(said.code, Some(0));
    for word in [
        "init",
        "inventory",
        "ping",
        "facts",
        "run",
        "patch",
        "audit",
        "operators",
        "ledger",
        "completions",
        "man",
    ] {
        assert!(said.out.contains(&format!("\n  {word} ")), "{word}: {}", said.out);
    }
    for code in ["0", "1", "2", "3", "4", "5", "130"] {
        assert!(said.out.contains(&format!("\n  {code:>3}  ")), "{code}: {}", said.out);
    }
    assert!(said.out.lines().all(|line| line.chars().count() <= 100), "{}", said.out);
}

#[test]
fn a_misspelt_verb_or_option_is_corrected() {
    let here = folder();
    let said = typed(here.path(), &["pacth", "-i", "prod"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("'patch'"), "{}", said.err);
    let said = typed(here.path(), &["patch", "--securty"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("'--security'"), "{}", said.err);
}

#[test]
fn nothing_at_all_shows_help_and_is_wrong_usage() {
    let here = folder();
    let said = typed(here.path(), &[]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("Usage: wgops"), "{}", said.err);
}

#[test]
fn a_missing_inventory_is_asked_for_by_its_flag() {
    let here = folder();
    for verb in [&["ping"][..], &["facts"], &["patch"], &["audit"], &["inventory"]] {
        let said = typed(here.path(), verb);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{verb:?}");
        assert!(said.err.contains("--inventory"), "{verb:?}: {}", said.err);
    }
}

#[test]
fn init_makes_an_ops_repository_and_never_overwrites_one() {
    let here = folder();
    let init = ["init", "--group", "Example: \"infra\" #1", "ops"];
    let said = typed(here.path(), &init);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let ops = here.path().join("ops");
    for file in [
        "wgops.yml",
        "README.md",
        "inventory/prod.yml.example",
        "inventory/known_hosts",
        "playbooks/patch.yml",
        "playbooks/audit.yml",
        "playbooks/audit-access.yml",
        "playbooks/audit-users.yml",
    ] {
        assert!(ops.join(file).is_file(), "{file}");
        assert!(said.out.contains(file), "{file}: {}", said.out);
    }
    assert!(!ops.join("inventory/operators.yml").exists());
    assert!(fs::read_to_string(ops.join("wgops.yml")).unwrap().contains("Example: \"infra\" #1"));

    fs::remove_file(ops.join("README.md")).unwrap();
    fs::write(ops.join("wgops.yml"), "mine").unwrap();
    let again = typed(here.path(), &init);
    assert_eq!((again.code, again.out.as_str()), (Some(2), ""));
    assert!(again.err.contains("ops/wgops.yml"), "{}", again.err);
    assert_eq!(fs::read_to_string(ops.join("wgops.yml")).unwrap(), "mine");
    assert!(!ops.join("README.md").exists());
}

#[test]
fn init_writes_the_first_roster() {
    let here = folder();
    fs::write(here.path().join("alice.pub"), KEY).unwrap();
    let who = ["--operator", "alice", "--key", "alice.pub", "--nda", "2026-11-01"];
    let said = typed(here.path(), &[&["init", "--group", "G", "ops"][..], &who].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let roster = fs::read_to_string(here.path().join("ops/inventory/operators.yml")).unwrap();
    assert!(roster.contains("role: lead") && roster.contains(KEY.trim()), "{roster}");
    let verified = typed(&here.path().join("ops"), &["ledger", "verify"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
}

#[test]
fn init_refuses_what_can_not_be_a_lead_and_makes_nothing() {
    let here = folder();
    fs::write(here.path().join("alice.pub"), KEY).unwrap();
    fs::write(here.path().join("secret"), "-----BEGIN OPENSSH PRIVATE KEY-----\n").unwrap();
    let cases: [(&[&str], &str); 6] = [
        (&["--operator", "alice"], "--key"),
        (&["--operator", "Alice!", "--key", "alice.pub", "--nda", "2026-11-01"], "operator name"),
        (&["--operator", "alice", "--key", "secret", "--nda", "2026-11-01"], "private key"),
        (&["--operator", "alice", "--key", "none.pub", "--nda", "2026-11-01"], "none.pub"),
        (&["--operator", "alice", "--key", "alice.pub", "--nda", "November"], "--nda"),
        (
            &["--operator", "alice", "--key", "alice.pub", "--nda", "2999-01-01"],
            "2999-01-01 has not come yet",
        ),
    ];
    for (who, why) in cases {
        let said = typed(here.path(), &[&["init", "--group", "G", "ops"][..], who].concat());
        assert_eq!(said.code, Some(2), "{who:?}");
        assert!(said.err.contains(why), "{who:?}: {}", said.err);
        assert!(!here.path().join("ops").exists(), "{who:?}");
    }
}

#[test]
fn the_ledger_of_no_repository_is_refused_and_an_empty_one_is_empty() {
    let here = folder();
    for verb in ["log", "verify"] {
        let said = typed(here.path(), &["ledger", verb]);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("wgops init"), "{}", said.err);
    }
    typed(here.path(), &["init", "--group", "G"]);
    let said = typed(&here.path().join("playbooks"), &["ledger", "log"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), ""));
    let said = typed(here.path(), &["ledger", "show", "01J"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("no run '01J'"), "{}", said.err);
}

#[test]
fn a_roster_with_a_tab_is_shown_with_its_line_and_a_caret() {
    let here = folder();
    typed(here.path(), &["init", "--group", "G"]);
    fs::write(here.path().join("inventory/operators.yml"), "version: 1\ngroup:\tG\n\toperators: {}\n")
        .unwrap();
    let said = typed(here.path(), &["ledger", "verify"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("operators.yml:2:8"), "{}", said.err);
}

#[test]
fn completions_and_manual_come_from_the_same_command_line() {
    let here = folder();
    for shell in ["bash", "zsh", "fish"] {
        let said = typed(here.path(), &["completions", shell]);
        assert_eq!(said.code, Some(0));
        assert!(said.out.contains("skip-tags"), "{shell}");
    }
    let said = typed(here.path(), &["man", "patch"]);
    assert!(said.out.starts_with(".ie") || said.out.contains(".TH wgops-patch"), "{}", said.out);
    let said = typed(here.path(), &["man", "pacth"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("did you mean 'patch'?"), "{}", said.err);
}

#[test]
fn no_colour_reaches_a_pipe_unless_asked_for() {
    let here = folder();
    let said = typed(here.path(), &["ledger", "log"]);
    assert!(!said.err.contains('\u{1b}'), "{}", said.err);
    let said = typed(here.path(), &["ledger", "log", "--color", "always"]);
    assert!(said.err.contains('\u{1b}'), "{}", said.err);
}

#[test]
fn this_machine_answers_without_any_repository() {
    let here = folder();
    let said = typed(here.path(), &["ping", "-i", "local"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "localhost  ok\n"), "{}", said.err);
    let said = typed(here.path(), &["ping", "-i", "local", "--format", "json"]);
    let events: Vec<serde_json::Value> =
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["event"], "run_begins");
    assert_eq!(events.last().unwrap()["event"], "run_ends");
}

#[test]
fn without_a_roster_everybody_gets_a_dry_run() {
    let here = folder();
    let made = here.path().join("made");
    let task =
        format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch {}\n", made.display());
    fs::write(here.path().join("play.yml"), task).unwrap();
    let said = typed(here.path(), &["run", "play.yml", "-i", "local"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("DRY RUN") && said.out.contains("would run: [localhost]"), "{}", said.out);
    assert!(!made.exists());
}

#[test]
fn a_question_without_a_terminal_names_its_flag() {
    let here = folder();
    fs::write(here.path().join("play.yml"), "- hosts: all\n  tasks: [{ping: {}}]\n").unwrap();
    let said = typed(here.path(), &["run", "play.yml", "-i", "local", "-K"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("--become-password-file"), "{}", said.err);
    let secret = here.path().join("secret");
    fs::write(&secret, "hunter2\n").unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let said = typed(here.path(), &["run", "play.yml", "-i", "local", "--become-password-file", "secret"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("chmod 600") && !said.err.contains("hunter2"), "{}", said.err);
}

#[test]
fn mistakes_in_files_are_shown_together_with_line_and_caret() {
    let here = folder();
    fs::write(here.path().join("hosts.yml"), "all:\n\thosts: {a: }\n").unwrap();
    let said = typed(here.path(), &["inventory", "-i", "hosts.yml"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("hosts.yml:2:1") && said.err.contains("spaces"), "{}", said.err);
    let play = "- hosts: all\n  tasks:\n    - cpoy: {dest: /a}\n    - file: {pth: /a}\n";
    fs::write(here.path().join("play.yml"), play).unwrap();
    let said = typed(here.path(), &["run", "play.yml", "--syntax-check"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    for word in ["play.yml:3:7", "'copy'", "play.yml:4:14", "'path'", "^"] {
        assert!(said.err.contains(word), "{word}: {}", said.err);
    }
}

#[test]
fn a_template_may_name_the_playbook_that_is_imported() {
    let here = folder();
    let write = |name: &str, text: &str| fs::write(here.path().join(name), text).unwrap();
    write("site.yml", "- import_playbook: '{{ part }}-{{ kind }}.yml'\n  vars: {kind: web}\n");
    write("front-web.yml", "- hosts: all\n  tasks: [{name: it is here, ping: }]\n");
    let said = typed(here.path(), &["run", "site.yml", "--list-tasks", "-e", "part=front"]);
    assert!(said.code == Some(0) && said.out.contains("it is here"), "{} {}", said.out, said.err);
    let said = typed(here.path(), &["run", "site.yml", "--list-tasks"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("site.yml:1:20") && said.err.contains("--extra-vars"), "{}", said.err);
    let said = typed(here.path(), &["run", "site.yml", "-k"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("wgops access sync"), "{}", said.err);
}

#[test]
fn a_ticket_must_look_like_one_where_the_repository_says_how() {
    let here = folder();
    typed(here.path(), &["init", "--group", "G"]);
    let settings = here.path().join("wgops.yml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}ticket_pattern: 'INFRA-[0-9]+'\n")).unwrap();
    let said = typed(here.path(), &["patch", "-i", "local", "--ticket", "soon"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("ticket_pattern"), "{}", said.err);
}

#[test]
fn a_report_that_can_not_be_written_is_told_before_any_host_is_asked() {
    let here = folder();
    let said = typed(here.path(), &["audit", "-i", "local", "--output", "none/audit.json"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("none/audit.json"), "{}", said.err);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let here = folder();
    let line = format!("{} --help | true; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_wgops"));
    let shell =
        std::process::Command::new("bash").args(["-c", &line]).current_dir(here.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&shell.stdout), "0\n", "{}", String::from_utf8_lossy(&shell.stderr));
}

#[test]
fn lint_says_what_is_wrong_and_ends_with_five_where_that_matters() {
    let here = folder();
    let play = "- name: p\n  hosts: all\n  tasks:\n    - name: t\n      atp: {name: curl}\n    - ping:\n";
    fs::write(here.path().join("site.yml"), play).unwrap();
    let said = typed(here.path(), &["lint"]);
    assert_eq!(said.code, Some(5), "{}", said.err);
    insta::assert_snapshot!(said.out, @r"
    site.yml:5:7: error: there is no module 'atp' [unknown-module]
        did you mean 'apt'?
    1 error, 1 remark in 1 file; -v shows remarks
    ");
    let said = typed(here.path(), &["lint", "site.yml", "--skip", "unknown-module", "-v"]);
    assert_eq!(said.code, Some(0));
    assert!(
        said.out.contains("site.yml:6:7: info: a task with ping has no name [name-missing]"),
        "{}",
        said.out
    );
    let said =
        typed(here.path(), &["lint", "--format", "json", "--output", "out.sarif", "--fail-on", "info"]);
    assert_eq!(said.code, Some(5));
    assert!(said.out.starts_with('{') && said.out.contains("\"kind\": \"wgops-lint\""), "{}", said.out);
    assert!(fs::read_to_string(here.path().join("out.sarif")).unwrap().contains("\"version\": \"2.1.0\""));
    let said = typed(here.path(), &["lint", "--skip", "unknown-modul"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("did you mean 'unknown-module'?"), "{}", said.err);
    assert_eq!(typed(here.path(), &["lint", "nosuch.yml"]).code, Some(2));
    assert_eq!(typed(here.path(), &["lint", "--rules"]).code, Some(0));
}

#[test]
fn what_init_writes_is_in_order() {
    let here = folder();
    assert_eq!(typed(here.path(), &["init", "--group", "Example"]).code, Some(0));
    let said = typed(here.path(), &["lint"]);
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
}

#[test]
fn docs_show_a_module_and_correct_a_misspelt_one() {
    let here = folder();
    let said = typed(here.path(), &["docs", "ansible.builtin.lineinfile"]);
    assert_eq!(said.code, Some(0));
    for part in ["LINEINFILE", "PARAMETERS", "EXAMPLES", "RETURNS", "regexp"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
    let said = typed(here.path(), &["docs", "linefile"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("did you mean 'lineinfile'?"), "{}", said.err);
    assert!(typed(here.path(), &["docs", "--list"]).out.lines().count() > 30);
}
