//! Filters on addresses and URLs.

use crate::template::call::{Call, Word, unsupported};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use std::net::IpAddr;

pub(super) const URL_FILTERS: &[Word] = &[Word { name: "urlsplit", params: &["component"], body: urlsplit }];

pub(super) const FILTERS: &[Word] = &[
    Word { name: "ipwrap", params: &["query"], body: ipwrap },
    Word { name: "ipmath", params: &["amount"], body: ipmath },
    Word { name: "ipsubnet", params: &["query", "index"], body: ipsubnet },
    Word { name: "nthhost", params: &["query"], body: nthhost },
    Word { name: "next_nth_usable", params: &["offset"], body: |_, call| nth_usable(call, 1) },
    Word { name: "previous_nth_usable", params: &["offset"], body: |_, call| nth_usable(call, -1) },
    Word { name: "network_in_usable", params: &["test"], body: |_, call| network_in(call, true) },
    Word { name: "network_in_network", params: &["test"], body: |_, call| network_in(call, false) },
    Word { name: "reduce_on_network", params: &["network"], body: reduce_on_network },
    Word { name: "ip4_hex", params: &["delimiter"], body: ip4_hex },
    Word { name: "hwaddr", params: &["query"], body: hwaddr },
    Word { name: "macaddr", params: &["query"], body: hwaddr },
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
            "netmask" => Value::from(self.netmask().to_string()),
            "hostmask" => Value::from(self.wildcard().to_string()),
            "broadcast" => Value::from(self.last().to_string()),
            "prefix" => Value::from(self.length()),
            "subnet" => Value::from(format!("{}/{}", self.network(), self.length())),
            "host/prefix" | "hostnet" => Value::from(format!("{}/{}", self.address, self.length())),
            "host" => self.host(),
            "network/prefix" => Value::from(format!("{}/{}", self.network(), self.length())),
            "ip/prefix" | "address/prefix" => Value::from(format!("{}/{}", self.address, self.length())),
            "ip_netmask" => Value::from(format!("{} {}", self.address, self.netmask())),
            "network_netmask" => Value::from(format!("{} {}", self.network(), self.netmask())),
            "network_id" => Value::from(self.network().to_string()),
            "network_wildcard" => Value::from(format!("{} {}", self.network(), self.wildcard())),
            "wildcard" => Value::from(self.wildcard().to_string()),
            "first_usable" => self.usable().map_or(Value::from(false), |(first, _)| self.shown(first)),
            "last_usable" => self.usable().map_or(Value::from(false), |(_, last)| self.shown(last)),
            "range_usable" => self.usable().map_or(Value::from(false), |(first, last)| {
                Value::from(format!("{}-{}", self.with_number(first), self.with_number(last)))
            }),
            "size_usable" => self
                .usable()
                .map_or(Value::from(0), |(first, last)| number(last.saturating_sub(first).saturating_add(1))),
            "next_usable" => self.usable_at(1),
            "previous_usable" => self.usable_at(-1),
            "peer" => return self.peer(),
            "bool" => Value::from(true),
            "type" => Value::from(if network { "network" } else { "address" }),
            "unicast" => return holds(!self.address.is_multicast()),
            "ipv4" => return holds(self.address.is_ipv4()),
            "version" => Value::from(if self.address.is_ipv4() { 4 } else { 6 }),
            "net" => return holds(network),
            "loopback" | "lo" => return holds(self.address.is_loopback()),
            "multicast" => return holds(self.address.is_multicast()),
            "wrap" => self.wrapped(),
            "int" if self.prefix.is_some() => Value::from(format!("{}/{}", self.number(), self.length())),
            "int" => number(self.number()),
            "link-local" => return holds(is_link_local(&self.address)),
            "revdns" => Value::from(self.reverse_name()),
            "private" => return holds(is_private(&self.address)),
            "public" => {
                return holds(
                    !is_private(&self.address) && !self.address.is_loopback() && !self.address.is_multicast(),
                );
            }
            "size" => number(self.host_mask().saturating_add(1)),
            other => {
                return match Self::read(other)
                    .filter(|_| !other.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
                {
                    Some(within) => holds(within.holds(self)),
                    None => self.indexed(other.parse().ok()?),
                };
            }
        })
    }

    fn netmask(&self) -> IpAddr {
        self.with_number(self.all_ones() & !self.host_mask())
    }

    fn wildcard(&self) -> IpAddr {
        self.with_number(self.host_mask())
    }

    fn shown(&self, number: u128) -> Value {
        Value::from(self.with_number(number).to_string())
    }

    fn host(&self) -> Value {
        Value::from(match self.prefix {
            Some(prefix) => format!("{}/{prefix}", self.address),
            None => format!("{}/{}", self.address, self.bits()),
        })
    }

    /// Whether another network lies in this one.
    fn holds(&self, other: &Self) -> bool {
        let (first, last) = (self.number() & !self.host_mask(), self.number() | self.host_mask());
        self.bits() == other.bits()
            && first <= other.number() & !other.host_mask()
            && other.number() | other.host_mask() <= last
    }

    /// The first and the last address that a host may have; nothing where there is only one address.
    fn usable(&self) -> Option<(u128, u128)> {
        let (first, last) = (self.number() & !self.host_mask(), self.number() | self.host_mask());
        match last - first {
            0 => None,
            1 => Some((first, last)),
            _ => Some((first + 1, last - 1)),
        }
    }

    /// The usable address so many places on.
    fn usable_at(&self, by: i64) -> Value {
        let moved = self.moved(by);
        let usable = self.usable().zip(moved).is_some_and(|((first, last), at)| (first..=last).contains(&at));
        moved.filter(|_| usable).map_or(Value::from(false), |at| self.shown(at))
    }

    fn moved(&self, by: i64) -> Option<u128> {
        let offset = u128::from(by.unsigned_abs());
        let at = if by < 0 { self.number().checked_sub(offset) } else { self.number().checked_add(offset) };
        at.filter(|at| *at <= self.all_ones())
    }

    /// The other end of a link: of two addresses the other, of four the other one in the middle.
    fn peer(&self) -> Option<Value> {
        let at = self.number() & self.host_mask();
        match (self.bits() - self.length(), at) {
            (1, at) => Some(self.shown(self.number() ^ (at ^ (at ^ 1)))),
            (2, 1) => Some(self.shown(self.number() + 1)),
            (2, 2) => Some(self.shown(self.number() - 1)),
            _ => None,
        }
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

/// A number of the engine's smaller kind where that holds it.
fn number(number: u128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::from(number), Value::from)
}

