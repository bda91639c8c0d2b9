//! The audit as one page for a browser: nothing is loaded from anywhere, and its policy would not let it be.
//!
//! The page is whole as plain tables. Where scripts run, findings can be filtered by host, severity, kind and text, and
//! sorted. Text from hosts is escaped and stands between tags or in quoted attributes, nowhere else; the style and the
//! script are ours alone and named to the policy by their digests.

use super::markup::{attribute, escaped};
use super::sheet::{Count, HostLine, Reboot, Row, Sheet};
use crate::model::{Excerpt, FindingKind, Severity};
use base64::prelude::{BASE64_STANDARD, Engine};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
/// What is shown of a finding's evidence.
const EVIDENCE: Excerpt = Excerpt { lines_max: 200, columns_max: 2000 };

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mut out = head(sheet);
    out.push_str("<main>\n<h2 id=\"hosts-title\">Hosts</h2>\n");
    hosts(sheet, &mut out);
    out.push_str("<h2 id=\"findings-title\">Findings</h2>\n");
    if sheet.rows.is_empty() {
        out.push_str("<p>None.</p>\n");
    } else {
        filter(sheet, &mut out);
        findings(sheet, &mut out);
    }
    let _infallible = write!(
        out,
        "</main>\n<footer>Written by wgops {}. What could not be assessed is a finding, never clean.</footer>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn head(sheet: &Sheet<'_>) -> String {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    let whole = sheet.summary.as_str();
    let (word, rest) = whole.split_once(": ").unwrap_or(("", whole));
    let class = if sheet.failed { "verdict fail" } else { "verdict" };
    let begun = sheet.at().map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let run = sheet.run.map(|run| format!(" · run {run}")).unwrap_or_default();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{} · Audit</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<header>\n<h1>Audit</h1>\n<p class=\"meta\">{}{run}</p>\n\
         <p class=\"{class}\"><strong>{}</strong>: {}</p>\n</header>\n",
        escaped(word),
        begun.unwrap_or_default(),
        escaped(word),
        escaped(rest)
    )
}

fn hosts(sheet: &Sheet<'_>, out: &mut String) {
    out.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"hosts-title\">\n<table id=\"hosts\">\n\
         <thead><tr><th scope=\"col\">Host</th><th scope=\"col\" class=\"number\">Security updates</th>\
         <th scope=\"col\" class=\"number\">Other updates</th><th scope=\"col\" class=\"number\">Held</th>\
         <th scope=\"col\">Reboot</th><th scope=\"col\" class=\"number\">Vulnerabilities</th>\
         <th scope=\"col\" class=\"number\">Other</th><th scope=\"col\" class=\"number\">Not assessed</th>\
         <th scope=\"col\">Worst</th><th scope=\"col\">Oldest</th></tr></thead>\n<tbody>\n",
    );
    sheet.hosts.iter().for_each(|host| host_line(sheet, host, out));
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn host_line(sheet: &Sheet<'_>, host: &HostLine<'_>, out: &mut String) {
    let number = |count: Count, bad: bool| {
        let class = match count {
            Count { seen: 0, may_be_more: false } => "number zero",
            Count { seen: 1.., .. } if bad => "number strong",
            _ => "number",
        };
        format!("<td class=\"{class}\">{}</td>", count.text())
    };
    let reboot = match host.reboot {
        Reboot::Unknown => "<span class=\"medium\">unknown</span>",
        Reboot::Needed => "<span class=\"severity medium\">yes</span>",
        Reboot::NotNeeded => "<span class=\"zero\">no</span>",
    };
    let worst = host.worst.map(severity).unwrap_or_else(|| match host.is_clean() {
        true => "<span class=\"ok\">none</span>".into(),
        false => "<span class=\"medium\">unknown</span>".into(),
    });
    let oldest = host.oldest.map(|since| sheet.age(since)).unwrap_or_else(|| "–".into());
    let _infallible = writeln!(
        out,
        "<tr><th scope=\"row\">{}</th>{}{}{}<td>{reboot}</td>{}{}{}<td>{worst}</td><td class=\"age\">{oldest}</td></tr>",
        escaped(host.name.as_str()),
        number(host.security, true),
        number(host.updates, false),
        number(host.held, false),
        number(host.vulnerabilities, true),
        number(host.other, false),
        number(Count { seen: host.not_assessed, may_be_more: false }, true),
    );
}

fn severity(severity: Severity) -> String {
    format!("<span class=\"severity {severity}\">{severity}</span>")
}

