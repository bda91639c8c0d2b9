# What is pending, in apt's own words, section by section; the parser does the thinking.
# $1: refresh the lists in private when they are older than this many seconds, '-' never.
# $2: 'new' when upgrades may bring new packages along.
command -v apt-get >/dev/null 2>&1 || { echo '== absent'; exit 0; }
new=
[ "$2" != new ] || new=--with-new-pkgs
fresh_lists "$1"
set --
[ -z "$private" ] || set -- -c "$private/apt.conf"
simulate() {
    apt-get "$@" -s -o APT::Get::Show-User-Simulation-Note=false -o APT::Get::Show-Versions=false 2>&1
}
# kept_of TEXT  the packages that stay as they are, from the two lists in which apt-get names them.
kept_of() {
    printf '%s\n' "$1" | sed -n \
        -e '/^The following packages have been kept back:/,/^[^ ]/ s/^  //p' \
        -e '/^The following upgrades have been deferred due to phasing:/,/^[^ ]/ s/^  //p'
}
pending=$(simulate "$@" upgrade $new)
printf '== upgrade %s\n%s\n' $? "$pending"
kept=$(kept_of "$pending")
if [ -n "$kept" ]; then
    # Why they are kept back: what a full upgrade would do about them, and what apt says of each that is left.
    full=$(simulate "$@" dist-upgrade)
    printf '== full %s\n%s\n' $? "$full"
    held=" $(dpkg-query -W -f '${db:Status-Want}|${binary:Package}|${Package}\n' $kept 2>/dev/null |
        sed -n 's/^hold|\(.*\)|\(.*\)/\1 \2/p' | tr '\n' ' ') "
    printf '== held 0\n%s\n' "$held"
    reasons=0
    for name in $(kept_of "$full"); do
        case $held in *" $name "*) continue ;; esac
        reasons=$((reasons + 1))
        [ "$reasons" -le 10 ] || break
        printf '== why %s\n' "$name"
        simulate "$@" install "$name" | grep '^ '
    done
fi
# What is for subscribers alone, only `apt` says, and only where Ubuntu's pro client has its hook.
esm=
if [ -e /etc/apt/apt.conf.d/20apt-esm-hook.conf ]; then
    said=$(apt "$@" -s upgrade 2>/dev/null)
    printf '== esm %s\n%s\n' $? "$said"
    esm=$(printf '%s\n' "$said" | sed -n "/Ubuntu Pro with '.*:\$/,/^[^ ]/ s/^  //p")
fi
sources=$(apt-cache "$@" policy 2>&1)
printf '== sources %s\n%s\n' $? "$sources"
names=$(printf '%s\n' "$pending" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
pinned=$(printf '%s\n' "$sources" | sed -n '/^Pinned packages:/,$ s/^     \([^ ]*\) -> .*/\1/p')
if [ -n "$names$kept$pinned$esm" ]; then
    echo '== policy 0'
    apt-cache "$@" policy $names $kept $pinned $esm 2>&1
fi
planned=$pending
sizes "$@" -- upgrade $new
echo '== end'
