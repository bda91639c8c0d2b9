# What a clone is at. $1: its place. $2: git or nothing. $3: the remote's name. $4: 'bare' or nothing.
git=${2:-git}
command -v "$git" >/dev/null 2>&1 || { echo "this host has no $git" >&2; exit 3; }
config=$1/.git
if [ "$4" = bare ]; then config=$1/config; fi
if [ ! -e "$config" ]; then
    if [ -e "$1" ] && [ -n "$(ls -A -- "$1" 2>/dev/null)" ]; then echo 'state other'; else echo 'state absent'; fi
    exit 0
fi
cd -- "$1" || exit 3
echo 'state clone'
if ! head=$("$git" rev-parse HEAD 2>&1); then
    case $head in
    *'dubious ownership'*)
        printf '%s\n' "$head" >&2
        exit 3
        ;;
    esac
    head=
fi
printf 'head %s\n' "$head"
printf 'branch %s\n' "$("$git" symbolic-ref -q --short HEAD)"
printf 'url %s\n' "$("$git" config --get "remote.$3.url")"
if [ "$4" != bare ]; then
    if "$git" status --porcelain 2>/dev/null | grep -qv '^??'; then echo modified; fi
    if [ -f .gitmodules ] && "$git" submodule status --recursive 2>/dev/null | grep -q '^[-+]'; then echo submodules; fi
fi
exit 0
