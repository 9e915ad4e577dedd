//! What can be wrong with a file, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with a file of ours. It says what to do, and quotes nothing of the file.
#[derive(Debug)]
pub struct StoreError {
    path: PathBuf,
    trouble: Trouble,
}

#[derive(Debug)]
pub(super) enum Trouble {
    /// What couldn't be done.
    Io(&'static str, io::Error),
    Locked,
    Remote,
    Id,
    /// Not JSON, or not that of a journal. serde's own message quotes the file.
    Torn {
        line: usize,
        column: usize,
    },
    Version(u32),
    Foreign,
    Nonsense(&'static str),
    Large,
}

impl Trouble {
    pub(super) fn torn_at(error: &serde_json::Error) -> Self {
        Self::Torn {
            line: error.line(),
            column: error.column(),
        }
    }
}

impl StoreError {
    pub(super) fn new(path: &Path, trouble: Trouble) -> Self {
        Self {
            path: path.to_owned(),
            trouble,
        }
    }

    pub(super) fn io(path: &Path, what: &'static str, error: io::Error) -> Self {
        Self::new(path, Trouble::Io(what, error))
    }

    /// The file or the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is about a folder on a network or in user space.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self.trouble, Trouble::Remote)
    }

    /// Whether another process has the configuration.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        matches!(self.trouble, Trouble::Locked)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.trouble {
            Trouble::Io(what, error) => write!(f, "can't {what} {path}: {error}"),
            Trouble::Locked => write!(
                f,
                "another process rotates this configuration; it has {path} locked: wait for it to end"
            ),
            Trouble::Remote => write!(
                f,
                "{path} is on a network or in user space (NFS, SMB, FUSE), where what is synced \
                 doesn't reliably last: use a folder on a local disk, or insist"
            ),
            Trouble::Id => write!(
                f,
                "the configuration's id names files in {path}: expected letters, digits and dashes"
            ),
            Trouble::Torn { line, column } => write!(
                f,
                "{path} isn't a whole journal (line {line}, column {column}). If there is a copy of \
                 it, bring that back. Otherwise move it away and rotate by hand: that needs no \
                 journal. The escrow beside it, if there is one, may hold the only copy of a live \
                 token"
            ),
            Trouble::Version(version) => write!(
                f,
                "{path} has version {version}, and this program reads version {}: use the program \
                 that wrote it",
                super::VERSION
            ),
            Trouble::Foreign => write!(
                f,
                "{path} belongs to another configuration than its name says: move it to where it \
                 came from"
            ),
            Trouble::Nonsense(what) => write!(
                f,
                "{path} has {what}, which no rotation writes: bring back what was there before it \
                 was edited, or move it away and rotate by hand"
            ),
            Trouble::Large => write!(
                f,
                "{path} is larger than any that a rotation writes: it isn't ours, move it away"
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.trouble {
            Trouble::Io(_, error) => Some(error),
            _ => None,
        }
    }
}
