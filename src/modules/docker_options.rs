//! What a container of Docker is asked to have: for each parameter the option of `docker create`, and where Docker says what
//! a container has. What nobody asked for is not compared.

use super::Args;
use super::docker::plain;
use crate::model::Value;
use crate::questions::Stop;

/// How a parameter, an option and what Docker says belong together.
#[derive(Clone, Copy)]
enum Shape {
    /// One text or number.
    Text,
    /// Yes or no.
    Flag,
    /// A size, as `512m`.
    Bytes,
    /// A share of processors.
    Cpus,
    /// A list of texts, of which each must be there.
    Each,
    /// A mapping, of which each pair must be there; what stands between key and value.
    Pairs(char),
}

/// Parameter, option, where Docker says it.
const OPTIONS: &[(&str, &str, &str, Shape)] = &[
    ("hostname", "--hostname", "/Config/Hostname", Shape::Text),
    ("domainname", "--domainname", "/Config/Domainname", Shape::Text),
    ("user", "--user", "/Config/User", Shape::Text),
    ("working_dir", "--workdir", "/Config/WorkingDir", Shape::Text),
    ("stop_signal", "--stop-signal", "/Config/StopSignal", Shape::Text),
    ("stop_timeout", "--stop-timeout", "/Config/StopTimeout", Shape::Text),
    ("network_mode", "--network", "/HostConfig/NetworkMode", Shape::Text),
    ("pid_mode", "--pid", "/HostConfig/PidMode", Shape::Text),
    ("ipc_mode", "--ipc", "/HostConfig/IpcMode", Shape::Text),
    ("uts", "--uts", "/HostConfig/UTSMode", Shape::Text),
    ("userns_mode", "--userns", "/HostConfig/UsernsMode", Shape::Text),
    ("runtime", "--runtime", "/HostConfig/Runtime", Shape::Text),
    ("cpuset_cpus", "--cpuset-cpus", "/HostConfig/CpusetCpus", Shape::Text),
    ("cpu_shares", "--cpu-shares", "/HostConfig/CpuShares", Shape::Text),
    ("pids_limit", "--pids-limit", "/HostConfig/PidsLimit", Shape::Text),
    ("oom_score_adj", "--oom-score-adj", "/HostConfig/OomScoreAdj", Shape::Text),
    ("log_driver", "--log-driver", "/HostConfig/LogConfig/Type", Shape::Text),
    ("privileged", "--privileged", "/HostConfig/Privileged", Shape::Flag),
    ("init", "--init", "/HostConfig/Init", Shape::Flag),
    ("read_only", "--read-only", "/HostConfig/ReadonlyRootfs", Shape::Flag),
    ("auto_remove", "--rm", "/HostConfig/AutoRemove", Shape::Flag),
    ("tty", "--tty", "/Config/Tty", Shape::Flag),
    ("interactive", "--interactive", "/Config/OpenStdin", Shape::Flag),
    ("memory", "--memory", "/HostConfig/Memory", Shape::Bytes),
    ("memory_swap", "--memory-swap", "/HostConfig/MemorySwap", Shape::Bytes),
    ("memory_reservation", "--memory-reservation", "/HostConfig/MemoryReservation", Shape::Bytes),
    ("shm_size", "--shm-size", "/HostConfig/ShmSize", Shape::Bytes),
    ("cpus", "--cpus", "/HostConfig/NanoCpus", Shape::Cpus),
    ("capabilities", "--cap-add", "/HostConfig/CapAdd", Shape::Each),
    ("cap_drop", "--cap-drop", "/HostConfig/CapDrop", Shape::Each),
    ("dns_servers", "--dns", "/HostConfig/Dns", Shape::Each),
    ("dns_search_domains", "--dns-search", "/HostConfig/DnsSearch", Shape::Each),
    ("dns_opts", "--dns-option", "/HostConfig/DnsOptions", Shape::Each),
    ("groups", "--group-add", "/HostConfig/GroupAdd", Shape::Each),
    ("security_opts", "--security-opt", "/HostConfig/SecurityOpt", Shape::Each),
    ("volumes_from", "--volumes-from", "/HostConfig/VolumesFrom", Shape::Each),
    ("volumes", "--volume", "/HostConfig/Binds", Shape::Each),
    ("devices", "--device", "/HostConfig/Devices", Shape::Each),
    ("exposed_ports", "--expose", "/Config/ExposedPorts", Shape::Each),
    ("published_ports", "--publish", "/HostConfig/PortBindings", Shape::Each),
    ("tmpfs", "--tmpfs", "/HostConfig/Tmpfs", Shape::Each),
    ("links", "--link", "/HostConfig/Links", Shape::Each),
    ("ulimits", "--ulimit", "/HostConfig/Ulimits", Shape::Each),
    ("labels", "--label", "/Config/Labels", Shape::Pairs('=')),
    ("log_options", "--log-opt", "/HostConfig/LogConfig/Config", Shape::Pairs('=')),
    ("sysctls", "--sysctl", "/HostConfig/Sysctls", Shape::Pairs('=')),
    ("storage_opts", "--storage-opt", "/HostConfig/StorageOpt", Shape::Pairs('=')),
    ("etc_hosts", "--add-host", "/HostConfig/ExtraHosts", Shape::Pairs(':')),
];

