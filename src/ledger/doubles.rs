//! Entries of one chain with the same number: which of them counts. Its writer can sign two, and whoever can push chooses in which
//! folders they lie, so only what names one of them decides.

use super::{Head, Stored};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Signed entries of a chain with the same number, each with another one.
#[derive(Default)]
pub(super) struct Doubles {
    /// The chain leads to the other one.
    pub beside: HashMap<PathBuf, String>,
    /// Nobody can tell which is right.
    pub unclear: HashMap<PathBuf, String>,
}

impl Doubles {
    /// From the end backwards each entry names the one before; where the roster seals the chain, it names the last.
    pub fn of(entries: &[Stored], unsigned: &HashSet<PathBuf>, seal: Option<Head>) -> Self {
        let mut doubles = Self::default();
        let counts = |entry: &&Stored| entry.public.is_ok() && !unsigned.contains(&entry.file);
        let all: Vec<&Stored> = entries.iter().filter(counts).collect();
        let same = |a: &&Stored, b: &&Stored| a.seq == b.seq;
        if !all.windows(2).any(|two| matches!(two, [a, b] if same(a, b))) {
            return doubles;
        }
        let mut wanted = None;
        for group in all.chunk_by(same).rev() {
            let sealed = seal.filter(|seal| group.first().is_some_and(|entry| entry.seq == seal.seq));
            wanted = sealed.map(|seal| seal.digest).or(wanted);
            let chosen = match group {
                [one] => Some(*one),
                many => many.iter().find(|entry| Some(entry.digest) == wanted).copied(),
            };
            for entry in group.iter().filter(|entry| chosen.is_none_or(|chosen| chosen.file != entry.file)) {
                let other = chosen.or(group.iter().find(|other| other.file != entry.file).copied());
                let other = other.map(|other| other.file.display().to_string()).unwrap_or_default();
                let list = if chosen.is_some() { &mut doubles.beside } else { &mut doubles.unclear };
                list.insert(entry.file.clone(), other);
            }
            // Where either may be right, what both name is.
            let previous = |entry: &Stored| entry.public.as_ref().ok()?.previous;
            let first = chosen.or(group.first().copied()).and_then(previous);
            let agree = chosen.is_some() || group.iter().all(|entry| previous(entry) == first);
            wanted = first.filter(|_| agree);
        }
        doubles
    }
}
