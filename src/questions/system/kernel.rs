//! The kernel: its settings, its modules, and what is mounted.

use super::questions;
use crate::model::Subject;

/// Where a setting lies below `/proc/sys`.
pub fn setting_path(name: &str) -> String {
    // As sysctl(8) has it: whichever of the two separators comes first is the separator, the other is part of a name.
    let swapped = |c: char| match c {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let dotted = name.find(['.', '/']).is_none_or(|at| name.as_bytes().get(at) == Some(&b'.'));
    let path: String = if dotted { name.chars().map(swapped).collect() } else { name.to_owned() };
    format!("/proc/sys/{path}")
}

questions! {
    /// Asks what is mounted and how large it is: lines of `/proc/mounts`, a bar, then block size, blocks, available blocks,
    /// inodes and free inodes.
    MountSizes {
        script: "mount_sizes",
        reads: |_| vec![Subject::Mounts],
        text: r#"while IFS= read -r line; do
    place=${line#* }
    place=$(printf '%b' "${place%% *}" | sed 's/\\040/ /g')
    numbers=$(stat -f -c '%S %b %a %c %d' -- "$place" 2>/dev/null) || numbers='0 0 0 0 0'
    printf '%s|%s\n' "$line" "$numbers"
done </proc/mounts"#,
    }

    /// Asks for the values of kernel settings, by their paths: a line each, empty where there is no such setting.
    Settings {
        script: "kernel_settings",
        reads: |paths| paths.iter().map(|path| Subject::path(path)).chain([Subject::Machine]).collect(),
        text: r#"for path; do
    value=
    if [ -f "$path" ]; then value=$(cat -- "$path" 2>/dev/null | tr '\n' ' '); fi
    printf '%s\n' "$value"
done"#,
    }

    /// Asks about a module of the kernel by its name with `_`: `loaded`, `builtin` or `absent`.
    Module {
        script: "kernel_module",
        reads: |_| vec![Subject::path("/proc/modules"), Subject::path("/lib/modules"), Subject::Packages, Subject::Machine],
        text: r#"if [ -r /proc/modules ]; then
    while read -r name rest; do
        if [ "$name" = "$1" ]; then echo loaded; exit 0; fi
    done </proc/modules
fi
builtin=/lib/modules/$(uname -r)/modules.builtin
if [ -r "$builtin" ] && sed 's|.*/||; s|\.ko.*$||; s|-|_|g' "$builtin" | grep -qxF -e "$1"; then
    echo builtin
    exit 0
fi
echo absent"#,
    }

    /// Asks what is mounted, in the words of `/proc/self/mountinfo`, behind the first argument without its links.
    Mounts {
        script: "mounts",
        reads: |paths| paths.iter().map(|path| Subject::path(path)).chain([Subject::Mounts]).collect(),
        text: r#"real=$(readlink -m -- "$1" 2>/dev/null) || real=$(readlink -f -- "$1" 2>/dev/null) || real=$1
printf '%s\n' "${real:-$1}"
if [ -d "$1" ]; then echo directory; elif [ -e "$1" ]; then echo file; else echo absent; fi
cat /proc/self/mountinfo || exit 1"#,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_has_dots_or_slashes_between_its_parts() {
        assert_eq!(setting_path("net.ipv4.ip_forward"), "/proc/sys/net/ipv4/ip_forward");
        assert_eq!(
            setting_path("net/ipv4/conf/eth0.1/arp_filter"),
            "/proc/sys/net/ipv4/conf/eth0.1/arp_filter"
        );
        assert_eq!(
            setting_path("net.ipv4.conf.eth0/1.arp_filter"),
            "/proc/sys/net/ipv4/conf/eth0.1/arp_filter"
        );
    }
}
