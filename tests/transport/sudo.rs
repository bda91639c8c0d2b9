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
    let root = become_("root", Some("pass'word $x"));
    let mut shell = session.shell(Some(&root)).await.unwrap();
    let slow = Request { deadline: Duration::from_millis(300), ..eval("sleep 1000") };
    let replies = shell
        .exchange(&[eval("echo $BECAME"), slow, eval("grep -c given <$LOG; echo $BECAME")])
        .await
        .unwrap();
    assert_eq!(replies[0], exited(0, b"root\n", b""));
    assert!(matches!(replies[1].end, End::TimedOut(_)));
    assert_eq!(replies[2], exited(0, b"2\nroot\n", b""));
}

#[tokio::test]
async fn a_wrong_password_is_given_once_and_said() {
    let Some((sshd, _stand_in)) = start("asks") else { return };
    let session = ssh(&sshd).await;
    let Err(error) = session.shell(Some(&become_("root", Some("wrong")))).await else {
        panic!("became root")
    };
    assert_eq!(error, ShellError::SudoPasswordWrong { user: "root".into() });
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
    let mut shell = session.shell(Some(&become_("root", None))).await.unwrap();
    let lost = shell.exchange(&[eval("echo x")]).await.unwrap_err();
    assert!(lost.rest_never_began());
    assert_eq!(lost.to_string(), "sudo needs a password to become root");
    assert!(lost.hint().unwrap().contains("--ask-become-pass"));
}
