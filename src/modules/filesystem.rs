//! `filesystem`: that a device holds a file system of a kind. What is there is not overwritten unless that is asked for.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::tools::DeviceContent;

const KINDS: Kind = Kind::Choice(&[
    "ext2", "ext3", "ext4", "ext4dev", "xfs", "btrfs", "vfat", "f2fs", "swap", "lvm", "ocfs2", "reiserfs",
    "ufs", "bcachefs",
]);

/// The module.
pub static MODULE: Module = Module {
    name: "filesystem",
    aliases: &[],
    summary: "Makes a file system on a device",
    params: &[
        Param::required("dev", Kind::Path, "the device").or(&["device"]),
        Param::optional("fstype", KINDS, "the kind; needed unless it shall be absent").or(&["type"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether one is there")
            .default("present"),
        Param::optional("force", Kind::Bool, "whether another one that is there is overwritten")
            .default("no"),
        Param::optional("opts", Kind::Text, "options of mkfs"),
        Param::optional("uuid", Kind::Text, "the UUID of a new one"),
        Param::not_yet("resizefs"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Room for data\n  filesystem:\n    dev: /dev/sdb1\n    fstype: ext4\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Makes or wipes: `make` or `wipe`, the device, what was seen on it, the kind, then options.
const MAKE: Script = Script {
    name: "make_filesystem",
    text: r#"verb=$1 device=$2 seen=$3 kind=$4
shift 4
now=$(blkid -c /dev/null -o value -s TYPE -- "$device" 2>/dev/null || blkid -o value -s TYPE "$device" 2>/dev/null)
[ "$now" = "$seen" ] || exit 113
if grep -q -e "^$device " /proc/mounts; then echo "$device is mounted" >&2; exit 1; fi
if [ "$verb" = wipe ]; then wipefs --all -- "$device" >/dev/null || exit 1; exit 0; fi
case $kind in
swap) mkswap -f "$@" -- "$device" >/dev/null || exit 1 ;;
lvm) pvcreate -f -y "$@" -- "$device" >/dev/null || exit 1 ;;
ext*) "mkfs.$kind" -q -F "$@" -- "$device" </dev/null || exit 1 ;;
xfs | btrfs) "mkfs.$kind" -f "$@" -- "$device" >/dev/null </dev/null || exit 1 ;;
*) "mkfs.$kind" "$@" -- "$device" >/dev/null </dev/null || exit 1 ;;
esac
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let device = args.needed("dev")?;
    let present = args.text("state") != Some("absent");
    let kind = match (args.text("fstype"), present) {
        (Some("ext4dev"), _) => "ext4",
        (Some(kind), _) => kind,
        (None, false) => "",
        (None, true) => {
            return Err(Stop::refuse("state is present but all of the following are missing: fstype"));
        }
    };
    let said = host.get(DeviceContent(vec![device.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let there = said.trim();
    if there == "none" {
        return match present {
            true => Err(Stop::refuse(format!("Device {device} not found."))),
            false => Ok(Outcome::in_order(Map::new())),
        };
    }
    let there = there.strip_prefix("holds").unwrap_or_default().trim();
    let same = match kind {
        "lvm" => there == "LVM2_member",
        kind => there == kind,
    };
    let options = super::shell_words::split(args.text("opts").unwrap_or_default());
    let mut options = options.map_err(|why| Stop::refuse(format!("opts: {why}")))?;
    if let Some(uuid) = args.text("uuid") {
        options.extend(["-U".to_owned(), uuid.to_owned()]);
    }
    let touches = [Subject::path(device), Subject::Mounts];
    let change = match (present, there.is_empty()) {
        (true, _) if same => None,
        (false, true) => None,
        (true, false) if !args.flag("force") => {
            return Err(Stop::refuse(format!(
                "'{device}' is already used as {there}, use force=true to overwrite"
            )));
        }
        (true, _) => {
            let argv = [["make", device, there, kind].map(str::to_owned).to_vec(), options].concat();
            Some(Change::state(format!("make a file system {kind} on {device}"), MAKE, argv, touches))
        }
        (false, false) => Some(Change::state(
            format!("wipe {there} off {device}"),
            MAKE,
            ["wipe", device, there, ""],
            touches,
        )),
    };
    Ok(Outcome::change(Map::new(), change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: &Value, said: &'static str) -> Result<Vec<String>, String> {
        match answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said))) {
            Ok(outcome) => Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[test]
    fn a_device_that_holds_something_is_left_alone_unless_forced() {
        let mut args = json!({"dev": "/dev/sdx", "fstype": "ext4", "opts": "-L data"});
        assert_eq!(run(&args, "holds \n"), Ok(vec!["make /dev/sdx  ext4 -L data".into()]));
        assert_eq!(run(&args, "holds ext4\n"), Ok(vec![]));
        assert!(run(&args, "holds xfs\n").unwrap_err().contains("already used as xfs"));
        args["force"] = json!(true);
        assert_eq!(run(&args, "holds xfs\n").unwrap().len(), 1);
        assert!(run(&args, "none\n").unwrap_err().contains("not found"));
        assert_eq!(run(&json!({"dev": "/dev/sdx", "state": "absent"}), "holds \n"), Ok(vec![]));
    }
}
