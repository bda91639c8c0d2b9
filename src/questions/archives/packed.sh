dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
list=$dir/list
plan "$@"
[ -n "$root" ] || exit 0
cd "$root" || exit 3
case $format in
zip) tools='zip unzip' ;;
bz2) tools=bzip2 ;;
xz) tools=xz ;;
zstd) tools=zstd ;;
*) tools=gzip ;;
esac
unset IFS
for tool in $tools; do
    command -v "$tool" >/dev/null 2>&1 || { echo "this host has no $tool" >&2; exit 3; }
done
sed 's/^/member /' "$list"
[ -e "$dest" ] || { echo 'state absent'; exit 0; }
# One file alone is compressed, and no archive.
if [ "$always" = no ]; then
    if unpack <"$dest" 2>/dev/null | cmp -s - "$(cat "$list")"; then echo 'state same'; else echo 'state differs'; fi
    exit 0
fi
if [ "$format" = zip ]; then
    unzip -Z1 "$dest" 2>/dev/null | sed 's,/$,,' | sort >"$dir/there"
else
    unpack <"$dest" 2>/dev/null >"$dir/tar" || { echo 'state differs'; exit 0; }
    tar -tf "$dir/tar" 2>/dev/null | sed 's,/$,,' | sort >"$dir/there"
fi
sort "$list" | cmp -s - "$dir/there" || { echo 'state differs'; exit 0; }
if tar --version 2>/dev/null | grep -q GNU; then gnu=yes; else gnu=no; fi
while IFS= read -r name; do
    [ -f "$name" ] && [ ! -L "$name" ] || continue
    if [ "$format" = zip ]; then
        # A bracket in a name would be a pattern.
        escaped=$(printf '%s' "$name" | sed 's/[][*?\\]/\\&/g')
        unzip -p "$dest" "$escaped" 2>/dev/null
    else
        # GNU's takes a name as it is, busybox's as a pattern.
        case $gnu in
        yes) tar -xOf "$dir/tar" -- "$name" ;;
        *) tar -xOf "$dir/tar" -- "$(printf '%s' "$name" | sed 's/[][*?\\]/\\&/g')" ;;
        esac 2>/dev/null
    fi | cmp -s - "$name" || { echo 'state differs'; exit 0; }
done <"$list"
echo 'state same'
