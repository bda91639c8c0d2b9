//! `apt_repository`: a line of a list of package sources.

use super::apt_lists::refreshed;
use super::text_file::TextFile;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::system::files::Matching;

/// The module.
pub static MODULE: Module = Module {
    name: "apt_repository",
    aliases: &[],
    summary: "Adds a source of packages for apt, or removes one",
    params: &[
        Param::required("repo", Kind::Text, "the line, as deb URI SUITE COMPONENT"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional(
            "filename",
            Kind::Text,
            "the list's name below sources.list.d, or its path; by default made of the URI",
        ),
        Param::optional("mode", Kind::Mode, "the list's permissions; 0644 for a new one"),
        Param::optional(
            "update_cache",
            Kind::Bool,
            "whether package lists are refreshed once something changed",
        )
        .or(&["update-cache"])
        .default("yes"),
        Param::optional("update_cache_retries", Kind::Int, "taken and not needed"),
        Param::optional("update_cache_retry_max_delay", Kind::Int, "taken and not needed"),
        Param::optional("install_python_apt", Kind::Bool, "taken and not needed: no Python is used"),
        Param::optional("validate_certs", Kind::Bool, "taken and not needed: nothing is asked of a server"),
        Param::optional("codename", Kind::Text, "taken and not needed: for Launchpad's archives alone"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Packages of our own\n  apt_repository:\n    repo: \"deb [signed-by=/etc/apt/keyrings/example.asc] https://packages.example.com/debian bookworm main\"\n    filename: example\n",
        returns: &[
            Returned { name: "repo", help: "The line." },
            Returned { name: "sources_added", help: "Lists that are there only since now." },
            Returned {
                name: "sources_removed",
                help: "Lists that went, because nothing stood in them any more.",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

const MAIN: &str = "/etc/apt/sources.list";
const PARTS: &str = "/etc/apt/sources.list.d";

/// A line of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Line {
    /// The source with single spaces, or whatever else stands there.
    text: String,
    is_source: bool,
    enabled: bool,
    comment: String,
}

impl Line {
    fn read(line: &str) -> Self {
        let line = line.trim();
        let (enabled, line) = line.strip_prefix('#').map_or((true, line), |rest| (false, rest));
        let (line, comment) = match line.char_indices().find(|(at, c)| *at > 0 && *c == '#') {
            Some((at, _)) => (line.get(..at).unwrap_or(line), line.get(at + 1..).unwrap_or_default().trim()),
            None => (line, ""),
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_source = matches!(words.first(), Some(&"deb" | &"deb-src"));
        let text = if is_source { words.join(" ") } else { line.trim().to_owned() };
        Self { text, is_source, enabled, comment: comment.to_owned() }
    }

    fn written(&self) -> String {
        let mark = if self.enabled { "" } else { "# " };
        let comment = if self.comment.is_empty() { String::new() } else { format!(" # {}", self.comment) };
        format!("{mark}{}{comment}\n", self.text)
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let repo = args.needed("repo")?;
    let wanted = Line::read(repo);
    if repo.trim_start().starts_with("ppa:") {
        return Err(Stop::refuse(format!(
            "'{repo}' is Launchpad's, where the host would have to look it up: give the line itself"
        )));
    }
    if !wanted.is_source || !wanted.enabled || repo.trim().contains('\n') {
        return Err(Stop::refuse(format!("Invalid repository string: {repo}")));
    }
    let target = target(args, &wanted.text);
    let there = host.get(Matching(vec![MAIN.to_owned(), format!("{PARTS}/*.list")]))?;
    let lists: Vec<(String, Vec<Line>)> = there
        .iter()
        .map(|(path, text)| (path.clone(), String::from_utf8_lossy(text).lines().map(Line::read).collect()))
        .collect();
    let edited = match args.text("state") {
        Some("absent") => without(&lists, &wanted.text),
        _ => with(&lists, &wanted.text, &target),
    };
    let (mut added, mut removed, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for (path, lines) in edited {
        let file = TextFile::ask(host, &path)?;
        if lines.is_empty() {
            changes.extend(file.remove());
            removed.push(Value::from(path));
            continue;
        }
        if file.old.is_none() {
            added.push(Value::from(path.clone()));
        }
        let text: String = lines.iter().map(Line::written).collect();
        let verb = if args.text("state") == Some("absent") {
            "remove a source of packages from"
        } else {
            "put a source of packages in"
        };
        let named = |change: Change| match change.content {
            Some(_) => Change { summary: format!("{verb} {path}: {}", wanted.text), ..change },
            None => change,
        };
        changes.extend(file.put(host, args, text, 0o644)?.into_iter().map(named));
    }
    if !changes.is_empty() && args.flag("update_cache") {
        changes.push(refreshed());
    }
    let mut result = Map::new();
    result.insert("repo".into(), repo.into());
    result.insert("state".into(), args.needed("state")?.into());
    result.insert("sources_added".into(), added.into());
    result.insert("sources_removed".into(), removed.into());
    Ok(Outcome::change(result, changes))
}

/// The list that a new line goes to.
fn target(args: &Args, source: &str) -> String {
    let name = match args.text("filename") {
        Some(name) => name.to_owned(),
        None => name_of(source),
    };
    let name = if name.ends_with(".list") && name.contains('/') { name } else { format!("{name}.list") };
    if name.starts_with('/') { name } else { format!("{PARTS}/{name}") }
}

/// The list's name as Ansible makes it of the URI: letters and digits, the rest becomes `_`; without protocol and user.
fn name_of(source: &str) -> String {
    let plain = match (source.find('['), source.find(']')) {
        (Some(open), Some(close)) if open < close => {
            format!(
                "{}{}",
                source.get(..open).unwrap_or_default(),
                source.get(close + 1..).unwrap_or_default()
            )
        }
        _ => source.to_owned(),
    };
    let uri = plain.split_whitespace().find(|word| !matches!(*word, "deb" | "deb-src")).unwrap_or_default();
    let uri = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let uri = uri.split_once('@').map_or(uri, |(_, rest)| rest);
    let parts: Vec<&str> =
        uri.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    parts.join("_")
}

type Lists = Vec<(String, Vec<Line>)>;

/// The lists that have to change so that the source is there. One that is commented out is used again.
fn with(lists: &Lists, source: &str, target: &str) -> Lists {
    let is_it = |line: &Line| line.is_source && line.text == source;
    let holders: Vec<&(String, Vec<Line>)> =
        lists.iter().filter(|(_, lines)| lines.iter().any(is_it)).collect();
    if holders.is_empty() {
        let mut lines =
            lists.iter().find(|(path, _)| path == target).map(|(_, lines)| lines.clone()).unwrap_or_default();
        lines.push(Line { text: source.to_owned(), is_source: true, enabled: true, comment: String::new() });
        return vec![(target.to_owned(), lines)];
    }
    let enabled = |line: &Line| Line { enabled: line.enabled || is_it(line), ..line.clone() };
    let off = |(_, lines): &&&(String, Vec<Line>)| lines.iter().any(|line| is_it(line) && !line.enabled);
    let on = |(path, lines): &(String, Vec<Line>)| (path.clone(), lines.iter().map(enabled).collect());
    holders.iter().filter(off).map(|holder| on(holder)).collect()
}

/// The lists that have to change so that the source isn't there.
fn without(lists: &Lists, source: &str) -> Lists {
    let is_it = |line: &Line| line.is_source && line.enabled && line.text == source;
    let holders = lists.iter().filter(|(_, lines)| lines.iter().any(is_it));
    holders
        .map(|(path, lines)| (path.clone(), lines.iter().filter(|line| !is_it(line)).cloned().collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_list_is_made_of_the_uri() {
        for (source, name) in [
            ("deb http://archive.example.com/debian stable main", "archive_example_com_debian"),
            ("deb [arch=amd64 signed-by=/k.asc] https://user:pw@x.example/a-b/ y z", "x_example_a_b"),
            ("deb-src file:/srv/repo ./", "file_srv_repo"),
        ] {
            assert_eq!(name_of(source), name);
        }
    }

    #[test]
    fn a_line_is_a_source_with_single_spaces_perhaps_commented_out() {
        let line = Line::read("  # deb  http://x   y z # why");
        assert_eq!(
            (line.text.as_str(), line.is_source, line.enabled, line.comment.as_str()),
            ("deb http://x y z", true, false, "why")
        );
        assert_eq!(line.written(), "# deb http://x y z # why\n");
        assert!(!Line::read("# see sources.list(5)").is_source);
        assert_eq!(Line::read("").written(), "\n");
    }

    #[test]
    fn a_source_goes_to_its_list_or_is_used_where_it_was() {
        let lists = |text: &str| {
            vec![("/etc/apt/sources.list".to_owned(), text.lines().map(Line::read).collect::<Vec<_>>())]
        };
        let written = |lists: Lists| -> Vec<(String, String)> {
            lists.into_iter().map(|(path, lines)| (path, lines.iter().map(Line::written).collect())).collect()
        };
        let source = "deb http://x y z";
        assert!(with(&lists("deb  http://x y  z\n"), source, "/t").is_empty());
        assert_eq!(
            written(with(&lists("# deb http://x y z\ndeb http://a b c\n"), source, "/t")),
            [("/etc/apt/sources.list".to_owned(), "deb http://x y z\ndeb http://a b c\n".to_owned())]
        );
        assert_eq!(
            written(with(&lists(""), source, "/t")),
            [("/t".to_owned(), "deb http://x y z\n".to_owned())]
        );
        assert_eq!(written(without(&lists("deb http://x y z\n"), source))[0].1, "");
        assert!(without(&lists("# deb http://x y z\n"), source).is_empty());
    }
}
