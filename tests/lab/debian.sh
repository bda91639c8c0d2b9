# shellcheck shell=bash
# The bottom of every host's disk: a plain Debian 12 tree from the Debian mirror.
# Sourced by image.sh. This is the slow part (about a minute), which is why it is a
# file of its own: the cached tree is built anew only when THIS file changes.

debian_release=bookworm

# What a host has beyond Debian's minimal base system. A real server has these; a
# package that pulls in Python must not come in, because the tool under test may
# not rely on it.
debian_packages=(
    systemd systemd-sysv dbus libpam-systemd # systemd as PID 1, login sessions
    openssh-server sudo iproute2 procps
    cron # something for tests of scheduled jobs
    tcsh # a login shell that is not sh, for the user `fishy`
)

# Prints the mirror this machine itself installs from.
debian_mirror() {
    if [ -n "${WGOPS_LAB_MIRROR:-}" ]; then
        echo "$WGOPS_LAB_MIRROR"
        return
    fi
    # shellcheck disable=SC2016  # the fields are apt's, not the shell's
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        awk -v release="$debian_release" '$2 == release && $3 == "main" && !found++ { print $1 }'
}

# build_debian TREE
build_debian() {
    local tree=$1 mirror include
    mirror=$(debian_mirror)
    [ -n "$mirror" ] ||
        die "apt knows no mirror of Debian $debian_release here: set WGOPS_LAB_MIRROR to the address of one"
    include=$(IFS=, && echo "${debian_packages[*]}")

    # debootstrap does not read apt's configuration, so a proxy set there is handed on.
    local proxy
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "${proxy:-}" ] || export http_proxy=${http_proxy:-$proxy}

    debootstrap --variant=minbase --include="$include" "$debian_release" "$tree" "${mirror%/}"

    if [ -n "$(find "$tree/usr/bin" "$tree/usr/local/bin" -name 'python*')" ]; then
        die "Python came into the base system through one of: ${debian_packages[*]}"
    fi
    rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/cache/apt/*.bin "$tree"/var/lib/apt/lists/*
}
