//! Which host keys are trusted: the policy over known_hosts files. Pure, but for [`KnownHosts::read`].
//!
//! Stricter than `ssh` in one point: a host that is known by a key of one algorithm and shows only one of another has
//! changed, whoever asks. Nothing is ever added to a file.
//!
//! # Source
//! sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, and `sshconnect.c` for ports and certificates (OpenSSH 9.2).

use super::pattern;
use crate::transport::KeyProblem;
use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};
use sha1::Sha1;
use std::path::Path;
use std::sync::Arc;

/// A known_hosts file.
#[derive(Default)]
pub(in crate::transport) struct KnownHosts {
    lines: Vec<Line>,
}

struct Line {
    /// File and line number.
    place: String,
    marker: Option<Marker>,
    hosts: HostPatterns,
    key: PublicKey,
}

/// By which names a host is looked up.
#[derive(Clone)]
pub(super) struct Names {
    /// `name`, or `[name]:port` where the port is not 22.
    full: String,
    /// The name alone; a line for it counts where none is for the full one.
    bare: String,
}

/// Several files, asked as one.
#[derive(Clone, Default)]
pub(super) struct Trust {
    /// The files' lines, most specific file first.
    pub files: Vec<Arc<KnownHosts>>,
    /// The file that the hint for an unknown key adds to.
    pub add_to: String,
}

impl Names {
    /// A host's names by its address and port.
    pub fn new(address: &str, port: u16) -> Self {
        let bare = address.to_lowercase();
        let full = if port == 22 { bare.clone() } else { format!("[{bare}]:{port}") };
        Self { full, bare }
    }

    /// The name that `HostKeyAlias` gives, whatever the port.
    pub fn alias(alias: &str) -> Self {
        let name = alias.to_lowercase();
        Self { full: name.clone(), bare: name }
    }
}

impl KnownHosts {
    /// Reads a file; one that is missing has no lines. A line that can't be read is left out, as `ssh` does.
    pub fn read(path: &Path) -> std::io::Result<Self> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self::parse(&path.display().to_string(), &String::from_utf8_lossy(&bytes))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(e),
        }
    }

    /// Parses a file's text.
    pub fn parse(file: &str, text: &str) -> Self {
        let mut lines = Vec::new();
        for (number, text) in (1..).zip(text.lines()) {
            let place = format!("{file}:{number}");
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            match Line::parse(text, &place) {
                Some(line) => lines.push(line),
                None => tracing::warn!("{place}: not a known_hosts line, ignored"),
            }
        }
        Self { lines }
    }
}

impl Line {
    fn parse(text: &str, place: &str) -> Option<Self> {
        let mut words = text.split_whitespace().peekable();
        let marker = match words.next_if(|word| word.starts_with('@')) {
            Some(word) => Some(word.parse().ok()?),
            None => None,
        };
        let hosts = words.next()?.parse().ok()?;
        let key = PublicKey::from_openssh(&format!("{} {}", words.next()?, words.next()?)).ok()?;
        Some(Self { place: place.into(), marker, hosts, key })
    }

    fn is_for(&self, name: &str) -> bool {
        match &self.hosts {
            HostPatterns::Patterns(patterns) => {
                pattern::list_matches(patterns.iter().map(String::as_str), name)
            }
            HostPatterns::HashedName { salt, hash } => {
                Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mut mac| {
                    mac.update(name.as_bytes());
                    mac.verify_slice(hash).is_ok()
                })
            }
        }
    }

    fn holds(&self, key: &PublicKey) -> bool {
        self.key.key_data() == key.key_data()
    }
}

impl Trust {
    /// Judges a plain host key.
    pub fn judge(&self, names: &Names, key: &PublicKey) -> Result<(), KeyProblem> {
        self.not_revoked(names, key)?;
        let (fingerprint, algorithm) = (fingerprint(key), key.algorithm().to_string());
        let known = self.known(names);
        if known.iter().any(|line| line.holds(key)) {
            return Ok(());
        }
        match known.first() {
            None => Err(KeyProblem::Unknown { fingerprint, algorithm, command: self.command(names, key) }),
            Some(_) => {
                let line = known.iter().find(|l| l.key.algorithm() == key.algorithm()).or(known.first());
                let (expected, known) =
                    line.map(|l| (self::fingerprint(&l.key), l.place.clone())).unwrap_or_default();
                Err(KeyProblem::Changed { fingerprint, algorithm, expected, known })
            }
        }
    }

