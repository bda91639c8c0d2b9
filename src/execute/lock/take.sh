# Takes this host's lock for a run, or renews it. $1: the run. $2: its holder. $3: for how many seconds. $4: what the
# host's own log is to say; nothing if it was said. $5: which wgops it is, for a run may be resumed by another. Ends with 116 and says who has the lock where somebody else has.
# $6: what that log says of a plan that was applied; ends with 117 and says so where another run says it there.
#
# Whoever wants it puts a claim first and looks for others afterwards: of two, at least one sees the other and steps back.
umask 022
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:-/nonexistent}/.wgops; fi
run=$1 by=$2 lease=$3 me=$1.$5
mine=$base/lock/$me
own=
process_start_of_this=$(process_start $$)

# put STATE  writes the lock's file in one step; fails where it can't be written.
put() {
    mkdir -p "$base/lock" &&
        printf 'holder %s\nsince %s\nuntil %s\npid %s\nstart %s\nboot %s\nstate %s\n' \
            "$by" "$taken" $((now + lease)) $$ "$process_start_of_this" "$boot" "$1" >"$base/lock/.$me.$$" &&
        mv -f "$base/lock/.$me.$$" "$mine"
} 2>/dev/null

# write STATE  puts it, again where somebody cleared the empty directory away meanwhile.
write() {
    put "$1" || put "$1" || put "$1" && return
    [ "$(id -u)" = 0 ] || { echo 'none'; exit 0; }
    echo "$mine can't be written: is there room in /run?" >&2
    exit 1
}

# say TEXT…  prints each that isn't empty.
say() {
    for text; do [ -z "$text" ] || printf '%s\n' "$text"; done
}

taken=$now
if [ -f "$mine" ]; then
    if is_kept "$mine" && [ "$state" = held ]; then own=held; fi
    [ "$since" = 0 ] || taken=$since
fi

# is_idle PID  whether a process has no children.
is_idle() {
    for file_of_process in /proc/[0-9]*/stat; do
        { read -r process <"$file_of_process"; } 2>/dev/null || continue
        process=${process##*) }
        process=${process#* }
        [ "${process%% *}" != "$1" ] || return 1
    done
}

# The same run, by a wgops that is gone: it is there since then. The line to it may be dead and nobody here know: a shell
# that does nothing is ended, so that nothing more can come through it.
for file in "$base/lock/$run".*; do
    [ -f "$file" ] && [ "$file" != "$mine" ] || continue
    if is_kept "$file"; then
        [ "$state" = held ] && is_idle "$pid" && kill -KILL "$pid" 2>/dev/null || continue
        ticks=0
        while is_alive "$pid" "$start" "$from_boot" && [ "$ticks" -lt 50 ]; do
            sleep 0.05 2>/dev/null || sleep 1
            ticks=$((ticks + 1))
        done
    fi
    [ "$since" = 0 ] || taken=$since
done
tries=0
while :; do
    if [ "$own" = held ]; then write held; else write claim; fi
    others=$(locks_of_others)
    left=$(left_here theirs)
    case "
$others" in
        *'
held '*) in_the_way=held ;;
        *'
claim '*) if [ "$own" = held ]; then in_the_way=; else in_the_way=claim; fi ;;
        *) in_the_way= ;;
    esac
    case "
$left" in *'
going '*) in_the_way=held ;; esac
    [ -n "$in_the_way" ] || break
    rm -f "$mine"
    if [ "$in_the_way" = held ] || [ "$tries" -ge 5 ]; then
        say "$others" "$left"
        exit 116
    fi
    # Two at once: another time for each.
    own= tries=$((tries + 1))
    sleep "0.$((($$ >> tries) % 9 + 1))" 2>/dev/null || sleep 1
    now=$(date +%s)
done
[ "$own" = held ] || write held
printf '%s\n' "$others" | while read -r kind name _; do
    [ "$kind" != dead ] || rm -f "$base/lock/$name" "$base/lock/.$name".*
done
say "$others" "$left"

# runs_of_the_log  what runs of this account said in the host's log.
runs_of_the_log() {
    if command -v journalctl >/dev/null 2>&1 && journalctl -q -n 1 >/dev/null 2>&1; then
        journalctl -q --no-pager -o cat -t wgops "_UID=$(id -u)"
    else
        for file in /var/log/syslog /var/log/messages /var/log/user.log; do
            for file in "$file.1" "$file"; do [ ! -r "$file" ] || grep -F 'wgops: run ' "$file"; done
        done
    fi 2>/dev/null
}
if [ -n "$6" ]; then
    spent=$(runs_of_the_log | grep -F -e "$6" | grep -v -F -e "run $run " | tail -n 1)
    if [ -n "$spent" ]; then
        rm -f "$mine"
        rmdir "$base/lock" "$base" 2>/dev/null
        printf 'spent %s\n' "${spent#*wgops: }"
        exit 117
    fi
fi
if [ -n "$4" ] && command -v logger >/dev/null 2>&1; then logger -t wgops -- "$4" >/dev/null 2>&1; fi
:
