//! What the modules about Docker share: asking its tool on the host, and the change that runs it.

use super::{Change, Host, Outcome, Param, plain_result};
use crate::model::{Map, Script, Value};
use crate::questions::system::containers::{DockerInspect, kept};
use crate::questions::{Output, Stop};
use std::time::Duration;

/// What they all take with Ansible, and nobody here: the daemon is the host's own.
pub(super) const NOT_YET: Param = Param::not_yet("docker_host").or(&[
    "docker_url",
    "tls",
    "validate_certs",
    "tls_verify",
    "tls_hostname",
    "ca_path",
    "ca_cert",
    "cacert_path",
    "tls_ca_cert",
    "client_cert",
    "cert_path",
    "tls_client_cert",
    "client_key",
    "key_path",
    "tls_client_key",
    "use_ssh_client",
    "api_version",
    "docker_api_version",
    "docker_cli",
    "cli_context",
    "timeout",
    "debug",
]);

/// Runs docker: the kind and the name of what is changed, what identifies it as it was seen (nothing: it was not there), `yes`
/// where the same is to be removed first, then what docker is told. What is there afterwards is said in JSON.
const RUN: Script = Script {
    name: "run_docker",
    text: r#"kind=$1 name=$2 seen=$3 anew=$4
shift 4
case $kind in volume) field='{{.CreatedAt}}' ;; *) field='{{.Id}}' ;; esac
now=$(docker "$kind" inspect -f "$field" -- "$name" 2>/dev/null </dev/null) || now=
[ "$seen" = "*" ] || [ "$now" = "$seen" ] || exit 113
if [ "$anew" = yes ] && [ -n "$seen" ]; then
    if [ "$kind" = network ]; then
        each='{{range $id, $about := .Containers}}{{$id}} {{end}}'
        for member in $(docker network inspect -f "$each" -- "$name" </dev/null); do
            docker network disconnect -f "$name" "$member" </dev/null >/dev/null || exit 1
        done
    fi
    docker "$kind" rm "$name" </dev/null >/dev/null || exit 1
fi
[ $# = 0 ] || said=$(docker "$@" 2>&1 </dev/null) || { printf '%s\n' "$said" >&2; exit 1; }
docker "$kind" inspect -- "$name" 2>/dev/null </dev/null
exit 0"#,
};

/// The scripts of the modules about Docker.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// Something that Docker keeps.
#[derive(Clone, Copy)]
pub(super) struct Thing<'a> {
    /// `image`, `network` or `volume`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'a str,
}

impl Thing<'_> {
    /// What is known of it; nothing: it is not there.
    ///
    /// # Errors
    /// Stops to ask; refuses where Docker can't be asked, or the name is none.
    pub fn inspect(self, host: &Host<'_>) -> Result<Option<Value>, Stop> {
        if self.name.is_empty() || self.name.starts_with('-') || self.name.contains(char::is_whitespace) {
            return Err(Stop::refuse(format!("'{}' can't be the name of a {}", self.name, self.kind)));
        }
        let asked = vec![self.kind.to_owned(), self.name.to_owned()];
        let said = host.get(DockerInspect(asked))?.as_ref().clone().map_err(|why| {
            let first = why.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            Stop::refuse(format!("Docker can't be asked: {first}"))
        })?;
        let all: Vec<Value> = serde_json::from_str(&said.text)
            .map_err(|_| Stop::refuse(format!("docker {} inspect gave no JSON", self.kind)))?;
        Ok(all.into_iter().next())
    }

    /// The change that tells docker something; `anew` removes first what was `seen`.
    pub fn run(self, summary: String, seen: Option<&Value>, anew: bool, words: &[String]) -> Change {
        let field = if self.kind == "volume" { "CreatedAt" } else { "Id" };
        let id = seen.and_then(|about| about[field].as_str()).unwrap_or_default();
        let first = [self.kind, self.name, id, if anew { "yes" } else { "no" }].map(str::to_owned);
        let argv = [first.as_slice(), words].concat();
        let change = Change::state(summary, RUN, argv, [kept(self.kind, self.name)]);
        Change { deadline: Duration::from_secs(60 * 60), ..change }
    }
}

