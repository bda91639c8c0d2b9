//! Which hosts a play is for once its turn has come, where tasks before it may have added hosts or groups.

use super::prepare::put_in_order;
use crate::load::inventory::Pattern;
use crate::load::playbook;
use crate::model::HostName;
use crate::plan::{Hosts, Play, foresee};
use crate::template::Templates;
use std::collections::BTreeSet;

/// Chooses hosts of plays anew.
#[derive(Clone, Default)]
pub struct Chooser {
    /// How each play chooses.
    pub(super) plays: Vec<Choice>,
    /// `--limit`.
    pub(super) limit: Option<Pattern>,
    /// The hosts that a run is bound to, if it is.
    pub(super) only: Option<BTreeSet<HostName>>,
}

/// How a play chooses its hosts.
#[derive(Clone)]
pub(super) struct Choice {
    pub pattern: Pattern,
    pub order: playbook::Order,
    /// What it chose before anything was added.
    pub known: BTreeSet<HostName>,
}

impl Chooser {
    /// The hosts of a play. What was left out of those that were known before stays left out.
    pub(super) fn targets(&self, number: usize, targeted: &[HostName], hosts: &Hosts) -> Vec<HostName> {
        let (Some(choice), Some(inventory)) = (self.plays.get(number), &hosts.inventory) else {
            return targeted.to_vec();
        };
        if hosts.additions == 0 {
            return targeted.to_vec();
        }
        let limit: Option<BTreeSet<HostName>> =
            self.limit.as_ref().map(|limit| inventory.select_known(limit).into_iter().collect());
        let may = |host: &HostName| {
            !choice.known.contains(host)
                && limit.as_ref().is_none_or(|limit| limit.contains(host))
                && self.only.as_ref().is_none_or(|only| only.contains(host))
        };
        let mut now = inventory.select_known(&choice.pattern);
        now.retain(|host| targeted.contains(host) || may(host));
        match choice.order {
            // Chance decided already.
            playbook::Order::Shuffle => {
                let place = |host: &HostName| targeted.iter().position(|known| known == host);
                now.sort_by_key(|host| place(host).unwrap_or(usize::MAX));
            }
            order => put_in_order(&mut now, order),
        }
        now
    }
}

/// Whether tasks of a play may add hosts or groups, as far as is known without a host.
pub(super) fn adds_hosts(play: &Play, templates: &Templates) -> bool {
    let (tasks, _) = foresee(play, templates);
    tasks.iter().any(|seen| seen.task.module.alters_inventory())
}
