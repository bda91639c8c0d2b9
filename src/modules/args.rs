//! Parameters: one table per module says names, kinds, defaults and meanings; it checks what a playbook wrote, and it is
//! what documentation is made from.

mod convert;

use super::{Host, expansion};
use crate::model::{Map, Value, nearest, plain};
use crate::questions::Stop;
use convert::{convert, text_of, texts, tidy};

/// One parameter of a module.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What may be given.
    pub kind: Kind,
    /// Whether it must be given.
    pub required: bool,
    /// What holds when it isn't given, written as in YAML; empty: nothing.
    pub default: &'static str,
    /// One sentence for people.
    pub help: &'static str,
    /// Whether it does anything: a parameter that Ansible has and we lack is refused by name.
    pub supported: bool,
    /// Whether it says what runs on the host even where the module only looks: a program, options that name one, a
    /// directory whose settings do.
    pub starts: bool,
}

/// What may be given for a parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Text; numbers and booleans are taken as they print.
    Text,
    /// A path on the host; `~`, `~user` and `$VARIABLES` in it are the user's there, and a relative one begins where the
    /// user's shell does: in the login's home, or on this machine in the playbook's folder.
    Path,
    /// The same, or one that is relative to another directory.
    Place,
    /// A list of such paths.
    Paths,
    /// A file of the controller.
    Source,
    /// A template of the controller.
    Template,
    /// yes or no, in any of YAML 1.1's words.
    Bool,
    /// A whole number.
    Int,
    /// A file mode: octal or symbolic.
    Mode,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts; a text with commas counts as one.
    List,
    /// A mapping.
    Map,
    /// Anything.
    Any,
    /// A condition or a list of conditions; arrives as a list of `{condition, holds}`.
    Conditions,
    /// The same, but what can't be known is no error: it arrives as `{condition, unknown}` with the reason.
    Checks,
    /// A text for people; what can't be known in it is said in its place.
    Told,
    /// An expression without braces; arrives as `{expression, value}`, or without `value` when it is undefined.
    Expression,
}

/// What a plain text after the module's name means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FreeForm {
    /// Nothing: `key=value` pairs only.
    No,
    /// It is the value of this parameter (`command: uptime`).
    Is(&'static str),
    /// Any keys are taken; what they mean is the module's (`set_fact`).
    AnyKeys,
}

/// Why arguments don't fit a module's parameters; `key` is where the problem lies, so that its place can be found.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ArgProblem {
    /// The argument's name as written; none when one is missing.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Whether it is no slip: a name that nothing here is called anything like.
    pub foreign: bool,
    /// The value that is none, as text.
    pub given: Option<String>,
}

/// The name under which a text stands that a module takes none of.
pub const RAW: &str = "_raw_params";

impl ArgProblem {
    /// The same in Ansible's words, which playbooks look at: what a task fails with. `missing` are the parameters that it needs
    /// and was not given.
    pub fn in_ansibles_words(&self, module: &str, params: &[Param], missing: &[&str]) -> String {
        let Some(key) = &self.key else {
            return format!("missing required arguments: {}", missing.join(", "));
        };
        if key == RAW {
            return format!("Action '{module}' does not support raw params.");
        }
        let help = self.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        match (params.iter().find(|param| param.is(key)).map(|param| param.kind), &self.given) {
            (None, _) => {
                let known: Vec<&str> = params.iter().filter(|p| p.supported).map(|p| p.name).collect();
                let near = if help.contains("did you mean") { help } else { String::new() };
                let known = known.join(", ");
                format!(
                    "Unsupported parameters for ({module}) module: {key}. Supported parameters include: {known}.{near}"
                )
            }
            (Some(Kind::Choice(words)), Some(given)) => {
                format!("value of {key} must be one of: {}, got: {given}", words.join(", "))
            }
            _ => format!("{}{help}", self.message),
        }
    }
}

/// Arguments that fit a module's parameters, under the parameters' own names and with their kinds' types.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Args(Map);

