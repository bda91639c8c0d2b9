//! Drives modules without the engine: asks, applies, asks again, with nothing but OpenSSH and `sh`.

use crate::lab::{Host, Lab};
use std::io::Write;
use std::process::{Command, Stdio};
use wgops::model::{Argv, Content, Map, Script, Value};
use wgops::modules::{Args, Change, Controller, Delivery, Nature, Outcome, find};
use wgops::questions::{Answers, Output, Refusal, Stop};

/// Most exchanges that one evaluation may take before it counts as endless.
const ROUNDS_MAX: usize = 6;

/// One user of one host.
pub struct Account<'a> {
    lab: &'a Lab,
    host: &'a Host,
    user: &'static str,
}

/// What came of [`Account::apply`].
pub struct Applied {
    /// What `register` gets.
    pub result: Value,
}

struct NoFiles;

impl Controller for NoFiles {
    fn file(&self, source: &str) -> Result<Content, Stop> {
        Err(Stop::refuse(format!("there is no file {source}")))
    }

    fn template(&self, source: &str) -> Result<Content, Stop> {
        self.file(source)
    }
}

impl<'a> Account<'a> {
    pub fn new(lab: &'a Lab, host: &'a Host, user: &'static str) -> Self {
        Self { lab, host, user }
    }

    /// Runs a command line, and gives what it prints.
    pub fn sh(&self, command: &str) -> String {
        let output = self.run(Script { name: "test", text: "eval \"$1\"" }, &[command].into(), None);
        assert_eq!(output.status, 0, "{command}: {}{}", output.text(), output.error_text());
        output.text().trim().to_owned()
    }

    /// Evaluates a module; also says how many exchanges that took.
    pub fn try_diff(&self, module: &str, args: &Value) -> Result<(Outcome, usize), Refusal> {
        let module = find(module).unwrap();
        let args = Args::parse(module.params, module.free_form, args.as_object().unwrap()).unwrap();
        let mut answers = Answers::default();
        for round in 0..ROUNDS_MAX {
            let host = wgops::modules::Host {
                answers: &answers,
                controller: &NoFiles,
                show_diff: false,
                verbosity: 0,
            };
            match module.evaluate(&args, &host) {
                Ok(outcome) => return Ok((outcome, round)),
                Err(Stop::Refuse(refusal)) => return Err(refusal),
                Err(Stop::Unknown(why) | Stop::Unseen(why)) => panic!("{why}"),
                Err(Stop::Ask) => {}
            }
            for asked in answers.take_wanted() {
                let output = self.run(asked.script, &asked.args, None);
                answers.store(&asked, Ok(output));
            }
        }
        panic!("{} asks without end", module.name)
    }

    /// The outcome of a module that does not refuse.
    pub fn diff(&self, module: &str, args: &Value) -> Outcome {
        self.try_diff(module, args).unwrap_or_else(|refusal| panic!("{module}: {}", refusal.message)).0
    }

    /// The reason why a module refuses.
    pub fn refusal(&self, module: &str, args: &Value) -> String {
        match self.try_diff(module, args) {
            Err(refusal) => refusal.message,
            Ok((outcome, _)) => panic!("{module} accepted it: {:?}", summaries(&outcome)),
        }
    }

    /// Applies what a module wants, up to the first failure.
    pub fn apply(&self, module: &str, args: &Value) -> Applied {
        let outcome = self.diff(module, args);
        let mut outputs = Vec::new();
        for change in &outcome.changes {
            let output = self.carry_out(change);
            let failed = output.status != 0;
            outputs.push(output);
            if failed {
                break;
            }
        }
        let result: Map = (find(module).unwrap().result)(&outcome, &outputs);
        Applied { result: result.into() }
    }

    /// Applies, holds that it succeeded, and that a second time finds nothing to do.
    pub fn settle(&self, module: &str, args: &Value) -> Applied {
        let applied = self.apply(module, args);
        assert_eq!(applied.result.get("failed"), None, "{:#}", applied.result);
        let again = self.diff(module, args);
        let left: Vec<_> =
            again.changes.iter().filter(|c| c.nature == Nature::State).map(|c| &c.summary).collect();
        assert!(left.is_empty(), "{module} did not converge: {left:?}");
        applied
    }

    /// Carries out one change.
    pub fn carry_out(&self, change: &Change) -> Output {
        assert!(!matches!(change.delivery, Delivery::Reboot { .. }), "the driver can't reboot");
        self.run(change.script, &change.args, change.content.as_ref())
    }

    fn run(&self, script: Script, args: &Argv, content: Option<&Content>) -> Output {
        assert!(content.is_none(), "the driver sends no content");
        let words: String = args.0.iter().map(|word| format!(" {}", quoted(word))).collect();
        let source =
            format!("export LC_ALL=C\nwgops_x() (\n{}\n)\nwgops_x{words} </dev/null\nexit $?\n", script.text);
        let mut child = Command::new("ssh")
            .arg("-F")
            .arg(self.lab.path("ssh_config"))
            .args(["-l", self.user, self.host.name(), "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let status = u8::try_from(output.status.code().unwrap()).unwrap();
        Output { status, stdout: output.stdout, stderr: output.stderr }
    }
}

fn summaries(outcome: &Outcome) -> Vec<String> {
    outcome.changes.iter().map(|change| change.summary.clone()).collect()
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
