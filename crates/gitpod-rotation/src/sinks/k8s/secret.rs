//! What a Secret tells before anything is written to it. Nothing here is called.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::place::Place;
use crate::sink::SinkError;

/// What stands in the way of writing the key.
pub(super) fn obstacle(secret: &Secret, place: &Place) -> Option<SinkError> {
    let Place {
        namespace,
        secret: name,
        key,
        ..
    } = place;
    if secret.metadata.deletion_timestamp.is_some() {
        return Some(SinkError::new(format!(
            "the Secret {namespace}/{name} is being deleted: wait until it is gone"
        )));
    }
    if secret.immutable == Some(true) {
        return Some(SinkError::new(format!(
            "the Secret {namespace}/{name} is immutable, which can't be undone: make it anew without \
             `immutable`, or name another one"
        )));
    }
    let others = others(&secret.metadata, place);
    if others.is_empty() {
        return None;
    }
    // Whoever keeps the Secret puts its own value back.
    let advice = if keepers(&secret.metadata).is_empty() {
        format!(
            "to hand the key over, its value untouched: {}",
            hand_over(&secret.metadata, place)
        )
    } else {
        "take the key away from it there, or name another Secret".to_owned()
    };
    Some(SinkError::new(format!(
        "the key {key} of the Secret {namespace}/{name} belongs to the field manager {others}: {advice}"
    )))
}

/// The key as something of another field manager.
struct Holding<'a> {
    /// The manager's place in the list of managed fields.
    index: usize,
    manager: &'a str,
    /// Who applies `stringData` owns that, though the server keeps it as `data`.
    section: &'static str,
}

/// Who owns the key beside us.
fn holdings<'a>(metadata: &'a ObjectMeta, place: &Place) -> Vec<Holding<'a>> {
    let ours = place.manager();
    let field = format!("f:{}", place.key);
    let mut holdings = Vec::new();
    for (index, entry) in metadata.managed_fields.iter().flatten().enumerate() {
        let manager = entry.manager.as_deref().unwrap_or_default();
        // The same name by another operation is another manager.
        if manager == ours && entry.operation.as_deref() == Some("Apply") {
            continue;
        }
        for section in ["f:data", "f:stringData"] {
            let fields = entry.fields_v1.as_ref().map(|fields| &fields.0[section]);
            if fields.is_some_and(|fields| fields.get(&field).is_some()) {
                holdings.push(Holding {
                    index,
                    manager,
                    section,
                });
            }
        }
    }
    holdings
}

/// Who owns the key beside us, by name; empty if nobody does.
pub(super) fn others(metadata: &ObjectMeta, place: &Place) -> String {
    let mut names: Vec<_> = holdings(metadata, place)
        .iter()
        .map(|holding| format!("{:?}", holding.manager))
        .collect();
    names.dedup();
    names.join(" and ")
}

/// The command that takes the key out of what others own. (To apply it by force would leave them owners for as
/// long as the value is the same, and to reset the list makes everything somebody's whose name nobody knows.)
fn hand_over(metadata: &ObjectMeta, place: &Place) -> String {
    let steps = holdings(metadata, place).into_iter().flat_map(|holding| {
        let entry = format!("/metadata/managedFields/{}", holding.index);
        let field = format!("{entry}/fieldsV1/{}/f:{}", holding.section, place.key);
        [
            // The list may have changed when a person comes to it.
            json!({ "op": "test", "path": format!("{entry}/manager"), "value": holding.manager }),
            json!({ "op": "remove", "path": field }),
        ]
    });
    let patch = serde_json::Value::from_iter(steps).to_string();
    format!(
        "kubectl -n {} patch secret {} --type=json -p '{}'",
        place.namespace,
        place.secret,
        patch.replace('\'', "\\u0027")
    )
}

