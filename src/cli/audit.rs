//! `wgops audit`: looks at hosts and judges them, changing nothing. It runs `playbooks/audit.yml` of the ops
//! repository, or the built-in copy.

use super::args::{Reach, Shape, Targets};
use super::{Console, Exit, Failure};
use crate::report::FailOn;
use clap::Args;
use std::path::PathBuf;

/// The playbook where the ops repository has none, and what `wgops init` writes.
pub const PLAYBOOK: &str = include_str!("init/audit.yml");

/// Look at hosts and judge them: pending updates, reboots, what could not be assessed
///
/// Read-only, and works for an account without sudo. Ends with exit code 5 when it finds what --fail-on names.
/// What could not be assessed never reads as clean.
///
/// Examples:
///   wgops audit -i local
///   wgops audit -i prod --fail-on any
///   wgops audit -i prod --format json --output audit.json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Audit {
    #[command(flatten)]
    pub targets: Targets,
    /// End with exit code 5 on: security (also what could not be assessed), any (finding), none
    #[arg(long, value_name = "WHAT", default_value = "security")]
    pub fail_on: FailOn,
    /// Write the report into this file, which appears only when it is whole
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub shape: Shape,
}

impl Audit {
    pub fn perform(self, _console: &Console) -> Result<Exit, Failure> {
        super::repository::Repository::here()?.inventory(&self.targets)?;
        Err(Failure::usage("'wgops audit' is not there yet"))
    }
}
