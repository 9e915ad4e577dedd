//! `gitpodctl scim rotate` and `resume`.

mod abandon;
mod again;
pub(crate) mod args;
mod checklist;
mod config;
mod end;
mod say;
mod sinks;
mod state_dir;
mod status;

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use gitpod_rotation::{
    Driver, Journal, Plan, RunError, ScimEndpoint, Sink, StartError, State, Stop, Store,
};

use self::again::Again;
use self::args::{Manner, Resume, Rotate, Rotation};
use self::say::Teller;
use self::sinks::Settings;
use self::state_dir::Known;
use crate::cli::{Connection, Output};
use crate::exit::{Exit, Failure};
use crate::signal::Signals;
use crate::{connection, output};

/// The life of a token unless told otherwise.
const LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(crate) async fn run(
    command: Rotation,
    connection: &Connection,
    embedded: bool,
    form: Output,
) -> Result<Exit, Failure> {
    if embedded {
        return Err(Failure::usage(
            "--embedded has nothing that outlives the command, and a rotation needs that: try it on \
             `gitpodctl serve`",
        ));
    }
    match command {
        Rotation::Rotate(args) => rotate(args, connection, form).await,
        Rotation::Resume(args) => resume(args, connection, form).await,
        Rotation::Status(args) => status::status(args, connection, form).await,
    }
}

async fn rotate(args: Rotate, connection: &Connection, form: Output) -> Result<Exit, Failure> {
    let config = args.config.clone();
    let (args, entra) = config::fill_in(args)?;
    if config::rotates_each_time(&args) {
        return Err(Failure::usage(
            "--rotate-before: expected less than --expires-in, or each run would rotate",
        ));
    }
    // Before anything is looked at: a sink that nobody understands is a mistake.
    let settings = Settings {
        limit: args.manner.command_timeout,
        entra,
    };
    let given = sinks::sinks(args.to.iter().map(String::as_str), &settings)?;
    let dry_run = args.dry_run;
    let again = args.to.clone();
    let ended = rotate_to(given, args, config.as_deref(), &settings, connection, form).await;
    if let Err(failure) = &ended
        && dry_run
        && failure.is_of_the_surroundings()
    {
        // It couldn't begin. What a person has to mend is more than that, maybe.
        let sinks = sinks::sinks(again.iter().map(String::as_str), &settings)?;
        checklist::of_sinks(&sinks, form).await;
    }
    ended
}

async fn rotate_to(
    given: Vec<Box<dyn Sink>>,
    args: Rotate,
    config: Option<&Path>,
    settings: &Settings,
    connection: &Connection,
    form: Output,
) -> Result<Exit, Failure> {
    let id = match args.configuration {
        Some(id) => id,
        None => only_configuration(connection).await?,
    };
    let store = args.state_dir.open(&id)?;
    let plan = Plan {
        configuration: id,
        sinks: (!given.is_empty()).then(|| given.iter().map(|s| s.name().to_owned()).collect()),
        life: args.expires_in,
        settle: args.settle,
        rotate_before: args.rotate_before,
        if_lost: args.manner.if_lost.map(Into::into).unwrap_or_default(),
        dry_run: args.dry_run,
    };
    let sinks = if given.is_empty() {
        of_journal(&store, settings)?
    } else {
        given
    };
    let again = Again {
        state_dir: &args.state_dir,
        config,
        base_url: connection.base_url.as_deref(),
    };
    drive(plan, store, sinks, &args.manner, connection, form, again).await
}

async fn resume(args: Resume, connection: &Connection, form: Output) -> Result<Exit, Failure> {
    let config = args.config.clone();
    // What else a file says of a rotation is in the journal.
    let file = Rotate {
        configuration: args.configuration,
        config: args.config,
        manner: args.manner,
        state_dir: args.state_dir,
        ..Rotate::default()
    };
    let (known, entra) = config::fill_in(file)?;
    let again = Again {
        state_dir: &known.state_dir,
        config: config.as_deref(),
        base_url: connection.base_url.as_deref(),
    };
    let id = match known.configuration {
        Some(id) => Some(id),
        None => known.state_dir.unfinished()?,
    };
    let Some(id) = id else {
        return end::nothing_unfinished(None, form);
    };
    let store = known.state_dir.open(&id)?;
    let journal = store.load().map_err(state_dir::of_store)?;
    if let Some(about) = state_dir::stray(&store, journal.as_ref()).map_err(state_dir::of_store)? {
        return Err(state_dir::of_stray(&about));
    }
    let unfinished = journal.as_ref().and_then(Journal::unfinished);
    let Some(rotation) = unfinished else {
        return end::nothing_unfinished(Some(&id), form);
    };
    if args.abandon {
        return abandon::abandon(&store, rotation, again, form);
    }
    let settings = Settings {
        limit: known.manner.command_timeout,
        entra,
    };
    let sinks = sinks::sinks(rotation.sinks(), &settings)?;
    let plan = Plan {
        sinks: None,
        if_lost: known.manner.if_lost.map(Into::into).unwrap_or_default(),
        ..Plan::new(id, [""; 0])
    };
    drive(plan, store, sinks, &known.manner, connection, form, again).await
}

