//! `htpasswd`: users and the hashes of their passwords in a file for a web server.
//!
//! # Source
//! htpasswd(1) of Apache 2.4: `USER:HASH`. Hashes are made and compared by the host's `openssl passwd`; bcrypt and SHA-1 here.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::system::labels::{PasswordHash, RandomBytes};
use base64::Engine as _;
use sha1::Digest as _;

/// The module.
pub static MODULE: Module = Module {
    name: "htpasswd",
    aliases: &[],
    summary: "Puts a user and a password's hash in a file for a web server, or removes the user",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["dest", "destfile"]),
        Param::required("name", Kind::Text, "the user").or(&["username"]),
        Param::optional("password", Kind::Text, "the password; needed unless the user is removed"),
        Param::optional("hash_scheme", SCHEMES, "how it is hashed")
            .or(&["crypt_scheme"])
            .default("apr_md5_crypt"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether the user is to be there")
            .default("present"),
        Param::optional("create", Kind::Bool, "make the file if it isn't there").default("yes"),
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Who may look at the statistics
  htpasswd:
    path: /etc/nginx/stats.htpasswd
    name: jo
    password: "{{ stats_password }}"
    hash_scheme: bcrypt
    owner: root
    group: www-data
    mode: "0640"
  no_log: true
"#,
        returns: &[Returned { name: "msg", help: "what was done" }],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

const SCHEMES: Kind = Kind::Choice(&[
    "apr_md5_crypt",
    "md5_crypt",
    "sha256_crypt",
    "sha512_crypt",
    "bcrypt",
    "ldap_sha1",
    "plaintext",
]);

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (path, name) = (args.needed("path")?, args.needed("name")?);
    if name.contains([':', '\n', '\r', '\0']) || name.is_empty() {
        return Err(Stop::refuse(format!("'{name}' is no user's name in such a file")));
    }
    let absent = args.text("state") == Some("absent");
    let missing = match (absent, args.flag("create")) {
        (true, _) => Missing::Told,
        (false, true) => Missing::Made,
        (false, false) => Missing::Refused("Destination"),
    };
    let file = Edited::look_at(path, args, host, missing)?;
    let mut result = Map::new();
    if absent && !file.exists() {
        result.insert("msg".into(), format!("{name} not present").into());
        return Ok(Outcome { warnings: vec![format!("{path} does not exist")], ..Outcome::in_order(result) });
    }
    let text = file.text();
    let lines: Vec<String> = text.lines().into_iter().filter(|line| !line.trim().is_empty()).collect();
    let hash_of = |line: &String| line.trim_end().strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
    let there = lines.iter().find_map(hash_of);
    let (lines, message) = if absent {
        let kept: Vec<String> = lines.iter().filter(|line| hash_of(line).is_none()).cloned().collect();
        match there {
            Some(_) => (kept, format!("Remove {name}")),
            None => (kept, format!("{name} not present")),
        }
    } else {
        let password = args.needed("password")?;
        if password.contains(['\n', '\0']) {
            return Err(Stop::refuse("'password' holds a line feed"));
        }
        match &there {
            Some(hash) if fits(password, hash, host)? => (lines, format!("{name} already present")),
            _ => {
                let line = format!("{name}:{}\n", hashed(args, password, host)?);
                let message = match file.exists() {
                    true => format!("Add/update {name}"),
                    false => format!("Created {path} and added {name}"),
                };
                (put(lines, line, &hash_of), message)
            }
        }
    };
    file.finish(Ending { new: text.encode(&lines.concat()), message, result }, host)
}

/// The lines with this one in the place of the user's, or at the end.
fn put(mut lines: Vec<String>, line: String, hash_of: &dyn Fn(&String) -> Option<String>) -> Vec<String> {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    match lines.iter().position(|line| hash_of(line).is_some()) {
        Some(at) => {
            if let Some(old) = lines.get_mut(at) {
                *old = line;
            }
        }
        None => lines.push(line),
    }
    lines
}

/// The hash that the host's openssl makes.
fn openssl(host: &Host<'_>, kind: &str, salt: &str, password: &str) -> Result<String, Stop> {
    let asked = PasswordHash([kind, salt, password].map(str::to_owned).to_vec());
    Ok(host.get(asked)?.as_ref().clone().map_err(Stop::refuse)?.text.trim().to_owned())
}

/// Whether a hash is that of a password; one of a kind that isn't known isn't.
fn fits(password: &str, hash: &str, host: &Host<'_>) -> Result<bool, Stop> {
    if hash.starts_with("$2") {
        return Ok(bcrypt::verify(password, hash).unwrap_or(false));
    }
    if hash.starts_with("{SHA}") {
        return Ok(ldap_sha1(password) == hash);
    }
    let kind = [("$apr1$", "-apr1"), ("$1$", "-1"), ("$5$", "-5"), ("$6$", "-6")];
    let Some((prefix, kind)) = kind.into_iter().find(|(prefix, _)| hash.starts_with(prefix)) else {
        return Ok(hash == password);
    };
    let rest = hash.get(prefix.len()..).unwrap_or_default();
    let salt = match rest.strip_prefix("rounds=").and_then(|rest| rest.split_once('$')) {
        // openssl takes the number of rounds as a part of the salt, or not at all.
        Some((rounds, rest)) => format!("rounds={rounds}${}", rest.split('$').next().unwrap_or_default()),
        None => rest.split('$').next().unwrap_or_default().to_owned(),
    };
    Ok(openssl(host, kind, &salt, password)? == hash)
}

