//! `fetch`: a file of the host, kept on the controller. The names are ours, never the host's, and nothing is written
//! outside of the ops repository and the directory for temporary files.

use super::{
    Args, Change, Delivery, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned,
    plain_result,
};
use crate::model::{Content as Bytes, Map, Script, Subjects};
use crate::questions::Stop;
use crate::questions::contents::{Content, Read};
use sha1::Digest as _;

/// Largest file that is brought here.
const BYTES_MAX: u64 = 64 << 20;

/// The module.
pub static MODULE: Module = Module {
    name: "fetch",
    aliases: &[],
    summary: "Keeps a file of the host on the controller",
    params: &[
        Param::required("src", Kind::Path, "the file on the host"),
        Param::required(
            "dest",
            Kind::Text,
            "a directory here, in which there is one for each host; see flat",
        ),
        Param::optional(
            "flat",
            Kind::Bool,
            "dest is the file itself, or with a slash at its end the directory",
        )
        .default("no"),
        Param::optional("fail_on_missing", Kind::Bool, "whether it is an error that there is no such file")
            .default("yes"),
        Param::optional("validate_checksum", Kind::Bool, "whether it is looked at again, which it always is")
            .default("yes"),
        Param::optional("mode", Kind::Any, "taken and not looked at, as in Ansible"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Keep the certificate requests
  fetch:
    src: /etc/ssl/app.csr
    dest: fetched/
- name: Keep it under the host's name
  fetch: {src: /etc/ssl/app.csr, dest: "fetched/{{ inventory_hostname }}.csr", flat: true}
"#,
        returns: &[
            Returned { name: "dest", help: "where it is here" },
            Returned { name: "src", help: "the file on the host" },
            Returned { name: "checksum, remote_checksum", help: "its SHA-1" },
            Returned { name: "msg", help: "why there is nothing" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Nothing is run on the host: the content is known, and written here.
const NOTHING: Script = Script { name: "kept_here", text: "exit 0" };

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[NOTHING];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let src = args.needed("src")?;
    let kept = host.controller.kept(&place(args, src, host)?)?;
    let content = host.get(Read { path: src.to_owned(), bytes_max: BYTES_MAX })?;
    let bytes = match content.as_ref() {
        Content::Whole(bytes) => bytes,
        Content::TooLarge => {
            return Err(Stop::refuse(format!(
                "{src} is larger than {} MiB, which is not fetched",
                BYTES_MAX >> 20
            )));
        }
        missing => {
            let why = match missing {
                Content::NoFile => "remote file is a directory, fetch cannot work on directories",
                _ => "the remote file does not exist",
            };
            if args.flag("fail_on_missing") {
                return Err(Stop::refuse(why));
            }
            let mut result = Map::new();
            result.insert("msg".into(), format!("{why}, not transferring, ignored").into());
            result.insert("file".into(), src.into());
            return Ok(Outcome::in_order(result));
        }
    };
    let sum: String = sha1::Sha1::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    let path = kept.path.to_string_lossy().into_owned();
    let mut result = Map::new();
    result.insert("src".into(), src.into());
    result.insert("dest".into(), path.clone().into());
    result.insert("checksum".into(), sum.clone().into());
    result.insert("remote_checksum".into(), sum.into());
    if kept.content.as_deref() == Some(bytes.as_slice()) {
        return Ok(Outcome::in_order(result));
    }
    let change = Change::state(format!("keep {src} in {path}"), NOTHING, [path], Subjects::NONE);
    let change = Change { delivery: Delivery::Here(kept.path), ..change };
    Ok(Outcome::change(result, vec![change.with_content(Bytes::new(bytes.clone()))]))
}

/// Where the file is kept.
fn place(args: &Args, src: &str, host: &Host<'_>) -> Result<String, Stop> {
    let dest = args.needed("dest")?;
    if src.split('/').any(|part| part == "..") {
        return Err(Stop::refuse(format!("'src' is {src}: expected a path without '..'")));
    }
    let name = src.rsplit('/').next().unwrap_or_default();
    Ok(match (args.flag("flat"), dest.ends_with('/')) {
        (true, true) => format!("{dest}{name}"),
        (true, false) => dest.to_owned(),
        (false, _) => format!("{}/{}{src}", dest.trim_end_matches('/'), host.controller.host_name()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_file_is_kept_below_the_hosts_name_or_where_it_is_said() {
        let mut bench = Bench::new();
        let src = bench.file("a b", "content");
        for (args, path) in [
            (json!({"dest": "got"}), format!("got/bench{src}")),
            (json!({"dest": "got/", "flat": true}), "got/a b".to_owned()),
            (json!({"dest": "got/x", "flat": true}), "got/x".to_owned()),
        ] {
            let mut args = args;
            args["src"] = json!(src);
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            let change = &outcome.changes[0];
            assert_eq!(change.delivery, Delivery::Here(path.clone().into()));
            assert_eq!(change.content.as_ref().unwrap().bytes(), b"content");
            assert_eq!(outcome.result["checksum"], json!("040f06fd774092478d450774f5ba30c5da78acc8"));
            bench.source(&path, "content");
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn a_missing_file_is_an_error_unless_it_may_be_missing() {
        let bench = Bench::new();
        let mut args = json!({"src": bench.path("none"), "dest": "got"});
        assert_eq!(bench.refusal(&MODULE, &args), "the remote file does not exist");
        args["fail_on_missing"] = json!(false);
        let said = bench.in_order(&MODULE, &args)["msg"].clone();
        assert_eq!(said, json!("the remote file does not exist, not transferring, ignored"));
        args["src"] = json!("/etc/../x");
        assert!(bench.refusal(&MODULE, &args).contains("without '..'"));
    }
}
