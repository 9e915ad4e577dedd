//! The steps in which files are written, and a way to have one of them fail.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use crate::files;

/// A step of what a [`Store`](crate::Store) does with its files. Each can fail, and after each the machine
/// can lose its power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DiskStep {
    /// A new file is made in the place of what was there, if anything was.
    Create,
    /// A file's space is taken.
    Reserve,
    /// A file is written. If this is what fails, half of it is.
    Write,
    /// What was written to a file is made to last.
    Sync,
    /// The file of this path gets another name: the journal's, whatever was there.
    Rename,
    /// A file is removed.
    Remove,
    /// The names in a folder are made to last.
    SyncFolder,
}

type Interference = dyn Fn(DiskStep, &Path) -> io::Result<()> + Send + Sync;

/// Does the steps, unless somebody interferes.
#[derive(Clone, Default)]
pub(super) struct Disk {
    interference: Option<Arc<Interference>>,
}

impl Disk {
    pub(super) fn new(
        interference: impl Fn(DiskStep, &Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            interference: Some(Arc::new(interference)),
        }
    }

    fn may(&self, step: DiskStep, path: &Path) -> io::Result<()> {
        match &self.interference {
            Some(interference) => interference(step, path),
            None => Ok(()),
        }
    }

    /// A new private file, whatever was there.
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.may(DiskStep::Create, path)?;
        remove(path)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        files::private(&mut options);
        options.open(path)
    }

    /// The file that is there, or a new private one.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        if !path.exists() {
            self.may(DiskStep::Create, path)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        files::private(&mut options);
        options.open(path)
    }

    pub(super) fn reserve(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.may(DiskStep::Reserve, path)?;
        files::allocate(file, length)
    }

    /// Writes the file from its beginning, and cuts it off behind.
    pub(super) fn write(&self, mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.may(DiskStep::Write, path) {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)
    }

    pub(super) fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.may(DiskStep::Sync, path)?;
        file.sync_all()
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.may(DiskStep::Rename, from)?;
        fs::rename(from, to)
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.may(DiskStep::Remove, path)?;
        remove(path)
    }

    pub(super) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.may(DiskStep::SyncFolder, folder)?;
        files::sync_folder(folder)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("interfered_with", &self.interference.is_some())
            .finish()
    }
}
