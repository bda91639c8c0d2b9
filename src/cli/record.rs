//! The ledger's side of a run: the signed intent before the first change, the outcome after the last answer, and an
//! entry for dry runs and audits of people whom the roster knows. Without an intent on disk nothing is changed.

use super::chronicle::Chronicle;
use super::ledger::memory;
use super::who::Who;
use super::{Console, Failure};
use crate::ledger::{Counts, Details, Draft, Heads, Held, Kind, Ledger, Stamp};
use crate::model::{Nonce, RunId};
use crate::people::{Proven, Verb, random_bytes};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// The ledger, open for one run of one person.
pub struct Record<'a> {
    console: &'a Console,
    who: &'a Proven,
    ledger: Ledger,
    root: PathBuf,
    /// Where heads are remembered.
    memory: Option<PathBuf>,
    run: RunId,
    verb: Verb,
    details: Details,
}

/// What is to be recorded of a run, whoever makes it.
pub struct About {
    /// The run.
    pub run: RunId,
    /// What was typed.
    pub verb: Verb,
    /// What is known of it before it begins.
    pub details: Details,
}

impl<'a> Record<'a> {
    /// Opens the ledger; `None` for somebody whom no roster knows, who changes nothing and signs nothing.
    ///
    /// # Errors
    /// The ledger can't be opened.
    pub fn open(
        console: &'a Console,
        root: Option<&Path>,
        who: &'a Who,
        about: About,
    ) -> Result<Option<Self>, Failure> {
        let (Some(root), Some(roster), Some(proven)) = (root, &who.roster, who.identity.proven()) else {
            return Ok(None);
        };
        let memory = memory(root, roster);
        let known = memory.as_deref().map_or_else(|| Ok(Heads::default()), Heads::load)?;
        let ledger = Ledger::open(root, roster, proven, &random_bytes()?)?.remembering(&known);
        let About { run, verb, details } = about;
        Ok(Some(Self { console, who: proven, ledger, root: root.to_owned(), memory, run, verb, details }))
    }

    /// The same for what belongs to no run: a claim.
    ///
    /// # Errors
    /// As [`Record::open`].
    pub fn of_no_run(
        console: &'a Console,
        root: Option<&Path>,
        who: &'a Who,
        details: Details,
    ) -> Result<Option<Self>, Failure> {
        let about = About { run: RunId::from_parts(0, 0), verb: Verb::Ledger, details };
        Self::open(console, root, who, about)
    }

    /// The same with what is known by its end: whether something was read that is in no commit.
    #[must_use]
    pub fn having_taken(mut self, uncommitted: bool) -> Self {
        if let Some(commit) = &mut self.details.commit {
            commit.dirty |= uncommitted;
        }
        self
    }

    /// Writes that changes are about to be made. What comes back is held while they are: nobody goes on with this run in
    /// the same clone meanwhile.
    ///
    /// # Errors
    /// It can't be written or signed; then nothing may be changed.
    pub fn intent(&self) -> Result<Held, Failure> {
        let held = Held::take(&self.root, self.run)?;
        let nothing_changed =
            "without an intent in the ledger nothing is changed, and nothing was: see to it, then run again";
        self.say(Kind::Intent).map_err(|failure| failure.hint(nothing_changed))?;
        Ok(held)
    }

    /// Writes which sealed values were opened, by name.
    ///
    /// # Errors
    /// It can't be written or signed.
    pub fn opened(&self, names: Vec<String>) -> Result<(), Failure> {
        let remark = Some(names.join(", "));
        let details = Details { opened: names, remark, ..Details::default() };
        self.append(Kind::Read, Counts::default(), details, None)
    }

    /// Writes what was sealed.
    ///
    /// # Errors
    /// It can't be written or signed.
    pub fn sealed(&self) -> Result<(), Failure> {
        self.append(Kind::Vault, Counts::default(), self.details.clone(), None)
    }

