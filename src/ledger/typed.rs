//! What a run was told to do, in a form in which it can be picked up or planned again, and the plan that it carries out.
//! Values come from the command line alone; what stands in a file is named with its digest.

use super::Source;
use super::private::scrubbed_map;
use crate::model::{Digest, Map, OperatorName};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What was typed, as far as it decides what happens on hosts.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Typed {
    /// The inventory by the name that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<String>,
    /// The playbooks, in order; a built-in one has a path that begins with `(built in)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub playbooks: Vec<Source>,
    /// `--tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `--skip-tags`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_tags: Vec<String>,
    /// `--start-at-task`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_at: Option<String>,
    /// `--force-handlers`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_handlers: bool,
    /// `--canary`, or what the settings said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
    /// Variables that win over all others, but for those from files and those that are withheld.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map,
    /// Files of such variables, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variable_files: Vec<Source>,
    /// Variables whose values look like secrets: whoever goes on gives them again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<String>,
    /// `--become`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub r#become: bool,
    /// `--become-user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub become_user: Option<String>,
    /// `--become-method`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub become_method: Option<String>,
}

impl Typed {
    /// The same with every text passed through a scrubber.
    pub(super) fn scrubbed(&self, scrub: &dyn Fn(&str) -> Cow<'_, str>) -> Self {
        let text = |text: &String| scrub(text).into_owned();
        let texts = |list: &[String]| list.iter().map(text).collect();
        let source = |source: &Source| Source { path: text(&source.path), ..source.clone() };
        let sources = |list: &[Source]| list.iter().map(source).collect();
        Self {
            inventory: self.inventory.as_ref().map(text),
            playbooks: sources(&self.playbooks),
            tags: texts(&self.tags),
            skip_tags: texts(&self.skip_tags),
            start_at: self.start_at.as_ref().map(text),
            force_handlers: self.force_handlers,
            canary: self.canary.as_ref().map(text),
            variables: scrubbed_map(&self.variables, scrub),
            variable_files: sources(&self.variable_files),
            withheld: texts(&self.withheld),
            r#become: self.r#become,
            become_user: self.become_user.as_ref().map(text),
            become_method: self.become_method.as_ref().map(text),
        }
    }
}

/// A plan, as entries name it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlanRef {
    /// Digest of the plan's bytes.
    pub digest: Digest,
    /// Who made it.
    pub maker: OperatorName,
    /// Who else stood behind it as it was applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<OperatorName>,
}
