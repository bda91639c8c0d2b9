//! `wgops facts`: what a host says about itself.

use super::args::{Reach, Shape, Targets};
use super::{Console, Exit, Failure};
use clap::Args;

/// Show what hosts say about themselves: ansible_facts, as playbooks see them
///
/// Example:
///   wgops facts -i prod -l web1
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Facts {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    shape: Shape,
}

impl Facts {
    pub fn perform(self, _console: &Console) -> Result<Exit, Failure> {
        super::repository::Repository::here()?.inventory(&self.targets)?;
        Err(Failure::usage("'wgops facts' is not there yet"))
    }
}
