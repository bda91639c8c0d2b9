//! Compiled templates and the cache that keeps them: each distinct source is parsed once for all hosts and tasks.

use super::controller::Controller;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::explain::innermost;
use super::header::{Header, syntax};
use super::lazy::Names;
use super::source::{self, Origin, Prepared, RESULT};
use super::{filters, functions, is, lookups, methods};
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, Template, UndefinedBehavior, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, RwLock};

/// How many sources the cache holds before it starts afresh.
const SOURCES_MAX: usize = 20_000;
/// How many steps one template may take.
const FUEL: u64 = 3_000_000;
/// The longest source, in bytes.
const SOURCE_BYTES_MAX: usize = 4 << 20;
/// The name under which a compiled template holds its only source.
pub(super) const MAIN: &str = "main";

/// How a source is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Form {
    /// A bare expression.
    Expression,
    /// A string in a value: text with templates, or one expression that keeps its type.
    Value,
}

/// A source that is ready to run.
pub(super) struct Compiled {
    environment: Environment<'static>,
    pub prepared: Prepared,
    pub source: Arc<str>,
    pub name: String,
    /// How many bytes of the source come before what was compiled.
    skipped: usize,
    /// What the source is; nothing for a file.
    form: Option<Form>,
}

impl Compiled {
    fn new(
        base: &Environment<'static>,
        name: &str,
        source: &str,
        prepared: Prepared,
    ) -> Result<Self, TemplateError> {
        let mut environment = base.clone();
        environment
            .add_template_owned(MAIN, prepared.text.clone())
            .map_err(|error| source::from_engine(&error, source, name))?;
        Ok(Self {
            environment,
            prepared,
            source: source.into(),
            name: name.to_owned(),
            skipped: 0,
            form: None,
        })
    }

    /// The engine's template.
    pub fn template<'e>(environment: &'e Environment<'static>) -> Result<Template<'e, 'e>, Error> {
        environment.get_template(MAIN)
    }

    /// The place of an error in the source as it was written.
    pub fn original(&self, error: &Error) -> Option<Range<usize>> {
        let range = error.range()?;
        let original = |offset| self.prepared.original(offset) + self.skipped;
        Some(original(range.start)..original(range.end))
    }

    /// A text ends in as many line feeds as its source does, at least.
    pub fn restore_line_feeds(&self, value: Value) -> Value {
        let count = |text: &str| text.len() - text.trim_end_matches('\n').len();
        match value.as_str() {
            Some(text) if self.form != Some(Form::Expression) && count(text) < count(&self.source) => {
                Value::from(format!("{text}{}", "\n".repeat(count(&self.source) - count(text))))
            }
            _ => value,
        }
    }

    /// The environment in which the source runs: its own, or one that finds the templates it brings in.
    pub fn environment(&self, names: &Arc<Names>) -> Cow<'_, Environment<'static>> {
        if !self.prepared.includes {
            return Cow::Borrowed(&self.environment);
        }
        let mut environment = self.environment.clone();
        let (names, beside) = (names.clone(), Path::new(&self.name).parent().map(Path::to_owned));
        let syntax = environment.syntax().clone();
        environment.set_loader(move |name| lookups::included(&names, beside.as_deref(), name, &syntax));
        Cow::Owned(environment)
    }

    /// Runs the source with the engine's tracing, to learn which expression is undefined, and where.
    pub fn trace(&self, names: &Arc<Names>, root: Value) -> (Option<String>, Option<Range<usize>>) {
        let mut environment = self.environment(names).into_owned();
        environment.set_debug(true);
        let emit = if self.prepared.single {
            format!("{}{{{{ {RESULT} }}}}", self.prepared.text)
        } else {
            self.prepared.text.clone()
        };
        let outcome = environment.template_from_str(&emit).and_then(|template| template.render(root));
        let Err(error) = outcome else { return (None, None) };
        let error = innermost(&error);
        let what = error.detail().and_then(|detail| {
            let start = detail.find('`')? + 1;
            let end = start + detail.get(start..)?.find("` is undefined")?;
            detail.get(start..end).map(str::to_owned)
        });
        let elsewhere = error.name().is_some_and(|name| name != MAIN && !name.starts_with('<'));
        let range = if elsewhere { None } else { self.original(error) };
        (what.filter(|what| !what.contains("(...)")), range)
    }
}

/// Every source compiled so far.
pub(super) struct Cache {
    pub controller: Arc<dyn Controller>,
    /// How often a file of the controller was looked for.
    pub asked: AtomicU64,
    names: source::Names,
    base: Environment<'static>,
    compiled: RwLock<HashMap<Form, Kept>>,
}

type Kept = HashMap<Box<str>, Arc<Compiled>>;

