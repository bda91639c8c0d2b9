//! How a host is reached and a user become, from the `ansible_*` variables of the inventory.
//!
//! Values come in rendered. Facts never come here: what a host says has no part in how it is reached.

use super::Inventory;
use crate::load::problem::Problem;
use crate::load::shell_words;
use crate::load::yaml::Variables;
use crate::model::{BecomeMethod, Connection, ConnectionKind, HostName, Map, Secret, Value, nearest};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Wait for connection and login where nothing is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Variables beginning with `ansible_` that mean something to the connection, or that Ansible's users set.
const KNOWN: [&str; 34] = [
    "ansible_host",
    "ansible_ssh_host",
    "ansible_port",
    "ansible_ssh_port",
    "ansible_user",
    "ansible_ssh_user",
    "ansible_password",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_connection",
    "ansible_private_key_file",
    "ansible_ssh_private_key_file",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_ssh_args",
    "ansible_sftp_extra_args",
    "ansible_scp_extra_args",
    "ansible_ssh_pipelining",
    "ansible_pipelining",
    "ansible_ssh_timeout",
    "ansible_timeout",
    "ansible_become",
    "ansible_become_user",
    "ansible_become_method",
    "ansible_become_password",
    "ansible_become_pass",
    "ansible_become_exe",
    "ansible_become_flags",
    "ansible_sudo_pass",
    "ansible_python_interpreter",
    "ansible_shell_type",
    "ansible_shell_executable",
    "ansible_group_priority",
    "ansible_ssh_host_key_checking",
];

/// What the inventory says of becoming another user; `None` where it says nothing.
#[derive(Clone, Default)]
pub struct BecomeDefaults {
    /// `ansible_become`.
    pub enabled: Option<bool>,
    /// `ansible_become_user`.
    pub user: Option<String>,
    /// `ansible_become_method`.
    pub method: Option<BecomeMethod>,
    /// `ansible_become_password`.
    pub password: Option<Secret>,
}

impl Inventory {
    /// Whether others than the host's account see what a variable says of the connection: name servers, logs, lists of processes.
    pub fn is_seen_by_others(name: &str) -> bool {
        KNOWN.contains(&name) && !name.contains("pass")
    }

    /// Reads from a host's rendered variables how it is reached. `home` stands for `~`.
    ///
    /// # Errors
    /// A variable has a value of the wrong kind, or asks for what wgops doesn't do.
    pub fn connection_of(
        &self,
        host: &HostName,
        variables: &Map,
        home: Option<&Path>,
    ) -> Result<(Connection, BecomeDefaults), Problem> {
        let settings = Settings { inventory: self, host, variables };
        settings.refuse_passwords()?;
        let connection = Connection {
            kind: settings.kind()?,
            address: settings.text(&["ansible_host", "ansible_ssh_host"])?,
            port: settings.port()?,
            user: settings.text(&["ansible_user", "ansible_ssh_user"])?,
            private_key: settings.private_key(home)?,
            ssh_args: settings.ssh_args()?,
            connect_timeout: settings.timeout()?,
        };
        let r#become = BecomeDefaults {
            enabled: settings.flag("ansible_become")?,
            user: settings.text(&["ansible_become_user"])?,
            method: settings.become_method()?,
            password: settings.become_password()?,
        };
        Ok((connection, r#become))
    }

    fn own_directories(&self) -> impl Iterator<Item = &PathBuf> {
        self.layers.iter().flat_map(|layer| &layer.directories)
    }
}

struct Settings<'a> {
    inventory: &'a Inventory,
    host: &'a HostName,
    variables: &'a Map,
}

