//! Modules: what a task can ask of a host, one file per module.
//!
//! A module is a pure function. It never talks to a host: it is given its arguments and the answers known so far, and
//! asks, refuses, or says what the outcome is: a result, and the changes that make the host as asked (none: it already
//! is). There is no dry run in here: a dry run calls the same function and applies nothing.
//!
//! To add a module: a file with its `MODULE`, its cases, and its line in [`ALL`]. `crate::questions` has what can be
//! asked; `crate::plan` calls; `crate::execute` applies.

mod acl;
mod add_host;
mod advisory_match;
mod alternatives;
mod apache2_module;
mod apply_selection;
mod apply_updates;
mod apt;
mod apt_deb;
mod apt_key;
mod apt_keyring;
mod apt_lists;
mod apt_repository;
mod archive;
mod args;
mod assemble;
mod assert;
mod async_status;
mod attributes;
mod authorized_key;
mod authorized_keys;
mod automatic_updates;
mod blockinfile;
mod capabilities;
mod change;
mod check;
mod command;
mod composer;
mod controller;
mod copy;
mod copy_tree;
mod cron;
mod cron_table;
mod cronvar;
mod deb822_repository;
mod debconf;
mod debug;
mod definition;
mod django_manage;
mod dnf;
mod docker;
mod docker_container;
mod docker_image;
mod docker_network;
mod docker_options;
mod download;
mod dpkg_divert;
mod dpkg_selections;
mod edited;
mod expansion;
mod fail;
mod failed_units;
mod fetch;
mod file;
mod file_link;
mod file_times;
mod file_tree;
mod filesystem;
mod find;
mod firewalld;
mod foreign_packages;
mod free_space;
mod gathered;
mod gem;
mod get_url;
mod getent;
mod git;
mod git_config;
mod group;
mod group_by;
#[cfg(test)]
pub(crate) mod harness;
mod hostname;
mod htpasswd;
mod http_request;
mod include_role;
mod include_tasks;
mod include_vars;
mod ini_file;
mod ini_lines;
mod interfaces_file;
mod iptables;
mod kernel_blacklist;
mod known_hosts;
mod labels;
mod line_edit;
mod lineinfile;
mod locale_gen;
mod login_keys;
mod lvg;
mod lvm;
mod lvol;
mod made_file;
mod make;
pub mod manual;
mod meta;
mod missing;
mod mode;
mod modprobe;
mod mount;
mod mount_facts;
mod mysql;
mod mysql_db;
mod mysql_info;
mod mysql_query;
mod mysql_user;
mod mysql_variables;
mod nest;
mod npm;
mod openssh_keypair;
mod openssl_csr;
mod openssl_dhparam;
mod openssl_key;
mod openssl_privatekey;
mod openssl_publickey;
mod package_facts;
mod package_sources;
mod pam_limits;
mod pam_rules;
mod pamd;
mod parted;
mod patch;
mod pause;
mod pending_updates;
mod ping;
mod pip;
mod place;
mod postgresql;
mod postgresql_db;
mod postgresql_ext;
mod postgresql_privs;
mod postgresql_query;
mod postgresql_user;
mod python_json;
mod rabbitmq;
mod rabbitmq_plugin;
mod rabbitmq_policy;
mod rabbitmq_user;
mod rabbitmq_vhost;
mod raw;
mod read_csv;
mod reboot;
mod recent_activity;
mod release_support;
mod replace;
mod restart_services;
mod rpm_key;
mod same_as;
mod script;
mod second_login;
mod selinux;
mod service;
mod service_facts;
mod set_fact;
mod setup;
mod shell_words;
mod slurp;
mod snap;
mod sql;
mod sr_fingerprint;
mod ssh_line;
mod sshd_account;
mod sshd_settings;
mod stat;
mod sudo_rules;
mod supervisorctl;
mod synchronize;
mod synchronize_pull;
mod sysctl;
mod tempfile;
mod template;
mod text_file;
mod timezone;
mod ufw;
mod unarchive;
mod updates;
mod updates_guard;
mod uri;
mod uri_body;
mod user;
mod user_accounts;
mod user_changes;
mod user_extras;
mod user_scripts;
mod validate_argument_spec;
mod vulnerabilities;
mod wait_for;
mod wait_for_connection;
mod x509;
mod x509_certificate;
mod x509_certificate_info;
mod xattr;
mod xml;
mod xml_edit;
mod xml_path;
mod yum_repository;

pub use args::{ArgProblem, Args, FreeForm, Kind, Param, RAW};
pub use change::{Change, Delivery, Diff, Nature, Outcome, PRECONDITION_FAILED, Progress, Prompt};
pub use controller::{Controller, Kept, TreeEntry, TreeKind};
pub use definition::{Docs, Effect, Facts, Host, Module, Returned, plain_result};

use crate::model::Script;

