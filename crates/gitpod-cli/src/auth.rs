//! `gitpodctl auth status`: whose credential it is, and whether it works.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gitpod_client::types::{Timestamp, TimestampExt as _};
use gitpod_client::{Code, DynamicMethod, Error, Idempotency, credential_variable};
use serde_json::{Map, Value};

use crate::cli::{Connection, Output};
use crate::connection::Session;
use crate::exit::{Exit, Failure, describe};
use crate::output;

const IDENTITY: DynamicMethod = DynamicMethod::new(
    "/gitpod.v1.IdentityService/GetAuthenticatedIdentity",
    Idempotency::NoSideEffects,
);
const USER: DynamicMethod = DynamicMethod::new(
    "/gitpod.v1.UserService/GetAuthenticatedUser",
    Idempotency::NoSideEffects,
);

pub(crate) async fn status(
    connection: &Connection,
    embedded: bool,
    form: Output,
) -> Result<Exit, Failure> {
    let session = Session::open(connection, embedded).await?;
    let variable = credential_variable().filter(|_| !embedded);
    let mut known = Map::new();
    let mut put = |name: &str, value: Value| {
        if !matches!(&value, Value::Null) && value != "" {
            known.insert(name.to_owned(), value);
        }
    };
    put(
        "credential",
        match variable {
            Some(name) => format!("the environment variable {name}"),
            None => "that of the embedded server".to_owned(),
        }
        .into(),
    );
    put("baseUrl", session.client.connect().base_url().into());

    let (works, failure) = match whose(&session).await {
        Ok(found) => {
            for (name, value) in found {
                put(&name, value);
            }
            ("yes", None)
        }
        Err(error) => {
            let is_refused = match error.code() {
                Code::Unauthenticated => true,
                // Anything on the way says 403, and not of this credential.
                Code::PermissionDenied => error.is_from_server(),
                _ => false,
            };
            let (works, exit) = if is_refused {
                ("no", Exit::NotAuthenticated)
            } else {
                ("can't be told", Exit::Unavailable)
            };
            (works, Some(Failure::new(exit, describe(&error))))
        }
    };
    put("works", works.into());
    let token = variable.and_then(|name| std::env::var(name).ok());
    if let Some(end) = token.as_deref().and_then(end)
        && let Ok(text) = end.to_json_text()
    {
        put("expiresAt", text.into());
        put("expired", is_past(&end).into());
    }

    output::result(&match form {
        Output::Json => Value::Object(known).to_string(),
        Output::Table => table(&known),
    })?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(Exit::Done),
    }
}

/// What the service says of the caller.
async fn whose(session: &Session) -> Result<Map<String, Value>, Error> {
    let found = match ask(session, IDENTITY).await {
        // An older service, or one that tells users alone.
        Err(error)
            if matches!(
                error.code(),
                Code::Unimplemented | Code::NotFound | Code::PermissionDenied
            ) =>
        {
            let user = ask(session, USER).await?;
            fields(&[("PRINCIPAL_USER".into(), "principal")], Some(&user))
        }
        identity => {
            let identity = identity?;
            let subject = &identity["subject"];
            let is_user = subject["principal"] == "PRINCIPAL_USER";
            // A name is good to have, and no more.
            let user = if is_user {
                ask(session, USER).await.ok()
            } else {
                None
            };
            fields(
                &[
                    (subject["principal"].clone(), "principal"),
                    (subject["id"].clone(), "id"),
                    (identity["organizationId"].clone(), "organizationId"),
                    (identity["organizationTier"].clone(), "organizationTier"),
                ],
                user.as_ref(),
            )
        }
    };
    // Whoever answers so needn't be the service, or have looked at the credential.
    if !found.contains_key("id") {
        return Err(Error::new(
            Code::Internal,
            "the answer doesn't say whose the credential is",
        ));
    }
    Ok(found)
}

/// These, and behind them what the answer about a user has.
fn fields(first: &[(Value, &str)], user: Option<&Value>) -> Map<String, Value> {
    let mut all: Map<String, Value> = first
        .iter()
        .map(|(value, name)| ((*name).to_owned(), value.clone()))
        .collect();
    for name in ["id", "organizationId", "name", "email"] {
        if let Some(value) = user.and_then(|user| user["user"].get(name))
            && all.get(name).is_none_or(Value::is_null)
        {
            all.insert(name.to_owned(), value.clone());
        }
    }
    // Text from elsewhere, or nothing.
    all.retain(|_, value| value.is_string());
    all
}

async fn ask(session: &Session, method: DynamicMethod) -> Result<Value, Error> {
    let mut answer = session
        .client
        .connect()
        .call_dynamic(method, &b"{}"[..])
        .send()
        .await?;
    answer.read().await?;
    let bytes = answer.message()?;
    // serde's words are left out: they may quote values.
    serde_json::from_slice(&bytes)
        .map_err(|_| Error::new(Code::Internal, "the answer is not valid JSON"))
}

fn table(known: &Map<String, Value>) -> String {
    let rows: Vec<Vec<String>> = [
        ("credential", "credential"),
        ("baseUrl", "base URL"),
        ("works", "works"),
        ("principal", "kind"),
        ("id", "id"),
        ("name", "name"),
        ("email", "email"),
        ("organizationId", "organization"),
        ("organizationTier", "organization's tier"),
        ("expiresAt", "expires at"),
        ("expired", "expired"),
    ]
    .into_iter()
    .filter_map(|(key, name)| {
        let value = known.get(key)?;
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        Some(vec![name.to_owned(), value])
    })
    .collect();
    output::table(&["FIELD", "VALUE"], &rows)
}

/// When a token ends, if it is one that says so: a JSON Web Token, with `exp` in its claims.
fn end(token: &str) -> Option<Timestamp> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(Timestamp {
        // It may have a fraction.
        seconds: claims.get("exp")?.as_f64()? as i64,
        nanos: 0,
    })
}

fn is_past(time: &Timestamp) -> bool {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.is_ok_and(|now| i64::try_from(now.as_secs()).is_ok_and(|now| now >= time.seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_web_token_tells_its_end() {
        let token = |claims: Value| {
            let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
            format!("e30.{claims}.c2ln")
        };
        let told = |token: &str| end(token).map(|end| end.to_json_text().unwrap());
        assert_eq!(
            told(&token(json!({ "exp": 1_798_857_845 }))).as_deref(),
            Some("2027-01-02T02:44:05Z")
        );
        assert_eq!(
            told(&token(json!({ "exp": 1_798_857_845.5 }))).as_deref(),
            Some("2027-01-02T02:44:05Z")
        );
        for token in [
            token(json!({ "iat": 1 })),
            token(json!({ "exp": "soon" })),
            token(json!([])),
            "ona_pat_abc".to_owned(),
            "a.b.c".to_owned(),
            String::new(),
        ] {
            assert_eq!(told(&token), None);
        }
    }

    #[test]
    fn past_and_future() {
        let at = |seconds| Timestamp { seconds, nanos: 0 };
        assert!(is_past(&at(0)) && is_past(&at(-1)));
        assert!(!is_past(&at(i64::MAX)));
    }
}
