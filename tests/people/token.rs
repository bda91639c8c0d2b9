//! People whose key never leaves a device: a FIDO token in software, behind an agent's socket, signs rosters, runs and entries.

use crate::group::{Group, said};
use assert_cmd::Command;
use russh::keys::PublicKey;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::public::{KeyData, SkEd25519};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Flags of a token that was touched.
const TOUCHED: u8 = 1;

struct Token {
    pair: Ed25519Keypair,
    public: PublicKey,
}

impl Token {
    fn new() -> Self {
        let pair = Ed25519Keypair::from_seed(&[9; 32]);
        let public = PublicKey::new(KeyData::SkEd25519(SkEd25519::new(pair.public, "ssh:")), "bob@token");
        Self { pair, public }
    }

    /// Answers as an agent does, for as long as the test lasts.
    fn listens_at(self, socket: &Path) {
        let listener = UnixListener::bind(socket).unwrap();
        std::thread::spawn(move || {
            let mut counter = 7;
            for stream in listener.incoming() {
                self.talks(stream.unwrap(), &mut counter);
            }
        });
    }

    fn talks(&self, mut stream: UnixStream, counter: &mut u32) {
        let mut length = [0; 4];
        while stream.read_exact(&mut length).is_ok() {
            let mut message = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut message).unwrap();
            let answer = match message.split_first() {
                Some((11, _)) => self.keys(),
                Some((13, asked)) => {
                    *counter += 1;
                    self.signature(asked, *counter)
                }
                _ => vec![5],
            };
            stream.write_all(&(answer.len() as u32).to_be_bytes()).unwrap();
            stream.write_all(&answer).unwrap();
        }
    }

    fn keys(&self) -> Vec<u8> {
        let mut answer = vec![12];
        answer.extend(1_u32.to_be_bytes());
        text(&mut answer, &self.public.to_bytes().unwrap());
        text(&mut answer, b"bob@token");
        answer
    }

    /// As PROTOCOL.u2f has it: over the application, flags, a counter, and the message, both ends as digests.
    fn signature(&self, mut asked: &[u8], counter: u32) -> Vec<u8> {
        let _key = taken(&mut asked);
        let message = taken(&mut asked);
        let mut signed = Sha256::digest(b"ssh:").to_vec();
        signed.push(TOUCHED);
        signed.extend(counter.to_be_bytes());
        signed.extend(Sha256::digest(message));
        let raw: Signature = self.pair.try_sign(&signed).unwrap();
        let mut signature = Vec::new();
        text(&mut signature, b"sk-ssh-ed25519@openssh.com");
        text(&mut signature, raw.as_bytes());
        signature.push(TOUCHED);
        signature.extend(counter.to_be_bytes());
        let mut answer = vec![14];
        text(&mut answer, &signature);
        answer
    }
}

fn text(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

fn taken<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, behind) = rest.split_at(4);
    let (text, behind) = behind.split_at(u32::from_be_bytes(length.try_into().unwrap()) as usize);
    *rest = behind;
    text
}

#[test]
fn a_token_signs_runs_and_rosters_and_openssh_verifies_both() {
    let group = Group::new();
    let token = Token::new();
    fs::remove_file(group.key("bob")).unwrap();
    fs::write(group.public("bob"), format!("{}\n", token.public.to_openssh().unwrap())).unwrap();
    group.adds("bob");
    group.says("alice", "operators clear bob --nda 2026-01-01 --yes").expect(0, &["in force"]);
    group.says("alice", "operators promote bob --yes").expect(0, &["in force"]);
    let listed = group.says("alice", "operators list").text;
    let pin = listed.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
    let socket = group.folder.path().join("agent");
    let bob = |line: &str| {
        let mut command = group.command("bob");
        command.env("SSH_AUTH_SOCK", &socket).env("WGOPS_IDENTITY", group.public("bob"));
        said(command.args(line.split_whitespace()).args(["--roster-pin", &pin]))
    };
    let run = "run playbooks/touch.yml -i local --allow-dirty";
    // Nobody is at the socket yet.
    let alone = bob(run);
    assert_ne!(alone.code, Some(0), "{}", alone.text);
    assert!(alone.text.contains("key_bob.pub"), "{}", alone.text);
    assert!(!group.made().exists());
    token.listens_at(&socket);
    bob(run).expect(0, &["changed=1"]);
    bob(&format!("operators add sam --key {} --yes", group.public("sam"))).expect(0, &["in force"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    let signers = group.folder.path().join("allowed_signers");
    fs::write(&signers, group.says("alice", "operators export").text).unwrap();
    let chain = group.chains(&group.root(), "bob").pop().unwrap();
    let entries = group.entries(&chain);
    assert_eq!(entries.len(), 3);
    for entry in entries {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-Y", "verify", "-I", "bob", "-n", "ledger@wgops", "-f"]).arg(&signers).arg("-s");
        keygen
            .arg(entry.with_added_extension("sig"))
            .write_stdin(fs::read(&entry).unwrap())
            .assert()
            .success();
    }
}
