#!/bin/bash
# The verbs of the lab. Run as scripts/lab.
set -euo pipefail

# shellcheck source=tests/lab/image.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/image.sh"
# shellcheck source=tests/lab/network.sh
. "$lab_source/network.sh"
# shellcheck source=tests/lab/mirror.sh
. "$lab_source/mirror.sh"
# shellcheck source=tests/lab/host.sh
. "$lab_source/host.sh"

usage() {
    cat <<'TEXT'
A lab of real Debian machines on this one: systemd, sshd, apt, an address each.

usage: scripts/lab VERB …

  up N [OPTIONS]        start hosts h1 to hN, those that do not run yet
      --from K            hosts hK and the N-1 after it
      --latency MS        new hosts are MS milliseconds away, each way
      --kind KIND         plain; kernel: has a fake kernel that wants a reboot
                          after its update; python: has Python, for benches/;
                          bullseye, trixie: Debian 11, Debian 13; sysvinit: no
                          systemd, and busybox as sh; real: Debian's own updates
                          wait, too; mirror: installs what Debian's mirror has,
                          and nothing else; twin: the same with Python;
                          default: plain, every third one kernel.
                          Exit status 3: the mirror has no such release
      --name PREFIX       another name than h
      --disk SIZE         new hosts have a disk of SIZE (64M) in memory; it is
                          lost when the host goes down
  down                  end the lab and remove all of it
  reset [HOST…]         fresh disks; without HOST, of all hosts
  stop HOST…            shut hosts down, keeping their disks
      --now               cut the power instead
  start HOST…           switch them on again
  net HOST MS [LOSS]    delay each way, and loss in percent; 0 0 makes the link
                        direct again
  slow HOST BYTES       bytes a second, each way; 0: as fast as can be
  cut HOST, heal HOST   let no frame pass, and nobody know; let them pass again
  clock HOST SECONDS    set the clock of what is started there from now on wrong
                        by that much (-31536000: a year behind); 0: right again
  list                  NAME ADDRESS KIND STATE LINK, one host a line
  ssh [USER@]HOST [CMD…]  log in over ssh, as ops when no user is named; options
                        of ssh may come before the host
  exec HOST CMD…        run CMD with sh inside the host, as root, without ssh
  dir                   print the directory of the lab
  build [KIND…]         make the cached image only, for all kinds or these
  purge                 remove the cached image; no lab may be up

Environment: WGOPS_LAB (name of the lab: default), WGOPS_LAB_STATE
(/var/lib/wgops-lab), WGOPS_LAB_CACHE (/var/cache/wgops-lab), WGOPS_LAB_MIRROR
(a Debian mirror; default: the one apt uses here).

In the lab's directory: ssh_config, known_hosts, inventory.yml, keys/id_ed25519
(all users), keys/alice and keys/sam (operators, also let in as ops), keys/id_stranger
(let in nowhere). Users: root, ops, opspw, nosudo, fishy, audit; see tests/lab/README.md.
TEXT
}

# is_number VALUE [LOWEST]
is_number() { [[ $1 =~ ^[0-9]{1,6}$ ]] && [ "$1" -ge "${2:-0}" ]; }

