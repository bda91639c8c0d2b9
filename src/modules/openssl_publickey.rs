//! `openssl_publickey`: that the public half of a private key is in a file, or isn't.

use super::attributes::{GROUP, MODE, OWNER};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER};
use super::made_file::{self, Made, made_file};
use super::place::BACKUP;
use super::{
    Args, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, openssl_key,
    ssh_line, x509,
};
use crate::model::{Content, Map, Script};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "openssl_publickey",
    aliases: &[],
    summary: "Puts the public half of a private key in a file, or removes it",
    params: &[
        Param::required("path", Kind::Path, "where it is"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional(
            "privatekey_path",
            Kind::Path,
            "the private key on the host, which `state: present` needs",
        ),
        Param::optional("privatekey_passphrase", Kind::Text, "what protects that key"),
        Param::optional("format", Kind::Choice(&["OpenSSH", "PEM"]), "how it is written").default("PEM"),
        Param::optional("force", Kind::Bool, "write it anew each time").default("no"),
        Param::optional("return_content", Kind::Bool, "whether `register` gets it").default("no"),
        Param::optional(
            "select_crypto_backend",
            Kind::Choice(&["auto", "cryptography"]),
            "accepted: the host's openssl makes it",
        )
        .default("auto"),
        BACKUP,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        Param::not_yet("privatekey_content").or(&["unsafe_writes"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: The public half of the token's key
  openssl_publickey: {path: /etc/ssl/token.pub, privatekey_path: /etc/ssl/private/token.pem}
",
        returns: &[
            Returned { name: "filename", help: "where it is" },
            Returned { name: "privatekey", help: "the private key" },
            Returned { name: "format", help: "how it is written" },
            Returned { name: "fingerprint", help: "digests of it" },
            Returned { name: "publickey", help: "with `return_content`: what is in the file" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old one is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Makes the public half of a key; whether that one is protected by what is on stdin, or (`-`) that this is the file.
const MAKE: Script = Script {
    name: "make_public_key",
    text: made_file!(
        r#"if [ "$2" = - ]; then
    cat >"$new" || exit 1
elif [ "$2" = yes ]; then
    openssl pkey -in "$1" -passin stdin -pubout -out "$new" || exit 1
else
    openssl pkey -in "$1" -pubout -out "$new" </dev/null || exit 1
fi"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let passphrase = args.text("privatekey_passphrase").unwrap_or_default();
    if passphrase.contains('\n') {
        return Err(Stop::refuse("'privatekey_passphrase' holds a line feed"));
    }
    let mut result = Map::new();
    result.insert("filename".into(), path.into());
    result.insert("format".into(), args.text("format").into());
    if args.text("state") == Some("absent") {
        return Ok(Made::ask(args, host)?.remove(result));
    }
    let of = args.needed("privatekey_path")?;
    let (file, key) = (Made::ask(args, host), openssl_key::needed(host, of, passphrase));
    let (file, key) = (file?, key?);
    result.insert("privatekey".into(), of.into());
    result.insert("fingerprint".into(), x509::fingerprints(&key.public));
    let old = file.old.as_deref().map(String::from_utf8_lossy);
    let line = match args.text("format") {
        Some("OpenSSH") => Some(ssh_line::from_public(&key.public).ok_or_else(|| {
            Stop::refuse(format!(
                "OpenSSH has no keys such as {of}: expected RSA, Ed25519 or a curve of NIST"
            ))
        })?),
        _ => None,
    };
    let stands = match &line {
        Some(line) => old.is_some_and(|old| ssh_line::words(&old) == *line),
        None => old.and_then(|old| x509::pem(&old, &["PUBLIC KEY"])).as_ref() == Some(&key.public),
    };
    if stands && !args.flag("force") {
        file.tell(&mut result, "publickey");
        return Ok(Outcome::change(result, file.keep(host)?));
    }
    let protected = match &line {
        Some(_) => "-",
        None if passphrase.is_empty() => "no",
        None => "yes",
    };
    let words = vec![of.to_owned(), protected.to_owned()];
    let mut changes =
        file.make(host, format!("put the public half of {of} in {path}"), (MAKE, 0o666), words)?;
    if let Some(made) = changes.first_mut() {
        if args.flag("force") {
            made.nature = Nature::Event;
        }
        if let Some(line) = line {
            made.content = Some(Content::new(line.into_bytes()));
        } else if !passphrase.is_empty() {
            made.content = Some(Content::new(format!("{passphrase}\n").into_bytes()));
        }
    }
    Ok(Outcome::change(result, changes))
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    made_file::result(outcome, outputs, "publickey")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use crate::modules::openssl_privatekey;
    use serde_json::json;

    #[test]
    fn the_public_half_follows_its_key() {
        for mut bench in Bench::every_shell() {
            bench.program("openssl", "exec /usr/bin/openssl \"$@\"");
            let key = bench.path("key");
            for passphrase in ["", "it's $ecret"] {
                let private = json!({"path": key, "type": "Ed25519", "passphrase": passphrase});
                bench.changes(&openssl_privatekey::MODULE, &private);
                let args = json!({"path": bench.path("pub"), "privatekey_path": key, "mode": "0644",
                    "privatekey_passphrase": passphrase, "return_content": true});
                let made = bench.changes(&MODULE, &args);
                assert!(made["publickey"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY"));
                assert_eq!(bench.in_order(&MODULE, &args)["publickey"], made["publickey"]);
            }
            let gone = json!({"path": bench.path("pub"), "state": "absent"});
            bench.changes(&MODULE, &gone);
            bench.in_order(&MODULE, &gone);
            let nothing = json!({"path": bench.path("pub"), "privatekey_path": bench.path("none")});
            assert!(bench.refusal(&MODULE, &nothing).contains("does not exist"));
        }
    }

    #[test]
    fn openssh_reads_what_it_is_written() {
        for (kind, size) in [("RSA", 2048), ("Ed25519", 0), ("ECC", 0)] {
            let mut bench = Bench::new();
            bench.program("openssl", "exec /usr/bin/openssl \"$@\"");
            let key = bench.path("key");
            let mut private = json!({"path": key, "type": kind});
            match kind {
                "RSA" => private["size"] = size.into(),
                "ECC" => private["curve"] = "secp384r1".into(),
                _ => {}
            }
            bench.changes(&openssl_privatekey::MODULE, &private);
            let args = json!({"path": bench.path("pub"), "privatekey_path": key, "format": "OpenSSH"});
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
            let line = bench.read("pub");
            let said = std::process::Command::new("ssh-keygen")
                .args(["-l", "-f", &bench.path("pub")])
                .output()
                .unwrap();
            assert!(said.status.success() && !line.ends_with('\n'), "{kind}: {line} {said:?}");
            if kind == "RSA" {
                // Of the same number as what OpenSSH itself makes of the private key.
                let own = std::process::Command::new("ssh-keygen").args(["-y", "-f", &key]).output().unwrap();
                assert_eq!(ssh_line::words(&String::from_utf8_lossy(&own.stdout)), line);
            }
            bench.file("pub", &format!("{line} somebody\n"));
            bench.in_order(&MODULE, &args);
            bench.changes(&MODULE, &json!({"path": bench.path("pub"), "privatekey_path": key}));
            bench.changes(&MODULE, &args);
        }
    }
}
