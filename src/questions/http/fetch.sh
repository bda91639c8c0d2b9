text=$1
shift
if [ "$7" = yes ]; then
  printf '%s' "$text" | { exec 3<&0 </dev/null; request "$@"; }
else
  request "$@"
fi
