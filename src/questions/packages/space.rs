//! The room that a transaction needs, file system by file system, against the room that there is.
//!
//! It is an estimate on the safe side: what has to be fetched, what all packages grow by, the largest one unpacked beside
//! its old version, a kernel with all that belongs to it where one is new, and a margin for lists, logs and what packages
//! make for themselves.

use super::debian_order;

/// What a transaction brings along, and what the host has.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// The packages that get a version.
    pub packages: Vec<PackageSize>,
    /// What has to be fetched, in bytes.
    pub fetch_bytes: u64,
    /// The free space at each place that matters.
    pub rooms: Vec<Room>,
    /// What lies in `/boot` for each kernel, in bytes.
    pub boot_files: Vec<(String, u64)>,
    /// The kernel that runs.
    pub running_kernel: String,
    /// Names of installed kernel packages.
    pub kernels: Vec<String>,
    /// Downloaded packages that could be thrown away.
    pub cached_kib: u64,
}

/// How large a package is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PackageSize {
    /// Its name without architecture.
    pub name: String,
    /// Installed size then; 0 where its maker doesn't say.
    pub new_kib: u64,
    /// Installed size now; none where it is new.
    pub old_kib: Option<u64>,
    /// The size of its archive.
    pub archive_bytes: u64,
}

/// The free space at a place.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Room {
    /// The directory.
    pub place: String,
    /// Where its file system is mounted.
    pub mount: String,
    /// What an ordinary user could still write.
    pub free_kib: u64,
}

/// What one file system has to hold.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Need {
    /// Where it is mounted.
    pub mount: String,
    /// What for, and how much each.
    pub parts: Vec<(String, u64)>,
    /// What is free.
    pub free_kib: u64,
}

/// Where packages are fetched to, unpacked and noted, where initrds are made, and where kernels go.
const ARCHIVES: &str = "/var/cache/apt/archives";
const PROGRAMS: &str = "/usr";
const DATABASE: &str = "/var/lib/dpkg";
const WORKSHOP: &str = "/var/tmp";
const BOOT: &str = "/boot";

/// What is assumed of a kernel and all that belongs to it where there is none to go by.
const KERNEL_KIB: u64 = 128 * 1024;

impl Need {
    /// All that is needed.
    pub fn needs_kib(&self) -> u64 {
        self.parts.iter().map(|(_, kib)| kib).sum()
    }

    /// What is missing; nothing where there is room.
    pub fn missing_kib(&self) -> u64 {
        self.needs_kib().saturating_sub(self.free_kib)
    }
}

impl PackageSize {
    /// Installed size then; an archive is rarely packed to less than a quarter.
    fn after_kib(&self) -> u64 {
        if self.new_kib > 0 { self.new_kib } else { self.archive_bytes.div_ceil(1024) * 4 }
    }

    /// Installed size now; a package that doesn't say is taken to be as large as it will be.
    fn before_kib(&self) -> u64 {
        match self.old_kib {
            None => 0,
            Some(0) => self.after_kib(),
            Some(kib) => kib,
        }
    }

    fn is_new_kernel(&self) -> bool {
        let release =
            self.name.strip_prefix("linux-image-").map(|r| r.strip_prefix("unsigned-").unwrap_or(r));
        self.old_kib.is_none() && release.is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Whether initrds are made anew for it.
    fn makes_initrd(&self) -> bool {
        let starts =
            ["linux-image-", "initramfs-tools", "dracut", "firmware-", "cryptsetup", "mdadm", "lvm2"];
        starts.iter().any(|start| self.name.starts_with(start))
            || ["-microcode", "-initramfs"].iter().any(|end| self.name.ends_with(end))
    }
}

impl Sizes {
    /// What each file system has to hold, in the order of places; and the places of which nobody knows the free space.
    pub fn needs(&self, margin_kib: u64) -> (Vec<Need>, Vec<&'static str>) {
        let (mut needs, mut unknown) = (Vec::<Need>::new(), Vec::new());
        for (place, mut parts) in self.parts() {
            let Some(room) = self.rooms.iter().find(|room| room.place == place) else {
                if !parts.is_empty() || place == PROGRAMS {
                    unknown.push(place);
                }
                continue;
            };
            let margin = match place {
                BOOT | WORKSHOP if parts.is_empty() => continue,
                BOOT => margin_kib / 4,
                _ => margin_kib,
            };
            match needs.iter_mut().find(|need| need.mount == room.mount) {
                Some(need) => need.parts.append(&mut parts),
                None => {
                    parts.push(("margin".to_owned(), margin));
                    needs.push(Need { mount: room.mount.clone(), parts, free_kib: room.free_kib });
                }
            }
        }
        (needs, unknown)
    }

