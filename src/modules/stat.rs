//! `stat`: what is known about a path; nothing is changed.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::files::{Algorithm, Digesting, Inspect, Inspected, Node, NodeKind};
use crate::questions::labels::{LabelsOf, MimeOf};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "stat",
    aliases: &[],
    summary: "Says what is known about a path",
    params: &[
        Param::required("path", Kind::Path, "the path").or(&["dest", "name"]),
        Param::optional("follow", Kind::Bool, "look where a link leads").default("no"),
        Param::optional("get_checksum", Kind::Bool, "digest a regular file").default("yes"),
        Param::optional("checksum_algorithm", Kind::Choice(ALGORITHMS), "by which algorithm")
            .default("sha1")
            .or(&["checksum", "checksum_algo"]),
        Param::optional("get_mime", Kind::Bool, "what kind of content it is, as the program 'file' says")
            .or(&["mime", "mime_type", "mime-type"])
            .default("yes"),
        Param::optional("get_attributes", Kind::Bool, "file flags, as the program 'lsattr' says")
            .or(&["attr", "attributes"])
            .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Look for the certificate
  stat: {path: /etc/ssl/private/app.pem}
  register: certificate
- name: Say that it is missing
  debug: {msg: there is no certificate yet}
  when: not certificate.stat.exists
",
        returns: &[
            Returned { name: "stat.exists", help: "whether it is there; the keys below are, where it is" },
            Returned { name: "stat.isreg, isdir, islnk, …", help: "what it is" },
            Returned { name: "stat.mode", help: "the permissions, as four octal digits" },
            Returned { name: "stat.uid, gid, pw_name, gr_name", help: "owner and group" },
            Returned { name: "stat.size", help: "the size in bytes" },
            Returned { name: "stat.mtime, atime, ctime", help: "its times, in seconds since 1970" },
            Returned {
                name: "stat.mimetype, charset",
                help: "with `get_mime`: what `file` takes the content for, or `unknown`",
            },
            Returned {
                name: "stat.attributes, attr_flags, version",
                help: "with `get_attributes`: file flags by name and by letter, as `lsattr` has them",
            },
            Returned { name: "stat.checksum", help: "with `get_checksum`, of a regular file: its digest" },
            Returned {
                name: "stat.lnk_target, lnk_source",
                help: "of a link: what it holds, and where that leads",
            },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

const ALGORITHMS: &[&str] = Algorithm::NAMES;

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let digesting = match Algorithm::named(args.needed("checksum_algorithm")?) {
        Some(algorithm) if args.flag("get_checksum") => Digesting::By(algorithm),
        _ => Digesting::No,
    };
    let path = args.needed("path")?;
    let follow = args.flag("follow");
    let seen = host.get(Inspect::path(path).digesting(digesting));
    let wants = |name| args.flag(name).then(|| path.to_owned());
    let mime = wants("get_mime").map(|path| host.get(MimeOf { path, follow }));
    let labels = wants("get_attributes").map(|path| host.get(LabelsOf(path)));
    let (seen, mime, labels) = (seen?, mime.transpose()?, labels.transpose()?);
    let node = if follow { seen.followed() } else { seen.node.as_ref() };
    let mut stat = match node {
        Some(node) => describe(path, node, &seen),
        None => json!({"exists": false}),
    };
    if let (Some(_), Some(stat)) = (node, stat.as_object_mut()) {
        if let Some(mime) = mime {
            let (kind, charset) = (*mime).clone().unwrap_or(("unknown".into(), "unknown".into()));
            stat.insert("mimetype".into(), kind.into());
            stat.insert("charset".into(), charset.into());
        }
        if let Some(labels) = labels {
            let flags = labels.flags.clone().unwrap_or_default();
            stat.insert("version".into(), labels.version.clone().into());
            stat.insert("attributes".into(), named_flags(&flags).into());
            stat.insert("attr_flags".into(), flags.into());
        }
    }
    let mut result = Map::new();
    result.insert("stat".into(), stat);
    Ok(Outcome::in_order(result))
}

/// File flags by the names that Ansible has for them.
fn named_flags(flags: &str) -> Vec<&'static str> {
    const NAMES: [(char, &str); 20] = [
        ('A', "noatime"),
        ('a', "append"),
        ('c', "compressed"),
        ('C', "nocow"),
        ('d', "nodump"),
        ('D', "dirsync"),
        ('e', "extents"),
        ('E', "encrypted"),
        ('h', "blocksize"),
        ('i', "immutable"),
        ('I', "indexed"),
        ('j', "journalled"),
        ('N', "inline"),
        ('s', "zero"),
        ('S', "synchronous"),
        ('t', "notail"),
        ('T', "blockroot"),
        ('u', "undelete"),
        ('X', "compressedraw"),
        ('Z', "compresseddirty"),
    ];
    flags.chars().filter_map(|flag| Some(NAMES.iter().find(|(letter, _)| *letter == flag)?.1)).collect()
}

