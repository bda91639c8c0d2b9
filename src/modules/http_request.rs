//! What `uri`, `get_url` and `unarchive` send: the parameters that they share, and the request that these come to.

use super::{Args, Host, Kind, Param};
use crate::model::Value;
use crate::questions::Stop;
use crate::questions::http::{Fetch, Fetched, Leniency, Request, Response, Said};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// `validate_certs`.
pub(super) const VALIDATE_CERTS: Param =
    Param::optional("validate_certs", Kind::Bool, "whether certificates have to hold").default("yes");
/// `headers`.
pub(super) const HEADERS: Param = Param::optional("headers", Kind::Map, "lines of the head");
/// `url_username`.
pub(super) const USERNAME: Param =
    Param::optional("url_username", Kind::Text, "who we are to the server").or(&["user", "username"]);
/// `url_password`.
pub(super) const PASSWORD: Param =
    Param::optional("url_password", Kind::Text, "the password that goes with it").or(&["password"]);
/// `force_basic_auth`.
pub(super) const FORCE_BASIC_AUTH: Param = Param::optional(
    "force_basic_auth",
    Kind::Bool,
    "name and password are sent at once, which they always are",
)
.default("no");
/// `use_proxy`.
pub(super) const USE_PROXY: Param =
    Param::optional("use_proxy", Kind::Bool, "go through the proxy of the user's environment, if any")
        .default("yes");
/// `http_agent`.
pub(super) const AGENT: Param =
    Param::optional("http_agent", Kind::Text, "who asks, in the head").default("ansible-httpget");
/// `client_cert`.
pub(super) const CLIENT_CERT: Param =
    Param::optional("client_cert", Kind::Path, "a certificate on the host that says who we are");
/// `client_key`.
pub(super) const CLIENT_KEY: Param = Param::optional("client_key", Kind::Path, "its key on the host");
/// `ca_path`.
pub(super) const CA_PATH: Param =
    Param::optional("ca_path", Kind::Path, "a file on the host with the certificates that are trusted");

/// How often we go on where we are sent.
const SENT_ON_MAX: usize = 10;

/// What comes of asking a URL. Where the host goes nowhere that it is sent, each such place is a question of its own.
///
/// # Errors
/// Stops to ask; and where that is known in the real run only.
pub(super) fn fetched(host: &Host<'_>, mut question: Fetch) -> Result<Fetched, Stop> {
    for gone in 0..=SENT_ON_MAX {
        match host.get(question.clone())?.as_ref() {
            Said::SentOn(place) => question = question.sent_on(place),
            Said::Later(why) => return Err(Stop::Unknown(format!("what a URL says: {why}"))),
            Said::Came(Fetched::Answered(response)) if gone > 0 => {
                let url = question.request.url;
                return Ok(Fetched::Answered(Box::new(Response {
                    url,
                    redirects: gone,
                    ..(**response).clone()
                })));
            }
            Said::Came(fetched) => return Ok(fetched.clone()),
        }
    }
    Ok(Fetched::Failed { why: format!("it is sent on more than {SENT_ON_MAX} times"), elapsed: 0 })
}

/// Longest wait that is taken: an hour.
const SECONDS_MAX: i64 = 60 * 60;

/// The request that a task's arguments come to; `timeout`, `method` and `follow_redirects` are looked at where there are
/// such.
///
/// # Errors
/// Refuses what is no URL, no header of one line, or too long a wait.
pub(super) fn request(args: &Args, url: &str, method: &str) -> Result<Request, Stop> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if !rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) || !url.chars().all(plain) {
        return Err(Stop::refuse(format!("'{url}' is no URL that begins with http:// or https://")));
    }
    let mut headers = Vec::new();
    for (name, value) in args.value("headers").and_then(Value::as_object).into_iter().flatten() {
        headers.push(header(name, value)?);
    }
    if let Some(user) = args.text("url_username") {
        let pair = format!("{user}:{}", args.text("url_password").unwrap_or_default());
        headers.push(format!("Authorization: Basic {}", STANDARD.encode(pair)));
    }
    let seconds = args.int("timeout").unwrap_or(30);
    if !(1..=SECONDS_MAX).contains(&seconds) {
        return Err(Stop::refuse(format!("'timeout' is {seconds}: expected 1 to {SECONDS_MAX} seconds")));
    }
    let only_asks = matches!(method, "GET" | "HEAD");
    let redirects = match args.text("follow_redirects") {
        Some("none" | "no" | "False") => false,
        Some("safe" | "urllib2") => only_asks,
        _ => true,
    };
    let path = |name| args.text(name).unwrap_or_default().to_owned();
    let agent = path("http_agent");
    if agent.chars().any(char::is_control) {
        return Err(Stop::refuse("'http_agent' is no text of one line"));
    }
    Ok(Request {
        method: method.to_owned(),
        url: url.to_owned(),
        limit: Duration::from_secs(seconds.unsigned_abs()),
        leniency: Leniency { any_certificate: !args.flag("validate_certs"), redirects },
        headers,
        agent,
        proxy: args.flag("use_proxy"),
        files: [path("client_cert"), path("client_key"), path("ca_path")],
    })
}

/// A line of the head, and no more than one.
pub(super) fn header(name: &str, value: &Value) -> Result<String, Stop> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        _ => return Err(Stop::refuse(format!("the header '{name}' is no text"))),
    };
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !is_name || text.chars().any(char::is_control) {
        return Err(Stop::refuse(format!("'{name}' is no header of one line")));
    }
    Ok(format!("{name}: {text}"))
}

/// The last name of a URL's path.
pub(super) fn file_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    match path.split_once('/').and_then(|(_, path)| path.rsplit('/').next()) {
        None | Some("" | "." | "..") => "index.html",
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_the_path_of_its_url_ends() {
        for (url, name) in [
            ("http://x/a/b.tar.gz", "b.tar.gz"),
            ("http://x/a/b?c=/d#e/f", "b"),
            ("http://x/a/", "index.html"),
            ("http://x", "index.html"),
            ("http://x/..", "index.html"),
        ] {
            assert_eq!(file_name(url), name, "{url}");
        }
    }
}
