//! Groups and teams, each with its members: a listing within a listing.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::BoxError;
use gitpod_client::group::{ListGroups, ListMemberships};
use gitpod_client::team::{ListTeamMembers, ListTeams};
use gitpod_client::types::v1::{
    Group, GroupMembership, ListGroupsRequest, ListGroupsResponse, ListMembershipsRequest,
    ListMembershipsResponse, ListTeamMembersRequest, ListTeamMembersResponse, ListTeamsRequest,
    ListTeamsResponse, Team, TeamMember,
};
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let mut groups = api
        .client
        .group()
        .list_groups(ListGroupsRequest::default())
        .items();
    while let Some(group) = groups.try_next().await? {
        println!("group {:?}", group.name);
        let request = ListMembershipsRequest {
            group_id: group.id,
            ..ListMembershipsRequest::default()
        };
        let mut members = api.client.group().list_memberships(request).items();
        while let Some(member) = members.try_next().await? {
            println!("    {}", member.name);
        }
    }
    let mut teams = api
        .client
        .team()
        .list_teams(ListTeamsRequest::default())
        .items();
    while let Some(team) = teams.try_next().await? {
        println!("team {:?}", team.name);
        let request = ListTeamMembersRequest {
            team_id: team.id,
            ..ListTeamMembersRequest::default()
        };
        let mut members = api.client.team().list_team_members(request).items();
        while let Some(member) = members.try_next().await? {
            println!("    {}", member.name);
        }
    }
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListGroups, _, _>(|request| async move {
        let group = |number| Group {
            id: common::id(number),
            name: format!("group-{number}"),
            ..Group::default()
        };
        let (groups, pagination) = common::page((1..=2).map(group), request.pagination.as_ref());
        Ok(ListGroupsResponse { pagination, groups })
    });
    server.handle::<ListMemberships, _, _>(|request| async move {
        let member = |number| GroupMembership {
            id: common::id(number),
            name: format!("Member {number}"),
            ..GroupMembership::default()
        };
        let (members, pagination) = common::page((1..=3).map(member), request.pagination.as_ref());
        Ok(ListMembershipsResponse {
            pagination,
            members,
        })
    });
    server.handle::<ListTeams, _, _>(|request| async move {
        let team = |number| Team {
            id: common::id(number),
            name: format!("team-{number}"),
            ..Team::default()
        };
        let (teams, pagination) = common::page((1..=2).map(team), request.pagination.as_ref());
        Ok(ListTeamsResponse { pagination, teams })
    });
    server.handle::<ListTeamMembers, _, _>(|request| async move {
        let member = |number| TeamMember {
            id: common::id(number),
            name: format!("Member {number}"),
            ..TeamMember::default()
        };
        let (members, pagination) = common::page((1..=3).map(member), request.pagination.as_ref());
        Ok(ListTeamMembersResponse {
            members,
            pagination,
            ..ListTeamMembersResponse::default()
        })
    });
}
