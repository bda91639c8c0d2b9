//! `lvg` and `lvol`: LVM's groups of disks, and the volumes in them. Nothing is taken from a file system's space: a volume is
//! only made smaller with `force`.
//!
//! # Source
//! lvm(8), vgcreate(8), lvcreate(8), lvresize(8) of LVM 2.03; sizes as lvcreate takes them.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::volumes::LvmState;

/// The module for groups.
pub static GROUP: Module = Module {
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
    diff: group,
    result: plain_result,
};

/// The module for volumes.
pub static VOLUME: Module = Module {
    name: "lvol",
    aliases: &[],
    summary: "Makes, changes or removes a logical volume of LVM",
    params: &[
        Param::required("vg", Kind::Text, "the group"),
        Param::optional("lv", Kind::Text, "the volume"),
        Param::optional("size", Kind::Text, "its size: 512 (MiB), 10g, 80%VG, 100%FREE, +1g"),
        Param::optional(
            "snapshot",
            Kind::Text,
            "a snapshot of the volume, which is what it is all about then",
        ),
        Param::optional(
            "thinpool",
            Kind::Text,
            "the pool that it takes its space from; without lv: the pool itself",
        ),
        Param::optional("pvs", Kind::List, "the disks it is on"),
        Param::optional("opts", Kind::Text, "more words for lvcreate"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional("active", Kind::Bool, "whether it can be used").default("yes"),
        Param::optional("resizefs", Kind::Bool, "whether the file system in it changes with it")
            .default("no"),
        Param::optional(
            "shrink",
            Kind::Bool,
            "whether it is made smaller where it is larger; that takes force, too",
        )
        .default("yes"),
        Param::optional("force", Kind::Bool, "whether data may be lost: it is removed, or made smaller")
            .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Room for the database
  lvol: {vg: data, lv: postgresql, size: 20g, resizefs: true, shrink: false}
"#,
        returns: &[
            Returned { name: "lv", help: "the volume" },
            Returned { name: "size", help: "of one that is there: its size in the unit that was given" },
            Returned { name: "vg", help: "the group" },
        ],
    },
    effect: Effect::OnHost,
    diff: volume,
    result: plain_result,
};

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
struct Lvm {
    rows: Vec<(String, Vec<String>)>,
    places: Vec<(String, Option<String>)>,
}

impl Lvm {
    fn ask(host: &Host<'_>, devices: &[&str]) -> Result<Self, Stop> {
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

    fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.rows.iter().filter(move |(row, _)| row == kind).map(|(_, fields)| fields.as_slice())
    }
}

fn field(row: &[String], at: usize) -> &str {
    row.get(at).map_or("", String::as_str)
}

fn number(row: &[String], at: usize) -> u64 {
    field(row, at).split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn run(summary: String, words: &[&str]) -> Change {
    let words: Vec<String> =
        words.iter().filter(|word| !word.is_empty()).map(|word| (*word).to_owned()).collect();
    let touches =
        [Subject::path("/dev"), Subject::path("/etc/lvm"), Subject::path("/etc/fstab"), Subject::Mounts];
    Change::state(summary, RUN, words, touches)
}

/// A name that no tool takes for an option or a path.
fn checked<'a>(param: &str, name: &'a str) -> Result<&'a str, Stop> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+_.-".contains(c);
    match !name.is_empty() && !name.starts_with('-') && name.chars().all(fits) {
        true => Ok(name),
        false => {
            Err(Stop::refuse(format!("'{param}' can't be '{name}': letters, digits and + _ . - make a name")))
        }
    }
}

fn split<'a>(args: &'a Args, param: &str) -> Result<Vec<String>, Stop> {
    super::shell_words::split(args.text(param).unwrap_or_default())
        .map_err(|why| Stop::refuse(format!("{param}: {why}")))
}

