# Who may become whom by sudo: its files with what they include, their modes, and who is in which group.
for sudo in "$(command -v sudo 2>/dev/null)" /usr/bin/sudo; do
    if [ -x "$sudo" ]; then
        echo "program $sudo"
        break
    fi
done
for file in /etc/doas.conf /usr/local/etc/doas.conf; do
    [ ! -e "$file" ] || echo "other $file"
done
grep -sE '^sudoers:.*(sss|ldap)' /etc/nsswitch.conf | sed 's/^/other /'
# show FILE DEPTH  prints a file's lines, and behind each include those of the files it names.
show() (
    [ -r "$1" ] || { echo "unreadable $1"; exit; }
    stat -L -c 'begin %a %u %n' "$1"
    while IFS= read -r line || [ -n "$line" ]; do
        printf 'line %s\n' "$line"
        [ "$2" -lt 8 ] || continue
        set -f
        set -- "$1" "$2" $line
        set +f
        case ${3-} in
            '#include' | '@include')
                case ${4-} in /*) show "$4" $(($2 + 1)) ;; ?*) show "/etc/$4" $(($2 + 1)) ;; esac ;;
            '#includedir' | '@includedir')
                [ -d "${4-}" ] || continue
                stat -L -c 'directory %a %u %n' "$4"
                { [ -r "$4" ] && [ -x "$4" ]; } || echo "unreadable $4"
                for file in "${4%/}"/*; do
                    case ${file##*/} in *.* | *'~') continue ;; esac
                    [ ! -f "$file" ] || show "$file" $(($2 + 1))
                done ;;
        esac
    done <"$1"
    echo end
)
[ ! -e /etc/sudoers ] || show /etc/sudoers 0
sed 's/^/group /' /etc/group