    /// What is needed at each place, without the margin; none of it where nothing is to be done.
    fn parts(&self) -> Vec<(&'static str, Vec<(String, u64)>)> {
        if self.packages.is_empty() {
            return Vec::new();
        }
        let after: u64 = self.packages.iter().map(PackageSize::after_kib).sum();
        let before: u64 = self.packages.iter().map(PackageSize::before_kib).sum();
        let largest = self.packages.iter().map(PackageSize::after_kib).max().unwrap_or(0);
        let part = |what: &str, kib: u64| (kib > 0).then(|| (what.to_owned(), kib));
        let initrd = self.largest_initrd_kib();
        let (makes, new) = (self.makes_initrd(), self.new_kernels());
        let boot = if new > 0 || makes { part("an initrd beside its old version", initrd) } else { None };
        vec![
            (ARCHIVES, part("downloads", self.fetch_bytes.div_ceil(1024)).into_iter().collect()),
            (
                PROGRAMS,
                [
                    part("growth", after.saturating_sub(before)),
                    part("the largest package beside its old version", largest),
                ]
                .into_iter()
                .flatten()
                .collect(),
            ),
            (DATABASE, Vec::new()),
            // An initrd is put together unpacked.
            (WORKSHOP, if makes { part("making an initrd", 3 * initrd) } else { None }.into_iter().collect()),
            (BOOT, part("new kernels", new * self.kernel_kib()).into_iter().chain(boot).collect()),
        ]
    }

    fn new_kernels(&self) -> u64 {
        self.packages.iter().filter(|package| package.is_new_kernel()).count() as u64
    }

    fn makes_initrd(&self) -> bool {
        self.packages.iter().any(PackageSize::makes_initrd)
    }

    fn largest_initrd_kib(&self) -> u64 {
        let initrds = self.boot_files.iter().filter(|(name, _)| name.contains("initrd"));
        initrds.map(|(_, bytes)| bytes.div_ceil(1024)).max().unwrap_or(0)
    }

    /// What the largest kernel that is there takes in `/boot`, with all that belongs to it.
    fn kernel_kib(&self) -> u64 {
        let release = |name: &str| {
            let name = name.rsplit('/').next().unwrap_or_default();
            name.split_once('-').map(|(_, release)| release.to_owned()).unwrap_or_default()
        };
        let total = |of: &str| -> u64 {
            self.boot_files.iter().filter(|(name, _)| release(name) == of).map(|(_, bytes)| bytes).sum()
        };
        let largest = self.boot_files.iter().map(|(name, _)| total(&release(name)).div_ceil(1024)).max();
        largest.unwrap_or(KERNEL_KIB)
    }

    /// Kernel packages that neither run nor are the newest.
    pub fn old_kernels(&self) -> Vec<&str> {
        let release = |name: &str| {
            let release = name.trim_start_matches("linux-image-");
            release.strip_prefix("unsigned-").unwrap_or(release).to_owned()
        };
        let newest = self.kernels.iter().max_by(|a, b| debian_order(&release(a), &release(b)));
        let old = |name: &&String| Some(*name) != newest && release(name) != self.running_kernel;
        self.kernels.iter().filter(old).map(String::as_str).collect()
    }

