//! `git`: a clone of a repository on the host, at a version. git itself does all of it; what it would do is known before.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::system::tools::{GitClone, GitRemote};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "git",
    aliases: &[],
    summary: "Clones a git repository, or brings a clone to a version",
    params: &[
        Param::required("repo", Kind::Text, "the repository's URL or path").starts().or(&["name"]),
        Param::optional("dest", Kind::Path, "where the clone is; needed unless 'clone' is no"),
        Param::optional(
            "version",
            Kind::Text,
            "a branch, a tag, a commit, or HEAD: what the repository has by default",
        )
        .default("HEAD"),
        Param::optional("remote", Kind::Text, "the remote's name").default("origin"),
        Param::optional("force", Kind::Bool, "whether local changes are thrown away").default("no"),
        Param::optional("update", Kind::Bool, "whether a clone that is there gets what is new")
            .default("yes"),
        Param::optional("clone", Kind::Bool, "whether it is cloned where it isn't there").default("yes"),
        Param::optional("depth", Kind::Int, "how many commits back at most"),
        Param::optional("bare", Kind::Bool, "whether there are no files besides git's").default("no"),
        Param::optional("recursive", Kind::Bool, "whether submodules come along").default("yes"),
        Param::optional("track_submodules", Kind::Bool, "whether submodules follow their branches")
            .default("no"),
        Param::optional("single_branch", Kind::Bool, "whether only one branch is fetched").default("no"),
        Param::optional("refspec", Kind::Text, "what is fetched besides"),
        Param::optional("reference", Kind::Text, "a repository on the host from which commits are borrowed"),
        Param::optional("separate_git_dir", Kind::Path, "where git's data lies, if not in the clone"),
        Param::optional("key_file", Kind::Path, "the SSH key, on the host"),
        Param::optional("ssh_opts", Kind::Text, "options for ssh").starts(),
        Param::optional("accept_hostkey", Kind::Bool, "whether any host key is accepted").default("no"),
        Param::optional(
            "accept_newhostkey",
            Kind::Bool,
            "whether a host key is accepted that isn't known yet",
        )
        .default("no"),
        Param::optional("verify_commit", Kind::Bool, "whether the commit or tag has to be signed")
            .default("no"),
        Param::optional("umask", Kind::Any, "the mask for new files"),
        Param::optional("executable", Kind::Path, "git, if not the usual one").starts(),
        Param::not_yet("archive").or(&["archive_prefix", "gpg_allowlist", "gpg_allowlist", "gpg_whitelist"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Our scripts, as they were released\n  git:\n    repo: https://git.example.com/scripts.git\n    dest: /opt/scripts\n    version: v1.4\n",
        returns: &[
            Returned { name: "before", help: "The commit as it was; nothing for a new clone." },
            Returned { name: "after", help: "The commit as it is now." },
            Returned { name: "remote_url_changed", help: "Whether the clone had another URL." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Clones, or brings a clone to a version.
const PUT: Script = Script { name: "put_git_clone", text: include_str!("git/put.sh") };

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[PUT];

/// What is on the host.
#[derive(Default)]
struct There {
    is_clone: bool,
    head: String,
    url: String,
    modified: bool,
    submodules: bool,
}

/// What the version is.
struct Target {
    name: String,
    kind: &'static str,
    commit: String,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let repo = args.needed("repo")?;
    if repo.starts_with('-')
        || args.needed("version")?.starts_with('-')
        || args.needed("remote")?.starts_with('-')
    {
        return Err(Stop::refuse("'repo', 'version' and 'remote' can't begin with a dash"));
    }
    let Some(dest) = args.text("dest").map(|dest| dest.trim_end_matches('/')) else {
        return Err(Stop::refuse("the destination directory must be specified unless clone=no"));
    };
    let there = there(args, host, dest)?;
    let mut result = Map::new();
    let before = if there.is_clone { Value::from(there.head.clone()) } else { Value::Null };
    result.insert("before".into(), before.clone());
    if (there.is_clone && !args.flag("update")) || (!there.is_clone && !args.flag("clone")) {
        result.insert("after".into(), before);
        return Ok(Outcome::in_order(result));
    }
    if there.modified && !args.flag("force") {
        return Err(Stop::refuse(format!(
            "Local modifications exist in the destination: {dest} (force=no)."
        )));
    }
    let target = target(args, host, dest, &there)?;
    let moved = there.is_clone && there.url != repo;
    result.insert("after".into(), target.commit.clone().into());
    result.insert("remote_url_changed".into(), moved.into());
    let submodules = there.submodules && args.flag("recursive");
    let same =
        there.is_clone && is_commit(&there.head, &target.commit) && !there.modified && !moved && !submodules;
    if same {
        result.insert("after".into(), there.head.into());
        return Ok(Outcome::in_order(result));
    }
    Ok(Outcome::change(result, vec![change(args, dest, &there, &target)?]))
}

fn there(args: &Args, host: &Host<'_>, dest: &str) -> Result<There, Stop> {
    let bare = if args.flag("bare") { "bare" } else { "" };
    let words = [dest, args.text("executable").unwrap_or_default(), args.needed("remote")?, bare];
    let said =
        host.get(GitClone(words.map(str::to_owned).to_vec()))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let mut there = There::default();
    for line in said.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("state", "clone") => there.is_clone = true,
            ("state", "other") => {
                return Err(Stop::refuse(format!("{dest} is there, is no clone, and is not empty")));
            }
            ("head", head) => there.head = head.to_owned(),
            ("url", url) => there.url = url.to_owned(),
            ("modified", _) => there.modified = true,
            ("submodules", _) => there.submodules = true,
            _ => {}
        }
    }
    Ok(there)
}

/// How git calls ssh.
fn ssh(args: &Args) -> Result<String, Stop> {
    let mut words = vec!["ssh -o BatchMode=yes".to_owned()];
    match (args.flag("accept_hostkey"), args.flag("accept_newhostkey")) {
        (true, _) => words.push("-o StrictHostKeyChecking=no".into()),
        (false, true) => words.push("-o StrictHostKeyChecking=accept-new".into()),
        _ => {}
    }
    if let Some(key) = args.text("key_file") {
        if key.contains('\'') {
            return Err(Stop::refuse("'key_file' holds a quote"));
        }
        words.push(format!("-i '{key}' -o IdentitiesOnly=yes"));
    }
    words.extend(args.text("ssh_opts").map(str::to_owned));
    Ok(words.join(" "))
}

fn is_hash(text: &str) -> bool {
    (7..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// Whether a commit is meant by a hash, perhaps a shortened one.
fn is_commit(commit: &str, hash: &str) -> bool {
    !hash.is_empty() && commit.starts_with(hash)
}

fn target(args: &Args, host: &Host<'_>, dest: &str, there: &There) -> Result<Target, Stop> {
    let version = args.needed("version")?;
    let commit = || Target { name: version.to_owned(), kind: "commit", commit: version.to_owned() };
    if version.len() == 40 && is_hash(version) {
        return Ok(commit());
    }
    let place = if there.is_clone { dest } else { "" };
    let words =
        [args.needed("repo")?, version, args.text("executable").unwrap_or_default(), &ssh(args)?, place];
    let said = host.get(GitRemote(words.map(str::to_owned).to_vec()))?;
    let said = said.as_ref().clone().map_err(|why| Stop::refuse(format!("git: {why}")))?.text;
    let refs: Vec<(&str, &str)> = said.lines().filter_map(|line| line.split_once('\t')).collect();
    let hash = |name: &str| {
        refs.iter().find(|(hash, n)| *n == name && !hash.starts_with("ref:")).map(|(hash, _)| *hash)
    };
    if version == "HEAD" {
        let branch = refs
            .iter()
            .find_map(|(hash, name)| hash.strip_prefix("ref: refs/heads/").filter(|_| *name == "HEAD"));
        return match (branch, hash("HEAD")) {
            (Some(branch), Some(commit)) => {
                Ok(Target { name: branch.into(), kind: "branch", commit: commit.into() })
            }
            (None, Some(commit)) => Ok(Target { name: commit.into(), kind: "commit", commit: commit.into() }),
            _ => Err(Stop::refuse("the repository has no default branch: is it empty?")),
        };
    }
    let version = version.strip_prefix("refs/heads/").unwrap_or(version);
    if let Some(commit) = hash(&format!("refs/heads/{version}")) {
        return Ok(Target { name: version.into(), kind: "branch", commit: commit.into() });
    }
    let tag = format!("refs/tags/{}", version.strip_prefix("refs/tags/").unwrap_or(version));
    if let Some(commit) = hash(&format!("{tag}^{{}}")).or(hash(&tag)) {
        let name = tag.strip_prefix("refs/tags/").unwrap_or(version);
        return Ok(Target { name: name.into(), kind: "tag", commit: commit.into() });
    }
    if let Some(hash) = hash(version).filter(|_| version.starts_with("refs/")) {
        return Ok(Target { name: hash.into(), kind: "commit", commit: hash.into() });
    }
    match is_hash(version) {
        true => Ok(commit()),
        false => Err(Stop::refuse(format!("the repository has no branch, tag or commit '{version}'"))),
    }
}

fn change(args: &Args, dest: &str, there: &There, target: &Target) -> Result<Change, Stop> {
    let words: Vec<&str> = [
        ("bare", "bare"),
        ("recursive", "recursive"),
        ("track_submodules", "track"),
        ("single_branch", "single"),
        ("verify_commit", "verify"),
    ]
    .into_iter()
    .filter(|(param, _)| args.flag(param))
    .map(|(_, word)| word)
    .collect();
    let text = |name: &str| args.text(name).unwrap_or_default().to_owned();
    let argv = vec![
        dest.to_owned(),
        text("repo"),
        target.name.clone(),
        target.kind.to_owned(),
        target.commit.clone(),
        if there.is_clone { there.head.clone() } else { "-".to_owned() },
        text("remote"),
        args.int("depth").map(|depth| depth.to_string()).unwrap_or_default(),
        words.join(" "),
        text("refspec"),
        text("reference"),
        text("separate_git_dir"),
        mask(args)?,
        text("executable"),
        ssh(args)?,
    ];
    let short = |hash: &str| hash.get(..hash.len().min(10)).unwrap_or_default().to_owned();
    let summary = match there.is_clone {
        false => format!("clone {} ({}) to {dest}", text("repo"), text("version")),
        true => format!(
            "bring {dest} from {} to {} ({})",
            short(&there.head),
            short(&target.commit),
            text("version")
        ),
    };
    let mut touches = vec![Subject::path(dest)];
    touches.extend(args.text("separate_git_dir").map(Subject::path));
    Ok(Change::state(summary, PUT, argv, crate::model::Subjects::These(touches)))
}

fn mask(args: &Args) -> Result<String, Stop> {
    let text = match args.value("umask") {
        None => return Ok(String::new()),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.as_u64().map(|n| format!("{n:04o}")).unwrap_or_default(),
        Some(_) => String::new(),
    };
    match text.is_empty() || text.len() > 4 || !text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        true => Err(Stop::refuse("umask must be an octal integer")),
        false => Ok(text),
    }
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if let Some(output) = outputs.last().filter(|output| output.status == 0) {
        result.insert("after".into(), output.text().trim().into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    /// A repository with a tag, two commits on its default branch, and a branch.
    fn repository(bench: &Bench, name: &str) -> String {
        let path = bench.path(name);
        let commands = "git init -q -b main . && git config user.email a@b && git config user.name a && \
            echo 1 >f && git add f && git commit -qm one && git tag -a v1 -m v1 && git branch old && echo 2 >f && git commit -qam two";
        std::fs::create_dir(&path).unwrap();
        let done =
            std::process::Command::new("sh").arg("-c").arg(commands).current_dir(&path).status().unwrap();
        assert!(done.success());
        path
    }

    fn commit(bench: &Bench, name: &str) {
        let command = "echo 3 >f && git commit -qam three";
        let done = std::process::Command::new("sh")
            .arg("-c")
            .arg(command)
            .current_dir(bench.at(name))
            .status()
            .unwrap();
        assert!(done.success());
    }

    #[test]
    fn a_clone_is_made_updated_and_brought_to_a_tag_a_branch_and_a_commit() {
        let bench = Bench::new();
        let repo = repository(&bench, "repo");
        let mut args = json!({"repo": repo, "dest": bench.path("sub/clone x")});
        let result = bench.changes(&MODULE, &args);
        assert_eq!((&result["before"], bench.read("sub/clone x/f").as_str()), (&Value::Null, "2\n"));
        let first = bench.in_order(&MODULE, &args)["after"].as_str().unwrap().to_owned();
        commit(&bench, "repo");
        assert_eq!(bench.changes(&MODULE, &args)["before"], json!(first));
        assert_eq!(bench.read("sub/clone x/f"), "3\n");
        for (version, content) in [("v1", "1\n"), ("main", "3\n"), ("old", "1\n"), (&first[..], "2\n")] {
            args["version"] = json!(version);
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
            assert_eq!(bench.read("sub/clone x/f"), content, "{version}");
        }
        args["version"] = json!("nosuch");
        assert!(bench.refusal(&MODULE, &args).contains("no branch, tag or commit 'nosuch'"));
    }

    #[test]
    fn local_changes_stay_unless_they_are_to_be_thrown_away() {
        let bench = Bench::new();
        let repo = repository(&bench, "repo");
        let mut args = json!({"repo": repo, "dest": bench.path("c"), "depth": 1, "single_branch": true});
        bench.changes(&MODULE, &args);
        bench.file("c/f", "mine\n");
        assert!(bench.refusal(&MODULE, &args).contains("Local modifications"));
        args["force"] = json!(true);
        bench.changes(&MODULE, &args);
        assert_eq!(bench.read("c/f"), "2\n");
        let args = json!({"repo": repo, "dest": bench.path("c"), "update": false, "version": "v1"});
        bench.in_order(&MODULE, &args);
        let none = json!({"repo": repo, "dest": bench.path("none"), "clone": false});
        bench.in_order(&MODULE, &none);
        assert!(!bench.at("none").exists());
    }

    #[test]
    fn a_bare_clone_follows_too_and_a_full_directory_is_left_alone() {
        let bench = Bench::new();
        let repo = repository(&bench, "repo");
        let args = json!({"repo": repo, "dest": bench.path("bare"), "bare": true, "umask": "022"});
        bench.changes(&MODULE, &args);
        commit(&bench, "repo");
        bench.changes(&MODULE, &args);
        std::fs::create_dir(bench.at("full")).unwrap();
        bench.file("full/x", "");
        assert!(
            bench.refusal(&MODULE, &json!({"repo": repo, "dest": bench.path("full")})).contains("not empty")
        );
    }
}
