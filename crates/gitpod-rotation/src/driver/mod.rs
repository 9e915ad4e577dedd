//! What does the machine's actions: Ona's API, the files, the sinks, the clock.
//!
//! It decides nothing. Each action is done and told, one at a time.

mod answer;
mod clock;
mod credential;
mod old;
mod probe;
mod report;
mod run;
mod service;
mod stop;

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use gitpod_client::ClientBuilder;

pub use clock::Clock;
pub use credential::own_access_tokens;
pub use probe::ScimEndpoint;
pub use report::Report;
pub(crate) use report::without;
pub use run::Run;
pub use service::date;
pub use stop::Stop;

use crate::{Kept, Plan, Sink, StartError, State, Store, StoreError};
use answer::decode;
use clock::MachineClock;
use run::Hand;
use service::Service;

/// Rotates the token of one SCIM configuration: does what [`State`] says, with real things.
///
/// ```no_run
/// use gitpod_client::Client;
/// use gitpod_rotation::{Driver, FileSink, Plan, Sink, Store};
///
/// # async fn rotate() -> Result<(), Box<dyn std::error::Error>> {
/// let id = "d2c94c27-3b76-4a42-b88c-95a85e392c68";
/// let sinks: Vec<Box<dyn Sink>> = vec![Box::new(FileSink::new("/etc/scim-token"))];
/// let plan = Plan::new(id, sinks.iter().map(|sink| sink.name()));
/// let store = Store::open("/var/lib/scim-rotation".as_ref(), id)?;
/// let mut driver = Driver::new(Client::builder().from_env()?, store, sinks)?;
/// let state = driver.run(plan).await?;
/// println!("{:?}", state.ending());
/// # Ok(())
/// # }
/// ```
pub struct Driver {
    service: Service,
    store: Arc<Store>,
    sinks: Vec<Box<dyn Sink>>,
    /// Where tokens can be tried, and whether its word counts once that was found out.
    endpoint: Option<(ScimEndpoint, Option<bool>)>,
    clock: Box<dyn Clock>,
    observer: Box<dyn FnMut(&Report<'_>) + Send>,
    stop: Stop,
    random: u64,
}

/// Why a run couldn't begin. Nothing was done.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// A file of ours can't be read, or isn't what it should be.
    Store(StoreError),
    /// The plan is wrong, or contradicts the journal.
    Start(StartError),
    /// The unfinished rotation has this sink, and the driver hasn't.
    NoSuchSink(String),
}

impl Driver {
    /// A driver for the store's configuration. Of the client's settings the codec is JSON and
    /// nothing is compressed, whatever was set, for answers are kept as they come.
    ///
    /// # Errors
    ///
    /// What is wrong with the client's settings.
    pub fn new(
        client: ClientBuilder,
        store: Store,
        sinks: Vec<Box<dyn Sink>>,
    ) -> Result<Self, gitpod_client::Error> {
        Ok(Self {
            service: Service::new(client, store.configuration())?,
            store: Arc::new(store),
            sinks,
            endpoint: None,
            clock: Box::new(MachineClock::new()),
            observer: Box::new(|_| {}),
            stop: Stop::new(),
            random: RandomState::new().build_hasher().finish(),
        })
    }

    /// Who is told what happens.
    #[must_use]
    pub fn observe(mut self, observer: impl FnMut(&Report<'_>) + Send + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// Who may ask it to end. By default, nobody.
    #[must_use]
    pub fn stop_on(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Where the token in hand can be tried, which nothing depends on.
    #[must_use]
    pub fn scim_endpoint(mut self, endpoint: ScimEndpoint) -> Self {
        self.endpoint = Some((endpoint, None));
        self
    }

    /// Another clock than the machine's: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// What picks the lives that are asked for. By default, a random number: it should differ from
    /// run to run.
    #[must_use]
    pub fn random(mut self, random: u64) -> Self {
        self.random = random;
        self
    }

    /// One run, to its end. An unfinished rotation is gone on with first. The state that it ends
    /// with says how ([`State::ending`]), and what there is to know beyond it.
    ///
    /// Dropping the future ends the run at once, which can be resumed; but see [`Stop`].
    ///
    /// # Errors
    ///
    /// If it couldn't begin.
    pub async fn run(&mut self, plan: Plan) -> Result<State, RunError> {
        let mut run = self.begin(plan)?;
        while run.act().await {}
        Ok(run.state)
    }

    /// A run that is done action by action.
    ///
    /// # Errors
    ///
    /// If it can't begin.
    pub fn begin(&mut self, plan: Plan) -> Result<Run<'_>, RunError> {
        let journal = self.store.load().map_err(RunError::Store)?;
        let kept = self.store.read_escrow().map_err(RunError::Store)?;
        let escrow = kept.to_escrow(|raw| Some(decode(raw)?.expires_at));
        let state = State::start(plan, journal, escrow, self.random).map_err(RunError::Start)?;
        let order = self.order(&state)?;
        self.tell(&Report::Started {
            configuration: state.journal().configuration(),
            resumed: state.journal().unfinished().is_some(),
            sinks: state.sinks(),
        });
        Ok(Run {
            order,
            requested: self.stop.requests(),
            hand: match kept {
                Kept::Whole { answer, .. } => Some(Hand::new(answer)),
                _ => None,
            },
            state,
            enabled: false,
            old: None,
            driver: self,
        })
    }

    /// Which of our sinks each of the state's is.
    fn order(&self, state: &State) -> Result<Vec<usize>, RunError> {
        let find = |name: &String| {
            let found = self.sinks.iter().position(|sink| sink.name() == name);
            found.ok_or_else(|| RunError::NoSuchSink(name.clone()))
        };
        state.sinks().iter().map(find).collect()
    }

    fn tell(&mut self, report: &Report<'_>) {
        (self.observer)(report);
    }

    /// An escrow that was reserved and never written to goes when nothing is unfinished. Whether
    /// that works doesn't matter: an empty one isn't in anybody's way.
    async fn tidy(&self, state: &State) {
        if state.journal().unfinished().is_none()
            && matches!(self.store.read_escrow(), Ok(Kept::Empty))
        {
            let _ = blocking(&self.store, Store::remove_escrow).await;
        }
    }
}

/// Does something with the files on a thread that may block.
async fn blocking(
    store: &Arc<Store>,
    work: impl FnOnce(&Store) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), String> {
    let store = Arc::clone(store);
    match tokio::task::spawn_blocking(move || work(&store)).await {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("the thread that wrote it has died".to_owned()),
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("service", &self.service)
            .field("store", &self.store)
            .field("sinks", &self.sinks)
            .field("clock", &self.clock)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::NoSuchSink(name) => write!(
                f,
                "the unfinished rotation has the sink {name}, which isn't given here"
            ),
        }
    }
}

impl std::error::Error for RunError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Start(error) => Some(error),
            Self::NoSuchSink(_) => None,
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