    /// What would make room on a file system, as commands.
    pub fn remedies(&self, mount: &str) -> Vec<String> {
        let holds = |place: &str| self.rooms.iter().any(|room| room.place == place && room.mount == mount);
        let mut remedies = Vec::new();
        if holds(ARCHIVES) && self.cached_kib >= 1024 {
            remedies.push(format!("apt-get clean (frees {})", megabytes(self.cached_kib)));
        }
        let old = self.old_kernels();
        if holds(BOOT) && !old.is_empty() {
            remedies.push(format!("apt-get purge {} (kernels that are not in use)", old.join(" ")));
        }
        remedies
    }
}

/// `12 MB`, rounded up.
pub fn megabytes(kib: u64) -> String {
    format!("{} MB", kib.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024;

    fn package(name: &str, new_mib: u64, old_mib: Option<u64>) -> PackageSize {
        PackageSize {
            name: name.into(),
            new_kib: new_mib * MIB,
            old_kib: old_mib.map(|m| m * MIB),
            archive_bytes: 0,
        }
    }

    /// One file system, or `/boot` apart, with so many MiB free.
    fn sizes(packages: Vec<PackageSize>, free: u64, boot: Option<u64>) -> Sizes {
        let room = |place: &str| Room { place: place.into(), mount: "/".into(), free_kib: free * MIB };
        let mut rooms: Vec<Room> = [ARCHIVES, PROGRAMS, DATABASE, WORKSHOP, BOOT].map(room).into();
        if let Some(free) = boot {
            rooms[4] = Room { place: BOOT.into(), mount: BOOT.into(), free_kib: free * MIB };
        }
        Sizes { packages, rooms, ..Sizes::default() }
    }

    fn total(sizes: &Sizes, mount: &str) -> u64 {
        let (needs, _) = sizes.needs(64 * MIB);
        needs.iter().find(|need| need.mount == mount).map_or(0, |need| need.needs_kib() / MIB)
    }

    #[test]
    fn downloads_growth_the_largest_package_and_a_margin_are_needed() {
        let mut sizes = sizes(vec![package("a", 30, Some(20)), package("b", 50, None)], 1000, None);
        sizes.fetch_bytes = 20 * MIB * 1024;
        // 20 to fetch, 10 and 50 of growth, 50 beside, 64 of margin.
        assert_eq!(total(&sizes, "/"), 194);
        assert_eq!(sizes.needs(0).0[0].missing_kib(), 0);
        sizes.rooms.iter_mut().for_each(|room| room.free_kib = 100 * MIB);
        assert_eq!(sizes.needs(0).0[0].missing_kib() / MIB, 30);
    }

    #[test]
    fn a_package_that_does_not_tell_its_size_is_estimated_by_its_archive() {
        let unknown =
            PackageSize { name: "x".into(), new_kib: 0, old_kib: Some(0), archive_bytes: 10 * MIB * 1024 };
        // No growth is known of, 40 beside the old version, and the margin.
        assert_eq!(total(&sizes(vec![unknown], 1000, None), "/"), 104);
    }

    #[test]
    fn a_new_kernel_needs_room_in_boot_as_those_before_it_and_an_old_one_could_go() {
        let mut sizes = sizes(vec![package("linux-image-6.1.0-30-amd64", 400, None)], 2000, Some(60));
        sizes.boot_files = [
            ("vmlinuz-6.1.0-18-amd64", 8),
            ("initrd.img-6.1.0-18-amd64", 40),
            ("vmlinuz-6.1.0-9-amd64", 8),
            ("initrd.img-6.1.0-9-amd64", 30),
        ]
        .map(|(name, mib)| (format!("/boot/{name}"), mib * MIB * 1024))
        .into();
        sizes.running_kernel = "6.1.0-18-amd64".into();
        sizes.kernels = ["linux-image-6.1.0-18-amd64", "linux-image-6.1.0-9-amd64"].map(str::to_owned).into();
        // 48 for the kernel, 40 for an initrd beside its old version, a quarter of the margin.
        assert_eq!(total(&sizes, "/boot"), 104);
        assert_eq!(
            sizes.remedies("/boot"),
            ["apt-get purge linux-image-6.1.0-9-amd64 (kernels that are not in use)"]
        );
        sizes.packages[0].old_kib = Some(400 * MIB);
        // The same kernel anew: its files are replaced.
        assert_eq!(total(&sizes, "/boot"), 56);
        sizes.packages[0].name = "bash".into();
        assert_eq!(total(&sizes, "/boot"), 0);
    }

    #[test]
    fn where_nothing_is_to_be_done_nothing_is_needed_and_unknown_space_is_said() {
        assert_eq!(sizes(Vec::new(), 0, None).needs(64 * MIB).0, []);
        let blind = Sizes { packages: vec![package("a", 1, None)], ..Sizes::default() };
        assert_eq!(blind.needs(64 * MIB).1, [PROGRAMS]);
    }
}
