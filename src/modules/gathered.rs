//! What a module of the audit gathers: keys for `register`, findings, and what could not be looked at, which is a finding
//! too. What is found, and how bad it is, is each module's own decision.

use super::Outcome;
use crate::model::{Finding, FindingKind, Map, Severity, Value};
use crate::questions::Stop;
use std::sync::Arc;

/// What has been seen so far.
#[derive(Default)]
pub(super) struct Gathered {
    result: Map,
    findings: Vec<Finding>,
}

impl Gathered {
    /// An answer, or a finding that there is none: under this name, in these words.
    ///
    /// # Errors
    /// The answer isn't there yet.
    pub(super) fn known<T>(
        &mut self,
        (about, what): (&str, &str),
        answer: Result<Arc<T>, Stop>,
    ) -> Result<Option<Arc<T>>, Stop> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(Stop::Refuse(refusal)) => {
                let title = format!("could not look at {what}");
                let texts = [title.as_str(), &refusal.message, "see the evidence"];
                self.not_assessed(about, Severity::Medium, texts);
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    /// Sets a key for `register`.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.result.insert(key.into(), value.into());
    }

    /// Adds a finding.
    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds a finding that something could not be looked at: title, evidence, remedy.
    pub(super) fn not_assessed(&mut self, about: &str, severity: Severity, texts: [&str; 3]) {
        let [title, evidence, remedy] = texts;
        let finding = Finding::new(FindingKind::NotAssessed, about, severity, title);
        self.find(finding.seen(evidence).remedied_by(remedy));
    }

    /// Nothing is to be changed, and this is what was seen.
    pub(super) fn outcome(self) -> Outcome {
        Outcome { result: self.result, findings: self.findings, ..Outcome::default() }
    }
}
