# Nobody will ask for these jobs any more: what ended is removed, and what goes on removes itself at its end.
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
for name; do
    [ -d "$base/$name" ] || continue
    : >"$base/$name/forget"
    [ ! -f "$base/$name/status" ] || rm -rf "$base/$name"
done
rmdir "$base" 2>/dev/null
:
