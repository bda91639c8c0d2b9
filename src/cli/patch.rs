//! `wgops patch`: installs pending updates. It runs `playbooks/patch.yml` of the ops repository, or the built-in copy.

use super::args::{Cause, Privilege, Reach, Shape, Targets};
use super::{Console, Exit, Failure};
use clap::{Args, ValueEnum};

/// The playbook where the ops repository has none, and what `wgops init` writes.
pub const PLAYBOOK: &str = include_str!("init/patch.yml");

/// Install pending updates, asking first
///
/// Shows what is pending on each host, asks for the number of hosts, and goes batch by batch: one host, then a quarter,
/// then the rest, stopping after the first batch with a failure. It never removes a package, keeps changed
/// configuration files, and leaves held packages alone. A shadow gets the dry run, whatever they type.
///
/// Examples:
///   wgops patch -i prod --check
///   wgops patch -i prod --security --reason "weekly" --ticket INFRA-12
///   wgops patch -i prod -l web --exclude 'linux-*' --reboot if-needed --yes
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Patch {
    #[command(flatten)]
    pub targets: Targets,
    /// Only security updates, told by their origin
    #[arg(long)]
    pub security: bool,
    /// Leave packages alone whose name matches; may be given several times
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Whether to reboot hosts that need it after updates
    #[arg(long, value_name = "WHEN", default_value = "never")]
    pub reboot: Reboot,
    /// Dry run: say what would happen, change nothing
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Don't ask for a confirmation
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub privilege: Privilege,
    #[command(flatten)]
    pub cause: Cause,
    #[command(flatten)]
    pub shape: Shape,
}

/// Whether hosts are rebooted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Reboot {
    /// Say which hosts need it, reboot none
    Never,
    /// Reboot hosts that need it, and prove that they did
    IfNeeded,
}

impl Patch {
    pub fn perform(self, _console: &Console) -> Result<Exit, Failure> {
        super::repository::Repository::here()?.inventory(&self.targets)?;
        Err(Failure::usage("'wgops patch' is not there yet"))
    }
}