impl Cache {
    pub fn new(controller: Arc<dyn Controller>) -> Self {
        let mut base = Environment::new();
        base.set_undefined_behavior(UndefinedBehavior::Strict);
        base.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        base.set_debug(false);
        base.set_fuel(Some(FUEL));
        base.set_formatter(super::convert::emit);
        base.set_unknown_method_callback(methods::call);
        base.set_syntax(syntax(&Header::default()));
        let names = source::Names {
            filters: filters::register(&mut base),
            tests: is::register(&mut base),
            functions: functions::register(&mut base),
        };
        Self { controller, asked: AtomicU64::new(0), names, base, compiled: RwLock::default() }
    }

    /// What templates may call by name.
    pub fn names(&self) -> &source::Names {
        &self.names
    }

    /// The compiled form of a source; nothing for a text without templates.
    pub fn get(&self, form: Form, text: &str) -> Result<Option<Arc<Compiled>>, TemplateError> {
        if form == Form::Value && !has_templates(text) {
            return Ok(None);
        }
        if let Some(compiled) = self.read(form, text) {
            return Ok(Some(compiled));
        }
        let compiled = Arc::new(self.compile(form, text).map_err(first)?);
        self.keep(form, text, compiled.clone());
        Ok(Some(compiled))
    }

    fn read(&self, form: Form, text: &str) -> Option<Arc<Compiled>> {
        let compiled = self.compiled.read().unwrap_or_else(PoisonError::into_inner);
        compiled.get(&form)?.get(text).cloned()
    }

    fn keep(&self, form: Form, text: &str, compiled: Arc<Compiled>) {
        let mut all = self.compiled.write().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(form).or_default();
        if kept.len() >= SOURCES_MAX {
            kept.clear();
        }
        kept.insert(text.into(), compiled);
    }

    /// Every mistake that can be found in a source without running it.
    pub fn check(&self, form: Form, text: &str) -> Vec<TemplateError> {
        if (form == Form::Value && !has_templates(text)) || self.read(form, text).is_some() {
            return Vec::new();
        }
        match self.compile(form, text) {
            Ok(compiled) => {
                self.keep(form, text, Arc::new(compiled));
                Vec::new()
            }
            Err(errors) => errors,
        }
    }

    fn compile(&self, form: Form, text: &str) -> Result<Compiled, Vec<TemplateError>> {
        within_limits(text, "expression")?;
        let (name, prepared) = match form {
            Form::Expression => ("condition", source::expression(text, &self.names)?),
            Form::Value => ("expression", source::value(text, self.base.syntax(), &self.names)?),
        };
        let compiled = Compiled::new(&self.base, name, text, prepared).map_err(|error| vec![error])?;
        Ok(Compiled { form: Some(form), ..compiled })
    }

    /// The text to compile for a template file that another one brings in.
    pub fn included(&self, name: &str, text: &str, syntax: &SyntaxConfig) -> Result<String, TemplateError> {
        within_limits(text, name).map_err(first)?;
        let text = with_line_feeds(text);
        source::text(name, &text, Origin::Included, syntax, &self.names)
            .map(|prepared| prepared.text)
            .map_err(first)
    }

    /// Compiles a template file, which may begin with a `#jinja2:` line.
    /// These options hold over its own.
    pub fn file(
        &self,
        name: &str,
        text: &str,
        options: &[(&str, String)],
    ) -> Result<Compiled, Vec<TemplateError>> {
        within_limits(text, name)?;
        let text = &with_line_feeds(text);
        let (mut header, body) =
            Header::split(text).map_err(|error| vec![error.at(name, text, Some(0..0))])?;
        for (key, value) in options {
            header.set(key, value).map_err(|error| vec![error.at(name, text, Some(0..0))])?;
        }
        let skipped = text.len() - body.len();
        let moved = |error: TemplateError| error.moved(text, skipped);
        let mut base = self.base.clone();
        base.set_syntax(syntax(&header));
        let prepared = source::text(name, body, Origin::File, base.syntax(), &self.names)
            .map_err(|errors| errors.into_iter().map(moved).collect::<Vec<_>>())?;
        let compiled = Compiled::new(&base, name, body, prepared).map_err(|error| vec![moved(error)])?;
        Ok(Compiled { source: text.as_ref().into(), skipped, ..compiled })
    }
}

/// Jinja reads every kind of line ending as a line feed.
fn with_line_feeds(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// The first of several mistakes.
pub(super) fn first(errors: Vec<TemplateError>) -> TemplateError {
    errors
        .into_iter()
        .next()
        .unwrap_or_else(|| TemplateError::new(Kind::Syntax, "the template can't be compiled"))
}

fn within_limits(text: &str, name: &str) -> Result<(), Vec<TemplateError>> {
    if text.len() <= SOURCE_BYTES_MAX {
        return Ok(());
    }
    let message = format!("the template is larger than {} MiB", SOURCE_BYTES_MAX >> 20);
    Err(vec![TemplateError::new(Kind::Limit, message).at(name, "", None)])
}

/// Whether a text could hold a template.
pub(super) fn has_templates(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, b"{{" | b"{%" | b"{#"))
}
