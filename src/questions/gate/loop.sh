IFS= read -r wgops_line || exit 0
[ "$wgops_line" = 'wgops-ask 1' ] ||
    wgops_refuse 'this account may only be asked: what came is no question of a wgops that fits this gate'
IFS= read -r wgops_mark || exit 0
wgops_hexadecimal "$wgops_mark" 32 || wgops_refuse 'that is no mark'
echo "$wgops_mark 0 $$:b"
echo "$wgops_mark 0 ." >&2
while IFS= read -r wgops_line; do
    set -f
    set -- $wgops_line
    set +f
    [ $# = 4 ] && [ "$1" = ask ] && wgops_number "$2" && wgops_hexadecimal "$3" 64 && wgops_number "$4" ||
        wgops_refuse 'that is no question'
    wgops_n=$2 wgops_digest=$3 wgops_left=$4
    set --
    while [ "$wgops_left" -gt 0 ]; do
        IFS= read -r wgops_line || exit 0
        # The dot keeps line feeds at the end.
        wgops_line=$(printf '%b.' "$wgops_line")
        set -- "$@" "${wgops_line%.}"
        wgops_left=$((wgops_left - 1))
    done
    wgops_s=-
    wgops_answer "$@" </dev/null
    echo "$wgops_mark $wgops_n $wgops_s"
    echo "$wgops_mark $wgops_n ." >&2
done
exit 0
