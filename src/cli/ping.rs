//! `wgops ping`: whether hosts can be reached, logged in to and spoken with.

use super::args::{Reach, Shape, Targets};
use super::{Console, Exit, Failure};
use clap::Args;

/// Try to reach hosts: connect, log in, speak to their shell
///
/// Example:
///   wgops ping -i prod -l web
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Ping {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    shape: Shape,
}

impl Ping {
    pub fn perform(self, _console: &Console) -> Result<Exit, Failure> {
        super::repository::Repository::here()?.inventory(&self.targets)?;
        Err(Failure::usage("'wgops ping' is not there yet"))
    }
}
