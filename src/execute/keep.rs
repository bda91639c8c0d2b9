//! Writes what came from a host to a file of the controller: under a name of its own first, readable by the operator only,
//! and then renamed into place, so that nobody sees half of it and no link leads it anywhere.

use crate::modules::{Change, Delivery};
use crate::plan::Reply;
use crate::questions::Output;
use std::io::Write as _;
use std::path::Path;

/// Writes a change's content where its delivery says.
pub fn write(change: &Change) -> Reply {
    let Delivery::Here(path) = &change.delivery else { return Reply::NotRun };
    let bytes = change.content.as_ref().map_or(&[][..], |content| content.bytes());
    let (status, stderr) = match put(path, bytes) {
        Ok(()) => (0, Vec::new()),
        Err(error) => (1, format!("{}: {error}", path.display()).into_bytes()),
    };
    Reply::Done(Output { status, stdout: Vec::new(), stderr })
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory)?;
    let mut new = tempfile::NamedTempFile::new_in(directory)?;
    new.write_all(bytes)?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, Script, Subjects};

    #[test]
    fn content_is_written_below_new_directories_and_a_failure_is_told() {
        let home = tempfile::tempdir().unwrap();
        let change = |path: std::path::PathBuf| {
            let script = Script { name: "test_nothing", text: "exit 0" };
            let change = Change::state("keep", script, [""; 0], Subjects::NONE);
            Change { delivery: Delivery::Here(path), ..change }.with_content(Content::new(*b"\0x"))
        };
        let path = home.path().join("a/b/c");
        assert!(write(&change(path.clone())).is_success());
        assert_eq!(std::fs::read(&path).unwrap(), b"\0x");
        assert!(!write(&change(path.join("below"))).is_success());
    }
}
