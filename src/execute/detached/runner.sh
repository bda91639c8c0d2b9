# Runs a job's steps, one after the other until one fails. For each: its function, how many arguments it has, where in
# the file of contents what it reads begins, and how long that is (`-`: it reads nothing); then its arguments. At last it
# says how each of them ended and how much it printed.
wgops_dir=${0%/*} wgops_steps= wgops_out=0 wgops_err=0 wgops_s=0
wgops_read() {
    if [ "$2" = - ]; then cat </dev/null; else tail -c +"$(($1 + 1))" "$wgops_dir/content" | head -c "$2"; fi
}
wgops_step() {
    wgops_name=$1 wgops_count=$2
    shift 4
    wgops_all=$# wgops_n=0
    while [ "$wgops_n" -lt "$wgops_count" ]; do
        set -- "$@" "$1"
        shift
        wgops_n=$((wgops_n + 1))
    done
    shift $((wgops_all - wgops_count))
    "$wgops_name" "$@"
}
while [ $# -gt 0 ] && [ "$wgops_s" = 0 ]; do
    if [ "$4" = - ]; then
        (wgops_step "$@") </dev/null
    else
        wgops_read "$3" "$4" | (wgops_step "$@")
    fi
    wgops_s=$?
    wgops_all_out=$(($(wc -c <"$wgops_dir/out"))) wgops_all_err=$(($(wc -c <"$wgops_dir/err")))
    wgops_steps="$wgops_steps $wgops_s:$((wgops_all_out - wgops_out)):$((wgops_all_err - wgops_err))"
    wgops_out=$wgops_all_out wgops_err=$wgops_all_err
    wgops_n=$2
    shift 4
    shift "$wgops_n"
done
printf '\nwgops-steps%s\n' "$wgops_steps"
exit "$wgops_s"
