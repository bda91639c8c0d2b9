# How sshd is set: its files with what they include, and, as root, what sshd itself makes of them.
directory=/etc/ssh
for sshd in "$(command -v sshd 2>/dev/null)" /usr/sbin/sshd /usr/local/sbin/sshd; do
    if [ -x "$sshd" ]; then
        echo "program $sshd"
        break
    fi
done
# show FILE DEPTH  prints a file's lines, and behind each Include those of the files it names.
show() (
    [ -r "$1" ] || { echo "unreadable $1"; exit; }
    echo "begin $1"
    while IFS= read -r line || [ -n "$line" ]; do
        printf 'line %s\n' "$line"
        word=${line#"${line%%[! 	]*}"}
        case $word in [Ii][Nn][Cc][Ll][Uu][Dd][Ee][\ =\	]*) [ "$2" -lt 8 ] || continue ;; *) continue ;; esac
        set -f
        for pattern in ${word#????????}; do
            set +f
            pattern=${pattern#\"} pattern=${pattern%\"}
            case $pattern in /*) ;; *) pattern=$directory/$pattern ;; esac
            parent=${pattern%/*}
            [ ! -d "$parent" ] || { [ -r "$parent" ] && [ -x "$parent" ]; } || echo "unreadable $parent"
            for file in $pattern; do
                [ ! -e "$file" ] || show "$file" $(($2 + 1))
            done
        done
        set +f
    done <"$1"
    echo end
)
[ ! -e "$directory/sshd_config" ] || show "$directory/sshd_config" 0
if [ "$(id -u)" = 0 ] && [ -x "$sshd" ]; then
    if said=$("$sshd" -T 2>/dev/null); then
        printf '%s\n' "$said" | sed 's/^/set /'
    fi
fi
exit 0
