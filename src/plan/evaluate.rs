//! What a task comes to on a host, as far as it can be known now: its conditions, its rendered arguments, and what its
//! module says to them. Evaluating has no effect but on what the store of answers notes as wanted.

use super::desk::{Desk, RenderedOnce};
use super::library::Library;
use super::look;
use super::task::Task;
use crate::model::{Advisories, Map, Value};
use crate::modules::{ArgProblem, Args, Change, Effect, FreeForm, Host, Kind, Module, Outcome, Param};
use crate::questions::{Answers, Reading, Refusal, Stop};
use crate::template::{Rendered, Scope, TemplateError, TemplateErrorKind, Templates};
use serde_json::json;
use std::sync::Arc;

/// What evaluating needs besides the task: nothing in it belongs to one task.
pub struct Means<'a> {
    /// The template environment.
    pub templates: &'a Templates,
    /// Where files are, and which of them may be read.
    pub library: &'a Library,
    /// What installed packages are compared with.
    pub advisories: Option<&'a Advisories>,
    /// Whether the user wants contents compared.
    pub show_diff: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// What goes on apart from tasks.
    pub jobs: &'a super::jobs::Jobs,
    /// Nobody said yes to what a playbook asks, so no sealed value decides what is seen to happen: it would be told bit by bit.
    pub is_blind: bool,
}

/// What something depends on that a sealed value decides, where that may not be seen.
pub const SEALED: &str = "a sealed value, which decides nothing before the real run, nor in a plan's";

/// Stands where words could hold a secret.
pub(super) const NO_DETAILS: &str = "(a secret is involved: no details)";

/// What a condition comes to.
pub enum Truth {
    /// It holds.
    Holds,
    /// This one doesn't.
    Fails(Value),
    /// Only the real run knows, because of this.
    Unknown(String),
}

/// What a loop comes to.
pub enum Items {
    /// These items; whether a secret is in them.
    Known(Vec<Value>, bool),
    /// There is no such list, and the task is not done anyway.
    Meaningless,
    /// It is no list, but this.
    NoList(&'static str),
    /// Only the real run knows, because of this.
    Unknown(String),
}

/// Arguments that were rendered once and stay so for this task on this host.
#[derive(Clone)]
pub struct Frozen {
    /// The arguments.
    pub args: Args,
    /// Whether a secret is in them.
    pub tainted: bool,
    /// In which of them.
    pub secret: Vec<String>,
    /// The templates that it names, as they were rendered.
    pub rendered: RenderedOnce,
}

/// What rendering a task's arguments comes to.
pub enum Rendering {
    /// These.
    Done(Frozen),
    /// Only the real run knows, because of this.
    Unknown(String),
}

/// What a module says.
pub enum Verdict {
    /// It wants answers; the store has noted which.
    Ask,
    /// It fails.
    Refuse(Refusal),
    /// It depends on what only the real run knows.
    Unknown(String),
    /// It depends on what the account that asks is not shown.
    Unseen(String),
    /// This is to be done; nothing, if there are no changes.
    Ready(Box<Outcome>),
}

/// What a module says, what it looked at, and whether a secret is in it.
pub struct Evaluation {
    /// The module's word.
    pub verdict: Verdict,
    /// What it looked at.
    pub reading: Reading,
    /// Whether a secret is in it.
    pub tainted: bool,
}

impl Evaluation {
    /// The changes that it comes to, if it does.
    pub fn changes(&self) -> &[Change] {
        match &self.verdict {
            Verdict::Ready(outcome) => &outcome.changes,
            _ => &[],
        }
    }
}

/// Arguments as far as they are known, and which of them hold a secret.
struct Given {
    args: Map,
    tainted: bool,
    secrets: Vec<String>,
}

impl Means<'_> {
    /// The name of an argument, which may be a template where any are taken (`set_fact`).
    fn name(&self, module: &Module, key: &str, scope: &Arc<dyn Scope>) -> Result<Rendered<String>, Refusal> {
        if module.free_form != FreeForm::AnyKeys || !key.contains("{{") {
            return Ok(Rendered::Known { value: key.to_owned(), tainted: false });
        }
        let rendered = self.templates.render(&Value::String(key.to_owned()), scope);
        match rendered.map_err(|error| refusal(&format!("'{key}': {error}"), &error))? {
            Rendered::Known { tainted: true, .. } if self.is_blind => Ok(Rendered::Unknown(SEALED.into())),
            Rendered::Known { tainted: true, .. } => Err(names_of_secrets(key)),
            Rendered::Known { value, tainted } => Ok(Rendered::Known { value: text_of(&value), tainted }),
            Rendered::Omitted => Ok(Rendered::Omitted),
            Rendered::Unknown(cause) => Ok(Rendered::Unknown(cause)),
        }
    }

