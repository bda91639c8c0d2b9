//! `docker_container`: that a container of Docker is there as asked, runs, rests, or isn't there. One that differs in what is
//! asked is made anew; its volumes stay. What a container has and nobody asked for is let be. `docker_options.rs` compares.

mod network;
mod words;

use super::docker::{NOT_YET, Thing, plain, result_as};
use super::docker_options::{difference, options};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Content, Map, Script, Value};
use crate::questions::system::containers::kept;
use crate::questions::{Output, Stop};
use network::{Network, networks};
use std::time::Duration;
use words::{Words, restart_option, variables, with_tag};

const fn text(name: &'static str, help: &'static str) -> Param {
    Param::optional(name, Kind::Text, help)
}

const fn flag(name: &'static str, help: &'static str) -> Param {
    Param::optional(name, Kind::Bool, help)
}

const fn list(name: &'static str, help: &'static str) -> Param {
    Param::optional(name, Kind::List, help)
}

const fn map(name: &'static str, help: &'static str) -> Param {
    Param::optional(name, Kind::Map, help)
}

/// The module.
pub static MODULE: Module = Module {
    name: "docker_container",
    aliases: &[],
    summary: "Makes, starts, stops or removes a container of Docker",
    params: &[
        Param::required("name", Kind::Text, "the container"),
        Param::optional(
            "state",
            Kind::Choice(&["started", "present", "stopped", "absent"]),
            "whether it runs, is there at all, rests, or is not there",
        )
        .default("started"),
        text("image", "the image that it is made of; needed where the container is not there yet"),
        text(
            "pull",
            "when the image is asked for: missing, always or never; yes and no are always and missing",
        )
        .default("missing"),
        Param::optional("command", Kind::Any, "what runs in it: a list, or words as a shell splits them")
            .or(&["cmd"]),
        Param::optional(
            "entrypoint",
            Kind::Any,
            "the program that the command is given to, and its first words",
        ),
        map("env", "variables of its environment"),
        list("volumes", "directories and volumes in it, as /srv/data:/data:ro").or(&["vols"]),
        list("published_ports", "its ports on the host, as 8080:80 or 127.0.0.1:53:53/udp").or(&["ports"]),
        list("exposed_ports", "ports that it offers others").or(&["exposed", "expose"]),
        Param::optional(
            "networks",
            Kind::Any,
            "networks that it is in: a list of mappings with name, ipv4_address, ipv6_address and aliases",
        ),
        flag("purge_networks", "whether it is in no other network").default("no"),
        flag("networks_cli_compatible", "taken: without the usual network where others are named")
            .default("yes"),
        text("network_mode", "its network: bridge, host, none, container:NAME or a network"),
        Param::optional(
            "restart_policy",
            Kind::Choice(&["no", "on-failure", "always", "unless-stopped"]),
            "when Docker starts it again",
        ),
        Param::optional("restart_retries", Kind::Int, "how often, with on-failure").default("0"),
        flag("restart", "start it anew where it runs").default("no"),
        flag("recreate", "make it anew each time").default("no"),
        flag("keep_volumes", "whether volumes without a name stay when it is removed").default("yes"),
        flag("force_kill", "taken: what is removed is ended").or(&["forcekill"]).default("no"),
        flag("detach", "whether it runs in the background; nothing else is supported yet").default("yes"),
        flag("auto_remove", "whether it goes when it ends"),
        flag("privileged", "whether it has all the host's rights"),
        flag("init", "whether a small init runs in it"),
        flag("read_only", "whether its own files can't be changed"),
        flag("tty", "whether it has a terminal"),
        flag("interactive", "whether its stdin stays open"),
        list("capabilities", "rights that it has more").or(&["cap_add"]),
        list("cap_drop", "rights that it has not"),
        list("devices", "devices in it, as /dev/a:/dev/b:rwm"),
        list("dns_servers", "whom it asks for names"),
        list("dns_search_domains", "domains in which it looks for names"),
        list("dns_opts", "options of the resolver"),
        list("groups", "more groups that its user is in"),
        list("links", "other containers that it knows by name, as db:database"),
        list("security_opts", "options of security modules"),
        list("tmpfs", "file systems in memory, as /run:size=64m"),
        list("ulimits", "limits, as nofile:1024:2048"),
        list("volumes_from", "containers whose volumes it has, too"),
        map("etc_hosts", "hosts by name, and their addresses"),
        map("labels", "labels that it has"),
        map("log_options", "options of the log driver").or(&["log_opt"]),
        map("storage_opts", "options of its storage"),
        map("sysctls", "settings of the kernel"),
        text("hostname", "its host name"),
        text("domainname", "its domain"),
        text("user", "who runs in it"),
        text("working_dir", "where the command begins"),
        text("log_driver", "where its output goes"),
        text("memory", "the most memory, as 512M"),
        text("memory_reservation", "memory that it can count on"),
        text("memory_swap", "memory and swap together"),
        text("shm_size", "the size of /dev/shm"),
        text("cpus", "how many processors it may use"),
        text("cpuset_cpus", "which processors"),
        text("cpu_shares", "its share beside others"),
        text("pids_limit", "the most processes"),
        text("oom_score_adj", "how soon it goes where memory ends"),
        text("pid_mode", "whose processes it sees"),
        text("ipc_mode", "whose shared memory it has"),
        text("uts", "whose host name it has"),
        text("userns_mode", "whose user ids it has"),
        text("runtime", "the runtime"),
        text("stop_signal", "the signal that ends it"),
        text("stop_timeout", "how many seconds it has to end"),
        text("container_default_behavior", "taken: nothing is compared that is not asked"),
        Param::not_yet("healthcheck").or(&[
            "mounts",
            "output_logs",
            "image_label_mismatch",
            "image_name_mismatch",
            "image_comparison",
            "env_file",
            "comparisons",
            "ignore_image",
            "cleanup",
            "paused",
            "blkio_weight",
            "cpu_period",
            "cpu_quota",
            "cpuset_mems",
            "cgroup_parent",
            "cgroupns_mode",
            "default_host_ip",
            "device_cgroup_rules",
            "device_read_bps",
            "device_read_iops",
            "device_requests",
            "device_write_bps",
            "device_write_iops",
            "kernel_memory",
            "kill_signal",
            "mac_address",
            "memory_swappiness",
            "oom_killer",
            "platform",
            "pull_check_mode_behavior",
            "removal_wait_timeout",
            "volume_driver",
            "healthy_wait_timeout",
            "command_handling",
        ]),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "\
- name: The shop runs
  docker_container:
    name: shop
    image: registry.example.org/shop:4.2
    restart_policy: unless-stopped
    ports: ['127.0.0.1:8080:80']
    volumes: ['/srv/shop:/data']
    env: {MODE: production}
- name: The old one is gone
  docker_container: {name: shop-old, state: absent}
",
        returns: &[Returned {
            name: "container",
            help: "what Docker says of it; empty where it is not there",
        }],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Makes a container: its name, the id of the one that was seen (nothing: there was none), `keep` or `drop` for the
/// volumes of that, and, where it is made anew only for a newer image, the image and what the other was made of. Then what docker
/// create is told. Variables are on stdin.
const MAKE: Script = Script {
    name: "make_container",
    text: r#"name=$1 seen=$2 volumes=$3 image=$4 made_of=$5
shift 5
now=$(docker container inspect -f '{{.Id}}' -- "$name" 2>/dev/null </dev/null) || now=
[ "$now" = "$seen" ] || exit 113
if [ -n "$made_of" ]; then
    is=$(docker image inspect -f '{{.Id}}' -- "$image" </dev/null) || exit 1
    if [ "$is" = "$made_of" ]; then
        docker container inspect -- "$name" </dev/null
        exit 0
    fi
fi
if [ -n "$seen" ]; then
    [ "$volumes" = keep ] && volumes= || volumes=-v
    docker container rm -f $volumes "$name" </dev/null >/dev/null || exit 1
fi
said=$(docker create --env-file /dev/stdin "$@" 2>&1) || { printf '%s\n' "$said" >&2; exit 1; }
docker container inspect -- "$name" </dev/null
exit 0"#,
};

/// The scripts of this module.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = result_as("container", outcome, outputs);
    let id = |of: &Map| of.get("container").map(|container| container["Id"].clone());
    // An image that was asked for again and is the same, and nothing but that.
    let asks_again = outcome.changes.iter().any(|change| change.nature == Nature::Event);
    let only_asks = outcome.changes.iter().all(|change| change.script.name == MAKE.name || asks(change));
    if asks_again && only_asks && result.get("failed").is_none() && !outputs.is_empty() {
        let same = id(&result) == id(&outcome.result) && id(&result).is_some_and(|id| !id.is_null());
        if same {
            result.insert("changed".into(), false.into());
        }
    }
    result
}

fn asks(change: &Change) -> bool {
    change.args.0.first().is_some_and(|kind| kind == "image")
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let thing = Thing { kind: "container", name };
    if !args.flag("detach") {
        return Err(Stop::refuse(
            "'detach: false' is not supported yet: run it with 'command: docker run …'",
        ));
    }
    let seen = thing.inspect(host)?;
    let result =
        Map::from_iter([("container".to_owned(), seen.clone().unwrap_or_else(|| Map::new().into()))]);
    let state = args.needed("state")?;
    if state == "absent" {
        let volumes = (!args.flag("keep_volumes")).then_some("-v");
        let words = ["container", "rm", "-f"].into_iter().chain(volumes).chain([name]);
        let words: Vec<String> = words.map(str::to_owned).collect();
        let gone = seen
            .as_ref()
            .map(|now| thing.run(format!("remove Docker's container {name}"), Some(now), false, &words));
        return Ok(Outcome::change(result, gone.into_iter().collect()));
    }
    let task = Task { args, thing, seen: seen.as_ref(), state, networks: networks(args)? };
    Ok(Outcome::change(result, task.changes(host)?))
}

/// A container, and what is wanted of it.
struct Task<'a> {
    args: &'a Args,
    thing: Thing<'a>,
    seen: Option<&'a Value>,
    state: &'a str,
    networks: Vec<Network>,
}

