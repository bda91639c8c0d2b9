//! `second_login`: logs in once more, the way wgops did when it began, and becomes whom the task becomes. It is how
//! somebody who changes keys or sshd knows that the door is still open while they stand in it. The engine does it.

use super::{Args, Change, Delivery, Docs, Effect, FreeForm, Host, Module, Outcome, plain_result};
use crate::model::{Argv, Map, Script, Subjects};
use crate::questions::Stop;
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "second_login",
    aliases: &[],
    summary: "Logs in once more beside the connection that there is, and fails where that is no longer possible",
    params: &[],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- block:
    - name: Write the keys
      copy: {src: keys, dest: /home/ops/.ssh/authorized_keys, mode: '0600'}
    - name: See that one can still log in
      second_login:
  rescue:
    - name: Put the old keys back, over the connection that is still open
      command: cp /root/keys.before /home/ops/.ssh/authorized_keys
",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// What the second connection runs.
pub const LOGGED_IN: Script = Script { name: "logged_in", text: "exit 0" };

/// The scripts that are sent.
pub const SCRIPTS: &[Script] = &[LOGGED_IN];

/// Longest wait for it.
const DEADLINE: Duration = Duration::from_secs(60);

fn diff(_: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let change = Change::event("log in once more", LOGGED_IN, Argv::default(), Subjects::NONE);
    let change = Change { delivery: Delivery::Login, deadline: DEADLINE, ..change };
    Ok(Outcome::change(Map::new(), vec![change]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    #[test]
    fn it_is_a_change_of_nothing_that_the_engine_carries_out() {
        let outcome = answer_with(&MODULE, &json!({}), &mut |_| panic!("asked")).unwrap();
        assert_eq!(outcome.changes[0].delivery, Delivery::Login);
        assert_eq!(outcome.changes[0].touches, Subjects::NONE);
    }
}
