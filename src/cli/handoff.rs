//! `wgops handoff`: passes a run on to somebody else, in the ledger.

use super::record::{About, Record};
use super::repository::Repository;
use super::runs::Known;
use super::who::Who;
use super::{Console, Exit, Failure};
use crate::ledger::{Details, Kind, RunState};
use crate::model::{OperatorName, Role};
use crate::people::{Permission, Proven, Roster, Standing, Verb};
use clap::Args;

const EXAMPLES: &str = "\
Example:
  wgops handoff 01JQ --to carol --note \"web3 hangs in its boot loader; the console is open\"";

/// Hand a run over to somebody, who can then resume it
///
/// Who began the run, who has it now, or a lead may. It stands first in that person's 'wgops runs'.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Handoff {
    /// The run's id, or enough of its beginning
    run: String,
    /// Who goes on with it: a name of the roster
    #[arg(long, value_name = "NAME")]
    to: OperatorName,
    /// What they should know
    #[arg(long, value_name = "TEXT")]
    note: String,
}

impl Handoff {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let who = Who::find(console, &repository)?;
        let (me, roster) = cleared(&who, "hand over a run")?;
        let known = Known::read(root, roster)?;
        let run = known.run(&self.run)?;
        known.sound(run)?;
        may_hand_over(me, run)?;
        may_get(roster, &self.to)?;
        if run.is_finished() {
            return Err(Failure::usage(format!("nothing is left of run {}: every host is done", run.run)));
        }
        let details = Details {
            to: Some(self.to.clone()),
            note: Some(self.note),
            hosts: run.left().map(|(host, _)| host.clone()).collect(),
            ..Details::default()
        };
        let about = About { run: run.run, verb: run.verb.unwrap_or(Verb::Run), details };
        if let Some(record) = Record::open(console, Some(root), &who, about)? {
            record.say(Kind::Handoff)?;
        }
        console.tell(&format!(
            "Run {} is handed over to {}; commit and push the ledger, so that it shows there.\n",
            run.run, self.to
        ));
        Ok(Exit::Well)
    }
}

/// Whoever proved to be typing, where they may change servers.
///
/// # Errors
/// They may not.
pub fn cleared<'a>(who: &'a Who, what: &str) -> Result<(&'a Proven, &'a Roster), Failure> {
    match (who.standing.may(Verb::Patch), who.identity.proven(), &who.roster) {
        (Permission::Change, Some(proven), Some(roster)) => Ok((proven, roster)),
        (Permission::DryRun { why } | Permission::Refuse { why }, ..) => {
            Err(Failure::new(Exit::Refused, format!("you can't {what}: {why}")))
        }
        _ => Err(Failure::new(Exit::Refused, format!("you can't {what}: nobody knows who you are"))),
    }
}

fn may_hand_over(me: &Proven, run: &RunState) -> Result<(), Failure> {
    if me.role == Role::Lead || me.operator == run.holder || me.operator == run.owner {
        return Ok(());
    }
    let (id, holder) = (run.run, &run.holder);
    Err(Failure::new(Exit::Refused, format!("run {id} is {holder}'s: only {holder} or a lead hands it over")))
}

fn may_get(roster: &Roster, to: &OperatorName) -> Result<(), Failure> {
    match roster.standing(to, jiff::Zoned::now().date()) {
        Standing::Lead | Standing::Operator => Ok(()),
        Standing::Stranger => {
            let mut names: Vec<&str> = roster.people.keys().map(OperatorName::as_str).collect();
            names.sort_unstable();
            Err(Failure::usage(format!("nobody in the roster is called '{to}'"))
                .hint(format!("there is {}", names.join(", "))))
        }
        Standing::Left => Err(Failure::new(Exit::Refused, format!("{to} has left the group"))),
        standing => Err(Failure::new(Exit::Refused, format!("{to} can't go on with a run: {standing}"))),
    }
}
