//! firewalld: what is allowed in a zone, now and behind a restart.
//!
//! # Source
//! firewall-cmd(1) and firewall-offline-cmd(1) of firewalld 1.3.

use super::questions;
use crate::model::Subject;

/// What anything about firewalld depends on.
pub fn firewalld() -> Vec<Subject> {
    vec![
        Subject::path("/etc/firewalld"),
        Subject::path("/proc/net/ip_tables_names"),
        Subject::Service("firewalld".into()),
        Subject::Packages,
    ]
}

questions! {
    /// Asks about one setting: the zone or nothing, then the query's words. Lines `running`, `zone NAME`, `now yes`,
    /// `later yes`; `now` is missing where firewalld doesn't run.
    FirewalldState {
        script: "firewalld_state",
        reads: |_| firewalld(),
        text: r#"PATH=$PATH:/usr/sbin:/sbin
command -v firewall-cmd >/dev/null 2>&1 || { echo 'this host has no firewalld' >&2; exit 3; }
zone=$1
shift
if firewall-cmd --state >/dev/null 2>&1 </dev/null; then
    echo running
    [ -n "$zone" ] || zone=$(firewall-cmd --get-default-zone 2>/dev/null </dev/null)
    ask() { firewall-cmd "$@" </dev/null; }
    later=--permanent
else
    [ -n "$zone" ] || zone=$(firewall-offline-cmd --get-default-zone 2>/dev/null </dev/null)
    ask() { firewall-offline-cmd "$@" </dev/null; }
    later=
fi
printf 'zone %s\n' "$zone"
[ $# -gt 0 ] || exit 0
# A status of 1 is a no; any other is a complaint.
query() {
    name=$1
    shift
    said=$(ask "$@" 2>&1)
    case $?,$said in
    0,* | 1,no* | 1,) printf '%s %s\n' "$name" "${said:-no}" ;;
    *)
        printf '%s\n' "$said" | head -n 1 >&2
        exit 3
        ;;
    esac
}
if [ -n "$later" ]; then query now --zone="$zone" "$@"; fi
query later $later --zone="$zone" "$@""#,
    }
}
