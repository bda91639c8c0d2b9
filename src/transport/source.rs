//! The shell source that is sent for requests: the bootstrap, each script once as a function, and calls.

use super::frame::Mark;
use super::{OnFailure, Request, quote};
use crate::model::Script;
use std::collections::{HashMap, VecDeque};

/// Content is written in pieces of this many bytes, so that a large one is never in memory twice.
const CONTENT_PIECE_BYTES: usize = 64 << 10;
/// Smaller pieces are sent together up to about this size.
const CHUNK_BYTES: usize = 128 << 10;

/// What a new shell is told first. Words that user commands see are left as they were, but for two: `LC_ALL` is `C`,
/// so that output can be parsed (what it was is in `wgops_lc_all`, unset if it was; not exported), and `PATH` ends
/// with the places of system commands.
const BOOTSTRAP: &str = r#"set +e +u +f +v +x
unset CDPATH ENV wgops_lc_all wgops_halted
[ -z "${LC_ALL+x}" ] || wgops_lc_all=$LC_ALL
LC_ALL=C; export LC_ALL
for wgops_d in /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin; do
case ":$PATH:" in *":$wgops_d:"*) ;; *) PATH=${PATH:+$PATH:}$wgops_d ;; esac
done
export PATH
case $(command -v printf) in printf) wgops_p=b ;; *) wgops_p=x ;; esac
"#;

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
}

enum Piece<'a> {
    Text(Vec<u8>),
    Content(&'a [u8]),
}

/// Some source, and how many requests are complete once it is sent.
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    pub requests_complete: usize,
}

impl<'a> Source<'a> {
    /// Prepares the source of requests whose numbers begin at `first`.
    pub fn new(requests: &'a [Request], first: u64, mark: &Mark, known: &mut Known) -> Self {
        let mut source = Self { pieces: VecDeque::new() };
        let mut text = Vec::new();
        if !known.bootstrapped {
            known.bootstrapped = true;
            text.extend_from_slice(BOOTSTRAP.as_bytes());
            end(&mut text, mark, 0, "$$:$wgops_p");
        }
        text.extend_from_slice(b"wgops_halted=\n");
        for (index, (number, request)) in (first..).zip(requests).enumerate() {
            source.request(index, request, &mut text, known);
            end(&mut text, mark, number, "$wgops_s");
            if request.on_failure == OnFailure::Halt {
                text.extend_from_slice(b"[ \"$wgops_s\" = 0 ] || wgops_halted=1\n");
            }
            source.pieces.push_back((index + 1, Piece::Text(std::mem::take(&mut text))));
        }
        source
    }

    fn request(&mut self, index: usize, request: &'a Request, text: &mut Vec<u8>, known: &mut Known) {
        if has_nul(request) {
            text.extend_from_slice(b"wgops_s=-\n");
            return;
        }
        let function = known.function(&request.script, text);
        text.extend_from_slice(b"if [ -n \"$wgops_halted\" ]; then wgops_s=-\n");
        if let Some(content) = &request.content {
            text.extend_from_slice(b"elif [ $wgops_p != b ]; then wgops_s=-; echo ");
            quote::word(NO_PRINTF, text);
            text.extend_from_slice(b" >&2\nelse printf '%b' '");
            self.pieces.push_back((index, Piece::Text(std::mem::take(text))));
            self.pieces.push_back((index, Piece::Content(content.bytes())));
            text.extend_from_slice(b"' 2>/dev/null | ");
            call(&function, request, text);
        } else {
            text.extend_from_slice(b"else ");
            call(&function, request, text);
            text.extend_from_slice(b" </dev/null");
        }
        text.extend_from_slice(b"; wgops_s=$?; fi\n");
    }

    /// The next chunk to send.
    pub fn next(&mut self) -> Option<Chunk> {
        let mut chunk = Chunk { bytes: Vec::new(), requests_complete: 0 };
        while chunk.bytes.len() < CHUNK_BYTES {
            let Some((complete, piece)) = self.pieces.front_mut() else { break };
            chunk.requests_complete = *complete;
            match piece {
                Piece::Text(text) => {
                    chunk.bytes.append(text);
                    self.pieces.pop_front();
                }
                Piece::Content(bytes) => {
                    let (now, later) = bytes.split_at(bytes.len().min(CONTENT_PIECE_BYTES));
                    quote::percent_b(now, &mut chunk.bytes);
                    *bytes = later;
                    if later.is_empty() {
                        self.pieces.pop_front();
                    }
                }
            }
        }
        (!chunk.bytes.is_empty()).then_some(chunk)
    }
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
    text.extend_from_slice(function.as_bytes());
    for arg in &request.args.0 {
        text.push(b' ');
        quote::word(arg, text);
    }
}

fn end(text: &mut Vec<u8>, mark: &Mark, number: u64, status: &str) {
    let mark = mark.as_str();
    text.extend_from_slice(
        format!("echo \"{mark} {number} {status}\"; echo \"{mark} {number} .\" >&2\n").as_bytes(),
    );
}

/// Whether an argument holds a NUL byte, which no argument of a process can.
pub(super) fn has_nul(request: &Request) -> bool {
    request.args.0.iter().any(|arg| arg.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Argv, Content};
    use std::time::Duration;

    const SCRIPT: Script = Script { name: "say", text: "echo \"$1\" # a comment" };

    fn request(args: &[&str], content: Option<&[u8]>) -> Request {
        Request {
            script: SCRIPT,
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
    fn what_holds_a_nul_is_never_called() {
        let source = text(&[request(&["a\0b"], None)], &mut Known::default());
        assert!(!source.contains('\0') && source.contains("wgops_s=-\necho"));
    }

    #[test]
    fn large_content_comes_in_several_chunks_of_bounded_size() {
        let requests = [request(&[], Some(&[0xff; 1 << 20])), request(&["last"], None)];
        let mut source = Source::new(&requests, 1, &Mark::random().unwrap(), &mut Known::default());
        let chunks: Vec<Chunk> = std::iter::from_fn(|| source.next()).collect();
        assert!(chunks.len() > 10 && chunks.iter().all(|c| c.bytes.len() < 600 << 10));
        assert_eq!(chunks.last().map(|c| c.requests_complete), Some(2));
        assert_eq!(chunks[0].requests_complete, 0);
    }
}
