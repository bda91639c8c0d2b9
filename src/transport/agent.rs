//! Signing with the keys of an SSH agent, for people and ledgers. It is called from code that is not async, so each
//! conversation runs on a thread of its own; the agent may take as long as its owner needs to touch a token.

use crate::model::{SignError, Signer, printable};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::encoding::Encode as _;
use russh::keys::ssh_key::{LineEnding, Signature, SshSig};
use russh::keys::{HashAlg, PublicKey};
use std::fmt::Display;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// One key of an agent.
struct AgentSigner {
    socket: PathBuf,
    deadline: Duration,
    key: PublicKey,
    text: String,
}

/// The agent's keys as signers, in the agent's order. Certificates are left out: their keys are there by themselves.
/// The deadline is for listing them, and for each signature.
///
/// # Errors
/// The agent can't be reached, or does not answer before the deadline.
pub fn agent_signers(socket: &Path, deadline: Duration) -> Result<Vec<Box<dyn Signer>>, SignError> {
    let listing = async {
        let mut agent = AgentClient::connect(UnixStream::connect(socket).await?);
        agent.request_identities().await
    };
    let mut signers: Vec<Box<dyn Signer>> = Vec::new();
    for identity in converse(socket, deadline, listing)? {
        let AgentIdentity::PublicKey { key, .. } = identity else { continue };
        let key = PublicKey::new(key.key_data().clone(), "");
        // A key of a kind that can't be written down can't be in a roster either.
        let Ok(text) = key.to_openssh() else { continue };
        let text = text.trim().to_owned();
        signers.push(Box::new(AgentSigner { socket: socket.to_owned(), deadline, key, text }));
    }
    Ok(signers)
}

impl Signer for AgentSigner {
    fn public_key(&self) -> &str {
        &self.text
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SignError> {
        let failed = |what: &dyn Display| self.failed(what);
        let to_sign = SshSig::signed_data(namespace, HashAlg::Sha512, message).map_err(|e| failed(&e))?;
        let signature = self.signature(&to_sign)?;
        let signed = SshSig::new(self.key.key_data().clone(), namespace, HashAlg::Sha512, signature);
        signed.and_then(|s| s.to_pem(LineEnding::LF)).map_err(|e| failed(&e))
    }

    fn sign_plainly(&self, bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        self.signature(bytes)?.encode_vec().map_err(|error| self.failed(&error))
    }
}

impl AgentSigner {
    fn failed(&self, what: &dyn Display) -> SignError {
        SignError(format!("can't sign with {}: {what}", self.text))
    }

    fn signature(&self, bytes: &[u8]) -> Result<Signature, SignError> {
        let signing = async {
            let mut agent = AgentClient::connect(UnixStream::connect(&self.socket).await?);
            // The hash is a flag for RSA keys; others have their own, and pass it over.
            agent.sign_request_signature(&self.key, Some(HashAlg::Sha512), bytes).await
        };
        converse(&self.socket, self.deadline, signing)
    }
}

/// Waits for a conversation with the agent, on a runtime of its own.
fn converse<T: Send>(
    socket: &Path,
    deadline: Duration,
    talk: impl Future<Output = Result<T, russh::keys::Error>> + Send,
) -> Result<T, SignError> {
    let place = printable(&socket.to_string_lossy()).into_owned();
    let failed = |what: &dyn std::fmt::Display| SignError(format!("SSH agent at {place}: {what}"));
    let run = || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
        match runtime.block_on(async { tokio::time::timeout(deadline, talk).await }) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(russh::keys::Error::AgentProtocolError | russh::keys::Error::AgentFailure)) => {
                Err(failed(&"it declined; is the key still there, and was the token touched?"))
            }
            Ok(Err(e)) => Err(failed(&e)),
            Err(_) => Err(failed(&format!("no answer within {} s", deadline.as_secs_f32()))),
        }
    };
    // A runtime can't be started on a thread that drives another one.
    std::thread::scope(|scope| scope.spawn(run).join())
        .unwrap_or_else(|_| Err(failed(&"the conversation broke off")))
}
