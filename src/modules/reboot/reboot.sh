read -r now </proc/sys/kernel/random/boot_id
if [ "$now" != "$1" ]; then
  echo "the host was rebooted meanwhile" >&2
  exit 113
fi
if [ -z "$3" ] && [ "$(id -u)" != 0 ]; then
  echo "rebooting needs root: set 'become: yes'" >&2
  exit 1
fi
if command -v wall >/dev/null 2>&1; then
  wall "$4" >/dev/null 2>&1 </dev/null
fi
if command -v setsid >/dev/null 2>&1; then apart=setsid; else apart=; fi
# Apart from the session, and later, so that the answer still arrives.
(
  trap '' HUP
  $apart sh -c 'sleep "$1"; if [ -n "$2" ]; then sh -c "$2"; else systemctl reboot || reboot || shutdown -r now; fi' \
    wgops "$2" "$3" >/dev/null 2>&1 </dev/null &
)
