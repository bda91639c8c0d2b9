//! Framed shells: output, limits, deadlines, losses; the same over SSH and on this machine.

use crate::sshd::Sshd;
use crate::{CAT, EVAL, SAY, eval, exited, request, ssh};
use std::time::{Duration, Instant};
use wgops::model::{Connection, ConnectionKind, Content};
use wgops::transport::{End, LostCause, OnFailure, Request, Session, Settings, Shell, connect};

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
    connect(&"here".parse().unwrap(), &connection, &Settings::new("/nonexistent", "nobody")).await.unwrap()
}

/// What every shell must do, however it is reached.
async fn behaves(shell: &mut Shell) {
    let replies = shell
        .exchange(&[request(SAY, ["out", "err", "3"]), request(SAY, ["it's $HOME `id` \\ \"x\"\n", "", "0"])])
        .await
        .unwrap();
    assert!(
        replies == [exited(3, b"out", b"err"), exited(0, b"it's $HOME `id` \\ \"x\"\n", b"")],
        "{replies:?}"
    );

    let requests = [
        eval("printf 'a\\000b\\033]52;c;x\\007'"),
        eval("cat; echo $LC_ALL"),
        eval("x=1; exit 255"),
        eval("echo $x"),
    ];
    let replies = shell.exchange(&requests).await.unwrap();
    let expected = [
        exited(0, b"a\0b\x1b]52;c;x\x07", b""),
        exited(0, b"C\n", b""),
        exited(255, b"", b""),
        exited(0, b"\n", b""),
    ];
    assert!(replies == expected, "{replies:?}");

    let nul = shell.exchange(&[request(SAY, ["a\0b", "", "0"]), eval("echo next")]).await.unwrap();
    assert_eq!((nul[0].end, &nul[1]), (End::NotRun, &exited(0, b"next\n", b"")));

    halts(shell).await;
    carries_content(shell).await;
    kills_what_overruns(shell).await;
}

async fn halts(shell: &mut Shell) {
    let halt = |text: &str| Request { on_failure: OnFailure::Halt, ..eval(text) };
    let replies = shell
        .exchange(&[halt("true"), eval("false"), halt("exit 4"), eval("echo never"), halt("echo never")])
        .await;
    let ends: Vec<End> = replies.unwrap().iter().map(|r| r.end).collect();
    assert_eq!(ends, [End::Exited(0), End::Exited(1), End::Exited(4), End::NotRun, End::NotRun]);
    let replies = shell.exchange(&[eval("echo again")]).await.unwrap();
    assert_eq!(replies, [exited(0, b"again\n", b"")]);
}

