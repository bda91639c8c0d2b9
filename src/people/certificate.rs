//! OpenSSH user certificates: a person's key, signed by the group's CA for a while. Servers that trust the CA need no list
//! of keys, and forget nobody: a certificate ends by itself.

use super::{AskPassphrase, FileSigner, Key, PeopleError};
use crate::model::{SignError, Signer};
use russh::keys::signature;
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::ssh_key::public::KeyData;
use russh::keys::ssh_key::{Error, Signature, SigningKey};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What a certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Where it lets in: accounts whose list of principals names this.
    pub principal: String,
    /// What sshd writes into its log at each login.
    pub key_id: String,
    /// Tells it from others.
    pub serial: u64,
    /// From when until when, in seconds since 1970.
    pub valid: (u64, u64),
    /// The only program that it starts; without one it gives a shell and a terminal.
    pub command: Option<String>,
}

/// A CA's private key: open, or held by an agent.
pub enum Authority {
    /// From a file.
    File(Box<FileSigner>),
    /// Behind an agent's socket, which is asked for the signature.
    Agent(Box<Key>, Box<dyn Signer>),
}

impl Authority {
    /// Opens the CA's key file, asking for its passphrase.
    ///
    /// # Errors
    /// It can't be read or opened.
    pub fn open(file: &Path, ask: Option<AskPassphrase<'_>>) -> Result<Self, PeopleError> {
        Ok(Self::File(Box::new(FileSigner::open(file, ask)?)))
    }

    /// The CA's key among those of an agent; nothing where it isn't there.
    pub fn held(public: &Key, agent: Vec<Box<dyn Signer>>) -> Option<Self> {
        let is_it = |signer: &dyn Signer| signer.public_key().parse::<Key>().is_ok_and(|key| key == *public);
        let held = agent.into_iter().find(|signer| is_it(&**signer))?;
        Some(Self::Agent(Box::new(public.clone()), held))
    }

    /// The CA's public key.
    pub fn public(&self) -> &Key {
        match self {
            Self::File(signer) => signer.key(),
            Self::Agent(key, _) => key,
        }
    }

    /// Signs a certificate for a key: the line of a `-cert.pub` file. The nonce must be random.
    ///
    /// # Errors
    /// The grant is none (it ends before it begins, say), or the key can't sign.
    pub fn certify(&self, subject: &Key, grant: &Grant, nonce: &[u8; 32]) -> Result<String, PeopleError> {
        let wrong = |why: &dyn std::fmt::Display| PeopleError::Certificate(why.to_string());
        match self {
            Self::File(signer) => signed(signer.private(), subject, grant, nonce).map_err(|e| wrong(&e)),
            Self::Agent(key, signer) => {
                let declined = Mutex::new(None);
                let asked = Asked { key, signer: &**signer, declined: &declined };
                signed(&asked, subject, grant, nonce).map_err(|error| {
                    let said = declined.lock().unwrap_or_else(PoisonError::into_inner).take();
                    said.map_or_else(|| wrong(&error), |said: SignError| wrong(&said))
                })
            }
        }
    }
}

/// An agent's key as what signs a certificate; what the agent said is kept, for the certificate's own error is silent.
struct Asked<'a> {
    key: &'a Key,
    signer: &'a dyn Signer,
    declined: &'a Mutex<Option<SignError>>,
}

impl signature::Signer<Signature> for Asked<'_> {
    fn try_sign(&self, bytes: &[u8]) -> Result<Signature, signature::Error> {
        let blob = self.signer.sign_plainly(bytes).map_err(|error| {
            *self.declined.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            signature::Error::new()
        })?;
        Signature::try_from(blob.as_slice()).map_err(|_| signature::Error::new())
    }
}

impl SigningKey for Asked<'_> {
    fn public_key(&self) -> KeyData {
        self.key.data().clone()
    }
}

/// # Source
/// OpenSSH's PROTOCOL.certkeys: extensions and critical options stand in the order of their names.
fn signed<S: SigningKey>(ca: &S, subject: &Key, grant: &Grant, nonce: &[u8; 32]) -> Result<String, Error> {
    let (after, before) = grant.valid;
    let mut builder = Builder::new(nonce.to_vec(), subject.data().clone(), after, before)?;
    builder.serial(grant.serial)?;
    builder.cert_type(CertType::User)?;
    builder.key_id(grant.key_id.clone())?;
    builder.valid_principal(grant.principal.clone())?;
    match &grant.command {
        Some(command) => builder.critical_option("force-command", command.clone())?,
        None => builder.extension("permit-pty", "")?,
    };
    builder.comment(grant.key_id.clone())?;
    builder.sign(ca)?.to_openssh()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{key, private_key};
    use super::*;
    use russh::keys::ssh_key::{Certificate, HashAlg};

    fn grant(command: Option<&str>) -> Grant {
        Grant {
            principal: "wgops-shadow".into(),
            key_id: "sam shadow roster:17".into(),
            serial: 7,
            valid: (1_000_000, 2_000_000),
            command: command.map(str::to_owned),
        }
    }

    #[test]
    fn a_certificate_holds_what_was_granted_and_the_ca_s_signature() {
        let line = signed(&private_key(9), &key(3), &grant(Some("/ask")), &[1; 32]).unwrap();
        let read = Certificate::from_openssh(&line).unwrap();
        let ca = private_key(9).public_key().fingerprint(HashAlg::Sha256);
        assert!(read.validate_at(1_500_000, [&ca]).is_ok());
        assert!(read.validate_at(2_500_000, [&ca]).is_err());
        let other = private_key(8).public_key().fingerprint(HashAlg::Sha256);
        assert!(read.validate_at(1_500_000, [&other]).is_err());
        assert_eq!((read.key_id(), read.serial()), ("sam shadow roster:17", 7));
        assert_eq!(read.valid_principals(), ["wgops-shadow"]);
        assert_eq!(read.critical_options().get("force-command").map(String::as_str), Some("/ask"));
        assert!(read.extensions().is_empty());
    }

    #[test]
    fn an_operator_gets_a_terminal_and_no_forwarding() {
        let line = signed(&private_key(9), &key(3), &grant(None), &[1; 32]).unwrap();
        let read = Certificate::from_openssh(&line).unwrap();
        assert!(read.critical_options().is_empty());
        assert_eq!(read.extensions().keys().map(String::as_str).collect::<Vec<_>>(), ["permit-pty"]);
    }
}
