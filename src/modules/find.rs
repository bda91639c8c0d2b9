//! `find`: which files, directories or links below some directories are as described; nothing is changed.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Pattern, PatternOptions, Value};
use crate::questions::Stop;
use crate::questions::contents::{Content, Read};
use crate::questions::files::{Algorithm, Digesting, Inspect, NodeKind};
use crate::questions::find::{Below, Entry, Found};
use serde_json::json;

const TYPES: Kind = Kind::Choice(&["any", "directory", "file", "link"]);
/// Largest file that is looked into.
const BYTES_MAX: u64 = 8 << 20;

/// The module.
pub static MODULE: Module = Module {
    name: "find",
    aliases: &[],
    summary: "Lists files, directories or links below directories",
    params: &[
        Param::required("paths", Kind::Paths, "the directories").or(&["name", "path"]),
        Param::optional(
            "patterns",
            Kind::List,
            "shell patterns for the name (or regular expressions, with use_regex)",
        )
        .or(&["pattern"]),
        Param::optional("excludes", Kind::List, "the same for names that are left out").or(&["exclude"]),
        Param::optional(
            "use_regex",
            Kind::Bool,
            "patterns are regular expressions, from the name's beginning on",
        )
        .default("no"),
        Param::optional("file_type", TYPES, "what is listed").default("file"),
        Param::optional("recurse", Kind::Bool, "also what lies deeper").default("no"),
        Param::optional("depth", Kind::Int, "how deep, with recurse"),
        Param::optional("hidden", Kind::Bool, "also names that begin with a dot").default("no"),
        Param::optional("follow", Kind::Bool, "go through links to directories").default("no"),
        Param::optional("age", Kind::Text, "at least so old (2d, 3h), or at most (-1w); s m h d w"),
        Param::optional("age_stamp", Kind::Choice(&["atime", "ctime", "mtime"]), "which time is meant")
            .default("mtime"),
        Param::optional("size", Kind::Text, "at least so large (10m), or at most (-1k); b k m g t"),
        Param::optional("contains", Kind::Text, "a regular expression that a line of the file begins with"),
        Param::optional("read_whole_file", Kind::Bool, "contains may match anywhere").default("no"),
        Param::optional("get_checksum", Kind::Bool, "digest the files").default("no"),
        Param::optional("checksum_algorithm", Kind::Choice(Algorithm::NAMES), "by which algorithm")
            .default("sha1")
            .or(&["checksum", "checksum_algo"]),
        Param::optional("mode", Kind::Text, "permissions in octal that they have"),
        Param::optional("exact_mode", Kind::Bool, "no other permissions than these").default("yes"),
        Param::optional("limit", Kind::Int, "how many at most"),
        Param::optional("encoding", Kind::Choice(&["utf-8", "UTF-8", "utf8"]), "only UTF-8").default("utf-8"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Old logs
  find:
    paths: /var/log/app
    patterns: "*.log.*"
    age: 30d
    recurse: true
  register: old
- name: Remove them
  file: {path: "{{ item.path }}", state: absent}
  loop: "{{ old.files }}"
"#,
        returns: &[
            Returned { name: "files", help: "a mapping for each, with `path` and the keys of `stat`" },
            Returned { name: "matched", help: "how many there are" },
            Returned { name: "examined", help: "how many were looked at" },
            Returned { name: "skipped_paths", help: "which of `paths` could not be looked through, and why" },
            Returned { name: "msg", help: "whether all paths were looked through" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let filter = Filter::read(args)?;
    let paths = args.list("paths");
    let looks: Vec<Below> = paths.iter().map(|path| filter.question(path, args)).collect();
    let founds = host.get(looks)?;
    let (mut chosen, mut examined, mut skipped) = (Vec::new(), 0, Map::new());
    let mut warnings = Vec::new();
    for (path, found) in paths.iter().zip(&founds) {
        if let Some(why) = &found.missing {
            skipped.insert((*path).to_owned(), format!("'{path}' {why}").into());
            continue;
        }
        if !found.complaint.is_empty() {
            let all = found.complaint.lines().count();
            let first = found.complaint.lines().next().unwrap_or_default();
            warnings.push(format!("find could not look everywhere below {path}: {first} ({all} in all)"));
        }
        examined += found.examined;
        chosen.extend(found.entries.iter().filter(|entry| filter.takes(entry, found)));
    }
    let chosen = filter.containing(chosen, host)?;
    let limit = args.int("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let chosen: Vec<&Entry> = chosen.into_iter().take(limit).collect();
    let files = described(&chosen, args, host)?;
    let message = match skipped.is_empty() && warnings.is_empty() {
        true => "All paths examined",
        false => "Not all paths examined, check warnings for details",
    };
    let result = json!({
        "files": files, "matched": chosen.len(), "examined": examined, "skipped_paths": skipped, "msg": message,
    });
    let result = result.as_object().cloned().unwrap_or_default();
    Ok(Outcome { warnings, ..Outcome::in_order(result) })
}

/// The files as Ansible describes them.
fn described(chosen: &[&Entry], args: &Args, host: &Host<'_>) -> Result<Vec<Value>, Stop> {
    let algorithm =
        Algorithm::named(args.needed("checksum_algorithm")?).filter(|_| args.flag("get_checksum"));
    let digests = match algorithm {
        None => vec![None; chosen.len()],
        Some(algorithm) => {
            let ask = |entry: &&Entry| Inspect::path(&entry.path).digesting(Digesting::By(algorithm));
            let seen = host.get(chosen.iter().map(ask).collect::<Vec<_>>())?;
            seen.iter().map(|seen| seen.digest.clone()).collect()
        }
    };
    let with_digest = |(entry, digest): (&&Entry, Option<String>)| {
        let mut file = describe(entry);
        if let (Some(digest), Some(file), NodeKind::File) = (digest, file.as_object_mut(), entry.kind) {
            file.insert("checksum".into(), digest.into());
        }
        file
    };
    Ok(chosen.iter().zip(digests).map(with_digest).collect())
}

fn describe(entry: &Entry) -> Value {
    let is = |kind| entry.kind == kind;
    let bit = |bits: u32| entry.mode & bits != 0;
    let seconds = |time: i64| time as f64;
    let [mtime, atime, ctime] = entry.times;
    let (inode, device, links) = entry.identity;
    json!({
        "path": entry.path, "mode": format!("{:04o}", entry.mode),
        "isdir": is(NodeKind::Directory), "ischr": is(NodeKind::Character), "isblk": is(NodeKind::Block),
        "isreg": is(NodeKind::File), "isfifo": is(NodeKind::Fifo), "islnk": is(NodeKind::Link),
        "issock": is(NodeKind::Socket),
        "uid": entry.owner.0, "gid": entry.owner.1, "size": entry.size, "inode": inode, "dev": device,
        "nlink": links, "atime": seconds(atime), "mtime": seconds(mtime), "ctime": seconds(ctime),
        "gr_name": entry.names.1, "pw_name": entry.names.0,
        "wusr": bit(0o200), "rusr": bit(0o400), "xusr": bit(0o100),
        "wgrp": bit(0o020), "rgrp": bit(0o040), "xgrp": bit(0o010),
        "woth": bit(0o002), "roth": bit(0o004), "xoth": bit(0o001),
        "isuid": bit(0o4000), "isgid": bit(0o2000),
    })
}

/// What an entry must be like.
struct Filter {
    patterns: Option<Vec<Pattern>>,
    excludes: Vec<Pattern>,
    /// Names for find(1) itself, so that fewer travel.
    names: Vec<String>,
    kind: &'static str,
    hidden: bool,
    age: Option<i64>,
    stamp: usize,
    size: Option<i64>,
    mode: Option<u32>,
    exact: bool,
    contains: Option<Pattern>,
    anywhere: bool,
}

impl Filter {
    fn read(args: &Args) -> Result<Self, Stop> {
        let by_regex = args.flag("use_regex");
        let patterns = |name: &str| {
            let all = args.list(name);
            let compiled = all.iter().map(|text| name_pattern(text, by_regex)).collect::<Result<Vec<_>, _>>();
            compiled.map_err(|why| Stop::refuse(format!("{name}: {why}")))
        };
        let given = args.has("patterns");
        let kind = match args.text("file_type") {
            Some("any") => "-",
            Some("directory") => "d",
            Some("link") => "l",
            _ => "f",
        };
        let contains = args.text("contains").map(|text| {
            Pattern::new(text, PatternOptions::default())
                .map_err(|why| Stop::refuse(format!("contains: {why}")))
        });
        if contains.is_some() && !matches!(kind, "f" | "-") {
            return Err(Stop::refuse("'contains' can't be used with directories or links"));
        }
        let mode = args.text("mode").map(|text| {
            u32::from_str_radix(text.trim_start_matches("0o"), 8)
                .map_err(|_| Stop::refuse(format!("'mode' is {text}: expected octal digits")))
        });
        Ok(Self {
            patterns: given.then(|| patterns("patterns")).transpose()?,
            excludes: patterns("excludes")?,
            names: match by_regex {
                true => Vec::new(),
                false => args.list("patterns").into_iter().map(str::to_owned).collect(),
            },
            kind,
            hidden: args.flag("hidden"),
            age: args.text("age").map(|text| amount("age", text, &AGES)).transpose()?,
            stamp: match args.text("age_stamp") {
                Some("atime") => 1,
                Some("ctime") => 2,
                _ => 0,
            },
            size: args.text("size").map(|text| amount("size", text, &SIZES)).transpose()?,
            mode: mode.transpose()?,
            exact: args.flag("exact_mode"),
            contains: contains.transpose()?,
            anywhere: args.flag("read_whole_file"),
        })
    }

    fn question(&self, path: &str, args: &Args) -> Below {
        let depth = match args.flag("recurse") {
            true => args.int("depth").and_then(|depth| u32::try_from(depth).ok()).unwrap_or(0),
            false => 1,
        };
        let names = self.names.clone();
        Below { path: path.to_owned(), depth, follow: args.flag("follow"), names, kind: self.kind }
    }

    /// All but what it takes to look inside.
    fn takes(&self, entry: &Entry, found: &Found) -> bool {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        // A name that takes too long to match is none.
        let fits = |pattern: &Pattern| pattern.is_at_start(name).unwrap_or(false);
        let [first, ..] = entry.times;
        let time = entry.times.get(self.stamp).copied().unwrap_or(first);
        let old = found.now - time;
        let is_old = self.age.is_none_or(|age| if age >= 0 { old >= age } else { old <= -age });
        let bytes = i64::try_from(entry.size).unwrap_or(i64::MAX);
        let is_sized = entry.kind != NodeKind::File
            || self.size.is_none_or(|size| if size >= 0 { bytes >= size } else { bytes <= -size });
        let is_moded = self.mode.is_none_or(|mode| match self.exact {
            true => entry.mode == mode,
            false => entry.mode & mode == mode,
        });
        (self.hidden || !name.starts_with('.'))
            && self.patterns.as_ref().is_none_or(|patterns| patterns.iter().any(fits))
            && !self.excludes.iter().any(fits)
            && is_old
            && is_sized
            && is_moded
    }

    /// Those that hold what is looked for.
    fn containing<'e>(&self, chosen: Vec<&'e Entry>, host: &Host<'_>) -> Result<Vec<&'e Entry>, Stop> {
        let Some(pattern) = &self.contains else { return Ok(chosen) };
        let ask = |entry: &&Entry| Read { path: entry.path.clone(), bytes_max: BYTES_MAX };
        let files: Vec<&Entry> = chosen.into_iter().filter(|entry| entry.kind == NodeKind::File).collect();
        let contents = host.get(files.iter().map(ask).collect::<Vec<_>>())?;
        let holds = |content: &Content| match content {
            Content::Whole(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                match self.anywhere {
                    true => pattern.is_found(&text).unwrap_or(false),
                    false => {
                        text.split_inclusive('\n').any(|line| pattern.is_at_start(line).unwrap_or(false))
                    }
                }
            }
            _ => false,
        };
        Ok(files
            .into_iter()
            .zip(&contents)
            .filter(|(_, content)| holds(content))
            .map(|(entry, _)| entry)
            .collect())
    }
}

const AGES: [(char, i64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
const SIZES: [(char, i64); 5] = [('b', 1), ('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30), ('t', 1 << 40)];

/// A number with a unit behind it.
fn amount(name: &str, text: &str, units: &[(char, i64)]) -> Result<i64, Stop> {
    let lower = text.trim().to_lowercase();
    let unit = units.iter().find_map(|(unit, factor)| Some((lower.strip_suffix(*unit)?, *factor)));
    let (digits, factor) = unit.unwrap_or((lower.as_str(), 1));
    let read = digits.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
    let letters: Vec<String> = units.iter().map(|(unit, _)| unit.to_string()).collect();
    read.ok_or_else(|| {
        Stop::refuse(format!(
            "'{name}' is {text}: expected a number with one of {} behind it",
            letters.join(", ")
        ))
    })
}

/// A pattern for a whole name, or a regular expression for its beginning.
fn name_pattern(text: &str, by_regex: bool) -> Result<Pattern, String> {
    let expression = if by_regex { text.to_owned() } else { format!("(?s){}\\Z", glob(text)) };
    Pattern::new(&expression, PatternOptions::default()).map_err(|why| why.to_string())
}

/// A shell pattern as a regular expression.
fn glob(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => out.push_str(".*"),
            '?' => out.push('.'),
            '[' => {
                let rest: String = chars.clone().collect();
                let skipped = usize::from(rest.starts_with(['!', '^']));
                // A bracket right at the beginning of a class is part of it.
                let from =
                    skipped + usize::from(rest.get(skipped..).is_some_and(|rest| rest.starts_with(']')));
                let Some(end) = rest.get(from..).and_then(|rest| rest.find(']')).map(|at| at + from) else {
                    out.push_str("\\[");
                    continue;
                };
                let inner = rest.get(skipped..end).unwrap_or_default();
                let not = if rest.starts_with('!') {
                    "^"
                } else if skipped == 1 {
                    "\\^"
                } else {
                    ""
                };
                let inner = inner.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
                out.push_str(&format!("[{not}{inner}]"));
                for _ in rest.get(..=end).unwrap_or_default().chars() {
                    chars.next();
                }
            }
            c => out.push_str(&Pattern::escape(&c.to_string())),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn tree() -> Vec<Bench> {
        let benches = Bench::every_shell();
        for bench in &benches {
            std::fs::create_dir_all(bench.at("d/sub dir/deep")).unwrap();
            for (name, content) in [
                ("d/a.log", "one\ntwo\n"),
                ("d/b.txt", "x"),
                ("d/.hidden", ""),
                ("d/sub dir/c.log", "two\n"),
                ("d/sub dir/deep/e.log", ""),
            ] {
                bench.file(name, content);
            }
            std::fs::set_permissions(bench.at("d/b.txt"), PermissionsExt::from_mode(0o600)).unwrap();
            symlink("a.log", bench.at("d/link")).unwrap();
        }
        benches
    }

    fn names(bench: &Bench, mut args: Value) -> Vec<String> {
        args["paths"] = json!(bench.path("d"));
        let result = bench.in_order(&MODULE, &args);
        let prefix = format!("{}/", bench.path("d"));
        assert_eq!(result["matched"], json!(result["files"].as_array().unwrap().len()));
        let files = result["files"].as_array().unwrap().iter();
        files.map(|file| file["path"].as_str().unwrap().strip_prefix(&prefix).unwrap().to_owned()).collect()
    }

    #[test]
    fn files_are_chosen_as_ansible_chooses_them() {
        for bench in tree() {
            for (args, expected) in [
                (json!({}), vec!["a.log", "b.txt"]),
                (json!({"hidden": true}), vec![".hidden", "a.log", "b.txt"]),
                (
                    json!({"recurse": true, "patterns": "*.log"}),
                    vec!["a.log", "sub dir/c.log", "sub dir/deep/e.log"],
                ),
                (json!({"recurse": true, "patterns": "*.log", "depth": 2}), vec!["a.log", "sub dir/c.log"]),
                (json!({"recurse": true, "patterns": ["a*", "b*"], "excludes": "*.txt"}), vec!["a.log"]),
                (json!({"patterns": "^[ab]\\.", "use_regex": true}), vec!["a.log", "b.txt"]),
                (json!({"patterns": "log", "use_regex": true}), vec![]),
                (json!({"file_type": "directory", "recurse": true}), vec!["sub dir", "sub dir/deep"]),
                (json!({"file_type": "link"}), vec!["link"]),
                (json!({"file_type": "any"}), vec!["a.log", "b.txt", "link", "sub dir"]),
                (json!({"size": "2b"}), vec!["a.log"]),
                (json!({"size": "-1"}), vec!["b.txt"]),
                (json!({"age": "1d"}), vec![]),
                (json!({"age": "-1w"}), vec!["a.log", "b.txt"]),
                (json!({"contains": "tw", "recurse": true}), vec!["a.log", "sub dir/c.log"]),
                (json!({"contains": "wo"}), vec![]),
                (json!({"contains": "one\\ntwo", "read_whole_file": true}), vec!["a.log"]),
                (json!({"mode": "0600"}), vec!["b.txt"]),
                (json!({"mode": "0400", "exact_mode": false}), vec!["a.log", "b.txt"]),
                (json!({"limit": 1}), vec!["a.log"]),
            ] {
                assert_eq!(names(&bench, args.clone()), expected, "{args} in {}", bench.name());
            }
        }
    }

    #[test]
    fn a_result_has_ansibles_keys() {
        let bench = &tree()[0];
        let args =
            json!({"path": [bench.path("d"), bench.path("none")], "pattern": "a.*", "get_checksum": true});
        let result = bench.in_order(&MODULE, &args);
        let file = &result["files"][0];
        assert_eq!(file["checksum"], json!("c708d7ef841f7e1748436b8ef5670d0b2de1a227"));
        assert_eq!((&file["isreg"], &file["size"], &file["rusr"]), (&json!(true), &json!(8), &json!(true)));
        assert_eq!(result["msg"], json!("Not all paths examined, check warnings for details"));
        let none = bench.path("none");
        assert_eq!(result["skipped_paths"][&none], json!(format!("'{none}' does not exist")));
        assert!(result["examined"].as_u64().unwrap() >= 4);
    }

    #[test]
    fn what_is_no_amount_or_pattern_is_refused() {
        for (args, words) in [
            (json!({"age": "old"}), "'age' is old"),
            (json!({"size": "1x"}), "'size' is 1x"),
            (json!({"patterns": "(", "use_regex": true}), "patterns: "),
            (json!({"contains": "("}), "contains: "),
            (json!({"contains": "a", "file_type": "directory"}), "'contains' can't"),
        ] {
            let mut args = args;
            args["paths"] = json!("/x");
            let Err(Stop::Refuse(refusal)) = answer_with(&MODULE, &args, &mut |_| panic!("asked")) else {
                panic!("{args}")
            };
            assert!(refusal.message.starts_with(words), "{}", refusal.message);
        }
    }

    #[test]
    fn shell_patterns_mean_what_they_mean_in_a_shell() {
        let fits = |text: &str, name: &str| name_pattern(text, false).unwrap().is_at_start(name).unwrap();
        for (text, name, expected) in [
            ("*.log", "a.log", true),
            ("*.log", "a.logs", false),
            ("a?c", "abc", true),
            ("[!a]x", "bx", true),
            ("[!a]x", "ax", false),
            ("[]a]x", "]x", true),
            ("[x", "[x", true),
            ("a.c", "abc", false),
            ("*", "two\nlines", true),
        ] {
            assert_eq!(fits(text, name), expected, "{text} {name}");
        }
    }
}
