//! Logging in: which keys are offered, in which order.
//!
//! First the key that the inventory names; then the agent's keys that configuration names, the agent's others, and key
//! files. A server gives up after a few refusals (sshd: six), so that the order matters.

use super::cache::{KeyFile, KeyFileError};
use super::guard::{Guard, WireError};
use super::options::{AgentChoice, Options};
use super::{Failure, Hop};
use crate::model::printable;
use crate::transport::Settings;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{
    Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, load_openssh_certificate,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longest wait for an agent to list its keys.
const AGENT_TIMEOUT: Duration = Duration::from_secs(5);

/// One key to offer.
struct Candidate {
    /// How a message calls it.
    label: String,
    key: Source,
}

enum Source {
    File { key: Arc<PrivateKey>, certificate: Option<Box<Certificate>> },
    Agent(Box<AgentIdentity>),
}

/// Everything there is to offer.
#[derive(Default)]
struct Offer {
    candidates: Vec<Candidate>,
    /// Keys that can't be offered, and why.
    locked: Vec<String>,
}

/// Logs in.
pub(super) async fn log_in(
    handle: &mut Handle<Guard>,
    hop: &Hop,
    settings: &Settings,
) -> Result<(), Failure> {
    let mut agent = connect_agent(&hop.options, settings).await;
    let identities = match &mut agent {
        Some(agent) => timeout(AGENT_TIMEOUT, agent.request_identities())
            .await
            .ok()
            .and_then(Result::ok)
            .unwrap_or_default(),
        None => Vec::new(),
    };
    let offer = offer(&hop.options, settings, identities)?;
    let mut tried = Vec::new();
    let mut rsa_hash = None;
    for candidate in offer.candidates {
        if candidate.is_rsa() && rsa_hash.is_none() {
            let best =
                handle.best_supported_rsa_hash().await.map_err(|e| Failure::from(WireError::from(e)))?;
            rsa_hash = Some(best.unwrap_or(Some(HashAlg::Sha512)));
        }
        match candidate.offer(handle, &hop.options.user, rsa_hash.flatten(), agent.as_mut()).await {
            Ok(AuthResult::Success) => return Ok(()),
            Ok(AuthResult::Failure { partial_success: true, remaining_methods }) => {
                tried.push(format!(
                    "{} (accepted, but the host also wants {remaining_methods:?})",
                    candidate.label
                ));
            }
            Ok(AuthResult::Failure { .. }) if handle.is_closed() => {
                tried.push(format!("{} (and then hung up)", candidate.label));
                break;
            }
            Ok(AuthResult::Failure { .. }) => tried.push(candidate.label),
            Err(reason) => tried.push(format!("{} ({reason})", candidate.label)),
        }
    }
    tried.extend(offer.locked);
    Err(Failure::Authentication { user: hop.options.user.clone(), tried })
}

async fn connect_agent(options: &Options, settings: &Settings) -> Option<AgentClient<UnixStream>> {
    let socket = match &options.agent {
        AgentChoice::Off => return None,
        AgentChoice::Default => settings.agent_socket.clone()?,
        AgentChoice::Socket(path) => path.clone(),
    };
    let stream = timeout(AGENT_TIMEOUT, UnixStream::connect(&socket)).await.ok()?;
    match stream {
        Ok(stream) => Some(AgentClient::connect(stream)),
        Err(e) => {
            tracing::warn!("no SSH agent at {}: {e}", socket.display());
            None
        }
    }
}

/// Puts the keys in order.
fn offer(options: &Options, settings: &Settings, identities: Vec<AgentIdentity>) -> Result<Offer, Failure> {
    let mut offer = Offer::default();
    let mut agent = identities;
    for path in &options.required_keys {
        offer.required(path, settings, &mut agent)?;
    }
    let configured = configured(options, settings);
    let mut files = Offer::default();
    for path in &configured {
        match settings.keyring.0.key(path) {
            Ok(file) => {
                let from_agent = file.public().map(|public| take(&mut agent, &public)).unwrap_or_default();
                if from_agent.is_empty() {
                    files.file(path, file);
                }
                offer.candidates.extend(from_agent);
            }
            Err(KeyFileError::Missing) => {}
            Err(KeyFileError::Unreadable(reason)) => files.locked.push(format!("{} ({reason})", shown(path))),
        }
    }
    if !options.identities_only {
        offer.candidates.extend(agent.into_iter().map(Candidate::from_agent));
    }
    offer.candidates.extend(files.candidates);
    offer.locked.extend(files.locked);
    certify(&mut offer.candidates, options);
    Ok(offer)
}

/// Gives keys from files the certificates that `CertificateFile` names.
fn certify(candidates: &mut [Candidate], options: &Options) {
    let certificates: Vec<Certificate> =
        options.certificates.iter().filter_map(|path| load_openssh_certificate(path).ok()).collect();
    for candidate in candidates {
        if let Source::File { key, certificate: certificate @ None } = &mut candidate.key {
            let is_for_it = |c: &&Certificate| c.public_key() == key.public_key().key_data();
            *certificate = certificates.iter().find(is_for_it).cloned().map(Box::new);
        }
    }
}

fn configured(options: &Options, settings: &Settings) -> Vec<PathBuf> {
    let usual = ["id_ed25519", "id_ecdsa", "id_rsa"].map(|name| settings.home.join(".ssh").join(name));
    let mut list = options.keys.clone();
    if list.is_empty() && options.required_keys.is_empty() {
        list.extend(usual);
    }
    list.retain(|path| !options.required_keys.contains(path));
    list
}

impl Offer {
    /// A key that was asked for by name: it is offered first, or the reader is told why it can't be.
    fn required(
        &mut self,
        path: &Path,
        settings: &Settings,
        agent: &mut Vec<AgentIdentity>,
    ) -> Result<(), Failure> {
        let failure =
            |reason: String, advice: String| Failure::KeyFile { file: path.to_owned(), reason, advice };
        let file = settings.keyring.0.key(path).map_err(|e| {
            failure(
                e.to_string(),
                "check the path in ansible_ssh_private_key_file or -i, and who may read the file".into(),
            )
        })?;
        let from_agent = file.public().map(|public| take(agent, &public)).unwrap_or_default();
        if from_agent.is_empty() && matches!(file, KeyFile::Locked { .. }) {
            let reason =
                "it has a passphrase or lives in hardware, and the SSH agent does not have it".into();
            return Err(failure(reason, format!("ssh-add {}", shown(path))));
        }
        if from_agent.is_empty() {
            self.file(path, file);
        }
        self.candidates.extend(from_agent);
        Ok(())
    }

    fn file(&mut self, path: &Path, file: KeyFile) {
        match file {
            KeyFile::Open { key, certificate } => {
                let label = shown(path);
                self.candidates.push(Candidate { label, key: Source::File { key, certificate } });
            }
            KeyFile::Locked { .. } => {
                self.locked
                    .push(format!("{} (has a passphrase and is not in the agent: ssh-add it)", shown(path)));
            }
        }
    }
}

impl KeyFile {
    fn public(&self) -> Option<PublicKey> {
        match self {
            Self::Open { key, .. } => Some(key.public_key().clone()),
            Self::Locked { public } => public.as_deref().cloned(),
        }
    }
}

/// Takes the agent's identities with this key, certificates first.
fn take(agent: &mut Vec<AgentIdentity>, public: &PublicKey) -> Vec<Candidate> {
    let is_it = |id: &AgentIdentity| id.public_key().key_data() == public.key_data();
    let mut taken: Vec<AgentIdentity> = Vec::new();
    agent.retain(|id| {
        let found = is_it(id);
        if found {
            taken.push(id.clone());
        }
        !found
    });
    taken.sort_by_key(|id| matches!(id, AgentIdentity::PublicKey { .. }));
    taken.into_iter().map(Candidate::from_agent).collect()
}

fn shown(path: &Path) -> String {
    printable(&path.to_string_lossy()).into_owned()
}

impl Candidate {
    fn from_agent(identity: AgentIdentity) -> Self {
        let name = match identity.comment() {
            "" => identity.public_key().fingerprint(HashAlg::Sha256).to_string(),
            comment => printable(comment).into_owned(),
        };
        let kind = if matches!(identity, AgentIdentity::Certificate { .. }) { "certificate" } else { "key" };
        Self { label: format!("the agent's {kind} {name}"), key: Source::Agent(Box::new(identity)) }
    }

    fn is_rsa(&self) -> bool {
        match &self.key {
            Source::File { key, .. } => key.algorithm().is_rsa(),
            Source::Agent(identity) => identity.public_key().algorithm().is_rsa(),
        }
    }

    /// Offers it; an error is the key's own trouble, in words.
    async fn offer(
        &self,
        handle: &mut Handle<Guard>,
        user: &str,
        rsa_hash: Option<HashAlg>,
        agent: Option<&mut AgentClient<UnixStream>>,
    ) -> Result<AuthResult, String> {
        let hash = if self.is_rsa() { rsa_hash } else { None };
        match (&self.key, agent) {
            (Source::File { key, certificate }, _) => {
                if let Some(certificate) = certificate {
                    let tried =
                        handle.authenticate_openssh_cert(user, key.clone(), (**certificate).clone()).await;
                    if let Ok(AuthResult::Success) = tried {
                        return Ok(AuthResult::Success);
                    }
                }
                let key = PrivateKeyWithHashAlg::new(key.clone(), hash);
                handle.authenticate_publickey(user, key).await.map_err(|e| WireError::from(e).words())
            }
            (Source::Agent(identity), Some(agent)) => match &**identity {
                AgentIdentity::PublicKey { key, .. } => handle
                    .authenticate_publickey_with(user, key.clone(), hash, agent)
                    .await
                    .map_err(|e| e.to_string()),
                AgentIdentity::Certificate { certificate, .. } => handle
                    .authenticate_certificate_with(user, certificate.clone(), hash, agent)
                    .await
                    .map_err(|e| e.to_string()),
            },
            (Source::Agent(_), None) => Err("the agent is gone".into()),
        }
    }
}
