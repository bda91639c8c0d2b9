//! Names, the user, time, services, whether the host is a guest, and facts that the host keeps of itself.

use super::{Lines, set};
use crate::model::{Map, Value};
use serde_json::json;

pub(super) fn gather(lines: &Lines<'_>, facts: &mut Map) {
    kernel(lines, facts);
    names(lines, facts);
    python(lines, facts);
    user(lines, facts);
    time(lines, facts);
    set(facts, "cmdline", cmdline(lines));
    set(facts, "proc_cmdline", whole_cmdline(lines));
    set(facts, "fips", lines.first("fips").is_some_and(|value| value.trim() == "1"));
    systemd(lines, facts);
    capabilities(lines, facts);
    set(facts, "service_mgr", service_manager(lines));
    set(facts, "pkg_mgr", package_manager(lines));
    set(facts, "dns", dns(lines));
    set(facts, "is_chroot", false);
    let selinux = match lines.first("selinux") {
        Some("1") => json!({"status": "enabled", "mode": "enforcing"}),
        Some(_) => json!({"status": "enabled", "mode": "permissive"}),
        None => json!({"status": "disabled"}),
    };
    set(facts, "selinux", selinux);
    let apparmor = if lines.first("apparmor").is_some() { "enabled" } else { "disabled" };
    set(facts, "apparmor", json!({"status": apparmor}));
    for id in ["machine_id", "boot_id"] {
        set(facts, id, lines.first(id).unwrap_or_default());
    }
    for kind in ["rsa", "ecdsa", "ed25519", "dsa"] {
        let mut words = lines.first(&format!("hostkey {kind}")).unwrap_or_default().split(' ');
        if let (Some(algorithm), Some(key)) = (words.next(), words.next()) {
            set(facts, &format!("ssh_host_key_{kind}_public"), key);
            set(facts, &format!("ssh_host_key_{kind}_public_keytype"), algorithm);
        }
    }
}

fn kernel(lines: &Lines<'_>, facts: &mut Map) {
    let machine = lines.first("machine").unwrap_or_default();
    let short = matches!(machine, "i386" | "i486" | "i586" | "i686");
    let bits =
        if machine.ends_with("64") || machine == "s390x" || machine == "ppc64le" { "64" } else { "32" };
    set(facts, "system", "Linux");
    set(facts, "kernel", lines.first("kernel").unwrap_or_default());
    set(facts, "kernel_version", lines.first("build").unwrap_or_default());
    set(facts, "machine", machine);
    set(facts, "architecture", if short { "i386" } else { machine });
    set(facts, "userspace_architecture", if short { "i386" } else { machine });
    set(facts, "userspace_bits", bits);
    let seconds = |word| lines.first(word).and_then(|l| l.split('.').next()?.parse::<u64>().ok());
    set(facts, "uptime_seconds", seconds("uptime").unwrap_or(0));
    let loads: Vec<f64> =
        lines.first("load").unwrap_or_default().split(' ').take(3).filter_map(|l| l.parse().ok()).collect();
    if let [one, five, fifteen] = loads.as_slice() {
        set(facts, "loadavg", json!({"1m": one, "5m": five, "15m": fifteen}));
    }
}

/// Reads `PLACE Python 3.11.2`. A host without Python has the one that its release would bring: roles choose packages by it.
fn python(lines: &Lines<'_>, facts: &mut Map) {
    let said = |name: &str| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    let found = lines.first("python").and_then(|line| line.split_once(" Python "));
    let usual = || usual_python(said("distribution"), said("distribution_major_version"));
    let Some((place, version)) = found.or_else(|| Some(("/usr/bin/python3", usual()?))) else { return };
    let version = version.trim();
    let numbers: Vec<u64> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let [major, minor, micro] = numbers.as_slice() else { return };
    set(facts, "python_version", version);
    let python = json!({
        "executable": place,
        "type": "cpython",
        "has_sslcontext": true,
        "version": {"major": major, "minor": minor, "micro": micro, "releaselevel": "final", "serial": 0},
        "version_info": [major, minor, micro, "final", 0],
    });
    set(facts, "python", python);
}

