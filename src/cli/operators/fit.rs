//! Whether a version that is about to be signed can come into force, and can be followed by another one: what is signed is signed.

use super::super::{Exit, Failure};
use super::desk::Desk;
use crate::people::{Roster, Standing};
use crate::report::one_line;

impl Desk {
    /// Makes sure of it.
    ///
    /// # Errors
    /// Too few would lead with an agreement that counts, a seal is taken back, or a recipient is none.
    pub fn can_be_followed(&self, next: &Roster) -> Result<(), Failure> {
        let today = jiff::Zoned::now().date();
        let leads = next.people.values().filter(|one| Standing::of(one, today) == Standing::Lead).count();
        let needed = next.threshold.roster as usize;
        if leads < needed {
            let who = match leads {
                0 => "nobody would lead whose agreement counts today".to_owned(),
                1 => "one person would lead whose agreement counts today".to_owned(),
                n => format!("{n} people would lead whose agreement counts today"),
            };
            let message =
                format!("{who}, and the roster asks for {needed} of them: nobody could sign a roster again");
            return Err(Failure::new(Exit::Refused, message).hint(
                "see 'until' below their 'nda', and 'threshold.roster', in inventory/operators.yml; the last lead leaves after another one \
                 was promoted",
            ));
        }
        if next.settles.is_empty()
            && let Some((chain, seal)) =
                self.roster.sealed.iter().find(|(chain, seal)| next.sealed.get(*chain) != Some(seal))
        {
            let message = format!(
                "the seal of {chain} is another than in version {}: what was sealed stays sealed",
                self.roster.version
            );
            return Err(Failure::new(Exit::Refused, message).hint(format!(
                "put it back below 'sealed' in inventory/operators.yml: '{chain}: {{last: {}, digest: {}}}'",
                seal.last, seal.digest
            )));
        }
        for person in next.people.values() {
            for recipient in &person.age {
                if let Err(why) = crate::vault::is_recipient(recipient) {
                    let message =
                        format!("'{}' of {} is no recipient of age: {why}", one_line(recipient), person.name);
                    return Err(Failure::usage(message).hint(
                        "below 'age' in inventory/operators.yml stands what 'age-keygen -y' prints: 'age1…'",
                    ));
                }
            }
        }
        Ok(())
    }
}
