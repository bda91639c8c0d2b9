//! `apt_key`: a key that apt trusts, in a keyring. No gpg is needed on the host: the keys are read here.

use super::apt_keyring::{self, Key, keys, packets, plain_id};
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::contents::{Content as Old, Read};
use crate::questions::system::files::Matching;

/// The module.
pub static MODULE: Module = Module {
    name: "apt_key",
    aliases: &[],
    summary: "Lets apt trust a key, or no longer",
    params: &[
        Param::optional("id", Kind::Text, "the key's id or fingerprint"),
        Param::optional("data", Kind::Text, "the key itself"),
        Param::optional("file", Kind::Path, "a file on the host with the key"),
        Param::optional("url", Kind::Text, "where the host fetches the key from"),
        Param::optional("keyring", Kind::Path, "the keyring; by default apt's own"),
        Param::optional("keyserver", Kind::Text, "where the host fetches the key from, by its id"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("validate_certs", Kind::Bool, "taken; certificates are always verified")
            .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Trust a key\n  apt_key:\n    url: https://packages.example.com/key.asc\n    keyring: /etc/apt/keyrings/example.gpg\n",
        returns: &[
            Returned { name: "fp", help: "The key's fingerprint." },
            Returned { name: "id", help: "The key's id as it was given, or else its long one." },
            Returned { name: "before", help: "The ids of the keys that were trusted." },
            Returned { name: "after", help: "The ids of the keys that are trusted now." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

const TRUSTED: &str = "/etc/apt/trusted.gpg";

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let id = args.text("id").map(plain_id);
    if id.as_ref().is_some_and(|id| id.len() < 8 || !id.chars().all(|c| c.is_ascii_hexdigit())) {
        return Err(Stop::refuse("Invalid key_id: expected at least 8 hexadecimal digits"));
    }
    let patterns = match args.text("keyring") {
        Some(path) => vec![path.to_owned()],
        None => vec![
            TRUSTED.to_owned(),
            "/etc/apt/trusted.gpg.d/*.gpg".to_owned(),
            "/etc/apt/trusted.gpg.d/*.asc".to_owned(),
        ],
    };
    let rings = host.get(Matching(patterns))?;
    // A file that holds no key is none that apt could trust.
    let rings: Vec<(String, Vec<Key>)> =
        rings.iter().map(|(path, bytes)| (path.clone(), keys(bytes).unwrap_or_default())).collect();
    let before: Vec<&Key> = rings.iter().flat_map(|(_, keys)| keys).collect();
    let mut result = Map::new();
    result.insert("before".into(), ids(&before));
    if args.text("state") == Some("absent") {
        let Some(id) = id else { return Err(Stop::refuse("key id is required to remove a key")) };
        return absent(host, &id, &rings, result);
    }
    let is_there = |id: &str| before.iter().any(|key| key.is_named(id));
    if let Some(id) = id.as_deref().filter(|id| is_there(id)) {
        describe(&mut result, args, before.iter().find(|key| key.is_named(id)).copied());
        result.insert("after".into(), ids(&before));
        return Ok(Outcome::in_order(result));
    }
    let Some(bytes) = given(args, host)? else {
        return Err(Stop::refuse(
            "one of data, file, url is needed, or 'keyserver' with the key's id: the key isn't there yet",
        ));
    };
    let new = keys(&bytes).map_err(|why| Stop::refuse(format!("the key can't be read: {why}")))?;
    if new.is_empty() {
        return Err(Stop::refuse("no key was found in what was given"));
    }
    if let Some(id) = id.as_deref().filter(|id| !new.iter().any(|key| key.is_named(id))) {
        return Err(Stop::refuse(format!(
            "key does not seem to have been added: {id} is not what was given"
        )));
    }
    let missing: Vec<&Key> = new.iter().filter(|key| !is_there(&key.fingerprint)).collect();
    describe(&mut result, args, new.first());
    let after: Vec<&Key> = before.iter().copied().chain(missing.iter().copied()).collect();
    result.insert("after".into(), ids(&after));
    if missing.is_empty() {
        return Ok(Outcome::in_order(result));
    }
    let path = args.text("keyring").unwrap_or(TRUSTED);
    let ring =
        rings.iter().find(|(there, _)| there == path).map(|(_, keys)| keys.as_slice()).unwrap_or_default();
    let bytes = ring.iter().chain(missing.iter().copied()).flat_map(|key| key.bytes.clone()).collect();
    let summary =
        format!("trust the key {}", missing.iter().map(|key| key.id()).collect::<Vec<_>>().join(", "));
    let named = |change: Change| match change.content {
        Some(_) => Change { summary: summary.clone(), ..change },
        None => change,
    };
    let changes = apt_keyring::put(host, path, bytes)?.into_iter().map(named).collect();
    Ok(Outcome::change(result, changes))
}

/// The key as the task gives it.
fn given(args: &Args, host: &Host<'_>) -> Result<Option<Vec<u8>>, Stop> {
    const BYTES_MAX: u64 = 1 << 20;
    if let Some(data) = args.text("data") {
        return packets(data.as_bytes()).map(Some).map_err(Stop::refuse);
    }
    if let Some(path) = args.text("file") {
        return match host.get(Read { path: path.to_owned(), bytes_max: BYTES_MAX })?.as_ref() {
            Old::Whole(bytes) => packets(bytes).map(Some).map_err(Stop::refuse),
            _ => Err(Stop::refuse(format!("{path} is no file with a key"))),
        };
    }
    let asked = args.text("keyserver").zip(args.text("id")).filter(|_| !args.has("url"));
    let url = match asked {
        Some((server, id)) => at_keyserver(server, &plain_id(id))
            .ok_or_else(|| Stop::refuse(format!("'{server}' is no keyserver: expected a name or a URL")))?,
        None => match args.text("url") {
            Some(url) => url.to_owned(),
            None => return Ok(None),
        },
    };
    packets(&apt_keyring::fetched(host, &url)?).map(Some).map_err(|why| Stop::refuse(format!("{url}: {why}")))
}

/// Where a keyserver has a key: they all speak HTTP.
///
/// # Source
/// draft-shaw-openpgp-hkp-00, sections 3 and 7; `hkp` means port 11371, as gpg has it.
fn at_keyserver(server: &str, id: &str) -> Option<String> {
    let (scheme, rest) = server.split_once("://").unwrap_or(("hkp", server));
    let rest = rest.trim_end_matches('/');
    let named = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    let has_port = rest.rsplit(']').next().is_some_and(|end| end.contains(':'));
    let base = match scheme {
        _ if !named || rest.contains(char::is_whitespace) => return None,
        "hkp" if has_port => format!("http://{rest}"),
        "hkp" => format!("http://{rest}:11371"),
        "hkps" | "https" => format!("https://{rest}"),
        "http" => format!("http://{rest}"),
        _ => return None,
    };
    Some(format!("{base}/pks/lookup?op=get&options=mr&search=0x{id}"))
}

fn absent(host: &Host<'_>, id: &str, rings: &[(String, Vec<Key>)], mut result: Map) -> Result<Outcome, Stop> {
    let mut changes = Vec::new();
    for (path, keys) in rings.iter().filter(|(_, keys)| keys.iter().any(|key| key.is_named(id))) {
        let rest: Vec<u8> =
            keys.iter().filter(|key| !key.is_named(id)).flat_map(|key| key.bytes.clone()).collect();
        let change = match rest.is_empty() {
            true => apt_keyring::removal(host, path)?.into_iter().collect(),
            false => apt_keyring::put(host, path, rest)?,
        };
        let summary = format!("no longer trust the key {id} of {path}");
        changes.extend(change.into_iter().map(|change| Change { summary: summary.clone(), ..change }));
    }
    let after: Vec<&Key> = rings.iter().flat_map(|(_, keys)| keys).filter(|key| !key.is_named(id)).collect();
    result.insert("after".into(), ids(&after));
    Ok(Outcome::change(result, changes))
}

fn ids(keys: &[&Key]) -> Value {
    keys.iter().map(|key| key.id()).collect()
}

fn describe(result: &mut Map, args: &Args, key: Option<&Key>) {
    let Some(key) = key else { return };
    result.insert("fp".into(), key.fingerprint.as_str().into());
    result.insert("key_id".into(), key.id().into());
    result.insert("short_id".into(), key.id().get(8..).unwrap_or_default().into());
    result.insert("id".into(), args.text("id").unwrap_or(key.id()).into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    const ARMORED: &str = include_str!("apt_keyring/key_gpg_2.2.40.asc");

    #[test]
    fn a_keyserver_is_asked_in_http() {
        let at = |server: &str| at_keyserver(server, "AB12");
        let lookup = "/pks/lookup?op=get&options=mr&search=0xAB12";
        for (server, base) in [
            ("keyserver.example.com", "http://keyserver.example.com:11371"),
            ("hkp://keyserver.example.com:80", "http://keyserver.example.com:80"),
            ("hkps://keys.example.com/", "https://keys.example.com"),
            ("https://keys.example.com", "https://keys.example.com"),
            ("hkp://[2001:db8::1]", "http://[2001:db8::1]:11371"),
        ] {
            assert_eq!(at(server), Some(format!("{base}{lookup}")), "{server}");
        }
        assert_eq!((at("ldap://keys.example.com"), at("-o x"), at("a b")), (None, None, None));
    }

    #[test]
    fn a_key_is_put_in_a_keyring_once_and_removed_by_its_id() {
        for bench in Bench::every_shell() {
            let ring = bench.path("ring.gpg");
            let mut args = json!({"data": ARMORED, "keyring": ring});
            let result = bench.changes(&MODULE, &args);
            let id = result["key_id"].as_str().unwrap().to_owned();
            assert_eq!(keys(&std::fs::read(&ring).unwrap()).unwrap()[0].id(), id);
            bench.in_order(&MODULE, &args);
            let by_id = json!({"id": id, "keyring": ring, "keyserver": "keys.example.com"});
            bench.in_order(&MODULE, &by_id);
            args["id"] = json!(id);
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert!(!bench.at("ring.gpg").exists());
            let by_nothing = json!({"id": id, "keyring": ring});
            assert!(bench.refusal(&MODULE, &by_nothing).contains("'keyserver' with the key's id"));
            let by_file = json!({"id": id, "keyring": ring, "keyserver": "file:///etc/passwd"});
            assert!(bench.refusal(&MODULE, &by_file).contains("is no keyserver"));
            let other = json!({"id": "0x1234567890ABCDEF", "data": ARMORED, "keyring": ring});
            assert!(bench.refusal(&MODULE, &other).contains("is not what was given"));
        }
    }
}
