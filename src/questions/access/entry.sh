# From where sshd, by its own word, takes what lets an account in, and which of the account's sessions are open. $1: the account.
user=$1
{ getent passwd "$user" 2>/dev/null || cat /etc/passwd; } | while IFS=: read -r name _ uid _ _ home _; do
    [ "$name" != "$user" ] || echo "account $uid $home"
done
# The session that asks, sudo's shells included, is none of those that are told; what sshd told its shell says from where it came.
mine= at=$$ from=
while [ "${at:-0}" -gt 1 ]; do
    mine="$mine $at " above=
    [ -n "$from" ] || from=$({ tr '\0' '\n' <"/proc/$at/environ"; } 2>/dev/null | sed -n 's/^SSH_CONNECTION=//p' | head -n 1)
    while read -r key value _; do
        case $key in PPid:) above=$value && break ;; esac
    done 2>/dev/null <"/proc/$at/status"
    at=$above
done
for sshd in "$(command -v sshd 2>/dev/null)" /usr/sbin/sshd /usr/local/sbin/sshd; do
    [ ! -x "$sshd" ] || break
done
# says FROM AT PORT WORD  what sshd would do with somebody who comes from there; WORD stands before each line.
says() {
    said=$("$sshd" -T -C "user=$user,host=$1,addr=$1,laddr=$2,lport=$3" 2>/dev/null) || return 1
    printf '%s\n' "$said" | grep -iE '^(authorizedkeysfile|authorizedkeyscommand|trustedusercakeys|forcecommand) ' | sed "s/^/$4set /"
    printf '%s\n' "$said" | sed "s/^/$4bars /" |
        grep -iE "^$4bars ((allow|deny)(users|groups)|authenticationmethods|pubkeyauthentication|permitrootlogin) "
    return 0
}
if [ "$(id -u)" = 0 ] && [ -x "$sshd" ]; then
    # An address that is nobody's: what is set for some addresses alone is not in what it says.
    if says 192.0.2.1 192.0.2.2 22 ''; then
        echo said
        echo "groups $(id -Gn "$user" 2>/dev/null)"
        # And whoever asks comes from somewhere: they are not to be shut out either.
        case $from in
            *[!0-9a-zA-Z.:%\ ]* | '') ;;
            *)
                set -- $from
                echo "from $1 $3 ${4:-22}"
                says "$1" "$3" "${4:-22}" 'here '
                # Where sockets start sshd, it is theirs where it listens.
                [ ! -s /run/sshd.pid ] || printf '%s\n' "$said" | sed -n 's/^listenaddress /here bars listenaddress /p'
                ;;
        esac
    elif said=$("$sshd" -t 2>&1); then
        :
    else
        printf '%s\n' "${said:-it gives no reason}" | tail -n 3 | sed 's/^/mistake /'
    fi
fi
read -r up _ </proc/uptime
up=${up%.*}
# age FIELDS…  what follows the name in /proc/PID/stat; the start is in hundredths of a second since the machine's.
age() { echo $((up - ${20:-0} / 100)); }
for process in /proc/[0-9]*; do
    { IFS= read -r name <"$process/comm"; } 2>/dev/null || continue
    case $name in sshd | sshd-session) ;; *) continue ;; esac
    case $mine in *" ${process#/proc/} "*) continue ;; esac
    title=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline")
    title=${title#*: }
    title=${title%"${title##*[! ]}"}
    # sshd says of a session `NAME`, or `NAME@` and its terminals; what watches over one or has yet to let in says `NAME [priv]`.
    case $title in "$user" | "$user@"*) ;; *) continue ;; esac
    { IFS= read -r stat <"$process/stat"; } 2>/dev/null || continue
    echo "session ${process#/proc/} $(age ${stat##*)})"
done
exit 0