impl Task<'_> {
    fn changes(&self, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        let (name, made) = (self.thing.name, self.made(host)?);
        let is_new =
            made.iter().any(|change| change.script.name == MAKE.name && change.nature == Nature::State);
        let runs = self.seen.is_some_and(|now| now["State"]["Running"] == true) && !is_new;
        let mut changes = made;
        changes.extend(self.connected(is_new));
        let policy = self
            .args
            .text("restart_policy")
            .map(|policy| (policy, self.args.int("restart_retries").unwrap_or(0)));
        if let (Some((policy, retries)), false) = (policy, is_new) {
            let said = self.seen.map(|now| &now["HostConfig"]["RestartPolicy"]).unwrap_or(&Value::Null);
            let is_so = (said["Name"] == policy || policy == "no" && said["Name"] == "")
                && (policy != "on-failure" || said["MaximumRetryCount"] == retries);
            let words = ["update".to_owned(), restart_option(policy, retries), name.to_owned()];
            changes.extend((!is_so).then(|| {
                self.thing.run(format!("change when Docker starts {name} again"), self.seen, false, &words)
            }));
        }
        let verb = match (self.state, runs) {
            ("started", false) => Some(("start", Nature::Event)),
            ("started", true) if self.args.flag("restart") => Some(("restart", Nature::Event)),
            ("stopped", true) => Some(("stop", Nature::State)),
            _ => None,
        };
        if let Some((verb, nature)) = verb {
            let mut words = vec![verb.to_owned()];
            if let (Some(seconds), "stop" | "restart") = (self.args.value("stop_timeout"), verb) {
                words.push(format!("--time={}", plain(seconds)));
            }
            words.push(name.to_owned());
            let change =
                self.thing.run(format!("{verb} Docker's container {name}"), self.seen, false, &words);
            changes.push(Change { nature, ..if is_new { blind(change) } else { change } });
        }
        Ok(changes)
    }

    /// The image and the container itself, as far as they are not as asked.
    fn made(&self, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        let Some(image) = self.args.text("image") else {
            return match self.seen {
                Some(now) => self.anew(now, None),
                None => Err(Stop::refuse(format!(
                    "there is no container {}, and no 'image' to make it of",
                    self.thing.name
                ))),
            };
        };
        let image = with_tag(image);
        let pulls = match self.args.text("pull").unwrap_or("missing").to_lowercase().as_str() {
            "always" | "true" | "yes" => "always",
            "never" => "never",
            "missing" | "false" | "no" => "missing",
            other => {
                return Err(Stop::refuse(format!("'pull' is '{other}': expected missing, always or never")));
            }
        };
        let source = Thing { kind: "image", name: &image };
        let there = source.inspect(host)?;
        let mut changes = Vec::new();
        if pulls == "always" || there.is_none() && pulls == "missing" {
            let again = if there.is_some() { " again" } else { "" };
            let words = ["pull", "--quiet", "--", &image].map(str::to_owned);
            let change =
                source.run(format!("pull Docker's image {image}{again}"), there.as_ref(), false, &words);
            changes.push(Change {
                nature: if there.is_some() { Nature::Event } else { change.nature },
                ..change
            });
        } else if there.is_none() {
            return Err(Stop::refuse(format!("there is no image {image} on the host, and 'pull' is never")));
        }
        match self.seen {
            None => changes.push(self.make(&image, "make", "")?),
            Some(now) => {
                let made_of = now["Image"].as_str().unwrap_or_default();
                let is_same = there.as_ref().is_none_or(|there| there["Id"] == made_of);
                let named = with_tag(now["Config"]["Image"].as_str().unwrap_or_default());
                let other = !is_same || there.is_none() && named != image;
                let anew = self.anew(now, other.then_some("image"))?;
                // Whether a newer one came is known when it was asked for.
                let newer = anew.is_empty() && pulls == "always";
                changes.extend(anew);
                if newer {
                    let change = self.make(&image, "make anew, where its image is newer,", made_of)?;
                    changes.push(Change { nature: Nature::Event, ..change });
                }
            }
        }
        Ok(changes)
    }

    /// Makes one anew that is not as asked.
    fn anew(&self, now: &Value, differs: Option<&str>) -> Result<Vec<Change>, Stop> {
        let image = self.args.text("image").map_or_else(|| plain(&now["Config"]["Image"]), with_tag);
        if self.args.flag("recreate") {
            return Ok(vec![Change { nature: Nature::Event, ..self.make(&image, "make anew", "")? }]);
        }
        let differs = match differs {
            Some(what) => Some(what),
            None => self.difference(now)?,
        };
        differs
            .map(|what| self.make(&image, &format!("make anew, for its {what} is another,"), ""))
            .into_iter()
            .collect()
    }

    fn difference(&self, now: &Value) -> Result<Option<&'static str>, Stop> {
        let words = Words::of(self.args)?;
        let is = |place: &str, wanted: &[String]| {
            let said = now["Config"][place].as_array().map(Vec::as_slice).unwrap_or_default();
            said.len() == wanted.len() && said.iter().zip(wanted).all(|(said, wanted)| said == wanted)
        };
        if words.entrypoint.as_ref().is_some_and(|first| !is("Entrypoint", std::slice::from_ref(first))) {
            return Ok(Some("entrypoint"));
        }
        if words.command.as_ref().is_some_and(|command| !is("Cmd", command)) {
            return Ok(Some("command"));
        }
        let has =
            |line: &String| now["Config"]["Env"].as_array().into_iter().flatten().any(|one| one == line);
        if !variables(self.args)?.iter().all(has) {
            return Ok(Some("env"));
        }
        difference(self.args, self.thing.name, now)
    }

    fn make(&self, image: &str, verb: &str, made_of: &str) -> Result<Change, Stop> {
        let (name, words) = (self.thing.name, Words::of(self.args)?);
        let id = self.seen.and_then(|now| now["Id"].as_str()).unwrap_or_default();
        let keeps = if self.args.flag("keep_volumes") { "keep" } else { "drop" };
        let mut argv = [name, id, keeps, image, made_of].map(str::to_owned).to_vec();
        argv.push(format!("--name={name}"));
        argv.extend(options(self.args));
        if let Some(policy) = self.args.text("restart_policy") {
            argv.push(restart_option(policy, self.args.int("restart_retries").unwrap_or(0)));
        }
        if let (Some(first), None) = (self.networks.first(), self.args.text("network_mode")) {
            argv.push(format!("--network={}", first.name));
            argv.extend(first.options.iter().map(|(option, value)| match *option {
                "--alias" => format!("--network-alias={value}"),
                option => format!("{option}={value}"),
            }));
        }
        argv.extend(words.entrypoint.iter().map(|first| format!("--entrypoint={first}")));
        argv.extend(["--".to_owned(), image.to_owned()]);
        argv.extend(words.command.into_iter().flatten());
        let text: String = variables(self.args)?.iter().map(|line| format!("{line}\n")).collect();
        let change =
            Change::state(format!("{verb} Docker's container {name}"), MAKE, argv, [kept("container", name)]);
        let change = change.with_content(Content::new(text.into_bytes()));
        Ok(Change { deadline: Duration::from_secs(60 * 60), ..change })
    }

    /// Networks that it is not in yet, and those that it is not to be in.
    fn connected(&self, is_new: bool) -> Vec<Change> {
        let name = self.thing.name;
        let run = |summary: String, words: Vec<String>| {
            let change = self.thing.run(summary, self.seen, false, &words);
            if is_new { blind(change) } else { change }
        };
        let mode = self.args.text("network_mode");
        let first = usize::from(is_new && mode.is_none());
        let mut changes = Vec::new();
        for network in self.networks.iter().skip(first).filter(|network| mode != Some(network.name.as_str()))
        {
            let now = self.seen.filter(|_| !is_new);
            if now.is_some_and(|now| network.has(now)) {
                continue;
            }
            if now.is_some_and(|now| !now["NetworkSettings"]["Networks"][network.name.as_str()].is_null()) {
                let words = ["network", "disconnect", &network.name, name].map(str::to_owned).into();
                changes.push(run(
                    format!("disconnect {name} from {}, where it is otherwise", network.name),
                    words,
                ));
            }
            let options = network.options.iter().map(|(option, value)| format!("{option}={value}"));
            let words = ["network", "connect"].map(str::to_owned).into_iter().chain(options);
            let words = words.chain([network.name.clone(), name.to_owned()]).collect();
            changes.push(run(format!("connect {name} to Docker's network {}", network.name), words));
        }
        if let (true, Some(now), false) = (self.args.flag("purge_networks"), self.seen, is_new) {
            let there = now["NetworkSettings"]["Networks"].as_object().into_iter().flatten();
            for (other, _) in
                there.filter(|(name, _)| self.networks.iter().all(|network| network.name != **name))
            {
                let words = ["network", "disconnect", other, name].map(str::to_owned).into();
                changes.push(run(format!("disconnect {name} from Docker's network {other}"), words));
            }
        }
        changes
    }
}

