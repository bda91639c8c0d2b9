//! Questions to the tools that look after a system: kernel settings, mounts, firewalls, alternatives and the like.
//!
//! Each is a script and what its answer depends on; the answer is what the tool said, and it is read by the one module
//! that asks. So these are tables, one file for each part of a system, and their scripts stand in them.

pub mod accounts;
pub mod apt;
pub mod brokers;
pub mod containers;
pub mod files;
pub mod firewalls;
pub mod kernel;
pub mod keys;
pub mod labels;
pub mod rpm;
pub mod tools;
pub mod volumes;

use super::{Output, ParseError};
use crate::model::Script;

/// What a tool said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// Standard output.
    pub text: String,
}

/// Exit status by which a script says that the host can't do what is asked; why stands on standard error.
const UNABLE: u8 = 3;

/// What came of asking: what the tool said, or why the host can't say it.
pub type Answer = Result<Said, String>;

fn said(expected: &str, output: &Output) -> Result<Answer, ParseError> {
    match output.status {
        0 => Ok(Ok(Said { text: output.text().into_owned() })),
        UNABLE => Ok(Err(output.error_text().trim().to_owned())),
        _ => Err(ParseError::new(expected, output)),
    }
}

/// Defines questions: each with its arguments as texts, its script, and what its answer reads.
macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident { script: $script:literal, reads: $reads:expr, $(slow: $slow:expr,)? text: $text:expr $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug)]
            pub struct $name(pub Vec<String>);

            impl $crate::questions::Question for $name {
                type Answer = super::Answer;
                const SCRIPT: $crate::model::Script = $crate::model::Script { name: $script, text: $text };

                fn args(&self) -> $crate::model::Argv {
                    self.0.clone().into()
                }

                fn reads(&self) -> $crate::model::Subjects {
                    let reads: fn(&[String]) -> Vec<$crate::model::Subject> = $reads;
                    $crate::model::Subjects::These(reads(&self.0))
                }

                $(fn cost(&self) -> $crate::questions::Cost {
                    $crate::questions::Cost::Costly { deadline: std::time::Duration::from_secs($slow) }
                })?

                fn parse(
                    &self,
                    output: &$crate::questions::Output,
                ) -> Result<Self::Answer, $crate::questions::ParseError> {
                    super::said(concat!("what the script ", $script, " prints"), output)
                }
            }
        )*

        /// The scripts of this file.
        pub(super) const SCRIPTS: &[$crate::model::Script] =
            &[$(<$name as $crate::questions::Question>::SCRIPT),*];
    };
}
use questions;

/// Every script of this room; all of them only read.
pub fn scripts() -> Vec<Script> {
    [
        accounts::SCRIPTS,
        apt::SCRIPTS,
        brokers::SCRIPTS,
        containers::SCRIPTS,
        &[<files::Matching as super::Question>::SCRIPT],
        firewalls::SCRIPTS,
        kernel::SCRIPTS,
        keys::SCRIPTS,
        labels::SCRIPTS,
        rpm::SCRIPTS,
        tools::SCRIPTS,
        volumes::SCRIPTS,
    ]
    .concat()
}
