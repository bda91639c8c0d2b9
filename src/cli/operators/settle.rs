//! Two leads changed the roster at once, each in their own clone: the next version takes up what both changed, and stands in the
//! place of either. Everybody else goes on with it, whichever of the two they had met.

use super::super::trust::ROSTER;
use super::super::{Console, Exit, Failure};
use super::desk::Desk;
use crate::ledger::{Rival, RosterFile};
use crate::model::{Digest, OperatorName};
use crate::people::{Amendment, Roster, Standing};
use jiff::civil::Date;
use std::path::Path;

/// A version that was signed at the same time as another one.
struct Side {
    file: RosterFile,
    common: Roster,
    signers: Vec<OperatorName>,
}

/// The next version, where there is more than one to follow.
pub struct Settlement {
    /// Its text.
    pub text: String,
    /// What it does, for whoever signs it.
    pub told: String,
}

impl Side {
    fn named(&self) -> String {
        let names: Vec<&str> = self.signers.iter().map(OperatorName::as_str).collect();
        let version = self.file.roster.version;
        match names.is_empty() {
            true => format!("version {version}"),
            false => format!("version {version} of {}", names.join(" and ")),
        }
    }

    /// Whether everybody who signed it, or a version of its own that leads to it, leads today by another one.
    fn is_of_leads(&self, roster: &Roster) -> bool {
        let today = jiff::Zoned::now().date();
        let leads = |name: &OperatorName| roster.standing(name, today) == Standing::Lead;
        !self.signers.is_empty() && self.signers.iter().all(leads)
    }

    fn is_unheard(&self, is_by_hand: bool) -> String {
        let taken = match is_by_hand {
            true => "what stands in the file is taken up, and nothing besides",
            false => "nothing is taken up",
        };
        format!(
            "Of {} {taken}: not everybody who signed it leads today. Look at it before you sign: git log -- {ROSTER}\n",
            self.named()
        )
    }
}

/// What the next version comes to.
struct Draft {
    now: Roster,
    change: Amendment,
}

impl Draft {
    /// Takes up what a side changed: its seals, and of people what it may.
    fn take(&mut self, side: &Side, and_people: bool) {
        let taken = self.now.taking_up(&side.file.roster, &side.common);
        for person in taken.people.into_iter().filter(|_| and_people) {
            self.now.people.insert(person.name.clone(), person.clone());
            self.change.people.retain(|known| known.name != person.name);
            self.change.people.push(person);
        }
        self.now.sealed.extend(taken.sealed.clone());
        self.change.sealed.extend(taken.sealed);
    }
}

impl Desk {
    /// The version that settles what stands beside the one in force, if anything does that whoever types may settle.
    ///
    /// # Errors
    /// It would give back what one of them took, or nobody but whoever types can say what is to count.
    pub fn settlement(
        &self,
        console: &Console,
        file: &Roster,
        access: Option<Digest>,
    ) -> Result<Option<Settlement>, Failure> {
        let place = RosterFile { roster: file.clone(), text: self.text.clone() };
        let in_force = RosterFile { roster: self.roster.clone(), text: self.in_force.clone() };
        let rivals = self.record.rivals(&[place, in_force.clone()], &self.roster);
        let (mine, others): (Vec<Rival>, Vec<Rival>) =
            rivals.into_iter().partition(|rival| self.leads_in(&rival.file.roster));
        for other in others {
            console.tell(&self.is_not_mine(&side(other)));
        }
        let Some(common) = mine.iter().map(|rival| &rival.common.roster).min_by_key(|one| one.version) else {
            return Ok(None);
        };
        if !self.leads_in(&self.roster) {
            return Ok(None);
        }
        let signers = self.record.signers(self.roster.digest);
        let mut base = Side { file: in_force, common: common.clone(), signers };
        let mut others = Vec::new();
        for one in mine.into_iter().map(side) {
            // The longer line goes on, so that the next number is one that nobody has met; of two that are as long, the one that lies here.
            let number = |side: &Side| (side.file.roster.version, side.file.roster.digest == file.digest);
            match number(&one) > number(&base) {
                true if one.is_of_leads(&self.roster) => others.push(std::mem::replace(&mut base, one)),
                false => others.push(one),
                true if one.file.roster.version == base.file.roster.version => others.push(one),
                true => console.tell(&self.is_longer(&one)),
            }
        }
        if others.is_empty() {
            return Ok(None);
        }
        self.settle(&base, &others, (file, access)).map(Some)
    }

