# What the site made of a host, one line each: kind, mode, owner, and digest or where a link leads.
look() {
    find /etc/site-web /etc/site-guard /srv/www /home/ann /home/ben /etc/site-limits.conf /etc/motd /etc/sudoers.d/site-staff \
        /etc/ssh/sshd_config.d/site.conf /run/site-web-reloaded /run/site-guard-changed | sort
}
look | while read -r path; do
    printf '%s ' "$(stat -c '%F %a %U:%G' "$path")" "$path"
    if [ -L "$path" ]; then
        readlink "$path"
    elif [ -f "$path" ]; then
        sha256sum <"$path" | cut -c 1-16
    else
        echo
    fi
done
getent passwd ann ben backup-agent | cut -d : -f 1,5-
for name in ann ben; do echo "$name is of $(id -nG $name)"; done
systemctl is-active svcd ssh
