//! What is left out because nobody touched it since it held: the same is found as where all is read, and whatever is done to it shows.

use super::many::written;
use super::*;
use std::fs::{File, FileTimes};
use std::time::{Duration, Instant};

const CHAINS: u64 = 2;
const ENTRIES: u64 = 300;

/// A ledger that was verified as a whole, and what is remembered of its files.
struct Settled {
    folder: tempfile::TempDir,
    heads: Heads,
}

impl Settled {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), CHAINS, ENTRIES);
        let mut settled = Self { folder, heads: Heads::default() };
        let begun = Instant::now();
        // What was written just now may change once more within the system's tick: all of it is to be noted at once.
        std::thread::sleep(Duration::from_secs(4));
        while !settled.index().exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is remembered");
            let mut record = Record::read_of(settled.root(), &[&roster()]).unwrap();
            let report = record.verify(&roster(), &settled.heads);
            assert_eq!(lines(&report), [""; 0]);
            settled.heads.remember(&report);
            record.settle(&roster(), &report, &settled.index());
        }
        settled
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn index(&self) -> PathBuf {
        self.folder.path().join("state/index")
    }

    fn file(&self, clone: u64, name: &str) -> PathBuf {
        self.root().join(format!("ledger/oscar-{}-{clone:02x}/2026/{name}", key(2).digest8()))
    }

    fn new_ones(&self) -> Option<Record> {
        let kinds = [(Kind::Roster, usize::MAX), (Kind::Note, 3)];
        Record::read_new(self.root(), &roster(), &kinds, &self.index()).unwrap()
    }

    /// Appends an entry to a chain as its writer does.
    fn append(&self, clone: u64, change: impl Fn(&mut Public)) {
        let record = Record::read(self.root(), None).unwrap();
        let entries = record.chains.values().nth(clone as usize).unwrap();
        let last = entries.last().unwrap();
        let mut public = last.public.as_ref().unwrap().clone();
        (public.seq, public.previous) = (last.seq + 1, Some(last.digest));
        change(&mut public);
        let name = |end: &str| self.file(clone, &format!("{:08}.{end}", last.seq + 1));
        std::fs::copy(self.file(clone, "00000001.private.json"), name("private.json")).unwrap();
        let bytes = serde_json::to_vec(&public).unwrap();
        std::fs::write(name("json.sig"), signer(2).sign(LEDGER_NAMESPACE, &bytes).unwrap()).unwrap();
        std::fs::write(name("json"), bytes).unwrap();
    }
}

#[test]
fn of_what_held_only_what_is_asked_for_is_read_and_what_is_new_is_judged() {
    let ledger = Settled::new();
    let of = |record: &Record| record.verify(&roster(), &ledger.heads);
    let record = ledger.new_ones().unwrap();
    assert_eq!((lines(&of(&record)), record.entries().count()), (vec![], 3 * CHAINS as usize));
    assert_eq!(record.lacks(&ledger.heads), None);
    let whole = Record::read(ledger.root(), None).unwrap();
    let first = (whole.chains.keys().next().unwrap(), 1);
    let head = whole.chains[first.0][0].head();
    assert_eq!((record.has(first.0, head), whole.has(first.0, head)), (Some(true), Some(true)));

    let private = Digest::of(std::fs::read(ledger.file(0, "00000001.private.json")).unwrap());
    ledger.append(0, |public| public.private = Some(private));
    let record = ledger.new_ones().unwrap();
    assert_eq!((lines(&of(&record)), record.entries().count()), (vec![], 3 * CHAINS as usize + 1));
    ledger.append(0, |public| (public.private, public.previous) = (Some(private), Some(Digest::of("x"))));
    ledger.append(1, |public| {
        public.private = Some(private);
        let head = Head { seq: 7, digest: Digest::of("another") };
        public.seen = [(first.0.clone(), head)].into();
    });
    let found = lines(&of(&ledger.new_ones().unwrap()));
    assert_eq!(found, lines(&of(&Record::read(ledger.root(), None).unwrap())), "as where all is read");
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn whatever_is_done_to_what_held_it_is_read_as_a_whole_again() {
    let ledger = Settled::new();
    assert!(ledger.new_ones().is_some());
    for name in ["00000007.json", "00000007.json.sig", "00000007.private.json"] {
        // To the byte and the time as before, and all the same another file.
        let file = ledger.file(0, name);
        let (bytes, time) = (std::fs::read(&file).unwrap(), file.metadata().unwrap().modified().unwrap());
        let put = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_times(FileTimes::new().set_modified(time))
                .unwrap();
        };
        let mut other = bytes.clone();
        let last = other.len() - 3;
        other[last] ^= 1;
        put(&other);
        assert!(ledger.new_ones().is_none(), "{name}");
        // A command that looks for rosters alone does not make it forgotten.
        Record::read_rosters(ledger.root(), &[&roster()], Some(&ledger.index())).unwrap();
        assert!(ledger.new_ones().is_none(), "{name}");
        put(&bytes);
        let mut record = Record::read_of(ledger.root(), &[&roster()]).unwrap();
        let report = record.verify(&roster(), &ledger.heads);
        record.settle(&roster(), &report, &ledger.index());
        std::fs::remove_file(ledger.index()).unwrap();
        let begun = Instant::now();
        while !ledger.index().exists() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nothing is remembered");
            let mut record = Record::read_of(ledger.root(), &[&roster()]).unwrap();
            record.settle(&roster(), &report, &ledger.index());
        }
    }
    let aside = ledger.root().join("aside");
    for name in ["00000007.json", "00000150.json"] {
        std::fs::rename(ledger.file(1, name), &aside).unwrap();
        assert!(ledger.new_ones().is_none(), "{name}");
        std::fs::rename(&aside, ledger.file(1, name)).unwrap();
    }
    assert!(ledger.new_ones().is_none(), "a name that was changed is a change");
}