/// The form that filters; it shows itself only where scripts run.
fn filter(sheet: &Sheet<'_>, out: &mut String) {
    let mut names: Vec<&str> = sheet.hosts.iter().map(|host| host.name.as_str()).collect();
    names.sort_unstable();
    let kinds: BTreeSet<FindingKind> = sheet.rows.iter().map(|row| row.finding.kind).collect();
    let option = |value: &str, text: &str| {
        format!("<option value=\"{}\">{}</option>", attribute(value), escaped(text))
    };
    let hosts: String = names.iter().map(|name| option(name, name)).collect();
    let kinds: String = kinds.iter().map(|kind| option(&kind.to_string(), &kind.to_string())).collect();
    let least = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
    let least: String = least
        .iter()
        .map(|severity| option(&rank(*severity).to_string(), &format!("{severity} and worse")))
        .collect();
    let _infallible = writeln!(
        out,
        "<form id=\"filter\" hidden aria-label=\"Filter findings\">\n\
         <label>Package or text<input type=\"search\" name=\"text\" autocomplete=\"off\"></label>\n\
         <label>Host<select name=\"host\"><option value=\"\">all</option>{hosts}</select></label>\n\
         <label>Severity<select name=\"severity\"><option value=\"0\">all</option>{least}</select></label>\n\
         <label>Kind<select name=\"kind\"><option value=\"\">all</option>{kinds}</select></label>\n\
         <label class=\"check\"><input type=\"checkbox\" name=\"fails\">only what the audit fails for</label>\n\
         <button type=\"reset\">Show all</button>\n</form>\n<p id=\"count\" role=\"status\"></p>"
    );
}

fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

fn findings(sheet: &Sheet<'_>, out: &mut String) {
    // The roles say again what the elements are: on a narrow screen rows are drawn as blocks, and browsers then forget.
    out.push_str(
        "<div class=\"scroll\">\n<table id=\"findings\" role=\"table\" aria-labelledby=\"findings-title\">\n\
         <thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Severity</th>\
         <th role=\"columnheader\" scope=\"col\">Host</th><th role=\"columnheader\" scope=\"col\">Kind</th>\
         <th role=\"columnheader\" scope=\"col\">Finding</th><th role=\"columnheader\" scope=\"col\">Known</th>\
         <th role=\"columnheader\" scope=\"col\">What to do</th></tr></thead>\n<tbody role=\"rowgroup\">\n",
    );
    sheet.rows.iter().for_each(|row| finding(sheet, row, out));
    out.push_str("</tbody>\n</table>\n</div>\n");
}

fn finding(sheet: &Sheet<'_>, row: &Row<'_>, out: &mut String) {
    let (finding, host) = (&row.finding, row.host.as_str());
    let rank = rank(finding.severity);
    let (fails, note) = if row.fails { ("yes", "<span class=\"fails\">fails</span>") } else { ("no", "") };
    let class = if row.suppressed.is_some() { " class=\"suppressed\"" } else { "" };
    // Sorting by age puts the oldest first, and what has none last.
    let since = finding.since.map_or(i64::MAX, |since| since.as_second());
    let known = finding.since.map(|since| sheet.age(since)).unwrap_or_else(|| "–".into());
    let _infallible = writeln!(
        out,
        "<tr role=\"row\"{class} data-host=\"{}\" data-kind=\"{}\" data-severity=\"{rank}\" data-fails=\"{fails}\">\
         <td role=\"cell\" data-sort=\"{}\">{}{note}</td><th role=\"rowheader\" scope=\"row\">{}</th>\
         <td role=\"cell\" class=\"kind\">{}</td><td role=\"cell\">{}</td>\
         <td role=\"cell\" class=\"age\" data-label=\"Known\" data-sort=\"{since}\">{known}</td>\
         <td role=\"cell\" class=\"remedy\" data-label=\"What to do\">{}</td></tr>",
        attribute(host),
        finding.kind,
        4 - rank,
        severity(finding.severity),
        escaped(host),
        finding.kind,
        described(row),
        escaped(finding.remedy.trim()),
    );
}

/// Title, marks, what was seen, references.
fn described(row: &Row<'_>) -> String {
    let finding = &row.finding;
    let mut out = format!("<span class=\"title\">{}</span>", escaped(&finding.title));
    if row.new == Some(true) {
        out.push_str("<span class=\"mark\">new</span>");
    }
    if !finding.evidence.trim().is_empty() {
        let evidence = EVIDENCE.of(finding.evidence.trim());
        out.push_str(&format!("<div class=\"evidence\">{}</div>", escaped(&evidence)));
    }
    if !finding.references.is_empty() {
        out.push_str(&format!("<div class=\"more\">{}</div>", escaped(&finding.references.join(", "))));
    }
    if let Some(why) = &row.suppressed {
        out.push_str(&format!("<div class=\"more\">suppressed: {}</div>", escaped(why)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, failing_on, hostile};
    use super::*;

    #[test]
    fn the_page_loads_nothing_and_its_policy_names_its_own_style_and_script() {
        let assessment = assessment();
        let page = text(&Sheet::of(&assessment));
        for loads in ["src=", "href=", "url(", "@import", "fetch(", "://"] {
            assert!(!page.contains(loads), "{loads}");
        }
        assert_eq!(page.matches("<script>").count(), 1);
        assert!(page.contains("default-src 'none'; style-src 'sha256-") && !page.contains("unsafe-inline"));
        assert_eq!(page.matches("data-host=").count(), 4);
    }

    #[test]
    fn hostile_text_makes_no_element_and_no_attribute() {
        let assessment = hostile();
        let page = text(&Sheet::of(&failing_on(&assessment, "any")));
        assert_eq!(page.matches("<script").count(), 1);
        for wild in ["<img", "\u{1b}", "\u{202e}", "\" onmouseover"] {
            assert!(!page.contains(wild), "{wild}");
        }
    }
}