/// A change that follows one which makes what it is about.
fn blind(mut change: Change) -> Change {
    if let Some(seen) = change.args.0.get_mut(2) {
        "*".clone_into(seen);
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use serde_json::json;

    const IMAGE: &str = r#"[{"Id": "sha256:1"}]"#;

    fn there(config: &Value, host_config: &Value, state: bool) -> String {
        json!([{"Id": "7", "Image": "sha256:1", "Config": config, "HostConfig": host_config, "State": {"Running": state},
            "NetworkSettings": {"Networks": {"bridge": {}}}}])
        .to_string()
    }

    /// The changes, each as its words behind what identifies the thing.
    fn run(container: &str, image: &str, args: &Value) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |asked| {
            let kind = asked.args.0.first().map(String::as_str);
            Ok(Output::ok(if kind == Some("image") { image } else { container }))
        });
        let changes = outcome.unwrap().changes;
        changes.into_iter().map(|change| change.args.0.get(1..).unwrap().join(" ")).collect()
    }

    #[test]
    fn one_that_is_not_there_is_made_of_its_image_and_started() {
        let args = json!({"name": "web", "image": "nginx", "ports": ["8080:80"], "memory": "64m", "privileged": false,
            "command": "nginx -g 'daemon off;'", "env": {"A": 1}, "networks": [{"name": "n", "aliases": ["x"]}, {"name": "m"}]});
        assert_eq!(
            run("[]", "[]", &args),
            [
                "nginx:latest  no pull --quiet -- nginx:latest",
                " keep nginx:latest  --name=web --privileged=false --memory=64m --publish=8080:80 --network=n \
                 --network-alias=x -- nginx:latest nginx -g daemon off;",
                "web * no network connect m web",
                "web * no start web",
            ]
        );
        assert_eq!(run("[]", IMAGE, &json!({"name": "web", "image": "nginx", "state": "present"})).len(), 1);
        assert!(run("[]", IMAGE, &json!({"name": "web", "state": "absent"})).is_empty());
    }

    #[test]
    fn one_that_is_as_asked_is_let_be() {
        let now = there(
            &json!({"Image": "nginx", "Cmd": ["nginx"], "Env": ["A=1", "PATH=/bin"], "Labels": {"a": "b", "c": "d"},
                "Volumes": {"/v": {}}, "ExposedPorts": {"80/tcp": {}}, "Tty": false, "User": ""}),
            &json!({"Binds": ["/a:/b:rw"], "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}, "Memory": 67_108_864,
                "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}, "CapAdd": ["CAP_NET_ADMIN"],
                "ExtraHosts": ["db:10.0.0.1"], "NanoCpus": 1_500_000_000, "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
                "Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "rwm"}],
                "Tmpfs": {"/run": ""}, "NetworkMode": "default"}),
            true,
        );
        let same = json!({"name": "web", "image": "nginx", "command": ["nginx"], "env": {"A": "1"}, "labels": {"a": "b"},
            "volumes": ["/a:/b", "/v"], "exposed_ports": [80], "ports": ["8080:80"], "memory": "64M", "restart_policy": "always",
            "capabilities": ["net_admin"], "etc_hosts": {"db": "10.0.0.1"}, "cpus": 1.5, "ulimits": ["nofile:1:2"],
            "devices": ["/dev/a"], "tmpfs": ["/run"], "network_mode": "bridge", "tty": false, "networks": [{"name": "bridge"}]});
        assert!(run(&now, IMAGE, &same).is_empty());
        for (key, value) in [
            ("command", json!("nginx -t")),
            ("env", json!({"A": "2"})),
            ("labels", json!({"a": "x"})),
            ("volumes", json!(["/a:/c"])),
            ("ports", json!(["81:80"])),
            ("memory", json!("1g")),
            ("capabilities", json!(["SYS_TIME"])),
            ("tty", json!(true)),
            ("user", json!("www")),
        ] {
            let mut other = same.clone();
            other[key] = value;
            let changes = run(&now, IMAGE, &other);
            assert!(changes[0].starts_with("7 keep nginx:latest  --name=web"), "{key}: {changes:?}");
            assert_eq!(changes.last().unwrap(), "web * no start web");
        }
        let mut policy = same.clone();
        policy["restart_policy"] = json!("on-failure");
        policy["restart_retries"] = json!(3);
        assert_eq!(run(&now, IMAGE, &policy), ["web 7 no update --restart=on-failure:3 web"]);
        assert_eq!(run(&now, r#"[{"Id": "sha256:2"}]"#, &same).len(), 2);
        let stopped = json!({"name": "web", "state": "stopped", "stop_timeout": 3});
        assert_eq!(run(&now, IMAGE, &stopped), ["web 7 no stop --time=3 web"]);
        assert_eq!(run(&now, IMAGE, &json!({"name": "web", "restart": true})), ["web 7 no restart web"]);
        assert_eq!(
            run(&now, IMAGE, &json!({"name": "web", "state": "absent"})),
            ["web 7 no container rm -f web"]
        );
    }

    #[test]
    fn an_image_that_is_asked_for_again_makes_one_anew_only_where_it_is_newer() {
        let now = there(&json!({"Image": "nginx"}), &json!({}), true);
        let args = json!({"name": "web", "image": "nginx", "pull": true});
        let changes = run(&now, IMAGE, &args);
        assert_eq!(changes[0], "nginx:latest sha256:1 no pull --quiet -- nginx:latest");
        assert_eq!(changes[1], "7 keep nginx:latest sha256:1 --name=web -- nginx:latest");
    }

    #[test]
    fn what_can_not_be_made_is_refused() {
        for (args, why) in [
            (json!({"name": "web"}), "no 'image' to make it of"),
            (json!({"name": "web", "image": "x", "detach": false}), "'detach: false' is not supported yet"),
            (json!({"name": "web", "image": "x", "pull": "never"}), "there is no image x:latest"),
            (json!({"name": "web", "image": "x", "env": {"A": "b\nc"}}), "several lines"),
            (json!({"name": "web", "image": "x", "networks": [{"nam": "x"}]}), "'nam' is not supported yet"),
            (json!({"name": "-f", "image": "x"}), "can't be the name"),
        ] {
            let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok("[]")));
            let Err(Stop::Refuse(refusal)) = outcome else { panic!("{args}") };
            assert!(refusal.message.contains(why), "{}", refusal.message);
        }
    }

    /// A `docker` that keeps one container as files in the bench's directory.
    const FAKE: &str = r#"cd "$HOME" || exit 1
