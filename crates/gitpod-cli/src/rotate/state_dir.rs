//! The folder of journals and escrows.

use std::path::{Path, PathBuf};

use gitpod_rotation::{FolderKind, Journal, Kept, StartError, Store, StoreError};

use super::args::StateDir;
use crate::exit::Failure;
use crate::{output, uuid};

/// What is known of a configuration here.
pub(super) enum Known {
    /// Its journal, if it has one, in which nothing is unfinished.
    Journal(Option<Journal>),
    /// Its journal, and where the escrow is if anything was written to it.
    Unfinished(Journal, Option<PathBuf>),
    /// Another process has it.
    Running,
    /// An escrow that may hold a live token, and no rotation that it belongs to. It says what to do.
    Stray(String),
    /// It can't be told. It says what to do.
    Trouble(String),
}

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

    /// The configurations that have a journal or an escrow here, in order.
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
            let id = name.to_str().and_then(|name| {
                name.strip_suffix(".journal.json")
                    .or_else(|| name.strip_suffix(".escrow"))
            });
            ids.extend(id.and_then(|id| uuid::parse(id).ok()));
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// What is known of a configuration here.
    pub(super) fn look(&self, id: &str) -> Known {
        match self.configurations() {
            // Looking is no reason to make a folder.
            Ok(known) if !known.iter().any(|known| known == id) => return Known::Journal(None),
            Ok(_) => {}
            Err(failure) => return Known::Trouble(failure.message),
        }
        let looked = |path: PathBuf| -> Result<Known, StoreError> {
            let store = self.try_open(&path, id)?;
            let journal = store.load()?;
            Ok(match (journal, written_escrow(&store)?) {
                (Some(journal), escrow) if journal.unfinished().is_some() => {
                    Known::Unfinished(journal, escrow)
                }
                (_, Some(escrow)) => Known::Stray(about_stray(&escrow)),
                (journal, None) => Known::Journal(journal),
            })
        };
        match self.path().map(looked) {
            Ok(Ok(known)) => known,
            Ok(Err(error)) if error.is_locked() => Known::Running,
            Ok(Err(error)) => Known::Trouble(error.to_string()),
            Err(failure) => Known::Trouble(failure.message),
        }
    }

    /// The configuration whose rotation isn't over; `None` if there is none.
    pub(super) fn unfinished(&self) -> Result<Option<String>, Failure> {
        let path = self.path()?;
        let mut found = Vec::new();
        let mut strays = Vec::new();
        for id in self.configurations()? {
            let store = self.try_open(&path, &id).map_err(of_store)?;
            let journal = store.load().map_err(of_store)?;
            strays.extend(stray(&store, journal.as_ref()).map_err(of_store)?);
            if journal.as_ref().and_then(Journal::unfinished).is_some() {
                found.push(id);
            }
        }
        if found.is_empty() && !strays.is_empty() {
            return Err(of_stray(&strays.join("; ")));
        }
        for stray in strays {
            output::note(&stray);
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

/// What there is to say of an escrow that no rotation belongs to; `None` if there is none.
pub(super) fn stray(
    store: &Store,
    journal: Option<&Journal>,
) -> Result<Option<String>, StoreError> {
    if journal.and_then(Journal::unfinished).is_some() {
        return Ok(None);
    }
    Ok(written_escrow(store)?.map(|escrow| about_stray(&escrow)))
}

/// Where the escrow is, if anything was written to it.
fn written_escrow(store: &Store) -> Result<Option<PathBuf>, StoreError> {
    Ok(match store.read_escrow()? {
        Kept::Absent | Kept::Empty => None,
        _ => Some(store.escrow_path()),
    })
}

pub(super) fn about_stray(escrow: &Path) -> String {
    format!("{}: {}", escrow.display(), StartError::StrayEscrow)
}

/// A token may be lost if anything is done.
pub(super) fn of_stray(about: &str) -> Failure {
    Failure::local(format!("{about}; nothing was done"))
}

/// A file of ours isn't as it should be, or in use: nothing was done.
pub(super) fn of_store(error: StoreError) -> Failure {
    let flag = if error.is_remote() {
        " (--allow-remote-state-dir)"
    } else {
        ""
    };
    Failure::local(format!("{error}{flag}; nothing was done"))
}
