# Installed packages whose version is in none of the sources: each with the versions that are, newest first.
command -v apt-cache >/dev/null 2>&1 || { echo absent; exit 0; }
set -- /var/lib/apt/lists/*_Packages*
[ -e "$1" ] || { echo nolists; exit 0; }
echo lists
apt-cache policy $(dpkg-query -W -f '${db:Status-Abbrev}${binary:Package}\n' | sed -n 's/^.i  *//p') 2>/dev/null | awk '
    function tell() { if (name != "" && !known && installed != "(none)") print "package", name, installed others }
    /^[^ ]/ { tell(); name = $0; sub(/:$/, "", name); installed = "(none)"; others = ""; known = 0; next }
    $1 == "Installed:" { installed = $2; next }
    /^ \*\*\* / { mine = 1; next }
    /^     [^ ]/ { mine = 0; version = $1; next }
    /^        / {
        if ($2 == "/var/lib/dpkg/status") next
        if (mine) known = 1
        else if (version != "") { others = others " " version; version = "" }
    }
    END { tell() }'
