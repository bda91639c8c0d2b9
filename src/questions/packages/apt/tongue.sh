# Packages' own scripts run in English and, where the host has that, in UTF-8: console-setup, say, takes its character set
# from there. Everything else here is read by programs, and stays in C.
in_utf8() {
    for locale in C.utf8 C.UTF-8; do
        if [ -d "/usr/lib/locale/$locale" ]; then
            LC_ALL=$locale LANG=$locale
            export LC_ALL LANG
            # It would have a say in any locale but C.
            unset LANGUAGE
            break
        fi
    done
    exec "$@"
}
