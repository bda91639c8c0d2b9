//! A lead's desk: the roster in force and its file, and the way from one version to the next. The file is written first and
//! signed then; where the signature fails, the file is as it was.

use super::super::ledger::{Verified, verified};
use super::super::record::{About, Record};
use super::super::repository::Repository;
use super::super::trust::{ROSTER, Waiting, remember};
use super::super::who::{Who, prove};
use super::super::{Console, Exit, Failure, ask};
use crate::ledger::{self, Details, Kind, RosterFile, Stored, Turn};
use crate::model::{Digest, OperatorName, Role, RunId, nearest};
use crate::people::{ChainName, Permission, Person, Roster, Seal, Standing, Verb, rank};
use indexmap::IndexMap;
use similar::TextDiff;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The roster in the hands of a lead.
pub struct Desk {
    /// Who is typing, and the version in force.
    pub who: Who,
    /// The version in force.
    pub roster: Roster,
    /// Its text.
    pub in_force: String,
    /// The ops repository.
    pub root: PathBuf,
    /// The roster's file.
    pub file: PathBuf,
    /// What stands in it now.
    pub text: String,
    /// The ledger.
    pub record: ledger::Record,
    /// What of it does not hold.
    pub report: ledger::Report,
    /// People who are about to lose their say, and whose word on later versions counts for nothing.
    made_up_by: Vec<OperatorName>,
    _turn: Turn,
}

impl Desk {
    /// Opens it for somebody who wants to change the roster.
    ///
    /// # Errors
    /// There is no roster, whoever types is no lead, or the file already waits for signatures.
    pub fn open(console: &Console) -> Result<Self, Failure> {
        Self::open_but(console, Vec::new())
    }

