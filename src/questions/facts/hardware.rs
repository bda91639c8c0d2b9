//! Processors, memory, mounts and the machine's maker.

use super::{Lines, set};
use crate::model::{Map, Value};
use serde_json::json;

pub(super) fn gather(lines: &Lines<'_>, facts: &mut Map) {
    processors(lines, facts);
    memory(lines, facts);
    set(facts, "mounts", mounts(lines));
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

fn mounts(lines: &Lines<'_>) -> Vec<Value> {
    let mut mounts: Vec<Value> = Vec::new();
    for line in lines.all("mount") {
        let fields: Vec<&str> = line.split(' ').collect();
        let [device, place, kind, options] = fields.as_slice() else { continue };
        let place = unescaped(place);
        // Of several mounts on one place the last one counts.
        mounts.retain(|mount| mount["mount"] != place.as_str());
        let mut mount =
            json!({"device": unescaped(device), "mount": place, "fstype": kind, "options": options});
        let sizes = lines.all("df").find_map(|df| sizes(df, &place));
        if let (Some((total, available)), Some(mount)) = (sizes, mount.as_object_mut()) {
            set(mount, "size_total", total);
            set(mount, "size_available", available);
        }
        mounts.push(mount);
    }
    mounts
}

/// Bytes in all and bytes free, of a line `DEVICE BLOCKS USED FREE CAPACITY PLACE` about this place.
fn sizes(df: &str, place: &str) -> Option<(u64, u64)> {
    let fields: Vec<&str> = df.split_whitespace().collect();
    let [_, total, _, free, _, mounted] = fields.as_slice() else { return None };
    if *mounted != place {
        return None;
    }
    Some((total.parse::<u64>().ok()?.saturating_mul(1024), free.parse::<u64>().ok()?.saturating_mul(1024)))
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
        ("chassis_vendor", "chassis_vendor"),
    ] {
        let value = lines.first(&format!("dmi {file}")).map(str::trim).filter(|v| !v.is_empty());
        set(facts, name, value.unwrap_or("NA"));
    }
    let form = match lines.first("dmi chassis_type").map(str::trim) {
        Some("1") => "Other",
        Some("3") => "Desktop",
        Some("7") => "Tower",
        Some("8") => "Portable",
        Some("9") => "Laptop",
        Some("10") => "Notebook",
        Some("17") => "Main Server Chassis",
        Some("23") => "Rack Mount Chassis",
        Some("28") => "Blade",
        Some("2") => "Unknown",
        _ => "NA",
    };
    set(facts, "form_factor", form);
}
