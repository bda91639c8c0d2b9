//! What lookups do on this machine beside reading: a program is run until it ends or its time is up, and a new secret is
//! kept in a file of its own.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take.
const TIME_MAX: Duration = Duration::from_secs(300);
/// How much of what it prints is read, in bytes.
const PRINTED_BYTES_MAX: u64 = 16 << 20;
/// How often it is looked whether it has ended.
const GLANCE: Duration = Duration::from_millis(5);

/// Runs a program and gives what it printed.
pub(super) fn run(program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
    let (name, words) = program.split_first().ok_or_else(|| io::Error::other("no program is named"))?;
    let mut command = Command::new(name);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    let mut child = command.spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(|| read(stdout));
        let complaint = scope.spawn(|| read(stderr));
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
        let status = wait(&mut child)?;
        let texts = (out.join().unwrap_or_default(), complaint.join().unwrap_or_default());
        if status.success() {
            return String::from_utf8(texts.0).map_err(|_| io::Error::other("it printed what is no text"));
        }
        let complaint = String::from_utf8_lossy(&texts.1).trim().to_owned();
        let code = status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        Err(io::Error::other(format!("it ended with {code}: {complaint}")))
    })
}

fn read(from: Option<impl io::Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read before an error is all there is.
        let _ = from.take(PRINTED_BYTES_MAX).read_to_end(&mut bytes);
    }
    bytes
}

fn wait(child: &mut Child) -> io::Result<std::process::ExitStatus> {
    let end = Instant::now() + TIME_MAX;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it took longer than five minutes"));
        }
        std::thread::sleep(GLANCE);
    }
}

/// Keeps a text in a new file that only its owner may read, and makes the folders above it.
pub(super) fn keep(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_heard_and_its_failure_told() {
        assert_eq!(run(&["sh", "-c", "cat; echo there"], "hi\n", None).unwrap(), "hi\nthere\n");
        let error = run(&["sh", "-c", "echo no >&2; exit 3"], "", None).unwrap_err();
        assert_eq!(error.to_string(), "it ended with 3: no");
        assert!(run(&["/no/such/program"], "", None).is_err());
    }

    #[test]
    fn a_secret_is_kept_once_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        keep(&path, "x\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(keep(&path, "y").is_err());
    }
}