# option_value OPTION [VALUE]  so that a forgotten value is not a crash of the shell.
option_value() {
    [ $# -ge 2 ] || refuse "$1 needs a value"
    echo "$2"
}

make_keys() {
    mkdir -p "$lab_dir/keys"
    local key
    for key in id_ed25519 alice sam id_stranger; do
        [ -e "$lab_dir/keys/$key.pub" ] || ssh-keygen -q -t ed25519 -N '' -C "$key" -f "$lab_dir/keys/$key"
    done
}

# What clients need to know of the hosts, written anew whenever a host was added.
write_client_files() {
    local host address
    for host in $(host_names); do
        echo "$host,$(host_address "$host") $(cut -d ' ' -f 1,2 "$(host_dir "$host")/ssh_host_ed25519_key.pub")"
    done | replace_file "$lab_dir/known_hosts"

    {
        for host in $(host_names); do
            printf 'Host %s\n    HostName %s\n' "$host" "$(host_address "$host")"
        done
        printf 'Host *\n    User ops\n    IdentityFile %s\n    IdentitiesOnly yes\n' "$lab_dir/keys/id_ed25519"
        printf '    UserKnownHostsFile %s\n    GlobalKnownHostsFile /dev/null\n' "$lab_dir/known_hosts"
        printf '    StrictHostKeyChecking yes\n    PasswordAuthentication no\n'
    } | replace_file "$lab_dir/ssh_config"

    {
        printf 'all:\n  children:\n    lab:\n      hosts:\n'
        for host in $(host_names); do
            printf '        %s:\n          ansible_host: %s\n' "$host" "$(host_address "$host")"
        done
        printf '      vars:\n        ansible_user: ops\n'
        printf '        ansible_ssh_private_key_file: %s\n' "$lab_dir/keys/id_ed25519"
        printf '        ansible_ssh_common_args: -o UserKnownHostsFile=%s\n' "$lab_dir/known_hosts"
    } | replace_file "$lab_dir/inventory.yml"
}

verb_up() {
    local count='' from=1 latency='' kind='' prefix=h size=''
    while [ $# -gt 0 ]; do
        case $1 in
            --from) from=$(option_value "$@") && shift ;;
            --latency) latency=$(option_value "$@") && shift ;;
            --kind) kind=$(option_value "$@") && shift ;;
            --name) prefix=$(option_value "$@") && shift ;;
            --disk) size=$(option_value "$@") && shift ;;
            -*) refuse "up: unknown option $1" ;;
            *)
                [ -z "$count" ] || refuse "up: one number of hosts, please"
                count=$1
                ;;
        esac
        shift
    done
    is_number "$count" 1 || refuse "up: how many hosts? Try scripts/lab --help"
    is_number "$from" 1 || refuse "up: --from needs a number from 1 on"
    [ -z "$latency" ] || is_number "$latency" || refuse "up: --latency needs milliseconds"
    [ -z "$size" ] || [[ $size =~ ^[0-9]+[MG]$ ]] || refuse "up: --disk needs a size such as 64M"
    [ -z "$kind" ] || is_kind "$kind" || refuse "up: no such kind of host: $kind"
    [[ $prefix =~ ^[a-z][a-z-]{0,15}$ ]] || refuse "up: --name needs lower case letters"

    # The kinds of all hosts first: the image must have their layers.
    local i host layers=() hosts=()
    for ((i = from; i < from + count; i++)); do
        hosts+=("$prefix$i")
        layers+=("${kind:-$(default_kind "$i")}")
    done
    need_packages_to_run
    with_lock cache use_image "${layers[@]}"
    with_lock network network_up
    make_keys
    for ((i = from; i < from + count; i++)); do
        host=$prefix$i
        host_exists "$host" && continue
        local slot=255
        [ "$prefix" != h ] || slot=$((10 + i))
        host_create "$host" "$slot" "${layers[i - from]}" "$latency" "$size"
    done
    write_client_files
    boot_and_wait "${hosts[@]}"
    verb_list
}

boot_and_wait() {
    local host
    for host in "$@"; do host_boot "$host"; done
    for host in "$@"; do host_wait "$host"; done
}

verb_down() {
    with_lock network network_down
    # Stays when other labs have their groups in there.
    local root
    for root in $(cgroup_roots); do rmdir "$root/wgops-lab" 2>/dev/null || true; done
    with_lock cache image_unregister
    rm -rf --one-file-system "$lab_dir"
    rmdir "$state_root" 2>/dev/null || true
}

