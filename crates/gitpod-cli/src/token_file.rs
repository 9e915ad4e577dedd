//! The file that a token goes to: everything that can fail about it fails before the request leaves.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gitpod_rotation::files;

use crate::exit::Failure;

/// What is reserved: far more than a token, and room for an answer that isn't understood.
const SPACE: u64 = 64 * 1024;

/// A new file, empty, its space reserved, it and its folder synced.
///
/// Dropped without [`write`](Self::write), it is removed.
#[derive(Debug)]
pub(crate) struct TokenFile {
    file: File,
    path: PathBuf,
    folder: PathBuf,
    keep: bool,
}

impl TokenFile {
    /// Creates the file. A path that exists, or whose folder doesn't, is a usage error.
    pub(crate) fn reserve(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let folder = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_owned(),
            None => {
                return Err(Failure::usage(format!(
                    "--token-file {shown}: expected the path of a new file; nothing was sent"
                )));
            }
        };
        if !folder.is_dir() {
            return Err(Failure::usage(format!(
                "--token-file {shown}: the folder {} doesn't exist; nothing was sent",
                folder.display()
            )));
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        files::private(&mut options);
        let file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::usage(format!(
                "--token-file {shown}: it exists already, and only a new file is taken; nothing was sent"
            )),
            _ => Failure::local(format!(
                "--token-file {shown}: can't create it: {error}; nothing was sent"
            )),
        })?;
        let reserved = Self {
            file,
            path: path.to_owned(),
            folder,
            keep: false,
        };
        reserved.prepare().map_err(|error| {
            Failure::local(format!(
                "--token-file {shown}: can't reserve its space: {error}; nothing was sent"
            ))
        })?;
        Ok(reserved)
    }

    fn prepare(&self) -> io::Result<()> {
        files::allocate(&self.file, SPACE)?;
        self.file.sync_all()?;
        files::sync_folder(&self.folder)
    }

    /// Writes what came and syncs it. If this fails the file is gone or worthless, and the caller
    /// still has the bytes.
    pub(crate) fn write(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(bytes)?;
        self.file.set_len(bytes.len() as u64)?;
        self.file.sync_all()?;
        self.keep = true;
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        if !self.keep {
            // Nothing of worth is in it, and left behind it would stand in the way of a next try.
            let _ = fs::remove_file(&self.path);
            let _ = files::sync_folder(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn holds_what_was_written_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::reserve(&path).unwrap();
        assert!(path.exists(), "it is there before anything is sent");
        file.write(b"secret").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"secret");
    }

    #[test]
    fn more_than_was_reserved_fits_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let long = vec![b'x'; 3 * SPACE as usize];
        TokenFile::reserve(&path).unwrap().write(&long).unwrap();
        assert_eq!(fs::read(&path).unwrap(), long);
    }

    #[test]
    fn is_removed_unless_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        drop(TokenFile::reserve(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn an_existing_path_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "mine").unwrap();
        let failure = TokenFile::reserve(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(
            TokenFile::reserve(folder.path()).unwrap_err().exit,
            Exit::Usage
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_dangling_link_is_an_existing_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
        let failure = TokenFile::reserve(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!folder.path().join("elsewhere").exists());
        assert!(path.is_symlink());
    }

    #[test]
    fn a_missing_folder_is_a_usage_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("token");
        let failure = TokenFile::reserve(&path).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("missing"), "{}", failure.message);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn space_and_mode_are_there_while_it_is_empty() {
        use std::os::unix::fs::MetadataExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::reserve(&path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert!(metadata.blocks() * 512 >= SPACE, "{}", metadata.blocks());
        drop(file);
    }
}
