//! Signatures of a record's entries: which of them hold, and which were verified here before and are not looked at again.

use super::heads::Verified;
use super::{Break, Fault, Heads, History, Record, Stored};
use crate::model::Digest;
use crate::people::{ChainName, Key, LEDGER_NAMESPACE, VerifyError};

/// The key with which a chain is written: the roster's; or of a sealed chain, which the roster vouches for up to its seal, the
/// one that it was signed with.
fn key_of(history: &History, chain: &ChainName, entries: &[Stored]) -> Option<Key> {
    if let Some(key) = history.key(chain) {
        return Some(key.clone());
    }
    history.seal(chain)?;
    let claimed = entries.iter().find_map(|entry| Key::claimed_by(entry.signature.as_ref()?).ok());
    claimed.filter(|key| chain.is_of(key))
}

/// What does not hold of the signatures; those that were verified here before are not looked at again. On all cores: of all
/// that verifying does, this takes the longest.
pub(super) fn signatures(record: &Record, history: &History, remembered: &Heads) -> Vec<Break> {
    let mut work: Vec<(&Stored, Option<&Key>)> = Vec::new();
    let keys: Vec<Option<Key>> =
        record.chains.iter().map(|(chain, entries)| key_of(history, chain, entries)).collect();
    for ((chain, entries), key) in record.chains.iter().zip(&keys) {
        if key.is_none() && history.seal(chain).is_none() {
            continue;
        }
        let done = record.verified_before(chain, entries, remembered).max(record.held_up_to(chain));
        // What is no entry may have any number.
        let is_new = |entry: &&Stored| entry.seq > done || entry.public.is_err();
        work.extend(entries.iter().filter(is_new).map(|entry| (entry, key.as_ref())));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = work.len().div_ceil(threads).max(1);
    let wrong = |share: &[(&Stored, Option<&Key>)]| -> Vec<Break> {
        share.iter().filter_map(|(entry, key)| unsigned(entry, *key)).collect()
    };
    std::thread::scope(|scope| {
        let wrong = &wrong;
        let parts: Vec<_> = work.chunks(share).map(|part| (part, scope.spawn(move || wrong(part)))).collect();
        parts.into_iter().flat_map(|(part, done)| done.join().unwrap_or_else(|_| wrong(part))).collect()
    })
}

fn unsigned(entry: &Stored, key: Option<&Key>) -> Option<Break> {
    let fault = match (&entry.signature, key) {
        (None, _) => Fault::Unsigned,
        (Some(_), None) => Fault::Signature(VerifyError::OtherKey),
        (Some(signature), Some(key)) => {
            Fault::Signature(key.verify(LEDGER_NAMESPACE, &entry.bytes, signature).err()?)
        }
    };
    Some(Break { file: entry.file.clone(), fault })
}

/// A chain's end, with a digest of the signatures up to there.
pub(super) fn verified(entries: &[&Stored]) -> Option<Verified> {
    let head = entries.last()?.head();
    let signatures: String = entries
        .iter()
        .map(|entry| Digest::of(entry.signature.as_deref().unwrap_or_default().as_bytes()).hex())
        .collect();
    Some(Verified { head, signatures: Digest::of(signatures.as_bytes()) })
}

impl Record {
    /// The number up to which a chain is the one whose signatures were verified here before: each entry named by the next
    /// one, down from the head that is remembered.
    fn verified_before(&self, chain: &ChainName, entries: &[Stored], remembered: &Heads) -> u64 {
        let Some(known) = remembered.verified(chain) else { return 0 };
        let head = known.head;
        let upto = entries.partition_point(|entry| entry.seq <= head.seq);
        let entries = entries.get(..upto).unwrap_or_default();
        if verified(&entries.iter().collect::<Vec<_>>()) != Some(known) {
            return 0;
        }
        let known = entries.iter().rev();
        let mut wanted = Some(head.digest);
        for entry in known {
            let previous = entry.public.as_ref().ok().map(|public| public.previous);
            match (wanted, previous) {
                (Some(digest), Some(previous)) if digest == entry.digest && entry.signature.is_some() => {
                    wanted = previous;
                }
                _ => return 0,
            }
        }
        if wanted.is_none() { head.seq } else { 0 }
    }
}
