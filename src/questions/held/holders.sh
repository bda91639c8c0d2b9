# What is known of runs that change this host. A run's lock is the file $base/lock/RUN.PROCESS, PROCESS being one wgops;
# its lines are `holder`, `since`, `until` (seconds), `pid`, `start` and `boot` (the shell that took it) and `state`: claim,
# or held. A change that goes on
# apart from any connection has a directory $base/RUN-N with the same lines in `by`, and its own process in `pid`.

# process_start PID  when a process began, in ticks since boot; nothing for one that is gone or a zombie.
process_start() {
    { read -r began <"/proc/$1/stat"; } 2>/dev/null || return 0
    set -- ${began##*) }
    [ "$1" = Z ] || printf '%s' "${20}"
}

# is_alive PID START BOOT
is_alive() {
    [ -n "$1" ] && [ "$3" = "$boot" ] || return 1
    if [ -r /proc/self/stat ]; then
        [ -n "$2" ] && [ "$(process_start "$1")" = "$2" ]
    else
        kill -0 "$1" 2>/dev/null
    fi
}

# read_lines FILE  sets $holder, $since, $until, $pid, $start, $from_boot and $state.
read_lines() {
    holder= since= until= pid= start= from_boot= state=
    while read -r word rest; do
        case $word in
            holder) holder=$rest ;;
            since) since=$rest ;;
            until) until=$rest ;;
            pid) pid=$rest ;;
            start) start=$rest ;;
            boot) from_boot=$rest ;;
            state) state=$rest ;;
        esac
    done <"$1"
    case $since in '' | *[!0-9]*) since=0 ;; esac
    case $until in '' | *[!0-9]*) until=0 ;; esac
} 2>/dev/null

# is_kept FILE  whether a lock still counts: its shell is alive, and its time is not over.
is_kept() {
    read_lines "$1"
    is_alive "$pid" "$start" "$from_boot" && [ "$now" -le $((until + 30)) ]
}

# locks_of_others  a line for each lock but $me: `held` or `claim` where it counts, else `dead`.
locks_of_others() {
    for file in "$base"/lock/*; do
        [ -f "$file" ] && [ "${file##*/}" != "$me" ] || continue
        if is_kept "$file"; then kind=${state:-held}; else kind=dead; fi
        # It may have gone while it was looked at.
        [ -f "$file" ] && printf '%s %s %s %s %s %s\n' "$kind" "${file##*/}" "$since" "$until" "$now" "$holder"
    done
}

# left_here WHOSE  a line for each change that $run (`ours`) or another run (`theirs`) left here, apart from any connection:
# `going`, `ended` or `cut`; then what it does.
left_here() {
    for directory in "$base"/*-*; do
        name=${directory##*/} whose=theirs
        [ "${name%-*}" != "$run" ] || whose=ours
        [ -d "$directory" ] && [ -x "$directory" ] && [ "$whose" = "$1" ] && [ ! -e "$directory/forget" ] || continue
        read_lines "$directory/by"
        by_holder=$holder by_since=$since by_until=$until
        read_lines "$directory/pid"
        if [ -f "$directory/status" ]; then
            kind=ended
        elif is_alive "$pid" "$start" "$from_boot"; then
            kind=going
        elif [ -f "$directory/status" ]; then
            kind=ended
        else
            kind=cut
        fi
        [ -d "$directory" ] || continue
        printf '%s %s %s %s %s %s\n' "$kind" "$name" "$by_since" "$by_until" "$now" "$by_holder"
        printf 'doing %s\n' "$(head -n 1 "$directory/summary" 2>/dev/null)"
    done
}

now=$(date +%s)
boot=
{ read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
