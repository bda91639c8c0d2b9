# shellcheck shell=bash
# The bottom of every host's disk: a plain Debian tree from the Debian mirror.
# Sourced by image.sh. This is the slow part (about a minute), which is why it is a
# file of its own: the cached trees are built anew only when THIS file changes.

# The release of every host whose kind does not name another one.
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

# debian_mirror [RELEASE]  prints the mirror this machine itself installs from; where it
# installs another release, the one of that: Debian's mirrors hold all of them.
debian_mirror() {
    if [ -n "${WGOPS_LAB_MIRROR:-}" ]; then
        echo "$WGOPS_LAB_MIRROR"
        return
    fi
    # shellcheck disable=SC2016  # the fields are apt's, not the shell's
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(LABEL)' 'Identifier: Packages' |
        awk -v release="${1:-$debian_release}" '$3 != "main" || $4 != "Debian" { next }
            $2 == release && !found++ { print $1 } { any = any ? any : $1 }
            END { if (!found && any) print any }'
}

# security_mirror RELEASE  prints where the release's security updates come from: what
# apt says, else what lies beside the mirror.
security_mirror() {
    local known
    # shellcheck disable=SC2016
    known=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Identifier: Packages' |
        awk '$2 == "Debian-Security" && $3 == "main" && !found++ { print $1 }')
    if [ -z "$known" ]; then
        known=$(debian_mirror "$1")
        known=${known%/}
        known=${known%/debian}/debian-security
    fi
    echo "$known"
}

# mirror_has RELEASE  whether the mirror (still) has it. Read with apt's own client, so
# that its proxies and certificates hold.
mirror_has() {
    local mirror file
    mirror=$(debian_mirror "$1")
    [ -n "$mirror" ] || return 1
    file=$(mktemp)
    if /usr/lib/apt/apt-helper download-file "${mirror%/}/dists/$1/InRelease" "$file" >/dev/null 2>&1; then
        rm -f "$file"
    else
        rm -f "$file"
        return 1
    fi
}

# build_debian RELEASE TREE
build_debian() {
    local release=$1 tree=$2 mirror include
    mirror=$(debian_mirror "$release")
    [ -n "$mirror" ] ||
        die "apt knows no mirror of Debian $release here: set WGOPS_LAB_MIRROR to the address of one"
    include=$(IFS=, && echo "${debian_packages[*]}")

    # debootstrap does not read apt's configuration, so a proxy set there is handed on.
    local proxy
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "${proxy:-}" ] || export http_proxy=${http_proxy:-$proxy}

    debootstrap --variant=minbase --include="$include" "$release" "$tree" "${mirror%/}"

    if [ -n "$(find "$tree/usr/bin" "$tree/usr/local/bin" -name 'python*')" ]; then
        die "Python came into the base system through one of: ${debian_packages[*]}"
    fi
    rm -rf "$tree"/var/cache/apt/archives/*.deb "$tree"/var/cache/apt/*.bin "$tree"/var/lib/apt/lists/*
}