/// Python's version in a release.
///
/// # Source
/// packages.debian.org, packages.ubuntu.com, and what RHEL calls its platform's Python; November 2026.
fn usual_python(distribution: &str, release: &str) -> Option<&'static str> {
    const ENTERPRISE: [&str; 6] = ["RedHat", "CentOS", "Rocky", "AlmaLinux", "OracleLinux", "Alma"];
    let family = if ENTERPRISE.contains(&distribution) { "RedHat" } else { distribution };
    Some(match (family, release) {
        ("Debian", "10") => "3.7.3",
        ("Debian", "11") => "3.9.2",
        ("Debian", "12") => "3.11.2",
        ("Debian", "13") => "3.13.5",
        ("Ubuntu", "20") => "3.8.10",
        ("Ubuntu", "22") => "3.10.12",
        ("Ubuntu", "24") => "3.12.3",
        ("RedHat", "8") => "3.6.8",
        ("RedHat", "9") => "3.9.21",
        ("RedHat", "10") => "3.12.9",
        _ => return None,
    })
}

/// The full name is the first one with a dot that `/etc/hosts` has for this host, as the resolver would find it there.
fn names(lines: &Lines<'_>, facts: &mut Map) {
    let node = lines.first("node").unwrap_or_default();
    let short = node.split('.').next().unwrap_or(node);
    let known = lines.all("hosts").find_map(|line| {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace().skip(1).peekable();
        let canonical = *words.peek()?;
        (words.any(|word| word == node) && canonical.contains('.')).then_some(canonical)
    });
    let full = if node.contains('.') { node } else { known.unwrap_or(node) };
    set(facts, "nodename", node);
    set(facts, "hostname", short);
    set(facts, "fqdn", full);
    set(facts, "domain", full.split_once('.').map_or("", |(_, domain)| domain));
}

fn user(lines: &Lines<'_>, facts: &mut Map) {
    let mut words = lines.first("id").unwrap_or_default().split(' ');
    let (uid, gid, name) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let number = |text: &str| text.parse::<u64>().map_or(Value::Null, Value::from);
    set(facts, "user_id", name);
    set(facts, "user_uid", number(uid));
    set(facts, "user_gid", number(gid));
    for fact in ["effective_user_id", "real_user_id"] {
        set(facts, fact, number(uid));
    }
    for fact in ["effective_group_id", "real_group_id"] {
        set(facts, fact, number(gid));
    }
    let entry = lines
        .all("passwd")
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|e| e.first() == Some(&name));
    for (fact, field) in [("user_gecos", 4), ("user_dir", 5), ("user_shell", 6)] {
        let value = entry.as_ref().and_then(|e| e.get(field)).copied();
        set(facts, fact, value.unwrap_or_default());
    }
    let env: Map = lines
        .all("env")
        .filter_map(|line| line.split_once('='))
        .filter(|(key, _)| key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && *key != "_")
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    set(facts, "env", env);
}

/// Reads `EPOCH OFFSET ZONE WEEKDAY NUMBER WEEK`; the rest is computed.
fn time(lines: &Lines<'_>, facts: &mut Map) {
    let words: Vec<&str> = lines.first("date").unwrap_or_default().split(' ').collect();
    let [epoch, offset, zone, weekday, weekday_number, week] = words.as_slice() else { return };
    let Some(utc) = epoch.parse().ok().and_then(|s| jiff::Timestamp::from_second(s).ok()) else { return };
    let seconds = offset_seconds(offset).unwrap_or(0);
    let Ok(there) = jiff::tz::Offset::from_seconds(seconds) else { return };
    let local = there.to_datetime(utc);
    let date_time = json!({
        "date": local.strftime("%Y-%m-%d").to_string(),
        "time": local.strftime("%H:%M:%S").to_string(),
        "year": local.strftime("%Y").to_string(),
        "month": local.strftime("%m").to_string(),
        "day": local.strftime("%d").to_string(),
        "hour": local.strftime("%H").to_string(),
        "minute": local.strftime("%M").to_string(),
        "second": local.strftime("%S").to_string(),
        "weekday": weekday,
        "weekday_number": weekday_number.parse::<u64>().map_or(0, |n| n % 7).to_string(),
        "weeknumber": week,
        "epoch": epoch,
        "epoch_int": epoch,
        "iso8601": utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "iso8601_micro": utc.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string(),
        "iso8601_basic": local.strftime("%Y%m%dT%H%M%S000000").to_string(),
        "iso8601_basic_short": local.strftime("%Y%m%dT%H%M%S").to_string(),
        "tz": zone,
        "tz_dst": zone,
        "tz_offset": offset,
    });
    set(facts, "date_time", date_time);
}

