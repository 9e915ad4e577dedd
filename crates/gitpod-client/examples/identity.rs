//! Who the credential belongs to, and what else there is to sign in with: tokens, service accounts,
//! organizations to join.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::account::ListJoinableOrganizations;
use gitpod_client::identity::GetAuthenticatedIdentity;
use gitpod_client::service_account::ListServiceAccounts;
use gitpod_client::types::v1::{
    GetAuthenticatedIdentityRequest, GetAuthenticatedIdentityResponse, JoinableOrganization,
    ListJoinableOrganizationsRequest, ListJoinableOrganizationsResponse,
    ListPersonalAccessTokensRequest, ListPersonalAccessTokensResponse, ListServiceAccountsRequest,
    ListServiceAccountsResponse, PersonalAccessToken, Principal, ServiceAccount, Subject,
};
use gitpod_client::user::ListPersonalAccessTokens;
use gitpod_client::{BoxError, Code};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let client = api.client;
    let request = GetAuthenticatedIdentityRequest::default();
    let identity = client
        .identity()
        .get_authenticated_identity(request)
        .await?;
    let subject = identity.subject.clone().unwrap_or_default();
    println!(
        "{:?} {} of {}",
        subject.principal(),
        subject.id,
        identity.organization_id
    );

    let request = ListPersonalAccessTokensRequest::default();
    let mut tokens = client.user().list_personal_access_tokens(request).items();
    while let Some(token) = tokens.try_next().await? {
        let expires = token.expires_at.map_or(0, |at| at.seconds);
        println!("token {:?}, expires at {expires}", token.description);
    }
    let request = ListServiceAccountsRequest::default();
    let mut accounts = client
        .service_account()
        .list_service_accounts(request)
        .items();
    loop {
        match accounts.try_next().await {
            Ok(Some(account)) => println!("service account {:?}", account.name),
            Ok(None) => break,
            // Not everybody may see them.
            Err(error) if error.code() == Code::PermissionDenied => {
                println!("service accounts: {error}");
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let request = ListJoinableOrganizationsRequest::default();
    let mut organizations = client
        .account()
        .list_joinable_organizations(request)
        .items();
    while let Some(organization) = organizations.try_next().await? {
        println!("could join {:?}", organization.organization_name);
    }
    Ok(())
}

fn serve(server: &Server) {
    let organization_id = server.organization_id().to_owned();
    server.handle::<GetAuthenticatedIdentity, _, _>(move |_| {
        let identity = GetAuthenticatedIdentityResponse {
            subject: Some(Subject {
                id: common::id(1),
                principal: Principal::User.into(),
            }),
            organization_id: organization_id.clone(),
            ..GetAuthenticatedIdentityResponse::default()
        };
        async move { Ok(identity) }
    });
    server.handle::<ListPersonalAccessTokens, _, _>(|request| async move {
        let token = |number| PersonalAccessToken {
            id: common::id(number),
            description: format!("laptop {number}"),
            expires_at: common::day(90),
            ..PersonalAccessToken::default()
        };
        let all = (1..=2).map(token);
        let (personal_access_tokens, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListPersonalAccessTokensResponse {
            pagination,
            personal_access_tokens,
        })
    });
    server.handle::<ListServiceAccounts, _, _>(|request| async move {
        let account = |number| ServiceAccount {
            id: common::id(number),
            name: format!("robot-{number}"),
            ..ServiceAccount::default()
        };
        let all = (1..=2).map(account);
        let (service_accounts, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListServiceAccountsResponse {
            pagination,
            service_accounts,
        })
    });
    server.handle::<ListJoinableOrganizations, _, _>(|request| async move {
        let organization = JoinableOrganization {
            organization_id: common::id(9),
            organization_name: "Another".to_owned(),
            ..JoinableOrganization::default()
        };
        let all = [organization];
        let (joinable_organizations, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListJoinableOrganizationsResponse {
            joinable_organizations,
            pagination,
        })
    });
}
