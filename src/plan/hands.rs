//! In whose hands a task is put: on which host, as which user, and with which environment, as variables, keywords and the
//! command line have it.

use super::effective::{At, Effective, Login, Whose};
use super::evaluate::{NO_DETAILS, SEALED, refusal, text_of};
use super::ground::{Ground, truthy};
use super::scope::{Frame, Layer};
use super::task::{LOGIN_VARIABLES, Task};
use crate::model::{BecomeMethod, Environment, HostName, Value, plain_key};
use crate::modules::{Effect, Facts};
use crate::questions::Refusal;
use crate::template::{Cause, Rendered, Scope, TemplateError, TemplateErrorKind};
use std::borrow::Cow;
use std::collections::BTreeMap;
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

/// Why it can't be said in whose hands a task is put.
pub(super) enum Missing {
    Refused(Refusal),
    Unknown(String),
}

impl Missing {
    fn refused(message: String) -> Self {
        Self::Refused(Refusal { message, ..Refusal::default() })
    }
}

impl Ground {
    /// In whose hands a task is put, and whether that holds a secret. Variables win over keywords, as Ansible has it;
    /// facts have no say in variables, and name no host that the inventory doesn't know.
    pub(super) fn effective(
        &self,
        task: &Task,
        layer: &Arc<Frame>,
        view: &Arc<dyn Scope>,
    ) -> Result<(Effective, bool), Missing> {
        let at = self.place(task, layer, view)?;
        if let (Some(apart), Some(at)) = (&self.apart, &at)
            && let Some(why) = apart(at)
        {
            return Err(Missing::Unknown(why));
        }
        let settings = match At::whose(at.as_ref()) {
            Whose::Of(host) => self.variables.settings_at(host, layer),
            Whose::Own | Whose::This => self.variables.settings(layer),
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
            Ok(Rendered::Known { tainted: true, .. }) => Err(shown("delegate_to")),
            // How it failed would tell.
            Ok(Rendered::Unknown(cause)) if is_sealed(&cause) => Err(shown("delegate_to")),
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
            return self.entered(Some(host), task, layer);
        }
        let settings = self.variables.settings(layer);
        if self.is_local {
            return Ok(None);
        }
        if task.connection.is_none() && settings.get("ansible_connection").is_none() {
            return self.entered(None, task, layer);
        }
        let kind = self.setting("ansible_connection", task.connection.as_ref(), &settings, view)?;
        let kind = kind.map(|kind| text_of(&kind)).unwrap_or_default();
        match kind.strip_prefix("ansible.builtin.").unwrap_or(&kind) {
            "local" => Ok(Some(At::Here)),
            "" | "ssh" | "smart" | "paramiko" | "paramiko_ssh" => self.entered(None, task, layer),
            _ => Err(Missing::refused(format!("wgops has no connection '{kind}': expected ssh or local"))),
        }
    }

    /// How a host is entered for a task; nothing: its own host, as usual. Facts have no say in that.
    fn entered(
        &self,
        host: Option<HostName>,
        task: &Task,
        layer: &Arc<Frame>,
    ) -> Result<Option<At>, Missing> {
        if !task.logs_in_otherwise() {
            return Ok(host.map(At::Host));
        }
        let settings = |frame: &Arc<Frame>| match &host {
            Some(host) => self.variables.settings_at(host, frame),
            None => self.variables.settings(frame),
        };
        let (here, elsewhere) = (settings(layer), settings(&Arc::default()));
        let told = |[name, old]: [&str; 2], keyword: Option<&Value>, scope: &Arc<dyn Scope>| {
            let name = if scope.get(name).is_none() && scope.get(old).is_some() { old } else { name };
            let value = self.setting(name, keyword, scope, scope)?;
            Ok::<_, Missing>(value.map(|value| text_of(&value)).filter(|text| !text.is_empty()))
        };
        let [user, port] = LOGIN_VARIABLES;
        let other = |names, keyword: &Option<Value>| {
            let value = told(names, keyword.as_ref(), &here)?;
            let usual = told(names, None, &elsewhere)?;
            Ok::<_, Missing>(value.filter(|value| usual.as_ref() != Some(value)))
        };
        let port = other(port, &task.port)?.map(|port| {
            let wrong = || Missing::refused(format!("port is {port}: expected a number from 1 to 65535"));
            port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)
        });
        let login = Login { user: other(user, &task.remote_user)?, port: port.transpose()? };
        match login == Login::default() {
            true => Ok(host.map(At::Host)),
            false => Ok(Some(At::Login(host, login))),
        }
    }

    /// The other host that a task is done on, if it is.
    pub fn delegate_of(&self, task: &Task, layer: &Arc<Frame>, item: &Arc<Layer>) -> Option<HostName> {
        let view = self.variables.view(layer, item, None);
        match self.place(task, layer, &view) {
            Ok(Some(At::Host(host) | At::Login(Some(host), _))) => Some(host),
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
                    variables
                        .extend(map.iter().map(|(name, value)| (plain_key(name).to_owned(), text_of(value))));
                }
                Ok(Rendered::Known { value: Value::String(text), .. }) if text.is_empty() => {}
                Ok(Rendered::Known { tainted: true, .. }) => return Err(wrong(NO_DETAILS)),
                Ok(Rendered::Known { value, .. }) => return Err(wrong(&text_of(&value))),
            }
        }
        let environment = Environment::new(variables).map_err(|name| {
            let name = if tainted { NO_DETAILS.to_owned() } else { format!("'{name}'") };
            Missing::refused(format!("environment: {name} can't be a variable's name"))
        })?;
        Ok((environment, tainted))
    }

    /// An environment without what facts say, where facts are only just being gathered.
    fn without_facts_to_come<'v>(
        &self,
        task: &Task,
        layer: &'v Value,
        view: &Arc<dyn Scope>,
    ) -> Cow<'v, Value> {
        let Some(variables) =
            layer.as_object().filter(|_| task.module.effect == Effect::Facts(Facts::Gathered))
        else {
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
            Ok(Rendered::Unknown(cause)) if is_sealed(&cause) => Err(shown(name)),
            Ok(Rendered::Unknown(cause)) => Err(Missing::Unknown(cause.to_string())),
            Ok(Rendered::Known { tainted: true, .. }) => Err(shown(name)),
            Ok(rendered) => Ok(rendered.known().cloned()),
        }
    }
}

/// Whether something is unknown for a sealed value's sake.
fn is_sealed(cause: &Cause) -> bool {
    &*cause.0 == SEALED
}

/// Why a sealed value is no part of where and as whom a task is done.
fn shown(name: &str) -> Missing {
    Missing::refused(format!(
        "{name} would be made of a sealed value, and where and as whom a task is done is seen in the network, in lists of programs and in logs: write it as it is"
    ))
}

/// Whether a name means the machine that wgops runs on.
pub fn is_this_machine(name: &str) -> bool {
    matches!(name, "localhost" | "127.0.0.1" | "::1")
}
