//! What can be known of our own credential.

use std::time::Duration;

use gitpod_client::types::TimestampExt;
use gitpod_client::types::v1::{
    self, GetAuthenticatedIdentityRequest, ListPersonalAccessTokensRequest, PersonalAccessToken,
    Principal,
};
use gitpod_client::{Client, Error};
use jiff::Timestamp;

use super::service::{PAGES, Service, Told, page};
use crate::event::CredentialCheck;
use crate::time::{plus, seconds};

impl Service {
    /// Whether our credential may write and lasts. Which personal access token it is can't be read,
    /// so only what holds for all of ours counts.
    pub(super) async fn credential(
        &self,
        outlives: Option<Duration>,
        date: Option<Timestamp>,
    ) -> Told<CredentialCheck> {
        let tokens = match own_access_tokens(&self.client).await {
            Ok(tokens) => tokens,
            Err(error) => {
                return Told {
                    result: CredentialCheck::Fine,
                    error: Some(format!("not checked: {error}")),
                };
            }
        };
        let Some(date) = date else {
            return not_checked("not checked: no Date of the service's is known");
        };
        let ends = |token: &PersonalAccessToken| token.expires_at.as_ref()?.to_jiff().ok();
        let live: Vec<_> = tokens
            .iter()
            .filter(|token| ends(token).is_none_or(|end| end > date))
            .collect();
        if live.is_empty() {
            return not_checked("not checked: no personal access token of ours can be read");
        }
        if live.iter().all(|token| token.read_only) {
            return Told {
                result: CredentialCheck::ReadOnly,
                error: Some(
                    "every live personal access token of this user is read-only: make one that may \
                     write"
                        .into(),
                ),
            };
        }
        let last = live.iter().map(|token| ends(token)).max_by_key(|end| {
            // One without an end is the last.
            end.unwrap_or(Timestamp::MAX)
        });
        let Some(Some(last)) = last else {
            return Told::new(CredentialCheck::Fine);
        };
        let needed = outlives.map(|time| plus(date, seconds(time.as_secs())));
        match needed {
            Some(needed) if last < needed => Told {
                result: CredentialCheck::EndsTooSoon,
                error: Some(format!(
                    "the last personal access token of this user ends at {last}, and the next \
                     rotation is due at {needed}: give this one a newer credential"
                )),
            },
            _ => Told {
                result: CredentialCheck::Fine,
                error: Some(format!(
                    "a personal access token of this user ends at {last}"
                )),
            },
        }
    }
}

fn not_checked(why: &str) -> Told<CredentialCheck> {
    Told {
        result: CredentialCheck::Fine,
        error: Some(why.to_owned()),
    }
}

/// Who calls, by id, and what they are.
pub(super) async fn identity(client: &Client) -> Result<(String, Principal), Error> {
    let request = GetAuthenticatedIdentityRequest {};
    let call = client.identity().get_authenticated_identity(request);
    let subject = call.await?.into_inner().subject.unwrap_or_default();
    Ok((subject.id.clone(), subject.principal()))
}

/// The personal access tokens of the user who calls; none, if it isn't a user. Which one this client
/// calls with can't be read.
///
/// # Errors
///
/// They can't be listed.
pub async fn own_access_tokens(client: &Client) -> Result<Vec<PersonalAccessToken>, Error> {
    let (user, principal) = identity(client).await?;
    if principal != Principal::User {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    let mut token = String::new();
    for _ in 0..PAGES {
        let request = ListPersonalAccessTokensRequest {
            pagination: page(token),
            filter: Some(v1::list_personal_access_tokens_request::Filter {
                user_ids: vec![user.clone()],
            }),
        };
        let response = client.user().list_personal_access_tokens(request).await?;
        let response = response.into_inner();
        all.extend(response.personal_access_tokens);
        token = response.pagination.unwrap_or_default().next_token;
        if token.is_empty() {
            break;
        }
    }
    all.retain(|token| token.user_id == user);
    Ok(all)
}
