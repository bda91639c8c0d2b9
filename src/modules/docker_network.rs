//! `docker_network` and `docker_volume`: that a network or a volume of Docker is there as asked, or isn't.

use super::docker::{NOT_YET, Thing, holds_all, pairs, plain, result_as};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::{Output, Stop};

/// `docker_network`.
pub static MODULE: Module = Module {
    name: "docker_network",
    aliases: &[],
    summary: "Makes, changes or removes a network of Docker",
    params: &[
        Param::required("name", Kind::Text, "the network").or(&["network_name"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("driver", Kind::Text, "its driver").default("bridge"),
        Param::optional("driver_options", Kind::Map, "the driver's options"),
        Param::optional("enable_ipv6", Kind::Bool, "whether it has IPv6"),
        Param::optional("internal", Kind::Bool, "whether it leads nowhere else"),
        Param::optional("attachable", Kind::Bool, "whether single containers may join a swarm's network"),
        Param::optional("scope", Kind::Choice(&["local", "global", "swarm"]), "how far it reaches"),
        Param::optional("labels", Kind::Map, "labels that it has"),
        Param::optional("ipam_driver", Kind::Text, "what gives out addresses"),
        Param::optional("ipam_driver_options", Kind::Map, "options of that"),
        Param::optional(
            "ipam_config",
            Kind::Any,
            "ranges of addresses: a list of mappings with subnet, iprange, gateway and aux_addresses",
        ),
        Param::optional("connected", Kind::List, "containers that are to be in it").or(&["containers"]),
        Param::optional("appends", Kind::Bool, "whether other containers may be in it, too")
            .or(&["incremental"])
            .default("no"),
        Param::optional("force", Kind::Bool, "make it anew each time").default("no"),
        Param::not_yet("config_only").or(&["config_from", "ingress", "enable_ipv4"]),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "\
- name: A network for the shop
  docker_network:
    name: shop
    ipam_config:
      - subnet: 172.28.0.0/16
",
        returns: &[Returned { name: "network", help: "what Docker says of it; empty where it is not there" }],
    },
    effect: Effect::OnHost,
    diff: network,
    result: |outcome, outputs| result_as("network", outcome, outputs),
};

/// `docker_volume`.
pub static VOLUME: Module = Module {
    name: "docker_volume",
    aliases: &[],
    summary: "Makes or removes a volume of Docker",
    params: &[
        Param::required("volume_name", Kind::Text, "the volume").or(&["name"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("driver", Kind::Text, "its driver").default("local"),
        Param::optional("driver_options", Kind::Map, "the driver's options"),
        Param::optional("labels", Kind::Map, "labels that it has"),
        Param::optional(
            "recreate",
            Kind::Choice(&["always", "never", "options-changed"]),
            "when it is made anew, empty",
        )
        .default("never"),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A volume for the database\n  docker_volume: {name: database}\n",
        returns: &[Returned { name: "volume", help: "what Docker says of it; empty where it is not there" }],
    },
    effect: Effect::OnHost,
    diff: volume,
    result: |outcome: &Outcome, outputs: &[Output]| result_as("volume", outcome, outputs),
};

fn network(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let thing = Thing { kind: "network", name };
    let ranges = ranges(args)?;
    let seen = thing.inspect(host)?;
    let result = Map::from_iter([("network".to_owned(), seen.clone().unwrap_or_else(|| Map::new().into()))]);
    if args.text("state") == Some("absent") {
        let gone = seen
            .as_ref()
            .map(|now| thing.run(format!("remove Docker's network {name}"), Some(now), true, &[]));
        return Ok(Outcome::change(result, gone.into_iter().collect()));
    }
    let anew = match &seen {
        None => Some(format!("make Docker's network {name}")),
        Some(_) if args.flag("force") => Some(format!("make Docker's network {name} anew")),
        Some(now) => difference(args, &ranges, now)
            .map(|what| format!("make Docker's network {name} anew, for its {what} differs")),
    };
    let mut changes = Vec::new();
    if let Some(summary) = &anew {
        let mut change = thing.run(summary.clone(), seen.as_ref(), true, &creation(args, name, &ranges));
        if args.flag("force") && seen.is_some() {
            change.nature = super::Nature::Event;
        }
        changes.push(change);
    }
    let now = seen.as_ref().filter(|_| anew.is_none());
    changes.extend(members(args, thing, now, anew.is_some())?);
    Ok(Outcome::change(result, changes))
}

/// What brings containers into a network and out of it.
fn members(
    args: &Args,
    thing: Thing<'_>,
    now: Option<&Value>,
    is_new: bool,
) -> Result<Vec<super::Change>, Stop> {
    let name = thing.name;
    let wanted = args.list("connected");
    if let Some(odd) = wanted.iter().find(|member| member.is_empty() || member.starts_with('-')) {
        return Err(Stop::refuse(format!("'connected' has '{odd}', which can't be a container's name")));
    }
    let there: Vec<&str> = now
        .and_then(|about| about["Containers"].as_object())
        .into_iter()
        .flatten()
        .filter_map(|(_, member)| member["Name"].as_str())
        .collect();
    let words = |verb: &str, member: &str| ["network", verb, name, member].map(str::to_owned);
    let mut changes = Vec::new();
    for member in wanted.iter().filter(|member| !there.contains(member)) {
        let summary = format!("connect {member} to Docker's network {name}");
        let change = thing.run(summary, now, false, &words("connect", member));
        // Nobody knows yet what identifies a network that is only about to be made.
        changes.push(if is_new { blind(change) } else { change });
    }
    for member in there
        .iter()
        .filter(|member| args.has("connected") && !args.flag("appends") && !wanted.contains(member))
    {
        let summary = format!("disconnect {member} from Docker's network {name}");
        changes.push(thing.run(summary, now, false, &words("disconnect", member)));
    }
    Ok(changes)
}

/// A change that follows one which makes what it is about.
fn blind(mut change: super::Change) -> super::Change {
    if let Some(seen) = change.args.0.get_mut(2) {
        "*".clone_into(seen);
    }
    change
}

/// Ranges of addresses as they are asked for: what Docker calls it, and the value.
fn ranges(args: &Args) -> Result<Vec<Vec<(&'static str, Value)>>, Stop> {
    let wrong = || {
        Stop::refuse(
            "'ipam_config' must be a list of mappings with subnet, iprange, gateway or aux_addresses",
        )
    };
    let all = match args.value("ipam_config") {
        None => return Ok(Vec::new()),
        Some(all) => all.as_array().ok_or_else(wrong)?,
    };
    let one = |range: &Value| {
        let keys = range.as_object().ok_or_else(wrong)?;
        let given = keys.iter().filter(|(_, value)| !value.is_null());
        let named = given.map(|(key, value)| {
            let name = match key.as_str() {
                "subnet" => "Subnet",
                "iprange" => "IPRange",
                "gateway" => "Gateway",
                "aux_addresses" => "AuxiliaryAddresses",
                _ => return Err(wrong()),
            };
            Ok((name, value.clone()))
        });
        named.collect()
    };
    all.iter().map(one).collect()
}

/// The first thing in which a network is not as asked.
fn difference(args: &Args, ranges: &[Vec<(&'static str, Value)>], now: &Value) -> Option<&'static str> {
    let flag = |name, said: &str| args.maybe_flag(name).is_some_and(|wanted| now[said] != wanted);
    let text = |name, said: &Value| args.text(name).is_some_and(|wanted| *said != wanted);
    let is_met = |range: &Vec<(&'static str, Value)>| {
        let all = now["IPAM"]["Config"].as_array();
        all.into_iter().flatten().any(|there| range.iter().all(|(name, value)| there[*name] == *value))
    };
    let checks = [
        ("driver", text("driver", &now["Driver"])),
        ("driver_options", !holds_all(args.value("driver_options"), &now["Options"])),
        ("enable_ipv6", flag("enable_ipv6", "EnableIPv6")),
        ("internal", flag("internal", "Internal")),
        ("attachable", flag("attachable", "Attachable")),
        ("scope", text("scope", &now["Scope"])),
        ("labels", !holds_all(args.value("labels"), &now["Labels"])),
        ("ipam_driver", text("ipam_driver", &now["IPAM"]["Driver"])),
        ("ipam_driver_options", !holds_all(args.value("ipam_driver_options"), &now["IPAM"]["Options"])),
        ("ipam_config", !ranges.iter().all(is_met)),
    ];
    checks.into_iter().find_map(|(name, differs)| differs.then_some(name))
}

/// What docker is told to make a network.
fn creation(args: &Args, name: &str, ranges: &[Vec<(&'static str, Value)>]) -> Vec<String> {
    let mut words: Vec<String> = ["network", "create"].map(str::to_owned).into();
    let texts = [("driver", "--driver"), ("scope", "--scope"), ("ipam_driver", "--ipam-driver")];
    for (param, option) in texts {
        words.extend(args.text(param).into_iter().flat_map(|text| [option.to_owned(), text.to_owned()]));
    }
    let flags = [("enable_ipv6", "--ipv6"), ("internal", "--internal"), ("attachable", "--attachable")];
    words.extend(flags.iter().filter(|(param, _)| args.flag(param)).map(|(_, option)| (*option).to_owned()));
    words.extend(pairs("--opt", args.value("driver_options")));
    words.extend(pairs("--label", args.value("labels")));
    words.extend(pairs("--ipam-opt", args.value("ipam_driver_options")));
    for (key, value) in ranges.iter().flatten() {
        match *key {
            "Subnet" => words.extend(["--subnet".to_owned(), plain(value)]),
            "IPRange" => words.extend(["--ip-range".to_owned(), plain(value)]),
            "Gateway" => words.extend(["--gateway".to_owned(), plain(value)]),
            _ => words.extend(pairs("--aux-address", Some(value))),
        }
    }
    words.extend(["--".to_owned(), name.to_owned()]);
    words
}

fn volume(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("volume_name")?;
    let thing = Thing { kind: "volume", name };
    let seen = thing.inspect(host)?;
    let result = Map::from_iter([("volume".to_owned(), seen.clone().unwrap_or_else(|| Map::new().into()))]);
    if args.text("state") == Some("absent") {
        let gone = seen
            .as_ref()
            .map(|now| thing.run(format!("remove Docker's volume {name}"), Some(now), true, &[]));
        return Ok(Outcome::change(result, gone.into_iter().collect()));
    }
    let differs = |now: &Value| {
        args.text("driver").is_some_and(|driver| now["Driver"] != driver)
            || !holds_all(args.value("driver_options"), &now["Options"])
            || !holds_all(args.value("labels"), &now["Labels"])
    };
    let summary = match (&seen, args.text("recreate")) {
        (None, _) => format!("make Docker's volume {name}"),
        (Some(_), Some("always")) => format!("make Docker's volume {name} anew, empty"),
        (Some(now), Some("options-changed")) if differs(now) => {
            format!("make Docker's volume {name} anew, empty, for its options differ")
        }
        (Some(_), _) => return Ok(Outcome::in_order(result)),
    };
    let mut words: Vec<String> = ["volume", "create"].map(str::to_owned).into();
    words.extend(
        args.text("driver").into_iter().flat_map(|driver| ["--driver".to_owned(), driver.to_owned()]),
    );
    words.extend(pairs("--opt", args.value("driver_options")));
    words.extend(pairs("--label", args.value("labels")));
    words.extend(["--".to_owned(), name.to_owned()]);
    let mut change = thing.run(summary, seen.as_ref(), true, &words);
    if seen.is_some() && args.text("recreate") == Some("always") {
        change.nature = super::Nature::Event;
    }
    Ok(Outcome::change(result, vec![change]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    const SAID: &str = r#"[{"Name": "web", "Id": "7", "Driver": "bridge", "EnableIPv6": false, "Internal": false,
        "Scope": "local", "Options": {"com.docker.network.bridge.name": "br-web"}, "Labels": {"for": "web"},
        "IPAM": {"Driver": "default", "Options": null, "Config": [{"Subnet": "172.28.0.0/16", "Gateway": "172.28.0.1"}]},
        "Containers": {"abc": {"Name": "shop"}}}]"#;

    fn run(said: &'static str, args: &Value) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said))).unwrap();
        outcome.changes.into_iter().map(|c| c.args.0.get(2..).unwrap().join(" ")).collect()
    }

    #[test]
    fn a_network_is_made_as_asked() {
        let args = json!({"name": "web", "enable_ipv6": true, "driver_options": {"a": 1}, "labels": {"x": "y"},
            "ipam_config": [{"subnet": "10.1.0.0/16", "gateway": "10.1.0.1", "aux_addresses": {"r": "10.1.0.9"}}],
            "connected": ["shop"]});
        let created = run("[]", &args);
        assert!(created[0].starts_with(" yes network create --driver bridge --ipv6 --opt a=1 --label x=y"));
        for words in ["--subnet 10.1.0.0/16", "--gateway 10.1.0.1", "--aux-address r=10.1.0.9"] {
            assert!(created[0].contains(words), "{}", created[0]);
        }
        assert!(created[0].ends_with(" -- web"));
        assert_eq!(created[1], "* no network connect web shop");
    }

    #[test]
    fn a_network_is_made_anew_where_it_differs_in_what_is_asked() {
        let same = [
            json!({"name": "web"}),
            json!({"name": "web", "labels": {"for": "web"}, "internal": false, "scope": "local"}),
            json!({"name": "web", "driver_options": {"com.docker.network.bridge.name": "br-web"}}),
            json!({"name": "web", "ipam_config": [{"subnet": "172.28.0.0/16"}]}),
            json!({"name": "web", "connected": "shop"}),
        ];
        for args in same {
            assert!(run(SAID, &args).is_empty(), "{args}");
        }
        let other = [
            json!({"name": "web", "driver": "macvlan"}),
            json!({"name": "web", "enable_ipv6": true}),
            json!({"name": "web", "labels": {"for": "all"}}),
            json!({"name": "web", "ipam_config": [{"subnet": "172.29.0.0/16"}]}),
            json!({"name": "web", "force": true}),
        ];
        for args in other {
            assert!(run(SAID, &args)[0].starts_with("7 yes network create"), "{args}");
        }
        assert_eq!(run(SAID, &json!({"name": "web", "state": "absent"})), ["7 yes"]);
        let moved = run(SAID, &json!({"name": "web", "connected": "new"}));
        assert_eq!(moved, ["7 no network connect web new", "7 no network disconnect web shop"]);
        let more = run(SAID, &json!({"name": "web", "connected": "new", "appends": true}));
        assert_eq!(more, ["7 no network connect web new"]);
    }

    #[test]
    fn ranges_that_are_none_are_refused() {
        for wrong in [json!("10.0.0.0/8"), json!([{"sub": "10.0.0.0/8"}])] {
            let args = json!({"name": "web", "ipam_config": wrong});
            assert!(answer_with(&MODULE, &args, &mut |_| Ok(Output::ok("[]"))).is_err());
        }
    }

    #[test]
    fn a_volume_is_emptied_only_where_that_is_asked() {
        let run = |said: &'static str, args: &Value| {
            let outcome = answer_with(&VOLUME, args, &mut |_| Ok(Output::ok(said))).unwrap();
            outcome.changes.into_iter().map(|c| c.args.0.get(2..).unwrap().join(" ")).collect::<Vec<_>>()
        };
        let said = r#"[{"Name": "db", "CreatedAt": "then", "Driver": "local", "Labels": null, "Options": {"o": "size=1"}}]"#;
        assert_eq!(
            run("[]", &json!({"name": "db", "labels": {"a": "b"}})),
            [" yes volume create --driver local --label a=b -- db"]
        );
        let other = json!({"name": "db", "driver_options": {"o": "size=2"}});
        assert!(run(said, &other).is_empty());
        let anew = json!({"name": "db", "driver_options": {"o": "size=2"}, "recreate": "options-changed"});
        assert_eq!(run(said, &anew), ["then yes volume create --driver local --opt o=size=2 -- db"]);
        let same = json!({"name": "db", "driver_options": {"o": "size=1"}, "recreate": "options-changed"});
        assert!(run(said, &same).is_empty());
        assert_eq!(run(said, &json!({"name": "db", "state": "absent"})), ["then yes"]);
    }
}
