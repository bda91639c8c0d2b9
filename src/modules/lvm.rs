//! What `lvg` and `lvol` share: what LVM says of groups, disks and volumes, and the change that runs one of its tools.
//!
//! # Source
//! lvm(8), vgcreate(8), lvcreate(8), lvresize(8) of LVM 2.03; sizes as lvcreate takes them.

use super::{Args, Change, Host};
use crate::model::{Script, Subject};
use crate::questions::Stop;
use crate::questions::system::volumes::LvmState;

/// Runs one of LVM's tools: what it is told.
const RUN: Script = Script {
    name: "run_lvm",
    text: r#"PATH=$PATH:/usr/sbin:/sbin
command -v "$1" >/dev/null 2>&1 || { echo "this host has no $1 (lvm2)" >&2; exit 1; }
"$@" </dev/null || exit 1
exit 0"#,
};

/// These modules' scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// What LVM says.
pub(super) struct Lvm {
    rows: Vec<(String, Vec<String>)>,
    /// Devices as they were given, and where they really are.
    pub places: Vec<(String, Option<String>)>,
}

impl Lvm {
    /// Asks for all of it, and for the places of devices.
    ///
    /// # Errors
    /// Stops to ask; refuses where there is no LVM.
    pub fn ask(host: &Host<'_>, devices: &[&str]) -> Result<Self, Stop> {
        let asked = LvmState(devices.iter().map(|device| (*device).to_owned()).collect());
        let said = host.get(asked)?.as_ref().clone().map_err(Stop::refuse)?.text;
        let mut lvm = Self { rows: Vec::new(), places: Vec::new() };
        for line in said.lines() {
            match line.split_once(' ') {
                Some(("at", rest)) => {
                    let (given, real) = rest.rsplit_once(' ').unwrap_or((rest, rest));
                    lvm.places.push((given.to_owned(), Some(real.to_owned())));
                }
                Some(("none", given)) => lvm.places.push((given.to_owned(), None)),
                Some((kind, rest)) => {
                    lvm.rows.push((
                        kind.to_owned(),
                        rest.split('|').map(|field| field.trim().to_owned()).collect(),
                    ));
                }
                None => {}
            }
        }
        Ok(lvm)
    }

    /// The fields of each group (`vg`), disk (`pv`) or volume (`lv`).
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.rows.iter().filter(move |(row, _)| row == kind).map(|(_, fields)| fields.as_slice())
    }
}

/// A field of a row.
pub(super) fn field(row: &[String], at: usize) -> &str {
    row.get(at).map_or("", String::as_str)
}

/// A field that is a number of bytes.
pub(super) fn number(row: &[String], at: usize) -> u64 {
    field(row, at).split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The change that runs one of LVM's tools.
pub(super) fn run(summary: String, words: &[&str]) -> Change {
    let words: Vec<String> =
        words.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned()).collect();
    let touches =
        [Subject::path("/dev"), Subject::path("/etc/lvm"), Subject::path("/etc/fstab"), Subject::Mounts];
    Change::state(summary, RUN, words, touches)
}

/// A name that no tool takes for an option or a path.
pub(super) fn checked<'a>(param: &str, name: &'a str) -> Result<&'a str, Stop> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
    match !name.is_empty() && !name.starts_with('-') && name.chars().all(fits) {
        true => Ok(name),
        false => {
            Err(Stop::refuse(format!("'{param}' can't be '{name}': letters, digits and + _ . - make a name")))
        }
    }
}

/// The words of a parameter.
pub(super) fn split(args: &Args, param: &str) -> Result<Vec<String>, Stop> {
    super::shell_words::split(args.text(param).unwrap_or_default())
        .map_err(|why| Stop::refuse(format!("{param}: {why}")))
}

#[cfg(test)]
pub(super) mod tests {
    use crate::model::Value;
    use crate::modules::Module;
    use crate::modules::harness::answer_with;
    use crate::questions::{Output, Stop};

    const SAID: &str = "vg data|wz--n-|10733223936|6442450944|4194304\n\
        pv /dev/sdb|data|10733223936|10737418240\npv /dev/sdc||1073741824|1073741824\n\
        lv db|data|-wi-a-----|4290772992||\nlv off|data|-wi-------|4194304||\n\
        at /dev/disk/by-id/b /dev/sdb\nat /dev/sdc /dev/sdc\nat /dev/sdd /dev/sdd\n";

    /// What LVM is told on a host with a group of one disk.
    pub(in crate::modules) fn run(module: &Module, args: &Value) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(module, args, &mut |_| Ok(Output::ok(SAID)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())
    }
}
