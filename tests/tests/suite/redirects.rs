//! Redirects between real servers over TLS: the credential goes where it is allowed to, and nowhere
//! else.

use gitpod_client::types::v1::RegenerateScimTokenRequest;
use gitpod_client::{Client, ClientBuilder, Code, Error, http};
use gitpod_testing::{Fault, Server, Tls};

const TOKEN: &str = "a-token-of-both-servers";

async fn start() -> Server {
    let server = Server::builder().tls(Tls::default()).start().await.unwrap();
    server.accept_api_key(TOKEN);
    server
}

/// A client of `first` that trusts both.
fn builder(first: &Server, second: &Server) -> ClientBuilder {
    let roots = [first, second].map(|server| server.root_certificate().unwrap());
    Client::builder()
        .base_url(first.base_url())
        .token(TOKEN)
        .runtime(|runtime| {
            let [first, second] = roots;
            runtime.root_certificates(first).root_certificates(second)
        })
}

/// An answer that sends the caller to the same method of `server`.
fn redirect(status: u16, server: &Server) -> Fault {
    let path = "gitpod.v1.OrganizationService/RegenerateSCIMToken";
    let response = http::Response::builder().status(status).header(
        "location",
        format!("{}/{path}?a-secret-query", server.base_url()),
    );
    Fault::response(response.body("").unwrap())
}

async fn regenerate(client: &Client, server: &Server) -> Result<String, Error> {
    let request = RegenerateScimTokenRequest {
        scim_configuration_id: server.scim_configuration_id().to_owned(),
        token_expires_in: None,
    };
    let response = client.organization().regenerate_scim_token(request).await?;
    Ok(response.into_inner().token)
}

fn origin(server: &Server) -> String {
    format!("https://127.0.0.1:{}", server.port())
}

#[tokio::test]
async fn to_an_allowed_origin() {
    let (first, second) = (start().await, start().await);
    for http2 in [false, true] {
        let client = builder(&first, &second)
            .runtime(|runtime| runtime.redirect_origins([origin(&second)]))
            .runtime(|runtime| {
                if http2 {
                    runtime.http2_only()
                } else {
                    runtime.http1_only()
                }
            })
            .build()
            .unwrap();
        for status in [307, 308] {
            let before = second.tokens_issued().len();
            first.inject(redirect(status, &second));
            let token = regenerate(&client, &second).await.unwrap();
            let issued = second.tokens_issued();
            assert_eq!(issued.len(), before + 1, "once");
            assert_eq!(issued.last(), Some(&token));
        }
    }
}

#[tokio::test]
async fn to_any_other_origin() {
    let (first, second) = (start().await, start().await);
    for (status, allowed) in [
        (307, false),
        (308, false),
        (301, true),
        (302, true),
        (303, true),
    ] {
        let mut builder = builder(&first, &second);
        if allowed {
            builder = builder.runtime(|runtime| runtime.redirect_origins([origin(&second)]));
        }
        first.inject(redirect(status, &second));
        let error = regenerate(&builder.build().unwrap(), &second)
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::Unknown, "{error}");
        assert!(error.message().contains(&origin(&second)), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert_eq!(second.call_count(), 0, "nothing was sent there");
    }
}
