//! A working group's people and their record, as they are typed: roster, plans, ledger. No host is needed.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod ahead;
mod apart;
mod clones;
mod elsewhere;
mod fresh;
mod group;
mod holds;
mod hurts;
mod keys;
mod operators;
mod outward;
mod plans;
mod planted;
mod record;
mod rollback;
mod seals;
mod settling;
mod tampering;
mod token;
#[path = "../terminal/typist.rs"]
mod typist;
mod words;
