# How apt installs updates by itself: what is configured, what starts it, when it last ran and what it said.
command -v apt-config >/dev/null 2>&1 || { echo absent; exit 0; }
date '+now %s'
dpkg-query -W -f 'package ${db:Status-Abbrev}|${Version}\n' unattended-upgrades 2>/dev/null
apt-config dump 2>/dev/null |
    grep -E '^(APT::Periodic::|Unattended-Upgrade::(Allowed-Origins|Origins-Pattern|Automatic-Reboot ))' | sed 's/^/option /'
for name in update-success-stamp upgrade-stamp unattended-upgrades-stamp; do
    at=$(stat -c %Y "/var/lib/apt/periodic/$name" 2>/dev/null) && echo "stamp $name $at"
done
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then
    for timer in apt-daily.timer apt-daily-upgrade.timer; do
        enabled=$(systemctl is-enabled "$timer" 2>/dev/null)
        active=$(systemctl is-active "$timer" 2>/dev/null)
        echo "timer $timer ${enabled:-unknown} ${active:-unknown}"
    done
elif [ -x /etc/cron.daily/apt-compat ]; then
    echo 'cron yes'
fi
log=/var/log/unattended-upgrades/unattended-upgrades.log
if [ -r "$log" ]; then
    echo 'log readable'
    tail -n 200 "$log" | awk '
        /Starting unattended upgrades script/ { count = 0 }
        / (WARNING|ERROR) / && count < 20 { lines[count++] = $0 }
        END { for (i = 0; i < count; i++) print "said " lines[i] }'
elif [ -d /var/log/unattended-upgrades ]; then
    echo 'log unreadable'
fi
exit 0
