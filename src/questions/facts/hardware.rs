//! Processors, memory, mounts and the machine's maker.

use super::disks::Disks;
use super::{Lines, set};
use crate::model::{Map, Value};
use serde_json::json;

pub(super) fn gather(lines: &Lines<'_>, facts: &mut Map) {
    processors(lines, facts);
    memory(lines, facts);
    let disks = Disks::read(lines);
    set(facts, "mounts", mounts(lines, &disks));
    set(facts, "devices", disks.facts());
    set(facts, "device_links", disks.links());
    maker(lines, facts);
}

/// # Source
/// `/proc/cpuinfo` on x86 names packages (`physical id`) and cores; on ARM only processors.
fn processors(lines: &Lines<'_>, facts: &mut Map) {
    let pairs: Vec<(&str, &str)> = lines
        .all("cpu")
        .filter_map(|line| line.split_once(':'))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    let values = |key: &'static str| pairs.iter().filter(move |(k, _)| *k == key).map(|(_, v)| *v);
    let number = |key| values(key).next().and_then(|v| v.parse::<u64>().ok());
    let vcpus = values("processor").count().max(1) as u64;
    let mut packages: Vec<&str> = values("physical id").collect();
    packages.sort_unstable();
    packages.dedup();
    let count = if packages.is_empty() { vcpus } else { packages.len() as u64 };
    let cores = number("cpu cores").unwrap_or(1).max(1);
    let threads = number("siblings").map_or(1, |siblings| (siblings / cores).max(1));
    let described: Vec<&str> = pairs
        .iter()
        .filter(|(key, _)| matches!(*key, "processor" | "vendor_id" | "model name" | "Processor"))
        .map(|(_, value)| *value)
        .collect();
    set(facts, "processor", described);
    set(facts, "flags", lines.first("flags").unwrap_or_default().split_whitespace().collect::<Vec<_>>());
    set(facts, "processor_vcpus", vcpus);
    set(facts, "processor_nproc", vcpus);
    set(facts, "processor_count", count);
    set(facts, "processor_cores", cores);
    set(facts, "processor_threads_per_core", threads);
}

fn memory(lines: &Lines<'_>, facts: &mut Map) {
    let kb = |name: &str| -> u64 {
        let line = lines.all("mem").find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let mb = |name: &str| kb(name) / 1024;
    set(facts, "memtotal_mb", mb("MemTotal"));
    set(facts, "memfree_mb", mb("MemFree"));
    set(facts, "swaptotal_mb", mb("SwapTotal"));
    set(facts, "swapfree_mb", mb("SwapFree"));
    let (total, free) = (mb("MemTotal"), mb("MemFree"));
    let unused = free + mb("Cached") + mb("Buffers");
    let swap_used = mb("SwapTotal").saturating_sub(mb("SwapFree"));
    let memory = json!({
        "real": {"total": total, "free": free, "used": total.saturating_sub(free)},
        "nocache": {"free": unused, "used": total.saturating_sub(unused)},
        "swap": {"total": mb("SwapTotal"), "free": mb("SwapFree"), "used": swap_used, "cached": mb("SwapCached")},
    });
    set(facts, "memory_mb", memory);
}

fn mounts(lines: &Lines<'_>, disks: &Disks<'_>) -> Vec<Value> {
    let mut mounts: Vec<Value> = Vec::new();
    for line in lines.all("mount") {
        let fields: Vec<&str> = line.split(' ').collect();
        let [device, place, kind, options, more @ ..] = fields.as_slice() else { continue };
        let (device, place) = (unescaped(device), unescaped(place));
        let number = |at: usize| more.get(at).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        // Of several mounts on one place the last one counts.
        mounts.retain(|mount| mount["mount"] != place.as_str());
        let mut mount = json!({
            "device": device, "mount": place, "fstype": kind, "options": options,
            "dump": number(0), "passno": number(1), "uuid": disks.uuid(&device).unwrap_or("N/A"),
        });
        if let (Some(space), Some(mount)) =
            (lines.all("space").find_map(|l| space(l, &place)), mount.as_object_mut())
        {
            mount.extend(space);
        }
        mounts.push(mount);
    }
    mounts
}

/// What a line `FRAGMENT BLOCK BLOCKS AVAILABLE INODES FREE PLACE` says of this place.
///
/// # Source
/// stat(1) of coreutils and busybox with `-f`; statvfs(3) for what is counted in which unit.
fn space(line: &str, place: &str) -> Option<Map> {
    let fields: Vec<&str> = line.splitn(7, ' ').collect();
    let [.., mounted] = fields.as_slice() else { return None };
    let numbers: Vec<u64> = fields.iter().take(6).map_while(|field| field.parse().ok()).collect();
    let (true, [fragment, block, blocks, available, inodes, free]) = (*mounted == place, numbers.as_slice())
    else {
        return None;
    };
    let mut space = Map::new();
    for (name, value) in [
        ("size_total", fragment.saturating_mul(*blocks)),
        ("size_available", fragment.saturating_mul(*available)),
        ("block_size", *block),
        ("block_total", *blocks),
        ("block_available", *available),
        ("block_used", blocks.saturating_sub(*available)),
        ("inode_total", *inodes),
        ("inode_available", *free),
        ("inode_used", inodes.saturating_sub(*free)),
    ] {
        set(&mut space, name, value);
    }
    Some(space)
}

/// The kernel writes a blank as `\040`, and so on.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (code, character)| text.replace(code, character))
}

fn maker(lines: &Lines<'_>, facts: &mut Map) {
    for (file, name) in [
        ("product_name", "product_name"),
        ("product_version", "product_version"),
        ("product_uuid", "product_uuid"),
        ("product_serial", "product_serial"),
        ("sys_vendor", "system_vendor"),
        ("bios_vendor", "bios_vendor"),
        ("bios_version", "bios_version"),
        ("bios_date", "bios_date"),
        ("board_name", "board_name"),
        ("board_vendor", "board_vendor"),
        ("board_version", "board_version"),
        ("board_serial", "board_serial"),
        ("board_asset_tag", "board_asset_tag"),
        ("chassis_vendor", "chassis_vendor"),
        ("chassis_version", "chassis_version"),
        ("chassis_serial", "chassis_serial"),
        ("chassis_asset_tag", "chassis_asset_tag"),
    ] {
        let value = lines.first(&format!("dmi {file}")).map(str::trim).filter(|v| !v.is_empty());
        set(facts, name, value.unwrap_or("NA"));
    }
    let kind = lines.first("dmi chassis_type").and_then(|n| n.trim().parse::<usize>().ok()?.checked_sub(1));
    let form = kind.and_then(|kind| FORMS.get(kind)).unwrap_or(&"NA");
    set(facts, "form_factor", *form);
}

/// Kinds of chassis, from number 1 on.
///
/// # Source
/// DMTF DSP0134, System Management BIOS, "System Enclosure or Chassis Types".
const FORMS: [&str; 28] = [
    "Other",
    "Unknown",
    "Desktop",
    "Low Profile Desktop",
    "Pizza Box",
    "Mini Tower",
    "Tower",
    "Portable",
    "Laptop",
    "Notebook",
    "Hand Held",
    "Docking Station",
    "All In One",
    "Sub Notebook",
    "Space-saving",
    "Lunch Box",
    "Main Server Chassis",
    "Expansion Chassis",
    "Sub Chassis",
    "Bus Expansion Chassis",
    "Peripheral Chassis",
    "RAID Chassis",
    "Rack Mount Chassis",
    "Sealed-case PC",
    "Multi-system",
    "CompactPCI",
    "AdvancedTCA",
    "Blade",
];
