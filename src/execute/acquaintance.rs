//! Whether a host is the machine that whoever types has spoken to before. Who knows that lends the fleet something that says
//! so: it is asked before a connection is opened, for nothing is to be sent to a machine that somebody put in a host's place.

use super::connection::HostAccess;
use crate::model::HostName;

/// What is known of the machines that were spoken to.
pub trait Acquaintance: Send + Sync {
    /// Why nothing is sent to whoever is reached so, with what to do about it.
    fn stranger(&self, host: &HostName, access: &HostAccess) -> Option<(String, String)>;
    /// It was reached.
    fn met(&self, host: &HostName, access: &HostAccess);
}
