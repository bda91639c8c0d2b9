//! `uri`: asks a URL from the host and holds the answer against what is expected. It only looks (GET and HEAD), so a dry
//! run asks too, unless a change that was not made stands before it.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::http::{Body, Fetch, Fetched, Leniency, Response};
use crate::questions::{Refusal, Stop};
use serde_json::json;
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "uri",
    aliases: &[],
    summary: "Asks a URL from the host and holds the answer against what is expected",
    params: &[
        Param::required("url", Kind::Text, "where, http or https, as the host reaches it"),
        Param::optional("method", Kind::Choice(&["GET", "HEAD"]), "what is sent").default("GET"),
        Param::optional("status_code", Kind::List, "status codes that are as expected").default("200"),
        Param::optional("return_content", Kind::Bool, "whether the result holds the body").default("no"),
        Param::optional("timeout", Kind::Int, "longest wait, in seconds").default("30"),
        Param::optional("validate_certs", Kind::Bool, "whether certificates have to hold").default("yes"),
        Param::optional("headers", Kind::Map, "lines of the head"),
        Param::optional(
            "follow_redirects",
            Kind::Choice(&["safe", "all", "none", "yes", "no", "True", "False"]),
            "whether to go where the answer sends us",
        )
        .default("safe"),
        Param::not_yet("body").or(&["body_format", "src", "dest", "creates", "removes"]),
        Param::not_yet("url_username").or(&[
            "url_password",
            "user",
            "password",
            "force_basic_auth",
            "use_gssapi",
        ]),
        Param::not_yet("client_cert").or(&["client_key", "ca_path", "ciphers", "unix_socket", "use_netrc"]),
        Param::not_yet("http_agent").or(&["use_proxy", "decompress", "unredirected_headers"]),
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
",
        returns: &[
            Returned { name: "status", help: "the status code; -1 where there was no answer" },
            Returned { name: "url", help: "where the answer came from at last" },
            Returned { name: "redirected", help: "whether that is elsewhere" },
            Returned { name: "elapsed", help: "seconds until the answer" },
            Returned { name: "content", help: "with `return_content`: the body" },
            Returned { name: "msg", help: "how it went" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// Longest wait that is taken: an hour.
const SECONDS_MAX: i64 = 60 * 60;
/// Keys of the result that no header takes.
const OWN_KEYS: [&str; 9] =
    ["status", "url", "msg", "elapsed", "redirected", "content", "json", "failed", "changed"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wanted = status_codes(args)?;
    let question = question(args)?;
    let fetched = host.get(question.clone())?;
    match &*fetched {
        Fetched::Answered(response) if wanted.contains(&i64::from(response.status)) => {
            let mut result = result(response, args.flag("return_content"));
            let length = response.header("content-length").unwrap_or("unknown");
            result.insert("msg".into(), format!("OK ({length} bytes)").into());
            Ok(Outcome::in_order(result))
        }
        Fetched::Answered(response) => {
            let message = unexpected(
                i64::from(response.status),
                &wanted,
                &format!("HTTP Error {}: {}", response.status, response.reason),
            );
            Err(Stop::Refuse(Refusal { message, result: result(response, args.flag("return_content")) }))
        }
        Fetched::Failed { why, elapsed } => {
            let result = json!({"status": -1, "url": question.url, "elapsed": elapsed, "redirected": false});
            let result = result.as_object().cloned().unwrap_or_default();
            Err(Stop::Refuse(Refusal { message: unexpected(-1, &wanted, why), result }))
        }
        Fetched::Unable(why) => Err(Stop::refuse(format!("{why}: install curl on it"))),
    }
}

fn unexpected(status: i64, wanted: &[i64], why: &str) -> String {
    let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
    format!("Status code was {status} and not [{}]: {why}", wanted.join(", "))
}

fn question(args: &Args) -> Result<Fetch, Stop> {
    let url = args.needed("url")?;
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if !rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) || !url.chars().all(plain) {
        return Err(Stop::refuse(format!("'{url}' is no URL that begins with http:// or https://")));
    }
    let mut headers = Vec::new();
    for (name, value) in args.value("headers").and_then(Value::as_object).into_iter().flatten() {
        headers.push(header(name, value)?);
    }
    let seconds = args.int("timeout").unwrap_or(30);
    if !(1..=SECONDS_MAX).contains(&seconds) {
        return Err(Stop::refuse(format!("'timeout' is {seconds}: expected 1 to {SECONDS_MAX} seconds")));
    }
    let follows = !matches!(args.text("follow_redirects"), Some("none" | "no" | "False"));
    Ok(Fetch {
        method: if args.text("method") == Some("HEAD") { "HEAD" } else { "GET" },
        url: url.to_owned(),
        limit: Duration::from_secs(seconds.unsigned_abs()),
        leniency: Leniency { any_certificate: !args.flag("validate_certs"), redirects: follows },
        body: if args.flag("return_content") { Body::Wanted } else { Body::Dropped },
        headers,
    })
}

/// A line of the head, and no more than one.
fn header(name: &str, value: &Value) -> Result<String, Stop> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => return Err(Stop::refuse(format!("the header '{name}' is no text"))),
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !is_name || text.chars().any(char::is_control) {
        return Err(Stop::refuse(format!("'{name}' is no header of one line")));
    }
    Ok(format!("{name}: {text}"))
}

fn status_codes(args: &Args) -> Result<Vec<i64>, Stop> {
    let code = |text: &str| {
        let code = text.parse::<i64>().ok().filter(|code| (100..1000).contains(code) || *code == -1);
        code.ok_or_else(|| Stop::refuse(format!("'status_code' is {text}: expected numbers such as 200")))
    };
    args.list("status_code").into_iter().map(code).collect()
}

/// What `register` gets: Ansible's keys, and each header in small letters with `_` for `-`.
fn result(response: &Response, with_content: bool) -> Map {
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
    if with_content {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        let is_json = response.header("content-type").is_some_and(|kind| kind.contains("json"));
        let parsed = is_json.then(|| serde_json::from_str::<Value>(&text).ok()).flatten();
        result.extend(parsed.map(|value| ("json".to_owned(), value)));
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
        assert!(!bare.contains_key("content") && !bare.contains_key("json"));
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
