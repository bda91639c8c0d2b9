//! Who gets in, and who may become whom: how sshd is set, sudo's rules, every account, the keys that let people in, and
//! from where sshd takes them.
//! What of it is fit for a group is for `crate::modules` and playbooks to say.

pub mod entry;
pub mod keys;
pub mod sshd;
pub mod sudo;
pub mod sudoers;
pub mod users;
