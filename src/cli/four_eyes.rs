//! Four eyes: hosts on which the roster asks for more than one cleared person behind what is applied. There nothing is run
//! directly, by nobody; a plan is applied behind which so many stand: its maker, those who approved it, and who applies it.

use super::repository::Repository;
use super::{Exit, Failure};
use crate::event::{HeldOut, HoldCause};
use crate::ledger::plan::Plan;
use crate::ledger::{PlanRef, Record, Report};
use crate::load::Inventory;
use crate::model::{HostName, OperatorName};
use crate::people::{ApplyThreshold, Roster, Standing};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// How many people each host asks for.
pub struct FourEyes {
    threshold: ApplyThreshold,
    inventories: Vec<Inventory>,
}

impl FourEyes {
    /// By the roster, and by every inventory of the ops repository: under which one a host was named does not change whose
    /// it is.
    ///
    /// # Errors
    /// The roster names a group that no inventory has: with a typo it would ask for nobody. Or one of the inventories can't be
    /// read: then nobody knows who is in its groups.
    pub fn of(repository: &Repository, roster: &Roster, inventory: &Inventory) -> Result<Self, Failure> {
        let threshold = roster.threshold.apply.clone();
        if threshold.groups.is_empty() {
            return Ok(Self { threshold, inventories: Vec::new() });
        }
        let mut inventories = vec![inventory.clone()];
        for other in repository.inventories() {
            inventories.push(other?);
        }
        let known = |group: &str| inventories.iter().any(|one| one.members(group).is_some());
        match threshold.groups.keys().find(|group| !known(group)) {
            Some(group) => {
                let message =
                    format!("the roster asks for more people on the group '{group}', which no inventory has");
                Err(Failure::usage(message)
                    .hint("a lead corrects threshold.apply.groups in inventory/operators.yml, then 'wgops operators sign'"))
            }
            None => Ok(Self { threshold, inventories }),
        }
    }

    /// How many cleared people it takes on a host: what the strictest of its groups says, else the default.
    pub fn needed(&self, host: &HostName) -> u32 {
        let is_in = |group: &str| {
            self.inventories.iter().any(|one| one.members(group).is_some_and(|all| all.contains(&host)))
        };
        let by_group = self.threshold.groups.iter().filter(|(group, _)| is_in(group));
        by_group.map(|(_, people)| *people).max().unwrap_or(self.threshold.default)
    }

    /// Whether any host may ask for more people than these.
    pub fn asks_for_more_than(&self, people: u32) -> bool {
        self.threshold.groups.values().chain([&self.threshold.default]).any(|needed| *needed > people)
    }

    /// That a host is held out, where so many people are too few for it.
    pub fn out(&self, host: &HostName, people: u32) -> Option<HeldOut> {
        let needed = self.needed(host);
        (needed > people).then(|| HeldOut {
            host: host.clone(),
            cause: HoldCause::FourEyes,
            message: format!(
                "takes {needed} cleared people: make a plan (--plan-out), have it approved ('wgops approve'), then 'wgops apply'"
            ),
            until: None,
        })
    }
}

/// The cleared people behind a plan: each counts once, however often and in whichever way they stand behind it.
pub fn behind(
    record: &Record,
    report: &Report,
    roster: &Roster,
    plan: &PlanRef,
    today: Date,
) -> BTreeSet<OperatorName> {
    let cleared =
        |name: &OperatorName| matches!(roster.standing(name, today), Standing::Lead | Standing::Operator);
    let mut people = record.approvals(plan.digest, roster, report);
    people.push(plan.maker.clone());
    people.into_iter().filter(cleared).collect()
}

/// Makes sure that enough people stand behind a plan, whoever applies it among them.
///
/// # Errors
/// They don't.
pub fn enough(
    eyes: &FourEyes,
    plan: &Plan,
    mut people: BTreeSet<OperatorName>,
    me: &OperatorName,
    file: &str,
) -> Result<(), Failure> {
    people.insert(me.clone());
    let have = people.len() as u64;
    let asks = |(host, planned): (&HostName, &crate::ledger::plan::HostPlan)| {
        let needed = eyes.needed(host);
        (!planned.is_empty() && u64::from(needed) > have).then(|| (host.clone(), needed))
    };
    let lacking: Vec<(HostName, u32)> = plan.hosts.iter().filter_map(asks).collect();
    let Some(needed) = lacking.iter().map(|(_, needed)| *needed).max() else { return Ok(()) };
    let hosts: Vec<&str> = lacking.iter().map(|(host, _)| host.as_str()).collect();
    let names: Vec<&str> = people.iter().map(OperatorName::as_str).collect();
    let message = format!(
        "the plan is not approved: {} asks for {needed} cleared people, and behind it stands {}",
        hosts.join(", "),
        names.join(" and ")
    );
    Err(Failure::new(Exit::Refused, message).hint(format!(
        "somebody else who is cleared looks at it and types 'wgops approve {file}', then pull"
    )))
}
