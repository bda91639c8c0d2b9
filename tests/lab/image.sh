#!/bin/bash
# The cache: the Debian tree, the package repository, the layers of the hosts.
#
#   CACHE/debian-DIGEST/            the Debian tree (debian.sh)
#   CACHE/debian-RELEASE-DIGEST/    the tree of another release than the usual one
#   CACHE/image-DIGEST/repo         the repository (repo.sh); repo-RELEASE: of another release
#   CACHE/image-DIGEST/debian       the path of the tree; debian-RELEASE: of another release
#   CACHE/image-DIGEST/layers/NAME  layers (base.sh), made when first asked for
#   CACHE/image-DIGEST/users/       the labs that use the image
#
# The digest is that of the scripts which made the thing: a changed script makes a
# new image beside the old one, and a running lab keeps what it was started with.
# Everything is made under another name and renamed when complete.
#
# Sourced for the functions; run as a program by itself (`image.sh LAYER…`) inside a
# mount namespace of its own, so that no mount outlives a build, however it ends.
set -euo pipefail

# shellcheck source=tests/lab/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=tests/lab/debian.sh
. "$lab_source/debian.sh"
# shellcheck source=tests/lab/repo.sh
. "$lab_source/repo.sh"
# shellcheck source=tests/lab/base.sh
. "$lab_source/base.sh"

digest_of() { (cd "$lab_source" && cat "$@" && uname -m) | sha256sum | cut -c 1-12; }

# suffix_of RELEASE  what its files are told by; nothing for the usual release.
# shellcheck disable=SC2154  # the release is named in debian.sh
suffix_of() { [ "$1" = "$debian_release" ] || echo "-$1"; }

debian_digest=$(digest_of debian.sh)
debian_tree() { echo "$cache_root/debian$(suffix_of "$1")-$debian_digest"; } # RELEASE
current_image=$cache_root/image-$(digest_of debian.sh repo.sh base.sh)

# lowers_of_layer IMAGE NAME  the overlay's lowerdir list for a host whose top layer is
# NAME, topmost first.
lowers_of_layer() {
    local image=$1 name=$2 list='' release
    release=$(release_of_layer "$name")
    while [ -n "$name" ]; do
        list+=$image/layers/$name:
        name=$(parent_of_layer "$name")
    done
    echo "$list$(cat "$image/debian$(suffix_of "$release")")"
}

# repo_of_layer IMAGE NAME  the repository of a host whose top layer is NAME.
repo_of_layer() { echo "$1/repo$(suffix_of "$(release_of_layer "$2")")"; }

# use_image LAYER…  settles which image this lab uses, and that it has the layers.
use_image() {
    mkdir -p "$lab_dir"
    if [ ! -e "$lab_dir/image" ]; then echo "$current_image" | replace_file "$lab_dir/image"; fi
    local image
    image=$(cat "$lab_dir/image")
    if has_layers "$image" "$@"; then
        touch "$image" # tells prune_images when it was last of use
    elif [ "$image" = "$current_image" ]; then
        need_packages_to_build
        build_layers "$@"
    else
        die "the lab's scripts have changed since this lab was started: run \`down\`, then \`up\`"
    fi
    echo "$lab_dir" >"$image/users/${lab_dir//\//_}"
}

has_layers() { # IMAGE LAYER…
    local image=$1 name
    shift
    for name in "$@"; do [ -d "$image/layers/$name" ] || return 1; done
}

build_layers() {
    local log=$cache_root/build.log started=$SECONDS name release
    mkdir -p "$cache_root"
    for name in "$@"; do
        release=$(release_of_layer "$name")
        # Said by an exit status of its own: whoever can do without the host may go on.
        if [ ! -d "$(debian_tree "$release")" ] && ! mirror_has "$release"; then
            say "the mirror has no Debian $release"
            exit 3
        fi
    done
    say "building the image (log: $log)"
    if ! unshare --mount --propagation private bash "$lab_source/image.sh" "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        die "the build failed; the whole log is $log"
    fi
    say "image built in $((SECONDS - started)) s"
    prune_images
}

# From here on: inside the build's mount namespace, holding the cache lock.

