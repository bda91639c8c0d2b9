//! What a real run may send where somebody approved it beforehand.

use super::made::change_made;
use super::unit::Prepared;
use crate::event::{ChangeMade, Sent};
use crate::model::{Digest, Nonce};
use crate::modules::Change;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a real run may send to a host, where somebody approved it beforehand.
#[derive(Clone, Default)]
pub struct Approved {
    /// Identities of changes.
    pub changes: Arc<BTreeSet<Digest>>,
    /// What identities of changes that hold secrets are made under.
    pub key: Option<Nonce>,
    /// Modules and scripts that are bound in another way, or follow from the others.
    pub exempt: Arc<[&'static str]>,
}

impl Approved {
    /// The first of a task's changes that nobody approved.
    pub fn lacks<'a>(&self, module: &str, prepared: &'a Prepared) -> Option<&'a str> {
        let is_exempt = |name: &str| self.exempt.contains(&name);
        let is_bound = |change: &&Change| !is_exempt(change.script.name) || change.names_a_command();
        let mut changes = prepared.outcome.changes.iter().filter(is_bound);
        let lacks = |change: &&Change| {
            let made = change_made(change, &prepared.user);
            let Some(sends) = &made.sends else { return true };
            let is_in =
                |sends: &Sent| self.changes.contains(&ChangeMade::identity_of(&made.script_digest, sends));
            !is_in(sends) && !self.key.as_ref().is_some_and(|key| is_in(&sends.keyed(key)))
        };
        // What a playbook names instead of the usual command has to be among the changes that people were shown.
        let is_free = |change: &&Change| is_exempt(module) && !change.names_a_command();
        changes.find(|change| !is_free(change) && lacks(change)).map(|change| change.summary.as_str())
    }
}
