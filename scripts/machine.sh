# shellcheck shell=bash
# What this machine needs so that wgops can be built and tested on it. Sourced by scripts/test, scripts/demo,
# benches/run and .ci/run; never run by itself. Nothing is asked of apt when everything is there.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

stop() {
    say "$*"
    exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# can_install  true where this machine's packages are ours to add.
can_install() { is_root && command -v apt-get >/dev/null; }

# missing_packages COMMAND:PACKAGE…  prints the packages whose command, or file where it begins with a slash, is absent.
missing_packages() {
    local pair
    for pair in "$@"; do
        case ${pair%%:*} in
            /*) [ -e "${pair%%:*}" ] || echo "${pair#*:}" ;;
            *) command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}" ;;
        esac
    done | sort -u
}

# need_packages COMMAND:PACKAGE…  installs what is missing; fails, having said so, where it can't.
need_packages() {
    local missing
    mapfile -t missing < <(PATH=$PATH:/usr/sbin:/sbin missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! can_install; then
        say "missing here: ${missing[*]} (Debian's names; as root on Debian they would be installed)"
        return 1
    fi
    say "installing ${missing[*]}"
    local log
    log=$(mktemp)
    if ! without_services install_packages "${missing[@]}" >"$log" 2>&1 </dev/null; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        say "could not install ${missing[*]}"
        return 1
    fi
    rm -f "$log"
}

install_packages() {
    apt-get -q update &&
        DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
}

# without_services COMMAND…  runs COMMAND so that no package it installs starts a service: a test wants the program
# sshd, not another door into this machine. Debian asks policy-rc.d before it starts one.
without_services() {
    local policy=/usr/sbin/policy-rc.d ours='' had_ssh status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=yes
    fi
    had_ssh=$([ -e /usr/sbin/sshd ] && echo yes)
    "$@" || status=$?
    [ -z "$ours" ] || rm -f "$policy"
    # Nor shall it start with the next boot.
    if [ -z "$had_ssh" ] && [ -d /run/systemd/system ] && [ -e /usr/sbin/sshd ]; then
        systemctl --quiet disable --now ssh.service ssh.socket 2>/dev/null || true
    fi
    return "$status"
}

# need_rust  a compiler that is new enough. Debian's own is not, so where there is none rustup is installed for this
# user, without touching shell profiles.
need_rust() {
    # ring and some build scripts want a C compiler, and Rust a linker.
    need_packages cc:gcc /usr/include/stdio.h:libc6-dev || return 1
    [ ! -d "$HOME/.cargo/bin" ] || PATH=$HOME/.cargo/bin:$PATH
    if ! command -v cargo >/dev/null; then
        need_packages curl:curl /etc/ssl/certs/ca-certificates.crt:ca-certificates || return 1
        say "installing Rust (rustup, into ~/.rustup and ~/.cargo)"
        curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs |
            sh -s -- -y --quiet --no-modify-path --profile minimal -c rustfmt -c clippy || return 1
        PATH=$HOME/.cargo/bin:$PATH
    fi
    local wanted got
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$project/Cargo.toml")
    got=$(cd "$project" && cargo --version | cut -d ' ' -f 2) || return 1
    if [ "$(printf '%s\n' "$wanted" "$got" | sort -V | head -n 1)" != "$wanted" ]; then
        say "Rust $wanted or later is needed, here is $got: try \`rustup update stable\`"
        return 1
    fi
}

# why_no_lab  prints why this machine cannot run the lab of real hosts; nothing where it can.
why_no_lab() {
    if [ "$(uname -s)" != Linux ]; then
        echo "this is not Linux"
    elif ! is_root; then
        echo "it needs root (mounts, network namespaces, containers)"
    elif ! command -v apt-get >/dev/null; then
        echo "it is built with Debian's tools, and there is no apt-get here"
    elif ! unshare --mount --net true 2>/dev/null; then
        echo "this machine does not allow namespaces (a container without privileges?)"
    fi
}
