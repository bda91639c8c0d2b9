//! Holds the pages that users read against the program: what they name has to be there.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Every page of the project.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md", "benches/README.md", "tests/lab/README.md"].map(PathBuf::from).into();
    for folder in ["docs", "docs/modules"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let page = Path::new(folder).join(entry.unwrap().file_name());
            pages.extend((page.extension() == Some("md".as_ref())).then_some(page));
        }
    }
    pages
}

fn help(verbs: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_wgops")).args(verbs).arg("--help").output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_page_on_the_dialect_names_exactly_the_modules_there_are() {
    let page = page("docs/dialect.md");
    let (_, rest) = page.split_once("\n## Modules\n").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let written: BTreeSet<&str> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let there: BTreeSet<&str> = wgops::modules::ALL.iter().map(|module| module.name).collect();
    assert_eq!(written, there);
}

#[test]
fn every_action_stands_by_the_commit_of_a_version_and_is_the_same_everywhere() {
    let (workflow, on_the_page) = (page(".github/workflows/ci.yml"), page("docs/ci.md"));
    let used = |text: &str| -> BTreeSet<String> {
        text.lines().filter_map(|line| Some(line.split_once("uses: ")?.1.to_owned())).collect()
    };
    let (ours, shown) = (used(&workflow), used(&on_the_page));
    assert!(!ours.is_empty() && ours.is_subset(&shown), "{ours:?}");
    for action in &shown {
        let (_, rest) = action.split_once('@').unwrap();
        let (commit, version) = rest.split_once(" # v").unwrap_or_else(|| panic!("no version: {action}"));
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
        assert_eq!(version.split('.').count(), 3, "{action}");
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let mut links = 0;
    for name in pages() {
        let text = page(name.to_str().unwrap());
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            assert!(
                root().join(&name).parent().unwrap().join(target).exists(),
                "{}: {target}",
                name.display()
            );
        }
    }
    assert!(links > 0);
}

#[test]
fn every_command_that_a_page_shows_is_one_and_has_the_options_it_is_shown_with() {
    let mut commands = 0;
    for name in pages() {
        let text = page(name.to_str().unwrap()).replace("\\\n", " ");
        for line in text.lines().filter_map(|line| line.strip_prefix("    wgops ")) {
            let line = line.split('#').next().unwrap();
            let words: Vec<&str> = line.split_whitespace().collect();
            let has_verbs = ["access", "ledger", "operators", "vault"].contains(&words[0]);
            let second = words.get(1).filter(|_| has_verbs).and_then(|word| word.split('|').next());
            let verbs: Vec<&str> = [words[0]].into_iter().chain(second).collect();
            let (known, help) = help(&verbs);
            assert!(known, "{}: wgops {line}", name.display());
            for option in words.iter().filter(|word| word.starts_with('-')) {
                assert!(help.contains(option), "{}: wgops {line}: no {option}", name.display());
            }
            commands += 1;
        }
    }
    assert!(commands > 10, "{commands}");
}

#[test]
fn the_exit_codes_on_the_pages_are_those_of_the_program() {
    let (_, help) = help(&[]);
    for name in ["README.md", "docs/formats.md"] {
        let page = page(name);
        let (_, section) = page.split_once("\n## Exit codes\n").unwrap();
        let written: BTreeSet<Vec<&str>> = section
            .lines()
            .take_while(|line| !line.starts_with("## "))
            .filter(|line| line.starts_with("| ") && line.chars().any(|c| c.is_ascii_digit()))
            .map(|line| line.trim_matches('|').splitn(2, '|').map(str::trim).collect())
            .collect();
        let (_, table) = help.split_once("Exit codes:\n").unwrap();
        let told: BTreeSet<Vec<&str>> = table
            .lines()
            .take_while(|line| line.starts_with(' '))
            .map(|line| line.trim().splitn(2, "  ").map(str::trim).collect())
            .collect();
        assert_eq!(written, told, "{name}");
    }
}

/// Whether the source has a test of this name, such as `faults::line::a_line_is_cut` in `tests/e2e/faults/line.rs`.
fn is_a_test(name: &str) -> bool {
    is_a_test_in("tests/e2e", name)
}

/// The same below another folder.
fn is_a_test_in(folder: &str, name: &str) -> bool {
    let (file, function) = name.rsplit_once("::").unwrap();
    let file = root().join(folder).join(file.replace("::", "/")).with_extension("rs");
    let source = std::fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = source.lines().collect();
    let at = lines.iter().position(|line| line.starts_with(&format!("fn {function}(")));
    at.is_some_and(|at| lines.iter().take(at).rev().take(2).any(|line| *line == "#[test]"))
}

