//! A lock that dies with its process.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A lock on a file. Who has it may remove the file: whoever opened that one in time gets a lock on nothing, and
/// looks for another.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, or fails with [`io::ErrorKind::WouldBlock`] if somebody has it.
    #[cfg(unix)]
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        use rustix::fs::{FlockOperation, flock};

        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        crate::files::private(&mut options);
        loop {
            let file = options.open(path)?;
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            if is_at(&file, path)? {
                return Ok(Self { _file: file });
            }
        }
    }

    /// Takes the lock, or fails with [`io::ErrorKind::WouldBlock`] if somebody has it.
    #[cfg(windows)]
    pub(super) fn take(path: &Path) -> io::Result<Self> {
        use std::os::windows::fs::OpenOptionsExt;

        const ERROR_SHARING_VIOLATION: i32 = 32;
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create(true)
            .truncate(false)
            .share_mode(0);
        match options.open(path) {
            Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            file => Ok(Self { _file: file? }),
        }
    }
}

/// Whether it is this file that the path names.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let own = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((own.dev(), own.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// One opened the file, and before it has the lock, who had that has removed the file.
    #[test]
    fn a_lock_on_a_file_that_is_gone_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path).unwrap();
        assert!(is_at(&first._file, &path).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(!is_at(&first._file, &path).unwrap());
        let second = Lock::take(&path).unwrap();
        assert!(!is_at(&first._file, &path).unwrap());
        let error = Lock::take(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(second);
        Lock::take(&path).unwrap();
    }
}
