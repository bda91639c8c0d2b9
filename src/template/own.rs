//! Lists and mappings that a template makes for itself and changes in place, as Python's are: `{% set _ = l.append(x) %}`.
//! A variable of the inventory or a playbook never changes: what a template takes from one is its own copy (`changing.rs`).

use super::call::{Call, ITEMS_MAX, Word, items_of, pairs_of, too_many, wrong};
use super::lazy::Names;
use indexmap::IndexMap;
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The function that makes a value changeable, all the way down.
pub(super) const FUNCTION: Word = Word {
    name: super::rewrite::OWN,
    params: &["value"],
    body: |_: &mut State, call: &Call| match call.arg("value") {
        Some(value) => own(value),
        None => Ok(Value::UNDEFINED),
    },
};

const DEPTH_MAX: usize = 64;

/// A copy of a value that can be changed, all the way down.
///
/// # Errors
/// It is too large with all that is in it: what holds one value twice, and that one another twice, is soon larger than any memory.
pub(super) fn own(value: &Value) -> Result<Value, Error> {
    copied(value, 0, &mut 0)
}

fn copied(value: &Value, depth: usize, items: &mut usize) -> Result<Value, Error> {
    *items += 1;
    if *items > ITEMS_MAX {
        return Err(too_many(super::rewrite::OWN));
    }
    if depth > DEPTH_MAX
        || value.downcast_object_ref::<List>().is_some()
        || value.downcast_object_ref::<Mapping>().is_some()
    {
        return Ok(value.clone());
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable if !value.is_tuple() => {
            let all: Result<Vec<Value>, Error> =
                items_of(value, "list")?.iter().map(|item| copied(item, depth + 1, items)).collect();
            Ok(Value::from_object(List(Mutex::new(all?))))
        }
        ValueKind::Map if value.downcast_object_ref::<Names>().is_none() => {
            let pairs = pairs_of(value, "mapping")?;
            let pairs: Result<IndexMap<Value, Value>, Error> = pairs
                .into_iter()
                .map(|(key, member)| Ok((key, copied(&member, depth + 1, items)?)))
                .collect();
            Ok(Value::from_object(Mapping(Mutex::new(pairs?))))
        }
        _ => Ok(value.clone()),
    }
}

#[derive(Debug)]
struct List(Mutex<Vec<Value>>);

#[derive(Debug)]
struct Mapping(Mutex<IndexMap<Value, Value>>);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Object for List {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        locked(&self.0).get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(locked(&self.0).clone())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "append" => {
                let (item,): (Value,) = from_args(args)?;
                self.take_in(vec![item])?;
            }
            "extend" => {
                let (items,): (Value,) = from_args(args)?;
                self.take_in(items_of(&items, "extend")?)?;
            }
            "insert" => {
                let (at, item): (i64, Value) = from_args(args)?;
                holds_not(&item, Arc::as_ptr(self).cast(), 0, &mut 0)?;
                let item = own(&item)?;
                let mut items = locked(&self.0);
                let at = index(at, items.len()).min(items.len());
                items.insert(at, item);
            }
            "remove" => {
                let (item,): (Value,) = from_args(args)?;
                let at = locked(&self.0).iter().position(|known| *known == item);
                locked(&self.0).remove(at.ok_or_else(|| wrong("'remove': the list has no such item"))?);
            }
            "pop" => {
                let (at,): (Option<i64>,) = from_args(args)?;
                let mut items = locked(&self.0);
                let at = index(at.unwrap_or(-1), items.len());
                return if at < items.len() {
                    Ok(items.remove(at))
                } else {
                    Err(wrong("'pop': the list has no such item"))
                };
            }
            "clear" => locked(&self.0).clear(),
            "reverse" => locked(&self.0).reverse(),
            "sort" => locked(&self.0).sort(),
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        }
        Ok(Value::from(()))
    }
}