/// The options of `docker create` for what is asked.
pub(super) fn options(args: &Args) -> Vec<String> {
    let mut words = Vec::new();
    for (param, option, _, shape) in OPTIONS {
        let Some(value) = args.value(param) else { continue };
        match shape {
            Shape::Flag => words.push(format!("{option}={value}")),
            Shape::Text | Shape::Bytes | Shape::Cpus => words.push(format!("{option}={}", plain(value))),
            Shape::Each => words.extend(args.list(param).iter().map(|one| {
                let one = if *param == "ulimits" { one.replacen(':', "=", 1) } else { (*one).to_owned() };
                format!("{option}={one}")
            })),
            Shape::Pairs(between) => words.extend(
                value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| format!("{option}={key}{between}{}", plain(value))),
            ),
        }
    }
    words
}

/// The first parameter in which a container is not as asked.
pub(super) fn difference(args: &Args, name: &str, now: &Value) -> Result<Option<&'static str>, Stop> {
    for (param, _, place, shape) in OPTIONS {
        // How long it has to end is a matter of who ends it, too.
        let Some(wanted) = args.value(param).filter(|_| *param != "stop_timeout") else { continue };
        let said = now.pointer(place).unwrap_or(&Value::Null);
        let is_so = match shape {
            Shape::Text => is_text(param, wanted, said),
            Shape::Flag => said.as_bool().unwrap_or(false) == wanted.as_bool().unwrap_or(false),
            Shape::Bytes => said.as_i64() == Some(bytes(param, &plain(wanted))?),
            Shape::Cpus => {
                let cpus: f64 =
                    plain(wanted).parse().map_err(|_| Stop::refuse(format!("'{param}' must be a number")))?;
                said.as_f64().is_some_and(|nano| (nano / 1e9 - cpus).abs() < 1e-6)
            }
            Shape::Each => args
                .list(param)
                .iter()
                .try_fold(true, |so_far, one| Ok::<_, Stop>(so_far && holds(param, one, name, said, now)?))?,
            Shape::Pairs(between) => {
                wanted.as_object().into_iter().flatten().all(|(key, value)| match said {
                    Value::Array(all) => {
                        all.iter().any(|one| *one == format!("{key}{between}{}", plain(value)))
                    }
                    map => map[key.as_str()] == plain(value),
                })
            }
        };
        if !is_so {
            return Ok(Some(param));
        }
    }
    Ok(None)
}

fn is_text(param: &str, wanted: &Value, said: &Value) -> bool {
    let (wanted, said) = (plain(wanted), if said.is_null() { String::new() } else { plain(said) });
    let usual = |text: &str| param == "network_mode" && matches!(text, "default" | "bridge");
    wanted == said || usual(&wanted) && usual(&said)
}

/// Bytes, as Docker reads them: `512m`, `1g`, `-1`.
fn bytes(param: &str, text: &str) -> Result<i64, Stop> {
    let wrong = || Stop::refuse(format!("'{param}' is '{text}': expected a size such as 512M"));
    if matches!(text, "unlimited" | "-1") {
        return Ok(-1);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default().to_ascii_lowercase();
    let power = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        _ => return Err(wrong()),
    };
    let number: i64 = digits.trim().parse().map_err(|_| wrong())?;
    number.checked_mul(1024_i64.pow(power)).ok_or_else(wrong)
}

