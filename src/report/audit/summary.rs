//! The verdict in one line: `FAIL: 2 security updates pending, 1 thing not assessed; 3 of 4 hosts looked at (fails on:
//! security)`.

use super::super::line;
use super::sheet::Sheet;
use crate::model::FindingKind;

/// The verdict, without colours.
pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let security = sheet.of_kind(FindingKind::SecurityUpdate);
    let blind = sheet.of_kind(FindingKind::NotAssessed);
    let suppressed = sheet.rows.iter().filter(|row| row.suppressed.is_some()).count();
    let others = sheet.rows.len() - security - blind - suppressed;
    let mut parts = vec![match security {
        0 if blind > 0 => "no security update was found".to_owned(),
        0 => "no security update is pending".to_owned(),
        n => format!("{} pending", line::counted(n, "security update")),
    }];
    parts.extend((blind > 0).then(|| format!("{} not assessed", line::counted(blind, "thing"))));
    parts.extend((others > 0).then(|| line::counted(others, "other finding")));
    parts.extend((suppressed > 0).then(|| format!("{suppressed} suppressed")));
    let assessed = format!("{} of {} looked at", sheet.assessed(), line::counted(sheet.hosts.len(), "host"));
    format!(
        "{}: {}; {assessed} (fails on: {})",
        word(sheet),
        parts.join(", "),
        line::one_line(&sheet.fail_on)
    )
}

/// `FAIL` or `PASS`.
pub(super) fn word(sheet: &Sheet<'_>) -> &'static str {
    if sheet.failed { "FAIL" } else { "PASS" }
}