    /// Renders a task's arguments, and gives them their parameters' names and types.
    ///
    /// # Errors
    /// Why the task fails: a template error, or arguments that don't fit the module.
    pub fn render(&self, task: &Task, scope: &Arc<dyn Scope>) -> Result<Rendering, Refusal> {
        let named = |key: &str| name_of_param(task.module, key);
        let (mut given, mut tainted, mut secrets) = match self.more_args(task, scope)? {
            Ok(Given { args, tainted, secrets }) => (args, tainted, secrets),
            Err(cause) => return Ok(Rendering::Unknown(cause)),
        };
        for (key, value) in &task.args {
            let kind = kind_of_param(task.module, key);
            let rendered = match kind {
                Some(Kind::Conditions) => self.each_condition(value, scope),
                Some(Kind::Checks) => Ok(self.each_check(value, scope)),
                Some(Kind::Told) => Ok(self.told(value, scope)),
                Some(Kind::Expression) => self.expression(value, scope),
                _ => self.templates.render(value, scope),
            };
            let rendered = rendered.map_err(|error| refusal(&format!("'{key}': {error}"), &error))?;
            match rendered {
                // Refused as where it comes out: how it failed would tell.
                Rendered::Unknown(cause)
                    if &*cause.0 == SEALED
                        && task.module.effect == Effect::Hosts
                        && look::reaches(&named(key)) =>
                {
                    let message = look::reached(&named(key));
                    return Err(Refusal { message, ..Refusal::default() });
                }
                Rendered::Unknown(cause) => return Ok(Rendering::Unknown(cause.to_string())),
                Rendered::Omitted => {}
                Rendered::Known { tainted: true, .. }
                    if self.is_blind && matches!(kind, Some(Kind::Conditions | Kind::Checks)) =>
                {
                    return Ok(Rendering::Unknown(SEALED.to_owned()));
                }
                Rendered::Known { value, tainted: secret } => {
                    tainted |= secret;
                    secrets.extend(secret.then(|| named(key)));
                    match self.name(task.module, key, scope)? {
                        Rendered::Known { value: name, .. } => {
                            let value = fitting(kind_of_param(task.module, &name), value);
                            given.insert(name, value)
                        }
                        Rendered::Omitted => None,
                        Rendered::Unknown(cause) => return Ok(Rendering::Unknown(cause.to_string())),
                    };
                }
            }
        }
        match frozen(task.module, &given, tainted, secrets) {
            // Whether they fit would tell.
            Err(_) if tainted && self.is_blind => Ok(Rendering::Unknown(SEALED.to_owned())),
            end => end,
        }
    }

