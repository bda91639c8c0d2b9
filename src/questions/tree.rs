//! What lies below a directory, summed up: which combinations of kind, mode and ownership there are, and whether
//! anything is there at all. Long lists never travel.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::files::NodeKind;
use std::time::Duration;

/// Asks for the combinations of kind, mode and ownership below a directory, itself included; links are not followed.
#[derive(Clone, Debug)]
pub struct Survey(pub String);

/// Files of one kind that have mode and ownership in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Alike {
    /// Their kind.
    pub kind: NodeKind,
    /// Their permission bits.
    pub mode: u32,
    /// Their owner.
    pub uid: u32,
    /// Their group.
    pub gid: u32,
    /// How many there are.
    pub count: u64,
}

/// Asks whether a directory is empty.
#[derive(Clone, Debug)]
pub struct IsEmpty(pub String);

impl Question for Survey {
    type Answer = Vec<Alike>;
    const SCRIPT: Script = Script {
        name: "survey_tree",
        text: r#"[ -d "$1" ] || exit 0
find "$1" -exec stat -c '%f %u %g' -- {} + | sort | uniq -c"#,
    };

    fn args(&self) -> Argv {
        [self.0.clone()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.0)].into()
    }

    fn parse(&self, output: &Output) -> Result<Vec<Alike>, ParseError> {
        let text = output.text();
        let alike: Option<Vec<Alike>> = text.lines().map(read).collect();
        match alike {
            Some(alike) if output.status == 0 && output.stderr.is_empty() => Ok(alike),
            _ => Err(ParseError::new("modes and owners below a directory", output)),
        }
    }

    fn cost(&self) -> Cost {
        Cost::Costly { deadline: Duration::from_secs(600) }
    }
}

fn read(line: &str) -> Option<Alike> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [count, raw, uid, gid] = fields[..] else { return None };
    let raw = u32::from_str_radix(raw, 16).ok()?;
    Some(Alike {
        kind: NodeKind::of_raw_mode(raw)?,
        mode: raw & 0o7777,
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        count: count.parse().ok()?,
    })
}

impl Question for IsEmpty {
    type Answer = bool;
    const SCRIPT: Script = Script {
        name: "is_empty",
        text: r#"cd -- "$1" || exit 1
for entry in * .*; do
    case $entry in . | ..) continue ;; esac
    if [ -e "$entry" ] || [ -L "$entry" ]; then echo no; exit 0; fi
done
echo yes"#,
    };

    fn args(&self) -> Argv {
        [self.0.clone()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.0)].into()
    }

    fn parse(&self, output: &Output) -> Result<bool, ParseError> {
        match output.text().trim() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(ParseError::new("whether a directory is empty", output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_tree_is_summed_up_whatever_its_files_are_called() {
        for bench in Workbench::every_shell() {
            std::fs::create_dir(bench.at("-d")).unwrap();
            for name in ["-n", "a b", "*", "two\nlines"] {
                let path = bench.file(&format!("-d/{name}"), "");
                std::fs::set_permissions(path, PermissionsExt::from_mode(0o640)).unwrap();
            }
            symlink("/nowhere", bench.at("-d/link")).unwrap();
            let question = Survey(bench.path("-d"));
            let seen = question.parse(&bench.run(Survey::SCRIPT, &question.args(), None)).unwrap();
            let count = |kind| seen.iter().find(|alike| alike.kind == kind).map(|a| (a.count, a.mode));
            assert_eq!(count(NodeKind::File), Some((4, 0o640)));
            assert_eq!(count(NodeKind::Link).map(|(count, _)| count), Some(1));
            assert_eq!(count(NodeKind::Directory).map(|(count, _)| count), Some(1));
            let question = Survey(bench.path("none"));
            assert_eq!(question.parse(&bench.run(Survey::SCRIPT, &question.args(), None)).unwrap(), []);
        }
    }

    #[test]
    fn a_directory_with_only_a_hidden_dangling_link_is_not_empty() {
        for bench in Workbench::every_shell() {
            let ask = |name: &str| {
                let question = IsEmpty(bench.path(name));
                question.parse(&bench.run(IsEmpty::SCRIPT, &question.args(), None)).unwrap()
            };
            std::fs::create_dir(bench.at("d")).unwrap();
            assert!(ask("d"));
            symlink("/nowhere", bench.at("d/..link")).unwrap();
            assert!(!ask("d"));
        }
    }

    #[test]
    fn a_survey_that_could_not_see_everything_is_refused() {
        let output = Output { status: 0, stdout: b"1 81a4 0 0\n".into(), stderr: b"find: denied".into() };
        assert!(Survey("/x".into()).parse(&output).is_err());
        assert!(Survey("/x".into()).parse(&Output::ok("what")).is_err());
    }
}
