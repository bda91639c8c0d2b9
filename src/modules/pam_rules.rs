//! Lines of a service of PAM: which of them are rules, which rules fit, and what becomes of them. A rule that is written
//! anew has one blank between its words, as Ansible writes all of a file that it edits.

/// The types of a rule.
pub(super) const TYPES: &[&str] =
    &["account", "-account", "auth", "-auth", "password", "-password", "session", "-session"];

/// Controls that are one word.
const CONTROLS: [&str; 7] =
    ["required", "requisite", "sufficient", "optional", "include", "substack", "definitive"];
/// What a control in brackets does.
const ACTIONS: [&str; 6] = ["ignore", "bad", "die", "ok", "done", "reset"];

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    kind: String,
    control: String,
    module: String,
    arguments: Vec<String>,
}

/// What is to be done with each rule that fits.
pub(super) enum Edit {
    Remove,
    Before(Rule),
    After(Rule),
    With(Vec<String>),
    Without(Vec<String>),
    Update {
        kind: Option<String>,
        control: Option<String>,
        module: Option<String>,
        arguments: Option<Vec<String>>,
    },
}

enum Line {
    Rule(Rule),
    /// A comment or an empty line: rules on both sides of it are neighbours.
    Nothing(String),
    Other(String),
}

/// All lines of a service.
pub(super) struct Rules(Vec<Line>);

impl Rule {
    pub fn new(kind: &str, control: &str, module: &str, arguments: &[String]) -> Self {
        let control = tidy(control);
        Self { kind: kind.into(), control, module: module.into(), arguments: arguments.to_vec() }
    }

    /// Arguments as they were given, several in a text; what is in brackets stays together.
    pub fn arguments(given: &[&str]) -> Vec<String> {
        given.iter().flat_map(|text| words(text)).collect()
    }

    fn read(line: &str) -> Option<Self> {
        let mut words = words(line).into_iter();
        let kind = words.next().filter(|kind| TYPES.contains(&kind.as_str()))?;
        let (control, module) = (words.next()?, words.next()?);
        Some(Self { kind, control: tidy(&control), module, arguments: words.collect() })
    }

    fn fits(&self, other: &Self) -> bool {
        (&self.kind, &self.control, &self.module) == (&other.kind, &other.control, &other.module)
    }

    fn text(&self) -> String {
        let start = format!("{: <11}{} {}", self.kind, self.control, self.module);
        self.arguments.iter().fold(start, |line, argument| format!("{line} {argument}"))
    }

    fn is_understood(&self) -> bool {
        let Some(inner) = self.control.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return CONTROLS.contains(&self.control.as_str());
        };
        inner.split_whitespace().all(|word| {
            word.split_once('=')
                .is_some_and(|(_, action)| ACTIONS.contains(&action) || action.parse::<u32>().is_ok())
        })
    }

    /// Adds arguments, or gives those that have a value theirs.
    fn add(&mut self, arguments: &[String]) {
        let mut new = Vec::new();
        for argument in arguments {
            let same_key = |old: &&mut String| match (old.split_once('='), argument.split_once('=')) {
                (Some((old, _)), Some((new, _))) => old == new,
                (None, None) => *old == argument,
                _ => false,
            };
            match self.arguments.iter_mut().find(same_key) {
                Some(old) => old.clone_from(argument),
                None => new.push(argument.clone()),
            }
        }
        self.arguments.extend(new);
    }
}

impl Rules {
    pub fn read(text: &str) -> Self {
        let line = |line: &str| match line.trim_start() {
            start if start.is_empty() || start.starts_with('#') => Line::Nothing(line.to_owned()),
            _ => Rule::read(line).map_or_else(|| Line::Other(line.to_owned()), Line::Rule),
        };
        Self(text.lines().map(line).collect())
    }

