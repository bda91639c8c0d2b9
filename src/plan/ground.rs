//! What one host knows during a play: its variables, and the answers of each effective user. It evaluates units; it
//! decides nothing about order.

use super::effective::{At, Effective};
use super::evaluate::{Evaluation, Frozen, Items, Means, Rendering, Truth, Verdict, refusal, text_of};
use super::exposure;
use super::library::Library;
use super::scope::{Frame, Layer, Pending, Variables};
use super::task::{Loop, Task};
use super::unit::{Prepared, Running, Unit, UnitEnd, change_made};
use crate::event::{ChangeMade, Sent, Status};
use crate::model::{
    Advisories, BecomeMethod, Digest, Environment, Excerpt, HostName, Map, Nonce, Subjects, Value,
};
use crate::modules::{Args, Change, Outcome};
use crate::questions::{Answers, Asked, Key, Reading, Refusal};
use crate::template::{Binding, Rendered, Scope, TemplateError, TemplateErrorKind, Templates};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Who tasks run as where neither task nor variables say so.
#[derive(Clone, Default)]
pub struct DefaultPrivilege {
    /// `--become`.
    pub active: bool,
    /// `--become-user`.
    pub user: Option<String>,
    /// `--become-method`.
    pub method: Option<BecomeMethod>,
}

/// What a real run may send to a host, where somebody approved it beforehand.
#[derive(Clone, Default)]
pub struct Approved {
    /// Identities of changes.
    pub changes: Arc<BTreeSet<Digest>>,
    /// What identities of changes that hold secrets are made under.
    pub key: Option<Nonce>,
    /// Modules and scripts that are bound in another way, or follow from the others.
    pub exempt: Arc<[&'static str]>,
}

/// What one host knows during a play.
pub struct Ground {
    /// What it may be sent, if not everything.
    pub approved: Option<Approved>,
    /// The template environment.
    pub templates: Arc<Templates>,
    /// Where files are, and which of them may be read.
    pub library: Arc<Library>,
    /// What installed packages are compared with.
    pub advisories: Option<Arc<Advisories>>,
    /// Whether the user wants contents compared.
    pub show_diff: bool,
    /// How many `-v`.
    pub verbosity: u8,
    /// What is sent, or would be, is said in events.
    pub explain: bool,
    /// Every change drops every answer.
    pub forgetful: bool,
    /// Who tasks run as unless they say.
    pub privilege: DefaultPrivilege,
    /// The host's variables.
    pub variables: Variables,
    /// Answers by effective user.
    pub stores: BTreeMap<Effective, Answers>,
    /// What a dry run would have touched, and by which task.
    pub unapplied: Vec<(Option<At>, Subjects, String)>,
    /// Whether its host is this machine.
    pub is_local: bool,
    /// Whether a secret had a part in what was looked at last, however that came out.
    pub looked_at_secret: bool,
}

/// Why it can't be said in whose hands a task is put.
enum Missing {
    Refused(Refusal),
    Unknown(String),
}

impl Missing {
    fn refused(message: String) -> Self {
        Self::Refused(Refusal { message, ..Refusal::default() })
    }
}

/// What evaluating a unit comes to.
pub enum Look {
    /// Answers are wanted; the store has noted which.
    Ask,
    /// It ends without a change, having read this.
    End(UnitEnd, Subjects),
    /// It has changes.
    Changes(Prepared, Reading),
    /// A dry run can't know: it depends on this.
    Unknown(String),
    /// The account that asks is not shown what it depends on; what was read until then.
    Unseen(String, Subjects),
    /// An unapplied change may alter this.
    Provisional(Option<Outcome>, Reading, String),
}

/// The items of a loop, and what of them tasks see besides.
struct Walk {
    items: Vec<Value>,
    /// The variable that holds the item.
    variable: String,
    /// A secret is in them.
    tainted: bool,
    extended: bool,
    all_items: bool,
}

impl Walk {
    /// `ansible_loop` at an item.
    fn place(&self, index: usize) -> Value {
        let length = self.items.len();
        let mut place = Map::new();
        if self.all_items {
            place.insert("allitems".into(), Value::Array(self.items.clone()));
        }
        let numbers = [
            ("index", index + 1),
            ("index0", index),
            ("length", length),
            ("revindex", length - index),
            ("revindex0", length - index - 1),
        ];
        place.extend(numbers.map(|(name, number)| (name.to_owned(), number.into())));
        place.insert("first".into(), (index == 0).into());
        place.insert("last".into(), (index + 1 == length).into());
        let near = [("nextitem", Some(index + 1)), ("previtem", index.checked_sub(1))];
        for (name, at) in near {
            if let Some(item) = at.and_then(|at| self.items.get(at)) {
                place.insert(name.into(), item.clone());
            }
        }
        Value::Object(place)
    }
}

impl Approved {
    /// The first of a task's changes that nobody approved.
    pub fn lacks<'a>(&self, module: &str, prepared: &'a Prepared) -> Option<&'a str> {
        let is_exempt = |name: &str| self.exempt.contains(&name);
        let mut changes = prepared.outcome.changes.iter().filter(|change| !is_exempt(change.script.name));
        let lacks = |change: &&Change| {
            let made = change_made(change, &prepared.user);
            let Some(sends) = &made.sends else { return true };
            let is_in =
                |sends: &Sent| self.changes.contains(&ChangeMade::identity_of(&made.script_digest, sends));
            !is_in(sends) && !self.key.as_ref().is_some_and(|key| is_in(&sends.keyed(key)))
        };
        changes.find(lacks).filter(|_| !is_exempt(module)).map(|change| change.summary.as_str())
    }
}

