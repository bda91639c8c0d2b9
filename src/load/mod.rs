//! Files to checked data: YAML with positions, inventories, variables and their precedence, playbooks, the ops
//! repository and its settings.
//!
//! This room reads files and nothing else: it renders no template, knows no module and reaches no host. What is wrong is
//! collected and shown at once (`problem`), each with its line and a caret.

pub mod access;
pub mod advisories;
pub mod baseline;
pub mod calendar;
pub mod inventory;
pub mod playbook;
pub mod problem;
pub mod project;
pub mod role;
pub mod settings;
pub mod shell_words;
pub mod suppressions;
pub mod text;
pub mod yaml;

pub use access::Access;
pub use calendar::Calendar;
pub use inventory::{Inventory, Pattern, Source};
pub use playbook::Playbook;
pub use problem::{Level, Problem, Problems};
pub use project::Project;
pub use role::Role;
pub use settings::{Settings, Waves};
pub use text::TextFile;
pub use yaml::{Key, Marked, Node, NodeValue, Tag, Variable, Variables};
