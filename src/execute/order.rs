//! What is to be run, and how a run ended.

use super::chooser::Chooser;
use super::drive::Asks;
use super::prepare::Company;
use super::reach::Reach;
use crate::event::Counts;
use crate::model::{Advisories, HostName};
use crate::plan::{Approved, Conduct, DefaultPrivilege, Play, Shared};
use crate::template::Templates;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is to be run.
pub struct Order {
    /// Plays, each with the hosts that it is for, in order.
    pub plays: Vec<(Arc<Play>, Vec<HostName>)>,
    /// Chooses hosts anew where tasks add some.
    pub chooser: Option<Arc<Chooser>>,
    /// Hosts that come first, in a wave of their own.
    pub canaries: Vec<HostName>,
    /// Whether changes are applied.
    pub conduct: Conduct,
    /// Whether a dry run tells what a real one would do, as people agree to it: tasks can't tell it from that one, or those that
    /// keep out of dry runs would be seen by nobody.
    pub as_real: bool,
    /// What may be sent to each host, where a plan is carried out; a host that is not named gets nothing.
    pub approved: Option<BTreeMap<HostName, Approved>>,
    /// Whether somebody said yes to it.
    pub company: Company,
    /// Whether contents are compared.
    pub show_diff: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// `--explain`: what is sent, or would be, is said in events.
    pub explain: bool,
    /// Every change drops every answer, whatever it touches: a run must end the same. For tests of what modules declare.
    pub forgetful: bool,
    /// Who tasks run as unless they say.
    pub privilege: DefaultPrivilege,
    /// Variables that all hosts share.
    pub shared: Arc<Shared>,
    /// Finds out how hosts are reached that a play or a task names.
    pub reach: Arc<Reach>,
    /// The template environment.
    pub templates: Arc<Templates>,
    /// What installed packages are compared with.
    pub advisories: Option<Arc<Advisories>>,
    /// Asks whoever is at the terminal, if anybody is.
    pub asks: Option<Asks>,
}

/// How a run ended.
#[derive(Default, Debug)]
pub struct Outcome {
    /// Each host's counts.
    pub recap: BTreeMap<HostName, Counts>,
    /// Why a play was stopped, if one was.
    pub stopped: Option<String>,
    /// Hosts on which nothing was begun because a play was stopped or interrupted.
    pub not_begun: Vec<HostName>,
    /// Hosts that were held out when their turn came.
    pub held_out: Vec<HostName>,
    /// Somebody interrupted it.
    pub interrupted: bool,
}
