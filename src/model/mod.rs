//! The nouns of wgops, without any I/O: hosts, scripts, subjects, digests, secrets, and the traits by which rooms are
//! lent to each other. Everything may import this room; it imports nothing of ours.

mod advisory;
mod digest;
mod environment;
mod ere;
mod fail_on;
mod finding;
mod host;
mod judging;
mod keys;
mod pattern;
mod period;
mod person;
mod place;
mod remark;
mod run;
mod script;
mod sealed;
mod secret;
mod subject;
mod text;

pub use advisory::{Advisories, Advisory, ReleaseName, Span, Until};
pub use digest::{Digest, Nonce};
pub use environment::Environment;
pub use ere::extended;
pub use fail_on::{Age, FailOn, Rule, What};
pub use finding::{Finding, FindingKind, Severity};
pub use host::{Become, BecomeMethod, Connection, ConnectionKind, HostName, ParseHostNameError};
pub use judging::{Baseline, Feed, Glob, Judging, Known, Suppression};
pub use keys::{has_typed_keys, key_of, plain, plain_key, typed_key};
pub use pattern::{Found, Pattern, PatternError, PatternOptions};
pub use period::Period;
pub use person::{OperatorName, ParseOperatorNameError, ParseRoleError, Role, SignError, Signer};
pub use place::Place;
pub use remark::{Remark, Weight};
pub use run::RunId;
pub use script::{Argv, Content, Script};
pub use sealed::{Opened, Opener, Unopened, is_sealed};
pub use secret::Secret;
pub use subject::{Subject, Subjects};
pub use text::{Excerpt, nearest, printable};

/// Any value a playbook, an inventory or a host can hold.
pub type Value = serde_json::Value;
/// A mapping whose keys keep the order in which they were written.
pub type Map = serde_json::Map<String, Value>;
