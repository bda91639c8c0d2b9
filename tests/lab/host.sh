# shellcheck shell=bash
# shellcheck disable=SC2154  # the settings come from common.sh
# One host: its files, its start, its end. Sourced by lab.sh.
#
# A host is the directory LAB/hosts/NAME:
#   slot          the last part of its address
#   kind          its top layer
#   net           "DELAY_MS LOSS_PERCENT [BYTES_PER_SECOND]"; present when its link goes through the relay
#   cut           present while no frame passes its link
#   disk_size     present when its disk is a small one in memory
#   ssh_host_ed25519_key{,.pub}   outside the disk, so that `reset` does not change it
#   disk/         what the host wrote: upper and work directory of the overlay
#   root/         where its supervisor mounts that overlay (seen in its namespace only)
#   log           the console, and what the supervisor has to say
#   stop          present while the host is meant to be down

host_dir() { echo "$lab_dir/hosts/$1"; }
host_exists() { [ -e "$lab_dir/hosts/$1/slot" ]; }
host_cgroup() { echo "wgops-lab/$(lab_number)-$1"; }

host_names() {
    [ -d "$lab_dir/hosts" ] || return 0
    local slot
    for slot in "$lab_dir"/hosts/*/slot; do
        [ -e "$slot" ] || continue
        basename "$(dirname "$slot")"
    done | sort -V
}

require_host() { host_exists "$1" || refuse "no host '$1' in this lab; there are: $(host_names | xargs)"; }

# host_create NAME PREFERRED_SLOT KIND LATENCY DISK_SIZE
host_create() {
    local name=$1 slot=$2 kind=$3 latency=$4 size=$5 dir
    dir=$(host_dir "$name")
    rm -rf --one-file-system "$dir"
    mkdir -p "$dir"
    # h1 has .11, h2 has .12 and so on. A host whose place is taken, or who has
    # none, gets one from the top.
    if [ "$slot" -gt 254 ] || slot_taken "$slot"; then
        slot=254
        while slot_taken "$slot"; do slot=$((slot - 1)); done
        [ "$slot" -gt 1 ] || die "the subnet is full"
    fi
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$dir/ssh_host_ed25519_key"
    echo "$kind" >"$dir/kind"
    [ -z "$latency" ] || echo "$latency 0" >"$dir/net"
    [ -z "$size" ] || echo "$size" >"$dir/disk_size"
    # Last, because this is the file that says the host exists.
    echo "$slot" | replace_file "$dir/slot"
}

slot_taken() { grep -qsxF "$1" "$lab_dir"/hosts/*/slot; }

# host_state NAME  down, up, or orphan: running, but its supervisor is gone, so a
# reboot would be its end.
host_state() {
    local pid pids
    mapfile -t pids < <(cgroup_pids "$(host_cgroup "$1")")
    if [ ${#pids[@]} -eq 0 ]; then
        echo down
        return
    fi
    for pid in "${pids[@]}"; do
        if grep -qsF supervisor.sh "/proc/$pid/cmdline"; then
            echo up
            return
        fi
    done
    echo orphan
}

# host_boot NAME  switches the host on unless it is on.
host_boot() {
    local name=$1 dir state
    dir=$(host_dir "$name")
    state=$(host_state "$name")
    [ "$state" != orphan ] || host_kill "$name"
    link_up "$name"
    [ "$state" != up ] || return 0
    rm -f "$dir/stop"
    if wants_mirror "$(cat "$dir/kind")"; then mirror_up; fi
    # The namespace takes all of the host's mounts with it when its last process
    # ends, whichever way that happens: nothing to unmount after a crash.
    run_detached "$(host_cgroup "$name")" "$dir/log" \
        unshare --mount --propagation slave \
        bash "$lab_source/supervisor.sh" "$lab_dir" "$name"
}

# host_leader NAME  the process that is PID 1 inside the host. (systemd has a group of
# its own for itself, System V's init has none.)
host_leader() {
    local pid
    for pid in $(cgroup_pids "$(host_cgroup "$1")/payload"); do
        if grep -qsE $'^NSpid:\t.*\t1$' "/proc/$pid/status"; then
            echo "$pid"
            return 0
        fi
    done
    return 1
}

# host_wait NAME  until anybody can log in.
host_wait() {
    local name=$1 address leader begin=$SECONDS
    address=$(host_address "$name")
    # sshd answers a little before the end of the boot, and until then PAM turns
    # everybody but root away ("System is booting up"): /run/nologin is there.
    until ssh_banner "$address" && leader=$(host_leader "$name") && [ ! -e "/proc/$leader/root/run/nologin" ]; do
        local waited=$((SECONDS - begin))
        if [ "$waited" -gt 120 ] || { [ "$waited" -gt 3 ] && [ "$(host_state "$name")" = down ]; }; then
            tail -n 15 "$(host_dir "$name")/log" >&2
            die "$name does not come up; its console is $(host_dir "$name")/log"
        fi
        sleep 0.1
    done
}

# ssh_banner ADDRESS  true when an sshd greets there.
ssh_banner() {
    # shellcheck disable=SC2016  # expanded by the inner bash
    timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/22" && read -r line <&3 && [[ $line == SSH-* ]]' - "$1" 2>/dev/null
}

# host_stop NAME  an orderly shutdown; the power is cut when it takes too long.
host_stop() {
    local name=$1 group leader tries=0
    group=$(host_cgroup "$name")
    : >"$(host_dir "$name")/stop"
    while [ -n "$(cgroup_pids "$group")" ]; do
        # One that has only just begun to boot misses it, so it is repeated.
        if [ $((tries % 20)) = 0 ] && leader=$(host_leader "$name"); then power_off "$leader"; fi
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ]; then
            say "$name does not shut down; switching it off"
            break
        fi
        sleep 0.1
    done
    host_kill "$name"
}

# power_off LEADER  as pressing the button does.
power_off() {
    case $(cat "/proc/$1/comm" 2>/dev/null) in
        # systemd's signal for it.
        systemd) kill -s RTMIN+4 "$1" 2>/dev/null || true ;;
        *) nsenter --target "$1" --mount --uts --ipc --net --pid --root --wd -- /sbin/poweroff >/dev/null 2>&1 || true ;;
    esac
}

# host_kill NAME  cuts the power.
host_kill() {
    local group
    group=$(host_cgroup "$1")
    : >"$(host_dir "$1")/stop"
    cgroup_kill "$group"
    cgroup_remove "$group"
}

# host_wipe NAME  a disk as on the first day. The host must be down.
host_wipe() { rm -rf --one-file-system "$(host_dir "$1")/disk"; }
