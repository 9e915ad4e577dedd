//! Microsoft Entra ID as a sink, against a server that is as strict as it and tries what it was given.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use gitpod_client::Client;
use gitpod_client::types::v1::RegenerateScimTokenRequest;
use gitpod_rotation::{EntraConfig, EntraCredential, EntraSink, Sink, Token, Verdict};
use gitpod_testing::{Entra, EntraBuilder, EntraRight, Server};

/// Ona with a SCIM configuration, and an Entra that provisions to it.
struct World {
    server: Server,
    entra: Entra,
}

impl World {
    async fn new(set: impl FnOnce(EntraBuilder) -> EntraBuilder) -> Self {
        let server = Server::start().await.unwrap();
        let builder = Entra::builder().saved(server.scim_base_url(), server.scim_token());
        let entra = set(builder).start().await.unwrap();
        Self { server, entra }
    }

    /// The application that rotates, by its secret, with these variables beside.
    fn sink_with(&self, more: &[(&str, &str)]) -> EntraSink {
        EntraSink::new(self.config(more)).unwrap()
    }

    fn sink(&self) -> EntraSink {
        self.sink_with(&[])
    }

    fn config(&self, more: &[(&str, &str)]) -> EntraConfig {
        let entra = &self.entra;
        let mut variables: HashMap<String, String> = [
            ("ENTRA_SERVICE_PRINCIPAL_ID", entra.service_principal_id()),
            ("ENTRA_GRAPH_URL", entra.graph_url()),
            ("AZURE_AUTHORITY_HOST", entra.authority_host()),
            ("AZURE_TENANT_ID", entra.tenant_id()),
            ("AZURE_CLIENT_ID", entra.client_id()),
            ("AZURE_CLIENT_SECRET", entra.client_secret()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        variables.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        EntraConfig::default()
            .or_env(|name| variables.get(name).map(Into::into))
            .unwrap()
    }

    /// Kills the old token, and returns the new one.
    async fn regenerate(&self) -> Token {
        let client = Client::builder()
            .base_url(self.server.base_url())
            .token(self.server.api_key())
            .build()
            .unwrap();
        let request = RegenerateScimTokenRequest {
            scim_configuration_id: self.server.scim_configuration_id().to_owned(),
            ..Default::default()
        };
        let answer = client
            .organization()
            .regenerate_scim_token(request)
            .await
            .unwrap();
        Token::new(answer.into_inner().token)
    }
}

/// What the sink says of an error, which has no secret in it.
fn told<T: std::fmt::Debug>(
    world: &World,
    sink: &EntraSink,
    result: Result<T, gitpod_rotation::SinkError>,
) -> String {
    let text = result.unwrap_err().to_string();
    search(world, &format!("{text} {sink:?}"));
    text
}

fn search(world: &World, text: &str) {
    let mut secrets = world.server.tokens_issued();
    secrets.push(world.entra.client_secret());
    for secret in secrets {
        assert!(!text.contains(&secret), "a secret in: {text}");
    }
}

#[tokio::test]
async fn a_new_token_is_saved_and_tried() {
    for replaces in [false, true] {
        let world = World::new(|entra| if replaces { entra.replaces() } else { entra }).await;
        let sink = world.sink();
        sink.preflight().await.unwrap();
        assert_eq!(world.entra.writes(), 0, "preflight changes nothing");
        assert_eq!(sink.verify(None).await.unwrap(), Verdict::Works);

        let token = world.regenerate().await;
        assert_eq!(sink.verify(None).await.unwrap(), Verdict::Doesnt);
        assert!(!world.entra.provisions().await);
        // Again is harmless.
        for _ in 0..2 {
            sink.push(&token).await.unwrap();
            assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Works);
            assert!(world.entra.provisions().await);
        }
        assert_eq!(
            world.entra.saved("SecretToken").as_deref(),
            Some(token.expose())
        );
        let address = world.entra.saved("BaseAddress");
        assert_eq!(address.as_deref(), Some(world.server.scim_base_url()));
        assert_eq!(world.entra.starts(), 0);
        search(
            &world,
            &format!("{sink:?} {:?} {:?}", sink.notes(), world.entra),
        );
    }
}

#[tokio::test]
async fn a_key_that_vanishes_is_named() {
    let world = World::new(|entra| entra.also_saved("SyncAll", "false").replaces()).await;
    let sink = world.sink();
    sink.preflight().await.unwrap();
    let token = world.regenerate().await;
    let error = told(&world, &sink, sink.push(&token).await);
    assert!(error.contains("SyncAll"), "{error}");
    // It is in place all the same; and once a person has set the key again, all is well.
    assert!(world.entra.provisions().await);
    world.entra.save("SyncAll", "false");
    let sink = world.sink();
    assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Works);