build_all() {
    # What an interrupted build left. Its mounts went with its namespace.
    rm -rf --one-file-system "$cache_root"/building.*
    local name

    if [ ! -d "$current_image" ]; then
        mkdir -p "$cache_root/building.$$/layers" "$cache_root/building.$$/users"
        mv "$cache_root/building.$$" "$current_image"
    fi
    layers=("$@")
    mapfile -t releases < <(for name in "$@"; do release_of_layer "$name"; done | sort -u)
    for_each build_release "${releases[@]}"
}

# build_release RELEASE  its tree, its repository, and those of $layers that lie on them.
build_release() {
    local release=$1 suffix name work
    suffix=$(suffix_of "$release")
    work=$cache_root/building.$$.$release
    if [ ! -d "$(debian_tree "$release")" ]; then
        build_debian "$release" "$work"
        mv "$work" "$(debian_tree "$release")"
    fi
    if [ ! -d "$current_image/repo$suffix" ]; then
        build_repo "$release" "$work"
        mv "$work" "$current_image/repo$suffix"
    fi
    debian_tree "$release" | replace_file "$current_image/debian$suffix"
    for name in "${layers[@]}"; do
        if [ "$(release_of_layer "$name")" = "$release" ]; then build_layer "$name"; fi
    done
}

build_layer() {
    local name=$1 parent work lowers
    work=$cache_root/building.$$.$(release_of_layer "$name")
    [ ! -d "$current_image/layers/$name" ] || return 0
    parent=$(parent_of_layer "$name")
    if [ -n "$parent" ]; then
        build_layer "$parent"
        lowers=$(lowers_of_layer "$current_image" "$parent")
    else
        lowers=$(debian_tree "$(release_of_layer "$name")")
    fi

    mkdir -p "$work"/{upper,work,tree}
    mount -t overlay wgops-lab -o "lowerdir=$lowers,upperdir=$work/upper,workdir=$work/work" "$work/tree"
    mkdir -p "$work/tree/srv/repo"
    mount --bind "$(repo_of_layer "$current_image" "$name")" "$work/tree/srv/repo"
    mount -t proc proc "$work/tree/proc"
    mount -t tmpfs tmpfs "$work/tree/run"
    "layer_$name" "$work/tree"
    rm -rf "$work"/tree/var/cache/apt/archives/*.deb "$work"/tree/var/cache/apt/*.bin
    umount "$work/tree/run" "$work/tree/proc" "$work/tree/srv/repo" "$work/tree"
    mv "$work/upper" "$current_image/layers/$name"
    rm -rf --one-file-system "$work"
}

# Which labs use an image is written into the image, as one file for each lab.

image_unregister() {
    rm -f "$cache_root"/image-*/users/"${lab_dir//\//_}"
}

# image_in_use IMAGE  forgets labs that are gone or went over to another image.
image_in_use() {
    local user lab
    for user in "$1"/users/*; do
        [ -e "$user" ] || continue
        lab=$(cat "$user")
        if [ "$(cat "$lab/image" 2>/dev/null)" = "$1" ]; then return 0; fi
        rm -f "$user"
    done
    return 1
}

# prune_images  removes what other versions of the scripts built, when no lab uses it
# and none has for a week. (Two checkouts that differ share the cache; neither shall
# make the other build over and over.)
prune_images() {
    local path
    for path in "$cache_root"/image-*; do
        if [ ! -d "$path" ] || [ -z "$(find "$path" -maxdepth 0 -mtime +7)" ]; then continue; fi
        image_in_use "$path" || rm -rf --one-file-system "$path"
    done
    for path in "$cache_root"/debian-*; do
        if [ ! -d "$path" ] || [[ $path == *-"$debian_digest" ]]; then continue; fi
        grep -qsxF "$path" "$cache_root"/image-*/debian{,-*} || rm -rf --one-file-system "$path"
    done
}

# purge_cache  everything, unless a lab uses it.
purge_cache() {
    local path
    for path in "$cache_root"/image-*; do
        [ -d "$path" ] || continue
        if image_in_use "$path"; then die "a lab still uses $path: $(cat "$path"/users/*)"; fi
    done
    rm -rf --one-file-system "$cache_root"/image-* "$cache_root"/debian-* "$cache_root"/building.* "$cache_root/build.log"
    rmdir "$cache_root" 2>/dev/null || true
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then build_all "$@"; fi
