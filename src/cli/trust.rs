//! Which version of the roster counts on this machine. A version counts once the leads before it signed it, step by step
//! from one that this client knows: given with `--roster-pin`, verified here before, or the group's first, which is
//! shown when it is met for the first time, so that people can compare it.

use super::groups::{Group, Groups};
use super::ledger::index;
use super::repository::Repository;
use super::who::state;
use super::{Console, Exit, Failure};
use crate::ledger::{Anchor, NoRosterInForce, Record, RosterFile, Settled, Succession, Successor};
use crate::model::{Digest, OperatorName};
use crate::people::Roster;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the roster lies in an ops repository.
pub const ROSTER: &str = "inventory/operators.yml";

/// `--roster-pin`: a version of the roster that somebody compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pin(Anchor);

/// The roster that counts.
pub struct Trust {
    /// The version in force, and its text.
    pub in_force: RosterFile,
    /// Why the file is not that version, where it waits for signatures.
    pub waits: Option<Waiting>,
    /// Whether somebody on this machine could compare it: nobody may act on a roster that was met just now, unseen.
    pub pinned: bool,
}

/// Why a roster's file is not in force, and what to do where that is not to sign it.
pub struct Waiting {
    /// Why.
    pub why: String,
    /// What to do.
    pub todo: Option<String>,
}

impl Waiting {
    /// Both for whoever types.
    pub fn told(&self) -> String {
        match &self.todo {
            None => format!("{}: see 'wgops operators sign'.\n", self.why),
            Some(todo) => format!("{}: {todo}.\n", self.why),
        }
    }
}

impl Pin {
    /// The version that it names.
    pub fn anchor(self) -> Anchor {
        self.0
    }
}

impl FromStr for Pin {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            || format!("expected VERSION:sha256:…, as 'wgops operators list' shows it, not '{text}'");
        let (version, digest) = text.split_once(':').ok_or_else(expected)?;
        let version = version.parse().map_err(|_| expected())?;
        let digest: Digest = digest.parse().map_err(|_| expected())?;
        Ok(Self(Anchor { version, digest }))
    }
}

impl Trust {
    /// Finds the version in force of an ops repository's roster; none where it has no roster.
    ///
    /// # Errors
    /// The roster can't be read, it is older than one that was verified here, or nobody can tell which version counts.
    pub fn find(console: &Console, repository: &Repository) -> Result<Option<Self>, Failure> {
        Self::find_but(console, repository, &[])
    }

    /// The same for a lead who takes their say from people who tell of a later version that nobody signed.
    ///
    /// # Errors
    /// As [`Trust::find`].
    pub fn find_but(
        console: &Console,
        repository: &Repository,
        made_up_by: &[OperatorName],
    ) -> Result<Option<Self>, Failure> {
        let Some(root) = repository.root() else { return Ok(None) };
        let Some(file) = repository.file(ROSTER)? else { return gone(console, root).map(|()| None) };
        let file = read(&file)?;
        let memory = Memory::of(root);
        let remembered = memory.as_ref().map(Memory::load).transpose()?.flatten();
        let known = remembered.as_ref().map(|remembered| remembered.roster);
        let pin = console.roster_pin.map(|Pin(anchor)| anchor);
        // What was verified here since the pin was noted is the later word.
        let later = known.filter(|known| pin.is_none_or(|pin| known.version > pin.version));
        let anchor = later.or(pin);
        let files: Vec<RosterFile> =
            [Some(file), remembered.and_then(Remembered::file)].into_iter().flatten().collect();
        let groups = Groups::here();
        let (record, found) = in_force(root, &files, (anchor, made_up_by), groups.as_ref())?;
        let line = record.lineage(&found.in_force.roster, &files);
        let group = groups.as_ref().map(|groups| groups.find(&line)).transpose()?.flatten();
        let settled = record.settled(&files, &found.in_force.roster);
        agrees(pin, &line, &settled)?;
        if let Some(group) = &group {
            let settled: Vec<Anchor> = settled.iter().map(|one| one.file).collect();
            group.permits(&line, &settled, pin)?;
        }
        let pinned = anchor.is_some() || group.is_some() || console.is_interactive();
        if anchor.is_none() {
            console.tell(&met(&found.in_force.roster, pinned, group.as_ref()));
        }
        let waits = waits(&found, &file_name(root), (files.first(), &record))?;
        let news = pinned && known != Some(Anchor::of(&found.in_force.roster));
        let new: Vec<Settled> = settled
            .into_iter()
            .filter(|one| news && known.is_some_and(|known| known.version < one.by))
            .collect();
        console.tell(&told_settled(&new));
        if let Some(memory) = memory.filter(|_| news) {
            memory.save(&found.in_force);
        }
        if let Some(groups) = groups.filter(|_| pinned) {
            note(&groups, &line, root);
        }
        Ok(Some(Self { in_force: found.in_force, waits, pinned }))
    }

