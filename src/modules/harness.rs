//! A bench for modules' tests: it answers what a module asks by running the real scripts in a real local shell, applies
//! its changes, and asks again. No engine, no network; every file lies in a temporary directory (see
//! `crate::questions::workbench`). [`answer_with`] is for pure cases: answers come from a function.

use super::{Args, Change, Controller, Host, Kept, Module, Nature, Outcome, TreeEntry, TreeKind};
use crate::model::{Content, Map, Value};
use crate::questions::workbench::Workbench;
use crate::questions::{Answers, Asked, Output, Raw, Refusal, Stop};
use std::collections::HashMap;

/// Most exchanges that one evaluation may take before it counts as endless.
const ROUNDS_MAX: usize = 8;

/// A workbench and files of the controller.
pub(crate) struct Bench {
    workbench: Workbench,
    sources: Sources,
    /// As [`Host::show_diff`].
    pub show_diff: bool,
}

/// What came of [`Bench::settle`].
pub(crate) struct Settled {
    /// How many exchanges asked questions before the first outcome was known.
    pub rounds: usize,
    /// Summaries of the changes that were applied.
    pub changes: Vec<String>,
    /// What `register` gets.
    pub result: Map,
}

impl Bench {
    /// A bench with this machine's `sh`.
    pub fn new() -> Self {
        Self::on(Workbench::new())
    }

    /// A bench for each shell that is here.
    pub fn every_shell() -> Vec<Self> {
        Workbench::every_shell().into_iter().map(Self::on).collect()
    }

    /// A bench whose scripts may change users and groups; see [`Workbench::with_own_accounts`].
    pub fn with_own_accounts() -> Option<Self> {
        Workbench::with_own_accounts().map(Self::on)
    }

    /// Puts a program in the way of scripts, written in sh.
    pub fn program(&mut self, name: &str, text: &str) {
        self.workbench.program(name, text);
    }

    fn on(workbench: Workbench) -> Self {
        Self { workbench, sources: Sources::default(), show_diff: false }
    }

    /// Gives the controller a file, which also serves as a template.
    pub fn source(&mut self, name: &str, content: &str) {
        self.sources.0.insert(name.to_owned(), content.as_bytes().to_vec());
    }

    /// The same with bytes.
    pub fn source_bytes(&mut self, name: &str, content: &[u8]) {
        self.sources.0.insert(name.to_owned(), content.to_vec());
    }

    /// Evaluates once, asking this machine; also says how many exchanges that took.
    pub fn diff(&self, module: &Module, args: &Value) -> Result<(Outcome, usize), Refusal> {
        let mut run = |asked: &Asked| Ok(self.run(asked.script, &asked.args, None));
        match evaluate(module, args, &self.sources, self.show_diff, &mut run) {
            Ok(done) => Ok(done),
            Err(Stop::Refuse(refusal)) => Err(refusal),
            Err(other) => panic!("stopped with {other:?}"),
        }
    }

    /// The message with which the module refuses.
    pub fn refusal(&self, module: &Module, args: &Value) -> String {
        match self.diff(module, args) {
            Err(refusal) => refusal.message,
            Ok((outcome, _)) => panic!("{} accepted it: {:?}", module.name, summaries(&outcome)),
        }
    }

    /// Evaluates, applies the changes, and evaluates again: nothing may be left to do.
    pub fn settle(&self, module: &Module, args: &Value) -> Settled {
        let (outcome, rounds) = self.diff(module, args).unwrap_or_else(|r| {
            panic!("{} refused with {} in {}: {}", module.name, args, self.name(), r.message)
        });
        let mut outputs = Vec::new();
        for change in &outcome.changes {
            let output = self.apply(change);
            let failed = output.status != 0;
            outputs.push(output);
            if failed {
                break;
            }
        }
        let result = (module.result)(&outcome, &outputs);
        let failed = outputs.iter().any(|output| output.status != 0);
        if !failed && outcome.changes.iter().any(|change| change.nature == Nature::State) {
            let (again, _) = self.diff(module, args).unwrap();
            let left: Vec<_> = again
                .changes
                .iter()
                .filter(|c| c.nature == Nature::State)
                .map(|c| (c.summary.clone(), c.args.clone()))
                .collect();
            assert!(left.is_empty(), "{} did not converge in {}: {left:?}", module.name, self.name());
        }
        Settled { rounds, changes: summaries(&outcome), result }
    }

