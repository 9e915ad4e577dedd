//! What differs between platforms about a private file that must not get lost.
//!
//! The journal's and the escrow's; `gitpodctl` keeps its token files by them too.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Only the owner may read and write the file, if this creates it.
#[cfg(unix)]
pub fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt;

    options.mode(0o600);
}

/// Elsewhere a new file has the rights of its folder, and nobody else may open it meanwhile.
#[cfg(windows)]
pub fn private(options: &mut OpenOptions) {
    use std::os::windows::fs::OpenOptionsExt;

    const FILE_SHARE_DELETE: u32 = 4;
    options.share_mode(FILE_SHARE_DELETE);
}

/// Takes the space for so many bytes, so that writing them can't fail for want of it. The file's
/// length stays, or the file is filled with zeros where the file system can't do that.
///
/// # Errors
///
/// The operating system's: the disk is full, say.
#[cfg(target_os = "linux")]
pub fn allocate(file: &File, length: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;

    loop {
        return match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
            Ok(()) => Ok(()),
            Err(Errno::INTR) => continue,
            // Some file systems (ZFS, NFS before 4.2) can't.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill(file, length),
            Err(error) => Err(error.into()),
        };
    }
}

/// Takes the space for so many bytes by filling the file with zeros.
///
/// # Errors
///
/// The operating system's: the disk is full, say.
#[cfg(not(target_os = "linux"))]
pub fn allocate(file: &File, length: u64) -> io::Result<()> {
    fill(file, length)
}

/// Takes the space by writing zeros; they are written over and cut off later. A file system that
/// copies on write may still run out between the two.
fn fill(mut file: &File, length: u64) -> io::Result<()> {
    use std::io::Write;

    const ZEROS: [u8; 4096] = [0; 4096];
    let mut left = length;
    while left > 0 {
        let part = left.min(ZEROS.len() as u64);
        file.write_all(&ZEROS[..part as usize])?;
        left -= part;
    }
    Ok(())
}

/// Makes the names of the folder's files last. Where a folder can't be synced at all, there is
/// nothing to do.
///
/// # Errors
///
/// The operating system's.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput) => Ok(()),
        result => result,
    }
}

/// Windows writes a folder's entries with the file: there is nothing to do.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filling_takes_the_whole_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("zeros");
        let file = File::create(&path).unwrap();
        fill(&file, 10_000).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), vec![0; 10_000]);
    }
}
