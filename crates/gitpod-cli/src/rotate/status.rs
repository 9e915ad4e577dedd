//! `gitpodctl scim status`: how things stand, and what ends soon.

use std::time::Duration;

use gitpod_client::types::TimestampExt;
use gitpod_client::types::v1::{
    ListScimConfigurationsRequest, PaginationRequest, PersonalAccessToken, ScimConfiguration,
};
use gitpod_client::{Client, Response};
use gitpod_rotation::{End, Journal, SinkError, own_access_tokens};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::again::Again;
use super::args::{Rotate, StateDir, Status};
use super::config;
use super::sinks::{self, Settings};
use super::state_dir::Known;
use crate::cli::{Connection, Output};
use crate::exit::{Exit, Failure};
use crate::{connection, output};

/// The most that the service takes.
const PAGE_SIZE: i32 = 100;

pub(super) async fn status(
    args: Status,
    connection: &Connection,
    form: Output,
) -> Result<Exit, Failure> {
    let file = Rotate {
        config: args.config.clone(),
        state_dir: args.state_dir,
        ..Rotate::default()
    };
    let (known, entra) = config::fill_in(file)?;
    let settings = Settings { limit: None, entra };
    let here = Here {
        state_dir: &known.state_dir,
        again: Again {
            state_dir: &known.state_dir,
            config: args.config.as_deref(),
            base_url: connection.base_url.as_deref(),
        },
    };
    // Where they are has to be known; what can't be read of them is told.
    known.state_dir.path()?;
    let kept = known.state_dir.configurations();
    let kept_ids = kept.as_deref().unwrap_or_default();
    // So is what the service doesn't tell.
    let (rows, credential, now, failure) = match ask(connection).await {
        Ok((configurations, credential, now)) => {
            let mut rows: Vec<_> = configurations
                .iter()
                .map(|configuration| Row::of(configuration, now, here))
                .collect();
            rows.extend(Row::unlisted(&rows, kept_ids, now, here));
            (rows, credential, now, None)
        }
        Err(failure) => {
            let now = Timestamp::now();
            let rows = kept_ids.iter().map(|id| Row::alone(id, now, here));
            let credential = Credential {
                ends: Err(failure.message.clone()),
                now,
            };
            (rows.collect(), credential, now, Some(failure))
        }
    };
    let of_sinks = SinkCredential::of(&rows, &settings).await;
    let warnings = args.warn.map(|warn| {
        let rows = rows.iter().flat_map(|row| row.warnings(warn));
        let of_sinks = of_sinks.iter().filter_map(|one| one.warning(warn, now));
        rows.chain(credential.warning(warn))
            .chain(of_sinks)
            .collect::<Vec<_>>()
    });
    let mut lines = Vec::new();
    match form {
        Output::Json => {
            let line = json!({
                "configurations": rows.iter().map(Row::json).collect::<Vec<_>>(),
                "credential": credential.json(),
                "sinks": of_sinks.iter().map(SinkCredential::json).collect::<Vec<_>>(),
                "warnings": warnings,
                "error": failure.as_ref().map(|failure| &failure.message),
            });
            lines.push(line.to_string());
        }
        Output::Table => {
            let cells: Vec<_> = rows.iter().map(Row::cells).collect();
            let heading = [
                "ID",
                "NAME",
                "TOKEN EXPIRES AT",
                "LEFT",
                "LAST ROTATION",
                "NOW",
            ];
            lines.push(output::table(&heading, &cells));
            // Otherwise the failure says it.
            if failure.is_none() {
                lines.push(credential.line());
            }
            lines.extend(of_sinks.iter().map(|one| one.line(now)));
        }
    }
    for line in lines {
        output::told(&line).map_err(|error| output::unprinted(&error))?;
    }
    let warnings = warnings.unwrap_or_default();
    for warning in &warnings {
        output::note(warning);
    }
    if let Some(failure) = &failure {
        output::note(&format!(
            "what Ona has isn't known, only what is kept here: {}",
            failure.message
        ));
    }
    let of_folder = kept.as_ref().err().map(|failure| failure.message.as_str());
    let of_rows = rows.iter().filter_map(|row| row.detail.as_deref());
    let mut details: Vec<_> = of_folder.into_iter().chain(of_rows).collect();
    // That the folder can't be read is said of each.
    details.dedup();
    for detail in details {
        output::note(detail);
    }
    // What couldn't be looked at may be anything.
    Ok(match failure {
        Some(failure) => failure.exit,
        None if kept.is_err() || rows.iter().any(|row| row.state == Standing::Unknown) => {
            Exit::Local
        }
        None if warnings.is_empty() => Exit::Done,
        None => Exit::Warning,
    })
}

