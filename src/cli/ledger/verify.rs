//! `wgops ledger verify`: checks every signature, chain, role and seal, and what was seen here before.

use super::super::repository::Repository;
use super::super::trust::{Pin, Trust, place};
use super::super::who::state;
use super::super::{Console, Exit, Failure};
use super::counted;
use crate::ledger::{Fault, Heads, History, Kind, LedgerError, NoRosterInForce, Record, Report};
use crate::people::{ChainName, Roster};
use crate::report::one_line;
use clap::Args;
use jiff::Timestamp;
use owo_colors::OwoColorize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most breaks of which each has a line that says what to do.
const HELP_MAX: usize = 20;

/// Check every signature, chain, role and seal of the ledger
///
/// Ends with exit code 4 when something does not hold, and names the file. No breaks, and told all the same, are runs that
/// nobody ended, uses of emergency keys that 'wgops ledger compare' found and nobody answered for, and times that can't be
/// right. Remembers outside the repository what it verified, so that a ledger that was cut short shows.
#[derive(Args)]
pub struct Verify {
    /// Verify what 'wgops ledger export --public' wrote there, beginning at --roster-pin or the first roster in it
    #[arg(long, value_name = "DIR")]
    public: Option<PathBuf>,
    /// Look at every signature again, not only at those that were never verified here
    #[arg(long)]
    anew: bool,
    /// Forget what this machine knows of a chain, where its end is lost for good: a clone is gone whose entries nobody pushed
    #[arg(long, value_name = "CHAIN", conflicts_with = "public")]
    forget: Option<ChainName>,
}

/// What was verified, and what came of it.
pub struct Verified {
    /// The ledger.
    pub record: Record,
    /// The versions of the roster that lead to the one in force.
    pub history: History,
    /// What is wrong with it.
    pub report: Report,
}

impl Verify {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let verified = match &self.public {
            Some(directory) => public(console, directory)?,
            None => self.own(console)?,
        };
        console.result(&text(&verified))?;
        Ok(if verified.report.breaks.is_empty() { Exit::Well } else { Exit::Refused })
    }

    fn own(&self, console: &Console) -> Result<Verified, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let roster = Trust::needed(console, &repository)?.in_force.roster;
        if let Some(chain) = &self.forget {
            forget(console, root, &roster, chain)?;
        }
        Ok(verified(root, &roster, self.anew)?)
    }
}

/// The ledger, verified. What was verified here before is not looked at again, unless that is wanted; what holds is remembered.
///
/// # Errors
/// It can't be read, or what was verified before can't.
pub fn verified(root: &Path, roster: &Roster, anew: bool) -> Result<Verified, LedgerError> {
    let memory = memory(root, roster);
    let known = memory.as_deref().map_or_else(|| Ok(Heads::default()), Heads::load)?;
    let known = if anew { known.anew() } else { known };
    let mut record = Record::read_of(root, &[roster])?;
    let history = History::of(&record, roster);
    let report = record.verify_by(&history, &known);
    remember(memory.as_deref(), &report);
    if let Some(index) = index(root) {
        record.settle(roster, &report, &index);
    }
    Ok(Verified { record, history, report })
}

/// The same for whoever asks only for entries of some kinds, of each chain the last so many, and for what is wrong. What held before
/// by the same roster, and whose files nobody touched since, is not read again; where anything else does not hold, all is.
///
/// # Errors
/// As [`verified`].
pub fn verified_of(root: &Path, roster: &Roster, kinds: &[(Kind, usize)]) -> Result<Verified, LedgerError> {
    let Some(index) = index(root) else { return verified(root, roster, false) };
    let Some(mut record) = Record::read_new(root, roster, kinds, &index)? else {
        return verified(root, roster, false);
    };
    let memory = memory(root, roster);
    let known = memory.as_deref().map_or_else(|| Ok(Heads::default()), Heads::load)?;
    let history = History::of(&record, roster);
    let report = record.verify_by(&history, &known);
    if !report.breaks.is_empty() {
        return verified(root, roster, false);
    }
    remember(memory.as_deref(), &report);
    record.settle(roster, &report, &index);
    Ok(Verified { record, history, report })
}

fn remember(memory: Option<&Path>, report: &Report) {
    if let Some(Err(error)) = memory.map(|file| Heads::change(file, |heads| heads.remember(report))) {
        tracing::warn!("what was verified could not be remembered outside the repository: {error}");
    }
}

/// Where it is remembered what the files of a clone's ledger were when they were read last.
pub fn index(root: &Path) -> Option<PathBuf> {
    Some(state(root, "entries")?.with_extension("index"))
}

/// Forgets a chain: from then on nobody on this machine misses what was its end.
fn forget(console: &Console, root: &Path, roster: &Roster, chain: &ChainName) -> Result<(), Failure> {
    let none = || {
        Failure::usage(format!("this machine remembers no chain {chain}"))
            .hint("'wgops ledger verify' names what it misses")
    };
    let file = memory(root, roster).ok_or_else(none)?;
    let mut heads = Heads::load(&file)?;
    let head = heads.forget(chain).ok_or_else(none)?;
    Heads::change(&file, |heads| {
        heads.forget(chain);
    })?;
    console.tell(&format!(
        "Forgotten: {chain} up to entry {}. What others have seen of it, they still miss.\n",
        head.seq
    ));
    Ok(())
}

