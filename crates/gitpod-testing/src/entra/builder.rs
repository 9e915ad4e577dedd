//! The options of an [`Entra`].

use std::io;

use super::Entra;
use super::state::State;

/// Options of an [`Entra`], from [`Entra::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it starts a server"]
pub struct EntraBuilder {
    saved: Vec<(String, String)>,
    replaces: bool,
    masks: bool,
    is_owned: bool,
}

impl EntraBuilder {
    /// What is saved at the start: the SCIM endpoint's URL and its token.
    pub fn saved(mut self, base_address: impl Into<String>, token: impl Into<String>) -> Self {
        self.saved.push(("BaseAddress".into(), base_address.into()));
        self.saved.push(("SecretToken".into(), token.into()));
        self
    }

    /// Something else that is saved at the start: `SyncAll`, for instance.
    pub fn also_saved(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.saved.push((key.into(), value.into()));
        self
    }

    /// A write replaces all that is saved, in place of the keys that it names alone. Which of the two the
    /// real one does isn't documented.
    pub fn replaces(mut self) -> Self {
        self.replaces = true;
        self
    }

    /// What is saved is read as asterisks: every value, not the token alone.
    pub fn masks_all(mut self) -> Self {
        self.masks = true;
        self
    }

    /// The application that rotates has `Application.ReadWrite.OwnedBy` and owns the enterprise
    /// application, in place of `Synchronization.ReadWrite.All`.
    pub fn owned(mut self) -> Self {
        self.is_owned = true;
        self
    }

    /// Starts the server, on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// No port is free, or the system has no randomness.
    pub async fn start(self) -> io::Result<Entra> {
        let mut state =
            State::new(self.replaces, self.masks, self.is_owned).map_err(io::Error::other)?;
        for (key, value) in &self.saved {
            state.save(key, value);
        }
        Entra::run(state).await
    }
}
