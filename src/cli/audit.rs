//! `wgops audit`: looks at hosts and judges them, changing nothing. It runs `playbooks/audit.yml` of the ops
//! repository, or the built-in copy.

use super::args::{Privilege, Reach, Shape, Targets};
use super::errand::{Choice, Errand};
use super::job::Job;
use super::output::OutputFile;
use super::repository::project_playbook;
use super::show::Show;
use super::{Console, Exit, Failure};
use crate::people::Verb;
use crate::report::{FailOn, Subject};
use clap::Args;
use std::path::PathBuf;

/// The playbook where the ops repository has none, and what `wgops init` writes.
pub const PLAYBOOK: &str = include_str!("../../playbooks/audit.yml");

const EXAMPLES: &str = "\
Examples:
  wgops audit -i local
  wgops audit -i prod --fail-on any
  wgops audit -i prod --format json --output audit.json";

/// Look at hosts and judge them: pending updates, reboots, what could not be assessed
///
/// Read-only, and works for an account without sudo. Ends with exit code 5 when it finds what --fail-on names.
/// What could not be assessed never reads as clean.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Audit {
    /// End with exit code 5 on: security (also what could not be assessed), any (finding), none
    #[arg(long, value_name = "WHAT", default_value = "security")]
    pub fail_on: FailOn,
    /// Write the report into this file, which appears only when it is whole
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub privilege: Privilege,
    #[command(flatten)]
    pub shape: Shape,
}

impl Audit {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        // Whether the file can be written is found out before the work.
        let file = self.output.as_deref().map(OutputFile::create).transpose()?;
        let playbook = project_playbook("playbooks/audit.yml", PLAYBOOK)?;
        let errand = Errand {
            verb: Verb::Audit,
            targets: self.targets,
            reach: self.reach,
            playbooks: vec![playbook],
            privilege: Some(self.privilege),
            cause: None,
            dry: Some("an audit changes nothing"),
            choice: Choice { fail_on: self.fail_on, ..Choice::default() },
        };
        let job = Job::open(console, errand)?;
        let prepared = job.prepare(&crate::model::Map::new())?;
        let mut engine = job.engine(&prepared)?;
        let show = Show::new(console, Subject::Audit(self.fail_on), self.shape.format, file);
        let ended = job.carry_out(&mut engine, &prepared, show);
        engine.close();
        let ended = ended?;
        let found =
            if ended.chronicle.assessment().fails(self.fail_on) { Exit::Findings } else { Exit::Well };
        Ok(ended.exit.worst(found))
    }
}
