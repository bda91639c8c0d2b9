//! For people and editors: `file:line:column: weight: message [rule]`, and below it what to do.

use super::super::line::{self, counted, one_line, painted};
use super::Sheet;
use crate::model::Weight;
use owo_colors::Style;

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mut out = String::new();
    for remark in sheet.remarks.iter().filter(|remark| remark.weight >= sheet.shown) {
        let place = painted(format!("{}:", one_line(&remark.place.to_string())), line::STRONG);
        let weight = painted(format!("{}:", remark.weight), style(remark.weight));
        let rule = painted(format!("[{}]", remark.rule), line::FAINT);
        out.push_str(&format!("{place} {weight} {} {rule}\n", one_line(&remark.message)));
        if let Some(help) = &remark.help {
            out.push_str(&format!("    {}\n", one_line(help)));
        }
    }
    out + &summary(sheet)
}

fn style(weight: Weight) -> Style {
    match weight {
        Weight::Error => line::FAILED,
        Weight::Warning => line::WARNING,
        Weight::Info => line::SKIPPED,
    }
}

fn summary(sheet: &Sheet<'_>) -> String {
    let words = [(Weight::Error, "error"), (Weight::Warning, "warning"), (Weight::Info, "remark")];
    let counts: Vec<String> = words
        .into_iter()
        .filter(|(weight, _)| sheet.count(*weight) > 0)
        .map(|(weight, word)| counted(sheet.count(weight), word))
        .collect();
    let files = counted(sheet.files, "file");
    let hidden =
        if sheet.shown > Weight::Info && sheet.count(Weight::Info) > 0 { "; -v shows remarks" } else { "" };
    match counts.as_slice() {
        [] => format!("nothing to remark in {files}\n"),
        counts => format!("{} in {files}{hidden}\n", counts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::remarks;
    use super::*;

    fn plain(shown: Weight, remarks: &[crate::model::Remark]) -> String {
        let text = text(&Sheet { remarks, files: 3, shown });
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn each_remark_is_a_line_that_editors_understand() {
        insta::assert_snapshot!(plain(Weight::Info, &remarks()), @r"
        roles/web/tasks/main.yml:12:3: error: there is no module 'atp' [unknown-module]
            did you mean 'apt'?
        site ^[[2J.yml:1:1: info: a play {0} without [a](name)\u{202e} [name-missing]
        1 error, 1 remark in 3 files
        ");
        insta::assert_snapshot!(plain(Weight::Warning, &remarks()), @r"
        roles/web/tasks/main.yml:12:3: error: there is no module 'atp' [unknown-module]
            did you mean 'apt'?
        1 error, 1 remark in 3 files; -v shows remarks
        ");
        assert_eq!(plain(Weight::Info, &[]), "nothing to remark in 3 files\n");
    }
}
