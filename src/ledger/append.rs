//! Appending: one entry, signed, whole or not at all.

use super::clone::Clone;
use super::tree::{self, Part};
use super::{Draft, Head, Heads, LedgerError, Private, Public, SignedRoster, VERSION};
use crate::model::{Digest, Nonce, Role, Signer, Value};
use crate::people::{ChainName, Key, LEDGER_NAMESPACE, Proven, Roster};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many entries at a chain's end that are not its key's are passed over.
const FORGED_MAX: usize = 64;

/// The ledger of an ops repository, in the hand of one operator.
pub struct Ledger {
    directory: PathBuf,
    clone: Clone,
    chain: ChainName,
    role: Role,
    key: Key,
    roster: Roster,
    group: Digest,
    /// The last entry of the chain, as this machine remembers it.
    known: Mutex<Option<Head>>,
}

/// What makes an entry one of this moment and this hand.
pub struct Stamp<'a> {
    /// Signs with the key that proved who is typing.
    pub signer: &'a dyn Signer,
    /// Now.
    pub now: Timestamp,
    /// Fresh randomness: the one that keyed the digests of contents in the details.
    pub nonce: &'a Nonce,
    /// Takes out of a free text what is secret.
    pub scrub: &'a (dyn Fn(&str) -> Cow<'_, str> + Sync),
}

/// An entry that is on disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntryRef {
    /// The chain that it belongs to.
    pub chain: ChainName,
    /// Its place in the chain.
    pub head: Head,
    /// Its public part.
    pub file: PathBuf,
}

impl Ledger {
    /// Opens the ledger under the root of an ops repository for somebody who proved who they are. `random` names this
    /// clone if it has no name yet.
    ///
    /// # Errors
    /// Nobody can tell which group it is, the roster seals this chain, the directory can't be written, or is a link.
    pub fn open(root: &Path, roster: &Roster, who: &Proven, random: &[u8; 32]) -> Result<Self, LedgerError> {
        let group = roster.origin.ok_or(LedgerError::NoGroup(roster.version))?;
        let clone = Clone::at(root)?;
        let [a, b, c, d, e, f, ..] = *random;
        let named = |id| ChainName::new(who.operator.clone(), &who.key, id);
        let mut chain = named(clone.id([a, b, c])?);
        if roster.sealed.contains_key(&chain) {
            // Whoever is still here goes on under another name: the seal ends what they wrote in the role before.
            chain = named(clone.renew([d, e, f])?);
        }
        if roster.sealed.contains_key(&chain) {
            return Err(LedgerError::Sealed(chain));
        }
        let directory = root.join("ledger");
        tree::refuse_link(&directory)?;
        let (role, key, roster) = (who.role, who.key.clone(), roster.clone());
        Ok(Self { directory, clone, chain, role, key, roster, group, known: Mutex::default() })
    }

    /// The same with what this machine remembers of the chains' ends.
    #[must_use]
    pub fn remembering(mut self, heads: &Heads) -> Self {
        self.known = Mutex::new(heads.of(&self.chain));
        self
    }

    /// The chain that is written.
    pub fn chain(&self) -> &ChainName {
        &self.chain
    }

    /// Appends an entry. When this returns, the entry outlives a crash.
    ///
    /// # Errors
    /// The role may not sign this kind, another wgops holds the lock, the roster is older than the chain's last entry, the
    /// key did not sign, or the disk refused. No entry was written then.
    pub fn append(&self, draft: &Draft, stamp: &Stamp<'_>) -> Result<EntryRef, LedgerError> {
        if !draft.kind.may_be_signed_by(self.role) {
            return Err(LedgerError::NotAllowed { role: self.role, kind: draft.kind });
        }
        let _lock = self.clone.lock_to_append()?;
        let own = self.own_head()?;
        let details = draft.details.scrubbed(stamp.scrub);
        let operator = self.chain.operator().clone();
        let private = line(&Private::new(stamp.nonce, operator, self.role, details))?;
        let public = self.public(draft, stamp, own, &private)?;
        let year = self.year_directory(&public)?;
        let bytes = line(&public)?;
        let signature = stamp.signer.sign(LEDGER_NAMESPACE, &bytes)?;
        self.key.verify(LEDGER_NAMESPACE, &bytes, &signature).map_err(LedgerError::BadSignature)?;
        self.write(&year, public.seq, &private, &signature, &bytes)?;
        let head = Head { seq: public.seq, digest: Digest::of(&bytes) };
        *self.known() = Some(head);
        let file = year.join(Part::Entry.name(public.seq));
        Ok(EntryRef { chain: self.chain.clone(), head, file })
    }

