//! `assemble`: one file made of all files of a directory, in the order of their names.

use super::attributes::{self, GROUP, MODE, OWNER};
use super::copy::{of_controller, put};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::{BACKUP, VALIDATE};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, TreeKind};
use crate::model::{Content, Pattern, PatternOptions};
use crate::questions::Stop;
use crate::questions::contents::{Content as Whole, Read};
use crate::questions::files::NodeKind;
use crate::questions::find::Below;

/// Largest part that is taken.
const BYTES_MAX: u64 = 8 << 20;

/// The module.
pub static MODULE: Module = Module {
    name: "assemble",
    aliases: &[],
    summary: "Makes one file of all files of a directory",
    params: &[
        Param::required("src", Kind::Source, "the directory, on the host unless remote_src is no"),
        Param::required("dest", Kind::Path, "the file"),
        Param::optional("remote_src", Kind::Bool, "src is on the host").default("yes"),
        Param::optional(
            "delimiter",
            Kind::Text,
            r"a line between the parts; \n and \t in it are those characters",
        ),
        Param::optional("regexp", Kind::Text, "a pattern that names of parts have to match"),
        Param::optional("ignore_hidden", Kind::Bool, "leave out names that begin with a dot").default("no"),
        Param::optional("decrypt", Kind::Bool, "decrypt parts that are in Ansible's vault").default("yes"),
        BACKUP,
        VALIDATE,
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
- name: One configuration of many parts
  assemble:
    src: /etc/app/conf.d
    dest: /etc/app/app.conf
    regexp: '\.conf$'
    mode: "0644"
"#,
        returns: &[
            Returned { name: "dest", help: "where it is" },
            Returned { name: "checksum", help: "the SHA-1 of what is there now" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
            Returned { name: "mode, owner, group, uid, gid, size, state", help: "what the file is like" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: attributes::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let options = PatternOptions::default();
    let pattern = args.text("regexp").map(|text| Pattern::new(text, options)).transpose();
    let pattern = pattern.map_err(|error| Stop::refuse(format!("Invalid Regexp: {error}")))?;
    let is_meant = |name: &str| {
        let is_hidden = args.flag("ignore_hidden") && name.starts_with('.');
        !is_hidden && pattern.as_ref().is_none_or(|pattern| pattern.is_found(name).unwrap_or(false))
    };
    let parts = match args.flag("remote_src") {
        true => on_host(args.needed("src")?, &is_meant, host)?,
        false => on_controller(args.needed("src")?, args, &is_meant, host)?,
    };
    let whole = joined(&parts, args.text("delimiter"));
    put(of_controller(Content::new(whole), None, None), args, host)
}

fn on_host(src: &str, is_meant: &dyn Fn(&str) -> bool, host: &Host<'_>) -> Result<Vec<Vec<u8>>, Stop> {
    let path = src.trim_end_matches('/').to_owned();
    if !path.starts_with('/') {
        return Err(Stop::refuse(format!("'src' is {src}: expected an absolute path on the host")));
    }
    let found = host.get(Below { path, depth: 1, follow: true, names: Vec::new(), kind: "-" })?;
    if let Some(why) = &found.missing {
        return Err(Stop::refuse(format!("Source ({src}) {why}")));
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let meant =
        found.entries.iter().filter(|entry| entry.kind == NodeKind::File && is_meant(&name(&entry.path)));
    let reads: Vec<Read> =
        meant.map(|entry| Read { path: entry.path.clone(), bytes_max: BYTES_MAX }).collect();
    let contents = host.get(reads.clone())?;
    let mut parts = Vec::new();
    for (read, content) in reads.iter().zip(&contents) {
        match content.as_ref() {
            Whole::Whole(bytes) => parts.push(bytes.clone()),
            _ => return Err(Stop::refuse(format!("{} can't be read, or is too large", read.path))),
        }
    }
    Ok(parts)
}

fn on_controller(
    src: &str,
    args: &Args,
    is_meant: &dyn Fn(&str) -> bool,
    host: &Host<'_>,
) -> Result<Vec<Vec<u8>>, Stop> {
    let Some(entries) = host.controller.tree(src)? else {
        return Err(Stop::refuse(format!("Source ({src}) is not a directory")));
    };
    let mut parts = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.name.contains('/') && is_meant(&entry.name)) {
        let TreeKind::File { path, .. } = &entry.kind else { continue };
        let content = host.controller.file(path)?;
        if args.flag("decrypt") && content.bytes().starts_with(b"$ANSIBLE_VAULT;") {
            return Err(Stop::refuse(format!("{path} is in Ansible's vault, which is not read yet")));
        }
        parts.push(content.bytes().to_vec());
    }
    Ok(parts)
}

/// The parts one after the other, each beginning a line, with the delimiter between them.
fn joined(parts: &[Vec<u8>], delimiter: Option<&str>) -> Vec<u8> {
    let delimiter = delimiter.map(|text| {
        let mut text = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r");
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.into_bytes()
    });
    let mut whole: Vec<u8> = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            if parts.get(at - 1).is_some_and(|before| !before.ends_with(b"\n")) {
                whole.push(b'\n');
            }
            whole.extend(delimiter.iter().flatten());
        }
        whole.extend(part);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn parts_of_the_host_and_of_the_controller_become_one_file() {
        for mut bench in Bench::every_shell() {
            std::fs::create_dir_all(bench.at("d/below")).unwrap();
            for (name, text) in
                [("d/2 b", "two\n"), ("d/10", "ten"), ("d/.x", "hidden\n"), ("d/below/y", "no\n")]
            {
                bench.file(name, text);
            }
            let mut args = json!({"src": bench.path("d"), "dest": bench.path("f"), "mode": "0600"});
            assert_eq!(bench.changes(&MODULE, &args)["mode"], json!("0600"));
            assert_eq!(bench.read("f"), "hidden\nten\ntwo\n");
            bench.in_order(&MODULE, &args);
            args["ignore_hidden"] = json!(true);
            args["delimiter"] = json!("--\\n--");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("f"), "ten\n--\n--\ntwo\n");
            args["regexp"] = json!("^2");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("f"), "two\n");
            bench.source("parts/a", "1");
            bench.source("parts/b", "2\n");
            bench.source("parts/c/d", "3\n");
            let args = json!({"src": "parts", "dest": bench.path("g"), "remote_src": false});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("g"), "1\n2\n");
            let missing = json!({"src": bench.path("none"), "dest": "/x"});
            assert!(bench.refusal(&MODULE, &missing).contains("does not exist"));
        }
    }
}
