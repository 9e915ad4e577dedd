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
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        crate::files::private(&mut options);
        loop {
            if let Some(lock) = Self::on(options.open(path)?, path)? {
                return Ok(lock);
            }
        }
    }

    /// The lock on a file that was opened by this path; `None` if the path doesn't lead to it any more.
    #[cfg(unix)]
    fn on(file: File, path: &Path) -> io::Result<Option<Self>> {
        use rustix::fs::{FlockOperation, flock};
        use std::os::unix::fs::MetadataExt;

        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        let own = file.metadata()?;
        let is_there = match std::fs::metadata(path) {
            Ok(there) => (own.dev(), own.ino()) == (there.dev(), there.ino()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        Ok(is_there.then_some(Self { _file: file }))
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

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// Who had it has removed its file between the other one's opening and locking it.
    #[test]
    fn a_lock_on_a_file_that_was_removed_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path).unwrap();
        let open = || OpenOptions::new().write(true).open(&path).unwrap();
        let (second, third) = (open(), open());
        std::fs::remove_file(&path).unwrap();
        drop(first);
        assert!(Lock::on(second, &path).unwrap().is_none());
        let taken = Lock::take(&path).unwrap();
        assert!(Lock::on(third, &path).unwrap().is_none());
        let error = Lock::take(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(taken);
        Lock::take(&path).unwrap();
    }
}
