//! Reads a roster from YAML. All that is wrong is collected and said at once, each with its place; an unknown field is
//! an error, because what is signed must mean what it seems to.

use super::{ApplyThreshold, Key, Nda, Person, Reader, Roster, Seal, Threshold, VaultRule};
use crate::load::{Node, Problem, Problems, TextFile};
use crate::model::{Digest, OperatorName, Place, Role, printable};
use indexmap::IndexMap;
use jiff::civil::Date;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

const ROSTER_FIELDS: [&str; 10] = [
    "version",
    "previous",
    "settles",
    "access",
    "group",
    "threshold",
    "operators",
    "sealed",
    "emergency_keys",
    "vaults",
];
const PERSON_FIELDS: [&str; 5] = ["role", "nda", "keys", "age", "until"];

pub(super) fn roster(path: &Path, bytes: Vec<u8>) -> Result<Roster, Problems> {
    let digest = Digest::of(&bytes);
    if let Some(line) = conflict(&bytes) {
        let place = Place { file: Arc::new(path.to_owned()), line, column: 1 };
        let problem =
            Problem::at(&place, "two versions of the roster met here, and git could not put them together");
        return Err(problem
            .help(
                "keep either, whole: 'git checkout --ours inventory/operators.yml'; 'wgops operators sign' then takes up what both changed \
                 (docs/people.md)",
            )
            .into());
    }
    let top = Node::parse(&TextFile::from_bytes(path, bytes)?)?;
    let mut read = Read { problems: Vec::new() };
    let roster = read.roster(&top, digest);
    Problems::check(read.problems)?;
    roster.ok_or_else(|| Problem::at(&top.place, "expected a roster").into())
}

/// The line at which git marked a conflict.
fn conflict(bytes: &[u8]) -> Option<u32> {
    let line = bytes.split(|byte| *byte == b'\n').position(|line| line.starts_with(b"<<<<<<< "))?;
    u32::try_from(line + 1).ok()
}

/// Reads field by field, and notes what is wrong.
struct Read {
    problems: Vec<Problem>,
}

impl Read {
    fn roster(&mut self, top: &Node, digest: Digest) -> Option<Roster> {
        self.fields(top, &ROSTER_FIELDS)?;
        let version = self.required(top, "version", Self::count);
        let group = self.required(top, "group", Self::text);
        let people = self.required(top, "operators", Self::people).unwrap_or_default();
        let emergency_keys = self.optional(top, "emergency_keys", Self::keys).unwrap_or_default();
        let roster = Roster {
            version: version.unwrap_or(1),
            previous: self.optional(top, "previous", Self::parsed),
            settles: self
                .optional(top, "settles", |read, node| read.list(node, Self::parsed))
                .unwrap_or_default(),
            access: self.optional(top, "access", Self::parsed),
            digest,
            origin: (version == Some(1)).then_some(digest),
            group: group.unwrap_or_default(),
            threshold: self.optional(top, "threshold", Self::threshold).unwrap_or_default(),
            sealed: self.optional(top, "sealed", |read, node| read.map(node, Self::seal)).unwrap_or_default(),
            vaults: self.optional(top, "vaults", |read, node| read.vaults(node, &people)).unwrap_or_default(),
            people,
            emergency_keys,
        };
        self.whole(top, &roster);
        Some(roster)
    }

    /// What can be wrong only between fields.
    fn whole(&mut self, top: &Node, roster: &Roster) {
        match (roster.version, roster.previous) {
            (1, Some(_)) => self.at(top.get("previous").unwrap_or(top), "version 1 has no previous version"),
            (1, None) | (_, Some(_)) => {}
            (version, None) => {
                let message = format!(
                    "version {version} must name the digest of version {} in 'previous'",
                    version - 1
                );
                self.at(top.get("version").unwrap_or(top), message);
            }
        }
        if let Some(node) = top.get("settles")
            && (roster.version == 1 || roster.previous.is_some_and(|before| roster.settles.contains(&before)))
        {
            self.at(node, "'settles' names other files than the one before, and version 1 settles nothing");
        }
        if !roster.people.values().any(|person| person.role == Role::Lead) {
            self.at(top.get("operators").unwrap_or(top), "nobody is lead: expected at least one");
        }
        self.keys_are_of_one_person(top);
    }

