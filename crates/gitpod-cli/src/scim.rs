//! `gitpodctl scim …`.

use gitpod_client::types::{self, v1};

use crate::cli::scim::{Configuration, Create, RegenerateToken, Scim, Update};
use crate::cli::{Connection, Output};
use crate::connection::Session;
use crate::exit::{Exit, Failure};
use crate::issue::{Order, issue};
use crate::{output, rotate};

/// The most that the service takes.
const PAGE_SIZE: i32 = 100;

pub(crate) async fn run(
    command: Scim,
    connection: &Connection,
    embedded: bool,
    form: Output,
) -> Result<Exit, Failure> {
    let command = match command {
        Scim::Configuration(command) => command,
        Scim::Rotation(command) => return rotate::run(command, connection, embedded, form).await,
    };
    let session = Session::open(connection, embedded).await?;
    match command {
        Configuration::Create(args) => create(&session, connection, args, form).await,
        Configuration::Get(id) => {
            get(&session, session.configuration(id.configuration)?, form).await
        }
        Configuration::List => list(&session, form).await,
        Configuration::Update(args) => update(&session, args, form).await,
        Configuration::Delete(id) => {
            delete(&session, session.configuration(id.configuration)?, form).await
        }
        Configuration::RegenerateToken(args) => regenerate(&session, connection, args, form).await,
    }
}

async fn regenerate(
    session: &Session,
    connection: &Connection,
    args: RegenerateToken,
    form: Output,
) -> Result<Exit, Failure> {
    let id = session.configuration(args.id.configuration)?;
    let call =
        session
            .client
            .organization()
            .regenerate_scim_token(v1::RegenerateScimTokenRequest {
                scim_configuration_id: id.clone(),
                token_expires_in: args.expires_in.map(life),
            });
    let order = Order {
        is_real: !session.is_embedded(),
        output: form,
        token_file: args.token.token_file,
        timeout: connection.timeout,
        done: format!("the old token of {id} no longer works, this one replaces it"),
        unchanged: "the old token was not replaced",
        ambiguous: format!(
            "the token may have been regenerated; if it was, the old one no longer works and \
             nobody has the new one. Wait a minute, for a late request may still be executed, and \
             compare the expiry: `gitpodctl scim get {id}`. If it is the one from before, nothing \
             happened. If it changed (a new life counts from about now), regenerate again: nothing \
             works with the old token any more"
        ),
        context: vec![("scimConfigurationId", id)],
    };
    issue(call, order, |response| &response.token).await
}

async fn create(
    session: &Session,
    connection: &Connection,
    args: Create,
    form: Output,
) -> Result<Exit, Failure> {
    let (organization, sso) = match (args.organization_id, args.sso_configuration_id) {
        (Some(organization), Some(sso)) => (organization, sso),
        (organization, sso) if session.is_embedded() => {
            let seeded = fetch(session, session.configuration(None)?)
                .await?
                .scim_configuration
                .unwrap_or_default();
            (
                organization.unwrap_or(seeded.organization_id),
                sso.unwrap_or(seeded.sso_configuration_id),
            )
        }
        _ => {
            return Err(Failure::usage(
                "expected --organization-id and --sso-configuration-id; only --embedded does \
                 without them",
            ));
        }
    };
    let call = session.client.organization().create_scim_configuration(
        v1::CreateScimConfigurationRequest {
            organization_id: organization,
            sso_configuration_id: sso,
            name: args.name,
            token_expires_in: args.expires_in.map(life),
            allow_unverified_email_account_linking: args.allow_unverified_email_account_linking,
        },
    );
    let order = Order {
        is_real: !session.is_embedded(),
        output: form,
        token_file: args.token.token_file,
        timeout: connection.timeout,
        done: "the configuration is created, this is its token".to_owned(),
        unchanged: "nothing was created",
        ambiguous: "a configuration may have been created, and then nobody has its token: look \
                    with `gitpodctl scim list`, and regenerate its token or delete it"
            .to_owned(),
        context: Vec::new(),
    };
    issue(call, order, |response| &response.token).await
}

async fn fetch(session: &Session, id: String) -> Result<v1::GetScimConfigurationResponse, Failure> {
    session
        .client
        .organization()
        .get_scim_configuration(v1::GetScimConfigurationRequest {
            scim_configuration_id: id,
        })
        .await
        .map(gitpod_client::Response::into_inner)
        .map_err(|error| Failure::of_read(&error))
}

async fn get(session: &Session, id: String, form: Output) -> Result<Exit, Failure> {
    let response = fetch(session, id).await?;
    show(&response, response.scim_configuration.as_ref(), form)
}

