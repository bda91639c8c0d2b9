//! Filters on addresses and URLs.

use crate::template::call::{Call, Word, unsupported};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use std::net::IpAddr;

pub(super) const URL_FILTERS: &[Word] = &[Word { name: "urlsplit", params: &["component"], body: urlsplit }];

pub(super) const FILTERS: &[Word] = &[
    Word { name: "ipwrap", params: &["query"], body: |_, call| each(call, |network| network.wrapped()) },
    Word { name: "ipaddr", params: &["query"], body: |_, call| ip(call, |_| true) },
    Word { name: "ipv4", params: &["query"], body: |_, call| ip(call, |network| network.address.is_ipv4()) },
    Word { name: "ipv6", params: &["query"], body: |_, call| ip(call, |network| network.address.is_ipv6()) },
];

/// An address, with the length of its network's prefix if one was written.
struct Network {
    address: IpAddr,
    prefix: Option<u32>,
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let prefix = match prefix {
            None => None,
            Some(prefix) => Some(prefix.parse().ok().or_else(|| mask_length(prefix))?),
        };
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (prefix.is_none_or(|prefix| prefix <= longest)).then_some(Self { address, prefix })
    }

    fn bits(&self) -> u32 {
        if self.address.is_ipv4() { 32 } else { 128 }
    }

    fn number(&self) -> u128 {
        match self.address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        }
    }

    fn with_number(&self, number: u128) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => {
                IpAddr::from(u32::try_from(number & u128::from(u32::MAX)).unwrap_or_default().to_be_bytes())
            }
            IpAddr::V6(_) => IpAddr::from(number.to_be_bytes()),
        }
    }

    fn length(&self) -> u32 {
        self.prefix.unwrap_or(self.bits())
    }

    fn host_mask(&self) -> u128 {
        let free = self.bits() - self.length();
        if free >= 128 { u128::MAX } else { (1 << free) - 1 }
    }

    fn all_ones(&self) -> u128 {
        if self.bits() == 32 { u128::from(u32::MAX) } else { u128::MAX }
    }

    fn network(&self) -> IpAddr {
        self.with_number(self.number() & !self.host_mask())
    }

    fn last(&self) -> IpAddr {
        self.with_number(self.number() | self.host_mask())
    }

    fn written(&self) -> String {
        self.prefix.map_or_else(|| self.address.to_string(), |prefix| format!("{}/{prefix}", self.address))
    }

    fn wrapped(&self) -> Value {
        if self.address.is_ipv4() {
            return Value::from(self.written());
        }
        let prefix = self.prefix.map(|prefix| format!("/{prefix}")).unwrap_or_default();
        Value::from(format!("[{}]{prefix}", self.address))
    }

    /// What `ipaddr(query)` asks; nothing for a query that isn't answered here, false for one that doesn't hold.
    fn query(&self, query: &str) -> Option<Value> {
        let holds = |it: bool| Some(if it { Value::from(self.written()) } else { Value::from(false) });
        let network = self.prefix.is_some_and(|_| self.number() & self.host_mask() == 0);
        Some(match query {
            "" => Value::from(self.written()),
            "address" | "ip" => Value::from(self.address.to_string()),
            "network" => Value::from(self.network().to_string()),
            "netmask" => Value::from(self.with_number(self.all_ones() & !self.host_mask()).to_string()),
            "hostmask" => Value::from(self.with_number(self.host_mask()).to_string()),
            "broadcast" => Value::from(self.last().to_string()),
            "prefix" => Value::from(self.length()),
            "subnet" => Value::from(format!("{}/{}", self.network(), self.length())),
            "host/prefix" | "hostnet" => Value::from(format!("{}/{}", self.address, self.length())),
            "host" => Value::from(format!("{}/{}", self.address, self.bits())),
            "version" => Value::from(if self.address.is_ipv4() { 4 } else { 6 }),
            "net" => return holds(network),
            "loopback" | "lo" => return holds(self.address.is_loopback()),
            "multicast" => return holds(self.address.is_multicast()),
            "wrap" => self.wrapped(),
            "int" => Value::from(self.number()),
            "link-local" => return holds(is_link_local(&self.address)),
            "revdns" => Value::from(self.reverse_name()),
            "private" => return holds(is_private(&self.address)),
            "public" => {
                return holds(
                    !is_private(&self.address) && !self.address.is_loopback() && !self.address.is_multicast(),
                );
            }
            "size" => Value::from(self.host_mask().saturating_add(1)),
            index => return self.indexed(index.parse().ok()?),
        })
    }

    /// The name under which DNS keeps the address' own name.
    fn reverse_name(&self) -> String {
        let labels: Vec<String> = match self.address {
            IpAddr::V4(address) => address.octets().iter().rev().map(ToString::to_string).collect(),
            IpAddr::V6(address) => {
                format!("{:032x}", u128::from(address)).chars().rev().map(String::from).collect()
            }
        };
        format!("{}.{}.", labels.join("."), if self.address.is_ipv4() { "in-addr.arpa" } else { "ip6.arpa" })
    }

    /// The address at a place in the network, from its end where the place is negative.
    fn indexed(&self, index: i64) -> Option<Value> {
        let (first, last) = (self.number() & !self.host_mask(), self.number() | self.host_mask());
        let offset = u128::from(index.unsigned_abs());
        let number =
            if index >= 0 { first.checked_add(offset)? } else { last.checked_add(1)?.checked_sub(offset)? };
        let inside = (first..=last).contains(&number);
        Some(if inside {
            Value::from(format!("{}/{}", self.with_number(number), self.length()))
        } else {
            Value::from(false)
        })
    }
}

