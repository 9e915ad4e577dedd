//! The SCIM endpoint (RFC 7644), as far as it tells a live token from a dead one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::store::Store;
use crate::credential::bearer;

/// The endpoint: a view of the state that knows of tokens alone.
#[derive(Debug)]
pub(crate) struct ScimEndpoint {
    store: Arc<Mutex<Store>>,
}

impl ScimEndpoint {
    pub(crate) fn new(store: Arc<Mutex<Store>>) -> Self {
        Self { store }
    }

    /// Answers a request to `path`, which is what follows the endpoint's base URL.
    pub(crate) fn answer(&self, parts: &Parts, path: &str, now: SystemTime) -> Response<Bytes> {
        let live = bearer(&parts.headers).is_some_and(|token| {
            let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
            store.is_live(token, now)
        });
        if !live {
            let mut response = error(StatusCode::UNAUTHORIZED, "the token isn't valid");
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return response;
        }
        let body = match path {
            "/ServiceProviderConfig" => service_provider_config(),
            // Whatever the filter is: nobody has been provisioned.
            "/Users" | "/Groups" => empty_list(),
            _ => return error(StatusCode::NOT_FOUND, "no such endpoint"),
        };
        if parts.method != Method::GET {
            let mut response = error(StatusCode::METHOD_NOT_ALLOWED, "only GET is served here");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        respond(StatusCode::OK, &body)
    }
}

fn respond(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/scim+json"),
    );
    response
}

/// RFC 7644, section 3.12.
fn error(status: StatusCode, detail: &str) -> Response<Bytes> {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.as_str(),
        "detail": detail,
    });
    respond(status, &body)
}

/// RFC 7644, section 3.4.2.
fn empty_list() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": 0,
        "startIndex": 1,
        "itemsPerPage": 0,
        "Resources": [],
    })
}

/// RFC 7643, section 5.
fn service_provider_config() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": false},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": 100},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": false},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The SCIM configuration's token",
            "primary": true,
        }],
        "meta": {"resourceType": "ServiceProviderConfig"},
    })
}
