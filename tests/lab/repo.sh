# shellcheck shell=bash
# The hosts' only source of packages: for each release of Debian a signed apt
# repository with three suites that look like Debian's own. Sourced by image.sh.
#
# Every package exists as 1.0 in the release (`bookworm`) and as 1.1 in its suite named
# here (`bookworm-security`), so that a host which has 1.0 installed has 1.1 waiting. To
# add a package, add a line here, and a function contents_NAME when it shall hold more
# than a version file. Nothing may depend on the libc of the machine that builds it.
declare -A update_suite=(
    # Installed on every host (base.sh says how).
    [libfoo]=security     # a shared library that a running service uses
    [svcd]=updates        # that service
    [bar]=updates         # nothing special
    [confpkg]=updates     # its configuration file is changed on the hosts
    [heldpkg]=security    # on hold on the hosts
    [keptback]=updates    # 1.1 needs a package that is not installed
    # Installed on some hosts.
    [linux-fake]=security # 1.1 asks for a reboot
    # For tests to install: apt-get install NAME=1.0
    [failpost]=updates    # the postinst of 1.1 fails
    [slowpost]=updates    # the postinst of 1.1 takes eight seconds
    [asker]=updates       # the postinst of 1.1 reads standard input
    [bulky]=updates       # 1.1 takes 60 MB of disk, and says so
    [liar]=updates        # 1.1 takes 100 MB of disk, and says 1 kB
    [sshcutter]=updates   # the postinst of 1.1 restarts sshd and ends every session
)

# The functions below fill $stage, the directory the package is made from, and may
# set $depends and $architecture. $1 is the version.

# postinst: makes standard input the package's postinst script.
postinst() {
    cat >"$stage/DEBIAN/postinst"
    chmod 755 "$stage/DEBIAN/postinst"
}

compile_libfoo() { # VERSION DIRECTORY
    printf 'const char *foo_version(void) { return "%s"; }\n' "$1" |
        gcc -x c -shared -fPIC -nostdlib -Wl,-soname,libfoo.so.1 -o "$2/libfoo.so.1" -
}

contents_libfoo() {
    architecture=$native
    depends=libc6
    local lib
    lib=$stage/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
    mkdir -p "$lib"
    compile_libfoo "$1" "$lib"
    postinst <<'SCRIPT'
#!/bin/sh
set -e
ldconfig
SCRIPT
}

# The service is NOT restarted by its own upgrade, so that after an upgrade it
# still runs the old program with the old library: what an audit has to notice.
# It is static and maps the library as ld.so would: one program for every release.
contents_svcd() {
    architecture=$native
    depends='libc6, libfoo'
    mkdir -p "$stage/usr/sbin" "$stage/lib/systemd/system"
    gcc -x c -static -O1 -s -o "$stage/usr/sbin/svcd" - <<SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
    int library = open("/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)/libfoo.so.1", O_RDONLY);
    void *code = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, library, 0);
    if (library < 0 || code == MAP_FAILED) { perror("svcd: libfoo.so.1"); return 1; }
    puts("svcd $1");
    fflush(stdout);
    for (;;) pause();
}
SOURCE
    cat >"$stage/lib/systemd/system/svcd.service" <<UNIT
[Unit]
Description=Lab service $1

[Service]
ExecStart=/usr/sbin/svcd

[Install]
WantedBy=multi-user.target
UNIT
}

contents_confpkg() {
    mkdir -p "$stage/etc"
    printf '# settings of confpkg %s\nlisten=80\nworkers=4\n' "$1" >"$stage/etc/confpkg.conf"
    echo /etc/confpkg.conf >"$stage/DEBIAN/conffiles"
}

contents_keptback() {
    if [ "$1" = 1.1 ]; then depends=newdep; fi
}

contents_linux-fake() {
    [ "$1" = 1.1 ] || return 0
    # Word for word what a kernel's hook leaves behind on a Debian host.
    postinst <<'SCRIPT'
#!/bin/sh
set -e
echo '*** System restart required ***' > /run/reboot-required
if ! grep -qsx linux-fake /run/reboot-required.pkgs; then
    echo linux-fake >> /run/reboot-required.pkgs
fi
SCRIPT
}

contents_failpost() {
    [ "$1" = 1.1 ] || return 0
    postinst <<'SCRIPT'
#!/bin/sh
echo 'failpost: cannot migrate the database' >&2
exit 1
SCRIPT
}

contents_slowpost() {
    [ "$1" = 1.1 ] || return 0
    postinst <<'SCRIPT'
#!/bin/sh
set -e
for step in 1 2 3 4 5 6 7 8; do
    echo "slowpost: step $step of 8"
    sleep 1
done
SCRIPT
}

contents_asker() {
    [ "$1" = 1.1 ] || return 0
    postinst <<'SCRIPT'
#!/bin/sh
printf 'asker: continue? [y/N] '
read -r answer || answer='end of input'
echo "asker: got $answer"
SCRIPT
}

