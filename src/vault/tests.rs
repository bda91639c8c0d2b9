//! Sealing, opening, and putting sealed values into files, each against what could go wrong.

use super::*;
use crate::load::TextFile;
use crate::model::Secret;
use crate::people::Roster;
use crate::people::testing::{key, parse, private_key, roster, roster_text};
use jiff::civil::date;
use russh::keys::ssh_key::LineEnding;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

struct Silent;

impl Conversation for Silent {
    fn tell(&self, _: &str) {}
    fn ask(&self, _: &str) -> Option<String> {
        None
    }
    fn ask_secret(&self, _: &str) -> Option<Secret> {
        None
    }
}

fn silent() -> Arc<dyn Conversation> {
    Arc::new(Silent)
}

fn keys(number: u8) -> Keys {
    let text = private_key(number).to_openssh(LineEnding::LF).unwrap();
    Keys::new(silent()).with_ssh(Secret::new(text.to_string()))
}

fn readers(names: &[(&str, &str)]) -> Readers {
    let reader = |(name, recipient): &(&str, &str)| Reader {
        name: name.parse().unwrap(),
        recipients: vec![(*recipient).to_owned()],
    };
    Readers { readers: names.iter().map(reader).collect(), locked_out: Vec::new() }
}

fn sheet(text: &str) -> Sheet {
    Sheet::parse(TextFile { file: Arc::new(PathBuf::from("vars.yml")), text: text.to_owned() }).unwrap()
}

fn sealed_for(number: u8, text: &str) -> String {
    seal(text.as_bytes(), &readers(&[("oscar", key(number).text())]), &silent()).unwrap()
}

fn today() -> jiff::civil::Date {
    date(2026, 11, 1)
}

