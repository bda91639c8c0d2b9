//! Questions about crontabs.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for a user's crontab.
#[derive(Clone, Debug)]
pub struct Crontab {
    /// Whose; empty: the user who asks.
    pub user: String,
}

/// What a user's crontab is known by. The user who asks may be any, so their crontab meets everybody's.
pub fn subjects(user: &str) -> Subjects {
    let mine = Subject::Cron(String::new());
    [Subject::Cron(user.to_owned()), mine, Subject::path("/var/spool/cron")].into()
}

impl Question for Crontab {
    /// Nothing where the user has no crontab.
    type Answer = Option<Vec<u8>>;
    const SCRIPT: Script = Script {
        name: "list_crontab",
        text: r#"command -v crontab >/dev/null || { echo 'crontab is not installed on this host' >&2; exit 1; }
if [ -n "$1" ]; then crontab -u "$1" -l; else crontab -l; fi"#,
    };

    fn args(&self) -> Argv {
        [self.user.clone()].into()
    }

    fn reads(&self) -> Subjects {
        subjects(&self.user)
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        let said = output.error_text();
        match output.status {
            0 => Ok(Some(output.stdout.clone())),
            // Vixie's cron and cronie; busybox.
            _ if said.contains("no crontab for") => Ok(None),
            _ if said.contains("No such file or directory") => Ok(None),
            _ => Err(ParseError::new("a crontab", output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> Output {
        Output { status: 1, stdout: Vec::new(), stderr: stderr.into() }
    }

    #[test]
    fn a_missing_crontab_is_told_from_one_that_may_not_be_seen() {
        let question = Crontab { user: "alice".into() };
        assert_eq!(question.parse(&failed("no crontab for alice\n")).unwrap(), None);
        let busybox = "crontab: can't open 'alice': No such file or directory\n";
        assert_eq!(question.parse(&failed(busybox)).unwrap(), None);
        assert!(question.parse(&failed("must be privileged to use -u\n")).is_err());
        assert!(question.parse(&failed("crontab: user `alice' unknown\n")).is_err());
        let missing = question.parse(&failed("crontab is not installed on this host\n"));
        assert!(missing.unwrap_err().0.contains("not installed"));
        assert_eq!(question.parse(&Output::ok("x\n")).unwrap(), Some(b"x\n".to_vec()));
    }
}
