# Lets systemd run itself anew, from the files that are there now. Units go on undisturbed.
if [ "$(id -u)" != 0 ]; then
    echo 'systemd can only be told so as root: use become' >&2
    exit 1
fi
said=$(systemctl daemon-reexec 2>&1 </dev/null) && [ -n "$(systemctl show -p Version)" ] && echo up && exit 0
printf 'down\n%s\n' "$said"
exit 0
