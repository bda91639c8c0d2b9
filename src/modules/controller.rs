//! What a module may read on the machine that wgops runs on.

use crate::model::{Advisories, Content, Map, Value};
use crate::questions::{Output, Stop};
use std::path::PathBuf;

/// What a module may read on the machine that wgops runs on. Each file is read once per run.
pub trait Controller {
    /// A file's content; relative names are looked for in `files/` and beside the playbook.
    ///
    /// # Errors
    /// Refuses when it isn't there, can't be read, or lies outside the project.
    fn file(&self, source: &str) -> Result<Content, Stop>;

    /// A template rendered for this host; relative names are looked for in `templates/` and beside the playbook.
    ///
    /// # Errors
    /// Refuses as [`Controller::file`], and on a template error; [`Stop::Unknown`] where a dry run can't know a value.
    fn template(&self, source: &str) -> Result<Content, Stop>;

    /// The variables of a file, unrendered, and where it is; relative names are looked for in `vars/` and beside the
    /// playbook.
    ///
    /// # Errors
    /// Refuses as [`Controller::file`], or where the file holds something else.
    fn variables(&self, source: &str) -> Result<(Map, String), Stop> {
        Err(Stop::refuse(format!("there is no file of variables '{source}' here")))
    }

    /// What a variable holds that people wrote, unrendered.
    ///
    /// # Errors
    /// Refuses where a host's words are in it that could be taken for a template; [`Stop::Unknown`] where a dry run can't
    /// know it.
    fn variable(&self, name: &str) -> Result<Option<Value>, Stop> {
        let _ = name;
        Ok(None)
    }

    /// The files below a folder of variables: names from that folder on, and where they are.
    ///
    /// # Errors
    /// Refuses where there is no such folder, or it lies outside the project.
    fn files_of_variables(&self, folder: &str) -> Result<Vec<(String, String)>, Stop> {
        Err(Stop::refuse(format!("there is no folder '{folder}' here")))
    }

    /// What a job (`async`) came to whose steps printed this; of one that was over at once, what it came to. Nothing: no
    /// such job was begun by this run.
    fn job(&self, name: &str, steps: &[Output]) -> Option<Map> {
        let _ = (name, steps);
        None
    }

    /// The advisories that installed packages are to be compared with, if there are any.
    fn advisories(&self) -> Option<&Advisories> {
        None
    }

    /// A template rendered as [`Controller::template`] does, but with these `#jinja2:` options over its own.
    ///
    /// # Errors
    /// As [`Controller::template`]; refuses options that are none.
    fn template_with(&self, source: &str, dest: &str, options: &[(&str, String)]) -> Result<Content, Stop> {
        let _ = dest;
        match options {
            [] => self.template(source),
            _ => Err(Stop::refuse("options of templates can't be given here")),
        }
    }

    /// What lies below a directory, links followed, in the order of names; `None` where it is no directory.
    ///
    /// # Errors
    /// Refuses as [`Controller::file`].
    fn tree(&self, source: &str) -> Result<Option<Vec<TreeEntry>>, Stop> {
        let _ = source;
        Ok(None)
    }

    /// The host's name in the inventory.
    ///
    /// # Errors
    /// Refuses where there is none that could be a directory's.
    fn host_name(&self) -> Result<String, Stop> {
        Err(Stop::refuse("the host's name is not known here"))
    }

    /// A place where something of the host may be kept here, and what is there now.
    ///
    /// # Errors
    /// Refuses what lies outside the project and the directory for temporary files.
    fn kept(&self, dest: &str) -> Result<Kept, Stop> {
        Err(Stop::refuse(format!("nothing can be kept in {dest} here")))
    }

    /// The permission bits of a file or template (`mode: preserve`).
    ///
    /// # Errors
    /// Refuses as [`Controller::file`].
    fn mode(&self, source: &str) -> Result<u32, Stop> {
        Err(Stop::refuse(format!("'mode: preserve' is not supported yet ({source})")))
    }
}

/// A place of the controller where something is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Where that is.
    pub path: PathBuf,
    /// What is there; nothing: nothing.
    pub content: Option<Vec<u8>>,
}

/// Something below a directory of the controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TreeEntry {
    /// Its path below the directory.
    pub name: String,
    /// What it is.
    pub kind: TreeKind,
}

/// What lies below a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TreeKind {
    /// Another directory.
    Directory,
    /// A file.
    File {
        /// What [`Controller::file`] takes for it.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
}
