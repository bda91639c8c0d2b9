# shellcheck shell=bash
# shellcheck disable=SC2154  # the settings come from common.sh
# Addresses, bridge, links. Sourced by lab.sh.
#
# A lab owns the subnet 10.213.NUMBER.0/24, and everything it adds to the machine's
# network is named after that number:
#
#   wglabNUMBER         the bridge; holds 10.213.NUMBER.1, so hosts are reachable from here
#   wglabNUMBER-HOST    the network namespace of a host; its interface is called host0
#   wglNUMBERvSLOT      our end of a host's link: a veth pair, or …
#   wglNUMBERtSLOT      … a TAP device of the relay that delays frames (relay.py)
#
# SLOT is the last part of the host's address. There is no default route in a host:
# hosts reach each other and this machine, and nothing else.

lab_number() { cat "$lab_dir/number"; }
bridge_name() { echo "wglab$(lab_number)"; }
netns_name() { echo "wglab$(lab_number)-$1"; }
host_address() { echo "10.213.$(lab_number).$(cat "$lab_dir/hosts/$1/slot")"; }

# One file for each number that is taken, with the directory of the lab that has it.
claims=$runtime_dir/labs

# network_up  under the lock `network`
network_up() {
    mkdir -p "$claims"
    forget_dead_claims
    claim_number
    raise_inotify_limit
    local bridge
    bridge=$(bridge_name)
    [ -d "/sys/class/net/$bridge" ] || ip link add "$bridge" type bridge
    ip addr replace "10.213.$(lab_number).1/24" dev "$bridge"
    ip link set "$bridge" up
}

# network_down  under the lock `network`; gives the lab's numbers back. A lab has one
# number; it can only have more when it was damaged.
network_down() {
    local number
    for number in $(numbers_of_lab); do
        sweep_number "$number"
        rm -f "$claims/$number"
    done
    forget_dead_claims
    restore_inotify_limit
}

# What the lab's directory says, and what the claims say in case that directory was
# removed under a running lab.
numbers_of_lab() {
    {
        cat "$lab_dir/number" 2>/dev/null || true
        grep -slxF "$lab_dir" "$claims"/* | sed 's|.*/||' || true
    } | sort -u
}

# sweep_number NUMBER  ends and removes everything on this machine that carries the
# number. It goes by names alone, so it does not matter in what state a crash left it.
sweep_number() {
    local number=$1 root path groups=() link
    root=$(main_cgroup_root)
    for path in "$root/wgops-lab/$number"-*; do
        if [ -d "$path" ]; then groups+=("wgops-lab/${path##*/}"); fi
    done
    for_each cgroup_kill "${groups[@]}"
    for_each cgroup_remove "${groups[@]}"

    for path in /run/netns/"wglab$number"-*; do
        if [ -e "$path" ]; then ip netns del "${path##*/}"; fi
    done
    for path in /sys/class/net/"wgl${number}"[vt]* /sys/class/net/"wglab$number"; do
        link=${path##*/}
        # The kernel may be removing it already: one end of a veth pair was in a
        # namespace that has just gone.
        if [ -d "$path" ]; then ip link del "$link" 2>/dev/null || [ ! -d "$path" ]; fi
    done
    # nspawn leaves these behind where /run is not a tmpfs, and when it is killed.
    rm -rf --one-file-system /run/systemd/nspawn/propagate/"wglab$number"-*
}

# A lab whose directory was removed behind our back must not keep its number, unless
# it still runs.
forget_dead_claims() {
    local claim number
    for claim in "$claims"/*; do
        [ -e "$claim" ] || continue
        number=${claim##*/}
        if [ "$(cat "$(cat "$claim")/number" 2>/dev/null)" != "$number" ] && [ ! -d "/sys/class/net/wglab$number" ]; then
            rm -f "$claim"
        fi
    done
}

claim_number() {
    if [ -e "$lab_dir/number" ]; then
        # Normally ours already. After a reboot of this machine the claims are gone
        # while the lab is still there; then it takes its number again if it can.
        if claim "$(lab_number)"; then return 0; fi
        rm -f "$lab_dir/number"
    fi
    local number in_use
    in_use=$(ip -4 -o addr show)
    for number in {0..255}; do
        if [ -d "/sys/class/net/wglab$number" ] || [[ $in_use == *" 10.213.$number."* ]]; then continue; fi
        if claim "$number"; then return 0; fi
    done
    die "no subnet 10.213.*.0/24 is free"
}