async fn carries_content(shell: &mut Shell) {
    let bytes: Vec<u8> = (0..5 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let with = |request: Request, bytes: &[u8]| Request { content: Some(Content::new(bytes)), ..request };
    let big = Request { output_bytes_max: 6 << 20, ..with(request(CAT, []), &bytes) };
    let small = with(request(CAT, []), &bytes[..100_000]);
    let unread = with(eval("echo unread"), &bytes);
    let empty = with(eval("cat; echo empty"), b"");
    let source = with(eval("head -c 3; exit 7"), &b"x\necho this is no source\n".repeat(100_000));
    let replies = shell.exchange(&[big, small, unread, empty, source, eval("echo next")]).await.unwrap();
    let expected = [
        exited(0, &bytes, b""),
        exited(0, &bytes[..100_000], b""),
        exited(0, b"unread\n", b""),
        exited(0, b"empty\n", b""),
        exited(7, b"x\ne", b""),
        exited(0, b"next\n", b""),
    ];
    assert!(replies == expected, "{replies:?}");

    let halt = Request { on_failure: OnFailure::Halt, ..eval("false") };
    let replies = shell.exchange(&[halt, with(request(CAT, []), &bytes), eval("echo never")]).await.unwrap();
    assert_eq!((replies[1].end, replies[2].end), (End::NotRun, End::NotRun));

    let stuck = Request { deadline: Duration::from_millis(300), ..with(eval("sleep 1000"), &bytes) };
    let replies = shell.exchange(&[stuck, eval("echo next")]).await.unwrap();
    assert!(matches!(replies[0].end, End::TimedOut(_)), "{replies:?}");
    assert_eq!(replies[1], exited(0, b"next\n", b""));
}

async fn kills_what_overruns(shell: &mut Shell) {
    let short = |text: &str| Request { deadline: Duration::from_millis(300), ..eval(text) };
    let replies = shell.exchange(&[short("sh -c 'echo $$; sleep 1000'")]).await.unwrap();
    let pid = String::from_utf8(replies[0].stdout.clone()).unwrap();
    // A zombie is dead; who was to bury it is none of our business.
    let gone = shell.exchange(&[eval(&format!("ps -o stat= -p {} | grep -v Z", pid.trim()))]).await.unwrap();
    assert_eq!(gone, [exited(1, b"", b"")], "{pid} lives on");

    let begun = Instant::now();
    let replies = shell
        .exchange(&[
            eval("echo 1"),
            short("echo some; exec sleep 1000"),
            eval("echo 3"),
            short("while echo drip; do sleep 0.05; done"),
            eval("echo 5"),
        ])
        .await
        .unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(replies[0], exited(0, b"1\n", b""));
    assert_eq!(
        (replies[1].end, replies[1].stdout.as_slice()),
        (End::TimedOut(Duration::from_millis(300)), b"some\n".as_slice())
    );
    assert_eq!(replies[2], exited(0, b"3\n", b""));
    assert!(matches!(replies[3].end, End::TimedOut(_)) && replies[3].stdout.starts_with(b"drip\n"));
    assert_eq!(replies[4], exited(0, b"5\n", b""));

    let small = |text: &str| Request { output_bytes_max: 1000, ..eval(text) };
    let replies = shell
        .exchange(&[small("yes"), eval("echo 2"), small("yes >&2"), small("head -c 1000 /dev/zero")])
        .await
        .unwrap();
    assert_eq!((replies[0].end, replies[0].stdout.len()), (End::TooMuchOutput(1000), 1000));
    assert_eq!(replies[1], exited(0, b"2\n", b""));
    assert_eq!((replies[2].end, replies[2].stderr.len()), (End::TooMuchOutput(1000), 1000));
    assert_eq!((replies[3].end, replies[3].stdout.len()), (End::Exited(0), 1000));

    // What ends by itself soon enough is not killed: the shell stays the same.
    let replies =
        shell.exchange(&[eval("echo $$"), small("head -c 5000 /dev/zero"), eval("echo $$")]).await.unwrap();
    assert_eq!((replies[1].end, replies[1].stdout.len()), (End::TooMuchOutput(1000), 1000));
    assert_eq!(replies[0], replies[2]);

    let halt = Request { on_failure: OnFailure::Halt, ..short("sleep 1000") };
    let replies = shell.exchange(&[halt, eval("echo never")]).await.unwrap();
    assert_eq!(replies[1].end, End::NotRun);
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
}

#[tokio::test]
async fn a_shell_over_ssh_behaves() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    behaves(&mut shell).await;
    let traffic = session.traffic();
    assert!(
        traffic.exchanges >= 9 && traffic.bytes_sent > 5 << 20 && traffic.bytes_received > 5 << 20,
        "{traffic:?}"
    );
    drop(shell);
    session.close().await;
}

#[tokio::test]
async fn every_login_shell_will_do() {
    for shell in ["/bin/bash", "/usr/bin/tcsh", "/usr/bin/fish", "/bin/dash"] {
        if !std::path::Path::new(shell).exists() {
            eprintln!("skipped: no {shell} here");
            continue;
        }
        // The account's own shell runs this, and this runs the command as a login shell of that kind would.
        let Some(sshd) = Sshd::start(&format!(
            "ForceCommand echo noise; echo noise >&2; {shell} -c \"$SSH_ORIGINAL_COMMAND\""
        )) else {
            return;
        };
        let session = ssh(&sshd).await;
        let mut sh = session.shell(None).await.unwrap();
        let replies = sh.exchange(&[request(SAY, ["it's", "!", "0"])]).await.unwrap();
        assert_eq!(replies, [exited(0, b"it's", b"!")], "{shell}");
    }
}

#[tokio::test]
async fn a_gigabyte_of_output_is_read_with_little_memory_and_harms_no_other_shell() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let (mut a, mut b) = (session.shell(None).await.unwrap(), session.shell(None).await.unwrap());
    let flood = Request {
        output_bytes_max: 1 << 16,
        deadline: Duration::from_secs(120),
        ..eval("yes | head -c 1073741824")
    };
    let flood = [flood];
    let (flooded, other) = tokio::join!(a.exchange(&flood), async {
        let mut worst = Duration::ZERO;
        for _ in 0..20 {
            let begun = Instant::now();
            assert_eq!(b.exchange(&[eval("echo here")]).await.unwrap(), [exited(0, b"here\n", b"")]);
            worst = worst.max(begun.elapsed());
        }
        worst
    });
    assert_eq!(flooded.unwrap()[0].end, End::TooMuchOutput(1 << 16));
    assert!(other < Duration::from_secs(5), "{other:?}");
    assert_eq!(a.exchange(&[eval("echo fine")]).await.unwrap(), [exited(0, b"fine\n", b"")]);
}