#[test]
fn an_index_of_another_or_by_another_roster_is_none() {
    let ledger = Settled::new();
    let index = ledger.index();
    let other = parse(&roster_text("version: 17\nprevious: sha256:{zeros}\n# another\n"));
    assert_ne!(other.digest, roster().digest);
    let new = |roster: &Roster| Record::read_new(ledger.root(), roster, &[], &index).unwrap();
    assert!(new(&other).is_none(), "it held by another roster");
    let good = std::fs::read(&index).unwrap();
    let readable = |bytes: &[u8], mode: u32| {
        std::fs::remove_file(&index).unwrap();
        std::fs::write(&index, bytes).unwrap();
        std::fs::set_permissions(&index, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        new(&roster()).is_some()
    };
    assert!(readable(&good, 0o600));
    assert!(!readable(&good, 0o644), "others may read it, and perhaps wrote it");
    let mut torn = good.clone();
    torn[200] ^= 1;
    assert!(!readable(&torn, 0o600) && !readable(&good[..good.len() / 2], 0o600) && !readable(b"", 0o600));
    assert!(readable(&good, 0o600));
    let elsewhere = ledger.root().join("elsewhere");
    std::fs::rename(&index, &elsewhere).unwrap();
    symlink(&elsewhere, &index).unwrap();
    assert!(new(&roster()).is_none(), "a link leads to what somebody else put there");
    // Of a copy the system says otherwise.
    std::fs::remove_file(&index).unwrap();
    std::fs::rename(&elsewhere, &index).unwrap();
    std::fs::rename(ledger.root().join("ledger"), ledger.root().join("first")).unwrap();
    assert!(
        Command::new("cp")
            .arg("-a")
            .arg(ledger.root().join("first"))
            .arg(ledger.root().join("ledger"))
            .status()
            .unwrap()
            .success()
    );
    assert!(new(&roster()).is_none());
}

#[test]
fn what_is_new_is_judged_whatever_its_number_says() {
    let ledger = Settled::new();
    let folder = ledger.file(0, "00000001.json").parent().unwrap().with_file_name("2025");
    std::fs::create_dir(&folder).unwrap();
    let text = std::fs::read_to_string(ledger.file(0, "00000001.json")).unwrap();
    let planted = text.replace("\"time\":\"2026", "\"time\":\"2025");
    assert_ne!(text, planted);
    std::fs::write(folder.join("00000001.json"), &planted).unwrap();
    std::fs::copy(ledger.file(0, "00000001.private.json"), folder.join("00000001.private.json")).unwrap();
    // Signed by its writer or by nobody: all is read, and the break is found.
    for signature in ["none".to_owned(), signer(2).sign(LEDGER_NAMESPACE, planted.as_bytes()).unwrap()] {
        std::fs::write(folder.join("00000001.json.sig"), signature).unwrap();
        assert!(ledger.new_ones().is_none());
    }
    // A copy is a break wherever it is read.
    std::fs::write(folder.join("00000001.json"), &text).unwrap();
    let breaks = ledger.new_ones().map(|record| lines(&record.verify(&roster(), &ledger.heads)));
    assert!(
        breaks.is_none_or(|breaks| breaks.iter().any(|line| line.contains("does not lie where it belongs")))
    );
}