case "$1 $2" in
"image inspect") case $* in *'{{.Id}}'*) echo sha256:1 ;; *) echo '[{"Id": "sha256:1"}]' ;; esac ;;
"container inspect")
    [ -e made ] || { echo '[]'; echo "Error: No such container" >&2; exit 1; }
    case $* in
    *'{{.Id}}'*) echo 7 ;;
    *) printf '[{"Id": "7", "Image": "sha256:1", "Config": {"Env": ["A=%s"]}, "State": {"Running": %s}}]\n' "$(cat made)" "$(cat runs)" ;;
    esac ;;
"container rm") rm made runs ;;
"create --env-file") cat "$3" | sed 's/A=//' >made; echo false >runs ;;
start\ *) echo true >runs ;;
stop\ *) echo false >runs ;;
*) echo "$*" >&2; exit 1 ;;
esac"#;

    #[test]
    fn in_every_shell_it_is_made_made_anew_stopped_and_removed() {
        for mut bench in Bench::every_shell() {
            bench.program("docker", FAKE);
            let with = |value: &str| json!({"name": "web", "image": "nginx", "env": {"A": value}});
            bench.changes(&MODULE, &with("1"));
            let seen = bench.in_order(&MODULE, &with("1"));
            assert_eq!(seen["container"]["Config"]["Env"], json!(["A=1"]));
            bench.changes(&MODULE, &with("2"));
            bench.in_order(&MODULE, &with("2"));
            let stopped = json!({"name": "web", "state": "stopped"});
            bench.changes(&MODULE, &stopped);
            bench.in_order(&MODULE, &stopped);
            let absent = json!({"name": "web", "state": "absent"});
            bench.changes(&MODULE, &absent);
            bench.in_order(&MODULE, &absent);
        }
    }
}
