# The state of one service. $1: its name. $2: 'user' or 'global' for units of users.
case ${2-} in
user)
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
    export XDG_RUNTIME_DIR
    echo 'manager systemd'
    systemctl --user show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p Type -p RemainAfterExit \
        -p NeedDaemonReload -p Description -p MainPID -p FragmentPath -p Result -p ConditionResult -p ConditionTimestamp -- "$1" || exit 1
    exit 0
    ;;
global)
    echo 'manager systemd'
    if state=$(systemctl --global is-enabled -- "$1" 2>/dev/null) || [ -n "$state" ]; then
        case $state in not-found) ;; *) printf 'LoadState=loaded\nActiveState=inactive\nUnitFileState=%s\n' "$state" ;; esac
    fi
    exit 0
    ;;
esac
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
    echo 'manager systemd'
    systemctl show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p Type -p RemainAfterExit \
        -p NeedDaemonReload -p CanReload -p Description -p MainPID -p FragmentPath -p Result -p ConditionResult -p ConditionTimestamp -- "$1" 2>/dev/null
    for link in /etc/rc[2345].d/S[0-9][0-9]"${1%.service}"; do
        if [ -e "$link" ]; then
            echo 'RunLevelLinks=yes'
            break
        fi
    done
    exit 0
fi
name=${1%.service}
# A name with a slash in it could lead to any program.
case $name in */*) echo 'manager none'; exit 0 ;; esac
if [ -x "/etc/init.d/$name" ]; then
    printf 'manager init\nfound\n'
    if "/etc/init.d/$name" status >/dev/null 2>&1; then echo 'running yes'; else echo 'running no'; fi
    enabled=no
    for link in /etc/rc[2345].d/S[0-9][0-9]"$name" /etc/runlevels/*/"$name"; do
        [ ! -e "$link" ] || enabled=yes
    done
    echo "enabled $enabled"
elif [ -d /etc/init.d ]; then
    echo 'manager init'
else
    echo 'manager none'
fi
