# apt needs a place for temporary files even to look. Where /tmp can't be written to, another place serves.
for place in "${TMPDIR:-/tmp}" /var/tmp /dev/shm /run; do
    if scratch=$(mktemp "$place/wgops.XXXXXX" 2>/dev/null); then
        rm -f "$scratch"
        TMPDIR=$place
        export TMPDIR
        break
    fi
done
