//! `synchronize`: a directory of the controller to the host, over the connection that is there: neither side needs rsync.
//! Files are compared by content, not by time. The other way round: `synchronize_pull`.

use super::attributes::{Wanted, number, octal, touching};
use super::copy::{MAKE_PARENTS, base_name};
use super::file::{CREATE, REMOVE};
use super::mode::Mode;
use super::place::{New, Placement};
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, TreeKind,
    plain_result, synchronize_pull,
};
use crate::model::{Map, Pattern, PatternOptions, Subject};
use crate::questions::Stop;
use crate::questions::files::{Digesting, Inspect, NodeKind};
use crate::questions::find::Below;

/// The module.
pub static MODULE: Module = Module {
    name: "synchronize",
    aliases: &[],
    summary: "Makes a directory of the host like one of the controller",
    params: &[
        Param::required(
            "src",
            Kind::Source,
            "the directory or file here, or with pull on the host; with a slash at its end what is in it",
        ),
        Param::required("dest", Kind::Place, "where it goes"),
        Param::optional(
            "mode",
            Kind::Choice(&["push", "pull"]),
            "push: from here to the host; pull: from the host to here",
        )
        .default("push"),
        Param::optional("archive", Kind::Bool, "recursive, perms and so on, unless they say otherwise")
            .default("yes"),
        Param::optional("recursive", Kind::Bool, "also what lies deeper"),
        Param::optional("delete", Kind::Bool, "remove what is only on the host").default("no"),
        Param::optional("perms", Kind::Bool, "give files the permissions that they have here"),
        Param::optional("rsync_opts", Kind::List, "--exclude=PATTERN, and options without meaning here"),
        Param::optional("checksum", Kind::Bool, "compare contents, which is always done").default("no"),
        Param::optional("times", Kind::Bool, "without meaning: times are not copied"),
        Param::optional("owner", Kind::Bool, "without meaning: files belong to who writes them"),
        Param::optional("group", Kind::Bool, "without meaning: files belong to who writes them"),
        Param::optional("links", Kind::Bool, "without meaning: links are followed"),
        Param::optional("copy_links", Kind::Bool, "follow links, which is always done").default("no"),
        Param::optional("dirs", Kind::Bool, "without meaning").default("no"),
        Param::optional("compress", Kind::Bool, "without meaning: the connection does that").default("yes"),
        Param::optional("partial", Kind::Bool, "without meaning: files are put in place whole").default("no"),
        Param::optional("set_remote_user", Kind::Bool, "without meaning: the connection is there")
            .default("yes"),
        Param::optional("use_ssh_args", Kind::Bool, "without meaning: the connection is there").default("no"),
        Param::optional("verify_host", Kind::Bool, "host keys are always verified").default("no"),
        Param::optional("ssh_connection_multiplexing", Kind::Bool, "without meaning").default("no"),
        Param::optional("rsync_timeout", Kind::Int, "without meaning").default("0"),
        Param::optional("rsync_path", Kind::Text, "without meaning: no rsync is run"),
        Param::optional("dest_port", Kind::Int, "without meaning: the connection is there"),
        Param::optional("private_key", Kind::Text, "without meaning: the connection is there"),
        Param::not_yet("existing_only").or(&["link_dest", "delay_updates"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Bring the site up to date
  synchronize:
    src: site/
    dest: /srv/site
    delete: true
    rsync_opts: [--exclude=.git]
"#,
        returns: &[Returned { name: "src, dest", help: "as they were given" }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// A file or directory as it is to be on the host.
struct Wish {
    /// Its path there.
    path: String,
    /// Its source here and its permissions; nothing: a directory.
    file: Option<(String, u32)>,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (src, dest) = (args.needed("src")?, args.needed("dest")?);
    let excluded = excluded(args)?;
    if args.text("mode") == Some("pull") {
        return synchronize_pull::diff(args, &excluded, host);
    }
    if !dest.starts_with('/') {
        return Err(Stop::refuse(format!("'dest' is {dest}: expected an absolute path of the host")));
    }
    let dest = dest.trim_end_matches('/').to_owned();
    let (root, wishes) = wishes(src, &dest, args, &excluded, host)?;
    let asks: Vec<Inspect> = wishes.iter().map(|wish| ask(wish, host)).collect::<Result<_, _>>()?;
    let seen = host.get(asks);
    let extra = extra(&root, &wishes, args, &excluded, host);
    let (seen, extra) = (seen?, extra?);
    let mut changes = Vec::new();
    let nothing = Args::default();
    for (at, (wish, seen)) in wishes.iter().zip(&seen).enumerate() {
        let Some((source, mode)) = &wish.file else {
            match seen.followed().map(|node| node.kind) {
                Some(NodeKind::Directory) => {}
                Some(kind) => {
                    return Err(Stop::refuse(format!(
                        "{} is a {}, not a directory",
                        wish.path,
                        kind.as_str()
                    )));
                }
                None => changes.push(directory(&wish.path, &seen.real, at == 0)),
            }
            continue;
        };
        let perms = args.maybe_flag("perms").unwrap_or(args.flag("archive"));
        let wanted = Wanted { mode: perms.then_some(Mode::Exact(*mode)), ..Wanted::default() };
        let placement = Placement {
            named: &wish.path,
            seen,
            follow: false,
            new: New::Content(host.controller.file(source)?),
            wanted: &wanted,
            preserved: None,
            args: &nothing,
            old: None,
        };
        changes.extend(placement.change(host)?);
    }
    changes.splice(0..0, extra);
    let mut result = Map::new();
    result.insert("src".into(), src.into());
    result.insert("dest".into(), args.needed("dest")?.into());
    Ok(Outcome::change(result, changes))
}

fn ask(wish: &Wish, host: &Host<'_>) -> Result<Inspect, Stop> {
    let question = Inspect::path(&wish.path);
    Ok(match &wish.file {
        Some((source, _)) => {
            let size = host.controller.file(source)?.bytes().len() as u64;
            question.digesting(Digesting::IfSize(size))
        }
        None => question,
    })
}

fn directory(path: &str, real: &str, is_root: bool) -> Change {
    let summary = format!("make the directory {path}");
    if is_root {
        return Change::state(summary, MAKE_PARENTS, [path, "-", "-", "-"], [Subject::path(path)]);
    }
    let kind = NodeKind::Directory.as_str().to_owned();
    let words = [real.to_owned(), kind, octal(Some(0o755)), number(None), number(None)];
    Change::state(summary, CREATE, words, touching(path, real))
}

/// The directory on the host that is made like the one here, and all that is to be there.
fn wishes(
    src: &str,
    dest: &str,
    args: &Args,
    excluded: &[Exclude],
    host: &Host<'_>,
) -> Result<(String, Vec<Wish>), Stop> {
    let Some(entries) = host.controller.tree(src)? else {
        let mode = host.controller.mode(src).unwrap_or(0o644);
        let file = Some((src.to_owned(), mode));
        return Ok((String::new(), vec![Wish { path: dest.to_owned(), file }]));
    };
    let root = match base_name(src) {
        Some(name) => format!("{dest}/{name}"),
        None => dest.to_owned(),
    };
    let recursive = args.maybe_flag("recursive").unwrap_or(args.flag("archive"));
    let mut wishes = vec![Wish { path: root.clone(), file: None }];
    let mut left_out: Vec<String> = Vec::new();
    for entry in &entries {
        let is_directory = entry.kind == TreeKind::Directory;
        let below = left_out.iter().any(|above| entry.name.starts_with(above.as_str()));
        if below || excluded.iter().any(|exclude| exclude.fits(&entry.name, is_directory)) {
            left_out.push(format!("{}/", entry.name));
            continue;
        }
        if !recursive && entry.name.contains('/') {
            continue;
        }
        let file = match &entry.kind {
            TreeKind::Directory => None,
            TreeKind::File { path, mode } => Some((path.clone(), *mode)),
        };
        wishes.push(Wish { path: format!("{root}/{}", entry.name), file });
    }
    Ok((root, wishes))
}

/// The changes that remove what is only on the host; what is excluded stays.
fn extra(
    root: &str,
    wishes: &[Wish],
    args: &Args,
    excluded: &[Exclude],
    host: &Host<'_>,
) -> Result<Vec<Change>, Stop> {
    if !args.flag("delete") || root.is_empty() {
        return Ok(Vec::new());
    }
    let path = root.to_owned();
    let found = host.get(Below { path, depth: 0, follow: false, names: Vec::new(), kind: "-" })?;
    let mut changes: Vec<Change> = Vec::new();
    let mut gone: Vec<String> = Vec::new();
    for entry in &found.entries {
        let name = entry.path.strip_prefix(root).unwrap_or_default().trim_start_matches('/');
        let is_directory = entry.kind == NodeKind::Directory;
        let stays = wishes.iter().any(|wish| wish.path == entry.path)
            || gone.iter().any(|above| entry.path.starts_with(above.as_str()))
            || parts(name)
                .any(|part| excluded.iter().any(|exclude| exclude.fits(part, is_directory || part != name)));
        if stays {
            continue;
        }
        gone.push(format!("{}/", entry.path));
        let words = [entry.path.clone(), entry.kind.as_str().to_owned()];
        let touches = touching(&entry.path, &entry.path);
        changes.push(Change::state(format!("remove {}", entry.path), REMOVE, words, touches));
    }
    Ok(changes)
}

/// A path and all paths above it.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').filter_map(|(at, _)| name.get(..at)).chain([name])
}

/// A pattern of rsync's for what is left out.
pub(super) struct Exclude {
    pattern: Pattern,
    only_directories: bool,
}

impl Exclude {
    fn read(text: &str) -> Result<Self, Stop> {
        let only_directories = text.ends_with('/');
        let text = text.trim_end_matches('/');
        let is_anchored = text.starts_with('/');
        let text = text.trim_start_matches('/');
        let mut regex = if is_anchored { "^".to_owned() } else { "(?:^|/)".to_owned() };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (part, used) = match c {
                '*' if rest.starts_with("**") => (".*".to_owned(), 2),
                '*' => ("[^/]*".to_owned(), 1),
                '?' => ("[^/]".to_owned(), 1),
                other => (Pattern::escape(&other.to_string()), other.len_utf8()),
            };
            regex.push_str(&part);
            rest = rest.get(used..).unwrap_or_default();
        }
        regex.push_str("\\Z");
        let pattern = Pattern::new(&regex, PatternOptions::default());
        let pattern = pattern.map_err(|error| Stop::refuse(format!("--exclude: {error}")))?;
        Ok(Self { pattern, only_directories })
    }

    pub(super) fn fits(&self, name: &str, is_directory: bool) -> bool {
        (is_directory || !self.only_directories) && self.pattern.is_found(name).unwrap_or(false)
    }
}

fn excluded(args: &Args) -> Result<Vec<Exclude>, Stop> {
    const WITHOUT_MEANING: [&str; 12] = [
        "--no-owner",
        "--no-group",
        "--no-perms",
        "--no-times",
        "--omit-dir-times",
        "--partial",
        "--progress",
        "--compress",
        "-z",
        "-v",
        "--stats",
        "--safe-links",
    ];
    let mut excluded = Vec::new();
    let mut options = args.list("rsync_opts").into_iter();
    while let Some(option) = options.next() {
        if let Some(pattern) = option.strip_prefix("--exclude=") {
            excluded.push(Exclude::read(pattern.trim_matches(['"', '\'']))?);
        } else if option == "--exclude" {
            excluded.push(Exclude::read(options.next().unwrap_or_default())?);
        } else if let Some(pattern) = option.strip_prefix("--exclude ") {
            excluded.push(Exclude::read(pattern.trim().trim_matches(['"', '\'']))?);
        } else if !WITHOUT_MEANING.contains(&option) {
            return Err(Stop::refuse(format!("rsync's option '{option}' is not supported yet")));
        }
    }
    Ok(excluded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_directory_becomes_like_ours_and_what_is_excluded_stays() {
        for mut bench in Bench::every_shell() {
            for (name, text) in [("s/a", "1"), ("s/sub dir/b", "2"), ("s/.git/x", "3"), ("s/cache/y", "4")] {
                bench.source(name, text);
            }
            let mut args = json!({"src": "s/", "dest": bench.path("d"), "rsync_opts": ["--exclude=.git", "--exclude=/cache/"]});
            bench.changes(&MODULE, &args);
            assert_eq!((bench.read("d/a"), bench.read("d/sub dir/b")), ("1".into(), "2".into()));
            assert!(!bench.at("d/.git").exists() && !bench.at("d/cache").exists());
            bench.in_order(&MODULE, &args);
            std::fs::create_dir_all(bench.at("d/old/er")).unwrap();
            std::fs::create_dir(bench.at("d/cache")).unwrap();
            for name in ["d/old/er/z", "d/cache/kept", "d/mine"] {
                bench.file(name, "");
            }
            bench.in_order(&MODULE, &args);
            args["delete"] = json!(true);
            bench.file("d/a", "other");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("d/a"), "1");
            assert!(
                !bench.at("d/old").exists()
                    && !bench.at("d/mine").exists()
                    && bench.at("d/cache/kept").exists()
            );
            bench.in_order(&MODULE, &args);
            args["src"] = json!("s");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("d/s/a"), "1");
        }
    }

    #[test]
    fn patterns_are_rsyncs() {
        let fits =
            |text: &str, name: &str, is_directory| Exclude::read(text).unwrap().fits(name, is_directory);
        for (text, name, is_directory, expected) in [
            ("*.o", "a/b.o", false, true),
            ("/*.o", "a/b.o", false, false),
            ("/a", "a", true, true),
            ("b/", "a/b", false, false),
            ("b/", "a/b", true, true),
            ("a/**", "a/b/c", false, true),
            ("b", "ab", false, false),
        ] {
            assert_eq!(fits(text, name, is_directory), expected, "{text} {name}");
        }
    }

    #[test]
    fn what_it_can_not_do_is_refused_by_name() {
        let bench = Bench::new();
        let relative = json!({"src": "s", "dest": "d"});
        assert!(bench.refusal(&MODULE, &relative).contains("absolute path of the host"));
        let option = json!({"src": "s", "dest": "/d", "rsync_opts": ["--chmod=g+w"]});
        assert!(bench.refusal(&MODULE, &option).contains("--chmod=g+w"));
    }
}
