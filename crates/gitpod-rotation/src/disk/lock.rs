//! A lock that dies with its process.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A lock on a file, which stays there: to remove it would let two have it.
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
        let file = options.open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { _file: file })
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
