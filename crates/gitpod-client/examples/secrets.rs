//! Secrets: which ones there are, and, on the embedded server, a new one. Values are never listed, and
//! a request that holds one doesn't print it.

#![allow(clippy::print_stdout)]

mod common;

use std::sync::{Arc, Mutex, PoisonError};

use gitpod_client::BoxError;
use gitpod_client::secret::{CreateSecret, ListSecrets};
use gitpod_client::types::v1::create_secret_request::Mount;
use gitpod_client::types::v1::secret_scope::Scope;
use gitpod_client::types::v1::{
    CreateSecretRequest, CreateSecretResponse, ListSecretsRequest, ListSecretsResponse, Secret,
    SecretScope, list_secrets_request,
};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let Some(project_id) = std::env::args()
        .nth(1)
        .or(api.server.as_ref().map(|_| common::id(1)))
    else {
        println!("usage: secrets PROJECT_ID");
        return Ok(());
    };
    let scope = Some(SecretScope {
        scope: Some(Scope::ProjectId(project_id)),
    });
    let secrets = api.client.secret();
    if api.server.is_some() {
        let request = CreateSecretRequest {
            name: "EXAMPLE".to_owned(),
            value: "nobody-should-see-this".to_owned(),
            mount: Some(Mount::EnvironmentVariable(true)),
            scope: scope.clone(),
            ..CreateSecretRequest::default()
        };
        println!("{request:?}");
        secrets.create_secret(request).await?;
    }
    let request = ListSecretsRequest {
        filter: Some(list_secrets_request::Filter {
            scope,
            ..list_secrets_request::Filter::default()
        }),
        ..ListSecretsRequest::default()
    };
    let mut all = secrets.list_secrets(request).items();
    while let Some(secret) = all.try_next().await? {
        println!("{} {}", secret.id, secret.name);
    }
    Ok(())
}

fn serve(server: &Server) {
    let names = Arc::new(Mutex::new(Vec::new()));
    let secret = |(number, name): (usize, &String)| Secret {
        id: common::id(number + 1),
        name: name.clone(),
        ..Secret::default()
    };
    let created = Arc::clone(&names);
    server.handle::<CreateSecret, _, _>(move |request| {
        let mut names = created.lock().unwrap_or_else(PoisonError::into_inner);
        names.push(request.name.clone());
        let secret = names.iter().enumerate().next_back().map(secret);
        async move { Ok(CreateSecretResponse { secret }) }
    });
    server.handle::<ListSecrets, _, _>(move |request| {
        let names = names.lock().unwrap_or_else(PoisonError::into_inner);
        let all = names.iter().enumerate().map(secret);
        let (secrets, pagination) = common::page(all, request.pagination.as_ref());
        async move {
            Ok(ListSecretsResponse {
                secrets,
                pagination,
            })
        }
    });
}
