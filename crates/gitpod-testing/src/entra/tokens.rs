//! The token endpoint: client credentials, by secret or by a federated assertion (RFC 6749, section 4.4;
//! RFC 7523, section 2.2).

use std::borrow::Cow;

use http::StatusCode;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::answer::{Answer, oauth_error, of};
use super::state::State;

/// What Microsoft Graph's own tokens are asked for with.
const SCOPE: &str = "https://graph.microsoft.com/.default";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(super) fn answer(state: &mut State, tenant: &str, form: &str) -> Answer {
    let field = |name: &str| {
        form.split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| decode(value))
            .unwrap_or_default()
    };
    if tenant != state.tenant_id {
        return oauth_error("invalid_request", "AADSTS90002: the tenant isn't known");
    }
    if field("grant_type") != "client_credentials" {
        return oauth_error("unsupported_grant_type", "AADSTS70003: not this grant");
    }
    if field("client_id") != state.client_id {
        return oauth_error("unauthorized_client", "AADSTS700016: no such application");
    }
    if field("scope") != SCOPE {
        return oauth_error("invalid_scope", "AADSTS1002012: the scope isn't valid");
    }
    let assertion = field("client_assertion");
    let is_known = if assertion.is_empty() {
        field("client_secret") == state.client_secret.reveal()
    } else {
        field("client_assertion_type") == ASSERTION && assertion == state.assertion.reveal()
    };
    if !is_known {
        return oauth_error("invalid_client", "AADSTS7000215: an invalid client secret");
    }
    let token = state.issue();
    let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token});
    of(StatusCode::OK, &body)
}

fn decode(value: &str) -> String {
    let spaced: Cow<'_, str> = value.replace('+', " ").into();
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
