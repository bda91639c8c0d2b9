# Refreshes the package lists. $1: seconds to wait for locks. $2: 'all', or 'some' where sources that can't be reached
# are no error.
if [ "$(id -u)" != 0 ]; then
    echo 'package lists can only be refreshed as root: use become' >&2
    exit 1
fi
patience=$1 waited=0
tries=0
lists() { stat -c '%n %s %Y' /var/lib/apt/lists/*_* 2>/dev/null; }
before=$(lists)
while :; do
    wait_for_locks
    said=$(apt-get -q -o Acquire::Retries=3 update 2>&1 </dev/null)
    status=$?
    printf '%s\n' "$said"
    tries=$((tries + 1))
    # Somebody was quicker at the lock: wait again.
    case $said in *'Could not get lock'*) [ "$tries" -gt 5 ] || { sleep 1 && continue; } ;; esac
    break
done
# apt-get may end with 0 although lists could not be fetched.
case $said in *'Failed to fetch'* | *'GPG error'* | *'is not signed'*) [ "$status" != 0 ] || status=100 ;; esac
if [ "$status" != 0 ]; then
    printf '%s\n' "$said" | grep '^[EW]:' >&2
    [ "$2" != some ] || exit 0
    exit "$status"
fi
[ "$before" != "$(lists)" ] || echo 'wgops: the lists are as they were'
# The stamp by which apt's own tools know when the lists were last refreshed. They look at its time only; the time in it
# says that it was written here, where all sources were refreshed (see lists.sh).
[ ! -d /var/lib/apt/periodic ] || date +%s >/var/lib/apt/periodic/update-success-stamp
