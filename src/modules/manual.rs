//! What people read about a module: its page in Markdown, made from the very table that checks its arguments, so that
//! the two can't differ. `wgops docs` shows the same on a terminal, from [`Entry`].

use super::{ALL, FreeForm, Kind, Module, Param};
use std::fmt::Write;

/// The file with the list of all pages.
pub const INDEX: &str = "README.md";

/// A module as its manual tells it, in words that are ready to be shown.
pub struct Entry {
    /// What can be given, in the table's order.
    pub parameters: Vec<Parameter>,
    /// What Ansible has and wgops lacks.
    pub not_yet: Vec<&'static str>,
    /// What a text right behind the module's name means, where it means something.
    pub free_form: Option<String>,
}

/// A parameter in words.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What may be given.
    pub kind: String,
    /// Whether it must be given.
    pub required: bool,
    /// What holds when it isn't given; empty: nothing.
    pub default: &'static str,
    /// One sentence.
    pub help: &'static str,
}

impl Entry {
    /// What there is to say about a module's parameters.
    pub fn of(module: &Module) -> Self {
        let (there, lacking): (Vec<&Param>, Vec<&Param>) = module.params.iter().partition(|p| p.supported);
        let names = |p: &&Param| std::iter::once(p.name).chain(p.aliases.iter().copied()).collect::<Vec<_>>();
        Self {
            parameters: there.into_iter().map(Parameter::of).collect(),
            not_yet: lacking.iter().flat_map(names).collect(),
            free_form: match module.free_form {
                FreeForm::No => None,
                FreeForm::Is(name) => Some(format!("A text right behind `{}:` is `{name}`.", module.name)),
                FreeForm::AnyKeys => Some("Any other name is taken, too.".into()),
            },
        }
    }
}

impl Parameter {
    fn of(param: &Param) -> Self {
        Self {
            name: param.name,
            aliases: param.aliases,
            kind: words(param.kind),
            required: param.required,
            default: param.default,
            help: param.help,
        }
    }
}

/// What may be given, in a few words.
fn words(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Told => "text".into(),
        Kind::Path | Kind::Place => "path".into(),
        Kind::Paths => "list of paths".into(),
        Kind::Source | Kind::Template => "file of the controller".into(),
        Kind::Bool => "yes or no".into(),
        Kind::Int => "whole number".into(),
        Kind::Mode => "mode".into(),
        Kind::Choice(choices) => choices.join(" | "),
        Kind::List => "list".into(),
        Kind::Map => "mapping".into(),
        Kind::Any => "anything".into(),
        Kind::Conditions | Kind::Checks => "condition, or a list of them".into(),
        Kind::Expression => "expression without braces".into(),
    }
}

/// A module's page.
pub fn page(module: &Module) -> String {
    let entry = Entry::of(module);
    let mut out = format!("# {}\n\n{}.\n", module.name, cell(module.summary));
    if !module.aliases.is_empty() {
        let _infallible = write!(out, "\nAlso called {}.\n", listed(module.aliases));
    }
    parameters(&entry, &mut out);
    if !module.docs.examples.is_empty() {
        let _infallible =
            write!(out, "\n## Examples\n\n```yaml\n{}\n```\n", module.docs.examples.trim_matches('\n'));
    }
    out.push_str("\n## What `register` gets\n\n");
    if module.docs.returns.is_empty() {
        out.push_str("Nothing besides `changed`, `failed` and `msg`.\n");
    } else {
        out.push_str("Besides `changed` and `failed`:\n\n| key | |\n|---|---|\n");
        for returned in module.docs.returns {
            let _infallible = writeln!(out, "| `{}` | {} |", cell(returned.name), cell(returned.help));
        }
    }
    out
}

fn parameters(entry: &Entry, out: &mut String) {
    out.push_str("\n## Parameters\n\n");
    if entry.parameters.is_empty() {
        out.push_str("None.\n");
    } else {
        out.push_str("| parameter | takes | default | |\n|---|---|---|---|\n");
    }
    for parameter in &entry.parameters {
        let aliases = match parameter.aliases {
            [] => String::new(),
            some => format!(" or {}", listed(some)),
        };
        let default = match (parameter.required, parameter.default) {
            (true, _) => "**needed**".into(),
            (false, "") => String::new(),
            (false, default) => format!("`{}`", cell(default)),
        };
        let (name, kind, help) = (parameter.name, cell(&parameter.kind), cell(parameter.help));
        let _infallible = writeln!(out, "| `{name}`{aliases} | {kind} | {default} | {help} |");
    }
    if let Some(text) = &entry.free_form {
        let _infallible = write!(out, "\n{text}\n");
    }
    if !entry.not_yet.is_empty() {
        let _infallible = write!(out, "\nNot supported yet: {}.\n", listed(&entry.not_yet));
    }
}

/// The list of all pages.
pub fn index() -> String {
    let mut out = String::from(
        "# Modules\n\nThese pages are made by `scripts/docs` from what the program itself checks arguments with; \
         `wgops docs MODULE` shows the same.\n\n| module | |\n|---|---|\n",
    );
    for module in ALL {
        let _infallible =
            writeln!(out, "| [{0}]({0}.md) | {1} |", module.name, cell(&lower_first(module.summary)));
    }
    out
}

/// Every page with the name of its file.
pub fn pages() -> Vec<(String, String)> {
    let pages = ALL.iter().map(|module| (format!("{}.md", module.name), page(module)));
    std::iter::once((INDEX.to_owned(), index())).chain(pages).collect()
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Text that a table's cell can hold.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    #[test]
    fn a_page_says_what_can_be_given_and_what_comes_back() {
        let page = page(find("ping").unwrap());
        insta::assert_snapshot!(page, @r"
        # ping

        Asks whether the host answers.

        ## Parameters

        | parameter | takes | default | |
        |---|---|---|---|
        | `data` | text | `pong` | what the answer's 'ping' holds |

        ## Examples

        ```yaml
        - name: See that the host answers
          ping:
        ```

        ## What `register` gets

        Besides `changed` and `failed`:

        | key | |
        |---|---|
        | `ping` | `pong`, or what `data` says |
        ");
    }

    #[test]
    fn choices_do_not_break_the_table_and_what_is_missing_is_named() {
        let page = page(find("file").unwrap());
        assert!(page.contains(r"absent \| directory") || page.contains(r"\| directory \|"), "{page}");
        assert!(page.contains("| `path` or `dest`, `name` | path | **needed** |"), "{page}");
        let page = super::page(find("uri").unwrap());
        assert!(page.contains("Not supported yet: ") && page.contains("`use_gssapi`"), "{page}");
    }
}
