//! `lvol`: LVM's volumes. Nothing is taken from a file system's space: a volume is only made smaller with `force`.

use super::lvm::{Lvm, checked, field, number, run, split};
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
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
    diff,
    result: plain_result,
};

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

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
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
    use crate::model::Value;
    use crate::modules::lvm::tests::run as told;
    use serde_json::json;

    #[test]
    fn a_volume_is_made_with_each_kind_of_size() {
        let run = |args: Value| told(&MODULE, &args);
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
        let run = |args: Value| told(&MODULE, &args);
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
