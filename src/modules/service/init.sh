# Changes a service that is a script in /etc/init.d. $1: start, stop, restart, reload, enable or disable. $2: its name.
# $3: arguments of the script, or nothing. $4: seconds between stop and start of a restart, or nothing.
[ -x "/etc/init.d/$2" ] || { echo "there is no /etc/init.d/$2 any more" >&2; exit 113; }
case $1 in
    enable)
        if command -v update-rc.d >/dev/null 2>&1; then
            update-rc.d "$2" defaults && update-rc.d "$2" enable
        elif command -v rc-update >/dev/null 2>&1; then
            rc-update add "$2" default
        else
            chkconfig "$2" on
        fi
        ;;
    disable)
        if command -v update-rc.d >/dev/null 2>&1; then
            update-rc.d "$2" disable
        elif command -v rc-update >/dev/null 2>&1; then
            rc-update del "$2"
        else
            chkconfig "$2" off
        fi
        ;;
    stop)
        "/etc/init.d/$2" stop </dev/null || exit
        # Many scripts are back before their program is gone, and a start right behind them then finds it running.
        tries=0
        while "/etc/init.d/$2" status >/dev/null 2>&1 && [ "$tries" -lt 10 ]; do
            tries=$((tries + 1))
            sleep 1
        done
        ;;
    start)
        "/etc/init.d/$2" start ${3-} </dev/null || exit
        # Many programs say only after their script is back that they run.
        tries=0
        until "/etc/init.d/$2" status >/dev/null 2>&1 || [ "$tries" -ge 10 ]; do
            tries=$((tries + 1))
            sleep 1
        done
        ;;
    restart)
        if [ -n "${4-}" ]; then
            "/etc/init.d/$2" stop ${3-} </dev/null
            sleep "$4"
            "/etc/init.d/$2" start ${3-} </dev/null
        else
            "/etc/init.d/$2" restart ${3-} </dev/null
        fi
        ;;
    *) "/etc/init.d/$2" "$1" ${3-} </dev/null ;;
esac
