//! The shell source that is sent for requests: the bootstrap, each script once as a function, and calls.
//!
//! A shell reads its stdin ahead in blocks, so that nothing it runs may read there: stdin is `/dev/null`, or a pipe from
//! the shell's own `printf`, whose argument is the content. Large content would cost the shell many times its size in
//! memory. It goes raw: the shell says `go` when it has read all that was sent and runs `head`, which then has the
//! stdin to itself; nothing else is sent until the reply is there. Whatever happens to that request, no byte of its
//! content can be taken for source: where `head` ends early the shell is killed.

use super::frame::Mark;
use super::{OnFailure, Request, quote};
use crate::model::{Content, Script};
use std::collections::{HashMap, VecDeque};

/// Content is written in pieces of this many bytes, so that a large one is never in memory twice.
const CONTENT_PIECE_BYTES: usize = 64 << 10;
/// Content up to this size travels in the source.
const INLINE_BYTES_MAX: usize = 256 << 10;
/// Smaller pieces are sent together up to about this size.
const CHUNK_BYTES: usize = 128 << 10;

/// What a new shell is told first. Words that user commands see are left as they were, but for two: `LC_ALL` is `C`,
/// so that output can be parsed (what it was is in `wgops_lc_all`, unset if it was; not exported), and `PATH` ends
/// with the places of system commands.
/// Being sent SIGUSR1 halts the exchange: what runs goes on to its end, what is left is not begun.
const BOOTSTRAP: &str = r#"set +e +u +f +v +x
trap wgops_halted=1 USR1
unset CDPATH ENV wgops_lc_all wgops_halted
[ -z "${LC_ALL+x}" ] || wgops_lc_all=$LC_ALL
LC_ALL=C; export LC_ALL
for wgops_d in /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin; do
case ":$PATH:" in *":$wgops_d:"*) ;; *) PATH=${PATH:+$PATH:}$wgops_d ;; esac
done
export PATH
case $(command -v printf) in printf) wgops_p=b ;; *) wgops_p=x ;; esac
"#;

/// What a gate is told first; its own side is `questions/gate/loop.sh`.
const HELLO: &str = "wgops-ask 1";

/// What a shell without a `printf` of its own says to a request with content.
const NO_PRINTF: &str =
    "wgops: printf is no builtin of this sh, so that content could be seen in the process list";

/// What one shell knows already.
#[derive(Default)]
pub(super) struct Known {
    functions: HashMap<Script, String>,
    bootstrapped: bool,
}

/// Source of an exchange, made piece by piece while it is being sent.
pub(super) struct Source<'a> {
    pieces: VecDeque<(usize, Piece<'a>)>,
    /// The last request that said `go`, and the last that was answered.
    going: u64,
    answered: u64,
}

enum Piece<'a> {
    Text(Vec<u8>),
    /// Content as an argument of `printf`.
    Escaped(&'a [u8]),
    /// Content as it is, once the request asks for it.
    Raw(u64, &'a [u8]),
    /// Nothing more until this request is answered.
    Wait(u64),
}

/// Some source, and how many requests are complete once it is sent.
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    pub requests_complete: usize,
}

impl<'a> Source<'a> {
    /// Prepares the source of requests whose numbers begin at `first`.
    pub fn new(requests: &'a [Request], first: u64, mark: &Mark, known: &mut Known) -> Self {
        let mut source = Self { pieces: VecDeque::new(), going: 0, answered: 0 };
        let mut text = Vec::new();
        if !known.bootstrapped {
            known.bootstrapped = true;
            text.extend_from_slice(BOOTSTRAP.as_bytes());
            text.extend_from_slice(end(mark, 0, "$$:$wgops_p").as_bytes());
            text.push(b'\n');
        }
        text.extend_from_slice(b"wgops_halted=\n");
        for (index, (number, request)) in (first..).zip(requests).enumerate() {
            source.request((index, number), request, &mut text, (mark, known));
        }
        source
    }

