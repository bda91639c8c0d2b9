//! What the modules for files take besides owner and mode: file flags (`attributes`) and an SELinux context. Where SELinux
//! is off, a context is left alone, as Ansible does.

use super::attributes::touching;
use super::{Args, Change, Host, Kind, Param};
use crate::model::Script;
use crate::questions::Stop;
use crate::questions::labels::{Labels, LabelsOf};

/// `attributes`.
pub(super) const ATTRIBUTES: Param =
    Param::optional("attributes", Kind::Text, "file flags as chattr takes them, such as +i").or(&["attr"]);
/// `seuser`.
pub(super) const SEUSER: Param =
    Param::optional("seuser", Kind::Text, "the user of the SELinux context, or _default");
/// `serole`.
pub(super) const SEROLE: Param =
    Param::optional("serole", Kind::Text, "the role of the SELinux context, or _default");
/// `setype`.
pub(super) const SETYPE: Param =
    Param::optional("setype", Kind::Text, "the type of the SELinux context, or _default");
/// `selevel`.
pub(super) const SELEVEL: Param =
    Param::optional("selevel", Kind::Text, "the level of the SELinux context, or _default");
/// `unsafe_writes`.
pub(super) const UNSAFE_WRITES: Param = Param::optional(
    "unsafe_writes",
    Kind::Bool,
    "write into the file where it can't be replaced (a mount point, say)",
)
.default("no");

/// Sets file flags; prints what came of the file.
const SET_FLAGS: Script = Script {
    name: "set_file_flags",
    text: r#"[ -e "$1" ] || exit 113
chattr "$2" -- "$1" || exit 1
stat -L -c '%f %u %g %s
%U
%G' -- "$1" || exit 1
exit 0"#,
};

/// Sets an SELinux context; prints what came of the file.
const SET_CONTEXT: Script = Script {
    name: "set_context",
    text: r#"[ -e "$1" ] || exit 113
chcon -- "$2" "$1" || exit 1
stat -L -c '%f %u %g %s
%U
%G' -- "$1" || exit 1
exit 0"#,
};

/// This file's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET_FLAGS, SET_CONTEXT];

/// Whether anything is asked for of an SELinux context.
pub(super) fn wants_context(args: &Args) -> bool {
    ["seuser", "serole", "setype", "selevel"].iter().any(|name| args.has(name))
}

/// The changes that are missing at a path of which no part is a link; they follow the one that makes it.
///
/// # Errors
/// Stops to ask; refuses flags that are none.
pub(super) fn changes(args: &Args, host: &Host<'_>, named: &str, real: &str) -> Result<Vec<Change>, Stop> {
    let parts = ["seuser", "serole", "setype", "selevel"].map(|name| args.text(name));
    let flags = args.text("attributes");
    if flags.is_none() && parts.iter().all(Option::is_none) {
        return Ok(Vec::new());
    }
    let labels = host.get(LabelsOf(real.to_owned()))?;
    let context = wanted_context(&labels, parts).map(|context| {
        let summary = format!("set the SELinux context of {named} to {context}");
        Change::state(summary, SET_CONTEXT, [real.to_owned(), context], touching(named, real))
    });
    let flags = flags.map(|flags| missing_flags(flags, labels.flags.as_deref())).transpose()?.flatten();
    let flags = flags.map(|flags| {
        let summary = format!("set the flags of {named} ({flags})");
        Change::state(summary, SET_FLAGS, [real.to_owned(), flags], touching(named, real))
    });
    Ok(context.into_iter().chain(flags).collect())
}

/// The context with what is asked for in it, if that is another one.
fn wanted_context(labels: &Labels, parts: [Option<&str>; 4]) -> Option<String> {
    if !labels.has_contexts {
        return None;
    }
    let policy: Vec<&str> = labels.policy.as_deref().unwrap_or_default().splitn(4, ':').collect();
    let there = labels.context.as_deref().or(labels.policy.as_deref())?;
    let mut all: Vec<&str> = there.splitn(4, ':').collect();
    for (at, part) in parts.into_iter().enumerate() {
        let wanted = match part {
            Some("_default") => policy.get(at).copied(),
            part => part,
        };
        match (wanted, all.get_mut(at)) {
            (Some(wanted), Some(there)) => *there = wanted,
            (Some(wanted), None) => all.push(wanted),
            (None, _) => {}
        }
    }
    let wanted = all.join(":");
    (labels.context.as_deref() != Some(&wanted)).then_some(wanted)
}

/// What is to be given to `chattr`, if anything is missing.
fn missing_flags(wanted: &str, there: Option<&str>) -> Result<Option<String>, Stop> {
    let (operator, letters) = match wanted.split_at_checked(1) {
        Some((operator @ ("+" | "-" | "="), letters)) => (operator, letters),
        _ => ("=", wanted),
    };
    if letters.is_empty() || !letters.chars().all(|c| c.is_ascii_alphabetic()) {
        return Err(Stop::refuse(format!("'{wanted}' are no file flags: expected letters such as +i or -a")));
    }
    let there = there.unwrap_or_default();
    let is_in_order = match operator {
        "+" => letters.chars().all(|letter| there.contains(letter)),
        "-" => !letters.chars().any(|letter| there.contains(letter)),
        // Flags that nobody can set say how the file lies on the disk.
        _ => {
            let plain = |flags: &str| {
                let mut plain: Vec<char> = flags.chars().filter(|c| !"eEINVh".contains(*c)).collect();
                plain.sort_unstable();
                plain
            };
            plain(there) == plain(letters)
        }
    };
    Ok((!is_in_order).then(|| format!("{operator}{letters}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::file;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn flags_are_missing_or_not_by_what_stands_before_them() {
        let missing = |wanted, there| missing_flags(wanted, there).unwrap();
        assert_eq!(missing("+i", Some("e")).as_deref(), Some("+i"));
        assert_eq!(missing("+i", Some("ie")), None);
        assert_eq!(missing("-i", Some("ie")).as_deref(), Some("-i"));
        assert_eq!(missing("-i", None), None);
        assert_eq!(missing("=i", Some("ie")), None);
        assert_eq!(missing("i", Some("iae")).as_deref(), Some("=i"));
        for wrong in ["+", "", "+i a", "=-R", "--help"] {
            assert!(missing_flags(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_context_is_made_from_what_is_there_and_what_is_asked_for() {
        let labels = |context: Option<&str>| Labels {
            has_contexts: true,
            context: context.map(str::to_owned),
            policy: Some("system_u:object_r:etc_t:s0".into()),
            ..Labels::default()
        };
        let http = [None, None, Some("httpd_t"), None];
        let there = labels(Some("u:r:t:s0:c1"));
        assert_eq!(wanted_context(&there, http).as_deref(), Some("u:r:httpd_t:s0:c1"));
        assert_eq!(wanted_context(&there, [None, None, Some("t"), None]), None);
        let default = [Some("_default"), None, Some("_default"), None];
        assert_eq!(wanted_context(&there, default).as_deref(), Some("system_u:r:etc_t:s0:c1"));
        assert_eq!(wanted_context(&labels(None), http).as_deref(), Some("system_u:object_r:httpd_t:s0"));
        assert_eq!(wanted_context(&Labels { has_contexts: false, ..there }, http), None);
    }

    #[test]
    fn a_context_is_left_alone_where_there_is_no_selinux() {
        for bench in Bench::every_shell() {
            let args = json!({"path": bench.file("f", ""), "setype": "etc_t", "selevel": "s0"});
            bench.in_order(&file::MODULE, &args);
        }
    }
}
