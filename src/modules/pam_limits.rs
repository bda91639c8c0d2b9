//! `pam_limits`: a line of `/etc/security/limits.conf`.

use super::place::BACKUP;
use super::text_file::{self, TextFile};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;

const ITEMS: Kind = Kind::Choice(&[
    "core",
    "data",
    "fsize",
    "memlock",
    "nofile",
    "rss",
    "stack",
    "cpu",
    "nproc",
    "as",
    "maxlogins",
    "maxsyslogins",
    "priority",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "chroot",
]);

/// The module.
pub static MODULE: Module = Module {
    name: "pam_limits",
    aliases: &[],
    summary: "Sets a limit of users' sessions",
    params: &[
        Param::required("domain", Kind::Text, "a user, @GROUP or *"),
        Param::required("limit_type", Kind::Choice(&["hard", "soft", "-"]), "hard, soft, or - for both"),
        Param::required("limit_item", ITEMS, "what is limited"),
        Param::required("value", Kind::Text, "the limit; unlimited, infinity or -1: none"),
        Param::optional("use_max", Kind::Bool, "whether a larger limit that is there stays").default("no"),
        Param::optional("use_min", Kind::Bool, "whether a smaller limit that is there stays").default("no"),
        Param::optional("comment", Kind::Text, "a comment on the line").default(""),
        Param::optional("dest", Kind::Path, "the file").default("/etc/security/limits.conf"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Many open files for the database\n  pam_limits:\n    domain: postgres\n    limit_type: \"-\"\n    limit_item: nofile\n    value: \"65536\"\n",
        returns: &[Returned { name: "msg", help: "The line." }],
    },
    effect: Effect::OnHost,
    diff,
    result: text_file::result,
};

/// A limit as a number; none: there is none.
fn number(text: &str) -> Option<i64> {
    match text {
        "unlimited" | "infinity" | "-1" => None,
        text => text.parse().ok(),
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (domain, kind, item) =
        (args.needed("domain")?, args.needed("limit_type")?, args.needed("limit_item")?);
    let value = args.needed("value")?;
    let unlimited = matches!(value, "unlimited" | "infinity" | "-1");
    if !unlimited && value.trim_start_matches('-').parse::<u64>().is_err() {
        return Err(Stop::refuse(format!(
            "Argument 'value' can be one of 'unlimited', 'infinity', '-1' or a number, got {value}"
        )));
    }
    if args.flag("use_max") && args.flag("use_min") {
        return Err(Stop::refuse("Cannot use use_min and use_max at the same time."));
    }
    let file = TextFile::ask(host, args.needed("dest")?)?;
    let comment = args.text("comment").unwrap_or_default();
    let comment = if comment.is_empty() { String::new() } else { format!("\t#{comment}") };
    let line = |value: &str| format!("{domain}\t{kind}\t{item}\t{value}{comment}\n");
    let (mut new, mut found, mut message) = (String::new(), false, String::new());
    for old in file.text().lines() {
        let plain = old.split('#').next().unwrap_or_default();
        let fields: Vec<&str> = plain.split_whitespace().collect();
        match fields[..] {
            [d, t, i, there] if d == domain && t == kind && i == item => {
                found = true;
                let larger = match (number(there), number(value)) {
                    (None, _) => true,
                    (Some(_), None) => false,
                    (Some(there), Some(value)) => there > value,
                };
                let stays =
                    there == value || (args.flag("use_max") && larger) || (args.flag("use_min") && !larger);
                let put = if stays { format!("{old}\n") } else { line(value) };
                message = put.trim_end().to_owned();
                new.push_str(&put);
            }
            _ => new.push_str(&format!("{old}\n")),
        }
    }
    if !found {
        message = line(value).trim_end().to_owned();
        new.push_str(&line(value));
    }
    let mut result = Map::new();
    result.insert("msg".into(), message.into());
    let changes = match new.lines().eq(file.text().lines()) {
        true => Vec::new(),
        false => file.put(host, args, new, 0o644)?,
    };
    Ok(Outcome::change(result, changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_limit_is_put_changed_and_kept_where_it_is_larger() {
        for bench in Bench::every_shell() {
            let dest = bench.file("limits.conf", "# limits\n*  soft  core  0\n# End of file\n");
            let mut args = json!({"domain": "db", "limit_type": "-", "limit_item": "nofile", "value": 1024, "dest": dest});
            bench.changes(&MODULE, &args);
            assert!(bench.read("limits.conf").ends_with("# End of file\ndb\t-\tnofile\t1024\n"));
            bench.in_order(&MODULE, &args);
            args["value"] = json!("512");
            args["use_max"] = json!(true);
            bench.in_order(&MODULE, &args);
            args["use_max"] = json!(false);
            bench.changes(&MODULE, &args);
            assert!(bench.read("limits.conf").ends_with("db\t-\tnofile\t512\n"));
            args["value"] = json!("many");
            assert!(bench.refusal(&MODULE, &args).contains("got many"));
        }
    }
}