    /// What a task's `args` give besides its own words; or on what that depends.
    fn more_args(&self, task: &Task, scope: &Arc<dyn Scope>) -> Result<Result<Given, String>, Refusal> {
        let (mut given, mut tainted, mut secrets): (Map, bool, Vec<String>) = (Map::new(), false, Vec::new());
        let named = |key: &str| name_of_param(task.module, key);
        for more in &task.more_args {
            match self
                .templates
                .render(more, scope)
                .map_err(|error| refusal(&format!("args: {error}"), &error))?
            {
                Rendered::Unknown(cause) => return Ok(Err(cause.to_string())),
                Rendered::Known { tainted: true, .. } if task.module.free_form == FreeForm::AnyKeys => {
                    if self.is_blind {
                        return Ok(Err(SEALED.to_owned()));
                    }
                    return Err(names_of_secrets("args"));
                }
                Rendered::Known { value: Value::Object(more), tainted: secret } => {
                    tainted |= secret;
                    for (key, value) in more {
                        let name = named(&key);
                        secrets.extend(secret.then(|| name.clone()));
                        if !task.args.keys().any(|own| named(own) == name) {
                            given.insert(name, value);
                        }
                    }
                }
                Rendered::Omitted | Rendered::Known { value: Value::Null, .. } => {}
                Rendered::Known { value, .. } => {
                    let message = format!("args: expected a mapping of arguments, got {}", kind_of(&value));
                    return Err(Refusal { message, ..Refusal::default() });
                }
            }
        }
        Ok(Ok(Given { args: given, tainted, secrets }))
    }

    /// Every condition with what it comes to: what `assert` gets.
    fn each_condition(&self, value: &Value, scope: &Arc<dyn Scope>) -> Result<Rendered, TemplateError> {
        let (mut judged, mut secret) = (Vec::new(), false);
        for condition in listed(value) {
            match self.templates.condition(&condition, scope)? {
                Rendered::Unknown(cause) => return Ok(Rendered::Unknown(cause)),
                Rendered::Omitted => {}
                Rendered::Known { value: holds, tainted } => {
                    secret |= tainted;
                    judged.push(json!({"condition": text_of(&condition), "holds": holds}));
                }
            }
        }
        Ok(Rendered::Known { value: Value::Array(judged), tainted: secret })
    }

    /// Every condition with what it comes to, or why that can't be known: what `check` gets.
    fn each_check(&self, value: &Value, scope: &Arc<dyn Scope>) -> Rendered {
        let (mut judged, mut secret) = (Vec::new(), false);
        for condition in listed(value) {
            let text = text_of(&condition);
            judged.push(match self.templates.condition(&condition, scope) {
                Ok(Rendered::Omitted) => continue,
                Ok(Rendered::Known { value: holds, tainted }) => {
                    secret |= tainted;
                    json!({"condition": text, "holds": holds})
                }
                Ok(Rendered::Unknown(cause)) => json!({"condition": text, "unknown": cause.to_string()}),
                Err(error) => json!({"condition": text, "unknown": error.to_string()}),
            });
        }
        Rendered::Known { value: Value::Array(judged), tainted: secret }
    }

    /// A text for people, or why it can't be told.
    fn told(&self, value: &Value, scope: &Arc<dyn Scope>) -> Rendered {
        let why = match self.templates.render(value, scope) {
            Ok(Rendered::Unknown(cause)) => cause.to_string(),
            Err(error) => error.to_string(),
            Ok(told) => return told,
        };
        Rendered::Known { value: format!("can't be told: {why}").into(), tainted: false }
    }

    /// An expression and its value, if it is defined: what `debug: var=` gets.
    fn expression(&self, value: &Value, scope: &Arc<dyn Scope>) -> Result<Rendered, TemplateError> {
        let expression = text_of(value);
        let braced =
            if expression.contains("{{") { expression.clone() } else { format!("{{{{ {expression} }}}}") };
        match self.templates.render(&Value::String(braced), scope) {
            Ok(Rendered::Known { value, tainted }) => {
                Ok(Rendered::Known { value: json!({"expression": expression, "value": value}), tainted })
            }
            Err(error) if error.kind == TemplateErrorKind::Undefined => {
                Ok(Rendered::Known { value: json!({"expression": expression}), tainted: false })
            }
            other => other,
        }
    }