    /// The version in force, where the roster's file is an older one: it was signed here and lost before its commit, and the ledger
    /// has its text, or this machine, which verified it. It comes back so, and nothing that is remembered has to be forgotten.
    /// The other value: whether the ledger has its signature.
    ///
    /// # Errors
    /// The roster, the ledger or what is remembered can't be read, or nobody can tell which version counts.
    pub fn lost(console: &Console, repository: &Repository) -> Result<Option<(RosterFile, bool)>, Failure> {
        let Some(root) = repository.root() else { return Ok(None) };
        let Some(file) = repository.file(ROSTER)? else { return Ok(None) };
        let file = read(&file)?;
        let (Some(memory), Some(groups)) = (Memory::of(root), Groups::here()) else { return Ok(None) };
        let record = Record::read_rosters(root, &[&file.roster], index(root).as_deref())?;
        let line = record.lineage(&file.roster, std::slice::from_ref(&file));
        let head = groups.find(&line)?.and_then(|group| group.head());
        let of_head = memory.of_all_clones().into_iter().find(|known| Some(known.roster) == head);
        let known = [memory.load()?, of_head].into_iter().flatten().max_by_key(|known| known.roster.version);
        let pin = console.roster_pin.map(|Pin(anchor)| anchor);
        let anchor = known.as_ref().map(|known| known.roster).or(pin);
        let files: Vec<RosterFile> =
            [Some(file), known.and_then(Remembered::file)].into_iter().flatten().collect();
        let (record, found) = in_force(root, &files, (anchor, &[]), Some(&groups))?;
        let is_signed = record.has_roster(found.in_force.roster.digest);
        Ok(matches!(found.file, Successor::Older).then_some((found.in_force, is_signed)))
    }

    /// The same where something can't be done without a roster.
    ///
    /// # Errors
    /// As [`Trust::find`], and there is none.
    pub fn needed(console: &Console, repository: &Repository) -> Result<Self, Failure> {
        let root = repository.needed()?;
        Self::find(console, repository)?.ok_or_else(|| {
            Failure::usage(format!("there is no roster: {} is missing", file_name(root))).hint(
                "the README.md that 'wgops init' writes shows one: write it, then 'wgops operators sign'",
            )
        })
    }
}

/// Makes sure that a pin is of what leads here, however old it is: whoever compares it may have met another group's roster before.
fn agrees(pin: Option<Anchor>, line: &[Anchor], settled: &[Settled]) -> Result<(), Failure> {
    let Some(pin) = pin else { return Ok(()) };
    let here = line.iter().find(|one| one.version == pin.version && **one != pin);
    let Some(here) = here.filter(|_| settled.iter().all(|one| one.file != pin)) else { return Ok(()) };
    let message = format!(
        "--roster-pin names another version {} of the roster than the one that leads to this one: {}, and here it is {}",
        pin.version, pin.digest, here.digest
    );
    Err(Failure::new(Exit::Refused, message).hint(
        "ask a lead, by voice, which one is the group's: where it is the one that was given, this repository is not the group's",
    ))
}

/// Makes sure that where there is no roster there never was one: who takes the file away takes away all that protects with it.
fn gone(console: &Console, root: &Path) -> Result<(), Failure> {
    let remembered = Memory::of(root).as_ref().map(Memory::load).transpose()?.flatten();
    let known = remembered.map(|remembered| remembered.roster).or(console.roster_pin.map(Pin::anchor));
    let what = match known {
        Some(known) => format!("version {} of the roster was in force here", known.version),
        None if Record::read(root, None).is_ok_and(|record| !record.log().is_empty()) => {
            "the ledger beside it was written under one".to_owned()
        }
        None => return Ok(()),
    };
    Err(Failure::new(Exit::Refused, format!("{} is gone, and {what}", file_name(root))).hint(format!(
        "find out who removed it ('git log -- {ROSTER}'), and bring it back ('git checkout COMMIT -- {ROSTER}')"
    )))
}