    /// The same for whoever takes their say from people: what these tell of later versions that nobody signed keeps nobody from it.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub fn open_but(console: &Console, made_up_by: Vec<OperatorName>) -> Result<Self, Failure> {
        let desk = Self::read_but(console, made_up_by)?;
        if let Permission::Refuse { why } | Permission::DryRun { why } = desk.who.standing.may(Verb::Roster) {
            return Err(Failure::new(Exit::Refused, format!("only a lead changes the roster: {why}")));
        }
        if let Some(Waiting { why, todo }) = &desk.who.waits {
            let sign = "sign that version first ('wgops operators sign'), or put the file back with git";
            return Err(Failure::new(Exit::Refused, why.clone()).hint(todo.as_deref().unwrap_or(sign)));
        }
        Ok(desk)
    }

    /// Reads what lies on it, for whoever signs the file that is there: it may take people their say.
    ///
    /// # Errors
    /// As [`Desk::open`], whoever types.
    pub fn read(console: &Console) -> Result<Self, Failure> {
        let has_say = |person: &Person| matches!(person.role, Role::Lead | Role::Operator);
        let file = Repository::here()?.needed()?.join(ROSTER);
        let people = Roster::load(&file).map(|file| file.people).unwrap_or_default();
        let without = people.into_values().filter(|person| !has_say(person));
        Self::read_but(console, without.map(|person| person.name).collect())
    }

    /// Reads what lies on it, for whoever it is. Nobody else changes the roster in this clone until it is let go: of two who
    /// make a version at once, each signs another one of the same number.
    ///
    /// # Errors
    /// There is no roster, it can't be read, or somebody else is at it for long.
    fn read_but(console: &Console, made_up_by: Vec<OperatorName>) -> Result<Self, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?.to_owned();
        let turn = Turn::at_the_roster(&root)?;
        let who = Who::find_but(console, &repository, &made_up_by)?;
        let Some(roster) = who.roster.clone() else {
            return Err(Failure::usage("there is no roster: inventory/operators.yml is missing").hint(
                "the README.md that 'wgops init' writes shows one: write it, then 'wgops operators sign'",
            ));
        };
        let file = root.join(ROSTER);
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure::usage(format!("can't read {}: {error}", shown(&file))))?;
        let in_force = who.roster_text.clone().unwrap_or_default();
        let Verified { record, report, .. } = verified(&root, &roster, false)?;
        Ok(Self { who, roster, in_force, root, file, text, record, report, made_up_by, _turn: turn })
    }

    /// Shows what changes, has it confirmed, and makes it the next version.
    ///
    /// # Errors
    /// Nobody confirmed it, or it could not be written or signed; the roster is then as it was.
    pub fn make(&self, console: &Console, text: String, yes: bool) -> Result<RosterFile, Failure> {
        let next = RosterFile::parse(Path::new(ROSTER), text)?;
        self.can_be_followed(&next.roster)?;
        self.is_nobody_elses(console, &next.roster)?;
        console.tell(&compared(&self.in_force, &next.text));
        confirm(console, next.roster.version, yes)?;
        self.sign_what_was_never_signed(console)?;
        write(&self.file, &next.text)?;
        if let Err(failure) = self.sign(console, &next.roster, &next.text) {
            write(&self.file, &self.text)?;
            return Err(failure.hint("the roster is as it was"));
        }
        Ok(next)
    }

    /// The first version has nobody before it to sign it; what follows it is verified from there, so it is kept, too.
    fn sign_what_was_never_signed(&self, console: &Console) -> Result<(), Failure> {
        match self.record.has_roster(self.roster.digest) {
            true => Ok(()),
            false => self.sign(console, &self.roster, &self.in_force),
        }
    }

    /// Signs a version into the ledger.
    ///
    /// # Errors
    /// It can't be signed or written.
    pub fn sign(&self, console: &Console, next: &Roster, text: &str) -> Result<(), Failure> {
        let details = Details { roster_file: Some(text.to_owned()), ..Details::default() };
        let about = About { run: RunId::from_parts(0, 0), verb: Verb::Roster, details };
        let as_in_next = self.who_leads_next(console, next)?;
        let who = as_in_next.as_ref().unwrap_or(&self.who);
        match Record::open(console, Some(&self.root), who, about)? {
            Some(record) => record.say(Kind::Roster),
            None => Err(Failure::new(Exit::Refused, "nobody knows who you are, so nobody can sign")),
        }
    }

    /// Whoever becomes a lead by this version signs it as the lead that they are in it.
    fn who_leads_next(&self, console: &Console, next: &Roster) -> Result<Option<Who>, Failure> {
        let leads_now = self.who.identity.proven().is_some_and(|proven| proven.role == Role::Lead);
        if leads_now || next.digest == self.roster.digest {
            return Ok(None);
        }
        let identity = prove(console, Some(next))?;
        let standing = identity.standing(Some(next), jiff::Zoned::now().date());
        Ok(Some(Who {
            roster: Some(self.roster.clone()),
            roster_text: None,
            identity,
            standing,
            waits: None,
        }))
    }

    /// What the ledger and this client then say of the new version: whether it counts.
    ///
    /// # Errors
    /// The ledger can't be read again.
    pub fn tell(&self, console: &Console, next: &RosterFile) -> Result<(), Failure> {
        if self.tell_whether_it_counts(console, next)? {
            self.seal_again(console, next)?;
            self.certificates(next).iter().for_each(|text| console.tell(text));
        }
        Ok(())
    }

    /// Certificates of people who have another role or other keys now: servers take them until a sync tells them.
    fn certificates(&self, next: &RosterFile) -> Vec<String> {
        let is_as_before = |name: &OperatorName| {
            let of = |roster: &Roster| roster.person(name).map(|one| (one.role, one.keys.clone()));
            of(&self.roster) == of(&next.roster)
        };
        let notes = self.record.vouched(&self.roster, Kind::Note);
        let told = notes.iter().filter(|entry| entry.public.verb == Some(Verb::Access)).filter_map(|entry| {
            let until = entry.details.until.filter(|until| *until > jiff::Timestamp::now())?;
            let (number, of) = entry.details.note.as_ref()?.strip_prefix("certificate ")?.split_once(" for ")?;
            let name: OperatorName = of.split(' ').next()?.parse().ok()?;
            let until = until.strftime("%Y-%m-%d %H:%MZ");
            (!is_as_before(&name)).then(|| {
                format!("{name}'s certificate {number} counts until {until}, unless 'wgops access sync' has the servers refuse it.\n")
            })
        });
        told.collect()
    }

    /// What is sealed is sealed for those who read it under the new version; and what who reads no longer could have read
    /// is listed.
    fn seal_again(&self, console: &Console, next: &RosterFile) -> Result<(), Failure> {
        let differs = |one: &&Person| next.roster.person(&one.name) != Some(*one);
        let changed = self.roster.people.values().filter(differs).map(|one| one.name.clone()).collect();
        let who = Who::find(console, &Repository::here()?)?;
        super::super::vault::after_roster(console, &self.root, who, (&self.roster, changed));
        Ok(())
    }

    fn tell_whether_it_counts(&self, console: &Console, next: &RosterFile) -> Result<bool, Failure> {
        let mut record = ledger::Record::read_of(&self.root, &[&self.roster, &next.roster])?;
        record.disbelieve(&self.made_up_by);
        let known = [next.clone(), RosterFile { roster: self.roster.clone(), text: self.in_force.clone() }];
        let found = record.succession(&known, ledger::Anchor::of(&self.roster));
        let version = next.roster.version;
        match found.map(|found| found.file) {
            Ok(ledger::Successor::InForce) => {
                remember(&self.root, next);
                // What it signs of 'access' is refused everywhere until wgops.yml is there, too.
                let also = if next.roster.access == self.roster.access { "" } else { "wgops.yml " };
                console.tell(&format!(
                    "Version {version} is in force. Commit and push it with the ledger:\n  git add {also}inventory/operators.yml ledger && git commit -m \"Roster {version}\" && git push\n"
                ));
                if Repository::here()?.settings().access.is_some() {
                    console.tell("Who may log in on the servers changes with 'wgops access sync --inventory NAME --reason TEXT', for each inventory.\n");
                }
                too_few_to_apply(&next.roster).iter().for_each(|told| console.tell(told));
                return Ok(true);
            }
            Ok(ledger::Successor::Waits(why)) => console.tell(&format!(
                "You signed version {version}; it is not in force yet: {why}.\nCommit and push it with the ledger; the next lead pulls and types 'wgops operators sign'.\n"
            )),
            Ok(ledger::Successor::Older) => {}
            Err(error) => return Err(Failure::of(Exit::Refused, &error)),
        }
        Ok(false)
    }

    /// The chains that end with this change: those of people who may sign less than before, and of keys that are gone.
    ///
    /// # Errors
    /// Where one of them ends can't be told: a seal at what somebody else put there could never be taken back.
    pub fn seals(
        &self,
        after: &IndexMap<OperatorName, Person>,
    ) -> Result<IndexMap<ChainName, Seal>, Failure> {
        let mut seals = IndexMap::new();
        for (chain, entries) in &self.record.chains {
            if entries.iter().all(Stored::is_of_another_group) {
                continue;
            }
            let before = self.roster.person(chain.operator());
            let key = before.and_then(|person| person.keys.iter().find(|key| chain.is_of(key)));
            let (Some(before), Some(key), Some(_)) = (before, key, entries.last()) else { continue };
            let now = after.get(chain.operator());
            let keeps = now.is_some_and(|now| now.keys.contains(key) && rank(now.role) >= rank(before.role));
            if !keeps && !self.roster.sealed.contains_key(chain) {
                self.ends_clearly(chain)?;
                // What was written under a version that nobody signed is made up, and what comes behind it.
                let is_ahead = |entry: &&Stored| {
                    let mut breaks = self.report.breaks_of(&entry.file);
                    breaks.any(|found| matches!(found.fault, ledger::Fault::RosterAhead(..)))
                };
                let last = entries.iter().take_while(|entry| !is_ahead(entry)).last();
                let (last, digest) = last.map_or((0, Digest::of("")), |last| (last.seq, last.digest));
                seals.insert(chain.clone(), Seal { last, digest });
            }
        }
        Ok(seals)
    }

    fn ends_clearly(&self, chain: &ChainName) -> Result<(), Failure> {
        let folder = Path::new("ledger").join(chain.to_string());
        let blurs = |found: &&ledger::Break| found.fault.blurs_the_end() && found.file.starts_with(&folder);
        let Some(found) = self.report.breaks.iter().find(blurs) else { return Ok(()) };
        let message = format!("where {chain} ends can't be told, so it can't be sealed: {found}");
        Err(Failure::new(Exit::Refused, message).hint(found.way_out()))
    }
}

