//! What a run is lent: sealed values are opened when something uses them, once each, and what was opened is remembered by
//! name for the ledger. Nothing is decrypted that the newest entry of a reader doesn't name.

use super::crypto::armored;
use super::{History, Keys, Seal, Sheet, State, Subject, VaultError, digest};
use crate::model::{Digest, Opened, Opener, Secret};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// Reads the ledger and unlocks keys; or says why nothing can be opened.
pub type Prepare = Box<dyn Fn() -> Result<(History, Keys), String> + Send + Sync>;

/// Hears of every secret that is opened, so that it can be kept out of what is written.
pub type Hear = Box<dyn Fn(&Secret) + Send + Sync>;

/// Why whoever is typing does not read a file, where it is read by others alone.
pub type Others = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Whether somebody may open.
pub enum Access {
    /// They may.
    Cleared,
    /// They may not; nothing is changed in this run, so they need not.
    Unknown(String),
    /// They may not, and why.
    Refused(String),
}

/// The vault of an ops repository, open for one run.
pub struct Vault {
    root: PathBuf,
    access: Access,
    prepare: Prepare,
    hear: Hear,
    shows: Box<dyn Fn(&str) -> bool + Send + Sync>,
    others: Others,
    ready: OnceLock<Result<(History, Keys), String>>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// What each sealed text holds, and where it was met first.
    open: HashMap<Digest, (Secret, Subject)>,
    /// The names of the values of a file, by digest.
    names: HashMap<String, Arc<Vec<(String, Digest)>>>,
    used: BTreeSet<Subject>,
}

impl Vault {
    /// A vault that is opened when needed.
    pub fn new(root: &Path, access: Access, prepare: Prepare, hear: Hear) -> Self {
        Self {
            root: root.canonicalize().unwrap_or_else(|_| root.to_owned()),
            access,
            prepare,
            hear,
            shows: Box::new(|_| false),
            others: Box::new(|_| None),
            ready: OnceLock::new(),
            memory: Mutex::default(),
        }
    }

    /// The same with what tells whether a text shows a secret that was heard of.
    #[must_use]
    pub fn telling(self, shows: Box<dyn Fn(&str) -> bool + Send + Sync>) -> Self {
        Self { shows, ..self }
    }

    /// The same with what tells who else reads a file.
    #[must_use]
    pub fn read_by(self, others: Others) -> Self {
        Self { others, ..self }
    }

    /// Why something is not open: to whom the roster gives it comes before what their keys can do.
    fn shut(&self, subject: &Subject, error: &VaultError) -> String {
        match (error, (self.others)(&subject.file)) {
            (VaultError::NoKey(_), Some(others)) => format!("{subject}: you may not read it: {others}"),
            _ => format!("{subject}: {error}"),
        }
    }