impl Ground {
    fn means(&self) -> Means<'_> {
        Means {
            templates: &self.templates,
            library: &self.library,
            advisories: self.advisories.as_deref(),
            show_diff: self.show_diff,
            verbosity: self.verbosity,
            jobs: self.variables.jobs(),
        }
    }

    /// The means for one task, which may have its own mind about `diff`.
    fn means_of(&self, task: &Task, layer: &Arc<Frame>) -> Means<'_> {
        let wants = self.flag(task.diff.as_ref(), layer);
        Means { show_diff: wants.unwrap_or(self.show_diff), ..self.means() }
    }

    /// Makes a task's units where its loop is known.
    ///
    /// # Errors
    /// How the task ends because its loop can't be evaluated.
    pub fn unfold(&self, running: &mut Running, pending: Option<&Arc<Pending>>) -> Result<(), Box<UnitEnd>> {
        if running.units.is_some() {
            return Ok(());
        }
        let Some(each) = &running.task.each else {
            running.without_loop();
            return Ok(());
        };
        let empty = Arc::default();
        let view = self.variables.view(&running.layer, &empty, pending);
        match self.means().items(&running.task, each, &view) {
            Err(error) => Err(Box::new(failed(refusal(&format!("loop: {error}"), &error)))),
            Ok(Items::Unknown(cause)) => {
                let status = Status::KnownAfterApply { cause };
                Err(Box::new(UnitEnd::plain(status, Some("its items are known after apply".into()))))
            }
            Ok(Items::NoList(kind)) => {
                let message =
                    format!("loop: expected a list, got {kind}; write it in [ ] or as a block of '- ' lines");
                Err(Box::new(UnitEnd::failed(message, Map::new())))
            }
            Ok(Items::Known(items, tainted)) => {
                let is_set = |flag: &Option<Value>| {
                    let shown = flag.as_ref().map(|flag| self.templates.render(flag, &view));
                    shown.and_then(|shown| shown.ok()?.known().and_then(truthy))
                };
                let variable = match self.loop_variable(each, &view) {
                    Ok(variable) => variable,
                    Err(why) => return Err(Box::new(UnitEnd::failed(why, Map::new()))),
                };
                let walk = Walk {
                    variable,
                    extended: is_set(&each.extended) == Some(true),
                    all_items: is_set(&each.all_items) != Some(false),
                    items,
                    tainted,
                };
                let units = (0..walk.items.len()).map(|index| self.unit(each, &running.layer, &walk, index));
                let units: Vec<Unit> = units.collect();
                running.units = Some(units);
                Ok(())
            }
        }
    }

    /// The name of the variable that holds the item, which may be a template.
    fn loop_variable(&self, each: &Loop, view: &Arc<dyn Scope>) -> Result<String, String> {
        let written = Value::String(each.variable.clone());
        if !Templates::has_templates(&written) {
            return Ok(each.variable.clone());
        }
        let shown = self.templates.render(&written, view);
        let shown =
            shown.map_err(|error| format!("loop_var: {}", refusal(&error.to_string(), &error).message))?;
        let name = shown.known().map(text_of).unwrap_or_default();
        match crate::load::yaml::is_variable_name(&name) {
            true => Ok(name),
            false => Err(format!("loop_var: '{name}' is no variable name")),
        }
    }

    /// The items of a loop, where they are known.
    pub(super) fn items_of(&self, task: &Task, each: &Loop, view: &Arc<dyn Scope>) -> Option<Vec<Value>> {
        match self.means().items(task, each, view) {
            Ok(Items::Known(items, _)) => Some(items),
            _ => None,
        }
    }

    /// A task's arguments, where they are known.
    pub(super) fn rendered(&self, task: &Task, view: &Arc<dyn Scope>) -> Option<Args> {
        match self.means().render(task, view) {
            Ok(Rendering::Done(frozen)) => Some(frozen.args),
            _ => None,
        }
    }

    fn unit(&self, each: &Loop, layer: &Arc<Frame>, walk: &Walk, index: usize) -> Unit {
        let item = walk.items.get(index).cloned().unwrap_or_default();
        let mut variables = Layer::new();
        let plain = |value: Value| Binding::Data(Arc::new(value));
        let bound =
            |value: Value| if walk.tainted { Binding::Secret(Box::new(plain(value))) } else { plain(value) };
        variables.insert("ansible_loop_var".into(), plain(walk.variable.clone().into()));
        if let Some(name) = &each.index_variable {
            variables.insert("ansible_index_var".into(), plain(name.clone().into()));
            variables.insert(name.clone(), plain(index.into()));
        }
        if walk.extended {
            variables.insert("ansible_loop".into(), bound(walk.place(index)));
        }
        variables.insert(walk.variable.clone(), bound(item.clone()));
        let variables = Arc::new(variables);
        let label = each.label.as_ref().and_then(|label| {
            let view = self.variables.view(layer, &variables, None);
            let shown = self.templates.render(label, &view).ok().filter(|shown| !shown.is_tainted());
            shown.and_then(|shown| shown.known().map(text_of))
        });
        let label = label.unwrap_or_else(|| match walk.tainted {
            true => "(item not shown)".to_owned(),
            false => text_of(&item),
        });
        let label = Excerpt { lines_max: 1, columns_max: 100 }.of(&label);
        let mut unit = Unit::new(variables, Some(label), Some(item));
        unit.secret = walk.tainted;
        unit.index = index;
        unit.loop_place = walk.extended.then(|| walk.place(index));
        unit
    }

    /// Evaluates a unit that is fresh. A secret that had a part in it, as an item or an argument, hides all of it.
    pub fn look(
        &mut self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        pending: Option<&Arc<Pending>>,
    ) -> Look {
        self.looked_at_secret = holds_secret(item);
        let mut looked = self.look_at(task, layer, item, pending);
        match &mut looked {
            Look::End(end, _) => end.tainted |= self.looked_at_secret,
            Look::Changes(prepared, _) => prepared.tainted |= self.looked_at_secret,
            Look::Ask | Look::Unknown(_) | Look::Provisional(..) | Look::Unseen(..) => {}
        }
        looked
    }

    fn look_at(
        &mut self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        pending: Option<&Arc<Pending>>,
    ) -> Look {
        let view = self.variables.view(layer, item, pending);
        let means = self.means();
        match means.conditions(&task.when, &view) {
            Err(error) => return nothing_read(failed(refusal(&format!("when: {error}"), &error))),
            Ok(Truth::Unknown(cause)) => return Look::Unknown(cause),
            Ok(Truth::Fails(condition)) => {
                let why = format!("when: {}", text_of(&condition));
                let mut end = UnitEnd::plain(Status::Skipped, Some(why));
                end.result.insert("skip_reason".into(), "Conditional result was False".into());
                end.result.insert("false_condition".into(), condition);
                return nothing_read(end);
            }
            Ok(Truth::Holds) => {}
        }
        let frozen = match means.render(task, &view) {
            Err(refusal) => return nothing_read(failed(refusal)),
            Ok(Rendering::Unknown(cause)) => return Look::Unknown(cause),
            Ok(Rendering::Done(frozen)) => frozen,
        };
        let frozen = match self.first_unapplied() {
            // What a dry run left undone would not come about however long it waited.
            Some(_) if task.module.name == "wait_for" => {
                Frozen { args: frozen.args.without_waiting(), ..frozen }
            }
            _ => frozen,
        };
        if task.module.name == "add_host"
            && let Err(why) = self.may_add(task, layer, item, &frozen.args)
        {
            return nothing_read(UnitEnd::failed(why, Map::new()));
        }
        let (user, secret) = match self.effective(task, layer, &view) {
            Err(Missing::Refused(refusal)) => return nothing_read(failed(refusal)),
            Err(Missing::Unknown(cause)) => return Look::Unknown(cause),
            Ok(user) => user,
        };
        let frozen = Frozen { tainted: frozen.tainted || secret, ..frozen };
        self.looked_at_secret |= frozen.tainted;
        if let Some(refusal) = exposure::of_task(task, &frozen, &user, &self.templates) {
            return nothing_read(said_openly(refusal));
        }
        self.open_store(&user);
        let view = self.variables.view(layer, item, pending);
        let Some(answers) = self.stores.get(&user) else { return Look::Ask };
        let evaluation = self.means_of(task, layer).ask(task, &frozen, answers, &view);
        self.looked_at_secret |= evaluation.tainted;
        let exposes = || exposure::of_words(evaluation.changes(), answers, &self.templates);
        if let Some(refusal) = self.looked_at_secret.then(exposes).flatten() {
            return nothing_read(said_openly(refusal));
        }
        let mut looked = sort_out(task, evaluation, user, frozen);
        if let Err(why) = self.apart(task, &view, &mut looked) {
            return nothing_read(UnitEnd::failed(why, Map::new()));
        }
        self.limit(task, &view, &mut looked);
        looked
    }

    /// Sees to it that there is a place for the answers to whoever a task becomes.
    fn open_store(&mut self, user: &Effective) {
        if self.stores.contains_key(user) {
            return;
        }
        let mut answers = Answers::default();
        for (at, touched, cause) in &self.unapplied {
            if *at == user.at {
                answers.would_touch(touched.clone(), cause.clone());
            }
        }
        self.stores.insert(user.clone(), answers);
    }

    /// Gives changes no more time than the task's `timeout`.
    fn limit(&self, task: &Task, view: &Arc<dyn Scope>, looked: &mut Look) {
        let (Look::Changes(prepared, _), Some(timeout)) = (looked, &task.timeout) else { return };
        let seconds = self.templates.render(timeout, view).ok().and_then(|r| r.known()?.as_f64());
        let Some(most) = seconds.filter(|most| *most > 0.0) else { return };
        let most = std::time::Duration::from_secs_f64(most.min(86_400.0));
        for change in &mut prepared.outcome.changes {
            change.deadline = change.deadline.min(most);
        }
    }

    /// Asks the module again with the same arguments, after its changes ran.
    pub fn look_again(
        &self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        prepared: &Prepared,
    ) -> Evaluation {
        let view = self.variables.view(layer, item, None);
        let empty = Answers::default();
        let answers = self.stores.get(&prepared.user).unwrap_or(&empty);
        self.means_of(task, layer).ask(task, &prepared.frozen, answers, &view)
    }

    /// In whose hands a task is put, and whether that holds a secret. Variables win over keywords, as Ansible has it;
    /// facts have no say in variables, and name no host that the inventory doesn't know.
    fn effective(
        &self,
        task: &Task,
        layer: &Arc<Frame>,
        view: &Arc<dyn Scope>,
    ) -> Result<(Effective, bool), Missing> {
        let at = self.place(task, layer, view)?;
        let settings = match &at {
            Some(At::Host(host)) => self.variables.settings_at(host, layer),
            _ => self.variables.settings(layer),
        };
        let setting = |name, keyword: &Option<Value>| self.setting(name, keyword.as_ref(), &settings, view);
        let (environment, tainted) = self.environment(task, view)?;
        let active = match setting("ansible_become", &task.privilege.active)? {
            Some(value) => truthy(&value).ok_or_else(|| {
                Missing::refused(format!("become is {}: expected yes or no", text_of(&value)))
            })?,
            None => self.privilege.active,
        };
        if !active {
            return Ok((Effective { at, environment, ..Effective::default() }, tainted));
        }
        let user = setting("ansible_become_user", &task.privilege.user)?;
        let user = user.map(|v| text_of(&v)).or_else(|| self.privilege.user.clone());
        let method = match setting("ansible_become_method", &task.privilege.method)? {
            None => self.privilege.method.unwrap_or_default(),
            Some(name) => BecomeMethod::named(&text_of(&name)).ok_or_else(|| {
                let known = "expected sudo, su or doas";
                Missing::refused(format!("become_method is {}: {known}", text_of(&name)))
            })?,
        };
        let user = Some(user.unwrap_or_else(|| "root".into()));
        Ok((Effective { at, user, method, environment }, tainted))
    }

    /// Where a task is carried out; nothing: on its own host.
    fn place(&self, task: &Task, layer: &Arc<Frame>, view: &Arc<dyn Scope>) -> Result<Option<At>, Missing> {
        let rendered = |source: &Value, view: &Arc<dyn Scope>| match self.templates.render(source, view) {
            Ok(Rendered::Known { value: Value::Null, .. } | Rendered::Omitted) => Ok(None),
            Ok(Rendered::Known { value, .. }) => Ok(Some(text_of(&value)).filter(|text| !text.is_empty())),
            Ok(Rendered::Unknown(cause)) => Err(Missing::Unknown(cause.to_string())),
            Err(error) => Err(Missing::Refused(refusal(&format!("delegate_to: {error}"), &error))),
        };
        if let Some(source) = &task.delegate_to
            && let Some(name) = rendered(source, view)?
        {
            let host: HostName =
                name.parse().map_err(|error| Missing::refused(format!("delegate_to: {error}")))?;
            if host == self.variables.host {
                return Ok(None);
            }
            let is_written = || {
                let settings = self.variables.settings(layer);
                matches!(rendered(source, &settings), Ok(Some(written)) if written == name)
            };
            if !is_this_machine(&name) && !self.variables.knows(&host) && !is_written() {
                let message = format!(
                    "delegate_to: '{name}' is not in the inventory, and a host that is named by another host's words must be"
                );
                return Err(Missing::refused(message));
            }
            return Ok(Some(At::Host(host)));
        }
        let settings = self.variables.settings(layer);
        if self.is_local || task.connection.is_none() && settings.get("ansible_connection").is_none() {
            return Ok(None);
        }
        let kind = self.setting("ansible_connection", task.connection.as_ref(), &settings, view)?;
        let kind = kind.map(|kind| text_of(&kind)).unwrap_or_default();
        match kind.strip_prefix("ansible.builtin.").unwrap_or(&kind) {
            "local" => Ok(Some(At::Here)),
            "" | "ssh" | "smart" | "paramiko" | "paramiko_ssh" => Ok(None),
            _ => Err(Missing::refused(format!("wgops has no connection '{kind}': expected ssh or local"))),
        }
    }

    /// The other host that a task is done on, if it is.
    pub fn delegate_of(&self, task: &Task, layer: &Arc<Frame>, item: &Arc<Layer>) -> Option<HostName> {
        let view = self.variables.view(layer, item, None);
        match self.place(task, layer, &view) {
            Ok(Some(At::Host(host))) => Some(host),
            _ => None,
        }
    }

    /// The environment variables of a task, and whether a secret is in them.
    fn environment(&self, task: &Task, view: &Arc<dyn Scope>) -> Result<(Environment, bool), Missing> {
        let (mut variables, mut tainted) = (BTreeMap::new(), false);
        for layer in &task.environment {
            let wrong = |what: &str| Missing::refused(format!("environment: expected a mapping, got {what}"));
            let known = self.without_facts_to_come(task, layer, view);
            match self.templates.render(&known, view) {
                Err(error) => {
                    return Err(Missing::Refused(refusal(&format!("environment: {error}"), &error)));
                }
                Ok(Rendered::Unknown(cause)) => return Err(Missing::Unknown(cause.to_string())),
                Ok(Rendered::Omitted | Rendered::Known { value: Value::Null, .. }) => {}
                Ok(Rendered::Known { value: Value::Object(map), tainted: secret }) => {
                    tainted |= secret;
                    variables.extend(map.iter().map(|(name, value)| (name.clone(), text_of(value))));
                }
                Ok(Rendered::Known { value: Value::String(text), .. }) if text.is_empty() => {}
                Ok(Rendered::Known { value, .. }) => return Err(wrong(&text_of(&value))),
            }
        }
        let environment = Environment::new(variables)
            .map_err(|name| Missing::refused(format!("environment: '{name}' can't be a variable's name")))?;
        Ok((environment, tainted))
    }

    /// An environment without what facts say, where facts are only just being gathered.
    fn without_facts_to_come<'v>(
        &self,
        task: &Task,
        layer: &'v Value,
        view: &Arc<dyn Scope>,
    ) -> Cow<'v, Value> {
        let Some(variables) = layer.as_object().filter(|_| task.module.name == "setup") else {
            return Cow::Borrowed(layer);
        };
        let is_to_come = |value: &Value| {
            let asks = text_of(value).contains("ansible_env") || text_of(value).contains("ansible_facts");
            let missing = |error: TemplateError| error.kind == TemplateErrorKind::Undefined;
            asks && self.templates.render(value, view).is_err_and(missing)
        };
        let known = variables.iter().filter(|(_, value)| !is_to_come(value));
        Cow::Owned(Value::Object(known.map(|(name, value)| (name.clone(), value.clone())).collect()))
    }

    fn setting(
        &self,
        name: &str,
        keyword: Option<&Value>,
        settings: &Arc<dyn Scope>,
        view: &Arc<dyn Scope>,
    ) -> Result<Option<Value>, Missing> {
        let by_name = Value::String(format!("{{{{ {name} }}}}"));
        let (source, view) = match (settings.get(name), keyword) {
            (Some(_), _) => (&by_name, settings),
            (None, Some(keyword)) => (keyword, view),
            (None, None) => return Ok(None),
        };
        match self.templates.render(source, view) {
            Err(error) => Err(Missing::Refused(refusal(&format!("{name}: {error}"), &error))),
            Ok(Rendered::Unknown(cause)) => Err(Missing::Unknown(cause.to_string())),
            Ok(rendered) => Ok(rendered.known().cloned()),
        }
    }

    /// What a keyword that is yes, no or a template comes to; nothing where it is not said, or can't be known.
    pub fn flag(&self, keyword: Option<&Value>, layer: &Arc<Frame>) -> Option<bool> {
        match keyword? {
            Value::Bool(flag) => Some(*flag),
            template => {
                let view = self.variables.view(layer, &Arc::default(), None);
                self.templates.render(template, &view).ok()?.known().and_then(truthy)
            }
        }
    }

    /// Whether nothing of a task may be shown; where that can't be told, nothing is.
    pub fn hides(&self, task: &Task, layer: &Arc<Frame>) -> bool {
        task.no_log.is_some() && self.flag(task.no_log.as_ref(), layer).unwrap_or(true)
    }

    /// Judges a result by `failed_when` or `changed_when`.
    ///
    /// # Errors
    /// The condition can't be evaluated.
    pub fn judge(
        &self,
        conditions: &[Value],
        running: &Running,
        item: &Arc<Layer>,
        result: Binding,
    ) -> Result<Truth, String> {
        let mut item = item.clone();
        if let Some(name) = &running.task.register {
            Arc::make_mut(&mut item).insert(name.clone(), result);
        }
        let view = self.variables.view(&running.layer, &item, None);
        self.means().conditions(conditions, &view).map_err(|e| refusal(&e.to_string(), &e).message)
    }

    /// A number that may be a template.
    ///
    /// # Errors
    /// It can't be rendered, or isn't a number.
    pub fn number(&self, value: &Value, running: &Running, item: &Arc<Layer>) -> Result<Option<f64>, String> {
        let view = self.variables.view(&running.layer, item, None);
        let rendered =
            self.templates.render(value, &view).map_err(|e| refusal(&e.to_string(), &e).message)?;
        let Some(value) = rendered.known() else { return Ok(None) };
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        let finite = number.filter(|number| number.is_finite());
        finite.map(Some).ok_or_else(|| format!("expected a number, got '{}'", text_of(value)))
    }

    /// A task's name for people.
    pub fn name_of(&self, running: &Running) -> String {
        let empty = Arc::default();
        let view = self.variables.view(&running.layer, &empty, None);
        let name = Value::String(running.task.name.clone());
        match self.templates.render(&name, &view) {
            Ok(Rendered::Known { value, tainted: false }) => text_of(&value),
            _ => running.task.name.clone(),
        }
    }

    /// Drops answers that a change of these subjects may have made stale, whoever asked for them.
    pub fn forget(&mut self, touched: &Subjects) {
        let touched = if self.forgetful { &Subjects::Undeclared } else { touched };
        for answers in self.stores.values_mut() {
            answers.forget(touched);
        }
    }

    /// Drops every answer but these.
    pub fn forget_all_but(&mut self, kept: &[(Effective, Key)]) {
        for (user, answers) in &mut self.stores {
            answers.keep(|key| kept.iter().any(|(of, kept)| of == user && kept == key));
        }
    }

    /// Notes what a dry run would have touched.
    pub fn would_touch(&mut self, at: Option<&At>, touched: &Subjects, task: &str) {
        for (_, answers) in self.stores.iter_mut().filter(|(user, _)| user.at.as_ref() == at) {
            answers.would_touch(touched.clone(), task.to_owned());
        }
        self.unapplied.push((at.cloned(), touched.clone(), task.to_owned()));
    }

    /// The first task of a dry run that would have touched something.
    pub fn first_unapplied(&self) -> Option<String> {
        self.unapplied.first().map(|(_, _, task)| task.clone())
    }

    /// Drops what is known of other hosts than its own: nobody tells when it gets old.
    pub fn forget_elsewhere(&mut self) {
        self.stores.retain(|user, _| user.at.is_none());
    }

    /// Takes what all stores want, by effective user.
    pub fn take_wanted(&self) -> Vec<(Effective, Asked)> {
        self.stores
            .iter()
            .flat_map(|(user, answers)| answers.take_wanted().into_iter().map(|asked| (user.clone(), asked)))
            .collect()
    }
}

