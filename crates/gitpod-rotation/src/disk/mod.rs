//! What a rotation keeps on disk: a lock, the journal, the escrow.

mod abandon;
mod error;
mod escrow;
mod folder;
mod lock;
mod steps;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::StoreError;
pub use escrow::Kept;
pub use folder::FolderKind;
pub use steps::DiskStep;

use crate::RawAnswer;
use crate::journal::{Journal, VERSION};
use error::Trouble;
use lock::Lock;
use steps::Disk;

/// A journal is a few kilobytes. Something larger isn't one.
const LARGEST_JOURNAL: u64 = 1024 * 1024;
const LOCK: &str = "lock";

/// The files of one SCIM configuration in the state folder, which this process alone has.
///
/// Every method blocks, and what it has done lasts when it returns, for as much as the operating
/// system can promise. Of a configuration that has neither journal nor escrow no file stays.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    configuration: String,
    kind: FolderKind,
    disk: Disk,
    _lock: Lock,
}

impl Store {
    /// Opens the state folder for one configuration, and makes it if there is none. The lock dies
    /// with the process, or with this value.
    ///
    /// # Errors
    ///
    /// If another process has the configuration, if the folder can't be made or written to, and if
    /// it is on a network or in user space ([`FolderKind::Remote`]): what is synced there doesn't
    /// reliably last, and locks may not hold. [`Store::open_anywhere`] takes that too.
    pub fn open(folder: &Path, configuration: &str) -> Result<Self, StoreError> {
        Self::open_as(folder, configuration, false)
    }

    /// [`Store::open`], wherever the folder is.
    ///
    /// # Errors
    ///
    /// As those of [`Store::open`], the last one aside.
    pub fn open_anywhere(folder: &Path, configuration: &str) -> Result<Self, StoreError> {
        Self::open_as(folder, configuration, true)
    }

