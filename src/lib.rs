//! wgops patches and audits a working group's Linux servers over SSH: agentless, recorded, and safe to shadow.
//!
//! **A module is a pure function.** It is given its arguments and the answers known so far, and asks, refuses, or says
//! what the outcome is: a result, and the changes that make the host as asked. The engine alone does I/O: it evaluates as
//! many tasks ahead as it can, asks the questions of all of them in one exchange, and calls the modules again. A dry run
//! calls the same functions and has nothing with which it could apply a change.
//!
//! Data flows one way, through rooms of which each may import only those above it (`tests/layers.rs` holds that against
//! the code, and `docs/architecture.md` says why):
//!
//! 1. [`model`], [`event`]: the nouns, and what can happen.
//! 2. [`load`], [`template`], [`people`]: files, templates and persons become checked types.
//! 3. [`ledger`], [`vault`]: what was done, and what only some may read.
//! 4. [`transport`]: the wire.
//! 5. [`questions`], [`modules`]: what can be asked of a host, and what can be wanted of it.
//! 6. [`plan`], [`lint`]: a play resolved for a host, without I/O.
//! 7. [`execute`]: moves the bytes.
//! 8. [`report`], [`cli`]: what people and programs see.
//!
//! A promise kept everywhere: what a host says is data for ever. It is never rendered as a template, and it never decides
//! how a host is reached.

pub mod cli;
pub mod event;
pub mod execute;
pub mod ledger;
pub mod lint;
pub mod load;
pub mod model;
pub mod modules;
pub mod people;
pub mod plan;
pub mod questions;
pub mod report;
pub mod template;
pub mod transport;
pub mod vault;
