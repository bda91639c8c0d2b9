# What apt-get would do with a given command line, so that every version is known before anything is done.
# $1: refresh the lists in private when they are older than this many seconds, '-' never; the rest is for apt-get.
command -v apt-get >/dev/null 2>&1 || { echo '== absent'; exit 0; }
freshness=$1
shift
# Whoever asks may be trusted with questions alone: apt-get's options can make it run or write anything.
verb= before=
for word; do
    case $before$word in
        -t-*) verb=none; break ;;
        -t*) [ -z "$before" ] || { before=; continue; } ;;
    esac
    case $word in
        -t) before=-t ;;
        --no-remove | --only-upgrade | --with-new-pkgs | --fix-broken | --purge | --auto-remove | --install-recommends | \
            --no-install-recommends | --allow-downgrades | --allow-change-held-packages | --allow-unauthenticated) ;;
        -*) verb=none; break ;;
        *) : "${verb:=$word}" ;;
    esac
done
case $verb in
    install | remove | purge | upgrade | dist-upgrade | autoremove | build-dep) ;;
    *) printf 'that is no question to apt-get: %s\n' "$*" >&2; exit 2 ;;
esac
# A host may tell apt to remove what is no longer needed each time; where nothing is to be removed, apt then does nothing at all.
case " $* " in
    *' --no-remove '*) set -- -o APT::Get::AutomaticRemove=false "$@" ;;
esac
fresh_lists "$freshness"
planned=$(apt-get ${private:+-c "$private/apt.conf"} -s -y -o APT::Get::Show-User-Simulation-Note=false \
    -o APT::Get::Show-Versions=false "$@" 2>&1)
printf '== plan %s\n%s\n' $? "$planned"
if [ -n "$private" ]; then sizes -c "$private/apt.conf" -- "$@"; else sizes -- "$@"; fi
echo '== end'
