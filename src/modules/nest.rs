//! Files that are made in folders which may belong to somebody else: whoever owns a folder can put a link in the place of
//! any name in it at any moment, and what root then writes, owns or modes by that name would be another file. So nothing
//! is opened, owned or moded by a name that others can change: it is made in a folder that only we can enter, or held by a
//! descriptor.

/// Shell functions for files that are made whole and then put in their place.
///
/// `nest PATH` goes into a folder of our own beside the path; `settle NAME PATH` puts what was made there in its place,
/// also where a link lies there; `leave` removes the folder, and belongs into a trap.
macro_rules! nest {
    () => {
        r#"nest=
nest() {
    nest=$(umask 077; mktemp -d "${1%/*}/.wgops.XXXXXXXXXX") || exit 1
    cd -P -- "$nest" && [ -O . ] && [ "${PWD##*/}" = "${nest##*/}" ] && return 0
    printf '%s was put away meanwhile\n' "$nest" >&2
    exit 113
}
leave() { if [ -n "$nest" ]; then cd / && rm -rf -- "$nest"; fi; }
settle() {
    said=$(mv -fT -- "./$1" "../${2##*/}" 2>&1) && return 0
    case $said in
    *option*) mv -f -- "./$1" "../${2##*/}" ;;
    *) printf '%s\n' "$said" >&2; return 1 ;;
    esac
}
"#
    };
}
pub(super) use nest;

/// Shell functions: `hold PATH` sets `$held` to what names the file or directory that lies there now, whatever is put in its
/// place; `give UID GID` gives that to somebody, where - stays. Only root can be led astray, and what is neither (a link, a
/// device) keeps its name.
macro_rules! hold {
    () => {
        r#"hold() {
    held=$1
    [ "$(id -u)" = 0 ] && [ -e /proc/self/fd/0 ] && [ ! -L "$1" ] || return 0
    [ -f "$1" ] || [ -d "$1" ] || return 0
    exec 7<"$1"
    held=/proc/self/fd/7
    [ "$(stat -c %d:%i -- "$1")" = "$(stat -L -c %d:%i $held)" ] && return 0
    printf '%s is not as it was seen\n' "$1" >&2
    exit 113
}
give() {
    case $held in
    /proc/self/fd/*) ;;
    *)
        if [ "$1" != - ]; then chown -h "$1" "$held" || return 1; fi
        if [ "$2" != - ]; then chgrp -h "$2" "$held" || return 1; fi
        return 0
        ;;
    esac
    [ "$1$2" != -- ] || return 0
    uid=$1 gid=$2
    # Both at once: what is left out busybox takes from the link in /proc.
    if [ "$uid" = - ]; then uid=$(stat -L -c %u "$held") || return 1; fi
    if [ "$gid" = - ]; then gid=$(stat -L -c %g "$held") || return 1; fi
    chown "$uid:$gid" "$held"
}
"#
    };
}
pub(super) use hold;
