//! The wire against real shells and a real sshd: what must work, and what must be refused.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, reason = "tests may")]

use std::path::Path;
use std::time::{Duration, Instant};
use wgops::model::{Argv, Connection, ConnectionKind, Content, Script};
use wgops::transport::{End, OnFailure, Reply, Request, Session, Settings, Shell, connect};

const SAY: Script = Script { name: "say", text: "printf '%s' \"$1\"; printf '%s' \"$2\" >&2; exit \"$3\"" };
const CAT: Script = Script { name: "cat", text: "cat" };
const EVAL: Script = Script { name: "eval", text: "eval \"$1\"" };

fn request<const N: usize>(script: Script, args: [&str; N]) -> Request {
    Request {
        script,
        args: Argv::from(args),
        content: None,
        deadline: Duration::from_secs(20),
        output_bytes_max: 1 << 20,
        on_failure: OnFailure::Continue,
    }
}

fn eval(text: &str) -> Request {
    request(EVAL, [text])
}

fn exited(status: u8, stdout: &[u8], stderr: &[u8]) -> Reply {
    Reply { end: End::Exited(status), stdout: stdout.to_vec(), stderr: stderr.to_vec() }
}

async fn local() -> Session {
    let connection = Connection {
        kind: ConnectionKind::Local,
        address: None,
        port: None,
        user: None,
        private_key: None,
        ssh_args: Vec::new(),
        connect_timeout: Duration::from_secs(10),
    };
    let settings = Settings::new("/nonexistent", "nobody");
    connect(&"here".parse().unwrap(), &connection, &settings).await.unwrap()
}

/// What every shell must do, however it is reached.
async fn behaves(shell: &mut Shell) {
    let replies = shell
        .exchange(
            &[
                request(SAY, ["out", "err", "3"]),
                request(SAY, ["it's $HOME `id` \\ \"x\"\n", "", "0"]),
                eval("printf 'a\\000b\\033]52;c;x\\007\\n'; kill -9 $$ & wait"),
            ][..2],
        )
        .await
        .unwrap();
    assert!(
        replies == [exited(3, b"out", b"err"), exited(0, b"it's $HOME `id` \\ \"x\"\n", b"")],
        "{replies:?}"
    );

    let replies = shell
        .exchange(&[
            eval("printf 'a\\000b\\033]52;c;x\\007'"),
            eval("cat; echo $LC_ALL"),
            eval("x=1; exit 255"),
        ])
        .await
        .unwrap();
    assert!(
        replies == [exited(0, b"a\0b\x1b]52;c;x\x07", b""), exited(0, b"C\n", b""), exited(255, b"", b"")],
        "{replies:?}"
    );

    let bytes: Vec<u8> = (0..5 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let big =
        Request { content: Some(Content::new(bytes.clone())), output_bytes_max: 6 << 20, ..request(CAT, []) };
    let replies = shell.exchange(&[big, eval("echo next")]).await.unwrap();
    assert!(replies == [exited(0, &bytes, b""), exited(0, b"next\n", b"")], "{replies:?}");
}

#[tokio::test]
async fn a_local_shell_behaves() {
    let session = local().await;
    let mut shell = session.shell(None).await.unwrap();
    behaves(&mut shell).await;
    drop(shell);
    let begun = Instant::now();
    session.close().await;
    assert!(begun.elapsed() < Duration::from_secs(1));
    let _ = Path::new("/");
}
