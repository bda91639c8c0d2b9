# What question and change of `unarchive` have in common: SRC DEST UID GID MODE NEWER COUNT, as many options of tar, and then
# names that are meant; none: all. For a zip archive the options are names that are left out.
src=$1 dest=$2 uid=$3 gid=$4 mode=$5 newer=$6 count=$7
shift 7
# Which program it takes; its name is what Ansible calls it by.
handler() {
  case $(head -c 4 -- "$1" | od -An -tx1 | tr -d ' \n') in
  504b*) echo ZipArchive ;;
  1f8b*) echo TgzArchive ;;
  425a68*) echo TarBzipArchive ;;
  fd377a58) echo TarXzArchive ;;
  28b52ffd) echo TarZstdArchive ;;
  *) echo TarArchive ;;
  esac
}
is_gnu() { tar --version 2>/dev/null | grep -q 'GNU tar'; }
# Calls tar with the options before the archive and the names behind it.
with_tar() {
  verb=$1
  shift
  left=$count
  while [ "$left" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    left=$((left - 1))
  done
  # Now the names stand first and the options last.
  names=$(($# - count))
  set -- "$@" -f "$src"
  while [ "$names" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    names=$((names - 1))
  done
  if is_gnu; then
    if [ "$newer" = yes ]; then set -- --keep-newer-files "$@"; fi
    case $verb in
    list) set -- --list --quoting-style=literal --show-transformed-names "$@" ;;
    diff) set -- --diff --quoting-style=literal --show-transformed-names -C "$dest" "$@" ;;
    *) set -- --extract -C "$dest" "$@" ;;
    esac
  else
    case $verb in
    list) set -- -t "$@" ;;
    *) set -- -x -C "$dest" "$@" ;;
    esac
  fi
  LC_ALL=C tar "$@"
}
with_unzip() {
  verb=$1
  shift
  left=$count
  while [ "$left" -gt 0 ]; do
    set -- "$@" "$1"
    shift
    left=$((left - 1))
  done
  names=$(($# - count))
  if [ "$count" -gt 0 ]; then
    # What is left out stands behind -x, and behind what is meant.
    left=$names
    while [ "$left" -gt 0 ]; do
      set -- "$@" "$1"
      shift
      left=$((left - 1))
    done
    excluded=$count
    set -- "$@" -x
    while [ "$excluded" -gt 0 ]; do
      set -- "$@" "$1"
      shift
      excluded=$((excluded - 1))
    done
  fi
  command -v unzip >/dev/null 2>&1 || { echo 'unzip is not installed on this host' >&2; return 1; }
  case $verb in
  list) unzip -Z1 "$src" "$@" ;;
  *)
    if [ "$newer" = yes ]; then how=-uo; else how=-o; fi
    unzip -q "$how" "$src" "$@" -d "$dest"
    ;;
  esac
}
listing() {
  case $kind in
  ZipArchive) with_unzip list "$@" ;;
  *) with_tar list "$@" ;;
  esac
}
# Prints what is missing or different; nothing: all is there.
differences() {
  case $kind in
  ZipArchive)
    with_unzip list "$@" | while IFS= read -r name; do
      case $name in
      */) [ -d "$dest/$name" ] || printf 'missing %s\n' "$name" ;;
      *)
        # Its names are patterns.
        plain=$(printf '%s' "$name" | sed 's/[][*?\\]/\\&/g')
        unzip -p "$src" "$plain" 2>/dev/null | cmp -s - "$dest/$name" || printf 'different %s\n' "$name"
        ;;
      esac
    done
    ;;
  *)
    if is_gnu; then
      with_tar diff "$@" 2>&1 | while IFS= read -r line; do
        case $line in
        # Nothing is left of a name whose parts are stripped.
        'tar: : '*) continue ;;
        *': Uid differs') [ "$uid" = - ] && [ "$(id -u)" = 0 ] || continue ;;
        *': Gid differs') [ "$gid" = - ] && [ "$(id -u)" = 0 ] || continue ;;
        *': Mode differs') [ "$mode" = - ] || continue ;;
        # A directory changes with what lies in it.
        *': Mod time differs') [ ! -d "$dest/${line%: Mod time differs}" ] || continue ;;
        *': Warning: Cannot stat: '* | *': Contents differ' | *': Size differs' | *': File type differs' | *': Symlink differs' | *': Not linked to '*) ;;
        *) continue ;;
        esac
        printf '%s\n' "$line"
      done
    else
      with_tar list "$@" | while IFS= read -r name; do
        [ -e "$dest/$name" ] || [ -L "$dest/$name" ] || printf 'missing %s\n' "$name"
      done
    fi
    ;;
  esac
  attributes "$@"
}
# Prints which of what was unpacked is not owned or moded as it should be.
attributes() {
  [ "$uid$gid$mode" != --- ] || return 0
  listing "$@" 2>/dev/null | while IFS= read -r name; do
    path=$dest/${name%/}
    [ -e "$path" ] || continue
    set -- $(stat -c '%u %g %a' -- "$path")
    if [ "$uid" != - ] && [ "$uid" != "$1" ]; then printf 'owner of %s\n' "$name"; continue; fi
    if [ "$gid" != - ] && [ "$gid" != "$2" ]; then printf 'group of %s\n' "$name"; continue; fi
    case $mode in
    - | *[!0-7]*) ;;
    *) [ -L "$path" ] || [ "$((0$3))" -eq "$((0$mode))" ] || printf 'mode of %s\n' "$name" ;;
    esac
  done
}
readable() {
  [ -e "$src" ] || { printf "Source '%s' does not exist\n" "$src" >&2; return 1; }
  [ -r "$src" ] || { printf "Source '%s' not readable\n" "$src" >&2; return 1; }
  [ -s "$src" ] || { printf "Invalid archive '%s', the file is 0 bytes\n" "$src" >&2; return 1; }
  [ -d "$dest" ] || { printf "Destination '%s' is not a directory\n" "$dest" >&2; return 1; }
  kind=$(handler "$src")
  said=$(listing "$@" 2>&1 >/dev/null) || {
    printf "'%s' can't be read as an archive: %s\n" "$src" "$said" >&2
    return 1
  }
}
