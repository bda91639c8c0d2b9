//! A second login beside the connection that is open: whether somebody who leaves now could come back.

use super::connection::{Broken, HostConnection, privilege, told};
use crate::model::Environment;
use crate::modules::Change;
use crate::plan::{Effective, Reply};
use crate::questions::Output;
use crate::transport::{self, ConnectError, OnFailure, Request, Session};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often it is tried, and how long to wait before it is tried again.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);
/// Longest wait for the second connection to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl HostConnection {
    /// Logs in anew, becomes whom the task becomes, and closes that connection again. That it doesn't work is the task's
    /// failure and none of this connection's.
    ///
    /// # Errors
    /// None: the connection that is open is not used.
    pub(super) async fn log_in_again(&mut self, user: &Effective, change: &Change) -> Result<Reply, Broken> {
        let done = timeout(change.deadline, self.second(user, change)).await;
        Ok(match done {
            Ok(Ok(reply)) => reply,
            Ok(Err(why)) => refused(&why),
            Err(_) => refused("it took too long"),
        })
    }

    /// An sshd that reads its settings anew doesn't listen for a moment; what it says of a key is its last word.
    async fn connected_anew(&self) -> Result<Session, ConnectError> {
        for _ in 1..ATTEMPTS {
            match transport::connect(&self.host, &self.access.connection, &self.settings).await {
                Err(ConnectError::Refused { .. } | ConnectError::Unreachable { .. }) => sleep(PAUSE).await,
                done => return done,
            }
        }
        transport::connect(&self.host, &self.access.connection, &self.settings).await
    }

    async fn second(&self, user: &Effective, change: &Change) -> Result<Reply, String> {
        let session = self.connected_anew().await.map_err(|error| told(&error.to_string(), error.hint()))?;
        let become_ = privilege(user, self.access.become_password.as_ref());
        let request = Request {
            script: change.script,
            environment: Environment::default(),
            args: change.args.clone(),
            content: None,
            deadline: change.deadline,
            output_bytes_max: 1 << 12,
            on_failure: OnFailure::Halt,
        };
        let done = match session.shell(become_.as_ref()).await {
            Ok(mut shell) => shell.exchange(&[request]).await.map_err(|lost| lost.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
        match done?.pop().map(|reply| reply.end) {
            Some(end) if end.is_success() => Ok(Reply::Done(Output::ok(""))),
            _ => Err("the shell there does not answer".into()),
        }
    }
}

/// The task ran, and this came of it.
fn refused(why: &str) -> Reply {
    let stderr = format!("a second login fails, and the first one is still open: {why}").into_bytes();
    Reply::Done(Output { status: 1, stdout: Vec::new(), stderr })
}