    /// The same for a gate, which is sent no source but the digests of questions, and their arguments apart.
    pub fn asking(requests: &'a [Request], first: u64, mark: &Mark, known: &mut Known) -> Self {
        let mut text = Vec::new();
        if !known.bootstrapped {
            known.bootstrapped = true;
            text.extend_from_slice(format!("{HELLO}\n{}\n", mark.as_str()).as_bytes());
        }
        let mut source = Self { pieces: VecDeque::new(), going: 0, answered: 0 };
        for (index, (number, request)) in (first..).zip(requests).enumerate() {
            question(number, request, &mut text);
            source.pieces.push_back((index + 1, Piece::Text(std::mem::take(&mut text))));
        }
        source
    }

    /// All on one line: a shell has read a line to its end before it runs any of it.
    fn request(
        &mut self,
        (index, number): (usize, u64),
        request: &'a Request,
        text: &mut Vec<u8>,
        (mark, known): (&Mark, &mut Known),
    ) {
        let mut raw = None;
        if has_nul(request) {
            text.extend_from_slice(b"wgops_s=-; ");
        } else {
            let function = known.function(&request.script, text);
            text.extend_from_slice(b"if [ -n \"$wgops_halted\" ]; then wgops_s=-; ");
            match request.content.as_ref().map(Content::bytes) {
                None => {
                    text.extend_from_slice(b"else ");
                    call(&function, request, text);
                    text.extend_from_slice(b" </dev/null");
                }
                Some(bytes) if bytes.len() <= INLINE_BYTES_MAX => {
                    text.extend_from_slice(format!("elif [ $wgops_p != b ]; then wgops_s=-; echo '{NO_PRINTF}' >&2; else printf '%b' '").as_bytes());
                    self.pieces.push_back((index, Piece::Text(std::mem::take(text))));
                    self.pieces.push_back((index, Piece::Escaped(bytes)));
                    text.extend_from_slice(b"' 2>/dev/null | ");
                    call(&function, request, text);
                }
                Some(bytes) => {
                    let (mark, length) = (mark.as_str(), bytes.len());
                    text.extend_from_slice(
                        format!("else echo \"{mark} {number} go\"; {{ head -c {length} 2>/dev/null || kill -KILL $$; }} | {{ ").as_bytes(),
                    );
                    call(&function, request, text);
                    text.extend_from_slice(b"; wgops_s=$?; cat >/dev/null; exit $wgops_s; }");
                    raw = Some(bytes);
                }
            }
            text.extend_from_slice(b"; wgops_s=$?; fi; ");
        }
        text.extend_from_slice(end(mark, number, "$wgops_s").as_bytes());
        if request.on_failure == OnFailure::Halt {
            text.extend_from_slice(b"; [ \"$wgops_s\" = 0 ] || wgops_halted=1");
        }
        text.push(b'\n');
        self.pieces.push_back((index + usize::from(raw.is_none()), Piece::Text(std::mem::take(text))));
        if let Some(bytes) = raw {
            self.pieces.push_back((index + 1, Piece::Raw(number, bytes)));
            self.pieces.push_back((index + 1, Piece::Wait(number)));
        }
    }

    /// A request asks for its content.
    pub fn going(&mut self, number: u64) {
        self.going = number;
    }

    /// A request was answered.
    pub fn answered(&mut self, number: u64) {
        self.answered = number;
    }

    /// The next chunk to send; `None` while there is nothing, for now or at all.
    pub fn next(&mut self) -> Option<Chunk> {
        let mut chunk = Chunk { bytes: Vec::new(), requests_complete: 0 };
        while chunk.bytes.len() < CHUNK_BYTES {
            let Some((complete, piece)) = self.pieces.front_mut() else { break };
            let spent = match piece {
                Piece::Text(text) => {
                    chunk.bytes.append(text);
                    true
                }
                Piece::Escaped(bytes) => {
                    quote::percent_b(cut(bytes), &mut chunk.bytes);
                    bytes.is_empty()
                }
                // Answered without having asked: it was halted.
                Piece::Raw(number, _) if self.answered >= *number => true,
                Piece::Raw(number, bytes) if self.going == *number => {
                    chunk.bytes.extend_from_slice(cut(bytes));
                    bytes.is_empty()
                }
                Piece::Wait(number) if self.answered >= *number => true,
                Piece::Raw(..) | Piece::Wait(_) => break,
            };
            let unfinished = !spent && matches!(piece, Piece::Raw(..));
            chunk.requests_complete = complete.saturating_sub(usize::from(unfinished));
            if spent {
                self.pieces.pop_front();
            }
        }
        (!chunk.bytes.is_empty()).then_some(chunk)
    }
}