#[test]
fn each_fault_on_the_page_of_faults_names_tests_that_there_are() {
    let page = page("docs/faults.md");
    let rows: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| fault |") && !line.starts_with("|---"))
        .collect();
    assert!(rows.len() > 20, "{} rows", rows.len());
    for row in rows {
        assert_eq!(row.matches(" | ").count(), 5, "not six cells: {row}");
        let tests: Vec<&str> = row.split('`').filter(|word| word.contains("::")).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            assert!(is_a_test(test), "no such test: {test}");
        }
    }
}

#[test]
fn each_attack_on_the_page_of_security_names_tests_that_there_are() {
    let page = page("docs/security.md");
    let (_, table) = page.split_once("## What is tried").unwrap();
    let rows: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| attack |")).collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for row in rows {
        let tests: Vec<&str> = row.split('`').filter(|word| word.contains("::")).collect();
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            assert!(is_a_test_in("tests", test) || is_a_test_in("src", test), "no such test: {test}");
        }
    }
}

#[test]
fn the_page_of_each_module_says_what_the_program_says() {
    let folder = root().join("docs/modules");
    let pages = wgops::modules::manual::pages();
    let fresh = |(name, text): &(String, String)| {
        std::fs::read_to_string(folder.join(name)).is_ok_and(|there| there == *text)
    };
    let stale: Vec<&str> = pages.iter().filter(|page| !fresh(page)).map(|(name, _)| name.as_str()).collect();
    assert!(stale.is_empty(), "run scripts/docs and commit what it wrote: {stale:?}");
    let known: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(name.as_str()), "no module has the page {name}: run scripts/docs");
    }
}

#[test]
fn every_module_is_explained() {
    let unexplained = |module: &&&wgops::modules::Module| module.docs.examples.trim().is_empty();
    let names: Vec<&str> = wgops::modules::ALL.iter().filter(unexplained).map(|module| module.name).collect();
    assert!(names.is_empty(), "no examples ('docs:' of the module): {names:?}");
    for module in wgops::modules::ALL {
        for param in module.params {
            assert!(!param.help.trim().is_empty(), "{}: {} has no help", module.name, param.name);
        }
        for returned in module.docs.returns {
            assert!(!returned.help.trim().is_empty(), "{}: {}", module.name, returned.name);
        }
    }
}

#[test]
fn every_example_of_a_module_is_a_task_that_can_run() {
    let templates = wgops::template::Templates::new(Arc::new(wgops::template::ThisMachine));
    for module in wgops::modules::ALL {
        let tasks = module.docs.examples.trim_matches('\n').replace('\n', "\n    ");
        let text = format!("- hosts: all\n  tasks:\n    {tasks}\n");
        let name = PathBuf::from(format!("(examples of {})", module.name));
        let file = wgops::load::TextFile::from_bytes(&name, text.clone().into_bytes()).unwrap();
        let playbook = wgops::load::Playbook::parse(&file).unwrap_or_else(|wrong| panic!("{wrong}"));
        let of_its_own = |item: &wgops::load::playbook::TaskItem| {
            let named = |task: &&wgops::load::playbook::Task| {
                task.module == module.name || module.aliases.contains(&task.module.as_str())
            };
            item.tasks().iter().any(named)
        };
        assert!(playbook.plays[0].tasks.iter().any(of_its_own), "{}: not one example of it", module.name);
        let tags = wgops::plan::Tags::default();
        let extra = wgops::model::Map::new();
        // Files that an example names are not there.
        let here = |problem: &wgops::load::Problem| problem.message.starts_with("there is no such");
        let given = wgops::plan::Given {
            tags: &tags,
            templates: &templates,
            extra: &extra,
            roles_path: std::sync::Arc::from([]),
        };
        let wrong = match wgops::plan::compile(&playbook, &given) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.0.into_iter().filter(|problem| !here(problem)).collect(),
        };
        assert!(wrong.is_empty(), "{}: {}", module.name, wgops::load::Problems(wrong));
    }
}

#[test]
fn the_page_on_lint_names_exactly_the_rules_there_are() {
    let page = page("docs/lint.md");
    let (_, section) = page.split_once("\n## Rules\n").unwrap();
    let written: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let row =
        |rule: &&wgops::lint::rules::Rule| format!("| `{}` | {} | {} |", rule.name, rule.weight, rule.about);
    let there: Vec<String> = wgops::lint::rules::ALL.iter().map(row).collect();
    assert_eq!(written, there);
}
