# shellcheck shell=bash
# What is laid over the Debian tree to make it a lab host. Sourced by image.sh.
#
# A LAYER is a directory with the changes against the layer below, as an overlay
# mount records them. A host's KIND is the name of its top layer. layer_NAME makes
# the changes in the mounted tree $1; parent_of_layer says what is below.

# The kinds a host can be of. To add one: name it here, write layer_NAME.
host_kinds=(plain kernel python sysvinit real mirror twin bullseye trixie)

# parent_of_layer NAME  empty for a layer that lies on the Debian tree itself.
parent_of_layer() {
    case $1 in
        base | base-* | mirror) ;;
        twin) echo mirror ;;
        bullseye | trixie) echo "base-$1" ;;
        *) echo base ;;
    esac
}

# release_of_layer NAME  the release of Debian at the bottom.
release_of_layer() {
    # shellcheck disable=SC2154  # debian_release is named in debian.sh
    case ${1#base-} in
        bullseye | trixie) echo "${1#base-}" ;;
        *) echo "$debian_release" ;;
    esac
}

is_kind() { # NAME
    local kind
    for kind in "${host_kinds[@]}"; do [ "$kind" != "$1" ] || return 0; done
    return 1
}

# wants_mirror KIND  whether its packages come from Debian's mirror, which mirror.py passes on to it.
wants_mirror() { [ "$1" = mirror ] || [ "$1" = twin ]; }

# default_kind NUMBER  the kind of host hNUMBER when none is asked for: every third
# one has the fake kernel installed, so that after patching only some hosts need a reboot.
default_kind() {
    if [ $(($1 % 3)) = 0 ]; then echo kernel; else echo plain; fi
}

# Installs from the lab's repository, inside the tree.
tree_install() { # TREE PACKAGE=VERSION…
    local tree=$1
    shift
    DEBIAN_FRONTEND=noninteractive chroot "$tree" apt-get -q -y install "$@"
}

layer_base() { fill_base "$1" "$debian_release"; }
layer_base-bullseye() { fill_base "$1" bullseye; }
layer_base-trixie() { fill_base "$1" trixie; }

fill_base() { # TREE RELEASE
    fill_host "$1"
    fill_packages "$1" "$2"
}

# What every host is, whatever its packages come from.
fill_host() { # TREE
    local tree=$1 user unit

    # Identity: each host gets its own when its disk is made (supervisor.sh).
    rm -f "$tree"/etc/ssh/ssh_host_* "$tree/var/lib/dbus/machine-id"
    : >"$tree/etc/machine-id"
    : >"$tree/etc/resolv.conf"

    # Accounts. Their keys are a lab's own and come with the host's disk.
    for user in ops opspw nosudo audit; do chroot "$tree" useradd --create-home --shell /bin/bash "$user"; done
    chroot "$tree" useradd --create-home --shell /bin/tcsh fishy
    chroot "$tree" usermod --append --groups sudo opspw
    echo opspw:opspw-secret | chroot "$tree" chpasswd
    for user in ops fishy; do
        echo "$user ALL=(ALL) NOPASSWD:ALL" >"$tree/etc/sudoers.d/$user"
        chmod 440 "$tree/etc/sudoers.d/$user"
    done

    # Debian's sshd drops connections at random from the tenth unauthenticated one
    # on; tests that run side by side against one host would fail now and then.
    echo 'MaxStartups 100:30:200' >"$tree/etc/ssh/sshd_config.d/lab.conf"

    # Timers that take apt's and dpkg's locks whenever they like make tests flaky.
    for unit in apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service; do
        chroot "$tree" systemctl mask "$unit"
    done
    # No terminal to log in at.
    chroot "$tree" systemctl mask getty.target console-getty.service
}

