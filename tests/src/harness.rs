//! An embedded server for one test, and the proof that none of its secrets was printed.

use std::fmt;
use std::io;
use std::ops::Deref;
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
        Ok(Self {
            server: builder.start().await?,
            noted: Mutex::default(),
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

    fn leaks(&self) -> Vec<&'static str> {
        let log = String::from_utf8_lossy(&lock(&LOG)).into_owned();
        let noted = lock(&self.noted);
        let mut secrets = self.server.tokens_issued();
        secrets.push(self.server.api_key().to_owned());
        let mut found = Vec::new();
        for secret in &secrets {
            assert!(secret.len() >= 16, "too short to be searched for");
            if log.contains(secret.as_str()) {
                found.push("the log");
            }
            if noted.contains(secret.as_str()) {
                found.push("what was printed");
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
            let leaks = self.leaks();
            assert!(leaks.is_empty(), "a secret stands in: {}", leaks.join(", "));
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
