//! A package that comes as a file: `deb` of the module `apt`.

use super::updates::{DPKG_OPTIONS, counted};
use super::{Args, Change, Delivery, Host, Outcome};
use crate::model::{Map, Script, Subjects};
use crate::questions::Stop;
use crate::questions::packages::apt::{Freshness, InstalledPackages, Simulate};
use crate::questions::packages::debian_order;
use crate::questions::system::apt::DebFile;
use std::cmp::Ordering;
use std::time::Duration;

/// Installs a package from a file: the file or URL, its digest as it was seen, dpkg's options in one text, then apt-get's.
const INSTALL: Script = Script {
    name: "install_deb",
    text: concat!(
        include_str!("../questions/system/deb_fetch.sh"),
        include_str!("../questions/packages/apt/tongue.sh"),
        r#"
[ "$(id -u)" = 0 ] || { echo 'packages can only be changed as root: use become' >&2; exit 1; }
source=$1 digest=$2 dpkg_options=$3
shift 3
fetch_deb "$source" || exit 1
sum=$(sha256sum <"$deb") || exit 1
[ "${sum%% *}" = "$digest" ] || exit 113
# apt reads it as a user of its own.
case $deb in */wgops.*) chmod 755 "$place" && chmod 644 "$deb" ;; esac
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1
export APT_LISTCHANGES_FRONTEND=none APT_LISTBUGS_FRONTEND=none
for option in $dpkg_options; do
    set -- -o "Dpkg::Options::=--$option" "$@"
done
(in_utf8 apt-get -q -y -o Dpkg::Use-Pty=0 "$@" install "$deb") </dev/null 2>&1 || exit 1
exit 0"#
    ),
};

/// This file's scripts.
pub(super) const SCRIPTS: &[Script] = &[INSTALL];

/// What makes the package of a file installed.
pub(super) fn diff(
    source: &str,
    options: &[String],
    installed: &InstalledPackages,
    args: &Args,
    host: &Host<'_>,
) -> Result<Outcome, Stop> {
    const DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);
    let is_url = source.starts_with("http://") || source.starts_with("https://");
    if !is_url && !source.starts_with('/') {
        return Err(Stop::refuse(format!("'deb' is {source}: expected an absolute path or a URL")));
    }
    let said = host.get(DebFile(vec![source.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
    let (name, version) = (of("package "), of("version "));
    let mut outcome = Outcome { result: Map::new(), ..Outcome::default() };
    match installed.version(&name).map(|there| (debian_order(there, &version), there)) {
        Some((Ordering::Equal, _)) => return Ok(outcome),
        Some((Ordering::Greater, there)) if !args.flag("allow_downgrade") => {
            outcome
                .warnings
                .push(format!("{name} {there} is installed already, which is newer than {version}"));
            return Ok(outcome);
        }
        _ => {}
    }
    if !is_url {
        // What comes along, and whether it can be done at all.
        let words = [options, &["--no-remove".to_owned(), "install".to_owned(), source.to_owned()]].concat();
        let plan = host.get(Simulate { freshness: Freshness::AsTheyAre, command_line: words })?;
        if let Some(why) = plan.as_ref().as_ref().and_then(|plan| plan.failure.clone()) {
            return Err(Stop::refuse(format!("apt can't do it: {why}")));
        }
        let others = plan.as_ref().as_ref().map_or(0, |plan| plan.installs.len().saturating_sub(1));
        if others > 0 {
            outcome.warnings.push(format!("{} along with {name}", counted(others, "package")));
        }
    }
    let dpkg_options = match args.list(DPKG_OPTIONS.name).as_slice() {
        [] => DPKG_OPTIONS.default.replace(',', " "),
        given => given.join(" "),
    };
    let argv = [vec![source.to_owned(), of("digest "), dpkg_options], options.to_vec()].concat();
    let change =
        Change::state(format!("Install {name} {version} from {source}"), INSTALL, argv, Subjects::Undeclared);
    outcome.changes.push(Change { delivery: Delivery::Detached, deadline: DEADLINE, ..change });
    Ok(outcome)
}
