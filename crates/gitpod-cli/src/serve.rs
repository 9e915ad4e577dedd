//! `gitpodctl serve`: the embedded server, for programs in any language.

use gitpod_testing::Server;
use serde_json::json;

use crate::cli::Serve;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::signal::Signals;

pub(crate) async fn run(args: &Serve) -> Result<Exit, Failure> {
    // First of all: whoever reads the line may send a signal at once.
    let mut signals = Signals::listen()
        .map_err(|error| Failure::local(format!("can't listen for signals: {error}")))?;
    let server = Server::builder()
        .port(args.port)
        .start()
        .await
        .map_err(|error| Failure::local(format!("can't serve on port {}: {error}", args.port)))?;
    let line = json!({
        "base_url": server.base_url(),
        "api_key": server.api_key(),
        "scim_configuration_id": server.scim_configuration_id(),
        "scim_base_url": server.scim_base_url(),
    });
    output::line(&line.to_string())
        .map_err(|error| Failure::local(format!("can't write to standard output: {error}")))?;
    let name = signals.next().await;
    output::note(&format!("{name}: stopped"));
    Ok(Exit::Done)
}
