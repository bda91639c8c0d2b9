//! `lvg`: LVM's groups of disks.

use super::lvm::{Lvm, checked, field, number, run, split};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "lvg",
    aliases: &[],
    summary: "Makes, changes or removes a volume group of LVM",
    params: &[
        Param::required("vg", Kind::Text, "the group"),
        Param::optional("pvs", Kind::List, "the disks in it"),
        Param::optional("pesize", Kind::Text, "the size of a new one's extents").default("4"),
        Param::optional("pv_options", Kind::Text, "more words for pvcreate"),
        Param::optional("vg_options", Kind::Text, "more words for vgcreate"),
        Param::optional("pvresize", Kind::Bool, "whether it takes all of disks that have grown")
            .default("no"),
        Param::optional("remove_extra_pvs", Kind::Bool, "whether disks that aren't named leave it")
            .default("yes"),
        Param::optional(
            "state",
            Kind::Choice(&["absent", "present", "active", "inactive"]),
            "what it is to be",
        )
        .default("present"),
        Param::optional("force", Kind::Bool, "whether it may go with volumes in it").default("no"),
        Param::not_yet("reset_vg_uuid").or(&["reset_pv_uuid"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: The second disk is for data\n  lvg: {vg: data, pvs: /dev/sdb}\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let vg = checked("vg", args.needed("vg")?)?;
    let state = args.needed("state")?;
    let given = args.list("pvs");
    let lvm = Lvm::ask(host, &given)?;
    let there = lvm.of("vg").find(|row| field(row, 0) == vg);
    if state == "absent" {
        let volumes = lvm.of("lv").filter(|row| field(row, 1) == vg).count();
        if there.is_some() && volumes > 0 && !args.flag("force") {
            return Err(Stop::refuse(format!(
                "Refuse to remove non-empty volume group {vg} without force: true"
            )));
        }
        let change =
            there.map(|_| run(format!("remove the volume group {vg}"), &["vgremove", "--force", vg]));
        return Ok(Outcome::change(Map::new(), change.into_iter().collect()));
    }
    let mut real = Vec::new();
    for device in &given {
        let place =
            lvm.places.iter().find(|(given, _)| given == device).and_then(|(_, real)| real.as_deref());
        real.push(place.ok_or_else(|| Stop::refuse(format!("Device {device} not found.")))?);
    }
    let mine: Vec<&[String]> = lvm.of("pv").filter(|row| field(row, 1) == vg).collect();
    let taken = lvm.of("pv").find(|row| real.contains(&field(row, 0)) && !["", vg].contains(&field(row, 1)));
    if let Some(row) = taken {
        return Err(Stop::refuse(format!(
            "Device {} is already in {} volume group.",
            field(row, 0),
            field(row, 1)
        )));
    }
    let options = split(args, "pv_options")?;
    let make = |device: &str| {
        let words: Vec<&str> = ["pvcreate"]
            .into_iter()
            .chain(options.iter().map(String::as_str))
            .chain(["-f", device])
            .collect();
        run(format!("make {device} a disk of LVM"), &words)
    };
    let is_disk = |device: &str| lvm.of("pv").any(|row| field(row, 0) == device);
    let mut changes: Vec<Change> =
        real.iter().filter(|device| !is_disk(device)).map(|device| make(device)).collect();
    if there.is_none() {
        changes.push(made(args, vg, &real)?);
    } else if !real.is_empty() {
        changes.extend(members(args, vg, &real, &mine));
    }
    changes.extend(there.and_then(|_| switched(&lvm, vg, state)));
    Ok(Outcome::change(Map::new(), changes))
}

/// The change that makes a group.
fn made(args: &Args, vg: &str, real: &[&str]) -> Result<Change, Stop> {
    if real.is_empty() {
        return Err(Stop::refuse(match args.text("state") {
            Some("present") => "No physical volumes given.".to_owned(),
            _ => format!("the volume group {vg} does not exist"),
        }));
    }
    let more = split(args, "vg_options")?;
    let words: Vec<&str> = ["vgcreate"]
        .into_iter()
        .chain(more.iter().map(String::as_str))
        .chain(["-s", args.needed("pesize")?, vg])
        .chain(real.iter().copied())
        .collect();
    Ok(run(format!("make the volume group {vg} of {}", real.join(", ")), &words))
}

/// The change that makes all volumes of a group active or inactive, where that is asked for and one is not.
fn switched(lvm: &Lvm, vg: &str, state: &str) -> Option<Change> {
    let on = match state {
        "active" => true,
        "inactive" => false,
        _ => return None,
    };
    let is_other = |row: &[String]| field(row, 1) == vg && (field(row, 2).chars().nth(4) == Some('a')) != on;
    let verb = if on { "y" } else { "n" };
    let change = || run(format!("make the volumes of {vg} {state}"), &["vgchange", "--activate", verb, vg]);
    lvm.of("lv").any(is_other).then(change)
}

/// What joins a group, what leaves it, and what has grown.
fn members(args: &Args, vg: &str, real: &[&str], mine: &[&[String]]) -> Vec<Change> {
    let is_mine = |device: &str| mine.iter().any(|row| field(row, 0) == device);
    let new: Vec<&str> = real.iter().copied().filter(|device| !is_mine(device)).collect();
    let mut changes = Vec::new();
    if !new.is_empty() {
        let words: Vec<&str> = ["vgextend", vg].into_iter().chain(new.iter().copied()).collect();
        changes.push(run(format!("take {} into the volume group {vg}", new.join(", ")), &words));
    }
    let extra: Vec<&str> =
        mine.iter().map(|row| field(row, 0)).filter(|device| !real.contains(device)).collect();
    if args.flag("remove_extra_pvs") && !extra.is_empty() {
        let words: Vec<&str> = ["vgreduce", vg].into_iter().chain(extra.iter().copied()).collect();
        changes.push(run(format!("let {} leave the volume group {vg}", extra.join(", ")), &words));
    }
    // What LVM itself needs of a disk is less than an extent or two.
    let grown = |row: &&&[String]| number(row, 3) > number(row, 2) + (16 << 20);
    if args.flag("pvresize") {
        changes.extend(
            mine.iter()
                .filter(grown)
                .map(|row| run(format!("take all of {}", field(row, 0)), &["pvresize", field(row, 0)])),
        );
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::modules::lvm::tests::run as told;
    use serde_json::json;

    #[test]
    fn a_group_is_made_grows_shrinks_and_goes() {
        let run = |args: Value| told(&MODULE, &args);
        assert!(run(json!({"vg": "data", "pvs": "/dev/disk/by-id/b"})).unwrap().is_empty());
        assert_eq!(
            run(json!({"vg": "data", "pvs": "/dev/sdc"})).unwrap(),
            ["vgextend data /dev/sdc", "vgreduce data /dev/sdb"]
        );
        assert_eq!(
            run(json!({"vg": "data", "pvs": "/dev/disk/by-id/b,/dev/sdd", "remove_extra_pvs": false}))
                .unwrap(),
            ["pvcreate -f /dev/sdd", "vgextend data /dev/sdd"]
        );
        assert_eq!(
            run(json!({"vg": "new", "pvs": "/dev/sdd", "pesize": "32"})).unwrap(),
            ["pvcreate -f /dev/sdd", "vgcreate -s 32 new /dev/sdd"]
        );
        assert!(run(json!({"vg": "new", "pvs": "/dev/disk/by-id/b"})).is_err(), "it is in another group");
        assert!(run(json!({"vg": "data", "state": "absent"})).is_err(), "there are volumes in it");
        assert_eq!(
            run(json!({"vg": "data", "state": "absent", "force": true})).unwrap(),
            ["vgremove --force data"]
        );
        assert!(run(json!({"vg": "none", "state": "absent"})).unwrap().is_empty());
        assert_eq!(run(json!({"vg": "data", "state": "active"})).unwrap(), ["vgchange --activate y data"]);
        assert!(run(json!({"vg": "-x"})).is_err());
    }
}
