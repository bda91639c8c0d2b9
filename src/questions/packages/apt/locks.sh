# lock_holders  prints `NAME (pid N) holds FILE` for each of the four locks of apt and dpkg that somebody holds. The
# kernel lists locks by inode, so neither lsof nor fuser is needed, nor root.
lock_holders() {
    ls -i /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock 2>/dev/null |
        while read -r inode file; do
            while read -r _ kind _ _ pid place _; do
                [ "$kind" = POSIX ] || continue
                case $place in
                    *:"$inode")
                        name=
                        { read -r name <"/proc/$pid/comm"; } 2>/dev/null
                        echo "${name:-a process} (pid $pid) holds $file"
                        ;;
                esac
            done </proc/locks
        done
}