fn hashed(args: &Args, password: &str, host: &Host<'_>) -> Result<String, Stop> {
    match args.needed("hash_scheme")? {
        "plaintext" => Ok(password.to_owned()),
        "ldap_sha1" => Ok(ldap_sha1(password)),
        "bcrypt" => {
            let hex = host.get(RandomBytes(vec!["16".into()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
            let wrong = || Stop::refuse("the host gave no 16 random bytes for a salt");
            let salt = u128::from_str_radix(hex.trim(), 16).map_err(|_| wrong())?.to_be_bytes();
            let parts =
                bcrypt::hash_with_salt(password, 12, salt).map_err(|why| Stop::refuse(why.to_string()))?;
            Ok(parts.format_for_version(bcrypt::Version::TwoY))
        }
        "md5_crypt" => openssl(host, "-1", "", password),
        "sha256_crypt" => openssl(host, "-5", "", password),
        "sha512_crypt" => openssl(host, "-6", "", password),
        _ => openssl(host, "-apr1", "", password),
    }
}

fn ldap_sha1(password: &str) -> String {
    let digest = sha1::Sha1::digest(password.as_bytes());
    format!("{{SHA}}{}", base64::engine::general_purpose::STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, misfit};
    use serde_json::json;

    fn benches() -> Vec<Bench> {
        let mut benches = Bench::every_shell();
        benches.iter_mut().for_each(|bench| bench.program("openssl", "exec /usr/bin/openssl \"$@\""));
        benches
    }

    #[test]
    fn a_user_comes_in_every_scheme_once_and_gets_another_password() {
        for bench in benches() {
            for scheme in
                ["apr_md5_crypt", "md5_crypt", "sha256_crypt", "sha512_crypt", "ldap_sha1", "plaintext"]
            {
                let path = bench.path(scheme);
                let mut args = json!({"path": path, "name": "jo", "password": "it's $x", "hash_scheme": scheme, "mode": "0600"});
                let made = bench.changes(&MODULE, &args);
                assert_eq!(made["msg"], json!(format!("Created {path} and added jo")));
                bench.in_order(&MODULE, &args);
                args["password"] = json!("other");
                assert_eq!(bench.changes(&MODULE, &args)["msg"], json!("Add/update jo"));
                assert_eq!(bench.read(scheme).lines().count(), 1);
            }
        }
    }

    #[test]
    fn others_stay_and_blank_lines_go() {
        let bench = &benches()[0];
        let path = bench.file("f", "al:x\n\njo:$apr1$nope\nzoe:y");
        bench.changes(
            &MODULE,
            &json!({"path": path, "name": "jo", "password": "p", "hash_scheme": "plaintext"}),
        );
        assert_eq!(bench.read("f"), "al:x\njo:p\nzoe:y\n");
        let gone = json!({"path": path, "name": "al", "state": "absent"});
        assert_eq!(bench.changes(&MODULE, &gone)["msg"], json!("Remove al"));
        assert_eq!(bench.in_order(&MODULE, &gone)["msg"], json!("al not present"));
        assert_eq!(bench.read("f"), "jo:p\nzoe:y\n");
        bench.in_order(&MODULE, &json!({"path": bench.path("none"), "name": "al", "state": "absent"}));
    }

    #[test]
    fn what_apache_writes_is_understood() {
        let bench = &benches()[0];
        let lines = "a:$2y$05$1iJ4fkO4Jq9oNBTBhG1PCuCVmvzwyQlkA9CzUwCbe9cJiWQwBz0tK\nb:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n";
        let path = bench.file("f", lines);
        bench.in_order(&MODULE, &json!({"path": path, "name": "b", "password": "password"}));
        let other = json!({"path": path, "name": "a", "password": "x", "hash_scheme": "bcrypt"});
        bench.changes(&MODULE, &other);
        assert!(bench.read("f").starts_with("a:$2y$12$"));
        let args = json!({"path": path, "name": "a", "password": "x", "hash_scheme": "crc"});
        assert!(misfit(&MODULE, &args).contains("expected one of apr_md5_crypt"));
        assert!(
            bench
                .refusal(&MODULE, &json!({"path": path, "name": "a:b", "password": "x"}))
                .contains("no user's name")
        );
        let none = json!({"path": bench.path("none"), "name": "a", "password": "x", "create": false});
        assert!(bench.refusal(&MODULE, &none).contains("does not exist"));
    }
}
