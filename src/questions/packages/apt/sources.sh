# Where apt gets packages from, as it is configured, and what is known of the lists that were fetched. Passwords in
# addresses stay on the host.
command -v apt-get >/dev/null 2>&1 || { echo absent; exit 0; }
date '+now %s'
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ -e "$file" ] || continue
    if [ -r "$file" ]; then
        echo "file $file"
        sed 's|\(://\)[^/@ ]*@|\1|g; s/^/line /' "$file"
    else
        echo "unreadable $file"
    fi
done
for file in /var/lib/apt/lists/*_InRelease /var/lib/apt/lists/*_Release; do
    [ -r "$file" ] || continue
    echo "list ${file##*/}"
    [ ! -e "$file.gpg" ] || echo signature
    sed -n -e 's/^Valid-Until: /until /p' -e '/^[A-Z0-9]*[Ss][Uu][Mm]:/q' -e '/^SHA[0-9]*:/q' "$file"
done
apt-config dump 2>/dev/null |
    grep -E '^(APT::Get::AllowUnauthenticated|Acquire::(AllowInsecureRepositories|AllowWeakRepositories|AllowDowngradeToInsecureRepositories|Check-Valid-Until|https::Verify-Peer)) ' |
    sed 's/^/option /'
exit 0