    fn chain_directory(&self) -> PathBuf {
        self.directory.join(self.chain.to_string())
    }

    fn known(&self) -> MutexGuard<'_, Option<Head>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last entry of one's own chain. What lies behind it and is nobody's word is passed over where this machine remembers that
    /// nothing of one's own was there.
    fn own_head(&self) -> Result<Option<Head>, LedgerError> {
        let chain = self.chain_directory();
        tree::refuse_link(&chain)?;
        let is_there = |(year, seq): &(u16, u64)| tree::has_entry(&tree::year_directory(&chain, *year), *seq);
        let mut forged = None;
        for (year, seq) in tree::heads(&chain)?.into_iter().filter(is_there).take(FORGED_MAX) {
            let directory = tree::year_directory(&chain, year);
            let file = directory.join(Part::Entry.name(seq));
            let (bytes, signature) = match tree::read_signed(&directory, seq) {
                Err(LedgerError::TooLarge { .. }) => {
                    forged.get_or_insert(file);
                    continue;
                }
                read => read?,
            };
            let entry = match is_signed(&self.key, &bytes, &signature) {
                true => public_part(&file, &bytes)?,
                false => {
                    forged.get_or_insert(file);
                    continue;
                }
            };
            let head = Head { seq, digest: Digest::of(&bytes) };
            if !self.is_of_here((&self.chain, seq), &entry) {
                forged.get_or_insert(file);
                // A copy says nothing; what is not in its own place was taken from there.
                if self.lies_in_its_place(&entry, head.digest) {
                    continue;
                }
                break;
            }
            if entry.roster > self.roster.version {
                return Err(LedgerError::OldRoster { have: self.roster.version, written: entry.roster });
            }
            return match forged.filter(|_| *self.known() != Some(head)) {
                Some(file) => Err(LedgerError::Forged { file }),
                None => Ok(Some(head)),
            };
        }
        forged.map_or(Ok(None), |file| Err(LedgerError::Forged { file }))
    }

    /// Whether an entry of one's own chain lies where it says.
    fn lies_in_its_place(&self, entry: &Public, digest: Digest) -> bool {
        let directory = tree::year_directory(&self.chain_directory(), year_of(entry.time));
        let here =
            || tree::read_signed(&directory, entry.seq).is_ok_and(|(bytes, _)| Digest::of(&bytes) == digest);
        entry.chain == self.chain && entry.group == self.group && here()
    }

    /// The heads of the other chains that lie here, as far as they are anybody's: what somebody without the key pushed is not to
    /// be remembered for ever.
    fn seen(&self) -> Result<BTreeMap<ChainName, Head>, LedgerError> {
        let mut seen = BTreeMap::new();
        for chain in tree::chains(&self.directory)?.into_iter().filter(|chain| *chain != self.chain) {
            if let Some(head) = self.head_of(&chain)? {
                seen.insert(chain, head);
            }
        }
        Ok(seen)
    }

    /// The last entry of somebody else's chain: the one at which it is sealed, or the last that its key signed.
    fn head_of(&self, chain: &ChainName) -> Result<Option<Head>, LedgerError> {
        let seal = self.roster.sealed.get(chain);
        let keys = self.roster.person(chain.operator()).map(|person| person.keys.as_slice());
        let key = keys.into_iter().flatten().find(|key| chain.is_of(key));
        if seal.is_none() && key.is_none() {
            return Ok(None);
        }
        let directory = self.directory.join(chain.to_string());
        tree::refuse_link(&directory)?;
        for (year, seq) in tree::heads(&directory)?.into_iter().take(FORGED_MAX) {
            let directory = tree::year_directory(&directory, year);
            if !tree::has_entry(&directory, seq) {
                continue;
            }
            let (bytes, signature) = tree::read_signed(&directory, seq)?;
            let digest = Digest::of(&bytes);
            let own = serde_json::from_slice(&bytes).is_ok_and(|entry| self.is_of_here((chain, seq), &entry));
            let holds = match (seal, key) {
                (Some(seal), _) => own && seal.last == seq && seal.digest == digest,
                (None, Some(key)) => own && is_signed(key, &bytes, &signature),
                (None, None) => false,
            };
            if holds {
                return Ok(Some(Head { seq, digest }));
            }
        }
        Ok(None)
    }

    /// Whether an entry was written for its place in a chain of this group.
    fn is_of_here(&self, place: (&ChainName, u64), entry: &Public) -> bool {
        (&entry.chain, entry.seq) == place && entry.group == self.group
    }

