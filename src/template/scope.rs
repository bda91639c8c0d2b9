//! Where names come from while a template is evaluated: what the caller lends us. This file knows nothing of
//! precedence, hosts or vaults; whoever implements [`Scope`] does. See `evaluate.rs` for what becomes of a binding.

use crate::model::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The variable that says in which subfolder the lookup `first_found` looks; a loop sets it by what its module reads.
pub const LOOP_FOLDER: &str = "wgops_loop_folder";

/// A namespace: variables, one host's variables, all hosts.
pub trait Scope: Send + Sync {
    /// What the name stands for, or nothing. Asked only for names that an evaluation really needs.
    fn get(&self, name: &str) -> Option<Binding>;
    /// Every name that `get` answers, for iteration and for hints.
    fn names(&self) -> Vec<String>;
    /// Folders in which `lookup('file', …)` and its kin look for a relative path, nearest first.
    fn search_dirs(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// What a name stands for.
#[derive(Clone)]
pub enum Binding {
    /// What a person wrote: its strings are templates, rendered when they are used, in the scope that holds the name.
    Written(Arc<Value>),
    /// What came from a host, a register, a fact, an earlier evaluation, `!unsafe`: never rendered.
    Data(Arc<Value>),
    /// A secret, written or data: whatever is made from it is tainted.
    Secret(Box<Binding>),
    /// Not known before an earlier change is applied.
    Unknown(Cause),
    /// A namespace of its own (`hostvars`, a host in it, `vars`).
    Scope(Arc<dyn Scope>),
    /// Known to exist but not to be had (a value that can't be decrypted, say), with the reason; using it is an error.
    Refused(Arc<str>),
}

impl Binding {
    /// The value as it is, templates unrendered, where there is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Written(value) | Self::Data(value) => Some(value),
            Self::Secret(inner) => inner.value(),
            Self::Unknown(_) | Self::Scope(_) | Self::Refused(_) => None,
        }
    }
}

/// Why something is not known yet: `result of task 'x'`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Cause(pub Arc<str>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Cause {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// A namespace with a few names laid over another one.
pub(super) struct Over {
    pub beneath: Arc<dyn Scope>,
    pub names: std::collections::HashMap<String, Binding>,
}

impl Scope for Over {
    fn get(&self, name: &str) -> Option<Binding> {
        self.names.get(name).cloned().or_else(|| self.beneath.get(name))
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.beneath.names();
        names.extend(self.names.keys().cloned());
        names
    }

    fn search_dirs(&self) -> Vec<PathBuf> {
        self.beneath.search_dirs()
    }
}
