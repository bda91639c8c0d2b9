//! Which names are one machine, by what every inventory of the ops repository says of how hosts are reached and by their host
//! keys: what holds a host out holds it out under each of its names.

use super::repository::Repository;
use crate::load::Inventory;
use crate::model::{Connection, ConnectionKind, HostName, Map, Value};
use crate::transport::{Settings, known_keys};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Where sshd listens unless somebody says otherwise.
const PORT: u16 = 22;

/// Hosts by their addresses, as far as inventories say them plainly, and by the keys that known_hosts files have for these.
pub struct Machines {
    names: BTreeSet<HostName>,
    addresses: BTreeMap<Address, BTreeSet<HostName>>,
    settings: Settings,
    /// Read once somebody asks.
    keys: OnceLock<BTreeMap<String, BTreeSet<HostName>>>,
}

/// A name or an address, in small letters, and a port.
type Address = (String, u16);

impl Machines {
    /// Those of this inventory and of all others of the ops repository; `settings` say which known_hosts files count.
    pub fn of(repository: &Repository, inventory: &Inventory, settings: Settings) -> Self {
        let others: Vec<Inventory> = repository.inventories().flatten().collect();
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeMap::<_, BTreeSet<HostName>>::new());
        for inventory in std::iter::once(inventory).chain(&others) {
            for host in inventory.hosts() {
                names.insert(host.clone());
                if let Some(address) = said(host, &inventory.values(host)) {
                    addresses.entry(address).or_default().insert(host.clone());
                }
            }
        }
        Self { names, addresses, settings, keys: OnceLock::new() }
    }

    /// Whether an inventory has a host of this name.
    pub fn has(&self, host: &HostName) -> bool {
        self.names.contains(host)
    }

    /// The other names of the machine that is reached so.
    pub fn at_address_of(&self, host: &HostName, connection: &Connection) -> impl Iterator<Item = &HostName> {
        let address = (connection.kind != ConnectionKind::Local).then(|| {
            let name = connection.address.as_deref().unwrap_or(host.as_str());
            (name.to_lowercase(), connection.port.unwrap_or(PORT))
        });
        let host = host.clone();
        let known = address.and_then(|address| self.addresses.get(&address));
        known.into_iter().flatten().filter(move |name| **name != host)
    }

    /// The names of machines that are known by this key.
    pub fn with_key(&self, key: &str) -> impl Iterator<Item = &HostName> {
        self.keys.get_or_init(|| self.read_keys()).get(key).into_iter().flatten()
    }

    fn read_keys(&self) -> BTreeMap<String, BTreeSet<HostName>> {
        let mut keys = BTreeMap::<_, BTreeSet<HostName>>::new();
        for ((address, port), names) in &self.addresses {
            for key in known_keys(&self.settings, address, *port) {
                keys.entry(key).or_default().extend(names.iter().cloned());
            }
        }
        keys
    }
}

/// Where an inventory says that a host is; none where that is this machine, or a template.
fn said(host: &HostName, values: &Map) -> Option<(String, u16)> {
    let first =
        |names: [&str; 2]| names.into_iter().find_map(|name| values.get(name).filter(|v| !v.is_null()));
    if values.get("ansible_connection").and_then(Value::as_str) == Some("local") {
        return None;
    }
    let address = match first(["ansible_host", "ansible_ssh_host"]) {
        None => host.as_str(),
        Some(value) => value.as_str().filter(|text| !text.contains("{{"))?,
    };
    let port = match first(["ansible_port", "ansible_ssh_port"]) {
        None => PORT,
        Some(Value::Number(number)) => number.as_u64().and_then(|port| u16::try_from(port).ok())?,
        Some(value) => value.as_str()?.trim().parse().ok()?,
    };
    Some((address.to_lowercase(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_host_is_where_its_inventory_says_and_else_at_its_own_name() {
        let host: HostName = "DB1.example.org".parse().unwrap();
        let at = |value: serde_json::Value| said(&host, value.as_object().unwrap());
        assert_eq!(at(json!({})), Some(("db1.example.org".into(), 22)));
        assert_eq!(at(json!({"ansible_host": "192.0.2.7"})), Some(("192.0.2.7".into(), 22)));
        let other = json!({"ansible_ssh_host": "192.0.2.7", "ansible_port": "2222"});
        assert_eq!(at(other), Some(("192.0.2.7".into(), 2222)));
        assert_eq!(at(json!({"ansible_host": "{{ x }}"})), None);
        assert_eq!(at(json!({"ansible_connection": "local", "ansible_host": "192.0.2.7"})), None);
    }
}
