//! `get_url`: a file from a URL, fetched by the host itself. A file that is there is left alone unless its checksum is
//! another than is asked for, or `force` says so.

use super::attributes::{self, GROUP, MODE, OWNER, Wanted, describe_seen};
use super::download::{self, What};
use super::http_request::{
    self, AGENT, CLIENT_CERT, CLIENT_KEY, FORCE_BASIC_AUTH, HEADERS, PASSWORD, USE_PROXY, USERNAME,
    VALIDATE_CERTS, file_name, request,
};
use super::labels::{self, ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::BACKUP;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::files::{Algorithm, Digesting, Inspect, Inspected};
use crate::questions::http::{Body, Fetch, Fetched, Request};
use crate::questions::{Output, Stop};
use std::sync::Arc;

/// The module.
pub static MODULE: Module = Module {
    name: "get_url",
    aliases: &[],
    summary: "Fetches a file from a URL to the host",
    params: &[
        Param::required("url", Kind::Text, "where it is, http or https"),
        Param::required("dest", Kind::Path, "where it goes; a directory takes it under the URL's last name"),
        Param::optional("checksum", Kind::Text, "algorithm:digest, or algorithm:URL of a file with digests"),
        Param::optional("force", Kind::Bool, "fetch it each time, and replace the file where it differs")
            .default("no"),
        Param::optional("timeout", Kind::Int, "longest wait, in seconds").default("10"),
        Param::optional(
            "tmp_dest",
            Kind::Path,
            "the directory that it is fetched to before it is moved into place",
        ),
        HEADERS,
        VALIDATE_CERTS,
        USERNAME,
        PASSWORD,
        FORCE_BASIC_AUTH,
        USE_PROXY,
        AGENT,
        CLIENT_CERT,
        CLIENT_KEY,
        BACKUP,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
        Param::optional("use_netrc", Kind::Bool, "only what is said here counts; no .netrc is read")
            .default("no"),
        Param::not_yet("use_gssapi").or(&["ciphers", "decompress", "unredirected_headers"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: The exporter
  get_url:
    url: https://example.org/exporter-1.2.tar.gz
    dest: /opt/exporter-1.2.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    mode: "0644"
- name: The newest list, each time
  get_url: {url: "https://example.org/list", dest: /etc/app/list, force: true, mode: "0644"}
"#,
        returns: &[
            Returned { name: "dest", help: "where it is" },
            Returned { name: "url", help: "where it came from at last" },
            Returned { name: "status_code", help: "where it was fetched: the status code" },
            Returned {
                name: "checksum_src, checksum_dest",
                help: "where it was fetched: the SHA-1 of what came",
            },
            Returned { name: "msg", help: "how it went" },
            Returned { name: "elapsed", help: "seconds that it took" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
            Returned { name: "mode, owner, group, uid, gid, size, state", help: "what the file is like" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let url = args.needed("url")?;
    let request = request(args, url, "GET")?;
    let checksum = args.text("checksum").filter(|text| !text.is_empty()).map(Checksum::read).transpose()?;
    let wanted = Wanted::ask(args, host);
    let place = place(args, url, checksum.as_ref(), host);
    let sum = checksum.as_ref().map(|checksum| checksum.digest(&request, host)).transpose();
    let (path, seen) = place?;
    let (wanted, sum) = (wanted?, sum?);
    let mut result = Map::new();
    result.insert("dest".into(), path.clone().into());
    result.insert("url".into(), url.into());
    describe_seen(&mut result, &seen);
    let is_there = seen.followed().is_some();
    let is_right = match (&sum, &seen.digest) {
        (Some(sum), Some(there)) => sum == there,
        (Some(_), None) => false,
        (None, _) => is_there,
    };
    let labels = labels::changes(args, host, &path, &seen.followed_path())?;
    if let Some(node) = seen.followed().filter(|_| is_right && !args.flag("force")) {
        let missing = wanted.missing(node, seen.umask);
        let set = (!missing.is_empty()).then(|| missing.change(&path, &seen.followed_path(), node));
        let changes: Vec<_> = set.into_iter().chain(labels).collect();
        let message = if changes.is_empty() {
            "file already exists"
        } else {
            "file already exists but file attributes changed"
        };
        result.insert("msg".into(), message.into());
        return Ok(Outcome::change(result, changes));
    }
    let algorithm = checksum.as_ref().map(|checksum| checksum.algorithm);
    let sum = algorithm.zip(sum.as_deref());
    let what = What { path: &path, request: &request, content: None, statuses: "200", sum };
    let mut change = download::change(what, args, host)?;
    if !args.flag("force") {
        // It is there afterwards, and then it is as wished.
        change.nature = super::Nature::State;
    }
    Ok(Outcome::change(result, std::iter::once(change).chain(labels).collect()))
}

/// Where the file is to be, and what is there.
fn place(
    args: &Args,
    url: &str,
    checksum: Option<&Checksum<'_>>,
    host: &Host<'_>,
) -> Result<(String, Arc<Inspected>), Stop> {
    let dest = args.needed("dest")?;
    let digesting = match checksum.and_then(|checksum| Algorithm::named(checksum.algorithm)) {
        Some(algorithm) => Digesting::By(algorithm),
        None => Digesting::No,
    };
    let seen = host.get(Inspect::path(dest).digesting(digesting))?;
    if !seen.is_directory() {
        return Ok((dest.to_owned(), seen));
    }
    let path = format!("{}/{}", dest.trim_end_matches('/'), file_name(url));
    let seen = host.get(Inspect::path(&path).digesting(digesting))?;
    Ok((path, seen))
}

/// What the file must come to.
struct Checksum<'a> {
    algorithm: &'a str,
    /// The digest, or a URL of a file that has it.
    value: &'a str,
}

impl<'a> Checksum<'a> {
    fn read(text: &'a str) -> Result<Self, Stop> {
        let Some((algorithm, value)) = text.split_once(':') else {
            return Err(Stop::refuse("The checksum parameter has to be in format <algorithm>:<checksum>"));
        };
        if Algorithm::named(algorithm).is_none() {
            let known = Algorithm::NAMES.join(", ");
            return Err(Stop::refuse(format!(
                "'{algorithm}' is no algorithm of a checksum: expected one of {known}"
            )));
        }
        Ok(Self { algorithm, value: value.trim() })
    }

    /// The digest; asks the URL for it where one is given.
    fn digest(&self, request: &Request, host: &Host<'_>) -> Result<String, Stop> {
        if !self.value.starts_with("http://") && !self.value.starts_with("https://") {
            return hexadecimal(self.value);
        }
        let asks = Request { url: self.value.to_owned(), ..request.clone() };
        let question = Fetch { request: asks, body: Body::Wanted, sends: None };
        let fetched = http_request::fetched(host, question)?;
        let failed = |why: &str| Stop::refuse(format!("the checksums at {} can't be had: {why}", self.value));
        let response = match &fetched {
            Fetched::Answered(response) if response.status == 200 => response,
            Fetched::Answered(response) => return Err(failed(&format!("status {}", response.status))),
            Fetched::Failed { why, .. } | Fetched::Unable(why) => return Err(failed(why)),
        };
        let name = file_name(&request.url);
        let text = String::from_utf8_lossy(&response.body);
        match listed(&text, name) {
            Some(digest) => hexadecimal(digest),
            None => {
                Err(Stop::refuse(format!("Unable to find a checksum for file '{name}' in '{}'", self.value)))
            }
        }
    }
}

/// The digest of a file in a list of them: `DIGEST  NAME`, `DIGEST *NAME`, `DIGEST  ./dir/NAME`, `SHA256 (NAME) = DIGEST`, or
/// one digest alone.
fn listed<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let of = |line: &'t str| {
        if let Some((head, digest)) = line.split_once(") = ") {
            return head.split_once('(').filter(|(_, file)| *file == name).map(|_| digest);
        }
        let (digest, file) = line.split_once([' ', '\t'])?;
        let file = file.trim_start_matches([' ', '\t', '*']);
        let last = file.rsplit('/').next().unwrap_or(file);
        (last == name).then_some(digest)
    };
    let alone = || {
        let mut all = lines();
        all.next().filter(|line| !line.contains([' ', '\t'])).filter(|_| all.next().is_none())
    };
    lines().find_map(of).or_else(alone)
}

fn hexadecimal(text: &str) -> Result<String, Stop> {
    let digest: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    match !digest.is_empty() && digest.bytes().all(|b| b.is_ascii_hexdigit()) {
        true => Ok(digest),
        false => Err(Stop::refuse("The checksum format is invalid")),
    }
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let Some(output) = outputs.first() else { return plain_result(outcome, outputs) };
    let (said, placed) = download::parted(output);
    let Some(placed) = placed else { return failed_or_set(outcome, outputs, &said) };
    let mut result = outcome.result.clone();
    result.extend(placed.result);
    result.insert("checksum_src".into(), placed.sha1.clone().into());
    result.insert("checksum_dest".into(), placed.sha1.into());
    result.insert("msg".into(), "OK".into());
    if let Some(Fetched::Answered(response)) = read(outcome, &said) {
        result.insert("status_code".into(), response.status.into());
        result.insert("url".into(), response.url.into());
        result.insert("elapsed".into(), response.elapsed.into());
        let length = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        result.insert("msg".into(), format!("OK ({} bytes)", length.map_or("unknown", |(_, n)| n)).into());
    }
    // What came behind it (flags, a context) changed something.
    if outputs.len() > 1 {
        result.insert("changed".into(), true.into());
    }
    result
}

/// The result where nothing was put in place: only attributes were set, or it failed.
fn failed_or_set(outcome: &Outcome, outputs: &[Output], said: &Output) -> Map {
    let mut result = attributes::result(outcome, outputs);
    if said.status == 0 {
        return result;
    }
    let message = match read(outcome, said) {
        Some(Fetched::Answered(response)) if response.status != 200 => {
            result.insert("status_code".into(), response.status.into());
            format!("Request failed: HTTP Error {}: {}", response.status, response.reason)
        }
        Some(Fetched::Failed { why, .. }) => format!("Request failed: {why}"),
        Some(Fetched::Unable(why)) => format!("{why}: install curl on it"),
        _ => return result,
    };
    result.insert("msg".into(), message.into());
    result
}

fn read(outcome: &Outcome, said: &Output) -> Option<Fetched> {
    let url = outcome.result.get("url").and_then(Value::as_str)?;
    Request::get(url).read(said, Body::Dropped).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::http::testing::server;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    const PAGE: &str = "HTTP/1.1 is\n\u{e9}\n";

    #[test]
    fn a_file_is_fetched_once_and_left_alone_then() {
        let server = server();
        let sum = format!("sha256:{}", crate::model::Digest::of(PAGE).hex());
        for bench in Bench::every_shell() {
            let mut args = json!({"url": server.url("/new"), "dest": bench.path("a b"), "mode": "0600", "checksum": sum});
            let result = bench.changes(&MODULE, &args);
            assert_eq!(
                (&result["status_code"], &result["mode"]),
                (&json!(200), &json!("0600")),
                "{result:?}"
            );
            assert_eq!(bench.read("a b"), PAGE);
            assert_eq!(bench.in_order(&MODULE, &args)["msg"], json!("file already exists"));
            args["mode"] = json!("0640");
            bench.changes(&MODULE, &args);
            bench.file("a b", "other");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("a b"), PAGE);
            bench.file("a b", "other");
            args["checksum"] = json!("");
            bench.in_order(&MODULE, &args);
            args["force"] = json!(true);
            args["backup"] = json!(true);
            let result = bench.settle(&MODULE, &args).result;
            assert_eq!((bench.read("a b").as_str(), &result["changed"]), (PAGE, &json!(true)));
            assert_eq!(std::fs::read_to_string(result["backup_file"].as_str().unwrap()).unwrap(), "other");
            assert_eq!(bench.settle(&MODULE, &args).result["changed"], json!(false));
        }
    }

    #[test]
    fn what_is_not_there_or_another_is_never_put_in_place() {
        let server = server();
        for bench in Bench::every_shell() {
            let mut args = json!({"url": server.url("/wrong"), "dest": bench.path("f")});
            let result = bench.settle(&MODULE, &args).result;
            assert_eq!(
                (&result["failed"], &result["status_code"]),
                (&json!(true), &json!(503)),
                "{result:?}"
            );
            args["url"] = json!(server.url("/new"));
            args["checksum"] = json!("md5:00");
            let result = bench.settle(&MODULE, &args).result;
            assert!(result["msg"].as_str().unwrap().contains("did not match 00"), "{result:?}");
            assert!(std::fs::read_dir(bench.at("")).unwrap().next().is_none());
            args["dest"] = json!(bench.path("no/such"));
            assert!(bench.refusal(&MODULE, &args).ends_with("does not exist"));
        }
    }

    #[test]
    fn a_directory_takes_it_under_its_own_name_and_checksums_may_be_listed() {
        let server = server();
        let bench = Bench::new();
        std::fs::create_dir(bench.at("d")).unwrap();
        std::fs::set_permissions(bench.at("d"), PermissionsExt::from_mode(0o755)).unwrap();
        let sums = server.url("/sums");
        let args =
            json!({"url": server.url("/new"), "dest": bench.path("d"), "checksum": format!("sha256:{sums}")});
        bench.changes(&MODULE, &args);
        assert_eq!(bench.read("d/new"), PAGE);
        bench.in_order(&MODULE, &args);
        let other =
            json!({"url": server.url("/old"), "dest": bench.path("d"), "checksum": format!("sha256:{sums}")});
        assert!(bench.refusal(&MODULE, &other).contains("Unable to find a checksum for file 'old'"));
    }

    #[test]
    fn digests_are_found_in_lists_of_every_kind() {
        for text in
            ["ab  x\ncd  y\n", "ab *x\ncd *y", "cd  ./dir/y\n", "SHA256 (x) = ab\nSHA256 (y) = cd\n", "cd\n"]
        {
            assert_eq!(listed(text, "y"), Some("cd"), "{text}");
        }
        assert_eq!(listed("ab  xy\n", "y"), None);
    }

    #[test]
    fn what_is_no_checksum_or_url_is_refused() {
        for (args, words) in [
            (json!({"url": "ftp://x/y"}), "is no URL"),
            (json!({"url": "http://x/y", "checksum": "abc"}), "format <algorithm>:<checksum>"),
            (json!({"url": "http://x/y", "checksum": "crc:abc"}), "'crc' is no algorithm"),
        ] {
            let mut args = args;
            args["dest"] = json!("/x");
            let Err(Stop::Refuse(refusal)) = answer_with(&MODULE, &args, &mut |_| panic!("asked")) else {
                panic!("{args}")
            };
            assert!(refusal.message.contains(words), "{}", refusal.message);
        }
    }
}