async fn update(session: &Session, args: Update, form: Output) -> Result<Exit, Failure> {
    let id = session.configuration(args.id.configuration)?;
    let response = session
        .client
        .organization()
        .update_scim_configuration(v1::UpdateScimConfigurationRequest {
            scim_configuration_id: id,
            name: args.changes.name,
            enabled: args.changes.enabled,
            sso_configuration_id: args.changes.sso_configuration_id,
            allow_unverified_email_account_linking: args
                .changes
                .allow_unverified_email_account_linking,
        })
        .await
        .map_err(|error| Failure::of_write(&error))?
        .into_inner();
    show(&response, response.scim_configuration.as_ref(), form)
}

async fn delete(session: &Session, id: String, form: Output) -> Result<Exit, Failure> {
    let response = session
        .client
        .organization()
        .delete_scim_configuration(v1::DeleteScimConfigurationRequest {
            scim_configuration_id: id.clone(),
        })
        .await
        .map_err(|error| Failure::of_write(&error))?
        .into_inner();
    if form == Output::Json {
        output::result(&output::json(&response)?.to_string())?;
    }
    output::note(&format!("{id} is deleted, and its token no longer works"));
    Ok(Exit::Done)
}

async fn list(session: &Session, form: Output) -> Result<Exit, Failure> {
    let mut all = v1::ListScimConfigurationsResponse::default();
    let mut token = String::new();
    loop {
        let page = session
            .client
            .organization()
            .list_scim_configurations(v1::ListScimConfigurationsRequest {
                pagination: Some(v1::PaginationRequest {
                    token: token.clone(),
                    page_size: PAGE_SIZE,
                }),
            })
            .await
            .map_err(|error| Failure::of_read(&error))?
            .into_inner();
        all.scim_configurations.extend(page.scim_configurations);
        let next = page.pagination.unwrap_or_default().next_token;
        if next.is_empty() {
            break;
        }
        if next == token {
            return Err(Failure::new(
                Exit::Unavailable,
                "the service gave the same page twice",
            ));
        }
        token = next;
    }
    match form {
        Output::Json => output::result(&output::json(&all)?.to_string())?,
        Output::Table => {
            let rows = all
                .scim_configurations
                .iter()
                .map(|configuration| {
                    let json = output::json(configuration)?;
                    Ok(vec![
                        configuration.id.clone(),
                        configuration.name.clone(),
                        configuration.enabled.to_string(),
                        output::field(&json, "tokenExpiresAt"),
                        configuration.sso_configuration_id.clone(),
                    ])
                })
                .collect::<Result<Vec<_>, Failure>>()?;
            output::result(&output::table(
                &[
                    "ID",
                    "NAME",
                    "ENABLED",
                    "TOKEN EXPIRES AT",
                    "SSO CONFIGURATION",
                ],
                &rows,
            ))?;
        }
    }
    Ok(Exit::Done)
}

/// One configuration: a line a field, or the API's JSON.
fn show(
    response: &impl serde::Serialize,
    configuration: Option<&v1::ScimConfiguration>,
    form: Output,
) -> Result<Exit, Failure> {
    if form == Output::Json {
        output::result(&output::json(response)?.to_string())?;
        return Ok(Exit::Done);
    }
    let Some(configuration) = configuration else {
        return Err(Failure::new(
            Exit::Unavailable,
            "the service's answer has no configuration in it",
        ));
    };
    let json = output::json(configuration)?;
    let rows: Vec<Vec<String>> = [
        ("id", configuration.id.clone()),
        ("name", configuration.name.clone()),
        ("enabled", configuration.enabled.to_string()),
        ("token expires at", output::field(&json, "tokenExpiresAt")),
        ("organization", configuration.organization_id.clone()),
        (
            "SSO configuration",
            configuration.sso_configuration_id.clone(),
        ),
        (
            "links unverified addresses",
            configuration
                .allow_unverified_email_account_linking
                .to_string(),
        ),
        ("created at", output::field(&json, "createdAt")),
        ("updated at", output::field(&json, "updatedAt")),
    ]
    .into_iter()
    .map(|(name, value)| vec![name.to_owned(), value])
    .collect();
    output::result(&output::table(&["FIELD", "VALUE"], &rows))?;
    Ok(Exit::Done)
}

/// A life that the command line has checked; two years of seconds fit.
fn life(life: std::time::Duration) -> types::Duration {
    types::Duration {
        seconds: i64::try_from(life.as_secs()).unwrap_or(i64::MAX),
        nanos: 0,
    }
}