/// Reads `+0130`.
fn offset_seconds(offset: &str) -> Option<i32> {
    let (sign, digits) = match offset.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, offset.strip_prefix('+')?),
    };
    let number: i32 = digits.parse().ok().filter(|n| (0..=2400).contains(n))?;
    Some(sign * (number / 100 * 3600 + number % 100 * 60))
}

/// A parameter without a value is true; the last of several counts.
fn cmdline(lines: &Lines<'_>) -> Map {
    let words = lines.first("cmdline").unwrap_or_default().split_whitespace();
    words
        .map(|word| match word.split_once('=') {
            Some((key, value)) => (key.to_owned(), value.into()),
            None => (word.to_owned(), true.into()),
        })
        .collect()
}

/// The same with a list where there are several.
fn whole_cmdline(lines: &Lines<'_>) -> Map {
    let mut all = Map::new();
    for word in lines.first("cmdline").unwrap_or_default().split_whitespace() {
        let (key, value) =
            word.split_once('=').map_or((word, true.into()), |(key, value)| (key, Value::from(value)));
        match all.get_mut(key) {
            None => set(&mut all, key, value),
            Some(Value::Array(several)) => several.push(value),
            Some(one) => *one = vec![one.clone(), value].into(),
        }
    }
    all
}

/// Reads `systemd 252 (252.38-1)` and the line of features behind it.
fn systemd(lines: &Lines<'_>, facts: &mut Map) {
    let mut said = lines.all("systemctl");
    let version = said.next().and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok());
    if let Some(version) = version {
        set(facts, "systemd", json!({"version": version, "features": said.next().unwrap_or_default()}));
    }
}

/// Reads `Current: =ep cap_x,cap_y-ep` as Ansible does: behind the first equals sign, at the commas.
fn capabilities(lines: &Lines<'_>, facts: &mut Map) {
    let Some((_, current)) = lines.first("capsh").and_then(|line| line.split_once(':')) else { return };
    let all = current.trim() == "=ep";
    let listed = current.split('=').nth(1).filter(|_| !all).unwrap_or_default();
    let listed: Vec<&str> = listed.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    set(facts, "system_capabilities_enforced", if all { "False" } else { "True" });
    set(facts, "system_capabilities", listed);
}

fn service_manager(lines: &Lines<'_>) -> &'static str {
    match lines.first("init").map(str::trim) {
        _ if lines.first("systemd").is_some() => "systemd",
        Some("systemd") => "systemd",
        Some("openrc-init") => "openrc",
        Some("runit" | "runit-init") => "runit",
        Some("s6-svscan") => "s6",
        Some("init") => "sysvinit",
        _ => "service",
    }
}

fn package_manager<'a>(lines: &Lines<'a>) -> &'a str {
    match lines.first("manager") {
        Some("apt-get") => "apt",
        Some("emerge") => "portage",
        Some("xbps-install") => "xbps",
        Some(name) => name,
        None => "unknown",
    }
}

fn dns(lines: &Lines<'_>) -> Map {
    let words = |word: &str| -> Vec<&str> {
        lines
            .all("resolv")
            .filter_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
            .flat_map(str::split_whitespace)
            .collect()
    };
    let mut dns = Map::new();
    for (word, name) in [("nameserver", "nameservers"), ("search", "search")] {
        if !words(word).is_empty() {
            set(&mut dns, name, words(word));
        }
    }
    if let Some(domain) = words("domain").first() {
        set(&mut dns, "domain", *domain);
    }
    dns
}

