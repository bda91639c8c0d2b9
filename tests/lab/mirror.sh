# shellcheck shell=bash
# shellcheck disable=SC2154  # the settings come from common.sh
# Debian's mirror for the hosts that want it: a proxy on the lab's bridge. Sourced by lab.sh and supervisor.sh.
#
# It lives in a control group that is named as those of hosts are, so that `down` ends it with them.

mirror_address() { echo "10.213.$(lab_number).1:3142"; }
mirror_cgroup() { echo "wgops-lab/$(lab_number)-mirror"; }

# mirror_up  starts it unless it runs, and waits until it listens.
mirror_up() {
    if [ -n "$(cgroup_pids "$(mirror_cgroup)")" ]; then return 0; fi
    need_packages_to_relay
    local proxy tries=0 address
    address=$(mirror_address)
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "${proxy:-}" ] || export http_proxy=${http_proxy:-$proxy}
    run_detached "$(mirror_cgroup)" "$lab_dir/mirror.log" \
        python3 "$lab_source/mirror.py" "$address" "$cache_root/mirror" \
        "$(debian_mirror)" "$(security_mirror "$debian_release")"
    # shellcheck disable=SC2016  # expanded by the inner bash
    until timeout 5 bash -c 'exec 3<>"/dev/tcp/$1/$2"' - "${address%:*}" "${address#*:}" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -le 50 ] || {
            tail -n 5 "$lab_dir/mirror.log" >&2
            die "the mirror's proxy does not come up: $lab_dir/mirror.log"
        }
        sleep 0.1
    done
}
