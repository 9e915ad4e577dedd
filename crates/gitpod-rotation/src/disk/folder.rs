//! The state folder, and where it is.

use std::fs;
use std::io;
use std::path::Path;

/// What kind of file system a folder is on, as far as it matters to what has to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderKind {
    /// An ordinary one, or one of which nothing is known.
    Local,
    /// NFS, SMB or FUSE.
    Remote,
    /// tmpfs or overlay, which a restart, or the container's end, may empty.
    Volatile,
}

/// Makes the folder if there is none, for its owner alone.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    let there = folder.is_dir();
    builder.create(folder)?;
    match folder.parent() {
        Some(parent) if !there && !parent.as_os_str().is_empty() => {
            crate::files::sync_folder(parent)
        }
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
pub(super) fn kind(folder: &Path) -> io::Result<FolderKind> {
    Ok(of_type(rustix::fs::statfs(folder)?.f_type as u64))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn kind(_folder: &Path) -> io::Result<FolderKind> {
    Ok(FolderKind::Local)
}

/// By the magic numbers of Linux, which fit into 32 bits.
#[cfg(target_os = "linux")]
fn of_type(magic: u64) -> FolderKind {
    match magic & 0xffff_ffff {
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 | 0x6573_5546 => FolderKind::Remote,
        0x0102_1994 | 0x794c_7630 => FolderKind::Volatile,
        _ => FolderKind::Local,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_told_apart() {
        for (magic, expected) in [
            (0x6969, FolderKind::Remote),
            (0xffff_ffff_ff53_4d42, FolderKind::Remote), // sign-extended, as some platforms have it
            (0x6573_5546, FolderKind::Remote),
            (0x0102_1994, FolderKind::Volatile),
            (0xef53, FolderKind::Local),
        ] {
            assert_eq!(of_type(magic), expected, "{magic:x}");
        }
        let shm = Path::new("/dev/shm");
        if shm.is_dir() {
            assert_eq!(kind(shm).unwrap(), FolderKind::Volatile);
        }
    }
}
