# Every package that dpkg knows: wanted and current state, name, architecture, version.
command -v dpkg-query >/dev/null 2>&1 || exit 0
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Architecture}|${Version}\n'
