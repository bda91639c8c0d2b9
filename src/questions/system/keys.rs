//! Keys and certificates, through the host's `openssl`. Nothing secret is in an answer: of private keys only their kind, their
//! length and their public halves are told.
//!
//! # Source
//! openssl-pkey(1), openssl-dhparam(1), openssl-s_client(1) of OpenSSL 3.0; 1.1.1 has what is used here, too.

use super::questions;
use crate::model::Subject;

fn packages_and(path: Option<&String>) -> Vec<Subject> {
    let path = path.filter(|path| path.starts_with('/')).map(|path| Subject::path(path));
    path.into_iter().chain([Subject::Packages]).collect()
}

questions! {
    /// Asks about a private key: its path, its passphrase or nothing. `absent`, or `form LABEL`, `encrypted`, then `unreadable`
    /// or `type TEXT`, `curve NAME`, `rsa`, `dsa`, and the public key in PEM.
    PrivateKey {
        script: "private_key",
        reads: |words| packages_and(words.first()),
        text: r#"[ -e "$1" ] || { echo absent; exit 0; }
command -v openssl >/dev/null 2>&1 || { echo 'this host has no openssl' >&2; exit 3; }
[ -r "$1" ] || { printf '%s cannot be read\n' "$1" >&2; exit 3; }
sed -n 's/^-----BEGIN \(.*PRIVATE KEY\)-----.*/form \1/p' "$1" | head -n 1
if grep -q ENCRYPTED "$1"; then echo encrypted; fi
if text=$(printf '%s\n' "$2" | openssl pkey -in "$1" -passin stdin -noout -text 2>/dev/null); then
    printf '%s\n' "$text" | sed -n '/Private-Key:/s/^/type /p; s/^ASN1 OID: */curve /p; s/^modulus:.*/rsa/p; s/^P: .*/dsa/p; s/^P:$/dsa/p'
    printf '%s\n' "$2" | openssl pkey -in "$1" -passin stdin -pubout 2>/dev/null
else
    echo unreadable
fi
exit 0"#,
    }

    /// Asks about Diffie-Hellman parameters: their path. `absent`, `unreadable`, or their length in bits.
    DhParameters {
        script: "dh_parameters",
        reads: |words| packages_and(words.first()),
        text: r#"[ -e "$1" ] || { echo absent; exit 0; }
command -v openssl >/dev/null 2>&1 || { echo 'this host has no openssl' >&2; exit 3; }
bits=$(openssl dhparam -in "$1" -noout -text 2>/dev/null | sed -n 's/.*DH Parameters: (\([0-9]*\) bit).*/\1/p')
echo "${bits:-unreadable}""#,
    }

    /// Asks a server for its certificate: host, port, name for SNI, seconds, STARTTLS or nothing, authorities' file or nothing.
    ServerCertificate {
        script: "server_certificate",
        reads: |_| vec![],
        slow: 60,
        text: r#"command -v openssl >/dev/null 2>&1 || { echo 'this host has no openssl' >&2; exit 3; }
limit=
if command -v timeout >/dev/null 2>&1; then limit="timeout $4"; fi
host=$1
case $host in *:*) host=[$host] ;; esac
said=$($limit openssl s_client -connect "$host:$2" ${3:+-servername "$3"} ${5:+-starttls "$5"} ${6:+-CAfile "$6" -verify_return_error} 2>&1 </dev/null)
status=$?
pem=$(printf '%s\n' "$said" | sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p')
if [ -z "$pem" ] || { [ -n "$6" ] && [ $status != 0 ]; }; then
    why=$(printf '%s\n' "$said" | grep -i -e 'errno' -e 'error' | head -n 1)
    [ $status != 124 ] || why='no answer in time'
    printf '%s\n' "${why:-no certificate came}" >&2
    exit 3
fi
printf '%s\n' "$pem"
date -u +%Y%m%d%H%M%SZ"#,
    }

    /// Asks what time it is there, as certificates have it.
    Moment {
        script: "moment",
        reads: |_| vec![],
        text: "date -u +%Y%m%d%H%M%SZ",
    }
}
