//! `gitpodctl scim status`: how things stand, and what ends soon.

mod credential;
mod row;

use std::time::Duration;

use gitpod_client::types::v1::{
    ListScimConfigurationsRequest, PaginationRequest, ScimConfiguration,
};
use gitpod_client::{Client, Response};
use gitpod_rotation::own_access_tokens;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use self::credential::{Credential, SinkCredential};
use self::row::{Row, Standing};
use super::again::Again;
use super::args::{Rotate, Status};
use super::config;
use super::sinks::Settings;
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
    let again = Again {
        state_dir: &known.state_dir,
        config: args.config.as_deref(),
        base_url: connection.base_url.as_deref(),
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
                .map(|configuration| Row::of(configuration, now, again))
                .collect();
            rows.extend(Row::unlisted(&rows, kept_ids, now, again));
            (rows, credential, now, None)
        }
        Err(failure) => {
            let now = Timestamp::now();
            let rows = kept_ids.iter().map(|id| Row::alone(id, now, again));
            let credential = Credential::unknown(&failure.message, now);
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
