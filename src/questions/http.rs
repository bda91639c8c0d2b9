//! Asking a URL on the host, with what the host has: curl, else wget, else for plain http perl, which is part of every
//! Debian. What only looks is a question; what sends or keeps something is a change, whose scripts are here, too.
//!
//! What answers is printed as it came: curl and perl print the headers before the body, wget the headers on standard
//! error. The first line says which of them it was.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};
use std::time::Duration;

/// Asks a URL and changes nothing there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// What is sent.
    pub request: Request,
    /// Whether the body is wanted.
    pub body: Body,
    /// A body that is sent.
    pub sends: Option<String>,
}

/// What is sent, but for a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// GET, HEAD, POST …
    pub method: String,
    /// Where; http or https.
    pub url: String,
    /// How long at most.
    pub limit: Duration,
    /// What may be let pass on the way.
    pub leniency: Leniency,
    /// Lines of the head, `Name: value`.
    pub headers: Vec<String>,
    /// Who we say that we are; empty: what the program says.
    pub agent: String,
    /// Whether a proxy of the user's environment is used.
    pub proxy: bool,
    /// Files on the host: a certificate of our own, its key, and who is trusted; each may be empty.
    pub files: [String; 3],
}

/// How every script begins that asks a URL.
pub(super) const REQUEST: &str = include_str!("http/request.sh");
/// Text of the change that sends a request, with its body on stdin; takes the words of a request.
pub const SEND: &str = concat!(include_str!("http/request.sh"), include_str!("http/send.sh"));
/// Text of the change that puts what it gets in a file; see there for its arguments.
pub const DOWNLOAD: &str = concat!(include_str!("http/request.sh"), include_str!("http/download.sh"));

/// What may be let pass on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leniency {
    /// Certificates that can't be verified.
    pub any_certificate: bool,
    /// Other places that the first one sends us to.
    pub redirects: bool,
}

/// Whether a body is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Body {
    /// It is.
    Wanted,
    /// It is not.
    Dropped,
}

/// What is said to the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// What came of it.
    Came(Fetched),
    /// Whoever was asked sends us here, and it was not for the host to go there (see [`nearby`]).
    SentOn(String),
    /// The host can't ask without going wherever it is sent, and why.
    Later(String),
}

