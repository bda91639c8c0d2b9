//! Becoming another user, with a stand-in for sudo that says what it was given; the real one is tried in the lab.

use crate::{eval, exited, ssh, sshd::Sshd};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tempfile::TempDir;
use wgops::model::{Become, BecomeMethod, Secret};
use wgops::transport::{End, Request, ShellError};

/// Speaks like sudo: `-n` fails where a password is needed, `-S -p` prompts on stderr and reads a line.
const SUDO: &str = r#"#!/bin/sh
echo "$*" >>"$LOG"
prompt= ask=yes
while :; do
  case $1 in
    -n) ask=no ;;
    -p) prompt=$2; shift ;;
    -u) user=$2; shift ;;
    -H | -S) ;;
    *) break ;;
  esac
  shift
done
echo "[sudo] password for $user: " >&2
echo ":wgops-00000000000000000000000000000000:" >&2
if [ "$MODE" != free ]; then
  [ $ask = yes ] || { echo "sudo: a password is required" >&2; exit 1; }
  for try in 1 2 3; do
    printf %s "$prompt" >&2
    IFS= read -r answer || { echo "sudo: no password was provided" >&2; exit 1; }
    echo "given $answer" >>"$LOG"
    [ "$answer" = "pass'word \$x" ] && break
    echo "Sorry, try again." >&2
    answer=
  done
fi
BECAME=$user exec "$@"
"#;

/// An sshd whose sudo is the stand-in; the folder holds it.
fn start(mode: &str) -> Option<(Sshd, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path();
    let file = bin.join("sudo");
    std::fs::write(&file, SUDO).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let sshd = Sshd::start(&format!("SetEnv PATH={path} MODE={mode} LOG={}/log", bin.display()))?;
    Some((sshd, folder))
}

fn become_(user: &str, password: Option<&str>) -> Become {
    Become {
        method: BecomeMethod::Sudo,
        user: user.into(),
        password: password.map(|p| Secret::new(p.into())),
    }
}

#[tokio::test]
async fn the_password_goes_to_our_prompt_once_and_killed_requests_get_a_new_shell() {
    let Some((sshd, _stand_in)) = start("asks") else { return };
    let session = ssh(&sshd).await;
    let other = become_("deploy", Some("pass'word $x"));
    let mut shell = session.shell(Some(&other)).await.unwrap();
    let slow = Request { deadline: Duration::from_millis(300), ..eval("sleep 1000") };
    let replies = shell
        .exchange(&[eval("echo $BECAME"), slow, eval("grep -c given <$LOG; echo $BECAME")])
        .await
        .unwrap();
    assert_eq!(replies[0], exited(0, b"deploy\n", b""));
    assert!(matches!(replies[1].end, End::TimedOut(_)));
    assert_eq!(replies[2], exited(0, b"2\ndeploy\n", b""));
}

#[tokio::test]
async fn a_wrong_password_is_given_once_and_said() {
    let Some((sshd, _stand_in)) = start("asks") else { return };
    let session = ssh(&sshd).await;
    let Err(error) = session.shell(Some(&become_("deploy", Some("wrong")))).await else {
        panic!("became another")
    };
    assert_eq!(error, ShellError::SudoPasswordWrong { user: "deploy".into() });
    let mut shell = session.shell(None).await.unwrap();
    assert_eq!(
        shell.exchange(&[eval("grep -c 'given wrong' <$LOG")]).await.unwrap(),
        [exited(0, b"1\n", b"")]
    );
}

#[tokio::test]
async fn where_no_password_is_asked_none_is_given_whatever_looks_like_a_prompt() {
    let Some((sshd, _stand_in)) = start("free") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(Some(&become_("www-data", Some("pass'word $x")))).await.unwrap();
    let replies =
        shell.exchange(&[eval("echo $BECAME; cat $LOG | grep -c -e given -e pass; cat")]).await.unwrap();
    assert_eq!(replies, [exited(0, b"www-data\n0\n", b"")]);
}

#[tokio::test]
async fn a_password_that_was_not_given_is_asked_for() {
    let Some((sshd, _stand_in)) = start("asks") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(Some(&become_("deploy", None))).await.unwrap();
    let lost = shell.exchange(&[eval("echo x")]).await.unwrap_err();
    assert!(lost.rest_never_began());
    assert_eq!(lost.to_string(), "sudo needs a password to become deploy");
    assert!(lost.hint().unwrap().contains("--ask-become-pass"));
}

#[tokio::test]
async fn nothing_is_needed_to_become_who_one_is() {
    let Some((sshd, _stand_in)) = start("asks") else { return };
    let session = ssh(&sshd).await;
    let mut shell = session.shell(None).await.unwrap();
    let replies = shell.exchange(&[eval("printf %s \"$(id -un)\"")]).await.unwrap();
    let me = String::from_utf8(replies[0].stdout.clone()).unwrap();
    let mut same = session.shell(Some(&become_(&me, None))).await.unwrap();
    let replies = same.exchange(&[eval("cat $LOG 2>/dev/null; echo x")]).await.unwrap();
    assert_eq!(replies, [exited(0, b"x\n", b"")]);
}
