//! Red Hat's family: what rpm knows and what dnf would do.

use super::questions;
use crate::model::Subject;

fn rpm_reads(_: &[String]) -> Vec<Subject> {
    ["/etc/yum.repos.d", "/etc/dnf", "/var/lib/rpm"]
        .map(Subject::path)
        .into_iter()
        .chain([Subject::Packages])
        .collect()
}

questions! {
    /// Asks rpm about packages by name, group or file: `tool NAME` and `digest HEX` of all that is installed, then a line
    /// `there` or `missing` for each.
    RpmInstalled {
        script: "rpm_installed",
        reads: rpm_reads,
        text: concat!(include_str!("dnf_find.sh"), r#"
find_dnf || exit 3
printf 'tool %s\n' "$dnf"
sum=$(rpm -qa --qf '%{NAME}-%{EVR}.%{ARCH}\n' | sort | sha256sum) || exit 3
printf 'digest %s\n' "${sum%% *}"
for name; do
    case $name in
    @*) echo missing ;;
    *.rpm)
        if [ -f "$name" ] && rpm -q --quiet -- "$(rpm -qp --qf '%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}' -- "$name" 2>/dev/null)"; then
            echo there
        else
            echo missing
        fi
        ;;
    *) if rpm -q --quiet --whatprovides -- "$name" 2>/dev/null || rpm -q --quiet -- "$name" 2>/dev/null; then echo there; else echo missing; fi ;;
    esac
done"#),
    }

    /// Asks dnf what a command line would do; its words follow the exit status.
    DnfPlan {
        script: "dnf_plan",
        reads: rpm_reads,
        slow: 600,
        text: concat!(include_str!("dnf_find.sh"), r#"
find_dnf || exit 3
said=$("$dnf" --assumeno "$@" 2>&1 </dev/null)
printf '%s\n%s\n' "$?" "$said""#),
    }

    /// Asks for the keys that rpm trusts: their names, `gpg-pubkey-ID-TIME`.
    RpmKeys {
        script: "rpm_keys",
        reads: rpm_reads,
        text: r#"command -v rpm >/dev/null 2>&1 || { echo 'this host has no rpm' >&2; exit 3; }
rpm -q gpg-pubkey --qf '%{NAME}-%{VERSION}-%{RELEASE}\n' 2>/dev/null
exit 0"#,
    }
}
