//! SSH's configuration files. Where there is an `ssh`, `ssh -G` reads them, completely and as its users know it; else
//! a small reader of our own does, which knows Host and Include and passes Match blocks over. Where the files say
//! nothing, neither is asked.

use super::args::without_programs;
use super::options::{BadOption, Layer, keyword, words};
use super::pattern;
use crate::transport::Settings;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Longest wait for `ssh -G`; a `Match exec` may take its time.
const SSH_G_TIMEOUT: Duration = Duration::from_secs(10);
/// Deepest nesting of Include, as in `ssh`.
const INCLUDES_MAX: usize = 16;

/// Which files count: `-F`'s alone, or the user's and the system's.
pub(super) fn files(settings: &Settings) -> Vec<PathBuf> {
    match settings.ssh_config.as_deref() {
        Some(path) if path == Path::new("none") => Vec::new(),
        Some(path) => vec![path.to_owned()],
        None => vec![settings.home.join(".ssh/config"), settings.system.join("ssh_config")],
    }
}

/// What the files say about a host; `asked` are options that stand before them.
///
/// # Errors
/// A file that can't be read, or that `ssh` does not understand, in a sentence.
pub(super) async fn layer(target: &str, asked: &Layer, files: &[PathBuf]) -> Result<Layer, BadOption> {
    let present: Vec<&PathBuf> = files.iter().filter(|file| file.exists()).collect();
    let mut says_something = false;
    for file in &present {
        says_something |= !Reader::new("*").file(file, 0)?.says_nothing();
    }
    if !says_something {
        return Ok(Layer::default());
    }
    match by_ssh(target, asked, &present).await {
        Some(result) => result.map_err(bad),
        None => {
            let mut reader = Reader::new(target);
            for file in present {
                reader.file(file, 0)?;
            }
            Ok(reader.layer)
        }
    }
}

/// What a file says that the inventory names by `-F`. `ssh` is not asked, because such a file could make it run
/// programs: whoever wrote the inventory may not do that on an operator's machine.
///
/// # Errors
/// The file is not there, can't be read, or names a program.
pub(super) fn inventory_layer(target: &str, file: &Path) -> Result<Layer, BadOption> {
    if !file.exists() {
        return Err(bad(format!("there is no {}", file.display())));
    }
    let mut everything = Reader::new("*");
    without_programs(&everything.file(file, 0)?.layer)?;
    let mut reader = Reader::new(target);
    reader.file(file, 0)?;
    Ok(reader.layer)
}

fn bad(reason: impl std::fmt::Display) -> BadOption {
    BadOption {
        reason: crate::model::printable(&format!("SSH configuration: {reason}")).into_owned(),
        advice: "correct the file; `ssh -G HOST` shows how ssh reads it".into(),
    }
}

/// `None`: there is no `ssh`.
async fn by_ssh(target: &str, asked: &Layer, files: &[&PathBuf]) -> Option<Result<Layer, String>> {
    let mut command = Command::new("ssh");
    command.args(["-F", "/dev/stdin", "-G"]);
    for (key, value) in asked.0.iter().filter(|(key, _)| key == "user" || key == "port") {
        command.arg(format!("-o{key}={value}"));
    }
    let mut child = command
        .arg("--")
        .arg(target)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let includes: String = files.iter().map(|file| format!("Include \"{}\"\n", file.display())).collect();
    let work = async {
        if let Some(mut stdin) = child.stdin.take() {
            // An `ssh` that does not read it fails, and says why.
            let _ = stdin.write_all(format!("{includes}Host *\nUserKnownHostsFile wgops-default\nGlobalKnownHostsFile wgops-default\n").as_bytes()).await;
        }
        child.wait_with_output().await
    };
    Some(match tokio::time::timeout(SSH_G_TIMEOUT, work).await {
        Ok(Ok(output)) if output.status.success() => Ok(effective(&String::from_utf8_lossy(&output.stdout))),
        Ok(Ok(output)) => {
            Err(crate::model::printable(String::from_utf8_lossy(&output.stderr).trim()).replace('\n', " / "))
        }
        Ok(Err(e)) => Err(format!("ssh -G: {e}")),
        Err(_) => Err(format!("ssh -G took longer than {} s", SSH_G_TIMEOUT.as_secs())),
    })
}

/// What `ssh -G` prints, without what nobody has said: its own defaults would hide ours.
fn effective(text: &str) -> Layer {
    let mut layer = Layer::from_effective(text);
    layer.0.retain(|(key, value)| {
        !(value.ends_with("wgops-default") || key == "connecttimeout" && value == "none")
    });
    layer
}

/// Reads files by the rules that matter here.
struct Reader<'a> {
    target: &'a str,
    layer: Layer,
}

impl<'a> Reader<'a> {
    fn new(target: &'a str) -> Self {
        Self { target, layer: Layer::default() }
    }

