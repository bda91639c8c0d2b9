//! What stands around a transaction on real hosts: what is looked at before anything is changed, what is refused, and what
//! is seen to afterwards.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::wait_until;

/// A lab, a host with a fresh disk, and an ops repository.
fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
    lab.reset(&host);
}

fn version(lab: &Lab, host: &Host, package: &str) -> String {
    lab.exec(
        host,
        &format!("dpkg-query -W -f '${{Version}} ${{db:Status-Abbrev}}' {package} 2>/dev/null || true"),
    )
}

fn packages(lab: &Lab, host: &Host) -> String {
    lab.exec(host, "dpkg -l | sha256sum")
}

/// Gives the host a repository of its own with these packages (`NAME VERSION [FIELD: VALUE]`, one a line).
fn repository(lab: &Lab, host: &Host, packages: &str) {
    let script = r#"set -e
mkdir -p /srv/own && cd /srv/own
while read -r name version field; do
    rm -rf stage && mkdir -p stage/DEBIAN stage/usr/share/doc/$name
    echo $version >stage/usr/share/doc/$name/VERSION
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: x <x@example.invalid>\nInstalled-Size: 8\n' \
        $name $version >stage/DEBIAN/control
    [ -z "$field" ] || printf '%s\n' "$field" >>stage/DEBIAN/control
    echo 'Description: x' >>stage/DEBIAN/control
    dpkg-deb --root-owner-group --build stage ${name}_$version.deb >/dev/null
done <<'PACKAGES'
@PACKAGES@
PACKAGES
for file in *.deb; do
    dpkg-deb -f $file
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' $file $(wc -c <$file) $(sha256sum $file | cut -d' ' -f1)
done >Packages
echo 'deb [trusted=yes] file:/srv/own ./' >/etc/apt/sources.list.d/own.list
apt-get -qq update"#;
    let script = script.replace("@PACKAGES@", packages);
    lab.exec(host, &script);
}

