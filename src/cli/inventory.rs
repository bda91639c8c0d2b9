//! `wgops inventory`: how an inventory was understood. It reaches no host.

use super::args::Targets;
use super::repository::Repository;
use super::{Console, Exit, Failure};
use crate::load::Marked;
use crate::load::{Inventory, Pattern, Problem};
use crate::model::{HostName, nearest, plain, printable};
use crate::report::{json, one_line};
use clap::Args;
use std::collections::HashSet;

const EXAMPLES: &str = "\
Examples:
  wgops inventory -i prod
  wgops inventory -i prod --graph
  wgops inventory -i prod --host web1 -v
  wgops inventory -i prod --list | jq ._meta.hostvars";

/// Show how an inventory was understood: its groups, hosts and variables; reaches no host
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// Draw groups and hosts as a tree
    #[arg(long, group = "form")]
    graph: bool,
    /// Show the variables of this host; with -v where each comes from
    #[arg(long, value_name = "HOST", group = "form")]
    host: Option<HostName>,
    /// Print groups, hosts and variables as JSON
    #[arg(long, group = "form")]
    list: bool,
    #[command(flatten)]
    targets: Targets,
}

impl Show {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let inventory = Repository::here()?.inventory(&self.targets)?;
        let chosen = match self.targets.pattern()? {
            Some(pattern) => choose(console, &inventory, &pattern)?,
            None => inventory.hosts().into_iter().cloned().collect(),
        };
        console.warn(inventory.warnings());
        let text = match &self.host {
            Some(host) if console.view.verbosity > 0 => sources(&inventory, known(&inventory, host)?),
            Some(host) => document(&inventory.host_json(known(&inventory, host)?))?,
            None if self.list => document(&inventory.list_json())?,
            None if self.graph => printable(&inventory.graph()).into_owned(),
            None => summary(&inventory, &chosen),
        };
        console.result(&text)?;
        Ok(Exit::Well)
    }
}

fn choose(console: &Console, inventory: &Inventory, pattern: &Pattern) -> Result<Vec<HostName>, Failure> {
    let selection = inventory.select(pattern)?;
    console.warn(&selection.warnings);
    Ok(selection.hosts)
}

fn known<'a>(inventory: &Inventory, host: &'a HostName) -> Result<&'a HostName, Problem> {
    if inventory.contains(host) {
        return Ok(host);
    }
    let problem = Problem::bare(format!("the inventory has no host '{host}'"));
    let hosts = inventory.hosts();
    Err(match nearest(host.as_str(), hosts.iter().map(|host| host.as_str())) {
        Some(near) => problem.help(format!("did you mean '{near}'?")),
        None => problem.help("'wgops inventory' without --host shows what there is"),
    })
}

fn document(value: &crate::model::Value) -> Result<String, Failure> {
    let text = json::document(value).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(format!("{text}\n"))
}

/// A line for each group that holds hosts of its own, and the groups that hold groups.
fn summary(inventory: &Inventory, chosen: &[HostName]) -> String {
    let chosen: HashSet<&HostName> = chosen.iter().collect();
    let groups = inventory.groups();
    let columns = groups.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut out = format!("{} of {} hosts\n", chosen.len(), inventory.hosts().len());
    for (name, hosts) in groups.iter().filter(|(name, _)| **name != "all") {
        let names: Vec<&str> =
            hosts.iter().filter(|host| chosen.contains(*host)).map(|host| host.as_str()).collect();
        let children = inventory.children(name).unwrap_or_default().join(", ");
        let children = if children.is_empty() { children } else { format!("(groups {children}) ") };
        if !names.is_empty() {
            out.push_str(&format!(
                "  {:columns$}  {}{}\n",
                one_line(name),
                one_line(&children),
                names.join(", ")
            ));
        }
    }
    out
}

/// Each variable with its value and where it comes from.
fn sources(inventory: &Inventory, host: &HostName) -> String {
    let values = inventory.values(host);
    let merged = inventory.merged(host);
    let rungs = inventory.variables(host);
    let mut out = format!("{host}, in {}\n", inventory.groups_of(host).join(", "));
    for (name, value) in &values {
        let rung = rungs.iter().rev().find(|(_, variables)| variables.contains_key(name));
        let rung = rung.map(|(rung, _)| rung.to_string()).unwrap_or_default();
        let place = merged.get(name).map(|variable| variable.place.to_string()).unwrap_or_default();
        let text = match Marked::of(value) {
            Some(Marked::Age { .. } | Marked::Vault(_)) => format!("  {name}: (sealed)"),
            _ => format!("  {name}: {}", plain(value)),
        };
        out.push_str(&format!("{}\n      {} ({})\n", one_line(&text), one_line(&rung), one_line(&place)));
    }
    out
}