/// Whether an item of a loop is a secret.
fn holds_secret(item: &Layer) -> bool {
    item.values().any(|bound| matches!(bound, Binding::Secret(_)))
}

/// A refusal that names no secret, though one had a part in it.
fn said_openly(refusal: Refusal) -> UnitEnd {
    let in_open = Some(refusal.message.clone());
    UnitEnd { in_open, ..failed(refusal) }
}

fn failed(refusal: Refusal) -> UnitEnd {
    UnitEnd::failed(refusal.message, refusal.result)
}

fn truthy(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        other => match text_of(other).to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "y" => Some(true),
            "false" | "no" | "off" | "0" | "n" | "" => Some(false),
            _ => None,
        },
    }
}

/// Whether a name means the machine that wgops runs on.
pub fn is_this_machine(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}

/// An end that no answer had a part in.
fn nothing_read(end: UnitEnd) -> Look {
    Look::End(end, Subjects::NONE)
}

fn sort_out(task: &Task, evaluation: Evaluation, user: Effective, frozen: Frozen) -> Look {
    let Evaluation { verdict, reading, tainted } = evaluation;
    if let Some(cause) = reading.provisional.clone() {
        return match verdict {
            Verdict::Ask => Look::Ask,
            Verdict::Unknown(cause) => Look::Unknown(cause),
            Verdict::Unseen(why) => Look::Unseen(why, reading.reads),
            Verdict::Refuse(_) => Look::Provisional(None, reading, cause),
            Verdict::Ready(outcome) => Look::Provisional(Some(*outcome), reading, cause),
        };
    }
    match verdict {
        Verdict::Ask => Look::Ask,
        Verdict::Unknown(cause) => Look::Unknown(cause),
        Verdict::Unseen(why) => Look::Unseen(why, reading.reads),
        Verdict::Refuse(refusal) => Look::End(UnitEnd { tainted, ..failed(refusal) }, reading.reads),
        Verdict::Ready(outcome) if outcome.changes.is_empty() => {
            Look::End(settled(task, *outcome, tainted), reading.reads)
        }
        Verdict::Ready(outcome) => {
            Look::Changes(Prepared { outcome: *outcome, frozen, user, tainted }, reading)
        }
    }
}

