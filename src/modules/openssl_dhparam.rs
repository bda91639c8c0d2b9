//! `openssl_dhparam`: that Diffie-Hellman parameters of a length are there, or aren't.

use super::attributes::{GROUP, MODE, OWNER};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER};
use super::made_file::{self, Made, made_file};
use super::place::BACKUP;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Script};
use crate::questions::system::keys::DhParameters;
use crate::questions::{Output, Stop};
use std::time::Duration;

/// Longest wait: large safe primes are rare.
const DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);

/// The module.
pub static MODULE: Module = Module {
    name: "openssl_dhparam",
    aliases: &[],
    summary: "Makes Diffie-Hellman parameters, or removes them",
    params: &[
        Param::required("path", Kind::Path, "where they are"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether they are to be there")
            .default("present"),
        Param::optional("size", Kind::Int, "their length in bits").default("4096"),
        Param::optional("force", Kind::Bool, "make them anew each time").default("no"),
        Param::optional("return_content", Kind::Bool, "whether `register` gets them").default("no"),
        Param::optional(
            "select_crypto_backend",
            Kind::Choice(&["auto", "cryptography", "openssl"]),
            "accepted: the host's openssl makes them",
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
        Param::not_yet("unsafe_writes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Parameters for old clients\n  openssl_dhparam: {path: /etc/ssl/dhparam.pem, size: 2048}\n",
        returns: &[
            Returned { name: "filename", help: "where they are" },
            Returned { name: "size", help: "their length" },
            Returned { name: "dhparams", help: "with `return_content`: what is in the file" },
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

/// Makes parameters of a length.
const MAKE: Script = Script {
    name: "make_dh_parameters",
    text: made_file!(
        r#"said=$(openssl dhparam -out "$new" "$1" 2>&1) || { printf '%s\n' "$said" | tail -n 2 >&2; exit 1; }"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let size = args.int("size").filter(|size| (512..=16384).contains(size));
    let size =
        size.ok_or_else(|| Stop::refuse("'size' is no length of parameters: expected 512 to 16384"))?;
    let mut result = Map::new();
    result.insert("filename".into(), path.into());
    if args.text("state") == Some("absent") {
        return Ok(Made::ask(args, host)?.remove(result));
    }
    result.insert("size".into(), size.into());
    let (file, said) = (Made::ask(args, host), host.get(DhParameters(vec![path.to_owned()])));
    let (file, said) = (file?, said?.as_ref().clone().map_err(Stop::refuse)?.text);
    if said.trim() == size.to_string() && !args.flag("force") {
        file.tell(&mut result, "dhparams");
        return Ok(Outcome::change(result, file.keep(host)?));
    }
    let summary = format!("make Diffie-Hellman parameters of {size} bits in {path}");
    let mut changes = file.make(host, summary, (MAKE, 0o666), vec![size.to_string()])?;
    if let Some(made) = changes.first_mut() {
        made.deadline = DEADLINE;
        if args.flag("force") {
            made.nature = Nature::Event;
        }
    }
    Ok(Outcome::change(result, changes))
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    made_file::result(outcome, outputs, "dhparams")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn parameters_are_made_once_and_anew_for_another_length() {
        for mut bench in Bench::every_shell() {
            bench.program("openssl", "exec /usr/bin/openssl \"$@\"");
            let mut args =
                json!({"path": bench.path("dh"), "size": 512, "mode": "0644", "return_content": true});
            let made = bench.changes(&MODULE, &args);
            assert_eq!(bench.in_order(&MODULE, &args)["dhparams"], made["dhparams"]);
            args["size"] = json!(520);
            bench.changes(&MODULE, &args);
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
        }
    }
}
