//! Changing a roster as its file: the next version's text, with what people wrote beside it, comments too, left as it was.
//!
//! An edit replaces whole lines and then reads the text again: whatever it made of an unusual layout, it is the roster
//! that was meant, or an error that says to edit by hand.

use super::{Key, Nda, PeopleError, Person, Roster, Seal};
use crate::load::{Node, Problem, Problems, TextFile};
use crate::model::{Digest, OperatorName, Role};
use crate::people::ChainName;
use indexmap::IndexMap;
use std::path::Path;

/// What a new version of the roster changes.
#[derive(Clone, Debug, Default)]
pub struct Amendment {
    /// People as they are from now on; whoever was there before is replaced.
    pub people: Vec<Person>,
    /// Chains that end.
    pub sealed: IndexMap<ChainName, Seal>,
}

impl Roster {
    /// The text of the next version: one more, linked to this one, with the changes. `text` is this version's.
    ///
    /// # Errors
    /// The file is laid out so that it can't be changed line by line, or what it became is no roster.
    pub fn amended(&self, path: &Path, text: &str, change: &Amendment) -> Result<String, PeopleError> {
        let mut people = self.people.clone();
        for person in &change.people {
            people.insert(person.name.clone(), person.clone());
        }
        let mut sealed = self.sealed.clone();
        sealed.extend(change.sealed.clone());
        let meant = Self { people, sealed, ..self.next(Digest::of("")) };
        let mut lines = Lines::of(path, text)?;
        lines.count_up(self, &[]);
        for person in &change.people {
            lines.put_person(person)?;
        }
        lines.put_seals(&change.sealed);
        let text = lines.text();
        let read = Self::parse(path, text.as_bytes())?;
        if (Self { digest: meant.digest, ..read }).says_the_same_as(&meant) {
            return Ok(text);
        }
        let problem = Problem::in_file(path, "is laid out in a way that wgops can't change");
        let help = "change it by hand (each person on lines of their own), then 'wgops operators sign'";
        Err(Problems::from(problem.help(help)).into())
    }

    /// A file that somebody changed by hand, as the next version: counted up and linked, where that was not done. With it goes
    /// the digest of what the settings say of access, where they say something.
    ///
    /// # Errors
    /// As [`Roster::amended`].
    pub fn counted_up(
        &self,
        path: &Path,
        text: &str,
        seals: &IndexMap<ChainName, Seal>,
        access: Option<Digest>,
    ) -> Result<String, PeopleError> {
        let mut lines = Lines::of(path, text)?;
        lines.count_up(self, &[]);
        lines.put_access(access);
        lines.put_seals(seals);
        let text = lines.text();
        Self::parse(path, text.as_bytes())?;
        Ok(text)
    }

    /// A file that takes up what was signed at the same time as this version, or goes on from such, as the version after all of it.
    ///
    /// # Errors
    /// As [`Roster::amended`].
    pub fn settling(
        &self,
        path: &Path,
        text: &str,
        change: &Amendment,
        (settles, access): (&[Digest], Option<Digest>),
    ) -> Result<String, PeopleError> {
        let mut lines = Lines::of(path, text)?;
        lines.count_up(self, settles);
        lines.put_access(access);
        for person in &change.people {
            lines.put_person(person)?;
        }
        lines.put_seals(&change.sealed);
        let text = lines.text();
        Self::parse(path, text.as_bytes())?;
        Ok(text)
    }

    fn next(&self, digest: Digest) -> Self {
        let (version, previous) = (self.version + 1, Some(self.digest));
        Self { version, previous, settles: Vec::new(), digest, ..self.clone() }
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        let head = |r: &Self| {
            (r.version, r.previous, r.access, r.group.clone(), r.threshold.clone(), r.vaults.clone())
        };
        head(self) == head(other)
            && self.settles == other.settles
            && self.people == other.people
            && self.sealed == other.sealed
            && self.emergency_keys == other.emergency_keys
    }
}

/// A roster's lines, with where its parts are.
struct Lines<'a> {
    path: &'a Path,
    lines: Vec<String>,
}

impl<'a> Lines<'a> {
    fn of(path: &'a Path, text: &str) -> Result<Self, PeopleError> {
        Roster::parse(path, text.as_bytes())?;
        Ok(Self { path, lines: text.lines().map(str::to_owned).collect() })
    }

    fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn top(&self) -> Result<Node, Problems> {
        Node::parse(&TextFile::from_bytes(self.path, self.text().into_bytes())?)
    }

