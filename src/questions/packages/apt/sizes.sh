# sizes OPTIONS… -- COMMAND…  says, of what apt-get would do, how large every package is and was, what has to be fetched,
# and how much room there is where it would go. $planned is what apt-get said it would do.
sizes() {
    options=
    # The one option that is ever given names a file: kept apart, so that no blank in it makes two words.
    if [ "$1" = -c ]; then options=$2; shift 2; fi
    shift
    wanted=$(printf '%s\n' "$planned" |
        sed -n -e 's/^Inst \([^ ]*\) \[[^]]*\] (\([^ ]*\) .*/\1=\2/p' -e 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1=\2/p')
    [ -n "$wanted" ] || return
    echo '== new 0'
    apt-cache ${options:+-c "$options"} show $wanted 2>/dev/null | awk '
        function told() { if (name != "") print name, arch, version, size + 0, archive + 0; name = ""; size = archive = 0 }
        $1 == "Package:" { told(); name = $2 }
        $1 == "Architecture:" { arch = $2 }
        $1 == "Version:" { version = $2 }
        $1 == "Installed-Size:" { size = $2 }
        $1 == "Size:" { archive = $2 }
        END { told() }'
    echo '== old 0'
    for name in $wanted; do printf '%s\n' "${name%%=*}"; done |
        xargs dpkg-query -W -f '${db:Status-Abbrev}|${Package} ${Architecture} ${Installed-Size}\n' 2>/dev/null |
        sed -n 's/^.[^cn].|//p'
    echo '== fetch 0'
    apt-get ${options:+-c "$options"} -qq -y --print-uris -o Dir::Cache::archives=/var/cache/apt/archives \
        -o APT::Get::Show-User-Simulation-Note=false "$@" 2>/dev/null | sed -n "/^'/p"
    room
}
# room  the free space where packages are fetched to, unpacked and noted, where a kernel and what belongs to it would go,
# and what could be thrown away to make room.
room() {
    echo '== room 0'
    for place in /var/cache/apt/archives /usr /var/lib/dpkg /var/tmp /boot; do
        [ -d "$place" ] || continue
        printf '%s ' "$place"
        df -Pk "$place" 2>/dev/null | sed -n '$p'
    done
    echo '== boot 0'
    for file in /boot/vmlinuz-* /boot/vmlinux-* /boot/initrd.img-* /boot/System.map-* /boot/config-*; do
        [ -f "$file" ] || continue
        printf '%s %s\n' "$(wc -c <"$file" 2>/dev/null || stat -c %s "$file")" "$file"
    done
    echo '== kernels 0'
    read -r running </proc/sys/kernel/osrelease && echo "running $running"
    dpkg-query -W -f '${db:Status-Abbrev}|${Package}\n' 'linux-image-[0-9]*' 'linux-image-unsigned-[0-9]*' 2>/dev/null |
        sed -n 's/^.i[^|]*|/installed /p'
    echo '== cached 0'
    du -sk /var/cache/apt/archives 2>/dev/null
}
