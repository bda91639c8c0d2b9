//! The name of a ledger chain. It lives here and not in the ledger because the roster seals chains by name.

use super::Key;
use crate::model::{OperatorName, printable};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A chain's name, `alice-a1b2c3d4-7f`: operator, 8 hexadecimal digits of the key's SHA-256, and a random part made per
/// clone (2 to 16 hexadecimal digits). One chain is written with one key, from one clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ChainName {
    operator: OperatorName,
    key: String,
    clone: String,
}

/// Why a text is no chain's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no chain: expected OPERATOR-KEY-CLONE as in alice-a1b2c3d4-7f")]
pub struct ParseChainNameError(String);

impl ChainName {
    /// The name of the chain that an operator writes with a key from a clone.
    pub fn new(operator: OperatorName, key: &Key, clone: [u8; 3]) -> Self {
        let clone = clone.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { operator, key: key.digest8().to_owned(), clone }
    }

    /// Whose chain it is.
    pub fn operator(&self) -> &OperatorName {
        &self.operator
    }

    /// Whether the chain is one that this key writes, as far as 32 bits can tell.
    pub fn is_of(&self, key: &Key) -> bool {
        self.key == key.digest8()
    }
}

impl fmt::Display for ChainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}-{}", self.operator, self.key, self.clone))
    }
}

impl FromStr for ChainName {
    type Err = ParseChainNameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = (|| {
            let mut parts = text.rsplitn(3, '-');
            let (clone, key, operator) = (parts.next()?, parts.next()?, parts.next()?);
            let fits = is_hex(key) && key.len() == 8 && is_hex(clone) && (2..=16).contains(&clone.len());
            let operator = operator.parse().ok().filter(|_| fits)?;
            Some(Self { operator, key: key.to_owned(), clone: clone.to_owned() })
        })();
        parsed.ok_or_else(|| ParseChainNameError(printable(text).into_owned()))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl TryFrom<String> for ChainName {
    type Error = ParseChainNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ChainName> for String {
    fn from(name: ChainName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_reads_back_what_it_prints_also_with_dashes_in_the_name() {
        for text in ["alice-a1b2c3d4-7f", "anna-lena-00000000-7f3a21"] {
            let chain: ChainName = text.parse().unwrap();
            assert_eq!(chain.to_string(), text);
        }
        assert_eq!("anna-lena-00000000-7f".parse::<ChainName>().unwrap().operator().as_str(), "anna-lena");
    }

    #[test]
    fn what_could_leave_the_ledger_or_mean_two_things_is_no_chain() {
        let refused = [
            "",
            "alice",
            "alice-a1b2c3d4",
            "alice-A1B2C3D4-7f",
            "../x-a1b2c3d4-7f",
            "alice-a1b2c3d4-",
            "alice-a1b2c3d4-7",
        ];
        for text in refused {
            assert!(text.parse::<ChainName>().is_err(), "{text}");
        }
    }
}