    fn public(
        &self,
        draft: &Draft,
        stamp: &Stamp<'_>,
        own: Option<Head>,
        private: &[u8],
    ) -> Result<Public, LedgerError> {
        Ok(Public {
            version: VERSION,
            group: self.group,
            chain: self.chain.clone(),
            seq: own.map_or(1, |head| head.seq + 1),
            previous: own.map(|head| head.digest),
            seen: self.seen()?,
            roster: self.roster.version,
            time: Timestamp::from_second(stamp.now.as_second()).unwrap_or(stamp.now),
            kind: draft.kind,
            run: draft.run,
            verb: draft.verb,
            hosts: draft.counts.hosts,
            changed: draft.counts.changed,
            failed: draft.counts.failed,
            unreachable: draft.counts.unreachable,
            unknown: draft.counts.unknown,
            signs: self.signs(draft)?,
            private: Some(Digest::of(private)),
        })
    }

    /// The roster that the entry signs.
    fn signs(&self, draft: &Draft) -> Result<Option<SignedRoster>, LedgerError> {
        let Some(text) = &draft.details.roster_file else { return Ok(None) };
        let roster = Roster::parse(Path::new("inventory/operators.yml"), text.as_bytes())?;
        Ok(Some(SignedRoster::of(&roster)))
    }

    fn year_directory(&self, entry: &Public) -> Result<PathBuf, LedgerError> {
        let year = year_of(entry.time);
        let directory = tree::year_directory(&self.chain_directory(), year);
        for path in [&self.directory, &self.chain_directory(), &directory] {
            tree::make_directory(path)?;
        }
        Ok(directory)
    }

    /// Writes the parts, the entry last: before its name is there, nothing counts.
    fn write(
        &self,
        year: &Path,
        seq: u64,
        private: &[u8],
        signature: &str,
        entry: &[u8],
    ) -> Result<(), LedgerError> {
        clear(year, seq)?;
        write_new(year, &Part::Private.name(seq), private, 0o600)?;
        write_new(year, &Part::Signature.name(seq), signature.as_bytes(), 0o644)?;
        write_new(year, &Part::Entry.name(seq), entry, 0o644)?;
        tree::sync_directory(year)
    }
}

/// Whether a key signed an entry.
fn is_signed(key: &Key, bytes: &[u8], signature: &str) -> bool {
    key.verify(LEDGER_NAMESPACE, bytes, signature).is_ok()
}

/// The year in whose directory an entry lies.
pub(super) fn year_of(time: Timestamp) -> u16 {
    u16::try_from(time.to_zoned(TimeZone::UTC).year()).unwrap_or_default()
}

/// One line of JSON.
fn line(value: &impl serde::Serialize) -> Result<Vec<u8>, LedgerError> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Clears away what an interrupted write, or somebody else, left where the next entry goes. An entry that is not one's own word is
/// set aside with what belongs to it, not removed: whoever lost the signature in another way can still find it.
fn clear(year: &Path, seq: u64) -> Result<(), LedgerError> {
    let is_entry_there = is_there(&year.join(Part::Entry.name(seq)))?;
    for part in [Part::Entry, Part::Signature, Part::Private] {
        let rest = year.join(part.name(seq));
        match is_there(&rest)? {
            true if is_entry_there => std::fs::rename(&rest, rest.with_added_extension("torn"))
                .map_err(LedgerError::io("can't set aside", &rest))?,
            true => std::fs::remove_file(&rest).map_err(LedgerError::io("can't remove", &rest))?,
            false => {}
        }
    }
    Ok(())
}

/// The public part of an entry that is signed.
fn public_part(file: &Path, bytes: &[u8]) -> Result<Public, LedgerError> {
    let version = serde_json::from_slice::<Value>(bytes).ok().and_then(|entry| entry["version"].as_u64());
    if let Some(version) = version.filter(|version| *version > u64::from(VERSION)) {
        return Err(LedgerError::Newer { file: file.to_owned(), version });
    }
    serde_json::from_slice(bytes)
        .map_err(|error| LedgerError::Head { file: file.to_owned(), reason: error.to_string() })
}

fn is_there(file: &Path) -> Result<bool, LedgerError> {
    tree::refuse_link(file)?;
    Ok(file.is_file())
}

/// Writes a file in full, syncs it, and only then gives it its name, which must be free.
fn write_new(directory: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), LedgerError> {
    let path = directory.join(name);
    let written = || {
        let permissions = std::fs::Permissions::from_mode(mode);
        let mut file =
            tempfile::Builder::new().prefix(".tmp").permissions(permissions).tempfile_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&path).map_err(|error| error.error)
    };
    written().map(drop).map_err(LedgerError::io("can't write", &path))
}