    /// Asks the module.
    pub fn ask(&self, task: &Task, frozen: &Frozen, answers: &Answers, scope: &Arc<dyn Scope>) -> Evaluation {
        let desk = Desk::new(self.templates, scope, &task.frame.around, self.library, self.advisories)
            .knowing(self.jobs)
            .having(&frozen.rendered);
        let host = Host { answers, controller: &desk, show_diff: self.show_diff, verbosity: self.verbosity };
        answers.take_reading();
        let verdict = match task.module.evaluate(&frozen.args, &host) {
            Ok(mut outcome) => {
                if !self.show_diff {
                    outcome.changes.iter_mut().for_each(|change| change.diff = None);
                }
                Verdict::Ready(Box::new(outcome))
            }
            Err(Stop::Ask) => Verdict::Ask,
            Err(Stop::Refuse(refusal)) => Verdict::Refuse(refusal),
            Err(Stop::Unknown(cause)) => Verdict::Unknown(cause),
            Err(Stop::Unseen(why)) => Verdict::Unseen(why),
        };
        Evaluation { verdict, reading: answers.take_reading(), tainted: frozen.tainted || desk.is_tainted() }
    }
}

/// Why nothing is named by a secret: names are seen wherever all of them are.
fn names_of_secrets(key: &str) -> Refusal {
    let message = format!(
        "'{key}' would name something by a sealed value, and names are seen by everybody: write it as it is"
    );
    Refusal { message, ..Refusal::default() }
}

/// Rendered arguments that fit the module.
fn frozen(module: &Module, given: &Map, tainted: bool, secret: Vec<String>) -> Result<Rendering, Refusal> {
    match Args::parse(module.params, module.free_form, given) {
        Ok(args) => Ok(Rendering::Done(Frozen { args, tainted, secret, rendered: RenderedOnce::default() })),
        Err(problem) => {
            let message = misfit(&problem, module, given, tainted.then_some(&secret));
            Err(Refusal { message, ..Refusal::default() })
        }
    }
}

/// What is wrong with arguments. With a secret among them it could show that, so only their names are said then.
fn misfit(problem: &ArgProblem, module: &Module, given: &Map, secrets: Option<&Vec<String>>) -> String {
    if let Some(names) = secrets {
        return format!(
            "its arguments don't fit the module, and a secret is among them, so they are not shown: look at {}",
            names.join(", ")
        );
    }
    let is_given = |param: &&Param| given.keys().any(|key| param.is(key));
    let needed = module.params.iter().filter(|param| param.required && !is_given(param));
    let missing: Vec<&str> = needed.map(|param| param.name).collect();
    problem.in_ansibles_words(module.name, module.params, &missing)
}

/// A list, or one thing as a list.
fn listed(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    }
}

/// A template error as a task's failure.
pub fn refusal(message: &str, error: &TemplateError) -> Refusal {
    let hint = error.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
    Refusal { message: format!("{message}{hint}"), ..Refusal::default() }
}

/// What a template came to, as a parameter of this kind takes it: a list is a text as Python writes it where a text is
/// asked for, as Ansible has it.
fn fitting(kind: Option<Kind>, value: Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) if kind == Some(Kind::Text) => {
            Value::String(crate::template::python_text(&value))
        }
        other => other,
    }
}

fn kind_of_param(module: &Module, key: &str) -> Option<Kind> {
    param_of(module, key).map(|param| param.kind)
}

/// What the module calls a parameter that may have been given under another of its names.
fn name_of_param(module: &Module, key: &str) -> String {
    param_of(module, key).map_or(key.to_owned(), |param| param.name.to_owned())
}

fn param_of(module: &Module, key: &str) -> Option<&'static Param> {
    module.params.iter().find(|param| param.name == key || param.aliases.contains(&key))
}

/// A value as the text that somebody wrote.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        other => other.to_string(),
    }
}

/// What a value is, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
