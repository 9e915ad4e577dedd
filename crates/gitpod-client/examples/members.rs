//! The members of the organization: page by page, as one stream, and on from where one was left.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::BoxError;
use gitpod_client::organization::ListMembers;
use gitpod_client::types::v1::{
    ListMembersRequest, ListMembersResponse, ListScimConfigurationsRequest,
    ListSsoConfigurationsRequest, OrganizationMember, OrganizationRole,
};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let organization = api.client.organization();

    // Which organization it is follows from the credential here, and so from any configuration.
    let scim = organization.list_scim_configurations(ListScimConfigurationsRequest::default());
    let sso = organization.list_sso_configurations(ListSsoConfigurationsRequest::default());
    let organization_id = match scim.items().try_next().await? {
        Some(scim) => scim.organization_id,
        None => match sso.items().try_next().await? {
            Some(sso) => sso.organization_id,
            None => return Err("the organization has neither SCIM nor SSO".into()),
        },
    };
    let request = ListMembersRequest {
        organization_id,
        ..ListMembersRequest::default()
    };

    // All of them; the next page is on its way while this one is printed.
    let mut members = organization
        .list_members(request.clone())
        .items()
        .page_size(100)
        .prefetch();
    let (mut all, mut admins) = (0, 0);
    while let Some(member) = members.try_next().await? {
        all += 1;
        if member.role() == OrganizationRole::Admin {
            admins += 1;
            println!("{} is an administrator", member.full_name);
        }
    }
    println!("{all} members, {admins} of them administrators");

    // A page, and where the next one begins: enough to go on tomorrow.
    let mut pages = organization
        .list_members(request.clone())
        .pages()
        .page_size(10);
    if let Some(page) = pages.try_next().await? {
        println!("{} on the first page", page.members.len());
    }
    if let Some(token) = pages.resume_token() {
        let mut rest = organization
            .list_members(request)
            .items()
            .resume_from(token);
        let first = rest.try_next().await?;
        println!(
            "the second page begins with {:?}",
            first.map(|member| member.full_name)
        );
    }
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListMembers, _, _>(|request| async move {
        let member = |number: usize| OrganizationMember {
            user_id: common::id(number),
            full_name: format!("Member {number}"),
            email: format!("member-{number}@example.com"),
            role: match number % 50 {
                0 => OrganizationRole::Admin.into(),
                _ => OrganizationRole::Member.into(),
            },
            ..OrganizationMember::default()
        };
        let (members, pagination) = common::page((0..250).map(member), request.pagination.as_ref());
        Ok(ListMembersResponse {
            members,
            pagination,
            ..ListMembersResponse::default()
        })
    });
}