    fn keys_are_of_one_person(&mut self, top: &Node) {
        let operators = top.get("operators").and_then(|node| node.map().ok()).unwrap_or_default();
        let of_people =
            operators.iter().filter_map(|(name, node)| Some((name.name.as_str(), node.get("keys")?)));
        let emergency = top.get("emergency_keys").map(|node| ("emergency_keys", node));
        let mut owners: Vec<(Key, &str)> = Vec::new();
        for (owner, keys) in of_people.chain(emergency) {
            for node in keys.list().unwrap_or_default() {
                let Some(key) = node.str().ok().and_then(|text| text.parse::<Key>().ok()) else { continue };
                match owners.iter().find(|(known, _)| *known == key) {
                    Some((_, other)) if *other == owner => self.at(node, "this key is listed twice"),
                    Some((_, other)) => {
                        self.at(node, format!("this key belongs to {other} already: a key proves one person"))
                    }
                    None => owners.push((key, owner)),
                }
            }
        }
    }

    fn people(&mut self, node: &Node) -> Option<IndexMap<OperatorName, Person>> {
        self.map::<OperatorName, _>(node, |read, node| read.person(node)).map(|people| {
            people.into_iter().map(|(name, person)| (name.clone(), Person { name, ..person })).collect()
        })
    }

    fn person(&mut self, node: &Node) -> Option<Person> {
        self.fields(node, &PERSON_FIELDS)?;
        let role: Role = self.required(node, "role", Self::parsed)?;
        let person = Person {
            name: OperatorName::from_str("x").ok()?,
            role,
            nda: self.optional(node, "nda", Self::nda),
            keys: self.optional(node, "keys", Self::keys).unwrap_or_default(),
            age: self
                .optional(node, "age", |read, node| read.list(node, Self::recipient))
                .unwrap_or_default(),
            until: self.optional(node, "until", Self::day),
        };
        if person.until.is_some() && role != Role::Left {
            let message = "only who left has 'until'; an nda's end stands under 'nda'";
            self.at(node.get("until").unwrap_or(node), message);
        }
        Some(person)
    }

    fn nda(&mut self, node: &Node) -> Option<Nda> {
        self.fields(node, &["signed", "until", "reference"])?;
        let signed: Date = self.required(node, "signed", Self::day)?;
        let until: Option<Date> = self.optional(node, "until", Self::day);
        if until.is_some_and(|until| until < signed) {
            self.at(node.get("until").unwrap_or(node), "the nda ends before it was signed");
        }
        Some(Nda { signed, until, reference: self.optional(node, "reference", Self::text) })
    }

    fn day(&mut self, node: &Node) -> Option<Date> {
        let text = self.text(node)?;
        let day = text.parse();
        if day.is_err() {
            self.at(node, "expected a day as YYYY-MM-DD, such as 2026-11-01");
        }
        day.ok()
    }

    fn recipient(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        if text.starts_with("age1") {
            return Some(text);
        }
        self.at(node, "expected an age recipient, 'age1…'");
        None
    }

    fn keys(&mut self, node: &Node) -> Option<Vec<Key>> {
        self.list(node, Self::parsed)
    }

    fn threshold(&mut self, node: &Node) -> Option<Threshold> {
        self.fields(node, &["roster", "apply"])?;
        let roster = self.optional(node, "roster", Self::people_count).unwrap_or(1);
        let apply = self.optional(node, "apply", Self::apply_threshold).unwrap_or_default();
        Some(Threshold { roster, apply })
    }

    fn apply_threshold(&mut self, node: &Node) -> Option<ApplyThreshold> {
        self.fields(node, &["default", "groups"])?;
        let default = self.optional(node, "default", Self::people_count).unwrap_or(1);
        let groups = self
            .optional(node, "groups", |read, node| read.map(node, Self::people_count))
            .unwrap_or_default();
        Some(ApplyThreshold { default, groups })
    }

