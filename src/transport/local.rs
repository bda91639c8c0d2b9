//! A shell on this machine: a child process in a process group of its own.

use super::ShellError;
use super::channel::{Ending, FarEnd, Inbox};
use super::exchange::Meter;
use super::frame::Stream;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// How long output is still read after the shell has exited; a background process may hold it open for ever.
const AFTER_EXIT: Duration = Duration::from_secs(1);

/// Starts the command and serves its pipe until either end is closed.
pub(super) fn start(
    words: &[String],
    here: Option<&Path>,
    far: FarEnd,
    meter: Arc<Meter>,
) -> Result<impl Future<Output = ()> + use<>, ShellError> {
    let (program, args) = words.split_first().ok_or_else(|| failed("no command"))?;
    let mut command = Command::new(program);
    if let Some(here) = here {
        command.current_dir(here);
    }
    let child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| failed(format!("can't run {program}: {e}")))?;
    Ok(serve(child, far, meter))
}

fn failed(words: impl Into<String>) -> ShellError {
    ShellError::NoShell { words: words.into() }
}

async fn serve(mut child: Child, mut far: FarEnd, meter: Arc<Meter>) {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        let Some(mut stdin) = stdin else { return };
        while let Some(bytes) = far.input.recv().await {
            meter.sent(bytes.len());
            if stdin.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    let read = async {
        tokio::join!(
            drain(stdout, Stream::Out, &far.inbox, &meter),
            drain(stderr, Stream::Err, &far.inbox, &meter)
        )
    };
    let exit = async {
        tokio::pin!(read);
        let status = tokio::select! {
            status = child.wait() => {
                let _ = tokio::time::timeout(AFTER_EXIT, read).await;
                status
            }
            _ = &mut read => child.wait().await,
        };
        far.inbox
            .ended(Ending::Exited(status.ok().and_then(|s| s.code()).and_then(|c| u32::try_from(c).ok())));
    };
    let writing = async {
        tokio::select! {
            () = write => {}
            _ = &mut far.gone => {}
        }
    };
    tokio::pin!(exit);
    tokio::select! {
        () = &mut exit => {}
        () = writing => exit.await,
    }
}

async fn drain(stream: Option<impl AsyncRead + Unpin>, which: Stream, inbox: &Inbox, meter: &Meter) {
    let Some(mut stream) = stream else { return };
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        meter.received(count);
        inbox.feed(which, buffer.get(..count).unwrap_or_default());
    }
}