#[tokio::test]
async fn a_shell_that_nobody_listens_to_blocks_no_other() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let (mut a, mut b) = (session.shell(None).await.unwrap(), session.shell(None).await.unwrap());
    // What stays behind writes on, while nobody asks this shell anything.
    a.exchange(&[eval("head -c 50000000 /dev/zero & echo started")]).await.unwrap();
    assert_eq!(b.exchange(&[eval("echo here")]).await.unwrap(), [exited(0, b"here\n", b"")]);
}

#[tokio::test]
async fn sixty_four_mebibytes_travel_without_the_host_s_memory() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    let bytes: Vec<u8> = (0..64 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let digest = wgops::model::Digest::of(&bytes).hex();
    let asked = Request {
        content: Some(Content::new(bytes)),
        deadline: Duration::from_secs(60),
        ..eval("sha256sum")
    };
    let memory = eval("grep VmHWM /proc/$$/status | tr -dc 0-9");
    let replies = shell.exchange(&[asked, memory]).await.unwrap();
    assert_eq!(replies[0], exited(0, format!("{digest}  -\n").as_bytes(), b""));
    let kibibytes: u64 = String::from_utf8_lossy(&replies[1].stdout).parse().unwrap();
    assert!(kibibytes < 20_000, "the shell took {kibibytes} KiB");
}

#[tokio::test]
async fn content_whose_reader_is_cut_off_is_never_taken_for_source() {
    let session = local().await;
    let mut shell = session.shell(None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let text = format!("touch {}\n", made.display()).repeat(20_000);
    // Kills the `head` that feeds it, of all that read on the shell's behalf, as soon as it is there.
    let kill = "until [ -n \"$hit\" ]; do for p in /proc/[0-9]*; do
        case $(tr '\\000' ' ' <$p/cmdline) in 'head -c LENGTH ') kill -KILL ${p#/proc/} && hit=yes ;; esac
        done; done 2>/dev/null; cat >/dev/null; sleep 20";
    let kill = kill.replace("LENGTH", &text.len().to_string());
    let asked = Request { content: Some(Content::new(text.into_bytes())), ..eval(&kill) };
    let lost = shell.exchange(&[asked, eval("echo next")]).await.unwrap_err();
    assert!(matches!(lost.cause, LostCause::Shell(_)), "{lost}");
    assert!(!made.exists());
}

#[tokio::test]
async fn many_requests_travel_together_in_both_directions_at_once() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    let bytes = vec![b'x'; 1 << 20];
    let requests: Vec<Request> = (0..20)
        .map(|_| Request {
            content: Some(Content::new(bytes.clone())),
            output_bytes_max: 3 << 20,
            ..eval("cat; head -c 1048576 /dev/zero")
        })
        .collect();
    let replies = shell.exchange(&requests).await.unwrap();
    assert!(
        replies.len() == 20 && replies.iter().all(|r| r.end == End::Exited(0) && r.stdout.len() == 2 << 20)
    );
}

