//! The command line: one file per verb, and the only place that prints, prompts or decides an exit code.
//!
//! A verb's file holds its options and what it does. `args` holds what verbs share, `console` the terminal, `failure`
//! errors as people see them, `exit` the exit codes, `diagnostics` what `-v` shows, `show` the way from events to
//! streams. Nobody imports this room.

mod access;
mod acquaintances;
mod ansible_settings;
mod apply;
mod approve;
mod args;
mod ask;
mod audit;
mod audit_output;
mod audit_playbooks;
mod bound;
mod chronicle;
mod claim;
mod commit;
mod completions;
mod console;
mod diagnostics;
mod docs;
mod engine;
mod errand;
mod exit;
mod facts;
mod failure;
mod forced;
mod four_eyes;
mod groups;
mod habits;
mod handoff;
mod hidden;
mod holds;
mod init;
mod inventory;
mod job;
mod ledger;
mod lint;
mod live;
mod machines;
mod man;
mod news;
mod news_of_trust;
mod operators;
mod output;
mod patch;
mod ping;
mod plan_key;
mod planning;
mod prompts;
mod record;
mod repository;
mod resume;
mod resume_plan;
mod ring;
mod roles_path;
mod run;
mod runner_log;
mod runs;
mod same_as;
mod screen;
mod seclusion;
mod shadow;
mod show;
mod suggest;
mod trust;
mod vault;
mod waves;
mod who;
mod withheld;

pub use exit::Exit;

use args::Global;
use clap::{CommandFactory, Parser, Subcommand};
use console::Console;
use failure::Failure;
use std::ffi::OsString;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  wgops audit -i local                     look at this very machine; needs nothing
  wgops init --group \"My working group\"    begin an ops repository here
  wgops patch -i prod --check              what patching would do
  wgops patch -i prod --security           install security updates, asking first
  wgops run playbooks/site.yml -i prod -l 'web:&prod:!web3' --diff

Exit codes:
";

/// Patches and audits a working group's Linux servers over SSH: agentless, recorded, and safe to shadow.
///
/// wgops runs playbooks in Ansible's dialect. It proves who is typing by an SSH key of the roster
/// (inventory/operators.yml): operators change servers, shadows see what would happen, and every change is signed into
/// the ledger. It finds the ops repository from the current folder upwards.
#[derive(Parser)]
#[command(name = "wgops", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// The verbs, each in a file of its own.
#[derive(Subcommand)]
enum Verb {
    Init(init::Init),
    Inventory(inventory::Show),
    Ping(ping::Ping),
    Facts(facts::Facts),
    Run(run::Run),
    Patch(patch::Patch),
    Audit(audit::Audit),
    Claim(claim::Claim),
    Runs(runs::Runs),
    Approve(approve::Approve),
    Apply(apply::Apply),
    Access(access::Access),
    Resume(resume::Resume),
    Handoff(handoff::Handoff),
    Shadow(shadow::Shadow),
    Operators(operators::Operators),
    Ledger(ledger::Ledger),
    Vault(vault::Vault),
    Lint(lint::Lint),
    Docs(docs::Docs),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Verb {
    fn perform(self, console: &Console) -> Result<Exit, Failure> {
        match self {
            Self::Init(verb) => verb.perform(console),
            Self::Inventory(verb) => verb.perform(console),
            Self::Ping(verb) => verb.perform(console),
            Self::Facts(verb) => verb.perform(console),
            Self::Run(verb) => verb.perform(console),
            Self::Patch(verb) => verb.perform(console),
            Self::Audit(verb) => verb.perform(console),
            Self::Claim(verb) => verb.perform(console),
            Self::Runs(verb) => verb.perform(console),
            Self::Approve(verb) => verb.perform(console),
            Self::Apply(verb) => verb.perform(console),
            Self::Access(verb) => verb.perform(console),
            Self::Resume(verb) => verb.perform(console),
            Self::Handoff(verb) => verb.perform(console),
            Self::Shadow(verb) => verb.perform(console),
            Self::Operators(verb) => verb.perform(console),
            Self::Ledger(verb) => verb.perform(console),
            Self::Vault(verb) => verb.perform(console),
            Self::Lint(verb) => verb.perform(console),
            Self::Docs(verb) => verb.perform(console),
            Self::Completions(verb) => verb.perform(console),
            Self::Man(verb) => verb.perform(console),
        }
    }
}

/// The whole command line as clap knows it: for help, completions and the man page.
fn command() -> clap::Command {
    Cli::command().after_help(format!("{EXAMPLES}{}", Exit::table()))
}

/// Parses the command line, does what it says, and gives the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = args.into_iter().collect();
    let parsed = command()
        .try_get_matches_from(&words)
        .and_then(|mut matches| <Cli as clap::FromArgMatches>::from_arg_matches_mut(&mut matches));
    match parsed {
        Ok(cli) => perform(cli).into(),
        Err(mut error) => {
            suggest::suggest(&mut error, &words, &command());
            usage(&error).into()
        }
    }
}

fn perform(cli: Cli) -> Exit {
    let console = Console::new(&cli.global);
    diagnostics::begin(&console);
    seclusion::no_core_dumps();
    match cli.verb.perform(&console) {
        Ok(exit) => exit,
        Err(failure) => console.fail(&failure),
    }
}

/// Shows help, a version, or what is wrong with the command line.
fn usage(error: &clap::Error) -> Exit {
    let _closed_pipe_is_no_error = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Well }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no description", command.get_name());
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                assert!(arg.get_help().is_some(), "{} {} has no help", command.get_name(), arg.get_id());
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }
}