fn read(file: &Path) -> Result<RosterFile, Failure> {
    let roster = Roster::load(file)?;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("can't read {}: {error}", super::console::shown(file))))?;
    // Read once more, as bytes that are what the roster says.
    match Digest::of(text.as_bytes()) == roster.digest {
        true => Ok(RosterFile { roster, text }),
        false => Err(Failure::usage(format!("{} changed while it was read", super::console::shown(file)))),
    }
}

fn file_name(root: &Path) -> String {
    super::console::shown(&root.join(ROSTER))
}

/// Finds the version in force. Whoever signs the next version is named by the one before, so texts of others need not be read:
/// what is found says whose are to be read besides.
fn in_force(
    root: &Path,
    files: &[RosterFile],
    (anchor, made_up_by): (Option<Anchor>, &[OperatorName]),
    groups: Option<&Groups>,
) -> Result<(Record, Succession), Failure> {
    let mut known: Vec<Roster> = files.iter().map(|file| file.roster.clone()).collect();
    loop {
        let mut record =
            Record::read_rosters(root, &known.iter().collect::<Vec<_>>(), index(root).as_deref())?;
        let start = of_another_clone(groups, &record, files, anchor)?.or(anchor);
        // The ledger is asked even where the file is the version that is known: a later one may lie there, signed.
        let start = match start {
            Some(start) => start,
            None => first_met(&record, files)?,
        };
        let origin = origin(&record, groups, (start, files))?;
        // Who signs here with the key of another group says nothing here with what they signed there.
        record.keep_to(origin);
        record.disbelieve(made_up_by);
        let mut found = record.succession(files, start).map_err(nobody_can_tell)?;
        let roster = &mut found.in_force.roster;
        roster.origin = Some(origin);
        if known.iter().any(|one| one.digest == roster.digest || one.has_chains_of(roster)) {
            return Ok((record, found));
        }
        known.push(roster.clone());
    }
}

/// The group's first version, by which entries are known: that which leads to the one from which is begun, or which this machine knows
/// to lead to it.
fn origin(
    record: &Record,
    groups: Option<&Groups>,
    (start, files): (Anchor, &[RosterFile]),
) -> Result<Digest, Failure> {
    if start.version == 1 {
        return Ok(start.digest);
    }
    let line = match record.lineage_of(start, files) {
        line if line.is_empty() => vec![start],
        line => line,
    };
    let first = line.first().filter(|first| first.version == 1).map(|first| first.digest);
    let known = match (first, groups) {
        (None, Some(groups)) => groups.find(&line)?.and_then(|group| group.first()),
        _ => None,
    };
    let none = || nobody_can_tell(NoRosterInForce::NoBeginning { version: start.version });
    first.or(known).ok_or_else(none)
}

/// The last version that another clone of this group has met on this machine, where it is here, too, and follows the one that
/// this clone knows: what counts is found from there.
fn of_another_clone(
    groups: Option<&Groups>,
    record: &Record,
    files: &[RosterFile],
    anchor: Option<Anchor>,
) -> Result<Option<Anchor>, Failure> {
    let (Some(groups), Some(file)) = (groups, files.first()) else { return Ok(None) };
    let group = groups.find(&record.lineage(&file.roster, files))?;
    let follows = |group: &Group| anchor.is_none_or(|anchor| group.has(anchor));
    let is_here = |head: &Anchor| {
        files.iter().any(|file| Anchor::of(&file.roster) == *head) || record.has_roster(head.digest)
    };
    Ok(group.filter(follows).and_then(|group| group.head()).filter(is_here))
}

/// The group's first version, where nothing else is known.
fn first_met(record: &Record, files: &[RosterFile]) -> Result<Anchor, Failure> {
    let file = files.first();
    let version = file.map_or(0, |file| file.roster.version);
    let line = file.map(|file| record.lineage(&file.roster, files)).unwrap_or_default();
    // What leads to the file is asked first: beside it anybody may have put a first version of something else.
    let first = line.first().filter(|first| first.version == 1).copied().or_else(|| record.first_roster());
    first.ok_or_else(|| {
        Failure::new(
            Exit::Refused,
            format!("version {version} of the roster is not vouched for: the ledger has no first version"),
        )
        .hint("ask a lead for version and digest of the roster, and give them once with --roster-pin")
    })
}

