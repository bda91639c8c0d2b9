//! Which names are one machine, by what every inventory of the ops repository says of how hosts are reached and by their host
//! keys: what holds a host out holds it out under each of its names.

use super::repository::Repository;
use crate::load::Inventory;
use crate::model::{Connection, ConnectionKind, HostName, Map, Value};
use crate::transport::{Settings, known_keys};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

/// Where sshd listens unless somebody says otherwise.
const PORT: u16 = 22;

/// Hosts by their addresses, as far as inventories say them plainly, and by the keys that known_hosts files have for these.
pub struct Machines {
    names: BTreeSet<HostName>,
    addresses: BTreeMap<Address, BTreeSet<HostName>>,
    /// Those that are the machine on which wgops runs.
    here: BTreeSet<HostName>,
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
        let mut here = BTreeSet::new();
        for inventory in std::iter::once(inventory).chain(&others) {
            for host in inventory.hosts() {
                names.insert(host.clone());
                let values = inventory.values(host);
                if is_here(&values) {
                    here.insert(host.clone());
                }
                if let Some(address) = said(host, &values) {
                    addresses.entry(address).or_default().insert(host.clone());
                }
            }
        }
        Self { names, addresses, here, settings, keys: OnceLock::new() }
    }

    /// Whether an inventory has a host of this name.
    pub fn has(&self, host: &HostName) -> bool {
        self.names.contains(host)
    }

    /// The other names of the machine that is reached so.
    pub fn at_address_of(&self, host: &HostName, connection: &Connection) -> impl Iterator<Item = &HostName> {
        let known = match connection.kind {
            ConnectionKind::Local => Some(&self.here),
            _ => {
                let name = connection.address.as_deref().unwrap_or(host.as_str());
                self.addresses.get(&(plain(name), connection.port.unwrap_or(PORT)))
            }
        };
        let host = host.clone();
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

/// Whether an inventory says that a host is the machine on which wgops runs.
fn is_here(values: &Map) -> bool {
    values.get("ansible_connection").and_then(Value::as_str) == Some("local")
}

/// Where an inventory says that a host is; none where that is this machine, or a template.
fn said(host: &HostName, values: &Map) -> Option<(String, u16)> {
    let first =
        |names: [&str; 2]| names.into_iter().find_map(|name| values.get(name).filter(|v| !v.is_null()));
    if is_here(values) {
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
    Some((plain(address), port))
}

/// An address in the one spelling by which two are compared: small letters, no dot at the end, and what the system's resolver
/// reads as a number written as one.
fn plain(address: &str) -> String {
    let text = address.trim().trim_end_matches('.').to_lowercase();
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(&text);
    match bare.parse::<Ipv6Addr>() {
        Ok(v6) => v6.to_ipv4_mapped().map_or_else(|| v6.to_string(), |v4| v4.to_string()),
        Err(_) => numbers(bare).map_or_else(|| bare.to_owned(), |v4| v4.to_string()),
    }
}

/// IPv4 as `inet_aton` reads it: up to four numbers, decimal, octal or hexadecimal, the last of which fills what is left.
fn numbers(text: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit())),
    };
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = parts.split_last().filter(|(_, first)| first.len() < 4)?;
    let left = 32 - 8 * u32::try_from(first.len()).ok()?;
    let fits = first.iter().all(|part| *part < 256) && u64::from(*last) < 1 << left;
    let high = first.iter().fold(0u64, |all, part| all << 8 | u64::from(*part)) << left;
    u32::try_from(high | u64::from(*last)).ok().filter(|_| fits).map(Ipv4Addr::from)
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

    #[test]
    fn an_address_is_the_same_however_it_is_written() {
        let same = [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "0x7f.1",
            "0177.0.0.01",
            "2130706433",
            "0x7f000001",
            "::ffff:127.0.0.1",
            "[::ffff:7f00:1]",
            "127.0.0.1.",
        ];
        for text in same {
            assert_eq!(plain(text), "127.0.0.1", "{text}");
        }
        assert_eq!(plain("DB1.Example.org."), "db1.example.org");
        assert_eq!(plain("2001:DB8:0:0::1"), "2001:db8::1");
        // Names, and what is no address to the system either.
        for text in ["web1", "10.0.0.256", "1.2.3.4.5", "1..2", "09.1", "0xg", "4294967296", "fe80::1%eth0"] {
            assert_eq!(plain(text), text);
        }
    }
}