impl Settings<'_> {
    /// The value of the first of several names that is set.
    fn first(&self, names: &[&'static str]) -> Option<(&'static str, &Value)> {
        names
            .iter()
            .find_map(|name| Some((*name, self.variables.get(*name).filter(|value| !value.is_null())?)))
    }

    fn wrong(&self, name: &str, message: &str) -> Problem {
        let message = format!("host {}: {name}: {message}", self.host);
        match self.inventory.merged(self.host).get(name) {
            Some(variable) => Problem::at(&variable.place, message),
            None => Problem::bare(message),
        }
    }

    fn text(&self, names: &[&'static str]) -> Result<Option<String>, Problem> {
        let Some((name, value)) = self.first(names) else { return Ok(None) };
        let text = match value {
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::String(text) if text.chars().any(char::is_control) => {
                return Err(self.wrong(name, "control characters are not allowed"));
            }
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => return Err(self.wrong(name, &format!("expected text, found {}", kind_of(other)))),
        };
        Ok(Some(text))
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        let Some((_, value)) = self.first(&[name]) else { return Ok(None) };
        let word = match value {
            Value::Bool(flag) => return Ok(Some(*flag)),
            Value::String(text) => text.trim().to_lowercase(),
            Value::Number(number) => number.to_string(),
            other => {
                return Err(self.wrong(name, &format!("expected true or false, found {}", kind_of(other))));
            }
        };
        match word.as_str() {
            "yes" | "true" | "on" | "1" => Ok(Some(true)),
            "no" | "false" | "off" | "0" => Ok(Some(false)),
            _ => Err(self.wrong(name, "expected true or false")),
        }
    }

    fn kind(&self) -> Result<ConnectionKind, Problem> {
        let name = "ansible_connection";
        match self.text(&[name])?.as_deref().map(|kind| kind.strip_prefix("ansible.builtin.").unwrap_or(kind))
        {
            None | Some("ssh" | "smart" | "paramiko" | "paramiko_ssh") => Ok(ConnectionKind::Ssh),
            Some("local") => Ok(ConnectionKind::Local),
            Some(other) => {
                let message = format!("wgops has no connection '{other}'");
                Err(self.wrong(name, &message).nearest(other, ["ssh", "local"]))
            }
        }
    }

    fn port(&self) -> Result<Option<u16>, Problem> {
        let names = ["ansible_port", "ansible_ssh_port"];
        let Some((name, _)) = self.first(&names) else { return Ok(None) };
        let text = self.text(&names)?.unwrap_or_default();
        let port = text.trim().parse().ok().filter(|port| *port > 0);
        port.map(Some).ok_or_else(|| self.wrong(name, &format!("'{text}' is no port: expected 1 to 65535")))
    }

    fn timeout(&self) -> Result<Duration, Problem> {
        let names = ["ansible_ssh_timeout", "ansible_timeout"];
        let Some((name, _)) = self.first(&names) else { return Ok(CONNECT_TIMEOUT) };
        let text = self.text(&names)?.unwrap_or_default();
        let seconds = text.trim().parse::<u64>().ok().filter(|seconds| (1..=3600).contains(seconds));
        seconds.map(Duration::from_secs).ok_or_else(|| self.wrong(name, "expected 1 to 3600 seconds"))
    }

    fn private_key(&self, home: Option<&Path>) -> Result<Option<PathBuf>, Problem> {
        let names = ["ansible_ssh_private_key_file", "ansible_private_key_file"];
        let Some(text) = self.text(&names)? else { return Ok(None) };
        let path = match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        };
        if path.is_absolute() || path.exists() {
            return Ok(Some(path));
        }
        let beside = self.inventory.own_directories().map(|directory| directory.join(&path));
        Ok(Some(beside.into_iter().find(|beside| beside.exists()).unwrap_or(path)))
    }

    fn ssh_args(&self) -> Result<Vec<String>, Problem> {
        let mut args = Vec::new();
        for name in ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"] {
            let text = self.text(&[name])?.unwrap_or_default();
            let words = shell_words::split(&text).map_err(|open| self.wrong(name, &open.to_string()))?;
            args.extend(words.into_iter().map(|word| word.text));
        }
        Ok(args)
    }

    fn become_method(&self) -> Result<Option<BecomeMethod>, Problem> {
        let name = "ansible_become_method";
        match self.text(&[name])?.as_deref() {
            None => Ok(None),
            Some(method) => match BecomeMethod::named(method) {
                Some(method) => Ok(Some(method)),
                None => {
                    let problem = self.wrong(name, &format!("wgops has no way '{method}' to become a user"));
                    Err(problem.help("use 'sudo', 'su' or 'doas'"))
                }
            },
        }
    }

    fn become_password(&self) -> Result<Option<Secret>, Problem> {
        let names = ["ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"];
        let Some((name, value)) = self.first(&names) else { return Ok(None) };
        match value {
            Value::String(text) => Ok(Some(Secret::new(text.clone()))),
            Value::Number(number) => Ok(Some(Secret::new(number.to_string()))),
            _ => Err(self.wrong(name, "expected text").without_line()),
        }
    }

    fn refuse_passwords(&self) -> Result<(), Problem> {
        match self.first(&["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"]) {
            None => Ok(()),
            Some((name, _)) => {
                let problem =
                    self.wrong(name, "wgops logs in with keys, never with passwords").without_line();
                Err(problem.help("put an SSH key on the host and take the variable out"))
            }
        }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// Warnings for variables that are nearly, but not quite, one that the connection knows: `ansible_prot`.
pub(super) fn misspelt(inventory: &Inventory) -> Vec<Problem> {
    let layers = inventory.layers.iter().flat_map(|layer| layer.groups.values().chain(layer.hosts.values()));
    let groups = inventory.groups.values().map(|group| &group.variables);
    let hosts = inventory.hosts.values().map(|host| &host.variables);
    let mut seen = HashSet::new();
    let mut warnings = Vec::new();
    for (name, variable) in layers.chain(groups).chain(hosts).flat_map(Variables::iter) {
        let Some(own) = name.strip_prefix("ansible_") else { continue };
        let known = || KNOWN.iter().filter_map(|known| known.strip_prefix("ansible_"));
        let place = (variable.place.line, variable.place.column);
        if KNOWN.contains(&name.as_str()) || !seen.insert((name, variable.place.file.clone(), place)) {
            continue;
        }
        if let Some(near) = nearest(own, known()) {
            let problem = Problem::at(&variable.place, format!("'{name}' means nothing to wgops"));
            warnings.push(problem.help(format!("did you mean 'ansible_{near}'?")).warning());
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::inventory::tests::ini;

    fn read(line: &str) -> Result<(Connection, BecomeDefaults), Problem> {
        let inventory = ini(&format!("web1 {line}\n"));
        let host: HostName = "web1".parse().unwrap();
        inventory.connection_of(&host, &inventory.values(&host), Some(Path::new("/home/alice")))
    }

    fn refused(line: &str) -> String {
        read(line).err().map(|problem| problem.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_variables_of_a_connection_are_understood() {
        let (connection, r#become) = read(
            "ansible_host=10.0.0.1 ansible_port=2222 ansible_user=ops ansible_ssh_private_key_file=~/.ssh/id \
             ansible_ssh_common_args='-o ProxyJump=\"a b\" -C' ansible_ssh_extra_args=-4 ansible_timeout=30 \
             ansible_become=yes ansible_become_user=root ansible_become_method=sudo ansible_become_password=123",
        )
        .ok()
        .unwrap();
        assert_eq!(connection.kind, ConnectionKind::Ssh);
        assert_eq!(connection.address.as_deref(), Some("10.0.0.1"));
        assert_eq!((connection.port, connection.user.as_deref()), (Some(2222), Some("ops")));
        assert_eq!(connection.private_key, Some("/home/alice/.ssh/id".into()));
        assert_eq!(connection.ssh_args, ["-o", "ProxyJump=a b", "-C", "-4"]);
        assert_eq!(connection.connect_timeout, Duration::from_secs(30));
        assert_eq!((r#become.enabled, r#become.user.as_deref()), (Some(true), Some("root")));
        assert_eq!(r#become.password.map(|secret| secret.expose().to_owned()).as_deref(), Some("123"));
    }

    #[test]
    fn what_is_not_said_is_left_open() {
        let (connection, r#become) = read("").ok().unwrap();
        assert!(connection.address.is_none() && connection.port.is_none() && connection.user.is_none());
        assert!(r#become.enabled.is_none() && r#become.password.is_none());
        assert_eq!(read("ansible_connection=local").ok().unwrap().0.kind, ConnectionKind::Local);
    }

    #[test]
    fn what_cannot_be_done_is_refused_at_its_place() {
        insta::assert_snapshot!(refused("ansible_port=ssh"), @"
        error: host web1: ansible_port: 'ssh' is no port: expected 1 to 65535
         --> hosts:1:6
        ");
        insta::assert_snapshot!(refused("ansible_password=x"), @"
        error: host web1: ansible_password: wgops logs in with keys, never with passwords
         --> hosts:1:6
        help: put an SSH key on the host and take the variable out
        ");
        for line in [
            "ansible_port=0",
            "ansible_port=65536",
            "ansible_port=[1]",
            "ansible_connection=docker",
            "ansible_become=perhaps",
            "ansible_become_method=pbrun",
            "ansible_timeout=0",
            "ansible_host={}",
            "ansible_user=\"'a\\nb'\"",
            "ansible_ssh_common_args='\"open'",
            "ansible_become_password=[1]",
        ] {
            let name = line.split('=').next().unwrap();
            assert!(refused(line).contains(&format!("host web1: {name}: ")), "{line}: {}", refused(line));
        }
    }

    #[test]
    fn a_variable_that_is_nearly_one_of_the_connection_is_a_warning() {
        let inventory =
            ini("web1 ansible_prot=22 ansible_host=x ansible_facts_cache=1 ansible_distribution=Debian\n\
             [all:vars]\nansible_hosts=x\nansible_ssh_usr=y\nprot=1\n");
        let warned: Vec<&str> =
            inventory.warnings().iter().filter_map(|problem| problem.help.as_deref()).collect();
        let meant = |name: &str| format!("did you mean 'ansible_{name}'?");
        assert_eq!(warned, [meant("host"), meant("ssh_user"), meant("port")]);
    }
}