    fn settle(
        &self,
        base: &Side,
        others: &[Side],
        (file, access): (&Roster, Option<Digest>),
    ) -> Result<Settlement, Failure> {
        let is_by_hand = !self.record.has_roster(file.digest);
        let text = if is_by_hand { &self.text } else { &base.file.text };
        let mut told = format!(
            "The roster was changed in two places at once: {}, and {}. This version follows the first.\n",
            base.named(),
            others.iter().map(Side::named).collect::<Vec<_>>().join(", and ")
        );
        let mut draft =
            Draft { now: Roster::parse(Path::new(ROSTER), text.as_bytes())?, change: Amendment::default() };
        let (heard, unheard): (Vec<&Side>, Vec<&Side>) = others
            .iter()
            .partition(|other| other.is_of_leads(&base.file.roster) && other.is_of_leads(&self.roster));
        for other in &heard {
            if !is_by_hand {
                self.decides_alone(base, other)?;
            }
            draft.take(other, true);
            told.push_str(&format!("It takes up what {} changed of people.\n", other.named()));
        }
        for other in &unheard {
            // What was sealed stays sealed all the same.
            draft.take(other, false);
            told.push_str(&other.is_unheard(is_by_hand));
        }
        let ends = self.seals(&draft.now.people)?.into_iter();
        draft.change.sealed.extend(ends.filter(|(chain, _)| !draft.now.sealed.contains_key(chain)));
        let settles: Vec<Digest> = others.iter().map(|other| other.file.roster.digest).collect();
        let path = Path::new(ROSTER);
        let text = base.file.roster.settling(path, text, &draft.change, (&settles, access))?;
        let next = Roster::parse(path, text.as_bytes())?;
        for side in heard.into_iter().chain([base]) {
            let undone = next.undoes(&side.file.roster, &side.common);
            if !undone.is_empty() {
                return Err(self.say_by_hand(side, &undone));
            }
        }
        Ok(Settlement { text, told })
    }

    /// What both say of more than people, and not alike, nobody can put together but whoever signs.
    fn decides_alone(&self, base: &Side, other: &Side) -> Result<(), Failure> {
        let theirs = other.file.roster.parts_unlike(&other.common);
        let unlike = base.file.roster.parts_unlike(&other.file.roster).into_iter();
        let both: Vec<String> = unlike
            .filter(|part| theirs.contains(part))
            .map(|part| format!("'{part}' is another there"))
            .collect();
        if both.is_empty() { Ok(()) } else { Err(self.say_by_hand(other, &both)) }
    }

    fn say_by_hand(&self, side: &Side, undone: &[String]) -> Failure {
        let message = format!(
            "what the two versions are to come to can't be told: of {}, {}",
            side.named(),
            undone.join("; ")
        );
        Failure::new(Exit::Refused, message).hint(
            "write into inventory/operators.yml what is to count, and 'wgops operators sign' again; what one of them takes from \
             somebody is given back in a version of its own, if at all",
        )
    }

    /// Whether whoever types leads by a version, with the key that they have.
    fn leads_in(&self, roster: &Roster) -> bool {
        let today: Date = jiff::Zoned::now().date();
        let Some(me) = self.who.identity.proven() else { return false };
        roster
            .owner(&me.key)
            .is_some_and(|one| one.name == me.operator && Standing::of(one, today) == Standing::Lead)
    }

    fn is_longer(&self, side: &Side) -> String {
        format!(
            "Beside version {} stands {}, signed by somebody who leads no more, and its number is as high or higher: it is settled by a later \
             version than that, or the group agrees by voice on one (docs/people.md).\n",
            self.roster.version,
            side.named()
        )
    }

    fn is_not_mine(&self, side: &Side) -> String {
        format!(
            "Beside version {} stands {}, and by that one you don't lead today: who leads by both settles it with 'wgops operators sign'; \
             where nobody does, the group agrees by voice on one, and who met the other gives its pin once (docs/people.md).\n",
            self.roster.version,
            side.named()
        )
    }
}

fn side(rival: Rival) -> Side {
    Side { file: rival.file, common: rival.common.roster, signers: rival.signers }
}