/// Somebody in the roster.
///
/// # Errors
/// There is nobody of this name.
pub fn person<'a>(roster: &'a Roster, name: &OperatorName) -> Result<&'a Person, Failure> {
    roster.person(name).ok_or_else(|| {
        let failure = Failure::usage(format!("nobody in the roster is called '{name}'"));
        match nearest(name.as_str(), roster.people.keys().map(OperatorName::as_str)) {
            Some(near) => failure.hint(format!("did you mean '{near}'?")),
            None => failure.hint("'wgops operators list' shows everybody"),
        }
    })
}

fn shown(path: &Path) -> String {
    super::super::console::shown(path)
}

/// Asks for the version's number, unless that was said beforehand.
///
/// # Errors
/// There is no terminal, or something else was typed.
pub fn confirm(console: &Console, version: u64, yes: bool) -> Result<(), Failure> {
    confirm_to(console, version, &format!("sign this as version {version}"), yes)
}

/// The same for something else that is done with a version.
///
/// # Errors
/// As [`confirm`].
pub fn confirm_to(console: &Console, version: u64, what: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    ask::somebody_is_there_to_sign(console)?;
    match ask::types(console, &format!("\nType {version} to {what}: "))? == version.to_string() {
        true => Ok(()),
        false => Err(Failure::new(Exit::Usage, "not signed; the roster is as it was")),
    }
}

