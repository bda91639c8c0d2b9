//! By what an audit is judged, put together from the command line and files; and what a finding's age is.

use crate::event::Event;
use crate::model::{FailOn, Judging};
use std::borrow::Cow;

/// By what an audit is judged.
pub struct Judge {
    judging: Judging,
}

impl Judge {
    /// Judges by rules, now.
    pub fn new(fail_on: FailOn) -> Self {
        let playbooks = vec!["playbooks/audit.yml".to_owned()];
        Self { judging: Judging { at: jiff::Timestamp::now(), fail_on, playbooks, ..Judging::default() } }
    }

    /// The event that tells reports and the ledger.
    pub fn event(&self) -> Event {
        Event::Judging(Box::new(self.judging.clone()))
    }

    /// An event as it is told.
    pub fn look<'a>(&self, event: &'a Event) -> Cow<'a, Event> {
        Cow::Borrowed(event)
    }
}
