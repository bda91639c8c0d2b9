//! What tasks inherit of the blocks and plays that they stand in.

use crate::load::Node;
use crate::load::playbook::Keywords;

/// What a task or block has of its own, over what it inherits: conditions, tags, and variables add up.
pub(super) fn inherit(outer: &Keywords, own: &Keywords) -> Keywords {
    let mut vars = outer.vars.clone();
    vars.extend(own.vars.clone());
    let or = |own: &Option<Node>, outer: &Option<Node>| own.clone().or_else(|| outer.clone());
    Keywords {
        name: own.name.clone(),
        when: outer.when.iter().chain(&own.when).cloned().collect(),
        tags: outer.tags.iter().chain(&own.tags).cloned().collect(),
        vars,
        environment: outer.environment.iter().chain(&own.environment).cloned().collect(),
        r#become: or(&own.r#become, &outer.r#become),
        become_user: or(&own.become_user, &outer.become_user),
        become_method: or(&own.become_method, &outer.become_method),
        ignore_errors: or(&own.ignore_errors, &outer.ignore_errors),
        any_errors_fatal: or(&own.any_errors_fatal, &outer.any_errors_fatal),
        no_log: or(&own.no_log, &outer.no_log),
        check_mode: or(&own.check_mode, &outer.check_mode),
        diff: or(&own.diff, &outer.diff),
        run_once: or(&own.run_once, &outer.run_once),
        delegate_to: or(&own.delegate_to, &outer.delegate_to),
        notify: outer.notify.iter().chain(&own.notify).cloned().collect(),
        delegate_facts: or(&own.delegate_facts, &outer.delegate_facts),
        connection: or(&own.connection, &outer.connection),
        remote_user: or(&own.remote_user, &outer.remote_user),
        port: or(&own.port, &outer.port),
        ignore_unreachable: or(&own.ignore_unreachable, &outer.ignore_unreachable),
        throttle: or(&own.throttle, &outer.throttle),
        timeout: or(&own.timeout, &outer.timeout),
        module_defaults: outer.module_defaults.iter().chain(&own.module_defaults).cloned().collect(),
    }
}
