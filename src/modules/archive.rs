//! `archive`: an archive of files of the host, or one file compressed. One that is there and holds the same is left alone.

use super::attributes::{GROUP, MODE, OWNER, Wanted, number, octal};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::nest::nest;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, attributes, labels,
};
use crate::model::{Map, Script, Subject, Subjects, Value};
use crate::questions::Stop;
use crate::questions::files::{Inspect, Inspected, NodeKind};
use crate::questions::system::volumes::Packed;

/// The module.
pub static MODULE: Module = Module {
    name: "archive",
    aliases: &[],
    summary: "Makes an archive of files of the host, or compresses one",
    params: &[
        Param::required("path", Kind::Paths, "what goes in: paths and patterns"),
        Param::optional("dest", Kind::Path, "the archive; needed unless one file is compressed"),
        Param::optional(
            "format",
            Kind::Choice(&["bz2", "gz", "tar", "xz", "zip", "zstd"]),
            "how it is packed",
        )
        .default("gz"),
        Param::optional("exclude_path", Kind::Paths, "what stays out: paths and patterns"),
        Param::optional("exclusion_patterns", Kind::List, "patterns of paths that stay out"),
        Param::optional("force_archive", Kind::Bool, "whether one file alone goes in an archive, too")
            .default("no"),
        Param::optional("remove", Kind::Bool, "whether what went in is removed then").default("no"),
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
- name: Keep the old settings
  archive:
    path: [/etc/shop, /var/lib/shop]
    dest: /var/backups/shop.tar.gz
    exclude_path: /var/lib/shop/cache
    mode: "0600"
"#,
        returns: &[
            Returned { name: "dest", help: "the archive" },
            Returned {
                name: "dest_state",
                help: "archive, compress, incomplete where a path is missing, or absent",
            },
            Returned { name: "archived", help: "what is in it" },
            Returned { name: "missing", help: "paths that are not there" },
            Returned { name: "arcroot", help: "the directory that names in it begin behind" },
            Returned { name: "expanded_paths", help: "what the paths came to" },
            Returned { name: "expanded_exclude_paths", help: "what stays out" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: attributes::result,
};

/// Packs what `plan` finds: mode, owner, group, whether what goes in is removed, then plan's words.
const PACK: Script = Script {
    name: "pack_archive",
    text: concat!(
        include_str!("../questions/archives/members.sh"),
        nest!(),
        r#"
mode=$1 uid=$2 gid=$3 remove=$4
shift 4
umask 077
dir=$(mktemp -d) || exit 1
trap 'leave; rm -rf "$dir"' EXIT
list=$dir/list
plan "$@" >/dev/null
[ -n "$root" ] || exit 113
unset IFS
set +f
cd "$root" || exit 113
new=$dir/new
pack() {
    case $format in
    gz) gzip -c ;;
    bz2) bzip2 -c ;;
    xz) xz -c ;;
    zstd) zstd -cq ;;
    *) cat ;;
    esac
}
if [ "$always" = no ]; then
    pack <"$(cat "$list")" >"$new" || exit 1
elif [ "$format" = zip ]; then
    new=$new.zip
    zip -q -X "$new" -@ <"$list" || exit 1
else
    if tar --version 2>/dev/null | grep -q GNU; then
        tar -cf "$dir/tar" --no-recursion --verbatim-files-from -T "$list" || exit 1
    else
        # busybox's takes no list.
        set --
        while IFS= read -r name; do set -- "$@" "$name"; done <"$list"
        tar -cf "$dir/tar" --no-recursion -- "$@" || exit 1
    fi
    pack <"$dir/tar" >"$new" || exit 1
fi
exec <"$new"
nest "$dest"
cat >new || exit 1
if [ "$uid" != - ]; then chown "$uid" new || exit 1; fi
if [ "$gid" != - ]; then chgrp "$gid" new || exit 1; fi
chmod "$mode" new || exit 1
settle new "$dest" || exit 1
if [ "$remove" = yes ]; then
    cd "$root" || exit 1
    while IFS= read -r top; do rm -rf -- "$top" || exit 1; done <"$dir/tops"