/// Whether a text is an address, of a certain version if one is named.
pub(in crate::template) fn is_address(text: &str, version: Option<u8>) -> bool {
    text.parse::<IpAddr>()
        .is_ok_and(|address| version.is_none_or(|version| address.is_ipv4() == (version == 4)))
}

fn mask_length(mask: &str) -> Option<u32> {
    let mask = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    (mask.leading_ones() + mask.trailing_zeros() == 32).then_some(mask.leading_ones())
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// The answer for an address; for a list, the answers for those of its items that are addresses.
fn each(call: &Call, answer: impl Fn(&Network) -> Value) -> Result<Value, Error> {
    let one = |value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Network::read(&text).map(|network| answer(&network))
    };
    match call.operand.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            let answers = call
                .items()?
                .into_iter()
                .filter_map(|item| one(&item))
                .filter(|answer| *answer != Value::from(false));
            Ok(answers.collect())
        }
        _ => Ok(one(crate::template::call::defined(&call.operand)?).unwrap_or(Value::from(false))),
    }
}

fn ip(call: &Call, fits: impl Fn(&Network) -> bool) -> Result<Value, Error> {
    let query = call.text("query")?.unwrap_or_default();
    let probe = Network { address: IpAddr::from([192, 0, 2, 1]), prefix: Some(24) };
    if probe.query(&query).is_none() {
        return Err(unsupported(format!("the address query '{query}' is not supported yet")));
    }
    each(call, |network| match network.query(&query) {
        Some(answer) if fits(network) => answer,
        _ => Value::from(false),
    })
}

fn urlsplit(_: &mut State, call: &Call) -> Result<Value, Error> {
    let url = call.operand_text()?;
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once(':').filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", rest));
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (login, place) =
        netloc.rsplit_once('@').map_or((None, netloc), |(login, place)| (Some(login), place));
    let (host, port) = match place.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((host, port)) => (host, port.parse::<u16>().ok()),
        None => (place, None),
    };
    let (user, password) = login.map_or((None, None), |login| match login.split_once(':') {
        Some((user, password)) => (Some(user), Some(password)),
        None => (Some(login), None),
    });
    let optional = |text: Option<&str>| text.map_or(Value::from(()), Value::from);
    let host = host.trim_matches(['[', ']']).to_lowercase();
    let parts = Value::from_pairs([
        ("fragment", Value::from(fragment)),
        ("hostname", optional(Some(host.as_str()).filter(|host| !host.is_empty()))),
        ("netloc", Value::from(netloc)),
        ("password", optional(password)),
        ("path", Value::from(path)),
        ("port", port.map_or(Value::from(()), Value::from)),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme.to_lowercase())),
        ("username", optional(user)),
    ]);
    let Some(component) = call.text("component")?.filter(|component| !component.is_empty()) else {
        return Ok(parts);
    };
    let part = parts.get_attr(&component)?;
    if part.is_undefined() { Err(call.wrong(format!("a URL has no '{component}'"))) } else { Ok(part) }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}
