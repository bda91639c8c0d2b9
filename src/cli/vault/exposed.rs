//! `wgops vault exposed`: what somebody could have read and what was not set anew since. Sealing for others takes nothing
//! out of a head: only a new value does.

use super::super::{Console, Exit, Failure, ask};
use super::desk::{Desk, today};
use super::list::day;
use crate::ledger::{SealAct, SealedValue};
use crate::model::{OperatorName, Role, nearest};
use crate::people::Roster;
use crate::report::one_line;
use crate::vault::{Readers, Seal, Sheet, Subject};
use clap::Args;

/// List what somebody could have read and what was not set anew since
///
/// For somebody who may read it today still, that is everything they may read; for somebody who left, the list of what
/// is to be changed, on the servers and then with 'wgops vault set', until it is empty.
#[derive(Args)]
pub struct Exposed {
    /// A name in the roster, or of somebody who left it
    #[arg(value_name = "PERSON")]
    name: OperatorName,
    /// Take off the list what is no longer in any file, because you changed it where it was used
    #[arg(long)]
    retire: bool,
    /// Do so without asking
    #[arg(short, long, requires = "retire")]
    yes: bool,
}

impl Exposed {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::read(console)?;
        let known = desk.roster.person(&self.name).is_some();
        let read = desk.history.exposed(&self.name).next().is_some();
        if !known && !read {
            let near = nearest(self.name.as_str(), desk.roster.people.keys().map(OperatorName::as_str));
            let failure = Failure::usage(format!("nobody in the roster is called '{}'", self.name));
            return Err(match near {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure.hint("'wgops operators list' shows everybody"),
            });
        }
        if self.retire {
            return self.retire(console, &desk);
        }
        let text = list(&desk, &self.name);
        match text.is_empty() {
            true => console.tell(&format!("Nothing that {} could have read is still the same.\n", self.name)),
            false => console.result(&text)?,
        }
        Ok(Exit::Well)
    }

    fn retire(&self, console: &Console, desk: &Desk<'_>) -> Result<Exit, Failure> {
        desk.cleared()?;
        let gone: Vec<(&Subject, &Seal)> = desk
            .history
            .exposed(&self.name)
            .filter(|(subject, _)| stands(desk, subject) == Stands::Nowhere)
            .collect();
        let me = &desk.cleared()?.operator;
        // Whose word does not count is told so, and not that the list is shorter.
        let (gone, others): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(subject, _)| desk.history.may_retire(&desk.roster, subject, me));
        for (subject, _) in &others {
            console.tell(&format!(
                "  {} stays on the list: you could never read it, so a lead takes it off\n",
                one_line(&subject.to_string())
            ));
        }
        if !others.is_empty() && gone.is_empty() {
            return Ok(Exit::Refused);
        }
        if gone.is_empty() {
            console.tell("Everything on the list still stands in a file: 'wgops vault set' takes it off.\n");
            return Ok(Exit::Well);
        }
        for (subject, _) in &gone {
            console.tell(&format!("  {}\n", one_line(&subject.to_string())));
        }
        if !self.yes {
            ask::somebody_is_there_to_sign(console)?;
            let prompt = "Type 'changed' if each was changed where it was used: ";
            if ask::types(console, prompt)? != "changed" {
                return Err(Failure::usage("nothing was taken off the list"));
            }
        }
        let entry = |(subject, seal): &(&Subject, &Seal)| SealedValue {
            act: SealAct::Retired,
            generation: desk.history.next_generation(subject),
            readers: Vec::new(),
            ..seal.value.clone()
        };
        desk.record(gone.iter().map(entry).collect())?;
        console.tell("Taken off the list. Commit the ledger.\n");
        Ok(Exit::Well)
    }
}

/// Where a value stands.
#[derive(PartialEq, Eq)]
enum Stands {
    /// Sealed, in its file.
    Sealed,
    /// In its file, for everybody to read.
    Plain,
    /// In a file that can't be read, if at all.
    Unreadable,
    Nowhere,
}

