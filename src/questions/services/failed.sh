# Units that failed, or that systemd starts again and again, each with the last it said. $1: for how many seconds to
# wait where the system is still starting.
if ! [ -d /run/systemd/system ] || ! command -v systemctl >/dev/null 2>&1; then
    echo none
    exit 0
fi
left=$1
case $left in '' | *[!0-9]* | ?????*) left=3600 ;; esac
while state=$(systemctl is-system-running 2>/dev/null); [ "$left" -gt 0 ]; do
    # Jobs that wait for their turn count, too: a unit may be about to start.
    case $state in
        initializing | starting) ;;
        *) [ -n "$(systemctl list-jobs --no-legend 2>/dev/null)" ] || break ;;
    esac
    sleep 1
    left=$((left - 1))
done
echo "system $state"
shown=0
systemctl list-units --all --state=failed,auto-restart --plain --no-legend --full 2>/dev/null |
    sed 's/^[^-A-Za-z0-9]*//' |
    while read -r unit _ _ state _; do
        [ -n "$unit" ] || continue
        echo "unit $unit $state"
        shown=$((shown + 1))
        [ "$shown" -le 10 ] || continue
        journalctl -q -b -u "$unit" -n 5 --no-pager -o cat 2>/dev/null | sed 's/^/log /'
    done