    /// Does it with each rule that fits; how many rules that changed.
    pub fn apply(&mut self, fits: &Rule, edit: &Edit) -> usize {
        let mut changed = 0;
        let mut at = 0;
        while at < self.0.len() {
            let Some(Line::Rule(rule)) = self.0.get(at) else {
                at += 1;
                continue;
            };
            if !rule.fits(fits) {
                at += 1;
                continue;
            }
            let (step, count) = self.edit(at, edit);
            changed += count;
            at += step;
        }
        changed
    }

    /// Edits the rule there: how many lines to go on by, and how many rules changed.
    fn edit(&mut self, at: usize, edit: &Edit) -> (usize, usize) {
        match edit {
            Edit::Remove => {
                self.0.remove(at);
                return (0, 1);
            }
            Edit::Before(new) => {
                if !is_next(self.0.iter().take(at).rev(), new) {
                    self.0.insert(at, Line::Rule(new.clone()));
                    return (2, 1);
                }
            }
            Edit::After(new) => {
                if !is_next(self.0.iter().skip(at + 1), new) {
                    self.0.insert(at + 1, Line::Rule(new.clone()));
                    return (2, 1);
                }
            }
            Edit::With(_) | Edit::Without(_) | Edit::Update { .. } => {
                if let Some(Line::Rule(rule)) = self.0.get_mut(at) {
                    let before = rule.clone();
                    alter(rule, edit);
                    return (1, usize::from(*rule != before));
                }
            }
        }
        (1, 0)
    }

    /// Whether PAM will understand every rule.
    pub fn check(&self) -> Result<(), String> {
        let strange = |line: &Line| match line {
            Line::Rule(rule) if !rule.is_understood() => Some(rule.clone()),
            _ => None,
        };
        match self.0.iter().find_map(strange) {
            Some(rule) => Err(format!("PAM knows no control '{}' ({})", rule.control, rule.text())),
            None => Ok(()),
        }
    }

    /// The file's text, with a mark as its second line in place of older ones.
    pub fn text(&self, mark: &str, new: &str) -> String {
        let mut lines: Vec<String> = self
            .0
            .iter()
            .map(|line| match line {
                Line::Rule(rule) => rule.text(),
                Line::Nothing(text) | Line::Other(text) => text.clone(),
            })
            .collect();
        if lines.len() <= 1 {
            lines.insert(0, String::new());
        }
        // A rule that was put in may have moved an older mark.
        lines.retain(|line| !line.starts_with(mark));
        lines.insert(lines.len().min(1), new.to_owned());
        lines.join("\n") + "\n"
    }
}

/// Whether the next line that is anything is such a rule.
fn is_next<'a>(mut lines: impl Iterator<Item = &'a Line>, wanted: &Rule) -> bool {
    let next = lines.find(|line| !matches!(line, Line::Nothing(_)));
    matches!(next, Some(Line::Rule(rule)) if rule.fits(wanted))
}

fn alter(rule: &mut Rule, edit: &Edit) {
    match edit {
        Edit::With(arguments) => rule.add(arguments),
        Edit::Without(arguments) => rule.arguments.retain(|argument| !arguments.contains(argument)),
        Edit::Update { kind, control, module, arguments } => {
            let Rule { kind: old_kind, control: old_control, module: old_module, arguments: old } =
                rule.clone();
            *rule = Rule {
                kind: kind.clone().unwrap_or(old_kind),
                control: control.as_deref().map_or(old_control, tidy),
                module: module.clone().unwrap_or(old_module),
                arguments: arguments.clone().unwrap_or(old),
            };
        }
        Edit::Remove | Edit::Before(_) | Edit::After(_) => {}
    }
}

/// A control in brackets with one blank between its words.
fn tidy(control: &str) -> String {
    match control.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => {
            let words: Vec<&str> = inner.split_whitespace().collect();
            format!("[{}]", words.join(" ").replace(" = ", "="))
        }
        None => control.to_owned(),
    }
}

/// Words of a line; what stands in brackets is one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('[').and_then(|inner| inner.find(']')) {
            Some(close) => close + 2,
            None => rest.find(char::is_whitespace).unwrap_or(rest.len()),
        };
        let (word, after) = rest.split_at(end);
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}
