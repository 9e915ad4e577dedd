//! SCIM: which configurations there are, when their tokens expire, and a new token for the first one
//! of the embedded server.
//!
//! Against the real API it only reads: a new token kills the old one, and `gitpodctl scim
//! regenerate-token` or the crate `gitpod-rotation` take better care of it than forty lines can.

#![allow(clippy::print_stdout)]

mod common;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gitpod_client::types::v1::{ListScimConfigurationsRequest, RegenerateScimTokenRequest};
use gitpod_client::{BoxError, RetryPolicy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(|_| {}).await?;
    let organization = api.client.organization();
    let request = ListScimConfigurationsRequest::default();
    let mut configurations = organization.list_scim_configurations(request).items();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_secs()
        .cast_signed();
    let mut first = None;
    while let Some(configuration) = configurations.try_next().await? {
        let expires_at = configuration.token_expires_at.map_or(now, |at| at.seconds);
        println!(
            "{:?}: {}, its token has {} days left",
            configuration.name,
            if configuration.enabled {
                "enabled"
            } else {
                "disabled"
            },
            (expires_at - now) / 86_400,
        );
        first.get_or_insert(configuration.id);
    }
    let (Some(scim_configuration_id), Some(_embedded)) = (first, &api.server) else {
        return Ok(());
    };

    let request = RegenerateScimTokenRequest {
        scim_configuration_id,
        token_expires_in: None,
    };
    let call = organization.regenerate_scim_token(request);
    match call
        .timeout(Duration::from_secs(15))
        .retry(RetryPolicy::none())
        .await
    {
        // It belongs into a secret store, and never into a log.
        Ok(response) => println!("a new token of {} characters", response.token.len()),
        Err(error) if error.may_have_executed() => {
            println!("the old token may be dead, and the new one lost: {error}");
        }
        Err(error) => println!("the old token is still good: {error}"),
    }
    Ok(())
}
