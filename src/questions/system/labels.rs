//! What files carry beside their content: capabilities, extended attributes; whether a patch is in them; what is kept in
//! `htpasswd` files.

use super::questions;
use crate::model::Subject;

fn packages_and(path: Option<&String>) -> Vec<Subject> {
    let path = path.filter(|path| path.starts_with('/')).map(|path| Subject::path(path));
    path.into_iter().chain([Subject::Packages]).collect()
}

questions! {
    /// Asks for a program's capabilities: its path. Without the path in front.
    Capabilities {
        script: "capabilities",
        reads: |words| packages_and(words.first()),
        text: r#"PATH=$PATH:/usr/sbin:/sbin
command -v getcap >/dev/null 2>&1 || { echo 'this host has no getcap (libcap2-bin)' >&2; exit 3; }
[ -e "$1" ] || { printf '%s is not there\n' "$1" >&2; exit 3; }
said=$(getcap "$1") || { printf 'Unable to get capabilities of %s\n' "$1" >&2; exit 3; }
said=${said#"$1"}
printf '%s\n' "${said# =}""#,
    }

    /// Asks for a path's extended attributes: `-h` or nothing, the path. As `getfattr -d` has them, values in base64.
    ExtendedAttributes {
        script: "extended_attributes",
        reads: |words| packages_and(words.get(1)),
        text: r#"command -v getfattr >/dev/null 2>&1 || { echo 'this host has no getfattr (attr)' >&2; exit 3; }
[ -e "$2" ] || [ -L "$2" ] || { echo 'path not found or not accessible!' >&2; exit 3; }
getfattr $1 --absolute-names -d -m - -e base64 -- "$2" || exit 3"#,
    }

    /// Asks whether a patch is in place: directory, file or nothing, how many parts of names to strip, options, the patch or
    /// nothing, the patch's file. `applied`, `applies`, or what patch says against it, for both directions.
    PatchState {
        script: "patch_state",
        reads: |words| packages_and(words.first()).into_iter().chain(packages_and(words.get(5))).collect(),
        text: r#"command -v patch >/dev/null 2>&1 || { echo 'this host has no patch' >&2; exit 3; }
cd -- "$1" 2>/dev/null || { printf "basedir %s doesn't exist\n" "$1" >&2; exit 3; }
if [ -n "$2" ] && [ ! -w "$2" ]; then printf "dest %s doesn't exist or not writable\n" "$2" >&2; exit 3; fi
if [ -z "$5" ] && [ ! -r "$6" ]; then printf "src %s doesn't exist or not readable\n" "$6" >&2; exit 3; fi
case $(patch --version 2>/dev/null) in GNU*) force=-f ;; *) force= ;; esac
feed() { if [ -n "$5" ]; then printf '%s' "$5"; else cat <"$6"; fi; }
try() {
    way=$1
    shift
    feed "$@" | patch $force --dry-run $way "-p$3" $4 ${2:+"$2"} 2>&1
}
if try -R "$@" >/dev/null; then echo undoable; fi
if said=$(try -N "$@"); then echo applicable; else printf '%s\n' "$said" | head -n 5; fi
exit 0"#,
    }

    /// Asks openssl for a password's hash: its kind (`-apr1`, `-1`, `-5`, `-6`), a salt or nothing for a new one, the password.
    PasswordHash {
        script: "password_hash",
        reads: |_| vec![Subject::Packages],
        text: r#"command -v openssl >/dev/null 2>&1 || { echo 'this host has no openssl, which passwords are hashed with' >&2; exit 3; }
printf '%s\n' "$3" | openssl passwd "$1" ${2:+-salt "$2"} -stdin || exit 3"#,
    }

    /// Asks for bytes by chance, in hexadecimal: how many.
    RandomBytes {
        script: "random_bytes",
        reads: |_| vec![],
        text: r#"od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'"#,
    }
}
