//! What the verbs share: who is typing, what the ledger says of each value, their keys, and how a file gets its new text.
//! The text is written beside the file first, then the ledger's entry, and then the file gets its name: what a crash
//! leaves is finished, or cleared away, when the file is touched next.

use super::super::console::shown;
use super::super::diagnostics::MASKED_BYTES_MIN;
use super::super::ledger::{Verified, memory, verified_of};
use super::super::news::tell_set_aside;
use super::super::record::{About, Record};
use super::super::repository::Repository;
use super::super::who::Who;
use super::super::{Console, Exit, Failure};
use super::files::{
    differs_in_seals_alone, link_on_the_way, out_of_place, standing, sync_folder, walk, write_new,
};
use crate::ledger::{Details, Heads, Kind, Report, SealAct, SealedValue, Turn};
use crate::model::{Digest, RunId, Secret};
use crate::people::{Permission, Proven, Roster, Standing, Verb};
use crate::vault::{Access, History, Keys, Readers, State, Subject, Vault, digest, left_out, relative};
use std::path::{Path, PathBuf};

/// The vault of an ops repository in somebody's hands.
pub struct Desk<'a> {
    /// The terminal.
    pub console: &'a Console,
    /// The repository's folder.
    pub root: PathBuf,
    /// Who is typing.
    pub who: Who,
    /// The roster in force.
    pub roster: Roster,
    /// What the ledger says.
    pub history: History,
    /// Held where something is to be sealed.
    pub turn: Option<Turn>,
}

/// A file with what is sealed in it.
pub struct Target {
    /// Where it lies.
    pub path: PathBuf,
    /// As the roster and the ledger name it.
    pub file: String,
}

/// A sealed thing as it stands in a file.
pub struct Sealed {
    /// What it is called.
    pub subject: Subject,
    /// The digest of what stands there.
    pub digest: Digest,
}

/// Something to be sealed.
pub struct ToSeal {
    /// What it is called.
    pub subject: Subject,
    /// What it holds.
    pub plain: zeroize::Zeroizing<Vec<u8>>,
    /// Why.
    pub act: SealAct,
}

impl<'a> Desk<'a> {
    /// Opens it for whoever it is.
    ///
    /// # Errors
    /// There is no roster, or the ledger can't be read.
    pub fn read(console: &'a Console) -> Result<Self, Failure> {
        let repository = Repository::here()?;
        let who = Who::find(console, &repository)?;
        Self::of(console, repository.needed()?, who)
    }

    /// The same for somebody who proved who they are already.
    ///
    /// # Errors
    /// As [`Desk::read`].
    pub fn of(console: &'a Console, root: &Path, who: Who) -> Result<Self, Failure> {
        let Some(roster) = who.roster.clone() else {
            return Err(Failure::usage(
                "there is no roster, which says who may read what: inventory/operators.yml is missing",
            )
            .hint(
                "the README.md that 'wgops init' writes shows one: write it, then 'wgops operators sign'",
            ));
        };
        let (history, report) = history(root, &roster).map_err(|why| Failure::new(Exit::Refused, why))?;
        tell_set_aside(console, &report);
        Ok(Self { console, root: root.to_owned(), who, roster, history, turn: None })
    }

    /// Opens it for somebody who is going to seal: nobody else does in this clone until they are done.
    ///
    /// # Errors
    /// As [`Desk::open`], or somebody else is at it for long.
    pub fn to_seal(console: &'a Console) -> Result<Self, Failure> {
        let repository = Repository::here()?;
        let who = Who::find(console, &repository)?;
        let root = repository.needed()?;
        let turn = Turn::at_the_vault(root)?;
        let desk = Self { turn: Some(turn), ..Self::of(console, root, who)? };
        desk.cleared()?;
        Ok(desk)
    }

    /// Opens it for somebody who may open what is sealed.
    ///
    /// # Errors
    /// As [`Desk::read`], or they may not.
    pub fn open(console: &'a Console) -> Result<Self, Failure> {
        let desk = Self::read(console)?;
        desk.cleared()?;
        Ok(desk)
    }

    /// Whoever is typing, if they may open what is sealed.
    ///
    /// # Errors
    /// They may not.
    pub fn cleared(&self) -> Result<&Proven, Failure> {
        match (self.who.standing.may(Verb::Vault), self.who.identity.proven()) {
            (Permission::Change, Some(proven)) => Ok(proven),
            (Permission::Refuse { why } | Permission::DryRun { why }, _) => Err(Failure::new(
                Exit::Refused,
                format!("only cleared operators open and seal values: {why}"),
            )),
            _ => Err(Failure::new(Exit::Refused, "nobody knows who you are")),
        }
    }

