//! The boot: which one this is, and whether another one is needed. Restarting the machine is `crate::modules`' business.

mod microcode;

pub use microcode::{Microcode, MicrocodeState};

use super::packages::debian_order;
use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for the kernel's name for this boot: after a reboot it is another one.
pub struct BootId;

/// Asks whether the host needs a reboot.
pub struct RebootNeed;

/// What speaks for a reboot.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RebootReasons {
    /// Why a reboot is needed, for people; none when nothing speaks for one.
    pub reasons: Vec<String>,
    /// Why the kernel could not be judged.
    pub not_assessed: Option<String>,
}

impl Question for BootId {
    type Answer = String;
    const SCRIPT: Script = Script { name: "boot_id", text: include_str!("boot/boot_id.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Machine].into()
    }

    fn parse(&self, output: &Output) -> Result<String, ParseError> {
        match output.text().trim() {
            "" => Err(ParseError::new("a boot id", output)),
            id => Ok(id.to_owned()),
        }
    }
}

impl Question for RebootNeed {
    type Answer = RebootReasons;
    const SCRIPT: Script = Script { name: "reboot_needed", text: include_str!("boot/reboot_needed.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Machine, Subject::Packages, Subject::path("/run/reboot-required")].into()
    }

    fn parse(&self, output: &Output) -> Result<RebootReasons, ParseError> {
        let text = output.text();
        let mut seen = Seen::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "flag" => seen.flag = true,
                "asked" if !seen.asked.contains(&rest) => seen.asked.push(rest),
                "asked" => {}
                "running" => seen.running = rest,
                "build" => seen.build = rest,
                "kernel" => seen.kernels.extend(kernel(rest)),
                "container" => seen.container = true,
                "unknown" => seen.unknown = true,
                _ => return Err(ParseError::new("lines 'flag', 'running', 'kernel' …", output)),
            }
        }
        Ok(seen.judge())
    }
}

#[derive(Default)]
struct Seen<'a> {
    flag: bool,
    asked: Vec<&'a str>,
    running: &'a str,
    build: &'a str,
    kernels: Vec<Kernel<'a>>,
    container: bool,
    unknown: bool,
}

/// An installed kernel: its release (`6.1.0-18-amd64`) and its package's version.
#[derive(Clone, Copy)]
struct Kernel<'a> {
    release: &'a str,
    version: &'a str,
}

/// Reads `ii |linux-image-6.1.0-18-amd64|6.1.76-1`; only what is installed counts, and no debug symbols.
fn kernel(line: &str) -> Option<Kernel<'_>> {
    let mut fields = line.split('|');
    let (status, name, version) = (fields.next()?, fields.next()?, fields.next()?);
    let release = name.strip_prefix("linux-image-")?;
    let release = release.strip_prefix("unsigned-").unwrap_or(release);
    let installed = status.chars().nth(1) == Some('i') && !release.ends_with("-dbg");
    installed.then_some(Kernel { release, version })
}

/// The part of a kernel's release that names its kind: `cloud-amd64` of `6.1.0-18-cloud-amd64`.
fn flavour(release: &str) -> &str {
    let mut rest = release;
    while let Some((first, more)) = rest.split_once('-') {
        if !first.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        rest = more;
    }
    rest
}

impl Seen<'_> {
    fn judge(self) -> RebootReasons {
        let mut reasons = Vec::new();
        if self.flag {
            reasons.push(match self.asked.as_slice() {
                [] => "the host is marked as in need of a reboot".to_owned(),
                names => format!("{} asked for it", names.join(", ")),
            });
        }
        let not_assessed = if self.container {
            None
        } else if self.unknown || self.kernels.is_empty() {
            Some("no installed kernel package is known, so the running kernel can't be compared".to_owned())
        } else {
            reasons.extend(self.newer_kernel());
            None
        };
        RebootReasons { reasons, not_assessed }
    }

    fn newer_kernel(&self) -> Option<String> {
        let running = self.running;
        let same_kind = self.kernels.iter().filter(|k| flavour(k.release) == flavour(running));
        let newest = same_kind.max_by(|a, b| debian_order(a.release, b.release))?;
        if debian_order(newest.release, running).is_gt() {
            return Some(format!("kernel {} is installed, {running} is running", newest.release));
        }
        // Debian may rebuild a kernel under the same release; the running one says in its build which version it is.
        let (_, built) = self.build.split_once(" Debian ")?;
        let built = built.split(' ').next().unwrap_or_default();
        let installed = self.kernels.iter().find(|k| k.release == running)?.version;
        (installed != built && !built.is_empty())
            .then(|| format!("kernel {running} is installed in version {installed}, {built} is running"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(text: &str) -> RebootReasons {
        RebootNeed.parse(&Output::ok(text)).unwrap()
    }

    const DEBIAN_12: &str = "running 6.1.0-18-amd64\n\
        build #1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)\n\
        kernel ii |linux-image-6.1.0-18-amd64|6.1.76-1\n";

    #[test]
    fn a_newer_kernel_of_the_same_kind_speaks_for_a_reboot_and_others_do_not() {
        let with = |line: &str| reasons(&format!("{DEBIAN_12}{line}\n")).reasons;
        assert!(reasons(DEBIAN_12).reasons.is_empty());
        assert_eq!(
            with("kernel ii |linux-image-6.1.0-30-amd64|6.1.124-1"),
            ["kernel 6.1.0-30-amd64 is installed, 6.1.0-18-amd64 is running"]
        );
        assert!(with("kernel ii |linux-image-6.1.0-9-amd64|6.1.27-1").is_empty());
        assert!(with("kernel rc |linux-image-6.1.0-30-amd64|6.1.124-1").is_empty());
        assert!(with("kernel ii |linux-image-6.1.0-30-cloud-amd64|6.1.124-1").is_empty());
    }

    #[test]
    fn a_rebuilt_kernel_of_the_same_release_speaks_for_a_reboot() {
        let text = DEBIAN_12.replace("|6.1.76-1", "|6.1.85-1");
        assert_eq!(
            reasons(&text).reasons,
            ["kernel 6.1.0-18-amd64 is installed in version 6.1.85-1, 6.1.76-1 is running"]
        );
    }

    #[test]
    fn the_flag_names_who_asked_and_a_container_has_no_kernel_of_its_own() {
        let answer = reasons(
            "flag /run/reboot-required\nasked linux-fake\nasked linux-fake\nrunning 6.1\nbuild x\ncontainer\n",
        );
        assert_eq!(answer.reasons, ["linux-fake asked for it"]);
        assert_eq!(answer.not_assessed, None);
    }

    #[test]
    fn where_no_kernel_is_known_that_is_said_and_never_reads_as_clean() {
        assert!(reasons("running 6.1\nbuild x\n").not_assessed.is_some());
    }
}
