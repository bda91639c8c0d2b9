# Twelve words that `request` takes, all empty where nothing is fetched; then what follows takes. SRC is - where the archive
# is on stdin; LIST, the last of the fixed words, is yes where the names are to be told.
work=
trap 'if [ -n "$work" ]; then rm -rf -- "$work"; fi' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
fetched() {
  # Nobody but the user can read what comes.
  work=$(umask 077; mktemp -d "${TMPDIR:-/tmp}/.wgops.XXXXXXXXXX") || exit 1
}
if [ -n "$2" ]; then
  fetched
  into=$work/archive
  request "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "${10}" "${11}" "${12}" >"$work/said" 2>"$work/errors"
  code=$(code_of "$work/said" "$work/errors")
  if [ "$code" != 200 ]; then
    sed -n 's/^unable //p' "$work/said" >&2
    grep -v '^elapsed ' "$work/errors" >&2
    printf 'Failure downloading %s, status %s\n' "$2" "${code:-none}" >&2
    exit 1
  fi
fi
shift 12
list=$1
shift
if [ "$1" = - ]; then
  fetched
  cat >"$work/archive" || exit 1
fi
