# shellcheck shell=bash
# What is laid over the Debian tree to make it a lab host. Sourced by image.sh.
#
# A LAYER is a directory with the changes against the layer below, as an overlay
# mount records them. A host's KIND is the name of its top layer. layer_NAME makes
# the changes in the mounted tree $1; parent_of_layer says what is below.

# The kinds a host can be of. To add one: name it here, write layer_NAME.
host_kinds=(plain kernel python)

# parent_of_layer NAME
parent_of_layer() {
    case $1 in
        base) echo debian ;;
        *) echo base ;;
    esac
}

is_kind() { # NAME
    local kind
    for kind in "${host_kinds[@]}"; do [ "$kind" != "$1" ] || return 0; done
    return 1
}

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

layer_base() {
    local tree=$1 user suite unit

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

    # Packages come from the lab's repository and nowhere else.
    : >"$tree/etc/apt/sources.list"
    install -m 644 "$tree/srv/repo/archive-keyring.gpg" "$tree/usr/share/keyrings/lab-archive-keyring.gpg"
    for suite in bookworm bookworm-updates bookworm-security; do
        echo "deb [signed-by=/usr/share/keyrings/lab-archive-keyring.gpg] file:///srv/repo $suite main"
    done >"$tree/etc/apt/sources.list.d/lab.list"
    chroot "$tree" apt-get -q update
    tree_install "$tree" libfoo=1.0 svcd=1.0 bar=1.0 confpkg=1.0 heldpkg=1.0 keptback=1.0
    chroot "$tree" apt-mark hold heldpkg
    chroot "$tree" systemctl enable svcd
    sed -i 's/^listen=80$/listen=8080/' "$tree/etc/confpkg.conf"
}

layer_plain() { :; }

layer_kernel() { tree_install "$1" linux-fake=1.0; }

# With Python, for measuring wgops beside tools that need it on the hosts (benches/). The only layer that takes packages
# from Debian's mirror; its lists are kept apart, so that the host itself still knows the lab's repository alone.
layer_python() {
    local tree=$1 apt proxy
    # shellcheck disable=SC2154  # the release is named in debian.sh
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) $debian_release main" >"$tree/tmp/mirror.list"
    mkdir -p "$tree/tmp/lists/partial"
    cp /etc/resolv.conf "$tree/etc/resolv.conf"
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    apt=(apt-get -q -y -o Dir::Etc::SourceList=/tmp/mirror.list -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists=/tmp/lists ${proxy:+-o "Acquire::http::Proxy=$proxy"})
    chroot "$tree" "${apt[@]}" update
    # python3-apt is what Ansible's module `apt` asks for.
    DEBIAN_FRONTEND=noninteractive chroot "$tree" "${apt[@]}" install --no-install-recommends python3 python3-apt
    rm -rf "$tree/tmp/mirror.list" "$tree/tmp/lists"
    : >"$tree/etc/resolv.conf"
}
