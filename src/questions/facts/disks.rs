//! Disks, their partitions, and by which other names they are known.
//!
//! # Source
//! Linux's `Documentation/ABI/stable/sysfs-block`: `size` and `start` count sectors of 512 bytes, whatever the disk's own are.

use super::{Lines, set};
use crate::model::{Map, Value};
use serde_json::json;

/// What the host says of its disks.
pub(super) struct Disks<'a> {
    disks: Vec<Vec<&'a str>>,
    parts: Vec<Vec<&'a str>>,
    holders: Vec<Vec<&'a str>>,
    /// Kind (`ids`, `uuids`, `labels`), name, kernel's name.
    links: Vec<(&'static str, &'a str, &'a str)>,
}

impl<'a> Disks<'a> {
    pub fn read(lines: &Lines<'a>) -> Self {
        let all = |word: &str| lines.all(word).map(|line| line.split('\t').collect()).collect();
        Self { disks: all("disk"), parts: all("part"), holders: all("holder"), links: links(lines) }
    }

    /// The UUID of the file system on a device, by the device's path.
    pub fn uuid(&self, device: &str) -> Option<&'a str> {
        let name = device.rsplit('/').next()?;
        // What the device mapper calls `vg-root` is dm-0 for the kernel.
        let mapped =
            self.disks.iter().find(|disk| device.starts_with("/dev/mapper/") && disk.get(7) == Some(&name));
        let name = mapped.and_then(|disk| disk.first()).copied().unwrap_or(name);
        self.links.iter().find(|(kind, _, to)| *kind == "uuids" && *to == name).map(|(_, uuid, _)| *uuid)
    }

    /// `ansible_devices`.
    pub fn facts(&self) -> Map {
        let mut facts = Map::new();
        for disk in &self.disks {
            let [
                name,
                removable,
                discard,
                rotational,
                sectors,
                sector,
                scheduler,
                _,
                address,
                handle,
                vendor,
                model,
            ] = disk.as_slice()
            else {
                continue;
            };
            let text = |value: &str| if value.is_empty() { Value::Null } else { value.trim().into() };
            let parts: Map = self
                .parts
                .iter()
                .filter(|part| part.first() == Some(name))
                .filter_map(|p| self.part(p))
                .collect();
            let scheduler =
                scheduler.split(['[', ']']).nth(1).unwrap_or(if *scheduler == "none" { "none" } else { "" });
            let fact = json!({
                "virtual": 1, "links": self.links_of(name), "holders": self.holders_of(name), "host": "",
                "vendor": text(vendor), "model": text(model),
                "sas_address": text(address), "sas_device_handle": text(handle),
                "removable": text(removable), "support_discard": text(discard), "rotational": text(rotational),
                "scheduler_mode": scheduler, "sectors": number(sectors),
                "sectorsize": if sector.is_empty() { "512" } else { sector },
                "size": human(number(sectors)), "partitions": parts,
            });
            set(&mut facts, name, fact);
        }
        facts
    }

    fn part(&self, part: &[&str]) -> Option<(String, Value)> {
        let [_, name, start, sectors] = part else { return None };
        let uuid = self.uuid(name);
        let fact = json!({
            "links": self.links_of(name), "holders": self.holders_of(name), "start": start, "sectors": sectors,
            "sectorsize": 512, "size": human(number(sectors)), "uuid": uuid,
        });
        Some(((*name).to_owned(), fact))
    }

    /// `ansible_device_links`.
    pub fn links(&self) -> Map {
        let mut facts: Map = ["ids", "uuids", "labels", "masters"]
            .map(|kind| (kind.to_owned(), Map::new().into()))
            .into_iter()
            .collect();
        let masters = self.holders.iter().filter_map(|h| Some(("masters", *h.get(1)?, *h.first()?)));
        for (kind, name, to) in self.links.iter().copied().chain(masters) {
            if let Some(Value::Object(kind)) = facts.get_mut(kind) {
                let names = kind.entry(to).or_insert_with(|| Value::Array(Vec::new()));
                if let Value::Array(names) = names {
                    names.push(name.into());
                }
            }
        }
        facts
    }

    fn links_of(&self, name: &str) -> Value {
        let of = |kind: &str| -> Vec<&str> {
            self.links
                .iter()
                .filter(|(k, _, to)| *k == kind && *to == name)
                .map(|(_, link, _)| *link)
                .collect()
        };
        let masters: Vec<&str> = self.held(name).filter_map(|holder| holder.get(1).copied()).collect();
        json!({"ids": of("ids"), "uuids": of("uuids"), "labels": of("labels"), "masters": masters})
    }

    /// What the device mapper has made of it, by its names.
    fn holders_of(&self, name: &str) -> Vec<&'a str> {
        self.held(name).filter_map(|holder| holder.get(2).copied()).filter(|name| !name.is_empty()).collect()
    }

    fn held<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Vec<&'a str>> {
        self.holders.iter().filter(move |holder| holder.first() == Some(&name))
    }
}

/// Reads what `ls -l` lists below the heads `/dev/disk/by-id:`, `/dev/disk/by-uuid:` and `/dev/disk/by-label:`.
fn links<'a>(lines: &Lines<'a>) -> Vec<(&'static str, &'a str, &'a str)> {
    let mut kind = "ids";
    let mut links = Vec::new();
    for line in lines.all("link_to") {
        match line.trim_end_matches(':') {
            "/dev/disk/by-id" => kind = "ids",
            "/dev/disk/by-uuid" => kind = "uuids",
            "/dev/disk/by-label" => kind = "labels",
            line => {
                let Some((before, to)) = line.split_once(" -> ") else { continue };
                let (Some(name), Some(to)) = (before.rsplit(' ').next(), to.rsplit('/').next()) else {
                    continue;
                };
                links.push((kind, name, to));
            }
        }
    }
    links
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

/// The size of so many sectors: `256.00 GB`.
fn human(sectors: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    let mut size = sectors as f64 * 512.0;
    let mut unit = "Bytes";
    for larger in ["KB", "MB", "GB", "TB", "PB"] {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    format!("{size:.2} {unit}")
}
