//! `wgops operators sign`: a lead's signature under what stands in the roster's file.

use super::super::repository::Repository;
use super::super::trust::{ROSTER, Trust, remember};
use super::super::{Console, Exit, Failure};
use super::desk::{Desk, compared, confirm, confirm_to, write};
use crate::ledger::RosterFile;
use crate::load::Access;
use crate::model::Role;
use crate::people::{Roster, Standing};
use crate::report::one_line;
use clap::Args;

/// Sign the roster as it stands in inventory/operators.yml: after editing it by hand, or as the second lead
///
/// Counts the version up, links it to the one before and seals the chains of who lost a role or a key, where that was not
/// done by hand. It signs what wgops.yml says under 'access', too. Where two leads changed the roster at once, it makes the
/// version that takes up what both changed. A version that was signed here and lost before its commit it puts back.
#[derive(Args)]
pub struct Sign {
    /// Sign without asking
    #[arg(short, long)]
    yes: bool,
}

impl Sign {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        if put_back(console, self.yes)? {
            return Ok(Exit::Well);
        }
        let desk = Desk::read(console)?;
        let file = Roster::parse(&desk.file, desk.text.as_bytes())?;
        may_sign(&desk, &file)?;
        let access = Repository::here()?.settings().access;
        let signs = access.as_ref().map(Access::digest);
        if desk.record.has_roster(file.digest)
            && file.settles.contains(&desk.roster.digest)
            && file.access == signs
        {
            return self.second(console, &desk, file);
        }
        let waits = file.version > desk.roster.version && desk.record.has_roster(file.digest);
        if !waits && let Some(settlement) = desk.settlement(console, &file, signs)? {
            console.tell(&settlement.told);
            let next = desk.make(console, settlement.text, self.yes)?;
            desk.tell(console, &next)?;
            return Ok(Exit::Well);
        }
        if let Some(waiting) =
            desk.who.waits.as_ref().filter(|_| !waits && desk.record.has_roster(file.digest))
        {
            // Somebody else's version of the same number, which whoever types can't settle: it is not theirs to sign anew.
            let failure = Failure::new(Exit::Refused, waiting.why.clone());
            return Err(waiting.todo.iter().fold(failure, |failure, todo| failure.hint(todo.clone())));
        }
        if file.digest == desk.roster.digest && !desk.record.has_roster(file.digest) && file.access == signs {
            return self.unsigned(console, &desk, file);
        }
        if file.digest == desk.roster.digest && file.access == signs {
            console
                .tell(&format!("Version {} is in force already; there is nothing to sign.\n", file.version));
            return Ok(Exit::Well);
        }
        let seals = desk.seals(&file.people)?;
        let missing: indexmap::IndexMap<_, _> =
            seals.into_iter().filter(|(chain, _)| !file.sealed.contains_key(chain)).collect();
        let linked = file.version == desk.roster.version + 1 && file.previous == Some(desk.roster.digest);
        if linked && file.access.is_some() && file.access != signs {
            let message = format!("'access' in wgops.yml is not what version {} signs", file.version);
            return Err(Failure::new(Exit::Refused, message)
                .hint("pull; or put wgops.yml or inventory/operators.yml back as the first lead had it"));
        }
        if linked && missing.is_empty() && file.access == signs {
            return self.second(console, &desk, file);
        }
        if let Some(access) = access.as_ref().filter(|_| desk.roster.access != signs) {
            console.tell(&format!("It signs 'access' of wgops.yml: {}.\n", one_line(&access.in_words())));
        }
        if access.is_none() && desk.roster.access.is_some() {
            console.tell("wgops.yml has no 'access' any more: what the roster signed of it is taken out.\n");
        }
        let text = desk.roster.counted_up(&desk.file, &desk.text, &missing, signs)?;
        let next = desk.make(console, text, self.yes)?;
        desk.tell(console, &next)?;
        Ok(Exit::Well)
    }

    /// The version in force, which nobody has signed yet. Whoever signs it has compared it, so it is no news here any more.
    fn unsigned(&self, console: &Console, desk: &Desk, roster: Roster) -> Result<Exit, Failure> {
        confirm(console, roster.version, self.yes)?;
        desk.sign(console, &roster, &desk.text)?;
        console.tell(&format!("Version {} is in the ledger now. Commit and push it.\n", roster.version));
        remember(&desk.root, &RosterFile { roster, text: desk.text.clone() });
        Ok(Exit::Well)
    }

    /// The file is the next version already, to the byte.
    fn second(&self, console: &Console, desk: &Desk, roster: Roster) -> Result<Exit, Failure> {
        desk.can_be_followed(&roster)?;
        desk.is_nobody_elses(console, &roster)?;
        console.tell(&compared(&desk.in_force, &desk.text));
        confirm(console, roster.version, self.yes)?;
        desk.sign(console, &roster, &desk.text)?;
        desk.tell(console, &RosterFile { roster, text: desk.text.clone() })?;
        Ok(Exit::Well)
    }
}

/// Puts back a version that is in force and was lost before its commit; whether that is all. Where the ledger has lost its
/// signature with it, a lead signs it once more.
fn put_back(console: &Console, yes: bool) -> Result<bool, Failure> {
    let repository = Repository::here()?;
    // What can't be told here is told when the desk is laid out.
    let Ok(Some((lost, is_signed))) = Trust::lost(console, &repository) else { return Ok(false) };
    let version = lost.roster.version;
    let file = repository.needed()?.join(ROSTER);
    let here = std::fs::read_to_string(&file).unwrap_or_default();
    console.tell(&format!(
        "Version {version} of the roster was signed and is in force; inventory/operators.yml is an older one, as if it had been lost before its commit.\n"
    ));
    console.tell(&compared(&here, &lost.text));
    confirm_to(console, version, "put it back", yes)?;
    write(&file, &lost.text)?;
    console.tell(&format!(
        "Version {version} is back. {}\n",
        match is_signed {
            true => "Commit and push it with the ledger.",
            false => "The ledger has lost its signature: a lead signs it once more.",
        }
    ));
    Ok(is_signed)
}

/// A lead signs, of the version in force or of the one that is to be. Whose agreement has ended does not renew it themselves.
fn may_sign(desk: &Desk, file: &Roster) -> Result<(), Failure> {
    let today = jiff::Zoned::now().date();
    let me = desk.who.identity.proven().map(|proven| &proven.operator);
    let leads = |roster: &Roster| {
        me.and_then(|me| roster.person(me)).is_some_and(|one| Standing::of(one, today) == Standing::Lead)
    };
    let lapsed = matches!(desk.who.standing, Standing::Lapsed(Role::Lead, _));
    if leads(&desk.roster) || (leads(file) && !lapsed) {
        return Ok(());
    }
    let why = desk.who.standing;
    let refused = Failure::new(Exit::Refused, format!("only a lead signs the roster: {why}"));
    let another = desk.roster.people.values().any(|one| Standing::of(one, today) == Standing::Lead);
    Err(match lapsed && !another {
        true => refused.hint(format!(
            "no lead is left whose agreement counts: the group agrees by voice on a file that renews one, and everybody gives \
             its pin once (of this one: --roster-pin {}:{})",
            file.version, file.digest
        )),
        false => refused,
    })
}
