//! What keeps this process to itself: no core dump, which would hold every secret that is open.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Sees to it that no dump is made of this process, nor of what it starts. Where the system refuses, that is told with `-v`.
pub fn no_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::debug!("core dumps stay as they are: {error}");
    }
    // A limit of nothing does not stop a program that takes dumps on a pipe.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::debug!("core dumps stay as they are: {error}");
    }
}
