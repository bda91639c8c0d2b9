# shellcheck shell=bash
# The hosts' only source of packages: a signed apt repository with three suites
# that look like Debian's own. Sourced by image.sh.
#
# Every package exists as 1.0 in `bookworm` and as 1.1 in the suite named here, so
# that a host which has 1.0 installed has 1.1 waiting. To add a package, add a line
# here, and a function contents_NAME when it shall hold more than a version file.
declare -A update_suite=(
    # Installed on every host (base.sh says how).
    [libfoo]=bookworm-security     # a shared library that a running service uses
    [svcd]=bookworm-updates        # that service
    [bar]=bookworm-updates         # nothing special
    [confpkg]=bookworm-updates     # its configuration file is changed on the hosts
    [heldpkg]=bookworm-security    # on hold on the hosts
    [keptback]=bookworm-updates    # 1.1 needs a package that is not installed
    # Installed on some hosts.
    [linux-fake]=bookworm-security # 1.1 asks for a reboot
    # For tests to install: apt-get install NAME=1.0
    [failpost]=bookworm-updates    # the postinst of 1.1 fails
    [slowpost]=bookworm-updates    # the postinst of 1.1 takes eight seconds
    [asker]=bookworm-updates       # the postinst of 1.1 reads standard input
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
        gcc -x c -shared -fPIC -Wl,-soname,libfoo.so.1 -o "$2/libfoo.so.1" -
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
contents_svcd() {
    architecture=$native
    depends='libc6, libfoo'
    local link
    link=$(mktemp -d -p "$scratch")
    compile_libfoo "$1" "$link"
    mkdir -p "$stage/usr/sbin" "$stage/lib/systemd/system"
    gcc -x c -o "$stage/usr/sbin/svcd" - -L"$link" -l:libfoo.so.1 <<SOURCE
#include <stdio.h>
#include <unistd.h>
const char *foo_version(void);
int main(void) {
    printf("svcd $1 with libfoo %s\n", foo_version());
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

# pack NAME VERSION SUITE
pack() {
    local name=$1 version=$2 suite=$3
    local stage=$scratch/stage architecture=all depends=
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
        echo "Description: lab package $name"
    } >"$stage/DEBIAN/control"
    mkdir -p "$repo/pool/$suite"
    dpkg-deb --root-owner-group -Znone --build "$stage" "$repo/pool/$suite/${name}_${version}_$architecture.deb" >/dev/null
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

# build_repo DIRECTORY
build_repo() {
    local repo=$1 scratch native name
    native=$(dpkg --print-architecture)
    scratch=$(mktemp -d)
    mkdir -p "$repo"

    for name in "${!update_suite[@]}"; do
        pack "$name" 1.0 bookworm
        pack "$name" 1.1 "${update_suite[$name]}"
    done
    pack newdep 1.0 bookworm-updates

    # The signing key lives as long as this build: the repository is never changed
    # afterwards. (In /tmp and not below the cache, because the path of gpg-agent's
    # socket may not be longer than a hundred characters.)
    export GNUPGHOME=$scratch/gnupg
    install -d -m 700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-gen-key 'Lab archive <lab@example.invalid>' ed25519 sign never
    gpg --batch --export >"$repo/archive-keyring.gpg"

    # Debian's own fields as bookworm shows them today: `oldstable`, and only the
    # label (and the codename) tell that a suite is the security one.
    publish bookworm Debian oldstable 12.15
    publish bookworm-updates Debian oldstable-updates 12-updates
    publish bookworm-security Debian-Security oldstable-security 12

    gpgconf --kill all
    unset GNUPGHOME
    rm -rf "$scratch"
    # apt reads as the user _apt.
    chmod -R a+rX "$repo"
}
