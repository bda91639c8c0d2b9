//! Settings of git.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};

/// Asks for the values of a setting, or for all settings.
#[derive(Clone, Debug)]
pub struct GitSetting {
    /// The repository in which it is asked; empty: none.
    pub repo: String,
    /// Where settings are looked for, as options of `git config`.
    pub scope: Vec<String>,
    /// The setting; empty: all.
    pub name: String,
}

impl Question for GitSetting {
    /// Values, or `name=value` of all; or why there are none.
    type Answer = Result<Vec<String>, String>;
    const SCRIPT: Script = Script {
        name: "git_setting",
        text: r#"repo=$1 name=$2
shift 2
command -v git >/dev/null 2>&1 || { echo 'git is not installed on this host' >&2; exit 3; }
if [ -n "$repo" ]; then cd -- "$repo" || exit 3; else cd /; fi
if [ -n "$name" ]; then
    git config --null --includes "$@" --get-all "$name"
else
    git config --null --includes "$@" --list
fi
status=$?
# 1: there is no such setting; 128 with a file that is not there yet.
case $status in 0 | 1) exit 0 ;; 128) [ -z "$name" ] || exit 0 ;; esac
exit 3"#,
    };

    fn args(&self) -> Argv {
        let mut args = vec![self.repo.clone(), self.name.clone()];
        args.extend(self.scope.iter().cloned());
        args.into()
    }

    fn reads(&self) -> Subjects {
        // Settings may lie in many files, and each may name others.
        Subjects::Undeclared
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        match output.status {
            0 => Ok(Ok(output.text().split_terminator('\0').map(|v| v.replacen('\n', "=", 1)).collect())),
            3 => Ok(Err(output.error_text().trim().to_owned())),
            _ => Err(ParseError::new("settings of git", output)),
        }
    }
}
