# Whether unit files changed after systemd last read them: systemd touches a file each time it does.
[ -d /run/systemd/system ] || { echo 'none'; exit 0; }
read_at=/run/systemd/systemd-units-load
[ -e "$read_at" ] || { echo 'unknown'; exit 0; }
newer=$(find /etc/systemd/system /run/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system \
    /lib/systemd/system /etc/init.d /etc/fstab /etc/crypttab -newer "$read_at" 2>/dev/null | head -n 1)
if [ -n "$newer" ]; then echo "changed $newer"; else echo 'current'; fi