/// The words of this question by which the host goes nowhere that it is sent: it says where that is, and whoever asked decides.
pub fn nearby(args: &Argv) -> Argv {
    /// Where the word stands by which places are followed, behind the body.
    const FOLLOW: usize = 5;
    let mut words = args.0.clone();
    if let Some(follow) = words.get_mut(FOLLOW).filter(|follow| *follow == "yes") {
        *follow = "ask".to_owned();
    }
    words.into()
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fetched {
    /// Somebody answered.
    Answered(Box<Response>),
    /// Nobody did.
    Failed {
        /// Why.
        why: String,
        /// How long that took, in seconds.
        elapsed: u64,
    },
    /// The host has no means to ask.
    Unable(String),
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What stands behind the status code.
    pub reason: String,
    /// Who answered in the end.
    pub url: String,
    /// How often we were sent elsewhere.
    pub redirects: usize,
    /// Names as they came, and values.
    pub headers: Vec<(String, String)>,
    /// The body, where it was wanted.
    pub body: Vec<u8>,
    /// How long it took, in seconds.
    pub elapsed: u64,
}

impl Question for Fetch {
    type Answer = Said;
    const SCRIPT: Script = Script {
        name: "fetch_url",
        text: concat!(include_str!("http/request.sh"), include_str!("http/fetch.sh")),
    };

    fn args(&self) -> Argv {
        let is_wanted = self.body == Body::Wanted && self.request.method != "HEAD";
        let out = if is_wanted { "-" } else { "/dev/null" };
        let mut args = vec![self.sends.clone().unwrap_or_default()];
        args.extend(self.request.words(out, self.sends.is_some()));
        args.into()
    }

    fn reads(&self) -> Subjects {
        Subjects::Undeclared
    }

    fn cost(&self) -> Cost {
        Cost::Costly { deadline: self.request.deadline() }
    }

    fn parse(&self, output: &Output) -> Result<Said, ParseError> {
        let first = split_line(&output.stdout).map(|(line, _)| line).unwrap_or_default();
        if let Some(why) = String::from_utf8_lossy(&first).strip_prefix("later ") {
            return Ok(Said::Later(why.to_owned()));
        }
        let fetched = self.request.read(output, self.body)?;
        let place = match &fetched {
            Fetched::Answered(response) if first.ends_with(b" ask") => response.sends_on(&self.request.url),
            _ => None,
        };
        Ok(place.map_or(Said::Came(fetched), Said::SentOn))
    }
}

impl Fetch {
    /// The same question where it is sent on; what says who we are is for whom it was meant.
    #[must_use]
    pub fn sent_on(&self, url: &str) -> Self {
        let is_for_all = |line: &&String| {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            !["authorization", "cookie", "host"].contains(&name.as_str())
        };
        let headers = &self.request.headers;
        let headers = match origin(url) == origin(&self.request.url) {
            true => headers.clone(),
            false => headers.iter().filter(is_for_all).cloned().collect(),
        };
        Self { request: Request { url: url.to_owned(), headers, ..self.request.clone() }, ..self.clone() }
    }
}

/// The scheme of a URL and the place behind it.
fn origin(url: &str) -> &str {
    let begins = url.find("://").map_or(0, |at| at + 3);
    let ends = url.get(begins..).and_then(|rest| rest.find(['/', '?', '#']));
    url.get(..ends.map_or(url.len(), |at| begins + at)).unwrap_or(url)
}

impl Request {
    /// A plain request for a URL.
    pub fn get(url: &str) -> Self {
        Self {
            method: "GET".into(),
            url: url.to_owned(),
            limit: Duration::from_secs(30),
            leniency: Leniency { any_certificate: false, redirects: true },
            headers: Vec::new(),
            agent: String::new(),
            proxy: true,
            files: Default::default(),
        }
    }

    /// The words that the script's `request` takes.
    pub fn words(&self, out: &str, has_body: bool) -> Vec<String> {
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let mut words = vec![self.method.clone(), self.url.clone(), self.limit.as_secs().to_string()];
        words.push(yes(!self.leniency.any_certificate));
        words.push(yes(self.leniency.redirects));
        words.extend([out.to_owned(), yes(has_body), yes(self.proxy), self.agent.clone()]);
        words.extend(self.files.iter().cloned());
        words.extend(self.headers.iter().cloned());
        words
    }

    /// How long it can take at most.
    pub fn deadline(&self) -> Duration {
        const SPARE: Duration = Duration::from_secs(30);
        // wget's limit is for each step of its way.
        self.limit.saturating_mul(3) + SPARE
    }

    /// Reads what the script's `request` printed.
    ///
    /// # Errors
    /// It is not what that prints.
    pub fn read(&self, output: &Output, body: Body) -> Result<Fetched, ParseError> {
        let wrong = || ParseError::new("what 'curl', 'wget' or 'perl' says, or 'unable'", output);
        let (tool, rest) = split_line(&output.stdout).ok_or_else(wrong)?;
        let errors = output.error_text();
        let elapsed = errors.lines().rev().find_map(|line| line.strip_prefix("elapsed ")?.parse().ok());
        let elapsed = elapsed.unwrap_or_default();
        let response = match tool.strip_suffix(b" ask").unwrap_or(&tool) {
            b"curl" => curl(rest),
            // A head whose body never came, or not all of it.
            b"wget" => {
                wget(&self.url, rest, &errors).filter(|response| output.status == 0 || response.status >= 300)
            }
            b"perl" | b"apt" => perl(&self.url, rest),
            text => {
                let text = String::from_utf8_lossy(text);
                return text
                    .strip_prefix("unable ")
                    .map(|why| Fetched::Unable(why.to_owned()))
                    .ok_or_else(wrong);
            }
        };
        let Some(mut response) = response else { return Ok(Fetched::Failed { why: why(&errors), elapsed }) };
        let sent_on =
            tool.starts_with(b"perl") && self.leniency.redirects && matches!(response.status, 301..=308);
        if sent_on {
            let why = "it is sent elsewhere, and this host has neither curl nor wget to go there".to_owned();
            return Ok(Fetched::Unable(why));
        }
        if body == Body::Dropped || self.method == "HEAD" {
            response.body.clear();
        }
        response.elapsed = elapsed;
        Ok(Fetched::Answered(Box::new(response)))
    }
}

/// The last thing that the program had to say.
fn why(errors: &str) -> String {
    let mut lines =
        errors.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("elapsed "));
    let last = lines.next_back().unwrap_or("nobody answered, and nothing said why");
    last.trim_start_matches("curl: ").trim_start_matches("wget: ").to_owned()
}