/// What anybody can verify who has nothing but the public part.
fn public(console: &Console, directory: &Path) -> Result<Verified, Failure> {
    let mut record = Record::read_public(directory)?;
    if record.entries().next().is_none() {
        let place = super::super::console::shown(directory);
        return Err(Failure::usage(format!("there is no ledger in {place}"))
            .hint("give the directory that has the folder 'ledger' in it"));
    }
    let pin = console.roster_pin.map(Pin::anchor);
    let history = History::public(&record, pin).map_err(|error| no_history(&error))?;
    if pin.is_none() {
        console.tell(&format!(
            "Taken on trust: {}. Compare it with somebody of the group, and give it with --roster-pin.\n",
            history.first()
        ));
    }
    let none = || no_history(&NoRosterInForce::NoBeginning { version: history.version() });
    record.keep_to(history.group().ok_or_else(none)?);
    let report = record.verify_by(&history, &Heads::default());
    Ok(Verified { record, history, report })
}

fn no_history(error: &NoRosterInForce) -> Failure {
    let failure = Failure::of(Exit::Refused, error);
    match error {
        NoRosterInForce::NoAnchor { .. } => failure.hint("a lead signs it with 'wgops operators sign'"),
        NoRosterInForce::NoBeginning { .. } => {
            failure.hint("the export is not whole: ask for another one, with all of its first entries")
        }
        NoRosterInForce::Hidden { .. } | NoRosterInForce::Behind { .. } => failure,
        NoRosterInForce::Disputed { .. } => failure.hint(
            "ask the group which of them its leads signed ('wgops operators export' shows whose keys are right), and for an export without the other",
        ),
        NoRosterInForce::Contested { .. } => {
            failure.hint("ask the group which version is in force, and give its pin with --roster-pin")
        }
        NoRosterInForce::Fork { .. } => {
            failure.hint("only one of them can be right: ask the group, and give its pin with --roster-pin")
        }
    }
}

/// Where this client remembers the heads of a group's ledger: outside the repository, and for all clones of it.
pub fn memory(root: &Path, roster: &Roster) -> Option<PathBuf> {
    let file = place(root, roster, "heads")?;
    let by_clone = state(root, "heads").filter(|by_clone| *by_clone != file && by_clone.exists());
    if let Some(by_clone) = by_clone {
        // What was remembered before this machine knew the group.
        let moved =
            Heads::load(&by_clone).and_then(|older| Heads::change(&file, |all| all.take_over(&older)));
        match moved {
            Ok(()) => drop(std::fs::remove_file(&by_clone)),
            Err(error) => {
                tracing::warn!("what was remembered of this clone's ledger could not be taken over: {error}");
                return Some(by_clone);
            }
        }
    }
    Some(file)
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// What does not hold, and what there is to do about it: of each kind once, and what is missed once, whoever has seen it.
fn broken(report: &Report) -> String {
    let mut out = String::new();
    let mut told: Vec<&Fault> = Vec::new();
    let mut helped: BTreeSet<String> = BTreeSet::new();
    for found in &report.breaks {
        if found.fault.is_of_another() && told.contains(&&found.fault) {
            continue;
        }
        told.push(&found.fault);
        out.push_str(&format!(
            "{} {} {}\n",
            "broken:".red(),
            one_line(&found.file.display().to_string()),
            one_line(&found.fault.to_string())
        ));
        let same = report.breaks.iter().filter(|one| one.fault == found.fault).count();
        if found.fault.is_of_another() && same > 1 {
            out.push_str(&format!("  {} says so, too\n", counted(same - 1, "entry", "entries")));
        }
        let is_of_group = matches!(found.fault, Fault::OtherGroup { .. });
        if !is_of_group && helped.len() < HELP_MAX && helped.insert(found.way_out()) {
            out.push_str(&format!("  {} {}\n", "help:".cyan(), one_line(&found.way_out())));
        }
    }
    if let Some(found) = report.breaks.iter().find(|found| matches!(found.fault, Fault::OtherGroup { .. })) {
        let chain = found.file.ancestors().nth(2).unwrap_or(&found.file).display().to_string();
        let chain = one_line(&chain);
        out.push_str(&format!(
            "{} 'git log --oneline -- {chain}' names the commit that brought what is of another group, 'git rm -r {chain}' takes it out; \
             whoever has a part in that group may want to know\n",
            "help:".cyan()
        ));
    }
    out
}

fn text(Verified { record, history, report }: &Verified) -> String {
    let shown = |path: &Path| one_line(&path.display().to_string()).into_owned();
    let mut out = broken(report);
    for run in &report.open_runs {
        out.push_str(&format!(
            "{} run {} has no outcome ({}): see 'wgops resume' and 'wgops ledger resolve'\n",
            "open:".yellow(),
            run.run,
            shown(&run.file)
        ));
    }
    for one in record.emergency_uses(report, history) {
        let run = one.run.map(|run| run.to_string()).unwrap_or_default();
        out.push_str(&format!(
            "{} {}; found by {} {}: answer for it with 'wgops ledger note {run} TEXT'\n",
            "emergency key:".red(),
            one_line(&one.what),
            one.by.operator(),
            minute(one.found)
        ));
    }
    for odd in record.odd_times(Timestamp::now()) {
        let why = match odd.after {
            Some(after) => format!("behind one of {}", minute(after)),
            None => "which has not come".into(),
        };
        out.push_str(&format!(
            "{} {} is of {}, {why}: a clock is wrong, {}'s or this one\n",
            "clock:".yellow(),
            shown(&odd.file),
            minute(odd.says),
            odd.chain.operator()
        ));
    }
    for rest in &report.rests {
        out.push_str(&format!("{} {} was left by an interrupted write\n", "rest:".dimmed(), shown(rest)));
    }
    let counts = format!(
        "{} in {}",
        counted(report.entries, "entry", "entries"),
        counted(report.heads.len(), "chain", "chains")
    );
    let verdict = match report.breaks.len() {
        0 => format!("{}: {counts}, every signature and chain holds", "verified".green()),
        n => format!("{}: {counts}, {n} do not hold", "broken".red()),
    };
    format!("{out}{verdict}\n")
}
