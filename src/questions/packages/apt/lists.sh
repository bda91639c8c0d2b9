# The package lists: how old they are, and a private refresh, so that the host's own stay as they are.
# known_fresh MAX_AGE  whether a refresh is known to have gone well for every source, less than so many seconds ago. Nothing
# that apt leaves tells that: directories change, and hooks run, also where some sources failed. What counts is the stamp
# that update_lists.sh writes when all went well, with the time in it, which another's touch makes wrong; and that nobody
# tried again and no source changed since.
known_fresh() {
    stamp=/var/lib/apt/periodic/update-success-stamp
    at=$(stat -c %Y "$stamp" 2>/dev/null) && said=$(cat "$stamp" 2>/dev/null) || return 1
    case $said in '' | *[!0-9]* | ???????????*) return 1 ;; esac
    [ $((at - said)) -ge 0 ] && [ $((at - said)) -le 2 ] || return 1
    [ "$at" -le "$now" ] && [ $((now - at)) -lt "$1" ] || return 1
    [ -z "$(find /var/lib/apt/lists/partial /etc/apt -newer "$stamp" 2>/dev/null)" ]
}
# fresh_lists MAX_AGE  refreshes when the lists are older than this many seconds ('-': never) into the directory
# $private, which is removed when the script ends. Says when the lists were last refreshed, and how it went.
private=
fresh_lists() {
    now=$(date +%s)
    lists=0
    # apt keeps no record of its own: these change when a list was fetched, the last one when all were.
    for at in $(stat -c %Y /var/lib/apt/lists /var/lib/apt/lists/partial /var/lib/apt/periodic/update-success-stamp 2>/dev/null); do
        [ "$at" -le "$lists" ] || lists=$at
    done
    echo "== times $now $lists"
    [ "$1" != - ] || return
    if known_fresh "$1"; then return; fi
    for place in "${TMPDIR:-/tmp}" /dev/shm /var/tmp; do
        # What another left who was killed: a refresh takes minutes at most.
        find "$place" -maxdepth 1 -type d -user "$(id -u)" -name 'wgops-lists.*' -mmin +60 -exec rm -rf {} + 2>/dev/null
        [ -n "$private" ] || private=$(mktemp -d "$place/wgops-lists.XXXXXX" 2>/dev/null)
    done
    if [ -z "$private" ]; then
        printf '== refresh failed\nE: no directory for temporary files can be written to\n'
        return
    fi
    trap 'rm -rf "$private"' EXIT
    # Who asks again and again, and is gone each time, must not fill the disk.
    going=$(find "${private%/*}" -maxdepth 1 -type d -user "$(id -u)" -name 'wgops-lists.*' 2>/dev/null | wc -l)
    if [ "$going" -gt 6 ]; then
        rmdir "$private"
        printf '== refresh failed\nE: %s refreshes of this account go on, or were left in %s\n' $((going - 1)) "${private%/*}"
        private=
        return
    fi
    # Who asked may be gone before the answer is written.
    trap 'exit 1' HUP INT TERM PIPE
    mkdir -p "$private/lists/partial" "$private/cache/archives/partial"
    # The hooks that follow an update on the host (some of them note its time) must not run. Root needs no other user
    # for fetching here, and the lists that only people or graphical programs read need not be fetched at all.
    cat >"$private/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::State::Lists "$private/lists";
Dir::Cache "$private/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
APT::Sandbox::User "";
Debug::NoLocking "1";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "1";
Acquire::http::Timeout "15";
Acquire::https::Timeout "15";
CONF
    # What the host has already need not be fetched again.
    cp -p /var/lib/apt/lists/*Release* /var/lib/apt/lists/*_Packages* "$private/lists/" 2>/dev/null
    said=$(timeout 120 apt-get -c "$private/apt.conf" -qq update 2>&1 </dev/null)
    status=$?
    # apt-get may end with 0 although lists could not be fetched; what it says tells.
    case "$status $said" in
        "0 "*'Failed to fetch'* | "0 "*'GPG error'* | "0 "*'is not signed'* | "0 E:"*) status=100 ;;
    esac
    if [ "$status" = 0 ]; then echo '== refresh private'; else echo '== refresh failed'; fi
    printf '%s\n' "$said" | grep '^[EW]:'
    [ "$status" != 124 ] || echo 'E: it took longer than two minutes'
}
