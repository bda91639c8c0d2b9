//! What a host still runs although it was replaced: the kernel, services.

use super::super::updates::some_of;
use super::Audit;
use crate::model::{FindingKind, Severity};
use crate::questions::boot::RebootReasons;
use crate::questions::services::Outdated;

impl Audit {
    pub(super) fn reboot(&mut self, need: Option<&RebootReasons>) {
        let Some(need) = need else { return };
        self.set("reboot_required", !need.reasons.is_empty());
        self.set("reboot_reasons", need.reasons.clone());
        if !need.reasons.is_empty() {
            let texts = ["the host needs a reboot", &need.reasons.join("; "), "reboot it"];
            self.find("reboot-needed".into(), FindingKind::RebootNeeded, Severity::Medium, texts);
        }
        if let Some(why) = &need.not_assessed {
            self.not_assessed(
                "kernel",
                "whether the kernel is the newest is unknown",
                why,
                "compare by hand",
            );
        }
    }

    pub(super) fn services(&mut self, outdated: Option<&Outdated>) {
        let Some(outdated) = outdated else { return };
        let mut names = Vec::new();
        for program in &outdated.programs {
            let files = some_of(&program.files);
            let (id, title, remedy) = match &program.service {
                Some(service) => {
                    names.push(service.clone());
                    (service, format!("{service} runs on replaced files"), format!("restart {service}"))
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