/// Heads of those who sent us elsewhere, the head of who answered, the body, and a line of curl's own.
fn curl(output: &[u8]) -> Option<Response> {
    let at = output.iter().rposition(|byte| *byte == b'\n')?;
    let (all, trailer) = output.split_at(at);
    let trailer = String::from_utf8_lossy(trailer);
    let mut words = trailer.trim().splitn(3, ' ');
    let status: u16 = words.next()?.parse().ok()?;
    let redirects: usize = words.next()?.parse().ok()?;
    let url = words.next()?.to_owned();
    let mut rest = all;
    let mut left = redirects;
    loop {
        let (head, behind) = head(rest)?;
        rest = behind;
        // "100 Continue" and its like come before the answer itself.
        if (100..200).contains(&head.status) {
            continue;
        }
        if left == 0 {
            return (head.status == status).then(|| Response { url, redirects, body: rest.to_vec(), ..head });
        }
        left -= 1;
    }
}

fn perl(url: &str, output: &[u8]) -> Option<Response> {
    let (head, body) = head(output)?;
    Some(Response { url: url.to_owned(), body: body.to_vec(), ..head })
}

/// wget tells the heads on standard error, indented; the last one is of who answered.
fn wget(url: &str, body: &[u8], errors: &str) -> Option<Response> {
    let mut responses: Vec<Response> = Vec::new();
    for line in errors.lines() {
        match line.find("HTTP/").and_then(|at| status_line(line.get(at..)?)) {
            Some(response) => responses.push(response),
            None if line.starts_with("  ") => {
                if let (Some(response), Some(header)) = (responses.last_mut(), header(line)) {
                    response.headers.push(header);
                }
            }
            None => {}
        }
    }
    let last = responses.pop()?;
    let sent_on = responses.iter().filter(|response| (300..400).contains(&response.status));
    let places: Vec<&str> = sent_on.filter_map(|response| response.header("location")).collect();
    let redirects = places.len();
    let url = places.last().filter(|place| place.contains("://")).map_or(url, |place| *place).to_owned();
    Some(Response { url, redirects, body: body.to_vec(), ..last })
}

impl Response {
    /// Where whoever answered this at a URL sends us.
    fn sends_on(&self, url: &str) -> Option<String> {
        let place = self.header("location").filter(|place| !place.is_empty())?;
        if !matches!(self.status, 301 | 302 | 303 | 307 | 308) {
            return None;
        }
        let origin = origin(url);
        let scheme = url.split("://").next().unwrap_or_default();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        Some(match place.get(..1) {
            _ if place.starts_with("//") => format!("{scheme}:{place}"),
            Some("/") => format!("{origin}{place}"),
            Some("?") => format!("{path}{place}"),
            Some("#") => format!("{url}{place}"),
            _ if place.contains("://") => place.to_owned(),
            // Beside the last name of the path.
            _ => match path.len() > origin.len() {
                true => format!("{}/{place}", path.rsplit_once('/').map_or(path, |(folder, _)| folder)),
                false => format!("{origin}/{place}"),
            },
        })
    }

    /// The first header of a name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// A head, and what stands behind it.
fn head(bytes: &[u8]) -> Option<(Response, &[u8])> {
    let (line, mut rest) = split_line(bytes)?;
    let mut response = status_line(&String::from_utf8_lossy(&line))?;
    while let Some((line, behind)) = split_line(rest) {
        rest = behind;
        if line.is_empty() {
            break;
        }
        response.headers.extend(header(&String::from_utf8_lossy(&line)));
    }
    Some((response, rest))
}

fn status_line(line: &str) -> Option<Response> {
    let mut words = line.trim().splitn(3, ' ');
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let status = words.next()?.parse().ok().filter(|status| (100..1000).contains(status))?;
    Some(Response { status, reason: words.next().unwrap_or_default().to_owned(), ..Response::default() })
}

fn header(line: &str) -> Option<(String, String)> {
    let (name, value) = line.trim().split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

/// The first line without its end, and what stands behind it.
fn split_line(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes.get(..end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line).to_vec(), bytes.get(end + 1..)?))
}

