# DEST STAMP STATUSES SUM MODE UID GID BACKUP UNSAFE PLACE, then what request takes. STATUSES are joined by commas; SUM is
# algorithm:digest, or -. Behind what the request says stands a line of its own and then what came of the file.
dest=$1 stamp=$2 statuses=$3 wanted=$4 mode=$5 uid=$6 gid=$7 backup=$8 unsafe=$9
shift 9
place=$1
shift
exec 3<&0 </dev/null
umask 077
still() {
  if [ "$stamp" = - ]; then
    [ -e "$dest" ] || [ -L "$dest" ] || return 0
  else
    [ "$(stat -L -c %f:%u:%g -- "$dest" 2>/dev/null)" = "$stamp" ] && return 0
  fi
  printf '%s is not as it was seen\n' "$dest" >&2
  exit 113
}
still
work=
trap 'if [ -n "$work" ]; then cd / && rm -rf -- "$work"; fi' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d "${place:-${dest%/*}}/.wgops.XXXXXXXXXX") || exit 1
# The directory may belong to somebody else, who can put something else under each name in it.
cd -P -- "$work" && [ -O . ] && [ "${PWD##*/}" = "${work##*/}" ] || exit 113
into=./body
request "$@" >./said 2>./errors
cat ./said
cat ./errors >&2
code=$(code_of ./said ./errors)
case ,$statuses, in *",$code,"*) ;; *) exit 1 ;; esac
[ -e "$into" ] || : >"$into" || exit 1
if [ "$wanted" != - ]; then
  sum=$("${wanted%%:*}sum" <"$into") || exit 1
  if [ "${sum%% *}" != "${wanted#*:}" ]; then
    printf 'The checksum for %s did not match %s; it was %s.\n' "$dest" "${wanted#*:}" "${sum%% *}" >&2
    exit 1
  fi
fi
sums=$(sha1sum <"$into") || exit 1
state=same saved=
if [ ! -f "$dest" ] || ! cmp -s -- "$into" "$dest"; then
  state=changed
  if [ "$mode" != - ]; then chmod "$mode" "$into" || exit 1; fi
  if [ "$uid" != - ]; then chown "$uid" "$into" || exit 1; fi
  if [ "$gid" != - ]; then chgrp "$gid" "$into" || exit 1; fi
  if [ "$mode" != - ]; then chmod "$mode" "$into" || exit 1; fi
  still
  if [ "$backup" = yes ] && [ -e "$dest" ]; then
    saved=$dest.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -p -- "$dest" ./saved && mv -fT -- ./saved "$saved" || exit 1
  fi
  # A link is followed to what it leads to.
  real=$dest
  if [ -L "$dest" ]; then real=$(readlink -f -- "$dest") || exit 1; fi
  if ! mv -fT -- "$into" "$real"; then
    [ "$unsafe" = yes ] || exit 1
    cat <"$into" >"$real" || exit 1
  fi
else
  before=$(stat -L -c %a:%u:%g -- "$dest")
  held=$dest
  if [ -e /proc/self/fd/0 ] && [ -r "$dest" ]; then
    exec 7<"$dest"
    held=/proc/self/fd/7
    cmp -s -- "$into" $held || exit 113
  fi
  if [ "$uid$gid" != -- ]; then
    # Both at once: what is left out busybox takes from the link in /proc.
    if [ "$uid" = - ]; then uid=$(stat -L -c %u $held) || exit 1; fi
    if [ "$gid" = - ]; then gid=$(stat -L -c %g $held) || exit 1; fi
    chown "$uid:$gid" "$held" || exit 1
  fi
  if [ "$mode" != - ]; then chmod "$mode" "$held" || exit 1; fi
  [ "$(stat -L -c %a:%u:%g -- "$dest")" = "$before" ] || state=changed
fi
printf '\n--placed %s %s\n' "$state" "${sums%% *}"
stat -L -c '%f %u %g %s
%U
%G' -- "$dest" || exit 1
if [ -n "$saved" ]; then printf '%s\n' "$saved"; fi
exit 0
