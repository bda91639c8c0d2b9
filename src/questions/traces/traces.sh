# What a host's own logs say of who was here and what was installed. The arguments: since when, in seconds since 1970, and
# how many bytes of each log at most. Lines that begin with a word; times are the host's own, with its zone told first.
since=$1 most=$2 history=
zone=$(cat /etc/timezone 2>/dev/null) || zone=
if [ -z "$zone" ]; then
    zone=$(readlink /etc/localtime 2>/dev/null) || zone=
    zone=${zone#*zoneinfo/}
fi
echo "zone $(date +%z) $zone"
# A machine's id is made when it is installed, or first started.
[ ! -e /etc/machine-id ] || echo "installed $(date -r /etc/machine-id +%s 2>/dev/null)"
# lines WORD FILE…  the end of what stands in files, the oldest first, each line with a word in front.
lines() {
    word=$1
    shift
    for file in "$@"; do
        [ ! -e "$file" ] || [ -r "$file" ] || echo "blind $file"
    done
    for file in "$@"; do
        [ -r "$file" ] || continue
        case $file in
            *.gz) gzip -dc "$file" 2>/dev/null ;;
            *) cat "$file" ;;
        esac
    done | tail -c "$most" | sed "s/^/$word /"
}
# rotated FILE  what was rotated of a log and is still there, the oldest first, and the log.
rotated() {
    number=12
    while [ "$number" -gt 0 ]; do
        for old in "$1.$number.gz" "$1.$number"; do
            [ ! -e "$old" ] || echo "$old"
        done
        number=$((number - 1))
    done
    echo "$1"
}
lines apt $(rotated /var/log/apt/history.log) | grep -E '^blind|^apt (Start-Date|Commandline|Requested-By|Install|Upgrade|Downgrade|Remove|Purge|Reinstall|End-Date):'
lines dpkg $(rotated /var/log/dpkg.log) | grep -E '^blind|^dpkg [0-9: -]* (install|upgrade|remove|purge) '
lines rpm $(rotated /var/log/dnf.rpm.log) | grep -E '^blind|(Installed|Upgraded|Upgrade|Erase|Erased|Removed|Downgraded|Downgrade|Reinstalled): '
for file in $(rotated /var/log/apt/history.log) $(rotated /var/log/dpkg.log) $(rotated /var/log/dnf.rpm.log); do
    [ ! -e "$file" ] || history=$file
done
# When packages changed last, whatever the logs say: files of dpkg's own come and go with each, and rpm notes it of each.
if [ -d /var/lib/dpkg/info ]; then
    echo "changed $(date -r /var/lib/dpkg/info +%s 2>/dev/null)"
elif command -v rpm >/dev/null 2>&1; then
    echo "changed $(rpm -qa --qf '%{INSTALLTIME}\n' 2>/dev/null | sort -n | tail -n 1)"
fi
[ -n "$history" ] || echo 'blind history of packages'
wanted='(Accepted [a-z/-]* for |COMMAND=|wgops)'
if command -v journalctl >/dev/null 2>&1 && journalctl -q -n 1 >/dev/null 2>&1; then
    # What users write lies in files of their own: root's first line tells how far back the journal of the system goes.
    oldest=$(journalctl -q --no-pager -o short-unix _UID=0 2>/dev/null | head -n 1 | cut -d' ' -f1)
    [ -n "$oldest" ] || oldest=$(journalctl -q --no-pager -o short-unix 2>/dev/null | head -n 1 | cut -d' ' -f1)
    echo "journal $oldest"
    # As JSON, with who wrote each line: anybody can write one in the name of sudo. sudo itself runs as whom it names.
    { getent passwd || cat /etc/passwd; } 2>/dev/null | sed -n 's/^\([^:]*\):[^:]*:\([0-9]*\):.*/user \1 \2/p'
    fields=--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_UID
    journalctl -q -n 1 "$fields" >/dev/null 2>&1 || fields=-q
    journalctl -q --no-pager -a -o json "$fields" --since "@$since" -t sshd -t sshd-session -t sudo -t wgops 2>/dev/null |
        grep -E "$wanted" | tail -c "$most" | sed 's/^/log /'
    # Not everybody sees all of it.
    [ "$(id -u)" = 0 ] || echo "blind journal"
else
    echo files
    first=
    for file in /var/log/auth.log /var/log/secure /var/log/messages /var/log/syslog; do
        [ -e "$file" ] || continue
        [ -n "$first" ] || cat "$file.1" "$file" 2>/dev/null | tail -c "$most" | sed -n 's/^/begin /p;2q'
        first=$file
        lines file "$file.1" "$file" | grep -E "^blind|$wanted"
    done
    [ -e /var/log/auth.log ] || [ -e /var/log/secure ] || [ -e /var/log/messages ] || echo "blind log"
fi
exit 0
