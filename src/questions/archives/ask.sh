readable "$@" || exit 1
printf '%s\n' "$kind"
listing "$@" 2>/dev/null | wc -l
differences "$@"
exit 0
