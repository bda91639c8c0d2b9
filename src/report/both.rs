//! Two reporters on one stream, the first one first.

use super::Reporter;
use crate::event::Event;
use std::io::{self, Write};

pub(super) struct Both<A, B>(pub A, pub B);

impl<A: Reporter, B: Reporter> Reporter for Both<A, B> {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        self.0.event(event, out)?;
        self.1.event(event, out)
    }
}
