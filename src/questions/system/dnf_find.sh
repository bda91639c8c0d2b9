# Finds dnf under whichever name the host has it.
find_dnf() {
    command -v rpm >/dev/null 2>&1 || { echo 'this host has no rpm' >&2; return 1; }
    for dnf in dnf5 dnf yum; do
        if command -v "$dnf" >/dev/null 2>&1; then return 0; fi
    done
    echo 'this host has no dnf and no yum' >&2
    return 1
}
