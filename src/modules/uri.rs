//! `uri`: sends a request from the host and holds the answer against what is expected. What only looks (GET and HEAD) is
//! a question, so a dry run asks too, unless a change that was not made stands before it; what sends something else or
//! keeps the answer in a file is a change.

use super::attributes::{GROUP, MODE, OWNER};
use super::http_request::{
    self, AGENT, CA_PATH, CLIENT_CERT, CLIENT_KEY, FORCE_BASIC_AUTH, HEADERS, PASSWORD, USE_PROXY, USERNAME,
    VALIDATE_CERTS, file_name, header, request,
};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::uri_body::{self, Sent};
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, download,
    plain_result,
};
use crate::model::{Content, Map, Script, Subjects, Value};
use crate::questions::command::AnyMatch;
use crate::questions::files::{Inspect, NodeKind};
use crate::questions::http::{Body, Fetch, Fetched, Request, Response, SEND};
use crate::questions::{Output, Refusal, Stop};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "uri",
    aliases: &[],
    summary: "Sends a request to a URL from the host and holds the answer against what is expected",
    params: &[
        Param::required("url", Kind::Text, "where, http or https, as the host reaches it"),
        Param::optional("method", Kind::Text, "GET, HEAD, POST, PUT, PATCH, DELETE …").default("GET"),
        Param::optional(
            "body",
            Kind::Any,
            "what is sent; with body_format json or form-urlencoded it may be a mapping",
        ),
        Param::optional(
            "body_format",
            Kind::Choice(&["form-urlencoded", "json", "raw"]),
            "what becomes of the body",
        )
        .default("raw"),
        Param::optional(
            "src",
            Kind::Source,
            "a file with what is sent, beside the playbook, or on the host with remote_src",
        ),
        Param::optional("remote_src", Kind::Bool, "src is on the host").default("no"),
        Param::optional("status_code", Kind::List, "status codes that are as expected").default("200"),
        Param::optional("return_content", Kind::Bool, "whether the result holds the body").default("no"),
        Param::optional(
            "dest",
            Kind::Path,
            "the file that the answer is kept in; a directory takes it under the URL's last name",
        ),
        Param::optional("creates", Kind::Path, "nothing is sent where this exists"),
        Param::optional("removes", Kind::Path, "nothing is sent where this doesn't exist"),
        Param::optional("timeout", Kind::Int, "longest wait, in seconds").default("30"),
        Param::optional(
            "follow_redirects",
            Kind::Choice(&["safe", "all", "none", "urllib2", "yes", "no", "True", "False"]),
            "whether to go where the answer sends us; safe: with GET and HEAD",
        )
        .default("safe"),
        HEADERS,
        VALIDATE_CERTS,
        USERNAME,
        PASSWORD,
        FORCE_BASIC_AUTH,
        USE_PROXY,
        AGENT,
        CLIENT_CERT,
        CLIENT_KEY,
        CA_PATH,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
        Param::optional("force", Kind::Bool, "the answer is never taken from a cache, which it never is")
            .default("no"),
        Param::optional("use_netrc", Kind::Bool, "only what is said here counts; no .netrc is read")
            .default("no"),
        Param::not_yet("use_gssapi").or(&["ciphers", "unix_socket", "decompress", "unredirected_headers"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Wait until the app says that it is well
  uri:
    url: http://127.0.0.1:8080/health
    return_content: true
  register: health
  until: health.status == 200
  retries: 10
  delay: 3
- name: Say that the deployment begins
  uri:
    url: https://deploy.example.org/api/deployments
    method: POST
    body_format: json
    body: {app: web, version: '1.2'}
    headers: {Authorization: 'Bearer {{ deploy_token }}'}
    status_code: [200, 201]
  register: deployment
  no_log: true
",
        returns: &[
            Returned { name: "json", help: "where the body is JSON: its value" },
            Returned { name: "path", help: "with `dest`: the file" },
            Returned { name: "status", help: "the status code; -1 where there was no answer" },
            Returned { name: "url", help: "where the answer came from at last" },
            Returned { name: "redirected", help: "whether that is elsewhere" },
            Returned { name: "elapsed", help: "seconds until the answer" },
            Returned { name: "content", help: "with `return_content`: the body" },
            Returned { name: "msg", help: "how it went" },
        ],
    },
    effect: Effect::Sends,
    diff,
    result,
};

/// Sends a request with what is on stdin.
const SEND_REQUEST: Script = Script { name: "send_request", text: SEND };

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SEND_REQUEST];

