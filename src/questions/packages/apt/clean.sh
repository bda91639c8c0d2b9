# Throws downloaded packages away. $1: 'clean' or 'autoclean'. $2: seconds to wait for locks.
if [ "$(id -u)" != 0 ]; then
    echo 'downloaded packages can only be thrown away as root: use become' >&2
    exit 1
fi
patience=$2 waited=0
wait_for_locks
apt-get -q -y "$1" </dev/null