    let merging = World::new(|entra| entra.also_saved("SyncAll", "false")).await;
    let sink = merging.sink();
    sink.preflight().await.unwrap();
    sink.push(&merging.regenerate().await).await.unwrap();
    assert_eq!(merging.entra.saved("SyncAll").as_deref(), Some("false"));
}

#[tokio::test]
async fn the_url_of_the_endpoint_is_kept() {
    let world = World::new(EntraBuilder::masks_all).await;
    let sink = world.sink();
    let error = told(&world, &sink, sink.preflight().await);
    assert!(
        error.contains("base-address") && error.contains("ENTRA_BASE_ADDRESS"),
        "{error}"
    );
    let sink = world.sink_with(&[("ENTRA_BASE_ADDRESS", world.server.scim_base_url())]);
    sink.preflight().await.unwrap();
    let token = world.regenerate().await;
    sink.push(&token).await.unwrap();
    assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Works);

    // A flag in the query, which the person has left out.
    let world = World::new(|entra| entra).await;
    let whole = format!("{}?aadOptscim062020", world.server.scim_base_url());
    world.entra.save("BaseAddress", &whole);
    let sink = world.sink_with(&[("ENTRA_BASE_ADDRESS", world.server.scim_base_url())]);
    let error = told(&world, &sink, sink.preflight().await);
    assert!(
        error.contains(&whole) && error.contains("base-address"),
        "{error}"
    );
    let sink = world.sink();
    sink.preflight().await.unwrap();
    sink.push(&world.regenerate().await).await.unwrap();
    assert_eq!(world.entra.saved("BaseAddress"), Some(whole));
}

#[tokio::test]
async fn a_right_that_is_missing_is_found_before_anything_is_asked_for() {
    for (right, words) in [
        (
            EntraRight::Write,
            "having the saved token tried failed (403",
        ),
        (EntraRight::Read, "reading what is saved failed (403"),
    ] {
        let world = World::new(|entra| entra).await;
        world.entra.revoke(right);
        let sink = world.sink();
        let error = told(&world, &sink, sink.preflight().await);
        assert!(error.contains(words), "{error}");
        assert!(error.contains("Synchronization.ReadWrite.All"), "{error}");
        assert_eq!(world.entra.writes(), 0);
    }
}

#[tokio::test]
async fn credentials() {
    let world = World::new(|entra| entra).await;
    // A workload's identity: the file is read each time.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertion");
    std::fs::write(&file, world.entra.federated_assertion()).unwrap();
    let path = file.to_str().unwrap();
    let workload = [
        ("AZURE_CLIENT_SECRET", ""),
        ("AZURE_FEDERATED_TOKEN_FILE", path),
    ];
    let sink = world.sink_with(&workload);
    sink.preflight().await.unwrap();
    world.entra.expire_access_tokens();
    std::fs::remove_file(&file).unwrap();
    let error = told(&world, &sink, sink.preflight().await);
    assert!(
        error.contains("federated-token-file") && error.contains(path),
        "{error}"
    );

    // An access token of a person's, which nobody here can renew.
    let token = world.entra.access_token();
    let sink = world.sink_with(&[("GRAPH_TOKEN", &token)]);
    sink.preflight().await.unwrap();
    world.entra.expire_access_tokens();
    let error = told(&world, &sink, sink.preflight().await);
    assert!(
        error.contains("GRAPH_TOKEN") && !error.contains(&token),
        "{error}"
    );
    assert!(!format!("{sink:?}").contains(&token));

    // An application renews its own.
    let sink = world.sink();
    sink.preflight().await.unwrap();
    world.entra.expire_access_tokens();
    sink.preflight().await.unwrap();

    for (variable, value, word) in [
        ("AZURE_CLIENT_SECRET", "wrong", "invalid_client"),
        ("AZURE_CLIENT_ID", "wrong", "unauthorized_client"),
        ("AZURE_TENANT_ID", "wrong", "AADSTS90002"),
        // Another cloud's scope.
        ("ENTRA_CLOUD", "us-government", "invalid_scope"),
    ] {
        let sink = world.sink_with(&[(variable, value)]);
        let error = told(&world, &sink, sink.preflight().await);
        assert!(error.contains(word), "{variable}: {error}");
    }
}

