//! What docs/ci.md tells people to put into CI, run as it stands against a real host: each command of the GitHub workflow and of
//! the GitLab job, with an auditor's key, in a checkout. Actions of others and the building of wgops are left out.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use wgops::load::{Node, TextFile};
use wgops::model::Value;

const PAGE: &str = include_str!("../../docs/ci.md");

/// The YAML under a heading of the page.
fn yaml(heading: &str) -> Value {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```yaml\n").unwrap();
    let (text, _) = block.split_once("```\n").unwrap();
    let file = TextFile::from_bytes(Path::new("ci.yml"), text.as_bytes().to_vec()).unwrap();
    Node::parse(&file).unwrap().to_value()
}

/// A checkout of an ops repository on a machine of CI.
struct Runner {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
}

impl Runner {
    /// The checkout, and nothing else that the page does not speak of.
    fn of(ops: &Ops<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "temp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let source = format!("file://{}", ops.root().display());
        let clone = ["clone", "--quiet", "--depth", "1", &source, "checkout"];
        assert!(Command::new("git").args(clone).current_dir(folder.path()).status().unwrap().success());
        let wgops = Path::new(env!("CARGO_BIN_EXE_wgops")).parent().unwrap();
        let path = format!("{}:{}", wgops.display(), std::env::var("PATH").unwrap());
        let home = folder.path().join("home").display().to_string();
        let env = [("PATH", path), ("HOME", home)].map(|(name, value)| (name.to_owned(), value));
        let mut runner = Self { folder, env: env.into() };
        runner.set("WGOPS_ROSTER_PIN", ops.pin().unwrap());
        runner
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.insert(name.to_owned(), value.into());
    }

    /// Names a file of the runner in a variable.
    fn point(&mut self, name: &str, file: &str) {
        let path = self.at(file).display().to_string();
        self.set(name, path);
    }

    fn bash(&self, options: &str, script: &str, more: &BTreeMap<String, String>) -> Output {
        let file = self.at("script");
        std::fs::write(&file, script).unwrap();
        let mut bash = Command::new("bash");
        bash.args(options.split_whitespace()).arg(file).current_dir(self.at("checkout"));
        bash.env_clear().envs(&self.env).envs(more).output().unwrap()
    }

    /// The reports with these names are there, and say what was found; signatures beside them are such.
    fn has(&self, names: &[&str]) {
        for name in names {
            let text = std::fs::read_to_string(self.at("checkout").join(name)).unwrap();
            let word = if name.ends_with(".sig") { "BEGIN SSH SIGNATURE" } else { "libfoo" };
            assert!(text.contains(word), "{name}: {text}");
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn variables(value: &Value) -> BTreeMap<String, String> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// A host with security updates that an auditor can look at, an ops repository with the inventory that the page speaks of,
/// and the auditor's private key.
fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>, &str)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let key = ops.key("ci");
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    lab.exec(&host, &format!("echo 'restrict {}' >>~audit/.ssh/authorized_keys", public.trim()));
    let address = lab.address(&host);
    let inventory = format!(
        "lab:\n  vars: {{ansible_user: audit}}\n  hosts:\n    {}: {{ansible_host: {address}}}\n",
        host.name()
    );
    ops.keep("inventory/audit.yml", inventory);
    test(&lab, &host, &ops, &std::fs::read_to_string(key).unwrap());
}

/// Runs the workflow's steps: how each ended that has commands.
fn workflow(runner: &mut Runner, key: &str) -> Vec<(String, Output)> {
    let workflow = yaml("GitHub Actions");
    let job = &workflow["jobs"]["audit"];
    let pin = runner.env["WGOPS_ROSTER_PIN"].clone();
    runner.env.extend(variables(&job["env"]));
    assert_eq!(runner.env["WGOPS_ROSTER_PIN"], "${{ vars.WGOPS_ROSTER_PIN }}");
    runner.set("WGOPS_ROSTER_PIN", pin);
    runner.point("RUNNER_TEMP", "temp");
    runner.point("GITHUB_ENV", "env");
    runner.point("GITHUB_STEP_SUMMARY", "summary");
    std::fs::write(runner.at("env"), "").unwrap();
    std::fs::write(runner.at("summary"), "").unwrap();
    let (mut done, mut failed) = (Vec::new(), false);
    for step in job["steps"].as_array().unwrap() {
        let name = text(&step["name"]);
        let always = step["if"].as_str().is_some_and(|condition| condition.contains("always()"));
        let Some(script) = step["run"].as_str().filter(|_| name != "Build wgops" && (!failed || always))
        else {
            continue;
        };
        let mut more = variables(&step["env"]);
        more.values_mut().for_each(|value| {
            assert_eq!(value, "${{ secrets.WGOPS_AUDITOR_KEY }}");
            // As CI keeps it: without the line feed at its end.
            *value = key.trim_end().to_owned();
        });
        let output = runner.bash("-e", script, &more);
        let news = std::fs::read_to_string(runner.at("env")).unwrap();
        runner
            .env
            .extend(news.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.into(), v.into())));
        failed |= !output.status.success();
        done.push((name, output));
    }
    done
}