/// What a new text changes, line by line.
pub fn compared(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let text = diff.unified_diff().context_radius(2).header(ROSTER, ROSTER).to_string();
    text.lines().map(|line| format!("{}\n", crate::report::one_line(line))).collect()
}

/// Writes a file whole or not at all.
///
/// # Errors
/// The disk refused; the file is then as it was.
pub fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> std::io::Result<()> {
        let mode = std::fs::metadata(file)?.permissions();
        let mut new = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new(".")))?;
        new.write_all(text.as_bytes())?;
        new.as_file().set_permissions(mode)?;
        new.as_file().sync_all()?;
        new.persist(file).map(drop).map_err(|error| error.error)
    };
    written().map_err(|error| Failure::usage(format!("can't write {}: {error}", shown(file))))
}

/// What 'threshold.apply' asks for where there are fewer who may change anything: nobody could, from now on.
fn too_few_to_apply(roster: &Roster) -> Option<String> {
    let today = jiff::Zoned::now().date();
    let cleared =
        |name: &&OperatorName| matches!(roster.standing(name, today), Standing::Lead | Standing::Operator);
    let there = roster.people.keys().filter(cleared).count();
    let apply = &roster.threshold.apply;
    let asked = apply.groups.values().fold(apply.default, |most, one| most.max(*one));
    (asked as usize > there).then(|| {
        format!(
            "'threshold.apply' asks for {asked} cleared people, and there are {there}: clear somebody, or ask for fewer, or those hosts can't be changed.\n"
        )
    })
}
