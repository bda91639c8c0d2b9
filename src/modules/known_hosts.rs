//! `known_hosts`: which key a server has to show to whoever logs in there from the host.

use super::edited::{self, Edited, Ending, Missing};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};

/// The module.
pub static MODULE: Module = Module {
    name: "known_hosts",
    aliases: &[],
    summary: "Adds a server's key to a known_hosts file, or removes it",
    params: &[
        Param::required("name", Kind::Text, "the server, as ssh is told it").or(&["host"]),
        Param::optional(
            "key",
            Kind::Text,
            "lines of known_hosts for it; without them, all of the server's go",
        ),
        Param::optional("path", Kind::Path, "the file").default("~/.ssh/known_hosts"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("hash_host", Kind::Bool, "write the server's name as a hash").default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Know the forge
  known_hosts:
    path: /etc/ssh/ssh_known_hosts
    name: forge.example.org
    key: forge.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7pY2DV5F3vVnRyLGcxQ9B8GmJXkBZ0hB0c0yQm6vXv
"#,
        returns: &[Returned { name: "msg", help: "what was done" }],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?.to_lowercase();
    let is_present = args.text("state") != Some("absent");
    let entries = entries(&name, args)?;
    if is_present && entries.is_empty() {
        return Err(Stop::refuse("No key specified when adding a host"));
    }
    let missing = if is_present { Missing::Made } else { Missing::Told };
    let file = Edited::look(args, host, missing)?;
    let text = file.text();
    let mut lines = text.lines();
    let changed = match (is_present, entries.is_empty()) {
        (true, _) => put_all(&mut lines, &entries, &name),
        (false, true) => remove(&mut lines, |line| line.names(&name)),
        (false, false) => remove(&mut lines, |line| {
            line.names(&name) && entries.iter().any(|entry| entry.kind == line.kind)
        }),
    };
    if !changed {
        return Ok(Outcome::in_order(Map::new()));
    }
    let message = if is_present { "key added" } else { "key removed" };
    file.finish(
        Ending { new: text.encode(&lines.concat()), message: message.into(), result: Map::new() },
        host,
    )
}

/// A line that says something of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// `@cert-authority` and the like; empty: none.
    mark: String,
    names: String,
    kind: String,
    blob: String,
}

impl Entry {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().map(str::to_owned);
        let first = words.next().filter(|word| !word.starts_with('#'))?;
        let (mark, names) =
            if first.starts_with('@') { (first, words.next()?) } else { (String::new(), first) };
        Some(Self { mark, names, kind: words.next()?, blob: words.next()? })
    }

    /// Whether it is about a server.
    fn names(&self, name: &str) -> bool {
        match self.names.strip_prefix("|1|").and_then(|rest| rest.split_once('|')) {
            Some((salt, hash)) => {
                let salt = STANDARD.decode(salt).unwrap_or_default();
                hashed(&salt, name).as_deref() == Some(hash)
            }
            None => self.names.split(',').any(|known| known.eq_ignore_ascii_case(name)),
        }
    }

    fn line(&self) -> String {
        let mark = if self.mark.is_empty() { String::new() } else { format!("{} ", self.mark) };
        format!("{mark}{} {} {}\n", self.names, self.kind, self.blob)
    }
}

fn hashed(salt: &[u8], name: &str) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).ok()?;
    mac.update(name.as_bytes());
    Some(STANDARD.encode(mac.finalize().into_bytes()))
}

/// The lines that are given.
fn entries(name: &str, args: &Args) -> Result<Vec<Entry>, Stop> {
    if name.contains(',') {
        return Err(Stop::refuse("Comma separated list of names is not supported: give one name"));
    }
    let mut entries = Vec::new();
    let given = args.text("key").unwrap_or_default();
    for line in given.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let entry = Entry::read(line).ok_or_else(|| {
            Stop::refuse(format!("'{line}' is no line of known_hosts: expected NAME KIND KEY"))
        })?;
        if !entry.names(name) {
            return Err(Stop::refuse(format!("the key is for {}, and not for {name}", entry.names)));
        }
        entries.push(match args.flag("hash_host") && !entry.names.starts_with('|') {
            true => Entry { names: hidden(name, &entry.blob), ..entry },
            false => entry,
        });
    }
    Ok(entries)
}

