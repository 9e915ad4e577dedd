//! `manual:FILE`: a person brings the token to where no API takes one.

use std::fmt;
use std::path::{Path, PathBuf};

use super::FileSink;
use crate::sink::{Sink, SinkError, SinkFuture, Verdict};
use crate::token::Token;

/// Asks a person.
pub trait Confirm: fmt::Debug + Send + Sync {
    /// Whether anybody is there to be asked.
    ///
    /// # Errors
    ///
    /// Nobody is, and what to do about that.
    fn is_there(&self) -> Result<(), SinkError>;

    /// Waits until a person has brought the token from this file to where it belongs.
    ///
    /// # Errors
    ///
    /// They haven't, or say so. They are asked again later.
    fn confirm<'a>(&'a self, file: &'a Path) -> SinkFuture<'a, ()>;
}

/// Writes the token to a file as [`FileSink`] does, and waits for a person to confirm that it is where
/// it belongs: the admin page of an identity provider, say. Nothing of that can be verified, so it
/// never tells. The file stays.
#[derive(Debug)]
pub struct ManualSink {
    file: FileSink,
    path: PathBuf,
    person: Box<dyn Confirm>,
}

impl ManualSink {
    /// The file at this path, and whom to ask.
    pub fn new(path: impl Into<PathBuf>, person: impl Confirm + 'static) -> Self {
        let path = path.into();
        Self {
            file: FileSink::named("manual", path.clone()),
            path,
            person: Box::new(person),
        }
    }
}

impl Sink for ManualSink {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(async {
            self.person.is_there()?;
            self.file.preflight().await
        })
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        Box::pin(async move {
            self.file.push(token).await?;
            self.person.is_there()?;
            self.person.confirm(&self.path).await
        })
    }

    fn verify<'a>(&'a self, _token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(std::future::ready(Ok(Verdict::CantTell)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[derive(Debug, Default)]
    struct Person {
        away: bool,
        refused: AtomicBool,
    }

    impl Confirm for Person {
        fn is_there(&self) -> Result<(), SinkError> {
            match self.away {
                true => Err(SinkError::new("away")),
                false => Ok(()),
            }
        }

        fn confirm<'a>(&'a self, file: &'a Path) -> SinkFuture<'a, ()> {
            assert_eq!(std::fs::read(file).unwrap(), b"secret");
            let first = !self.refused.swap(true, Ordering::SeqCst);
            Box::pin(async move {
                if first {
                    Err(SinkError::new("not yet"))
                } else {
                    Ok(())
                }
            })
        }
    }

    #[tokio::test]
    async fn a_person_confirms_and_nothing_is_verified() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let sink = ManualSink::new(&path, Person::default());
        assert_eq!(sink.name(), format!("manual:{}", path.display()));
        sink.preflight().await.unwrap();
        let token = Token::new("secret".into());
        assert_eq!(sink.push(&token).await, Err(SinkError::new("not yet")));
        sink.push(&token).await.unwrap();
        assert_eq!(sink.verify(Some(&token)).await, Ok(Verdict::CantTell));
    }

    #[tokio::test]
    async fn without_a_person_nothing_begins() {
        let folder = tempfile::tempdir().unwrap();
        let person = Person {
            away: true,
            ..Person::default()
        };
        let sink = ManualSink::new(folder.path().join("token"), person);
        assert_eq!(sink.preflight().await, Err(SinkError::new("away")));
    }
}
