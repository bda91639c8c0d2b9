# Installs, upgrades or removes exactly what was planned, and says for each package how it ended.
# $1: seconds to wait for locks. $2: what apt-get says it would do, in lines `Inst NAME VERSION` and `Remv NAME`, sorted.
# $3: dpkg's options, separated by spaces; `policy-rc-d=N` is none, but what services are told that packages want to start.
# The rest: apt-get's arguments.
if [ "$(id -u)" != 0 ]; then
    echo 'packages can only be changed as root: use become' >&2
    exit 1
fi
patience=$1 planned=$2 dpkg_options=$3
shift 3
# A host may tell apt to remove what is no longer needed each time; where nothing is to be removed, apt then does nothing at all.
case " $* " in
*' --no-remove '*) set -- -o APT::Get::AutomaticRemove=false "$@" ;;
esac
# Nothing may ask questions or restart services by surprise. Told so, ucf keeps what somebody changed, and renews the rest;
# UCF_FORCE_CONFFOLD would keep that, too.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1
export APT_LISTCHANGES_FRONTEND=none APT_LISTBUGS_FRONTEND=none
policy=
for option in $dpkg_options; do
    case $option in
    policy-rc-d=*) policy=${option#*=} ;;
    *) set -- -o "Dpkg::Options::=--$option" "$@" ;;
    esac
done
# As long as apt-get works, a file says that nothing is to be started; one that is there comes back afterwards.
policy_file=/usr/sbin/policy-rc.d
set_policy() {
    [ -n "$policy" ] || return 0
    if [ -e "$policy_file" ]; then
        mv -f "$policy_file" "$policy_file.kept"
    fi
    printf '#!/bin/sh\nexit %s\n' "$policy" >"$policy_file" && chmod 0755 "$policy_file"
}
drop_policy() {
    [ -n "$policy" ] || return 0
    rm -f "$policy_file"
    if [ -e "$policy_file.kept" ]; then
        mv -f "$policy_file.kept" "$policy_file"
    fi
}
would_do() {
    apt-get -s -y "$@" 2>/dev/null | awk '
        $1 == "Inst" { version = $3 ~ /^\[/ ? $4 : $3; gsub(/[()]/, "", version); print $1, $2, version }
        $1 == "Remv" || $1 == "Purg" { print "Remv", $2 }' | sort -u
}
# What lies beside configuration files, each with when it came there, so that what is new afterwards is told apart.
beside() {
    find /etc -xdev \( -name '*.dpkg-dist' -o -name '*.dpkg-new' -o -name '*.ucf-dist' \) -exec stat -c '%Z %n' {} + 2>/dev/null
}
beside_before=$(beside)
waited=0
while :; do
    wait_for_locks
    for file in /var/lib/dpkg/updates/[0-9]*; do
        if [ -e "$file" ]; then
            echo 'dpkg was interrupted and has to be repaired first' >&2
            exit 113
        fi
    done
    now=$(would_do "$@")
    if [ "$now" != "$planned" ]; then
        printf 'the plan no longer holds; apt-get would now do:\n%s\n' "$now" >&2
        exit 113
    fi
    set_policy
    (in_utf8 apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=$((patience - waited + 1)) "$@") </dev/null 2>&1
    status=$?
    drop_policy
    # Somebody was quicker at a lock for which apt-get does not wait: nothing was done, so wait again.
    [ "$status" != 0 ] && [ -n "$(lock_holders)" ] && [ "$(would_do "$@")" = "$planned" ] || break
done
echo '== left 0'
beside | grep -vxF -e "$beside_before" | sed 's/^[0-9]* //'
echo "== after $status"
printf '%s\n' "$planned" | while read -r _ name _; do
    dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Architecture}|${Version}\n' "$name" 2>/dev/null ||
        echo "un |$name||"
done
echo '== end'
exit "$status"