    /// Their keys.
    ///
    /// # Errors
    /// They have none that opens anything.
    pub fn keys(&self) -> Result<Keys, Failure> {
        let me = &self.cleared()?.operator;
        let person =
            self.roster.person(me).ok_or_else(|| Failure::new(Exit::Refused, "you are not in the roster"))?;
        self.console.ring.keys(person).map_err(|why| Failure::new(Exit::Refused, why))
    }

    /// A file of the repository; what an interrupted verb left of it is finished first.
    ///
    /// # Errors
    /// It lies outside.
    pub fn target(&self, path: &Path) -> Result<Target, Failure> {
        let file = relative(&self.root, path).ok_or_else(|| {
            Failure::usage(format!("{} lies outside the ops repository {}", shown(path), shown(&self.root)))
        })?;
        if let Some(why) = self.turn.as_ref().and_then(|_| out_of_place(&file)) {
            return Err(Failure::usage(format!("nothing is sealed in {file}: {why}"))
                .hint("seal it where inventories, playbooks and roles keep their variables and files"));
        }
        // By the name that was typed another rule may say who reads it.
        if let Some(link) = self.turn.as_ref().and_then(|_| link_on_the_way(&self.root, path)) {
            let message =
                format!("{} is a link, and leads to {file}: nothing is sealed over a link", shown(&link));
            return Err(Failure::new(Exit::Refused, message).hint(format!(
                "name the file that is meant: the roster's rule for its own name says who reads it. 'git log -- {}' says who made the link",
                shown(link.strip_prefix(&self.root).unwrap_or(&link))
            )));
        }
        let target = Target { path: self.root.join(&file), file };
        self.finish(&target)?;
        Ok(target)
    }

    /// For whom a file is sealed today.
    ///
    /// # Errors
    /// The roster says nothing of it, or nobody whom it names can open.
    pub fn readers(&self, target: &Target) -> Result<Readers, Failure> {
        let readers = Readers::of(&self.roster, &target.file, today())?;
        for (name, why) in &readers.locked_out {
            self.console.tell(&format!("{name} can't read {}: {name} {why}\n", target.file));
        }
        Ok(readers)
    }

    /// The same for somebody who is about to seal: they read it, too, or nobody would know their seal.
    ///
    /// # Errors
    /// As [`Desk::readers`], or they are not among them.
    pub fn readers_with_me(&self, target: &Target) -> Result<Readers, Failure> {
        let readers = self.readers(target)?;
        let me = &self.cleared()?.operator;
        match readers.names().contains(me) {
            true => Ok(readers),
            false => Err(Failure::new(
                Exit::Refused,
                format!("you may not read {}, so what you seal there would count for nobody", target.file),
            )
            .hint("the roster's 'vaults' names its readers; they need an ed25519 or RSA key, or an 'age:' recipient")),
        }
    }

    /// Makes sure that whoever is typing is among those for whom a file is sealed.
    ///
    /// # Errors
    /// The roster names others.
    pub fn is_read_by_me(&self, target: &Target) -> Result<(), Failure> {
        let me = &self.cleared()?.operator;
        let Some(why) = left_out(&self.roster, &target.file, me, today()) else { return Ok(()) };
        let message = format!("you may not read {}: {why}", crate::report::one_line(&target.file));
        Err(Failure::new(Exit::Refused, message).hint("ask one of them, or a lead who changes the rule"))
    }

    /// Refuses what the ledger does not vouch for.
    ///
    /// # Errors
    /// It does not.
    pub fn vouched(&self, subject: &Subject, sealed: Digest) -> Result<(), Failure> {
        match crate::vault::refusal(&self.history, subject, sealed) {
            None => Ok(()),
            Some(why) => Err(Failure::new(Exit::Refused, why)),
        }
    }

    /// Seals something, and gives back the sealed text and what the ledger is told.
    ///
    /// # Errors
    /// It can't be sealed.
    pub fn seal(&self, what: &ToSeal, readers: &Readers) -> Result<(String, SealedValue), Failure> {
        let conversation = self.console.ring.conversation();
        let armor = crate::vault::seal(&what.plain, readers, &conversation)?;
        let value = self.entry(&what.subject, digest(&armor), what.act, readers);
        if what.act != SealAct::Rekeyed && what.plain.len() < MASKED_BYTES_MIN {
            self.console.tell(&format!(
                "{}: shorter than {MASKED_BYTES_MIN} characters. Tasks that use it are hidden as always, but where a host repeats \
                 it elsewhere nothing masks it, and it is found by trying.\n",
                what.subject
            ));
        }
        Ok((armor, value))
    }