fn stands(desk: &Desk<'_>, subject: &Subject) -> Stands {
    let path = desk.root.join(&subject.file);
    if std::fs::symlink_metadata(&path).is_err() {
        return Stands::Nowhere;
    }
    let target = super::desk::Target { path, file: subject.file.clone() };
    let Ok(all) = desk.standing(&target) else { return Stands::Unreadable };
    let is_plain =
        |name: &String| Sheet::read(&target.path).is_ok_and(|sheet| sheet.plain().contains_key(name));
    match all.iter().any(|one| one.subject == *subject) {
        true => Stands::Sealed,
        false if subject.name.as_ref().is_some_and(is_plain) => Stands::Plain,
        false => Stands::Nowhere,
    }
}

fn list(desk: &Desk<'_>, name: &OperatorName) -> String {
    let line = |(subject, seal): (&Subject, &Seal)| {
        let reads = Readers::of(&desk.roster, &subject.file, today())
            .is_ok_and(|readers| readers.names().contains(name));
        let by_a_key = desk.history.exposed_by_a_key(name).any(|(lost, _)| lost == subject);
        let state = match (reads && !by_a_key, stands(desk, subject)) {
            (true, _) => "may read it today",
            (false, Stands::Sealed) if reads => "to be set anew: a key of theirs that is gone opens it",
            (false, Stands::Sealed) => "to be set anew",
            (false, Stands::Plain) => "in its file for everybody to read: to be set anew",
            (false, Stands::Unreadable) => {
                "its file can't be read ('wgops vault list' says why): to be set anew"
            }
            (false, Stands::Nowhere) => "gone from its file: change it where it was used, then --retire",
        };
        format!("{}  sealed by {} on {}: {state}\n", one_line(&subject.to_string()), seal.by, day(seal))
    };
    desk.history.exposed(name).map(line).collect()
}

/// Whom the rules of an earlier roster let read something that those in force don't.
pub(super) fn taken_off(desk: &Desk<'_>, before: &Roster) -> Vec<OperatorName> {
    let names = |roster: &Roster, file: &str| Readers::of(roster, file, today()).map(|one| one.names());
    let lost = |(subject, _): (&Subject, &[Seal])| {
        let now = names(&desk.roster, &subject.file).unwrap_or_default();
        let mut then = names(before, &subject.file).unwrap_or_default();
        then.retain(|name| !now.contains(name));
        then
    };
    desk.history.iter().flat_map(lost).collect()
}

/// Says what somebody who may read less than before could have read.
pub(super) fn tell(console: &Console, desk: &Desk<'_>, name: &OperatorName) {
    let is_cleared =
        desk.roster.person(name).is_some_and(|person| matches!(person.role, Role::Lead | Role::Operator));
    // What nobody's rule names nobody reads any more, whoever it is: they lost nothing of it.
    let still = |subject: &Subject| match Readers::of(&desk.roster, &subject.file, today()) {
        Ok(readers) => readers.names().contains(name),
        Err(_) => is_cleared && stands(desk, subject) == Stands::Nowhere,
    };
    let open: Vec<String> = desk
        .history
        .exposed(name)
        .filter(|(subject, _)| {
            !still(subject) || desk.history.exposed_by_a_key(name).any(|(lost, _)| lost == *subject)
        })
        .map(|(subject, _)| format!("  {}\n", one_line(&subject.to_string())))
        .collect();
    let by_a_key = match desk.history.exposed_by_a_key(name).next() {
        Some(_) => ", and so can whoever has their key that is gone",
        None => "",
    };
    if !open.is_empty() {
        console.tell(&format!(
            "{name} could read these values{by_a_key}. Change each where it is used, then 'wgops vault set' it ('wgops vault exposed {name}' lists what is left):\n{}",
            open.concat()
        ));
    }
}