claim() {
    if [ ! -e "$claims/$1" ]; then echo "$lab_dir" | replace_file "$claims/$1"; fi
    [ "$(cat "$claims/$1")" = "$lab_dir" ] || return 1
    echo "$1" | replace_file "$lab_dir/number"
}

# Each systemd takes about five inotify instances; the kernel's default of 128 for
# all of root's processes is used up by some 24 hosts, and the next one hangs in its boot.
inotify_limit=/proc/sys/fs/inotify/max_user_instances

raise_inotify_limit() {
    local now
    now=$(cat "$inotify_limit")
    [ "$now" -lt 4096 ] || return 0
    [ -e "$runtime_dir/inotify.was" ] || echo "$now" | replace_file "$runtime_dir/inotify.was"
    echo 4096 >"$inotify_limit"
}

# Puts the limit back when no lab is left on this machine.
restore_inotify_limit() {
    [ -e "$runtime_dir/inotify.was" ] || return 0
    [ -z "$(ls "$claims" 2>/dev/null)" ] || return 0
    cat "$runtime_dir/inotify.was" >"$inotify_limit"
    rm -f "$runtime_dir/inotify.was"
}

# link_up HOST  makes the namespace and the link of a host, whatever of it is missing.
link_up() {
    local host=$1 number slot netns bridge mac
    number=$(lab_number)
    slot=$(cat "$lab_dir/hosts/$host/slot")
    netns=$(netns_name "$host")
    bridge=$(bridge_name)
    # The hardware address follows from the address: whoever talked to this host
    # before its link was made anew still has the right neighbour entry.
    mac=$(printf '02:77:67:00:%02x:%02x' "$number" "$slot")

    [ -e "/run/netns/$netns" ] || ip netns add "$netns"
    if ! ip -n "$netns" link show host0 >/dev/null 2>&1; then
        if [ -e "$lab_dir/hosts/$host/net" ]; then
            relay_start "$host" "wgl${number}t$slot"
        else
            ip link add "wgl${number}v$slot" type veth peer name host0 netns "$netns"
            ip link set "wgl${number}v$slot" master "$bridge" up
        fi
        ip -n "$netns" link set host0 address "$mac"
    fi
    ip -n "$netns" link set lo up
    ip -n "$netns" addr replace "10.213.$number.$slot/24" dev host0
    ip -n "$netns" link set host0 up
    if [ -e "$lab_dir/hosts/$host/cut" ]; then apply_cut "$host"; fi
}

# link_device HOST  our end of its link.
link_device() {
    local number slot
    number=$(lab_number)
    slot=$(cat "$lab_dir/hosts/$1/slot")
    if [ -e "$lab_dir/hosts/$1/net" ]; then echo "wgl${number}t$slot"; else echo "wgl${number}v$slot"; fi
}

# apply_cut HOST  lets its port of the bridge pass frames, or none in either direction.
# Nobody is told: both ends wait for an answer, as behind a cable that was dug up. That
# needs a neighbour entry that stays, or the kernel would say "no route to host" after a while.
apply_cut() {
    local host=$1 state=forwarding mac
    if [ -e "$lab_dir/hosts/$host/cut" ]; then
        state=disabled
        mac=$(printf '02:77:67:00:%02x:%02x' "$(lab_number)" "$(cat "$lab_dir/hosts/$host/slot")")
        ip neigh replace "$(host_address "$host")" lladdr "$mac" dev "$(bridge_name)" nud permanent
    else
        ip neigh del "$(host_address "$host")" dev "$(bridge_name)" 2>/dev/null || true
    fi
    bridge link set dev "$(link_device "$host")" state "$state"
}

# link_down HOST  removes the link and keeps the namespace, which a running guest holds.
link_down() {
    local host=$1 number slot
    number=$(lab_number)
    slot=$(cat "$lab_dir/hosts/$host/slot")
    cgroup_kill "$(host_cgroup "$host").relay"
    cgroup_remove "$(host_cgroup "$host").relay"
    [ ! -d "/sys/class/net/wgl${number}v$slot" ] || ip link del "wgl${number}v$slot"
}

# relay_start HOST TAP
relay_start() {
    local host=$1 tap=$2 dir=$lab_dir/hosts/$1 tries=0
    need_packages_to_relay
    rm -f "$dir/relay.ready"
    run_detached "$(host_cgroup "$host").relay" "$dir/log" \
        python3 "$lab_source/relay.py" --bridge "$(bridge_name)" --netns "$(netns_name "$host")" \
        --tap "$tap" --control "$dir/net" --ready "$dir/relay.ready"
    until [ -e "$dir/relay.ready" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 100 ] || die "$host: the relay does not start; see $dir/log"
        sleep 0.05
    done
}