fn group(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
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
        if real.is_empty() {
            return Err(Stop::refuse(match state {
                "present" => "No physical volumes given.".to_owned(),
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
        changes.push(run(format!("make the volume group {vg} of {}", real.join(", ")), &words));
    } else if !real.is_empty() {
        changes.extend(members(args, vg, &real, &mine));
    }
    if let Some(row) = there.filter(|_| state != "present") {
        // The third letter is `x` for a group that is exported; whether volumes are active is theirs to say.
        let _ = row;
        let on = state == "active";
        let is = |row: &&[String]| field(row, 1) == vg && (field(row, 2).chars().nth(4) == Some('a')) != on;
        if lvm.of("lv").any(|row| is(&row)) {
            let verb = if on { "y" } else { "n" };
            changes.push(run(
                format!("make the volumes of {vg} {state}"),
                &["vgchange", "--activate", verb, vg],
            ));
        }
    }
    Ok(Outcome::change(Map::new(), changes))
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

/// A size that is asked for.
#[derive(Clone, PartialEq, Debug)]
struct Size {
    /// `+` or `-`: by so much.
    by: Option<char>,
    /// Bytes, or percents of something.
    amount: f64,
    /// `VG`, `FREE`, `PVS`, `ORIGIN`; nothing: bytes.
    of: Option<String>,
    /// The text without a sign, as LVM takes it.
    text: String,
}

impl Size {
    fn read(text: &str) -> Result<Self, Stop> {
        let wrong =
            || Stop::refuse(format!("'size' is '{text}': expected 512 (MiB), 10g, 80%VG, 100%FREE or +1g"));
        let by = text.chars().next().filter(|sign| "+-".contains(*sign));
        let plain = text.trim_start_matches(['+', '-']);
        if let Some((percent, of)) = plain.split_once('%') {
            let of = of.to_uppercase();
            let amount: f64 = percent.parse().map_err(|_| wrong())?;
            if !["VG", "PVS", "FREE", "ORIGIN"].contains(&of.as_str()) || (amount > 100.0 && of != "ORIGIN") {
                return Err(wrong());
            }
            return Ok(Self { by, amount, text: format!("{percent}%{of}"), of: Some(of) });
        }
        let at = plain.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(plain.len());
        let (digits, unit) = plain.split_at(at);
        let amount: f64 = digits.parse().map_err(|_| wrong())?;
        let unit = if unit.is_empty() { "m" } else { unit };
        // Large letters are powers of a thousand, as LVM has them.
        let (base, letter) = match unit {
            one if one.len() == 1 && one.to_lowercase() == one => (1024_f64, one.to_owned()),
            one if one.len() == 1 => (1000_f64, one.to_lowercase()),
            _ => return Err(wrong()),
        };
        let power = "bkmgtpe".find(&letter).ok_or_else(wrong)?;
        let factor = if letter == "b" { 1.0 } else { base.powi(i32::try_from(power).unwrap_or(0)) };
        Ok(Self { by, amount: amount * factor, of: None, text: format!("{digits}{unit}") })
    }

    /// What it comes to in bytes, in whole extents.
    fn bytes(&self, group: &[String], now: u64) -> u64 {
        let whole = match self.of.as_deref() {
            None => self.amount,
            Some("FREE") => {
                self.amount / 100.0 * number(group, 3) as f64
                    + if self.by.is_none() { now as f64 } else { 0.0 }
            }
            Some(_) => self.amount / 100.0 * number(group, 2) as f64,
        };
        let extent = number(group, 4).max(1);
        let bytes = whole.max(0.0) as u64;
        // Percents are rounded down, sizes up.
        let extents = if self.of.is_some() { bytes / extent } else { bytes.div_ceil(extent) };
        extents * extent
    }

    /// The option and its value.
    fn words(&self) -> [String; 2] {
        let option = if self.of.is_some() { "-l" } else { "-L" };
        [option.to_owned(), format!("{}{}", self.by.map(String::from).unwrap_or_default(), self.text)]
    }
}

fn volume(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let vg = checked("vg", args.needed("vg")?)?;
    let (lv, snapshot, pool) = (args.text("lv"), args.text("snapshot"), args.text("thinpool"));
    for (param, name) in [("lv", lv), ("snapshot", snapshot), ("thinpool", pool)] {
        name.map(|name| checked(param, name)).transpose()?;
    }
    let name = snapshot
        .or(lv)
        .or(pool)
        .ok_or_else(|| Stop::refuse("one of the following is required: lv, thinpool"))?;
    let size = args.text("size").filter(|size| !size.is_empty()).map(Size::read).transpose()?;
    let lvm = Lvm::ask(host, &[])?;
    let absent = args.text("state") == Some("absent");
    let Some(group) = lvm.of("vg").find(|row| field(row, 0) == vg) else {
        return match absent {
            true => Ok(Outcome::in_order(Map::new())),
            false => Err(Stop::refuse(format!("Volume group {vg} does not exist."))),
        };
    };
    let there =
        lvm.of("lv").find(|row| field(row, 1) == vg && field(row, 0).trim_matches(['[', ']']) == name);
    let full = format!("{vg}/{name}");
    let mut result = Map::new();
    result.insert("vg".into(), vg.into());
    result.insert("lv".into(), name.into());
    if absent {
        if there.is_some() && !args.flag("force") {
            return Err(Stop::refuse(format!(
                "Sorry, no removal of logical volume {name} without force: true."
            )));
        }
        let change = there.map(|_| run(format!("remove the volume {full}"), &["lvremove", "--force", &full]));
        return Ok(Outcome::change(result, change.into_iter().collect()));
    }
    let mut changes = Vec::new();
    match there {
        None => changes.push(made(args, vg, &lvm, size.as_ref())?),
        Some(row) => {
            result.insert("size".into(), number(row, 3).into());
            if let Some(size) = &size {
                changes.extend(resized(args, &full, size, group, number(row, 3))?);
            }
            let active = field(row, 2).chars().nth(4) == Some('a');
            let wanted = args.flag("active");
            if active != wanted && snapshot.is_none() {
                let verb = if wanted { "-ay" } else { "-an" };
                let word = if wanted { "active" } else { "inactive" };
                changes.push(run(format!("make the volume {full} {word}"), &["lvchange", verb, &full]));
            }
        }
    }
    Ok(Outcome::change(result, changes))
}

/// The change that makes a volume, a snapshot or a pool.
fn made(args: &Args, vg: &str, lvm: &Lvm, size: Option<&Size>) -> Result<Change, Stop> {
    let (lv, snapshot, pool) = (args.text("lv"), args.text("snapshot"), args.text("thinpool"));
    let more = split(args, "opts")?;
    let mut words: Vec<String> = vec!["lvcreate".into(), "--yes".into()];
    if !args.flag("active") && snapshot.is_none() {
        words.push("-an".into());
    }
    if size.is_some_and(|size| size.by.is_some()) {
        return Err(Stop::refuse("'size' is by so much more or less, but there is no such volume yet"));
    }
    let sized = |size: Option<&Size>| size.map(|size| size.words().to_vec()).unwrap_or_default();
    let needed = || size.ok_or_else(|| Stop::refuse("No size given."));
    let name = match (snapshot, lv, pool) {
        (Some(snapshot), Some(lv), _) => {
            if !lvm.of("lv").any(|row| field(row, 1) == vg && field(row, 0) == lv) {
                return Err(Stop::refuse(format!(
                    "Snapshot origin LV {lv} does not exist in volume group {vg}."
                )));
            }
            words.extend(sized(size));
            words.extend(["-s".to_owned(), "-n".to_owned(), snapshot.to_owned()]);
            words.extend(more);
            words.push(format!("{vg}/{lv}"));
            snapshot
        }
        (Some(_), None, _) => return Err(Stop::refuse("'lv' is needed with 'snapshot'")),
        (None, Some(lv), Some(pool)) => {
            let size = needed()?;
            if size.of.is_some() {
                return Err(Stop::refuse("a thin volume's size can't be in percents"));
            }
            words.extend(["-n".to_owned(), lv.to_owned(), "-V".to_owned(), size.text.clone()]);
            words.extend(more);
            words.extend(["-T".to_owned(), format!("{vg}/{pool}")]);
            lv
        }
        (None, None, Some(pool)) => {
            words.extend(needed()?.words());
            words.extend(more);
            words.extend(["-T".to_owned(), format!("{vg}/{pool}")]);
            pool
        }
        (None, lv, None) => {
            let lv = lv.unwrap_or_default();
            words.extend(["-n".to_owned(), lv.to_owned()]);
            words.extend(needed()?.words());
            words.extend(more);
            words.push(vg.to_owned());
            words.extend(args.list("pvs").into_iter().map(str::to_owned));
            lv
        }
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Ok(run(format!("make the volume {vg}/{name}"), &words))
}

/// The change that makes a volume larger or smaller; none where it is as large as asked.
fn resized(args: &Args, full: &str, size: &Size, group: &[String], now: u64) -> Result<Option<Change>, Stop> {
    let amount = size.bytes(group, now);
    let wanted = match size.by {
        Some('+') => now + amount,
        Some(_) => now.saturating_sub(amount),
        None => amount,
    };
    let extent = number(group, 4).max(1);
    // Percents say about how much: less than an extent is no difference.
    let is_so = wanted == now || (size.of.is_some() && wanted.abs_diff(now) < extent);
    if is_so || (wanted < now && !args.flag("shrink")) {
        return Ok(None);
    }
    if wanted < now && !args.flag("force") {
        return Err(Stop::refuse(format!("Sorry, no shrinking of {full} without force: true.")));
    }
    let verb = if wanted > now { "lvextend" } else { "lvreduce" };
    let resize = if args.flag("resizefs") { "--resizefs" } else { "" };
    let force = if wanted < now { "--force" } else { "" };
    let to = format!("{}b", wanted);
    let summary = format!("make the volume {full} {wanted} bytes large (was {now})");
    let change = run(summary, &[verb, resize, force, "-L", &to, full]);
    let nature = if size.by.is_some() { Nature::Event } else { Nature::State };
    Ok(Some(Change { nature, ..change }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    const SAID: &str = "vg data|wz--n-|10733223936|6442450944|4194304\n\
        pv /dev/sdb|data|10733223936|10737418240\npv /dev/sdc||1073741824|1073741824\n\
        lv db|data|-wi-a-----|4290772992||\nlv off|data|-wi-------|4194304||\n\
        at /dev/disk/by-id/b /dev/sdb\nat /dev/sdc /dev/sdc\nat /dev/sdd /dev/sdd\n";

    fn run(module: &Module, args: &Value) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(module, args, &mut |_| Ok(Output::ok(SAID)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())
    }

    #[test]
    fn a_group_is_made_grows_shrinks_and_goes() {
        let run = |args: Value| run(&GROUP, &args);
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

    #[test]
    fn a_volume_is_made_with_each_kind_of_size() {
        let run = |args: Value| run(&VOLUME, &args);
        assert_eq!(
            run(json!({"vg": "data", "lv": "x", "size": 512})).unwrap(),
            ["lvcreate --yes -n x -L 512m data"]
        );
        assert_eq!(
            run(json!({"vg": "data", "lv": "x", "size": "100%FREE", "pvs": "/dev/sdb", "opts": "-r 16"}))
                .unwrap(),
            ["lvcreate --yes -n x -l 100%FREE -r 16 data /dev/sdb"]
        );
        assert_eq!(
            run(json!({"vg": "data", "lv": "db", "snapshot": "s", "size": "1g"})).unwrap(),
            ["lvcreate --yes -L 1g -s -n s data/db"]
        );
        assert_eq!(
            run(json!({"vg": "data", "thinpool": "p", "size": "1g"})).unwrap(),
            ["lvcreate --yes -L 1g -T data/p"]
        );
        for wrong in ["", "1x", "120%VG", "1gb", "10%OF", "much"] {
            assert!(run(json!({"vg": "data", "lv": "x", "size": wrong})).is_err(), "{wrong}");
        }
        assert!(run(json!({"vg": "none", "lv": "x", "size": 1})).is_err());
    }

    #[test]
    fn a_volume_grows_and_shrinks_only_with_force() {
        let run = |args: Value| run(&VOLUME, &args);
        assert!(run(json!({"vg": "data", "lv": "db", "size": "4092m"})).unwrap().is_empty());
        assert!(run(json!({"vg": "data", "lv": "db", "size": "4090m"})).unwrap().is_empty(), "whole extents");
        assert_eq!(
            run(json!({"vg": "data", "lv": "db", "size": "5g", "resizefs": true})).unwrap(),
            ["lvextend --resizefs -L 5368709120b data/db"]
        );
        assert_eq!(
            run(json!({"vg": "data", "lv": "db", "size": "100%FREE"})).unwrap(),
            ["lvextend -L 10733223936b data/db"]
        );
        assert!(run(json!({"vg": "data", "lv": "db", "size": "1g"})).is_err());
        assert!(run(json!({"vg": "data", "lv": "db", "size": "1g", "shrink": false})).unwrap().is_empty());
        assert_eq!(
            run(json!({"vg": "data", "lv": "db", "size": "1g", "force": true})).unwrap(),
            ["lvreduce --force -L 1073741824b data/db"]
        );
        assert_eq!(run(json!({"vg": "data", "lv": "off"})).unwrap(), ["lvchange -ay data/off"]);
        assert!(run(json!({"vg": "data", "lv": "db", "state": "absent"})).is_err());
        assert_eq!(
            run(json!({"vg": "data", "lv": "db", "state": "absent", "force": true})).unwrap(),
            ["lvremove --force data/db"]
        );
    }
}