#[test]
fn a_reader_opens_and_nobody_else_does() {
    let armor = seal(b"hunter2", &readers(&[("alice", key(1).text()), ("oscar", key(2).text())]), &silent());
    let armor = armor.unwrap();
    assert!(armor.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"));
    for number in [1, 2] {
        assert_eq!(keys(number).open_text(&armor).unwrap().expose(), "hunter2");
    }
    let refused = keys(3).hinting("do this").open_text(&armor).err().unwrap().to_string();
    assert_eq!(refused, "none of your keys opens it: do this");
}

#[test]
fn what_is_damaged_is_refused_and_never_half_opened() {
    let armor = sealed_for(2, "hunter2");
    for at in [60, 120, armor.len() - 60] {
        let mut bytes = armor.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(keys(2).open(&bytes).is_err(), "{at}");
    }
    assert!(keys(2).open(&armor.as_bytes()[..armor.len() / 2]).is_err());
}

#[test]
fn a_header_without_an_end_is_refused_before_any_key_is_tried() {
    let stanza = format!("-> X25519 {0}\n{0}\n", "A".repeat(43));
    for (stanzas, is_too_long) in [(20, false), (4000, true)] {
        let text = format!("age-encryption.org/v1\n{}--- {}\n", stanza.repeat(stanzas), "A".repeat(43));
        let refused = keys(2).open(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(refused.contains("its header is longer than 256 KiB"), is_too_long, "{refused}");
    }
    // What is sealed may be as long as it likes.
    let long = sealed_for(2, &"x".repeat(1 << 20));
    assert_eq!(keys(2).open_text(&long).unwrap().expose().len(), 1 << 20);
}

#[test]
fn native_identities_open_and_what_is_none_is_named() {
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let armor = seal(b"x", &readers(&[("alice", &recipient)]), &silent()).unwrap();
    let text = format!("# mine\n{}\n", age::secrecy::ExposeSecret::expose_secret(&identity.to_string()));
    let keys = Keys::new(silent()).with_identities(Path::new("id.txt"), text.as_bytes()).unwrap();
    assert_eq!(keys.open_text(&armor).unwrap().expose(), "x");
    let why = |bytes: &[u8]| {
        let keys = Keys::new(silent()).with_identities(Path::new("id.txt"), bytes);
        keys.err().unwrap().to_string()
    };
    for wrong in ["", "# nothing\n", "hello\n", "-----BEGIN AGE ENCRYPTED FILE-----\n"] {
        assert!(why(wrong.as_bytes()).contains("id.txt"), "{wrong}");
    }
    // Sealed with a passphrase, as text and as age writes it where nothing else is said.
    for sealed in
        [&b"-----BEGIN AGE ENCRYPTED FILE-----\n"[..], b"age-encryption.org/v1\n-> scrypt x 18\n\xff\xfe"]
    {
        assert!(why(sealed).contains("it is sealed itself, with a passphrase"));
    }
    assert!(why(b"\xff\xfe").contains("no text"));
    let plugin = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t";
    let missing = seal(b"x", &readers(&[("alice", plugin)]), &silent()).err().unwrap().to_string();
    assert!(missing.contains("age-plugin-yubikey") && missing.contains("alice"), "{missing}");
    let wrong = seal(b"x", &readers(&[("alice", "age1xyz")]), &silent()).err().unwrap().to_string();
    assert!(wrong.contains("age1xyz"), "{wrong}");
}

/// As a command of this machine sees it; nothing where it isn't installed.
fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn age_opens_what_we_seal_and_we_open_what_age_seals() {
    if !has("age") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("id"), private_key(2).to_openssh(LineEnding::LF).unwrap()).unwrap();
    std::fs::write(at("id.pub"), key(2).text()).unwrap();
    std::fs::write(at("ours.age"), sealed_for(2, "from us\n")).unwrap();
    std::fs::write(at("plain"), "from age\n").unwrap();
    let opened = Command::new("age").args(["-d", "-i"]).arg(at("id")).arg(at("ours.age")).output().unwrap();
    assert_eq!(opened.stdout, b"from us\n", "{}", String::from_utf8_lossy(&opened.stderr));
    for armored in [true, false] {
        let mut seals = Command::new("age");
        let seals = if armored { seals.arg("-a") } else { &mut seals };
        let sealed = seals.arg("-R").arg(at("id.pub")).arg(at("plain")).output().unwrap();
        assert_eq!(&**keys(2).open(&sealed.stdout).unwrap(), b"from age\n");
    }
}

#[test]
fn a_sealed_file_has_one_digest_whether_it_is_text_or_binary() {
    let text = sealed_for(2, "from us\n");
    let mut binary = Vec::new();
    let mut armor = age::armor::ArmoredReader::new(text.as_bytes());
    std::io::Read::read_to_end(&mut armor, &mut binary).unwrap();
    assert!(binary.starts_with(b"age-encryption.org/v1"));
    assert_eq!(file_digest(&binary), digest(&text));
    assert_ne!(file_digest(&binary), file_digest(b"something else"));
}

fn with_vaults(rules: &str) -> Roster {
    parse(&format!("{}vaults:\n{rules}", roster_text("version: 17\nprevious: sha256:{zeros}\n")))
}

fn names(roster: &Roster, file: &str) -> Result<Vec<String>, String> {
    let readers = Readers::of(roster, file, today()).map_err(|error| error.to_string())?;
    Ok(readers.names().iter().map(ToString::to_string).collect())
}

#[test]
fn the_last_rule_that_fits_says_who_reads_and_a_file_without_one_is_refused() {
    let roster = with_vaults(
        "  - {files: \"inventory/**/vault.yml\", readers: [lead, operator]}\n  \
         - {files: \"inventory/group_vars/payments/vault.yml\", readers: [alice]}\n  \
         - {files: \"files/*.age\", readers: [oscar]}\n",
    );
    let names = |file| names(&roster, file);
    assert_eq!(names("inventory/vault.yml").unwrap(), ["alice", "oscar"]);
    assert_eq!(names("inventory/group_vars/all/vault.yml").unwrap(), ["alice", "oscar"]);
    assert_eq!(names("inventory/group_vars/payments/vault.yml").unwrap(), ["alice"]);
    assert_eq!(names("files/tls.age").unwrap(), ["oscar"]);
    for none in ["files/more/tls.age", "vault.yml", "inventory/group_vars/all/vault.yaml"] {
        assert!(names(none).unwrap_err().contains("no rule"), "{none}");
    }
}

#[test]
fn only_the_cleared_read_whatever_a_rule_says_and_without_rules_all_of_them_do() {
    // olga has no nda, sam shadows, ci audits.
    assert_eq!(names(&roster(), "anything.yml").unwrap(), ["alice", "oscar"]);
    let roster = with_vaults("  - {files: \"**\", readers: [sam, ci, olga]}\n");
    assert!(names(&roster, "a.yml").unwrap_err().contains("nobody is cleared"));
}

#[test]
fn who_has_no_key_that_opens_is_named_with_what_to_do() {
    let device = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYYAAAABHNzaDo=";
    let text = roster_text("version: 17\nprevious: sha256:{zeros}\n").replace(key(2).text(), device);
    let readers = Readers::of(&parse(&text), "a.yml", today()).unwrap();
    assert_eq!(readers.names().len(), 1);
    let (name, why) = &readers.locked_out[0];
    assert!(name.as_str() == "oscar" && why.contains("security key") && why.contains("age:"), "{why}");
    let both = text.replace(
        "role: operator, nda: {signed: 2026-01-01}",
        "role: operator, nda: {signed: 2026-01-01}, age: [age1xyz]",
    );
    assert_eq!(Readers::of(&parse(&both), "a.yml", today()).unwrap().readers[1].recipients, ["age1xyz"]);
}

const SHEET: &str = "# a comment\nuser: mautic   # plain\nold: hunter1  # said aloud\nlist:\n  - name: a\n    password: x\n  - {name: b}\nquoted: \"a: b # c\"\nlong: |\n  one\n  two\nlast: 1";

#[test]
fn a_value_is_put_in_its_place_and_no_other_byte_changes() {
    let armor = sealed_for(2, "new");
    let with = |name: &str| sheet(SHEET).with(&BTreeMap::from([(name.to_owned(), armor.clone())]));
    let indented =
        |by: usize| -> String { armor.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect() };
    let cases = [
        ("old", "old: hunter1  # said aloud\n", format!("old: !age |  # said aloud\n{}", indented(2))),
        ("list[0].password", "password: x\n", format!("password: !age |\n{}", indented(6))),
        ("quoted", "quoted: \"a: b # c\"\n", format!("quoted: !age |\n{}", indented(2))),
        ("long", "long: |\n  one\n  two\n", format!("long: !age |\n{}", indented(2))),
        ("last", "last: 1", format!("last: !age |\n{}", indented(2))),
    ];
    for (name, before, after) in cases {
        let text = with(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(text, SHEET.replace(before, &after), "{name}");
        let again = sheet(&text);
        let found = again.named(name).unwrap();
        assert_eq!(digest(&found.text), digest(&armor));
        // Sealed anew, it is the same but for the seal.
        let other = sealed_for(2, "newer");
        let replaced = again.with(&BTreeMap::from([(name.to_owned(), other.clone())])).unwrap();
        assert_eq!(sheet(&replaced).named(name).unwrap().text.trim(), other.trim());
        let back = sheet(&replaced).with(&BTreeMap::from([(name.to_owned(), armor.clone())])).unwrap();
        assert_eq!(back, text);
    }
    assert_eq!(with("brand_new").unwrap(), format!("{SHEET}\nbrand_new: !age |\n{}", indented(2)));
    for entangled in ["list[7].x", "list"] {
        assert!(with(entangled).is_err(), "{entangled}");
    }
}

#[test]
fn a_value_is_sealed_however_yaml_lets_it_be_written() {
    let armor = sealed_for(2, "new");
    let margin =
        |by: usize| -> String { armor.lines().map(|line| format!("{}{line}\n", " ".repeat(by))).collect() };
    let cases = [
        ("sq", "sq: 'it''s'  # c\nb: 1\n", format!("sq: !age |  # c\n{}b: 1\n", margin(2))),
        ("a", "a: one\n  two\n\n  three # c\nb: 1\n", format!("a: !age | # c\n{}b: 1\n", margin(2))),
        ("a", "a:\n  one\n  two\nb: 1\n", format!("a:\n  !age |\n{}b: 1\n", margin(2))),
        ("l[0]", "l:\n  - one\n    two\n  - b\n", format!("l:\n  - !age |\n{}  - b\n", margin(4))),
        ("a", "a: \"one\n  two\" # c\nb: 1\n", format!("a: !age | # c\n{}b: 1\n", margin(2))),
        ("a", "a:\nb: 1\n", format!("a: !age |\n{}b: 1\n", margin(2))),
        ("a", "a:   # later\nb: 1\n", format!("a: !age |   # later\n{}b: 1\n", margin(2))),
        ("a", "a: &x one\nb: *x\n", format!("a: &x !age |\n{}b: *x\n", margin(2))),
        ("b", "a: &x one\nb: *x\n", format!("a: &x one\nb: !age |\n{}", margin(2))),
        (
            "n.a",
            "n: {a: x, l: [one, 'it''s']}  # c\nb: 1\n",
            format!("n:  # c\n  a: !age |\n{}  l: [one, 'it''s']\nb: 1\n", margin(4)),
        ),
        (
            "n.l[1].k",
            "n: {a: \"x, y\", l: [one, {k: v, m: }]}\nb: 1\n",
            format!("n:\n  a: \"x, y\"\n  l:\n    - one\n    - k: !age |\n{}      m:\nb: 1\n", margin(8)),
        ),
        ("l[1]", "l: [a,\n  b]\n", format!("l:\n  - a\n  - !age |\n{}", margin(4))),
        ("l[0].k", "l:\n  - {k: v, m: 1}\n", format!("l:\n  - k: !age |\n{}    m: 1\n", margin(6))),
        ("k", "{\"k\": \"v\", \"m\": [1, 2]}\n", format!("\"k\": !age |\n{}\"m\": [1, 2]\n", margin(2))),
    ];
    for (name, before, after) in cases {
        let sealed = sheet(before).with(&BTreeMap::from([(name.to_owned(), armor.clone())]));
        let sealed = sealed.unwrap_or_else(|error| panic!("{before}: {error}"));
        assert_eq!(sealed, after, "{before}");
        // What came of it can be read, and sealed anew.
        assert_eq!(sheet(&sealed).with(&BTreeMap::from([(name.to_owned(), armor.clone())])).unwrap(), after);
    }
}

#[test]
fn all_values_of_a_file_are_sealed_at_once_and_an_anchor_with_those_who_follow_it() {
    let text = "sq: 'it''s'\nn: {a: x, l: [one, two]}\nmulti: |\n  line\nanchor: &a val\nref: *a\nbase: &b\n  pw: y\nmore:\n  <<: *b\n  z: 1\n";
    let names: Vec<String> = sheet(text).plain().into_keys().collect();
    assert_eq!(names, ["anchor", "base.pw", "more.z", "multi", "n.a", "n.l[0]", "n.l[1]", "sq"]);
    let sealed: BTreeMap<String, String> =
        names.iter().map(|name| (name.clone(), sealed_for(2, name))).collect();
    let result = sheet(text).with(&sealed).unwrap();
    let again = sheet(&result);
    assert_eq!(again.sealed().count(), sealed.len());
    for (name, armor) in &sealed {
        assert_eq!(again.named(name).unwrap().text.trim(), armor.trim(), "{name}");
    }
}

#[test]
fn the_value_that_is_in_the_way_is_named_and_no_other() {
    let armor = sealed_for(2, "x");
    let text = "a: 1\nb: {c: d, # of the cat\n  e: f}\nz: 1\n";
    let all = ["a", "b.c", "z"].map(|name| (name.to_owned(), armor.clone()));
    let refused = sheet(text).with(&BTreeMap::from(all)).unwrap_err().to_string();
    assert!(refused.contains("'b.c'") && refused.contains("on a line of its own"), "{refused}");
    let merged = "base: &b\n  pw: y\nmore:\n  <<: *b\n";
    let refused =
        sheet(merged).with(&BTreeMap::from([("more.pw".to_owned(), armor)])).unwrap_err().to_string();
    assert!(refused.contains("'more.pw'") && refused.contains("another value"), "{refused}");
}

proptest::proptest! {
    #[test]
    fn whatever_yaml_a_file_is_no_other_value_changes(text in "(a|b|c): ?[a-c'\"{}\\[\\],:# \n&*|>-]{0,24}", at in 0_usize..4) {
        let file = TextFile { file: Arc::new(PathBuf::from("vars.yml")), text };
        let Ok(sheet) = Sheet::parse(file) else { return Ok(()) };
        let Some(name) = sheet.plain().into_keys().nth(at) else { return Ok(()) };
        // It is checked by itself: what counts is that it ends.
        let _refused_or_not = sheet.with(&BTreeMap::from([(name, ARMOR.to_owned())]));
    }
}

const ARMOR: &str = "-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n-----END AGE ENCRYPTED FILE-----\n";

#[test]
fn what_only_looks_like_a_tag_is_none() {
    let armor = sealed_for(2, "x");
    let text = format!(
        "# a: !age |\ntext: \"not !age here\"\nblock: |\n  b: !age |\n    x\nreal: !age |\n{}end: yes\n",
        armor.lines().map(|line| format!("  {line}\n")).collect::<String>()
    );
    let sheet = sheet(&text);
    let names: Vec<&str> = sheet.sealed().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["real"]);
    let other = sealed_for(2, "y");
    let replaced = sheet.with(&BTreeMap::from([("real".to_owned(), other)])).unwrap();
    assert!(replaced.contains("b: !age |\n    x\n") && replaced.ends_with("end: yes\n"));
}

#[test]
fn an_edited_file_keeps_the_seals_of_what_was_not_touched() {
    let (one, two) = (sealed_for(2, "first"), sealed_for(2, "line 1\nline 2\n"));
    let indented = |armor: &str| armor.lines().map(|line| format!("  {line}\n")).collect::<String>();
    let text = format!("# c\na: !age | # note\n{}b: 1\nc: !age |\n{}", indented(&one), indented(&two));
    let editable = Editable::open(sheet(&text), &keys(2)).unwrap();
    let open = editable.text();
    assert_eq!(&**open, "# c\na: !age |- # note\n  first\nb: 1\nc: !age |\n  line 1\n  line 2\n");
    assert_eq!(editable.sealed_again(&open, &BTreeMap::new()).unwrap(), text);
    assert!(editable.changed(&open).unwrap().is_empty());
    let edited = open.replace("  first", "  second").replace("b: 1", "b: !age new");
    let changed = editable.changed(&edited).unwrap();
    let shown: Vec<(&str, &str)> =
        changed.iter().map(|(name, secret)| (name.as_str(), secret.expose())).collect();
    assert_eq!(shown, [("a", "second"), ("b", "new")]);
    let sealed: BTreeMap<String, String> =
        changed.iter().map(|(name, secret)| (name.clone(), sealed_for(2, secret.expose()))).collect();
    let result = editable.sealed_again(&edited, &sealed).unwrap();
    let again = sheet(&result);
    assert_eq!(again.named("c").unwrap().text.trim(), two.trim());
    assert_eq!(keys(2).open_text(&again.named("a").unwrap().text).unwrap().expose(), "second");
    assert_eq!(keys(2).open_text(&again.named("b").unwrap().text).unwrap().expose(), "new");
    assert!(!result.contains("second") && !result.contains("new\n") && result.starts_with("# c\n"));
    assert!(editable.changed("a: [\n").is_err());
}

proptest::proptest! {
    #[test]
    fn whatever_a_value_holds_the_editor_gives_it_back(text in "[ -~\t\n\r\u{e9}\u{0}\u{1b}#:'\"-]{0,40}") {
        let armor = sealed_for(2, &text);
        let file = format!("a: !age |\n{}", armor.lines().map(|line| format!("  {line}\n")).collect::<String>());
        let editable = Editable::open(sheet(&file), &keys(2)).unwrap();
        let open = editable.text();
        let changed = editable.changed(&open).unwrap();
        proptest::prop_assert!(changed.is_empty(), "{:?} became {:?}", text, changed.get("a").map(|text| text.expose().to_owned()));
        proptest::prop_assert_eq!(editable.sealed_again(&open, &BTreeMap::new()).unwrap(), file);
    }
}

/// Made by ansible-core 2.19: `ansible-vault encrypt --vault-password-file FILE`, where the password is `right horse`.
const ANSIBLE: &str = include_str!("tests/ansible-core-2.19-1.1.txt");
const LABELLED: &str = include_str!("tests/ansible-core-2.19-1.2.txt");

#[test]
fn what_ansible_vault_sealed_is_opened_with_its_password_alone() {
    let password = Secret::new("right horse".into());
    assert_eq!(&**open_ansible(ANSIBLE, &password).unwrap(), b"battery staple\n");
    assert_eq!(&**open_ansible(LABELLED, &password).unwrap(), b"battery staple\n");
    let wrong = Secret::new("wrong".into());
    assert_eq!(open_ansible(ANSIBLE, &wrong).err(), Some(AnsibleError::Password(None)));
    assert_eq!(open_ansible(LABELLED, &wrong).err(), Some(AnsibleError::Password(Some("prod".into()))));
}

#[test]
fn what_is_not_ansible_vaults_or_is_damaged_is_refused() {
    let password = Secret::new("right horse".into());
    assert_eq!(open_ansible("hello", &password).err(), Some(AnsibleError::Other));
    let old = ANSIBLE.replace(";1.1;", ";1.0;");
    assert!(matches!(open_ansible(&old, &password).err(), Some(AnsibleError::Form(_))));
    let short: String = ANSIBLE.lines().take(2).map(|line| format!("{line}\n")).collect();
    assert!(matches!(open_ansible(&short, &password).err(), Some(AnsibleError::Damaged(_))));
    let at = ANSIBLE.trim_end().len() - 1;
    let mut flipped = ANSIBLE.to_owned();
    let digit = if &flipped[at..=at] == "0" { "1" } else { "0" };
    flipped.replace_range(at..=at, digit);
    assert!(open_ansible(&flipped, &password).is_err());
}
