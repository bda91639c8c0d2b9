//! Events for the tests of this room.

use crate::event::{ChangeMade, Status, TaskEnd};
use crate::model::{HostName, Value};

pub(in crate::report) fn hosts(names: &str) -> Vec<HostName> {
    names.split_whitespace().map(|name| name.parse().unwrap()).collect()
}

pub(in crate::report) fn end(host: &str, number: usize) -> TaskEnd {
    TaskEnd {
        host: host.parse().unwrap(),
        number,
        task: format!("Task {number}"),
        module: "copy".into(),
        place: "site.yml:3:7".into(),
        handler: false,
        status: Status::Ok,
        ignored: false,
        rescued: false,
        message: None,
        changes: Vec::new(),
        items: Vec::new(),
        result: Value::Null,
        seconds: 0.1,
        asks_out: Vec::new(),
        kept: None,
    }
}

pub(in crate::report) fn change(summary: &str) -> ChangeMade {
    ChangeMade {
        summary: summary.into(),
        script: "write_file".into(),
        script_digest: "sha256:00".into(),
        diff: None,
        sends: None,
        hidden: None,
        attempts: None,
        whole: None,
        is_unsaid: false,
        content: None,
    }
}

/// Text without colours.
pub(in crate::report) fn plain(bytes: &[u8]) -> String {
    anstream::adapter::strip_str(std::str::from_utf8(bytes).unwrap()).to_string()
}