/// The operand as an address or network.
fn network(call: &Call) -> Result<Network, Error> {
    let text = call.operand_text()?;
    Network::read(&text).ok_or_else(|| call.wrong(format!("'{text}' is no address and no network")))
}

fn argument(call: &Call, param: &str) -> Result<Network, Error> {
    let text = call.need_text(param)?;
    Network::read(&text).ok_or_else(|| call.wrong(format!("'{text}' is no address and no network")))
}

/// Another address, so many places on.
fn ipmath(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (network, by) = (network(call)?, call.integer("amount")?.unwrap_or(0));
    let at = network.moved(by).ok_or_else(|| call.wrong("there is no such address"))?;
    Ok(network.shown(at))
}

fn nthhost(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (network, at) = (network(call)?, call.integer("query")?.unwrap_or(0));
    let found = network.indexed(at).filter(|found| found.as_str().is_some());
    let address = found.as_ref().and_then(Value::as_str).and_then(|text| text.split('/').next());
    Ok(address.map_or(Value::from(false), Value::from))
}

fn nth_usable(call: &Call, sign: i64) -> Result<Value, Error> {
    let by = call.integer("offset")?.ok_or_else(|| call.wrong("it needs a number"))?;
    Ok(network(call)?.usable_at(by.saturating_mul(sign)))
}

fn network_in(call: &Call, usable_only: bool) -> Result<Value, Error> {
    let (network, test) = (network(call)?, argument(call, "test")?);
    let inside = network.holds(&test)
        && (!usable_only
            || network.usable().is_some_and(|(first, last)| {
                first <= test.number() && test.number() | test.host_mask() <= last
            }));
    Ok(Value::from(inside))
}