fi
stat -c '%f %u %g %s
%U
%G' -- "$dest" || exit 1
exit 0"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[PACK];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (paths, format) = (args.list("path"), args.needed("format")?);
    if paths.is_empty() {
        return Err(Stop::refuse("'path' names nothing"));
    }
    let is_glob = |path: &&str| path.contains(['*', '?', '[']);
    let several = paths.len() > 1
        || paths.iter().any(is_glob)
        || args.flag("force_archive")
        || matches!(format, "zip" | "tar");
    let given = args.text("dest");
    // Whether one path is a directory is known once it was looked at.
    let first = paths.first().copied().unwrap_or_default().trim_end_matches('/');
    let dest = given.map_or_else(|| format!("{first}.{format}"), str::to_owned);
    let (target, seen) = host.get((Inspect::path(&dest), Inspect::path(first)))?;
    let is_directory = seen.node.as_ref().is_some_and(|node| node.kind == NodeKind::Directory);
    let always = several || is_directory;
    if always && given.is_none() {
        return Err(Stop::refuse("Error, must specify \"dest\" when archiving multiple files or trees"));
    }
    let removal = args.flag("remove")
        && paths.iter().any(|path| dest.starts_with(&format!("{}/", path.trim_end_matches('/'))));
    if removal {
        return Err(Stop::refuse(
            "Error, created archive can not be contained in source paths when remove=true",
        ));
    }
    let words = words(args, &dest, format, always);
    let wanted = Wanted::ask(args, host);
    let said = host.get(Packed(words.clone()))?;
    let (wanted, said) = (wanted?, said.as_ref().clone().map_err(Stop::refuse)?);
    let plan = Plan::read(&said.text);
    let mut result = plan.told(&dest, always);
    if plan.paths.is_empty() {
        let state =
            if target.node.is_some() { if always { "archive" } else { "compress" } } else { "absent" };
        result.insert("dest_state".into(), state.into());
        return Ok(Outcome::in_order(result));
    }
    let changes = changes(args, host, &dest, (&target, &wanted), &plan, words)?;
    Ok(Outcome::change(result, changes))
}

/// What packs it, or what is missing of owner and mode where it is packed.
fn changes(
    args: &Args,
    host: &Host<'_>,
    dest: &str,
    (target, wanted): (&Inspected, &Wanted),
    plan: &Plan,
    words: Vec<String>,
) -> Result<Vec<Change>, Stop> {
    let real = target.followed_path();
    let labels = labels::changes(args, host, dest, &real)?;
    let remove = args.flag("remove");
    if plan.state == "same" && !remove {
        let missing = target.followed().and_then(|node| {
            let missing = wanted.missing(node, target.umask);
            (!missing.is_empty()).then(|| missing.change(dest, &real, node))
        });
        return Ok(missing.into_iter().chain(labels).collect());
    }
    let mode = wanted.new_mode(target.followed().map_or(0o666, |node| node.mode), false, target.umask);
    let yes = if remove { "yes" } else { "no" }.to_owned();
    let head = vec![octal(Some(mode)), number(wanted.uid), number(wanted.gid), yes];
    let mut touches = vec![Subject::path(dest), Subject::path(&real)];
    if remove {
        touches.extend(plan.paths.iter().map(|path| Subject::path(path)));
    }
    let also = if remove { " and remove that" } else { "" };
    let summary = format!("pack {} in {dest}{also}", plan.paths.join(", "));
    let change = Change::state(summary, PACK, [head, words].concat(), Subjects::These(touches));
    Ok(std::iter::once(change).chain(labels).collect())
}

/// The words that `plan` takes.
fn words(args: &Args, dest: &str, format: &str, always: bool) -> Vec<String> {
    let mut words = vec![dest.to_owned(), format.to_owned(), if always { "yes" } else { "no" }.to_owned()];
    for list in ["exclude_path", "exclusion_patterns", "path"] {
        let items = args.list(list);
        words.push(items.len().to_string());
        words.extend(items.into_iter().map(str::to_owned));
    }
    words
}

/// What goes in, and whether it is in already.
#[derive(Default)]
struct Plan {
    paths: Vec<String>,
    missing: Vec<String>,
    excluded: Vec<String>,
    members: Vec<String>,
    root: String,
    state: String,
}

