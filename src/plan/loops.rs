//! A loop taken apart: one unit for each item, with what of the loop the item's task sees.

use super::evaluate::{Items, refusal, text_of};
use super::ground::{Ground, truthy};
use super::look::failed;
use super::pending::Pending;
use super::scope::{Frame, Layer};
use super::task::{Loop, Task};
use super::unit::{Running, Unit, UnitEnd};
use crate::event::Status;
use crate::model::{Excerpt, Map, Value};
use crate::template::{Binding, Scope, Templates};
use std::sync::Arc;

/// How much of an item is shown.
const LABEL: Excerpt = Excerpt { lines_max: 1, columns_max: 100 };

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

impl Ground {
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
            // The task is skipped as a whole, by its condition.
            Ok(Items::Meaningless) => {
                running.without_loop();
                Ok(())
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

    /// What `label` says of an item, where it says something that may be shown.
    pub(super) fn label_of(&self, each: &Loop, view: &Arc<dyn Scope>) -> Option<String> {
        let shown = self.templates.render(each.label.as_ref()?, view).ok()?;
        let shown = Some(shown).filter(|shown| !shown.is_tainted())?;
        Some(LABEL.of(&text_of(shown.known()?)))
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
        let label = self.label_of(each, &self.variables.view(layer, &variables, None));
        let label = label.unwrap_or_else(|| match walk.tainted {
            true => "(item not shown)".to_owned(),
            false => LABEL.of(&text_of(&item)),
        });
        let mut unit = Unit::new(variables, Some(label), Some(item));
        unit.secret = walk.tainted;
        unit.index = index;
        unit.loop_place = walk.extended.then(|| walk.place(index));
        unit
    }
}
