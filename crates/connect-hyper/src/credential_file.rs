//! A credential that stands in a file which somebody else renews.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::Code;
use crate::credential::{Credential, CredentialFuture, CredentialProvider};
use crate::error::{BoxError, Error};

/// Far above any token, and far below what would hurt.
const MAX_BYTES: u64 = 64 << 10;

/// A bearer token in a file: a mounted secret that is rotated, for instance.
///
/// The file is read for every attempt, so that a new token counts from the next request on. White
/// space around the token is left out.
#[derive(Debug, Clone)]
pub struct CredentialFile {
    path: Arc<Path>,
}

impl CredentialFile {
    /// The token in the file at `path`.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the file can't be read now, or holds no usable token. The error names
    /// the file and never quotes what is in it.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path: Arc<Path> = path.into().into();
        read(&path)?;
        Ok(Self { path })
    }
}

impl CredentialProvider for CredentialFile {
    fn credential(&self) -> CredentialFuture<'_> {
        let path = self.path.clone();
        Box::pin(async move {
            // A mount can hang: not on a thread that others' futures wait for.
            let read = tokio::task::spawn_blocking(move || read(&path)).await?;
            read.map_err(|error| Box::new(error) as BoxError)
        })
    }
}

fn read(path: &Path) -> Result<Credential, Error> {
    let name = path.display();
    let refuse = |why: String| Error::new(Code::InvalidArgument, why);
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => refuse(format!("the token file {name} is not text")),
            _ => refuse(format!("the token file {name} can't be read: {error}")),
        })?;
    if text.len() as u64 > MAX_BYTES {
        return Err(refuse(format!(
            "the token file {name} is no token: it has more than {MAX_BYTES} bytes"
        )));
    }
    let credential = Credential::bearer(text.trim())
        .map_err(|error| refuse(format!("the token file {name}: {}", error.message())))?;
    Ok(credential.expires_in(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    async fn token(file: &CredentialFile) -> Result<String, String> {
        let credential = file.credential().await.map_err(|error| error.to_string())?;
        let value = credential.authorization();
        assert!(value.is_sensitive());
        Ok(value.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_new_content_counts_at_once() {
        let file = file(b" one\n");
        let provider = CredentialFile::new(file.path()).unwrap();
        assert_eq!(token(&provider).await.unwrap(), "Bearer one");
        std::fs::write(file.path(), "two").unwrap();
        assert_eq!(token(&provider).await.unwrap(), "Bearer two");
        std::fs::remove_file(file.path()).unwrap();
        let error = token(&provider).await.unwrap_err();
        assert!(
            error.contains(&file.path().display().to_string()),
            "{error}"
        );
    }

    #[test]
    fn unusable_files_are_named_and_not_quoted() {
        for content in [
            &b""[..],
            b"\n",
            b"secret two",
            b"secret\nsecret",
            b"secret\xff",
        ] {
            let file = file(content);
            let error = CredentialFile::new(file.path()).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(
                error.message().contains(&file.path().display().to_string()),
                "{error}"
            );
            assert!(
                !format!("{error} {error:?}").contains("secret"),
                "{error:?}"
            );
        }
        assert!(CredentialFile::new("no/such/file").is_err());
    }
}
