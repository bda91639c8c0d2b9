//! `wgops run`: runs playbooks.

use super::args::{Cause, ExtraVars, Privilege, Reach, Shape, Targets};
use super::bound::secrets_in;
use super::console::shown;
use super::errand::{Choice, Errand};
use super::habits::Habits;
use super::job::Job;
use super::planning::{PlanOut, Planning};
use super::prompts::{Asking, answer};
use super::roles_path::roles_path;
use super::show::Show;
use super::who::home;
use super::{Console, Exit, Failure};
use crate::execute::Prepared;
use crate::load::yaml::Variables;
use crate::load::{Node, Playbook, Problems, yaml};
use crate::model::{BecomeMethod, Map, Secret};
use crate::people::Verb;
use crate::plan::{DefaultPrivilege, Given, Play, Step, Tags, compile, foresee, playbook_name};
use crate::report::{Subject, one_line};
use crate::template::{Templates, ThisMachine};
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  wgops run playbooks/site.yml -i prod --check --diff
  wgops run playbooks/site.yml -i prod -l 'web:!web3' --tags nginx --reason \"new vhost\" --ticket INFRA-12
  wgops run playbooks/site.yml -i prod -e version=1.2 -e @release.yml
  wgops run playbooks/site.yml -i prod --syntax-check";

/// Run playbooks, or show what they would do
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// The playbooks, run one after the other
    #[arg(required = true, value_name = "PLAYBOOK")]
    pub playbooks: Vec<PathBuf>,
    /// Only tasks with one of these tags, separated by commas
    #[arg(short, long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No task with one of these tags, separated by commas
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub skip_tags: Vec<String>,
    /// Variables that win over all others: name=value, a JSON object, or @FILE
    #[arg(short, long, value_name = "VARS")]
    pub extra_vars: Vec<ExtraVars>,
    /// Dry run: say what would happen, change nothing
    #[arg(short = 'C', long)]
    pub check: bool,
    /// Show what changes in files, line by line
    #[arg(short = 'D', long)]
    pub diff: bool,
    /// Print every script and argument that would be sent, and send only questions
    #[arg(long)]
    pub explain: bool,
    /// Read and check the playbooks, touch no host
    #[arg(long, group = "look")]
    pub syntax_check: bool,
    /// List the tasks that would run, touch no host
    #[arg(long, group = "look")]
    pub list_tasks: bool,
    /// List the tags of tasks, touch no host
    #[arg(long, group = "look")]
    pub list_tags: bool,
    /// Begin with the first task of this name
    #[arg(long, value_name = "NAME")]
    pub start_at_task: Option<String>,
    /// Run handlers that were notified on hosts that failed, too
    #[arg(long)]
    pub force_handlers: bool,
    /// List the hosts that it is about, touch none
    #[arg(long, group = "look")]
    pub list_hosts: bool,
    /// Become another user (root unless said) where the playbook doesn't say
    #[arg(short, long)]
    pub r#become: bool,
    /// The user to become, where the playbook doesn't say
    #[arg(long, value_name = "USER")]
    pub become_user: Option<String>,
    /// How another user is become where the playbook doesn't say: sudo, su or doas
    #[arg(long, value_name = "METHOD", value_parser = ["sudo", "su", "doas"])]
    pub become_method: Option<String>,
    #[command(flatten)]
    pub habits: Habits,
    #[command(flatten)]
    pub plan: PlanOut,
    #[command(flatten)]
    pub targets: Targets,
    #[command(flatten)]
    pub reach: Reach,
    #[command(flatten)]
    pub privilege: Privilege,
    #[command(flatten)]
    pub cause: Cause,
    #[command(flatten)]
    pub shape: Shape,
}

impl Run {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        self.habits.refuse()?;
        let extra = merged(console, &self.extra_vars)?;
        let mut playbooks = load(&self.playbooks, &extra)?;
        let looks = self.syntax_check || self.list_tasks || self.list_tags;
        let asking = if looks || self.list_hosts { Asking::Nobody } else { Asking::Somebody };
        answer(console, &mut playbooks, &extra, asking)?;
        if looks {
            return self.look(console, &playbooks);
        }
        let (shape, list_hosts, out) = (self.shape, self.list_hosts, self.plan.clone());
        let job = Job::open(console, self.errand(console, playbooks)?)?;
        let mut prepared = job.prepare(&Map::new())?;
        prepared.order.as_real = out.plan_out.is_some();
        if list_hosts {
            return hosts(console, &prepared);
        }
        let mut engine = job.engine(&prepared)?;
        if out.plan_out.is_some() {
            let planning =
                Planning { console, job: &job, subject: Subject::Run, format: shape.format, out: &out };
            let done = planning.make(&mut engine, &prepared);
            engine.close();
            return done;
        }
        let show = Show::new(console, Subject::Run, shape.format);
        let ended = job.carry_out(&mut engine, &prepared, show);
        engine.close();
        Ok(ended?.exit)
    }

    /// `--syntax-check` and `--list-tasks`: what is known without a host.
    fn look(&self, console: &Console, playbooks: &[Playbook]) -> Result<Exit, Failure> {
        let templates = Templates::new(Arc::new(ThisMachine));
        let extra = merged(console, &self.extra_vars)?;
        let (mut out, mut problems) = (String::new(), Vec::new());
        let (mut tags, roles_path) = (self.tags(), roles_path(home().as_deref()));
        if self.list_tags && tags.only.is_empty() {
            // Tags of tasks that run only when they are asked for are what is looked for.
            tags.only = ["all", "never"].map(str::to_owned).into();
        }
        let given = Given { tags: &tags, templates: &templates, extra: &extra, roles_path };
        for playbook in playbooks {
            out.push_str(&format!("playbook: {}\n", shown(&playbook.file)));
            match compile(playbook, &given) {
                Ok(plays) if self.list_tasks => {
                    plays.iter().for_each(|play| out.push_str(&tasks(play, &templates)));
                }
                Ok(plays) if self.list_tags => plays.iter().for_each(|play| out.push_str(&tag_list(play))),
                Ok(_) => {}
                Err(found) => problems.extend(found.0),
            }
        }
        Problems::check(problems)?;
        console.result(&out)?;
        Ok(Exit::Well)
    }

    fn tags(&self) -> Tags {
        Tags { only: self.tags.clone(), skip: self.skip_tags.clone(), start_at: self.start_at_task.clone() }
    }

    fn errand(self, console: &Console, playbooks: Vec<Playbook>) -> Result<Errand, Failure> {
        let dry = match (self.check, self.explain || self.list_hosts) {
            (true, _) => Some("--check"),
            (false, true) => Some("--explain"),
            (false, false) if self.plan.plan_out.is_some() => Some("--plan-out"),
            (false, false) => None,
        };
        let choice = Choice {
            tags: self.tags(),
            extra: merged(console, &self.extra_vars)?,
            files: from_files(&self.extra_vars)?,
            privilege: DefaultPrivilege {
                active: self.r#become,
                user: self.become_user,
                method: self.become_method.as_deref().and_then(BecomeMethod::named),
            },
            force_handlers: self.force_handlers,
            show_diff: self.diff,
            // Where hosts are only listed, nothing is carried out, and nobody is asked.
            explain: self.explain || self.list_hosts,
            ..Choice::default()
        };
        Ok(Errand {
            verb: Verb::Run,
            targets: self.targets,
            reach: self.reach,
            playbooks,
            privilege: Some(self.privilege),
            cause: Some(self.cause),
            dry,
            choice,
        })
    }
}

