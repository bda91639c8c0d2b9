# Finds pip: in a virtual environment, as it is named, or where the host has it.
find_pip() {
    pip=
    if [ -n "$1" ]; then
        if [ -x "$1/bin/python" ] && [ -d "$1" ]; then pip="$1/bin/python -m pip"; fi
        case $pip in *' '*' '*' '*) echo 'a virtual environment with a space in its path is not supported' >&2; exit 3 ;; esac
        return 0
    fi
    if [ -n "$2" ]; then
        command -v "$2" >/dev/null 2>&1 || { echo "this host has no $2" >&2; exit 3; }
        pip=$2
        return 0
    fi
    for word in pip3 pip; do
        if command -v "$word" >/dev/null 2>&1; then pip=$word; return 0; fi
    done
    if command -v python3 >/dev/null 2>&1 && python3 -m pip --version >/dev/null 2>&1; then
        pip='python3 -m pip'
        return 0
    fi
    echo 'this host has no pip: install python3-pip' >&2
    exit 3
}
