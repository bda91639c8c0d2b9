//! SSH.

use super::channel::FarEnd;
use super::exchange::Meter;
use super::{ConnectError, Settings, ShellError};
use crate::model::{Connection, HostName};
use std::sync::Arc;

#[derive(Default)]
pub(super) struct Cache {}

pub(super) struct Link {}

pub(super) async fn connect(
    host: &HostName,
    _connection: &Connection,
    _settings: &Settings,
    _meter: &Arc<Meter>,
) -> Result<Link, ConnectError> {
    Err(ConnectError::Option {
        host: host.clone(),
        reason: "SSH is not there yet".into(),
        advice: "wait".into(),
    })
}

impl Link {
    pub async fn start(
        &self,
        _line: &str,
        far: FarEnd,
    ) -> Result<impl Future<Output = ()> + Send + 'static, ShellError> {
        Ok(async move { drop(far) })
    }
    pub async fn close(&self) {}
    pub async fn farewell(&self) -> String {
        String::new()
    }
}