fn nobody_can_tell(error: NoRosterInForce) -> Failure {
    let hint = match &error {
        NoRosterInForce::Behind { by, file, version } => {
            let file = super::console::shown(&file.with_extension(""));
            return Failure::of(Exit::Refused, &error).hint(format!(
                "ask the leads by voice which version is in force. If it is {version} or later, somebody put an older one back: \
                 'git log -- ledger inventory/operators.yml' says who. Only if no lead ever signed a version {version}, {by} made it up: \
                 then a lead types 'wgops operators leave {by}' (or demote {by}, who is no lead) and pushes, and everybody goes on; what \
                 {by} made up is taken out with 'git rm {file}.*'"
            ));
        }
        NoRosterInForce::NoAnchor { .. } => {
            "pull the ledger; or ask a lead for version and digest of the roster, and give them once with --roster-pin"
        }
        NoRosterInForce::NoBeginning { .. } => {
            "pull the ledger: 'git log -- ledger' says who took out of it what signs the versions before"
        }
        NoRosterInForce::Hidden { .. } => {
            "nothing is done by an older roster: 'git log -- ledger inventory/operators.yml' says who changed it"
        }
        NoRosterInForce::Disputed { .. } => "ask the leads by voice which of them is theirs",
        NoRosterInForce::Contested { .. } => {
            "ask the leads by voice which version is in force, and give its pin once: --roster-pin; whoever has met a later version here before needs none"
        }
        NoRosterInForce::Fork { .. } => {
            "a lead who signed one of them settles that with 'wgops operators sign' and pushes; pull then, and this goes on by itself. Until then, or where somebody made one who is a lead no more, only a pin decides that the leads agree on by voice: --roster-pin"
        }
    };
    Failure::of(Exit::Refused, &error).hint(hint)
}

fn waits(
    found: &Succession,
    file: &str,
    (here, record): (Option<&RosterFile>, &Record),
) -> Result<Option<Waiting>, Failure> {
    match &found.file {
        Successor::InForce => Ok(None),
        Successor::Waits(why) => {
            let version = found.in_force.roster.version;
            if let Some(here) = here.filter(|here| here.roster.version == version) {
                return Ok(Some(of_the_same_number(here, file, record)));
            }
            Ok(Some(Waiting {
                why: format!("{file} is not in force ({why}); version {version} is"),
                todo: None,
            }))
        }
        Successor::Older => {
            let version = found.in_force.roster.version;
            let message = format!("{file} is older than version {version}, which was signed and is in force");
            let hint = "pull; or restore the newer file with git; where it was lost before its commit, 'wgops operators sign' puts it back: a roster never goes back";
            Err(Failure::new(Exit::Refused, message).hint(hint))
        }
    }
}

/// Of two files with one number only one is in force: the other one was signed elsewhere, or changed by hand.
fn of_the_same_number(here: &RosterFile, file: &str, record: &Record) -> Waiting {
    let (version, signers) = (here.roster.version, record.signers(here.roster.digest));
    if signers.is_empty() {
        return Waiting {
            why: format!(
                "{file} is not in force: it was changed since version {version}, and nobody signed that"
            ),
            todo: Some(format!(
                "'git log -- {ROSTER}' names who changed it; 'wgops operators sign' makes it the next version, \
                 'git checkout COMMIT -- {ROSTER}' puts it back"
            )),
        };
    }
    let names = signers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    Waiting {
        why: format!(
            "{file} is not in force: it is another version {version} than the one that is here, and {names} signed it"
        ),
        todo: Some(format!(
            "two leads changed the roster at once. A lead of both types 'wgops operators sign', which takes up what either changed, and \
             pushes that: nobody needs a pin then. Where one of them is not to count, as the leads say by voice, give --roster-pin {} once, or put \
             the other one back with git (docs/people.md)",
            pin(&here.roster)
        )),
    }
}

/// What is said once to whoever goes on with a version that settles others.
fn told_settled(settled: &[Settled]) -> String {
    let Some(by) = settled.iter().map(|one| one.by).max() else { return String::new() };
    let mut numbers: Vec<u64> = settled.iter().map(|one| one.file.version).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let numbers = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    format!(
        "Two leads had changed the roster at once (version {numbers}): version {by} settles that, signed by leads of either. There is \
         nothing to do.\n"
    )
}