/// What is there now goes into `register` under a name: what the last change said, or what was seen where nothing changed.
pub(super) fn result_as(key: &str, outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let last = outputs.last().filter(|output| output.status == 0);
    if let Some(now) = last.and_then(|output| serde_json::from_str::<Vec<Value>>(&output.text()).ok()) {
        result.insert(key.to_owned(), now.into_iter().next().unwrap_or_else(|| Map::new().into()));
    }
    result
}

/// A mapping as docker's options: `--label` and `k=v` for each.
pub(super) fn pairs(option: &str, map: Option<&Value>) -> Vec<String> {
    let pairs = map.and_then(Value::as_object).into_iter().flatten();
    pairs.flat_map(|(key, value)| [option.to_owned(), format!("{key}={}", plain(value))]).collect()
}

/// A value as docker has it in a text.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether all of a mapping is so in what Docker says.
pub(super) fn holds_all(wanted: Option<&Value>, said: &Value) -> bool {
    let wanted = wanted.and_then(Value::as_object);
    wanted.into_iter().flatten().all(|(key, value)| said[key.as_str()] == plain(value))
}

#[cfg(test)]
mod tests {
    use crate::modules::PRECONDITION_FAILED;
    use crate::modules::harness::Bench;
    use serde_json::json;

    /// A `docker` that keeps networks as files in the bench's directory, and is not to be had for images.
    const FAKE: &str = r#"cd "$HOME" || exit 1
[ "$1" = network ] || { echo 'Cannot connect to the Docker daemon at unix:///run/docker.sock: no such file' >&2; exit 1; }
for name; do :; done
case $2 in
inspect)
    [ -e "net-$name" ] || { echo '[]'; echo "Error: No such network: $name" >&2; exit 1; }
    case $4 in
    *Containers*) echo one two ;;
    *Id*) echo 7 ;;
    *) printf '[{"Id": "7", "Driver": "%s", "Options": {}, "Labels": {}}]\n' "$(cat "net-$name")" ;;
    esac ;;
disconnect) echo "$*" >>said ;;
rm) rm "net-$name" ;;
create) echo "$4" >"net-$name" ;;
esac"#;

    #[test]
    fn what_is_there_is_seen_made_made_anew_and_removed() {
        for mut bench in Bench::every_shell() {
            bench.program("docker", FAKE);
            let module = &crate::modules::docker_network::MODULE;
            let made = bench.changes(module, &json!({"name": "web"}));
            assert_eq!(made["network"]["Driver"], "bridge");
            let seen = bench.in_order(module, &json!({"name": "web"}));
            assert_eq!(seen["network"]["Id"], "7");
            let other = json!({"name": "web", "driver": "macvlan"});
            let (outcome, _) = bench.diff(module, &other).unwrap();
            assert_eq!(bench.changes(module, &other)["network"]["Driver"], "macvlan");
            let said = std::fs::read_to_string(bench.at("../said")).unwrap();
            assert_eq!(said, "network disconnect -f web one\nnetwork disconnect -f web two\n");
            bench.changes(module, &json!({"name": "web", "state": "absent"}));
            bench.in_order(module, &json!({"name": "web", "state": "absent"}));
            assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
            let away = bench.refusal(&crate::modules::docker_image::PULL, &json!({"name": "nginx"}));
            assert!(away.starts_with("Docker can't be asked: Cannot connect"), "{away}");
        }
    }

    #[test]
    fn a_name_that_docker_could_take_for_something_else_is_refused() {
        let bench = Bench::new();
        for name in ["-f", "a b"] {
            let why = bench.refusal(&crate::modules::docker_network::MODULE, &json!({"name": name}));
            assert!(why.contains("can't be the name"), "{why}");
        }
    }
}