    /// Where a top-level key begins.
    fn at(&self, key: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.starts_with(&format!("{key}:")))
    }

    /// The first line behind a part that begins at this line and is indented below it; comments that follow it stay out.
    fn end_of(&self, begin: usize, indent: usize) -> usize {
        let mut end = begin + 1;
        for (at, line) in self.lines.iter().enumerate().skip(begin + 1) {
            let bare = line.trim_start();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            if line.len() - bare.len() <= indent {
                break;
            }
            end = at + 1;
        }
        end
    }

    /// The head of the version after another one, which settles these.
    fn count_up(&mut self, before: &Roster, settles: &[Digest]) {
        if let Some(at) = self.at("settles") {
            self.lines.drain(at..self.end_of(at, 0));
        }
        let version = format!("version: {}", before.version + 1);
        let previous = format!("previous: {}", before.digest);
        let at = match self.at("version") {
            Some(at) => {
                self.lines[at] = version;
                at
            }
            None => {
                self.lines.insert(0, version);
                0
            }
        };
        match self.at("previous") {
            Some(at) => self.lines[at] = previous,
            None => self.lines.insert(at + 1, previous),
        }
        let settles: Vec<String> = settles.iter().map(ToString::to_string).collect();
        if let Some(at) = self.at("previous").filter(|_| !settles.is_empty()) {
            self.lines.insert(at + 1, format!("settles: [{}]", settles.join(", ")));
        }
    }

    fn put_access(&mut self, access: Option<Digest>) {
        let line = access.map(|digest| format!("access: {digest}"));
        match (self.at("access"), line) {
            (Some(at), Some(line)) => self.lines[at] = line,
            (Some(at), None) => drop(self.lines.remove(at)),
            (None, Some(line)) => {
                let at = self.at("previous").map_or(0, |at| at + 1);
                self.lines.insert(at, line);
            }
            (None, None) => {}
        }
    }

    fn put_person(&mut self, person: &Person) -> Result<(), PeopleError> {
        let top = self.top()?;
        let people = top.get("operators").and_then(|node| node.map().ok()).unwrap_or_default();
        let column = people.first().map_or(3, |(key, _)| key.place.column as usize);
        let written = written(person, column - 1);
        let known = people.iter().find(|(key, _)| key.name == person.name.as_str());
        let (begin, end) = match known {
            Some((key, _)) => {
                let begin = key.place.line as usize - 1;
                (begin, self.end_of(begin, column - 1))
            }
            None => {
                let begin = self.at("operators").map_or(self.lines.len(), |at| self.end_of(at, 0));
                (begin, begin)
            }
        };
        self.lines.splice(begin..end, written);
        Ok(())
    }

    fn put_seals(&mut self, seals: &IndexMap<ChainName, Seal>) {
        let line = |(chain, seal): (&ChainName, &Seal)| {
            format!("  {chain}: {{last: {}, digest: {}}}", seal.last, seal.digest)
        };
        let of = |chain: &ChainName| format!("  {chain}:");
        let mut new = Vec::new();
        for seal in seals {
            let known = self.lines.iter_mut().find(|line| line.starts_with(&of(seal.0)));
            match known {
                Some(known) => *known = line(seal),
                None => new.push(line(seal)),
            }
        }
        if new.is_empty() {
            return;
        }
        let written = new;
        match self.at("sealed") {
            Some(at) => {
                let end = self.end_of(at, 0);
                self.lines.splice(end..end, written);
            }
            None => {
                self.lines.push("# Chains of the ledger that nobody may extend any more.".into());
                self.lines.push("sealed:".into());
                self.lines.extend(written);
            }
        }
    }
}

/// A person as lines of the roster, indented by so many blanks.
fn written(person: &Person, indent: usize) -> Vec<String> {
    let pad = " ".repeat(indent);
    let mut lines = vec![format!("{pad}{}:", person.name), format!("{pad}  role: {}", person.role)];
    if let Some(nda) = &person.nda {
        lines.push(format!("{pad}  nda: {}", written_nda(nda)));
    }
    if let Some(until) = person.until {
        lines.push(format!("{pad}  until: {until}"));
    }
    if !person.keys.is_empty() {
        lines.push(format!("{pad}  keys:"));
        lines.extend(person.keys.iter().map(|key| format!("{pad}    - {}", quoted(&key_line(key)))));
    }
    if !person.age.is_empty() {
        lines.push(format!("{pad}  age:"));
        lines.extend(person.age.iter().map(|recipient| format!("{pad}    - {recipient}")));
    }
    lines
}

fn key_line(key: &Key) -> String {
    format!("{} {}", key.text(), key.comment()).trim().to_owned()
}

fn written_nda(nda: &Nda) -> String {
    let until = nda.until.map(|until| format!(", until: {until}"));
    let reference = nda.reference.as_ref().map(|text| format!(", reference: {}", quoted(text)));
    format!("{{signed: {}{}{}}}", nda.signed, until.unwrap_or_default(), reference.unwrap_or_default())
}

/// A text as YAML has it: plain where that is sure to mean the same, else in single quotes.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "+/=-_.@ ".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let word = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    if begins && text.chars().all(plain) && !word.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "''"))
}

