# What speaks for a reboot: the flag that packages leave, the kernel that runs, and those that are installed.
for flag in /run/reboot-required /var/run/reboot-required; do
    [ -e "$flag" ] || continue
    echo "flag $flag"
    while read -r name; do echo "asked $name"; done 2>/dev/null <"$flag.pkgs"
    break
done
read -r release </proc/sys/kernel/osrelease && echo "running $release"
read -r build </proc/sys/kernel/version && echo "build $build"
if [ -e /run/systemd/container ] || [ -e /.dockerenv ] || [ -e /run/.containerenv ]; then
    # Its kernel is another machine's.
    echo container
elif command -v dpkg-query >/dev/null 2>&1; then
    dpkg-query -W -f 'kernel ${db:Status-Abbrev}|${Package}|${Version}\n' 'linux-image-[0-9]*' 'linux-image-unsigned-[0-9]*' 2>/dev/null
else
    echo unknown
fi
exit 0