/// The end of a unit that has nothing to change.
fn settled(task: &Task, outcome: Outcome, tainted: bool) -> UnitEnd {
    let mut result = (task.module.result)(&outcome, &[]);
    // A job that nobody waited for changed something, as is found out now.
    let has_changed = result.get("changed") == Some(&Value::Bool(true));
    let status = match (&outcome.skipped, has_changed) {
        (Some(_), _) => Status::Skipped,
        (None, true) => Status::Changed,
        (None, false) => Status::Ok,
    };
    // Ansible registers what a task sets under this name; facts in their long form.
    let long =
        |name: &String| if name.starts_with("ansible_") { name.clone() } else { format!("ansible_{name}") };
    let mut sets: Map = outcome.facts.iter().map(|(name, value)| (long(name), value.clone())).collect();
    sets.extend(outcome.variables.clone());
    if !sets.is_empty() {
        result.entry("ansible_facts").or_insert(Value::Object(sets));
    }
    UnitEnd {
        status,
        message: outcome.skipped.or(outcome.message),
        changes: Vec::new(),
        result,
        tainted,
        variables: outcome.variables,
        written: outcome.written,
        facts: outcome.facts,
        warnings: outcome.warnings,
        findings: outcome.findings,
        unforeseeable: false,
        pause: outcome.pause,
        in_open: None,
        prompt: outcome.prompt,
    }
}