impl Person {
    /// Somebody new, who shadows, or an auditor's key.
    pub fn new(name: OperatorName, role: Role, key: Key) -> Self {
        Self { name, role, nda: None, keys: vec![key], age: Vec::new(), until: None }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{key, parse};
    use super::*;
    use jiff::civil::date;

    fn name(text: &str) -> OperatorName {
        text.parse().unwrap()
    }

    fn sam() -> Person {
        Person::new(name("sam"), Role::Shadow, key(3))
    }

    fn text() -> String {
        format!(
            "# Who we are.\nversion: 1\ngroup: Example   # a good one\noperators:\n  # She began it.\n  alice:\n    role: lead\n    \
             nda: {{signed: 2026-01-01}}\n    keys: ['{} alice@laptop']\n\n# The end.\n",
            key(1).text()
        )
    }

    #[test]
    fn somebody_is_added_and_what_people_wrote_stays() {
        let before = parse(&text());
        let change = Amendment { people: vec![sam()], ..Amendment::default() };
        let after = before.amended(Path::new("o.yml"), &text(), &change).unwrap();
        for kept in ["# Who we are.", "group: Example   # a good one", "  # She began it.", "# The end."] {
            assert!(after.contains(kept), "{kept}:\n{after}");
        }
        let roster = parse(&after);
        assert_eq!((roster.version, roster.previous), (2, Some(before.digest)));
        assert_eq!(roster.person(&name("sam")).unwrap().role, Role::Shadow);
        let hand = crate::people::Hand { key: key(1), day: jiff::civil::date(2026, 6, 1) };
        assert!(before.is_followed_by(&roster, &[hand]).is_ok());
    }

    #[test]
    fn somebody_rises_leaves_and_is_sealed() {
        let before = parse(&text());
        let with = |people| Amendment { people, ..Amendment::default() };
        let one = before.amended(Path::new("o.yml"), &text(), &with(vec![sam()])).unwrap();
        let nda = Nda { signed: date(2026, 11, 1), until: None, reference: Some("INFRA-12: it's".into()) };
        let cleared = Person { role: Role::Operator, nda: Some(nda.clone()), ..sam() };
        let two = parse(&one).amended(Path::new("o.yml"), &one, &with(vec![cleared])).unwrap();
        assert_eq!(parse(&two).person(&name("sam")).unwrap().nda, Some(nda));
        let left = Person { role: Role::Left, keys: vec![], until: Some(date(2026, 12, 1)), ..sam() };
        let chain: ChainName = "sam-00000000-7f".parse().unwrap();
        let seal = Seal { last: 4, digest: before.digest };
        let change = Amendment { people: vec![left], sealed: [(chain.clone(), seal.clone())].into() };
        let three = parse(&two).amended(Path::new("o.yml"), &two, &change).unwrap();
        let roster = parse(&three);
        assert_eq!((roster.version, &roster.sealed[&chain]), (4, &seal));
        assert_eq!(three.matches("sam:").count(), 1, "{three}");
    }

    #[test]
    fn flow_style_on_lines_of_its_own_is_changed_too_and_another_layout_is_refused() {
        let nda = "nda: {signed: 2026-01-01}";
        let line = format!("  alice: {{role: lead, {nda}, keys: [{}]}}\n", key(1).text());
        let flow = format!("version: 1\ngroup: Example\noperators:\n{line}");
        let change = Amendment { people: vec![sam()], ..Amendment::default() };
        assert!(parse(&flow).amended(Path::new("o.yml"), &flow, &change).is_ok());
        let one_line = format!(
            "version: 1\ngroup: Example\noperators: {{alice: {{role: lead, {nda}, keys: [{}]}}}}\n",
            key(1).text()
        );
        let refused = parse(&one_line).amended(Path::new("o.yml"), &one_line, &change).unwrap_err();
        assert!(refused.to_string().contains("o.yml"), "{refused}");
    }

    #[test]
    fn what_settles_two_versions_says_so_and_the_next_one_no_more() {
        let before = parse(&text());
        let chain: ChainName = "sam-00000000-7f".parse().unwrap();
        let seal = |last| -> IndexMap<ChainName, Seal> {
            [(chain.clone(), Seal { last, digest: before.digest })].into()
        };
        let change = Amendment { people: vec![sam()], sealed: seal(6) };
        let one = before.amended(Path::new("o.yml"), &text(), &change).unwrap();
        let change = Amendment { people: vec![], sealed: seal(5) };
        let others = [Digest::of("other"), Digest::of("third")];
        let settled = parse(&one).settling(Path::new("o.yml"), &one, &change, (&others, None)).unwrap();
        let roster = parse(&settled);
        assert_eq!((roster.version, roster.previous), (3, Some(parse(&one).digest)));
        assert_eq!((roster.settles.as_slice(), roster.sealed[&chain].last), (&others[..], 5), "{settled}");
        let next = roster.amended(Path::new("o.yml"), &settled, &Amendment::default()).unwrap();
        assert!(parse(&next).settles.is_empty() && !next.contains("settles"), "{next}");
    }

    #[test]
    fn what_was_changed_by_hand_is_counted_up_and_linked() {
        let before = parse(&text());
        let by_hand = text() + "threshold: {roster: 1}\n";
        let after = before.counted_up(Path::new("o.yml"), &by_hand, &IndexMap::new(), None).unwrap();
        assert_eq!((parse(&after).version, parse(&after).previous), (2, Some(before.digest)));
    }
}
