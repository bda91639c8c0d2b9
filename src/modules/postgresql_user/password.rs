//! Whether what a server keeps of a password is of this one.
//!
//! # Source
//! The column `rolpassword` of `pg_authid` in PostgreSQL 15: `SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER` (RFC 5803 and 7677), or
//! `md5` and the MD5 of password and name. The server prepares passwords by SASLprep, which leaves those in ASCII as they are;
//! others are compared as they stand, and set anew where they would have been prepared.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

/// Most iterations that are followed; the server's default is 4096.
const ITERATIONS_MAX: u32 = 1_000_000;

/// Whether the kept hash is of the wanted password, or is the wanted hash.
pub(super) fn is(wanted: &str, kept: &str, role: &str) -> bool {
    if wanted.is_empty() || kept.is_empty() {
        return wanted == kept;
    }
    if wanted == kept {
        return true;
    }
    if let Some(rest) = kept.strip_prefix("SCRAM-SHA-256$") {
        return !wanted.starts_with("SCRAM-SHA-256$") && of_scram(wanted, rest).unwrap_or(false);
    }
    kept.strip_prefix("md5")
        .is_some_and(|hash| hash == format!("{:x}", md5::compute(format!("{wanted}{role}"))))
}

fn of_scram(wanted: &str, kept: &str) -> Option<bool> {
    let (how, keys) = kept.split_once('$')?;
    let (iterations, salt) = how.split_once(':')?;
    let (stored, _) = keys.split_once(':')?;
    let iterations: u32 = iterations.parse().ok().filter(|count| (1..=ITERATIONS_MAX).contains(count))?;
    let salted =
        pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(wanted.as_bytes(), &STANDARD.decode(salt).ok()?, iterations);
    let mut client = Hmac::<Sha256>::new_from_slice(&salted).ok()?;
    client.update(b"Client Key");
    Some(Sha256::digest(client.finalize().into_bytes()).as_slice() == STANDARD.decode(stored).ok()?)
}

#[cfg(test)]
mod tests {
    use super::is;

    /// As a server of PostgreSQL 15 made it.
    const SCRAM: &str = "SCRAM-SHA-256$4096:7xFZ+ABdE56qMiIPJDWRXQ==$4+GiNOtAWmkoYegR3GYdM/Dt08cCWSYpP6jYzG6Q8FU=:aRtUd+GoqpP9YKtCckOudhiSYXsLr3bConpGu7CQxj4=";

    #[test]
    fn a_password_is_known_by_any_hash_of_it_and_no_other_is() {
        assert!(is("it's $ecret", SCRAM, "shop") && !is("other", SCRAM, "shop"));
        assert!(is(SCRAM, SCRAM, "shop"));
        let md5 = "md58296fef81e2849bf85232edc1a46a4ce";
        assert!(is("geheim", md5, "probe") && !is("geheim", md5, "shop") && !is("other", md5, "probe"));
        for (wanted, kept) in
            [("", SCRAM), ("x", ""), ("x", "SCRAM-SHA-256$x"), ("x", "SCRAM-SHA-256$0:AA==$AA==:AA==")]
        {
            assert!(!is(wanted, kept, "shop"), "{wanted} {kept}");
        }
        assert!(is("", "", "shop"));
    }
}
