//! A private sshd on loopback for one test, with keys of its own; ended with the test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use wgops::model::{Connection, ConnectionKind};
use wgops::transport::Settings;

const SSHD: &str = "/usr/sbin/sshd";

pub struct Sshd {
    pub folder: TempDir,
    pub port: u16,
    child: Child,
}

impl Sshd {
    /// Starts one; `None`, said aloud, where there is no sshd.
    pub fn start(more: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() || Command::new("ssh-keygen").arg("-?").output().is_err() {
            eprintln!("skipped: no sshd or ssh-keygen here");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        keygen(&at("host"), &["-t", "ed25519"]);
        std::fs::create_dir_all(at("home/.ssh")).unwrap();
        keygen(&at("home/.ssh/id_ed25519"), &["-t", "ed25519"]);
        std::fs::copy(at("home/.ssh/id_ed25519.pub"), at("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PidFile none\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             MaxStartups 200\nLogLevel VERBOSE\n{more}\n",
            at("host").display(),
            at("authorized_keys").display(),
        );
        std::fs::write(at("sshd_config"), config).unwrap();
        // sshd refuses to start without its empty folder.
        let _ = std::fs::create_dir_all("/run/sshd");
        let mut child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (ready, listening) = std::sync::mpsc::channel();
        let copy = at("log");
        std::thread::spawn(move || {
            use std::io::Write;
            let mut copy = std::fs::File::create(copy).unwrap();
            for line in log.lines().map_while(Result::ok) {
                let _ = writeln!(copy, "{line}");
                if line.contains("Server listening") {
                    let _ = ready.send(());
                }
            }
        });
        listening.recv_timeout(Duration::from_secs(20)).expect("sshd listens");
        let sshd = Self { folder, port, child };
        sshd.know(&sshd.host_key());
        Some(sshd)
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every line that sshd has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.at("log")).unwrap()
    }

    /// The host's public key: type and base64.
    pub fn host_key(&self) -> String {
        public(&self.at("host.pub"))
    }

    /// Makes `~/.ssh/known_hosts` hold one line for this host.
    pub fn know(&self, key: &str) {
        self.known_hosts(&format!("[127.0.0.1]:{} {key}\n", self.port));
    }

    pub fn known_hosts(&self, text: &str) {
        std::fs::write(self.at("home/.ssh/known_hosts"), text).unwrap();
    }

    pub fn settings(&self) -> Settings {
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let mut settings = Settings::new(self.at("home"), String::from_utf8(user).unwrap().trim());
        settings.system = self.at("etc");
        settings
    }

    pub fn connection(&self) -> Connection {
        Connection {
            kind: ConnectionKind::Ssh,
            address: Some("127.0.0.1".into()),
            port: Some(self.port),
            user: None,
            private_key: None,
            ssh_args: Vec::new(),
            connect_timeout: Duration::from_secs(20),
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a key pair.
pub fn keygen(path: &Path, args: &[&str]) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-N", "", "-C", "test", "-f"]).arg(path).args(args).status();
    assert!(made.unwrap().success());
}

/// A public key file's type and base64.
pub fn public(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
