# How many downloaded packages could be thrown away. $1: 'clean' for all, 'autoclean' for those that are nowhere to be had.
if [ "$1" = autoclean ]; then
    apt-get -s autoclean 2>/dev/null | grep -c '^Del '
    exit 0
fi
count=0
for file in /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb; do
    [ ! -e "$file" ] || count=$((count + 1))
done
echo "$count"
