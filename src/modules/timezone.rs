//! `timezone`: the host's time zone, and what the hardware clock counts in.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::accounts::TimeZone;

/// The module.
pub static MODULE: Module = Module {
    name: "timezone",
    aliases: &[],
    summary: "Sets the host's time zone",
    params: &[
        Param::required("name", Kind::Text, "the zone, as Europe/Berlin"),
        Param::not_yet("hwclock").or(&["rtc"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: The clock on the wall\n  timezone:\n    name: Europe/Berlin\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Sets the zone: as it was seen, as it shall be.
const SET: Script = Script {
    name: "set_time_zone",
    text: r#"[ "$(readlink /etc/localtime)" = "$1" ] || exit 113
[ -f "/usr/share/zoneinfo/$2" ] || exit 113
if [ -d /run/systemd/system ] && command -v timedatectl >/dev/null 2>&1; then
    # What it leaves in /etc/timezone is its own business. Without D-Bus it can do nothing.
    timedatectl set-timezone "$2" >/dev/null 2>&1
    case $(readlink /etc/localtime) in *"/zoneinfo/$2") exit 0 ;; esac
fi
ln -snf "/usr/share/zoneinfo/$2" /etc/localtime || exit 1
if [ -e /etc/timezone ] && [ "$(head -n 1 /etc/timezone)" != "$2" ]; then
    printf '%s\n' "$2" >/etc/timezone || exit 1
fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_+/".contains(c);
    if name.is_empty() || name.starts_with(['/', '-']) || !name.chars().all(fits) {
        return Err(Stop::refuse(format!("'{name}' is no time zone's name")));
    }
    let said = host.get(TimeZone(vec![name.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let link = of("link ").unwrap_or_default();
    let linked = link.rsplit_once("/zoneinfo/").map(|(_, zone)| zone);
    if linked == Some(name) && of("name ").is_none_or(|written| written == name) {
        return Ok(Outcome::in_order(Map::new()));
    }
    if !said.lines().any(|line| line == "known") {
        return Err(Stop::refuse(format!(
            "given timezone \"{name}\" is not available: is the package tzdata there?"
        )));
    }
    let was = linked.unwrap_or("none");
    let touches = ["/etc/localtime", "/etc/timezone"].map(Subject::path);
    let change =
        Change::state(format!("set the time zone to {name} (was {was})"), SET, [link, name], touches);
    Ok(Outcome::change(Map::new(), vec![change]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn a_zone_holds_where_the_link_and_the_name_say_so() {
        let run = |said: &'static str| {
            answer_with(&MODULE, &json!({"name": "Europe/Berlin"}), &mut |_| Ok(Output::ok(said)))
                .map(|outcome| outcome.changes.len())
        };
        assert_eq!(run("link ../usr/share/zoneinfo/Europe/Berlin\nknown\n"), Ok(0));
        assert_eq!(run("link /usr/share/zoneinfo/Europe/Berlin\nname Etc/UTC\nknown\n"), Ok(1));
        assert_eq!(run("link /usr/share/zoneinfo/Etc/UTC\nknown\n"), Ok(1));
        assert!(matches!(run("unknown\n"), Err(Stop::Refuse(_))));
    }
}
