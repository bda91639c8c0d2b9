//! `wgops ping`: whether hosts can be reached, logged in to and spoken with.

use super::args::{Reach, Shape, Targets};
use super::errand::{Choice, Errand};
use super::job::Job;
use super::repository::built_in_playbook;
use super::show::Show;
use super::{Console, Exit, Failure};
use crate::model::Map;
use crate::people::Verb;
use crate::report::Subject;
use clap::Args;

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks: [{name: Ping, ping: {}}]\n";

const EXAMPLES: &str = "\
Example:
  wgops ping -i prod -l web";

/// Try to reach hosts: connect, log in, speak to their shell
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Ping {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    shape: Shape,
}

impl Ping {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let errand = Errand {
            verb: Verb::Ping,
            targets: self.targets,
            reach: self.reach,
            playbooks: vec![built_in_playbook("ping.yml", PLAYBOOK)?],
            privilege: None,
            cause: None,
            dry: Some("a ping changes nothing"),
            choice: Choice::default(),
        };
        let job = Job::open(console, errand)?;
        let prepared = job.prepare(&Map::new())?;
        let mut engine = job.engine(&prepared)?;
        let show = Show::new(console, Subject::Ping, self.shape.format);
        let ended = job.carry_out(&mut engine, &prepared, show);
        engine.close();
        Ok(ended?.exit)
    }
}