/// The sinks of the unfinished rotation; none if there is none.
fn of_journal(store: &Store, settings: &Settings) -> Result<Vec<Box<dyn Sink>>, Failure> {
    let journal = store.load().map_err(state_dir::of_store)?;
    let unfinished = journal.as_ref().and_then(Journal::unfinished);
    sinks::sinks(
        unfinished.iter().flat_map(|rotation| rotation.sinks()),
        settings,
    )
}

async fn drive(
    plan: Plan,
    store: Store,
    sinks: Vec<Box<dyn Sink>>,
    manner: &Manner,
    connection: &Connection,
    form: Output,
    again: Again<'_>,
) -> Result<Exit, Failure> {
    let id = plan.configuration.clone();
    let endpoint = manner.scim_url.as_ref().map(ScimEndpoint::new);
    let endpoint = endpoint
        .transpose()
        .map_err(|error| Failure::usage(format!("--scim-url: {}", error.message())))?;
    let mut signals = Signals::listen()
        .map_err(|error| Failure::local(format!("can't listen for signals: {error}")))?;
    let stop = Stop::new();
    let escrow = store.escrow_path();
    let mut teller = Teller::new(form, plan.dry_run);
    let mut driver = Driver::new(connection::service(connection)?, store, sinks)
        .map_err(|error| Failure::of_setting(&error))?
        .stop_on(stop.clone())
        .observe(move |report| teller.tell(report));
    if let Some(endpoint) = endpoint {
        driver = driver.scim_endpoint(endpoint);
    }
    let ended = until_signals(driver.run(plan), &mut signals, &stop).await;
    // The lock goes with it, and so does what is still on the terminal.
    drop(driver);
    let Some(ended) = ended else {
        return Err(ended_at_once(again, &id));
    };
    match ended {
        Ok(state) => told(&state, form, again),
        Err(RunError::Store(error)) => Err(state_dir::of_store(error)),
        Err(RunError::Start(StartError::StrayEscrow)) => {
            Err(state_dir::of_stray(&state_dir::about_stray(&escrow)))
        }
        Err(error) => Err(Failure::usage(format!("{error}; nothing was done"))),
    }
}

/// A second signal ended it. Whether it had begun is on disk; or a thread is still writing that.
fn ended_at_once(again: Again<'_>, id: &str) -> Failure {
    match again.state_dir.look(id) {
        Known::Journal(_) => Failure::new(
            Exit::NothingChanged,
            "ended at once by a second signal; nothing was changed",
        ),
        _ => Failure::new(
            Exit::Unfinished,
            format!(
                "ended at once by a second signal; the rotation isn't over: {}",
                again.resume(id)
            ),
        ),
    }
}

/// What comes of a run; `None` if a second signal ended it.
async fn until_signals<T>(
    running: impl Future<Output = T>,
    signals: &mut Signals,
    stop: &Stop,
) -> Option<T> {
    let mut running = pin!(running);
    let mut at_once = false;
    loop {
        tokio::select! {
            biased;
            result = &mut running => return Some(result),
            name = signals.next() => {
                at_once = stop.is_requested();
                stop.request();
                output::note(&format!("{name}: {}", if at_once {
                    "ending as soon as no token can be lost"
                } else {
                    "this step is finished first, so that the rotation can be resumed; a second \
                     signal ends it at once"
                }));
            }
            () = stop.may_end_at_once(), if at_once => return None,
        }
    }
}

/// Says how it ended.
fn told(state: &State, form: Output, again: Again<'_>) -> Result<Exit, Failure> {
    let Some(ending) = state.ending() else {
        return Err(Failure::local("the run didn't come to an end"));
    };
    let lines = end::lines(ending, state, again);
    let printed = match form {
        Output::Json => output::told(&end::event(ending, state, &lines).to_string()),
        Output::Table => lines
            .iter()
            .try_for_each(|line| output::told(&output::printable(line))),
    };
    match printed {
        // What went wrong is more than that nobody reads of it.
        Err(error) if end::exit(ending) == Exit::Done => Err(output::unprinted(&error)),
        _ => Ok(end::exit(ending)),
    }
}

/// So many of several configurations are named.
const NAMED: usize = 10;

/// The configuration of the credential's organization, if it has one only.
async fn only_configuration(connection: &Connection) -> Result<String, Failure> {
    let client = connection::service(connection)?
        .build()
        .map_err(|error| Failure::of_setting(&error))?;
    let (mut all, _) = status::configurations(&client).await?;
    match all.len() {
        0 => Err(Failure::new(
            Exit::NotFound,
            "there is no SCIM configuration",
        )),
        1 => Ok(all.remove(0).id),
        count => Err(Failure::usage(format!(
            "there are {count} configurations: expected the CONFIGURATION_ID of one of {}{}",
            all.iter()
                .take(NAMED)
                .map(|one| one.id.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            match count.saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more, which `gitpodctl scim list` shows"),
            }
        ))),
    }
}