# Megabytes of zeros are hardly anything in a compressed package.
zeros() { # MEGABYTES
    compression=gzip
    mkdir -p "$stage/usr/share/$name"
    head -c "${1}M" /dev/zero >"$stage/usr/share/$name/zeros"
}

contents_bulky() { if [ "$1" = 1.1 ]; then zeros 60; fi; }

contents_liar() {
    if [ "$1" = 1.1 ]; then zeros 100; fi
    installed_kb=1
}

contents_sshcutter() {
    [ "$1" = 1.1 ] || return 0
    postinst <<'SCRIPT'
#!/bin/sh
echo 'sshcutter: restarting sshd, and no session shall outlive it'
if [ -d /run/systemd/system ]; then systemctl restart ssh; else /etc/init.d/ssh restart; fi
# sshd 9.8 and later name a session's process after another program.
pkill -KILL -f '^sshd(-session)?: ' || true
SCRIPT
}

# pack NAME VERSION SUITE
pack() {
    local name=$1 version=$2 suite=$3
    local stage=$scratch/stage architecture=all depends='' compression=none installed_kb=''
    rm -rf "$stage"
    mkdir -p "$stage/DEBIAN" "$stage/usr/share/doc/$name"
    echo "$name $version" >"$stage/usr/share/doc/$name/VERSION"
    if declare -F "contents_$name" >/dev/null; then "contents_$name" "$version"; fi
    {
        echo "Package: $name"
        echo "Version: $version"
        echo "Architecture: $architecture"
        echo "Maintainer: Lab <lab@example.invalid>"
        echo "Section: misc"
        echo "Priority: optional"
        [ -z "$depends" ] || echo "Depends: $depends"
        echo "Installed-Size: ${installed_kb:-$(du --apparent-size -sk "$stage" | cut -f 1)}"
        echo "Description: lab package $name"
    } >"$stage/DEBIAN/control"
    mkdir -p "$repo/pool/$suite"
    dpkg-deb --root-owner-group "-Z$compression" -z1 --build "$stage" "$repo/pool/$suite/${name}_${version}_$architecture.deb" >/dev/null
}

# publish SUITE LABEL SUITE_FIELD VERSION  indexes and signs the packages of a suite.
publish() {
    local suite=$1 label=$2 suite_field=$3 version=$4
    local dist=dists/$suite option=APT::FTPArchive::Release
    (
        cd "$repo" || exit
        mkdir -p "$dist/main/binary-$native"
        apt-ftparchive packages "pool/$suite" >"$dist/main/binary-$native/Packages"
        gzip -9nk "$dist/main/binary-$native/Packages"
        # Written elsewhere first: a Release file must not list itself.
        apt-ftparchive -o "$option::Origin=Debian" -o "$option::Label=$label" \
            -o "$option::Suite=$suite_field" -o "$option::Codename=$suite" -o "$option::Version=$version" \
            -o "$option::Architectures=$native" -o "$option::Components=main" \
            release "$dist" >"$scratch/Release"
        mv "$scratch/Release" "$dist/Release"
        gpg --batch --quiet --clearsign --output "$dist/InRelease" "$dist/Release"
        gpg --batch --quiet --armor --detach-sign --output "$dist/Release.gpg" "$dist/Release"
    )
}

# A key that lives as long as what is made with it: no repository is changed afterwards.
# (In /tmp and not below the cache, because the path of gpg-agent's socket may not be
# longer than a hundred characters.)
make_archive_key() { # FILE  where its public part goes
    export GNUPGHOME=$scratch/gnupg
    install -d -m 700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-gen-key 'Lab archive <lab@example.invalid>' ed25519 sign never
    gpg --batch --export >"$1"
}

forget_archive_key() {
    gpgconf --kill all
    unset GNUPGHOME
}

# build_repo RELEASE DIRECTORY
build_repo() {
    local release=$1 repo=$2 scratch native name
    native=$(dpkg --print-architecture)
    scratch=$(mktemp -d)
    mkdir -p "$repo"

    for name in "${!update_suite[@]}"; do
        pack "$name" 1.0 "$release"
        pack "$name" 1.1 "$release-${update_suite[$name]}"
    done
    pack newdep 1.0 "$release-updates"

    make_archive_key "$repo/archive-keyring.gpg"
    # Debian's own fields as the releases show them in November 2026; only the label (and the
    # codename) tell of each that a suite is the security one.
    local age version
    case $release in
        bullseye) age=oldoldstable version=11.11 ;;
        bookworm) age=oldstable version=12.15 ;;
        trixie) age=stable version=13.8 ;;
    esac
    publish "$release" Debian "$age" "$version"
    publish "$release-updates" Debian "$age-updates" "${version%.*}-updates"
    publish "$release-security" Debian-Security "$age-security" "${version%.*}"
    forget_archive_key
    rm -rf "$scratch"
    # apt reads as the user _apt.
    chmod -R a+rX "$repo"
}