fn describe(path: &str, node: &Node, seen: &Inspected) -> Value {
    let is = |kind| node.kind == kind;
    let bit = |bits: u32| node.mode & bits != 0;
    let may = |letter| seen.access.contains(letter);
    let mut stat = json!({
        "exists": true,
        "path": path,
        "mode": format!("{:04o}", node.mode),
        "isdir": is(NodeKind::Directory), "ischr": is(NodeKind::Character), "isblk": is(NodeKind::Block),
        "isreg": is(NodeKind::File), "isfifo": is(NodeKind::Fifo), "islnk": is(NodeKind::Link),
        "issock": is(NodeKind::Socket),
        "uid": node.uid, "gid": node.gid, "size": node.size, "inode": node.inode, "dev": node.device,
        "nlink": node.links, "blocks": node.blocks, "block_size": node.block_size,
        "atime": seconds(node.atime), "mtime": seconds(node.mtime), "ctime": seconds(node.ctime),
        "wusr": bit(0o200), "rusr": bit(0o400), "xusr": bit(0o100),
        "wgrp": bit(0o020), "rgrp": bit(0o040), "xgrp": bit(0o010),
        "woth": bit(0o002), "roth": bit(0o004), "xoth": bit(0o001),
        "isuid": bit(0o4000), "isgid": bit(0o2000),
        "readable": may('r'), "writeable": may('w'), "executable": may('x'),
    });
    let Some(map) = stat.as_object_mut() else { return stat };
    for (key, name) in [("pw_name", &node.owner), ("gr_name", &node.group)] {
        if name != "UNKNOWN" {
            map.insert(key.into(), name.clone().into());
        }
    }
    if let Some(link) = seen.link.as_ref().filter(|_| is(NodeKind::Link)) {
        map.insert("lnk_target".into(), link.target.clone().into());
        map.insert("lnk_source".into(), seen.followed_path().into());
    }
    if let Some(digest) = seen.digest.as_ref().filter(|_| is(NodeKind::File)) {
        map.insert("checksum".into(), digest.clone().into());
    }
    stat
}

/// Ansible's times are fractions of seconds.
fn seconds(time: i64) -> f64 {
    time as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn a_file_has_ansibles_keys() {
        for bench in Bench::every_shell() {
            let path = bench.file("a file", "hello\n");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o4751)).unwrap();
            let meta = std::fs::metadata(&path).unwrap();
            let stat = &bench.in_order(&MODULE, &json!({"path": path}))["stat"];
            assert_eq!(stat["mode"], json!("4751"));
            assert_eq!(stat["checksum"], json!("f572d396fae9206628714fb2ce00f72e94f2258f"));
            assert_eq!((&stat["size"], &stat["inode"]), (&json!(6), &json!(meta.ino())));
            assert_eq!((&stat["dev"], &stat["nlink"]), (&json!(meta.dev()), &json!(1)));
            assert_eq!(
                (&stat["mtime"], &stat["blocks"]),
                (&json!(meta.mtime() as f64), &json!(meta.blocks()))
            );
            for (key, value) in
                [("isreg", true), ("isdir", false), ("isuid", true), ("xoth", true), ("wgrp", false)]
            {
                assert_eq!(stat[key], json!(value), "{key}");
            }
            assert_eq!((&stat["readable"], &stat["executable"]), (&json!(true), &json!(true)));
        }
    }

    #[test]
    fn links_directories_and_nothing_are_told_apart() {
        for bench in Bench::every_shell() {
            let file = bench.file("target", "x");
            symlink("target", bench.at("link")).unwrap();
            let ask = |args: Value| bench.in_order(&MODULE, &args)["stat"].clone();
            let link = ask(json!({"path": bench.path("link")}));
            assert_eq!((&link["islnk"], &link["lnk_target"]), (&json!(true), &json!("target")));
            assert_eq!(link["lnk_source"], json!(file));
            assert_eq!(link.get("checksum"), None);
            let followed = ask(json!({"path": bench.path("link"), "follow": true}));
            assert_eq!((&followed["isreg"], followed.get("lnk_target")), (&json!(true), None));
            assert_eq!(ask(json!({"path": bench.path("none")})), json!({"exists": false}));
            assert_eq!(ask(json!({"path": bench.path("target/below")})), json!({"exists": false}));
            assert_eq!(ask(json!({"path": bench.path(".")}))["isdir"], json!(true));
            let plain = ask(json!({"path": file, "checksum_algorithm": "md5"}));
            assert_eq!(plain["checksum"], json!("9dd4e461268c8034f5c8564e155c67a6"));
            assert_eq!(ask(json!({"path": file, "get_checksum": false})).get("checksum"), None);
        }
    }

    #[test]
    fn kinds_of_content_and_flags_are_told_unless_nobody_asks() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "text\n");
            let stat = bench.in_order(&MODULE, &json!({"path": path}))["stat"].clone();
            let mime = stat["mimetype"].as_str().unwrap();
            assert!(mime == "unknown" || mime == "text/plain", "{mime}");
            assert!(stat["attributes"].is_array() && stat["attr_flags"].is_string());
            let args = json!({"path": path, "get_mime": false, "get_attributes": false});
            let stat = bench.in_order(&MODULE, &args)["stat"].clone();
            assert_eq!((stat.get("mimetype"), stat.get("attributes")), (None, None));
        }
        assert_eq!(named_flags("ie"), ["immutable", "extents"]);
    }
}
