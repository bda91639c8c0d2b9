# Restarts one unit and looks whether it stays up. $1: the unit. $2: its main process as it was seen, 0 where it had none.
# It says how that went and ends with 0 all the same, so that the units behind it have their turn, too.
of_unit() {
    value=$(systemctl show -p "$1" -- "$unit")
    printf '%s\n' "${value#*=}"
}
unit=$1
if [ "$(id -u)" != 0 ]; then
    echo 'services can only be restarted as root: use become' >&2
    exit 1
fi
if [ "$(of_unit ActiveState)" != active ]; then
    echo "gone $(of_unit ActiveState)"
    exit 0
fi
if [ "$2" != 0 ] && [ "$(of_unit MainPID)" != "$2" ]; then
    # Somebody else was quicker, or it was restarted along with another.
    echo already
    exit 0
fi
case $unit in
    ssh.service | sshd.service)
        # The way in: it is not let go of before it is certain that it comes back.
        if ! said=$(PATH=$PATH:/usr/sbin:/sbin sshd -t 2>&1); then
            printf 'refused its configuration does not hold: %s\n' "$(printf %s "$said" | tr '\n' ' ')"
            exit 0
        fi
        ;;
esac
said=$(systemctl restart -- "$unit" 2>&1 </dev/null)
for look in 1 2 3; do
    state=$(of_unit ActiveState)
    [ "$state" = active ] || break
    sleep 0.2 2>/dev/null || sleep 1
done
if [ "$state" = active ]; then
    echo up
    exit 0
fi
echo "down $state"
lines=$(journalctl -q -u "$unit" -n 5 --no-pager -o cat 2>/dev/null)
printf '%s\n' "${lines:-$said}"
exit 0