/// What else keeps the Secret as it wants it, and may put an old token back.
pub(super) fn keepers(metadata: &ObjectMeta) -> Vec<String> {
    let marked = |map: &Option<BTreeMap<String, String>>, prefix: &str| {
        map.iter()
            .flatten()
            .any(|(name, _)| name.starts_with(prefix))
    };
    let marks = [
        ("Argo CD", "argocd.argoproj.io/"),
        ("Flux", "kustomize.toolkit.fluxcd.io/"),
        ("Flux", "helm.toolkit.fluxcd.io/"),
        ("External Secrets", "reconcile.external-secrets.io/"),
    ];
    let marked = marks.into_iter().filter(|(_, prefix)| {
        marked(&metadata.labels, prefix) || marked(&metadata.annotations, prefix)
    });
    let mut keepers: Vec<_> = marked.map(|(name, _)| name.to_owned()).collect();
    // Of whatever kind: an ExternalSecret, a SealedSecret, a VaultStaticSecret.
    let owners = metadata.owner_references.iter().flatten();
    let owners = owners.filter(|owner| owner.controller == Some(true));
    keepers.extend(owners.map(|owner| format!("the {} {:?}", owner.kind, owner.name)));
    keepers.dedup();
    keepers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place::parse("scim/scim-token/token").unwrap()
    }

    fn secret(metadata: serde_json::Value) -> Secret {
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    fn held_by(entries: &[(&str, &str, &str)]) -> Secret {
        let entries: Vec<_> = entries
            .iter()
            .map(|(manager, operation, key)| {
                json!({
                    "manager": manager,
                    "operation": operation,
                    "fieldsV1": { "f:data": { ".": {}, (format!("f:{key}")): {} }, "f:type": {} },
                })
            })
            .collect();
        secret(json!({ "managedFields": entries }))
    }

    #[test]
    fn ours_and_others_keys_are_no_obstacle() {
        for entries in [
            &[][..],
            &[("gitpodctl:token", "Apply", "token")],
            &[
                ("kubectl", "Update", "other"),
                ("gitpodctl:other", "Apply", "other"),
            ],
        ] {
            assert_eq!(obstacle(&held_by(entries), &place()), None, "{entries:?}");
        }
        assert_eq!(obstacle(&Secret::default(), &place()), None);
        // A manager of nothing but the type, and one without fields.
        let odd = secret(json!({ "managedFields": [
            { "manager": "a", "operation": "Update", "fieldsV1": { "f:type": {} } },
            { "manager": "b", "operation": "Update" },
        ] }));
        assert_eq!(obstacle(&odd, &place()), None);
    }

    #[test]
    fn another_manager_is_named_with_the_command_that_hands_over() {
        let held = held_by(&[
            ("a", "Update", "other"),
            ("kubectl-create", "Update", "token"),
            ("it's", "Apply", "token"),
        ]);
        let error = obstacle(&held, &place()).unwrap();
        let told = error.message();
        assert!(told.contains(r#""kubectl-create" and "it's""#), "{told}");
        let patch = told
            .split_once(" -p '")
            .unwrap()
            .1
            .strip_suffix('\'')
            .unwrap();
        assert!(!patch.contains('\''), "{patch}");
        let patch: serde_json::Value = serde_json::from_str(patch).unwrap();
        assert_eq!(patch[0]["path"], "/metadata/managedFields/1/manager");
        assert_eq!(
            patch[1]["path"],
            "/metadata/managedFields/1/fieldsV1/f:data/f:token"
        );
        assert_eq!(patch[2]["value"], "it's");
        // Found on a real server.
        let applied = secret(json!({ "managedFields": [
            { "manager": "kubectl", "operation": "Apply", "fieldsV1": { "f:stringData": { "f:token": {} } } },
        ] }));
        let error = obstacle(&applied, &place()).unwrap();
        assert!(
            error.message().contains("0/fieldsV1/f:stringData/f:token"),
            "{error}"
        );
        // The same name by another way of writing is another manager.
        assert!(
            obstacle(
                &held_by(&[("gitpodctl:token", "Update", "token")]),
                &place()
            )
            .is_some()
        );
    }

    #[test]
    fn who_keeps_the_secret_would_put_its_own_back() {
        let mut secret = held_by(&[("argocd-controller", "Apply", "token")]);
        let annotations = [("argocd.argoproj.io/tracking-id".to_owned(), "x".to_owned())];
        secret.metadata.annotations = Some(annotations.into());
        let error = obstacle(&secret, &place()).unwrap();
        assert!(error.message().contains("\"argocd-controller\""), "{error}");
        assert!(!error.message().contains("kubectl"), "{error}");
    }

    #[test]
    fn immutable_and_vanishing_secrets_are_refused() {
        let immutable = Secret {
            immutable: Some(true),
            ..Secret::default()
        };
        let error = obstacle(&immutable, &place()).unwrap();
        assert!(error.message().contains("immutable"), "{error}");
        let going = secret(json!({ "deletionTimestamp": "2026-01-01T00:00:00Z" }));
        let error = obstacle(&going, &place()).unwrap();
        assert!(error.message().contains("being deleted"), "{error}");
    }

    #[test]
    fn keepers_are_known_by_their_marks() {
        for (metadata, keeper) in [
            (
                json!({ "labels": { "argocd.argoproj.io/instance": "x" } }),
                "Argo CD",
            ),
            (
                json!({ "labels": { "kustomize.toolkit.fluxcd.io/name": "x" } }),
                "Flux",
            ),
            (
                json!({ "annotations": { "helm.toolkit.fluxcd.io/name": "x" } }),
                "Flux",
            ),
            (
                json!({ "annotations": { "reconcile.external-secrets.io/data-hash": "x" } }),
                "External Secrets",
            ),
            (
                json!({ "ownerReferences": [{ "apiVersion": "bitnami.com/v1alpha1", "controller": true,
                    "kind": "SealedSecret", "name": "x", "uid": "1" }] }),
                "the SealedSecret \"x\"",
            ),
        ] {
            assert_eq!(keepers(&secret(metadata).metadata), [keeper]);
        }
        let none = json!({ "labels": { "app.kubernetes.io/name": "x" } });
        assert!(keepers(&secret(none).metadata).is_empty());
    }
}
