//! A disk that fills up, can't be written any more, fails now and then, and loses what wasn't synced
//! when the power goes.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gitpod_rotation::DiskStep;

/// One machine's. A clone is the same one.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Mutex<Platter>>);

struct Platter {
    random: fastrand::Rng,
    trouble: Trouble,
    /// What a loss of power undoes, the latest last.
    unsynced: Vec<Unsynced>,
    /// The process dies when so many more steps are done.
    dies_in: Option<u8>,
    /// The process that writes is dead: nothing more is done for it.
    dead: bool,
    power_lost: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    Full,
    ReadOnly,
    /// The next step of this kind fails.
    Once(DiskStep),
}

/// Something done that doesn't last yet.
enum Unsynced {
    /// The content of this file.
    Content(PathBuf),
    /// This name, which had this content before.
    Name(PathBuf, Option<Vec<u8>>),
}

impl Disk {
    pub(crate) fn new(random: fastrand::Rng) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            random,
            trouble: Trouble::None,
            unsynced: Vec::new(),
            dies_in: None,
            dead: false,
            power_lost: false,
        })))
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asked before each step of a store's.
    pub(crate) fn step(&self, step: DiskStep, path: &Path) -> io::Result<()> {
        self.platter().step(step, path)
    }

    /// Something goes wrong with it from now on, or with its next step of a kind. Says what.
    pub(crate) fn spoil(&self, random: &mut fastrand::Rng) -> &'static str {
        let (trouble, what) = match random.u8(0..8) {
            0 => (Trouble::Full, "the disk is full"),
            1 => (Trouble::ReadOnly, "the folder can't be written"),
            2 => (Trouble::Once(DiskStep::Create), "a file can't be made"),
            3 => (Trouble::Once(DiskStep::Write), "a write fails"),
            4 => (Trouble::Once(DiskStep::Sync), "a sync fails"),
            5 => (Trouble::Once(DiskStep::Rename), "a rename fails"),
            6 => (Trouble::Once(DiskStep::Remove), "a removal fails"),
            _ => (Trouble::Once(DiskStep::SyncFolder), "a folder's sync fails"),
        };
        self.platter().trouble = trouble;
        what
    }

    pub(crate) fn mend(&self) {
        self.platter().trouble = Trouble::None;
    }

    /// The process dies when it has done so many more steps.
    pub(crate) fn dies_in(&self, steps: u8) {
        self.platter().dies_in = Some(steps);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.platter().dead
    }

    /// The process dies: what it is just writing it may or may not come to the end of.
    pub(crate) fn process_dies(&self, random: &mut fastrand::Rng) {
        let mut platter = self.platter();
        platter.dead |= random.bool();
        platter.power_lost = random.u8(0..3) == 0;
    }

    /// The next process begins; the one before writes no more. What a loss of power cost shows.
    pub(crate) fn comes_back(&self) {
        let mut platter = self.platter();
        platter.dead = false;
        platter.dies_in = None;
        if std::mem::take(&mut platter.power_lost) {
            platter.forget();
        }
    }
}

impl Platter {
    fn step(&mut self, step: DiskStep, path: &Path) -> io::Result<()> {
        match &mut self.dies_in {
            Some(0) => self.dead = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if self.dead {
            return Err(io::Error::other("this process is dead"));
        }
        let fails = match self.trouble {
            Trouble::Full if matches!(step, DiskStep::Reserve | DiskStep::Write) => {
                Some(ErrorKind::StorageFull)
            }
            Trouble::ReadOnly if !matches!(step, DiskStep::Sync | DiskStep::SyncFolder) => {
                Some(ErrorKind::ReadOnlyFilesystem)
            }
            Trouble::Once(once) if once == step => {
                self.trouble = Trouble::None;
                Some(ErrorKind::Other)
            }
            _ => None,
        };
        self.remember(step, path, fails.is_some());
        fails.map_or(Ok(()), |kind| Err(kind.into()))
    }

    fn remember(&mut self, step: DiskStep, path: &Path, fails: bool) {
        let mut name = |path: PathBuf| {
            let before = std::fs::read(&path).ok();
            self.unsynced.push(Unsynced::Name(path, before));
        };
        match step {
            // Half of it is written.
            DiskStep::Write => self.unsynced.push(Unsynced::Content(path.to_owned())),
            _ if fails => {}
            DiskStep::Create | DiskStep::Remove => name(path.to_owned()),
            DiskStep::Rename => {
                name(path.to_owned());
                name(path.with_extension(""));
            }
            DiskStep::Sync => self
                .unsynced
                .retain(|one| !matches!(one, Unsynced::Content(of) if of == path)),
            DiskStep::SyncFolder => self
                .unsynced
                .retain(|one| matches!(one, Unsynced::Content(_))),
            _ => {}
        }
    }

    /// The power goes: the last of what isn't synced is lost, or all of it, or nothing.
    fn forget(&mut self) {
        let lost = self.random.usize(0..=self.unsynced.len());
        for _ in 0..lost {
            match self.unsynced.pop() {
                Some(Unsynced::Name(path, Some(before))) => {
                    std::fs::write(path, before).expect("a file");
                }
                Some(Unsynced::Name(path, None)) => {
                    let _ = std::fs::remove_file(path);
                }
                Some(Unsynced::Content(path)) => {
                    // Where it was made anew, its name may be lost as well: see above.
                    if let Ok(mut content) = std::fs::read(&path) {
                        let kept = self.random.usize(0..=content.len());
                        if self.random.bool() {
                            content.truncate(kept);
                        } else {
                            content[kept..].fill(0);
                        }
                        std::fs::write(path, content).expect("a file");
                    }
                }
                None => {}
            }
        }
        // The rest is on disk now, for all that the next loss can do to it.
        self.unsynced.clear();
    }
}