    fn file(&mut self, path: &Path, depth: usize) -> Result<&Self, BadOption> {
        let text = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(self),
            Err(e) => return Err(bad(format!("can't read {}: {e}", path.display()))),
        };
        let mut active = true;
        for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = keyword(line);
            match key.as_str() {
                "host" => {
                    active = self.target == "*"
                        || pattern::list_matches(
                            words(&value).iter().map(String::as_str),
                            &self.target.to_lowercase(),
                        )
                }
                "match" => {
                    // Only `ssh` can judge conditions; that there is one is worth asking it.
                    active = value.trim().eq_ignore_ascii_case("all");
                    if self.target == "*" {
                        self.layer.push("match", value);
                        active = true;
                    }
                }
                "include" if active && depth < INCLUDES_MAX => {
                    for file in words(&value).iter().flat_map(|name| included(name, path)) {
                        self.file(&file, depth + 1)?;
                    }
                }
                _ if active => self.layer.push(&key, value),
                _ => {}
            }
        }
        Ok(self)
    }

    /// Whether all that was read is what distributions ship, and changes nothing here.
    fn says_nothing(&self) -> bool {
        const SHIPPED: &[&str] =
            &["sendenv", "hashknownhosts", "gssapiauthentication", "forwardx11trusted", "include"];
        self.layer.0.iter().all(|(key, _)| SHIPPED.contains(&key.as_str()))
    }
}

/// The files that an Include names: relative ones lie beside the file that includes them, `*` and `?` may stand in the
/// last part.
fn included(name: &str, by: &Path) -> Vec<PathBuf> {
    let folder = by.parent().unwrap_or(Path::new("/"));
    let path = folder.join(name.strip_prefix("~/.ssh/").unwrap_or(name));
    let Some(last) = path.file_name().and_then(|n| n.to_str()).filter(|n| n.contains(['*', '?'])) else {
        return vec![path];
    };
    let entries = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| pattern::matches(last, name)))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn host_blocks_and_includes_are_read_and_match_is_passed_over() {
        let folder = folder(&[
            (
                "config",
                "User first\nHost web* !web2\n  Port=2222\n Include more.*\nMatch user x\n Port 1\nHost db\nPort 5432\n",
            ),
            ("more.conf", "ProxyJump jump\n"),
            ("other", "ProxyJump no\n"),
        ]);
        let read = |target| {
            let mut reader = Reader::new(target);
            reader.file(&folder.path().join("config"), 0).unwrap();
            reader.layer.0.into_iter().map(|(k, v)| format!("{k} {v}")).collect::<Vec<_>>()
        };
        assert_eq!(read("web1"), ["user first", "port 2222", "proxyjump jump"]);
        assert_eq!(read("web2"), ["user first"]);
        assert_eq!(read("db"), ["user first", "port 5432"]);
    }

    #[test]
    fn what_distributions_ship_says_nothing() {
        let folder = folder(&[
            ("shipped", "Include none.d/*.conf\nHost *\n SendEnv LANG LC_*\n HashKnownHosts yes\n"),
            ("said", "Host x\n User y\n"),
            ("conditional", "Match exec true\n"),
            ("loop", "Include loop\n"),
        ]);
        let says_nothing =
            |name: &str| Reader::new("*").file(&folder.path().join(name), 0).unwrap().says_nothing();
        assert!(says_nothing("shipped") && says_nothing("missing") && says_nothing("loop"));
        assert!(!says_nothing("said") && !says_nothing("conditional"));
    }

    #[test]
    fn a_file_that_the_inventory_names_can_run_no_program() {
        let folder = folder(&[
            ("good", "Host web1\n Port 2022\nHost *\n User ops\n"),
            ("exec", "Match exec \"touch made\"\n User root\n"),
            ("proxy", "Host other\n ProxyCommand touch made\n"),
            ("hidden", "Host other\n Include proxy\n"),
        ]);
        let read = |name: &str| inventory_layer("web1", &folder.path().join(name));
        assert_eq!(read("good").unwrap().0.len(), 2);
        for name in ["exec", "proxy", "hidden", "missing"] {
            assert!(read(name).is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn ssh_itself_reads_the_files_where_there_is_one() {
        if std::process::Command::new("ssh").arg("-V").output().is_err() {
            eprintln!("skipped: no ssh here");
            return;
        }
        let folder = folder(&[
            (
                "config",
                "Match exec true\n Port 2022\nHost web1\n HostName 10.0.0.1\n UserKnownHostsFile ~/kh\n",
            ),
            ("bad", "Nonsense yes\n"),
        ]);
        let read = |file: &str, target| {
            let files = vec![folder.path().join(file)];
            async move { layer(target, &Layer::default(), &files).await }
        };
        let found = read("config", "web1").await.unwrap();
        let get = |key: &str| found.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str());
        assert_eq!((get("port"), get("hostname")), (Some("2022"), Some("10.0.0.1")));
        assert!(get("userknownhostsfile").unwrap().ends_with("/kh") && get("globalknownhostsfile").is_none());
        assert!(read("bad", "web1").await.unwrap_err().reason.to_lowercase().contains("nonsense"));
    }
}