/// A name as a hash. Its salt comes from name and key, so that the same task always writes the same line.
fn hidden(name: &str, blob: &str) -> String {
    let salt = Sha1::digest(format!("{name}\n{blob}"));
    let hash = hashed(&salt, name).unwrap_or_default();
    format!("|1|{}|{hash}", STANDARD.encode(salt))
}

/// Puts each line in the place of the server's other key of its kind.
fn put_all(lines: &mut Vec<String>, entries: &[Entry], name: &str) -> bool {
    let mut changed = false;
    for entry in entries {
        let about = |line: &String| {
            Entry::read(line)
                .filter(|known| known.kind == entry.kind && known.mark == entry.mark && known.names(name))
        };
        let both_hidden = |known: &Entry| known.names.starts_with('|') && entry.names.starts_with('|');
        let is_same =
            |known: &Entry| known.blob == entry.blob && (known.names == entry.names || both_hidden(known));
        let there: Vec<Entry> = lines.iter().filter_map(about).collect();
        if there.iter().any(is_same) {
            continue;
        }
        if let Some(at) = lines.iter().position(|line| about(line).is_some()) {
            lines.remove(at);
        }
        if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
        }
        lines.push(entry.line());
        changed = true;
    }
    changed
}

fn remove(lines: &mut Vec<String>, goes: impl Fn(&Entry) -> bool) -> bool {
    let before = lines.len();
    lines.retain(|line| !Entry::read(line).is_some_and(|entry| goes(&entry)));
    lines.len() != before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, without_host};
    use serde_json::json;

    #[test]
    fn a_key_is_added_once_replaced_and_removed() {
        for bench in Bench::every_shell() {
            let path = bench.file("known", "# ours\nother ssh-rsa AAAAo\nx,10.0.0.1 ssh-rsa AAAA1");
            let mut args = json!({"name": "X", "key": "x ssh-ed25519 AAAA2 comment", "path": path});
            bench.changes(&MODULE, &args);
            assert!(bench.read("known").ends_with("x,10.0.0.1 ssh-rsa AAAA1\nx ssh-ed25519 AAAA2\n"));
            bench.in_order(&MODULE, &args);
            args["key"] = json!("x ssh-rsa AAAA3");
            bench.changes(&MODULE, &args);
            let after = "# ours\nother ssh-rsa AAAAo\nx ssh-ed25519 AAAA2\nx ssh-rsa AAAA3\n";
            assert_eq!(bench.read("known"), after);
            bench.in_order(&MODULE, &args);
            args["hash_host"] = json!(true);
            bench.changes(&MODULE, &args);
            assert!(bench.read("known").contains("\n|1|"), "{}", bench.read("known"));
            bench.in_order(&MODULE, &args);
            let gone = json!({"name": "x", "path": path, "state": "absent"});
            bench.changes(&MODULE, &gone);
            assert_eq!(bench.read("known"), "# ours\nother ssh-rsa AAAAo\n");
            bench.in_order(&MODULE, &gone);
            let none = json!({"name": "x", "path": bench.path("none"), "state": "absent"});
            bench.in_order(&MODULE, &none);
        }
    }

    #[test]
    fn a_hash_is_the_one_that_ssh_makes() {
        // The example in the manual of sshd(8), OpenSSH 9.2.
        let salt = STANDARD.decode("F1E1KeoE/eEWhi10WpGv4OdiO6Y=").unwrap();
        assert_eq!(salt.len(), 20);
        let line = format!(
            "|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|{} ssh-rsa AAAA",
            hashed(&salt, "192.168.1.61").unwrap()
        );
        assert!(line.contains("|3988QV0VE8wmZL7suNrYQLITLCg= "), "{line}");
        assert!(Entry::read(&line).unwrap().names("192.168.1.61"));
        assert!(!Entry::read(&line).unwrap().names("192.168.1.62"));
    }

    #[test]
    fn what_is_no_key_of_the_server_is_refused() {
        for (args, words) in [
            (json!({"name": "x"}), "No key specified"),
            (json!({"name": "x", "key": "y ssh-rsa A"}), "not for x"),
            (json!({"name": "x", "key": "rubbish"}), "is no line of known_hosts"),
            (json!({"name": "x,y", "key": "x ssh-rsa A"}), "Comma separated"),
        ] {
            let mut args = args;
            args["path"] = json!("/known");
            let Err(Stop::Refuse(refusal)) = without_host(&MODULE, &args) else { panic!("{args}") };
            assert!(refusal.message.contains(words), "{}", refusal.message);
        }
    }
}
