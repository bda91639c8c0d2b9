//! What time it is on the host's own clock, and what a time there is in seconds since 1970.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks what `YYYY-MM-DD hh:mm:ss` in the host's time zone is in seconds since 1970.
#[derive(Clone, Debug)]
pub struct EpochOf(pub String);

impl Question for EpochOf {
    type Answer = i64;
    const SCRIPT: Script = Script { name: "epoch_of", text: r#"date -d "$1" +%s"# };

    fn args(&self) -> Argv {
        [self.0.clone()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path("/etc/localtime")].into()
    }

    fn parse(&self, output: &Output) -> Result<i64, ParseError> {
        let text = output.text();
        let read = text.trim().parse().ok().filter(|_| output.status == 0);
        read.ok_or_else(|| ParseError::new("seconds since 1970", output))
    }
}

/// Asks what time it is there: `YYYY-MM-DDThh:mm:ss` in the host's time zone.
#[derive(Clone, Debug)]
pub struct Now;

impl Question for Now {
    type Answer = String;
    const SCRIPT: Script = Script { name: "time_now", text: "date +%Y-%m-%dT%H:%M:%S" };

    fn args(&self) -> Argv {
        Argv::default()
    }

    /// Nothing that a change could alter: within a run one time will do.
    fn reads(&self) -> Subjects {
        Subjects::NONE
    }

    fn parse(&self, output: &Output) -> Result<String, ParseError> {
        let text = output.text();
        let time = Some(text.trim()).filter(|time| output.status == 0 && time.len() == 19);
        time.map(str::to_owned).ok_or_else(|| ParseError::new("a time", output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn a_time_is_that_of_the_hosts_clock() {
        for bench in Workbench::every_shell() {
            let ask = |text: &str| {
                let question = EpochOf(text.into());
                question.parse(&bench.run(EpochOf::SCRIPT, &question.args(), None))
            };
            let (first, second) = (ask("2020-02-29 00:00:00").unwrap(), ask("2020-03-01 00:00:01").unwrap());
            assert_eq!(second - first, 86_401, "{}", bench.name());
            assert!(ask("no time at all").is_err());
        }
    }
}
