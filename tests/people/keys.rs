//! What opens sealed values besides a plain key file: keys under a passphrase, identities of age, and a plugin.

use crate::group::{Group, Said, said, with_path};
use assert_cmd::Command;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const VARS: &str = "inventory/group_vars/all/vault.yml";
const SECRET: &str = "Kanarienvogel-2b6d";

/// A plugin of the form that age defines, which seals nothing at all: it hands the key of a file on as it is.
const PLUGIN: &str = r#"#!/bin/sh
# $1: --age-plugin=STATE_MACHINE
key= takes=
while read -r line; do
    case $line in
        '-> done') read -r _; break ;;
        '-> wrap-file-key' | '-> recipient-stanza 0 toy'*) takes=yes ;;
        '-> '*) takes= ;;
        *) [ -z "$takes" ] || key=$line takes= ;;
    esac
done
case $1 in
    *recipient-v1) printf -- '-> recipient-stanza 0 toy\n%s\n' "$key" ;;
    *identity-v1) [ -z "$key" ] || printf -- '-> file-key 0\n%s\n' "$key" ;;
esac
[ -z "$key" ] || { read -r _; read -r _; }
printf -- '-> done\n\n'
"#;
const RECIPIENT: &str = "age1toy1wank7urnf4h0px";
const IDENTITY: &str = "AGE-PLUGIN-TOY-1WANK7URNTAN509";

fn seals(group: &Group, path: Option<&Path>) -> Said {
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let mut command = group.command("alice");
    command.args(["vault", "set", VARS, "password"]).write_stdin(SECRET);
    if let Some(path) = path {
        command.env("PATH", with_path(path));
    }
    said(&mut command)
}

#[test]
fn a_key_under_a_passphrase_opens_after_one_question() {
    let group = Group::new();
    for (who, kind) in [("carol", "ed25519"), ("bob", "rsa")] {
        for end in ["", ".pub"] {
            fs::remove_file(format!("{}{end}", group.key(who).display())).unwrap();
        }
        let mut keygen = std::process::Command::new("ssh-keygen");
        keygen.args(["-q", "-t", kind, "-N", "open sesame", "-f"]).arg(group.key(who));
        assert!(keygen.status().unwrap().success());
        group.adds(who);
        let line = format!("operators clear {who} --nda 2026-01-01 --yes");
        group.says("alice", &line).expect(0, &["in force"]);
    }
    seals(&group, None).expect(0, &["Sealed"]);
    for who in ["carol", "bob"] {
        let get = format!("vault get {VARS} password");
        let said = group.at_a_terminal(who, &get, "open sesame\n");
        said.expect(0, &[SECRET]);
        assert_eq!(said.text.matches("Passphrase").count(), 1, "{}", said.text);
        assert!(!group.at_a_terminal(who, &get, "wrong\nwrong\nwrong\n").text.contains(SECRET));
        // Without a terminal nobody is asked, and it says what helps.
        let said = group.pinned(who, "run playbooks/touch.yml -i local --allow-dirty");
        assert!(said.code != Some(0) && said.text.contains("ssh-add"), "{}", said.text);
    }
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn an_identity_of_age_opens_here_and_age_opens_what_is_sealed_for_it() {
    let group = Group::new();
    group.clears("carol");
    let identity = group.folder.path().join("carol.age");
    let made = std::process::Command::new("age-keygen").arg("-o").arg(&identity).output();
    let Ok(made) = made else { panic!("this test needs age: {made:?}") };
    let recipient = String::from_utf8_lossy(&made.stderr).trim().rsplit(' ').next().unwrap().to_owned();
    group.changes_roster(|text| text.replace("  carol:\n", &format!("  carol:\n    age: [{recipient}]\n")));
    seals(&group, None).expect(0, &["Sealed"]);
    let get = format!("vault get {VARS} password");
    let without = group.at_a_terminal("carol", &get, "");
    assert!(without.code != Some(0) && without.text.contains("--age-identity FILE"), "{}", without.text);
    let with = format!("{get} --age-identity {}", identity.display());
    group.at_a_terminal("carol", &with, "").expect(0, &[SECRET]);
    let text = fs::read_to_string(group.root().join(VARS)).unwrap();
    let armored: Vec<&str> =
        text.lines().map(str::trim).skip_while(|line| !line.starts_with("-----")).collect();
    let mut age = Command::new("age");
    age.args(["-d", "-i"]).arg(&identity).write_stdin(armored.join("\n") + "\n");
    assert_eq!(said(&mut age).text, SECRET);
    // Her SSH key opens nothing any more: the roster names what does.
    let mut age = Command::new("age");
    age.args(["-d", "-i"]).arg(group.key("carol")).write_stdin(armored.join("\n") + "\n");
    assert!(!said(&mut age).text.contains(SECRET));
}

#[test]
fn a_plugin_seals_and_opens_as_age_defines_it() {
    let group = Group::new();
    group.clears("carol");
    group.changes_roster(|text| text.replace("  carol:\n", &format!("  carol:\n    age: [{RECIPIENT}]\n")));
    let lacking = seals(&group, None);
    assert!(lacking.code != Some(0) && lacking.text.contains("age-plugin-toy"), "{}", lacking.text);
    let plugin = group.folder.path().join("age-plugin-toy");
    fs::write(&plugin, PLUGIN).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    seals(&group, Some(group.folder.path())).expect(0, &["Sealed"]);
    let identity = group.folder.path().join("carol.age");
    fs::write(&identity, format!("{IDENTITY}\n")).unwrap();
    let get = format!("vault get {VARS} password --age-identity {}", identity.display());
    group.at_a_terminal("carol", &get, "").expect(0, &[SECRET]);
}
