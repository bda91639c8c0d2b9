//! Waiting on the host until a port or a file is as it should be. The script looks; nothing is installed for it: local
//! ports are read from the kernel's tables, others are tried with `nc` or bash, whichever is there.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subjects};
use std::time::Duration;

/// Asks the host to wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WaitUntil {
    /// For what.
    pub target: Target,
    /// In which state.
    pub state: Awaited,
    /// A pattern (extended regular expression) that a file or what a port says has to hold.
    pub pattern: Option<String>,
    /// How long at most.
    pub limit: Duration,
    /// How long before the first look.
    pub delay: Duration,
    /// How long between looks.
    pub pause: Duration,
    /// How long a connection may take.
    pub connect: Duration,
}

/// What is waited for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A TCP port, as the host reaches it.
    Port {
        /// Name or address.
        host: String,
        /// The port.
        port: u16,
    },
    /// A path.
    Path(String),
    /// The end of the time.
    Nothing,
}

/// The state that is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Awaited {
    /// It is there.
    Started,
    /// It is not there.
    Stopped,
    /// No connections are left.
    Drained,
}

/// How the waiting ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Waited {
    /// It holds, after so many seconds; and where a pattern was looked for in a file, the first line that has it.
    Holds(u64, String),
    /// It did not hold in time.
    TimedOut(u64),
    /// The host has no means to look.
    Unable(String),
}

impl Question for WaitUntil {
    type Answer = Waited;
    const SCRIPT: Script = Script { name: "wait_until", text: include_str!("ports/wait.sh") };

    fn args(&self) -> Argv {
        let (what, host, port, path) = match &self.target {
            Target::Port { host, port } => ("port", host.as_str(), port.to_string(), ""),
            Target::Path(path) => ("path", "", "0".to_owned(), path.as_str()),
            Target::Nothing => ("nothing", "", "0".to_owned(), ""),
        };
        let state = match self.state {
            Awaited::Started => "started",
            Awaited::Stopped => "stopped",
            Awaited::Drained => "drained",
        };
        let pattern = self.pattern.clone().unwrap_or_default();
        let seconds = [self.limit, self.delay, self.pause, self.connect].map(|d| d.as_secs().to_string());
        let mut args: Vec<String> = [what, state, host].map(str::to_owned).into();
        args.extend([port, path.to_owned(), pattern]);
        args.extend(seconds);
        args.into()
    }

    fn reads(&self) -> Subjects {
        Subjects::Undeclared
    }

    fn cost(&self) -> Cost {
        const SPARE: Duration = Duration::from_secs(30);
        Cost::Costly { deadline: self.limit + self.delay + self.pause + self.connect + SPARE }
    }

    fn parse(&self, output: &Output) -> Result<Waited, ParseError> {
        let text = output.text();
        let (text, line) = text.split_once('\n').unwrap_or((&text, ""));
        match text.trim().split_once(' ') {
            Some(("holds", seconds)) => {
                seconds.parse().ok().map(|seconds| Waited::Holds(seconds, line.to_owned()))
            }
            Some(("timeout", seconds)) => seconds.parse().ok().map(Waited::TimedOut),
            Some(("unable", why)) => Some(Waited::Unable(why.to_owned())),
            _ => None,
        }
        .ok_or_else(|| ParseError::new("'holds', 'timeout' or 'unable'", output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::net::TcpListener;

    fn wait(target: Target, state: Awaited, pattern: Option<&str>) -> WaitUntil {
        WaitUntil {
            target,
            state,
            pattern: pattern.map(str::to_owned),
            limit: Duration::ZERO,
            delay: Duration::ZERO,
            pause: Duration::from_secs(1),
            connect: Duration::from_secs(1),
        }
    }

    fn holds(bench: &Workbench, question: &WaitUntil) -> bool {
        let output = bench.run(WaitUntil::SCRIPT, &question.args(), None);
        match question.parse(&output).unwrap_or_else(|e| panic!("{}: {e}", bench.name())) {
            Waited::Holds(..) => true,
            Waited::TimedOut(_) => false,
            Waited::Unable(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_local_port_is_found_open_and_closed_in_every_shell() {
        for bench in Workbench::every_shell() {
            for address in ["127.0.0.1:0", "0.0.0.0:0"] {
                let listener = TcpListener::bind(address).unwrap();
                let port = listener.local_addr().unwrap().port();
                let target = Target::Port { host: "127.0.0.1".into(), port };
                assert!(holds(&bench, &wait(target.clone(), Awaited::Started, None)), "{}", bench.name());
                assert!(!holds(&bench, &wait(target.clone(), Awaited::Stopped, None)));
                assert!(holds(&bench, &wait(target.clone(), Awaited::Drained, None)));
                drop(listener);
                assert!(!holds(&bench, &wait(target.clone(), Awaited::Started, None)));
                assert!(holds(&bench, &wait(target, Awaited::Stopped, None)));
            }
        }
    }

    #[test]
    fn a_file_is_there_or_holds_a_pattern_in_every_shell() {
        for bench in Workbench::every_shell() {
            let path = Target::Path(bench.file("it's here", "server: ready [1]\n"));
            let gone = Target::Path(bench.path("gone"));
            assert!(holds(&bench, &wait(path.clone(), Awaited::Started, None)));
            assert!(holds(&bench, &wait(path.clone(), Awaited::Started, Some(r"ready \[[0-9]+\]"))));
            assert!(!holds(&bench, &wait(path.clone(), Awaited::Started, Some("-broken"))));
            assert!(!holds(&bench, &wait(path, Awaited::Stopped, None)));
            assert!(holds(&bench, &wait(gone.clone(), Awaited::Stopped, None)));
            assert!(!holds(&bench, &wait(gone, Awaited::Started, None)));
        }
    }

    #[test]
    fn the_time_alone_is_waited_for_behind_the_delay() {
        for bench in Workbench::every_shell() {
            let second = Duration::from_secs(1);
            let question =
                WaitUntil { limit: second, delay: second, ..wait(Target::Nothing, Awaited::Started, None) };
            let begun = std::time::Instant::now();
            assert!(holds(&bench, &question), "{}", bench.name());
            assert!(begun.elapsed() >= 2 * second, "{}", bench.name());
        }
    }

    #[test]
    fn a_port_elsewhere_is_tried_with_what_the_host_has() {
        let bench = Workbench::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Written so that it does not look local; the kernel reads it as 127.0.0.1.
        let target = Target::Port { host: "2130706433".into(), port };
        let output = bench.run(WaitUntil::SCRIPT, &wait(target, Awaited::Started, None).args(), None);
        assert!(output.text().starts_with("holds") || output.text().starts_with("unable"), "{output:?}");
    }
}
