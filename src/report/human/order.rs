//! Puts what ends in any order on many hosts back into the order of the tasks.
//!
//! Each host walks forward through its tasks. So a task is complete as soon as every host that is still in the batch
//! has reported it or a later one; a host that left is not waited for.

use crate::event::TaskEnd;
use crate::model::HostName;
use std::collections::{BTreeMap, HashMap};

/// Where a host is. Handlers may run between tasks, and stand behind the last task before them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Position {
    task: Option<usize>,
    handler: Option<usize>,
}

/// Ends of tasks that wait for other hosts.
#[derive(Default)]
pub(super) struct Waiting {
    /// In which order the play names the hosts.
    ranks: HashMap<HostName, usize>,
    present: HashMap<HostName, Position>,
    /// How many hosts that are present stand where: the slowest one is found without asking all of them.
    standing: BTreeMap<Position, usize>,
    ended: BTreeMap<Position, Vec<TaskEnd>>,
}

/// The ends of one task, in the order of the hosts.
pub(super) type Group = Vec<TaskEnd>;

impl Waiting {
    /// Begins with the hosts of a batch, and gives out what waited for those of the last one.
    pub fn begin(&mut self, hosts: &[HostName]) -> Vec<Group> {
        let rest = self.rest();
        self.ranks = hosts.iter().cloned().zip(0..).collect();
        self.present = hosts.iter().map(|host| (host.clone(), Position::default())).collect();
        self.standing = BTreeMap::new();
        for _ in hosts {
            *self.standing.entry(Position::default()).or_default() += 1;
        }
        rest
    }

    /// Takes the end of a task, and gives out what is complete.
    pub fn ends(&mut self, end: &TaskEnd) -> Vec<Group> {
        let before = self.present.get(&end.host).copied().unwrap_or_default();
        let position = match end.handler {
            true => Position { handler: Some(end.number), ..before },
            false => Position { task: Some(end.number), handler: None },
        };
        if let Some(progress) = self.present.get_mut(&end.host)
            && position > before
        {
            *progress = position;
            self.steps_off(before);
            *self.standing.entry(position).or_default() += 1;
        }
        self.ended.entry(position).or_default().push(end.clone());
        self.complete()
    }

    /// Waits for a host no longer, and gives out what is complete.
    pub fn leaves(&mut self, host: &HostName) -> Vec<Group> {
        if let Some(position) = self.present.remove(host) {
            self.steps_off(position);
        }
        self.complete()
    }

    fn steps_off(&mut self, position: Position) {
        if let Some(count) = self.standing.get_mut(&position) {
            *count -= 1;
            if *count == 0 {
                self.standing.remove(&position);
            }
        }
    }

    /// Gives out everything.
    pub fn rest(&mut self) -> Vec<Group> {
        std::mem::take(&mut self.ended).into_values().map(|group| self.sorted(group)).collect()
    }

    fn complete(&mut self) -> Vec<Group> {
        let Some((&slowest, _)) = self.standing.first_key_value() else { return self.rest() };
        let mut out = Vec::new();
        while let Some(entry) = self.ended.first_entry().filter(|entry| *entry.key() <= slowest) {
            out.push(entry.remove());
        }
        out.into_iter().map(|group| self.sorted(group)).collect()
    }

    fn sorted(&self, mut group: Vec<TaskEnd>) -> Group {
        group.sort_by_cached_key(|end| self.ranks.get(&end.host).copied());
        group
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{end, hosts};
    use super::*;

    fn shown(groups: Vec<Group>) -> String {
        let one = |group: &Group| {
            let of = |e: &TaskEnd| format!("{}{}@{}", if e.handler { "h" } else { "" }, e.number, e.host);
            group.iter().map(of).collect::<Vec<_>>().join(" ")
        };
        groups.iter().map(one).collect::<Vec<_>>().join(" | ")
    }

    fn waiting(names: &str) -> Waiting {
        let mut waiting = Waiting::default();
        waiting.begin(&hosts(names));
        waiting
    }

    #[test]
    fn a_task_comes_out_when_the_last_host_has_reported_it() {
        let mut waiting = waiting("a b");
        assert_eq!(shown(waiting.ends(&end("b", 0))), "");
        assert_eq!(shown(waiting.ends(&end("b", 1))), "");
        assert_eq!(shown(waiting.ends(&end("a", 0))), "0@a 0@b");
        assert_eq!(shown(waiting.ends(&end("a", 1))), "1@a 1@b");
    }

    #[test]
    fn a_host_that_left_is_not_waited_for() {
        let mut waiting = waiting("a b c");
        waiting.ends(&end("b", 0));
        waiting.ends(&end("c", 0));
        waiting.ends(&end("b", 1));
        assert_eq!(shown(waiting.leaves(&"a".parse().unwrap())), "0@b 0@c");
        assert_eq!(shown(waiting.leaves(&"c".parse().unwrap())), "1@b");
        assert_eq!(shown(waiting.ends(&end("b", 2))), "2@b");
        assert_eq!(shown(waiting.leaves(&"b".parse().unwrap())), "");
    }

    #[test]
    fn a_task_of_one_host_only_comes_out_once_the_others_are_past_it() {
        let mut waiting = waiting("a b");
        assert_eq!(shown(waiting.ends(&end("a", 3))), "");
        assert_eq!(shown(waiting.ends(&end("b", 4))), "3@a");
    }

    #[test]
    fn handlers_stand_behind_the_task_after_which_they_ran() {
        let mut waiting = waiting("a b");
        let handler = |host| TaskEnd { handler: true, ..end(host, 9) };
        waiting.ends(&end("a", 0));
        waiting.ends(&handler("a"));
        waiting.ends(&end("a", 1));
        assert_eq!(shown(waiting.ends(&end("b", 0))), "0@a 0@b");
        assert_eq!(shown(waiting.ends(&handler("b"))), "h9@a h9@b");
        assert_eq!(shown(waiting.rest()), "1@a");
    }

    #[test]
    fn nothing_is_lost_when_a_batch_ends_early() {
        let mut waiting = waiting("a b");
        waiting.ends(&end("a", 0));
        assert_eq!(shown(waiting.begin(&hosts("c"))), "0@a");
        assert_eq!(shown(waiting.ends(&end("stranger", 0))), "");
        assert_eq!(shown(waiting.rest()), "0@stranger");
    }
}
