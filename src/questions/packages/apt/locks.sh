# who PID  the real name of a process: of a script its own, not its interpreter's; and what a package tool is at.
who() {
    name=
    { read -r name <"/proc/$1/comm"; } 2>/dev/null
    words=$(tr '\0' '\n' 2>/dev/null <"/proc/$1/cmdline")
    set -- $(printf '%s\n' "$words" | sed -n '1,4p')
    case ${1##*/} in
        python* | perl* | sh | dash | bash) shift ;;
    esac
    # Options of an interpreter stand before its script.
    while case $1 in -*) ;; *) false ;; esac; do shift; done
    case ${1##*/} in
        # The kernel cuts a name at fifteen letters; the command line has it whole.
        "$name"* | unattended-upgrade* | apt* | dpkg* | aptitude* | packagekit*) name=${1##*/} ;;
    esac
    case $name in
        apt | apt-get | aptitude)
            shift
            echo "$name${1:+ $1}"
            ;;
        *) echo "${name:-a process}" ;;
    esac
}
# lock_holders  prints `NAME (pid N) holds FILE` for each of the four locks of apt and dpkg that somebody holds, and what
# dpkg is at. The kernel lists locks by inode, so neither lsof nor fuser is needed, nor root.
lock_holders() {
    ls -i /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock 2>/dev/null |
        while read -r inode file; do
            while read -r _ kind _ _ pid place _; do
                [ "$kind" = POSIX ] || continue
                case $place in
                    *:"$inode")
                        at=
                        if [ "$file" = /var/lib/dpkg/lock ]; then
                            # A last line that says how a package ended may be of any day.
                            at=$(tail -n 1 /var/log/dpkg.log 2>/dev/null | sed -n 's/^[0-9-]* [0-9:]* \(status \)*\([a-z-]*\) \([a-z0-9][^ ]*\) .*/, at \3 (\2)/p')
                            case $at in *'(installed)' | *'(not-installed)' | *'(config-files)') at= ;; esac
                        fi
                        echo "$(who "$pid") (pid $pid) holds $file$at"
                        ;;
                esac
            done </proc/locks
        done
}