# hosts_of_call HOST…  sets $hosts to the hosts named, or to all of them.
hosts_of_call() {
    local host
    if [ $# -gt 0 ]; then
        for host in "$@"; do require_host "$host"; done
        hosts=("$@")
    else
        mapfile -t hosts < <(host_names)
    fi
}

verb_reset() {
    local hosts
    hosts_of_call "$@"
    [ ${#hosts[@]} -gt 0 ] || return 0
    for_each host_kill "${hosts[@]}"
    for_each host_wipe "${hosts[@]}"
    verb_start "${hosts[@]}"
}

verb_start() {
    [ $# -gt 0 ] || refuse "start: which host?"
    local hosts
    hosts_of_call "$@"
    with_lock network network_up
    boot_and_wait "${hosts[@]}"
}

verb_stop() {
    local hosts how=host_stop
    if [ "${1:-}" = --now ]; then
        how=host_kill
        shift
    fi
    [ $# -gt 0 ] || refuse "stop: which host?"
    hosts_of_call "$@"
    for_each "$how" "${hosts[@]}"
}

verb_net() {
    [ $# -ge 2 ] || refuse "net: HOST DELAY_MS [LOSS_PERCENT]"
    local host=$1 delay=$2 loss=${3:-0}
    require_host "$host"
    loss=${loss%\%}
    is_number "$delay" || refuse "net: the delay is a whole number of milliseconds"
    if ! is_number "$loss" || [ "$loss" -gt 100 ]; then refuse "net: the loss is a whole number of percent"; fi
    set_link "$host" "$delay $loss"
}

verb_slow() {
    [ $# = 2 ] || refuse "slow: HOST BYTES_PER_SECOND"
    require_host "$1"
    is_number "$2" || refuse "slow: the rate is a whole number of bytes a second"
    local delay=0 loss=0 file
    file=$(host_dir "$1")/net
    [ ! -e "$file" ] || read -r delay loss _ <"$file"
    if [ "$2" = 0 ]; then set_link "$1" "$delay $loss"; else set_link "$1" "$delay $loss $2"; fi
}

# set_link HOST "DELAY LOSS [RATE]"
set_link() {
    local host=$1 line=$2 file
    file=$(host_dir "$host")/net
    if [ -e "$file" ] && [ "$line" != '0 0' ]; then
        echo "$line" | replace_file "$file" # the relay takes notice by itself
        return
    fi
    # A direct link becomes a relayed one, or the other way round, under the running
    # host. It keeps its addresses, so connections survive it.
    if [ "$line" = '0 0' ]; then
        [ -e "$file" ] || return 0
        rm -f "$file"
    else
        echo "$line" | replace_file "$file"
    fi
    link_down "$host"
    link_up "$host"
}

verb_cut() {
    [ $# = 1 ] || refuse "cut: which host?"
    require_host "$1"
    : >"$(host_dir "$1")/cut"
    apply_cut "$1"
}

verb_heal() {
    [ $# = 1 ] || refuse "heal: which host?"
    require_host "$1"
    rm -f "$(host_dir "$1")/cut"
    apply_cut "$1"
}

# The clock is the kernel's, and that is shared by all hosts; so a library that is loaded
# into every program adds what the host's clock is wrong by.
verb_clock() {
    [ $# = 2 ] || refuse "clock: HOST SECONDS"
    require_host "$1"
    [[ $2 =~ ^-?[0-9]{1,10}$ ]] || refuse "clock: the error is a whole number of seconds"
    local root leader
    leader=$(host_leader "$1") || die "$1 is not running"
    root=/proc/$leader/root
    if [ "$2" = 0 ]; then
        rm -f "$root/etc/ld.so.preload"
        return
    fi
    need_packages gcc:gcc /usr/include/stdio.h:libc6-dev
    gcc -shared -fPIC -O1 -nostdlib -DOFFSET="$2" -o "$root/usr/lib/lab-clock.so" "$lab_source/clock.c"
    echo /usr/lib/lab-clock.so >"$root/etc/ld.so.preload"
}

verb_list() {
    local host link delay loss rate
    for host in $(host_names); do
        link=direct
        if [ -e "$(host_dir "$host")/net" ]; then
            read -r delay loss rate <"$(host_dir "$host")/net"
            link="${delay}ms,${loss}%${rate:+,${rate}B/s}"
        fi
        [ ! -e "$(host_dir "$host")/cut" ] || link='cut'
        printf '%s %s %s %s %s\n' "$host" "$(host_address "$host")" "$(cat "$(host_dir "$host")/kind")" \
            "$(host_state "$host")" "$link"
    done
}

verb_ssh() {
    [ $# -gt 0 ] || refuse "ssh: which host?"
    # Options of ssh may come first; then ssh itself finds out about the host.
    [[ $1 == -* ]] || require_host "${1#*@}"
    exec ssh -F "$lab_dir/ssh_config" "$@"
}

verb_exec() {
    [ $# -ge 2 ] || refuse "exec: HOST CMD…"
    local host=$1 leader
    shift
    require_host "$host"
    leader=$(host_leader "$host") || die "$host is not running"
    exec nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd -- \
        /usr/bin/env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash TERM="${TERM:-dumb}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /bin/sh -c "$*"
}

verb_build() {
    local kind kinds=("$@")
    for kind in "$@"; do is_kind "$kind" || refuse "build: no such kind of host: $kind"; done
    # Every kind there is, so that no `up` has to build anything.
    [ $# -gt 0 ] || kinds=("${host_kinds[@]}")
    if has_layers "$current_image" "${kinds[@]}"; then
        say "the image is there: $current_image"
    else
        need_packages_to_build
        build_layers "${kinds[@]}"
    fi
}

verb=${1:-help}
[ $# -eq 0 ] || shift
case $verb in
    help | --help | -h)
        usage
        exit 0
        ;;
    dir)
        echo "$lab_dir"
        exit 0
        ;;
esac
check_settings
case $verb in
    # What changes the lab happens one at a time.
    up | down | reset | start | stop | net | slow | cut | heal | clock) with_lock "lab-$lab_name" "verb_$verb" "$@" ;;
    list | ssh | exec) "verb_$verb" "$@" ;;
    build) with_lock cache verb_build "$@" ;;
    purge) with_lock cache purge_cache ;;
    *)
        usage >&2
        refuse "unknown verb: $verb"
        ;;
esac