/// Takes one piece off the front.
fn cut<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let (now, later) = bytes.split_at(bytes.len().min(CONTENT_PIECE_BYTES));
    *bytes = later;
    now
}

impl Known {
    /// The script's function, defined by what is appended to the text if the shell does not know it yet. The number
    /// makes the name unique, and no command is called so.
    fn function(&mut self, script: &Script, text: &mut Vec<u8>) -> String {
        if let Some(name) = self.functions.get(script) {
            return name.clone();
        }
        let readable: String =
            script.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let name = format!("wgops_{}_{readable}", self.functions.len());
        text.extend_from_slice(format!("{name}() (\n{}\n)\n", script.text).as_bytes());
        self.functions.insert(*script, name.clone());
        name
    }
}

fn call(function: &str, request: &Request, text: &mut Vec<u8>) {
    let environment = !request.environment.is_empty();
    if environment {
        text.extend_from_slice(b"( ");
        for (name, value) in request.environment.iter() {
            // Ours stays C, so that output can be parsed; what a user's command sees is kept apart from it.
            let (export, name) = if name == "LC_ALL" { ("", "wgops_lc_all") } else { ("export ", name) };
            text.extend_from_slice(format!("{export}{name}=").as_bytes());
            quote::word(value, text);
            text.extend_from_slice(b"; ");
        }
    }
    text.extend_from_slice(function.as_bytes());
    for arg in &request.args.0 {
        text.push(b' ');
        quote::word(arg, text);
    }
    if environment {
        text.extend_from_slice(b" )");
    }
}

/// What a gate is sent for a request. What it can't be given (content, variables) has the digest of no question, so that it
/// isn't run.
fn question(number: u64, request: &Request, text: &mut Vec<u8>) {
    let is_askable = request.content.is_none() && request.environment.is_empty() && !has_nul(request);
    let digest = if is_askable { request.script.digest().hex() } else { "0".repeat(64) };
    let args: &[String] = if is_askable { &request.args.0 } else { &[] };
    text.extend_from_slice(format!("ask {number} {digest} {}\n", args.len()).as_bytes());
    for arg in args {
        quote::line(arg.as_bytes(), text);
        text.push(b'\n');
    }
}

/// What writes the marks at a request's end.
fn end(mark: &Mark, number: u64, status: &str) -> String {
    let mark = mark.as_str();
    format!("echo \"{mark} {number} {status}\"; echo \"{mark} {number} .\" >&2")
}

