//! wgops patches and audits a working group's Linux servers over SSH.

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
