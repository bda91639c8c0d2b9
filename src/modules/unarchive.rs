//! `unarchive`: an archive's content below a directory of the host. Of an archive that is on the host it is asked first
//! what is missing or different there; one that comes from the controller or from a URL is compared when it has arrived,
//! so that a dry run can't know what it will come to.

use super::attributes::{GROUP, MODE, OWNER, Wanted, number};
use super::http_request::{VALIDATE_CERTS, request};
use super::labels::{self, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::mode::Mode;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::archives::{Differences, UNPACK, Unpacking};
use crate::questions::command::AnyMatch;
use crate::questions::labels::LabelsOf;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "unarchive",
    aliases: &[],
    summary: "Unpacks a tar or zip archive in a directory",
    params: &[
        Param::required(
            "src",
            Kind::Source,
            "the archive, beside the playbook; with remote_src a path on the host, or a URL",
        ),
        Param::required("dest", Kind::Path, "the directory, which must be there"),
        Param::optional("remote_src", Kind::Bool, "src is on the host, or a URL that the host fetches")
            .default("no"),
        Param::optional("copy", Kind::Bool, "the opposite of remote_src"),
        Param::optional("creates", Kind::Path, "nothing is unpacked where this exists"),
        Param::optional("include", Kind::List, "names in the archive that are meant"),
        Param::optional("exclude", Kind::List, "names in the archive that are left out"),
        Param::optional("extra_opts", Kind::List, "more options of tar").starts(),
        Param::optional("keep_newer", Kind::Bool, "leave files that are newer than those in the archive")
            .default("no"),
        Param::optional("list_files", Kind::Bool, "whether the result names what is in it").default("no"),
        Param::optional("decrypt", Kind::Bool, "decrypt a source that is in Ansible's vault").default("yes"),
        VALIDATE_CERTS,
        OWNER,
        GROUP,
        MODE,
        Param::optional("io_buffer_size", Kind::Int, "without meaning here").default("65536"),
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
        Param::not_yet("attributes").or(&["attr"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Unpack what the host has fetched
  unarchive:
    src: /opt/exporter-1.2.tar.gz
    dest: /opt/exporter
    remote_src: true
    extra_opts: [--strip-components=1]
    owner: root
    group: root
- name: Unpack once
  unarchive:
    src: https://example.org/app.zip
    dest: /srv/app
    remote_src: true
    creates: /srv/app/index.html
"#,
        returns: &[
            Returned { name: "dest", help: "the directory" },
            Returned { name: "src", help: "the archive" },
            Returned { name: "handler", help: "what kind of archive it is: `TgzArchive`, `ZipArchive` …" },
            Returned { name: "files", help: "with `list_files`: what is in it" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Unpacks an archive.
const UNPACK_ARCHIVE: Script = Script { name: "unpack_archive", text: UNPACK };

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[UNPACK_ARCHIVE];

/// How many words `request` takes.
const REQUEST_WORDS: usize = 12;

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (src, dest) = (args.needed("src")?, args.needed("dest")?);
    let on_host = args.flag("remote_src") || args.maybe_flag("copy") == Some(false);
    if args.has("include") && args.has("exclude") {
        return Err(Stop::refuse("parameters are mutually exclusive: include|exclude"));
    }
    if labels::wants_context(args) && host.get(LabelsOf(dest.to_owned()))?.has_contexts {
        let message = "SELinux is on here, and contexts of what is unpacked are not supported yet";
        return Err(Stop::refuse(format!("{message}: let a task with 'file' follow that sets them")));
    }
    let mut result = Map::new();
    result.insert("dest".into(), dest.into());
    result.insert("src".into(), src.into());
    if let Some(path) = args.text("creates") {
        let question = AnyMatch { pattern: path.to_owned(), directory: String::new() };
        if *host.get(question)? {
            let message = format!("skipped, since {path} exists");
            return Ok(Outcome { skipped: Some(message), ..Outcome::in_order(result) });
        }
    }
    let wanted = Wanted::ask(args, host)?;
    let is_url = src.contains("://");
    let mut unpacking = unpacking(args, src, dest, &wanted)?;
    if on_host && !is_url {
        if !src.starts_with('/') {
            return Err(Stop::refuse(format!(
                "'src' is {src}: expected an absolute path on the host, or a URL"
            )));
        }
        return on_host_already(args, unpacking, result, host);
    }
    let words = match on_host {
        true => request(args, src, "GET")?.words("-", false),
        false => vec![String::new(); REQUEST_WORDS],
    };
    let content = match on_host {
        true => None,
        false => {
            unpacking.archive = "-".into();
            let content = host.controller.file(src)?;
            if args.flag("decrypt") && content.bytes().starts_with(b"$ANSIBLE_VAULT;") {
                return Err(Stop::refuse(format!("{src} is in Ansible's vault, which is not read yet")));
            }
            Some(content)
        }
    };
    let change = change(args, words, &unpacking, format!("unpack {src} in {dest} where that differs"));
    Ok(Outcome::change(result, vec![Change { nature: Nature::Opaque, content, ..change }]))
}

/// An archive that is on the host.
fn on_host_already(
    args: &Args,
    unpacking: Unpacking,
    mut result: Map,
    host: &Host<'_>,
) -> Result<Outcome, Stop> {
    let unpacked = match host.get(Differences(unpacking.clone()))?.as_ref() {
        Ok(unpacked) => unpacked.clone(),
        Err(why) => return Err(Stop::refuse(why.clone())),
    };
    result.insert("handler".into(), unpacked.handler.into());
    let count = unpacked.differences.len();
    let must_list = args.flag("list_files");
    let Some(first) = unpacked.differences.first() else {
        // Names are only told by the change, which changes nothing then.
        let change = must_list.then(|| {
            let summary = format!("list what is in {}", unpacking.archive);
            let words = vec![String::new(); REQUEST_WORDS];
            Change { nature: Nature::Event, ..change(args, words, &unpacking, summary) }
        });
        return Ok(Outcome::change(result, change.into_iter().collect()));
    };
    let summary = format!("unpack {} in {}: {count} differ ({first})", unpacking.archive, unpacking.dest);
    let words = vec![String::new(); REQUEST_WORDS];
    Ok(Outcome::change(result, vec![change(args, words, &unpacking, summary)]))
}

fn change(args: &Args, mut words: Vec<String>, unpacking: &Unpacking, summary: String) -> Change {
    words.push(if args.flag("list_files") { "yes" } else { "no" }.to_owned());
    words.extend(unpacking.words());
    Change::state(summary, UNPACK_ARCHIVE, words, [Subject::path(&unpacking.dest)])
}

fn unpacking(args: &Args, src: &str, dest: &str, wanted: &Wanted) -> Result<Unpacking, Stop> {
    let mode = match (&wanted.mode, args.text("mode")) {
        (None, _) | (Some(Mode::Preserve), _) => "-".to_owned(),
        (Some(_), mode) => mode.unwrap_or("-").to_owned(),
    };
    let is_zip = src.to_lowercase().ends_with(".zip");
    let texts = |name| args.list(name).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let options = match is_zip {
        true => texts("exclude"),
        false => {
            let excluded = texts("exclude").into_iter().map(|name| format!("--exclude={name}"));
            texts("extra_opts").into_iter().chain(excluded).collect()
        }
    };
    if options.iter().chain(&texts("include")).any(String::is_empty) {
        return Err(Stop::refuse("an empty text is no option and no name"));
    }
    Ok(Unpacking {
        archive: src.to_owned(),
        dest: dest.trim_end_matches('/').to_owned(),
        attributes: [number(wanted.uid), number(wanted.gid), mode],
        keeps_newer: args.flag("keep_newer"),
        options,
        names: texts("include"),
    })
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let Some(output) = outputs.first().filter(|output| output.status == 0) else { return result };
    let text = output.text();
    let mut lines = text.lines();
    let (state, handler) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or_default();
    result.insert("changed".into(), (state == "changed").into());
    result.insert("handler".into(), handler.into());
    let files: Vec<Value> = lines.map(Value::from).collect();
    if !files.is_empty() {
        result.insert("files".into(), files.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use crate::questions::workbench::is_root;
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::process::Command;

    /// Archives of one tree, as far as this machine can make them.
    fn archives(bench: &Bench) -> Vec<&'static str> {
        let tree = bench.at("s/top");
        std::fs::create_dir_all(tree.join("sub dir")).unwrap();
        std::fs::write(tree.join("a"), "one").unwrap();
        std::fs::write(tree.join("sub dir/b [x]"), "two").unwrap();
        std::fs::set_permissions(tree.join("a"), PermissionsExt::from_mode(0o755)).unwrap();
        let make = |name: &str, options: &[&str]| {
            let mut command = Command::new("tar");
            command.args(options).arg(bench.at(name)).arg("-C").arg(bench.at("s")).arg("top");
            command.status().is_ok_and(|status| status.success())
        };
        let mut names = Vec::new();
        for (name, option) in [
            ("t.tar", "-cf"),
            ("t.tar.gz", "-czf"),
            ("t.tar.bz2", "-cjf"),
            ("t.tar.xz", "-cJf"),
            ("t.tar.zst", "--zstd -cf"),
        ] {
            let options: Vec<&str> = option.split(' ').collect();
            if make(name, &options) {
                names.push(name);
            }
        }
        let zip = Command::new("zip")
            .args(["-qr", bench.path("t.zip").as_str(), "top"])
            .current_dir(bench.at("s"))
            .status();
        if zip.is_ok_and(|status| status.success()) {
            names.push("t.zip");
        }
        names
    }

    #[test]
    fn an_archive_on_the_host_is_unpacked_where_it_differs() {
        for bench in Bench::every_shell() {
            let only_tar = bench.name() == "busybox";
            for name in archives(&bench).into_iter().filter(|name| !only_tar || *name == "t.tar") {
                let dest = bench.at("d");
                std::fs::create_dir(&dest).unwrap();
                let args = json!({"src": bench.path(name), "dest": bench.path("d/"), "remote_src": true, "list_files": true});
                let result = bench.changes(&MODULE, &args);
                assert_eq!(bench.read("d/top/sub dir/b [x]"), "two", "{name} in {}", bench.name());
                let files = result["files"].as_array().unwrap();
                assert!(files.contains(&json!("top/sub dir/b [x]")), "{files:?}");
                let mut quiet = args.clone();
                quiet["list_files"] = json!(false);
                bench.in_order(&MODULE, &quiet);
                if only_tar {
                    std::fs::remove_file(dest.join("top/a")).unwrap();
                } else {
                    std::fs::write(dest.join("top/a"), "other").unwrap();
                }
                bench.changes(&MODULE, &quiet);
                assert_eq!(bench.read("d/top/a"), "one", "{name}");
                std::fs::remove_dir_all(dest).unwrap();
            }
        }
    }

    #[test]
    fn names_options_owner_and_mode_are_as_asked_for() {
        let bench = Bench::new();
        archives(&bench);
        for (place, more, there, missing) in [
            ("d1", json!({"extra_opts": ["--strip-components=1"]}), "d1/a", "d1/top"),
            ("d2", json!({"include": ["top/a"]}), "d2/top/a", "d2/top/sub dir"),
            ("d3", json!({"exclude": ["top/sub dir"], "mode": "0700"}), "d3/top/a", "d3/top/sub dir"),
        ] {
            std::fs::create_dir(bench.at(place)).unwrap();
            let mut args = json!({"src": bench.path("t.tar.gz"), "dest": bench.path(place), "copy": false});
            args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            if is_root() {
                args["owner"] = json!("1");
            }
            bench.changes(&MODULE, &args);
            assert!(bench.at(there).exists() && !bench.at(missing).exists(), "{args}");
            let meta = std::fs::metadata(bench.at(there)).unwrap();
            assert_eq!(meta.mode() & 0o777, if place == "d3" { 0o700 } else { 0o755 });
            assert!(!is_root() || meta.uid() == 1);
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn an_archive_from_here_is_compared_when_it_has_arrived() {
        for mut bench in Bench::every_shell() {
            archives(&bench);
            let bytes = std::fs::read(bench.at("t.tar")).unwrap();
            bench.source_bytes("t.tar", &bytes);
            std::fs::create_dir(bench.at("d")).unwrap();
            let args = json!({"src": "t.tar", "dest": bench.path("d"), "creates": bench.path("d/never")});
            assert_eq!(bench.changes(&MODULE, &args)["changed"], json!(true));
            assert_eq!(bench.read("d/top/a"), "one");
            assert_eq!(bench.changes(&MODULE, &args)["changed"], json!(false));
            bench.file("d/never", "");
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn what_is_no_archive_or_has_no_place_is_refused() {
        for bench in Bench::every_shell() {
            archives(&bench);
            let mut args =
                json!({"src": bench.path("none.tar"), "dest": bench.path("s"), "remote_src": true});
            assert!(bench.refusal(&MODULE, &args).ends_with("does not exist"));
            args["src"] =
                json!(bench.file("text", "no archive at all, but longer than a block of a tape would be\n"));
            assert!(bench.refusal(&MODULE, &args).contains("can't be read as an archive"));
            args["src"] = json!(bench.path("t.tar"));
            args["dest"] = json!(bench.path("nowhere"));
            assert!(bench.refusal(&MODULE, &args).ends_with("is not a directory"));
        }
    }
}
