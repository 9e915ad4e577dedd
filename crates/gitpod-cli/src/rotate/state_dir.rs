//! The folder of journals and escrows.

use std::path::{Path, PathBuf};

use gitpod_rotation::{FolderKind, Journal, Store, StoreError};

use super::args::StateDir;
use crate::exit::Failure;
use crate::{output, uuid};

impl StateDir {
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.state_dir {
            return Ok(path.clone());
        }
        let variable = |name| {
            let value = std::env::var_os(name).filter(|value| !value.is_empty());
            value.map(PathBuf::from).filter(|path| path.is_absolute())
        };
        let state = if cfg!(windows) {
            variable("LOCALAPPDATA")
        } else {
            variable("XDG_STATE_HOME")
                .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        };
        state.map(|state| state.join("gitpodctl")).ok_or_else(|| {
            Failure::usage(
                "no home folder is known: expected --state-dir with a folder on a local disk",
            )
        })
    }

    /// Opens what is kept of a configuration, and locks it.
    pub(super) fn open(&self, configuration: &str) -> Result<Store, Failure> {
        let path = self.path()?;
        let store = self.try_open(&path, configuration).map_err(of_store)?;
        if store.kind() == FolderKind::Volatile {
            output::note(&format!(
                "{} is in memory or a container's own layer: what is kept there is lost with it, and \
                 a rotation that is cut off then can't be resumed",
                path.display()
            ));
        }
        Ok(store)
    }

    fn try_open(&self, path: &Path, configuration: &str) -> Result<Store, StoreError> {
        if self.allow_remote_state_dir {
            Store::open_anywhere(path, configuration)
        } else {
            Store::open(path, configuration)
        }
    }

    /// The configurations that have a journal here, in order.
    pub(super) fn configurations(&self) -> Result<Vec<String>, Failure> {
        let path = self.path()?;
        let entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries,
        };
        let failed = |error| Failure::local(format!("can't read {}: {error}", path.display()));
        let mut ids = Vec::new();
        for entry in entries.map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let id = name
                .to_str()
                .and_then(|name| name.strip_suffix(".journal.json"));
            ids.extend(id.and_then(|id| uuid::parse(id).ok()));
        }
        ids.sort();
        Ok(ids)
    }

    /// What is known of a configuration here: no journal, or one; `None` while another process has
    /// it.
    pub(super) fn look(&self, id: &str) -> Result<Option<Option<Journal>>, Failure> {
        // Looking is no reason to make a folder.
        if !self.configurations()?.iter().any(|known| known == id) {
            return Ok(Some(None));
        }
        match self.try_open(&self.path()?, id) {
            Ok(store) => Ok(Some(store.load().map_err(of_store)?)),
            Err(error) if error.is_locked() => Ok(None),
            Err(error) => Err(of_store(error)),
        }
    }

    /// The configuration whose rotation isn't over; `None` if there is none.
    pub(super) fn unfinished(&self) -> Result<Option<String>, Failure> {
        let path = self.path()?;
        let mut found = Vec::new();
        for id in self.configurations()? {
            let store = self.try_open(&path, &id).map_err(of_store)?;
            let journal = store.load().map_err(of_store)?;
            if journal.as_ref().and_then(Journal::unfinished).is_some() {
                found.push(id);
            }
        }
        if found.len() > 1 {
            return Err(Failure::usage(format!(
                "several rotations aren't over: expected the CONFIGURATION_ID of one of {}",
                found.join(", ")
            )));
        }
        Ok(found.pop())
    }
}

/// A file of ours isn't as it should be, or in use: nothing was done.
pub(super) fn of_store(error: StoreError) -> Failure {
    Failure::local(format!("{error}; nothing was done"))
}