/// Keys of the result that no header takes.
const OWN_KEYS: [&str; 10] =
    ["status", "url", "msg", "elapsed", "redirected", "content", "json", "failed", "changed", "path"];
/// Keys that `result` needs, and nobody else sees.
const PRIVATE: [&str; 4] = ["_wanted", "_url", "_method", "_content"];

/// Whether unrendered arguments may send something, or keep it in a file.
pub(super) fn sends(given: &Map) -> bool {
    let method = given.get("method").and_then(Value::as_str).unwrap_or("GET").to_uppercase();
    given.contains_key("dest") || !only_looks(&method)
}

fn only_looks(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wanted = status_codes(args)?;
    let method = args.needed("method")?.to_uppercase();
    if method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Stop::refuse("'method' must be a single word, like GET or POST"));
    }
    let mut request = request(args, args.needed("url")?, &method)?;
    let sent = uri_body::read(args, host)?;
    if let Some(kind) = sent.kind.filter(|_| !request.headers.iter().any(|h| is_content_type(h))) {
        request.headers.push(header("Content-Type", &kind.into())?);
    }
    if let Some(why) = not_needed(args, host)? {
        let mut result = Map::new();
        result.insert("stdout".into(), why.clone().into());
        result.insert("changed".into(), false.into());
        return Ok(Outcome { skipped: None, message: Some(why), ..Outcome::in_order(result) });
    }
    if let Some(dest) = args.text("dest") {
        return keep(args, dest, request, sent, &wanted, host);
    }
    if only_looks(&method) && sent.is_text() {
        return look(args, request, sent, &wanted, host);
    }
    Ok(send(args, &request, sent, &wanted))
}

fn is_content_type(header: &str) -> bool {
    header.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("content-type"))
}

/// Why nothing is to be sent.
fn not_needed(args: &Args, host: &Host<'_>) -> Result<Option<String>, Stop> {
    for (name, stops, words) in [("creates", true, "exists"), ("removes", false, "does not exist")] {
        let Some(path) = args.text(name) else { continue };
        let question = AnyMatch { pattern: path.to_owned(), directory: String::new() };
        if *host.get(question)? == stops {
            return Ok(Some(format!("skipped, since '{path}' {words}")));
        }
    }
    Ok(None)
}

/// Asks, and judges at once.
fn look(args: &Args, request: Request, sent: Sent, wanted: &[i64], host: &Host<'_>) -> Result<Outcome, Stop> {
    let question = Fetch { request, body: Body::Wanted, sends: sent.text() };
    let fetched = http_request::fetched(host, question.clone())?;
    let judged = judge(&fetched, &question.request.url, wanted, args.flag("return_content"));
    judged.map(Outcome::in_order).map_err(Stop::Refuse)
}

/// The result of an answer, or why it is none that was expected.
fn judge(fetched: &Fetched, url: &str, wanted: &[i64], with_content: bool) -> Result<Map, Refusal> {
    match fetched {
        Fetched::Answered(response) if wanted.contains(&i64::from(response.status)) => {
            let mut result = register(response, with_content);
            let length = response.header("content-length").unwrap_or("unknown");
            result.insert("msg".into(), format!("OK ({length} bytes)").into());
            Ok(result)
        }
        Fetched::Answered(response) => {
            let message = unexpected(
                i64::from(response.status),
                wanted,
                &format!("HTTP Error {}: {}", response.status, response.reason),
            );
            Err(Refusal { message, result: register(response, with_content) })
        }
        Fetched::Failed { why, elapsed } => {
            let result = json!({"status": -1, "url": url, "elapsed": elapsed, "redirected": false});
            let result = result.as_object().cloned().unwrap_or_default();
            Err(Refusal { message: unexpected(-1, wanted, why), result })
        }
        Fetched::Unable(why) => {
            Err(Refusal { message: format!("{why}: install curl on it"), ..Refusal::default() })
        }
    }
}