impl Plan {
    fn read(said: &str) -> Self {
        let mut plan = Self::default();
        for line in said.lines() {
            match line.split_once(' ') {
                Some(("path", rest)) => plan.paths.push(rest.get(2..).unwrap_or_default().to_owned()),
                Some(("missing", path)) => plan.missing.push(path.to_owned()),
                Some(("exclude", path)) => plan.excluded.push(path.to_owned()),
                Some(("member", name)) => plan.members.push(name.to_owned()),
                Some(("root", root)) => root.clone_into(&mut plan.root),
                Some(("state", state)) => state.clone_into(&mut plan.state),
                _ => {}
            }
        }
        plan
    }

    fn told(&self, dest: &str, always: bool) -> Map {
        let mut result = Map::new();
        let whole = |name: &String| Value::from(format!("{}{name}", self.root));
        let state = match (always, self.missing.is_empty()) {
            (false, _) => "compress",
            (true, true) => "archive",
            (true, false) => "incomplete",
        };
        result.insert("dest".into(), dest.into());
        result.insert("dest_state".into(), state.into());
        result.insert("archived".into(), self.members.iter().map(whole).collect());
        result.insert("arcroot".into(), self.root.clone().into());
        result.insert("missing".into(), self.missing.clone().into());
        result.insert("expanded_paths".into(), self.paths.clone().into());
        result.insert("expanded_exclude_paths".into(), self.excluded.clone().into());
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    fn benches() -> Vec<Bench> {
        let benches = Bench::every_shell();
        for bench in &benches {
            std::fs::create_dir_all(bench.at("d/deep")).unwrap();
            for name in ["d/a b", "d/deep/[x]*", "d/cache", "single"] {
                bench.file(name, "content\n");
            }
            std::os::unix::fs::symlink("a b", bench.at("d/link")).unwrap();
        }
        benches
    }

    #[test]
    fn a_tree_is_packed_once_and_anew_when_it_changes() {
        for bench in benches() {
            let dest = bench.path("out.tar.gz");
            let args = json!({"path": [bench.path("d"), bench.path("none")], "dest": dest, "exclude_path": bench.path("d/ca*"), "mode": "0600"});
            let made = bench.changes(&MODULE, &args);
            assert_eq!(made["dest_state"], json!("incomplete"));
            assert_eq!(made["expanded_exclude_paths"], json!([bench.path("d/cache")]));
            assert_eq!(made["mode"], json!("0600"));
            bench.in_order(&MODULE, &args);
            let listed =
                std::process::Command::new("tar").arg("-tzf").arg(bench.at("out.tar.gz")).output().unwrap();
            let mut names: Vec<String> =
                String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect();
            names.sort();
            assert_eq!(names, ["d/", "d/a b", "d/deep/", "d/deep/[x]*", "d/link"].map(str::to_owned));
            bench.file("d/a b", "other\n");
            bench.changes(&MODULE, &args);
            std::fs::remove_file(bench.at("d/deep/[x]*")).unwrap();
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn one_file_is_compressed_and_may_go() {
        for bench in benches() {
            let mut args = json!({"path": bench.path("single")});
            assert_eq!(bench.changes(&MODULE, &args)["dest"], json!(bench.path("single.gz")));
            bench.in_order(&MODULE, &args);
            args["remove"] = json!(true);
            bench.changes(&MODULE, &args);
            assert!(!bench.at("single").exists() && bench.at("single.gz").exists());
            assert_eq!(bench.in_order(&MODULE, &args)["dest_state"], json!("compress"));
            let tree = json!({"path": bench.path("d")});
            assert!(bench.refusal(&MODULE, &tree).contains("must specify \"dest\""));
            let inside = json!({"path": bench.path("d"), "dest": bench.path("d/x.tar"), "format": "tar", "remove": true});
            assert!(bench.refusal(&MODULE, &inside).contains("can not be contained"));
            let plain = json!({"path": bench.path("d/*"), "dest": bench.path("x.tar"), "format": "tar", "exclusion_patterns": "*/deep*"});
            bench.changes(&MODULE, &plain);
            bench.in_order(&MODULE, &plain);
        }
    }
}
