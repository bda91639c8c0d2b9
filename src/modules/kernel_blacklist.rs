//! `kernel_blacklist`: modules that the kernel does not load by itself.

use super::text_file::{self, TextFile};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "kernel_blacklist",
    aliases: &[],
    summary: "Keeps the kernel from loading a module by itself",
    params: &[
        Param::required("name", Kind::Text, "the module"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is kept out")
            .default("present"),
        Param::optional("blacklist_file", Kind::Path, "the file")
            .default("/etc/modprobe.d/blacklist-ansible.conf"),
    ],
    free_form: FreeForm::No,
    docs: Docs { examples: "- name: No beeping\n  kernel_blacklist:\n    name: pcspkr\n", returns: &[] },
    effect: Effect::OnHost,
    diff,
    result: text_file::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let file = TextFile::ask(host, args.needed("blacklist_file")?)?;
    let is_it = |line: &str| line.split_whitespace().eq(["blacklist", name]);
    let there = file.text().lines().any(is_it);
    let lines = || file.text().lines().map(|line| format!("{line}\n"));
    let new: String = match (args.text("state"), there) {
        (Some("absent"), true) => lines().filter(|line| !is_it(line)).collect(),
        (Some("present"), false) => lines().chain([format!("blacklist {name}\n")]).collect(),
        _ => return Ok(Outcome::in_order(Map::new())),
    };
    Ok(Outcome::change(Map::new(), file.put(host, args, new, 0o644)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_module_is_kept_out_and_let_in_again() {
        for bench in Bench::every_shell() {
            let mut args = json!({"name": "pcspkr", "blacklist_file": bench.path("b.conf")});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("b.conf"), "blacklist pcspkr\n");
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("b.conf"), "");
        }
    }
}
