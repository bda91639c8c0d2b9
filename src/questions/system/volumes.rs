//! Volumes: what LVM and parted say of disks; and what snap and tar say of what they keep.

use super::questions;
use crate::model::Subject;

fn devices() -> Vec<Subject> {
    vec![Subject::path("/dev"), Subject::path("/etc/lvm"), Subject::Mounts, Subject::Packages]
}

questions! {
    /// Asks LVM for everything, and where devices really are: devices. Lines `vg`, `pv`, `lv`, their fields behind them apart by
    /// bars, sizes in bytes; `at GIVEN REAL`, or `none GIVEN`.
    LvmState {
        script: "lvm_state",
        reads: |_| devices(),
        text: r#"PATH=$PATH:/usr/sbin:/sbin
command -v vgs >/dev/null 2>&1 || { echo 'this host has no lvm (lvm2)' >&2; exit 3; }
show() { "$@" --noheadings --units b --nosuffix --separator '|' 2>/dev/null </dev/null; }
show vgs -o vg_name,vg_attr,vg_size,vg_free,vg_extent_size | sed 's/^ */vg /' || exit 3
show pvs -o pv_name,vg_name,pv_size,dev_size | sed 's/^ */pv /'
show lvs -a -o lv_name,vg_name,lv_attr,lv_size,origin,pool_lv | sed 's/^ */lv /'
for device; do
    if real=$(readlink -f -- "$device") && [ -e "$real" ]; then printf 'at %s %s\n' "$device" "$real"; else printf 'none %s\n' "$device"; fi
done
exit 0"#,
    }

    /// Asks parted what a device holds: the device, the unit. In its words for machines; `blank` where it has no table.
    PartedState {
        script: "parted_state",
        reads: |words| devices().into_iter().chain(words.first().filter(|path| path.starts_with('/')).map(|path| Subject::path(path))).collect(),
        text: r#"PATH=$PATH:/usr/sbin:/sbin
command -v parted >/dev/null 2>&1 || { echo 'this host has no parted' >&2; exit 3; }
[ -e "$1" ] || { printf 'there is no device %s\n' "$1" >&2; exit 3; }
if said=$(parted -s -m "$1" unit "$2" print 2>&1 </dev/null); then printf '%s\n' "$said"; exit 0; fi
case $said in
*'unrecognised disk label'*) echo blank ;;
*)
    printf '%s\n' "$said" | head -n 1 >&2
    exit 3
    ;;
esac"#,
    }

    /// Asks which snaps are installed, and for their settings: snaps. `snap list`'s words, then `== NAME` and JSON for each.
    Snaps {
        script: "snaps",
        reads: |_| vec![Subject::path("/var/lib/snapd"), Subject::path("/snap"), Subject::Service("snapd".into()), Subject::Packages],
        text: r#"command -v snap >/dev/null 2>&1 || { echo 'this host has no snap (snapd)' >&2; exit 3; }
snap list 2>/dev/null </dev/null
for name; do
    printf '== %s\n' "$name"
    snap get -d "$name" 2>/dev/null </dev/null || echo '{}'
done
exit 0"#,
    }

    /// Asks what would go in an archive and whether it is in it: words as `plan` of `archives/members.sh` takes them. Lines `path`,
    /// `missing`, `exclude`, `root`, `member`, and `state absent`, `same` or `differs`.
    Packed {
        script: "packed",
        reads: |words| {
            let directory = |path: &String| {
                let plain = path.split(['*', '?', '[']).next().unwrap_or_default();
                let above = plain.rsplit_once('/').map_or("/", |(above, _)| above);
                Subject::path(if plain == path { path } else { above })
            };
            words.iter().filter(|path| path.starts_with('/')).map(directory).chain([Subject::Packages]).collect()
        },
        slow: 900,
        text: concat!(include_str!("../archives/members.sh"), include_str!("../archives/packed.sh")),
    }
}
