# Facts about the host, read by the shell itself wherever it can: a fork costs more than all files in /proc.
# $1: which subsets are wanted, with blanks around each: ' network hardware virtual '. $2: directory of local facts.
# file WORD FILE  prints a file's lines, each after a word.
file() {
    [ -r "$2" ] || return 0
    while IFS= read -r line || [ -n "$line" ]; do printf '%s %s\n' "$1" "$line"; done <"$2" 2>/dev/null
}
wants() { case $1 in *" $2 "*) true ;; *) false ;; esac; }

if [ -r /etc/os-release ]; then file os /etc/os-release; else file os /usr/lib/os-release; fi
file debian /etc/debian_version
file kernel /proc/sys/kernel/osrelease
file build /proc/sys/kernel/version
file node /proc/sys/kernel/hostname
echo "machine $(uname -m)"
file machine_id /etc/machine-id
file boot_id /proc/sys/kernel/random/boot_id
file cmdline /proc/cmdline
file uptime /proc/uptime
file load /proc/loadavg
file hosts /etc/hosts
file resolv /etc/resolv.conf
file init /proc/1/comm
for name in python3 python; do
    place=$(command -v "$name" 2>/dev/null) || continue
    echo "python $place $("$place" -V 2>&1)"
    break
done
file fips /proc/sys/crypto/fips_enabled
if [ -d /run/systemd/system ]; then
    echo 'systemd yes'
    systemctl --version 2>/dev/null | while IFS= read -r line; do printf 'systemctl %s\n' "$line"; done
fi
if capsh=$(command -v capsh || command -v /usr/sbin/capsh || command -v /sbin/capsh); then
    "$capsh" --print 2>/dev/null | while IFS= read -r line; do case $line in Current:*) printf 'capsh %s\n' "$line" ;; esac; done
fi
for name in apt-get dnf5 dnf yum zypper apk pacman emerge xbps-install; do
    if command -v "$name" >/dev/null 2>&1; then
        echo "manager $name"
        break
    fi
done
date '+date %s %z %Z %A %u %W'
echo "id $(id -u) $(id -g) $(id -un)"
env | while IFS= read -r line; do printf 'env %s\n' "$line"; done
while IFS= read -r line; do printf 'passwd %s\n' "$line"; done </etc/passwd
for kind in rsa ecdsa ed25519 dsa; do file "hostkey $kind" "/etc/ssh/ssh_host_${kind}_key.pub"; done
if [ -d /sys/fs/selinux ] && [ -r /sys/fs/selinux/enforce ]; then file selinux /sys/fs/selinux/enforce; fi
[ ! -d /sys/kernel/security/apparmor ] || echo 'apparmor yes'
file container /run/systemd/container
if [ -r /proc/1/environ ] && tr '\0' '\n' 2>/dev/null </proc/1/environ | grep -q '^container=.'; then echo 'contained yes'; fi
[ ! -e /.dockerenv ] || echo 'container docker'
[ ! -e /run/.containerenv ] || echo 'container podman'

if wants "$1" hardware; then
    file mem /proc/meminfo
    grep -E '^(processor|vendor_id|model name|Processor|physical id|core id|cpu cores|siblings|flags)[[:space:]]*:' /proc/cpuinfo | {
        flags=
        while IFS= read -r line; do
            case $line in
                flags*)
                    [ -n "$flags" ] || printf 'flags %s\n' "${line#*: }"
                    flags=told
                    case $line in *' hypervisor'*) echo 'hypervisor yes' ;; esac ;;
                *) printf 'cpu %s\n' "$line" ;;
            esac
        done
    }
    set -f
    places=
    while read -r device place type options dump pass; do
        case $device in /* | *:/*) ;; *) continue ;; esac
        printf 'mount %s %s %s %s %s %s\n' "$device" "$place" "$type" "$options" "$dump" "$pass"
        # The size of a file system on a server that is down would be waited for.
        case $type in nfs* | cifs | smb* | fuse* | autofs | ceph | glusterfs) ;; *)
            case $place in *\\*) ;; *) places="$places $place" ;; esac ;;
        esac
    done </proc/mounts
    [ -z "$places" ] || stat -f -c 'space %S %s %b %a %c %d %n' -- $places 2>/dev/null
    set +f
    # read(1) alone: a host has many files here.
    value() { value=; { IFS= read -r value <"$1"; } 2>/dev/null; }
    holders() {
        for holder in "$2"/holders/*; do
            [ -d "$holder" ] || continue
            value "$holder/dm/name"
            printf 'holder %s\t%s\t%s\n' "$1" "${holder##*/}" "$value"
        done
    }
    for disk in /sys/block/*; do
        [ -d "$disk" ] || continue
        name=${disk##*/}
        printf 'disk %s' "$name"
        for file in removable queue/discard_granularity queue/rotational size queue/logical_block_size queue/scheduler \
            dm/name device/sas_address device/sas_device_handle device/vendor device/model; do
            value "$disk/$file"
            printf '\t%s' "$value"
        done
        echo
        holders "$name" "$disk"
        for part in "$disk/$name"*; do
            [ -r "$part/partition" ] || continue
            value "$part/start"
            start=$value
            value "$part/size"
            printf 'part %s\t%s\t%s\t%s\n' "$name" "${part##*/}" "$start" "$value"
            holders "${part##*/}" "$part"
        done
    done
    ls -l /dev/disk/by-id /dev/disk/by-uuid /dev/disk/by-label 2>/dev/null |
        while IFS= read -r line; do case $line in /* | *' -> '*) printf 'link_to %s\n' "$line" ;; esac; done
fi
if wants "$1" hardware || wants "$1" virtual; then
    for name in product_name product_version product_uuid product_serial sys_vendor bios_vendor bios_version bios_date \
        board_name board_vendor board_version board_serial board_asset_tag chassis_vendor chassis_version chassis_serial \
        chassis_asset_tag chassis_type; do
        file "dmi $name" "/sys/class/dmi/id/$name"
    done
fi
if wants "$1" network; then
    if command -v ip >/dev/null 2>&1; then
        ip -o link show 2>/dev/null | while IFS= read -r line; do printf 'link %s\n' "$line"; done
        ip -o addr show 2>/dev/null | while IFS= read -r line; do printf 'addr %s\n' "$line"; done
        ip -4 route get 192.0.2.1 2>/dev/null | while IFS= read -r line; do printf 'route4 %s\n' "$line"; done
        ip -6 route get 2001:db8::1 2>/dev/null | while IFS= read -r line; do printf 'route6 %s\n' "$line"; done
    fi
fi
for place in "$2"/*.fact; do
    [ -r "$place" ] || continue
    name=${place##*/}
    if [ -x "$place" ]; then
        {
            why=$("$place" </dev/null 2>&1 1>&3 3>&-) || printf '\nfailed %s %s\n' "$?" "$place: $why"
        } 3>&1 | while IFS= read -r line || [ -n "$line" ]; do printf 'local %s %s\n' "${name%.fact}" "$line"; done
    else
        file "local ${name%.fact}" "$place"
    fi
done
echo end
