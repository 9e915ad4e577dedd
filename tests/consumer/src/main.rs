//! Regenerates a SCIM token of the embedded server, over a real socket.

use std::time::Duration;

use gitpod_client::{Client, Code, types::v1::RegenerateScimTokenRequest};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start().await?;
    let client = Client::builder()
        .base_url(server.base_url())
        .token(server.api_key())
        .build()?;

    let response = client
        .organization()
        .regenerate_scim_token(RegenerateScimTokenRequest {
            scim_configuration_id: server.scim_configuration_id().to_owned(),
            token_expires_in: Some(Duration::from_secs(180 * 24 * 60 * 60).try_into()?),
        })
        .timeout(Duration::from_secs(15))
        .await?;
    assert!(server.tokens_issued().contains(&response.token));
    assert!(response.token_expires_at.is_some());
    assert!(!format!("{response:?}").contains(&response.token));

    let error = client
        .organization()
        .regenerate_scim_token(RegenerateScimTokenRequest {
            scim_configuration_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            ..Default::default()
        })
        .await
        .expect_err("there is no such configuration");
    assert_eq!(error.code(), Code::NotFound);
    assert!(!error.may_have_executed());

    println!(
        "a token of {} characters came over {}",
        response.token.len(),
        server.base_url()
    );
    Ok(())
}
