# Which package manager looks after this host.
if [ -s /var/lib/dpkg/status ] && command -v apt-get >/dev/null 2>&1; then
    echo apt
    exit 0
fi
for name in dnf zypper apk pacman; do
    if command -v "$name" >/dev/null 2>&1; then
        echo "$name"
        exit 0
    fi
done
echo unknown