impl Param {
    /// A parameter that may be left out.
    pub const fn optional(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, aliases: &[], kind, required: false, default: "", help, supported: true, starts: false }
    }

    /// A parameter that Ansible has and we lack.
    pub const fn not_yet(name: &'static str) -> Self {
        Self { supported: false, ..Self::optional(name, Kind::Any, "not supported yet") }
    }

    /// A parameter that must be given.
    pub const fn required(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { required: true, ..Self::optional(name, kind, help) }
    }

    /// The same with other names.
    #[must_use]
    pub const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// The same with a default.
    #[must_use]
    pub const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// The same for one that says what runs where the module only looks.
    #[must_use]
    pub const fn starts(self) -> Self {
        Self { starts: true, ..self }
    }

    /// Whether it goes by this name.
    pub fn is(&self, key: &str) -> bool {
        self.name == key || self.aliases.contains(&key)
    }
}

impl Args {
    /// Puts in what `~`, `~user` and `$VARIABLES` stand for in paths, and where relative ones begin; two slashes are one.
    ///
    /// # Errors
    /// Stops to ask; refuses what is then no absolute path.
    pub fn at_home(&self, params: &[Param], host: &Host<'_>) -> Result<Self, Stop> {
        let is_path = |kind| matches!(kind, Kind::Path | Kind::Place | Kind::Paths);
        let mut tidied = self.clone();
        for param in params.iter().filter(|param| matches!(param.kind, Kind::Path | Kind::Paths)) {
            tidied.0.get_mut(param.name).into_iter().for_each(tidy);
        }
        let mut all = Ok(tidied.clone());
        for param in params.iter().filter(|param| is_path(param.kind)) {
            let begins_somewhere = param.kind != Kind::Place;
            let is_open = |value: &&Value| {
                expansion::is_needed(value) || begins_somewhere && texts(value).any(expansion::is_relative)
            };
            let Some(value) = tidied.0.get(param.name).filter(is_open) else { continue };
            // Every path is looked at, so that all questions are asked at once.
            let begun = if begins_somewhere { expansion::begun(value, host) } else { Ok(value.clone()) };
            let expanded = begun.and_then(|value| expansion::expand(&value, host)).and_then(|known| {
                let is_fine = param.kind == Kind::Place || texts(&known).all(|path| path.starts_with('/'));
                let message = || format!("'{}' is {value}, which is no absolute path there", param.name);
                if is_fine { Ok(known) } else { Err(Stop::refuse(message())) }
            });
            all = match (all, expanded) {
                (Ok(mut args), Ok(value)) => {
                    args.0.insert(param.name.to_owned(), value);
                    Ok(args)
                }
                (Err(stop), _) | (_, Err(stop)) => Err(stop),
            };
        }
        all
    }