/// What the service tells, and its time.
async fn ask(
    connection: &Connection,
) -> Result<(Vec<ScimConfiguration>, Credential, Timestamp), Failure> {
    let client = connection::service(connection)?
        .build()
        .map_err(|error| Failure::of_setting(&error))?;
    let (configurations, now) = configurations(&client).await?;
    let credential = Credential::of(own_access_tokens(&client).await, now);
    Ok((configurations, credential, now))
}

/// Where what is kept here is looked for, and what to do about it.
#[derive(Debug, Clone, Copy)]
struct Here<'a> {
    state_dir: &'a StateDir,
    again: Again<'a>,
}

/// All configurations, and the service's time.
pub(super) async fn configurations(
    client: &Client,
) -> Result<(Vec<ScimConfiguration>, Timestamp), Failure> {
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let request = ListScimConfigurationsRequest {
            pagination: Some(PaginationRequest {
                token: token.clone(),
                page_size: PAGE_SIZE,
            }),
        };
        let response = client
            .organization()
            .list_scim_configurations(request)
            .await;
        let response = response.map_err(|error| Failure::of_read(&error))?;
        let now = date(&response);
        let page = response.into_inner();
        all.extend(page.scim_configurations);
        let next = page.pagination.unwrap_or_default().next_token;
        if next.is_empty() || next == token {
            return Ok((all, now));
        }
        token = next;
    }
}

/// The answer's `Date`, else this machine's time: nothing is decided by it.
fn date<T>(response: &Response<T>) -> Timestamp {
    gitpod_rotation::date(response.headers()).unwrap_or_else(Timestamp::now)
}

/// What is left until then, in whole days or hours.
fn left(until: Timestamp, now: Timestamp) -> String {
    let hours = until.duration_since(now).as_hours();
    match hours {
        ..0 => "expired".to_owned(),
        0..48 => format!("{hours} h"),
        _ => format!("{} d", hours / 24),
    }
}

fn ends_within(until: Timestamp, now: Timestamp, warn: Duration) -> bool {
    SignedDuration::try_from(warn).is_ok_and(|warn| until.duration_since(now) <= warn)
}

/// A configuration, and what is known of its rotations here.
struct Row {
    id: String,
    name: String,
    expires_at: Option<Timestamp>,
    now: Timestamp,
    last: Option<String>,
    last_at: Option<Timestamp>,
    /// Where its tokens go, as far as we know.
    sinks: Vec<String>,
    state: Standing,
    /// What there is to say of that beyond its name.
    detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing that we know of.
    Well,
    NeverRotated,
    Unfinished,
    Running,
    /// It isn't as the last rotation left it.
    Drift,
    /// There is an escrow without a rotation.
    StrayEscrow,
    /// It can't be told, for the service couldn't be asked.
    NotCompared,
    /// What is kept here of its rotations can't be read.
    Unknown,
}

impl Standing {
    fn name(self) -> &'static str {
        match self {
            Self::Well => "as it was left",
            Self::NeverRotated => "never rotated from here",
            Self::Unfinished => "unfinished",
            Self::Running => "being rotated",
            Self::Drift => "drift: not as it was left",
            Self::StrayEscrow => "an escrow without a rotation, which may hold a live token",
            Self::NotCompared => "not compared with Ona",
            Self::Unknown => "not known: its journal can't be read",
        }
    }
}

