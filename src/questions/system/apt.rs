//! What dpkg and debconf keep besides packages: settings, selections, diversions, alternatives.

use super::questions;
use crate::model::Subject;

questions! {
    /// Asks which package is in a file, on the host or behind a URL: `package NAME`, `version VERSION`, `digest HEX`.
    DebFile {
        script: "deb_file",
        reads: |words| words.iter().filter(|word| word.starts_with('/')).map(|path| Subject::path(path)).collect(),
        slow: 600,
        text: concat!(include_str!("deb_fetch.sh"), r#"
fetch_deb "$1" || exit 3
sum=$(sha256sum <"$deb") || exit 3
printf 'package %s\nversion %s\ndigest %s\n' "$(dpkg-deb -f "$deb" Package)" "$(dpkg-deb -f "$deb" Version)" "${sum%% *}"
exit 0"#),
    }

    /// Asks for all installed packages: the manager's name, then for each package name, version, architecture and more.
    PackageList {
        script: "all_packages",
        reads: |_| vec![Subject::Packages],
        text: r#"if command -v dpkg-query >/dev/null 2>&1 && [ -s /var/lib/dpkg/status ]; then
    echo apt
    dpkg-query -W -f '${db:Status-Status}|${Package}|${Version}|${Architecture}|${Section}|${Origin}\n' |
        sed -n 's/^installed|//p'
elif command -v rpm >/dev/null 2>&1; then
    echo rpm
    rpm -qa --qf '%{NAME}|%{VERSION}|%{ARCH}|%{RELEASE}|%{EPOCH}\n'
elif command -v apk >/dev/null 2>&1; then
    echo apk
    apk info -v 2>/dev/null | sed 's/^\(.*\)-\([^-]*-r[0-9]*\)$/\1|\2|/'
elif command -v pacman >/dev/null 2>&1; then
    echo pacman
    pacman -Q | sed 's/ /|/; s/$/|/'
else
    echo 'no known package manager on this host' >&2
    exit 3
fi"#,
    }

    /// Asks debconf about a question of a package (package, question): `value VALUE`, its digest, and whether it was seen.
    /// With a third argument the value itself stays there.
    DebconfValue {
        script: "debconf_value",
        reads: |_| vec![Subject::path("/var/cache/debconf"), Subject::Packages],
        text: r#"command -v debconf-communicate >/dev/null 2>&1 || { echo 'this host has no debconf' >&2; exit 3; }
said=$(printf 'GET %s\nFGET %s seen\n' "$2" "$2" | DEBIAN_FRONTEND=noninteractive debconf-communicate "$1" 2>/dev/null)
value=$(printf '%s\n' "$said" | sed -n 1p)
seen=$(printf '%s\n' "$said" | sed -n 2p)
case $value in
0*)
    value=${value#0}
    value=${value# }
    sum=$(printf '%s' "$value" | sha256sum)
    printf 'digest %s\n' "${sum%% *}"
    if [ $# -lt 3 ]; then printf 'value %s\n' "$value"; fi
    printf 'seen %s\n' "${seen#0 }"
    ;;
10*) echo unknown ;;
*)
    printf 'debconf has no answer: %s\n' "$value" >&2
    exit 3
    ;;
esac"#,
    }

    /// Asks for what dpkg shall do with a package: a word, or nothing where it doesn't know the package.
    Selection {
        script: "dpkg_selection",
        reads: |_| vec![Subject::Packages],
        text: r#"command -v dpkg >/dev/null 2>&1 || { echo 'this host has no dpkg' >&2; exit 3; }
dpkg --get-selections -- "$1" 2>/dev/null | { read -r _ word || word=; printf '%s\n' "$word"; }"#,
    }

    /// Asks how a path is diverted: `diverted HOLDER PLACE` with the path, or `plain`; then what is there (`path`, `target`).
    Diversion {
        script: "dpkg_diversion",
        reads: |words| {
            let paths = words.iter().filter(|word| word.starts_with('/')).map(|path| Subject::path(path));
            paths.chain([Subject::Packages, Subject::path("/var/lib/dpkg/diversions")]).collect()
        },
        text: r#"command -v dpkg-divert >/dev/null 2>&1 || { echo 'this host has no dpkg-divert' >&2; exit 3; }
place=$(dpkg-divert --truename "$1") || exit 1
holder=$(dpkg-divert --listpackage "$1") || exit 1
if [ -n "$holder" ]; then printf 'holder %s\nplace %s\n' "$holder" "$place"; fi
if [ -e "$1" ] || [ -L "$1" ]; then echo path; fi
if [ -n "$2" ]; then
    if [ -e "$2" ] || [ -L "$2" ]; then echo target; fi
fi
exit 0"#,
    }

    /// Asks what an alternative is, in update-alternatives' words; nothing where there is none.
    Alternative {
        script: "alternative",
        reads: |words| {
            let link = words.get(1).filter(|link| link.starts_with('/')).map(|link| Subject::path(link));
            link.into_iter()
                .chain([Subject::path("/etc/alternatives"), Subject::path("/var/lib/dpkg/alternatives"), Subject::Packages])
                .collect()
        },
        text: r#"tool=$(command -v update-alternatives || command -v alternatives) ||
    { echo 'this host has no update-alternatives' >&2; exit 3; }
"$tool" --query "$1" 2>/dev/null || "$tool" --display "$1" 2>/dev/null
exit 0"#,
    }
}
