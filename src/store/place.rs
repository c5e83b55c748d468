//! Where a store may lie, and how much room there is.
//!
//! `SQLite` in WAL mode shares memory between processes and trusts the file system's locks and its `fsync`. A network file
//! system promises none of that across machines, and what was called written may be lost with the server. Those that are
//! known to be one are refused; of FUSE only the network ones, since local disks, encrypted folders and the file systems of
//! containers come over FUSE as well.

use std::path::Path;

/// The folder of a file.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// How many bytes a process without privileges may still write there.
pub(super) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let about = rustix::fs::statvfs(folder)?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// The name of the network file system on which a folder lies; `None` where it is none that is known.
#[cfg(target_os = "linux")]
pub(super) fn network_file_system(folder: &Path) -> std::io::Result<Option<String>> {
    let magic = i128::from(rustix::fs::statfs(folder)?.f_type) & 0xFFFF_FFFF;
    if magic == FUSE {
        // Which one is behind it, only the list of mounts says; without it FUSE is as good as local.
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let kind = file_system_type(&mounts, &folder.canonicalize()?);
        return Ok(kind.filter(|kind| is_network_fuse(kind)));
    }
    Ok(network_name(magic).map(str::to_owned))
}

/// Elsewhere the kinds have other numbers, and nothing is known.
#[cfg(not(target_os = "linux"))]
pub(super) fn network_file_system(_: &Path) -> std::io::Result<Option<String>> {
    Ok(None)
}

/// The number of FUSE in `statfs`.
#[cfg(target_os = "linux")]
const FUSE: i128 = 0x6573_5546;

/// The numbers of network and cluster-wide file systems in `statfs`, from `linux/magic.h` and the file systems' sources.
#[cfg(target_os = "linux")]
fn network_name(magic: i128) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB",
        0x0102_1997 => "9p",
        0x00C3_6400 => "CephFS",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564C => "NCP",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0x2003_0528 => "OrangeFS",
        0xAAD7_AAEA => "PanFS",
        _ => return None,
    })
}

/// Whether a FUSE file system, as the list of mounts names it, keeps its files on another machine.
#[cfg(target_os = "linux")]
fn is_network_fuse(kind: &str) -> bool {
    const NETWORK: [&str; 22] = [
        "afp",
        "afpfs",
        "blobfuse",
        "blobfuse2",
        "ceph",
        "ceph-fuse",
        "curlftpfs",
        "davfs",
        "davfs2",
        "gcsfuse",
        "glusterfs",
        "goofys",
        "juicefs",
        "mfs",
        "moosefs",
        "mount-s3",
        "rclone",
        "s3fs",
        "seaweedfs",
        "smbnetfs",
        "sshfs",
        "vmhgfs-fuse",
    ];
    // JuiceFS and others put a name of their own before a colon.
    let name = kind.strip_prefix("fuse.").unwrap_or(kind).split(':').next().unwrap_or_default();
    NETWORK.contains(&name.to_ascii_lowercase().as_str())
}

/// The type of the file system that a path lies on, out of the text of `/proc/self/mountinfo`: that of the deepest mount
/// above it, and of several on one place the last.
#[cfg(target_os = "linux")]
fn file_system_type(mounts: &str, path: &Path) -> Option<String> {
    mounts
        .lines()
        .filter_map(|line| {
            // 36 35 98:0 /root /mount/point options [optional fields] - type source options
            let (before, after) = line.split_once(" - ")?;
            let point = unescaped(before.split(' ').nth(4)?);
            let kind = after.split(' ').next()?;
            path.starts_with(&point).then(|| (Path::new(&point).components().count(), kind.to_owned()))
        })
        .max_by_key(|(depth, _)| *depth)
        .map(|(_, kind)| kind)
}

/// A mount point with its spaces, tabs, line ends and backslashes, which the kernel writes as octal numbers.
#[cfg(target_os = "linux")]
fn unescaped(point: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(point.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{file_system_type, free_bytes, is_network_fuse, network_file_system, network_name};
    use std::path::Path;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        let cases = [
            (0x6969, Some("NFS")),
            (0xFF53_4D42, Some("SMB")),
            (0xFE53_4D42, Some("SMB")),
            (0x0102_1997, Some("9p")),
            (0x00C3_6400, Some("CephFS")),
            // ext4, XFS, Btrfs, ZFS, overlay, tmpfs, F2FS, bcachefs.
            (0xEF53, None),
            (0x5846_5342, None),
            (0x9123_683E, None),
            (0x2FC1_2FC1, None),
            (0x794C_7630, None),
            (0x0102_1994, None),
            (0xF2F5_2010, None),
            (0xCA45_1A4E, None),
        ];
        for (magic, expected) in cases {
            assert_eq!(network_name(magic), expected, "{magic:#x}");
        }
    }

    #[test]
    fn of_fuse_only_what_lies_on_another_machine_is_refused() {
        for kind in
            ["fuse.sshfs", "fuse.glusterfs", "fuse.juicefs", "fuse.JuiceFS:homelab", "fuse.s3fs", "fuse.ceph"]
        {
            assert!(is_network_fuse(kind), "{kind}");
        }
        for kind in [
            "fuse.fuse-overlayfs",
            "fuse.mergerfs",
            "fuse.gocryptfs",
            "fuseblk",
            "virtiofs",
            "fuse",
            "fuse.sshfs2",
        ] {
            assert!(!is_network_fuse(kind), "{kind}");
        }
    }

    #[test]
    fn the_deepest_and_latest_mount_counts() {
        let mounts = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /data rw shared:2 - fuse.mergerfs pool rw
31 30 0:41 / /data/far\\040away rw master:1 shared:3 - fuse.sshfs host:/srv rw
32 22 0:42 / /data rw - fuse.gocryptfs folder rw
not a mount
";
        let cases = [
            ("/srv/store", Some("ext4")),
            ("/data/store", Some("fuse.gocryptfs")),
            ("/data/far away/store", Some("fuse.sshfs")),
            ("/database", Some("ext4")),
        ];
        for (path, expected) in cases {
            assert_eq!(file_system_type(mounts, Path::new(path)).as_deref(), expected, "{path}");
        }
        assert_eq!(file_system_type("", Path::new("/data")), None);
    }

    #[test]
    fn a_folder_of_this_machine_is_taken_and_has_room() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network_file_system(folder.path()).unwrap(), None);
        assert!(free_bytes(folder.path()).unwrap() > 0);
        assert!(network_file_system(&folder.path().join("not-there")).is_err());
    }
}