    /// Settles, and holds that something was changed.
    pub fn changes(&self, module: &Module, args: &Value) -> Map {
        let settled = self.settle(module, args);
        assert!(!settled.changes.is_empty(), "{} changed nothing with {args}", module.name);
        assert_eq!(settled.result.get("failed"), None, "in {}: {:?}", self.name(), settled.result);
        settled.result
    }

    /// Settles, and holds that nothing was changed.
    pub fn in_order(&self, module: &Module, args: &Value) -> Map {
        let settled = self.settle(module, args);
        assert!(settled.changes.is_empty(), "{} in {}: {:?}", module.name, self.name(), settled.changes);
        settled.result
    }

    /// Carries a change out.
    pub fn apply(&self, change: &Change) -> Output {
        self.run(change.script, &change.args, change.content.as_ref())
    }
}

impl std::ops::Deref for Bench {
    type Target = Workbench;
    fn deref(&self) -> &Workbench {
        &self.workbench
    }
}

/// Evaluates with answers from a function; for pure cases.
pub(crate) fn answer_with(
    module: &Module,
    args: &Value,
    respond: &mut dyn FnMut(&Asked) -> Raw,
) -> Result<Outcome, Stop> {
    evaluate(module, args, &Sources::default(), false, respond).map(|(outcome, _)| outcome)
}

/// Evaluates a module that needs no host.
pub(crate) fn without_host(module: &Module, args: &Value) -> Result<Outcome, Stop> {
    answer_with(module, args, &mut |asked| panic!("asked {}", asked.script.name))
}

/// What a module says about arguments that don't fit its parameters.
pub(crate) fn misfit(module: &Module, args: &Value) -> String {
    Args::parse(module.params, module.free_form, args.as_object().unwrap()).unwrap_err().to_string()
}

fn evaluate(
    module: &Module,
    args: &Value,
    controller: &dyn Controller,
    show_diff: bool,
    respond: &mut dyn FnMut(&Asked) -> Raw,
) -> Result<(Outcome, usize), Stop> {
    let args = Args::parse(module.params, module.free_form, args.as_object().unwrap())
        .unwrap_or_else(|problem| panic!("{}: {problem}", module.name));
    let mut answers = Answers::default();
    for round in 0..ROUNDS_MAX {
        let host = Host { answers: &answers, controller, show_diff, verbosity: 0 };
        match module.evaluate(&args, &host) {
            Err(Stop::Ask) => {}
            end => return end.map(|outcome| (outcome, round)),
        }
        for asked in answers.take_wanted() {
            let raw = respond(&asked);
            answers.store(&asked, raw);
        }
    }
    panic!("{} asks without end", module.name)
}

fn summaries(outcome: &Outcome) -> Vec<String> {
    outcome.changes.iter().map(|change| change.summary.clone()).collect()
}

/// Files of the controller, in memory.
#[derive(Default)]
struct Sources(HashMap<String, Vec<u8>>);

impl Controller for Sources {
    fn file(&self, source: &str) -> Result<Content, Stop> {
        let found = self.0.get(source).map(|bytes| Content::new(bytes.clone()));
        found.ok_or_else(|| Stop::refuse(format!("there is no file '{source}'")))
    }

    fn template(&self, source: &str) -> Result<Content, Stop> {
        self.file(source)
    }

    fn host_name(&self) -> Result<String, Stop> {
        Ok("bench".into())
    }

    fn kept(&self, dest: &str) -> Result<Kept, Stop> {
        Ok(Kept { path: dest.into(), content: self.0.get(dest).cloned() })
    }

    fn tree(&self, source: &str) -> Result<Option<Vec<TreeEntry>>, Stop> {
        let root = format!("{}/", source.trim_end_matches('/'));
        let mut entries = Vec::new();
        for path in self.0.keys() {
            let Some(below) = path.strip_prefix(&root) else { continue };
            entries.extend(
                below
                    .match_indices('/')
                    .map(|(at, _)| TreeEntry { name: below[..at].to_owned(), kind: TreeKind::Directory }),
            );
            let kind = TreeKind::File { path: path.clone(), mode: 0o644 };
            entries.push(TreeEntry { name: below.to_owned(), kind });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries.dedup_by(|a, b| a.name == b.name);
        Ok((!entries.is_empty()).then_some(entries))
    }
}
