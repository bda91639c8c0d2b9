# Which microcode the processor runs, and whether a package brought another one since the boot.
if [ -e /run/systemd/container ] || [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then
    echo guest
    exit 0
fi
revision=
while IFS=: read -r key value; do
    case $key in
        '') break ;;
        microcode*) revision=${value# } ;;
        flags*) case " $value " in *' hypervisor '*) echo guest; exit 0 ;; esac ;;
    esac
done </proc/cpuinfo
echo "running ${revision:-unknown}"
booted=$(sed -n 's/^btime //p' /proc/stat)
for name in intel-microcode amd64-microcode; do
    for list in "/var/lib/dpkg/info/$name.list" "/var/lib/dpkg/info/$name:amd64.list"; do
        at=$(stat -c %Y "$list" 2>/dev/null) || continue
        if [ "$at" -gt "${booted:-0}" ]; then echo "newer $name"; else echo "older $name"; fi
    done
done
exit 0
