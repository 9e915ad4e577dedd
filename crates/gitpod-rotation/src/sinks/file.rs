//! `file:PATH`: a file that holds the token and nothing else.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::files;
use crate::sink::{Sink, SinkError, SinkFuture, Verdict};
use crate::token::Token;

/// A token isn't this long, and a file that is isn't one of ours.
const LARGEST: u64 = 64 * 1024;

/// Keeps the token in a file, without a line break: mode 0600, or mode and owner of the file that was
/// there. It is written beside it, synced, put in its place, and read back; the folder is synced.
///
/// Of a token that it is shown it says whether the file holds it. Without one it can't tell, unless
/// there is no file.
#[derive(Debug, Clone)]
pub struct FileSink {
    name: String,
    path: PathBuf,
}

impl FileSink {
    /// The file at this path. A link is followed, and stays one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::named("file", path.into())
    }

    pub(super) fn named(kind: &str, path: PathBuf) -> Self {
        Self {
            name: format!("{kind}:{}", path.display()),
            path,
        }
    }

    /// Does something with the file on a thread that may block.
    fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, SinkError> + Send + 'static,
    ) -> SinkFuture<'_, T> {
        let path = self.path.clone();
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || work(&path));
            work.await
                .unwrap_or_else(|_| Err(SinkError::new("the thread that did this has died")))
        })
    }
}

impl Sink for FileSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        self.work(|path| {
            let place = Place::of(path)?;
            // Everything but the last step.
            let written = place.write_beside(&[]);
            let removed = remove(&place.beside);
            written
                .and(removed)
                .map_err(|error| place.failed("write beside", &error))
        })
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        let token = token.clone();
        self.work(move |path| {
            let place = Place::of(path)?;
            let replace = || {
                place.write_beside(token.expose().as_bytes())?;
                fs::rename(&place.beside, &place.path)?;
                files::sync_folder(&place.folder)
            };
            replace().map_err(|error| {
                let _ = remove(&place.beside);
                place.failed("write", &error)
            })?;
            match held(&place.path) {
                Ok(Some(held)) if *held == token.expose().as_bytes() => Ok(()),
                Ok(_) => Err(SinkError::new(format!(
                    "{} doesn't hold what was written to it",
                    path.display()
                ))),
                Err(error) => Err(place.failed("read back", &error)),
            }
        })
    }

    fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        let token = token.cloned();
        self.work(move |path| {
            Ok(match (read(path)?, token) {
                (None, _) => Verdict::Doesnt,
                (Some(held), Some(token)) if *held == token.expose().as_bytes() => Verdict::Works,
                (Some(_), Some(_)) => Verdict::Doesnt,
                (Some(_), None) => Verdict::CantTell,
            })
        })
    }

    /// Without the white space around it that an editor or `echo` may have left there.
    fn held(&self) -> SinkFuture<'_, Option<Token>> {
        self.work(|path| {
            let held = read(path)?;
            let text = held
                .as_ref()
                .and_then(|held| std::str::from_utf8(held).ok());
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            Ok(text.map(|text| Token::new(text.to_owned())))
        })
    }
}

/// What the file at this path holds; `None` if there is none.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, SinkError> {
    held(path).map_err(|error| SinkError::new(format!("can't read {}: {error}", path.display())))
}

/// Where the file is, all links followed.
struct Place {
    path: PathBuf,
    folder: PathBuf,
    beside: PathBuf,
    /// The file that is there.
    existing: Option<fs::Metadata>,
}

