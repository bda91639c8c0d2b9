//! Keys and people for tests: keys are made from a number, so that every run has the same ones.

use super::{FileSigner, Key, Roster};
use crate::model::{Digest, SignError, Signer};
use russh::keys::ssh_key::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The private key of a number.
pub(crate) fn private_key(number: u8) -> PrivateKey {
    Ed25519Keypair::from_seed(&[number; 32]).into()
}

/// The public key of a number.
pub(crate) fn key(number: u8) -> Key {
    Key::new(private_key(number).public_key().clone()).unwrap()
}

/// Signs with the key of a number.
pub(crate) fn signer(number: u8) -> FileSigner {
    FileSigner::of(private_key(number))
}

/// alice (1) leads, oscar (2) operates, sam (3) shadows, ci (4) audits, olga (5) operates without an nda.
pub(crate) fn roster() -> Roster {
    parse(&roster_text("version: 17\nprevious: sha256:{zeros}\n"))
}

/// The people of [`roster`] under a head of one's own; `{zeros}` stands for 64 zeros.
pub(crate) fn roster_text(head: &str) -> String {
    let person = |name: &str, role: &str, nda: &str, number: u8| {
        format!("  {name}: {{role: {role}, {nda}keys: [{} {name}@laptop]}}\n", key(number).text())
    };
    let nda = "nda: {signed: 2026-01-01}, ";
    let people = [
        person("alice", "lead", nda, 1),
        person("oscar", "operator", nda, 2),
        person("sam", "shadow", "", 3),
        person("ci", "auditor", "", 4),
        person("olga", "operator", "", 5),
    ];
    format!("{head}group: Example\noperators:\n{}", people.concat()).replace("{zeros}", &"0".repeat(64))
}

/// A roster from text.
pub(crate) fn parse(text: &str) -> Roster {
    in_the_group(Roster::parse(Path::new("operators.yml"), text).unwrap())
}

/// A roster whose first version the tests don't have.
pub(crate) fn in_the_group(roster: Roster) -> Roster {
    Roster { origin: roster.origin.or(Some(group())), ..roster }
}

/// The group of the tests.
pub(crate) fn group() -> Digest {
    Digest::of("the group of the tests")
}

/// An agent's key that counts how often it was asked, and may decline.
pub(crate) struct AgentKey {
    signer: FileSigner,
    declines: Option<&'static str>,
    pub(crate) asked: Arc<AtomicUsize>,
}

impl AgentKey {
    pub(crate) fn new(number: u8) -> Self {
        Self { signer: signer(number), declines: None, asked: Arc::default() }
    }

    pub(crate) fn declining(number: u8, reason: &'static str) -> Self {
        Self { declines: Some(reason), ..Self::new(number) }
    }
}

impl Signer for AgentKey {
    fn public_key(&self) -> &str {
        self.signer.public_key()
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SignError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.declines {
            Some(reason) => Err(SignError(reason.into())),
            None => self.signer.sign(namespace, message),
        }
    }
}
