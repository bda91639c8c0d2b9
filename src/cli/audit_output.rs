//! `--output`: where else an audit's report goes, and in which format.

use super::console::shown;
use super::output::OutputFile;
use super::{Console, Exit, Failure};
use crate::model::nearest;
use crate::people::{AUDIT_NAMESPACE, Identity};
use crate::report::Format;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A file and the format that it gets: `FORMAT=FILE`, or a file whose name says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// The file.
    pub file: PathBuf,
}

impl FromStr for Output {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A word before '=' is meant as a format; a path that has one is told by its '/' or '.'.
        if let Some((word, file)) = text.split_once('=')
            && !word.contains(['/', '.'])
        {
            let format = word.parse::<Format>().map_err(|why| format!("'{word}' is no format: {why}"))?;
            return match file {
                "" => Err(format!("expected a file name behind '{word}='")),
                file => Ok(Self { format, file: file.into() }),
            };
        }
        let file = PathBuf::from(text);
        let extension = file.extension().and_then(|end| end.to_str()).unwrap_or_default().to_lowercase();
        let of = |format: &Format| format.extensions().contains(&extension.as_str());
        match Format::ALL.into_iter().find(of) {
            Some(format) => Ok(Self { format, file }),
            None => Err(untold(text, &extension)),
        }
    }
}

/// The name of a file that says no format.
fn untold(text: &str, extension: &str) -> String {
    let known: Vec<&str> = Format::ALL.iter().flat_map(|format| format.extensions()).copied().collect();
    let near = nearest(extension, known.iter().copied()).filter(|_| !extension.is_empty());
    let near = near.map(|near| format!(" (did you mean '.{near}'?)")).unwrap_or_default();
    format!(
        "the name does not say the format{near}: expected an ending of .{}, or FORMAT={text}",
        known.join(", .")
    )
}

/// Begins to write all of them: whether they can be written is found out before the work.
///
/// # Errors
/// One can't be written, or two are the same file.
pub fn create(outputs: &[Output]) -> Result<Vec<(Format, OutputFile)>, Failure> {
    let whole = |file: &Path| std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for (at, output) in outputs.iter().enumerate() {
        if outputs[..at].iter().any(|before| whole(&before.file) == whole(&output.file)) {
            return Err(Failure::usage(format!("{} is named twice by --output", shown(&output.file)))
                .hint("give each report a file of its own"));
        }
    }
    outputs.iter().map(|output| Ok((output.format, OutputFile::create(&output.file)?))).collect()
}

/// Signs what an auditor's audit wrote: no ledger has an entry of it, since the clone of a job of CI is thrown away.
///
/// # Errors
/// A report can't be read again, or nothing can be written beside it.
pub fn sign(console: &Console, outputs: &[Output], identity: &Identity) -> Result<(), Failure> {
    let Some(auditor) = identity.proven().filter(|_| identity.is_auditor()) else { return Ok(()) };
    if outputs.is_empty() {
        console.tell("An auditor's audit is in no ledger, and nothing of this one is kept: --output FILE keeps it, signed.\n");
    }
    for output in outputs {
        let report = std::fs::read(&output.file).map_err(|error| {
            Failure::new(Exit::Usage, format!("can't read {} to sign it: {error}", shown(&output.file)))
        })?;
        let signature = auditor.signer.sign(AUDIT_NAMESPACE, &report).map_err(|error| {
            Failure::new(Exit::Refused, format!("{} is not signed: {error}", shown(&output.file)))
        })?;
        let mut beside = output.file.clone().into_os_string();
        beside.push(".sig");
        let mut file = OutputFile::create(Path::new(&beside))?;
        file.writer().write_all(signature.as_bytes()).map_err(|error| file.failed(&error))?;
        file.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_its_format_by_its_name_or_is_told_it() {
        for (text, format, file) in [
            ("audit.json", Format::Json, "audit.json"),
            ("out/audit.HTML", Format::Html, "out/audit.HTML"),
            ("a.b.sarif", Format::Sarif, "a.b.sarif"),
            ("/var/lib/node_exporter/wgops.prom", Format::OpenMetrics, "/var/lib/node_exporter/wgops.prom"),
            ("markdown=/tmp/step_summary", Format::Markdown, "/tmp/step_summary"),
            ("junit=a=b.xml", Format::Junit, "a=b.xml"),
            ("./a=b.md", Format::Markdown, "./a=b.md"),
        ] {
            assert_eq!(text.parse(), Ok(Output { format, file: file.into() }), "{text}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_is_refused_with_what_would() {
        for (text, why) in [
            ("report", "FORMAT=report"),
            ("report.jsn", "did you mean '.json'?"),
            ("sarfi=x", "did you mean 'sarif'?"),
            ("json=", "a file name behind"),
        ] {
            let said = text.parse::<Output>().unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn two_reports_never_share_a_file() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("audit.json");
        let twice = [Format::Json, Format::Html].map(|format| Output { format, file: file.clone() });
        assert_eq!(create(&twice).err().unwrap().exit, Exit::Usage);
        assert_eq!(create(&twice[..1]).unwrap().len(), 1);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "and nothing is left of it");
    }
}
