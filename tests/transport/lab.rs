//! The real sudo and other login shells, on a host of the lab.

use crate::{eval, exited};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use wgops::model::{Become, BecomeMethod, Connection, ConnectionKind, Secret};
use wgops::transport::{End, LostCause, Request, Session, Settings, Shell, ShellError, connect};

async fn log_in(user: &str) -> Session {
    let lab = PathBuf::from(
        std::env::var_os("WGOPS_TEST_LAB").expect("WGOPS_TEST_LAB is not set: run scripts/test"),
    );
    let mut settings = Settings::new("/nonexistent", "nobody");
    settings.ssh_config = Some(lab.join("ssh_config"));
    let connection = Connection {
        kind: ConnectionKind::Ssh,
        address: None,
        port: None,
        user: Some(user.into()),
        private_key: None,
        ssh_args: Vec::new(),
        connect_timeout: Duration::from_secs(20),
    };
    connect(&"h1".parse().unwrap(), &connection, &settings).await.unwrap()
}

fn become_(user: &str, password: Option<&str>) -> Become {
    Become {
        method: BecomeMethod::Sudo,
        user: user.into(),
        password: password.map(|p| Secret::new(p.into())),
    }
}

/// Who one is, something that must be killed, and who one is then.
async fn works(shell: &mut Shell, user: &str) {
    let slow = Request { deadline: Duration::from_millis(500), ..eval("sh -c 'echo $$; sleep 1000'") };
    let flood = Request { output_bytes_max: 1000, ..eval("yes") };
    let begun = Instant::now();
    let replies =
        shell.exchange(&[eval("id -un; pwd"), slow, flood, eval("id -un; echo $HOME")]).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(replies[0].stdout.starts_with(format!("{user}\n").as_bytes()), "{:?}", replies[0]);
    assert!(matches!(replies[1].end, End::TimedOut(_)) && matches!(replies[2].end, End::TooMuchOutput(1000)));
    let home = if user == "root" { "/root".to_owned() } else { format!("/home/{user}") };
    assert_eq!(replies[3], exited(0, format!("{user}\n{home}\n").as_bytes(), b""));
    let pid = String::from_utf8(replies[1].stdout.clone()).unwrap();
    let gone = shell.exchange(&[eval(&format!("test -d /proc/{}", pid.trim()))]).await.unwrap();
    assert_eq!(gone, [exited(1, b"", b"")], "{pid} lives on");
}

#[tokio::test]
#[ignore = "needs the lab: scripts/test"]
async fn every_user_one_may_become_works_and_is_killed_like_any_other() {
    for (login, user, password) in [
        ("ops", None, None),
        ("ops", Some("root"), None),
        ("ops", Some("audit"), None),
        ("ops", Some("root"), Some("not-asked-for")),
        ("opspw", Some("root"), Some("opspw-secret")),
        ("opspw", Some("audit"), Some("opspw-secret")),
        ("fishy", None, None),
        ("fishy", Some("root"), None),
        ("fishy", Some("root"), Some("not-asked-for")),
    ] {
        let session = log_in(login).await;
        let wanted = user.map(|user| become_(user, password));
        let mut shell = session.shell(wanted.as_ref()).await.unwrap();
        works(&mut shell, user.unwrap_or(login)).await;
    }
}

#[tokio::test]
#[ignore = "needs the lab: scripts/test"]
async fn what_sudo_refuses_is_told_apart() {
    let session = log_in("opspw").await;
    let wrong = session.shell(Some(&become_("root", Some("wrong")))).await.err();
    assert_eq!(wrong, Some(ShellError::SudoPasswordWrong { user: "root".into() }));
    let mut none = session.shell(Some(&become_("root", None))).await.unwrap();
    let lost = none.exchange(&[eval("id")]).await.unwrap_err();
    let required = ShellError::SudoPasswordRequired { user: "root".into() };
    assert!(lost.cause == LostCause::NotStarted(required) && lost.rest_never_began(), "{lost}");
    let session = log_in("ops").await;
    let mut nobody = session.shell(Some(&become_("no-such-user", None))).await.unwrap();
    let lost = nobody.exchange(&[eval("id")]).await.unwrap_err();
    let unknown = ShellError::NoUser { user: "no-such-user".into() };
    assert_eq!(lost.cause, LostCause::NotStarted(unknown), "{lost}");
}

#[tokio::test]
#[ignore = "needs the lab: scripts/test"]
async fn the_password_is_in_no_process_of_the_host() {
    let session = log_in("opspw").await;
    let mut root = session.shell(Some(&become_("root", Some("opspw-secret")))).await.unwrap();
    // Builtins compare, so that looking for the password does not put it there.
    let look = "all=$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\000' ' ')
        for word in sudo \"$(echo bcfcj-frperg | tr n-za-m a-z)\"; do case $all in *\"$word\"*) echo seen ;; *) echo unseen ;; esac; done";
    let replies = root.exchange(&[eval(look)]).await.unwrap();
    assert_eq!(replies, [exited(0, b"seen\nunseen\n", b"")]);
}
