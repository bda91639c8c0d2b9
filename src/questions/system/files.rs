//! The contents of all small files that fit patterns: what is spread over a directory by custom (`sources.list.d`).

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks for the content of every regular file that fits one of these shell patterns, at most 1 MiB each.
#[derive(Clone, Debug)]
pub struct Matching(pub Vec<String>);

impl Question for Matching {
    type Answer = Vec<(String, Vec<u8>)>;
    const SCRIPT: Script = Script {
        name: "read_matching",
        text: r#"IFS=
for pattern; do
    for path in $pattern; do
        [ -f "$path" ] && [ -r "$path" ] || continue
        size=$(stat -L -c %s -- "$path") || exit 1
        [ "$size" -le 1048576 ] || continue
        printf '%s %s\n' "$size" "$path"
        head -c "$size" -- "$path" || exit 1
    done
done"#,
    };

    fn args(&self) -> Argv {
        self.0.clone().into()
    }

    fn reads(&self) -> Subjects {
        let directory = |pattern: &String| {
            let plain = pattern.split(['*', '?', '[']).next().unwrap_or_default();
            let directory = plain.rsplit_once('/').map_or("/", |(directory, _)| directory);
            Subject::path(if plain == pattern { pattern } else { directory })
        };
        Subjects::These(self.0.iter().map(directory).collect())
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        let wrong = || ParseError::new("files, each behind its size and its path", output);
        if output.status != 0 {
            return Err(wrong());
        }
        let mut files = Vec::new();
        let mut rest = output.stdout.as_slice();
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(wrong)?;
            let (head, behind) = rest.split_at(end);
            let head = String::from_utf8_lossy(head);
            let (size, path) = head.split_once(' ').ok_or_else(wrong)?;
            let size: usize = size.parse().map_err(|_| wrong())?;
            let content = behind.get(1..).and_then(|content| content.get(..size)).ok_or_else(wrong)?;
            files.push((path.to_owned(), content.to_vec()));
            rest = behind.get(1 + size..).unwrap_or_default();
        }
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    #[test]
    fn each_file_comes_whole_with_its_path_and_what_fits_nothing_is_left_out() {
        for bench in Workbench::every_shell() {
            bench.file("a b.list", "1\n2");
            bench.file("c.list", "");
            bench.file("d.txt", "x");
            std::fs::create_dir(bench.at("e.list")).unwrap();
            let question = Matching(vec![bench.path("*.list"), bench.path("none"), bench.path("d.txt")]);
            let output = bench.run(Matching::SCRIPT, &question.args(), None);
            let files = question.parse(&output).unwrap();
            let names: Vec<_> = files
                .iter()
                .map(|(path, text)| (path.rsplit('/').next().unwrap(), text.as_slice()))
                .collect();
            assert_eq!(names, [("a b.list", &b"1\n2"[..]), ("c.list", b""), ("d.txt", b"x")]);
        }
    }

    #[test]
    fn an_answer_goes_stale_with_anything_in_the_directory() {
        let reads = |pattern: &str| Matching(vec![pattern.into()]).reads();
        assert_eq!(
            reads("/etc/apt/sources.list.d/*.list"),
            [Subject::path("/etc/apt/sources.list.d")].into()
        );
        assert_eq!(reads("/etc/apt/sources.list"), [Subject::path("/etc/apt/sources.list")].into());
    }
}
