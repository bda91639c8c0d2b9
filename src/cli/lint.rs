//! `wgops lint`: what is known of playbooks and roles without a host.

use super::audit_output::{self, Output};
use super::repository::Repository;
use super::{Console, Exit, Failure};
use crate::lint::{self, Linted, Wanted, rules};
use crate::load::{Problem, settings};
use crate::model::{Weight, nearest};
use crate::report::{Format, lint as report};
use crate::template::{Templates, ThisMachine};
use clap::Args;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  wgops lint
  wgops lint playbooks/site.yml roles/ -v
  wgops lint --format sarif --output lint.json
  wgops lint --skip no-changed-when,name-missing --fail-on error

'# noqa: RULE' behind a line, or anywhere in a task, keeps a rule silent there.";

/// Look through playbooks, roles, templates and inventories for mistakes; reaches no host
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Lint {
    /// Files and folders; without one, the current folder
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// List the rules, and look at nothing
    #[arg(long)]
    rules: bool,
    /// Leave out these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    skip: Vec<String>,
    /// Look for these alone
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    only: Vec<String>,
    /// The least that makes it end with 5: error, warning or info; warning unless wgops.yml says otherwise
    #[arg(long, value_name = "WEIGHT")]
    fail_on: Option<Weight>,
    /// Output format: human, json, sarif
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format, help_heading = "Output")]
    format: Format,
    /// Also write to this file, in the format that its name ends in, or FORMAT=FILE; may be given several times
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: Vec<Output>,
}

impl Lint {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        if self.rules {
            console.result(&table())?;
            return Ok(Exit::Well);
        }
        for output in &self.output {
            check(output.format).map_err(Failure::usage)?;
        }
        let settings = Repository::here()?.settings().lint;
        let wanted = self.wanted(&settings)?;
        let outputs = audit_output::create(&self.output)?;
        let templates = Templates::new(Arc::new(ThisMachine));
        let linted = lint::lint(&wanted, &templates)?;
        let fail_on = self.fail_on.or(settings.fail_on).unwrap_or(Weight::Warning);
        let shown = if console.view.verbosity > 0 { Weight::Info } else { fail_on.min(Weight::Warning) };
        self.tell(console, &linted, shown, outputs)?;
        let fails = linted.remarks.iter().any(|remark| remark.weight >= fail_on);
        Ok(if fails { Exit::Findings } else { Exit::Well })
    }

    fn wanted(&self, settings: &settings::Lint) -> Result<Wanted, Failure> {
        let mut skipped = named(&self.skip)?;
        for (name, place) in &settings.skip {
            let found = rules::named(name);
            if found.is_empty() {
                let known = rules::ALL.iter().map(|rule| rule.name);
                let problem = Problem::at(place, format!("there is no rule '{name}'"));
                return Err(problem.nearest(name, known).into());
            }
            skipped.extend(found.iter().map(|rule| rule.name));
        }
        let only = named(&self.only)?;
        Ok(Wanted { paths: self.paths.clone(), skipped, only, excluded: settings.exclude.clone() })
    }

    fn tell(
        &self,
        console: &Console,
        linted: &Linted,
        shown: Weight,
        outputs: Vec<(Format, super::output::OutputFile)>,
    ) -> Result<(), Failure> {
        let sheet = report::Sheet { remarks: &linted.remarks, files: linted.files, shown };
        let text = |format| report::text(&sheet, format).map_err(|error| Failure::usage(error.to_string()));
        for (format, mut file) in outputs {
            let text = anstream::adapter::strip_str(&text(format)?).to_string();
            let written = file.writer().write_all(text.as_bytes());
            written.map_err(|error| file.failed(&error))?;
            file.finish()?;
        }
        console.result(&text(self.format)?)
    }
}

fn named(names: &[String]) -> Result<BTreeSet<&'static str>, Failure> {
    let mut all = BTreeSet::new();
    for name in names {
        let found = rules::named(name.trim());
        if found.is_empty() {
            let failure = Failure::usage(format!("there is no rule '{name}'"));
            return Err(match nearest(name, rules::ALL.iter().map(|rule| rule.name)) {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure.hint("'wgops lint --rules' names them"),
            });
        }
        all.extend(found.iter().map(|rule| rule.name));
    }
    Ok(all)
}

fn format(text: &str) -> Result<Format, String> {
    text.parse().and_then(check)
}

fn check(format: Format) -> Result<Format, String> {
    match report::FORMATS.contains(&format) {
        true => Ok(format),
        false => Err(format!("{format} is a format of audits; expected one of human, json, sarif")),
    }
}

fn table() -> String {
    let widest = rules::ALL.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let line = |rule: &&rules::Rule| format!("{:widest$}  {:7}  {}\n", rule.name, rule.weight, rule.about);
    rules::ALL.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_known_by_their_names_and_those_of_others() {
        assert_eq!(named(&["no-handler".into(), "var-naming[pattern]".into()]).unwrap().len(), 2);
        let failure = named(&["no-handlr".into()]).err().unwrap();
        assert!(
            anstream::adapter::strip_str(&failure.text()).to_string().contains("did you mean 'no-handler'?")
        );
        assert_eq!(table().lines().count(), rules::ALL.len());
    }

    #[test]
    fn formats_of_audits_alone_are_refused() {
        assert_eq!(format("sarif"), Ok(Format::Sarif));
        assert!(format("html").unwrap_err().contains("format of audits"));
    }
}
