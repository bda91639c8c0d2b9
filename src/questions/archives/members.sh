# plan DEST FORMAT ALWAYS COUNT EXCLUDED… COUNT PATTERN… COUNT PATH…
# Sets root, and prints to file $list what goes into an archive: names below root, one a line. What is found of the paths is
# printed in lines `path LETTER PATH`, `missing PATH`, `exclude PATH`.
plan() {
    dest=$1 format=$2 always=$3
    shift 3
    IFS=
    set -f
    all=$dir/excluded
    : >"$all"
    count=$1
    shift
    while [ "$count" -gt 0 ]; do
        set +f
        for found in $1; do
            set -f
            if [ -e "$found" ] || [ -L "$found" ]; then printf '%s\n' "${found%/}" >>"$all"; fi
        done
        set -f
        shift
        count=$((count - 1))
    done
    sed 's/^/exclude /' "$all"
    count=$1
    shift
    : >"$dir/patterns"
    while [ "$count" -gt 0 ]; do
        printf '%s\n' "$1" >>"$dir/patterns"
        shift
        count=$((count - 1))
    done
    shift
    root=
    : >"$dir/tops"
    for pattern; do
        set +f
        for found in $pattern; do
            set -f
            found=${found%/}
            if [ -d "$found" ] && [ ! -L "$found" ]; then
                printf 'path d %s\n' "$found"
            elif [ -e "$found" ] || [ -L "$found" ]; then
                printf 'path f %s\n' "$found"
            else
                printf 'missing %s\n' "$pattern"
                continue
            fi
            printf '%s\n' "$found" >>"$dir/tops"
            if [ -z "$root" ]; then root=${found%/*}/; fi
            while :; do
                case $found in "$root"*) break ;; esac
                root=${root%/}
                root=${root%/*}/
            done
        done
        set -f
    done
    printf 'root %s\n' "$root"
    [ -n "$root" ] || return 0
    while read -r top; do find "$top" ! -name '*
*'; done <"$dir/tops" | sort | while read -r path; do
        [ "$path" != "$dest" ] || continue
        out=no
        while read -r exclude; do
            case $path in "$exclude" | "$exclude"/*) out=yes ;; esac
        done <"$all"
        while read -r pattern; do
            # It is a pattern, so it stays without quotes.
            case $path in $pattern) out=yes ;; esac
        done <"$dir/patterns"
        [ $out = yes ] || printf '%s\n' "${path#"$root"}"
    done >"$list"
}
unpack() {
    case $format in
    gz) gzip -dc ;;
    bz2) bzip2 -dc ;;
    xz) xz -dc ;;
    zstd) zstd -dcq ;;
    *) cat ;;
    esac
}