# Packages come from the lab's repository and nowhere else.
fill_packages() { # TREE RELEASE
    local tree=$1 release=$2 suite
    : >"$tree/etc/apt/sources.list"
    rm -f "$tree"/etc/apt/sources.list.d/*
    install -m 644 "$tree/srv/repo/archive-keyring.gpg" "$tree/usr/share/keyrings/lab-archive-keyring.gpg"
    for suite in "$release" "$release-updates" "$release-security"; do
        echo "deb [signed-by=/usr/share/keyrings/lab-archive-keyring.gpg] file:///srv/repo $suite main"
    done >"$tree/etc/apt/sources.list.d/lab.list"
    chroot "$tree" apt-get -q update
    tree_install "$tree" libfoo=1.0 svcd=1.0 bar=1.0 confpkg=1.0 heldpkg=1.0 keptback=1.0
    chroot "$tree" apt-mark hold heldpkg
    chroot "$tree" systemctl enable svcd
    sed -i 's/^listen=80$/listen=8080/' "$tree/etc/confpkg.conf"
}

layer_plain() { :; }
layer_bullseye() { :; }
layer_trixie() { :; }

layer_kernel() { tree_install "$1" linux-fake=1.0; }

# The only layers that take packages from Debian's mirror do it in here. The lists are kept apart, so that the host
# itself still knows the lab's repository alone.
with_mirror() { # TREE FUNCTION  which finds the way to call apt-get inside the tree in $apt,
                 # and of what apt tools need for that in $sources
    local tree=$1 apt sources proxy
    # shellcheck disable=SC2154  # the release is named in debian.sh
    {
        echo "$(debian_mirror) $debian_release main"
        echo "$(security_mirror "$debian_release") $debian_release-security main"
    } | sed 's|^|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] |' >"$tree/tmp/mirror.list"
    mkdir -p "$tree/tmp/lists/partial"
    cp /etc/resolv.conf "$tree/etc/resolv.conf"
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    sources=(-o Dir::Etc::SourceList=/tmp/mirror.list -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists=/tmp/lists ${proxy:+-o "Acquire::http::Proxy=$proxy"})
    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y "${sources[@]}")
    chroot "$tree" "${apt[@]}" update
    "$2" "$tree"
    rm -rf "$tree/tmp/mirror.list" "$tree/tmp/lists"
    : >"$tree/etc/resolv.conf"
}

# Debian 12 as its mirror has it, and nothing of the lab's own: for playbooks that install what Debian has. The lists of
# packages are the host's business; what it downloads goes through mirror.py.
layer_mirror() {
    local tree=$1 security
    fill_host "$tree"
    rm -f "$tree"/etc/apt/sources.list.d/*
    security=$(security_mirror "$debian_release")
    {
        printf 'deb %s %s main\n' "$(debian_mirror)" "$debian_release"
        printf 'deb %s %s-updates main\n' "$(debian_mirror)" "$debian_release"
        printf 'deb %s %s-security main\n' "$security" "$debian_release"
    } >"$tree/etc/apt/sources.list"
    with_mirror "$tree" install_certificates
    age_lists "$tree"
}

# There are no lists of packages yet, and none shall think that they were refreshed a moment ago.
age_lists() { # TREE
    rm -rf "$1"/var/lib/apt/lists/* "$1/var/lib/apt/periodic"
    touch -d 2020-01-01 "$1/var/lib/apt/lists"
}

# As the release had it: its update waits like all others.
install_certificates() { chroot "$1" "${apt[@]}" install --no-install-recommends "ca-certificates/$debian_release"; }

# The same for tools that need Python on the host: what wgops made of a `mirror` host is held against what they make of it.
layer_twin() {
    with_mirror "$1" install_python
    age_lists "$1"
}

# With Python, for measuring wgops beside tools that need it on the hosts (benches/).
layer_python() { with_mirror "$1" install_python; }

# python3-apt is what Ansible's module `apt` asks for.
install_python() { chroot "$1" "${apt[@]}" install --no-install-recommends python3 python3-apt; }

# Without systemd: System V's init is PID 1, and busybox is sh, so that whoever relies on systemctl, on dash or on
# bash finds out here.
layer_sysvinit() {
    local tree=$1
    with_mirror "$tree" install_sysvinit
    # Nobody logs in at a terminal, and init complains when there is none.
    sed -i '/getty/d' "$tree/etc/inittab"
    cat >"$tree/etc/init.d/svcd" <<'SCRIPT'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          svcd
# Required-Start:    $remote_fs
# Required-Stop:     $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: Lab service
### END INIT INFO
case $1 in
    start) start-stop-daemon --start --background --exec /usr/sbin/svcd ;;
    stop) start-stop-daemon --stop --oknodo --exec /usr/sbin/svcd ;;
    restart | force-reload) "$0" stop && "$0" start ;;
    status) start-stop-daemon --status --exec /usr/sbin/svcd ;;
    *) exit 2 ;;
esac
SCRIPT
    chmod 755 "$tree/etc/init.d/svcd"
    chroot "$tree" update-rc.d svcd defaults
    ln -sf busybox "$tree/bin/sh"
}

install_sysvinit() {
    # systemd can't be removed by what runs under it; here nothing does.
    chroot "$1" "${apt[@]}" install --no-install-recommends sysvinit-core initscripts orphan-sysvinit-scripts busybox \
        systemd-sysv-
    chroot "$1" "${apt[@]}" purge systemd libpam-systemd
}

# With Debian's own updates waiting: what the mirror has for the base system, in a second repository of the host's own
# that calls itself Debian's security one. openssh-server waits too, where the mirror still has an older one to install.
layer_real() {
    local tree=$1 repo=$1/srv/real scratch native
    # shellcheck disable=SC2034  # publish, in repo.sh, reads it
    native=$(dpkg --print-architecture)
    scratch=$(mktemp -d)
    mkdir -p "$repo/pool/bookworm-security"
    with_mirror "$tree" fetch_updates
    mv "$tree"/var/cache/apt/archives/*.deb "$repo/pool/bookworm-security/"
    make_archive_key "$tree/usr/share/keyrings/real-archive-keyring.gpg"
    publish bookworm-security Debian-Security oldstable-security 12
    forget_archive_key
    rm -rf "$scratch"
    chmod -R a+rX "$repo"
    echo "deb [signed-by=/usr/share/keyrings/real-archive-keyring.gpg] file:///srv/real bookworm-security main" \
        >"$tree/etc/apt/sources.list.d/real.list"
    chroot "$tree" apt-get -q update
}

fetch_updates() {
    local tree=$1 older
    older=$(chroot "$tree" apt-cache "${sources[@]}" madison openssh-server |
        cut -d '|' -f 2 | sort -u -V -r | sed -n '2s/ //gp')
    if [ -n "$older" ]; then
        chroot "$tree" "${apt[@]}" --allow-downgrades install \
            "openssh-server=$older" "openssh-client=$older" "openssh-sftp-server=$older"
        rm -f "$tree"/var/cache/apt/archives/*.deb
        rm -f "$tree"/etc/ssh/ssh_host_*
    fi
    # Debian has a package `bar`, too.
    chroot "$tree" apt-mark hold bar
    chroot "$tree" "${apt[@]}" --download-only dist-upgrade
    chroot "$tree" apt-mark unhold bar
}
