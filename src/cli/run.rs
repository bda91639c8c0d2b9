//! `wgops run`: runs playbooks.

use super::args::{Cause, ExtraVars, Privilege, Reach, Shape, Targets};
use super::{Console, Exit, Failure};
use clap::Args;
use std::path::PathBuf;

/// Run playbooks, or show what they would do
///
/// Examples:
///   wgops run playbooks/site.yml -i prod --check --diff
///   wgops run playbooks/site.yml -i prod -l 'web:!web3' --tags nginx --reason "new vhost" --ticket INFRA-12
///   wgops run playbooks/site.yml -i prod -e version=1.2 -e @release.yml
///   wgops run playbooks/site.yml -i prod --syntax-check
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// The playbooks, run one after the other
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    #[command(flatten)]
    pub targets: Targets,
    /// Only tasks with one of these tags, separated by commas
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No task with one of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Variables that win over all others: name=value, a JSON object, or @FILE
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<ExtraVars>,
    /// Dry run: say what would happen, change nothing
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show what changes in files, line by line
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Print every script and argument that would be sent, and send only questions
    #[arg(long)]
    pub explain: bool,
    /// Read and check the playbooks, touch no host
    #[arg(long, group = "look")]
    pub syntax_check: bool,
    /// List the tasks that would run, touch no host
    #[arg(long, group = "look")]
    pub list_tasks: bool,
    /// List the hosts that it is about, touch none
    #[arg(long, group = "look")]
    pub list_hosts: bool,
    #[command(flatten)]
    pub reach: Reach,
    /// Become another user (root unless said) where the playbook doesn't say
    #[arg(short, long)]
    pub r#become: bool,
    #[command(flatten)]
    pub privilege: Privilege,
    #[command(flatten)]
    pub cause: Cause,
    #[command(flatten)]
    pub shape: Shape,
}

impl Run {
    pub fn perform(self, _console: &Console) -> Result<Exit, Failure> {
        super::repository::Repository::here()?.inventory(&self.targets)?;
        Err(Failure::usage("'wgops run' is not there yet"))
    }
}
