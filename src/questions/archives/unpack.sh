named=$src
if [ -n "$work" ]; then src=$work/archive; fi
readable "$@" || exit 1
state=same
if [ -n "$(differences "$@")" ]; then
  state=changed
  case $kind in
  ZipArchive) said=$(with_unzip extract "$@" 2>&1) ;;
  *) said=$(with_tar extract "$@" 2>&1) ;;
  esac || {
    printf 'failed to unpack %s to %s: %s\n' "$named" "$dest" "$said" >&2
    exit 1
  }
  if [ "$uid$gid$mode" != --- ]; then
    listing "$@" | while IFS= read -r name; do
      for path in "$dest/${name%%/*}" "$dest/${name%/}"; do
        [ -e "$path" ] || [ -L "$path" ] || continue
        if [ "$uid" != - ]; then chown -h "$uid" "$path" || exit 1; fi
        if [ "$gid" != - ]; then chgrp -h "$gid" "$path" || exit 1; fi
        if [ "$mode" != - ] && [ ! -L "$path" ]; then chmod "$mode" "$path" || exit 1; fi
      done
    done || exit 1
  fi
fi
printf '%s %s\n' "$state" "$kind"
if [ "$list" = yes ]; then listing "$@"; fi
exit 0
