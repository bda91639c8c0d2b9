//! Plans: a play resolved for a host. What a task comes to, in which order, what travels together, what a dry run can
//! know. There is no I/O in here: `host_run` is a machine that says what to send and is told what came back.
//!
//! Begin at `compile` (files to plays), then `host_run` (a host's way through a play), `advance` (how far its first task gets),
//! `finish` (how a task ends) and `block` (where it goes on when one failed); `exchange` and `batch` (what goes over the wire
//! together); `look`, `evaluate` and `ground` (what one task comes to), `hands` (where and as whom), `scope` and `view` (with
//! which variables). `crate::execute` moves the bytes.

mod advance;
mod approved;
mod argument_spec;
mod around;
mod batch;
mod block;
mod changes;
mod check;
mod compile;
mod compile_task;
mod conditions;
mod control;
mod desk;
mod effective;
mod evaluate;
mod exchange;
mod exposure;
mod finish;
mod ground;
mod hands;
mod host_run;
mod include;
mod inherit;
mod items;
mod jobs;
mod library;
mod live;
mod look;
mod loops;
mod lost;
mod made;
mod measured;
mod outward;
mod pending;
mod ran;
mod retry;
mod roles;
mod scope;
mod start;
mod tags;
mod task;
mod unit;
mod vars_files;
mod view;
mod waves;
mod way;
mod whole;

pub use approved::{Approved, Follow, Step as ApprovedStep};
pub use around::{Around, Exported, InRole};
pub use compile::{Given, compile, root_of};
pub use control::{Common, Ended, Patience};
pub use effective::{At, Effective, Login, Whose};
pub use evaluate::SEALED;
pub use exchange::{Exchange, Item, Reply, ShellWork};
pub use ground::{Apart, Ground};
pub use hands::DefaultPrivilege;
pub use host_run::{Conduct, HostRun, Next};
pub use include::{Foreseen, Foundation, Include, foresee};
pub use jobs::Jobs;
pub use library::{Library, whole};
pub use live::{Addition, Hosts, Live};
pub use outward::Quiet;
pub use scope::{Frame, Layer, Shared, Variables, written};
pub use start::start_at;
pub use tags::Tags;
pub use task::{BatchSize, BlockSteps, Play, Step, Task};
pub use waves::{hosts_named, playbook_name};
pub use way::Way;