/// Every module, in alphabetical order.
pub static ALL: &[&Module] = &[
    &acl::MODULE,
    &add_host::MODULE,
    &alternatives::MODULE,
    &apache2_module::MODULE,
    &apply_updates::MODULE,
    &apt::APT,
    &apt_key::MODULE,
    &apt_repository::MODULE,
    &archive::MODULE,
    &assemble::MODULE,
    &assert::MODULE,
    &async_status::MODULE,
    &authorized_key::MODULE,
    &automatic_updates::MODULE,
    &blockinfile::MODULE,
    &capabilities::MODULE,
    &check::MODULE,
    &command::COMMAND,
    &composer::MODULE,
    &copy::MODULE,
    &cron::MODULE,
    &cronvar::MODULE,
    &deb822_repository::MODULE,
    &debconf::MODULE,
    &debug::MODULE,
    &django_manage::MODULE,
    &dnf::MODULE,
    &docker_container::MODULE,
    &docker_image::MODULE,
    &docker_image::BUILD,
    &docker_image::PULL,
    &docker_network::MODULE,
    &docker_network::VOLUME,
    &dpkg_divert::MODULE,
    &dpkg_selections::MODULE,
    &fail::MODULE,
    &failed_units::MODULE,
    &fetch::MODULE,
    &file::MODULE,
    &filesystem::MODULE,
    &find::MODULE,
    &firewalld::MODULE,
    &foreign_packages::MODULE,
    &free_space::MODULE,
    &gem::MODULE,
    &x509_certificate_info::SERVER,
    &get_url::MODULE,
    &getent::MODULE,
    &git::MODULE,
    &git_config::MODULE,
    &group::MODULE,
    &group_by::MODULE,
    &hostname::MODULE,
    &htpasswd::MODULE,
    &include_role::MODULE,
    &include_tasks::MODULE,
    &include_vars::MODULE,
    &ini_file::MODULE,
    &interfaces_file::MODULE,
    &iptables::MODULE,
    &kernel_blacklist::MODULE,
    &known_hosts::MODULE,
    &lineinfile::MODULE,
    &locale_gen::MODULE,
    &login_keys::MODULE,
    &lvg::MODULE,
    &lvol::MODULE,
    &make::MODULE,
    &meta::MODULE,
    &modprobe::MODULE,
    &mount::MODULE,
    &mount_facts::MODULE,
    &mysql_db::MODULE,
    &mysql_info::MODULE,
    &mysql_query::MODULE,
    &mysql_user::MODULE,
    &mysql_variables::MODULE,
    &npm::MODULE,
    &openssh_keypair::MODULE,
    &openssl_csr::MODULE,
    &openssl_dhparam::MODULE,
    &openssl_privatekey::MODULE,
    &openssl_publickey::MODULE,
    &apt::PACKAGE,
    &package_facts::MODULE,
    &package_sources::MODULE,
    &pam_limits::MODULE,
    &pamd::MODULE,
    &parted::MODULE,
    &patch::MODULE,
    &pause::MODULE,
    &pending_updates::MODULE,
    &ping::MODULE,
    &pip::MODULE,
    &postgresql_db::MODULE,
    &postgresql_ext::MODULE,
    &postgresql_privs::MODULE,
    &postgresql_query::MODULE,
    &postgresql_user::MODULE,
    &rabbitmq_policy::PARAMETER,
    &rabbitmq_plugin::MODULE,
    &rabbitmq_policy::POLICY,
    &rabbitmq_user::MODULE,
    &rabbitmq_vhost::MODULE,
    &raw::MODULE,
    &read_csv::MODULE,
    &reboot::MODULE,
    &recent_activity::MODULE,
    &release_support::MODULE,
    &replace::MODULE,
    &restart_services::MODULE,
    &rpm_key::MODULE,
    &script::MODULE,
    &selinux::BOOLEAN,
    &second_login::MODULE,
    &selinux::CONTEXT,
    &selinux::MODE,
    &selinux::PORT,
    &service::SERVICE,
    &service_facts::MODULE,
    &set_fact::MODULE,
    &setup::MODULE,
    &command::SHELL,
    &slurp::MODULE,
    &snap::MODULE,
    &sr_fingerprint::MODULE,
    &sshd_account::MODULE,
    &sshd_settings::MODULE,
    &stat::MODULE,
    &sudo_rules::MODULE,
    &supervisorctl::MODULE,
    &synchronize::MODULE,
    &sysctl::MODULE,
    &service::SYSTEMD,
    &tempfile::MODULE,
    &template::MODULE,
    &timezone::MODULE,
    &ufw::MODULE,
    &unarchive::MODULE,
    &uri::MODULE,
    &user::MODULE,
    &user_accounts::MODULE,
    &validate_argument_spec::MODULE,
    &vulnerabilities::MODULE,
    &wait_for::MODULE,
    &wait_for_connection::MODULE,
    &x509_certificate::MODULE,
    &x509_certificate_info::MODULE,
    &xattr::MODULE,
    &xml::MODULE,
    &yum_repository::MODULE,
];

