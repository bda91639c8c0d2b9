//! `package_facts`: every installed package, as facts.

use super::{
    Args, Docs, Effect, Facts, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::system::apt::PackageList;
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "package_facts",
    aliases: &[],
    summary: "Says which packages are installed, as facts",
    params: &[
        Param::optional("manager", Kind::List, "whose packages; auto: of what the host has").default("auto"),
        Param::optional(
            "strategy",
            Kind::Choice(&["first", "all"]),
            "whether one manager's packages are enough",
        )
        .default("first"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Look at all packages\n  package_facts:\n- name: Say which nginx it is\n  debug:\n    msg: \"{{ ansible_facts.packages['nginx'][0].version }}\"\n  when: \"'nginx' in ansible_facts.packages\"\n",
        returns: &[Returned {
            name: "ansible_facts.packages",
            help: "For each package a list of what is installed of it: name, version, arch, source and more.",
        }],
    },
    effect: Effect::Facts(Facts::Named(&["packages"])),
    diff,
    result: plain_result,
};

const MANAGERS: &[&str] = &[
    "auto",
    "apt",
    "rpm",
    "dnf",
    "dnf5",
    "yum",
    "zypper",
    "apk",
    "pacman",
    "pkg",
    "pkg5",
    "portage",
    "pkg_info",
    "openbsd_pkg",
];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let managers = args.list("manager");
    if let Some(other) = managers.iter().find(|name| !MANAGERS.contains(name)) {
        return Err(Stop::refuse(format!("'manager' is {other}: expected auto, apt, rpm, apk or pacman")));
    }
    let said = host.get(PackageList(vec![]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let (source, lines) = said.split_once('\n').unwrap_or((&said, ""));
    let fits = |name: &&str| {
        matches!((*name, source), ("auto", _) | ("dnf" | "dnf5" | "yum" | "zypper", "rpm")) || *name == source
    };
    if !managers.iter().any(fits) {
        return Err(Stop::refuse(
            "Could not detect a supported package manager from the following list: ".to_owned()
                + &managers.join(", "),
        ));
    }
    let facts = Map::from_iter([("packages".to_owned(), Value::Object(packages(source, lines)))]);
    let result = Map::from_iter([("ansible_facts".to_owned(), Value::Object(facts.clone()))]);
    Ok(Outcome { result, facts, ..Outcome::default() })
}

/// Lines of fields with `|` between them: name, version, architecture, then what each manager has besides.
fn packages(source: &str, lines: &str) -> Map {
    let mut packages = Map::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, version, arch, ref more @ ..] = fields[..] else { continue };
        let field = |at: usize| more.get(at).copied().unwrap_or_default();
        let one = match source {
            "apt" => {
                json!({"name": name, "version": version, "arch": arch, "source": "apt", "category": field(0), "origin": field(1)})
            }
            "rpm" => {
                let epoch = field(1).parse::<u64>().ok();
                json!({"name": name, "version": version, "arch": arch, "source": "rpm", "release": field(0), "epoch": epoch})
            }
            _ => json!({"name": name, "version": version, "arch": arch, "source": source}),
        };
        if let Value::Array(list) =
            packages.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()))
        {
            list.push(one);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    #[test]
    fn packages_of_one_name_stand_in_one_list() {
        let said =
            "apt\nlibc6|2.36-9|amd64|libs|Debian\nlibc6|2.36-9|i386|libs|Debian\nbash|5.2|amd64|shells|\n";
        let outcome = answer_with(&MODULE, &json!({}), &mut |_| Ok(Output::ok(said))).unwrap();
        let packages = &outcome.facts["packages"];
        assert_eq!(packages["libc6"].as_array().unwrap().len(), 2);
        assert_eq!(packages["bash"][0]["version"], "5.2");
        let wrong = answer_with(&MODULE, &json!({"manager": "rpm"}), &mut |_| Ok(Output::ok(said)));
        assert!(wrong.is_err());
        assert_eq!(super::packages("rpm", "bash|5.1|x86_64|6.el9|(none)\n")["bash"][0]["epoch"], Value::Null);
    }
}
