//! `wgops docs`: what modules there are, and what each takes and gives, as pages for a terminal.

use super::{Console, Exit, Failure};
use crate::model::nearest;
use crate::modules::{self, Module, manual};
use clap::Args;
use owo_colors::{OwoColorize, Style};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  wgops docs --list
  wgops docs lineinfile
  wgops docs ansible.builtin.copy";

/// Widest text; nobody likes to read longer lines.
const COLUMNS_MAX: usize = 100;
const HEADING: Style = Style::new().bold();
const NAME: Style = Style::new().cyan();

/// Show what modules there are, and what each takes and gives
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Docs {
    /// The modules; without one, all are listed
    #[arg(value_name = "MODULE")]
    modules: Vec<String>,
    /// List all modules, each with a sentence
    #[arg(short, long, conflicts_with = "modules")]
    list: bool,
    /// Write every module's page to this folder
    #[arg(long, value_name = "DIR", hide = true, conflicts_with_all = ["modules", "list"])]
    write: Option<PathBuf>,
}

impl Docs {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        if let Some(folder) = &self.write {
            write_pages(folder)?;
            return Ok(Exit::Well);
        }
        let columns = console.view.columns.unwrap_or(80).clamp(40, COLUMNS_MAX);
        if self.list || self.modules.is_empty() {
            console.result(&list(columns))?;
            return Ok(Exit::Well);
        }
        let found = self.modules.iter().map(|name| find(name)).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<String> = found.into_iter().map(|module| text(module, columns)).collect();
        console.result(&texts.join("\n"))?;
        Ok(Exit::Well)
    }
}

fn find(written: &str) -> Result<&'static Module, Failure> {
    let name = crate::load::playbook::short_module_name(written);
    modules::find(name).ok_or_else(|| {
        let failure = Failure::usage(format!("there is no module '{written}'"));
        match nearest(name, modules::ALL.iter().map(|module| module.name)) {
            Some(near) => failure.hint(format!("did you mean '{near}'?")),
            None => failure.hint("'wgops docs --list' names all"),
        }
    })
}

fn list(columns: usize) -> String {
    let widest = modules::ALL.iter().map(|module| module.name.len()).max().unwrap_or(0);
    let line = |module: &&Module| {
        let name = format!("{:widest$}", module.name);
        let lines = wrapped(module.summary, columns.saturating_sub(widest + 2));
        format!("{}  {}\n", name.style(NAME), lines.join(&format!("\n{}", " ".repeat(widest + 2))))
    };
    modules::ALL.iter().map(line).collect()
}

fn text(module: &Module, columns: usize) -> String {
    let entry = manual::Entry::of(module);
    let mut out = format!("{}\n", module.name.to_uppercase().style(HEADING));
    paragraph(&mut out, &format!("{}.", module.summary), columns);
    if !module.aliases.is_empty() {
        paragraph(&mut out, &format!("Also called {}.", module.aliases.join(", ")), columns);
    }
    heading(&mut out, "PARAMETERS");
    if entry.parameters.is_empty() {
        paragraph(&mut out, "None.", columns);
    }
    entry.parameters.iter().for_each(|parameter| one_parameter(&mut out, parameter, columns));
    if let Some(free_form) = &entry.free_form {
        paragraph(&mut out, &free_form.replace('`', ""), columns);
    }
    if !entry.not_yet.is_empty() {
        paragraph(&mut out, &format!("Not supported yet: {}.", entry.not_yet.join(", ")), columns);
    }
    heading(&mut out, "EXAMPLES");
    module.docs.examples.trim_matches('\n').lines().for_each(|line| {
        let _infallible = writeln!(out, "  {line}");
    });
    heading(&mut out, "RETURNS");
    if module.docs.returns.is_empty() {
        paragraph(&mut out, "Nothing besides changed, failed and msg.", columns);
    }
    for returned in module.docs.returns {
        let _infallible = writeln!(out, "  {}", returned.name.style(NAME));
        below(&mut out, &returned.help.replace('`', ""), columns);
    }
    out
}

fn one_parameter(out: &mut String, parameter: &manual::Parameter, columns: usize) {
    let aliases = match parameter.aliases {
        [] => String::new(),
        some => format!(" (or {})", some.join(", ")),
    };
    let needed = if parameter.required { ", needed" } else { "" };
    let _infallible = writeln!(out, "  {}{aliases}{needed}", parameter.name.style(NAME));
    below(out, parameter.help, columns);
    let default = match parameter.default {
        "" => String::new(),
        default => format!("; {default} unless said"),
    };
    below(out, &format!("takes: {}{default}", parameter.kind), columns);
}

fn heading(out: &mut String, text: &str) {
    let _infallible = writeln!(out, "\n{}", text.style(HEADING));
}

fn paragraph(out: &mut String, text: &str, columns: usize) {
    for line in wrapped(text, columns.saturating_sub(2)) {
        let _infallible = writeln!(out, "  {line}");
    }
}

fn below(out: &mut String, text: &str, columns: usize) {
    for line in wrapped(text, columns.saturating_sub(6)) {
        let _infallible = writeln!(out, "      {line}");
    }
}

/// A text in lines of at most so many columns, broken between words.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Writes all pages, and removes those of modules that are gone.
fn write_pages(folder: &Path) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::usage(format!("can't write to {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let pages = manual::pages();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let known = pages.iter().any(|(name, _)| path.file_name() == Some(name.as_ref()));
        if !known && path.extension() == Some("md".as_ref()) {
            std::fs::remove_file(&path).map_err(failed)?;
        }
    }
    for (name, text) in pages {
        std::fs::write(folder.join(name), text).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_modules_page_fits_the_terminal() {
        let shown = plain(&text(find("ansible.builtin.ping").unwrap(), 60));
        insta::assert_snapshot!(shown, @r"
        PING
          Asks whether the host answers.

        PARAMETERS
          data
              what the answer's 'ping' holds
              takes: text; pong unless said

        EXAMPLES
          - name: See that the host answers
            ping:

        RETURNS
          ping
              pong, or what data says
        ");
        for module in modules::ALL {
            let prose = plain(&text(module, 60)).split("\nEXAMPLES").next().unwrap_or_default().to_owned();
            let long = prose
                .lines()
                .find(|line| line.chars().count() > 60 && line.contains(' ') && line.trim().contains(' '));
            let breakable =
                |line: &&str| line.starts_with("      ") && line.trim().split(' ').all(|w| w.len() < 50);
            assert!(long.filter(breakable).is_none(), "{}: {long:?}", module.name);
        }
    }

    #[test]
    fn a_module_that_there_is_not_names_the_nearest() {
        let failure = find("linefile").err().unwrap();
        assert!(plain(&failure.text()).contains("did you mean 'lineinfile'?"));
        assert_eq!(failure.exit, Exit::Usage);
    }

    #[test]
    fn the_list_has_a_line_for_each_module() {
        let shown = plain(&list(200));
        assert_eq!(shown.lines().count(), modules::ALL.len());
        assert!(shown.contains("\ncopy "));
    }

    #[test]
    fn pages_are_written_and_those_of_modules_that_are_gone_removed() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("nosuch.md"), "x").unwrap();
        write_pages(home.path()).unwrap();
        assert!(!home.path().join("nosuch.md").exists());
        assert!(home.path().join("apt.md").exists() && home.path().join("README.md").exists());
    }
}
