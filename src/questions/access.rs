//! Who gets in, and who may become whom: how sshd is set, sudo's rules, every account, and the keys that let people in.
//! What of it is fit for a group is for `crate::modules` and playbooks to say.

pub mod keys;
pub mod sshd;
pub mod sudo;
pub mod sudoers;
pub mod users;
