//! The SCIM endpoint, which says whether a token is alive.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use gitpod_client::connect_hyper::{Client, HttpClient};
use gitpod_client::http::{HeaderValue, Request, Uri};
use gitpod_client::{Code, Error};

use crate::{Probe, Token};

/// Nothing depends on its answer, so it isn't waited for any longer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Tries tokens at the SCIM endpoint, with the request that Entra's own test makes: for a user whom
/// nobody is called.
///
/// It is used only where the endpoint says 401 to what can't be a token.
#[derive(Debug, Clone)]
pub struct ScimEndpoint {
    url: String,
    http: HttpClient,
}

impl ScimEndpoint {
    /// The endpoint's base URL, which Ona shows in its settings page. A token goes over plain http to
    /// this machine alone.
    ///
    /// # Errors
    ///
    /// `invalid_argument` for what can't be one; `failed_precondition` if the system has no root
    /// certificates.
    pub fn new(url: impl Into<String>) -> Result<Self, Error> {
        let url = url.into().trim_end_matches('/').to_owned();
        let builder = Client::builder(&url).timeout(TIMEOUT);
        let endpoint = Self {
            http: builder.build_http()?,
            url,
        };
        let uri = endpoint.uri()?;
        let local = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if uri.scheme_str() != Some("https") && !local {
            return Err(Error::new(
                Code::InvalidArgument,
                "expected the URL that Ona's settings page shows, which begins with https://",
            ));
        }
        Ok(endpoint)
    }

    /// The users of whom there is none.
    fn uri(&self) -> Result<Uri, Error> {
        let id = format!("{:016x}{:016x}", random(), random());
        let uri = format!(
            "{}/Users?filter=userName%20eq%20%22{}-{}-4{}-8{}-{}%22&count=1",
            self.url,
            &id[..8],
            &id[8..12],
            &id[13..16],
            &id[17..20],
            &id[20..]
        );
        uri.parse()
            .map_err(|_| Error::new(Code::InvalidArgument, "expected a URL"))
    }

    /// What the endpoint says to a token.
    pub(super) async fn tries(&self, token: &Token) -> Probe {
        match self.status(token).await {
            Some(200) => Probe::Live,
            Some(401) => Probe::Dead,
            _ => Probe::Unknown,
        }
    }

    async fn status(&self, token: &Token) -> Option<u16> {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose())).ok()?;
        bearer.set_sensitive(true);
        let request = Request::get(self.uri().ok()?)
            .header("authorization", bearer)
            .header("accept", "application/scim+json, application/json")
            .body(Default::default())
            .ok()?;
        let response = self.http.send(request).await.ok()?;
        Some(response.status().as_u16())
    }

    /// Whether its word counts: it has to refuse what can't be a token.
    pub(super) async fn is_of_use(&self) -> bool {
        let none = Token::new(format!("not-a-token-{:016x}", random()));
        self.tries(&none).await == Probe::Dead
    }
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use gitpod_testing::{Fault, Server};

    use super::*;

    #[tokio::test]
    async fn tells_a_live_token_from_a_dead_one() {
        let server = Server::start().await.unwrap();
        let endpoint = ScimEndpoint::new(format!("{}/", server.scim_base_url())).unwrap();
        assert!(endpoint.is_of_use().await);
        let token = Token::new(server.scim_token().to_owned());
        assert_eq!(endpoint.tries(&token).await, Probe::Live);
        let dead = Token::new("dead".into());
        assert_eq!(endpoint.tries(&dead).await, Probe::Dead);
        let calls = server.calls();
        let last = calls.last().unwrap();
        assert_eq!(last.method(), "GET");
        assert_eq!(last.path(), "/scim/v2/Users");
        let query = last.query().unwrap();
        assert!(query.starts_with("filter=userName%20eq%20%22"), "{query}");
        assert!(query.ends_with("%22&count=1"), "{query}");
        assert_eq!(query.len(), 26 + 36 + 11, "{query}");
    }

    #[tokio::test]
    async fn one_that_takes_anything_is_of_no_use() {
        let server = Server::start().await.unwrap();
        let endpoint = ScimEndpoint::new(server.scim_base_url()).unwrap();
        let page = Fault::html(gitpod_testing::http::StatusCode::OK);
        server.inject(page.on_scim_endpoint().always());
        assert!(!endpoint.is_of_use().await);
        server.kill();
        assert!(!endpoint.is_of_use().await);
    }

    #[test]
    fn a_url_is_checked() {
        for wrong in ["", "not a url", "ftp://x", "http://example.com/scim"] {
            let error = ScimEndpoint::new(wrong).unwrap_err();
            assert_eq!(error.code(), Code::InvalidArgument, "{wrong}: {error}");
        }
    }
}