pub(super) fn gather_virtualization(lines: &Lines<'_>, facts: &mut Map) {
    let vendor = lines.first("dmi sys_vendor").unwrap_or_default();
    let product = lines.first("dmi product_name").unwrap_or_default();
    let bios = lines.first("dmi bios_vendor").unwrap_or_default();
    let kind = match lines.first("container") {
        Some(container) => container.trim(),
        None => match (vendor, product, bios) {
            ("QEMU" | "Amazon EC2" | "Google" | "DigitalOcean" | "Hetzner" | "Scaleway", ..) => "kvm",
            (_, "KVM" | "KVM Server" | "Bochs" | "Standard PC (Q35 + ICH9, 2009)" | "RHEV Hypervisor", _) => {
                "kvm"
            }
            ("OpenStack Foundation", ..) => "openstack",
            (_, "OpenStack Nova" | "OpenStack Compute", _) => "openstack",
            ("VMware, Inc.", ..) => "VMware",
            ("innotek GmbH", ..) | (_, "VirtualBox", _) => "virtualbox",
            ("Xen", ..) | (_, "HVM domU", _) => "xen",
            ("Microsoft Corporation", "Virtual Machine", _) => "VirtualPC",
            (_, _, "SeaBIOS") => "kvm",
            _ if lines.first("hypervisor").is_some() => "kvm",
            _ => "NA",
        },
    };
    // Who may read what the first process was started with knows less of its container, and more.
    let known = kind;
    let generic = lines.first("contained").is_some() && !matches!(kind, "docker" | "podman" | "lxc" | "NA");
    let kind = if generic { "container" } else { kind };
    let role = if kind == "NA" { "NA" } else { "guest" };
    set(facts, "virtualization_type", kind);
    set(facts, "virtualization_role", role);
    let mut guest: Vec<&str> = if role == "guest" { vec![kind, known] } else { Vec::new() };
    guest.dedup();
    set(facts, "virtualization_tech_guest", guest);
    set(facts, "virtualization_tech_host", Vec::<Value>::new());
}

/// Facts that the host keeps in files, or has programs for that print them: JSON, or sections with keys.
pub(super) fn gather_local(lines: &Lines<'_>, facts: &mut Map) {
    let mut texts: indexmap::IndexMap<&str, String> = indexmap::IndexMap::new();
    for line in lines.all("local") {
        let (name, text) = line.split_once(' ').unwrap_or((line, ""));
        let file = texts.entry(name).or_default();
        file.push_str(text);
        file.push('\n');
    }
    let local: Map = texts
        .into_iter()
        .map(|(name, text)| {
            let read = || serde_json::from_str(&text).unwrap_or_else(|_| sections(&text));
            (name.to_owned(), failure(&text).map_or_else(read, Value::from))
        })
        .collect();
    set(facts, "local", local);
}

/// What is said of a program that failed: its last lines are `failed`, its exit status and why, which may be several.
fn failure(text: &str) -> Option<String> {
    let (_, said) = text.rsplit_once("\nfailed ")?;
    let (status, said) = said.split_once(' ')?;
    status.parse::<u8>().ok()?;
    let (place, why) = said.split_once(": ").unwrap_or((said.trim_end().trim_end_matches(':'), ""));
    Some(format!("Failure executing fact script ({place}), rc: {status}, err: {why}"))
}

fn sections(text: &str) -> Value {
    let mut sections = Map::new();
    let mut current = None;
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            sections.insert(name.to_owned(), Map::new().into());
            current = Some(name.to_owned());
        } else if let (Some(name), Some((key, value))) = (&current, line.split_once(['=', ':']))
            && let Some(Value::Object(section)) = sections.get_mut(name)
        {
            set(section, &key.trim().to_lowercase(), value.trim());
        }
    }
    sections.into()
}