/// Playbooks, with those that they import; what is wrong with any of them is shown at once.
pub fn load(files: &[PathBuf], extra: &Map) -> Result<Vec<Playbook>, Problems> {
    let templates = Templates::new(Arc::new(ThisMachine));
    let names = |node: &Node, vars: &Variables| playbook_name(&templates, extra, node, vars);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for file in files {
        match Playbook::load_named(file, &names) {
            Ok(playbook) => good.push(playbook),
            Err(problems) => bad.extend(problems.0),
        }
    }
    Problems::check(bad).map(|()| good)
}

/// The files of `-e @FILE`, with what is in them.
pub fn from_files(all: &[ExtraVars]) -> Result<Vec<(PathBuf, Map)>, Failure> {
    let files =
        all.iter().filter_map(|vars| if let ExtraVars::File(file) = vars { Some(file) } else { None });
    files.map(|file| Ok((file.clone(), yaml::values(&yaml::load_vars(file)?)))).collect()
}

/// All `-e` laid over each other, later ones on top.
pub fn merged(console: &Console, all: &[ExtraVars]) -> Result<Map, Failure> {
    let mut out = Map::new();
    for vars in all {
        match vars {
            ExtraVars::Pairs(pairs) => {
                out.extend(pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into())));
            }
            ExtraVars::Json(map) => out.extend(map.clone()),
            ExtraVars::File(file) => out.extend(yaml::values(&yaml::load_vars(file)?)),
        }
    }
    for (name, value) in &out {
        secrets_in(name, value).into_iter().for_each(|text| console.masks.add(&Secret::new(text)));
    }
    Ok(out)
}

fn tasks(play: &Play, templates: &Templates) -> String {
    let mut out = format!("\n  play: {} (hosts: {})\n", one_line(&play.name), one_line(&play.hosts));
    let (seen, _) = foresee(play, templates);
    let mut seen = seen.iter().peekable();
    // A task, and what an include opens behind it.
    let mut line = |out: &mut String| {
        while let Some(one) = seen.next() {
            let (task, indent) = (&one.task, "  ".repeat(one.depth));
            let kind = if task.handler { "handler: " } else { "" };
            out.push_str(&format!(
                "    {indent}{kind}{}  ({}, {}){}\n",
                one_line(&task.name),
                task.module.name,
                task.place,
                if task.handler { String::new() } else { tagged(&task.tags) }
            ));
            if seen.peek().is_none_or(|next| next.depth == 0) {
                break;
            }
        }
    };
    for step in &play.steps {
        match step {
            Step::FlushHandlers => out.push_str("    (notified handlers run)\n"),
            _ => step.tasks().iter().for_each(|_| line(&mut out)),
        }
    }
    play.handlers.iter().for_each(|_| line(&mut out));
    out
}

fn tagged(tags: &[String]) -> String {
    if tags.is_empty() { String::new() } else { format!("  [{}]", one_line(&tags.join(", "))) }
}

fn tag_list(play: &Play) -> String {
    let all: std::collections::BTreeSet<&str> =
        play.tasks().flat_map(|task| &task.tags).map(String::as_str).collect();
    let all: Vec<&str> = all.into_iter().collect();
    let (name, hosts) = (one_line(&play.name), one_line(&play.hosts));
    format!("\n  play: {name} (hosts: {hosts})\n    tags: {}\n", one_line(&all.join(", ")))
}

fn hosts(console: &Console, prepared: &Prepared) -> Result<Exit, Failure> {
    console.warn(&prepared.warnings);
    let mut out = String::new();
    for (play, hosts) in &prepared.order.plays {
        out.push_str(&format!(
            "play: {} (hosts: {}): {}\n",
            one_line(&play.name),
            one_line(&play.hosts),
            hosts.len()
        ));
        hosts.iter().for_each(|host| out.push_str(&format!("  {host}\n")));
    }
    console.result(&out)?;
    Ok(Exit::Well)
}
