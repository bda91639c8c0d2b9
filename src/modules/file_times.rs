//! `access_time` and `modification_time` of `file`: kept, set to now, or to a time on the host's own clock.

use super::attributes::{touching, with_still};
use super::{Args, Change, Host, Nature};
use crate::model::Script;
use crate::questions::Stop;
use crate::questions::clock::EpochOf;
use crate::questions::files::Node;
use jiff::civil::DateTime;
use jiff::fmt::strtime;

/// Sets the times of a path.
pub(super) const TOUCH: Script = Script {
    name: "touch_times",
    text: with_still!(
        r#"still "$1" "$2"
set_time() {
    case $2 in
    -) return 0 ;;
    now) touch "$1" -- "$3" ;;
    *) touch "$1" -t "$2" -- "$3" ;;
    esac
}
set_time -a "$3" "$1" || exit 1
set_time -m "$4" "$1" || exit 1
stat -c '%f %u %g %s
%U
%G' -- "$1" || exit 1
exit 0"#
    ),
};

/// One of a file's times.
enum Time {
    Kept,
    Now,
    At(DateTime),
}

impl Time {
    fn read(args: &Args, name: &str, default: &str) -> Result<Self, Stop> {
        match args.text(name).unwrap_or(default) {
            "preserve" => Ok(Self::Kept),
            "now" => Ok(Self::Now),
            text => {
                let format = args.needed(&format!("{name}_format"))?;
                let read = strtime::parse(format, text).and_then(|parts| {
                    parts
                        .to_datetime()
                        .or_else(|_| Ok(parts.to_date()?.to_datetime(jiff::civil::Time::midnight())))
                });
                read.map(Self::At).map_err(|error: jiff::Error| {
                    Stop::refuse(format!("{name}: '{text}' is no time of the format {format}: {error}"))
                })
            }
        }
    }

    /// What the script gets: nothing where the time is as wanted.
    fn argument(&self, there: Option<i64>, host: &Host<'_>) -> Result<String, Stop> {
        match self {
            Self::Kept => Ok("-".into()),
            Self::Now => Ok("now".into()),
            Self::At(time) => {
                let epoch = host.get(EpochOf(time.strftime("%Y-%m-%d %H:%M:%S").to_string()))?;
                let is_so = there == Some(*epoch);
                Ok(if is_so { "-".into() } else { time.strftime("%Y%m%d%H%M.%S").to_string() })
            }
        }
    }
}

/// The change that sets the times of what is there, or will be, with this mark; `default` holds where nothing is said.
///
/// # Errors
/// Refuses what is no time; stops to ask what time that is on the host.
pub(super) fn change(
    args: &Args,
    default: &str,
    place: (&str, &str),
    there: Option<&Node>,
    stamp: String,
    host: &Host<'_>,
) -> Result<Option<Change>, Stop> {
    let times = [("access_time", there.map(|n| n.atime)), ("modification_time", there.map(|n| n.mtime))];
    let mut given = Vec::new();
    for (name, there) in times {
        given.push(Time::read(args, name, default)?.argument(there, host)?);
    }
    if given.iter().all(|time| time == "-") {
        return Ok(None);
    }
    let is_event = given.iter().any(|time| time == "now");
    let (named, real) = place;
    let mut words = vec![real.to_owned(), stamp];
    words.extend(given);
    let change = Change::state(format!("touch {named}"), TOUCH, words, touching(named, real));
    Ok(Some(Change { nature: if is_event { Nature::Event } else { Nature::State }, ..change }))
}
