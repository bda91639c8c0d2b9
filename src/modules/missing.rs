//! What stands for a module of a collection that wgops has not: it refuses. A task with a condition may never come to it, so
//! that roles for many systems run where they need no more than there is.

use super::{Args, Docs, Effect, FreeForm, Host, Module, Outcome, plain_result};
use crate::questions::Stop;

/// The module; its one argument is the name of what is missing.
pub static MODULE: Module = Module {
    name: "(missing)",
    aliases: &[],
    summary: "Refuses, in place of a module that there is not",
    params: &[],
    free_form: FreeForm::AnyKeys,
    docs: Docs::NONE,
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Families of modules in Ansible's collections, which older roles name without a collection.
const FAMILIES: &[&str] = &[
    "aws_",
    "azure_rm_",
    "docker_",
    "ec2_",
    "elb_",
    "gcp_",
    "homebrew_",
    "ipa_",
    "k8s_",
    "kubernetes_",
    "ldap_",
    "lxc_",
    "lxd_",
    "mongodb_",
    "mysql_",
    "openssl_",
    "os_",
    "ovirt_",
    "pkg5_",
    "podman_",
    "postgresql_",
    "proxmox_",
    "rabbitmq_",
    "rds_",
    "redhat_",
    "rhsm_",
    "route53_",
    "s3_",
    "vmware_",
    "win_",
    "x509_",
    "zabbix_",
    "zypper_",
];

/// Modules in Ansible's collections that belong to no such family.
const SINGLE: &[&str] = &[
    "apk",
    "apt_rpm",
    "apt_repo",
    "archive",
    "bower",
    "bundler",
    "capabilities",
    "cpanm",
    "dconf",
    "docker",
    "ec2",
    "expect",
    "facter",
    "firewalld",
    "flatpak",
    "flatpak_remote",
    "get_certificate",
    "github_release",
    "haproxy",
    "helm",
    "homebrew",
    "htpasswd",
    "installp",
    "interfaces_file",
    "java_cert",
    "java_keystore",
    "jenkins_plugin",
    "k8s",
    "launchd",
    "layman",
    "lvg",
    "lvol",
    "macports",
    "mail",
    "monit",
    "nagios",
    "nmcli",
    "nosh",
    "ohai",
    "open_iscsi",
    "openbsd_pkg",
    "openwrt_init",
    "opkg",
    "osx_defaults",
    "pacman",
    "pacman_key",
    "parted",
    "patch",
    "pear",
    "pkg5",
    "pkgin",
    "pkgng",
    "pkgutil",
    "portage",
    "portinstall",
    "puppet",
    "rhn_channel",
    "rhn_register",
    "route53",
    "runit",
    "s3",
    "slack",
    "slackpkg",
    "snap",
    "snap_alias",
    "sorcery",
    "sssd_info",
    "subversion",
    "svc",
    "svr4pkg",
    "swdepot",
    "swupd",
    "syspatch",
    "sysrc",
    "sysupgrade",
    "urpmi",
    "vmadm",
    "xattr",
    "xbps",
    "yarn",
    "zfs",
    "zfs_facts",
    "zypper",
];

/// Whether a name without a collection is that of a module in one of Ansible's, and no mistyped one.
pub(super) fn is_elsewhere(name: &str) -> bool {
    SINGLE.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("module")?;
    Err(Stop::refuse(format!("there is no module '{name}' (yet), and this task needs it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn a_module_of_another_system_is_told_from_a_slip() {
        assert!(["pacman", "docker_container", "zypper"].into_iter().all(is_elsewhere));
        assert!(!["servcie", "copi", "apt_kye"].into_iter().any(is_elsewhere));
    }

    #[test]
    fn it_names_what_is_missing() {
        let refused = without_host(&MODULE, &json!({"module": "community.general.pamd"}));
        assert!(
            matches!(refused, Err(Stop::Refuse(refusal)) if refusal.message.contains("'community.general.pamd'"))
        );
    }
}