impl List {
    fn take_in(self: &Arc<Self>, items: Vec<Value>) -> Result<(), Error> {
        let mut seen = 0;
        for item in &items {
            holds_not(item, Arc::as_ptr(self).cast(), 0, &mut seen)?;
        }
        let items: Vec<Value> = items.iter().map(own).collect::<Result<_, _>>()?;
        let mut known = locked(&self.0);
        if known.len() + items.len() > ITEMS_MAX {
            return Err(too_many("extend"));
        }
        known.extend(items);
        Ok(())
    }
}

impl Object for Mapping {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        locked(&self.0).get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(locked(&self.0).keys().cloned().collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        match method {
            "update" => {
                let (map, named): (Option<Value>, Kwargs) = from_args(args)?;
                if let Some(map) = map {
                    let pairs = if map.kind() == ValueKind::Map {
                        pairs_of(&map, "update")?
                    } else {
                        pairs_in(&map)?
                    };
                    pairs.into_iter().try_for_each(|(key, value)| self.put(key, value))?;
                }
                for name in named.args() {
                    self.put(Value::from(name), named.peek(name)?)?;
                }
                Ok(Value::from(()))
            }
            "pop" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                let popped = locked(&self.0).shift_remove(&key).or(default);
                popped.ok_or_else(|| wrong("'pop': the mapping has no such key"))
            }
            "setdefault" => {
                let (key, default): (Value, Option<Value>) = from_args(args)?;
                if let Some(known) = self.get_value(&key) {
                    return Ok(known);
                }
                let default = default.unwrap_or(Value::from(()));
                self.put(key.clone(), default)?;
                Ok(self.get_value(&key).unwrap_or_default())
            }
            "__setitem__" => {
                let (key, value): (Value, Value) = from_args(args)?;
                self.put(key, value)?;
                Ok(Value::from(()))
            }
            "clear" => {
                locked(&self.0).clear();
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Mapping {
    fn put(self: &Arc<Self>, key: Value, value: Value) -> Result<(), Error> {
        holds_not(&value, Arc::as_ptr(self).cast(), 0, &mut 0)?;
        let value = own(&value)?;
        locked(&self.0).insert(key, value);
        Ok(())
    }
}

/// Pairs written as a list of them.
fn pairs_in(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    items_of(value, "update")?
        .iter()
        .map(|pair| match items_of(pair, "update")?.as_slice() {
            [key, value] => Ok((key.clone(), value.clone())),
            _ => Err(wrong("'update' needs a mapping")),
        })
        .collect()
}

/// A place counted from the end where it is negative.
fn index(at: i64, length: usize) -> usize {
    match usize::try_from(at) {
        Ok(at) => at,
        Err(_) => usize::try_from(at.unsigned_abs()).map_or(0, |back| length.saturating_sub(back)),
    }
}

/// Refuses a value that holds a container, so that none can come to hold itself.
fn holds_not(value: &Value, container: *const (), depth: usize, seen: &mut usize) -> Result<(), Error> {
    *seen += 1;
    if *seen > ITEMS_MAX {
        return Err(too_many("append"));
    }
    let members: Vec<Value> = if let Some(list) = value.downcast_object::<List>() {
        if Arc::as_ptr(&list).cast() == container {
            return Err(wrong("a list or mapping can't hold itself"));
        }
        locked(&list.0).clone()
    } else if let Some(map) = value.downcast_object::<Mapping>() {
        if Arc::as_ptr(&map).cast() == container {
            return Err(wrong("a list or mapping can't hold itself"));
        }
        locked(&map.0).values().cloned().collect()
    } else if matches!(value.kind(), ValueKind::Seq)
        && value.downcast_object_ref::<super::lazy::Lazy>().is_none()
    {
        items_of(value, "append")?
    } else {
        return Ok(());
    };
    if depth > DEPTH_MAX {
        return Err(wrong(format!("lists and mappings are nested more than {DEPTH_MAX} deep")));
    }
    members.iter().try_for_each(|member| holds_not(member, container, depth + 1, seen))
}
