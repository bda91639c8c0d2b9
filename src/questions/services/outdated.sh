# Programs that still run on files which a package operation has replaced. The kernel marks such a file as deleted.
# Data files do not count: only what is mapped to be executed.
if true 2>/dev/null </proc/1/maps; then echo 'seen all'; else echo 'seen own'; fi
grep -sE '^[^ ]+ r.xp [^/]*/(usr|lib|lib32|lib64|bin|sbin|opt)/.* \(deleted\)$' /proc/[0-9]*/maps |
    sed 's|^/proc/\([0-9]*\)/maps:[^/]*\(/.*\) (deleted)$|\1 \2|' | sort -u |
    while read -r pid file; do
        if [ "$pid" != "$last" ]; then
            last=$pid unit= name=
            { read -r name <"/proc/$pid/comm"; } 2>/dev/null
            while IFS=: read -r number controllers path; do
                case $number:$controllers in 0: | *:name=systemd) [ "$path" = / ] || unit=$path ;; esac
            done 2>/dev/null <"/proc/$pid/cgroup"
            echo "process $pid $name|$unit"
        fi
        echo "file $file"
    done
