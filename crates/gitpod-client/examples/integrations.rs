//! What is connected to the organization: integrations, webhooks, gateways and editors.

#![allow(clippy::print_stdout)]

mod common;

use gitpod_client::BoxError;
use gitpod_client::editor::ListEditors;
use gitpod_client::gateway::ListGateways;
use gitpod_client::integration::ListIntegrations;
use gitpod_client::types::v1::{
    Editor, Gateway, Integration, ListEditorsRequest, ListEditorsResponse, ListGatewaysRequest,
    ListGatewaysResponse, ListIntegrationsRequest, ListIntegrationsResponse, ListWebhooksRequest,
    ListWebhooksResponse, Webhook, webhook,
};
use gitpod_client::webhook::ListWebhooks;
use gitpod_testing::Server;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let api = common::connect(serve).await?;
    let client = api.client;
    let call = client
        .integration()
        .list_integrations(ListIntegrationsRequest::default());
    let mut integrations = call.items();
    while let Some(integration) = integrations.try_next().await? {
        let is = if integration.enabled { "on" } else { "off" };
        println!("integration {:?} is {is}", integration.name);
    }
    let call = client
        .webhook()
        .list_webhooks(ListWebhooksRequest::default());
    let mut webhooks = call.items();
    while let Some(webhook) = webhooks.try_next().await? {
        let name = webhook.metadata.unwrap_or_default().name;
        println!(
            "webhook {name:?} starts {} workflows",
            webhook.bound_workflow_count
        );
    }
    let call = client
        .gateway()
        .list_gateways(ListGatewaysRequest::default());
    let mut gateways = call.items();
    while let Some(gateway) = gateways.try_next().await? {
        println!("gateway {:?} in {:?}", gateway.name, gateway.region);
    }
    let call = client.editor().list_editors(ListEditorsRequest::default());
    let mut editors = call.items();
    while let Some(editor) = editors.try_next().await? {
        println!("editor {:?}", editor.name);
    }
    Ok(())
}

fn serve(server: &Server) {
    server.handle::<ListIntegrations, _, _>(|request| async move {
        let integration = Integration {
            id: common::id(1),
            name: "Issues".to_owned(),
            enabled: true,
            ..Integration::default()
        };
        let (integrations, pagination) = common::page([integration], request.pagination.as_ref());
        Ok(ListIntegrationsResponse {
            pagination,
            integrations,
        })
    });
    server.handle::<ListWebhooks, _, _>(|request| async move {
        let webhook = Webhook {
            id: common::id(1),
            metadata: Some(webhook::Metadata {
                name: "Pushes".to_owned(),
                ..webhook::Metadata::default()
            }),
            bound_workflow_count: 2,
            ..Webhook::default()
        };
        let (webhooks, pagination) = common::page([webhook], request.pagination.as_ref());
        Ok(ListWebhooksResponse {
            pagination,
            webhooks,
        })
    });
    server.handle::<ListGateways, _, _>(|request| async move {
        let gateway = Gateway {
            name: "frankfurt".to_owned(),
            url: "https://gateway.example.com".to_owned(),
            region: "eu-central-1".to_owned(),
        };
        let (gateways, pagination) = common::page([gateway], request.pagination.as_ref());
        Ok(ListGatewaysResponse {
            gateways,
            pagination,
        })
    });
    server.handle::<ListEditors, _, _>(|request| async move {
        let editor = |name: &str| Editor {
            id: name.to_lowercase(),
            name: name.to_owned(),
            ..Editor::default()
        };
        let all = ["Helix", "Zed"].map(editor);
        let (editors, pagination) = common::page(all, request.pagination.as_ref());
        Ok(ListEditorsResponse {
            editors,
            pagination,
        })
    });
}
