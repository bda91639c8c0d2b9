# shellcheck shell=bash disable=SC2034
# Settings and small helpers shared by every part of the lab. Sourced, never run.

lab_source=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# Where things live. The cache is shared by all labs of the machine and survives
# `down`; the state directory holds one directory for each lab.
cache_root=${WGOPS_LAB_CACHE:-/var/cache/wgops-lab}
state_root=${WGOPS_LAB_STATE:-/var/lib/wgops-lab}
lab_name=${WGOPS_LAB:-default}
lab_dir=$state_root/$lab_name

# Facts about this machine's labs that must not outlive a reboot of it: which
# subnets are taken, and what to put back when the last lab goes.
runtime_dir=/run/wgops-lab

say() { printf 'lab %s: %s\n' "$lab_name" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# A wrong call, or a machine that cannot run labs at all: exit status 2.
refuse() {
    say "$*"
    exit 2
}

check_settings() {
    [ "$(uname -s)" = Linux ] || refuse "the lab needs Linux"
    [ "$(id -u)" = 0 ] || refuse "the lab needs root: it mounts, makes network namespaces and boots containers"
    # The name ends up in file names and the paths in overlay mount options, where
    # a colon or a comma would mean something else.
    [[ $lab_name =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] ||
        refuse "WGOPS_LAB must be lower case letters, digits and dashes, not '$lab_name'"
    local path
    for path in "$cache_root" "$state_root"; do
        [[ $path =~ ^/[A-Za-z0-9._/-]+$ ]] ||
            refuse "'$path' must be an absolute path of letters, digits, '.', '_', '-' and '/'"
    done
}

# need_packages COMMAND:PACKAGE…  installs the packages whose command (or file,
# when it begins with a slash) is missing. Nothing is asked of apt when all are there.
need_packages() {
    local pair missing=()
    for pair in "$@"; do
        case ${pair%%:*} in
            /*) [ -e "${pair%%:*}" ] || missing+=("${pair#*:}") ;;
            *) command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || refuse "missing here: ${missing[*]} (no apt-get to install them with)"
    say "installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! {
        apt-get -q update &&
            DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
                install --no-install-recommends "${missing[@]}"
    } >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "could not install ${missing[*]}"
    fi
    rm -f "$log"
}

need_packages_to_run() {
    need_packages systemd-nspawn:systemd-container ip:iproute2 ssh:openssh-client \
        ssh-keygen:openssh-client flock:util-linux unshare:util-linux nsenter:util-linux
}

need_packages_to_build() {
    need_packages debootstrap:debootstrap apt-ftparchive:apt-utils dpkg-architecture:dpkg-dev \
        gcc:gcc /usr/include/stdio.h:libc6-dev gpg:gpg gpg-agent:gpg-agent \
        /usr/share/keyrings/debian-archive-keyring.gpg:debian-archive-keyring
}

need_packages_to_relay() { need_packages python3:python3; }

# with_lock NAME COMMAND…  runs COMMAND while holding the machine-wide lock NAME.
# The lock goes with the file descriptor, so a killed holder leaves no stale lock;
# for the same reason everything that is left running must not inherit it (see
# run_detached). Not to be called in a condition: that would switch off `set -e`
# in all of COMMAND.
with_lock() {
    local name=$1 fd
    shift
    mkdir -p "$runtime_dir"
    exec {fd}>>"$runtime_dir/$name.lock"
    flock "$fd"
    "$@"
    exec {fd}>&-
}

# for_each FUNCTION ARGUMENT…  FUNCTION ARGUMENT for every argument, all at the same
# time; fails when one fails.
for_each() {
    local function=$1 argument pid pids=() failed=0
    shift
    for argument in "$@"; do
        "$function" "$argument" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
    return "$failed"
}

# replace_file FILE  writes standard input to FILE, whole or not at all.
replace_file() {
    cat >"$1.new"
    mv -f "$1.new" "$1"
}

# Every process of a host runs in a control group of the lab's own. That group is
# the lab's only proof of ownership: a process is ended because the kernel lists
# it in this group, not because a number in a file once belonged to it.
#
# Prints the places where such a group exists: the unified hierarchy first, and on a
# machine with the hybrid layout also systemd's named one, because nspawn looks at both.
cgroup_roots() {
    local root
    for root in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        if [ -e "$root/cgroup.procs" ]; then echo "$root"; fi
    done
}

# The first of them, whose lists of processes are complete. (No `| head -n 1`: under
# pipefail a reader that leaves early makes the writer fail now and then.)
main_cgroup_root() {
    local roots
    mapfile -t roots < <(cgroup_roots)
    [ ${#roots[@]} -gt 0 ] || die "there is no cgroup2 file system below /sys/fs/cgroup"
    echo "${roots[0]}"
}

# cgroup_pids GROUP  the processes in GROUP and below.
cgroup_pids() {
    local root
    root=$(main_cgroup_root)
    [ -d "$root/$1" ] || return 0
    find "$root/$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

# cgroup_kill GROUP  ends everything in GROUP, and waits for it.
cgroup_kill() {
    local pid pids tries=0
    while pids=$(cgroup_pids "$1") && [ -n "$pids" ]; do
        for pid in $pids; do
            # 0 stands for a process that this pid namespace cannot see.
            if [ "$pid" != 0 ]; then kill -KILL "$pid" 2>/dev/null || true; fi
        done
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || {
            say "these processes do not die: $pids"
            return 1
        }
        sleep 0.05
    done
    return 0
}

# cgroup_remove GROUP  GROUP must be empty of processes.
cgroup_remove() {
    local root
    for root in $(cgroup_roots); do
        [ -d "$root/$1" ] || continue
        # The kernel lets go of a dead process a moment after it left the list.
        local tries=0
        until find "$root/$1" -depth -type d -exec rmdir {} + 2>/dev/null; do
            [ -d "$root/$1" ] || break
            tries=$((tries + 1))
            [ "$tries" -le 40 ] || {
                say "control group $root/$1 stays busy"
                return 1
            }
            sleep 0.05
        done
    done
}

# run_detached GROUP LOG COMMAND…  starts COMMAND in the control group, in a
# session of its own and with no file of the caller's open: a lock would stay
# held, and a test harness would wait for the end of its pipe.
run_detached() {
    local group=$1 log=$2 root
    shift 2
    for root in $(cgroup_roots); do mkdir -p "$root/$group"; done
    (
        for root in $(cgroup_roots); do echo "$BASHPID" >"$root/$group/cgroup.procs"; done
        exec </dev/null >>"$log" 2>&1
        local fd
        for fd in /proc/"$BASHPID"/fd/*; do
            fd=${fd##*/}
            # 255 is bash's own, which it closes itself.
            if [ "$fd" -gt 2 ] && [ "$fd" != 255 ]; then eval "exec $fd>&-"; fi
        done
        cd /
        exec setsid "$@"
    ) &
}
