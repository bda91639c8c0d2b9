//! Changes that must outlive the SSH session: they run apart from it, and their output and exit status wait on the host,
//! in a directory that only their user can read, until they are collected. A lost line, a closed laptop or a killed
//! wgops harms nothing.

use crate::model::{Argv, Content, RunId, Script};
use crate::modules::Change;
use crate::questions::Output;
use crate::transport::{OnFailure, Request};
use std::time::Duration;

/// Longest wait for a detached change to be started.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Bytes of its output that are kept.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Starts a script apart from the session. `$1` is the name of its directory; the rest are the script's arguments; the
/// script itself comes on stdin.
const START: Script = Script {
    name: "wgops_detach",
    text: r#"umask 077
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
dir=$base/$1
shift
mkdir -p "$base" || exit 1
if ! mkdir "$dir" 2>/dev/null; then
  echo "$dir exists: this change was started before" >&2
  exit 1
fi
cat >"$dir/script" && [ -s "$dir/script" ] || { echo "no room for the script in $dir" >&2; rm -rf "$dir"; exit 1; }
if command -v setsid >/dev/null 2>&1; then apart=setsid; else apart=; fi
(
  trap '' HUP INT
  $apart sh -c 'dir=$1; shift
    sh "$dir/script" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    echo $? >"$dir/status.new" && mv "$dir/status.new" "$dir/status"' wgops "$dir" "$@" \
    >/dev/null 2>&1 </dev/null &
)"#,
};

/// Waits for a detached script's end, prints what it printed, ends as it ended, and removes its directory. `$1` is the
/// directory's name, `$2` how many bytes to print of each stream, from the end.
const COLLECT: Script = Script {
    name: "wgops_collect",
    text: r#"if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
dir=$base/$1
[ -d "$dir" ] || { echo "there is no $dir: the change was never started" >&2; exit 114; }
short=10
while [ ! -f "$dir/status" ]; do
  if [ "$short" -gt 0 ]; then short=$((short - 1)); sleep 0.1 2>/dev/null || sleep 1; else sleep 1; fi
done
read -r status <"$dir/status"
tail -c "$2" "$dir/out"
tail -c "$2" "$dir/err" >&2
rm -rf "$dir"
rmdir "$base" 2>/dev/null
exit "$status""#,
};

/// Exit status of collecting what was never started.
const NEVER_STARTED: u8 = 114;

/// Both scripts, for whoever lists what may be sent.
pub const SCRIPTS: [Script; 2] = [START, COLLECT];

/// A detached change's name on the host: the run and its number within it.
pub fn directory(run: RunId, number: u64) -> String {
    format!("{run}-{number}")
}

/// The request that starts a change.
pub fn start(directory: &str, change: &Change) -> Request {
    let mut args = vec![directory.to_owned()];
    args.extend(change.args.0.iter().cloned());
    Request {
        script: START,
        args: Argv(args),
        content: Some(Content::new(format!("{}\n", change.script.text).into_bytes())),
        deadline: START_DEADLINE,
        output_bytes_max: OUTPUT_BYTES_MAX,
        on_failure: OnFailure::Halt,
    }
}

/// The request that waits for its end.
pub fn collect(directory: &str, deadline: Duration) -> Request {
    Request {
        script: COLLECT,
        args: Argv(vec![directory.to_owned(), OUTPUT_BYTES_MAX.to_string()]),
        content: None,
        deadline,
        output_bytes_max: 2 * OUTPUT_BYTES_MAX + 4096,
        on_failure: OnFailure::Halt,
    }
}

/// Whether collecting says that the change was never started.
pub fn was_never_started(output: &Output) -> bool {
    output.status == NEVER_STARTED
}
