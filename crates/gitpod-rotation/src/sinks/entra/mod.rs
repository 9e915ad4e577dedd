//! `entra`: Microsoft Entra ID, the identity provider itself.

mod access;
mod az;
mod config;
mod graph;
mod jobs;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

pub use access::EntraCredential;
pub use config::{Cloud, EntraConfig};

use self::graph::{Graph, Secrets, Validation};
use self::jobs::Job;
use crate::sink::{Sink, SinkError, SinkFuture, Verdict};
use crate::token::Token;

const TOKEN: &str = "SecretToken";
const ADDRESS: &str = "BaseAddress";
/// The one reason for which a dead token puts a job in quarantine.
const DEAD_TOKEN: &str = "EncounteredQuarantineException";

/// Saves the token in the provisioning of an enterprise application of Microsoft Entra ID, by Microsoft
/// Graph v1.0.
///
/// Of what it holds it can tell whether it works, with or without being shown the token: it has Entra try the
/// saved one (`validateCredentials`), which is also what proves, before anything is asked for, that
/// a new one may be saved.
///
/// A quarantine that the change of tokens itself has caused is lifted: only where preflight saw none, it began
/// after that for the reason that fits, and the new token works. Any other is told and left. A
/// paused job stays paused.
#[derive(Debug)]
pub struct EntraSink {
    name: String,
    config: EntraConfig,
    graph: Graph,
    memory: Mutex<Memory>,
}

/// What one process has seen.
#[derive(Debug, Default)]
struct Memory {
    /// All keys that were ever read.
    keys: BTreeSet<String>,
    /// When preflight saw that the job was not in quarantine, by Graph's clock.
    healthy_at: Option<Timestamp>,
    notes: Vec<String>,
}

impl EntraSink {
    /// The sink of this configuration. Nothing is called before the first method is.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration, by the field's name.
    pub fn new(config: EntraConfig) -> Result<Self, SinkError> {
        config.check()?;
        Ok(Self {
            name: format!("entra:{}", config.service_principal_id),
            graph: Graph::new(&config)?,
            config,
            memory: Mutex::default(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, note: impl Into<String>) {
        self.memory().notes.push(note.into());
    }

    /// What is saved. A key that was there earlier and isn't any more is an error.
    async fn secrets(&self) -> Result<Secrets, SinkError> {
        let secrets = self.graph.secrets().await?;
        let mut memory = self.memory();
        let now: BTreeSet<_> = secrets.keys().map(str::to_owned).collect();
        let lost: Vec<_> = memory.keys.difference(&now).cloned().collect();
        memory.keys.extend(now);
        drop(memory);
        if lost.is_empty() {
            return Ok(secrets);
        }
        Err(SinkError::new(format!(
            "Entra has let go of what was saved as {} when the token was saved: set it again in the \
             application's provisioning settings, then resume",
            lost.join(", ")
        )))
    }

    /// The SCIM endpoint's URL, as it is saved, or else as the user has it.
    fn address(&self, secrets: &Secrets) -> Result<String, SinkError> {
        let configured = self.config.base_address.as_deref();
        match (secrets.readable(ADDRESS), configured) {
            (Some(saved), Some(configured)) if saved != configured => Err(SinkError::new(format!(
                "base-address is {configured}, and Entra has {saved}: correct the wrong one \
                     (or leave base-address out: what Entra has is kept)"
            ))),
            (Some(address), _) | (None, Some(address)) => Ok(address.to_owned()),
            (None, None) => Err(SinkError::new(
                "Entra doesn't show the SCIM endpoint's URL: set base-address (or \
                 ENTRA_BASE_ADDRESS) to it, as the tenant URL stands in the application's \
                 provisioning settings",
            )),
        }
    }

    async fn job(&self) -> Result<Job, SinkError> {
        let (jobs, _) = self.graph.jobs().await?;
        jobs::choose(jobs, self.config.job_id.as_deref())
    }

    async fn prove(&self) -> Result<(), SinkError> {
        let secrets = self.secrets().await?;
        self.address(&secrets)?;
        let (jobs, date) = self.graph.jobs().await?;
        let job = jobs::choose(jobs, self.config.job_id.as_deref())?;
        if job.is_paused() {
            self.note("the provisioning job is paused, and stays so");
        }
        match job.quarantine() {
            Some(quarantine) => self.note(format!(
                "the provisioning job is in quarantine already ({quarantine}): it is left so"
            )),
            None => self.memory().healthy_at = date,
        }
        if let Validation::Rejected(why) = self.graph.validate(&job).await? {
            self.note(format!(
                "Entra can't use the token that it holds ({why}): it is dead already, or the \
                 endpoint's URL is wrong"
            ));
        }
        Ok(())
    }

    async fn save(&self, token: &Token) -> Result<(), SinkError> {
        let address = self.address(&self.secrets().await?)?;
        self.graph
            .save(&[(TOKEN, token.expose()), (ADDRESS, &address)])
            .await?;
        // Whether a write merges or replaces isn't documented.
        let now = self.secrets().await?;
        match now.readable(ADDRESS) {
            Some(saved) if saved != address => Err(SinkError::new(format!(
                "Entra has {saved} for the SCIM endpoint's URL after {address} was saved: correct it"
            ))),
            _ => Ok(()),
        }
    }

    async fn try_saved(&self) -> Result<Verdict, SinkError> {
        let job = self.job().await?;
        match self.graph.validate(&job).await? {
            Validation::Works => {}
            Validation::Rejected(why) => {
                self.note(format!("Entra can't use the token that it holds: {why}"));
                return Ok(Verdict::Doesnt);
            }
        }
        if let Some(quarantine) = job.quarantine() {
            let healthy_at = self.memory().healthy_at;
            let is_ours = quarantine.reason == DEAD_TOKEN
                && healthy_at.is_some_and(|at| quarantine.since.is_some_and(|since| since > at));
            if is_ours && !job.is_paused() {
                self.graph.start(&job).await?;
                self.note("the quarantine that the dead token had brought is lifted");
            } else {
                self.note(format!(
                    "the provisioning job is in quarantine ({quarantine}), which is not ours to lift: \
                     look at the provisioning logs, then start it again"
                ));
            }
        }
        Ok(Verdict::Works)
    }
}

impl Sink for EntraSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(self.prove())
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        Box::pin(self.save(token))
    }

    /// What is saved is tried, whatever the token is: its value can't be read.
    fn verify<'a>(&'a self, _: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(self.try_saved())
    }

    fn notes(&self) -> Vec<String> {
        std::mem::take(&mut self.memory().notes)
    }

    fn credential_ends(&self) -> SinkFuture<'_, Option<Timestamp>> {
        Box::pin(self.graph.credential_ends())
    }
}
