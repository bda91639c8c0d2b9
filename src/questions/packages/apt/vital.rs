//! Packages that a host can't do without: what is asked before anything is removed.

use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Output, ParseError, Question};

/// Asks what is known of packages that would be removed.
pub struct Removable {
    /// Their names.
    pub names: Vec<String>,
}

/// A package that would be removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its version now; empty where it isn't installed.
    pub version: String,
    /// Why it must not be removed, whoever asks.
    pub vital: Option<&'static str>,
}

/// The ways in and to root: without them nobody could put anything right again.
const WAYS_IN: [&str; 2] = ["openssh-server", "sudo"];

impl Question for Removable {
    type Answer = Vec<Candidate>;
    const SCRIPT: Script = Script { name: "dpkg_removable", text: include_str!("vital.sh") };

    fn args(&self) -> Argv {
        self.names.clone().into()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages, Subject::Machine].into()
    }

    fn parse(&self, output: &Output) -> Result<Vec<Candidate>, ParseError> {
        let text = output.text();
        let Some(kernel) = text.lines().find_map(|line| line.strip_prefix("kernel ")) else {
            return Err(ParseError::new("a line 'kernel RELEASE'", output));
        };
        Ok(text.lines().filter_map(|line| candidate(line, kernel)).collect())
    }
}

/// Reads `package NAME|ESSENTIAL|PROTECTED|VERSION`.
fn candidate(line: &str, kernel: &str) -> Option<Candidate> {
    let mut fields = line.strip_prefix("package ")?.split('|');
    let (name, essential, protected) = (fields.next()?, fields.next()?, fields.next()?);
    let of_kernel = name.starts_with("linux-image-") || name.starts_with("linux-modules-");
    let vital = match name {
        _ if essential == "yes" => Some("it is essential"),
        _ if protected == "yes" => Some("it is protected"),
        _ if of_kernel && name.ends_with(&format!("-{kernel}")) => Some("it is the kernel that runs"),
        _ if WAYS_IN.contains(&name) => Some("it is the way in"),
        _ => None,
    };
    Some(Candidate { name: name.into(), version: fields.next().unwrap_or_default().into(), vital })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_can_not_do_without_is_told_apart() {
        let answer = Removable { names: Vec::new() }
            .parse(&Output::ok(
                "kernel 6.1.0-18-amd64\npackage dpkg|yes||1.21\npackage init||yes|1.65\n\
                 package linux-image-6.1.0-18-amd64|||6.1.76-1\npackage linux-image-6.1.0-9-amd64|||6.1.27-1\n\
                 package openssh-server|no||1:9.2\npackage bar|no||1.0\n",
            ))
            .unwrap();
        let vital: Vec<bool> = answer.iter().map(|c| c.vital.is_some()).collect();
        assert_eq!(vital, [true, true, true, false, true, false]);
        assert_eq!((answer[5].name.as_str(), answer[5].version.as_str()), ("bar", "1.0"));
    }
}
