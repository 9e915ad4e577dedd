//! What an Entra holds, and the rules about it.

use std::fmt;
use std::time::SystemTime;

use crate::secret::{Ids, Secret};

/// What the application that rotates may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntraRight {
    /// Reading the job and the keys of what is saved.
    Read,
    /// Writing secrets, validating them and starting the job.
    Write,
}

/// Why a job doesn't run, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// `EncounteredQuarantineException`, `EncounteredEscrowProportionThreshold`, `TooManyDeletes`, …
    pub reason: String,
    /// When it began.
    pub since: SystemTime,
}

pub(super) struct State {
    pub(super) tenant_id: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) assertion: Secret,
    pub(super) service_principal_id: String,
    pub(super) job_id: String,
    /// By key, in the order of the first writing.
    secrets: Vec<(String, Secret)>,
    pub(super) access_tokens: Vec<Secret>,
    replaces: bool,
    masks: bool,
    pub(super) is_owned: bool,
    pub(super) revoked: Vec<EntraRight>,
    /// How many requests, and `Retry-After`.
    pub(super) throttled: (u32, u32),
    /// How many requests, and the status.
    pub(super) failing: (u32, u16),
    pub(super) loses_answer: bool,
    pub(super) quarantine: Option<Quarantine>,
    pub(super) is_paused: bool,
    pub(super) starts: u32,
    pub(super) writes: u32,
}

impl State {
    pub(super) fn new(
        replaces: bool,
        masks: bool,
        is_owned: bool,
    ) -> Result<Self, getrandom::Error> {
        let mut ids = Ids::new(0x656e_7472);
        let service_principal_id = ids.next();
        Ok(Self {
            tenant_id: ids.next(),
            client_id: ids.next(),
            client_secret: Secret::random("entra~")?,
            assertion: Secret::random("eyJhbGciOiJub25lIn0.")?,
            // As the real ones look.
            job_id: format!("scim.{}.{}", ids.next().replace('-', ""), ids.next()),
            service_principal_id,
            secrets: Vec::new(),
            access_tokens: Vec::new(),
            replaces,
            masks,
            is_owned,
            revoked: Vec::new(),
            throttled: (0, 0),
            failing: (0, 0),
            loses_answer: false,
            quarantine: None,
            is_paused: false,
            starts: 0,
            writes: 0,
        })
    }

    pub(super) fn saved(&self, key: &str) -> Option<&str> {
        let found = self.secrets.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.reveal())
    }

    pub(super) fn save(&mut self, key: &str, value: &str) {
        let value = Secret::new(value);
        match self.secrets.iter_mut().find(|(known, _)| known == key) {
            Some((_, current)) => *current = value,
            None => self.secrets.push((key.to_owned(), value)),
        }
    }

    /// A write over the API.
    pub(super) fn write(&mut self, pairs: &[(String, String)]) {
        self.writes += 1;
        if self.replaces {
            self.secrets.clear();
        }
        for (key, value) in pairs {
            self.save(key, value);
        }
    }

    /// What a reader sees: the token never.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        self.secrets.iter().map(|(key, value)| {
            let is_masked = self.masks || key == "SecretToken";
            (&**key, if is_masked { "*****" } else { value.reveal() })
        })
    }

    /// An access token that is good until [`Entra::expire_access_tokens`](super::Entra).
    pub(super) fn issue(&mut self) -> String {
        // One that the system had no randomness for is good for nothing.
        let token = Secret::random("eyJ0eXAiOiJKV1Qi.").unwrap_or(Secret::new(""));
        let text = token.reveal().to_owned();
        self.access_tokens.push(token);
        text
    }

    pub(super) fn is_issued(&self, token: &str) -> bool {
        let issued = |known: &Secret| !token.is_empty() && known.reveal() == token;
        self.access_tokens.iter().any(issued)
    }

    pub(super) fn may(&self, right: EntraRight) -> bool {
        !self.revoked.contains(&right)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("service_principal_id", &self.service_principal_id)
            .field("job_id", &self.job_id)
            .field("secrets", &self.secrets)
            .field("revoked", &self.revoked)
            .field("quarantine", &self.quarantine)
            .field("is_paused", &self.is_paused)
            .field("starts", &self.starts)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}
