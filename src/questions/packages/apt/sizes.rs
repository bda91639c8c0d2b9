//! What `sizes.sh` prints: how large packages are, what has to be fetched, and the room that there is.

use super::sections::Sections;
use crate::questions::packages::{PackageSize, Room, Sizes};

/// Reads the sections of `sizes.sh`; what is missing in them is empty here.
pub(super) fn sizes(sections: &Sections<'_>) -> Sizes {
    let old = sections.lines("old");
    let kernels = sections.lines("kernels");
    Sizes {
        packages: sections.lines("new").iter().filter_map(|line| package(line, old)).collect(),
        fetch_bytes: sections.lines("fetch").iter().filter_map(|line| fetched(line)).sum(),
        rooms: sections.lines("room").iter().filter_map(|line| room(line)).collect(),
        boot_files: sections.lines("boot").iter().filter_map(|line| file(line)).collect(),
        running_kernel: kernels
            .iter()
            .find_map(|line| line.strip_prefix("running "))
            .unwrap_or_default()
            .to_owned(),
        kernels: kernels
            .iter()
            .filter_map(|line| line.strip_prefix("installed "))
            .map(str::to_owned)
            .collect(),
        cached_kib: sections.lines("cached").iter().filter_map(|line| number(line)).sum(),
    }
}

/// The first word as a number.
fn number(line: &str) -> Option<u64> {
    line.split_whitespace().next()?.parse().ok()
}

/// Reads `NAME ARCH VERSION INSTALLED_KIB ARCHIVE_BYTES`, and looks for `NAME ARCH INSTALLED_KIB` among the old ones.
fn package(line: &str, old: &[&str]) -> Option<PackageSize> {
    let words: Vec<&str> = line.split(' ').collect();
    let [name, arch, _, kib, bytes] = words.as_slice() else { return None };
    let before = old.iter().find_map(|line| {
        let (its_name, rest) = line.split_once(' ')?;
        let (its_arch, kib) = rest.split_once(' ').unwrap_or((rest, ""));
        // A package that becomes one for all architectures, or no longer is, stays the same package.
        let same = its_name == *name && (its_arch == *arch || its_arch == "all" || *arch == "all");
        same.then(|| kib.trim().parse().unwrap_or(0))
    });
    Some(PackageSize {
        name: (*name).to_owned(),
        new_kib: kib.parse().unwrap_or(0),
        old_kib: before,
        archive_bytes: bytes.parse().unwrap_or(0),
    })
}

/// Reads `'URI' FILE BYTES HASH`; a file of the host's own is not fetched.
fn fetched(line: &str) -> Option<u64> {
    let (uri, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    if uri.starts_with("file:") {
        return None;
    }
    rest.split(' ').nth(1)?.parse().ok()
}

/// Reads `PLACE FILESYSTEM BLOCKS USED FREE PERCENT% MOUNT`; a file system's name, and a mount's, may hold blanks.
fn room(line: &str) -> Option<Room> {
    let (place, rest) = line.split_once(' ')?;
    let (numbers, mount) = rest.split_once("% ")?;
    // `df` gives a negative number where root has gone beyond what others may use.
    let free: i64 = numbers.split_whitespace().rev().nth(1)?.parse().ok()?;
    Some(Room { place: place.into(), mount: mount.trim().into(), free_kib: u64::try_from(free).unwrap_or(0) })
}

/// Reads `BYTES PATH`.
fn file(line: &str) -> Option<(String, u64)> {
    let (bytes, path) = line.trim_start().split_once(' ')?;
    Some((path.to_owned(), bytes.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_room_and_kernels_are_read_from_what_debian_prints() {
        let text = include_str!("captured_debian_12_sizes.txt");
        let sizes = sizes(&Sections::parse(text));
        let seen: Vec<_> =
            sizes.packages.iter().map(|p| (p.name.as_str(), p.new_kib, p.old_kib, p.archive_bytes)).collect();
        assert_eq!(
            seen,
            [
                ("libc-bin", 2042, Some(2042), 609_144),
                ("tzdata", 2571, Some(2565), 307_832),
                ("busybox", 818, None, 452_120),
            ]
        );
        assert_eq!(sizes.fetch_bytes, 609_144 + 307_832 + 452_120);
        let room = &sizes.rooms[0];
        assert_eq!(
            (room.place.as_str(), room.mount.as_str(), room.free_kib),
            ("/var/cache/apt/archives", "/", 56_635_960)
        );
        assert_eq!((sizes.running_kernel.as_str(), sizes.cached_kib), ("6.18.44-fc-v669", 8));
    }

    #[test]
    fn what_lies_in_boot_and_which_kernels_there_are_is_read_and_own_files_are_not_fetched() {
        let sizes = sizes(&Sections::parse(
            "== new 0\nbar all 1.1 0 20672\n== old 0\nbar all \n== fetch 0\n\
             'file:/srv/repo/pool/bar_1.1_all.deb' bar_1.1_all.deb 20672 MD5Sum:0f\n== boot 0\n\
             8152768 /boot/vmlinuz-6.1.0-18-amd64\n== kernels 0\nrunning 6.1.0-18-amd64\n\
             installed linux-image-6.1.0-18-amd64\n",
        ));
        assert_eq!((sizes.fetch_bytes, sizes.packages[0].old_kib), (0, Some(0)));
        assert_eq!(sizes.boot_files, [("/boot/vmlinuz-6.1.0-18-amd64".to_owned(), 8_152_768)]);
        assert_eq!(sizes.kernels, ["linux-image-6.1.0-18-amd64"]);
    }

    #[test]
    fn odd_lines_of_df_are_read_or_left_out() {
        assert_eq!(room("/usr /dev/sd a 10 10 -4 104% /a b").unwrap().free_kib, 0);
        assert_eq!(room("/usr /dev/sd a 10 10 7 50% /a b").unwrap().mount, "/a b");
        assert_eq!(room("/usr df: /usr: No such file"), None);
    }
}
