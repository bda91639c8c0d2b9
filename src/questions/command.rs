//! What `command` and `shell` must know before they run anything.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use std::collections::BTreeMap;

/// Asks whether any path fits a pattern (`creates`, `removes`); a plain path is a pattern too.
#[derive(Clone, Debug)]
pub struct AnyMatch {
    /// A shell pattern, absolute or relative to the directory.
    pub pattern: String,
    /// The directory; empty: where the shell is.
    pub directory: String,
}

/// Asks for environment variables of the user.
#[derive(Clone, Debug)]
pub struct Environment(pub Vec<String>);

impl Question for AnyMatch {
    type Answer = bool;
    const SCRIPT: Script = Script {
        name: "any_match",
        text: r#"if [ -n "$2" ]; then cd -- "$2" 2>/dev/null || { echo no; exit 0; }; fi
if [ -e "$1" ] || [ -L "$1" ]; then echo yes; exit 0; fi
IFS=
for path in $1; do
    if [ -e "$path" ] || [ -L "$path" ]; then echo yes; exit 0; fi
done
echo no"#,
    };

    fn args(&self) -> Argv {
        [self.pattern.clone(), self.directory.clone()].into()
    }

    fn reads(&self) -> Subjects {
        let whole = match self.pattern.starts_with('/') {
            true => self.pattern.clone(),
            false => format!("{}/{}", self.directory, self.pattern),
        };
        // A relative directory makes a relative path, of which a subject knows that it can be anywhere.
        let relative = !self.pattern.starts_with('/') && !self.directory.starts_with('/');
        let plain = whole.split(['*', '?', '[', '\\']).next().unwrap_or_default();
        let directory = if plain == whole { plain } else { plain.rsplit_once('/').map_or("", |(d, _)| d) };
        match directory {
            _ if relative => [Subject::path("")].into(),
            "" => [Subject::path("/")].into(),
            directory => [Subject::path(directory)].into(),
        }
    }

    fn parse(&self, output: &Output) -> Result<bool, ParseError> {
        match output.text().trim() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(ParseError::new("whether a path exists", output)),
        }
    }
}

impl Question for Environment {
    type Answer = BTreeMap<String, String>;
    const SCRIPT: Script = Script {
        name: "environment",
        text: r#"for name; do
    case $name in *[!A-Za-z0-9_]* | [0-9]* | '') exit 1 ;; esac
    eval "value=\${$name-} set=\${$name+yes}"
    # What the shell set for itself is none of the user's.
    case $name in LC_ALL) value=${wgops_lc_all-} set=${wgops_lc_all+yes} ;; esac
    if [ -n "$set" ]; then printf '%s=%s\0' "$name" "$value"; fi
done"#,
    };

    fn args(&self) -> Argv {
        self.0.clone().into()
    }

    fn reads(&self) -> Subjects {
        Subjects::NONE
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        if output.status != 0 {
            return Err(ParseError::new("environment variables", output));
        }
        let text = output.text();
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::os::unix::fs::symlink;

    #[test]
    fn plain_paths_and_patterns_are_found_whatever_they_hold() {
        for bench in Workbench::every_shell() {
            bench.file("a file", "");
            bench.file("*", "");
            symlink("/nowhere", bench.at("dangling")).unwrap();
            let ask = |pattern: &str, directory: &str| {
                let question = AnyMatch { pattern: pattern.into(), directory: directory.into() };
                question.parse(&bench.run(AnyMatch::SCRIPT, &question.args(), None)).unwrap()
            };
            for found in ["a file", "a f*", "*", "dang*", "dangling", "[a]*"] {
                assert!(ask(&bench.path(found), ""), "{found}");
                assert!(ask(found, &bench.path("")), "{found}");
            }
            for missing in ["a", "file", "b*", "a  file", "$HOME", "`id`"] {
                assert!(!ask(&bench.path(missing), ""), "{missing}");
            }
            assert!(!ask("x", &bench.path("none")));
        }
    }

    #[test]
    fn what_a_pattern_reads_is_the_directory_before_its_first_special_character() {
        let reads = |pattern: &str, directory: &str| {
            AnyMatch { pattern: pattern.into(), directory: directory.into() }.reads()
        };
        assert_eq!(reads("/a/b", ""), [Subject::path("/a/b")].into());
        assert_eq!(reads("/a/b*/c", ""), [Subject::path("/a")].into());
        assert_eq!(reads("c*", "/a/b"), [Subject::path("/a/b")].into());
        assert_eq!(reads("/*", ""), [Subject::path("/")].into());
        assert_eq!(reads("c", ""), [Subject::path("/")].into());
    }

    #[test]
    fn variables_come_whole_and_only_those_that_are_set() {
        for bench in Workbench::every_shell() {
            let question = Environment(vec!["HOME".into(), "NO_SUCH_VARIABLE".into(), "LC_ALL".into()]);
            let answer = question.parse(&bench.run(Environment::SCRIPT, &question.args(), None)).unwrap();
            assert_eq!(answer.len(), 1);
            assert!(answer["HOME"].contains("bench "));
            let evil = Environment(vec!["x}$(touch here)".into()]);
            assert!(evil.parse(&bench.run(Environment::SCRIPT, &evil.args(), None)).is_err());
            assert!(!bench.at("here").exists());
        }
    }
}