    /// Judges a host certificate: by an authority that is trusted for the host, for this host, and valid now.
    /// `now` is in seconds since 1970.
    pub fn judge_certificate(
        &self,
        names: &Names,
        certificate: &Certificate,
        now: u64,
    ) -> Result<(), KeyProblem> {
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let authority = PublicKey::new(certificate.signature_key().clone(), "");
        self.not_revoked(names, &key)?;
        self.not_revoked(names, &authority)?;
        let trusted = self.lines(names, Some(Marker::CertAuthority)).any(|line| line.holds(&authority));
        let Some(reason) = certificate_problem(names, certificate, trusted, now) else { return Ok(()) };
        // As a bare key it may still be known.
        self.judge(names, &key).map_err(|_| KeyProblem::Certificate {
            id: crate::model::printable(certificate.key_id()).into_owned(),
            reason,
        })
    }

    /// Algorithms of the keys that are known for the host, to be asked for first.
    pub fn algorithms(&self, names: &Names) -> Vec<Algorithm> {
        self.known(names).iter().map(|line| line.key.algorithm()).collect()
    }

    /// Fingerprints of the keys that are known for the host.
    pub fn fingerprints(&self, names: &Names) -> Vec<String> {
        self.known(names).iter().map(|line| fingerprint(&line.key)).collect()
    }

    /// Fingerprints of the authorities that are trusted for the host.
    pub fn authorities(&self, names: &Names) -> Vec<String> {
        self.lines(names, Some(Marker::CertAuthority)).map(|line| fingerprint(&line.key)).collect()
    }

    /// Whether an authority is trusted for the host, so that asking for a certificate makes sense.
    pub fn has_authority(&self, names: &Names) -> bool {
        self.lines(names, Some(Marker::CertAuthority)).next().is_some()
    }

    fn not_revoked(&self, names: &Names, key: &PublicKey) -> Result<(), KeyProblem> {
        match self.lines(names, Some(Marker::Revoked)).find(|line| line.holds(key)) {
            None => Ok(()),
            Some(line) => Err(KeyProblem::Revoked {
                fingerprint: fingerprint(key),
                algorithm: key.algorithm().to_string(),
                by: line.place.clone(),
            }),
        }
    }

    /// Plain lines for the host: those for its full name, or where there are none, those for the bare one.
    fn known(&self, names: &Names) -> Vec<&Line> {
        let by = |name: &str| -> Vec<&Line> {
            self.all().filter(|line| line.marker.is_none() && line.is_for(name)).collect()
        };
        let full = by(&names.full);
        if full.is_empty() { by(&names.bare) } else { full }
    }

    fn lines<'a>(&'a self, names: &'a Names, marker: Option<Marker>) -> impl Iterator<Item = &'a Line> {
        self.all().filter(move |line| {
            line.marker == marker && (line.is_for(&names.full) || line.is_for(&names.bare))
        })
    }

    fn all(&self) -> impl Iterator<Item = &Line> {
        self.files.iter().flat_map(|file| &file.lines)
    }

    /// Adds exactly the key whose fingerprint is shown, so that nothing can change between check and adding.
    fn command(&self, names: &Names, key: &PublicKey) -> String {
        let key = PublicKey::new(key.key_data().clone(), "").to_openssh().unwrap_or_default();
        format!(
            "echo {} >> {}",
            shell_word(&format!("{} {}", names.full, key.trim())),
            shell_word(&self.add_to)
        )
    }
}

fn certificate_problem(names: &Names, certificate: &Certificate, trusted: bool, now: u64) -> Option<String> {
    let principals = certificate.valid_principals();
    if !trusted {
        Some("no @cert-authority line for this host has its authority".into())
    } else if certificate.verify_signature().is_err() {
        Some("its signature is wrong".into())
    } else if certificate.cert_type() != CertType::Host {
        Some("it is made for users, not for hosts".into())
    } else if now < certificate.valid_after() || now >= certificate.valid_before() {
        Some("it is not valid now".into())
    } else if !principals.iter().any(|p| pattern::matches(&p.to_lowercase(), &names.bare)) {
        Some(format!(
            "it is made for {}, not for {}",
            crate::model::printable(&principals.join(", ")),
            names.bare
        ))
    } else if !certificate.critical_options().is_empty() {
        Some("it has critical options that wgops does not know".into())
    } else {
        None
    }
}

pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQ8Lpg4gBTkFIeJgfAKFLNxBUVQxX1PykE9nYmcpQkY";
    const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHSepN8VmwHidkoEOPMI/P7DSKyA2WDi+m8dSpCRoS3vdxacN98kwr+KpVnKGO90G3bT/oPVMo7z4HRkML7DG2Q=";

    fn key(text: &str) -> PublicKey {
        PublicKey::from_openssh(text.trim()).unwrap()
    }

    fn trust(text: &str) -> Trust {
        Trust { files: vec![Arc::new(KnownHosts::parse("kh", text))], add_to: "my file".into() }
    }

    fn verdict(text: &str, names: &Names, shown: &str) -> &'static str {
        match trust(text).judge(names, &key(shown)) {
            Ok(()) => "trusted",
            Err(KeyProblem::Unknown { .. }) => "unknown",
            Err(KeyProblem::Changed { .. }) => "changed",
            Err(KeyProblem::Revoked { .. }) => "revoked",
            Err(KeyProblem::Certificate { .. }) => "certificate",
        }
    }

    /// Lines with keys called A, B and E; what is shown; what is said.
    fn check(names: &Names, cases: &[(&str, &str, &str)]) {
        for (lines, shown, expected) in cases {
            let keys = |text: &str| {
                text.replace(" A", &format!(" {A}"))
                    .replace(" B", &format!(" {B}"))
                    .replace(" E", &format!(" {ECDSA}"))
            };
            assert_eq!(
                verdict(&keys(lines), names, &keys(&format!(" {shown}"))),
                *expected,
                "{lines:?} {shown}"
            );
        }
    }

    #[test]
    fn the_policy_for_the_usual_port() {
        let cases = [
            ("", "A", "unknown"),
            ("web1.example.com A", "A", "trusted"),
            ("x,web1.example.com,10.0.0.1\t A\tme # it", "A", "trusted"),
            ("web1.example.com A", "B", "changed"),
            ("web1.example.com A", "E", "changed"),
            ("web1.example.com A\nweb1.example.com E", "E", "trusted"),
            ("web1.example.com A\nweb1.example.com B", "B", "trusted"),
            ("web2.example.com A", "A", "unknown"),
            ("*.example.com A", "A", "trusted"),
            ("web?.example.com A", "B", "changed"),
            ("*.example.com,!web1.* A", "A", "unknown"),
            ("web1.example.com A\n@revoked * A", "A", "revoked"),
            ("web1.example.com A\n@revoked * B", "A", "trusted"),
            ("@cert-authority * A", "A", "unknown"),
            ("[web1.example.com]:2222 A", "A", "unknown"),
            ("rubbish\n@what x A\nweb1.example.com A", "A", "trusted"),
        ];
        check(&Names::new("Web1.example.com", 22), &cases);
    }

    #[test]
    fn the_policy_for_another_port_and_for_an_alias() {
        let cases = [
            ("[web1.example.com]:2222 A", "A", "trusted"),
            ("[web1.example.com]:2222 A", "B", "changed"),
            ("[web1.example.com]:2200 A", "A", "unknown"),
            // The bare name serves only where no line has the port.
            ("web1.example.com A", "A", "trusted"),
            ("web1.example.com A\n[web1.example.com]:2222 B", "A", "changed"),
            ("[web1.example.com]:2222 A\n@revoked web1.example.com A", "A", "revoked"),
        ];
        check(&Names::new("web1.example.com", 2222), &cases);
        check(&Names::alias("prod-web"), &[("[web1.example.com]:2222 B\nprod-web A", "A", "trusted")]);
    }

    #[test]
    fn hashed_names_match_as_ssh_keygen_wrote_them() {
        // `ssh-keygen -H` (OpenSSH 9.2) over "[cvs.example.net]:2222" and "cvs.example.net".
        let text = format!(
            "|1|NkLb3PIVQWoBB1GtKpkRd4ZLGzM=|4RuXzhlRD+lr+EcGIiG9a9tlZ2Y= {A}\n|1|D4zjWq0T7NQ8dltFIPR16K5M0fY=|l/bcjZY2kMPejX+nTipjPX9lSU8= {ECDSA}"
        );
        assert_eq!(verdict(&text, &Names::new("cvs.example.net", 2222), A), "trusted");
        assert_eq!(verdict(&text, &Names::new("cvs.example.net", 2222), B), "changed");
        assert_eq!(verdict(&text, &Names::new("cvs.example.net", 22), ECDSA), "trusted");
        assert_eq!(verdict(&text, &Names::new("svn.example.net", 22), A), "unknown");
    }

    #[test]
    fn the_hint_adds_exactly_the_key_that_was_shown() {
        let Err(problem) = trust("").judge(&Names::new("h", 2222), &key(&format!("{A} comment"))) else {
            unreachable!()
        };
        let hint = problem.hint().unwrap();
        assert!(hint.ends_with(&format!("echo '[h]:2222 {A}' >> 'my file'")), "{hint}");
        assert!(problem.to_string().starts_with("unknown host key SHA256:"));
    }

    #[test]
    fn known_algorithms_are_asked_for_first_and_certificates_only_where_an_authority_is_known() {
        let names = Names::new("h", 22);
        let both = trust(&format!("h {ECDSA}\n@cert-authority h {A}"));
        assert_eq!(both.algorithms(&names), [key(ECDSA).algorithm()]);
        assert!(both.has_authority(&names) && !both.has_authority(&Names::new("other", 22)));
    }
}