    /// What the ledger is told of a sealed text.
    pub fn entry(&self, subject: &Subject, digest: Digest, act: SealAct, readers: &Readers) -> SealedValue {
        SealedValue {
            file: subject.file.clone(),
            name: subject.name.clone(),
            digest,
            generation: self.history.next_generation(subject),
            act,
            readers: readers.names(),
            keys: readers.keys(),
        }
    }

    /// Gives a file its new text, with its entry in the ledger.
    ///
    /// # Errors
    /// One of both can't be written; the file is as it was then.
    pub fn commit(&self, target: &Target, text: &[u8], sealed: Vec<SealedValue>) -> Result<(), Failure> {
        let aside = self.aside(target);
        let unwritable =
            |error: std::io::Error| Failure::usage(format!("can't write {}: {error}", shown(&target.path)));
        if let Some(folder) = target.path.parent() {
            std::fs::create_dir_all(folder).map_err(unwritable)?;
        }
        write_new(&aside, &target.path, text).map_err(unwritable)?;
        if let Err(failure) = self.record(sealed) {
            let _it_is_cleared_away_later = std::fs::remove_file(&aside);
            return Err(failure.hint(format!("{} is as it was", shown(&target.path))));
        }
        std::fs::rename(&aside, &target.path).map_err(unwritable)?;
        sync_folder(&target.path);
        Ok(())
    }

    /// Writes what was sealed into the ledger.
    ///
    /// # Errors
    /// It can't be written or signed.
    pub fn record(&self, sealed: Vec<SealedValue>) -> Result<(), Failure> {
        if sealed.is_empty() {
            return Ok(());
        }
        let name = |value: &SealedValue| match &value.name {
            Some(name) => format!("{} {name}", value.file),
            None => value.file.clone(),
        };
        let remark = Some(sealed.iter().map(name).collect::<Vec<_>>().join(", "));
        self.said(Details { sealed, remark, ..Details::default() })?.sealed()
    }

    /// Writes what was opened into the ledger.
    ///
    /// # Errors
    /// It can't be written or signed; then nothing may be shown.
    pub fn opened(&self, subjects: &[Subject]) -> Result<(), Failure> {
        let names = subjects.iter().map(Subject::to_string).collect();
        self.said(Details::default())?.opened(names)
    }

    fn said(&self, details: Details) -> Result<Record<'_>, Failure> {
        let about = About { run: RunId::from_parts(0, 0), verb: Verb::Vault, details };
        let record = Record::open(self.console, Some(&self.root), &self.who, about)?;
        record.ok_or_else(|| Failure::new(Exit::Refused, "nobody knows who you are"))
    }

    /// Where a file's new text lies until the ledger has its entry: in a folder that is in no commit, so that nobody else puts
    /// one there.
    fn aside(&self, target: &Target) -> PathBuf {
        let name = Digest::of(target.file.as_bytes()).hex();
        self.root.join(".wgops").join(format!("vault-{}.new", name.get(..16).unwrap_or_default()))
    }

    /// Finishes what an interrupted verb left: if the ledger has its entry, the file gets its new text.
    fn finish(&self, target: &Target) -> Result<(), Failure> {
        let aside = self.aside(target);
        if std::fs::symlink_metadata(&aside).is_err() {
            return Ok(());
        }
        // Without the turn it may be somebody's who is just at it, or was when the ledger was read.
        let free = match self.turn {
            Some(_) => None,
            None => Turn::at_the_vault_if_free(&self.root)?,
        };
        if (self.turn.is_none() && free.is_none()) || std::fs::symlink_metadata(&aside).is_err() {
            return Ok(());
        }
        let standing = standing(&aside, &target.file).unwrap_or_default();
        let recorded = !standing.is_empty()
            && standing.iter().all(|one| {
                matches!(self.history.state(&one.subject, one.digest), State::Newest(_) | State::Parallel(_))
            });
        if recorded && !differs_in_seals_alone(&aside, &target.path) {
            let (new, file) = (shown(&aside), shown(&target.path));
            let message = format!(
                "{new} is what an interrupted 'wgops vault' left, and differs from {file} in more than what is sealed"
            );
            return Err(Failure::new(Exit::Refused, message).hint(format!(
                "compare both ('diff {file} {new}'): if it is as you wrote it, 'mv {new} {file}', else remove it"
            )));
        }
        let done = match recorded {
            true => std::fs::rename(&aside, &target.path).inspect(|()| {
                let file = &target.file;
                self.console
                    .tell(&format!("{file} has now what an interrupted 'wgops vault' had sealed for it.\n"));
            }),
            false if self.turn.is_none() => return Ok(()),
            false => std::fs::remove_file(&aside),
        };
        done.map_err(|error| Failure::usage(format!("can't clear {} away: {error}", shown(&aside))))
    }

    /// What is sealed in a file.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn standing(&self, target: &Target) -> Result<Vec<Sealed>, Failure> {
        standing(&target.path, &target.file)
    }

    /// Every file of the repository in which something is sealed.
    pub fn files(&self) -> Vec<Target> {
        let mut found = Vec::new();
        walk(&self.root, 0, &mut found);
        let target = |path: PathBuf| Some(Target { file: relative(&self.root, &path)?, path });
        found.into_iter().filter_map(target).collect()
    }

    /// The files that were named, or all.
    ///
    /// # Errors
    /// One lies outside.
    pub fn targets(&self, named: &[PathBuf]) -> Result<Vec<Target>, Failure> {
        match named.is_empty() {
            true => Ok(self.files()),
            false => named.iter().map(|path| self.target(path).and_then(is_there)).collect(),
        }
    }

    /// What a sealed text holds; it must be vouched for.
    ///
    /// # Errors
    /// It is not, or it can't be opened.
    pub fn holds(
        &self,
        keys: &Keys,
        one: &Sealed,
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
        self.vouched(&one.subject, one.digest)?;
        self.holds_unvouched(keys, sealed)
    }

    /// The same where somebody decides that it is right.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn holds_unvouched(
        &self,
        keys: &Keys,
        sealed: &[u8],
    ) -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
        let plain = keys.open(sealed)?;
        if let Ok(text) = std::str::from_utf8(&plain) {
            self.console.masks.add(&Secret::new(text.to_owned()));
        }
        Ok(plain)
    }
}

