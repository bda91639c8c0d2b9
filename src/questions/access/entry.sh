# From where sshd, by its own word, takes what lets an account in, and which of the account's sessions are open. $1: the account.
{ getent passwd "$1" 2>/dev/null || cat /etc/passwd; } | while IFS=: read -r name _ uid _ _ home _; do
    [ "$name" != "$1" ] || echo "account $uid $home"
done
for sshd in "$(command -v sshd 2>/dev/null)" /usr/sbin/sshd /usr/local/sbin/sshd; do
    [ ! -x "$sshd" ] || break
done
if [ "$(id -u)" = 0 ] && [ -x "$sshd" ]; then
    # An address that is nobody's: what is set for some addresses alone is not in what it says.
    if said=$("$sshd" -T -C "user=$1,host=nowhere.invalid,addr=192.0.2.1,laddr=192.0.2.2,lport=22" 2>/dev/null); then
        echo said
        printf '%s\n' "$said" | grep -iE '^(authorizedkeysfile|authorizedkeyscommand|trustedusercakeys) ' | sed 's/^/set /'
        printf '%s\n' "$said" | sed 's/^/bars /' |
            grep -iE '^bars ((allow|deny)(users|groups)|authenticationmethods|pubkeyauthentication|permitrootlogin) '
        echo "groups $(id -Gn "$1" 2>/dev/null)"
    elif said=$("$sshd" -t 2>&1); then
        :
    else
        printf '%s\n' "${said:-it gives no reason}" | tail -n 3 | sed 's/^/mistake /'
    fi
fi
# The session that asks, sudo's shells included, is none of those that are told.
mine= at=$$
while [ "${at:-0}" -gt 1 ]; do
    mine="$mine $at " above=
    while read -r key value _; do
        case $key in PPid:) above=$value && break ;; esac
    done 2>/dev/null <"/proc/$at/status"
    at=$above
done
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
    case $title in "$1" | "$1@"*) ;; *) continue ;; esac
    { IFS= read -r stat <"$process/stat"; } 2>/dev/null || continue
    echo "session ${process#/proc/} $(age ${stat##*)})"
done
exit 0
