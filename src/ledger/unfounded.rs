//! What nobody vouches for: files that somebody without the key put into a chain. An entry that somebody did vouch for, and whose
//! signature was taken away, is none of them.

use super::verify::Judge;
use super::{Fault, Head, Heads, NoEntry, Stored};
use crate::model::Digest;
use crate::people::ChainName;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

impl<'a> Judge<'a> {
    /// Whoever takes the signature of an entry away makes nothing of it that was never signed.
    pub(super) fn signed_before(&mut self, remembered: &'a Heads) {
        if self.unsigned.is_empty() {
            return;
        }
        let (record, history) = (self.record, self.history);
        self.named.extend(remembered.iter().map(|(chain, head)| (chain, head.digest)));
        let seals = record.chains.keys().filter_map(|chain| Some((chain, history.seal(chain)?.digest)));
        self.named.extend(seals);
        let holds = |entry: &&Stored| !self.unsigned.contains(&entry.file);
        // The next one of the chain itself: what is somebody else's names nothing in it.
        let previous = |(chain, entry): (&'a ChainName, &'a Stored)| {
            let digest = Some(entry).filter(holds)?.public.as_ref().ok()?.previous?;
            Some((chain, digest))
        };
        let previous: Vec<_> = record.entries().filter_map(previous).collect();
        self.named.extend(previous);
        // What lies elsewhere is no entry, also where it is a copy of one.
        let is_here = |entry: &Stored| !matches!(entry.public, Err(NoEntry::Elsewhere(_)));
        for (chain, entry) in record.entries().filter(|(_, entry)| is_here(entry)) {
            if self.unsigned.contains(&entry.file) && self.named.contains(&(chain, entry.digest)) {
                self.fault(entry, Fault::SignatureGone);
            }
        }
    }

    /// The files for which nobody vouches.
    pub(super) fn unfounded(&self) -> HashSet<PathBuf> {
        let gone = self.breaks.iter().filter(|found| found.fault == Fault::SignatureGone);
        let gone: HashSet<&Path> = gone.map(|found| found.file.as_path()).collect();
        let is_unsigned =
            |entry: &&Stored| self.unsigned.contains(&entry.file) && !gone.contains(entry.file.as_path());
        let mut unfounded = HashSet::new();
        for (chain, entries) in &self.record.chains {
            let is_copy = |entry: &&Stored| {
                let Err(NoEntry::Elsewhere(public)) = &entry.public else { return false };
                let head = Head { seq: public.seq, digest: entry.digest };
                public.chain == *chain && self.record.has(chain, head) == Some(true)
            };
            let nobodys = entries.iter().filter(|entry| is_unsigned(entry) || is_copy(entry));
            unfounded.extend(nobodys.map(|entry| entry.file.clone()));
            unfounded.extend(self.behind_the_seal(chain, entries));
            let is_sealed = self.history.seal(chain).is_some();
            let folder = Path::new("ledger").join(chain.to_string());
            let here: HashSet<&Path> = entries.iter().map(|entry| entry.file.as_path()).collect();
            // What can't be read at all is missed like what is not there. A disk that does not read is another matter, but where a
            // seal says what belongs there.
            let others = self.record.breaks.iter().filter(|found| {
                let is_no_file = matches!(found.fault, Fault::TooLarge(_) | Fault::Link | Fault::Stray);
                (is_sealed || is_no_file) && found.file.starts_with(&folder)
            });
            let others = others.map(|found| &found.file).filter(|file| !here.contains(file.as_path()));
            unfounded.extend(others.cloned());
        }
        unfounded
    }

    /// What lies in a sealed chain and is vouched for neither by the seal nor by anything that it leads to.
    fn behind_the_seal(&self, chain: &ChainName, entries: &[Stored]) -> Vec<PathBuf> {
        let Some(seal) = self.history.seal(chain) else { return Vec::new() };
        let mut named: HashSet<Digest> =
            entries.iter().filter_map(|entry| entry.public.as_ref().ok()?.previous).collect();
        named.insert(seal.digest);
        let mut own = true;
        let mut unfounded = Vec::new();
        for entry in entries {
            let is_behind = entry.seq > seal.seq;
            let signs_seal = |public| self.history.signs_its_own_seal(chain, public);
            own &= !is_behind || entry.public.as_ref().is_ok_and(signs_seal);
            let is_elsewhere = matches!(entry.public, Err(NoEntry::Elsewhere(_)));
            let is_no_entry = is_elsewhere || (entry.public.is_err() && !named.contains(&entry.digest));
            if (is_behind && !own) || is_no_entry {
                unfounded.push(entry.file.clone());
            }
        }
        unfounded
    }
}
