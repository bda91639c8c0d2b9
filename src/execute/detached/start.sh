# Starts a script apart from the session. $1: the name of its directory. $2: who has it done. $3: for how many seconds it
# may go on. $4: what it does. $5: after how many seconds it is killed; 0: never. $6: of how many bytes of stdin it
# consists, what is behind them being a file beside it; 0: of all of them. $7: `secret` where none of it may lie on a disk,
# else `-`. It is called without arguments, which everybody could list: what it works with stands in it.
umask 077
if [ "$7" = secret ] && [ "$(id -u)" != 0 ]; then
    echo "a sealed value would lie on this host's disk while it goes on, for only root has a place in memory that outlives a session: add 'become: true', or leave 'async' out" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
dir=$base/$1
[ -d "$base" ] || (umask 022 && mkdir -p "$base") || exit 1
if ! mkdir "$dir" 2>/dev/null; then
    echo "$dir exists: this change was started before" >&2
    exit 1
fi
now=$(date +%s)
if ! { cat >"$dir/script" && [ -s "$dir/script" ] && printf '%s\n' "$4" >"$dir/summary" &&
    printf 'holder %s\nsince %s\nuntil %s\n' "$2" "$now" $((now + $3)) >"$dir/by"; } || {
    [ "$6" -gt 0 ] && ! { tail -c +$(($6 + 1)) "$dir/script" >"$dir/content" &&
        head -c "$6" "$dir/script" >"$dir/script.new" && mv "$dir/script.new" "$dir/script"; }
}; then
    echo "no room for the script in $dir" >&2
    rm -rf "$dir"
    exit 1
fi
limit=$5
if command -v setsid >/dev/null 2>&1; then apart=setsid; else apart=; fi
[ -z "${wgops_lc_all+x}" ] || export wgops_lc_all
(
    trap '' HUP INT
    $apart sh -c 'dir=$1 limit=$2 apart=$3
        { read -r stat </proc/$$/stat; read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
        start=$(set -- ${stat##*) }; echo "${20}")
        printf "pid %s\nstart %s\nboot %s\n" $$ "$start" "$boot" >"$dir/pid.new" && mv "$dir/pid.new" "$dir/pid"
        $apart sh "$dir/script" >"$dir/out" 2>"$dir/err" </dev/null & job=$!
        watch=
        if [ "$limit" -gt 0 ]; then
            $apart sh -c "sleep \"\$1\"; : >\"\$2/late\"; kill -9 \"-\$3\" 2>/dev/null || kill -9 \"\$3\"" \
                wgops "$limit" "$dir" "$job" & watch=$!
        fi
        wait "$job"
        status=$?
        [ -z "$watch" ] || kill -9 "-$watch" 2>/dev/null || kill -9 "$watch" 2>/dev/null
        [ ! -f "$dir/late" ] || status=124
        echo "$status" >"$dir/status.new" && mv "$dir/status.new" "$dir/status"
        [ ! -f "$dir/forget" ] || rm -rf "$dir"' wgops "$dir" "$limit" "$apart" \
        >/dev/null 2>&1 </dev/null &
)
# Whoever looks from now on finds out whether it goes on.
tries=0
while [ ! -f "$dir/pid" ] && [ "$tries" -lt 250 ]; do
    sleep 0.02 2>/dev/null || sleep 1
    tries=$((tries + 1))
done
:
