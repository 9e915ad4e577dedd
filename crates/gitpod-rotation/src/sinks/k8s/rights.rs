//! Whether we may do what a push needs, and the commands that grant it.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{PostParams, Request, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cluster::Cluster;
use super::place::Place;
use crate::sink::SinkError;

/// Proves that we may do each of these with the Secret.
pub(super) async fn prove(
    cluster: &Cluster,
    place: &Place,
    verbs: &[&str],
) -> Result<(), SinkError> {
    let mut missing = Vec::new();
    for verb in verbs {
        if !may(cluster, place, verb).await? {
            missing.push(*verb);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let who = who(cluster).await;
    let Place {
        namespace, secret, ..
    } = place;
    Err(SinkError::new(format!(
        "{} may not {} the Secret {namespace}/{secret}: grant it with {}",
        who.as_deref().unwrap_or("this credential"),
        missing.join(" and "),
        grant(place, verbs, who.as_deref()),
    )))
}

async fn may(cluster: &Cluster, place: &Place, verb: &str) -> Result<bool, SinkError> {
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                namespace: Some(place.namespace.clone()),
                name: Some(place.secret.clone()),
                resource: Some("secrets".into()),
                verb: Some(verb.into()),
                version: Some("v1".into()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let answer = ask(cluster, &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Who we are to the cluster, where it says so.
pub(super) async fn who(cluster: &Cluster) -> Option<String> {
    let answer = ask(cluster, &SelfSubjectReview::default()).await.ok()?;
    answer.status?.user_info?.username
}

async fn ask<T>(cluster: &Cluster, review: &T) -> Result<T, SinkError>
where
    T: Resource<DynamicType = ()> + Serialize + DeserializeOwned,
{
    let body =
        serde_json::to_vec(review).map_err(|_| SinkError::new("no request could be made"))?;
    let request = Request::new(T::url_path(&(), None)).create(&PostParams::default(), body);
    match cluster.call(request, None).await? {
        Ok((_, answer)) => Ok(answer),
        Err(refusal) => Err(SinkError::new(format!(
            "the cluster doesn't say what this credential may do ({refusal}): grant it the cluster role \
             system:basic-user, which everybody has unless it was taken away"
        ))),
    }
}

/// The commands that grant it, and nothing beyond this one Secret.
pub(super) fn grant(place: &Place, verbs: &[&str], who: Option<&str>) -> String {
    let Place {
        namespace, secret, ..
    } = place;
    let whom = match who.map(|who| (who, who.strip_prefix("system:serviceaccount:"))) {
        Some((_, Some(account))) => format!("--serviceaccount={account}"),
        Some((who, None)) => format!("--user={who}"),
        None => "--user=WHO".into(),
    };
    format!(
        "kubectl -n {namespace} create role scim-rotation --verb={} --resource=secrets \
         --resource-name={secret} && kubectl -n {namespace} create rolebinding scim-rotation \
         --role=scim-rotation {whom}",
        verbs.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grants_is_whole() {
        let place = Place::parse("scim/scim-token/token").unwrap();
        let told = grant(&place, &["get", "patch"], Some("system:serviceaccount:a:b"));
        assert!(
            told.contains("--verb=get,patch --resource=secrets --resource-name=scim-token"),
            "{told}"
        );
        assert!(told.ends_with("--serviceaccount=a:b"), "{told}");
        assert!(grant(&place, &["get"], Some("jane")).ends_with("--user=jane"));
        assert!(grant(&place, &["get"], None).ends_with("--user=WHO"));
    }
}
