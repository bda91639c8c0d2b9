//! The content of a file, where a module needs to read it itself.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for a regular file's content, links followed.
#[derive(Clone, Debug)]
pub struct Read {
    /// Absolute path.
    pub path: String,
    /// Most bytes that are wanted.
    pub bytes_max: u64,
}

/// What there is to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// The whole content.
    Whole(Vec<u8>),
    /// Nothing is there.
    Absent,
    /// It has more bytes than are wanted.
    TooLarge,
    /// Something else than a file is there.
    NoFile,
}

impl Question for Read {
    type Answer = Content;
    const SCRIPT: Script = Script {
        name: "read_file",
        text: r#"if [ ! -e "$1" ]; then exit 3; fi
if [ ! -f "$1" ]; then exit 4; fi
size=$(stat -L -c %s -- "$1") || exit 1
if [ "$size" -gt "$2" ]; then exit 5; fi
cat <"$1""#,
    };

    fn args(&self) -> Argv {
        [self.path.clone(), self.bytes_max.to_string()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.path)].into()
    }

    fn parse(&self, output: &Output) -> Result<Content, ParseError> {
        match output.status {
            0 => Ok(Content::Whole(output.stdout.clone())),
            3 => Ok(Content::Absent),
            4 => Ok(Content::NoFile),
            5 => Ok(Content::TooLarge),
            _ => Err(ParseError::new("a file's content", output)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn content_comes_byte_by_byte_and_what_is_no_small_file_is_named() {
        for bench in Workbench::every_shell() {
            let ask = |path: &str, bytes_max| {
                let question = Read { path: path.into(), bytes_max };
                question.parse(&bench.run(Read::SCRIPT, &question.args(), None)).unwrap()
            };
            std::fs::write(bench.at("b"), [0, 255, b'\n', b'\n']).unwrap();
            assert_eq!(ask(&bench.path("b"), 4), Content::Whole(vec![0, 255, b'\n', b'\n']));
            assert_eq!(ask(&bench.path("b"), 3), Content::TooLarge);
            assert_eq!(ask(&bench.path("."), 3), Content::NoFile);
            assert_eq!(ask(&bench.path("none"), 3), Content::Absent);
        }
    }
}
