//! `wgops facts`: what a host says about itself.

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

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks: [{name: Facts, setup: {}}, {name: Show, debug: {var: ansible_facts}}]\n";

const EXAMPLES: &str = "\
Example:
  wgops facts -i prod -l web1";

/// Show what hosts say about themselves: ansible_facts, as playbooks see them
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Facts {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    shape: Shape,
}

impl Facts {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let errand = Errand {
            verb: Verb::Facts,
            targets: self.targets,
            reach: self.reach,
            playbooks: vec![built_in_playbook("facts.yml", PLAYBOOK)?],
            privilege: None,
            cause: None,
            dry: Some("facts are only asked for"),
            choice: Choice::default(),
        };
        let job = Job::open(console, errand)?;
        let prepared = job.prepare(&Map::new())?;
        let mut engine = job.engine(&prepared)?;
        let show = Show::new(console, Subject::Facts, self.shape.format);
        let ended = job.carry_out(&mut engine, &prepared, show);
        engine.close();
        Ok(ended?.exit)
    }
}