fn code(done: &[(String, Output)], name: &str) -> Option<i32> {
    let (_, output) = done.iter().find(|(step, _)| step == name).unwrap();
    output.status.code()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_workflow_on_the_page_audits_as_it_stands() {
    here(|lab, host, ops, key| {
        let mut runner = Runner::of(ops);
        let done = workflow(&mut runner, key);
        let names: Vec<&str> = done.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Take the auditor's key", "Audit", "Forget the key"]);
        assert_eq!(code(&done, "Audit"), Some(5));
        let steps = yaml("GitHub Actions")["jobs"]["audit"]["steps"].clone();
        let of = |action: &str, input: &str| {
            let uses = |step: &&Value| step["uses"].as_str().is_some_and(|uses| uses.contains(action));
            text(&steps.as_array().unwrap().iter().find(uses).unwrap()["with"][input])
        };
        let kept = of("upload-artifact", "path");
        let kept: Vec<&str> = kept.lines().collect();
        assert_eq!(kept, ["audit.html", "audit.html.sig", "audit.json", "audit.json.sig", "audit.sarif"]);
        runner.has(&kept);
        assert!(kept.contains(&of("upload-sarif", "sarif_file").as_str()));
        assert!(runner.at("checkout").join(of("actions/cache", "path")).exists(), "the history is kept");
        let summary = std::fs::read_to_string(runner.at("summary")).unwrap();
        assert!(
            summary.contains("libfoo") && summary.contains('|') && summary.contains(host.name()),
            "{summary}"
        );
        assert_eq!(std::fs::read_dir(runner.at("temp")).unwrap().count(), 0, "the key is still there");

        // All of them: a host with a kernel of its own has one more.
        let upgrade = "apt-get -y -o Dpkg::Options::=--force-confold dist-upgrade >/dev/null 2>&1";
        lab.exec(host, &format!("apt-mark unhold heldpkg && {upgrade}"));
        let mut runner = Runner::of(ops);
        assert_eq!(code(&workflow(&mut runner, key), "Audit"), Some(0));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_gitlab_job_on_the_page_audits_as_it_stands() {
    here(|_, _, ops, key| {
        let job = &yaml("GitLab CI")["audit"];
        let mut runner = Runner::of(ops);
        runner.env.extend(variables(&job["variables"]));
        // A variable of type File is a file, which others may read.
        std::fs::write(runner.at("key"), key.trim_end()).unwrap();
        runner.point("WGOPS_AUDITOR_KEY", "key");
        runner.point("TMPDIR", "temp");
        let lines: Vec<String> = job["script"].as_array().unwrap().iter().map(text).collect();
        let output = runner.bash("-e -o pipefail", &lines.join("\n"), &BTreeMap::new());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(5), "{said}");
        let artifacts = &job["artifacts"];
        let junit = text(&artifacts["reports"]["junit"]);
        let mut kept: Vec<String> = artifacts["paths"].as_array().unwrap().iter().map(text).collect();
        kept.push(junit.clone());
        runner.has(&kept.iter().map(String::as_str).collect::<Vec<_>>());
        let report = std::fs::read_to_string(runner.at("checkout").join(junit)).unwrap();
        assert!(report.contains("<testsuite") && report.contains("<failure"), "{report}");
        assert_eq!(std::fs::read_dir(runner.at("temp")).unwrap().count(), 0, "the key is still there");
        assert!(runner.at("checkout/.wgops/history.json").exists());
    });
}
