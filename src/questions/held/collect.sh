# Waits for a detached script's end and prints how far it is, then what it printed. $1: the name of its directory.
# $2: how many bytes to print of each stream, from the end. $3: for how many seconds to wait. $4: how many bytes of its
# output are known already.
#
# The first line: `ended STATUS`, `cut` (it neither goes on nor ended), `none` (there is no such directory), or
# `going BYTES` with what came since: after a second as soon as there is something new. It removes nothing: the line may
# be cut before the output arrives.
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
dir=$base/$1 left=$(($3 * 100)) seen=$4 waited=0
while [ ! -f "$dir/status" ]; do
    [ -d "$dir" ] || { echo none; exit 0; }
    read_lines "$dir/pid"
    if ! is_alive "$pid" "$start" "$from_boot" && [ ! -f "$dir/status" ]; then
        echo cut
        tail -c "$2" "$dir/out" 2>/dev/null
        tail -c "$2" "$dir/err" 2>/dev/null >&2
        exit 0
    fi
    bytes=$(wc -c 2>/dev/null <"$dir/out")
    bytes=$((bytes + 0))
    if [ "$left" -le 0 ] || { [ "$waited" -ge 100 ] && [ "$bytes" -gt "$seen" ]; }; then
        echo "going $bytes"
        [ $((bytes - seen)) -le 65536 ] || seen=$((bytes - 65536))
        [ "$bytes" -le "$seen" ] || tail -c +$((seen + 1)) "$dir/out" | head -c $((bytes - seen))
        exit 0
    fi
    if [ "$waited" -lt 200 ]; then pause=0.05 ticks=5; else pause=0.2 ticks=20; fi
    sleep "$pause" 2>/dev/null || { sleep 1; ticks=100; }
    left=$((left - ticks)) waited=$((waited + ticks))
done
read -r status <"$dir/status"
echo "ended $status"
tail -c "$2" "$dir/out"
tail -c "$2" "$dir/err" >&2
:
