# Says who is changing this host, whoever asks.
run= me=
for base in /run/wgops "${HOME:-/nonexistent}/.wgops"; do
    locks_of_others
    left_here theirs
done
:
