# What apt-get would do with a given command line, so that every version is known before anything is done.
# $1: refresh the lists in private when they are older than this many seconds, '-' never; the rest is for apt-get.
command -v apt-get >/dev/null 2>&1 || { echo '== absent'; exit 0; }
fresh_lists "$1"
shift
planned=$(apt-get ${private:+-c "$private/apt.conf"} -s -y -o APT::Get::Show-User-Simulation-Note=false \
    -o APT::Get::Show-Versions=false "$@" 2>&1)
printf '== plan %s\n%s\n' $? "$planned"
if [ -n "$private" ]; then sizes -c "$private/apt.conf" -- "$@"; else sizes -- "$@"; fi
echo '== end'
