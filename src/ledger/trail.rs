//! What the ledger has about one run, brought together from the chains of everybody who worked on it: who began it, who
//! picked it up, who handed it over, and how it ended. Times decide nothing here where what somebody has seen can.

use super::{Kind, Private, Public, Record, Stored};
use crate::model::{Digest, RunId};
use crate::people::ChainName;
use std::collections::BTreeMap;

/// An entry in its place.
#[derive(Clone, Copy)]
pub(super) struct Leaf<'a> {
    pub chain: &'a ChainName,
    pub entry: &'a Stored,
    pub public: &'a Public,
}

/// The entries of one run.
#[derive(Default)]
pub(super) struct Trail<'a> {
    /// What began it and picked it up, oldest first.
    pub intents: Vec<Leaf<'a>>,
    /// What it came to, each time.
    pub outcomes: Vec<Leaf<'a>>,
    /// Who it was handed to.
    pub handoffs: Vec<Leaf<'a>>,
}

impl<'a> Leaf<'a> {
    pub fn private(self) -> Option<&'a Private> {
        self.entry.private.content()
    }

    /// The intent that this one says it picks up.
    pub fn resumes(self) -> Option<Digest> {
        self.private().and_then(|private| private.details.resumes)
    }

    /// Whether this was written by somebody who had the other entry.
    pub fn follows(self, other: Self) -> bool {
        if self.chain == other.chain {
            return self.entry.seq > other.entry.seq;
        }
        // What one has seen of another chain says it, whatever the clocks said.
        self.public.seen.get(other.chain).is_some_and(|head| head.seq >= other.entry.seq)
    }
}

impl<'a> Trail<'a> {
    /// The trails of all runs.
    pub fn all(record: &'a Record) -> BTreeMap<RunId, Self> {
        let mut trails: BTreeMap<RunId, Self> = BTreeMap::new();
        for (chain, entry) in record.entries() {
            let Ok(public) = &entry.public else { continue };
            let Some(run) = public.run else { continue };
            let leaf = Leaf { chain, entry, public };
            let trail = trails.entry(run).or_default();
            match public.kind {
                Kind::Intent => trail.intents.push(leaf),
                Kind::Outcome => trail.outcomes.push(leaf),
                Kind::Handoff => trail.handoffs.push(leaf),
                _ => {}
            }
        }
        for trail in trails.values_mut() {
            trail.intents.sort_by_key(|leaf| (leaf.resumes().is_some(), leaf.public.time, leaf.entry.seq));
        }
        trails
    }

    /// The same by entries that hold; where no intent does, all that there is.
    #[must_use]
    pub fn of_what_holds(mut self, holds: impl Fn(&Leaf<'a>) -> bool) -> Self {
        if self.intents.iter().any(&holds) {
            for leaves in [&mut self.intents, &mut self.outcomes, &mut self.handoffs] {
                leaves.retain(&holds);
            }
        }
        self
    }

    /// The last intent: the one that nobody picked up; of several the latest.
    pub fn last_intent(&self) -> Option<Leaf<'a>> {
        let resumed: Vec<Digest> = self.intents.iter().filter_map(|leaf| leaf.resumes()).collect();
        let open = self.intents.iter().rev().find(|leaf| !resumed.contains(&leaf.entry.digest));
        open.or(self.intents.last()).copied()
    }

    /// What the run came to after its last intent; none while it is open.
    pub fn outcome(&self) -> Option<Leaf<'a>> {
        let last = self.last_intent()?;
        // An outcome that the last intent's writer had before is that of an earlier attempt.
        let closing = self.outcomes.iter().filter(|outcome| !last.follows(**outcome));
        let own = |leaf: &&Leaf<'a>| (leaf.chain == last.chain, leaf.public.time, leaf.entry.seq);
        closing.max_by_key(own).copied()
    }
}
