#!/bin/bash
# The life of one host, from its switching on to its shutdown: supervisor.sh LAB_DIR HOST
#
# Started by host.sh in a control group and a mount namespace of the host's own.
# It mounts the disk, gives a fresh one its identity, runs the machine, and starts
# it again whenever it asks for a reboot.
set -euo pipefail

lab_dir=$1
host=$2
# image.sh reads its settings from these.
WGOPS_LAB=${lab_dir##*/}
WGOPS_LAB_STATE=${lab_dir%/*}
# shellcheck source=tests/lab/image.sh
. "$(dirname "${BASH_SOURCE[0]}")/image.sh"
# shellcheck source=tests/lab/network.sh
. "$lab_source/network.sh"
# shellcheck source=tests/lab/mirror.sh
. "$lab_source/mirror.sh"

dir=$lab_dir/hosts/$host
image=$(cat "$lab_dir/image")
root=$dir/root

mount_disk() {
    mkdir -p "$root" "$dir/disk"
    # A disk in memory is gone when the host goes down (but not when it reboots).
    if [ -e "$dir/disk_size" ]; then mount -t tmpfs -o "size=$(cat "$dir/disk_size")" wgops-lab "$dir/disk"; fi
    mkdir -p "$dir/disk/upper" "$dir/disk/work"
    mount -t overlay wgops-lab \
        -o "lowerdir=$(lowers_of_layer "$image" "$(cat "$dir/kind")"),upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$root"
}

# What tells this host from the others that share its layers.
give_identity() {
    [ ! -e "$root/etc/ssh/ssh_host_ed25519_key" ] || return 0
    echo "$host" >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$host" >"$root/etc/hosts"
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

    # Not in the layer: the address is the lab's. The other host keys are those that a real host has.
    if wants_mirror "$(cat "$dir/kind")"; then
        chroot "$root" ssh-keygen -q -A
        echo "Acquire::http::Proxy \"http://$(mirror_address)\";" >"$root/etc/apt/apt.conf.d/01proxy"
    fi

    local user home
    for user in root ops opspw nosudo fishy audit; do
        home=/home/$user
        [ "$user" != root ] || home=/root
        install -d -m 700 "$root$home/.ssh"
        cat "$lab_dir/keys/id_ed25519.pub" >"$root$home/.ssh/authorized_keys"
        if [ "$user" = ops ]; then
            cat "$lab_dir/keys/alice.pub" "$lab_dir/keys/sam.pub" >>"$root$home/.ssh/authorized_keys"
        fi
        chmod 600 "$root$home/.ssh/authorized_keys"
        chroot "$root" chown -R "$user:$user" "$home/.ssh"
    done

    install -m 644 "$dir/ssh_host_ed25519_key.pub" "$root/etc/ssh/"
    # Last: it marks a disk that has its identity.
    install -m 600 "$dir/ssh_host_ed25519_key" "$root/etc/ssh/"
}

run_machine() {
    local status=0
    # Registering is for machines with systemd-machined, which the lab does without.
    # The variables ask for the unified hierarchy inside, whatever is outside, and for
    # no lock files, which a killed nspawn would leave in /run.
    local rights=()
    # Where public roles run there may be a firewall. Elsewhere not: init scripts would take the link down for good.
    if wants_mirror "$(cat "$dir/kind")"; then rights=(--capability=CAP_NET_ADMIN); fi
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_LOCK=0 systemd-nspawn --quiet --register=no --keep-unit \
        --machine="$(netns_name "$host")" --hostname="$host" --directory="$root" \
        --network-namespace-path="/run/netns/$(netns_name "$host")" "${rights[@]}" \
        --bind-ro="$(repo_of_layer "$image" "$(cat "$dir/kind")"):/srv/repo" \
        --resolv-conf=off --timezone=off --console=pipe --boot || status=$?
    echo "supervisor: the machine ended with $status"
    # nspawn's way to say that the guest called reboot.
    [ "$status" = 133 ]
}

mount_disk
give_identity
until [ -e "$dir/stop" ]; do
    echo "supervisor: starting the machine"
    run_machine || break
done
