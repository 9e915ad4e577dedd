//! The Azure CLI's session.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::sink::SinkError;

/// It is written in Python, and may have to refresh its session.
const PATIENCE: Duration = Duration::from_secs(60);

/// An access token for Graph, and how long it lasts at least.
pub(super) async fn token(
    tenant: Option<&str>,
) -> Result<(Zeroizing<String>, Duration), SinkError> {
    let program = if cfg!(windows) { "az.cmd" } else { "az" };
    let mut command = Command::new(program);
    command
        .args([
            "account",
            "get-access-token",
            "--resource-type",
            "ms-graph",
            "--output",
            "json",
        ])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(tenant) = tenant {
        command.args(["--tenant", tenant]);
    }
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
            return Err(SinkError::new(
                "no credential for Entra: the Azure CLI (az) isn't installed, and neither GRAPH_TOKEN \
                 nor AZURE_CLIENT_SECRET nor AZURE_FEDERATED_TOKEN_FILE is set",
            ));
        }
        Ok(Err(error)) => return Err(SinkError::new(format!("az can't be run: {error}"))),
        Err(_) => {
            return Err(SinkError::new(format!(
                "az has not answered within {} s",
                PATIENCE.as_secs()
            )));
        }
    };
    let stdout = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(SinkError::new(format!(
            "az account get-access-token failed ({}): sign in with `az login`, as somebody who may \
             manage the application's provisioning",
            output.status
        )));
    }
    let answer: Answer = serde_json::from_slice(&stdout).map_err(|_| {
        SinkError::new("az account get-access-token: an answer that can't be understood")
    })?;
    // What it says of the end differs from version to version; it hands out none that ends at once.
    Ok((
        Zeroizing::new(answer.access_token),
        Duration::from_secs(600),
    ))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "accessToken")]
    access_token: String,
}
