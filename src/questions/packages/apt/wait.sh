# wait_for_locks  returns when nobody holds a lock of apt or dpkg; gives up after $patience seconds, naming the holder.
# (apt's own DPkg::Lock::Timeout waits for one of the four.) Counts into $waited.
wait_for_locks() {
    while holder=$(lock_holders) && [ -n "$holder" ]; do
        if [ "$waited" -ge "$patience" ]; then
            printf 'waited %s seconds for the package database, but\n%s\n' "$waited" "$holder" >&2
            exit 1
        fi
        # On one line: whoever asks how far this is gets the last one.
        [ "$waited" != 0 ] || printf 'waiting: %s\n' "$(printf %s "$holder" | tr '\n' ';')"
        sleep 1
        waited=$((waited + 1))
    done
}
