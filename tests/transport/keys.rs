//! Host keys, logins and ways there: what is refused, and with which words.

use crate::sshd::{Sshd, keygen, public};
use crate::{eval, exited, refusal, ssh, try_ssh};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};
use wgops::transport::{ConnectError, KeyProblem, connect};

fn problem(error: &ConnectError) -> &KeyProblem {
    match error {
        ConnectError::HostKey { problem, .. } => problem,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_before_login_with_the_command_that_adds_it() {
    let Some(sshd) = Sshd::start("") else { return };
    sshd.known_hosts("");
    let error = refusal(try_ssh(&sshd, &sshd.settings()).await);
    assert!(matches!(problem(&error), KeyProblem::Unknown { .. }), "{error}");
    let hint = error.hint().unwrap();
    let command = hint.rsplit_once("only if they are equal: ").unwrap().1;
    assert!(!sshd.log().contains("Accepted") && !sshd.log().contains("user"), "{}", sshd.log());
    assert!(Command::new("sh").arg("-c").arg(command).status().unwrap().success());
    ssh(&sshd).await;
}

#[tokio::test]
async fn changed_and_revoked_host_keys_are_refused() {
    let Some(sshd) = Sshd::start("") else { return };
    keygen(&sshd.at("other"), &["-t", "ed25519"]);
    sshd.know(&public(&sshd.at("other.pub")));
    let error = refusal(try_ssh(&sshd, &sshd.settings()).await);
    assert!(matches!(problem(&error), KeyProblem::Changed { .. }), "{error}");
    let (key, port) = (sshd.host_key(), sshd.port);
    sshd.known_hosts(&format!("[127.0.0.1]:{port} {key}\n@revoked * {key}\n"));
    let error = refusal(try_ssh(&sshd, &sshd.settings()).await);
    assert!(matches!(problem(&error), KeyProblem::Revoked { .. }), "{error}");
}

#[tokio::test]
async fn hashed_names_and_the_ops_repository_s_file_are_understood() {
    let Some(sshd) = Sshd::start("") else { return };
    assert!(
        Command::new("ssh-keygen")
            .args(["-q", "-H", "-f"])
            .arg(sshd.at("home/.ssh/known_hosts"))
            .status()
            .unwrap()
            .success()
    );
    ssh(&sshd).await;
    std::fs::rename(sshd.at("home/.ssh/known_hosts"), sshd.at("known_hosts")).unwrap();
    let mut settings = sshd.settings();
    settings.known_hosts = vec![sshd.at("known_hosts")];
    try_ssh(&sshd, &settings).await.unwrap();
}

#[tokio::test]
async fn the_key_that_is_known_is_the_one_that_is_asked_for() {
    let Some(sshd) = Sshd::start("") else { return };
    keygen(&sshd.at("rsa"), &["-t", "rsa", "-b", "2048"]);
    let both = Sshd::start(&format!("HostKey {}", sshd.at("rsa").display())).unwrap();
    both.know(&public(&sshd.at("rsa.pub")));
    ssh(&both).await;
}

#[tokio::test]
async fn a_host_certificate_is_trusted_by_its_authority_and_only_for_its_names() {
    let Some(first) = Sshd::start("") else { return };
    let ca = first.at("ca");
    keygen(&ca, &["-t", "ed25519"]);
    for (names, validity, expected) in [
        ("127.0.0.1", "+1h", "trusted"),
        ("10.0.0.1", "+1h", "made for 10.0.0.1"),
        ("127.0.0.1", "20200101:20210101", "not valid now"),
    ] {
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-h", "-I", "web1", "-n", names, "-V", validity, "-s"])
            .arg(&ca)
            .arg(first.at("host.pub"))
            .status();
        assert!(signed.unwrap().success());
        let sshd = Sshd::start(&format!(
            "HostKey {}\nHostCertificate {}",
            first.at("host").display(),
            first.at("host-cert.pub").display()
        ))
        .unwrap();
        sshd.known_hosts(&format!("@cert-authority * {}\n", public(&first.at("ca.pub"))));
        match try_ssh(&sshd, &sshd.settings()).await {
            Ok(_) => assert_eq!(expected, "trusted"),
            Err(error) => assert!(error.to_string().contains(expected), "{error}"),
        }
    }
}

#[tokio::test]
async fn a_wrong_key_is_an_authentication_failure_that_names_it() {
    let Some(sshd) = Sshd::start("") else { return };
    keygen(&sshd.at("wrong"), &["-t", "ed25519"]);
    std::fs::copy(sshd.at("wrong"), sshd.at("home/.ssh/id_ed25519")).unwrap();
    let error = refusal(try_ssh(&sshd, &sshd.settings()).await);
    assert!(matches!(&error, ConnectError::Authentication { tried, .. } if tried.len() == 1), "{error}");
    assert!(error.to_string().contains("home/.ssh/id_ed25519"), "{error}");
}

#[tokio::test]
async fn keys_of_every_kind_log_in() {
    let Some(sshd) = Sshd::start("") else { return };
    for kind in [
        ["-t", "rsa", "-b", "2048"],
        ["-t", "ecdsa", "-b", "256"],
        ["-t", "ecdsa", "-b", "521"],
        ["-t", "ed25519", "-a", "4"],
    ] {
        let file = sshd.at(&kind.join(""));
        keygen(&file, &kind);
        std::fs::copy(file.with_extension("pub"), sshd.at("authorized_keys")).unwrap();
        let connection = wgops::model::Connection { private_key: Some(file), ..sshd.connection() };
        connect(&"web1".parse().unwrap(), &connection, &sshd.settings()).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_with_a_passphrase_says_ssh_add() {
    let Some(sshd) = Sshd::start("") else { return };
    let file = sshd.at("locked");
    keygen(&file, &["-t", "ed25519"]);
    assert!(
        Command::new("ssh-keygen")
            .args(["-q", "-p", "-P", "", "-N", "secret", "-f"])
            .arg(&file)
            .status()
            .unwrap()
            .success()
    );
    let connection = wgops::model::Connection { private_key: Some(file.clone()), ..sshd.connection() };
    let error = refusal(connect(&"web1".parse().unwrap(), &connection, &sshd.settings()).await);
    assert!(matches!(error, ConnectError::KeyFile { .. }), "{error}");
    assert_eq!(error.hint(), Some(format!("ssh-add {}", file.display())));
    let connection = wgops::model::Connection { private_key: Some(sshd.at("nowhere")), ..sshd.connection() };
    let error = refusal(connect(&"web1".parse().unwrap(), &connection, &sshd.settings()).await);
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_told_apart_from_silence() {
    let Some(sshd) = Sshd::start("") else { return };
    let host = "web1".parse().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let refused = wgops::model::Connection { port: Some(free), ..sshd.connection() };
    assert!(matches!(
        refusal(connect(&host, &refused, &sshd.settings()).await),
        ConnectError::Refused { .. }
    ));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = Some(silent.local_addr().unwrap().port());
    let limit = Duration::from_millis(300);
    let silent = wgops::model::Connection { port, connect_timeout: limit, ..sshd.connection() };
    let begun = Instant::now();
    let error = refusal(connect(&host, &silent, &sshd.settings()).await);
    assert_eq!(error.to_string(), "web1: the SSH handshake took longer than 0.3 s");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let nowhere =
        wgops::model::Connection { address: Some("no-such-host.invalid".into()), ..sshd.connection() };
    assert!(matches!(
        refusal(connect(&host, &nowhere, &sshd.settings()).await),
        ConnectError::NameNotFound { .. }
    ));
}

#[tokio::test]
async fn a_jump_host_is_passed_and_each_key_on_the_way_is_checked() {
    let (Some(jump), Some(target)) = (Sshd::start(""), Sshd::start("")) else { return };
    // The jump host lets the target's key pair in, so that one home serves both.
    std::fs::copy(target.at("authorized_keys"), jump.at("authorized_keys")).unwrap();
    let line = |sshd: &Sshd| format!("[127.0.0.1]:{} {}\n", sshd.port, sshd.host_key());
    target.known_hosts(&format!("{}{}", line(&jump), line(&target)));
    let through = wgops::model::Connection {
        ssh_args: vec!["-J".into(), format!("127.0.0.1:{}", jump.port)],
        ..target.connection()
    };
    let host = "web1".parse().unwrap();
    let session = connect(&host, &through, &target.settings()).await.unwrap();
    let mut shell = session.shell(None).await.unwrap();
    assert_eq!(shell.exchange(&[eval("echo there")]).await.unwrap(), [exited(0, b"there\n", b"")]);

    // Another host behind it, while this one is connected, needs no second connection to the jump host.
    let settings = target.settings();
    let (a, b) = tokio::join!(connect(&host, &through, &settings), connect(&host, &through, &settings));
    let before = jump.log().matches("Accepted publickey").count();
    let c = connect(&host, &through, &settings).await.unwrap();
    assert_eq!(jump.log().matches("Accepted publickey").count(), before);
    assert_eq!(before, 2, "one for the first session, one for the three that share");
    drop((a.unwrap(), b.unwrap(), c));
    drop(shell);
    session.close().await;

    target.know(&target.host_key());
    let error = refusal(connect(&host, &through, &target.settings()).await);
    assert!(
        error.to_string().starts_with(&format!("web1: jump host 127.0.0.1:{}: unknown host key", jump.port)),
        "{error}"
    );
    assert!(
        matches!(&error, ConnectError::Jump { reason, .. } if matches!(**reason, ConnectError::HostKey { .. })),
        "{error}"
    );

    target.known_hosts(&line(&jump));
    let error = refusal(connect(&host, &through, &target.settings()).await);
    assert!(matches!(problem(&error), KeyProblem::Unknown { .. }), "{error}");
}

#[tokio::test]
async fn ssh_configuration_is_followed() {
    let Some(sshd) = Sshd::start("") else { return };
    keygen(&sshd.at("configured"), &["-t", "ed25519"]);
    std::fs::copy(sshd.at("configured.pub"), sshd.at("authorized_keys")).unwrap();
    std::fs::rename(sshd.at("home/.ssh/known_hosts"), sshd.at("home/kh")).unwrap();
    let config = format!(
        "Host web*\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n UserKnownHostsFile ~/kh\n",
        sshd.port,
        sshd.at("configured").display()
    );
    std::fs::write(sshd.at("home/.ssh/config"), config.replace("~", &sshd.at("home").display().to_string()))
        .unwrap();
    let connection = wgops::model::Connection { address: None, port: None, ..sshd.connection() };
    connect(&"web1".parse().unwrap(), &connection, &sshd.settings()).await.unwrap();
    let by_args = wgops::model::Connection {
        ssh_args: vec!["-o".into(), "HostKeyAlias=prod-web".into(), "-oIdentityFile=/nowhere".into()],
        ..connection
    };
    let error = refusal(connect(&"web1".parse().unwrap(), &by_args, &sshd.settings()).await);
    assert!(
        error.to_string().contains("no such file") || matches!(problem(&error), KeyProblem::Unknown { .. }),
        "{error}"
    );
}