impl Place {
    fn of(path: &Path) -> Result<Self, SinkError> {
        let failed = |what: &str, error: &io::Error| {
            SinkError::new(format!("can't {what} {}: {error}", path.display()))
        };
        let (path, existing) = match fs::canonicalize(path) {
            Ok(real) => {
                let metadata = fs::metadata(&real).map_err(|error| failed("look at", &error))?;
                if !metadata.is_file() {
                    return Err(SinkError::new(format!(
                        "{} isn't a file: name one, or one that isn't there yet",
                        path.display()
                    )));
                }
                (real, Some(metadata))
            }
            Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => {
                (path.to_owned(), None)
            }
            Err(error) => return Err(failed("look at", &error)),
        };
        let folder = match path.parent() {
            Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
            Some(folder) => folder.to_owned(),
            None => return Err(SinkError::new("a file's path is expected")),
        };
        if !folder.is_dir() {
            return Err(SinkError::new(format!(
                "the folder {} doesn't exist: make it first",
                folder.display()
            )));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            beside: folder.join(format!(".{name}.gitpodctl-new")),
            path,
            folder,
            existing,
        })
    }

    fn failed(&self, what: &str, error: &io::Error) -> SinkError {
        SinkError::new(format!("can't {what} {}: {error}", self.path.display()))
    }

    /// A file beside, its space taken, with mode and owner of the one in place, synced.
    fn write_beside(&self, bytes: &[u8]) -> io::Result<()> {
        remove(&self.beside)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        files::private(&mut options);
        let mut file = options.open(&self.beside)?;
        files::allocate(&file, LARGEST)?;
        if let Some(existing) = &self.existing {
            take_after(&file, existing)?;
        }
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    }
}

/// Gives the file owner and mode of another one; in this order, for a new owner costs a file some of
/// its mode.
#[cfg(unix)]
fn take_after(file: &File, existing: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (existing.uid(), existing.gid()) {
        fchown(file, Some(existing.uid()), Some(existing.gid()))?;
    }
    file.set_permissions(existing.permissions())
}

/// Elsewhere a new file has the rights of its folder.
#[cfg(not(unix))]
fn take_after(_file: &File, _existing: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// What the file holds; `None` if there is none.
fn held(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    // As large as it gets at once, for a vector that grows leaves copies behind.
    let size = file.metadata()?.len().min(LARGEST);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn token() -> Token {
        Token::new("very-secret".into())
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[tokio::test]
    async fn a_new_file_is_private_and_holds_the_token_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let sink = FileSink::new(&path);
        assert_eq!(sink.name(), format!("file:{}", path.display()));
        assert_eq!(sink.verify(None).await, Ok(Verdict::Doesnt));
        sink.preflight().await.unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        for _ in 0..2 {
            sink.push(&token()).await.unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), "very-secret");
            assert_eq!(mode(&path), 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(sink.verify(Some(&token())).await, Ok(Verdict::Works));
        assert_eq!(sink.verify(None).await, Ok(Verdict::CantTell));
        fs::write(&path, "very-secret\n").unwrap();
        assert_eq!(sink.verify(Some(&token())).await, Ok(Verdict::Doesnt));
    }

    #[tokio::test]
    async fn it_gives_back_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let sink = FileSink::new(&path);
        for (text, expected) in [
            (None, None),
            (Some("".as_bytes()), None),
            (Some(b"\xff"), None),
            (Some(b"very-secret"), Some("very-secret")),
            (Some(b"very-secret\n"), Some("very-secret")),
        ] {
            if let Some(text) = text {
                fs::write(&path, text).unwrap();
            }
            let held = sink.held().await.unwrap();
            assert_eq!(held.as_ref().map(Token::expose), expected);
        }
        FileSink::new(folder.path()).held().await.unwrap_err();
    }

    #[tokio::test]
    async fn mode_and_link_of_an_existing_one_stay() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        symlink("real", &link).unwrap();
        let sink = FileSink::new(&link);
        sink.preflight().await.unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "old");
        sink.push(&token()).await.unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "very-secret");
        assert_eq!(mode(&real), 0o640);
        assert!(link.is_symlink());
    }

    #[tokio::test]
    async fn what_is_left_of_a_crash_is_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(folder.path().join(".token.gitpodctl-new"), "half").unwrap();
        let sink = FileSink::new(&path);
        sink.push(&token()).await.unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_it_cant_write_it_refuses_and_names() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/token");
        for (path, says) in [
            (folder.path(), "isn't a file"),
            (&missing, "doesn't exist"),
            // Nobody can make a file there, not even root.
            #[cfg(target_os = "linux")]
            (Path::new("/sys/gitpodctl-token"), "can't write"),
        ] {
            let sink = FileSink::new(path);
            let error = sink.preflight().await.unwrap_err();
            assert!(error.message().contains(says), "{error}");
            let error = sink.push(&token()).await.unwrap_err();
            assert!(!error.message().contains("very-secret"), "{error}");
        }
        let dangling = folder.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        FileSink::new(&dangling).preflight().await.unwrap_err();
    }
}