    fn open_as(folder: &Path, configuration: &str, anywhere: bool) -> Result<Self, StoreError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if configuration.is_empty() || configuration.len() > 64 || !configuration.chars().all(fits)
        {
            return Err(StoreError::new(folder, Trouble::Id));
        }
        folder::make(folder).map_err(|error| StoreError::io(folder, "make", error))?;
        let kind =
            folder::kind(folder).map_err(|error| StoreError::io(folder, "look at", error))?;
        if kind == FolderKind::Remote && !anywhere {
            return Err(StoreError::new(folder, Trouble::Remote));
        }
        let path = folder.join(format!("{configuration}.{LOCK}"));
        let lock = Lock::take(&path).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => StoreError::new(&path, Trouble::Locked),
            _ => StoreError::io(&path, "lock", error),
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            configuration: configuration.to_owned(),
            kind,
            disk: Disk::default(),
            _lock: lock,
        })
    }

    /// Asks before each step on disk whether it fails, and with what: for tests. A step that fails isn't
    /// done, or half of it is.
    #[must_use]
    pub fn interfere(
        mut self,
        interference: impl Fn(DiskStep, &Path) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.disk = Disk::new(interference);
        self
    }

    /// The id of the configuration.
    #[must_use]
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// Where the folder is. Of [`FolderKind::Volatile`] a user should be warned.
    #[must_use]
    pub fn kind(&self) -> FolderKind {
        self.kind
    }

    /// Where the journal is.
    #[must_use]
    pub fn journal_path(&self) -> PathBuf {
        self.path("journal.json")
    }

    /// Where the escrow is.
    #[must_use]
    pub fn escrow_path(&self) -> PathBuf {
        self.path("escrow")
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}", self.configuration))
    }

    /// The journal; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it can't be read, or isn't a whole journal of this configuration and this version. It is
    /// never guessed at.
    pub fn load(&self) -> Result<Option<Journal>, StoreError> {
        let path = self.journal_path();
        let trouble = |trouble| StoreError::new(&path, trouble);
        let Some(bytes) = read(&path, LARGEST_JOURNAL)? else {
            return Ok(None);
        };
        // The version first: what else a newer one has isn't known here.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let torn = |error: serde_json::Error| trouble(Trouble::torn_at(&error));
        let Versioned { version } = serde_json::from_slice(&bytes).map_err(torn)?;
        if version != VERSION {
            return Err(trouble(Trouble::Version(version)));
        }
        let journal: Journal = serde_json::from_slice(&bytes).map_err(torn)?;
        if journal.configuration != self.configuration {
            return Err(trouble(Trouble::Foreign));
        }
        match journal.nonsense() {
            Some(what) => Err(trouble(Trouble::Nonsense(what))),
            None => Ok(Some(journal)),
        }
    }

    /// Puts a journal in the place of the one that is there: written beside it, synced, renamed, the
    /// folder synced. A crash leaves the one or the other.
    ///
    /// # Errors
    ///
    /// If that fails; either of the two may then be there.
    pub fn save(&self, journal: &Journal) -> Result<(), StoreError> {
        let path = self.journal_path();
        let beside = self.path("journal.json.new");
        let replace = || {
            let mut text = serde_json::to_vec_pretty(journal)?;
            text.push(b'\n');
            let file = self.disk.create(&beside)?;
            self.disk.write(&file, &beside, &text)?;
            self.disk.sync(&file, &beside)?;
            self.disk.rename(&beside, &path)?;
            self.disk.sync_folder(&self.folder)
        };
        replace().map_err(|error| StoreError::io(&path, "write", error))
    }

    /// Makes the escrow file, with the space for an answer taken. What was there is gone.
    ///
    /// # Errors
    ///
    /// If that fails: the disk is full, say.
    pub fn reserve_escrow(&self) -> Result<(), StoreError> {
        let path = self.escrow_path();
        let reserve = || {
            let file = self.disk.create(&path)?;
            self.disk.reserve(&file, &path, escrow::SPACE)?;
            self.disk.sync(&file, &path)?;
            self.disk.sync_folder(&self.folder)
        };
        reserve().map_err(|error| StoreError::io(&path, "make room for", error))
    }

    /// Writes an answer to the escrow. It can be tried again.
    ///
    /// # Errors
    ///
    /// If that fails. What is then there is never taken for a whole one.
    pub fn write_escrow(&self, attempt: u32, answer: &RawAnswer) -> Result<(), StoreError> {
        let path = self.escrow_path();
        let write = || {
            let bytes = escrow::encode(&self.configuration, attempt, answer.expose());
            let file = self.disk.open(&path)?;
            self.disk.write(&file, &path, &bytes)?;
            self.disk.sync(&file, &path)?;
            self.disk.sync_folder(&self.folder)
        };
        write().map_err(|error| StoreError::io(&path, "write", error))
    }

    /// What is in the escrow.
    ///
    /// # Errors
    ///
    /// If it can't be read, or is whole and of another configuration.
    pub fn read_escrow(&self) -> Result<Kept, StoreError> {
        let path = self.escrow_path();
        let Some(bytes) = read(&path, escrow::LARGEST)? else {
            return Ok(Kept::Absent);
        };
        escrow::decode(&self.configuration, &bytes)
            .ok_or_else(|| StoreError::new(&path, Trouble::Foreign))
    }

    /// Removes the escrow, if there is one.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn remove_escrow(&self) -> Result<(), StoreError> {
        let path = self.escrow_path();
        self.disk
            .remove(&path)
            .and_then(|()| self.disk.sync_folder(&self.folder))
            .map_err(|error| StoreError::io(&path, "remove", error))
    }
}

/// A mistyped id leaves no file behind. The lock is still held here.
impl Drop for Store {
    fn drop(&mut self) {
        if self.journal_path().exists() || self.escrow_path().exists() {
            return;
        }
        // If it can't be removed, it is in nobody's way. The folder stays: others may be about to use it.
        let _ = fs::remove_file(self.path(LOCK));
    }
}

fn read(path: &Path, largest: u64) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, StoreError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| StoreError::io(path, "read", error))?,
    };
    // As large as it gets at once, for a vector that grows leaves copies behind.
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    let capacity = usize::try_from(size.min(largest)).unwrap_or_default();
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(capacity + 1));
    file.take(largest + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| StoreError::io(path, "read", error))?;
    if bytes.len() as u64 > largest {
        return Err(StoreError::new(path, Trouble::Large));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
