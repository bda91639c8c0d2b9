# Where a package's file is, in $deb: $1 itself, or a private copy of what is behind that URL.
fetch_deb() {
    command -v dpkg-deb >/dev/null 2>&1 || { echo 'this host has no dpkg-deb' >&2; return 1; }
    case $1 in
    http://* | https://*)
        place=$(mktemp -d "${TMPDIR:-/tmp}/wgops.XXXXXXXXXX") || return 1
        trap 'rm -rf -- "$place"' EXIT
        deb=$place/package.deb
        if command -v curl >/dev/null 2>&1; then
            curl -q -sS -f -L --proto =http,https -o "$deb" -- "$1" || return 1
        elif command -v wget >/dev/null 2>&1; then
            wget -q -O "$deb" -- "$1" || { echo "$1 can't be fetched" >&2; return 1; }
        elif /usr/lib/apt/apt-helper download-file "$1" "$deb" >/dev/null; then
            :
        else
            echo "this host has no curl and no wget that could fetch $1" >&2
            return 1
        fi
        ;;
    *)
        deb=$1
        [ -f "$deb" ] || { echo "there is no file $deb" >&2; return 1; }
        ;;
    esac
    dpkg-deb -f "$deb" Package >/dev/null || { echo "$1 is no Debian package" >&2; return 1; }
}