/// Whether one item of a list is in what Docker says.
fn holds(param: &str, one: &str, name: &str, said: &Value, now: &Value) -> Result<bool, Stop> {
    let list = || said.as_array().into_iter().flatten();
    let any = |same: &dyn Fn(&str) -> bool| list().filter_map(Value::as_str).any(same);
    Ok(match param {
        "capabilities" | "cap_drop" => {
            let bare = |text: &str| text.to_ascii_uppercase().trim_start_matches("CAP_").to_owned();
            any(&|there| bare(there) == bare(one))
        }
        "volumes" if !one.contains(':') => !now["Config"]["Volumes"][one].is_null(),
        "volumes" => {
            let bare = |text: &str| text.strip_suffix(":rw").unwrap_or(text).to_owned();
            any(&|there| bare(there) == bare(one))
        }
        "links" => {
            let (other, alias) = one.split_once(':').unwrap_or((one, one));
            any(&|there| there == format!("/{other}:/{name}/{alias}"))
        }
        "devices" => {
            let mut parts = one.split(':');
            let here = parts.next().unwrap_or_default();
            let (there, how) = (parts.next().unwrap_or(here), parts.next().unwrap_or("rwm"));
            list().any(|device| {
                device["PathOnHost"] == here
                    && device["PathInContainer"] == there
                    && device["CgroupPermissions"] == how
            })
        }
        "ulimits" => {
            let mut parts = one.split(':');
            let kind = parts.next().unwrap_or_default();
            let soft = parts.next().and_then(|number| number.parse::<i64>().ok());
            let hard = parts.next().and_then(|number| number.parse::<i64>().ok()).or(soft);
            let number = |limit: &Value, key: &str| limit[key].as_i64();
            list().any(|limit| {
                limit["Name"] == kind && number(limit, "Soft") == soft && number(limit, "Hard") == hard
            })
        }
        "tmpfs" => {
            let (place, how) = one.split_once(':').unwrap_or((one, ""));
            said[place] == how
        }
        "exposed_ports" => ports(param, one)?.iter().all(|port| !said[port.inner.as_str()].is_null()),
        "published_ports" => {
            ports(param, one)?.iter().all(|port| published(port, &said[port.inner.as_str()]))
        }
        _ => any(&|there| there == one),
    })
}

/// A port of a container, and where it is to be had on the host.
struct Port {
    /// As `80/tcp`.
    inner: String,
    address: String,
    /// Nothing: any.
    outer: Option<u16>,
}

fn published(port: &Port, said: &Value) -> bool {
    let any_address = |text: &str| matches!(text, "" | "0.0.0.0");
    said.as_array().into_iter().flatten().any(|there| {
        let address = there["HostIp"].as_str().unwrap_or_default();
        let outer = there["HostPort"].as_str().and_then(|text| text.parse::<u16>().ok());
        let same_address = address == port.address || any_address(address) && any_address(&port.address);
        same_address && (port.outer.is_none() || outer == port.outer)
    })
}

/// `[[ADDRESS:]PORT:]PORT[/PROTOCOL]`, each port perhaps a range.
fn ports(param: &str, text: &str) -> Result<Vec<Port>, Stop> {
    let wrong = || {
        Stop::refuse(format!("'{param}' has '{text}': expected ports such as 8080:80 or 127.0.0.1:53:53/udp"))
    };
    let (rest, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (before, inner) = rest.rsplit_once(':').map_or((None, rest), |(before, inner)| (Some(before), inner));
    let (address, outer) = match before {
        None => ("", ""),
        Some(before) => before.rsplit_once(':').unwrap_or(("", before)),
    };
    let range = |text: &str| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse::<u16>().ok()?, last.parse::<u16>().ok()?))
    };
    let (first, last) = range(inner).filter(|(first, last)| first <= last).ok_or_else(wrong)?;
    let outer = match outer {
        "" => None,
        text => Some(range(text).filter(|(a, b)| b.checked_sub(*a) == Some(last - first)).ok_or_else(wrong)?),
    };
    let address = address.trim_matches(['[', ']']);
    let one = |(at, port): (u16, u16)| Port {
        inner: format!("{port}/{protocol}"),
        address: address.to_owned(),
        outer: outer.map(|(start, _)| start + at),
    };
    Ok((0..).zip(first..=last).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_addresses_ranges_and_protocols() {
        let of = |text| {
            let said = |port: Port| format!("{} {} {:?}", port.inner, port.address, port.outer);
            ports("p", text).map(|all| all.into_iter().map(said).collect::<Vec<_>>()).ok()
        };
        assert_eq!(of("80"), Some(vec!["80/tcp  None".into()]));
        assert_eq!(of("8080:80"), Some(vec!["80/tcp  Some(8080)".into()]));
        assert_eq!(of("127.0.0.1:53:53/udp"), Some(vec!["53/udp 127.0.0.1 Some(53)".into()]));
        assert_eq!(of("[::1]:8080:80"), Some(vec!["80/tcp ::1 Some(8080)".into()]));
        assert_eq!(of("90-91:80-81"), Some(vec!["80/tcp  Some(90)".into(), "81/tcp  Some(91)".into()]));
        for wrong in ["x", "1-2:80", "9:8:7:x", "99999"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn sizes_are_dockers() {
        let of = |text| bytes("memory", text).ok();
        assert_eq!(
            [of("512m"), of("1G"), of("64MiB"), of("5"), of("-1")].map(Option::unwrap),
            [512 << 20, 1 << 30, 64 << 20, 5, -1]
        );
        assert_eq!([of("1x"), of("m"), of("9999999999t")], [None, None, None]);
    }
}