    /// Checks the names alone: what can be known before anything is rendered.
    pub fn check_names<'a>(
        params: &[Param],
        free_form: FreeForm,
        keys: impl Iterator<Item = &'a str>,
    ) -> Vec<ArgProblem> {
        if free_form == FreeForm::AnyKeys {
            return Vec::new();
        }
        let mut problems = Vec::new();
        let mut seen: Vec<&Param> = Vec::new();
        for key in keys {
            match params.iter().find(|p| p.is(key)) {
                None => problems.push(unknown(params, key)),
                Some(p) if !p.supported => {
                    problems.push(problem(key, format!("the parameter '{key}' is not supported yet"), None));
                }
                Some(p) => seen.push(p),
            }
        }
        for param in params.iter().filter(|p| p.required && !seen.iter().any(|s| s.name == p.name)) {
            let message = format!("the parameter '{}' is missing", param.name);
            problems.push(ArgProblem {
                key: None,
                message,
                help: Some(param.help.to_owned()),
                foreign: false,
                given: None,
            });
        }
        problems
    }

    /// Checks values in which there is nothing to render: what else can be known before any host is touched.
    pub fn check_plain<'a>(
        params: &[Param],
        given: impl Iterator<Item = (&'a str, &'a Value)>,
    ) -> Vec<ArgProblem> {
        given
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(key, value)| typed(params.iter().find(|p| p.is(key))?, key, value).err())
            .collect()
    }

    /// Checks rendered values, and gives them their kinds' types and their parameters' names.
    ///
    /// # Errors
    /// The first unknown, missing or ill-typed argument.
    pub fn parse(params: &[Param], free_form: FreeForm, given: &Map) -> Result<Self, ArgProblem> {
        // What we lack and what comes to nothing was not wanted.
        let is_nothing = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            Value::Array(list) => list.is_empty(),
            Value::Object(map) => map.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        let lacks = |key: &str| params.iter().any(|p| !p.supported && p.is(key));
        let wanted = || given.iter().filter(|(key, value)| !(is_nothing(value) && lacks(key)));
        if let Some(problem) =
            Self::check_names(params, free_form, wanted().map(|(key, _)| key.as_str())).into_iter().next()
        {
            return Err(problem);
        }
        let mut args = Map::new();
        // Of several names of one parameter the last of its aliases wins, as with Ansible.
        let rank = |key: &str| params.iter().find_map(|p| p.aliases.iter().position(|alias| *alias == key));
        let mut ranked: Vec<_> = wanted().collect();
        ranked.sort_by_key(|(key, _)| rank(key));
        for (key, value) in ranked {
            match params.iter().find(|p| p.is(key)) {
                None => {
                    args.insert(key.clone(), value.clone());
                }
                Some(_) if value.is_null() => {}
                Some(param) => {
                    args.insert(param.name.to_owned(), typed(param, key, value)?);
                }
            }
        }
        for param in params.iter().filter(|p| !p.default.is_empty()) {
            if !args.contains_key(param.name) {
                let text = Value::String(param.default.to_owned());
                let value = convert(param.kind, &text).map_err(|e| problem(param.name, e, None))?;
                args.insert(param.name.to_owned(), value);
            }
        }
        Ok(Self(args))
    }

    /// All arguments.
    pub fn all(&self) -> &Map {
        &self.0
    }

    /// Any argument as it came.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text, path, mode or choice, if given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A text, path, mode or choice that must be given.
    ///
    /// # Errors
    /// Refuses when it is missing: only where a parameter is needed because of another one's value.
    pub fn needed(&self, name: &str) -> Result<&str, Stop> {
        self.text(name).ok_or_else(|| Stop::refuse(format!("the parameter '{name}' is needed here")))
    }

    /// A yes or no; no when not given.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A yes or no, if given.
    pub fn maybe_flag(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// A whole number, if given.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// The same, with no time to wait for anything.
    #[must_use]
    pub fn without_waiting(mut self) -> Self {
        for name in ["timeout", "delay"] {
            self.0.insert(name.to_owned(), 0.into());
        }
        self
    }

    /// Whether a parameter is given.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A list of texts; empty when not given.
    pub fn list(&self, name: &str) -> Vec<&str> {
        match self.0.get(name) {
            Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }
}

/// A value with its parameter's type.
fn typed(param: &Param, key: &str, value: &Value) -> Result<Value, ArgProblem> {
    let value = &*plain(value);
    convert(param.kind, value).map_err(|expected| misfit(param, key, value, &expected))
}

fn misfit(param: &Param, key: &str, value: &Value, expected: &str) -> ArgProblem {
    let came = crate::model::Excerpt { lines_max: 1, columns_max: 60 };
    let message = format!("'{key}' is {}: expected {expected}", came.of(&value.to_string()));
    let given = Some(text_of(value).unwrap_or_else(|| value.to_string()));
    ArgProblem { given, ..problem(key, message, Some(param.help.to_owned())) }
}

fn problem(key: &str, message: String, help: Option<String>) -> ArgProblem {
    ArgProblem { key: Some(key.to_owned()), message, help, foreign: false, given: None }
}

fn unknown(params: &[Param], key: &str) -> ArgProblem {
    let known = || params.iter().filter(|p| p.supported);
    let names = || known().flat_map(|p| std::iter::once(p.name).chain(p.aliases.iter().copied()));
    let near = nearest(key, names());
    let help = match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("it takes {}", known().map(|p| p.name).collect::<Vec<_>>().join(", ")),
    };
    let foreign = near.is_none();
    ArgProblem { foreign, ..problem(key, format!("there is no parameter '{key}'"), Some(help)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PARAMS: &[Param] = &[
        Param::required("path", Kind::Path, "where").or(&["dest", "name"]),
        Param::optional("mode", Kind::Mode, "permissions"),
        Param::optional("force", Kind::Bool, "even so").default("yes"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "what").default("present"),
        Param::optional("names", Kind::List, "several"),
        Param::not_yet("seuser").or(&["serole", "setype"]),
    ];

    fn parse(given: Value) -> Result<Args, ArgProblem> {
        Args::parse(PARAMS, FreeForm::No, given.as_object().unwrap())
    }

    #[test]
    fn aliases_defaults_and_types_end_in_the_parameters_own_terms() {
        let args = parse(json!({"dest": "/x", "mode": 420, "names": "a, b"})).unwrap();
        assert_eq!(args.text("path"), Some("/x"));
        assert_eq!(args.text("mode"), Some("0644"));
        assert_eq!(parse(json!({"path": "/x", "mode": "0o755"})).unwrap().text("mode"), Some("0755"));
        assert_eq!(parse(json!({"dest": "/y", "path": "/x"})).unwrap().text("path"), Some("/y"));
        assert!(args.flag("force"));
        assert_eq!(args.text("state"), Some("present"));
        assert_eq!(args.list("names"), ["a", "b"]);
    }

    #[test]
    fn two_slashes_in_a_path_are_one() {
        let mut paths = json!(["/srv//a///b/", "~/x//y", "file:///etc//x"]);
        tidy(&mut paths);
        assert_eq!(paths, json!(["/srv/a/b/", "~/x/y", "file:///etc//x"]));
    }

    #[test]
    fn plain_values_are_checked_without_the_others() {
        let given = json!({"dest": " ", "state": ["present"], "mode": null, "force": "yes", "nosuch": {}});
        let given = given.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value));
        let problems: Vec<_> =
            Args::check_plain(PARAMS, given).into_iter().map(|p| (p.key.unwrap(), p.message)).collect();
        assert_eq!(
            problems,
            [
                ("dest".into(), "'dest' is \" \": expected a path".into()),
                ("state".into(), "'state' is [\"present\"]: expected one of present, absent".to_owned()),
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_named_with_what_was_expected() {
        let message = |given| parse(given).unwrap_err().to_string();
        assert_eq!(message(json!({})), "the parameter 'path' is missing");
        assert_eq!(message(json!({"path": ""})), "'path' is \"\": expected a path");
        assert_eq!(
            message(json!({"path": "/x", "force": "maybe"})),
            "'force' is \"maybe\": expected yes or no"
        );
        let lacking = message(json!({"path": "/x", "setype": "y"}));
        assert_eq!(lacking, "the parameter 'setype' is not supported yet");
        assert!(parse(json!({"path": "/x", "setype": ""})).is_ok(), "nothing is wanted of it");
        let unknown = parse(json!({"path": "/x", "staet": "absent"})).unwrap_err();
        assert_eq!(unknown.help.as_deref(), Some("did you mean 'state'?"));
    }

    #[test]
    fn a_mapping_may_be_a_text() {
        let params = &[Param::required("headers", Kind::Map, "what")];
        let parse = |text: &str| {
            let given = json!({"headers": text});
            let args = Args::parse(params, FreeForm::No, given.as_object().unwrap());
            args.ok().map(|args| args.value("headers").unwrap().clone())
        };
        assert_eq!(parse(r#" {"X-By": "us", "n": 1} "#), Some(json!({"X-By": "us", "n": 1})));
        assert_eq!(parse(r#"a=1, b="x y" c=d=e"#), Some(json!({"a": "1", "b": "x y", "c": "d=e"})));
        for wrong in ["x", "", "{x", "[1]", "a=1 b"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_list_for_a_text_is_a_mistake() {
        let params = &[Param::required("name", Kind::Text, "who")];
        let given = json!({"name": ["a", 1]});
        assert!(Args::parse(params, FreeForm::No, given.as_object().unwrap()).is_err());
        let written = given.as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value));
        assert_eq!(Args::check_plain(params, written).len(), 1);
    }

    #[test]
    fn a_mode_is_octal_however_it_is_marked() {
        for (written, mode) in [("0o644", "0644"), ("0O2755", "02755"), ("644", "644"), ("u+x", "u+x")] {
            assert_eq!(parse(json!({"path": "/x", "mode": written})).unwrap().text("mode"), Some(mode));
        }
        for wrong in ["0o", "0o9", "0o+x", "0x1f", "0ou=rw"] {
            assert!(parse(json!({"path": "/x", "mode": wrong})).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_omitted_argument_counts_as_not_given() {
        assert_eq!(parse(json!({"path": "/x", "mode": null})).unwrap().text("mode"), None);
    }
}
