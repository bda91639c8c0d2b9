//! What is known of a playbook without a host. The room is empty: what must be right before a run begins is checked by
//! `crate::plan` as it compiles; advice beyond that has its place here.
