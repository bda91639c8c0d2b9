# Whether this account sees what root would see at paths. The arguments: `r:PATH` for what lies there and is in it, `x:PATH` for
# what lies there; `t:PATH` for a directory of files that are all to be read. A line each: `yes` or `no`. That nothing is there, is seen where the directories above can be searched.
sees() {
    at= rest=${1#/}
    while :; do
        [ -x "${at:-/}" ] || return 1
        [ -n "$rest" ] || break
        at=$at/${rest%%/*}
        case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
        if [ ! -e "$at" ]; then
            # A link may lead to what is hidden.
            if [ -L "$at" ]; then return 1; fi
            return 0
        fi
        if [ ! -d "$at" ]; then break; fi
    done
    [ "$2" = x ] || [ -r "${at:-/}" ] || return 1
    [ "$2" = t ] || return 0
    for file in "${at:-/}"/*; do
        # A link may lead to what is hidden; without any file, the name is the pattern.
        [ -r "$file" ] || { [ ! -e "$file" ] && [ ! -L "$file" ]; } || return 1
    done
}
for word; do
    if sees "${word#?:}" "${word%%:*}"; then echo yes; else echo no; fi
done
