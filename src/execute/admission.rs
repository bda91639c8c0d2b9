//! Whether a host may be begun: who knows of windows, freezes and claims lends the fleet a function that says so. It is
//! asked when the host's turn has come, not before: a window may have ended while others were worked on.

use crate::event::HeldOut;
use crate::model::{Connection, HostName};
use std::sync::Arc;

/// What may hold a host out at the moment at which it would be begun, by its name and by how it is reached. Asked once more
/// with the fingerprint of the key that the host showed, before the first change: then by that key alone.
pub type Admission = Arc<dyn Fn(&HostName, &Connection, Option<&str>) -> Option<HeldOut> + Send + Sync>;

/// Hosts in waves: canaries first, in a wave of their own; then the others as `split` has it.
pub(super) fn waves(
    hosts: &[HostName],
    canaries: &[HostName],
    split: impl Fn(&[HostName]) -> Vec<Vec<HostName>>,
) -> Vec<Vec<HostName>> {
    let (first, rest): (Vec<HostName>, Vec<HostName>) =
        hosts.iter().cloned().partition(|host| canaries.contains(host));
    let first = if first.is_empty() { None } else { Some(first) };
    first.into_iter().chain(split(&rest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &str) -> Vec<HostName> {
        names.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn canaries_are_the_first_wave_and_the_others_keep_their_order() {
        let in_twos = |rest: &[HostName]| rest.chunks(2).map(<[HostName]>::to_vec).collect();
        let waves = |canaries: &str| waves(&hosts("a b c d e"), &hosts(canaries), in_twos);
        assert_eq!(waves("d b"), [hosts("b d"), hosts("a c"), hosts("e")]);
        assert_eq!(waves(""), [hosts("a b"), hosts("c d"), hosts("e")]);
        assert_eq!(waves("a b c d e"), [hosts("a b c d e")]);
        assert_eq!(waves("x"), waves(""));
    }
}