#[tokio::test]
async fn configurations_that_cannot_work() {
    let world = World::new(|entra| entra).await;
    for (variable, value, words) in [
        (
            "ENTRA_SERVICE_PRINCIPAL_ID",
            "",
            "service-principal-id (or ENTRA_SERVICE_PRINCIPAL_ID) is missing",
        ),
        (
            "ENTRA_SERVICE_PRINCIPAL_ID",
            "my-app",
            "service-principal-id: expected a UUID",
        ),
        (
            "ENTRA_GRAPH_URL",
            "http://graph.example.com",
            "graph-url: expected an https URL",
        ),
        (
            "AZURE_AUTHORITY_HOST",
            "login.example.com",
            "authority-host: expected an https URL",
        ),
        ("AZURE_TENANT_ID", "", "tenant-id (or AZURE_TENANT_ID)"),
        ("AZURE_CLIENT_ID", "", "client-id (or AZURE_CLIENT_ID)"),
    ] {
        let config = world.config(&[(variable, value)]);
        let error = EntraSink::new(config).unwrap_err().to_string();
        assert!(error.contains(words), "{variable}: {error}");
    }
    for (variable, value) in [("ENTRA_CLOUD", "mars"), ("ENTRA_CREDENTIAL", "password")] {
        let read = |name: &str| (name == variable).then(|| value.into());
        let error = EntraConfig::default().or_env(read).unwrap_err().to_string();
        assert!(
            error.contains(variable) && !error.contains(value),
            "{error}"
        );
    }
    let mut config = world.config(&[("AZURE_CLIENT_SECRET", "")]);
    config.credential = Some(EntraCredential::ClientSecret);
    let error = EntraSink::new(config).unwrap_err().to_string();
    assert!(error.contains("AZURE_CLIENT_SECRET"), "{error}");

    let elsewhere = "00000000-0000-4000-8000-000000000000";
    let sink = world.sink_with(&[("ENTRA_SERVICE_PRINCIPAL_ID", elsewhere)]);
    let error = told(&world, &sink, sink.preflight().await);
    assert!(
        error.contains("404") && error.contains("object id"),
        "{error}"
    );
    let sink = world.sink_with(&[("ENTRA_JOB_ID", "scim.other")]);
    let error = told(&world, &sink, sink.preflight().await);
    assert!(
        error.contains("scim.other") && error.contains(&world.entra.job_id()),
        "{error}"
    );
}

#[tokio::test]
async fn what_passes_is_waited_for_and_what_does_not_is_told() {
    let world = World::new(|entra| entra).await;
    let sink = world.sink();
    world.entra.throttle(3, 0);
    sink.preflight().await.unwrap();
    // Longer than a step of a rotation should take.
    world.entra.throttle(1, 3600);
    let error = told(&world, &sink, sink.preflight().await);
    assert!(error.contains("429"), "{error}");
    world.entra.throttle(0, 0);
    world.entra.fail(1, 500);
    let error = told(&world, &sink, sink.preflight().await);
    assert!(error.contains("500"), "{error}");
    // A write whose answer is lost was done, and is done again.
    let token = world.regenerate().await;
    world.entra.lose_next_answer();
    told(&world, &sink, sink.push(&token).await);
    assert_eq!(world.entra.writes(), 1);
    sink.push(&token).await.unwrap();
    assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Works);
}