/// A server for tests, of this room's and of the modules'.
#[cfg(test)]
pub(crate) mod testing {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// The digest of the page `/new`.
    const SUMS: &str = "00  other\nefa1ffb579079b0cd717d45656382018bf162e7ab22dc82851f5992850a28bef  new\n";

    /// A server of one page that moved, and what it was sent.
    pub(crate) struct Server {
        pub port: u16,
        pub heard: std::sync::mpsc::Receiver<String>,
    }

    impl Server {
        /// The address of one of its pages.
        pub fn url(&self, path: &str) -> String {
            format!("http://127.0.0.1:{}{path}", self.port)
        }
    }

    /// Whether a request is here with all of its body.
    fn is_whole(request: &[u8]) -> bool {
        let Some(end) = request.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
        let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        request.len() >= end + 4 + length.unwrap_or(0)
    }

    /// Starts one.
    pub(crate) fn server() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (says, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !is_whole(&request) {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => break,
                        Ok(count) => request.extend(&buffer[..count]),
                    }
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let head = request.starts_with("HEAD");
                let (status, more, body) = match path.as_str() {
                    "/old" => ("302 Found", "Location: /new\r\n", ""),
                    "/away" => ("307 Temporary Redirect", "Location: http://192.0.2.1:9/x\r\n", "gone"),
                    "/sums" => ("200 OK", "", SUMS),
                    "/new" | "/a?b=c&d=%22" => ("200 OK", "X-Its: \"here\"\r\n", "HTTP/1.1 is\n\u{e9}\n"),
                    _ => ("503 Service Unavailable", "", "not yet"),
                };
                let body = if head { "" } else { body };
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                );
                let _ = says.send(request);
            }
        });
        Server { port, heard }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::server;
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::net::TcpListener;

    fn fetch(port: u16, path: &str) -> Fetch {
        Fetch { request: request(port, path), body: Body::Wanted, sends: None }
    }

    fn request(port: u16, path: &str) -> Request {
        Request {
            method: "GET".into(),
            url: format!("http://127.0.0.1:{port}{path}"),
            limit: Duration::from_secs(5),
            leniency: Leniency { any_certificate: false, redirects: true },
            headers: Vec::new(),
            agent: String::new(),
            proxy: false,
            files: Default::default(),
        }
    }

    fn changed(fetch: Fetch, change: impl FnOnce(&mut Request)) -> Fetch {
        let mut fetch = fetch;
        change(&mut fetch.request);
        fetch
    }

    fn asked(bench: &Workbench, question: &Fetch) -> Fetched {
        match said(bench, question, question.args()) {
            Said::Came(fetched) => fetched,
            other => panic!("{}: {other:?}", bench.name()),
        }
    }

    fn said(bench: &Workbench, question: &Fetch, words: Argv) -> Said {
        let output = bench.run(Fetch::SCRIPT, &words, None);
        question.parse(&output).unwrap_or_else(|error| panic!("{}: {error}", bench.name()))
    }

    fn answered(bench: &Workbench, question: &Fetch) -> Response {
        match asked(bench, question) {
            Fetched::Answered(response) => *response,
            other => panic!("{}: {other:?}", bench.name()),
        }
    }

    /// Benches on which only one of the programs is to be found.
    fn benches() -> Vec<(&'static str, Workbench)> {
        let program = |name: &&str| {
            ["/usr/bin", "/bin"].iter().any(|dir| std::path::Path::new(dir).join(name).exists())
        };
        let tools = ["sed", "date", "grep", "cat", "rm", "mktemp"];
        let alone = |name: &'static str| {
            (name, Workbench::with_only(&tools.iter().copied().chain([name]).collect::<Vec<_>>()))
        };
        let mut benches: Vec<_> =
            ["curl", "wget", "perl"].into_iter().filter(|name| program(name)).map(alone).collect();
        benches.extend(Workbench::every_shell().into_iter().map(|bench| ("whatever there is", bench)));
        benches
    }

    #[test]
    fn a_page_comes_whole_with_its_head_whoever_asks() {
        let server = server();
        for (with, bench) in benches() {
            let response = answered(&bench, &fetch(server.port, "/a?b=c&d=%22"));
            assert_eq!((response.status, response.reason.as_str()), (200, "OK"), "{with}");
            assert_eq!(response.header("x-its"), Some("\"here\""), "{with}");
            assert_eq!(String::from_utf8_lossy(&response.body), "HTTP/1.1 is\n\u{e9}\n", "{with}");
            let dropped = answered(&bench, &Fetch { body: Body::Dropped, ..fetch(server.port, "/new") });
            assert!(dropped.body.is_empty() && dropped.status == 200, "{with}");
            let head = answered(&bench, &changed(fetch(server.port, "/new"), |r| r.method = "HEAD".into()));
            assert!(head.status == 200 && head.body.is_empty(), "{with}: {head:?}");
        }
    }

    #[test]
    fn an_error_is_an_answer_and_silence_is_none() {
        let server = server();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for (with, bench) in benches() {
            let response = answered(&bench, &fetch(server.port, "/wrong"));
            assert_eq!(response.status, 503, "{with}");
            let Fetched::Failed { why, .. } = asked(&bench, &fetch(free, "/")) else { panic!("{with}") };
            // Each in its own words: curl's are "Couldn't connect to server".
            let said = ["refused", "connect"].iter().any(|word| why.to_lowercase().contains(word));
            assert!(said, "{with}: {why}");
        }
    }

    #[test]
    fn a_page_that_moved_is_followed_or_told() {
        let server = server();
        for (with, bench) in benches() {
            let stays = Leniency { redirects: false, ..Leniency::default() };
            if bench.name() != "busybox" {
                let response = answered(&bench, &changed(fetch(server.port, "/old"), |r| r.leniency = stays));
                assert_eq!((response.status, response.redirects), (302, 0), "{with}");
            }
            match asked(&bench, &fetch(server.port, "/old")) {
                Fetched::Answered(response) => {
                    assert_eq!((response.status, response.redirects), (200, 1), "{with}")
                }
                Fetched::Unable(why) => {
                    assert!(with == "perl" && why.contains("neither curl nor wget"), "{with}: {why}")
                }
                other => panic!("{with}: {other:?}"),
            }
        }
    }

    #[test]
    fn where_the_host_goes_nowhere_it_says_where_it_is_sent() {
        let server = server();
        for (with, bench) in benches() {
            for (path, place) in [("/away", "http://192.0.2.1:9/x".to_owned()), ("/old", server.url("/new"))]
            {
                while server.heard.try_recv().is_ok() {}
                let question = fetch(server.port, path);
                let expected = match (with, bench.name()) {
                    ("perl", _) => None,
                    _ => Some(Said::SentOn(place)),
                };
                let came = said(&bench, &question, nearby(&question.args()));
                if bench.name() == "busybox" {
                    // Its wget goes wherever it is sent, so nobody is asked.
                    assert!(matches!(came, Said::Later(_)) && server.heard.try_recv().is_err(), "{came:?}");
                    continue;
                }
                match expected {
                    Some(expected) => assert_eq!(came, expected, "{with}"),
                    None => assert!(matches!(came, Said::Came(Fetched::Unable(_))), "{with}: {came:?}"),
                }
                assert_eq!(server.heard.iter().take(1).count(), 1);
                assert!(server.heard.try_recv().is_err(), "{with}: it went on");
            }
            if bench.name() == "busybox" {
                continue;
            }
            let question = fetch(server.port, "/new");
            let came = said(&bench, &question, nearby(&question.args()));
            assert!(matches!(came, Said::Came(Fetched::Answered(r)) if r.status == 200), "{with}");
            // Who does not want to be sent on reads what is answered.
            let stays = Leniency { redirects: false, ..Leniency::default() };
            let question = changed(fetch(server.port, "/old"), |r| r.leniency = stays);
            let came = said(&bench, &question, nearby(&question.args()));
            assert!(matches!(came, Said::Came(Fetched::Answered(r)) if r.status == 302), "{with}");
        }
    }

    #[test]
    fn a_place_to_go_is_read_as_browsers_do_and_none_but_the_first_hears_who_we_are() {
        let base = "http://127.0.0.1:80/a/b?c";
        for (place, expected) in [
            ("http://127.0.0.1/x", "http://127.0.0.1/x"),
            ("//evil.test/x", "http://evil.test/x"),
            ("/x", "http://127.0.0.1:80/x"),
            ("?x", "http://127.0.0.1:80/a/b?x"),
            ("x", "http://127.0.0.1:80/a/x"),
            ("@evil.test/", "http://127.0.0.1:80/a/@evil.test/"),
        ] {
            let response = Response {
                status: 302,
                headers: vec![("Location".into(), place.into())],
                ..Response::default()
            };
            assert_eq!(response.sends_on(base).as_deref(), Some(expected), "{place}");
            let bare = response.sends_on("http://127.0.0.1:80").unwrap();
            assert!(bare.starts_with("http://127.0.0.1") || bare == "http://evil.test/x", "{place}: {bare}");
        }
        let headers = ["Authorization: x", "cookie: x", "X-A: b"].map(str::to_owned);
        let question = changed(fetch(1, "/a"), |r| r.headers = headers.to_vec());
        assert_eq!(question.sent_on("http://127.0.0.1:1/b").request.headers, headers);
        assert_eq!(question.sent_on("http://127.0.0.1:2/b").request.headers, ["X-A: b"]);
    }

    #[test]
    fn headers_reach_the_server_and_no_argument_list() {
        let server = server();
        for (with_what, bench) in benches().into_iter().filter(|(with, _)| *with != "whatever there is") {
            while server.heard.try_recv().is_ok() {}
            let headers = vec!["Authorization: Bearer \\\"$(id)".to_owned(), "Host: example.org".to_owned()];
            let asks = changed(fetch(server.port, "/new"), |r| {
                r.headers = headers;
                r.agent = "me/1".into();
            });
            answered(&bench, &asks);
            let request = server.heard.recv().unwrap();
            assert!(request.contains("Authorization: Bearer \\\"$(id)\r\n"), "{with_what}: {request}");
            assert_eq!(request.matches("Host:").count(), 1, "{with_what}: {request}");
            assert!(request.contains("Host: example.org\r\n"), "{with_what}: {request}");
            assert!(request.contains("User-Agent: me/1\r\n"), "{with_what}: {request}");
        }
    }

    #[test]
    fn a_body_is_sent_as_it_is_whoever_sends_it() {
        let server = server();
        const SENT: &str = "a=1&b='\"$(id)\\ \u{e9}\nend";
        let send = Script { name: "test_send", text: SEND };
        for (with_what, bench) in benches() {
            if bench.name() == "busybox" {
                continue;
            }
            for method in ["POST", "DELETE"] {
                while server.heard.try_recv().is_ok() {}
                let mut request = request(server.port, "/new");
                request.method = method.into();
                request.headers = vec!["Content-Type: text/x".into()];
                let words = Argv::from(request.words("-", true));
                let output = bench.run(send, &words, Some(&crate::model::Content::new(SENT.as_bytes())));
                let Fetched::Answered(response) = request.read(&output, Body::Wanted).unwrap() else {
                    panic!("{with_what}: {output:?}")
                };
                assert_eq!((response.status, output.status), (200, 0), "{with_what}");
                let heard = server.heard.recv().unwrap();
                assert!(heard.starts_with(&format!("{method} /new HTTP/1.")), "{with_what}: {heard}");
                assert!(heard.contains("\r\n\r\n") && heard.ends_with(SENT), "{with_what}: {heard}");
                assert!(heard.contains("Content-Type: text/x\r\n"), "{with_what}: {heard}");
                let asks = Fetch {
                    sends: Some(SENT.into()),
                    ..changed(fetch(server.port, "/new"), |r| r.method = "GET".into())
                };
                answered(&bench, &asks);
                let heard = server.heard.recv().unwrap();
                assert!(heard.starts_with("GET ") && heard.ends_with(SENT), "{with_what}: {heard}");
            }
            let left = std::fs::read_dir(std::env::temp_dir()).unwrap();
            let left =
                left.filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with(".wgops."));
            assert_eq!(left.count(), 0, "{with_what}");
        }
    }

    #[test]
    fn a_host_without_any_of_them_says_so() {
        let bench = Workbench::with_only(&["date"]);
        let Fetched::Unable(why) = asked(&bench, &fetch(1, "/")) else { panic!() };
        assert!(why.contains("no curl, wget or perl"), "{why}");
        let https = changed(fetch(1, "/"), |r| r.url = "https://127.0.0.1/".into());
        assert!(matches!(asked(&bench, &https), Fetched::Unable(why) if why.contains("https")));
    }
}
