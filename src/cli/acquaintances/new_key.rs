//! `--new-host-key`: how somebody says that a host came to be another, and rightly so.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// `--new-host-key NAME=SHA256:…`: a host that came to be another, as somebody compared it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    pub(super) host: String,
    pub(super) key: String,
}

impl std::str::FromStr for NewKey {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, key) = text.split_once('=').filter(|(host, _)| !host.is_empty()).unwrap_or_default();
        match is_fingerprint(key) || [HERE, UNKNOWN].contains(&key) {
            true => Ok(Self { host: host.to_owned(), key: key.to_owned() }),
            false if key.starts_with("SHA256:") => Err(format!(
                "'{key}' is no fingerprint: expected SHA256: and {PRINT_LENGTH} letters, digits, '+' and '/', as 'ssh-keygen -l' prints it"
            )),
            false => Err(format!("expected NAME=SHA256:…, or NAME={HERE} for this machine, not '{text}'")),
        }
    }
}

/// How many characters 32 bytes are in base64, without padding.
const PRINT_LENGTH: usize = 43;

fn is_fingerprint(text: &str) -> bool {
    let bytes = text.strip_prefix("SHA256:").and_then(|print| STANDARD_NO_PAD.decode(print).ok());
    bytes.is_some_and(|bytes| bytes.len() == 32)
}

/// How this machine is named where others have a key.
pub(super) const HERE: &str = "local";
/// How a host is named of which no file has a key.
pub(super) const UNKNOWN: &str = "unknown";
