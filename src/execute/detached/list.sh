# Says what a run left here, apart from any connection. $1: the run.
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:-/nonexistent}/.wgops; fi
run=$1
left_here ours
:
