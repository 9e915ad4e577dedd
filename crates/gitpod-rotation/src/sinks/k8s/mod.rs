//! `k8s:NAMESPACE/NAME/KEY`: a key of a Secret of Kubernetes.

mod cluster;
mod place;
mod rights;
mod secret;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitpod_client::http::StatusCode;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{GetParams, Patch, PatchParams, Request, Resource, ValidationDirective};
use serde_json::json;
use zeroize::Zeroizing;

use self::cluster::{Cluster, Refusal, Source};
use self::place::Place;
use crate::sink::{Sink, SinkError, SinkFuture, Verdict};
use crate::token::Token;

/// What a Secret that is there is asked for.
const VERBS: [&str; 2] = ["get", "patch"];
/// What one that isn't is asked for. By server-side apply, `create` can be restricted to a name.
const VERBS_TO_CREATE: [&str; 3] = ["get", "patch", "create"];

/// Keeps the token under one key of a Secret of Kubernetes, by server-side apply under a field manager of our
/// own (`gitpodctl:KEY`): all other keys, labels and owners stay as they are. A Secret that isn't there is
/// made, where the right to is proven.
///
/// Before anything is asked for it proves by `SelfSubjectAccessReview` that it may, and by a dry run that the
/// server would. It refuses a Secret that is immutable, or whose key belongs to another field manager, which it
/// names; it warns where Argo CD, Flux, External Secrets or another controller keeps the Secret, which
/// may put an old token back.
///
/// The cluster is that of a pod's service account, or of the kubeconfig (`KUBECONFIG`, `~/.kube/config`): its
/// current context, unless one is named. Of a token that it is shown it says whether the Secret holds it.
/// Without one it can't tell, unless there is none.
#[derive(Debug)]
pub struct KubernetesSink {
    name: String,
    place: Place,
    source: Source,
    notes: Mutex<Vec<String>>,
}

impl KubernetesSink {
    /// The key at `NAMESPACE/NAME/KEY`, or `CONTEXT@NAMESPACE/NAME/KEY` with a context of the kubeconfig. Nothing
    /// is called before the first method is.
    ///
    /// # Errors
    ///
    /// What of it no Kubernetes would take. A key has 118 characters at most.
    pub fn new(place: &str) -> Result<Self, SinkError> {
        let place = Place::parse(place)?;
        Ok(Self {
            name: format!("k8s:{place}"),
            source: Source {
                kubeconfig: None,
                context: place.context.clone(),
            },
            place,
            notes: Mutex::default(),
        })
    }

    /// The kubeconfig in this file, in place of where one is looked for.
    #[must_use]
    pub fn kubeconfig(mut self, path: impl Into<PathBuf>) -> Self {
        self.source.kubeconfig = Some(path.into());
        self
    }

    fn note(&self, note: impl Into<String>) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(note.into());
    }

    async fn prove(&self) -> Result<(), SinkError> {
        let cluster = Cluster::connect(&self.source).await?;
        if self.place.context.is_none() && !self.source.is_pod() {
            self.note(format!("the cluster is {}", cluster.url()));
        }
        rights::prove(&cluster, &self.place, &VERBS).await?;
        match self.read(&cluster, None).await? {
            Some(secret) => {
                if let Some(obstacle) = secret::obstacle(&secret, &self.place) {
                    return Err(obstacle);
                }
                for keeper in secret::keepers(&secret.metadata) {
                    self.note(format!(
                        "warning: {keeper} keeps this Secret, and may put an old token back: take the key \
                         {} out of what it keeps",
                        self.place.key
                    ));
                }
            }
            None => rights::prove(&cluster, &self.place, &VERBS_TO_CREATE).await?,
        }
        // Not the value that is there, for that one's owner would share it.
        let trial = Token::new("a dry run of gitpodctl's".into());
        let is_new = self.apply(&cluster, &trial, true).await?;
        if is_new {
            self.note("the Secret isn't there, and will be made");
        }
        Ok(())
    }

    async fn put(&self, token: &Token) -> Result<(), SinkError> {
        let cluster = Cluster::connect(&self.source).await?;
        if self.apply(&cluster, token, false).await? {
            self.note("the Secret was made anew");
        }
        Ok(())
    }

    async fn look(&self, token: Option<&Token>) -> Result<Verdict, SinkError> {
        let cluster = Cluster::connect(&self.source).await?;
        let secret = self.read(&cluster, token).await?;
        let held = secret.as_ref().and_then(|secret| held(secret, &self.place));
        Ok(match (held, token) {
            (None, _) => {
                self.note(match secret {
                    None => "the Secret isn't there".to_owned(),
                    Some(_) => format!("the Secret has no key {}", self.place.key),
                });
                Verdict::Doesnt
            }
            (Some(_), None) => Verdict::CantTell,
            (Some(held), Some(token)) if held == token.expose().as_bytes() => Verdict::Works,
            (Some(_), Some(_)) => {
                let others = secret.map(|secret| secret::others(&secret.metadata, &self.place));
                if let Some(others) = others.filter(|others| !others.is_empty()) {
                    self.note(format!(
                        "the field manager {others} has put another value in its place"
                    ));
                }
                Verdict::Doesnt
            }
        })
    }

    /// The Secret, if there is one.
    async fn read(
        &self,
        cluster: &Cluster,
        token: Option<&Token>,
    ) -> Result<Option<Secret>, SinkError> {
        let request = self
            .request()
            .get(&self.place.secret, &GetParams::default());
        match cluster.call(request, token).await? {
            Ok((_, secret)) => Ok(Some(secret)),
            Err(refusal) if refusal.status == StatusCode::NOT_FOUND => Ok(None),
            Err(refusal) => Err(self.refused(cluster, "read", &refusal).await),
        }
    }

    /// Applies the key, and says whether the Secret was made for it.
    async fn apply(
        &self,
        cluster: &Cluster,
        token: &Token,
        dry_run: bool,
    ) -> Result<bool, SinkError> {
        let key = &self.place.key;
        let wanted = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": { "name": self.place.secret, "namespace": self.place.namespace },
            "data": { key: &*encoded(token.expose()) },
        });
        let params = PatchParams {
            dry_run,
            force: false,
            field_manager: Some(self.place.manager()),
            field_validation: Some(ValidationDirective::Strict),
        };
        let request = self
            .request()
            .patch(&self.place.secret, &params, &Patch::Apply(wanted));
        match cluster.call::<Secret>(request, Some(token)).await? {
            Ok((status, now)) if held(&now, &self.place) == Some(token.expose().as_bytes()) => {
                Ok(status == StatusCode::CREATED)
            }
            Ok(_) => Err(SinkError::new(format!(
                "the cluster has put another value under {key} than it was given: a webhook of it does that"
            ))),
            Err(refusal) => Err(self.refused(cluster, "write", &refusal).await),
        }
    }

    fn request(&self) -> Request {
        Request::new(Secret::url_path(&(), Some(&self.place.namespace)))
    }

    async fn refused(&self, cluster: &Cluster, doing: &str, refusal: &Refusal) -> SinkError {
        let Place {
            namespace, secret, ..
        } = &self.place;
        let advice = match refusal.status {
            // Also where the Secret was deleted meanwhile, and only `create` is missing.
            // (Quotas and webhooks have this status too.)
            StatusCode::FORBIDDEN if refusal.message.contains("\" cannot ") => {
                let who = rights::who(cluster).await;
                let grant = rights::grant(&self.place, &VERBS_TO_CREATE, who.as_deref());
                format!("; grant it with {grant}")
            }
            StatusCode::CONFLICT if refusal.message.contains("conflict with ") => {
                "; it took the key meanwhile: take it away from it there".to_owned()
            }
            _ => String::new(),
        };
        SinkError::new(format!(
            "can't {doing} the Secret {namespace}/{secret}: {refusal}{advice}"
        ))
    }
}

/// What the Secret has under the key.
fn held<'a>(secret: &'a Secret, place: &Place) -> Option<&'a [u8]> {
    let data = secret.data.as_ref()?;
    data.get(&place.key).map(|value| value.0.as_slice())
}

/// As a Secret has it.
fn encoded(token: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(token))
}

impl Sink for KubernetesSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn preflight(&self) -> SinkFuture<'_, ()> {
        Box::pin(self.prove())
    }

    fn push<'a>(&'a self, token: &'a Token) -> SinkFuture<'a, ()> {
        Box::pin(self.put(token))
    }

    fn verify<'a>(&'a self, token: Option<&'a Token>) -> SinkFuture<'a, Verdict> {
        Box::pin(self.look(token))
    }

    fn held(&self) -> SinkFuture<'_, Option<Token>> {
        Box::pin(async {
            let cluster = Cluster::connect(&self.source).await?;
            let secret = self.read(&cluster, None).await?;
            let held = secret.as_ref().and_then(|secret| held(secret, &self.place));
            // Without the white space around it that an editor or `echo` may have left there.
            let text = held.and_then(|held| std::str::from_utf8(held).ok());
            let text = text.map(str::trim).filter(|text| !text.is_empty());
            Ok(text.map(|text| Token::new(text.to_owned())))
        })
    }

    fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
