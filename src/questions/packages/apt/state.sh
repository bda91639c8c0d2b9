# Who holds a lock of apt or dpkg, and whether dpkg was interrupted.
lock_holders | while read -r holder; do echo "locked $holder"; done
for file in /var/lib/dpkg/updates/[0-9]*; do
    if [ -e "$file" ]; then
        echo "interrupted $file"
        break
    fi
done
