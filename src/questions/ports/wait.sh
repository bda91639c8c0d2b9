# Waits until something holds, looking again and again. $1: 'port', 'path' or 'nothing'. $2: started, stopped or drained
# (present and absent count as the first two). $3: host. $4: port. $5: path. $6: a pattern that what is there has to
# hold, or nothing. $7: longest wait, $8: wait before the first look, $9: wait between looks, ${10}: for a connection.
what=$1 state=$2 host=$3 port=$4 path=$5 pattern=$6 limit=$7 delay=$8 pause=$9 connect=${10}
began=$(date +%s)
elapsed() { echo $(($(date +%s) - began)); }
tables=
for table in /proc/net/tcp /proc/net/tcp6; do [ ! -r "$table" ] || tables="$tables $table"; done

# sockets STATES  whether the kernel has a socket with the local port in one of these states.
sockets() {
    wanted=$(printf '%04X' "$port")
    for table in $tables; do
        while read -r _ local _ status _; do
            case $local in *":$wanted") ;; *) continue ;; esac
            case " $1 " in *" $status "*) return 0 ;; esac
        done <"$table"
    done
    return 1
}
# Listening on an address that loopback reaches.
listening() {
    wanted=$(printf '%04X' "$port")
    for table in $tables; do
        while read -r _ local _ status _; do
            [ "$status" = 0A ] || continue
            case $local in
                00000000:"$wanted" | ??????7F:"$wanted" | 00000000000000000000000000000000:"$wanted") return 0 ;;
                00000000000000000000000001000000:"$wanted" | 0000000000000000FFFF0000??????7F:"$wanted") return 0 ;;
            esac
        done <"$table"
    done
    return 1
}
banner() {
    # shellcheck disable=SC2016
    timeout "$connect" bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$host" "$port" 2>/dev/null
}
means=
if [ "$what" = port ]; then
    case $host in 127.* | localhost | ::1 | 0.0.0.0) [ -z "$tables" ] || means=table ;; esac
    [ "$state" != drained ] || means=${tables:+table}
    [ -n "$means" ] || ! command -v nc >/dev/null 2>&1 || means=nc
    [ -n "$means" ] || ! command -v bash >/dev/null 2>&1 || means=bash
    if [ -n "$pattern" ]; then
        means=
        if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then means=banner; fi
    fi
    if [ -z "$means" ]; then
        echo "unable this host has no nc and no bash to reach $host with"
        exit 0
    fi
fi
reaches() {
    case $means in
        table) listening ;;
        nc) nc -z -w "$connect" "$host" "$port" >/dev/null 2>&1 ;;
        # shellcheck disable=SC2016
        bash) timeout "$connect" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null ;;
        banner) banner | grep -Eq -- "$pattern" ;;
    esac
}
there() {
    [ -e "$path" ] || return 1
    [ -z "$pattern" ] || grep -Eq -- "$pattern" "$path" 2>/dev/null
}
holds() {
    case $what:$state in
        port:started) reaches ;;
        port:stopped) ! reaches ;;
        port:drained) ! sockets '01 02 03 04 05 06' ;;
        path:started) there ;;
        path:stopped) ! there ;;
    esac
}
[ "$delay" = 0 ] || sleep "$delay"
# The clock's seconds are whole ones, and the time alone is waited for to its end.
if [ "$what" = nothing ]; then
    sleep "$limit"
    echo "holds $((delay + limit))"
    exit 0
fi
while :; do
    if holds; then
        echo "holds $(elapsed)"
        [ "$what:$state" != path:started ] || [ -z "$pattern" ] ||
            grep -Em1 -- "$pattern" "$path" 2>/dev/null | head -c 65536
        exit 0
    fi
    if [ "$(elapsed)" -ge "$limit" ]; then
        echo "timeout $(elapsed)"
        exit 0
    fi
    sleep "$pause"
done