/// Makes the host's lists old, so that they are refreshed before anything is said of them.
fn old_lists(lab: &Lab, host: &Host) {
    lab.exec(host, "find /var/lib/apt -exec touch -d '2 days ago' {} +");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn services_on_replaced_files_are_restarted_unless_somebody_says_otherwise() {
    here(|lab, host, ops| {
        let main = "systemctl show -p MainPID svcd";
        let before = lab.exec(host, main);
        let said = ops.alice("patch -i ops --yes --restart-services never");
        said.expect(0, &["still on replaced files, not restarted: svcd"]);
        assert_eq!(lab.exec(host, main), before);
        let leave = ops.play("leave", "  become: true\n", "- restart_services: {also_deny: [svcd]}");
        ops.alice(&format!("run {leave} -i ops")).expect(0, &["changed=0"]);
        assert_eq!(lab.exec(host, main), before);
        ops.alice("patch -i ops --check").expect(0, &["would restart: svcd"]);
        ops.alice("patch -i ops --yes").expect(0, &["restarted: svcd", "changed=1"]);
        assert_ne!(lab.exec(host, main), before);
        ops.newest_run().expect(0, &["Restart svcd"]);
        ops.alice("patch -i ops --yes").expect(0, &["nothing changed"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_service_that_does_not_come_back_fails_the_host_with_its_own_words() {
    here(|lab, host, ops| {
        lab.exec(
            host,
            "mkdir -p /etc/systemd/system/svcd.service.d; printf '[Service]\\nExecStartPre=/bin/sh -c \"test ! -e \
             /usr/share/doc/newdep || { echo no database; exit 1; }\"\\n' >/etc/systemd/system/svcd.service.d/x.conf; \
             systemctl daemon-reload",
        );
        let said = ops.alice("patch -i ops --yes");
        said.expect(1, &["svcd: no database", "did not come back: svcd"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_unit_that_has_failed_since_fails_the_host_and_one_that_had_before_does_not() {
    here(|lab, host, ops| {
        lab.exec(
            host,
            "cd /etc/systemd/system; for name in old doomed; do printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \
             \"echo no licence; exit 1\"\\n' >$name.service; done; mkdir -p svcd.service.d; printf '[Service]\\n\
             ExecStartPost=+systemctl --no-block start doomed.service\\n' >svcd.service.d/x.conf; \
             systemctl daemon-reload; systemctl start old || true",
        );
        let said = ops.alice("patch -i ops --yes");
        said.expect(1, &["doomed.service: no licence", "failed since this began: doomed.service"]);
        said.expect(1, &["had failed before: old.service"]);
        // It is known now, and nothing new has failed.
        ops.alice("patch -i ops --yes").expect(0, &["had failed before: doomed.service, old.service"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_source_that_fails_stops_the_host_unless_that_is_allowed() {
    here(|lab, host, ops| {
        lab.exec(host, "echo 'deb [trusted=yes] file:/srv/gone x main' >/etc/apt/sources.list.d/gone.list");
        old_lists(lab, host);
        let before = packages(lab, host);
        for line in ["patch -i ops --check", "patch -i ops --yes"] {
            let said = ops.alice(line);
            said.expect(1, &["file:/srv/gone x: nothing is there", "--allow-failed-sources", "refused"]);
        }
        assert_eq!(packages(lab, host), before);
        let said = ops.alice("patch -i ops --yes --allow-failed-sources");
        said.expect(0, &["which is allowed: file:/srv/gone x"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn nothing_is_removed_unless_that_is_allowed_and_its_number_typed() {
    here(|lab, host, ops| {
        repository(lab, host, "inway 1.0\nclasher 1.0\nclasher 1.1 Conflicts: inway");
        lab.exec(host, "apt-get -qq -y install inway clasher=1.0 >/dev/null 2>&1");
        ops.alice("patch -i ops --yes --exclude svcd,confpkg,keptback")
            .expect(0, &["held: would remove inway"]);
        assert_eq!(
            (version(lab, host, "inway"), version(lab, host, "clasher")),
            ("1.0 ii".into(), "1.0 ii".into())
        );
        let line = "patch -i ops --allow-removals --exclude svcd,confpkg,keptback";
        let stopped = ops.types("alice", line).at_a_terminal("1\n7\n\n").says();
        stopped.expect(0, &["would REMOVE: inway 1.0", "nothing was changed"]);
        assert_eq!(version(lab, host, "inway"), "1.0 ii");
        ops.types("alice", line).at_a_terminal("1\n1\n").says().expect(0, &["removed: inway 1.0"]);
        assert!(!version(lab, host, "inway").contains("1.0"), "{}", version(lab, host, "inway"));
        assert_eq!(version(lab, host, "clasher"), "1.1 ii");
        assert_eq!(version(lab, host, "svcd"), "1.0 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_a_host_can_not_do_without_is_never_removed() {
    here(|lab, host, ops| {
        repository(lab, host, "clasher 1.0\nclasher 1.1 Conflicts: openssh-server");
        lab.exec(host, "apt-get -qq -y install clasher=1.0 >/dev/null 2>&1");
        let before = packages(lab, host);
        let said = ops.alice("patch -i ops --yes --allow-removals");
        said.expect(1, &["it would remove what must stay: openssh-server: it is the way in", "refused"]);
        assert_eq!(packages(lab, host), before);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn too_little_room_is_said_before_anything_is_changed() {
    here(|lab, host, ops| {
        lab.exec(host, "mount -t tmpfs -o size=4M small /var/cache/apt/archives");
        let before = packages(lab, host);
        for line in ["patch -i ops --check", "patch -i ops --yes"] {
            let said = ops.alice(line);
            said.expect(
                1,
                &["too little room", "/var/cache/apt/archives needs 64 MB free", "60 MB are missing"],
            );
            said.expect(1, &["refused"]);
        }
        assert_eq!(packages(lab, host), before);
        lab.exec(host, "umount /var/cache/apt/archives");
        ops.alice("patch -i ops --yes").expect(0, &["libfoo"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_new_kernel_that_does_not_fit_in_boot_is_refused_and_old_ones_are_named() {
    here(|lab, host, ops| {
        repository(
            lab,
            host,
            "kernelmeta 1.0\nkernelmeta 1.1 Depends: linux-image-6.1.0-30-amd64\nlinux-image-6.1.0-30-amd64 6.1.124-1\n\
             linux-image-6.1.0-18-amd64 6.1.76-1\nlinux-image-6.1.0-9-amd64 6.1.27-1",
        );
        lab.exec(
            host,
            "apt-get -qq -y install kernelmeta=1.0 linux-image-6.1.0-9-amd64 linux-image-6.1.0-18-amd64 >/dev/null 2>&1; \
             mount -t tmpfs -o size=30M boot /boot; for release in 6.1.0-9-amd64 6.1.0-18-amd64; do \
             head -c 3000000 /dev/zero >/boot/vmlinuz-$release; head -c 8000000 /dev/zero >/boot/initrd.img-$release; done",
        );
        let said = ops.alice("patch -i ops --yes");
        said.expect(1, &["/boot needs 35 MB free", "apt-get purge linux-image-6.1.0-9-amd64"]);
        assert_eq!(version(lab, host, "libfoo"), "1.0 ii");
        ops.alice("patch -i ops --yes --exclude kernelmeta").expect(0, &["libfoo"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
        lab.exec(host, "umount /boot");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_was_interrupted_is_shown_first_and_repaired_first() {
    here(|lab, host, ops| {
        lab.exec(host, "dpkg --unpack /srv/repo/pool/bookworm-updates/confpkg_1.1_all.deb >/dev/null");
        assert_eq!(version(lab, host, "confpkg"), "1.1 iU");
        ops.alice("patch -i ops --check").expect(0, &["Let dpkg finish first: half installed: confpkg"]);
        let said = ops.alice("patch -i ops --yes");
        said.expect(0, &["Let dpkg finish first", "kept its changed configuration file /etc/confpkg.conf"]);
        assert_eq!(version(lab, host, "confpkg"), "1.1 ii");
        assert!(lab.holds(host, "grep -q listen=8080 /etc/confpkg.conf"));
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_failing_script_is_named_with_its_last_words() {
    here(|lab, host, ops| {
        lab.exec(host, "apt-get install -y failpost=1.0 >/dev/null 2>&1");
        let said = ops.alice("patch -i ops --yes");
        let words = "failpost: post-installation script returned error exit status 1, after \"failpost: cannot migrate";
        said.expect(1, &["failed: failpost", words]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_dry_run_says_who_holds_the_package_database_and_at_what_they_are() {
    here(|lab, host, ops| {
        lab.exec(host, "systemd-run --unit slow --collect apt-get install -y slowpost=1.1 >/dev/null 2>&1");
        wait_until("slowpost is being set up", 20, || lab.holds(host, "pgrep -f '[s]lowpost.postinst'"));
        let said = ops.alice("patch -i ops --check");
        said.expect(0, &["the package database is in use", "apt-get install (pid ", "at slowpost"]);
        wait_until("it is set up", 20, || !lab.holds(host, "pgrep -f '[s]lowpost.postinst'"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn explaining_a_patch_shows_every_script_and_changes_nothing() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        let said = ops.alice("patch -i ops --explain");
        said.expect(0, &["DRY RUN", "apt_transaction", "Inst libfoo 1.1", "DEBIAN_FRONTEND=noninteractive"]);
        assert_eq!(packages(lab, host), before);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn where_it_takes_two_people_a_plan_removes_packages_only_once_the_second_has_seen_which() {
    here(|lab, host, ops| {
        repository(lab, host, "inway 1.0\nclasher 1.0\nclasher 1.1 Conflicts: inway");
        lab.exec(host, "apt-get -qq -y install inway clasher=1.0 >/dev/null 2>&1");
        ops.joins("carol");
        let roster = std::fs::read_to_string(ops.root().join("inventory/operators.yml")).unwrap();
        let threshold = "threshold: {apply: {default: 1, groups: {lab: 2}}}\n";
        ops.keep("inventory/operators.yml", roster + threshold);
        let only = "--allow-removals --exclude svcd,confpkg,keptback";
        let alone = ops.alice(&format!("patch -i ops --yes {only}"));
        alone.expect(4, &[host.name(), "takes 2 cleared people", "--plan-out"]);
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        let plan = ops.alice(&format!("patch -i ops {only} --plan-out plans/removal.json"));
        plan.expect(0, &["Plan for 1 host", "would REMOVE: inway 1.0"]);
        let apply = "apply plans/removal.json --yes --allow-removals";
        ops.alice(apply)
            .expect(4, &["not approved", host.name(), "asks for 2", "wgops approve plans/removal.json"]);
        assert_eq!(version(lab, host, "inway"), "1.0 ii");
        let approves = ops.types("carol", "approve plans/removal.json --yes").says();
        approves.expect(0, &["inway 1.0 (removed)", "Approved"]);
        // That the plan is approved is one thing, that --yes alone removes nothing another.
        let refused = ops.alice("apply plans/removal.json --yes");
        refused.expect(4, &["removes 1 package,", "--allow-removals"]);
        assert_eq!(version(lab, host, "inway"), "1.0 ii");
        ops.alice(apply).expect(0, &["removed: inway 1.0"]);
        assert!(!version(lab, host, "inway").contains("1.0"), "{}", version(lab, host, "inway"));
        assert_eq!(version(lab, host, "clasher"), "1.1 ii");
        ops.newest_run().expect(0, &["approved by", "carol"]);
        ops.alice(apply).expect(4, &["spent"]);
    });
}
