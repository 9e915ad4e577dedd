//! A rotation that a person gives up.

use std::io;
use std::path::PathBuf;

use super::{Kept, Store, StoreError};
use crate::End;
use crate::reading::lives_are_kept;

impl Store {
    /// Gives up the unfinished rotation, if there is one that isn't verified: for what can't come to an end, since
    /// a sink doesn't exist any more, say. The next run reports drift, and a run by hand begins anew.
    ///
    /// The escrow is kept under another name, which is returned, if anything was written to it: it may hold the
    /// only copy of a live token. Nothing is asked for, and what is on its way is executed all the same.
    ///
    /// # Errors
    ///
    /// If the journal can't be read or written, or the escrow can't be renamed; it then stands in the way of the
    /// next rotation, and says so.
    pub fn abandon(&self) -> Result<Option<PathBuf>, StoreError> {
        let Some(mut journal) = self.load()? else {
            return Ok(None);
        };
        let kept = self.read_escrow()?;
        let life_kept = lives_are_kept(&journal);
        let Some(rotation) = journal.unfinished.take_if(|rotation| !rotation.verified) else {
            return Ok(None);
        };
        if let Some(outcome) = rotation.outcome(End::Abandoned, life_kept, None) {
            journal.last = Some(outcome);
        }
        // In this order: a crash in between leaves an escrow without a rotation, which the next run says.
        self.save(&journal)?;
        match kept {
            Kept::Absent => Ok(None),
            Kept::Empty => self.remove_escrow().map(|()| None),
            Kept::Torn | Kept::Whole { .. } => {
                let to = self.free_path();
                let move_away = || -> io::Result<()> {
                    self.disk.rename(&self.escrow_path(), &to)?;
                    self.disk.sync_folder(&self.folder)
                };
                move_away()
                    .map_err(|error| StoreError::io(&self.escrow_path(), "rename", error))?;
                Ok(Some(to))
            }
        }
    }

    /// Where no escrow that was given up is yet.
    fn free_path(&self) -> PathBuf {
        let mut path = self.path("escrow.abandoned");
        for number in 2_u32.. {
            if !path.exists() {
                break;
            }
            path = self.path(&format!("escrow.abandoned-{number}"));
        }
        path
    }
}