fn unexpected(status: i64, wanted: &[i64], why: &str) -> String {
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    format!("Status code was {status} and not [{}]: {why}", wanted.join(", "))
}

/// What `result` needs to judge an answer that comes later.
fn private(args: &Args, request: &Request, wanted: &[i64]) -> Map {
    let keys = [json!(wanted), json!(request.url), json!(request.method), json!(args.flag("return_content"))];
    PRIVATE.into_iter().map(str::to_owned).zip(keys).collect()
}

/// The change that sends a request.
fn send(args: &Args, request: &Request, sent: Sent, wanted: &[i64]) -> Outcome {
    let summary = format!("send {} to {}", request.method, without_secrets(&request.url));
    let words = request.words("-", sent.content.is_some());
    let change = Change {
        nature: Nature::Opaque,
        content: Some(sent.content.unwrap_or_else(|| Content::new(Vec::new()))),
        deadline: request.deadline(),
        ..Change::event(summary, SEND_REQUEST, words, Subjects::Undeclared)
    };
    Outcome::change(private(args, request, wanted), vec![change])
}

/// A URL without a name and a password in it.
fn without_secrets(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (place, path) = rest.split_at_checked(end).unwrap_or_default();
            let place = place.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{place}{path}")
        }
        None => url.to_owned(),
    }
}

/// The change that keeps an answer in a file.
fn keep(
    args: &Args,
    dest: &str,
    request: Request,
    sent: Sent,
    wanted: &[i64],
    host: &Host<'_>,
) -> Result<Outcome, Stop> {
    let seen = host.get(Inspect::path(dest))?;
    let is_directory = seen.followed().is_some_and(|node| node.kind == NodeKind::Directory);
    let path = match is_directory {
        true => format!("{}/{}", dest.trim_end_matches('/'), file_name(&request.url)),
        false => dest.to_owned(),
    };
    let statuses = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let what = download::What {
        path: &path,
        request: &request,
        content: sent.content,
        statuses: &statuses,
        sum: None,
    };
    let change = download::change(what, args, host)?;
    let mut result = private(args, &request, wanted);
    result.insert("path".into(), path.into());
    Ok(Outcome::change(result, vec![change]))
}

/// What `register` gets: of a question what it came to; of a change the answer that it got.
fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut known = outcome.result.clone();
    let [wanted, url, method, with_content] = PRIVATE.map(|key| known.shift_remove(key));
    let Some(output) = outputs.first() else { return known };
    let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    let (url, method) = (text(url), text(method));
    let request = Request { method, ..Request::get(&url) };
    let (said, placed) = download::parted(output);
    let Ok(fetched) = request.read(&said, Body::Wanted) else { return plain_result(outcome, outputs) };
    let wanted: Vec<i64> =
        wanted.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_i64).collect();
    let with_content = with_content == Some(Value::Bool(true));
    let mut result = match judge(&fetched, &url, &wanted, with_content) {
        Ok(result) => result,
        Err(refusal) => {
            let mut result = refusal.result;
            result.insert("failed".into(), true.into());
            result.insert("msg".into(), refusal.message.into());
            result
        }
    };
    result.extend(known);
    match placed {
        Some(placed) => result.extend(placed.result),
        None if output.status != 0 && !result.contains_key("failed") => {
            return plain_result(&Outcome { result, ..Outcome::default() }, outputs);
        }
        // Ansible says so of whatever is sent.
        None => {
            result.insert("changed".into(), false.into());
        }
    }
    result
}

fn status_codes(args: &Args) -> Result<Vec<i64>, Stop> {
    let code = |text: &str| {
        let code = text.parse::<i64>().ok().filter(|code| (100..1000).contains(code) || *code == -1);
        code.ok_or_else(|| Stop::refuse(format!("'status_code' is {text}: expected numbers such as 200")))
    };
    args.list("status_code").into_iter().map(code).collect()
}

