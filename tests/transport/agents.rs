//! SSH agents: logging in with their keys, and signatures that `ssh-keygen` agrees with.

use crate::sshd::{Sshd, keygen, public};
use crate::{eval, exited, refusal, try_ssh};
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use wgops::model::Connection;
use wgops::transport::agent::agent_signers;
use wgops::transport::connect;

const DEADLINE: Duration = Duration::from_secs(10);

struct Agent {
    folder: TempDir,
    child: Child,
}

impl Agent {
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(folder.path().join("socket"))
            .stdout(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            eprintln!("skipped: no ssh-agent here");
            return None;
        };
        let agent = Self { folder, child };
        // `ssh-add -l` says 2 while there is no agent.
        while agent.add(&["-l"]).code() == Some(2) {
            std::thread::yield_now();
        }
        Some(agent)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn add(&self, args: &[&str]) -> std::process::ExitStatus {
        let mut command = Command::new("ssh-add");
        command.env("SSH_AUTH_SOCK", self.socket()).args(args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }

    fn load(&self, key: &Path) {
        assert!(self.add(&["-q", key.to_str().unwrap()]).success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn keys_in_the_agent_log_in_also_where_their_file_is_locked() {
    let (Some(sshd), Some(agent)) = (Sshd::start(""), Agent::start()) else { return };
    let mut settings = sshd.settings();
    settings.agent_socket = Some(agent.socket());
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let file = sshd.at(kind);
        keygen(&file, &["-t", kind]);
        std::fs::copy(file.with_extension("pub"), sshd.at("authorized_keys")).unwrap();
        agent.load(&file);
        let session = try_ssh(&sshd, &settings).await.unwrap();
        // It stays here, though this sshd would take it.
        let mut shell = session.shell(None).await.unwrap();
        let said = shell.exchange(&[eval("echo \"agent: ${SSH_AUTH_SOCK-none}\"")]).await.unwrap();
        assert_eq!(said, [exited(0, b"agent: none\n", b"")]);
        let locked = ["-q", "-p", "-P", "", "-N", "secret", "-f"];
        assert!(
            Command::new("ssh-keygen")
                .args(locked)
                .arg(&file)
                .stdout(Stdio::null())
                .status()
                .unwrap()
                .success()
        );
        let by_file = Connection { private_key: Some(file), ..sshd.connection() };
        connect(&"web1".parse().unwrap(), &by_file, &settings).await.unwrap();
    }
    std::fs::write(sshd.at("authorized_keys"), "").unwrap();
    let error = refusal(try_ssh(&sshd, &settings).await);
    assert!(error.to_string().contains("the agent's key test"), "{error}");
}

#[tokio::test]
async fn a_certificate_in_the_agent_or_beside_the_key_logs_in() {
    let (Some(sshd), Some(agent)) = (Sshd::start(""), Agent::start()) else { return };
    let (ca, key) = (sshd.at("ca"), sshd.at("home/.ssh/id_ed25519"));
    keygen(&ca, &["-t", "ed25519"]);
    let user = sshd.settings().login;
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "me", "-n", &user, "-V", "+1h", "-s"])
        .arg(&ca)
        .arg(&key)
        .status();
    assert!(signed.unwrap().success());
    std::fs::write(sshd.at("authorized_keys"), format!("cert-authority {}\n", public(&sshd.at("ca.pub"))))
        .unwrap();
    try_ssh(&sshd, &sshd.settings()).await.unwrap();
    agent.load(&key);

    std::fs::rename(sshd.at("home/.ssh/id_ed25519-cert.pub"), sshd.at("certificate")).unwrap();
    assert!(try_ssh(&sshd, &sshd.settings()).await.is_err());
    let named = Connection {
        ssh_args: vec!["-o".into(), format!("CertificateFile={}", sshd.at("certificate").display())],
        ..sshd.connection()
    };
    connect(&"web1".parse().unwrap(), &named, &sshd.settings()).await.unwrap();

    std::fs::remove_file(&key).unwrap();
    let mut settings = sshd.settings();
    settings.agent_socket = Some(agent.socket());
    try_ssh(&sshd, &settings).await.unwrap();
}

#[test]
fn ssh_keygen_agrees_with_the_agent_s_signatures() {
    let Some(agent) = Agent::start() else { return };
    let at = |name: &str| agent.folder.path().join(name);
    for kind in ["ed25519", "rsa", "ecdsa"] {
        keygen(&at(kind), &["-t", kind]);
        agent.load(&at(kind));
    }
    let signers = agent_signers(&agent.socket(), DEADLINE).unwrap();
    assert_eq!(signers.len(), 3);
    for signer in signers {
        std::fs::write(at("allowed"), format!("alice {}\n", signer.public_key())).unwrap();
        std::fs::write(at("signature"), signer.sign("ledger@wgops", b"entry\n").unwrap()).unwrap();
        let verify = |namespace: &str, message: &str| {
            let mut child = Command::new("ssh-keygen")
                .args(["-Y", "verify", "-I", "alice", "-n", namespace, "-f"])
                .arg(at("allowed"))
                .arg("-s")
                .arg(at("signature"))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(message.as_bytes()).unwrap();
            child.wait().unwrap().success()
        };
        assert!(verify("ledger@wgops", "entry\n"), "{}", signer.public_key());
        assert!(!verify("ledger@wgops", "other\n") && !verify("git", "entry\n"));
    }
}

#[tokio::test]
async fn signing_works_inside_a_runtime_and_says_when_the_key_is_gone() {
    let Some(agent) = Agent::start() else { return };
    let key = agent.folder.path().join("key");
    keygen(&key, &["-t", "ed25519"]);
    agent.load(&key);
    let signer = agent_signers(&agent.socket(), DEADLINE).unwrap().remove(0);
    assert!(signer.sign("n", b"x").unwrap().starts_with("-----BEGIN SSH SIGNATURE-----\n"));
    assert!(agent.add(&["-q", "-D"]).success());
    assert!(signer.sign("n", b"x").unwrap_err().to_string().contains("it declined"));
}

#[test]
fn an_agent_that_is_not_there_or_does_not_answer_is_an_error_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    assert!(agent_signers(&socket, DEADLINE).is_err());
    let _silent = UnixListener::bind(&socket).unwrap();
    let error = agent_signers(&socket, Duration::from_millis(200)).err().unwrap();
    assert!(error.to_string().contains("no answer within 0.2 s"), "{error}");
}