fn is_there(target: Target) -> Result<Target, Failure> {
    match std::fs::metadata(&target.path) {
        Ok(_) => Ok(target),
        Err(error) => Err(super::files::unreadable(&target.path, &error)),
    }
}

/// Today, where the roster's days count.
pub fn today() -> jiff::civil::Date {
    jiff::Zoned::now().date()
}

/// What the ledger says of sealed values; refused where it lacks what was seen here before, and where something may hide that a
/// value was sealed anew.
fn history(root: &Path, roster: &Roster) -> Result<(History, Report), String> {
    let kinds = [Kind::Roster, Kind::Vault].map(|kind| (kind, usize::MAX));
    let Verified { record, report, history } =
        verified_of(root, roster, &kinds).map_err(|error| error.to_string())?;
    if let Some(file) = memory(root, roster) {
        let heads = Heads::load(&file).map_err(|error| error.to_string())?;
        if let Some((chain, seq)) = record.lacks(&heads) {
            return Err(format!(
                "the ledger here is older than one that was seen on this machine: entry {seq} of {chain} is missing or another; pull, push from the clone that has it, or see 'wgops ledger verify'"
            ));
        }
    }
    match report.hidden().or(report.missing()) {
        Some(found) => Err(format!(
            "{found}: what is sealed how can't be told before that is right. {}; see 'wgops ledger verify'",
            found.way_out()
        )),
        None => Ok((History::read(&record, roster, &history, &report), report)),
    }
}

/// What a run opens sealed values with.
pub fn opener(console: &Console, root: Option<&Path>, who: &Who, dry: bool) -> Vault {
    let access = match (who.standing, dry) {
        (Standing::Lead | Standing::Operator, _) => Access::Cleared,
        (_, true) => Access::Unknown("a sealed value, which needs an operator".into()),
        (standing, false) => Access::Refused(format!("a sealed value needs an operator: {standing}")),
    };
    let (ring, roster) = (console.ring.clone(), who.roster.clone());
    let me = who.identity.proven().map(|proven| proven.operator.clone());
    let root = root.map(Path::to_owned).unwrap_or_default();
    let at = root.clone();
    let (rules, typist) = (roster.clone(), me.clone());
    let others = move |file: &str| left_out(rules.as_ref()?, file, typist.as_ref()?, today());
    let prepare = move || {
        let roster = roster.as_ref().ok_or("there is no roster, so nobody may open sealed values")?;
        let person = me.as_ref().and_then(|me| roster.person(me)).ok_or("nobody knows who you are")?;
        Ok((history(&at, roster)?.0, ring.keys(person)?))
    };
    let (masks, asked) = (console.masks.clone(), console.masks.clone());
    let hear = move |secret: &Secret| masks.add_with_lines(secret);
    Vault::new(&root, access, Box::new(prepare), Box::new(hear))
        .telling(Box::new(move |text| asked.masked(text) != text))
        .read_by(Box::new(others))
}