#[tokio::test]
async fn a_token_that_is_dead_already_is_a_normal_start() {
    let world = World::new(|entra| entra).await;
    world.regenerate().await;
    let sink = world.sink();
    sink.preflight().await.unwrap();
    let notes = sink.notes();
    assert!(
        notes.iter().any(|note| note.contains("dead already")),
        "{notes:?}"
    );
    assert!(sink.notes().is_empty(), "they are told once");
}

#[tokio::test]
async fn the_quarantine_that_the_dead_token_brought_is_lifted_and_no_other() {
    const DEAD: &str = "EncounteredQuarantineException";
    let later = || SystemTime::now() + Duration::from_secs(60);
    let earlier = || SystemTime::now() - Duration::from_secs(3600);
    // Reason, since, seen by preflight, paused; and whether it is lifted.
    for (reason, since, seen, paused, lifted) in [
        (DEAD, later(), false, false, true),
        (DEAD, later(), false, true, false),
        (DEAD, later(), true, false, false),
        (DEAD, earlier(), false, false, false),
        // All others that Graph documents, and one that it doesn't.
        ("TooManyDeletes", later(), false, false, false),
        (
            "EncounteredBaseEscrowThreshold",
            later(),
            false,
            false,
            false,
        ),
        (
            "EncounteredTotalEscrowThreshold",
            later(),
            false,
            false,
            false,
        ),
        (
            "EncounteredEscrowProportionThreshold",
            later(),
            false,
            false,
            false,
        ),
        ("IngestionInterrupted", later(), false, false, false),
        ("QuarantinedOnDemand", later(), false, false, false),
        ("Unknown", later(), false, false, false),
        ("ATotallyNewReason", later(), false, false, false),
    ] {
        let case = format!("{reason} seen: {seen}, paused: {paused}");
        let world = World::new(|entra| entra).await;
        let sink = world.sink();
        if paused {
            world.entra.pause();
        }
        if seen {
            world.entra.quarantine(reason, since);
        }
        sink.preflight().await.unwrap();
        let before = sink.notes();
        assert_eq!(
            before.iter().any(|note| note.contains(reason)),
            seen,
            "{case}: {before:?}"
        );
        assert_eq!(
            before.iter().any(|note| note.contains("paused")),
            paused,
            "{case}"
        );

        let token = world.regenerate().await;
        world.entra.quarantine(reason, since);
        // Not before the new token works.
        assert_eq!(sink.verify(None).await.unwrap(), Verdict::Doesnt, "{case}");
        assert_eq!(world.entra.starts(), 0, "{case}");
        sink.push(&token).await.unwrap();
        sink.notes();
        assert_eq!(
            sink.verify(Some(&token)).await.unwrap(),
            Verdict::Works,
            "{case}"
        );
        assert_eq!(world.entra.starts(), u32::from(lifted), "{case}");
        assert_eq!(world.entra.quarantined().is_none(), lifted, "{case}");
        let notes = sink.notes().join("\n");
        let said = if lifted {
            "is lifted"
        } else {
            "not ours to lift"
        };
        assert!(notes.contains(said), "{case}: {notes}");
    }
    // A process that has seen no preflight knows nothing of before.
    let world = World::new(|entra| entra).await;
    let token = world.regenerate().await;
    world.entra.quarantine(DEAD, later());
    let sink = world.sink();
    sink.push(&token).await.unwrap();
    assert_eq!(sink.verify(Some(&token)).await.unwrap(), Verdict::Works);
    assert_eq!(world.entra.starts(), 0);
}

#[tokio::test]
async fn the_end_of_our_own_credential() {
    let world = World::new(EntraBuilder::owned).await;
    let ends = world.sink().credential_ends().await.unwrap().unwrap();
    assert_eq!(ends.to_string(), "2031-05-20T10:00:00Z");
    // Who may not read it doesn't know it, and neither does who has no secret.
    let world = World::new(|entra| entra).await;
    assert_eq!(world.sink().credential_ends().await.unwrap(), None);
    let sink = world.sink_with(&[("GRAPH_TOKEN", &world.entra.access_token())]);
    assert_eq!(sink.credential_ends().await.unwrap(), None);
}
