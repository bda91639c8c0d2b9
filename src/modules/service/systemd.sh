# Changes one unit, or systemd itself. $1: systemctl's verb. $2: the unit, or nothing. $3: the unit's ActiveState as it
# was seen, or nothing where that does not matter. $4: a further option, or nothing. $5: 'user' or 'global' for units of users.
scope=
case ${5-} in
user)
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
    export XDG_RUNTIME_DIR
    scope=--user
    ;;
global) scope=--global ;;
esac
if [ -n "$3" ]; then
    now=$(systemctl $scope show -p ActiveState -- "$2")
    if [ "${now#ActiveState=}" != "$3" ]; then
        echo "$2 is no longer $3 but ${now#ActiveState=}" >&2
        exit 113
    fi
fi
systemctl $scope $4 "$1" ${2:+-- "$2"} >/dev/null
status=$?
case $status:$1 in
    0:* | *:enable | *:disable | *:mask | *:unmask) ;;
    *) [ -z "$2" ] || systemctl $scope status --no-pager --full --lines=15 -- "$2" >&2 ;;
esac
exit "$status"
