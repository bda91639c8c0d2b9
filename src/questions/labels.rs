//! What hangs on a path besides owner and mode: file flags (`lsattr`), an SELinux context, and what kind of content `file`
//! takes it for. Each is only there where the host has the means.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for the flags and the SELinux context of a path; a link at its end is followed.
#[derive(Clone, Debug)]
pub struct LabelsOf(pub String);

/// What hangs on a path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Labels {
    /// Letters as `lsattr` prints them, without dashes; `None` where there is no `lsattr`, no such file, or no flags.
    pub flags: Option<String>,
    /// The file's version, as `lsattr -v` has it.
    pub version: Option<String>,
    /// `user:role:type:level`; `None` where SELinux is off or nothing is there.
    pub context: Option<String>,
    /// What the policy says the context should be.
    pub policy: Option<String>,
    /// Whether SELinux is on.
    pub has_contexts: bool,
}

/// Asks what kind of content a file has.
#[derive(Clone, Debug)]
pub struct MimeOf {
    /// The path.
    pub path: String,
    /// Whether a link is followed.
    pub follow: bool,
}

impl Question for LabelsOf {
    type Answer = Labels;
    const SCRIPT: Script = Script {
        name: "labels",
        text: r#"if [ -e /sys/fs/selinux/enforce ]; then
    echo selinux
    stat -L -c %C -- "$1" 2>/dev/null || echo
    matchpathcon -n "$1" 2>/dev/null || echo
else
    printf 'none\n\n\n'
fi
if [ -e "$1" ]; then lsattr -vd "$1" 2>/dev/null || lsattr -d "$1" 2>/dev/null; fi
exit 0"#,
    };

    fn args(&self) -> Argv {
        [self.0.clone()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.0)].into()
    }

    fn parse(&self, output: &Output) -> Result<Labels, ParseError> {
        let text = output.text();
        let mut lines = text.lines();
        let has_contexts = match lines.next() {
            Some("selinux") => true,
            Some("none") => false,
            _ => return Err(ParseError::new("file flags and contexts", output)),
        };
        let mut context = || lines.next().filter(|context| context.contains(':')).map(str::to_owned);
        let (context, policy) = (context(), context());
        let words: Vec<&str> = lines
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .take_while(|word| !word.starts_with('/'))
            .collect();
        let (version, flags) = match words[..] {
            [version, flags] => (Some(version.to_owned()), Some(flags)),
            [flags] => (None, Some(flags)),
            _ => (None, None),
        };
        Ok(Labels {
            flags: flags.map(|flags| flags.replace('-', "")),
            version,
            context,
            policy,
            has_contexts,
        })
    }
}

impl Question for MimeOf {
    /// Type and character set, where `file` can say them.
    type Answer = Option<(String, String)>;
    const SCRIPT: Script = Script {
        name: "mime_type",
        text: r#"command -v file >/dev/null 2>&1 || exit 0
case $1 in -*) exit 0 ;; esac
if [ "$2" = yes ]; then set -- "$1" -L; else set -- "$1" -h; fi
LC_ALL=C file --brief --mime "$2" -- "$1" 2>/dev/null
exit 0"#,
    };

    fn args(&self) -> Argv {
        [self.path.clone(), if self.follow { "yes" } else { "no" }.to_owned()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.path)].into()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        let text = output.text();
        let found = text.trim().split_once("; charset=").filter(|(kind, _)| kind.contains('/'));
        Ok(found.map(|(kind, charset)| (kind.to_owned(), charset.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn flags_are_read_where_the_file_system_has_them_and_nothing_is_no_error() {
        for bench in Workbench::every_shell() {
            for path in [bench.file("f", "x"), bench.path("none"), bench.file("a b", "")] {
                let question = LabelsOf(path);
                let output = bench.run(LabelsOf::SCRIPT, &question.args(), None);
                let labels = question.parse(&output).unwrap();
                assert!(labels.flags.is_none_or(|flags| flags.chars().all(char::is_alphabetic)));
                let mime = MimeOf { path: question.0, follow: false };
                mime.parse(&bench.run(MimeOf::SCRIPT, &mime.args(), None)).unwrap();
            }
        }
    }

    #[test]
    fn what_programs_print_is_read() {
        let labels = |text: &str| LabelsOf("/f".into()).parse(&Output::ok(text)).unwrap();
        let plain = labels("none\n\n\n3871129498           ----i---------e------- /a b\n");
        assert_eq!((plain.flags.as_deref(), plain.version.as_deref()), (Some("ie"), Some("3871129498")));
        assert_eq!(labels("none\n\n\n--------------e------- /f\n").flags.as_deref(), Some("e"));
        assert_eq!(labels("none\n\n\n"), Labels::default());
        let context = labels("selinux\nsystem_u:object_r:etc_t:s0\nsystem_u:object_r:passwd_t:s0\n");
        assert_eq!(context.context.as_deref(), Some("system_u:object_r:etc_t:s0"));
        assert_eq!(context.policy.as_deref(), Some("system_u:object_r:passwd_t:s0"));
        let mime = MimeOf { path: "/f".into(), follow: true };
        let said = mime.parse(&Output::ok("text/plain; charset=us-ascii\n")).unwrap();
        assert_eq!(said, Some(("text/plain".into(), "us-ascii".into())));
        assert_eq!(mime.parse(&Output::ok("cannot open\n")).unwrap(), None);
    }
}