    /// What was opened so far.
    pub fn used(&self) -> Vec<Subject> {
        self.memory().used.iter().cloned().collect()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> Result<&(History, Keys), String> {
        match &self.access {
            Access::Cleared => {}
            Access::Unknown(why) | Access::Refused(why) => return Err(why.clone()),
        }
        self.ready.get_or_init(|| (self.prepare)()).as_ref().map_err(Clone::clone)
    }

    /// The name of a sealed text in its file, and whether the ledger vouches for it.
    fn subject(&self, history: &History, file: &str, sealed: Digest) -> Result<Subject, String> {
        let named = relative(&self.root, Path::new(file))
            .ok_or_else(|| format!("a sealed value of {file}, which lies outside the ops repository"))?;
        let names = self.names(&named, Path::new(file))?;
        let mut why = None;
        for (name, _) in names.iter().filter(|(_, digest)| *digest == sealed) {
            let subject = Subject { file: named.clone(), name: Some(name.clone()) };
            match refusal(history, &subject, sealed) {
                None => return Ok(subject),
                Some(reason) => why = why.or(Some(reason)),
            }
        }
        Err(why.unwrap_or_else(|| format!("{named} changed while it was used")))
    }

    fn names(&self, named: &str, file: &Path) -> Result<Arc<Vec<(String, Digest)>>, String> {
        if let Some(known) = self.memory().names.get(named) {
            return Ok(known.clone());
        }
        let sheet = Sheet::read(file).map_err(|error| error.to_string())?;
        let names: Vec<(String, Digest)> =
            sheet.sealed().map(|found| (found.name.clone(), digest(&found.text))).collect();
        let names = Arc::new(names);
        self.memory().names.insert(named.to_owned(), names.clone());
        Ok(names)
    }

    fn open_value(&self, file: &str, sealed: &str) -> Result<Secret, String> {
        let (history, keys) = self.ready()?;
        let found = digest(sealed);
        let subject = self.subject(history, file, found)?;
        let known = self.memory().open.get(&found).cloned();
        let secret = match known {
            Some((secret, _)) => secret,
            None => {
                let secret = keys.open_text(sealed).map_err(|error| self.shut(&subject, &error))?;
                (self.hear)(&secret);
                self.memory().open.insert(found, (secret.clone(), subject.clone()));
                secret
            }
        };
        self.memory().used.insert(subject);
        Ok(secret)
    }

    fn open_file(&self, path: &Path, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, String> {
        let (history, keys) = self.ready()?;
        let file = relative(&self.root, path)
            .ok_or_else(|| format!("{}: lies outside the ops repository", path.display()))?;
        let subject = Subject { file, name: None };
        if let Some(why) = refusal(history, &subject, file_digest(sealed)) {
            return Err(why);
        }
        let plain = keys.open(sealed).map_err(|error| self.shut(&subject, &error))?;
        if let Ok(text) = std::str::from_utf8(&plain) {
            (self.hear)(&Secret::new(text.to_owned()));
        }
        self.memory().used.insert(subject);
        Ok(plain)
    }

    fn outcome<T>(&self, opened: Result<T, String>) -> Opened<T> {
        match (opened, &self.access) {
            (Ok(secret), _) => Opened::Known(secret),
            (Err(why), Access::Unknown(_)) => Opened::Unknown(why),
            (Err(why), _) => Opened::Refused(why),
        }
    }
}

impl Opener for Vault {
    fn value(&self, file: &str, sealed: &str) -> Opened<Secret> {
        self.outcome(self.open_value(file, sealed))
    }

    fn file(&self, path: &Path, sealed: &[u8]) -> Opened<Zeroizing<Vec<u8>>> {
        self.outcome(self.open_file(path, sealed))
    }

    fn has_opened(&self) -> bool {
        !self.memory().used.is_empty()
    }

    fn reveals(&self, text: &str) -> bool {
        (self.shows)(text)
    }

    fn revealed(&self, text: &str) -> Option<String> {
        let memory = self.memory();
        let shown = |secret: &Secret| !secret.expose().is_empty() && text.contains(secret.expose());
        memory.open.values().find(|(secret, _)| shown(secret)).map(|(_, subject)| subject.to_string())
    }
}

/// A file as the ledger and the roster name it: seen from the root of the repository, links followed. It need not be there
/// yet, nor its folder.
pub fn relative(root: &Path, file: &Path) -> Option<String> {
    let root = root.canonicalize().ok()?;
    let file = std::path::absolute(file).ok()?;
    let there = file.ancestors().find(|path| path.exists())?;
    let rest = file.strip_prefix(there).ok()?;
    let plain = rest.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    let whole = there.canonicalize().ok().filter(|_| plain)?.join(rest);
    // What is there is named as it is: joined with nothing, a file would end in a slash.
    let whole = if rest.as_os_str().is_empty() { there.canonicalize().ok()? } else { whole };
    Some(whole.strip_prefix(&root).ok()?.to_str()?.to_owned())
}

/// The digest of a whole sealed file: the same for its binary form and for its text.
pub fn file_digest(sealed: &[u8]) -> Digest {
    match std::str::from_utf8(sealed) {
        Ok(text) if text.starts_with("-----BEGIN") => digest(text),
        _ => match crate::model::is_sealed(sealed).then(|| armored(sealed)).flatten() {
            Some(text) => digest(&text),
            None => Digest::of(sealed),
        },
    }
}

/// Why a sealed text must not be opened, if it must not.
pub fn refusal(history: &History, subject: &Subject, sealed: Digest) -> Option<String> {
    let Subject { file, .. } = subject;
    Some(match history.state(subject, sealed) {
        State::Newest(_) => return None,
        State::Unknown if history.elsewhere(subject, sealed).is_some() => {
            let known = history.elsewhere(subject, sealed).map(|(known, seal)| {
                format!("{known}, generation {}, sealed by {}", seal.value.generation, seal.by)
            });
            format!(
                "{subject}: no cleared reader sealed it under this name, it is a copy of {}: find out who put it there ('git log'); 'wgops vault set' seals a value of your own",
                known.unwrap_or_default()
            )
        }
        State::Unknown => format!(
            "{subject}: no cleared reader sealed it by wgops; if that is right, 'wgops vault import {file}' takes it over"
        ),
        State::Foreign(newest) => format!(
            "{subject}: it is not what {} sealed last (generation {}): restore the file with git, or pull",
            newest.by, newest.value.generation
        ),
        State::Older(found, newest) => format!(
            "{subject}: this is generation {}, and {} sealed generation {} since: restore the newer file with git, or, where a merge put both together, set it anew ('wgops vault set')",
            found.value.generation, newest.by, newest.value.generation
        ),
        State::Parallel(found) => {
            let told = |seal: &Seal| format!("{} (generation {})", seal.by, seal.value.generation);
            let rivals: Vec<String> = history.rivals(subject, found).into_iter().map(told).collect();
            format!(
                "{subject}: {} sealed what stands here, and {} sealed another one in parallel: ask which one is right; 'wgops vault rekey {file}' settles it for what stands here, 'git checkout COMMIT -- {file}' brings the other one",
                told(found),
                rivals.join(" and ")
            )
        }
    })
}

impl From<VaultError> for String {
    fn from(error: VaultError) -> Self {
        error.to_string()
    }
}