fn reduce_on_network(_: &mut State, call: &Call) -> Result<Value, Error> {
    let network = argument(call, "network")?;
    let items =
        if call.operand.kind() == ValueKind::String { vec![call.operand.clone()] } else { call.items()? };
    Ok(items
        .into_iter()
        .filter(|item| {
            let test = item.as_str().and_then(Network::read);
            test.is_some_and(|test| network.holds(&Network { address: test.address, prefix: None }))
        })
        .collect())
}

/// How many networks of a size there are in this one, or one of them by its place; of an address, the network that holds it.
fn ipsubnet(_: &mut State, call: &Call) -> Result<Value, Error> {
    let Some(network) = Network::read(&call.operand_text()?) else { return Ok(Value::from(false)) };
    let Some(size) = call.integer("query")? else {
        return Ok(Value::from(format!("{}/{}", network.network(), network.length())));
    };
    let size = u32::try_from(size).ok().filter(|size| *size <= network.bits());
    let Some(size) = size else { return Ok(Value::from(false)) };
    let of_size = |number: u128| {
        let subnet = Network { address: network.with_number(number), prefix: Some(size) };
        Value::from(format!("{}/{size}", subnet.network()))
    };
    if network.prefix.is_none() {
        return Ok(of_size(network.number()));
    }
    if size < network.length() {
        return Ok(Value::from(false));
    }
    let count = 1_u128.checked_shl(size - network.length()).unwrap_or(u128::MAX);
    let Some(at) = call.integer("index")? else { return Ok(Value::from(count.to_string())) };
    let offset = u128::from(at.unsigned_abs());
    let at = if at < 0 { count.checked_sub(offset) } else { Some(offset) };
    let step = 1_u128.checked_shl(network.bits() - size).unwrap_or(0);
    let first = network.number() & !network.host_mask();
    Ok(at
        .filter(|at| *at < count)
        .and_then(|at| at.checked_mul(step))
        .map_or(Value::from(false), |by| of_size(first + by)))
}

fn ip4_hex(_: &mut State, call: &Call) -> Result<Value, Error> {
    let between = call.text("delimiter")?.unwrap_or_default();
    let IpAddr::V4(address) = network(call)?.address else {
        return Err(call.wrong("this is no address of IPv4"));
    };
    let parts: Vec<String> = address.octets().iter().map(|octet| format!("{octet:02x}")).collect();
    Ok(Value::from(parts.join(&between)))
}

/// A hardware address in a way of writing it.
fn hwaddr(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let digits: String = text.chars().filter(|c| !":-.".contains(*c)).collect();
    if digits.len() != 12 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Ok(Value::from(false));
    }
    let lower = digits.to_lowercase();
    let parts = |size: usize, between: &str| {
        let parts: Vec<&str> = (0..12).step_by(size).filter_map(|at| lower.get(at..at + size)).collect();
        parts.join(between)
    };
    Ok(Value::from(match call.text("query")?.unwrap_or_default().as_str() {
        "" => text,
        "bool" => return Ok(Value::from(true)),
        "bare" => digits.to_uppercase(),
        "cisco" => parts(4, "."),
        "linux" | "unix" => parts(2, ":"),
        "eui48" | "win" => parts(2, "-").to_uppercase(),
        "pgsql" => parts(6, ":"),
        "psql" => parts(6, ":"),
        other => {
            return Err(unsupported(format!(
                "the query '{other}' for a hardware address is not supported yet"
            )));
        }
    }))
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

/// Addresses of IPv6 in square brackets; whatever is no address stays as it is.
fn ipwrap(_: &mut State, call: &Call) -> Result<Value, Error> {
    let one = |value: &Value| match value.as_str().and_then(Network::read) {
        Some(network) => network.wrapped(),
        None => value.clone(),
    };
    match call.operand.kind() {
        ValueKind::Seq | ValueKind::Iterable => Ok(call.items()?.iter().map(one).collect()),
        _ => Ok(one(crate::template::call::defined(&call.operand)?)),
    }
}

fn ip(call: &Call, fits: impl Fn(&Network) -> bool) -> Result<Value, Error> {
    let query = call.text("query")?.unwrap_or_default();
    let probe = Network { address: IpAddr::from([192, 0, 2, 1]), prefix: Some(30) };
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
    if part.is_undefined() {
        Err(call.wrong(format!("unknown URL component: {component}")))
    } else {
        Ok(part)
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}
