//! A jump host as `ProxyJump` writes it: `[user@]host[:port]` or `ssh://[user@]host[:port]`.

use std::fmt;
use std::str::FromStr;

/// One jump host.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub(super) struct JumpSpec {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
}

/// Why a text is no jump host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no jump host: expected [user@]host[:port]")]
pub(super) struct ParseJumpError(String);

impl FromStr for JumpSpec {
    type Err = ParseJumpError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseJumpError(crate::model::printable(text).into_owned());
        let rest = text.trim();
        let rest = rest.strip_prefix("ssh://").unwrap_or(rest).trim_end_matches('/');
        let (user, rest) = match rest.rsplit_once('@') {
            Some((user, rest)) => (Some(user.to_owned()), rest),
            None => (None, rest),
        };
        let (host, port) = split_port(rest).ok_or_else(error)?;
        let good = |c: char| c.is_ascii_alphanumeric() || "._-:%".contains(c);
        if host.is_empty() || host.starts_with('-') || !host.chars().all(good) || user.as_deref() == Some("")
        {
            return Err(error());
        }
        Ok(Self { user, host: host.into(), port })
    }
}

fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            None if after.is_empty() => Some((host, None)),
            None => None,
            Some(port) => Some((host, Some(port.parse().ok()?))),
        };
    }
    match text.split_once(':') {
        // More than one colon: an IPv6 address without port.
        Some((_, port)) if port.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
        None => Some((text, None)),
    }
}

impl fmt::Display for JumpSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.host.contains(':'), self.port) {
            (false, None) => write!(f, "{}", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (true, None) => write!(f, "[{}]", self.host),
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jump_hosts_are_read_in_all_their_spellings() {
        for (text, shown) in [
            ("jump", "jump"),
            ("ops@jump:2222", "ops@jump:2222"),
            ("ssh://ops@jump:2222/", "ops@jump:2222"),
            ("a@b@jump", "a@b@jump"),
            ("[::1]:22", "[::1]:22"),
            ("fe80::1", "[fe80::1]"),
        ] {
            assert_eq!(text.parse::<JumpSpec>().unwrap().to_string(), shown);
        }
        for text in ["", "@h", "h:x", "h:70000", "-oProxyCommand=x", "[::1]x", "a b", "h;id"] {
            assert!(text.parse::<JumpSpec>().is_err(), "{text}");
        }
    }
}
