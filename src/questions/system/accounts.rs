//! Databases of names, services, and who the host says it is.

use super::questions;
use crate::model::Subject;

questions! {
    /// Asks about an SSH key by its file: `absent`, or its fingerprint and its public half.
    SshKeyOf {
        script: "ssh_key_of",
        reads: |paths| paths.iter().map(|path| Subject::path(path)).chain([Subject::Users]).collect(),
        text: r#"[ -e "$1" ] || { echo absent; exit 0; }
if command -v ssh-keygen >/dev/null 2>&1; then ssh-keygen -l -f "$1" </dev/null; else echo; fi
if [ -r "$1.pub" ]; then cat -- "$1.pub"; fi
exit 0"#,
    }

    /// Asks `getent`: a database, then perhaps a service (or nothing), then perhaps a key. The first line is the exit status.
    Entries {
        script: "getent",
        reads: |words| {
            let file = words.first().map(|name| Subject::path(&format!("/etc/{name}")));
            file.into_iter().chain([Subject::Users, Subject::path("/etc/hosts")]).collect()
        },
        text: r#"database=$1 service=$2
if command -v getent >/dev/null 2>&1; then
    if [ $# -gt 2 ]; then
        found=$(getent ${service:+-s "$service"} -- "$database" "$3" 2>&1)
    else
        found=$(getent ${service:+-s "$service"} -- "$database" 2>&1)
    fi
    printf '%s\n%s\n' "$?" "$found"
    exit 0
fi
if [ ! -r "/etc/$database" ]; then
    echo "this host has no getent, and no /etc/$database" >&2
    exit 3
fi
if [ $# -gt 2 ]; then
    found=$(grep -e "^$3:" "/etc/$database")
    if [ -n "$found" ]; then printf '0\n%s\n' "$found"; else printf '2\n\n'; fi
else
    printf '0\n'
    cat "/etc/$database"
fi"#,
    }

    /// Asks for all services, as systemd and the init scripts know them.
    Services {
        script: "all_services",
        reads: |_| {
            let places = ["/etc/systemd", "/run/systemd", "/usr/lib/systemd", "/lib/systemd", "/etc/init.d"];
            places.map(Subject::path).into_iter().chain([Subject::Service("*".into()), Subject::Packages]).collect()
        },
        text: r#"if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
    echo '== units'
    systemctl list-units --no-pager --no-legend --plain --type service --all
    echo '== files'
    systemctl list-unit-files --no-pager --no-legend --type service --all
else
    echo '== scripts'
    for script in /etc/init.d/*; do
        [ -x "$script" ] || continue
        name=${script##*/}
        case $name in README | functions | skeleton | rc | rcS | *.sh) continue ;; esac
        if "$script" status </dev/null >/dev/null 2>&1; then echo "$name running"; else echo "$name stopped"; fi
    done
fi"#,
    }

    /// Asks what the host calls itself: `now NAME`, `file NAME`, and whether `systemd` looks after it.
    HostNames {
        script: "host_names",
        reads: |_| vec![Subject::path("/etc/hostname"), Subject::path("/etc/machine-info"), Subject::path("/proc/sys/kernel/hostname")],
        text: r#"printf 'now %s\n' "$(uname -n)"
if [ -r /etc/hostname ]; then printf 'file %s\n' "$(grep -v '^#' /etc/hostname | head -n 1)"; fi
if [ -d /run/systemd/system ]; then echo systemd; fi
exit 0"#,
    }

    /// Asks which time zone holds: `link PLACE`, `name NAME`, and `known` or `unknown` for the zone in the argument.
    TimeZone {
        script: "time_zone",
        reads: |_| vec![Subject::path("/etc/localtime"), Subject::path("/etc/timezone"), Subject::path("/usr/share/zoneinfo"), Subject::Packages],
        text: r#"if [ -L /etc/localtime ]; then printf 'link %s\n' "$(readlink /etc/localtime)"; fi
# systemd goes by the link alone.
if [ -r /etc/timezone ] && [ ! -d /run/systemd/system ]; then printf 'name %s\n' "$(head -n 1 /etc/timezone)"; fi
if [ -f "/usr/share/zoneinfo/$1" ]; then echo known; else echo unknown; fi"#,
    }

    /// Asks which locales are there, after `== there`, and which could be made, after `== listed` and `== supported`.
    Locales {
        script: "locales",
        reads: |_| vec![Subject::path("/etc/locale.gen"), Subject::path("/usr/lib/locale"), Subject::path("/var/lib/locales"), Subject::Packages],
        text: r#"command -v locale >/dev/null 2>&1 || { echo 'this host has no locale' >&2; exit 3; }
echo '== there'
locale -a 2>/dev/null
if [ -r /etc/locale.gen ]; then
    echo '== listed'
    cat /etc/locale.gen
fi
if [ -r /usr/share/i18n/SUPPORTED ]; then
    echo '== supported'
    cat /usr/share/i18n/SUPPORTED
fi
exit 0"#,
    }
}
