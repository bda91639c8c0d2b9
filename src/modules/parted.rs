//! `parted`: a partition of a disk, or its table of partitions.
//!
//! # Source
//! parted(8) of parted 3.5, `--machine`: a line for the device, `NUMBER:START:END:SIZE:FS:NAME:FLAGS;` for each partition.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::volumes::PartedState;

const UNITS: Kind = Kind::Choice(&[
    "s", "B", "KB", "KiB", "MB", "MiB", "GB", "GiB", "TB", "TiB", "%", "cyl", "chs", "compact",
]);
const LABELS: Kind =
    Kind::Choice(&["aix", "amiga", "bsd", "dvh", "gpt", "loop", "mac", "msdos", "pc98", "sun"]);

/// The module.
pub static MODULE: Module = Module {
    name: "parted",
    aliases: &[],
    summary: "Makes or removes a partition of a disk, or says which there are",
    params: &[
        Param::required("device", Kind::Path, "the disk"),
        Param::optional("number", Kind::Int, "the partition"),
        Param::optional("state", Kind::Choice(&["absent", "present", "info"]), "what it is to be")
            .default("info"),
        Param::optional("label", LABELS, "the kind of table that a disk without one gets").default("msdos"),
        Param::optional("part_start", Kind::Text, "where it begins").default("0%"),
        Param::optional("part_end", Kind::Text, "where it ends").default("100%"),
        Param::optional(
            "part_type",
            Kind::Choice(&["extended", "logical", "primary"]),
            "its kind, in a table of msdos",
        )
        .default("primary"),
        Param::optional("fs_type", Kind::Text, "what file system it is for"),
        Param::optional("name", Kind::Text, "its name, in a table of gpt"),
        Param::optional("flags", Kind::List, "its flags, as boot, lvm; others go"),
        Param::optional("unit", UNITS, "in what sizes are told").default("KiB"),
        Param::optional(
            "align",
            Kind::Choice(&["cylinder", "minimal", "none", "optimal", "undefined"]),
            "how it lies on the disk",
        )
        .default("optimal"),
        Param::not_yet("resize"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: The second disk is one partition for LVM\n  parted: {device: /dev/sdb, number: 1, label: gpt, flags: lvm, state: present}\n",
        returns: &[
            Returned {
                name: "disk",
                help: "the disk: dev, size, unit, table, model, logical_block, physical_block",
            },
            Returned {
                name: "partitions",
                help: "its partitions: num, begin, end, size, fstype, name, flags, unit",
            },
            Returned { name: "script", help: "what parted is told" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Tells parted something: the device, how many partitions it was seen to have, then the words.
const RUN: Script = Script {
    name: "run_parted",
    text: r#"PATH=$PATH:/usr/sbin:/sbin
command -v parted >/dev/null 2>&1 || { echo 'this host has no parted' >&2; exit 1; }
device=$1 seen=$2
shift 2
now=$(parted -s -m "$device" print 2>/dev/null </dev/null | grep -c '^[0-9]')
[ "$now" = "$seen" ] || exit 113
parted -s "$@" </dev/null || exit 1
if command -v udevadm >/dev/null 2>&1; then udevadm settle 2>/dev/null; fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// A disk as parted tells of it.
struct Disk {
    table: String,
    fields: Map,
    partitions: Vec<Partition>,
}

struct Partition {
    number: i64,
    name: String,
    flags: Vec<String>,
    fields: Map,
}

/// A size with its unit behind it, which parted spells in its own way, as a number.
fn size(text: &str) -> Value {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    digits
        .parse::<i64>()
        .map(Value::from)
        .or_else(|_| digits.parse::<f64>().map(Value::from))
        .unwrap_or_else(|_| text.into())
}

impl Disk {
    fn read(said: &str, device: &str, unit: &str) -> Self {
        let mut disk = Self { table: String::new(), fields: Map::new(), partitions: Vec::new() };
        let mut put = |key: &str, value: Value| {
            disk.fields.insert(key.to_owned(), value);
        };
        put("dev", device.into());
        put("unit", unit.to_lowercase().into());
        for line in said.lines().filter_map(|line| line.strip_suffix(';')) {
            let fields: Vec<&str> = line.split(':').collect();
            if let [path, whole, _, logical, physical, table, model, ..] = fields[..]
                && path.starts_with('/')
            {
                put("size", size(whole));
                put("logical_block", size(logical));
                put("physical_block", size(physical));
                put("table", table.into());
                put("model", model.into());
                table.clone_into(&mut disk.table);
            } else if let [number, begin, end, whole, fs, name, flags] = fields[..]
                && let Ok(number) = number.parse()
            {
                let flags: Vec<String> = flags
                    .split(',')
                    .map(str::trim)
                    .filter(|flag| !flag.is_empty())
                    .map(str::to_owned)
                    .collect();
                let mut told = Map::new();
                told.insert("num".into(), Value::from(number));
                told.insert("begin".into(), size(begin));
                told.insert("end".into(), size(end));
                told.insert("size".into(), size(whole));
                told.insert("fstype".into(), fs.into());
                told.insert("name".into(), name.into());
                told.insert("flags".into(), flags.clone().into());
                told.insert("unit".into(), unit.to_lowercase().into());
                disk.partitions.push(Partition { number, name: name.to_owned(), flags, fields: told });
            }
        }
        disk
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let device = args.needed("device")?;
    let unit = args.needed("unit")?;
    let state = args.needed("state")?;
    for param in ["part_start", "part_end", "fs_type"] {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".%-_".contains(c);
        if args.text(param).is_some_and(|text| text.is_empty() || !text.chars().all(plain)) {
            return Err(Stop::refuse(format!(
                "'{param}' is not what parted takes: expected such as 512MiB, 50% or ext4"
            )));
        }
    }
    let said = host
        .get(PartedState(vec![device.to_owned(), unit.to_owned()]))?
        .as_ref()
        .clone()
        .map_err(Stop::refuse)?;
    let disk = Disk::read(&said.text, device, unit);
    let blank = said.text.trim() == "blank";
    let words = match state {
        "info" => Vec::new(),
        "absent" => removed(args, &disk)?,
        _ => wanted(args, &disk, blank)?,
    };
    let mut result = Map::new();
    result.insert("disk".into(), disk.fields.clone().into());
    let partitions = disk.partitions.iter().map(|partition| Value::from(partition.fields.clone()));
    result.insert("partitions".into(), partitions.collect());
    result.insert("script".into(), words.join(" ").into());
    if words.is_empty() {
        return Ok(Outcome::in_order(result));
    }
    let argv: Vec<String> = [
        device.to_owned(),
        disk.partitions.len().to_string(),
        "-a".to_owned(),
        args.needed("align")?.to_owned(),
        device.to_owned(),
    ]
    .into_iter()
    .chain(words.iter().cloned())
    .collect();
    let touches = [Subject::path("/dev"), Subject::path(device), Subject::Mounts];
    let change = Change::state(format!("tell parted on {device}: {}", words.join(" ")), RUN, argv, touches);
    Ok(Outcome::change(result, vec![change]))
}

fn number(args: &Args) -> Result<i64, Stop> {
    let number = args.int("number").ok_or_else(|| Stop::refuse("the parameter 'number' is needed here"))?;
    if number < 1 { Err(Stop::refuse("The partition number must be greater then 0.")) } else { Ok(number) }
}

fn removed(args: &Args, disk: &Disk) -> Result<Vec<String>, Stop> {
    let number = number(args)?;
    let there = disk.partitions.iter().any(|partition| partition.number == number);
    Ok(if there { vec!["rm".to_owned(), number.to_string()] } else { Vec::new() })
}

/// What makes the partition, its name and its flags.
fn wanted(args: &Args, disk: &Disk, blank: bool) -> Result<Vec<String>, Stop> {
    let number = number(args)?;
    let label = args.needed("label")?;
    let mut words: Vec<String> = Vec::new();
    let there = disk.partitions.iter().find(|partition| partition.number == number);
    if there.is_none() {
        if blank {
            words.extend(["mklabel".to_owned(), label.to_owned()]);
        }
        let gpt = if blank { label == "gpt" } else { disk.table == "gpt" };
        words.push("mkpart".to_owned());
        // A table of gpt has names where one of msdos has kinds; parted wants one or the other.
        words.push(if gpt {
            quoted(args.text("name").unwrap_or("primary"))
        } else {
            args.needed("part_type")?.to_owned()
        });
        words.extend(args.text("fs_type").map(str::to_owned));
        words.extend([args.needed("part_start")?.to_owned(), args.needed("part_end")?.to_owned()]);
    } else if let Some(name) = args.text("name").filter(|name| there.is_some_and(|there| there.name != *name))
    {
        if disk.table != "gpt" {
            return Err(Stop::refuse(format!("a table of {} has no names for partitions", disk.table)));
        }
        words.extend(["name".to_owned(), number.to_string(), quoted(name)]);
    }
    if args.has("flags") {
        let flags = args.list("flags");
        let now: Vec<&str> =
            there.map(|there| there.flags.iter().map(String::as_str).collect()).unwrap_or_default();
        let mut set = |flag: &str, how: &str| {
            words.extend(["set".to_owned(), number.to_string(), flag.to_owned(), how.to_owned()])
        };
        flags.iter().filter(|flag| !now.contains(flag)).for_each(|flag| set(flag, "on"));
        // What a kind of partition brings with it isn't switched off.
        now.iter().filter(|flag| !flags.contains(flag) && **flag != "lba").for_each(|flag| set(flag, "off"));
    }
    Ok(words)
}

/// A name as parted's own reader takes it.
fn quoted(name: &str) -> String {
    format!("'{}'", name.replace('\'', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    const GPT: &str = "BYT;\n/dev/sdb:20971520kiB:scsi:512:4096:gpt:QEMU DISK:;\n1:1024kiB:1048576kiB:1047552kiB:ext4:data:boot, esp;\n";

    fn run(args: &Value, said: &str) -> Result<String, Stop> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said)))?;
        Ok(outcome.result["script"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_disk_is_told_of() {
        let outcome =
            answer_with(&MODULE, &json!({"device": "/dev/sdb"}), &mut |_| Ok(Output::ok(GPT))).unwrap();
        assert!(outcome.changes.is_empty());
        assert_eq!(outcome.result["disk"]["size"], json!(20_971_520));
        assert_eq!(outcome.result["partitions"][0]["flags"], json!(["boot", "esp"]));
        assert_eq!(outcome.result["partitions"][0]["end"], json!(1_048_576));
    }

    #[test]
    fn a_partition_is_made_named_and_removed() {
        let args = |more: Value| {
            let mut args = json!({"device": "/dev/sdb", "number": 1, "state": "present"});
            args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            args
        };
        let blank = args(json!({"label": "gpt", "flags": "lvm", "part_end": "1GiB", "name": "a b"}));
        assert_eq!(run(&blank, "blank\n").unwrap(), "mklabel gpt mkpart 'a b' 0% 1GiB set 1 lvm on");
        assert_eq!(run(&args(json!({})), "blank\n").unwrap(), "mklabel msdos mkpart primary 0% 100%");
        assert_eq!(run(&args(json!({"name": "data", "flags": ["boot", "esp"]})), GPT).unwrap(), "");
        assert_eq!(
            run(&args(json!({"name": "other", "flags": "boot"})), GPT).unwrap(),
            "name 1 'other' set 1 esp off"
        );
        assert_eq!(
            run(&args(json!({"number": 2, "fs_type": "ext4"})), GPT).unwrap(),
            "mkpart 'primary' ext4 0% 100%"
        );
        assert_eq!(run(&args(json!({"state": "absent"})), GPT).unwrap(), "rm 1");
        assert_eq!(run(&args(json!({"state": "absent", "number": 3})), GPT).unwrap(), "");
        assert!(run(&json!({"device": "/dev/sdb", "state": "present"}), GPT).is_err());
        assert!(run(&args(json!({"part_end": "1 GiB; rm 1"})), GPT).is_err());
    }
}
