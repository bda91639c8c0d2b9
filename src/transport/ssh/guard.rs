//! Watches over a connection: its host key before anything else, whatever the host tries to open on our side, and why
//! it ended.

use super::known_hosts::{Names, Trust, fingerprint};
use crate::transport::KeyProblem;
use russh::Channel;
use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// The client's side of the protocol's callbacks.
pub(super) struct Guard {
    pub trust: Trust,
    pub names: Names,
    pub farewell: watch::Sender<Option<String>>,
    /// Fingerprint of the first key that was shown and trusted; later ones are checked, too.
    pub host_key: Arc<OnceLock<String>>,
}

/// What can end the protocol.
#[derive(Debug)]
pub(super) enum WireError {
    /// The host key can't be trusted.
    HostKey(Box<KeyProblem>),
    /// Anything else.
    Ssh(russh::Error),
}

impl From<russh::Error> for WireError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// A channel that the host asks us to open is refused by dropping the reply.
impl Handler for Guard {
    type Error = WireError;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, WireError> {
        let verdict = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.trust.judge(&self.names, key),
            PublicKeyOrCertificate::Certificate(certificate) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
                self.trust.judge_certificate(&self.names, certificate, now)
            }
        };
        verdict.map_err(|problem| WireError::HostKey(Box::new(problem)))?;
        let key = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => fingerprint(key),
            PublicKeyOrCertificate::Certificate(certificate) => {
                certificate.public_key().fingerprint(HashAlg::Sha256).to_string()
            }
        };
        self.host_key.get_or_init(|| key);
        Ok(true)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<WireError>) -> Result<(), WireError> {
        let (words, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (format!("the host ended it: {}", crate::model::printable(&info.message)), Ok(()))
            }
            DisconnectReason::Error(error) => (error.words(), Err(error)),
        };
        self.farewell.send_replace(Some(words));
        result
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), WireError> {
        drop(reply);
        Ok(())
    }
}

impl WireError {
    /// What happened, on one line and safe to print.
    pub fn words(&self) -> String {
        use russh::Error;
        let words = match self {
            Self::HostKey(problem) => problem.to_string(),
            Self::Ssh(Error::KeepaliveTimeout) => "the host stopped answering".into(),
            Self::Ssh(Error::HUP | Error::Disconnect) => "the host closed the connection".into(),
            Self::Ssh(Error::IO(error)) => match error.kind() {
                std::io::ErrorKind::UnexpectedEof => "the host closed the connection".into(),
                _ => error.to_string(),
            },
            Self::Ssh(Error::NoCommonAlgo { kind, theirs, .. }) => {
                format!("no common {kind:?} algorithm; the host offers {}", theirs.join(", "))
            }
            Self::Ssh(Error::Version) => "what listens there does not speak SSH 2".into(),
            Self::Ssh(error) => error.to_string(),
        };
        crate::model::printable(&words).replace('\n', " ")
    }
}
