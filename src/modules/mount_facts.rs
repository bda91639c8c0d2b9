//! `mount_facts`: what is mounted, as facts.

use super::updates::fits;
use super::{
    Args, Docs, Effect, Facts, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::system::kernel::MountSizes;
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "mount_facts",
    aliases: &[],
    summary: "Says what is mounted, as facts",
    params: &[
        Param::optional("devices", Kind::List, "only these devices; * stands for any text"),
        Param::optional("fstypes", Kind::List, "only these kinds of file systems; * stands for any text"),
        Param::optional("sources", Kind::List, "taken and not needed: what the kernel says counts"),
        Param::optional("mount_binary", Kind::Any, "taken and not needed"),
        Param::optional("timeout", Kind::Any, "taken and not needed"),
        Param::optional("on_timeout", Kind::Text, "taken and not needed"),
        Param::optional("include_aggregate_mounts", Kind::Bool, "whether there is a list of all mounts, too")
            .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Look at file systems\n  mount_facts:\n    fstypes: [ext4, xfs]\n- name: Say how full the root is\n  debug:\n    msg: \"{{ ansible_facts.mount_points['/'].size_available }}\"\n",
        returns: &[Returned {
            name: "ansible_facts.mount_points",
            help: "For each place its device, fstype, options, sizes and inodes.",
        }],
    },
    effect: Effect::Facts(Facts::Named(&["mount_points", "aggregate_mounts"])),
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let said = host.get(MountSizes(vec![]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let (devices, kinds) = (args.list("devices"), args.list("fstypes"));
    let wanted = |patterns: &[&str], text: &str| {
        patterns.is_empty() || patterns.iter().any(|pattern| fits(pattern, text))
    };
    let (mut points, mut all) = (Map::new(), Vec::new());
    for line in said.lines() {
        let Some(mount) = read(line) else { continue };
        let text = |key: &str| mount[key].as_str().unwrap_or_default().to_owned();
        if wanted(&devices, &text("device")) && wanted(&kinds, &text("fstype")) {
            all.push(mount.clone());
            points.insert(text("mount"), mount);
        }
    }
    let aggregate = if args.flag("include_aggregate_mounts") { Value::Array(all) } else { json!([]) };
    let facts = Map::from_iter([
        ("mount_points".to_owned(), Value::Object(points)),
        ("aggregate_mounts".to_owned(), aggregate),
    ]);
    let result = Map::from_iter([("ansible_facts".to_owned(), Value::Object(facts.clone()))]);
    Ok(Outcome { result, facts, ..Outcome::default() })
}

/// A line of `/proc/mounts`, a bar, and numbers: block size, blocks, available ones, inodes, free ones.
fn read(line: &str) -> Option<Value> {
    let (mount, numbers) = line.rsplit_once('|')?;
    let fields: Vec<&str> = mount.split_whitespace().collect();
    let [device, place, fstype, options, dump, passno] = fields[..] else { return None };
    let plain = |text: &str| text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    let numbers: Vec<u64> = numbers.split_whitespace().map(|n| n.parse().unwrap_or(0)).collect();
    let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
    let [size, total, available, inodes, free] = [0, 1, 2, 3, 4].map(number);
    Some(json!({
        "ansible_context": {"source": "/proc/mounts", "source_data": mount.trim()},
        "device": plain(device), "mount": plain(place), "fstype": fstype, "options": options,
        "dump": dump.parse::<u64>().unwrap_or(0), "passno": passno.parse::<u64>().unwrap_or(0), "uuid": null,
        "block_size": size, "block_total": total, "block_available": available,
        "block_used": total.saturating_sub(available),
        "size_total": size.saturating_mul(total), "size_available": size.saturating_mul(available),
        "inode_total": inodes, "inode_available": free, "inode_used": inodes.saturating_sub(free),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;

    #[test]
    fn what_is_mounted_here_is_told_with_its_size() {
        for bench in Bench::every_shell() {
            let (outcome, _) = bench.diff(&MODULE, &json!({})).unwrap();
            let points = &outcome.facts["mount_points"];
            assert!(points["/"]["size_total"].as_u64().unwrap() > 0, "{}: {points}", bench.name());
            assert_eq!(points["/proc"]["fstype"], "proc");
            let (outcome, _) = bench.diff(&MODULE, &json!({"fstypes": ["pro*"]})).unwrap();
            assert!(outcome.facts["mount_points"].get("/").is_none());
        }
    }
}