#[tokio::test]
async fn twenty_shells_of_twenty_connections_work_side_by_side() {
    let Some(sshd) = Sshd::start("") else { return };
    let settings = sshd.settings();
    let one = async |number: usize| {
        let session = crate::try_ssh(&sshd, &settings).await.unwrap();
        let mut shell = session.shell(None).await.unwrap();
        let replies = shell.exchange(&[request(SAY, [&number.to_string(), "", "0"])]).await.unwrap();
        assert_eq!(replies[0].stdout, number.to_string().as_bytes());
        session.close().await;
    };
    let numbers: Vec<usize> = (0..20).collect();
    let mut all: Vec<_> = numbers.iter().map(|n| Box::pin(one(*n))).collect();
    std::future::poll_fn(|cx| {
        all.retain_mut(|f| f.as_mut().poll(cx).is_pending());
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_no_failed_command() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    // The parent of the shell is sshd's process for this connection.
    let lost = shell
        .exchange(&[eval("echo first"), eval("sleep 0.5; kill -KILL $PPID; sleep 20"), eval("echo never")])
        .await
        .unwrap_err();
    assert_eq!(lost.replies, [exited(0, b"first\n", b"")]);
    assert!(matches!(lost.cause, LostCause::Connection(_)) && !lost.rest_never_began(), "{lost}");
    let again = shell.exchange(&[eval("echo again")]).await.unwrap_err();
    assert!(matches!(again.cause, LostCause::Connection(_)) && again.replies.is_empty());
}

#[tokio::test]
async fn a_reply_counts_for_no_other_request_than_its_own() {
    // One that says another number, and one that is lost: the next one would be taken for it.
    for edit in [r"s/^\([0-9a-f]\{32\}\) 2 /\1 1 /", r"/^[0-9a-f]\{32\} 1 /d"] {
        let through = format!("sed -u '{edit}'");
        let force = format!(
            "ForceCommand {{ sh -c \"$SSH_ORIGINAL_COMMAND\" 2>&1 >&3 | {through} >&2; }} 3>&1 | {through}"
        );
        let Some(sshd) = Sshd::start(&force) else { return };
        let session = ssh(&sshd).await;
        let mut shell = session.shell(None).await.unwrap();
        let lost =
            shell.exchange(&[eval("echo one"), eval("echo two"), eval("echo three")]).await.unwrap_err();
        assert!(matches!(lost.cause, LostCause::Shell(_)), "{edit}: {lost}");
        assert!(
            lost.replies.iter().all(|reply| *reply == exited(0, b"one\n", b"")) && lost.replies.len() < 2,
            "{edit}: {lost}"
        );
        assert!(shell.exchange(&[eval("echo again")]).await.is_err(), "{edit}");
    }
}

#[tokio::test]
async fn a_shell_that_ends_is_told_from_a_connection_that_breaks() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    let lost = shell.exchange(&[eval("kill -KILL $$")]).await.unwrap_err();
    assert!(matches!(lost.cause, LostCause::Shell(_)), "{lost}");
    let mut other = session.shell(None).await.unwrap();
    assert_eq!(other.exchange(&[eval("echo alive")]).await.unwrap(), [exited(0, b"alive\n", b"")]);
}

#[tokio::test]
async fn a_host_that_falls_silent_is_noticed() {
    let Some(sshd) = Sshd::start("") else { return };
    let mut settings = sshd.settings();
    settings.keepalive = Duration::from_millis(300);
    let session = crate::try_ssh(&sshd, &settings).await.unwrap();
    let mut shell = session.shell(None).await.unwrap();
    let pid = shell.exchange(&[eval("echo $PPID")]).await.unwrap().remove(0).stdout;
    let pid = String::from_utf8(pid).unwrap();
    let signal = |name: &str| std::process::Command::new("kill").args([name, pid.trim()]).status().unwrap();
    assert!(signal("-STOP").success());
    let begun = Instant::now();
    let lost = shell.exchange(&[eval("echo x")]).await.unwrap_err();
    signal("-KILL");
    assert!(
        matches!(&lost.cause, LostCause::Connection(words) if words.contains("stopped answering")),
        "{lost}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_session_that_is_dropped_leaves_nothing_behind() {
    let Some(sshd) = Sshd::start("") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    let pid = shell.exchange(&[eval("echo $PPID")]).await.unwrap().remove(0).stdout;
    let process = format!("/proc/{}", String::from_utf8(pid).unwrap().trim());
    assert!(std::path::Path::new(&process).exists());
    drop((shell, session));
    let begun = Instant::now();
    while std::path::Path::new(&process).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "sshd still serves the connection");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn no_login_shell_is_said_with_the_host_s_words() {
    let Some(sshd) = Sshd::start("ForceCommand echo 'This account is currently not available.'; exit 1")
    else {
        return;
    };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    let lost = shell.exchange(&[eval("echo x")]).await.unwrap_err();
    assert!(lost.rest_never_began());
    assert_eq!(lost.to_string(), "no shell: This account is currently not available.");
}

#[tokio::test]
async fn marks_and_content_are_in_no_argument_list_and_no_environment() {
    let session = local().await;
    let mut shell = session.shell(None).await.unwrap();
    let look =
        "cat >/dev/null; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\000' '\\n'; env";
    let canary = format!("canary-{}", std::process::id());
    let asked = Request {
        content: Some(Content::new(canary.clone().into_bytes())),
        output_bytes_max: 64 << 20,
        ..request(EVAL, [look])
    };
    let reply = shell.exchange(&[asked]).await.unwrap().remove(0);
    let seen = String::from_utf8_lossy(&reply.stdout);
    assert!(seen.contains("PATH=") && !seen.contains(&canary));
    let hexadecimal = |word: &str| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
    let marks = seen
        .lines()
        .filter(|l| l.starts_with("wgops") || l.contains("echo "))
        .flat_map(|l| l.split(|c: char| !c.is_alphanumeric()));
    assert_eq!(marks.filter(|w| hexadecimal(w)).count(), 0);
}