/// What `register` gets: Ansible's keys, and each header in small letters with `_` for `-`.
fn register(response: &Response, with_content: bool) -> Map {
    let mut result = Map::new();
    for (name, value) in &response.headers {
        let name = name.to_lowercase().replace('-', "_");
        if OWN_KEYS.contains(&name.as_str()) {
            continue;
        }
        let before = result.get(&name).and_then(Value::as_str).map(|before| format!("{before}, "));
        result.insert(name, format!("{}{value}", before.unwrap_or_default()).into());
    }
    result.insert("status".into(), response.status.into());
    result.insert("url".into(), response.url.as_str().into());
    result.insert("redirected".into(), (response.redirects > 0).into());
    result.insert("elapsed".into(), response.elapsed.into());
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let is_json = response.header("content-type").is_some_and(|kind| kind.to_lowercase().contains("json"));
    let parsed = is_json.then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
    result.extend(parsed.map(|value| ("json".to_owned(), value)));
    if with_content {
        result.insert("content".into(), text.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn asked(args: Value, stdout: &str, stderr: &str) -> Result<Map, Refusal> {
        let output = || Output { status: 0, stdout: stdout.into(), stderr: stderr.into() };
        match answer_with(&MODULE, &args, &mut |_| Ok(output())) {
            Ok(outcome) => Ok(outcome.result),
            Err(Stop::Refuse(refusal)) => Err(refusal),
            Err(_) => panic!("{args} asks without end"),
        }
    }

    const CURL: &str = "curl\nHTTP/1.1 301 Moved\r\nLocation: /new\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\nX-A: 1\r\nX-A: 2\r\nStatus: odd\r\n\r\n{\"up\": \"yes\"}\n200 1 http://127.0.0.1/new";

    #[test]
    fn an_answer_has_ansibles_keys_and_its_headers() {
        let result =
            asked(json!({"url": "http://127.0.0.1/", "return_content": true}), CURL, "elapsed 2\n").unwrap();
        assert_eq!((&result["status"], &result["url"]), (&json!(200), &json!("http://127.0.0.1/new")));
        assert_eq!((&result["content"], &result["json"]["up"]), (&json!("{\"up\": \"yes\"}"), &json!("yes")));
        assert_eq!((&result["x_a"], &result["elapsed"]), (&json!("1, 2"), &json!(2)));
        assert_eq!((&result["msg"], &result["redirected"]), (&json!("OK (13 bytes)"), &json!(true)));
        let bare = asked(json!({"url": "http://127.0.0.1/"}), CURL, "").unwrap();
        assert!(!bare.contains_key("content") && bare["json"]["up"] == "yes");
    }

    #[test]
    fn another_status_fails_and_says_which() {
        let refused = asked(json!({"url": "http://x/", "status_code": [204, 404]}), CURL, "").unwrap_err();
        assert_eq!(refused.message, "Status code was 200 and not [204, 404]: HTTP Error 200: OK");
        assert_eq!(refused.result["status"], 200);
        let nobody = "curl: (7) Failed to connect to 127.0.0.1 port 80: Connection refused\nelapsed 0\n";
        let refused = asked(json!({"url": "http://x/"}), "curl\n\n000 0 http://x/", nobody).unwrap_err();
        assert_eq!(
            refused.message,
            "Status code was -1 and not [200]: (7) Failed to connect to 127.0.0.1 port 80: Connection refused"
        );
        assert_eq!(refused.result["status"], -1);
        let unable = asked(json!({"url": "https://x/"}), "unable this host has no curl\n", "").unwrap_err();
        assert_eq!(unable.message, "this host has no curl: install curl on it");
    }

    #[test]
    fn what_is_no_url_or_more_than_a_header_is_not_sent() {
        for url in [
            "ftp://x/",
            "file:///etc/passwd",
            "http://",
            "http:///x",
            "http://x/ y",
            "http://x/\n",
            "-K/etc/x",
        ] {
            assert!(asked(json!({"url": url}), CURL, "").unwrap_err().message.contains("is no URL"), "{url}");
        }
        for headers in [json!({"A": "b\r\nC: d"}), json!({"A:b": "c"}), json!({"": "c"}), json!({"A": ["b"]})]
        {
            assert!(asked(json!({"url": "http://x/", "headers": headers}), CURL, "").is_err(), "{headers}");
        }
        assert!(asked(json!({"url": "http://x/", "timeout": 0}), CURL, "").is_err());
        assert!(asked(json!({"url": "http://x/", "status_code": "ok"}), CURL, "").is_err());
    }
}