    /// Writes an entry that is about no hosts' fate: a plan, a handover.
    ///
    /// # Errors
    /// It can't be written or signed.
    pub fn say(&self, kind: Kind) -> Result<(), Failure> {
        let hosts = Counts { hosts: Some(self.details.hosts.len() as u64), ..Counts::default() };
        self.say_counted(kind, hosts)
    }

    /// The same with how many hosts fared how.
    ///
    /// # Errors
    /// As [`Record::say`].
    pub fn say_counted(&self, kind: Kind, counts: Counts) -> Result<(), Failure> {
        self.append(kind, counts, self.details.clone(), None)
    }

    /// Writes how the run ended.
    ///
    /// # Errors
    /// It can't be written or signed: the run stays open in the ledger.
    pub fn outcome(&self, chronicle: &Chronicle) -> Result<(), Failure> {
        self.ended(Kind::Outcome, chronicle, chronicle.results()).map_err(|failure| {
            failure.hint(format!(
                "the hosts are as shown above, but the ledger has no outcome of it: see to it, then 'wgops resume {}'",
                self.run
            ))
        })
    }

    /// Writes that a dry run was made, and why it was one.
    ///
    /// # Errors
    /// As [`Record::outcome`].
    pub fn dry_run(&self, chronicle: &Chronicle) -> Result<(), Failure> {
        self.ended(Kind::Shadow, chronicle, chronicle.results())
    }

    /// Writes what an audit came to.
    ///
    /// # Errors
    /// As [`Record::outcome`].
    pub fn audit(&self, chronicle: &Chronicle) -> Result<(), Failure> {
        self.ended(Kind::Audit, chronicle, chronicle.audited())
    }

    fn ended(
        &self,
        kind: Kind,
        chronicle: &Chronicle,
        results: indexmap::IndexMap<crate::model::HostName, crate::ledger::HostResult>,
    ) -> Result<(), Failure> {
        let counts = Counts::of(results.values());
        let said = [self.details.remark.clone(), chronicle.stopped()].into_iter().flatten();
        let remark = said.collect::<Vec<_>>().join("; ");
        let details = Details {
            results,
            events: chronicle.events(),
            remark: Some(remark).filter(|text| !text.is_empty()),
            ..self.details.clone()
        };
        self.append(kind, counts, details, chronicle.nonce())
    }

    /// Writes an entry, under a nonce that something in it was made with, or a new one.
    fn append(
        &self,
        kind: Kind,
        counts: Counts,
        details: Details,
        nonce: Option<&Nonce>,
    ) -> Result<(), Failure> {
        let of_run =
            !matches!(kind, Kind::Claim | Kind::Roster | Kind::Vault) && self.run != RunId::from_parts(0, 0);
        let (run, verb) = (of_run.then_some(self.run), of_run.then_some(self.verb));
        let draft = Draft { kind, run, verb, counts, details };
        let nonce = match nonce {
            Some(nonce) => nonce.clone(),
            None => Nonce::from_bytes(random_bytes()?),
        };
        let masks = self.console.masks.clone();
        let scrub: &(dyn Fn(&str) -> Cow<'_, str> + Sync) = &|text| masks.masked(text);
        let stamp = Stamp { signer: &*self.who.signer, now: jiff::Timestamp::now(), nonce: &nonce, scrub };
        let entry = self.ledger.append(&draft, &stamp)?;
        tracing::debug!(file = %entry.file.display(), "recorded");
        self.remember(&entry);
        Ok(())
    }

    /// What was written here is remembered outside the repository, so that it can't vanish unseen.
    fn remember(&self, entry: &crate::ledger::EntryRef) {
        let Some(file) = &self.memory else { return };
        let saved = Heads::change(file, |heads| heads.advance(&entry.chain, entry.head));
        if let Err(error) = saved {
            tracing::warn!("what was recorded could not be remembered outside the repository: {error}");
        }
    }
}
