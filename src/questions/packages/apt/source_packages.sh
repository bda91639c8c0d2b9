# Every package that dpkg knows, and the source package that it was built from.
command -v dpkg-query >/dev/null 2>&1 || { echo absent; exit 0; }
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}|${source:Package}|${source:Version}\n'
