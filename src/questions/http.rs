//! Asking a URL on the host, with what the host has: curl, else wget, else for plain http perl, which is part of every
//! Debian. Nothing is sent but GET and HEAD.
//!
//! What answers is printed as it came: curl and perl print the headers before the body, wget the headers on standard
//! error. The first line says which of them it was.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};
use std::time::Duration;

/// Asks a URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetch {
    /// GET or HEAD.
    pub method: &'static str,
    /// Where; http or https.
    pub url: String,
    /// How long at most.
    pub limit: Duration,
    /// What may be let pass on the way.
    pub leniency: Leniency,
    /// Whether the body is wanted.
    pub body: Body,
    /// Lines of the head, `Name: value`.
    pub headers: Vec<String>,
}

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
    type Answer = Fetched;
    const SCRIPT: Script = Script { name: "fetch_url", text: include_str!("http/fetch.sh") };

    fn args(&self) -> Argv {
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let mut args = vec![self.method.to_owned(), self.url.clone(), self.limit.as_secs().to_string()];
        args.push(yes(!self.leniency.any_certificate));
        args.push(yes(self.leniency.redirects));
        args.push(yes(self.body == Body::Wanted && self.method != "HEAD"));
        args.extend(self.headers.iter().cloned());
        args.into()
    }

    fn reads(&self) -> Subjects {
        Subjects::Undeclared
    }

    fn cost(&self) -> Cost {
        const SPARE: Duration = Duration::from_secs(30);
        // wget's limit is for each step of its way.
        Cost::Costly { deadline: self.limit.saturating_mul(3) + SPARE }
    }

    fn parse(&self, output: &Output) -> Result<Fetched, ParseError> {
        let wrong = || ParseError::new("what 'curl', 'wget' or 'perl' says, or 'unable'", output);
        let (tool, rest) = split_line(&output.stdout).ok_or_else(wrong)?;
        let errors = output.error_text();
        let elapsed = errors.lines().rev().find_map(|line| line.strip_prefix("elapsed ")?.parse().ok());
        let elapsed = elapsed.unwrap_or_default();
        let response = match tool.as_slice() {
            b"curl" => curl(rest),
            // A head whose body never came, or not all of it.
            b"wget" => {
                wget(&self.url, rest, &errors).filter(|response| output.status == 0 || response.status >= 300)
            }
            b"perl" => perl(&self.url, rest),
            text => {
                let text = String::from_utf8_lossy(text);
                return text
                    .strip_prefix("unable ")
                    .map(|why| Fetched::Unable(why.to_owned()))
                    .ok_or_else(wrong);
            }
        };
        let Some(mut response) = response else { return Ok(Fetched::Failed { why: why(&errors), elapsed }) };
        let sent_on = tool == b"perl" && self.leniency.redirects && matches!(response.status, 301..=308);
        if sent_on {
            let why = "it is sent elsewhere, and this host has neither curl nor wget to go there".to_owned();
            return Ok(Fetched::Unable(why));
        }
        if self.body == Body::Dropped || self.method == "HEAD" {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server of one page that moved, and what it was sent.
    struct Server {
        port: u16,
        heard: std::sync::mpsc::Receiver<String>,
    }

    fn server() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (says, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
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

    fn fetch(port: u16, path: &str) -> Fetch {
        Fetch {
            method: "GET",
            url: format!("http://127.0.0.1:{port}{path}"),
            limit: Duration::from_secs(5),
            leniency: Leniency { any_certificate: false, redirects: true },
            body: Body::Wanted,
            headers: Vec::new(),
        }
    }

    fn asked(bench: &Workbench, question: &Fetch) -> Fetched {
        let output = bench.run(Fetch::SCRIPT, &question.args(), None);
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
        let alone = |name: &'static str| (name, Workbench::with_only(&[name, "sed", "date", "grep"]));
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
            let head = answered(&bench, &Fetch { method: "HEAD", ..fetch(server.port, "/new") });
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
                let response = answered(&bench, &Fetch { leniency: stays, ..fetch(server.port, "/old") });
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
    fn headers_reach_the_server_and_no_argument_list() {
        let server = server();
        for (with, bench) in benches().into_iter().filter(|(with, _)| *with == "curl" || *with == "perl") {
            while server.heard.try_recv().is_ok() {}
            let headers = vec!["Authorization: Bearer \\\"$(id)".to_owned(), "Host: example.org".to_owned()];
            answered(&bench, &Fetch { headers, ..fetch(server.port, "/new") });
            let request = server.heard.recv().unwrap();
            assert!(request.contains("Authorization: Bearer \\\"$(id)\r\n"), "{with}: {request}");
            assert_eq!(request.matches("Host:").count(), 1, "{with}: {request}");
            assert!(request.contains("Host: example.org\r\n"), "{with}: {request}");
        }
    }

    #[test]
    fn a_host_without_any_of_them_says_so() {
        let bench = Workbench::with_only(&["date"]);
        let Fetched::Unable(why) = asked(&bench, &fetch(1, "/")) else { panic!() };
        assert!(why.contains("no curl, wget or perl"), "{why}");
        let https = Fetch { url: "https://127.0.0.1/".into(), ..fetch(1, "/") };
        assert!(matches!(asked(&bench, &https), Fetched::Unable(why) if why.contains("https")));
    }
}