    fn people_count(&mut self, node: &Node) -> Option<u32> {
        let count = self.count(node)?;
        u32::try_from(count).ok().or_else(|| {
            self.at(node, "expected a number of people");
            None
        })
    }

    fn seal(&mut self, node: &Node) -> Option<Seal> {
        self.fields(node, &["last", "digest"])?;
        let last = self.required(node, "last", Self::number);
        Some(Seal { digest: self.required(node, "digest", Self::parsed)?, last: last? })
    }

    fn vaults(&mut self, node: &Node, people: &IndexMap<OperatorName, Person>) -> Option<Vec<VaultRule>> {
        self.list(node, |read, node| {
            read.fields(node, &["files", "readers"])?;
            let files = read.required(node, "files", Self::text);
            let readers = read.required(node, "readers", |read, node| {
                read.list(node, |read, node| read.reader(node, people))
            });
            Some(VaultRule { files: files?, readers: readers? })
        })
    }

    fn reader(&mut self, node: &Node, people: &IndexMap<OperatorName, Person>) -> Option<Reader> {
        let text = self.text(node)?;
        if let Ok(role) = text.parse() {
            return Some(Reader::Role(role));
        }
        if let Some(name) = text.parse().ok().filter(|name| people.contains_key(name)) {
            return Some(Reader::Person(name));
        }
        let known = Role::ALL
            .into_iter()
            .map(|role| -> &str { role.as_str() })
            .chain(people.keys().map(OperatorName::as_str));
        let problem = Problem::at(
            &node.place,
            format!("'{}' is neither a role nor somebody in the roster", printable(&text)),
        );
        self.problems.push(problem.nearest(&text, known));
        None
    }

    // What every field is made of.

    fn at(&mut self, node: &Node, message: impl Into<String>) {
        self.problems.push(Problem::at(&node.place, message));
    }

    fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn fields(&mut self, node: &Node, known: &[&str]) -> Option<()> {
        let newer = |problem: Problem| problem.or_else("where a newer wgops wrote it, update this one");
        self.problems.extend(node.unknown_keys(known).into_iter().map(newer));
        node.map().is_ok().then_some(())
    }

    fn required<T>(
        &mut self,
        node: &Node,
        name: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        match node.get(name) {
            Some(field) => read(self, field),
            None => {
                self.at(node, format!("'{name}' is missing"));
                None
            }
        }
    }

    fn optional<T>(
        &mut self,
        node: &Node,
        name: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        read(self, node.get(name)?)
    }

