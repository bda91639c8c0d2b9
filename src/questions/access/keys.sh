# The keys that let people in: every account's authorized keys, and who may write to them. The arguments: where sshd looks
# for them, with its own signs for home (%h), name (%u) and number (%U).
me=$(id -u)
# place_of PATTERN  sets $place.
place_of() {
    rest=$1 place=
    while :; do
        case $rest in
            *%*)
                place=$place${rest%%\%*} rest=${rest#*%}
                case $rest in h*) place=$place$home ;; u*) place=$place$name ;; U*) place=$place$uid ;; %*) place=$place% ;; esac
                rest=${rest#?} ;;
            *) place=$place$rest; break ;;
        esac
    done
    case $place in /*) ;; *) place=${home%/}/$place ;; esac
}
# hidden PATH  whether something could be there that this account can't see.
hidden() {
    above=${1%/*}
    while [ -n "$above" ] && [ ! -e "$above" ]; do above=${above%/*}; done
    [ -d "${above:-/}" ] && [ ! -x "${above:-/}" ]
}
while IFS=: read -r name _ uid _ _ home _ || [ -n "$name" ]; do
    case $home in /*) ;; *) continue ;; esac
    for pattern in "$@"; do
        place_of "$pattern"
        if [ ! -e "$place" ]; then
            [ "$me" = 0 ] || ! hidden "$place" || echo "blind $name"
            continue
        fi
        if [ ! -f "$place" ] || [ ! -r "$place" ]; then
            echo "blind $name"
            continue
        fi
        echo "account $name $uid $place"
        for part in "$place" "${place%/*}" "$home"; do
            stat -L -c 'mode %a %u %n' "$part"
        done
        # A user can make the file a link to any other: what is no key stays here.
        head -c 262144 "$place" | grep -vE '^[[:space:]]*(#|$)' | while IFS= read -r line; do
            case $line in *ssh-* | *ecdsa-sha2-*) printf 'key %s\n' "$line" ;; *) echo other ;; esac
        done
    done
done </etc/passwd
exit 0
