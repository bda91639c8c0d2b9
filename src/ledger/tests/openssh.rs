//! OpenSSH and we agree on signatures.

use super::*;

fn keygen(arguments: &[&str]) {
    let status = Command::new("ssh-keygen").args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn keygen_verifies(allowed: &Path, name: &str, signature: &Path, message: &Path) -> bool {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-Y", "verify", "-I", name, "-n", LEDGER_NAMESPACE, "-f"])
        .arg(allowed)
        .arg("-s")
        .arg(signature);
    command.stdin(std::fs::File::open(message).unwrap()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().success()
}

#[test]
fn openssh_verifies_what_we_sign_and_we_what_openssh_signs() {
    let kinds: [&[&str]; 5] = [
        &["ed25519"],
        &["rsa", "-b", "2048"],
        &["ecdsa", "-b", "256"],
        &["ecdsa", "-b", "384"],
        &["ecdsa", "-b", "521"],
    ];
    for kind in kinds {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        let mut arguments = vec!["-q", "-N", "", "-f", path.to_str().unwrap(), "-t"];
        arguments.extend(kind);
        keygen(&arguments);
        let signer = FileSigner::open(&path, None).unwrap();
        let people = format!(
            "operators:\n  anna-lena: {{role: lead, nda: {{signed: 2026-01-01}}, keys: [{}]}}\n",
            signer.key().text()
        );
        let roster = parse(&format!("version: 1\ngroup: x\n{people}"));
        let name = "anna-lena";
        let who = Proven {
            operator: name.parse().unwrap(),
            role: crate::model::Role::Lead,
            key: signer.key().clone(),
            signer: Box::new(FileSigner::open(&path, None).unwrap()),
        };
        let ledger = Ledger::open(home.path(), &roster, &who, &[1; 32]).unwrap();
        let nonce = Nonce::from_bytes([1; 32]);
        let stamp =
            Stamp { signer: &signer, now: Timestamp::UNIX_EPOCH, nonce: &nonce, scrub: &|text| text.into() };
        let entry = ledger.append(&intent(1), &stamp).unwrap();
        let allowed = home.path().join("allowed_signers");
        std::fs::write(&allowed, roster.allowed_signers()).unwrap();
        assert!(keygen_verifies(&allowed, name, &signature_of(&entry), &entry.file), "{kind:?}");
        assert!(!keygen_verifies(&allowed, name, &signature_of(&entry), &private_of(&entry)), "{kind:?}");
        assert!(!keygen_verifies(&allowed, "alice", &signature_of(&entry), &entry.file), "{kind:?}");

        std::fs::remove_file(signature_of(&entry)).unwrap();
        keygen(&[
            "-q",
            "-Y",
            "sign",
            "-f",
            path.to_str().unwrap(),
            "-n",
            LEDGER_NAMESPACE,
            entry.file.to_str().unwrap(),
        ]);
        let report = Record::read(home.path(), None).unwrap().verify(&roster, &Heads::default());
        assert_eq!((report.breaks, report.entries), (Vec::new(), 1), "{kind:?}");
    }
}
