# Clones, or brings a clone to a version. $1: the place. $2: the URL. $3: the version: a branch, a tag or a commit.
# $4: what that is: branch, tag or commit. $5: the commit that it is, or nothing. $6: the commit as it was seen, or '-' where
# nothing was there. $7: the remote's name. $8: how deep, or nothing. $9: words: bare, recursive, track, single, verify.
place=$1 url=$2 version=$3 kind=$4 wanted=$5 seen=$6 remote=$7 depth=$8 words=$9
shift 9
refspec=$1 reference=$2 data=$3 mask=$4 git=${5:-git}
GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=$6
export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND
has() { case " $words " in *" $1 "*) return 0 ;; esac; return 1; }
if [ -n "$mask" ]; then umask "$mask" || exit 1; fi
if has bare; then inside=$place/config; else inside=$place/.git; fi
if [ "$seen" = - ]; then
    [ ! -e "$inside" ] || exit 113
    parent=${place%/*}
    mkdir -p -- "${parent:-/}" || exit 1
    set -- clone --quiet --origin "$remote"
    if has bare; then set -- "$@" --bare; else set -- "$@" --no-checkout; fi
    if [ -n "$depth" ] && [ "$kind" != commit ]; then set -- "$@" --depth "$depth" --branch "$version"; fi
    if has single; then
        set -- "$@" --single-branch
        if [ -z "$depth" ] && [ "$kind" != commit ]; then set -- "$@" --branch "$version"; fi
    fi
    if [ -n "$reference" ]; then set -- "$@" --reference "$reference"; fi
    if [ -n "$data" ]; then set -- "$@" --separate-git-dir "$data"; fi
    "$git" "$@" -- "$url" "$place" </dev/null || exit 1
    cd -- "$place" || exit 1
else
    cd -- "$place" || exit 113
    [ "$("$git" rev-parse HEAD 2>/dev/null)" = "$seen" ] || exit 113
    if [ "$("$git" config --get "remote.$remote.url")" != "$url" ]; then
        "$git" remote set-url "$remote" "$url" 2>/dev/null || "$git" remote add "$remote" "$url" || exit 1
    fi
    set -- fetch --quiet --force
    if [ -n "$depth" ] && [ "$kind" != commit ]; then set -- "$@" --depth "$depth"; else set -- "$@" --tags; fi
    if has bare; then
        "$git" "$@" "$remote" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' </dev/null || exit 1
    else
        case $kind in
        branch) "$git" "$@" "$remote" "+refs/heads/$version:refs/remotes/$remote/$version" </dev/null || exit 1 ;;
        tag) "$git" "$@" "$remote" "+refs/tags/$version:refs/tags/$version" </dev/null || exit 1 ;;
        *) "$git" "$@" "$remote" </dev/null || exit 1 ;;
        esac
    fi
fi
if [ -n "$refspec" ]; then "$git" fetch --quiet --force "$remote" "$refspec" </dev/null || exit 1; fi
if [ "$kind" = commit ] && ! "$git" cat-file -e "$version^{commit}" 2>/dev/null; then
    "$git" fetch --quiet --force "$remote" "$version" </dev/null || exit 1
fi
if has verify; then
    case $kind in
    tag) "$git" verify-tag "$version" || exit 1 ;;
    *) "$git" verify-commit "${wanted:-$version}" || exit 1 ;;
    esac
fi
if ! has bare; then
    case $kind in
    branch)
        "$git" rev-parse -q --verify "refs/remotes/$remote/$version" >/dev/null ||
            "$git" fetch --quiet --force "$remote" "+refs/heads/$version:refs/remotes/$remote/$version" </dev/null || exit 1
        "$git" checkout --quiet --force -B "$version" --track "$remote/$version" -- || exit 1
        ;;
    tag) "$git" checkout --quiet --force "refs/tags/$version" -- || exit 1 ;;
    *) "$git" checkout --quiet --force "$version" -- || exit 1 ;;
    esac
    if has recursive && [ -f .gitmodules ]; then
        "$git" submodule --quiet sync --recursive || exit 1
        if has track; then set -- --remote; else set --; fi
        "$git" submodule --quiet update --init --recursive --force "$@" </dev/null || exit 1
    fi
fi
"$git" rev-parse HEAD || exit 1
exit 0
