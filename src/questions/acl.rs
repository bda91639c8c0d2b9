//! Access control lists: what a change of one would come to, as the host's own `setfacl` and `getfacl` say.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks whether entries of a list are missing, or there, and for the list.
#[derive(Clone, Debug)]
pub struct AclState {
    /// The path.
    pub path: String,
    /// What is given to `setfacl`, but for the path; nothing: only the list is asked for.
    pub options: Vec<String>,
}

/// A list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Acl {
    /// Its entries.
    pub entries: Vec<String>,
    /// Whether `setfacl` would change something.
    pub differs: bool,
}

impl Question for AclState {
    type Answer = Result<Acl, String>;
    const SCRIPT: Script = Script {
        name: "acl_state",
        text: r#"path=$1
shift
command -v setfacl >/dev/null 2>&1 || { echo 'setfacl is not installed on this host' >&2; exit 3; }
[ -e "$path" ] || { echo 'path not found or not accessible' >&2; exit 3; }
if [ $# -gt 0 ]; then
    said=$(setfacl --test "$@" -- "$path" 2>&1) || { printf '%s\n' "$said" >&2; exit 3; }
    # "path: *,*" says that neither list would be another.
    if printf '%s\n' "$said" | grep -qv ': \*,\*$'; then echo differs; else echo same; fi
else
    echo same
fi
getfacl --omit-header --absolute-names -- "$path" 2>/dev/null"#,
    };

    fn args(&self) -> Argv {
        let mut args = vec![self.path.clone()];
        args.extend(self.options.iter().cloned());
        args.into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.path)].into()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        if output.status == 3 {
            return Ok(Err(output.error_text().trim().to_owned()));
        }
        let text = output.text();
        let mut lines = text.lines();
        let differs = match lines.next() {
            Some("differs") => true,
            Some("same") => false,
            _ => return Err(ParseError::new("an access control list", output)),
        };
        let entries = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Ok(Ok(Acl { entries, differs }))
    }
}