    fn list<T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.keep(node.list())?;
        Some(items.iter().filter_map(|item| read(self, item)).collect())
    }

    fn map<K, T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Node) -> Option<T>,
    ) -> Option<IndexMap<K, T>>
    where
        K: FromStr<Err: ToString> + std::hash::Hash + Eq,
    {
        let entries = self.keep(node.map())?;
        let mut map = IndexMap::new();
        for (name, value) in entries {
            let key = name.name.parse::<K>().map_err(|error| Problem::at(&name.place, error.to_string()));
            if let (Some(key), Some(value)) = (self.keep(key), read(self, value)) {
                map.insert(key, value);
            }
        }
        Some(map)
    }

    fn parsed<T: FromStr<Err: ToString>>(&mut self, node: &Node) -> Option<T> {
        let text = self.text(node)?;
        self.keep(text.parse().map_err(|error: T::Err| Problem::at(&node.place, error.to_string())))
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        self.keep(node.word())
    }

    fn number(&mut self, node: &Node) -> Option<u64> {
        self.keep(node.unsigned())
    }

    fn count(&mut self, node: &Node) -> Option<u64> {
        let number = self.number(node)?;
        if number == 0 {
            self.at(node, "expected a whole number from 1");
            return None;
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{key, parse, roster_text};
    use super::*;
    use jiff::civil::date;

    fn wrong(text: &str) -> String {
        Roster::parse(Path::new("operators.yml"), text).unwrap_err().to_string()
    }

    const FIRST: &str = "version: 1\n";

    #[test]
    fn every_field_of_the_format_is_read_and_kept() {
        let digest = Digest::of("x");
        let text = format!(
            "version: 17
previous: {digest}
group: Example infrastructure working group
threshold:
  roster: 1
  apply: {{default: 1, groups: {{db: 2}}}}
operators:
  alice:
    role: lead
    nda: {{signed: 2025-03-01, until: 2027-03-01, reference: INFRA-12}}
    keys: [{} alice@laptop, {}]
    age: [age1xyz]
  sam:   {{role: shadow, keys: [{}]}}
  bob:   {{role: left, until: 2026-05-01}}
sealed:
  bob-c3d4a1b2-7f: {{last: 41, digest: {digest}}}
emergency_keys: [{}]
vaults:
  - {{files: \"inventory/**/vault.yml\", readers: [lead, operator]}}
  - {{files: \"inventory/group_vars/payments/vault.yml\", readers: [alice, sam]}}
",
            key(1).text(),
            key(2).text(),
            key(3).text(),
            key(4).text()
        );
        let roster = parse(&text);
        let name = |text: &str| text.parse::<OperatorName>().unwrap();
        assert_eq!((roster.version, roster.previous, roster.digest), (17, Some(digest), Digest::of(&text)));
        assert_eq!(roster.threshold.apply.groups["db"], 2);
        let alice = roster.person(&name("alice")).unwrap();
        assert_eq!((alice.keys.len(), alice.keys[0].comment(), alice.age.len()), (2, "alice@laptop", 1));
        assert_eq!(alice.nda.as_ref().unwrap().until, Some(date(2027, 3, 1)));
        assert_eq!(roster.owner(&key(2)).unwrap().name, name("alice"));
        assert_eq!(roster.person(&name("bob")).unwrap().until, Some(date(2026, 5, 1)));
        assert_eq!(
            roster.sealed[&"bob-c3d4a1b2-7f".parse::<super::super::ChainName>().unwrap()],
            Seal { last: 41, digest }
        );
        assert_eq!((roster.emergency_keys.len(), roster.vaults.len()), (1, 2));
        assert_eq!(roster.vaults[1].readers[0], Reader::Person(name("alice")));
    }

    #[test]
    fn a_mistake_is_shown_with_its_line_and_all_of_them_at_once() {
        let text = roster_text("version: one\ngruop: x\nthreshold: {roster: 0}\n") + "  Bob: {role: chief}\n";
        let said = wrong(&text);
        let expected = [
            "operators.yml:1:",
            "'gruop'",
            "'group'",
            "from 1",
            "'Bob' is no operator name",
            "'chief' is no role",
        ];
        for part in expected {
            assert!(said.contains(part), "{part} is missing in:\n{said}");
        }
    }

    #[test]
    fn an_unknown_field_is_refused_wherever_it_stands() {
        let cases = [
            ("  eve: {role: shadow, nad: {}}\n", "nad"),
            ("  eve: {role: shadow, nda: {signed: 2026-01-01, end: 2026-02-01}}\n", "end"),
            ("sealed: {bob-c3d4a1b2-7f: {first: 1}}\n", "first"),
            ("vaults: [{file: x, readers: []}]\n", "file"),
            ("threshold: {apply: {all: 1}}\n", "all"),
        ];
        for (more, field) in cases {
            let said = wrong(&(roster_text(FIRST) + more));
            assert!(said.contains(&format!("unknown key '{field}'")), "{said}");
            assert!(said.contains("where a newer wgops wrote it, update this one"), "{said}");
        }
    }

    #[test]
    fn one_key_proves_one_person_whatever_its_comment() {
        let twice = |line: String| wrong(&(roster_text(FIRST) + &line));
        let said = twice(format!("  eve: {{role: shadow, keys: [{} eve@home]}}\n", key(1).text()));
        assert!(said.contains("belongs to alice"), "{said}");
        let said = twice(format!("  eve: {{role: shadow, keys: [{0} a, {0} b]}}\n", key(9).text()));
        assert!(said.contains("twice"), "{said}");
        let said = twice(format!("emergency_keys: [{}]\n", key(2).text()));
        assert!(said.contains("belongs to oscar"), "{said}");
    }

    #[test]
    fn what_is_no_public_key_is_refused_with_what_it_is() {
        let said = |key: &str| {
            wrong(&(roster_text(FIRST) + &format!("  eve: {{role: shadow, keys: [\"{key}\"]}}\n")))
        };
        assert!(said("-----BEGIN OPENSSH PRIVATE KEY-----").contains("private key"));
        assert!(said("ssh-ed25519-cert-v01@openssh.com AAAA").contains("not accepted"));
        assert!(said("ssh-ed25519 AAAA").contains("no OpenSSH public key"));
        assert!(said("restrict ssh-ed25519 AAAA").contains("no OpenSSH public key"));
    }

    #[test]
    fn versions_follow_each_other_and_somebody_leads() {
        assert!(wrong(&roster_text("version: 2\n")).contains("must name the digest"));
        assert!(wrong(&roster_text("version: 1\nprevious: sha256:{zeros}\n")).contains("no previous"));
        for settles in ["version: 1\n", "version: 2\nprevious: sha256:{zeros}\n"] {
            let text = roster_text(&format!("{settles}settles: [sha256:{{zeros}}]\n"));
            assert!(wrong(&text).contains("'settles' names other files"), "{text}");
        }
        assert!(wrong("version: 1\ngroup: x\noperators: {}\n").contains("nobody is lead"));
        assert!(wrong("version: 1\ngroup: x\n").contains("'operators' is missing"));
        let early = wrong(
            &(roster_text(FIRST) + "  eve: {role: shadow, nda: {signed: 2026-02-01, until: 2026-01-01}}\n"),
        );
        assert!(early.contains("ends before"), "{early}");
        let until = wrong(&(roster_text(FIRST) + "  eve: {role: shadow, until: 2026-01-01}\n"));
        assert!(until.contains("only who left"), "{until}");
    }

    #[test]
    fn a_conflict_and_a_day_of_another_fashion_are_said_in_words() {
        let said = wrong(&format!("{}<<<<<<< HEAD\n  a: {{}}\n=======\n>>>>>>> x\n", roster_text(FIRST)));
        assert!(said.contains("git checkout --ours") && !said.contains("YAML"), "{said}");
        let day = |day: &str| {
            wrong(&format!("{}  eve: {{role: shadow, nda: {{signed: {day}}}}}\n", roster_text(FIRST)))
        };
        assert!(day("01.11.2026").contains("YYYY-MM-DD"), "{}", day("01.11.2026"));
    }

    #[test]
    fn whom_a_vault_is_for_must_exist() {
        let said = wrong(&(roster_text(FIRST) + "vaults: [{files: x, readers: [lead, alcie]}]\n"));
        assert!(said.contains("'alcie' is neither") && said.contains("alice"), "{said}");
    }

    #[test]
    fn the_first_roster_reads_back() {
        let nda = Nda { signed: date(2026, 11, 1), until: None, reference: Some("INFRA-12".into()) };
        let name: OperatorName = "alice".parse().unwrap();
        let text = Roster::first("Example: a \"working\" group", &name, &key(1), &nda).unwrap();
        let roster = parse(&text);
        assert_eq!((roster.version, roster.group.as_str()), (1, "Example: a \"working\" group"));
        let alice = roster.person(&name).unwrap();
        assert_eq!((alice.role, alice.nda.as_ref(), &alice.keys), (Role::Lead, Some(&nda), &vec![key(1)]));
    }

    #[test]
    fn nothing_in_a_roster_makes_reading_it_panic() {
        for text in [
            "",
            "[]",
            "version",
            "{}",
            "operators: [1]",
            "operators: {a: 1}",
            "version: {}",
            "\u{0}",
            "? [x]\n: y",
        ] {
            wrong(text);
        }
        wrong(&"[".repeat(100_000));
    }
}
