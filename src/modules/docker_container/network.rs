//! Networks of a container: which ones are asked for, and whether it is in them.

use super::super::Args;
use super::super::docker::plain;
use crate::model::Value;
use crate::questions::Stop;

/// A network that a container is to be in.
pub(super) struct Network {
    pub(super) name: String,
    /// What `docker network connect` is told of it.
    pub(super) options: Vec<(&'static str, String)>,
}

/// The networks that a task names.
///
/// # Errors
/// They are not written as wgops takes them.
pub(super) fn networks(args: &Args) -> Result<Vec<Network>, Stop> {
    let wrong = || Stop::refuse("'networks' must be a list of mappings with a name each");
    let Some(given) = args.value("networks") else { return Ok(Vec::new()) };
    let one = |network: &Value| {
        let name = network["name"].as_str().filter(|name| !name.is_empty() && !name.starts_with('-'));
        let mut options = Vec::new();
        for (key, value) in
            network.as_object().ok_or_else(wrong)?.iter().filter(|(_, value)| !value.is_null())
        {
            match key.as_str() {
                "name" => {}
                "ipv4_address" => options.push(("--ip", plain(value))),
                "ipv6_address" => options.push(("--ip6", plain(value))),
                "aliases" => options
                    .extend(value.as_array().into_iter().flatten().map(|alias| ("--alias", plain(alias)))),
                "links" => {
                    options
                        .extend(value.as_array().into_iter().flatten().map(|link| ("--link", plain(link))));
                }
                other => return Err(Stop::refuse(format!("'networks': '{other}' is not supported yet"))),
            }
        }
        Ok(Network { name: name.ok_or_else(wrong)?.to_owned(), options })
    };
    given.as_array().ok_or_else(wrong)?.iter().map(one).collect()
}

impl Network {
    /// Whether a container is in it as asked.
    pub(super) fn has(&self, now: &Value) -> bool {
        let there = &now["NetworkSettings"]["Networks"][self.name.as_str()];
        let list =
            |key: &str, wanted: &str| there[key].as_array().into_iter().flatten().any(|one| *one == wanted);
        !there.is_null()
            && self.options.iter().all(|(option, value)| match *option {
                "--ip" => there["IPAMConfig"]["IPv4Address"] == *value,
                "--ip6" => there["IPAMConfig"]["IPv6Address"] == *value,
                "--alias" => list("Aliases", value),
                _ => list("Links", value),
            })
    }
}