/// Whether an argument or a variable holds a NUL byte, which none of a process can.
pub(super) fn has_nul(request: &Request) -> bool {
    let values = request.environment.iter().map(|(_, value)| value);
    request.args.0.iter().map(String::as_str).chain(values).any(|text| text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Argv, Environment};
    use std::time::Duration;

    const SCRIPT: Script = Script { name: "say", text: "echo \"$1\" # a comment" };

    fn request(args: &[&str], content: Option<&[u8]>) -> Request {
        Request {
            script: SCRIPT,
            environment: Environment::default(),
            args: Argv(args.iter().map(ToString::to_string).collect()),
            content: content.map(Content::new),
            deadline: Duration::from_secs(1),
            output_bytes_max: 10,
            on_failure: OnFailure::Continue,
        }
    }

    fn text(requests: &[Request], known: &mut Known) -> String {
        let mut source = Source::new(requests, 1, &Mark::random().unwrap(), known);
        let mut all = Vec::new();
        while let Some(chunk) = source.next() {
            all.extend(chunk.bytes);
        }
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn a_script_is_defined_once_and_then_called() {
        let mut known = Known::default();
        let first = text(&[request(&["a"], None), request(&["it's"], None)], &mut known);
        assert_eq!(first.matches("wgops_0_say() (\necho").count(), 1);
        assert!(first.contains("wgops_0_say 'it'\\''s' </dev/null"));
        let second = text(&[request(&["b"], None)], &mut known);
        assert!(!second.contains("() (") && !second.contains("LC_ALL"));
        assert!(second.contains("wgops_0_say 'b' </dev/null"));
    }

    #[test]
    fn a_gate_is_sent_digests_and_arguments_a_line_each() {
        let mark = Mark::random().unwrap();
        let requests = [request(&["it's\n\\x", ""], None), request(&["secret"], Some(b"content"))];
        let mut known = Known::default();
        let sent = |known: &mut Known| {
            let mut source = Source::asking(&requests, 1, &mark, known);
            String::from_utf8(std::iter::from_fn(|| source.next()).flat_map(|chunk| chunk.bytes).collect())
                .unwrap()
        };
        let asked = format!(
            "ask 1 {} 2\nit\\0047s\\0012\\\\x\n\nask 2 {} 0\n",
            SCRIPT.digest().hex(),
            "0".repeat(64)
        );
        assert_eq!(sent(&mut known), format!("wgops-ask 1\n{}\n{asked}", mark.as_str()));
        assert_eq!(sent(&mut known), asked);
    }

    #[test]
    fn an_environment_is_set_for_its_request_alone() {
        let variables = [("A", "it's"), ("LC_ALL", "de")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        let with = Request {
            environment: Environment::new(variables.into()).unwrap(),
            ..request(&["x"], Some(b"in"))
        };
        let source = text(&[with, request(&["y"], None)], &mut Known::default());
        let set = "| ( export A='it'\\''s'; wgops_lc_all='de'; wgops_0_say 'x' ); wgops_s=$?";
        assert!(source.contains(set), "{source}");
        assert!(source.contains("else wgops_0_say 'y' </dev/null"));
    }

    #[test]
    fn what_holds_a_nul_is_never_called() {
        let source = text(&[request(&["a\0b"], None)], &mut Known::default());
        assert!(
            !source.contains('\0') && source.contains("\nwgops_s=-; echo") && !source.contains("wgops_0")
        );
    }

    #[test]
    fn small_content_is_part_of_the_source_and_large_content_waits_until_it_is_asked_for() {
        let content = vec![0xff; INLINE_BYTES_MAX];
        let larger = vec![0xff; INLINE_BYTES_MAX + 1];
        let requests = [request(&[], Some(&content)), request(&[], Some(&larger)), request(&["last"], None)];
        let mut source = Source::new(&requests, 1, &Mark::random().unwrap(), &mut Known::default());
        let sent = |source: &mut Source<'_>| {
            let chunks: Vec<Chunk> = std::iter::from_fn(|| source.next()).collect();
            assert!(chunks.iter().all(|c| c.bytes.len() < 600 << 10));
            (chunks.iter().map(|c| c.bytes.len()).sum::<usize>(), chunks.last().map(|c| c.requests_complete))
        };
        let (bytes, complete) = sent(&mut source);
        assert!(bytes > 5 * INLINE_BYTES_MAX && complete == Some(1), "{bytes} {complete:?}");
        source.going(2);
        assert_eq!(sent(&mut source), (larger.len(), Some(2)));
        source.answered(2);
        let (bytes, complete) = sent(&mut source);
        assert!(bytes < 1000 && complete == Some(3));
    }

    #[test]
    fn content_that_is_never_asked_for_is_never_sent() {
        let larger = vec![0xff; INLINE_BYTES_MAX + 1];
        let requests = [request(&[], Some(&larger)), request(&["last"], None)];
        let mut source = Source::new(&requests, 1, &Mark::random().unwrap(), &mut Known::default());
        assert!(source.next().is_some() && source.next().is_none());
        source.answered(1);
        let last = source.next().unwrap();
        assert!(last.bytes.len() < 1000 && last.requests_complete == 2);
    }
}