impl Row {
    fn of(configuration: &ScimConfiguration, now: Timestamp, here: Here<'_>) -> Self {
        let expires_at = configuration.token_expires_at.as_ref();
        let expires_at = expires_at.and_then(|at| at.to_jiff().ok());
        let id = &configuration.id;
        let (journal, known, detail) = match here.state_dir.look(id) {
            Known::Journal(journal) => (journal, None, None),
            Known::Unfinished(journal, escrow) => {
                let escrow = escrow.map(|path| format!(", and its escrow is {}", path.display()));
                let about = format!(
                    "the rotation of {id} isn't over{}; go on with: {}",
                    escrow.unwrap_or_default(),
                    here.again.resume(id)
                );
                (Some(journal), Some(Standing::Unfinished), Some(about))
            }
            Known::Running => (None, Some(Standing::Running), None),
            Known::Stray(about) => (None, Some(Standing::StrayEscrow), Some(about)),
            Known::Trouble(about) => (None, Some(Standing::Unknown), Some(about)),
        };
        let last = journal.as_ref().and_then(Journal::last);
        let as_left = last.is_none_or(|last| expires_at.is_some_and(|at| last.is_as_left(at)));
        Self {
            id: configuration.id.clone(),
            name: configuration.name.clone(),
            expires_at,
            now,
            last: last.map(|last| {
                match last.end() {
                    End::Finished => "finished",
                    End::NotExecuted => "nothing was executed",
                    End::Superseded => "superseded",
                    End::Abandoned => "given up",
                    _ => "gone",
                }
                .to_owned()
            }),
            last_at: last.and_then(|last| last.at()),
            sinks: last.map(|last| last.sinks().to_vec()).unwrap_or_default(),
            state: known.unwrap_or(match () {
                () if !as_left => Standing::Drift,
                () if last.is_none() => Standing::NeverRotated,
                () => Standing::Well,
            }),
            detail,
        }
    }

    /// What wants somebody of configurations that the service doesn't list: they are gone, or this credential
    /// sees less.
    fn unlisted(listed: &[Self], kept: &[String], now: Timestamp, here: Here<'_>) -> Vec<Self> {
        let unlisted = kept
            .iter()
            .filter(|id| listed.iter().all(|row| row.id != **id));
        let row = |id: &String| Self {
            name: "(not listed by the service)".to_owned(),
            ..Self::alone(id, now, here)
        };
        let wants_somebody = |row: &Self| row.state != Standing::NotCompared;
        unlisted.map(row).filter(wants_somebody).collect()
    }

    /// What is kept here of a configuration, which is all that is known of it.
    fn alone(id: &str, now: Timestamp, here: Here<'_>) -> Self {
        let configuration = ScimConfiguration {
            id: id.to_owned(),
            ..ScimConfiguration::default()
        };
        let mut row = Self::of(&configuration, now, here);
        if matches!(
            row.state,
            Standing::Well | Standing::NeverRotated | Standing::Drift
        ) {
            row.state = Standing::NotCompared;
        }
        row
    }

    fn cells(&self) -> Vec<String> {
        let expires_at = self.expires_at.map(|at| at.to_string()).unwrap_or_default();
        let left = self
            .expires_at
            .map(|at| left(at, self.now))
            .unwrap_or_default();
        let mut last = self.last.clone().unwrap_or_default();
        if let Some(at) = self.last_at {
            last = format!("{last} {at}");
        }
        vec![
            self.id.clone(),
            self.name.clone(),
            expires_at,
            left,
            last,
            self.state.name().to_owned(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "expires_at": self.expires_at,
            "seconds_left": self.expires_at.map(|at| at.duration_since(self.now).as_secs()),
            "last_rotation": self.last,
            "last_rotation_at": self.last_at,
            "state": match self.state {
                Standing::Well => "as_left",
                Standing::NeverRotated => "never_rotated",
                Standing::Unfinished => "unfinished",
                Standing::Running => "running",
                Standing::Drift => "drift",
                Standing::StrayEscrow => "stray_escrow",
                Standing::NotCompared => "not_compared",
                Standing::Unknown => "unknown",
            },
            "detail": self.detail,
        })
    }