/// What stands for a module that there is not.
pub static MISSING: &Module = &missing::MODULE;

/// Whether a name without a collection is that of a module in one of Ansible's, and no mistyped one.
pub fn is_elsewhere(name: &str) -> bool {
    missing::is_elsewhere(name)
}

/// Every script that changes a host.
#[expect(clippy::too_many_lines, reason = "it is a table")]
pub fn change_scripts() -> Vec<Script> {
    let families: &[&[Script]] = &[
        acl::SCRIPTS,
        alternatives::SCRIPTS,
        apache2_module::SCRIPTS,
        apt_deb::SCRIPTS,
        archive::SCRIPTS,
        capabilities::SCRIPTS,
        async_status::SCRIPTS,
        command::SCRIPTS,
        composer::SCRIPTS,
        copy::SCRIPTS,
        cron::SCRIPTS,
        debconf::SCRIPTS,
        django_manage::SCRIPTS,
        dnf::SCRIPTS,
        docker::SCRIPTS,
        docker_container::SCRIPTS,
        download::SCRIPTS,
        dpkg_divert::SCRIPTS,
        dpkg_selections::SCRIPTS,
        fetch::SCRIPTS,
        file::SCRIPTS,
        filesystem::SCRIPTS,
        firewalld::SCRIPTS,
        git::SCRIPTS,
        git_config::SCRIPTS,
        group::SCRIPTS,
        hostname::SCRIPTS,
        iptables::SCRIPTS,
        labels::SCRIPTS,
        locale_gen::SCRIPTS,
        lvm::SCRIPTS,
        made_file::SCRIPTS,
        make::SCRIPTS,
        modprobe::SCRIPTS,
        mount::SCRIPTS,
        openssh_keypair::SCRIPTS,
        openssl_csr::SCRIPTS,
        openssl_dhparam::SCRIPTS,
        openssl_privatekey::SCRIPTS,
        openssl_publickey::SCRIPTS,
        parted::SCRIPTS,
        patch::SCRIPTS,
        mysql::SCRIPTS,
        mysql_db::SCRIPTS,
        npm::SCRIPTS,
        gem::SCRIPTS,
        pip::SCRIPTS,
        postgresql::SCRIPTS,
        postgresql_db::SCRIPTS,
        rabbitmq::SCRIPTS,
        reboot::SCRIPTS,
        restart_services::SCRIPTS,
        rpm_key::SCRIPTS,
        script::SCRIPTS,
        second_login::SCRIPTS,
        selinux::SCRIPTS,
        service::SCRIPTS,
        snap::SCRIPTS,
        supervisorctl::SCRIPTS,
        synchronize_pull::SCRIPTS,
        sysctl::SCRIPTS,
        tempfile::SCRIPTS,
        timezone::SCRIPTS,
        ufw::SCRIPTS,
        unarchive::SCRIPTS,
        updates::SCRIPTS,
        uri::SCRIPTS,
        user_extras::SCRIPTS,
        user_scripts::SCRIPTS,
        x509_certificate::SCRIPTS,
        xattr::SCRIPTS,
    ];
    families.concat()
}

/// The module that a play gathers facts with.
pub fn gathering() -> Option<&'static Module> {
    ALL.iter().copied().find(|module| module.effect == Effect::Facts(Facts::Gathered))
}

/// Finds a module by its name or an alias.
pub fn find(name: &str) -> Option<&'static Module> {
    ALL.iter().copied().find(|m| m.name == name || m.aliases.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::read_only_scripts;
    use crate::questions::workbench::Workbench;
    use std::collections::HashSet;

    #[test]
    fn modules_are_found_by_names_that_are_unique_and_listed_in_order() {
        let names: Vec<&str> = ALL.iter().map(|module| module.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        let mut all: Vec<&str> = ALL.iter().flat_map(|m| m.aliases).copied().chain(names).collect();
        assert!(all.iter().all(|name| find(name).is_some()));
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
        assert!(find("no_such_module").is_none());
    }

    #[test]
    fn scripts_have_names_of_their_own_that_a_shell_can_use() {
        let mut names = HashSet::new();
        for script in read_only_scripts().into_iter().chain(change_scripts()) {
            assert!(names.insert(script.name), "two scripts are called {}", script.name);
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(!script.name.is_empty() && script.name.chars().all(fits), "{}", script.name);
        }
    }

    #[test]
    fn every_script_is_a_functions_body_in_every_shell() {
        for bench in Workbench::every_shell() {
            for script in read_only_scripts().into_iter().chain(change_scripts()) {
                let said = bench.syntax_error(script);
                assert_eq!(said, None, "{} in {}", script.name, bench.name());
            }
        }
    }
}
