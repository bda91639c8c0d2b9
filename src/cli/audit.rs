//! `wgops audit`: looks at hosts and judges them, changing nothing. It runs the playbooks that were named,
//! or `playbooks/audit.yml`; see `audit_playbooks`.

mod history;
mod history_file;
mod judge;

pub use judge::{Judge, Standards};

use super::args::{Privilege, Reach, Targets};
use super::audit_output::{self, Output};
use super::errand::{Choice, Errand};
use super::job::Job;
use super::show::Show;
use super::{Console, Exit, Failure, audit_playbooks};
use crate::people::Verb;
use crate::plan::DefaultPrivilege;
use crate::report::{Format, Subject};
use clap::Args;

const EXAMPLES: &str = "\
Examples:
  wgops audit -i local
  wgops audit -i prod --fail-on security:7d,critical:24h,reboot-needed:30d
  wgops audit -i prod --fail-on any --baseline last-week.json
  wgops audit -i web1, --explain | less
  wgops audit -i prod --output audit.html --output audit.json
  wgops audit -i prod --output audit.sarif --output markdown=\"$GITHUB_STEP_SUMMARY\"";

/// Look at hosts and judge them: pending updates, reboots, what could not be assessed
///
/// Read-only, and works for an account without sudo. Ends with exit code 5 when it finds what --fail-on names.
/// What could not be assessed never reads as clean.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Audit {
    /// What to look at: playbooks, by file or by their name in playbooks/; audit.yml unless said
    #[arg(value_name = "PLAYBOOK")]
    pub playbooks: Vec<String>,
    /// Look as root (sudo), where the playbook doesn't say: sees what an account of its own may not
    #[arg(short, long)]
    pub r#become: bool,
    /// Print every script and argument that is sent, too; with --format human
    #[arg(long)]
    pub explain: bool,
    #[command(flatten)]
    pub standards: Standards,
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub privilege: Privilege,
    /// Format on stdout: human, json, junit, sarif, markdown, openmetrics, html
    #[arg(long, value_name = "FORMAT", default_value = "human", help_heading = "Output")]
    pub format: Format,
    /// Write the report into a file, too; may be given several times
    ///
    /// The end of its name says the format (.txt .json .xml .sarif .md .prom .html), or say it: FORMAT=FILE. A file
    /// appears only when it is whole. An auditor's is signed: FILE.sig lies beside it.
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<Output>,
}

impl Audit {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        if self.explain && self.format != Format::Human {
            let message = format!("--explain is for people, and {} has no place for it", self.format);
            return Err(Failure::usage(message).hint("leave --format out, or --explain"));
        }
        // Whether the files can be written is found out before the work.
        let files = audit_output::create(&self.output)?;
        let playbooks = audit_playbooks::chosen(&self.playbooks)?;
        let privilege = DefaultPrivilege { active: self.r#become, ..DefaultPrivilege::default() };
        let errand = Errand {
            verb: Verb::Audit,
            targets: self.targets,
            reach: self.reach,
            playbooks,
            privilege: Some(self.privilege),
            cause: None,
            dry: Some("an audit changes nothing"),
            choice: Choice { privilege, explain: self.explain, ..Choice::default() },
        };
        let job = Job::open(console, errand)?;
        let judge = Judge::new(console, &job, self.standards)?;
        let job = job.judged_by(judge);
        let prepared = job.prepare(&audit_playbooks::variables(job.roster()))?;
        job.judge().map_or(Ok(()), |judge| judge.check(&prepared.order))?;
        let mut engine = job.engine(&prepared)?;
        let show = Show::new(console, Subject::Audit, self.format).into_files(files);
        let ended = job.carry_out(&mut engine, &prepared, show);
        engine.close();
        let ended = ended?;
        audit_output::sign(console, &self.output, &job.who().identity)?;
        let assessment = ended.chronicle.assessment();
        job.judge().iter().for_each(|judge| judge.remember(console, assessment));
        let found = if assessment.fails() { Exit::Findings } else { Exit::Well };
        Ok(ended.exit.worst(found))
    }
}