    fn warnings(&self, warn: Duration) -> Vec<String> {
        let mut warnings = Vec::new();
        match self.expires_at {
            Some(at) if ends_within(at, self.now, warn) => {
                warnings.push(format!("the token of {} expires at {at}", self.id));
            }
            None => warnings.push(format!("when the token of {} expires isn't known", self.id)),
            _ => {}
        }
        let wants_somebody = matches!(
            self.state,
            Standing::Unfinished | Standing::Drift | Standing::StrayEscrow | Standing::Unknown
        );
        if wants_somebody {
            warnings.push(format!("{}: {}", self.id, self.state.name()));
        }
        warnings
    }
}

/// What is known of the credential that this was called with.
struct Credential {
    /// When the personal access tokens of its user end, those that haven't yet; `None` of one that
    /// doesn't.
    ends: Result<Vec<Option<Timestamp>>, String>,
    now: Timestamp,
}

impl Credential {
    fn of(tokens: Result<Vec<PersonalAccessToken>, gitpod_client::Error>, now: Timestamp) -> Self {
        let ends = |token: &PersonalAccessToken| token.expires_at.as_ref()?.to_jiff().ok();
        let ends = tokens.map(|tokens| {
            let ends = tokens.iter().map(ends);
            ends.filter(|end| end.is_none_or(|end| end > now)).collect()
        });
        Self {
            ends: ends.map_err(|error| error.to_string()),
            now,
        }
    }

    /// When it ends at the latest, where that can be told: which of several it is can't be read.
    fn end(&self) -> Option<Timestamp> {
        let ends = self.ends.as_ref().ok()?;
        let last = ends
            .iter()
            .max_by_key(|end| end.unwrap_or(Timestamp::MAX))?;
        *last
    }

    fn line(&self) -> String {
        match (&self.ends, self.end()) {
            (Err(why), _) => format!("this credential: when it ends can't be read: {why}"),
            (Ok(ends), Some(end)) if ends.len() == 1 => {
                format!("this credential ends at {end} ({})", left(end, self.now))
            }
            (Ok(ends), Some(end)) => format!(
                "this credential is one of {} personal access tokens, of which the last ends at {end} \
                 ({})",
                ends.len(),
                left(end, self.now)
            ),
            (Ok(_), None) => "this credential: when it ends can't be read; it isn't a personal \
                              access token that ends"
                .to_owned(),
        }
    }

    fn json(&self) -> Value {
        json!({ "ends_at_the_latest": self.end(), "error": self.ends.as_ref().err() })
    }

    fn warning(&self, warn: Duration) -> Option<String> {
        let end = self.end()?;
        ends_within(end, self.now, warn)
            .then(|| format!("this credential ends at {end} at the latest"))
    }
}

/// What is known of the credential by which a sink is reached.
struct SinkCredential {
    sink: String,
    ends: Result<Timestamp, String>,
}

impl SinkCredential {
    /// Of each sink that a rotation went to and that can tell.
    async fn of(rows: &[Row], settings: &Settings) -> Vec<Self> {
        let mut names: Vec<_> = rows.iter().flat_map(|row| &row.sinks).collect();
        names.sort_unstable();
        names.dedup();
        let mut all = Vec::new();
        for name in names {
            let ends = match sinks::sink(name, settings) {
                Ok(sink) => sink.credential_ends().await,
                Err(why) => Err(SinkError::new(why)),
            };
            if let Some(ends) = ends.map_err(|error| error.to_string()).transpose() {
                let sink = name.clone();
                all.push(Self { sink, ends });
            }
        }
        all
    }

    fn line(&self, now: Timestamp) -> String {
        let sink = output::printable(&self.sink);
        match &self.ends {
            Ok(end) => format!("{sink}: its credential ends at {end} ({})", left(*end, now)),
            Err(why) => format!("{sink}: when its credential ends can't be read: {why}"),
        }
    }

    fn json(&self) -> Value {
        json!({
            "sink": self.sink,
            "credential_ends_at": self.ends.as_ref().ok(),
            "error": self.ends.as_ref().err(),
        })
    }

    fn warning(&self, warn: Duration, now: Timestamp) -> Option<String> {
        let end = *self.ends.as_ref().ok()?;
        ends_within(end, now, warn)
            .then(|| format!("the credential for {} ends at {end}", self.sink))
    }
}
