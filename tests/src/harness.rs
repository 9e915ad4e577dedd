//! An embedded server for one test, and the proof that none of its secrets was printed.

use std::fmt;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use gitpod_client::{Client, ClientBuilder, Codec, Error};
use gitpod_testing::{Builder, Server};
use tracing_subscriber::fmt::MakeWriter;

/// What every test of the process has logged at TRACE, hyper's and h2's own words included.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static SUBSCRIBER: Once = Once::new();

/// A server that is searched for when it goes: none of the secrets that it gave out may stand in
/// the process's log, nor in what the test [noted](Self::note).
#[derive(Debug)]
pub struct Harness {
    server: Server,
    noted: Mutex<String>,
    /// What to look for besides what the server gave out.
    watched: Mutex<Vec<String>>,
    /// How much of the log has been searched, or was there before this began.
    searched: AtomicUsize,
}

impl Harness {
    /// A server with the usual options.
    ///
    /// # Errors
    ///
    /// When it can't start.
    pub async fn start() -> io::Result<Self> {
        Self::start_as(Server::builder()).await
    }

    /// A server with these options.
    ///
    /// # Errors
    ///
    /// When it can't start.
    pub async fn start_as(builder: Builder) -> io::Result<Self> {
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_ansi(false)
                .with_writer(Log)
                .init();
        });
        let searched = AtomicUsize::new(lock(&LOG).len());
        Ok(Self {
            server: builder.start().await?,
            noted: Mutex::default(),
            watched: Mutex::default(),
            searched,
        })
    }

    /// A client's settings for this server, with its API key.
    pub fn client(&self, codec: Codec) -> ClientBuilder {
        Client::builder()
            .base_url(self.server.base_url())
            .token(self.server.api_key())
            .codec(codec)
    }

    /// The same in each combination that every fault has to be survived in: both codecs, over
    /// HTTP/1.1 and HTTP/2.
    ///
    /// # Errors
    ///
    /// When a client can't be built.
    pub fn clients(&self) -> Result<Vec<(&'static str, Client)>, Error> {
        Ok(vec![
            ("json, HTTP/1.1", self.client(Codec::Json).build()?),
            ("binary, HTTP/1.1", self.client(Codec::Binary).build()?),
            (
                "json, HTTP/2",
                self.client(Codec::Json)
                    .runtime(|r| r.http2_only())
                    .build()?,
            ),
            (
                "binary, HTTP/2",
                self.client(Codec::Binary)
                    .runtime(|r| r.http2_only())
                    .build()?,
            ),
        ])
    }

    /// Looks at how a thing prints, by `Debug`, in a moment or at the end.
    pub fn note<T: fmt::Debug>(&self, thing: T) -> T {
        use fmt::Write as _;
        let mut noted = lock(&self.noted);
        let _ = writeln!(noted, "{thing:?} {thing:#?}");
        thing
    }

    /// The same for an error: its text, and those of its sources.
    pub fn note_error(&self, error: Error) -> Error {
        use fmt::Write as _;
        let mut noted = lock(&self.noted);
        let mut cause: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = cause {
            let _ = writeln!(noted, "{error} {error:?}");
            cause = error.source();
        }
        drop(noted);
        error
    }

    /// Has this looked for as well, when the harness goes.
    pub fn watch_for(&self, secret: impl Into<String>) {
        lock(&self.watched).push(secret.into());
    }

    /// Searches now for what would be searched for in the end, and doesn't look at it again.
    ///
    /// # Panics
    ///
    /// When a secret was printed.
    pub fn search(&self) {
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "a secret stands in: {}", leaks.join(", "));
    }

    /// Where a secret was printed, and what stands before it.
    fn leaks(&self) -> Vec<String> {
        let log = {
            let log = lock(&LOG);
            let searched = self.searched.swap(log.len(), Ordering::Relaxed);
            String::from_utf8_lossy(&log[searched..]).into_owned()
        };
        let noted = std::mem::take(&mut *lock(&self.noted));
        let mut secrets = self.server.tokens_issued();
        secrets.extend(lock(&self.watched).iter().cloned());
        secrets.push(self.server.api_key().to_owned());
        let mut found = Vec::new();
        for secret in &secrets {
            assert!(secret.len() >= 16, "too short to be searched for");
            for (place, text) in [("the log", &log), ("what was printed", &noted)] {
                if let Some((before, _)) = text.split_once(secret.as_str()) {
                    let before: Vec<char> = before.chars().rev().take(80).collect();
                    let before: String = before.into_iter().rev().collect();
                    found.push(format!("{place}, behind {before:?}"));
                }
            }
        }
        found
    }
}

impl Deref for Harness {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.search();
        }
    }
}

/// Whether anything was logged, so that a search of the log means something.
#[must_use]
pub fn log_contains(text: &str) -> bool {
    String::from_utf8_lossy(&lock(&LOG)).contains(text)
}

#[derive(Debug, Clone, Copy)]
struct Log;

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&LOG).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        *self
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