fn met(roster: &Roster, pinned: bool, known: Option<&Group>) -> String {
    let (group, pin) = (&roster.group, pin(roster));
    if let Some(known) = known {
        let folder = super::console::shown(Path::new(known.folder()));
        return format!(
            "This clone is new here; its roster is {group}'s, which {folder} met before: {pin}\n"
        );
    }
    let what = format!("The roster of {group} is met here for the first time: {pin}\n");
    let todo = if pinned {
        "It is remembered. Compare it with a lead, by voice.\n"
    } else {
        "There is no terminal, so nothing is changed by it. Give --roster-pin (or WGOPS_ROSTER_PIN) with what a lead tells you.\n"
    };
    what + todo
}

/// A roster as `--roster-pin` takes it.
pub fn pin(roster: &Roster) -> String {
    format!("{}:{}", roster.version, roster.digest)
}

/// Remembers a roster that was made or verified here.
pub fn remember(root: &Path, file: &RosterFile) {
    if let Some(memory) = Memory::of(root) {
        memory.save(file);
    }
    let (version, previous) = (file.roster.version.saturating_sub(1), file.roster.previous);
    let before = previous.filter(|_| version > 0).map(|digest| Anchor { version, digest });
    let line: Vec<Anchor> = before.into_iter().chain([Anchor::of(&file.roster)]).collect();
    if let Some(groups) = Groups::here() {
        note(&groups, &line, root);
    }
}

/// Where this machine remembers something of a roster's group, outside the repository; of a group that is not known yet, by the
/// clone's folder.
pub fn place(root: &Path, roster: &Roster, what: &str) -> Option<PathBuf> {
    let by_group = Groups::here().and_then(|groups| groups.place(Anchor::of(roster), what));
    by_group.or_else(|| state(root, what))
}

fn note(groups: &Groups, line: &[Anchor], root: &Path) {
    if groups.save(line, root).is_err() {
        tracing::warn!("the group's roster could not be remembered outside the repository");
    }
}

/// The highest version that was verified here, outside the repository: whoever puts an older one back can't put this back.
struct Memory(PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Remembered {
    version: u32,
    roster: Anchor,
    /// The file's text: what is changed by hand later can then be compared with it.
    text: String,
}

impl Remembered {
    fn file(self) -> Option<RosterFile> {
        let file = RosterFile::parse(Path::new(ROSTER), self.text).ok()?;
        (Anchor::of(&file.roster) == self.roster).then_some(file)
    }
}

impl Memory {
    fn of(root: &Path) -> Option<Self> {
        state(root, "rosters").map(Self)
    }

    /// What is remembered of all clones on this machine, as far as it can be read.
    fn of_all_clones(&self) -> Vec<Remembered> {
        let folder = self.0.parent().and_then(|folder| std::fs::read_dir(folder).ok());
        let files = folder.into_iter().flatten().flatten().map(|entry| Self(entry.path()));
        files.filter_map(|file| file.load().ok().flatten()).collect()
    }

    fn load(&self) -> Result<Option<Remembered>, Failure> {
        let file = &self.0;
        let bytes = match std::fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(&error.to_string())),
        };
        let read: Result<Remembered, _> = serde_json::from_slice(&bytes);
        read.map(Some).map_err(|error| self.unusable(&error.to_string()))
    }

    fn unusable(&self, why: &str) -> Failure {
        let file = super::console::shown(&self.0);
        Failure::usage(format!("can't use {file}, where the roster is remembered: {why}"))
            .hint("it protects from an older roster: compare the roster with a lead before you remove it")
    }

    fn save(&self, known: &RosterFile) {
        let (roster, text) = (Anchor::of(&known.roster), known.text.clone());
        let remembered = Remembered { version: 1, roster, text };
        let saved = || -> std::io::Result<()> {
            let directory = self.0.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(directory)?;
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            serde_json::to_writer(&mut file, &remembered)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(&self.0).map(drop).map_err(|error| error.error)
        };
        if let Err(error) = saved() {
            tracing::warn!("the roster could not be remembered outside the repository: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_a_version_and_a_digest() {
        let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let Pin(anchor) = format!("17:{digest}").parse().unwrap();
        assert_eq!((anchor.version, anchor.digest.to_string().as_str()), (17, digest));
        for bad in ["17", "17:", "x:sha256:12", digest, "17:sha256:zz"] {
            assert!(bad.parse::<Pin>().unwrap_err().contains("VERSION:sha256"), "{bad}");
        }
    }
}
