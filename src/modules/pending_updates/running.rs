//! What a host still runs although it was replaced: the kernel, microcode, the C library, services. One finding says that
//! it needs a reboot, however many reasons there are.

use super::super::restart_services::instead_of_restart;
use super::super::updates::{counted, some_of};
use super::Audit;
use crate::model::{FindingKind, Severity};
use crate::questions::boot::{MicrocodeState, RebootReasons};
use crate::questions::services::{Outdated, OutdatedProgram};

/// From how many programs on a replaced C library on a reboot is the simplest way.
const LIBC_PROGRAMS: usize = 8;

impl Audit {
    pub(super) fn reboot(&mut self, need: Option<&RebootReasons>, outdated: Option<&Outdated>) {
        let on_libc =
            outdated.map_or(0, |outdated| outdated.programs.iter().filter(|p| uses_old_libc(p)).count());
        let libc = (on_libc >= LIBC_PROGRAMS)
            .then(|| format!("{} still run on the C library that was replaced", counted(on_libc, "program")));
        let mut reasons = need.map(|need| need.reasons.clone()).unwrap_or_default();
        let needed = !reasons.is_empty();
        if need.is_some() {
            self.set("reboot_required", needed);
            self.set("reboot_reasons", reasons.clone());
        }
        self.set("reboot_advised", libc.is_some());
        reasons.extend(libc);
        if !reasons.is_empty() {
            let (severity, title) = match needed {
                true => (Severity::Medium, "the host needs a reboot"),
                false => (Severity::Low, "a reboot is the simplest way onto the new C library"),
            };
            let texts = [
                title,
                &reasons.join("; "),
                "reboot it: wgops patch --reboot if-needed, or systemctl reboot",
            ];
            self.find("reboot-needed".into(), FindingKind::RebootNeeded, severity, texts);
        }
        if let Some(why) = need.and_then(|need| need.not_assessed.as_ref()) {
            self.not_assessed(
                "kernel",
                "whether the kernel is the newest is unknown",
                why,
                "compare by hand",
            );
        }
    }

    /// A package newer than the boot may or may not have something for this very processor.
    pub(super) fn microcode(&mut self, state: Option<&MicrocodeState>) {
        let Some(MicrocodeState::Machine { running, newer }) = state else { return };
        self.set("microcode", running.clone());
        if newer.is_empty() {
            return;
        }
        let running = running.as_deref().unwrap_or("an unknown revision");
        let evidence = format!("{} installed after the boot; the processor runs {running}", some_of(newer));
        let texts = [
            "whether the processor runs the newest microcode is unknown",
            &evidence,
            "reboot, and compare: grep -m1 microcode /proc/cpuinfo",
        ];
        let id = "not-assessed/reboot-needed/microcode".to_owned();
        self.find(id, FindingKind::NotAssessed, Severity::Low, texts);
    }

    pub(super) fn services(&mut self, outdated: Option<&Outdated>) {
        let Some(outdated) = outdated else { return };
        let mut names = Vec::new();
        for program in &outdated.programs {
            let files = some_of(&program.files);
            let (id, title, remedy) = match &program.service {
                Some(service) => {
                    names.push(service.clone());
                    (service, format!("{service} runs on replaced files"), put_right(service))
                }
                None => (
                    &program.program,
                    format!("{} outside of any service runs on replaced files", program.program),
                    "end the session, or start the program again".to_owned(),
                ),
            };
            let texts = [title.as_str(), &files, &remedy];
            self.find(format!("service-restart/{id}"), FindingKind::ServiceRestart, Severity::Medium, texts);
        }
        self.set("services", names);
        if !outdated.sees_all {
            self.not_assessed(
                "services",
                "services of other users could not be looked at",
                "this account may not read other users' /proc/PID/maps",
                "audit with become, or with an account that may",
            );
        }
    }
}

fn put_right(service: &str) -> String {
    match (service, instead_of_restart(service)) {
        ("systemd", _) => "systemctl daemon-reexec".into(),
        (_, Some(instead)) => instead.into(),
        (_, None) => format!("systemctl restart {service}"),
    }
}

fn uses_old_libc(program: &OutdatedProgram) -> bool {
    program.files.iter().any(|file| {
        let name = file.rsplit('/').next().unwrap_or_default();
        ["libc.so.6", "libc-2.", "ld-linux", "ld-musl"].iter().any(|begin| name.starts_with(begin))
    })
}
