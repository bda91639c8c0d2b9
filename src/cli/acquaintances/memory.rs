//! What is remembered of machines, and what a job adds to it. It lies outside the repository.

use super::machine::Machine;
use crate::cli::Failure;
use crate::cli::console::shown;
use crate::model::HostName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most machines that are remembered of one name.
const MACHINES_MAX: usize = 8;
/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What is remembered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    pub(super) version: u32,
    /// Inventories by which somebody was spoken to, and the names in them.
    pub(super) inventories: BTreeMap<String, BTreeSet<String>>,
    /// Names in each that were this machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) here: BTreeMap<String, BTreeSet<String>>,
    /// The machines of each name in each inventory, the newest last: of two inventories, the same name may be two machines.
    #[serde(default)]
    pub(super) machines: BTreeMap<String, BTreeMap<String, Vec<Machine>>>,
}

/// What a job learned: all that it changes of what others may remember meanwhile.
#[derive(Default)]
pub(super) struct News {
    /// Which hosts the inventory has.
    pub(super) listed: Option<Listed>,
    /// Machines that were met, in this order.
    pub(super) met: Vec<(String, Machine)>,
}

/// The hosts of an inventory, and which of them are this machine.
pub(super) struct Listed {
    pub(super) names: BTreeSet<String>,
    pub(super) here: BTreeSet<String>,
}

impl Memory {
    /// Learns which hosts an inventory has; gives back whether that is new.
    pub(super) fn list(&mut self, inventory: &str, listed: &Listed) -> bool {
        let Listed { names, here } = listed;
        let of_it = self.here.entry(inventory.to_owned()).or_default();
        let is_new = self.inventories.get(inventory) != Some(names) || of_it != here;
        of_it.clone_from(here);
        self.inventories.insert(inventory.to_owned(), names.clone());
        is_new
    }

    /// Whether somebody met a host, or this inventory when it had it.
    pub(super) fn knows(&self, inventory: &str, host: &HostName) -> bool {
        !self.known(inventory, host.as_str()).is_empty()
            || self.inventories.get(inventory).is_some_and(|names| names.contains(host.as_str()))
    }

    /// Learns that a host of an inventory is this machine; gives back whether that is new.
    pub(super) fn learn(&mut self, inventory: &str, host: &str, machine: &Machine) -> bool {
        let hosts = self.machines.entry(inventory.to_owned()).or_default();
        let known = hosts.entry(host.to_owned()).or_default();
        if known.last() == Some(machine) {
            return false;
        }
        known.retain(|one| one != machine);
        known.push(machine.clone());
        let more = known.len().saturating_sub(MACHINES_MAX);
        known.drain(..more);
        true
    }

    /// What a host may be: the machines of its name in this inventory. Where that has no such name yet, those of every other
    /// inventory that has it, each by itself: whoever can push can give an inventory another name, or a host another inventory.
    pub(super) fn known(&self, inventory: &str, host: &str) -> Vec<&[Machine]> {
        let of = |hosts: &'_ BTreeMap<String, Vec<Machine>>| {
            hosts.get(host).is_some_and(|known| !known.is_empty())
        };
        let here = self.machines.get(inventory).filter(|hosts| of(hosts));
        let all: Vec<_> = match here {
            Some(hosts) => vec![hosts],
            None => self.machines.values().filter(|hosts| of(hosts)).collect(),
        };
        all.into_iter().filter_map(|hosts| hosts.get(host)).map(Vec::as_slice).collect()
    }

    /// The keys that a host is known by.
    pub(super) fn keys(&self, inventory: &str, host: &str) -> BTreeSet<&String> {
        self.known(inventory, host).into_iter().flatten().flat_map(|one| &one.keys).collect()
    }
}

/// Reads what is remembered.
///
/// # Errors
/// The file is there and can't be used.
pub(super) fn load(file: &Path) -> Result<Memory, Failure> {
    let unusable = |why: String| {
        Failure::usage(format!("can't use {}, where machines are remembered: {why}", shown(file))).hint(
            "it protects from a host that somebody put in another's place: look at it before you remove it",
        )
    };
    match std::fs::metadata(file) {
        Ok(about) if about.len() > FILE_BYTES_MAX => return Err(unusable("it is larger than 16 MiB".into())),
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Memory::default()),
        Err(error) => return Err(unusable(error.to_string())),
    }
    let bytes = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))
}
