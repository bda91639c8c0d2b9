# Lets dpkg finish what was interrupted. $1: seconds to wait for locks; $2: dpkg's options, separated by spaces.
if [ "$(id -u)" != 0 ]; then
    echo 'dpkg can only be repaired as root: use become' >&2
    exit 1
fi
patience=$1 waited=0
wait_for_locks
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1
options=$2
set --
for option in $options; do set -- "$@" "--$option"; done
# What dpkg says of configuration files goes to standard error.
(in_utf8 dpkg "$@" --configure -a) </dev/null 2>&1
