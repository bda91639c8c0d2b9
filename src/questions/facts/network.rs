//! Interfaces and addresses.
//!
//! # Source
//! ip(8) of iproute2 6.1 with `-o`: `2: eth0    inet 192.0.2.7/24 brd 192.0.2.255 scope global eth0\ …`,
//! `2: eth0: <UP,…> mtu 1500 … state UP … link/ether 02:00:… brd …`, `ADDRESS via GATEWAY dev IF src SOURCE …`.

use super::{Lines, set};
use crate::model::{Map, Value};
use serde_json::json;
use std::net::Ipv4Addr;

pub(super) fn gather(lines: &Lines<'_>, facts: &mut Map) {
    let mut interfaces: Vec<Interface> = lines.all("link").filter_map(Interface::of_link).collect();
    for line in lines.all("addr") {
        take_address(&mut interfaces, line);
    }
    let names: Vec<&str> = interfaces.iter().map(|i| i.name.as_str()).collect();
    set(facts, "interfaces", names);
    let addresses = |pick: fn(&Interface) -> &Vec<Value>| -> Vec<Value> {
        let others = interfaces.iter().filter(|i| i.name != "lo");
        others.flat_map(pick).map(|a| a["address"].clone()).collect()
    };
    set(facts, "all_ipv4_addresses", addresses(|i| &i.ipv4));
    set(facts, "all_ipv6_addresses", addresses(|i| &i.ipv6));
    set(facts, "default_ipv4", default(lines.first("route4"), &interfaces, |i| &i.ipv4));
    set(facts, "default_ipv6", default(lines.first("route6"), &interfaces, |i| &i.ipv6));
    for interface in &interfaces {
        // A fact's name is an identifier.
        let name: String =
            interface.name.chars().map(|c| if matches!(c, '-' | '.' | ':') { '_' } else { c }).collect();
        set(facts, &name, interface.value());
    }
}

struct Interface {
    name: String,
    mac: Option<String>,
    mtu: u64,
    active: bool,
    promisc: bool,
    kind: &'static str,
    ipv4: Vec<Value>,
    ipv6: Vec<Value>,
}

/// The word after a word.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.split_whitespace().skip_while(|w| *w != word).nth(1)
}

impl Interface {
    fn of_link(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once(": ")?;
        let (name, rest) = rest.split_once(": ")?;
        let flags = rest.split(['<', '>']).nth(1).unwrap_or_default();
        let hardware = rest.split_whitespace().find(|word| word.starts_with("link/")).unwrap_or_default();
        let kind = match hardware {
            "link/loopback" => "loopback",
            "link/ether" => "ether",
            _ => "unknown",
        };
        Some(Self {
            name: name.split('@').next().unwrap_or(name).to_owned(),
            mac: after(rest, hardware).filter(|_| kind == "ether").map(str::to_owned),
            mtu: after(rest, "mtu").and_then(|n| n.parse().ok()).unwrap_or(0),
            active: flags.split(',').any(|flag| flag == "UP"),
            promisc: flags.split(',').any(|flag| flag == "PROMISC"),
            kind,
            ipv4: Vec::new(),
            ipv6: Vec::new(),
        })
    }

    fn value(&self) -> Value {
        let mut value = json!({
            "device": self.name, "active": self.active, "promisc": self.promisc, "mtu": self.mtu, "type": self.kind,
        });
        let Some(map) = value.as_object_mut() else { return value };
        if let Some(mac) = &self.mac {
            set(map, "macaddress", mac.as_str());
        }
        if let Some((first, more)) = self.ipv4.split_first() {
            set(map, "ipv4", first.clone());
            if !more.is_empty() {
                set(map, "ipv4_secondaries", more.to_vec());
            }
        }
        if !self.ipv6.is_empty() {
            set(map, "ipv6", self.ipv6.clone());
        }
        value
    }
}

fn take_address(interfaces: &mut [Interface], line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, name, family, address, ..] = words.as_slice() else { return };
    let Some(interface) = interfaces.iter_mut().find(|i| i.name == name.split('@').next().unwrap_or(name))
    else {
        return;
    };
    let (address, prefix) = address.split_once('/').unwrap_or((address, "32"));
    match *family {
        "inet" => interface.ipv4.extend(ipv4(address, prefix, after(line, "brd").unwrap_or_default())),
        "inet6" => {
            let scope = after(line, "scope").unwrap_or("global");
            interface.ipv6.push(json!({"address": address, "prefix": prefix, "scope": scope}));
        }
        _ => {}
    }
}

fn ipv4(address: &str, prefix: &str, broadcast: &str) -> Option<Value> {
    let bits: u32 = prefix.parse().ok().filter(|bits| *bits <= 32)?;
    let number = u32::from(address.parse::<Ipv4Addr>().ok()?);
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let text = |number: u32| Ipv4Addr::from(number).to_string();
    Some(json!({
        "address": address,
        "netmask": text(mask),
        "network": text(number & mask),
        "broadcast": broadcast,
        "prefix": prefix,
    }))
}

/// The interface and address by which the rest of the world is reached; empty where it isn't.
fn default(route: Option<&str>, interfaces: &[Interface], pick: fn(&Interface) -> &Vec<Value>) -> Map {
    let mut facts = Map::new();
    let Some(route) = route else { return facts };
    let Some(interface) = after(route, "dev").and_then(|name| interfaces.iter().find(|i| i.name == name))
    else {
        return facts;
    };
    let source = after(route, "src").unwrap_or_default();
    if let Some(Value::Object(address)) = pick(interface).iter().find(|a| a["address"] == source) {
        facts.extend(address.clone());
    }
    set(&mut facts, "interface", interface.name.as_str());
    set(&mut facts, "alias", interface.name.as_str());
    set(&mut facts, "address", source);
    set(&mut facts, "mtu", interface.mtu);
    set(&mut facts, "type", interface.kind);
    if let Some(mac) = &interface.mac {
        set(&mut facts, "macaddress", mac.as_str());
    }
    if let Some(gateway) = after(route, "via") {
        set(&mut facts, "gateway", gateway);
    }
    facts
}
